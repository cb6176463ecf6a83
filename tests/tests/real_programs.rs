//! Programs that nobody here wrote, recorded whole: Debian's perl and xz under the preload helpers of liblttng-ust.
//!
//! The channel waits rather than lose an event, so what the program did must be in the trace without a gap; the laws of
//! what is traced show one: an address that is handed out twice, a mutex that is released by who does not hold it.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use rttng_tests::{Cast, Event, Need, Recording, events_by_name};

/// A million and a half of allocations, in one thread.
fn heap_of_perl(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[Need::UstPreloads]) else { return };
    recording.enable_patient_channel();
    recording.lttng(["enable-event", "-u", "-c", "main", "lttng_ust_libc:*"]);
    recording.lttng(["start"]);
    let script = r#"for my $i (1..500000) { $h{$i} = "x" x ($i % 100) } delete $h{$_} for 1..250000; print scalar(keys %h)"#;
    let said = recording
        .traced("perl")
        .args(["-e", script])
        .env("LD_PRELOAD", "liblttng-ust-libc-wrapper.so.1")
        .limit(Duration::from_secs(600))
        .run()
        .ok();
    assert_eq!(said, "250000");

    let events = recording.finish();
    let counts = events_by_name(&events);
    assert!(counts["lttng_ust_libc:malloc"] > 1_000_000, "{counts:?}");
    assert!(counts["lttng_ust_libc:free"] > 250_000, "{counts:?}");
    replay_heap(&events);
}

/// No address is handed out while it is held, and none is given back twice.
fn replay_heap(events: &[Event]) {
    let (mut held, mut seen) = (HashSet::new(), HashSet::new());
    let mut hand_out = |held: &mut HashSet<u64>, address: u64, event: &Event| {
        seen.insert(address);
        assert!(address == 0 || held.insert(address), "an address that is held is handed out: {event:?}");
    };
    let mut freed = HashSet::new();
    for event in events {
        let address =
            |field: &str| event.hex(field).unwrap_or_else(|| panic!("no address {field}: {event:?}"));
        match event.name.as_str() {
            "lttng_ust_libc:malloc" | "lttng_ust_libc:calloc" | "lttng_ust_libc:memalign" => {
                freed.remove(&address("ptr"));
                hand_out(&mut held, address("ptr"), event);
            }
            "lttng_ust_libc:posix_memalign" => {
                freed.remove(&address("out_ptr"));
                hand_out(&mut held, address("out_ptr"), event);
            }
            "lttng_ust_libc:realloc" => {
                held.remove(&address("in_ptr"));
                freed.remove(&address("ptr"));
                hand_out(&mut held, address("ptr"), event);
            }
            // What was handed out before the tracer ran may be given back, but once only.
            "lttng_ust_libc:free" => {
                let address = address("ptr");
                held.remove(&address);
                assert!(address == 0 || freed.insert(address), "an address is given back twice: {event:?}");
            }
            other => panic!("an event of the heap that is not known: {other}"),
        }
    }
}

/// A compressor with a pool of threads that share a queue.
fn locks_of_xz(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[Need::UstPreloads]) else { return };
    recording.enable_patient_channel();
    recording.lttng(["enable-event", "-u", "-c", "main", "lttng_ust_pthread:*"]);
    recording.lttng(["add-context", "-u", "-c", "main", "-t", "vtid"]);
    recording.lttng(["start"]);
    let input = recording.world.file("numbers");
    let numbers: String = (0..400_000).map(|number| format!("{number}\n")).collect();
    std::fs::write(&input, numbers).expect("the world's folder has room");
    recording
        .traced("xz")
        .args(["--keep", "--threads=4", "--block-size=100000"])
        .arg(&input)
        .env("LD_PRELOAD", "liblttng-ust-pthread-wrapper.so.1")
        .limit(Duration::from_secs(600))
        .run()
        .ok();

    let events = recording.finish();
    assert!(events.len() > 1_000, "{}", events.len());
    let mut threads = BTreeSet::new();
    for event in &events {
        let thread = event.int("vtid").expect("the context was added");
        assert!(event.hex("mutex") > Some(0), "every event names its mutex: {event:?}");
        threads.insert(thread);
        match event.name.as_str() {
            "lttng_ust_pthread:pthread_mutex_lock_acq" | "lttng_ust_pthread:pthread_mutex_unlock" => {
                assert_eq!(event.int("status"), Some(0), "{event:?}");
            }
            "lttng_ust_pthread:pthread_mutex_lock_req" | "lttng_ust_pthread:pthread_mutex_trylock" => {}
            other => panic!("an event of the mutexes that is not known: {other}"),
        }
    }
    assert!(threads.len() >= 5, "the main thread and four that work: {threads:?}");
    for &thread in &threads {
        let of = |name: &str| {
            let name = format!("lttng_ust_pthread:pthread_mutex_{name}");
            events.iter().filter(|event| event.int("vtid") == Some(thread) && event.name == name).count()
        };
        let (asked, got, released) = (of("lock_req"), of("lock_acq"), of("unlock"));
        // The main thread takes its first locks before the tracer runs. The wrapper does not tell of a thread's first
        // request, while it makes itself known there; and the program may end while a thread holds a lock.
        let (locks, requests) = if Some(&thread) == threads.first() { (10, 10) } else { (1, 2) };
        assert!(
            got.abs_diff(released) <= locks && got.abs_diff(asked) <= requests,
            "thread {thread} asked {asked} times, got {got}, released {released}"
        );
    }
}

/// A program that loads its modules while it runs.
fn modules_of_perl(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[Need::UstPreloads]) else { return };
    recording.enable_patient_channel();
    recording.lttng(["enable-event", "-u", "-c", "main", "--all"]);
    recording.lttng(["start"]);
    recording
        .traced("perl")
        .args(["-MPOSIX", "-MSocket", "-e", "print POSIX::floor(1.5)"])
        .env("LD_PRELOAD", "liblttng-ust-dl.so.1")
        .run()
        .ok();

    let events = recording.finish();
    let loaded = |module: &str| {
        let path = format!("/{module}.so\"");
        let of_it =
            |name: &str| events.iter().any(|event| event.name == name && event.fields().contains(&path));
        of_it("lttng_ust_dl:dlopen") && of_it("lttng_ust_lib:load")
    };
    assert!(loaded("POSIX") && loaded("Socket"), "{:?}", events_by_name(&events));
    // What was there before is told when recording reaches the program.
    let counts = events_by_name(&events);
    assert_eq!(
        (counts["lttng_ust_statedump:start"], counts["lttng_ust_statedump:end"]),
        (1, 1),
        "{counts:?}"
    );
    let dumped = |event: &&Event| event.name == "lttng_ust_statedump:bin_info";
    let libc = events.iter().filter(dumped).find(|event| event.fields().contains("/libc.so.6\""));
    assert!(libc.is_some_and(|event| event.hex("baddr") > Some(0)), "{counts:?}");
}

macro_rules! casts {
    ($($name:ident: $cast:expr;)*) => {
        $(mod $name {
            use super::*;
            #[test]
            fn records_the_heap_of_perl() {
                heap_of_perl($cast);
            }
            #[test]
            fn records_the_locks_of_xz() {
                locks_of_xz($cast);
            }
            #[test]
            fn records_the_modules_of_perl() {
                modules_of_perl($cast);
            }
        })*
    };
}

casts! {
    real: Cast::REAL;
    ours: Cast::OURS;
}
