//! Rust programs under the real daemons and under ours: what `rttng-ust` records is read back with babeltrace2.

use std::collections::HashMap;
use std::path::Path;

use rttng_tests::{Cast, Event, Need, Recording, apps, events_by_name, eventually};

const TRACED: &str = env!("CARGO_BIN_EXE_rust_traced");

/// Every thread's numbers, each once and in order.
fn assert_whole(events: &[Event], count: i64, threads: usize) {
    let mut next: HashMap<i64, i64> = HashMap::new();
    for event in events.iter().filter(|event| event.name == "rust:tick") {
        let thread = event.int("thread").expect("a thread");
        let expected = next.entry(thread).or_default();
        assert_eq!(event.int("number"), Some(*expected), "thread {thread}");
        assert_eq!(event.value("text"), Some("\"eleven byte\""));
        *expected += 1;
    }
    assert_eq!(next.len(), threads);
    assert!(next.values().all(|of| *of == count), "{next:?}");
}

fn threads_of_events(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[]) else { return };
    recording.enable_patient_channel();
    recording.lttng(["enable-event", "-u", "-c", "main", "rust:*"]);
    recording.lttng(["start"]);
    recording.traced(TRACED).args(["ticks", "50000", "4"]).run().ok();
    assert_whole(&recording.finish(), 50_000, 4);
}

#[test]
fn threads_of_events_under_the_real_daemons() {
    threads_of_events(Cast::REAL);
}

#[test]
fn threads_of_events_under_ours() {
    threads_of_events(Cast::OURS);
}

/// C and Rust, two programs of two threads each, write the same buffers of both CPUs at the same time.
fn c_and_rust_in_one_buffer(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[Need::UstHeaders]) else { return };
    recording.enable_patient_channel();
    recording.lttng(["enable-event", "-u", "-c", "main", "rust:*"]);
    recording.lttng(["enable-event", "-u", "-c", "main", "rttng_load:*"]);
    recording.lttng(["start"]);
    let mut c = recording.traced(apps::built("load")).args(["--events", "100000", "--threads", "2"]).spawn();
    let mut rust = recording.traced(TRACED).args(["ticks", "100000", "2"]).spawn();
    rust.ends().ok();
    c.ends().ok();
    let events = recording.finish();
    assert_eq!(events_by_name(&events)["rttng_load:number"], 200_000);
    assert_whole(&events, 100_000, 2);
}

#[test]
fn c_and_rust_in_one_buffer_under_the_real_daemons() {
    c_and_rust_in_one_buffer(Cast::REAL);
}

#[test]
fn c_and_rust_in_one_buffer_under_ours() {
    c_and_rust_in_one_buffer(Cast::OURS);
}

/// Every type of field, and every context that `lttng add-context` knows without perf.
fn types_and_contexts(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[]) else { return };
    recording.lttng(["enable-channel", "-u", "main"]);
    recording.lttng(["enable-event", "-u", "-c", "main", "rust:*"]);
    let mut contexts = vec!["add-context", "-u", "-c", "main"];
    let kinds = "vpid vtid procname pthread_id ip cgroup_ns ipc_ns mnt_ns net_ns pid_ns user_ns uts_ns time_ns vuid \
                 veuid vsuid vgid vegid vsgid $app.shop:customer $app.shop:nobody";
    for kind in kinds.split_whitespace() {
        contexts.extend(["-t", kind]);
    }
    recording.lttng(contexts);
    recording.lttng(["start"]);
    recording.traced(TRACED).arg("types").run().ok();
    let events = recording.finish();
    assert_eq!(events.len(), 4, "{events:?}");
    let many: Vec<String> = (0..70).map(|number| format!("f{number:02} = {number}")).collect();
    assert_eq!(events[3].fields(), many.join(", "));
    let types = &events[0];
    for (field, value) in [
        ("small", "-3"),
        ("large", "18446744073709551615"),
        ("hex", "0xBEEF"),
        ("network", "80"),
        ("half", "0.5"),
        ("third", "-0.25"),
        ("letter", "\"é\""),
        ("text", "\"hello\""),
        ("request_path", "\"/index\""),
        ("request_size", "512"),
        ("last", "99"),
        ("procname", "\"rust_traced\""),
        ("vuid", "0"),
    ] {
        assert_eq!(types.value(field), Some(value), "{field} of {types:?}");
    }
    let text = format!("{} {}", types.scopes, types.fields());
    for part in [
        "array = [ [0] = -1, [1] = 2, [2] = 300 ]",
        "bytes = [ [0] = 0xCA, [1] = 0xFE ]",
        "slice = [ [0] = 7, [1] = 8 ]",
        "\"true\"",
        "\"Green\"",
        "\"_some\"",
        "\"_none\"",
        "\"ada\"",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(types.int("vpid"), types.int("vtid"));
    assert_ne!(types.value("ip"), Some("0x0"));
    assert_ne!(types.value("mnt_ns"), Some("0"));
}

#[test]
fn types_and_contexts_under_the_real_daemons() {
    types_and_contexts(Cast::REAL);
}

#[test]
fn types_and_contexts_under_ours() {
    types_and_contexts(Cast::OURS);
}

/// Lets a program that idles until the file `end` is there fire 30 events more.
fn let_it_go_on(end: &Path) {
    let progress = || {
        let text = std::fs::read_to_string(end.with_extension("progress")).unwrap_or_default();
        text.parse().unwrap_or(0u64)
    };
    let before = progress();
    eventually("the program fires events", || progress() > before + 30);
}

/// Rules: a filter, exclusions, a log level, and what is listed, for a program that runs all the while.
fn rules(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[]) else { return };
    let end = recording.world.file("end");
    let mut program = recording.traced(TRACED).arg("idle").arg(&end).spawn();
    program.wait_for_output("ready");
    let listed = recording.lttng(["list", "-u", "-f"]);
    for part in [
        "rust:idle (loglevel: TRACE_DEBUG_LINE (13))",
        "rust:bare (loglevel: TRACE_ERR (3))",
        "field: number (integer)",
        "field: colour (enum)",
        "lttng_ust_statedump:bin_info",
    ] {
        assert!(listed.contains(part), "{part} in {listed}");
    }
    recording.lttng(["enable-event", "-u", "rust:idle", "--filter", "(number & 1) == 0 && number > 3"]);
    recording.lttng(["enable-event", "-u", "rust:*", "--loglevel", "ERR", "--exclude", "rust:i*"]);
    recording.lttng(["start"]);
    let_it_go_on(&end);
    recording.lttng(["disable-event", "-u", "rust:idle"]);
    recording.lttng(["regenerate", "statedump"]);
    std::fs::write(&end, "").expect("the file that ends it");
    program.ends().ok();
    let events = recording.finish();
    let names = events_by_name(&events);
    assert!(names["rust:idle"] > 3 && names["rust:severe"] > names["rust:idle"], "{names:?}");
    assert_eq!(names.len(), 2, "{names:?}");
    for event in events.iter().filter(|event| event.name == "rust:idle") {
        let number = event.int("number").expect("a number");
        assert!(number > 3 && number % 2 == 0, "{event:?}");
    }
}

#[test]
fn rules_under_the_real_daemons() {
    rules(Cast::REAL);
}

#[test]
fn rules_under_ours() {
    rules(Cast::OURS);
}

/// A child is an application of its own, and a kind of event that comes late is recorded from its first on; in buffers
/// per process.
fn forks_and_latecomers(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[]) else { return };
    recording.lttng(["enable-channel", "-u", "main", "--buffers-pid"]);
    recording.lttng(["enable-event", "-u", "-c", "main", "rust:*,lttng_ust_statedump:*"]);
    recording.lttng(["add-context", "-u", "-c", "main", "-t", "vpid"]);
    recording.lttng(["start"]);
    recording.traced(TRACED).arg("fork").run().ok();
    recording.traced(TRACED).arg("late").run().ok();
    let events = recording.finish();
    let forked: Vec<(String, i64)> = events
        .iter()
        .filter(|event| event.name == "rust:fork")
        .map(|event| (event.value("who").expect("who").to_owned(), event.int("vpid").expect("vpid")))
        .collect();
    let texts: Vec<&str> = forked.iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!(texts, ["\"parent before\"", "\"child\"", "\"parent after\""]);
    assert_eq!(forked[0].1, forked[2].1);
    assert_ne!(forked[0].1, forked[1].1, "the child is recorded under its own number");
    let names = events_by_name(&events);
    assert_eq!((names["rust:late_one"], names["rust:late_two"]), (1, 1));
    // Each of the three processes was dumped, with the program itself.
    assert_eq!((names["lttng_ust_statedump:start"], names["lttng_ust_statedump:end"]), (3, 3));
    let program = |event: &&Event| event.fields().contains("rust_traced\", is_pic = 1, has_build_id = 1");
    assert_eq!(events.iter().filter(program).count(), 3);
    assert!(names["lttng_ust_statedump:build_id"] >= 3);
}

#[test]
fn forks_and_latecomers_under_the_real_daemons() {
    forks_and_latecomers(Cast::REAL);
}

#[test]
fn forks_and_latecomers_under_ours() {
    forks_and_latecomers(Cast::OURS);
}

/// The session daemon ends and another one comes: the program registers again, and is recorded again.
#[test]
fn a_program_outlives_its_session_daemon() {
    let Some(recording) = Recording::create(Cast::REAL, &[]) else { return };
    let end = recording.world.file("end");
    let mut program = recording.traced(TRACED).arg("idle").arg(&end).spawn();
    program.wait_for_output("ready");
    recording.lttng(["enable-event", "-u", "rust:idle"]);
    recording.lttng(["start"]);
    let world = recording.world;
    recording.daemon.terminate();
    let _second = world.our_sessiond();
    eventually("the program registers again", || world.our_lttng(["list", "-u"]).ok().contains("rust:idle"));
    let trace = world.file("second");
    world.our_lttng(["create", "second", "--output", &trace.display().to_string()]).ok();
    world.our_lttng(["enable-event", "-u", "rust:idle"]).ok();
    world.our_lttng(["start"]).ok();
    let_it_go_on(&end);
    world.our_lttng(["stop"]).ok();
    world.our_lttng(["destroy"]).ok();
    std::fs::write(&end, "").expect("the file that ends it");
    program.ends().ok();
    assert!(!world.babeltrace2(&trace).is_empty());
}

/// A trigger on an event of a Rust program: the first of its numbers beyond 20 starts the session.
#[test]
fn triggers_wait_for_events() {
    let Some(recording) = Recording::create(Cast::REAL, &[]) else { return };
    recording.lttng(["enable-event", "-u", "rust:idle"]);
    recording.lttng([
        "add-trigger",
        "--condition=event-rule-matches",
        "--type=user",
        "--name=rust:id*",
        "--filter=number > 20",
        "--capture=number",
        "--action=start-session",
        "recording",
    ]);
    let end = recording.world.file("end");
    let mut program = recording.traced(TRACED).arg("idle").arg(&end).spawn();
    program.wait_for_output("ready");
    eventually("the session is started", || recording.lttng(["list"]).contains("[active]"));
    let_it_go_on(&end);
    std::fs::write(&end, "").expect("the file that ends it");
    program.ends().ok();
    let events = recording.finish();
    assert!(!events.is_empty());
    assert!(events.iter().all(|event| event.int("number") > Some(20)), "{:?}", events[0]);
}

/// Firing an event makes no system call and allocates nothing; and it takes no lock, for a lock that is held would need
/// the system call to wait for it.
#[test]
fn firing_an_event_asks_nothing_of_the_system() {
    let Some(recording) = Recording::create(Cast::REAL, &[]) else { return };
    recording.lttng(["enable-event", "-u", "rust:pure", "--filter", "number != 7 || text == \"no*\""]);
    recording.lttng(["start"]);
    assert_eq!(recording.traced(TRACED).arg("pure").run().ok().trim(), "0");
    assert_eq!(recording.finish().len(), 99);
}
