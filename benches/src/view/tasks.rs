//! What both readers are asked to do, and the bars.

use std::path::Path;

use super::turn::{Turn, turn};
use super::{EVENTS, Line, Place, THEIR_EVENTS, median};
use crate::traces::Kind;

/// Turns of each program, one after the other.
const ROUNDS: usize = 3;

/// Turns of ours in each round, where one takes less than a second.
const SHORT_TURNS: usize = 3;

/// What is read, with the bar of the rate, and the words for both readers, as a shell takes them: `{trace}` is the trace,
/// `{out}` an output that is removed afterwards.
struct Task {
    part: &'static str,
    what: &'static str,
    kinds: &'static [Kind],
    bar: Bar,
    /// After `babeltrace2`; nothing if it has no part in it.
    theirs: Option<&'static str>,
    /// After `rttng`.
    ours: &'static str,
    turns: usize,
}

enum Bar {
    /// At least so many times babeltrace2's rate, in processor time.
    Times(f64),
    /// At least so many million events a second of processor time.
    Rate(f64),
    /// At least so many times the rate of ours with these words, from start to end.
    Beside(&'static str, f64),
    None,
}

const SOME: &[Kind] = &[Kind::Integer, Kind::Text];

const TASKS: &[Task] = &[
    Task {
        part: "count",
        what: "all events in time order, shown nowhere, 1 thread",
        kinds: &Kind::ALL,
        bar: Bar::Times(20.0),
        theirs: Some("{trace} -o dummy"),
        ours: "view {trace} -o dummy",
        turns: SHORT_TURNS,
    },
    Task {
        part: "text",
        what: "text, 1 thread",
        kinds: &Kind::ALL,
        bar: Bar::Times(10.0),
        theirs: Some("{trace}"),
        ours: "view {trace} --threads=1",
        turns: 1,
    },
    Task {
        part: "threads",
        what: "text, 2 threads, from start to end, beside 1",
        kinds: &Kind::ALL,
        bar: Bar::Beside("view {trace} --threads=1", 1.6),
        theirs: None,
        ours: "view {trace} --threads=2",
        turns: 1,
    },
    Task {
        part: "filter",
        what: "a filter that keeps 1 in 1,024, as text, 1 thread (babeltrace2 with grep: 1 in 1,000)",
        kinds: &[Kind::Text],
        bar: Bar::Times(25.0),
        theirs: Some("{trace} | grep 'value = [0-9]*007,'"),
        ours: "view {trace} --threads=1 --filter='(value & 1023) == 7'",
        turns: SHORT_TURNS,
    },
    Task {
        part: "filter",
        what: "a filter on a context that keeps 1 in 997, as text, 1 thread (babeltrace2 with grep)",
        kinds: &[Kind::Kernel],
        bar: Bar::Times(25.0),
        theirs: Some("{trace} | grep 'tid = 1007,'"),
        ours: "view {trace} --threads=1 --filter='$ctx.tid == 1007'",
        turns: SHORT_TURNS,
    },
    Task {
        part: "json",
        what: "JSON lines, 1 thread",
        kinds: SOME,
        bar: Bar::Rate(5.0),
        theirs: None,
        ours: "view {trace} --threads=1 -o json",
        turns: 1,
    },
    Task {
        part: "parquet",
        what: "Parquet, to files",
        kinds: SOME,
        bar: Bar::Rate(3.0),
        theirs: None,
        ours: "view {trace} -o parquet --output={out}",
        turns: 1,
    },
    Task {
        part: "csv",
        what: "CSV, 1 thread",
        kinds: SOME,
        bar: Bar::None,
        theirs: None,
        ours: "view {trace} -o csv",
        turns: 1,
    },
    Task {
        part: "perfetto",
        what: "`convert` to a Perfetto trace, to a file",
        kinds: &[Kind::Text, Kind::Kernel],
        bar: Bar::None,
        theirs: None,
        ours: "convert {trace} --to perfetto -o {out}",
        turns: 1,
    },
];

/// Takes all tasks of a part.
pub(super) fn measure(part: &str, place: &Place) -> Vec<String> {
    let tasks = TASKS.iter().filter(|task| task.part == part);
    tasks.flat_map(|task| task.kinds.iter().map(|kind| task.measure(*kind, place))).collect()
}

impl Task {
    fn measure(&self, kind: Kind, place: &Place) -> String {
        // Files that are written are to fit into the page cache.
        let our_events = if self.ours.contains("{out}") { THEIR_EVENTS } else { EVENTS };
        let (mut real, mut ours, mut beside) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            if let Some(words) = self.theirs {
                let trace = place.trace(kind, THEIR_EVENTS);
                real.push(run(&format!("babeltrace2 {words}"), &trace, &place.folder));
            }
            let trace = place.trace(kind, our_events);
            let ours_with = |words: &str, turns: &mut Vec<Turn>| {
                let line = format!("'{}' {words}", place.program.display());
                turns.push(run(&line, &trace, &place.folder));
            };
            for _ in 0..self.turns {
                ours_with(self.ours, &mut ours);
                if let Bar::Beside(words, _) = self.bar {
                    ours_with(words, &mut beside);
                }
            }
        }
        let rate = |events: u64, turns: &[Turn], seconds: fn(&Turn) -> f64| {
            events as f64 / 1e6 / median(turns.iter().map(seconds))
        };
        let processor = |turn: &Turn| turn.processor;
        let elapsed = |turn: &Turn| turn.elapsed;
        let mut line = Line {
            what: self.what,
            trace: kind.name(),
            real: (!real.is_empty()).then(|| rate(THEIR_EVENTS, &real, processor)),
            ours: rate(our_events, &ours, processor),
            unit: "M events/s",
            resident: [resident(&real), resident(&ours)],
            ..Line::default()
        };
        line.times = line.real.map(|real| line.ours / real);
        match self.bar {
            Bar::Times(bar) => {
                line.bar = format!("≥ {bar} ×");
                line.reached = line.times.map(|times| times >= bar);
            }
            Bar::Rate(bar) => {
                line.bar = format!("≥ {bar} M/s");
                line.reached = Some(line.ours >= bar);
            }
            Bar::Beside(_, bar) => {
                line.ours = rate(our_events, &ours, elapsed);
                let times = line.ours / rate(our_events, &beside, elapsed);
                line.times = Some(times);
                line.bar = format!("≥ {bar} ×");
                line.reached = Some(times >= bar);
            }
            Bar::None => {}
        }
        line.text()
    }
}

/// Runs a line with a trace, and removes what it wrote.
fn run(line: &str, trace: &Path, folder: &Path) -> Turn {
    let out = folder.join("output");
    let line = line.replace("{trace}", &format!("'{}'", trace.display()));
    let took = turn(&line.replace("{out}", &format!("'{}'", out.display())), folder);
    let _ = std::fs::remove_file(&out).or_else(|_| std::fs::remove_dir_all(&out));
    took
}

fn resident(turns: &[Turn]) -> Option<u64> {
    turns.iter().map(|turn| turn.resident_kib).max()
}

/// The most memory that both have while they read and print a trace, as many threads as there are processors.
pub(super) fn memory(place: &Place) -> Vec<String> {
    let line = |kind: Kind| {
        let real = run("babeltrace2 {trace} -o dummy", &place.trace(kind, THEIR_EVENTS), &place.folder);
        let ours = format!("'{}' view {{trace}}", place.program.display());
        let ours = run(&ours, &place.trace(kind, EVENTS), &place.folder);
        let mebibytes = |turn: &Turn| turn.resident_kib as f64 / 1024.0;
        let (real, ours) = (mebibytes(&real), mebibytes(&ours));
        Line {
            what: "resident memory: ours prints with all threads, babeltrace2 shows nothing",
            trace: kind.name(),
            real: Some(real),
            ours,
            unit: "MiB",
            times: Some(ours / real),
            bar: "≤ 1 ×".to_owned(),
            reached: Some(ours <= real),
            ..Line::default()
        }
        .text()
    };
    Kind::ALL.into_iter().map(line).collect()
}
