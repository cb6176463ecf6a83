//! Applications that are stopped (SIGSTOP, a debugger) at each step of their life with a session daemon, and applications
//! that answer for something else: whatever step that is, nobody else waits longer than a bounded time, and nothing of
//! the others is lost.

use std::fs;
use std::time::{Duration, Instant};

use rttng_tests::Make::{self, Ours, Real};
use rttng_tests::{Cast, Need, Recording, Running, World, apps, eventually};
use rustix::process::Signal;

/// What nobody waits longer for: several times the daemon's limit for an application (5 s).
const BOUND: Duration = Duration::from_secs(20);

/// Steps at which an application stops itself (`tests/programs/mortal/halt.c`): before the tracer began; connected, with
/// nothing said on the first, the second connection; registered, with the first command not answered, and with one in the
/// middle of a session's.
const STEPS: [&str; 5] = ["begin", "connect=1", "connect=2", "reply=1", "reply=5"];

fn within(recording: &Recording, what: &[&str]) -> String {
    let started = Instant::now();
    let said = recording.lttng(what);
    assert!(started.elapsed() < BOUND, "{what:?} took {:?}", started.elapsed());
    said
}

/// Records `count` events of an application that behaves.
fn record(recording: &Recording, count: &str) {
    let behaving = recording.traced(apps::built("mortal")).args(["--events", count]);
    let begun = Instant::now();
    assert_eq!(behaving.limit(3 * BOUND).run().ok(), format!("done {count}\n"));
    assert!(begun.elapsed() < BOUND, "an application that behaves took {:?}", begun.elapsed());
}

#[test]
fn nobody_waits_for_applications_that_stop_while_they_register() {
    let Some(recording) = Recording::create(Cast::OURS, &[Need::UstHeaders]) else { return };
    recording.lttng(["enable-event", "-u", "rttng_mortal:tick"]);
    within(&recording, &["start"]);
    let until = recording.world.file("until");
    let halted = STEPS.map(|step| {
        let program = recording.traced(apps::built("mortal")).arg("--until").arg(&until);
        let mut program = program.args(["--pace", "1000"]).env("RTTNG_MORTAL_HALT", step).spawn();
        program.wait_until_stopped();
        program
    });
    within(&recording, &["list", "-u"]);
    record(&recording, "100");
    let beside = recording.world.file("beside");
    within(&recording, &["create", "beside", "--output", &beside.display().to_string()]);
    within(&recording, &["enable-event", "-u", "rttng_mortal:tick"]);
    within(&recording, &["start"]);
    record(&recording, "50");
    within(&recording, &["destroy"]);
    assert_eq!(recording.world.babeltrace2(&beside).len(), 50, "nothing is lost");
    within(&recording, &["set-session", "recording"]);
    within(&recording, &["enable-event", "-u", "other:*"]);
    within(&recording, &["list", "recording"]);
    within(&recording, &["stop"]);
    within(&recording, &["destroy"]);
    assert_eq!(recording.world.babeltrace2(recording.trace()).len(), 150, "nothing is lost");

    // Those that go on are as good as new.
    let second = recording.world.file("second");
    within(&recording, &["create", "second", "--output", &second.display().to_string()]);
    within(&recording, &["enable-event", "-u", "rttng_mortal:tick"]);
    within(&recording, &["add-context", "-u", "-t", "vpid"]);
    within(&recording, &["start"]);
    let mut awake = halted.map(|mut program: Running| {
        program.signal(Signal::CONT);
        program
    });
    let pids = awake.each_mut().map(Running::inner_pid);
    eventually("all of them are registered", || {
        let listed = recording.lttng(["list", "-u"]);
        pids.iter().all(|pid| listed.contains(&format!("PID: {pid} ")))
    });
    // This waits for all of them, and then each ticks on.
    within(&recording, &["enable-event", "-u", "other:*"]);
    for program in &mut awake {
        let before = program.cpu_time();
        eventually("it ticks on", || program.cpu_time() > before + Duration::from_millis(10));
    }
    fs::write(&until, "").expect("the world's folder has room");
    for program in &mut awake {
        program.ends().ok();
    }
    within(&recording, &["stop"]);
    within(&recording, &["destroy"]);
    let events = recording.world.babeltrace2(&second);
    for pid in pids {
        assert!(events.iter().any(|event| event.int("vpid") == Some(i64::from(pid))), "{pid} was recorded");
    }
}

#[test]
fn nobody_waits_for_an_application_that_stops_before_a_stop_or_a_destroy() {
    let Some(recording) = Recording::create(Cast::OURS, &[Need::UstHeaders]) else { return };
    recording.lttng(["enable-event", "-u", "rttng_mortal:tick"]);
    recording.lttng(["start"]);
    let until = recording.world.file("until");
    let program = recording.traced(apps::built("mortal")).arg("--until").arg(&until);
    let mut hung = program.args(["--pace", "1000"]).spawn();
    eventually("it records", || recording.lttng(["list", "-u"]).contains("rttng_mortal:tick"));
    let beside = recording.world.file("beside");
    within(&recording, &["create", "beside", "--output", &beside.display().to_string()]);
    within(&recording, &["enable-event", "-u", "-s", "beside", "rttng_mortal:tick"]);
    hung.signal(Signal::STOP);
    // A destroy that has to stop first, while another session begins.
    within(&recording, &["destroy", "recording"]);
    within(&recording, &["start", "beside"]);
    record(&recording, "50");
    within(&recording, &["stop", "beside"]);
    within(&recording, &["destroy", "beside"]);
    assert_eq!(recording.world.babeltrace2(&beside).len(), 50);
    hung.signal(Signal::CONT);
    fs::write(&until, "").expect("the world's folder has room");
    hung.ends().ok();
    recording.world.babeltrace2(recording.trace());
}

/// What becomes of an application that answers for another object than it was asked about, and of others beside it.
fn mistaken(make: Make) -> Option<String> {
    let world = World::open(&[Need::RealLttng, Need::UstHeaders, Need::Babeltrace2])?;
    let _daemon = world.sessiond(make, make);
    let lttng = |args: &[&str]| world.lttng(make, args).ok();
    let trace = world.file("trace");
    lttng(&["create", "seen", "--output", &trace.display().to_string()]);
    lttng(&["enable-event", "-u", "rttng_mortal:tick"]);
    lttng(&["start"]);
    let vandal = world.program(apps::built("vandal")).env("LTTNG_UST_REGISTER_TIMEOUT", "0");
    let vandal = vandal.env("LTTNG_HOME", "/nowhere").args(["mistaken", "/run/lttng/lttng-ust-sock-8"]);
    let mut vandal = vandal.spawn();
    world.program(apps::built("mortal")).args(["--events", "20"]).run().ok();
    let fate = vandal.ends().ok();
    lttng(&["stop"]);
    lttng(&["destroy"]);
    assert_eq!(world.babeltrace2(&trace).len(), 20);
    Some(fate)
}

#[test]
fn an_application_that_answers_for_another_object_stays_as_with_the_real_daemon() {
    let (Some(ours), Some(real)) = (mistaken(Ours), mistaken(Real)) else { return };
    assert_eq!(ours, "kept after answers\ndone\n");
    assert_eq!(ours, real);
}
