//! `rttng record` with options, folders and machines that cannot do, where the error comes before the program starts; and
//! with unusual ones that can.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rttng_tests::{Need, World, apps};

const NEEDS: &[Need] = &[Need::Babeltrace2, Need::UstHeaders];

#[test]
fn what_cannot_be_recorded_is_said_before_the_program_starts() {
    let Some(world) = World::open(NEEDS) else { return };
    let ran = world.open_dir().join("ran");
    let full = world.open_dir().join("full");
    fs::create_dir(&full).expect("a fresh folder has room");
    fs::write(full.join("file"), "").expect("a fresh folder has room");
    let full = full.display().to_string();
    let below_file = format!("{full}/file/trace");
    let long = "x".repeat(256);
    let cases: &[(&[&str], &str)] = &[
        (&["-o", &full], "exists and is not empty"),
        (&["-o", &below_file], "Not a directory"),
        (&["-o", "/proc/trace"], "/proc/trace: "),
        (&["-o", "absent/../trace"], "goes up from a directory that is not there"),
        (&["-f", "i > 1 &&& i < 3"], "1 | i > 1 &&& i < 3\n  |         ^"),
        (&["-f", "i + 1 == 2"], "filters have no arithmetic"),
        (&["-f", ""], "the filter expression is empty"),
        (&["-e", ""], "1 to 255 bytes"),
        (&["-e", &long], "1 to 255 bytes"),
        (&["-e", "demo:tick", "-x", "demo:t*"], "--exclude works on patterns only"),
        (&["--loglevel", "LOUD"], "no log level"),
        (&["-t", "nothing"], "no context field"),
        (&["-C", "subbuf-size=many"], "does not say a size"),
        (&["-C", "subbuf-size=0"], "cannot be 0"),
        (&["-C", "num-subbuf=18446744073709551615"], "more than any machine has"),
        (&["-C", "subbuf-size=1024G"], "this machine has"),
        (&["-C", "colour=red"], "is no attribute"),
    ];
    for (options, said) in cases {
        let record = world.rttng().directory(world.open_dir()).arg("record").args(*options);
        let ended = record.args(["--", "touch"]).arg(&ran).run();
        assert_eq!(ended.code(), Some(1), "{options:?}: {ended}");
        assert!(ended.stderr.contains(said), "{options:?} does not say {said:?}\n{ended}");
        assert!(!ran.exists(), "{options:?}: the program ran");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let Some(world) = World::open(&[NEEDS, &[Need::Root]].concat()) else { return };
    let closed = world.open_dir().join("closed");
    fs::create_dir(&closed).expect("a fresh folder has room");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).expect("own files may be changed");
    let record = world.rttng().user(1234).arg("record").arg("-o").arg(closed.join("trace"));
    let ended = record.args(["--", "true"]).run();
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("closed: Permission denied"), "{ended}");
}

#[test]
fn a_relative_output_and_several_rules_are_as_asked() {
    let Some(world) = World::open(NEEDS) else { return };
    let record = world.rttng().directory(world.open_dir());
    let record = record.args(["record", "-e", "demo:tick", "-e", "lttng_ust_statedump:start"]);
    let ended = record.args(["-o", "../open/below/trace", "--"]).arg(apps::built("demo")).arg("3").run();
    assert!(ended.stderr.contains("3  demo:tick") && ended.stderr.contains("1  lttng_ust_statedump:start"));
    assert!(!ended.stderr.contains("bin_info"), "{ended}");
    assert_eq!(world.babeltrace2(&world.open_dir().join("below/trace")).len(), 4);
}

#[test]
fn without_shared_memory_that_is_said() {
    let Some(world) = World::open(NEEDS) else { return };
    let hidden = "mount -t tmpfs -o ro none /dev/shm && exec \"$0\" record -o \"$1\" -- true";
    let program = world.program("unshare").args(["--mount", "sh", "-c", hidden]);
    let ended = program.arg(rttng_tests::our_program()).arg(world.open_dir().join("trace")).run();
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("does not register without /dev/shm"), "{ended}");
}

#[test]
fn closed_standard_streams_and_a_process_in_the_background_do_no_harm() {
    let Some(world) = World::open(NEEDS) else { return };
    let mortal = apps::built("mortal").display().to_string();
    let stop = world.open_dir().join("stop");
    let trace = world.open_dir().join("trace");
    // Its child in the background goes on when the program has ended.
    let script = "\"$1\" --until \"$2\" --pace 1000 & \"$1\" --events 5; exit 6";
    let words = ["-o", &trace.display().to_string(), "--", "sh", "-c", script, "sh", &mortal]
        .map(str::to_owned)
        .to_vec();
    let closed = world.program("sh").args(["-c", "exec \"$@\" <&- >&-", "sh"]);
    let record = closed.arg(rttng_tests::our_program()).arg("record").args(words).arg(&stop);
    let ended = record.run();
    assert_eq!(ended.code(), Some(6), "{ended}");
    fs::write(&stop, "").expect("a fresh folder has room");
    let events = world.babeltrace2(&trace);
    assert!(events.iter().filter(|event| event.name == "rttng_mortal:tick").count() >= 5);
}
