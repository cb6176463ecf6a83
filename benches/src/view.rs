//! Reading traces beside babeltrace2: counting and printing, one thread.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use rttng_tests::{Need, met, our_program};

use crate::table;
use crate::traces::{self, Kind};

/// Events of each trace.
const EVENTS: u64 = 10_000_000;

/// Turns of babeltrace2, which takes most of the time, and of ours between them.
const ROUNDS: usize = 2;
const OURS_A_ROUND: usize = 2;

/// What is read, with the bar of the rate, and the words for both readers, as a shell takes them.
struct Task {
    what: &'static str,
    kinds: &'static [Kind],
    bar: Bar,
    /// After `babeltrace2 TRACE`; nothing if it has no part in it.
    theirs: Option<&'static str>,
    /// After `rttng view TRACE`.
    ours: &'static str,
}

enum Bar {
    /// At least so many times babeltrace2's rate, in processor time.
    Times(f64),
    /// At least so many million events a second of processor time.
    Rate(f64),
    /// At least so many times the rate of ours with these words, from start to end.
    Beside(&'static str, f64),
}

const TASKS: &[Task] = &[
    Task {
        what: "all events in time order, shown nowhere, 1 thread",
        kinds: &Kind::ALL,
        bar: Bar::Times(20.0),
        theirs: Some("-o dummy"),
        ours: "-o dummy",
    },
    Task {
        what: "text, 1 thread",
        kinds: &Kind::ALL,
        bar: Bar::Times(10.0),
        theirs: Some(""),
        ours: "--threads=1",
    },
    Task {
        what: "text, 2 threads, from start to end, beside 1",
        kinds: &Kind::ALL,
        bar: Bar::Beside("--threads=1", 1.6),
        theirs: None,
        ours: "--threads=2",
    },
    Task {
        what: "a filter that keeps 1 in 1,024, 1 thread (babeltrace2 with grep: 1 in 1,000)",
        kinds: &[Kind::Text],
        bar: Bar::Times(25.0),
        theirs: Some("| grep 'value = [0-9]*007,'"),
        ours: "--threads=1 --filter='(value & 1023) == 7'",
    },
    Task {
        what: "JSON lines, 1 thread",
        kinds: &[Kind::Integer, Kind::Text],
        bar: Bar::Rate(5.0),
        theirs: None,
        ours: "--threads=1 -o json",
    },
];

/// Where the traces are kept for the next time.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-traces")
}

/// Writes the traces, and says where they are.
pub(crate) fn write_traces() -> ExitCode {
    for kind in Kind::ALL {
        match traces::trace(kind, EVENTS, &folder()) {
            Ok(path) => println!("{}", path.display()),
            Err(error) => {
                eprintln!("cannot write a trace: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Measures everything, prints the table, and puts it into the page.
pub(crate) fn measure() -> ExitCode {
    if !met(&[Need::Babeltrace2]) {
        return ExitCode::FAILURE;
    }
    let table = lines(&folder()).join("\n");
    println!("{table}");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    match table::replace_in(&page, "view", &table) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {}: {error}", page.display());
            ExitCode::FAILURE
        }
    }
}

/// Measures everything, and gives the lines of the table.
fn lines(below: &Path) -> Vec<String> {
    let mut lines = vec![
        table::conditions(),
        String::new(),
        "| what | trace | babeltrace2, M events/s | ours, M events/s | times as fast | bar | | MiB resident: real, ours |"
            .to_owned(),
        "|---|---|--:|--:|--:|---|---|---|".to_owned(),
    ];
    let ours = our_program().display().to_string();
    for task in TASKS {
        for kind in task.kinds {
            let trace = traces::trace(*kind, EVENTS, below).expect("there is room for a trace");
            let (mut real, mut our, mut beside) = (Vec::new(), Vec::new(), Vec::new());
            let program = |words: &str| format!("'{ours}' view '{}' {words}", trace.display());
            for _ in 0..ROUNDS {
                if let Some(words) = task.theirs {
                    real.push(turn(&format!("babeltrace2 '{}' {words}", trace.display()), &trace));
                }
                for _ in 0..OURS_A_ROUND {
                    our.push(turn(&program(task.ours), &trace));
                    if let Bar::Beside(words, _) = task.bar {
                        beside.push(turn(&program(words), &trace));
                    }
                }
            }
            let line = task.line(*kind, &real, &our, &beside);
            eprintln!("{line}");
            lines.push(line);
        }
    }
    lines
}

impl Task {
    fn line(&self, kind: Kind, real: &[Turn], ours: &[Turn], beside: &[Turn]) -> String {
        type Seconds = fn(&Turn) -> f64;
        let rate = |turns: &[Turn], seconds: Seconds| {
            EVENTS as f64 / 1e6 / median(turns.iter().map(seconds).collect())
        };
        let processor: Seconds = |turn| turn.processor;
        let elapsed: Seconds = |turn| turn.elapsed;
        let number = |turns: &[Turn]| match turns {
            [] => "–".to_owned(),
            turns => format!("{:.2}", rate(turns, processor)),
        };
        let (our_rate, times, bar, reached) = match self.bar {
            Bar::Times(bar) => {
                let times = rate(ours, processor) / rate(real, processor);
                (rate(ours, processor), Some(times), format!("≥ {bar} ×"), times >= bar)
            }
            Bar::Rate(bar) => {
                (rate(ours, processor), None, format!("≥ {bar} M/s"), rate(ours, processor) >= bar)
            }
            Bar::Beside(_, bar) => {
                let times = rate(ours, elapsed) / rate(beside, elapsed);
                (rate(ours, elapsed), Some(times), format!("≥ {bar} ×"), times >= bar)
            }
        };
        let resident = |turns: &[Turn]| match turns.iter().map(|turn| turn.resident_kib).max() {
            Some(most) => format!("{}", most >> 10),
            None => "–".to_owned(),
        };
        format!(
            "| {} | {} | {} | {our_rate:.1} | {} | {bar} | {} | {}, {} |",
            self.what,
            kind.name(),
            number(real),
            times.map_or("–".to_owned(), |times| format!("{times:.1}")),
            if reached { "reached" } else { "**missed**" },
            resident(real),
            resident(ours)
        )
    }
}

/// What one run took.
struct Turn {
    /// Seconds of processor time of all its processes, which a busy machine counts less in than what passed.
    processor: f64,
    elapsed: f64,
    /// The most that one of its processes had.
    resident_kib: u64,
}

/// Runs a line of the shell, its output thrown away.
fn turn(line: &str, trace: &Path) -> Turn {
    let usage = trace.with_extension("usage");
    let status = Command::new("/usr/bin/time")
        .args(["-f", "%U %S %e %M", "-o"])
        .arg(&usage)
        .args(["sh", "-c", line])
        .stdout(Stdio::null())
        .status()
        .expect("time starts");
    assert!(status.success(), "{line}: {status}");
    let text = std::fs::read_to_string(&usage).unwrap_or_default();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, elapsed, resident] = numbers[..] else { panic!("time says {text:?}") };
    Turn { processor: user + system, elapsed, resident_kib: resident as u64 }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2] + values[(values.len() - 1) / 2]) / 2.0
}
