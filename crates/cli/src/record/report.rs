//! What a recording says at its end: where the trace is, what is in it, what was lost and how not to lose it again.

use std::path::{Path, PathBuf};

use rttng_ctf::index::Index;
use rttng_ctf::summary::Summary;

use super::sizing::{Buffers, Machine, enough_for};

/// Event names that are shown; the rest is counted.
const MOST_NAMES: usize = 20;

/// The report, a line each.
pub(super) fn lines(output: &Path, summary: &Summary, quiet: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if !quiet {
        lines.push(format!(
            "{}: {} events, {}, {}",
            output.display(),
            grouped(summary.event_count()),
            bytes(summary.bytes),
            duration(summary.begin.zip(summary.end).map_or(0, |(begin, end)| end - begin)),
        ));
        let mut by_count: Vec<(&String, &u64)> = summary.events.iter().collect();
        by_count.sort_by(|one, other| other.1.cmp(one.1).then(one.0.cmp(other.0)));
        for (name, count) in by_count.iter().take(MOST_NAMES) {
            lines.push(format!("{:>15}  {name}", grouped(**count)));
        }
        if by_count.len() > MOST_NAMES {
            let rest: u64 = by_count[MOST_NAMES..].iter().map(|(_, count)| **count).sum();
            lines.push(format!("{:>15}  ({} more names)", grouped(rest), by_count.len() - MOST_NAMES));
        }
    }
    for fault in &summary.faults {
        lines.push(format!("damaged: {fault}"));
    }
    lines
}

/// What was lost, with the options that would have kept it; nothing if nothing was lost.
pub(super) fn losses(output: &Path, summary: &Summary, had: Buffers, machine: Machine) -> Vec<String> {
    let (events, packets) = (summary.discarded_events(), summary.lost_packets());
    if events == 0 && packets == 0 {
        return Vec::new();
    }
    let mut lines = Vec::new();
    if events > 0 {
        lines.push(format!("LOST: {} events were discarded because a buffer was full", grouped(events)));
    }
    if packets > 0 {
        lines.push(format!("LOST: {} packets were overwritten before they were read", grouped(packets)));
    }
    let run = longest_loss(output, summary);
    let enough = enough_for(had, run);
    let fits = enough.footprint(machine.cpus) <= machine.memory / 2;
    if fits {
        lines.push(format!(
            "      enough would have been: --channel subbuf-size={}k,num-subbuf={}",
            enough.subbuf_size / 1024,
            enough.num_subbuf
        ));
    }
    lines.push(match fits {
        true => "      or let the program wait: --lossless".into(),
        false => {
            "      no buffer of this machine would have held them; let the program wait: --lossless".into()
        }
    });
    lines
}

/// Bytes of the longest run of packets that each report further discarded events, by the mean size of an event.
fn longest_loss(output: &Path, summary: &Summary) -> u64 {
    let recorded = summary.event_count().max(1);
    let mean = (summary.bytes / recorded).clamp(16, 4096);
    let mut longest = 0;
    for file in index_files(output) {
        let Ok(content) = std::fs::read(&file) else { continue };
        let Ok(index) = Index::parse(&content) else { continue };
        let (mut before, mut run) = (0, 0_u64);
        for entry in index.entries() {
            let lost = entry.events_discarded.saturating_sub(before);
            before = entry.events_discarded;
            run = if lost == 0 { 0 } else { run.saturating_add(lost) };
            longest = longest.max(run);
        }
    }
    // Streams of overwrite channels lose packets, not events.
    longest.max(summary.lost_packets()).saturating_mul(mean)
}

fn index_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "idx") => {
                    found.push(path)
                }
                _ => {}
            }
        }
    }
    found
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{:.0} kB", count as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.0} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

fn duration(nanoseconds: i128) -> String {
    match nanoseconds {
        ..10_000_000 => format!("{} µs", nanoseconds / 1_000),
        10_000_000..10_000_000_000 => format!("{} ms", nanoseconds / 1_000_000),
        _ => format!("{} s", nanoseconds / 1_000_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(123_456), "123,456");
        assert_eq!(bytes(2_626_000), "2626 kB");
        assert_eq!(duration(12_000_000), "12 ms");
    }

    #[test]
    fn a_loss_comes_with_options_and_none_with_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let had = Buffers { subbuf_size: 4096, num_subbuf: 4 };
        let machine = Machine { cpus: 2, memory: 1 << 30, shared: 1 << 30, page: 4096 };
        let mut summary = Summary::default();
        assert!(losses(dir.path(), &summary, had, machine).is_empty());
        summary
            .streams
            .push(rttng_ctf::summary::StreamSummary { discarded_events: 1500, ..Default::default() });
        let text = losses(dir.path(), &summary, had, machine).join("\n");
        assert!(text.contains("1,500 events were discarded"), "{text}");
        assert!(text.contains("--channel subbuf-size=") && text.contains("--lossless"), "{text}");
    }
}
