//! What an event costs a Rust program, beside a C program with liblttng-ust: the same event, the same session, the real
//! daemons, in turns. The Rust program is this one, started again with other words.

use std::sync::Barrier;
use std::thread;

use rttng_ust::event;
use rustix::time::{ClockId, clock_gettime};

use crate::stage::{Cast, Stage};
use crate::table::{Bar, Row, Samples};

/// The word that makes this program the traced one.
pub(crate) const LOAD: &str = "tracer-load";

const ONE: &str = "an event of one integer, 1 thread";
const WORD: &str = "an event of an integer and 11 bytes of text, 1 thread";
const THREADS_2: &str = "an event of one integer, 2 threads";
const THREADS_4: &str = "an event of one integer, 4 threads";
const THREADS_8: &str = "an event of one integer, 8 threads";
const FILTERED: &str = "an event that a filter rejects";
const DISABLED: &str = "an event that nobody wants";

const ROWS: &[Row] = &[
    Row { what: ONE, unit: "ns", digits: 1, bar: Bar::Ratio(0.45) },
    Row { what: WORD, unit: "ns", digits: 1, bar: Bar::Ratio(0.5) },
    Row { what: THREADS_2, unit: "ns", digits: 1, bar: Bar::Ratio(0.7) },
    Row { what: THREADS_4, unit: "ns", digits: 1, bar: Bar::Ratio(0.7) },
    Row { what: THREADS_8, unit: "ns", digits: 1, bar: Bar::Ratio(0.7) },
    Row { what: FILTERED, unit: "ns", digits: 1, bar: Bar::Ratio(0.6) },
    Row { what: DISABLED, unit: "ns", digits: 2, bar: Bar::Most(1.0) },
];

/// Takes all quantities so many times; gives the lines of the table.
pub(crate) fn measure(rounds: usize) -> Vec<String> {
    let (mut real, mut ours) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        eprintln!("tracer {}/{rounds}", round + 1);
        let (mut c, mut rust) = (Samples::new(), Samples::new());
        turn(&mut c, &mut rust);
        real.push(c);
        ours.push(rust);
    }
    ROWS.iter().map(|row| row.line(&real, &ours)).collect()
}

fn turn(c: &mut Samples, rust: &mut Samples) {
    let stage = Stage::set(Cast::real());
    let exe = std::env::current_exe().expect("this program has a path");
    let mut take = |what: &'static str, events: u64, threads: u64, kind: &[&str]| {
        let (events, threads) = (events.to_string(), threads.to_string());
        let words = [["--events", &events, "--threads", &threads].as_slice(), kind].concat();
        let load = stage.load(&words);
        c.insert(what, load.cpu_ns / load.events);
        let load = stage.load_of(&exe, &[[LOAD].as_slice(), &words].concat());
        rust.insert(what, load.cpu_ns / load.events);
    };
    take(DISABLED, 20_000_000, 1, &[]);
    stage.record("8M", "16", "rttng_load:*");
    stage.lttng(&["start"]);
    take(ONE, 2_000_000, 1, &[]);
    take(WORD, 1_000_000, 1, &["--word"]);
    take(THREADS_2, 1_000_000, 2, &[]);
    take(THREADS_4, 500_000, 4, &[]);
    take(THREADS_8, 250_000, 8, &[]);
    let lost = stage.stop();
    if lost > 0 {
        eprintln!("{lost} events were lost: cheap ones, so this turn says little");
    }
    stage.lttng(&["destroy"]);
    stage.lttng(&["create", "filtered", "--output", &stage.trace().display().to_string()]);
    let filter = "--filter=seq == 5 && text == \"x\"";
    stage.lttng(&["enable-event", "-u", "rttng_load:text", filter]);
    stage.lttng(&["start"]);
    take(FILTERED, 2_000_000, 1, &["--word"]);
    stage.lttng(&["destroy"]);
    stage.strike();
}

/// Traces flat out, as `tests/programs/load` does, and says the same of itself.
pub(crate) fn load(words: &[String]) {
    let number = |name: &str, default: u64| {
        let at = words.iter().position(|word| word == name);
        at.map_or(default, |at| words[at + 1].parse().expect("a number"))
    };
    let (events, threads) = (number("--events", 1_000_000), number("--threads", 1));
    let has_word = words.iter().any(|word| word == "--word");
    let start = Barrier::new(threads as usize);
    let one = |thread: u64| {
        pin(thread);
        start.wait();
        let (began, cpu) = (now(ClockId::Monotonic), now(ClockId::ThreadCPUTime));
        if has_word {
            (0..events).for_each(text);
        } else {
            (0..events).for_each(integer);
        }
        (began, now(ClockId::Monotonic), now(ClockId::ThreadCPUTime) - cpu)
    };
    let spent: Vec<(u64, u64, u64)> = thread::scope(|scope| {
        let one = &one;
        let all: Vec<_> = (0..threads).map(|thread| scope.spawn(move || one(thread))).collect();
        all.into_iter().map(|thread| thread.join().expect("a thread that traces")).collect()
    });
    let began = spent.iter().map(|of| of.0).min().unwrap_or(0);
    let ended = spent.iter().map(|of| of.1).max().unwrap_or(0);
    let cpu: u64 = spent.iter().map(|of| of.2).sum();
    println!("events {} wall_ns {} cpu_ns {cpu}", events * threads, ended - began);
}

fn integer(seq: u64) {
    event!("rttng_load:number", seq: u64 = seq);
}

fn text(seq: u64) {
    event!("rttng_load:text", seq: u64 = seq, text: &str = "eleven byte");
}

fn now(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Keeps the thread on one of the processors that it may use.
fn pin(thread: u64) {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let mut chosen = CpuSet::new();
    chosen.set(cpus[thread as usize % cpus.len()]);
    let _ = sched_setaffinity(None, &chosen);
}
