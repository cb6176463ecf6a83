//! Rust programs that are linked statically, with glibc and with musl, under the real daemons and under ours: they have
//! no loader, and of musl no registered restartable sequences, and are recorded as the others.

use std::time::Duration;

use rttng_tests::apps::{Libc, linked_statically};
use rttng_tests::{Cast, Event, Need, Recording, events_by_name};

/// Each test runs with both libraries under both casts.
macro_rules! with_both {
    ($($life:ident: $glibc_real:ident, $glibc_ours:ident, $musl_real:ident, $musl_ours:ident;)*) => {$(
        #[test]
        fn $glibc_real() {
            $life(Libc::Glibc, Cast::REAL);
        }

        #[test]
        fn $glibc_ours() {
            $life(Libc::Glibc, Cast::OURS);
        }

        #[test]
        fn $musl_real() {
            $life(Libc::Musl, Cast::REAL);
        }

        #[test]
        fn $musl_ours() {
            $life(Libc::Musl, Cast::OURS);
        }
    )*};
}

with_both! {
    threads: threads_with_glibc_under_the_real_daemons, threads_with_glibc_under_ours,
        threads_with_musl_under_the_real_daemons, threads_with_musl_under_ours;
    lives: lives_with_glibc_under_the_real_daemons, lives_with_glibc_under_ours,
        lives_with_musl_under_the_real_daemons, lives_with_musl_under_ours;
}

/// A session that records all of these events.
fn recording(libc: Libc, cast: Cast, events: &str) -> Option<Recording> {
    let needs: &[Need] = if libc == Libc::Musl { &[Need::MuslTarget] } else { &[] };
    let recording = Recording::create(cast, needs)?;
    recording.enable_patient_channel();
    recording.lttng(["enable-event", "-u", "-c", "main", events]);
    recording.lttng(["start"]);
    Some(recording)
}

/// Threads, fields of every type, a fork, kinds of events that come late, what is mapped; and events ask nothing of the
/// system here either.
fn threads(libc: Libc, cast: Cast) {
    const COUNT: i64 = 20_000;
    const THREADS: usize = 3;
    let Some(recording) = recording(libc, cast, "rust:*,lttng_ust_statedump:*") else { return };
    let traced = linked_statically("static_traced", libc);
    recording.traced(&traced).args(["ticks", &COUNT.to_string(), &THREADS.to_string()]).run().ok();
    for part in ["types", "fork", "late"] {
        recording.traced(&traced).arg(part).run().ok();
    }
    assert_eq!(recording.traced(&traced).arg("pure").run().ok().trim(), "0");
    let events = recording.finish();
    let mut next = [0; THREADS];
    for event in events.iter().filter(|event| event.name == "rust:tick") {
        let expected = &mut next[event.int("thread").expect("a thread") as usize];
        assert_eq!(event.int("number"), Some(*expected), "{event:?}");
        *expected += 1;
    }
    assert_eq!(next, [COUNT; THREADS]);
    let names = events_by_name(&events);
    let counts =
        ["types", "many", "fork", "late_one", "late_two"].map(|name| names[&*format!("rust:{name}")]);
    assert_eq!(counts, [1, 1, 3, 1, 1]);
    // Five programs and a child, each of them with itself in the list.
    assert_eq!((names["lttng_ust_statedump:start"], names["lttng_ust_statedump:end"]), (6, 6));
    let itself = |event: &&Event| {
        event.name == "lttng_ust_statedump:bin_info" && event.fields().contains("static_traced\"")
    };
    assert_eq!(events.iter().filter(itself).count(), 6);
}

/// Before and after `main`, panics, and children of every kind.
fn lives(libc: Libc, cast: Cast) {
    let events = "lives:around,lives:one,lives:calm,lives:inner,lives:zeros,lives:argument,lives:half";
    let Some(recording) = recording(libc, cast, events) else { return };
    let lives = linked_statically("static_lives", libc);
    for part in ["around-main", "panics", "children"] {
        recording.traced(&lives).arg(part).limit(Duration::from_secs(120)).run().ok();
    }
    let events = recording.finish();
    let of = |name: &str, field: &str| -> Vec<String> {
        let events = events.iter().filter(|event| event.name == name);
        events.map(|event| event.value(field).expect("the field").trim_matches('"').to_owned()).collect()
    };
    // The first thread ends without what threads do at their end: the standard library has nothing to hang that on.
    let around = ["before main", "end of a thread", "main", "at exit", "after main"];
    // The other two parts begin and end as well.
    assert_eq!(of("lives:around", "when")[..around.len()], around);
    let mut one = vec!["spawned", "vfork", "raw clone"];
    one.extend(["forked"; 10]);
    one.extend(["executed", "parent"]);
    assert_eq!(of("lives:one", "who"), one);
    let names = events_by_name(&events);
    let calm = ["lives:calm", "lives:inner", "lives:zeros"].map(|name| names[name]);
    assert_eq!(calm, [10, 10, 10]);
}
