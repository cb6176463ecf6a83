//! Worlds are apart from each other and from the machine, and end with everything in them.

use std::time::{Duration, Instant};

use rttng_tests::{Need, World, WorldOptions, eventually};

#[test]
fn holds_programs_apart_from_the_machine() {
    let Some(world) = World::open(&[]) else { return };
    let Some(other) = WorldOptions::default().shm_bytes(64 << 20).open(&[]) else { return };

    let size = other.program("df").args(["--output=size", "--block-size=1", "/dev/shm"]).run().ok();
    assert_eq!(size.split_whitespace().last(), Some("67108864"));

    world.program("touch").args(["/run/mine", "/dev/shm/mine"]).run().ok();
    assert!(world.outside("/run/mine").exists() && world.outside("/var/run/mine").exists());
    assert_eq!(other.program("ls").args(["-A", "/run", "/dev/shm"]).run().ok(), "/dev/shm:\n\n/run:\n");
    let ping = other.program("bash").args(["-c", "exec 3<>/dev/tcp/127.0.0.1/9"]).run();
    assert!(ping.stderr.contains("refused"), "the loopback is up: {ping}");
    assert_eq!(
        world.program("sh").args(["-c", "echo $HOME"]).run().ok().trim_end(),
        world.home().display().to_string()
    );
}

#[test]
fn reports_how_programs_end() {
    let Some(world) = World::open(&[]) else { return };

    let ended = world.program("sh").args(["-c", "echo said; echo wrong >&2; exit 7"]).run();
    assert_eq!((ended.code(), ended.stdout.as_str(), ended.stderr.as_str()), (Some(7), "said\n", "wrong\n"));
    let killed = world.program("sh").args(["-c", "kill -9 $$"]).run();
    assert_eq!(killed.killed_by(), Some(9));

    let mut sleeper = world.program("sleep").arg("1000").spawn();
    let pid = sleeper.pid();
    assert_eq!(world.processes("sleep"), [pid]);
    sleeper.signal(rustix::process::Signal::STOP);
    assert!(sleeper.wait(Duration::from_millis(50)).is_none());
    sleeper.signal(rustix::process::Signal::CONT);
    sleeper.signal(rustix::process::Signal::TERM);
    let ended = sleeper.ends();
    assert_eq!(ended.killed_by(), Some(15));
}

#[test]
fn ends_what_exceeds_its_limit() {
    let Some(world) = World::open(&[]) else { return };

    let run = |limit| {
        let program = world.program("sh").args(["-c", "echo here; sleep 1000; true"]).limit(limit);
        let run = std::panic::AssertUnwindSafe(|| program.run());
        let panic = std::panic::catch_unwind(run).expect_err("a program over its limit fails the test");
        panic.downcast_ref::<String>().is_some_and(|text| text.contains("here"))
    };
    let started = Instant::now();
    // A busy machine may need some time to start it.
    assert!([300, 3_000, 60_000].map(Duration::from_millis).into_iter().any(run), "its output is shown");
    assert!(started.elapsed() < Duration::from_secs(500));
    eventually("what it started is ended as well", || world.processes("sleep").is_empty());
}

#[test]
fn reaps_orphans_and_ends_daemons_with_itself() {
    let Some(world) = World::open(&[]) else { return };

    // A daemon that ended must not stay as a zombie: a test that waits for it would wait for ever.
    world.program("sh").args(["-c", "(sleep 0.1 &) ; true"]).run().ok();
    eventually("an orphan is reaped", || world.processes("sleep").is_empty());

    world.program("sh").args(["-c", "setsid sleep 1000 & true"]).run().ok();
    eventually("the daemon runs", || !world.processes("sleep").is_empty());
    let daemon = world.processes("sleep")[0];
    drop(world);
    assert!(rustix::process::test_kill_process(daemon).is_err());
}

#[test]
fn holds_real_daemons() {
    let Some(world) = World::open(&[Need::RealLttng]) else { return };

    let without = world.real_lttng(["list"]);
    assert_eq!(without.code(), Some(1), "{without}");
    let daemon = world.real_sessiond();
    let list = world.real_lttng(["list"]).ok();
    assert_eq!(list, "Currently no available recording session\n");
    let ended = daemon.terminate();
    assert_eq!(ended.code(), Some(0), "{ended}");
}
