//! Plain lines, for files and pipes.

use std::fmt::Write as _;

use rttng_view::top::Table;

use super::snapshot::{Snapshot, Sort, State, short};
use crate::record::report::grouped;

/// One moment: a line for all, then the first `count` lines of each table.
pub(super) fn text(snapshot: &Snapshot, sort: Sort, count: usize) -> String {
    let mut out = String::new();
    let state = match snapshot.state {
        State::Recording => "recording",
        State::Over | State::Interrupted => "over",
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{}: {} events, {}/s, {}, {state}",
        snapshot.name,
        grouped(snapshot.all.total),
        short(snapshot.all.rate),
        snapshot.lost()
    );
    if let Some(buffers) = snapshot.buffers() {
        let _ = writeln!(out, "{buffers}");
    }
    for (table, lines) in &snapshot.tables {
        let mut lines = lines.clone();
        sort.apply(&mut lines);
        if lines.is_empty() {
            continue;
        }
        let title = match table {
            Table::Events => "event",
            Table::Processes => "process",
            Table::Cpus => "CPU",
        };
        let _ = writeln!(out, "{:>10} {:>15}  {title}", "a second", "total");
        for line in lines.iter().take(count) {
            let _ =
                writeln!(out, "{:>10} {:>15}  {}", short(line.rate), grouped(line.total), plain(&line.name));
        }
    }
    out.push('\n');
    out
}

/// A name without what would steer a terminal.
pub(super) fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
