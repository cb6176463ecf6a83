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
    hung.ends().ok();
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

/// What a daemon left behind names a process that is there, but is another program by now (or in another container that
/// shares the home folder): it is neither taken for the daemon nor harmed.
#[test]
fn a_pid_file_that_names_another_program_misleads_nobody() {
    let Some(world) = World::open(&[Need::UstHeaders, Need::Babeltrace2]) else { return };
    let mut first = world.our_sessiond();
    first.process.kill();
    let mut bystander = world.program("sleep").arg("1000").spawn();
    let pid = bystander.inner_pid();
    let pid_file = world.outside("/run/lttng/lttng-sessiond.pid");
    fs::write(&pid_file, format!("{pid}\n")).expect("root may write there");

    // Nobody is there, and a command says so instead of recording nothing.
    let alone = world.our_lttng(["create", "nothing"]);
    assert_eq!(alone.code(), Some(1), "{alone}");
    assert!(alone.stderr.contains("No session daemon is available"), "{alone}");
    let doctor = world.rttng().arg("doctor").run();
    assert!(doctor.stdout.contains("daemon that is gone"), "{doctor}");
    assert!(doctor.stdout.contains(&format!("process {pid} exists, but it is not that daemon")), "{doctor}");
    let told = world.program("bash").args(["-c", "kill -0 $0"]).arg(pid.to_string()).run();
    assert!(told.status.success(), "it lives");

    // Recording with a daemon of its own is not disturbed by it.
    let own = world.file("own");
    let record = world.rttng().arg("record").arg("--output").arg(&own).arg("--");
    let record = record.arg(apps::built("demo")).arg("10");
    record.run().ok();
    assert!(world.babeltrace2(&own).iter().filter(|event| event.name == "demo:tick").count() == 10);

    let second = world.our_sessiond();
    let named = fs::read_to_string(&pid_file).expect("there is a pid file");
    assert_ne!(named.trim(), pid.to_string(), "it names the daemon now");
    assert_eq!(world.our_lttng(["list"]).ok(), "Currently no available recording session\n");
    assert_eq!(second.terminate().code(), Some(0));
    assert!(!bystander.is_over(), "the other program was not harmed");
}

/// A home folder that containers share holds the sockets of a daemon in another one that is gone.
#[test]
fn sockets_in_a_shared_home_are_told_from_a_daemon() {
    let Some(world) = World::open(&[Need::UstHeaders, Need::Root]) else { return };
    let home = world.open_dir().join("home");
    let run = home.join(".lttng");
    fs::create_dir_all(&run).expect("the folder is writable");
    for name in ["client-lttng-sessiond", "lttng-ust-sock-8"] {
        // Bound, and closed: as a killed daemon leaves it.
        drop(std::os::unix::net::UnixListener::bind(run.join(name)).expect("a socket can be made"));
    }
    fs::write(run.join("lttng-sessiond.pid"), "1\n").expect("the folder is writable");
    world.program("chown").args(["-R", "1234:1234"]).arg(&home).run().ok();
    let as_user = |program: rttng_tests::Program| program.user(1234).env("HOME", &home).run();
    for command in ["create", "start", "list", "destroy"] {
        let told = as_user(world.made(Ours, "lttng").args(["--no-sessiond", command]));
        assert_eq!(told.code(), Some(1), "{told}");
        let says = told.stderr.contains("No session daemon is available")
            || told.stderr.contains("Can't find valid lttng config");
        assert!(says, "{told}");
    }
    // A program is not delayed for longer than it waits for a daemon.
    let begun = Instant::now();
    as_user(world.program(apps::built("demo")).arg("1")).ok();
    assert!(begun.elapsed() < BOUND);
    // The first command that may start a daemon does, and puts its own sockets in their place.
    let made = as_user(world.made(Ours, "lttng").args(["create", "s"]));
    assert_eq!(made.code(), Some(0), "{made}");
    let listed = as_user(world.made(Ours, "lttng").args(["--no-sessiond", "list"])).ok();
    assert!(listed.contains("s ["), "{listed}");
}

#[test]
fn refuses_to_run_twice() {
    let Some(world) = World::open(&[]) else { return };
    let first = world.our_sessiond();
    let second = world.sessiond_program(Ours, Ours).run();
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
        program.run().ok();
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
