//! Rust programs in channels that are not the usual ones: that overwrite, that wait for room for a while, that record
//! counters of the processor; under the real daemons and under ours.

use std::collections::BTreeMap;

use rttng_tests::{Cast, Event, Need, Recording, apps};
use rustix::process::Signal;

const TRACED: &str = env!("CARGO_BIN_EXE_rust_traced");
const LIVES: &str = env!("CARGO_BIN_EXE_rust_lives");

/// Stops and destroys the session; its events may be some of those that were fired.
fn finish_with_losses(recording: Recording) -> Vec<Event> {
    recording.lttng(["stop"]);
    recording.lttng(["destroy"]);
    recording.world.babeltrace2_with_losses(recording.trace())
}

/// The consumer daemon stands still, so that the buffers are overwritten again and again: what is left is the newest, in
/// order and whole.
fn overwriting(cast: Cast) {
    const COUNT: i64 = 50_000;
    let Some(recording) = Recording::create(cast, &[]) else { return };
    recording.lttng(["enable-channel", "-u", "main", "--overwrite", "--subbuf-size=16k", "--num-subbuf=4"]);
    recording.lttng(["enable-event", "-u", "-c", "main", "rust:tick"]);
    recording.lttng(["start"]);
    // A first program, so that the buffers exist when the consumer daemon stops.
    recording.traced(TRACED).args(["ticks", "1"]).run().ok();
    recording.signal_consumer(Signal::STOP);
    recording.traced(TRACED).args(["ticks", &COUNT.to_string()]).run().ok();
    recording.signal_consumer(Signal::CONT);
    let events = finish_with_losses(recording);
    let numbers: Vec<i64> = events.iter().map(|event| event.int("number").expect("a number")).collect();
    assert!(events.iter().all(|event| event.value("text") == Some("\"eleven byte\"")));
    // Those of the first program may be there or not.
    let numbers = &numbers[numbers.iter().position(|number| *number > 0).expect("events of the second")..];
    assert!(numbers.is_sorted(), "in order");
    assert_eq!(numbers.last(), Some(&(COUNT - 1)), "the newest one is there");
    // 16 + 12 bytes of fields and a header of 4 at least: four sub-buffers of both CPUs hold no more.
    assert!(numbers.len() < 10_000, "{} events in such small buffers", numbers.len());
}

#[test]
fn overwriting_under_the_real_daemons() {
    overwriting(Cast::REAL);
}

#[test]
fn overwriting_under_ours() {
    overwriting(Cast::OURS);
}

/// The consumer daemon stands still: an event waits for room as long as the channel says, and is lost then.
fn waiting_for_a_while(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[]) else { return };
    let options = ["--blocking-timeout=100000", "--subbuf-size=16k", "--num-subbuf=2"];
    recording.lttng(["enable-channel", "-u", "main"].into_iter().chain(options));
    recording.lttng(["enable-event", "-u", "-c", "main", "lives:patient"]);
    recording.lttng(["start"]);
    let mut program = recording.traced(LIVES).args(["patient", "5"]).arg(recording.world.file("go")).spawn();
    program.wait_for_output("ready");
    recording.signal_consumer(Signal::STOP);
    std::fs::write(recording.world.file("go"), "").expect("a folder that can be written");
    let ended = program.ends();
    recording.signal_consumer(Signal::CONT);
    let said = ended.ok();
    let (fired, slow) =
        said.trim().rsplit_once('\n').and_then(|(_, last)| last.split_once(' ')).expect("two numbers");
    let (fired, slow): (usize, usize) = (fired.parse().expect("a number"), slow.parse().expect("a number"));
    let events = finish_with_losses(recording);
    assert_eq!(slow, 5);
    let lost = fired - events.len();
    assert!(
        (1..=5).contains(&lost),
        "{fired} fired, {} recorded: each one that was lost had waited",
        events.len()
    );
}

#[test]
fn waiting_for_a_while_under_the_real_daemons() {
    waiting_for_a_while(Cast::REAL);
}

#[test]
fn waiting_for_a_while_under_ours() {
    waiting_for_a_while(Cast::OURS);
}

/// Counters of a C and of a Rust program: where the machine has one both record it. Where it has not, both are recorded
/// without it, as our session daemon does, or neither is, as with the real one.
fn counters(cast: Cast) {
    for kind in ["page-fault", "context-switches", "cpu-cycles"] {
        let Some(recording) = Recording::create(cast, &[Need::UstHeaders]) else { return };
        recording.lttng(["enable-channel", "-u", "main"]);
        recording.lttng(["enable-event", "-u", "-c", "main", "lives:faults,rttng_load:number"]);
        recording.lttng(["add-context", "-u", "-c", "main", "-t", &format!("perf:thread:{kind}")]);
        recording.lttng(["start"]);
        recording.traced(apps::built("load")).args(["--events", "10"]).run().ok();
        recording.traced(LIVES).arg("faults").run().ok();
        let events = recording.finish();
        let field = format!("perf_thread_{}", kind.replace('-', "_"));
        let mut counts: BTreeMap<&str, Vec<Option<i64>>> = BTreeMap::new();
        for event in &events {
            counts.entry(&event.name).or_default().push(event.int(&field));
        }
        let (c, rust) = (counts.remove("rttng_load:number"), counts.remove("lives:faults"));
        let is_counted = |counts: &Option<Vec<Option<i64>>>| {
            counts.as_ref().map(|counts| (counts.len(), counts.iter().all(Option::is_some)))
        };
        assert_eq!(is_counted(&c), is_counted(&rust), "{kind}: C {c:?}, Rust {rust:?}");
        let Some(faults) = rust else { continue };
        assert_eq!(faults.len(), 10, "{kind}: {faults:?}");
        assert!(faults.is_sorted(), "{kind}: {faults:?}");
        // Between two of them the program touches memory for the first time.
        assert!(kind != "page-fault" || faults[9] >= faults[0].map(|first| first + 9), "{faults:?}");
    }
}

#[test]
fn counters_under_the_real_daemons() {
    counters(Cast::REAL);
}

#[test]
fn counters_under_ours() {
    counters(Cast::OURS);
}
