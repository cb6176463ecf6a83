//! Reading traces beside babeltrace2: counting and printing, one thread.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use rttng_tests::{Need, met, our_program};

use crate::traces::{self, Kind};

/// Events of each trace.
const EVENTS: u64 = 10_000_000;

/// Turns of each reader.
const ROUNDS: usize = 3;

/// What is read of each trace, with the bar of the rate, and the words for both readers.
struct Task {
    what: &'static str,
    times_as_fast: f64,
    theirs: &'static [&'static str],
    ours: &'static [&'static str],
}

const TASKS: &[Task] = &[
    Task { what: "count", times_as_fast: 20.0, theirs: &["-o", "dummy"], ours: &["view", "--count"] },
    Task { what: "print", times_as_fast: 10.0, theirs: &[], ours: &["view"] },
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

/// Measures everything, and prints the table.
pub(crate) fn measure() -> ExitCode {
    if !met(&[Need::Babeltrace2]) {
        return ExitCode::FAILURE;
    }
    println!("{}", lines(&folder()).join("\n"));
    ExitCode::SUCCESS
}

/// Measures everything, and gives the lines of the table.
fn lines(below: &Path) -> Vec<String> {
    let mut lines = vec![
        "| what | trace | babeltrace2, M events/s | ours, M events/s | times as fast | bar | resident: real, ours (MiB) |"
            .to_owned(),
        "|---|---|--:|--:|--:|---|---|".to_owned(),
    ];
    for kind in Kind::ALL {
        let trace = traces::trace(kind, EVENTS, below).expect("there is room for a trace");
        for task in TASKS {
            let (mut real, mut ours) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                real.push(turn(Path::new("babeltrace2"), task.theirs, &trace));
                ours.push(turn(our_program(), task.ours, &trace));
            }
            let rate = |turns: &[(f64, u64)]| EVENTS as f64 / 1e6 / median(turns.iter().map(|turn| turn.0));
            let resident = |turns: &[(f64, u64)]| turns.iter().map(|turn| turn.1).max().unwrap_or(0) >> 10;
            let (real_rate, our_rate) = (rate(&real), rate(&ours));
            let line = format!(
                "| {} | {} | {real_rate:.2} | {our_rate:.1} | {:.1} | ≥ {} × | {}, {} |",
                task.what,
                kind.name(),
                our_rate / real_rate,
                task.times_as_fast,
                resident(&real),
                resident(&ours)
            );
            eprintln!("{line}");
            lines.push(line);
        }
    }
    lines
}

/// Seconds of CPU time (both readers have one thread, and a busy machine counts less so), and the most memory that was
/// resident, in kilobytes.
fn turn(program: &Path, words: &[&str], trace: &Path) -> (f64, u64) {
    let usage = trace.with_extension("usage");
    let status = Command::new("/usr/bin/time")
        .args(["-f", "%U %S %M", "-o"])
        .arg(&usage)
        .arg(program)
        .args(words)
        .arg(trace)
        .stdout(Stdio::null())
        .status()
        .expect("time starts");
    assert!(status.success(), "{} {words:?}: {status}", program.display());
    let text = std::fs::read_to_string(&usage).unwrap_or_default();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, resident] = numbers[..] else { panic!("time says {text:?}") };
    (user + system, resident as u64)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
