//! Rust programs with special lives under the real daemons and under ours: nested in signal handlers, before and after
//! `main`, in allocators, in libraries that come and go, in children of every kind.

use std::collections::HashMap;
use std::time::Duration;

use rttng_tests::{Cast, Event, Need, Recording, apps, events_by_name, eventually};

const LIVES: &str = env!("CARGO_BIN_EXE_rust_lives");
const SIGABRT: i32 = 6;

/// Each test runs under both casts.
macro_rules! under_both {
    ($($life:ident: $real:ident, $ours:ident;)*) => {$(
        #[test]
        fn $real() {
            $life(Cast::REAL);
        }

        #[test]
        fn $ours() {
            $life(Cast::OURS);
        }
    )*};
}

under_both! {
    nested_in_handlers: nested_in_handlers_under_the_real_daemons, nested_in_handlers_under_ours;
    around_main: around_main_under_the_real_daemons, around_main_under_ours;
    panics: panics_under_the_real_daemons, panics_under_ours;
    aborts: aborts_under_the_real_daemons, aborts_under_ours;
    in_the_allocator: in_the_allocator_under_the_real_daemons, in_the_allocator_under_ours;
    plugins: plugins_under_the_real_daemons, plugins_under_ours;
    children: children_under_the_real_daemons, children_under_ours;
    a_daemon: a_daemon_under_the_real_daemons, a_daemon_under_ours;
    leaving: leaving_under_the_real_daemons, leaving_under_ours;
}

/// A session that records these events with a channel of so large sub-buffers, so many for each CPU.
fn recording(
    cast: Cast,
    needs: &[Need],
    events: &str,
    subbuf_size: &str,
    subbufs: &str,
) -> Option<Recording> {
    let recording = Recording::create(cast, needs)?;
    recording.lttng(["enable-channel", "-u", "main", "--subbuf-size", subbuf_size, "--num-subbuf", subbufs]);
    recording.lttng(["enable-event", "-u", "-c", "main", events]);
    recording.lttng(["start"]);
    Some(recording)
}

/// The values of a field of all events of that name, in order.
fn values<'e>(events: &'e [Event], name: &str, field: &str) -> Vec<&'e str> {
    let of = |event: &'e Event| event.value(field).unwrap_or_else(|| panic!("no {field}: {event:?}"));
    events.iter().filter(|event| event.name == name).map(of).collect()
}

/// Every thread's numbers, each once and in order; and those of the handlers, each once.
fn assert_whole(events: &[Event], provider: &str, count: i64, threads: usize, handled: i64) {
    let mut next: HashMap<i64, i64> = HashMap::new();
    let mut inner = vec![false; handled as usize];
    for event in events {
        let number = || event.int("number").expect("a number");
        if event.name == format!("{provider}:outer") {
            let expected = next.entry(event.int("thread").expect("a thread")).or_default();
            assert_eq!(number(), *expected, "{event:?}");
            assert_eq!(event.value("text"), Some("\"eleven byte\""));
            *expected += 1;
        } else if event.name == format!("{provider}:inner") {
            assert!(!std::mem::replace(&mut inner[number() as usize], true), "twice: {event:?}");
            assert_eq!(event.value("text"), Some("\"in a handler\""));
        }
    }
    assert_eq!(next.len(), threads, "{provider}");
    assert!(next.values().all(|of| *of == count), "{provider}: {next:?}");
    assert!(inner.iter().all(|is_there| *is_there), "{provider}: an event of a handler is missing");
    // One in the middle of each 16th event, at least.
    assert!(handled >= count / 16 * threads as i64, "{provider}: only {handled} signals");
}

/// C and Rust write the same buffers of all CPUs at the same time, and both are interrupted in the middle of events by
/// handlers that fire events. All of it fits into the buffers: one that waits for room in a handler would wait for what
/// it interrupted.
fn nested_in_handlers(cast: Cast) {
    const COUNT: i64 = 30_000;
    let needs = [Need::UstHeaders];
    let Some(recording) = recording(cast, &needs, "lives:*,rttng_nested:*", "4M", "4") else { return };
    let nested = |program: &std::path::Path| recording.traced(program);
    let count = COUNT.to_string();
    let mut c = nested(&apps::built("nested")).args([&count, "2"]).spawn();
    let mut rust = nested(LIVES.as_ref()).args(["nested", &count, "2"]).spawn();
    let handled = |program: &mut rttng_tests::Running| -> i64 {
        let ended = program.wait(Duration::from_secs(120)).expect("the program ends");
        ended.ok().trim().parse().expect("how many were handled")
    };
    let (by_rust, by_c) = (handled(&mut rust), handled(&mut c));
    let events = recording.finish();
    assert_whole(&events, "lives", COUNT, 2, by_rust);
    assert_whole(&events, "rttng_nested", COUNT, 2, by_c);
}

/// The program's constructors run after the tracer's; its destructors, and those of its threads, while it is there.
fn around_main(cast: Cast) {
    let Some(recording) = recording(cast, &[], "lives:around", "64k", "4") else { return };
    recording.traced(LIVES).arg("around-main").run().ok();
    let events = recording.finish();
    let all = ["before main", "end of a thread", "main", "end of a thread", "at exit", "after main"];
    let all: Vec<String> = all.iter().map(|when| format!("\"{when}\"")).collect();
    assert_eq!(values(&events, "lives:around", "when"), all);
}

/// An argument that panics, or a value while it is being written: there is no event. But where another one follows it
/// already, it has to stay, without its values.
fn panics(cast: Cast) {
    let events = "lives:calm,lives:inner,lives:argument,lives:half,lives:zeros";
    let Some(recording) = recording(cast, &[], events, "64k", "4") else { return };
    recording.traced(LIVES).arg("panics").run().ok();
    let events = recording.finish();
    let names = events_by_name(&events);
    assert_eq!(names, [("lives:calm", 10), ("lives:inner", 10), ("lives:zeros", 10)].into());
    assert_eq!(values(&events, "lives:zeros", "number"), ["0"; 10]);
    assert_eq!(values(&events, "lives:zeros", "behind"), ["0"; 10]);
}

/// As `panic = "abort"` has it: the program ends there, by the signal of `abort`. Our daemons do not wait for an event
/// that was begun; the real ones would, for ever, as for those of C programs.
fn aborts(cast: Cast) {
    let aborts = apps::example_with("rttng-tests", "rust_aborts", &["-C", "panic=abort"]);
    let Some(recording) = recording(cast, &[], "aborts:*", "64k", "4") else { return };
    let ended = recording.traced(&aborts).arg("argument").run();
    assert_eq!(ended.killed_by(), Some(SIGABRT), "{ended}");
    let mut calm = 1000;
    if cast == Cast::OURS {
        let ended = recording.traced(&aborts).arg("value").run();
        assert_eq!(ended.killed_by(), Some(SIGABRT), "{ended}");
        calm += 1000;
    }
    assert_eq!(events_by_name(&recording.finish()), [("aborts:calm", calm)].into());
}

/// The allocator fires for every allocation of the process: of the runtime before `main`, of the tracer's own threads.
fn in_the_allocator(cast: Cast) {
    let Some(recording) = recording(cast, &[], "allocator:*", "1M", "4") else { return };
    let counted = recording.traced(LIVES).arg("allocator").run().ok();
    let events = recording.finish();
    let names = events_by_name(&events);
    assert_eq!(names["allocator:counted"].to_string(), counted.trim());
    assert!(names["allocator:any"] >= names["allocator:counted"], "{names:?}");
    assert!(names["allocator:counted"] > 2000 && names["allocator:free"] > 2000, "{names:?}");
}

/// A library with a tracer of its own is opened, closed, and opened again: by a program without any, and by one that has
/// another copy.
fn plugins(cast: Cast) {
    let plugin = apps::example("rttng-tests", "rust_plugin").with_file_name("librust_plugin.so");
    let Some(recording) = recording(cast, &[Need::UstHeaders], "plugin:*,lives:one", "64k", "4") else {
        return;
    };
    recording.traced(apps::built("late")).arg(&plugin).args(["5", "3"]).run().ok();
    recording.traced(LIVES).arg("plugin").arg(&plugin).run().ok();
    let events = recording.finish();
    let fired: Vec<String> =
        [[0, 1, 2, 3, 4]; 3].concat().into_iter().chain(0..3).map(|n| n.to_string()).collect();
    assert_eq!(values(&events, "plugin:fired", "number"), fired);
    assert_eq!(values(&events, "lives:one", "who"), ["\"the program\""; 3]);
}

/// Children of every kind are recorded, and none of them disturbs its parent.
fn children(cast: Cast) {
    let Some(recording) = recording(cast, &[], "lives:one", "64k", "4") else { return };
    recording.traced(LIVES).arg("children").limit(Duration::from_secs(120)).run().ok();
    let events = recording.finish();
    let mut all = vec!["\"spawned\"", "\"vfork\"", "\"raw clone\""];
    all.extend(["\"forked\""; 10]);
    all.extend(["\"executed\"", "\"parent\""]);
    assert_eq!(values(&events, "lives:one", "who"), all);
}

/// A daemon closes all descriptors, the tracer's too, and opens its own under their numbers. They are left alone, and the
/// program is soon traced again.
fn a_daemon(cast: Cast) {
    let Some(recording) = recording(cast, &[], "lives:daemon", "64k", "32") else { return };
    let folder = recording.world.open_dir();
    recording.traced(LIVES).arg("daemon").arg(&folder).run().ok();
    eventually("the daemon fires", || folder.join("fired").exists());
    recording.lttng(["enable-event", "-u", "-c", "main", "lives:again"]);
    std::fs::write(folder.join("asked"), "").expect("a folder that can be written");
    eventually("the daemon is traced again", || folder.join("harm").exists());
    let harm = std::fs::read_to_string(folder.join("harm")).expect("what was done");
    std::fs::write(folder.join("end"), "").expect("a folder that can be written");
    let events = recording.finish();
    assert_eq!(harm, "");
    let names = events_by_name(&events);
    assert_eq!(names, [("lives:again", 10), ("lives:daemon", 20_000)].into());
}

/// A program that becomes another user, and one that sees another root folder, go on being traced; children of the first
/// are, too, children of the second find no daemon and live without.
fn leaving(cast: Cast) {
    let Some(recording) = recording(cast, &[Need::Root], "lives:left", "64k", "4") else { return };
    let empty = recording.world.file("empty");
    std::fs::create_dir(&empty).expect("a fresh folder has room");
    recording.traced(LIVES).arg("leaves").arg(&empty).run().ok();
    let events = recording.finish();
    let left = ["nothing", "root", "root before birth", "the root folder", "a child behind"];
    let left: Vec<String> = left.iter().map(|what| format!("\"{what}\"")).collect();
    assert_eq!(values(&events, "lives:left", "what"), left);
}
