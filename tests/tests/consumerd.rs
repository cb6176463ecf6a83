//! Our consumer daemon under the real session daemon, in what the drop-in matrix does not do: rotations, snapshots, clears,
//! files split by size, full disks, and producers that die in the middle of an event.

use std::path::Path;

use rttng_tests::Make::{Ours, Real};
use rttng_tests::{Cast, Need, Recording, World, apps, eventually};

const CAST: Cast = Cast { lttng: Real, sessiond: Real, consumerd: Ours };

/// A recording of `rttng_mortal` into a channel of these options.
fn recording(channel: &[&str]) -> Option<Recording> {
    let recording = Recording::create(CAST, &[Need::UstHeaders])?;
    recording.lttng([&["enable-channel", "-u", "main"], channel].concat());
    recording.lttng(["enable-event", "-u", "-c", "main", "rttng_mortal:*"]);
    Some(recording)
}

/// Fires `count` ticks in a program of its own.
fn tick(recording: &Recording, count: u32) {
    recording.traced(apps::built("mortal")).args(["--events", &count.to_string()]).run().ok();
}

/// The sequence numbers of the ticks that a reader finds in a trace, and what it warns of.
fn ticks_and_warnings(world: &World, trace: &Path) -> (Vec<u64>, String) {
    let read = world.program("babeltrace2").arg(trace).run();
    assert!(read.status.success(), "{}", read.stderr);
    let seq = |line: &str| line.split_once("seq = ")?.1.split([' ', '}']).next()?.parse().ok();
    let ticks = read.stdout.lines().filter(|line| line.contains("rttng_mortal:tick")).filter_map(seq);
    (ticks.collect(), read.stderr)
}

/// Stops and destroys the session and ends the daemons in order.
fn end(recording: &mut Option<Recording>) -> World {
    let recording = recording.take().expect("it is still recording");
    recording.lttng(["stop"]);
    recording.lttng(["destroy"]);
    let ended = recording.daemon.terminate();
    assert_eq!(ended.code(), Some(0), "{ended}");
    recording.world
}

#[test]
fn rotations_cut_the_trace_and_lose_nothing() {
    let Some(recording) = recording(&["--subbuf-size=4k", "--num-subbuf=8"]) else { return };
    recording.lttng(["start"]);
    for round in 1..=3 {
        tick(&recording, 100 * round);
        recording.lttng(["rotate"]);
    }
    tick(&recording, 50);
    recording.lttng(["stop"]);
    recording.lttng(["rotate"]);
    recording.lttng(["start"]);
    tick(&recording, 60);
    let trace = recording.trace().to_owned();
    let world = end(&mut Some(recording));
    let mut chunks: Vec<_> =
        std::fs::read_dir(trace.join("archives")).unwrap().map(|entry| entry.unwrap().path()).collect();
    chunks.sort();
    // Names begin with the time, in seconds; the number of the chunk is at the end.
    chunks.sort_by_key(|path| path.to_string_lossy().rsplit('-').next().unwrap().parse::<u32>().unwrap());
    let counts: Vec<usize> = chunks.iter().map(|chunk| world.babeltrace2(chunk).len()).collect();
    assert_eq!(counts, [100, 200, 300, 50, 60]);
}

#[test]
fn snapshots_show_the_newest_events_and_consume_nothing() {
    let Some(world) = World::open(&[Need::RealLttng, Need::Babeltrace2, Need::UstHeaders]) else { return };
    let daemon = world.sessiond(Real, Ours);
    let lttng = |args: &[&str]| world.real_lttng(args).ok();
    let output = world.file("snapshots");
    lttng(&["create", "flight", "--snapshot", "--output", &output.display().to_string()]);
    lttng(&["enable-channel", "-u", "main", "--subbuf-size=4k", "--num-subbuf=4"]);
    lttng(&["enable-event", "-u", "-c", "main", "rttng_mortal:*"]);
    lttng(&["start"]);
    let tick = |count: &str| {
        world.program(apps::built("mortal")).args(["--events", count]).run().ok();
    };
    tick("5000");
    lttng(&["snapshot", "record", "--name", "first"]);
    lttng(&["snapshot", "record", "--name", "second"]);
    tick("20");
    lttng(&["snapshot", "record", "--name", "third"]);
    lttng(&["destroy"]);
    assert_eq!(daemon.terminate().code(), Some(0));
    let snapshot = |name: &str| {
        let mut entries = std::fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().path());
        let found = entries.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(name));
        ticks_and_warnings(&world, &found.expect("a snapshot"))
    };
    let (first, _) = snapshot("first");
    assert_eq!(first.last(), Some(&4999), "the newest is there");
    assert!(first.len() > 500 && first.len() < 1300, "a ring's worth: {}", first.len());
    assert!(first.windows(2).all(|pair| pair[0] + 1 == pair[1]), "without a gap");
    let (second, _) = snapshot("second");
    assert!(second.ends_with(&first[first.len() / 2..]), "nothing was consumed");
    let (third, _) = snapshot("third");
    assert!(third.ends_with(&(0..20).collect::<Vec<_>>()));
}

#[test]
fn a_clear_forgets_what_was_before() {
    let Some(recording) = recording(&["--subbuf-size=4k", "--num-subbuf=8"]) else { return };
    recording.lttng(["start"]);
    tick(&recording, 700);
    recording.lttng(["clear"]);
    tick(&recording, 5);
    recording.lttng(["stop"]);
    recording.lttng(["clear"]);
    recording.lttng(["start"]);
    tick(&recording, 33);
    assert_eq!(recording.finish().len(), 33);
}

#[test]
fn files_are_split_by_size_and_count() {
    // It waits for room rather than lose events where the consumer daemon has to wait for its turn.
    let channel =
        "--subbuf-size=4k --num-subbuf=8 --tracefile-size=8k --tracefile-count=3 --blocking-timeout=inf";
    let channel: Vec<&str> = channel.split(' ').collect();
    let Some(recording) = recording(&channel) else { return };
    recording.lttng(["start"]);
    recording.traced(apps::built("mortal")).args(["--events", "4000", "--pace", "50"]).run().ok();
    let trace = recording.trace().to_owned();
    let world = end(&mut Some(recording));
    let (ticks, warnings) = ticks_and_warnings(&world, &trace);
    assert_eq!(warnings, "");
    assert_eq!(ticks.last(), Some(&3999));
    assert!(ticks.len() < 4000 && ticks.windows(2).all(|pair| pair[0] + 1 == pair[1]), "the newest, whole");
    let directory = trace.join("ust/uid/0/64-bit");
    for (file, size) in [("main_0_0", 8192), ("main_0_1", 8192), ("main_0_2", 8192)] {
        let found = std::fs::metadata(directory.join(file)).unwrap().len();
        assert!(found > 0 && found <= size, "{file}: {found} bytes");
    }
    assert!(!directory.join("main_0_3").exists());
}

#[test]
fn a_producer_that_is_killed_in_an_event_does_not_stop_the_others() {
    let Some(recording) = recording(&["--subbuf-size=8k", "--num-subbuf=8"]) else { return };
    recording.lttng(["start"]);
    let dead = recording.traced(apps::built("mortal")).args(["--events", "10", "--kill"]).run();
    assert_eq!(dead.killed_by().or_else(|| dead.code().map(|code| code - 128)), Some(9), "{dead}");
    recording.traced(apps::built("mortal")).args(["--events", "3000", "--pace", "800"]).run().ok();
    let trace = recording.trace().to_owned();
    let world = end(&mut Some(recording));
    let (ticks, warnings) = ticks_and_warnings(&world, &trace);
    // The packet of the dead one ends where it died, and with it goes what the others wrote behind.
    let after = ticks.iter().skip(10).copied().collect::<Vec<_>>();
    assert_eq!(ticks[..10], (0..10).collect::<Vec<_>>());
    assert_eq!(after.last(), Some(&2999));
    assert!(after.len() > 2000, "{} of 3000", after.len());
    assert!(after.windows(2).all(|pair| pair[0] + 1 == pair[1]));
    assert!(warnings.contains("discarded"), "the loss is told: {warnings:?}");
}

#[test]
fn a_producer_that_is_stopped_in_an_event_is_waited_for() {
    let Some(recording) = recording(&["--subbuf-size=8k", "--num-subbuf=8"]) else { return };
    recording.lttng(["start"]);
    let mut stopped = recording.traced(apps::built("mortal")).args(["--events", "10", "--stop"]).spawn();
    let pid = stopped.pid();
    eventually("the program stops in its event", || {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        stat.contains(") T ")
    });
    // Enough to close the packet, and long enough that a dead producer would have been given up.
    recording.traced(apps::built("mortal")).args(["--events", "2000", "--pace", "1200"]).run().ok();
    stopped.signal(rustix::process::Signal::CONT);
    assert_eq!(stopped.ends().code(), Some(0));
    let events = recording.finish();
    assert_eq!(events.len(), 10 + 1 + 2000, "nothing was given up");
}

#[test]
fn a_full_disk_costs_packets_that_are_counted() {
    let Some(world) = World::open(&[Need::RealLttng, Need::Babeltrace2, Need::UstHeaders]) else { return };
    let small = world.file("small");
    std::fs::create_dir(&small).unwrap();
    let disk = small.display().to_string();
    world.program("mount").args(["-t", "tmpfs", "-o", "size=96k", "small", &disk]).run().ok();
    let daemon = world.sessiond(Real, Ours);
    let lttng = |args: &[&str]| world.real_lttng(args).ok();
    lttng(&["create", "full", "--output", &format!("{disk}/trace")]);
    lttng(&["enable-channel", "-u", "main", "--subbuf-size=4k", "--num-subbuf=16"]);
    lttng(&["enable-event", "-u", "-c", "main", "rttng_mortal:*"]);
    lttng(&["start"]);
    let tick = |count: &str| {
        world.program(apps::built("mortal")).args(["--events", count, "--pace", "20"]).run().ok();
    };
    // Three times what the disk holds.
    tick("20000");
    world.program("mount").args(["-o", "remount,size=64m", &disk]).run().ok();
    tick("300");
    lttng(&["stop"]);
    lttng(&["destroy"]);
    assert_eq!(daemon.terminate().code(), Some(0));
    let (ticks, warnings) = ticks_and_warnings(&world, &small.join("trace"));
    assert!(ticks.len() > 2000 && ticks.len() < 19_000, "{} ticks", ticks.len());
    assert!(ticks.ends_with(&(0..300).collect::<Vec<_>>()), "recording goes on when there is room again");
    assert!(warnings.contains("discarded"), "the loss is told: {warnings:?}");
}
