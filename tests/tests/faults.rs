//! Faults that users meet, with our programs: processes that are killed or hang, daemons that are there twice or left
//! their files behind, folders that cannot be written. Each has a bounded and clear outcome, and what was recorded can be
//! read.

use std::fs;
use std::time::{Duration, Instant};

use rttng_tests::Make::Ours;
use rttng_tests::{Cast, Need, Recording, World, apps, events_by_name, eventually};
use rustix::process::Signal;

/// What nobody waits longer for, however many processors the machine lacks: well below what a person gives up after.
const BOUND: Duration = Duration::from_secs(20);

/// A session that records the events of `tests/programs/fields` with our programs.
fn recording() -> Option<Recording> {
    let recording = Recording::create(Cast::OURS, &[Need::UstHeaders])?;
    recording.lttng(["enable-channel", "-u", "main", "--subbuf-size=1M", "--num-subbuf=4"]);
    recording.lttng(["enable-event", "-u", "-c", "main", "rttng_*"]);
    Some(recording)
}

#[test]
fn goes_on_when_an_application_is_killed() {
    let Some(recording) = recording() else { return };
    recording.lttng(["start"]);
    for _ in 0..5 {
        // Flat out, so that the signal finds it between reserving and committing now and then.
        let ready = recording.world.file("ready");
        let mut victim = recording
            .traced(apps::built("fields"))
            .args(["--threads", "2", "--events", "10000000", "--rate", "2000", "--ready"])
            .arg(&ready)
            .spawn();
        eventually("the application runs", || ready.exists());
        std::thread::sleep(Duration::from_millis(30));
        victim.kill();
        fs::remove_file(ready).expect("an own file can be removed");
    }
    // What comes after it in the same buffers is all there.
    recording.lttng(["enable-event", "-u", "-c", "main", "demo:tick"]);
    recording.traced(apps::built("demo")).arg("1000").run().ok();
    recording.lttng(["stop"]);
    recording.lttng(["destroy"]);
    let events = recording.world.babeltrace2_with_losses(recording.trace());
    let counts = events_by_name(&events);
    assert!(counts["rttng_fields:integers"] > 0, "{counts:?}");
    assert_eq!(counts.get("demo:tick"), Some(&1000), "{counts:?}");
}

#[test]
fn does_not_wait_for_an_application_that_is_stopped() {
    let Some(recording) = recording() else { return };
    let ready = recording.world.file("ready");
    let go = recording.world.file("go");
    let mut hung = recording
        .traced(apps::built("fields"))
        .args(["--ready".as_ref(), ready.as_os_str(), "--wait-for".as_ref(), go.as_os_str()])
        .spawn();
    eventually("the application runs", || ready.exists());
    hung.signal(Signal::STOP);

    let within = |what: &[&str]| {
        let started = Instant::now();
        recording.lttng(what);
        assert!(started.elapsed() < BOUND, "{what:?} took {:?}", started.elapsed());
    };
    within(&["start"]);
    within(&["list", "-u"]);
    let said = recording.traced(apps::built("fields")).args(["--events", "5"]).limit(BOUND).run().ok();
    assert_eq!(said, "fired 120\n");
    within(&["enable-event", "-u", "-c", "main", "other:*"]);
    within(&["stop"]);
    hung.signal(Signal::CONT);
    fs::write(&go, "").expect("the world's folder has room");
    assert!(hung.wait(BOUND).is_some_and(|ended| ended.status.success()), "it goes on when it is woken");
    recording.lttng(["destroy"]);
    assert_eq!(recording.world.babeltrace2(recording.trace()).len(), 120);
}

#[test]
fn tells_when_the_consumer_daemon_was_killed_and_starts_another() {
    let Some(recording) = recording() else { return };
    recording.lttng(["start"]);
    recording.traced(apps::built("fields")).args(["--events", "5"]).run().ok();
    let consumers = recording.world.processes("lttng-consumerd");
    assert!(!consumers.is_empty(), "a consumer daemon runs");
    for pid in consumers {
        // Its own worker may go first.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    for command in [["list"], ["stop"], ["destroy"]] {
        let started = Instant::now();
        recording.world.our_lttng(command);
        assert!(started.elapsed() < BOUND, "{command:?} took {:?}", started.elapsed());
    }
    let second = recording.world.file("second");
    recording.lttng(["create", "second", "--output", &second.display().to_string()]);
    recording.lttng(["enable-event", "-u", "rttng_*"]);
    recording.lttng(["start"]);
    recording.traced(apps::built("fields")).args(["--events", "5"]).run().ok();
    recording.lttng(["stop"]);
    recording.lttng(["destroy"]);
    assert_eq!(recording.world.babeltrace2(&second).len(), 120);
}

#[test]
fn starts_anew_where_a_killed_daemon_left_its_files() {
    let Some(mut recording) = recording() else { return };
    recording.lttng(["start"]);
    recording.traced(apps::built("fields")).args(["--events", "5"]).run().ok();
    recording.daemon.process.kill();
    let alone = recording.world.our_lttng(["list"]);
    assert!(!alone.status.success() && alone.stderr.contains("No session daemon"), "{alone}");
    assert!(
        recording.world.outside("/run/lttng/client-lttng-sessiond").exists(),
        "its socket is left behind"
    );
    eventually("the consumer daemon ends without its session daemon", || {
        recording.world.processes("lttng-consumerd").is_empty()
    });

    let daemon = recording.world.our_sessiond();
    assert_eq!(recording.world.our_lttng(["list"]).ok(), "Currently no available recording session\n");
    assert_eq!(daemon.terminate().code(), Some(0));
}

#[test]
fn refuses_to_run_twice() {
    let Some(world) = World::open(&[]) else { return };
    let first = world.our_sessiond();
    let second = world.sessiond_program(Ours, Ours).limit(BOUND).run();
    assert_eq!(second.code(), Some(1), "{second}");
    assert!(second.stderr.contains("Error: A session daemon is already running."), "{second}");
    assert_eq!(world.our_lttng(["list"]).ok(), "Currently no available recording session\n");
    assert_eq!(first.terminate().code(), Some(0));
}

#[test]
fn survives_a_full_disk() {
    let Some(world) = World::open(&[Need::UstHeaders, Need::Babeltrace2]) else { return };
    let _daemon = world.our_sessiond();
    let small = world.file("small");
    fs::create_dir(&small).expect("the world's folder has room");
    world.program("mount").args(["-t", "tmpfs", "-o", "size=1m", "small"]).arg(&small).run().ok();
    let output = small.join("trace").display().to_string();
    let lttng = |args: &[&str]| world.our_lttng(args);
    lttng(&["create", "full", "--output", &output]).ok();
    lttng(&["enable-event", "-u", "rttng_*"]).ok();
    lttng(&["start"]).ok();
    let traced = |rounds: &str| {
        let program = world.program(apps::built("fields")).args(["--threads", "2", "--events", rounds]);
        program.env("LTTNG_UST_REGISTER_TIMEOUT", "-1").limit(Duration::from_secs(60)).run().ok();
    };
    traced("3000");
    for command in [["stop"], ["destroy"]] {
        let started = Instant::now();
        lttng(&command);
        assert!(started.elapsed() < BOUND, "{command:?} took {:?}", started.elapsed());
    }

    // The daemons are as good as before.
    let second = world.file("second");
    lttng(&["create", "second", "--output", &second.display().to_string()]).ok();
    lttng(&["enable-event", "-u", "rttng_*"]).ok();
    lttng(&["start"]).ok();
    traced("5");
    lttng(&["stop"]).ok();
    lttng(&["destroy"]).ok();
    assert_eq!(world.babeltrace2(&second).len(), 2 * 120);
}
