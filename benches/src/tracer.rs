//! What an event costs a Rust program, beside a C program with liblttng-ust: the same event, the same session, the real
//! daemons, in turns. The Rust program is this one, started again with other words.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use rttng_tests::{Program, WorldOptions, apps};
use rttng_ust::event;
use rustix::time::{ClockId, clock_gettime};

use crate::stage::{Cast, Load, PATIENCE, Stage};
use crate::table::{Bar, Row, Samples};

/// The word that makes this program the traced one.
pub(crate) const LOAD: &str = "tracer-load";
/// The word that makes it start others.
pub(crate) const LAUNCH: &str = "tracer-launch";
/// Starts of each program in a turn.
const LAUNCHES: usize = 41;

const ONE: &str = "an event of one integer, 1 thread";
const WORD: &str = "an event of an integer and 11 bytes of text, 1 thread";
const THREADS_2: &str = "an event of one integer, 2 threads";
const THREADS_4: &str = "an event of one integer, 4 threads";
const THREADS_8: &str = "an event of one integer, 8 threads";
const FILTERED: &str = "an event that a filter rejects";
const DISABLED: &str = "an event that nobody wants";
const TSC: &str = "an event of one integer, 1 thread, `record --clock tsc`";
const TSC_WORD: &str = "an event of an integer and 11 bytes of text, 1 thread, `record --clock tsc`";
const ALONE: &str = "an event of `tracing` with 3 fields, `rttng_ust_tracing::init()`";
const BESIDE: &str = "the same, `layer()`";
const FMT: &str = "the same, `tracing_subscriber::fmt` to a file";
const TRACY: &str = "the same, `tracing-tracy`, read by nobody";
const PERFETTO: &str = "a scope of `perfetto-recorder` with 3 arguments, into memory";
const START: &str = "start and end of a program with one event, no daemon, over one without";
const START_WITH_DAEMON: &str = "start and end of a program, with a daemon";
const SIZE: &str = "size of a stripped program with one event, over one without";

const ROWS: &[Row] = &[
    Row { what: ONE, unit: "ns", digits: 1, bar: Bar::Ratio(0.45) },
    Row { what: WORD, unit: "ns", digits: 1, bar: Bar::Ratio(0.5) },
    Row { what: THREADS_2, unit: "ns", digits: 1, bar: Bar::Ratio(0.7) },
    Row { what: THREADS_4, unit: "ns", digits: 1, bar: Bar::Ratio(0.7) },
    Row { what: THREADS_8, unit: "ns", digits: 1, bar: Bar::Ratio(0.7) },
    Row { what: FILTERED, unit: "ns", digits: 1, bar: Bar::Ratio(0.6) },
    Row { what: DISABLED, unit: "ns", digits: 2, bar: Bar::Most(1.0) },
    Row { what: TSC, unit: "ns", digits: 1, bar: Bar::Ratio(0.25) },
    Row { what: TSC_WORD, unit: "ns", digits: 1, bar: Bar::Ratio(0.25) },
    Row { what: ALONE, unit: "ns", digits: 0, bar: Bar::Most(250.0) },
    Row { what: BESIDE, unit: "ns", digits: 0, bar: Bar::Most(250.0) },
    Row { what: FMT, unit: "ns", digits: 0, bar: Bar::None },
    Row { what: TRACY, unit: "ns", digits: 0, bar: Bar::None },
    Row { what: PERFETTO, unit: "ns", digits: 0, bar: Bar::None },
    Row { what: START, unit: "ms", digits: 2, bar: Bar::Most(1.0) },
    Row { what: START_WITH_DAEMON, unit: "ms", digits: 2, bar: Bar::Ratio(1.0) },
    Row { what: SIZE, unit: "kB", digits: 0, bar: Bar::Most(400.0) },
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
    launches(c, rust);
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
    // In a loop of one event, where in a cache line the loop stands would count as much as the event.
    take(DISABLED, 80_000_000, 1, &["--eights"]);
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
    layers(&stage, rust);
    stage.strike();
    in_the_counter(&exe, c, rust);
}

/// The counter as the clock, in a recording of ours: there is no other.
fn in_the_counter(exe: &Path, c: &mut Samples, rust: &mut Samples) {
    let options = WorldOptions::default().shm_bytes(8 << 30);
    let world = options.open(&[]).expect("a world was made before");
    for (what, beside, trace, kind) in
        [(TSC, ONE, "numbers", [].as_slice()), (TSC_WORD, WORD, "words", &["--word"])]
    {
        let record =
            world.rttng().args(["record", "--clock", "tsc", "-q", "-C", "subbuf-size=8M,num-subbuf=16"]);
        let record = record.args(["-e", "rttng_load:*", "-o"]).arg(world.file(trace)).arg("--").arg(exe);
        let record = record.args([LOAD, "--events", "2000000", "--threads", "1"]).args(kind);
        let ended = record.limit(PATIENCE).run();
        if ended.code() != Some(0) {
            eprintln!("no row of the time-stamp counter: {}", ended.stderr);
            return;
        }
        let load = Load::of(&ended.ok());
        rust.insert(what, load.cpu_ns / load.events);
        // The same event of the C program, with the clock that it has.
        if let Some(ns) = c.get(beside).copied() {
            c.insert(what, ns);
        }
    }
}

/// An event of `tracing`, by who takes it.
fn layers(stage: &Stage, rust: &mut Samples) {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/target/release/rttng-peers");
    if !peers.exists() {
        return;
    }
    stage.record("8M", "16", "rttng_peers:*");
    stage.lttng(&["start"]);
    for (what, how) in
        [(ALONE, "alone"), (BESIDE, "beside"), (FMT, "fmt"), (TRACY, "tracy"), (PERFETTO, "perfetto")]
    {
        let load = stage.load_of(&peers, &[how, &stage.world.file("lines").display().to_string()]);
        rust.insert(what, load.cpu_ns / load.events);
    }
    stage.lttng(&["destroy"]);
}

/// Starts and ends of the smallest programs, in turns, and their sizes.
fn launches(c: &mut Samples, rust: &mut Samples) {
    let target = std::env::current_exe().expect("this program has a path");
    let small = target.ancestors().nth(2).expect("a target folder").join("small/examples");
    let (with, without) = (small.join("one_event"), small.join("no_event"));
    let size = |path: &Path| std::fs::metadata(path).map_or(0.0, |file| file.len() as f64 / 1e3);
    rust.insert(SIZE, size(&with) - size(&without));
    let measured = |program: Program, programs: &[&Path]| -> Vec<f64> {
        let times = program.arg(LAUNCH).args(programs).limit(PATIENCE).run().ok();
        times.split_whitespace().map(|time| time.parse().expect("a time")).collect()
    };
    let options = WorldOptions::default();
    let nobody = options.open(&[]).expect("a world can be made");
    let times = measured(nobody.program(&target), &[&with, &without]);
    rust.insert(START, times[0] - times[1]);
    let stage = Stage::set(Cast::real());
    let load = apps::built("load");
    let times = measured(stage.world.program(&target), &[&with, &load]);
    rust.insert(START_WITH_DAEMON, times[0]);
    c.insert(START_WITH_DAEMON, times[1]);
    stage.strike();
}

/// Starts programs many times in turns, without an event; prints the median of each one's times, in milliseconds.
pub(crate) fn launch(programs: &[String]) {
    let mut times = vec![Vec::new(); programs.len()];
    for _ in 0..LAUNCHES {
        for (program, times) in programs.iter().zip(&mut times) {
            let began = Instant::now();
            let ended = Command::new(program).args(["--events", "0"]).stdout(Stdio::null()).status();
            times.push(began.elapsed().as_secs_f64() * 1e3);
            assert!(ended.is_ok_and(|status| status.success()), "{program} fails");
        }
    }
    for mut times in times {
        times.sort_by(f64::total_cmp);
        println!("{:.4}", times[LAUNCHES / 2]);
    }
}

/// Traces flat out, as `tests/programs/load` does, and says the same of itself.
pub(crate) fn load(words: &[String]) {
    let number = |name: &str, default: u64| {
        let at = words.iter().position(|word| word == name);
        at.map_or(default, |at| words[at + 1].parse().expect("a number"))
    };
    let (events, threads) = (number("--events", 1_000_000), number("--threads", 1));
    let has = |name: &str| words.iter().any(|word| word == name);
    let (has_word, in_eights) = (has("--word"), has("--eights"));
    let start = Barrier::new(threads as usize);
    let one = |thread: u64| {
        pin(thread);
        start.wait();
        let (began, cpu) = (now(ClockId::Monotonic), now(ClockId::ThreadCPUTime));
        if has_word {
            (0..events).for_each(text);
        } else if in_eights {
            (0..events / 8).for_each(eight_integers);
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

#[inline(always)]
fn integer(seq: u64) {
    event!("rttng_load:number", seq: u64 = seq);
}

fn eight_integers(turn: u64) {
    let seq = 8 * turn;
    integer(seq);
    integer(seq + 1);
    integer(seq + 2);
    integer(seq + 3);
    integer(seq + 4);
    integer(seq + 5);
    integer(seq + 6);
    integer(seq + 7);
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
