//! `rttng record` with programs that do not end as they should, as root and as an ordinary user, where `/dev/shm` is as
//! small as containers have it.

use rttng_tests::{Need, World, WorldOptions, apps, eventually};
use rustix::process::{Signal, kill_process};

#[test]
fn record_says_how_its_program_ended() {
    let Some(world) =
        WorldOptions::default().shm_bytes(64 << 20).open(&[Need::UstHeaders, Need::Babeltrace2])
    else {
        return;
    };
    let mortal = apps::built("mortal").display().to_string();
    let record = |user: bool, name: &str, command: &[&str]| {
        let trace = world.open_dir().join(name);
        let program = world.rttng().arg("record").arg("--output").arg(&trace).arg("--").args(command);
        let program = program.env("HOME", world.open_dir());
        let ended = if user { program.user(1234).run() } else { program.run() };
        (ended, trace)
    };
    for user in [false, true] {
        let dir = if user { "user" } else { "root" };
        let trace_of = |name: &str, command: &[&str]| record(user, &format!("{dir}-{name}"), command);
        let (ended, trace) = trace_of("whole", &[&mortal, "--events", "500"]);
        assert_eq!(ended.code(), Some(0), "{ended}");
        assert_eq!(
            world.babeltrace2(&trace).iter().filter(|event| event.name == "rttng_mortal:tick").count(),
            500
        );

        let (ended, trace) = trace_of("exec", &["sh", "-c", "exec \"$0\" --events 7", &mortal]);
        assert_eq!(ended.code(), Some(0), "{ended}");
        assert!(
            world.babeltrace2(&trace).iter().filter(|event| event.name == "rttng_mortal:tick").count() == 7
        );

        let (ended, trace) =
            trace_of("children", &["sh", "-c", "\"$0\" --events 7 & \"$0\" --events 8; wait", &mortal]);
        assert_eq!(ended.code(), Some(0), "{ended}");
        assert!(
            world.babeltrace2(&trace).iter().filter(|event| event.name == "rttng_mortal:tick").count() == 15
        );

        let (ended, _) = trace_of("killed", &[&mortal, "--events", "20", "--kill"]);
        assert_eq!(ended.code().or(ended.killed_by()), Some(137), "{ended}");

        let (ended, _) = trace_of("absent", &["/nowhere/at/all"]);
        assert_eq!(ended.code(), Some(127), "{ended}");
        assert!(ended.stderr.contains("/nowhere/at/all"), "{ended}");

        let (ended, _) = trace_of("nothing", &["true"]);
        assert_eq!(ended.code(), Some(0), "{ended}");
    }
    assert!(world.processes("lttng-consumerd").is_empty(), "nothing is left behind");
}

#[test]
fn signals_go_on_to_the_program() {
    let Some(world) = WorldOptions::default().open(&[Need::UstHeaders, Need::Babeltrace2]) else { return };
    let mortal = apps::built("mortal").display().to_string();
    let waits = "trap 'exit 5' TERM; \"$0\" --events 3; echo ready; while :; do sleep 0.05; done";
    let dies = "\"$0\" --events 3; echo ready; exec sleep 600";
    let cases = [(Signal::TERM, waits, 5), (Signal::HUP, dies, 129), (Signal::INT, dies, 130)];
    for (signal, script, code) in cases {
        let trace = world.open_dir().join(format!("trace-{code}"));
        let record = world.rttng().args(["record", "-o"]).arg(&trace);
        let mut running = record.args(["--", "sh", "-c", script, &mortal]).spawn();
        running.wait_for_output("ready");
        running.signal(signal);
        let ended = running.ends();
        assert_eq!(ended.code(), Some(code), "{ended}");
        let ticks =
            world.babeltrace2(&trace).iter().filter(|event| event.name == "rttng_mortal:tick").count();
        assert_eq!(ticks, 3, "{ended}");
    }
}

#[test]
fn record_says_when_its_consumer_daemon_was_killed() {
    let Some(world) = World::open(&[Need::UstHeaders, Need::Babeltrace2]) else { return };
    let (trace, until) = (world.file("trace"), world.file("until"));
    let record =
        world.rttng().arg("record").args(["--channel", "subbuf-size=16k"]).arg("--output").arg(&trace);
    let record = record.arg("--").arg(apps::built("mortal")).args(["--pace", "100", "--until"]).arg(&until);
    let mut record = record.spawn();
    let pid = record.pid();
    let written = || {
        let file = std::fs::metadata(trace.join("ust/uid/0/64-bit/channel0_0"));
        file.is_ok_and(|file| file.len() > 0)
    };
    eventually("something is written", written);
    let consumers = world.processes("rttng").into_iter().filter(|other| *other != pid);
    for consumer in consumers {
        let _ = kill_process(consumer, Signal::KILL);
    }
    std::fs::write(&until, "").expect("the world's folder has room");
    let ended = record.ends();
    assert_eq!(ended.code(), Some(0), "the program was not harmed: {ended}");
    assert!(ended.stderr.contains("the consumer daemon ended while it recorded"), "{ended}");
    let events = world.babeltrace2_with_losses(&trace);
    assert!(events.iter().any(|event| event.name == "rttng_mortal:tick"), "what was written can be read");
}
