//! `rttng record --clock tsc`: events of Rust programs counted in the processor's time-stamp counter, read back with
//! babeltrace2 at the right time of day; and what cannot be recorded so.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rttng_tests::{Cast, Ended, Event, Need, Recording, World, apps};

const NEEDS: &[Need] = &[Need::Babeltrace2, Need::UstHeaders];
const TRACED: &str = env!("CARGO_BIN_EXE_rust_traced");
/// How far the time of day may be from that of the trace: it is set now and then.
const SLACK: Duration = Duration::from_millis(100);

/// Whether this machine's counter was refused, with a reason.
fn is_refused(ended: &Ended) -> bool {
    let said = &ended.stderr;
    let refused = ended.code() == Some(1) && said.contains("--clock tsc: ");
    if refused {
        let reasons = ["_tsc in /proc/cpuinfo", "available_clocksource", "keeps time with", "only x86-64"];
        assert!(reasons.iter().any(|reason| said.contains(reason)), "{said}");
        eprintln!("this machine's counter is no clock: {said}");
    }
    refused
}

/// Asserts that all events are of that time, and that every thread's numbers are there, in order.
fn assert_ticks(
    events: &[Event],
    during: (SystemTime, SystemTime),
    wanted: std::ops::Range<i64>,
    threads: usize,
) {
    let since_1970 =
        |time: SystemTime| time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    let (from, to) = (since_1970(during.0 - SLACK), since_1970(during.1 + SLACK));
    let mut next: HashMap<i64, i64> = HashMap::new();
    for event in events {
        assert!((from..to).contains(&event.timestamp_ns), "{event:?} is not in {from}..{to}");
        if event.name == "rust:tick" {
            let expected = next.entry(event.int("thread").expect("a thread")).or_insert(wanted.start);
            assert_eq!(event.int("number"), Some(*expected), "{event:?}");
            *expected += 1;
        }
    }
    assert!(next.len() == threads && next.values().all(|of| *of == wanted.end), "{next:?}");
}

#[test]
fn events_of_a_rust_program_have_the_time_of_day() {
    let Some(world) = World::open(NEEDS) else { return };
    for (name, options) in [("shared", [].as_slice()), ("own", &["--per-process"])] {
        let trace = world.open_dir().join(name);
        let record = world.rttng().args(["record", "--clock", "tsc", "-t", "vtid", "-e", "rust:*"]);
        // Small sub-buffers, so that packets are closed and opened all the time; room for all of it, so that none is lost.
        let record =
            record.args(["-f", "number >= 500 && number < 20000", "-C", "subbuf-size=16k,num-subbuf=256"]);
        let record = record.args(options);
        let began = SystemTime::now();
        let ended = record.arg("-o").arg(&trace).args(["--", TRACED, "ticks", "30000", "4"]).run();
        let during = (began, SystemTime::now());
        if is_refused(&ended) {
            return;
        }
        assert!(ended.stderr.contains("clock: the time-stamp counter, "), "{ended}");
        ended.ok();
        let events = world.babeltrace2(&trace);
        assert_ticks(&events, during, 500..20_000, 4);
        assert!(events.iter().all(|event| event.int("vtid").is_some()));
        // Ours reads it, too.
        let view = world.rttng().args(["view", "--limit", "1"]).arg(&trace).run().ok();
        assert!(view.contains("rust:tick"), "{view}");
    }
}

#[test]
fn a_program_of_liblttng_ust_is_not_recorded_so() {
    let Some(world) = World::open(NEEDS) else { return };
    let record = |name: &str| {
        let trace = world.open_dir().join(name);
        (world.rttng().args(["record", "--clock", "tsc", "-o"]).arg(&trace), trace)
    };
    let (refused, trace) = record("refused");
    let ended = refused.arg("--").arg(apps::built("demo")).arg("10").run();
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("is traced by liblttng-ust"), "{ended}");
    assert!(!trace.exists());

    // One that another program starts is turned away, and runs all the same.
    let (both, trace) = record("both");
    let script = r#""$0" 10 && exec "$1" ticks 100 1"#;
    let began = SystemTime::now();
    let both = both.args(["--", "sh", "-c", script]).arg(apps::built("demo")).arg(TRACED).run();
    let during = (began, SystemTime::now());
    if is_refused(&both) {
        return;
    }
    assert!(both.stderr.contains("NOT RECORDED: demo (pid "), "{both}");
    both.ok();
    let events = world.babeltrace2(&trace);
    assert_ticks(&events, during, 0..100, 1);
    assert!(events.iter().all(|event| !event.name.starts_with("demo:")));
}

#[test]
fn a_session_daemon_beside_keeps_its_own_clock() {
    let Some(recording) = Recording::create(Cast::REAL, NEEDS) else { return };
    recording.lttng(["enable-event", "-u", "rust:*"]);
    recording.lttng(["start"]);
    let trace = recording.world.open_dir().join("counter");
    let began = SystemTime::now();
    let record = recording.world.rttng().args(["record", "--clock", "tsc", "-o"]).arg(&trace);
    let ended = record.args(["--", TRACED, "ticks", "2000", "2"]).run();
    let during = (began, SystemTime::now());
    if is_refused(&ended) {
        return;
    }
    ended.ok();
    assert_ticks(&recording.world.babeltrace2(&trace), during, 0..2000, 2);
    assert_ticks(&recording.finish(), during, 0..2000, 2);
}

#[test]
fn a_counter_that_stops_is_refused() {
    let Some(world) = World::open(&[NEEDS, &[Need::Root]].concat()) else { return };
    let cpuinfo = world.file("cpuinfo");
    fs::write(&cpuinfo, "processor : 0\nflags : fpu tsc constant_tsc\n").expect("a fresh folder has room");
    let script = r#"mount --bind "$0" /proc/cpuinfo && exec "$@""#;
    let record =
        world.rttng().under(["unshare", "--mount", "sh", "-c", script, &cpuinfo.display().to_string()]);
    let ended = record
        .directory(world.open_dir())
        .args(["record", "--clock", "tsc", "--", TRACED, "ticks", "1"])
        .run();
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("stops while the processor sleeps"), "{ended}");
    assert!(is_refused(&ended));
}
