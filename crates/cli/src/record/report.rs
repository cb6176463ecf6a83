//! What a recording says at its end: where the trace is, what is in it, what was lost and how not to lose it again.

use std::path::{Path, PathBuf};

use rttng_ctf::index::Index;
use rttng_ctf::summary::{StreamSummary, Summary};
use rttng_wire::client::ChannelUsage;

use super::sizing::{Buffers, Machine, PART, enough_for};

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

/// How full the buffers of a channel ever were; nothing if nothing was ever in them.
pub(super) fn fullest(channel: &ChannelUsage) -> Option<String> {
    if channel.fullest == 0 || channel.buffer_size == 0 {
        return None;
    }
    let percent = u128::from(channel.fullest) * 100 / u128::from(channel.buffer_size);
    Some(match percent {
        100.. => format!("buffers: full at times (each holds {})", bytes(channel.buffer_size)),
        _ => format!(
            "buffers: never more than {} % full ({} of {})",
            percent + 1,
            bytes(channel.fullest),
            bytes(channel.buffer_size)
        ),
    })
}

/// What a recording lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    /// Events that found a full buffer.
    events: u64,
    /// Packets that were overwritten.
    packets: u64,
    /// Packets that were cut short by a program's death.
    dead: u64,
}

impl Lost {
    /// What the trace and the consumer daemon tell. `is_whole` says that no file was removed on purpose: what is missing
    /// before the first packet of a stream is lost then, too.
    pub(super) fn of(summary: &Summary, usage: &[ChannelUsage], is_whole: bool) -> Self {
        let before = |of: fn(&StreamSummary) -> u64| match is_whole {
            true => summary.streams.iter().map(of).fold(0, u64::saturating_add),
            false => 0,
        };
        Lost {
            events: summary.discarded_events().saturating_add(before(|stream| stream.discarded_before)),
            packets: summary.lost_packets().saturating_add(before(|stream| stream.packets_before)),
            dead: usage.iter().map(|channel| channel.dead_producers).fold(0, u64::saturating_add),
        }
    }
}

/// What was lost, with the options that would have kept it; nothing if nothing was lost.
pub(super) fn losses(
    output: &Path,
    summary: &Summary,
    lost: Lost,
    had: Buffers,
    machine: Machine,
) -> Vec<String> {
    let Lost { events, packets, dead } = lost;
    let mut lines = Vec::new();
    if dead > 0 {
        let times = if dead == 1 { "once".into() } else { format!("{} times", grouped(dead)) };
        lines.push(format!(
            "LOST: {times} a program died in the middle of an event: it, and what others wrote behind it into the \
             same sub-buffer, is not recorded"
        ));
    }
    if events > 0 {
        lines.push(format!("LOST: {} events were discarded because a buffer was full", grouped(events)));
    }
    if packets > 0 {
        lines.push(format!("LOST: {} packets were overwritten before they were read", grouped(packets)));
    }
    if events == 0 && packets == 0 {
        return lines;
    }
    let enough = enough_for(had, needed(output, summary, lost, had, machine));
    let fits = enough.footprint(machine.cpus) <= machine.memory / 2;
    if fits {
        lines.push(format!(
            "      enough would have been: --channel subbuf-size={}k,num-subbuf={}",
            enough.subbuf_size / 1024,
            enough.num_subbuf
        ));
    }
    lines.push(match fits {
        true if events == 0 => {
            "      or let the program wait: --lossless, and --channel without overwrite".into()
        }
        true => "      or let the program wait: --lossless".into(),
        false => {
            "      no buffer of this machine would have held them; let the program wait: --lossless".into()
        }
    });
    lines
}

/// Bytes that a buffer should have held. One that holds everything is enough in any case. Where that is much, the longest
/// run of losses says how much it lacked; twice that, because the next run may find a busier machine.
fn needed(output: &Path, summary: &Summary, lost: Lost, had: Buffers, machine: Machine) -> u64 {
    let recorded = summary.event_count().max(1);
    let mean = (summary.bytes / recorded).clamp(16, 4096);
    let lost_events = lost.events.saturating_mul(mean);
    let lost_packets = lost.packets.saturating_mul(had.subbuf_size);
    let everything = summary.bytes.saturating_add(lost_events).saturating_add(lost_packets);
    let everything = everything.saturating_add(everything / 4);
    if enough_for(had, everything).footprint(machine.cpus) <= machine.memory / PART {
        return everything;
    }
    let run = longest_loss(output).unwrap_or(lost.events).saturating_mul(mean).saturating_add(lost_packets);
    had.capacity().saturating_add(run).saturating_mul(2).min(everything)
}

/// Events in the longest run of packets that each report further discarded events, all streams taken together: programs
/// move from CPU to CPU. Nothing if no index tells.
fn longest_loss(output: &Path) -> Option<u64> {
    let mut longest = 0_u64;
    for file in index_files(output) {
        let Ok(content) = std::fs::read(&file) else { continue };
        let Ok(index) = Index::parse(&content) else { continue };
        let (mut before, mut run, mut of_stream) = (0, 0_u64, 0);
        for entry in index.entries() {
            let lost = entry.events_discarded.saturating_sub(before);
            before = entry.events_discarded;
            run = if lost == 0 { 0 } else { run.saturating_add(lost) };
            of_stream = of_stream.max(run);
        }
        longest = longest.saturating_add(of_stream);
    }
    (longest > 0).then_some(longest)
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
pub(crate) fn grouped(number: u64) -> String {
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
        let losses = |summary: &Summary, usage: &[ChannelUsage]| {
            losses(dir.path(), summary, Lost::of(summary, usage, true), had, machine)
        };
        assert!(losses(&summary, &[]).is_empty());
        summary.streams.push(StreamSummary {
            discarded_events: 1000,
            discarded_before: 500,
            ..Default::default()
        });
        let text = losses(&summary, &[]).join("\n");
        assert!(text.contains("1,500 events were discarded"), "{text}");
        assert!(text.contains("--channel subbuf-size=") && text.contains("--lossless"), "{text}");
        let died = ChannelUsage { dead_producers: 2, ..Default::default() };
        let text = losses(&Summary::default(), &[died]).join("\n");
        assert!(text.contains("2 times a program died") && !text.contains("--channel"), "{text}");
    }

    #[test]
    fn the_fill_of_buffers_is_said_in_per_cent() {
        let of = |fullest| fullest_of(fullest, 1_000_000);
        assert_eq!(of(0), None);
        assert_eq!(of(15_000).unwrap(), "buffers: never more than 2 % full (15 kB of 1000 kB)");
        assert_eq!(of(1_000_000).unwrap(), "buffers: full at times (each holds 1000 kB)");
    }

    fn fullest_of(fullest: u64, buffer_size: u64) -> Option<String> {
        super::fullest(&ChannelUsage { fullest, buffer_size, ..Default::default() })
    }
}
