//! No room for buffers: a full /dev/shm, a full file system below `--shm-path`, a limit of file sizes. It is said, clearly
//! and at once, nobody else is harmed, and it works again as soon as there is room.

use std::fs;

use rttng_tests::Make::Ours;
use rttng_tests::{Need, Running, World, WorldOptions, apps, eventually};

const NEEDS: [Need; 2] = [Need::UstHeaders, Need::Babeltrace2];

/// An application that ticks until the file `name` is there.
fn ticking(world: &World, name: &str) -> Running {
    let program = world.program(apps::built("mortal"));
    let mut program = program.args(["--pace", "1000", "--until"]).arg(world.file(name)).spawn();
    let pid = format!("PID: {} ", program.inner_pid());
    eventually("it is registered", || world.our_lttng(["list", "-u"]).stdout.contains(&pid));
    program
}

/// The ticks of a program that ended, each of which must be in the trace.
fn ticks(mut program: Running) -> usize {
    let ended = program.ends();
    ended.ok().trim().strip_prefix("done ").and_then(|count| count.parse().ok()).expect("it says how many")
}

fn create(world: &World, name: &str, more: &[&str]) -> std::path::PathBuf {
    let trace = world.file(name);
    let output = trace.display().to_string();
    world.our_lttng([["create", name, "--output", &output].as_slice(), more].concat()).ok();
    world.our_lttng(["enable-event", "-u", "-s", name, "rttng_mortal:tick"]).ok();
    trace
}

#[test]
fn buffers_that_find_no_room_are_a_clear_error_until_there_is_some() {
    let Some(world) = World::open(&NEEDS) else { return };
    let daemon = world.our_sessiond();
    let tiny = world.file("tiny");
    fs::create_dir(&tiny).expect("the world's folder has room");
    let mount = |options: &str| {
        world.program("mount").args(["-t", "tmpfs", "-o", options, "tiny"]).arg(&tiny).run().ok();
    };
    mount("size=256k");
    let application = ticking(&world, "until");
    // Another session records all the time.
    let whole = create(&world, "whole", &[]);
    let tried = create(&world, "tried", &["--shm-path", &tiny.display().to_string()]);
    world.our_lttng(["start", "whole"]).ok();
    let refused = world.our_lttng(["start", "tried"]);
    assert_eq!(refused.code(), Some(58), "{refused}");
    assert!(refused.stderr.contains("UST create channel failed"), "{refused}");
    eventually("the log says why", || daemon.process.stderr().contains("cannot make the channel"));
    let said = daemon.process.stderr();
    assert!(said.contains("not enough memory for a buffer"), "{said}");
    assert!(world.our_lttng(["list"]).ok().contains("tried [inactive]"), "it is not half started");
    let left = fs::read_dir(world.outside(&tiny)).map_or(0, |entries| entries.flatten().count());
    assert!(left <= 1, "what could not be made whole is removed");

    mount("remount,size=64m");
    world.our_lttng(["start", "tried"]).ok();
    world.program(apps::built("mortal")).args(["--events", "100"]).run().ok();
    world.our_lttng(["stop", "tried"]).ok();
    fs::write(world.file("until"), "").expect("the world's folder has room");
    let fired = ticks(application);
    for name in ["whole", "tried"] {
        world.our_lttng(["destroy", name]).ok();
    }
    assert!(world.babeltrace2(&tried).len() >= 100, "it recorded once there was room");
    let count = world.babeltrace2(&whole).len();
    // The other session began when the first application had ticked for a while.
    assert!(count > 100 && count <= 100 + fired, "{count} of {fired}");
}

#[test]
fn a_limit_of_file_sizes_is_an_error_and_not_the_end_of_the_daemons() {
    let Some(world) = World::open(&NEEDS) else { return };
    let program = world.sessiond_program(Ours, Ours);
    let daemon = world.started(program.under(["prlimit", "--fsize=200000"]));
    let large = create(&world, "large", &[]);
    let application = ticking(&world, "until");
    let refused = world.our_lttng(["start", "large"]);
    assert_eq!(refused.code(), Some(58), "{refused}");
    world.our_lttng(["destroy", "large"]).ok();
    assert!(!large.join("ust/uid/0/64-bit/metadata").exists());

    // Buffers that fit, and a trace that grows beyond the limit: the end of it is missing, and counted.
    let trace = world.file("small");
    world.our_lttng(["create", "small", "--output", &trace.display().to_string()]).ok();
    let channel = ["--subbuf-size=16k", "--num-subbuf=4", "--blocking-timeout=inf"];
    world.our_lttng([["enable-channel", "-u", "c"].as_slice(), &channel].concat()).ok();
    world.our_lttng(["enable-event", "-u", "-c", "c", "rttng_mortal:tick"]).ok();
    world.our_lttng(["start", "small"]).ok();
    let many = world.program(apps::built("mortal"));
    many.env("LTTNG_UST_ALLOW_BLOCKING", "1").args(["--events", "20000"]).run().ok();
    fs::write(world.file("until"), "").expect("the world's folder has room");
    ticks(application);
    world.our_lttng(["stop"]).ok();
    world.our_lttng(["destroy"]);
    // The other application may not wait for room.
    let events = world.babeltrace2_with_losses(&trace);
    assert!(events.len() > 1000 && events.len() < 20_000, "{} events", events.len());
    assert!(daemon.process.stderr().contains("packets are lost"), "{}", daemon.process.stderr());
    assert_eq!(daemon.terminate().code(), Some(0));
}

#[test]
fn record_needs_next_to_nothing_of_shared_memory_and_says_so_when_that_is_missing() {
    let Some(world) = WorldOptions::default().shm_bytes(64 << 10).open(&NEEDS) else { return };
    let record = |name: &str| {
        let program = world.rttng().arg("record").arg("--output").arg(world.file(name)).arg("--");
        let program = program.arg(apps::built("mortal")).args(["--events", "500"]);
        program.run()
    };
    let ended = record("tiny");
    assert_eq!(ended.code(), Some(0), "{ended}");
    let ticks = |name: &str| {
        let events = world.babeltrace2(&world.file(name));
        events.iter().filter(|event| event.name == "rttng_mortal:tick").count()
    };
    assert_eq!(ticks("tiny"), 500);

    let filler = world.outside("/dev/shm/filler");
    for page in fs::read_dir(world.outside("/dev/shm")).expect("it is there").flatten() {
        fs::remove_file(page.path()).expect("own files can be removed");
    }
    fs::write(&filler, vec![1; 64 << 10]).expect("there is just so much room");
    let refused = record("full");
    assert_eq!(refused.code(), Some(1), "{refused}");
    assert!(refused.stderr.contains("/dev/shm") && refused.stderr.contains("No space left"), "{refused}");
    assert!(!refused.stdout.contains("done"), "the program is not run for nothing");

    fs::remove_file(&filler).expect("own files can be removed");
    let ended = record("again");
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert_eq!(ticks("again"), 500);
}
