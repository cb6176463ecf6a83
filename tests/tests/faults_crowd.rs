//! A crowd of applications that come and go: the session daemon and the consumer daemon serve all of them, give back what
//! each took, and lose nothing.

use std::fs;
use std::time::{Duration, Instant};

use rttng_tests::{Cast, Need, Recording, apps};

/// How many applications begin and end.
const CROWD: usize = 2_000;

/// The open descriptors of a process.
fn descriptors(pid: rustix::process::Pid) -> usize {
    fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())).map_or(0, Iterator::count)
}

#[test]
fn two_thousand_applications_come_and_go() {
    let Some(mut recording) = Recording::create(Cast::OURS, &[Need::UstHeaders]) else { return };
    recording.lttng(["enable-channel", "-u", "main", "--subbuf-size=64k", "--num-subbuf=8"]);
    recording.lttng(["enable-event", "-u", "-c", "main", "rttng_mortal:tick"]);
    recording.lttng(["start"]);
    let run = |count: usize| {
        let program = recording.world.program("xargs").limit(Duration::from_secs(600));
        let numbers = recording.world.file("numbers");
        fs::write(&numbers, "1\n".repeat(count)).expect("the world's folder has room");
        program
            .input(numbers)
            .args(["-P", "16", "-n", "1"])
            .arg(apps::built("mortal"))
            .arg("--events")
            .run()
            .ok();
    };
    let begun = Instant::now();
    run(50);
    let of_few = begun.elapsed();
    let daemon = recording.daemon.process.pid();
    let before = descriptors(daemon);
    let begun = Instant::now();
    run(CROWD - 50);
    // A machine that is slow with the first ones may be slow with the others.
    let bound = Duration::from_secs(60).max(of_few * 3 * (CROWD as u32 / 50));
    assert!(begun.elapsed() < bound, "it took {:?}, the first 50 {of_few:?}", begun.elapsed());
    rttng_tests::eventually("what the applications took is given back", || descriptors(daemon) <= before + 8);
    let listed = recording.lttng(["list", "-u"]);
    assert!(!listed.contains("PID: "), "nobody is left: {listed}");
    assert_eq!(recording.finish().len(), CROWD);
}
