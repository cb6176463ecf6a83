//! How full buffers were, and what was lost: at the end of `rttng record`, and in `rttng status`.

use std::path::Path;

use rttng_tests::{Ended, Make, Need, World, apps, eventually};

const NEEDS: &[Need] = &[Need::Babeltrace2, Need::UstHeaders];

/// A program, and the buffers with which it loses events.
struct SetUp {
    name: &'static str,
    options: &'static [&'static str],
    program: &'static [&'static str],
}

#[test]
fn the_options_that_are_said_to_suffice_do() {
    let Some(world) = World::open(NEEDS) else { return };
    let set_ups = [
        SetUp {
            name: "tiny",
            options: &["--channel", "subbuf-size=4k,num-subbuf=2"],
            program: &["demo", "200000"],
        },
        SetUp {
            name: "threads",
            options: &["--channel", "subbuf-size=8k,num-subbuf=2"],
            program: &["load", "--events", "100000", "--threads", "2", "--text"],
        },
        SetUp {
            name: "processes",
            options: &["--per-process", "--channel", "subbuf-size=4k,num-subbuf=4"],
            program: &["load", "--events", "100000"],
        },
        SetUp {
            name: "overwrite",
            options: &["--channel", "overwrite,subbuf-size=4k,num-subbuf=2"],
            program: &["load", "--events", "100000"],
        },
    ];
    for SetUp { name, options, program } in set_ups {
        let (file, arguments) = program.split_first().expect("a program has a name");
        let record = |trace: &Path, advice: &[&str]| -> Ended {
            let record = world.rttng().arg("record").args(options).args(advice).arg("-o").arg(trace);
            record.arg("--").arg(apps::built(file)).args(arguments).run()
        };
        let lossy = record(&world.open_dir().join(name), &[]).stderr;
        assert!(lossy.contains("LOST: ") && lossy.contains("buffers: full at times"), "{name}: {lossy}");
        let advice = lossy.lines().find_map(|line| line.split_once("enough would have been: "));
        let advice: Vec<&str> = advice.expect("a loss comes with advice").1.split(' ').collect();
        let enough = record(&world.open_dir().join(format!("{name}-enough")), &advice);
        let said = &enough.stderr;
        assert!(!said.contains("LOST"), "{name}: {advice:?} was not enough\n{lossy}\n{said}");
        assert!(said.contains("buffers: never more than "), "buffers that hold everything: {name}: {said}");
        enough.ok();
    }
}

#[test]
fn a_program_that_dies_in_the_middle_of_an_event_is_a_loss_that_is_told() {
    let Some(world) = World::open(&[NEEDS, &[Need::RealLttng]].concat()) else { return };
    let trace = world.open_dir().join("trace");
    let record = world.rttng().args(["record", "--quiet", "-o"]).arg(&trace).arg("--");
    let ended = record.arg(apps::built("mortal")).args(["--events", "20", "--kill"]).run();
    assert_eq!(ended.code(), Some(128 + 9), "{ended}");
    assert!(ended.stderr.contains("LOST: once a program died in the middle of an event"), "{ended}");

    let daemon = world.our_sessiond();
    let our = |words: &[&str]| world.rttng().args(words).run().ok();
    our(&["create", "web"]);
    our(&["enable-event", "-u", "rttng_mortal:*"]);
    our(&["start"]);
    let mortal = world.program(apps::built("mortal")).args(["--events", "20", "--kill"]);
    let died = mortal.run();
    assert_eq!(died.code().or(died.killed_by()), Some(9), "{died}");
    our(&["stop"]);
    eventually("the packet that was cut short is told of", || {
        our(&["status"]).contains("1 packet cut short by an application that died in the middle of an event")
    });
    for make in [Make::Ours, Make::Real] {
        let status = world.lttng(make, ["status"]).ok();
        assert!(status.contains("Recording session web") && !status.contains("Buffers:"), "{status}");
    }
    let machine = world.rttng().args(["--mi", "xml", "status"]).run().ok();
    assert!(!machine.contains("cut short"), "{machine}");
    drop(daemon);
}

#[test]
fn status_under_the_real_daemons_says_what_they_tell() {
    let Some(world) = World::open(&[NEEDS, &[Need::RealLttng]].concat()) else { return };
    let _daemon = world.real_sessiond();
    world.our_lttng(["create", "web"]).ok();
    world.our_lttng(["enable-event", "-u", "-a"]).ok();
    let status = world.rttng().arg("status").run();
    assert!(!status.stdout.contains("Buffers:"), "{status}");
    assert_eq!(status.stderr, "");
    status.ok();
}
