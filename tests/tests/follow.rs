//! `rttng view --follow` beside the daemons that write: what it prints while they do is what babeltrace2 prints in the
//! end.

use std::time::Duration;

use rttng_tests::{Cast, Need, Recording, World, apps, eventually};
use rustix::process::Signal;

/// A recording of two programs, stopped and started between, rotated if asked for, followed from before its start.
fn follow(cast: Cast, is_rotated: bool) {
    let Some(recording) = Recording::create(cast, &[Need::UstHeaders]) else { return };
    let channel = "enable-channel -u main --subbuf-size=16k --num-subbuf=8 --blocking-timeout=inf";
    recording.lttng(channel.split(' ').chain(["--switch-timer=100000"]));
    recording.lttng("enable-event -u shop:*,demo:* -c main".split(' '));
    // By the session's name: nothing is there yet.
    let view = recording.world.rttng().args(["view", "--follow", "--clock-seconds", "recording"]);
    let mut view = view.spawn();
    recording.lttng(["start"]);
    recording.traced(apps::built("shop")).args(["600", "2"]).run().ok();
    // Switched by the timer; what is older than that is certain, whatever other CPUs do.
    eventually("the first program is seen while the session records", || {
        assert!(!view.is_over(), "{}", view.stderr());
        view.stdout().contains("shop:request_end") && view.stdout().lines().count() > 2000
    });
    if is_rotated {
        recording.lttng(["rotate"]);
    }
    recording.lttng(["stop"]);
    eventually("a stopped session is shown to its end", || {
        assert!(!view.is_over(), "{}", view.stderr());
        view.stdout().matches("shop:request_end").count() == 1200
    });
    assert!(!view.is_over(), "it may be started again");
    recording.lttng(["start"]);
    // Other kinds of events: metadata grows.
    recording.traced(apps::built("demo")).arg("3000").run().ok();
    recording.lttng(["stop"]);
    recording.lttng(["destroy"]);
    let ended = view.ends();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    let theirs = recording.world.program("babeltrace2").arg("--clock-seconds").arg(recording.trace()).run();
    assert_eq!(theirs.stderr, "");
    assert!(theirs.stdout.lines().count() > 5000);
    for (number, (ours, theirs)) in ended.stdout.lines().zip(theirs.stdout.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {number}");
    }
    assert_eq!(ended.stdout.len(), theirs.stdout.len());
}

/// A session daemon that answers nothing for longer than it is waited for has not ended, nor has its session.
#[test]
fn a_daemon_that_is_slow_to_answer_is_not_taken_for_gone() {
    let Some(mut recording) = Recording::create(Cast::OURS, &[Need::UstHeaders]) else { return };
    recording.lttng(["enable-event", "-u", "demo:*"]);
    recording.daemon.process.signal(Signal::STOP);
    let mut view = recording.world.rttng().args(["view", "--follow"]).arg(recording.trace()).spawn();
    let ended = view.wait(Duration::from_secs(4));
    assert!(ended.is_none(), "the daemon may answer later: {ended:?}");
    recording.daemon.process.signal(Signal::CONT);
    recording.lttng(["start"]);
    recording.traced(apps::built("demo")).arg("100").run().ok();
    recording.lttng(["stop"]);
    recording.lttng(["destroy"]);
    assert_eq!(view.ends().ok().matches("demo:tick").count(), 100);
}

#[test]
fn our_recording_is_followed() {
    follow(Cast::OURS, false);
}

#[test]
fn a_real_recording_is_followed() {
    follow(Cast::REAL, false);
}

#[test]
fn rotations_are_followed() {
    follow(Cast::REAL, true);
}

#[test]
fn a_trace_that_nobody_writes_is_shown_and_done_with() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let trace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/trace/per-uid/trace");
    let whole = world.rttng().arg("view").arg(&trace).run().ok();
    assert_eq!(world.rttng().args(["view", "--follow"]).arg(&trace).run().ok(), whole);
    let limited = world.rttng().args(["view", "--follow", "--limit=3"]).arg(&trace).run().ok();
    assert_eq!(limited.lines().collect::<Vec<_>>(), whole.lines().take(3).collect::<Vec<_>>());
    let counted = world.rttng().args(["view", "--follow", "--count"]).arg(&trace).run().ok();
    assert_eq!(counted.trim(), whole.lines().count().to_string());
    for command in [["view", "--follow"], ["top", "--batch"]] {
        let ended = world.rttng().args(command).arg("nowhere/at/all").run();
        assert_eq!(ended.code(), Some(1), "{command:?}");
        assert!(ended.stderr.contains("nobody is writing one"), "{}", ended.stderr);
    }
    let ended = world.rttng().args(["view", "--follow", "unknown"]).run();
    assert!(ended.stderr.contains("no session daemon to ask"), "{}", ended.stderr);
}
