//! An empty recording explains itself: each of the ways to record nothing, and what is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rttng_tests::{Ended, Need, Program, World, apps};

const NEEDS: &[Need] = &[Need::Babeltrace2, Need::UstHeaders];

/// `rttng record` with these words, into a folder of this name.
fn record(world: &World, name: &str, words: &[&str]) -> Program {
    let record = world.rttng().arg("record").arg("-o");
    record.arg(world.open_dir().join(name)).args(words)
}

#[track_caller]
fn says(ended: &Ended, texts: &[&str]) {
    assert!(ended.stderr.contains("no event of the program was recorded"), "{ended}");
    for text in texts {
        assert!(ended.stderr.contains(text), "{text:?} is not said\n{ended}");
    }
}

#[test]
fn rules_that_leave_everything_out() {
    let Some(world) = World::open(NEEDS) else { return };
    let demo = apps::built("demo").display().to_string();
    let cases: [(&str, &[&str], &str); 5] = [
        ("near", &["-e", "demo:tikc"], "near: demo:tick"),
        ("filter", &["-e", "demo:tick", "-f", "i > 1000"], "the filter held for none"),
        ("field", &["-e", "demo:tick", "-f", "count > 1000"], "no selected event has a field \"count\""),
        ("level", &["-e", "demo:*", "--loglevel", "EMERG"], "--loglevel leaves out all that --event"),
        ("exclude", &["-e", "demo:*", "-x", "demo:*"], "--exclude leaves out all that --event"),
    ];
    for (name, options, said) in cases {
        let ended = record(&world, name, &[options, &["--", &demo, "10"]].concat()).run();
        says(&ended, &[said, "tracepoints of demo"]);
    }
}

#[test]
fn programs_without_the_tracer() {
    let Some(world) = World::open(NEEDS) else { return };
    says(&record(&world, "plain", &["--", "true"]).run(), &["the program is not linked with it"]);

    let source = world.file("static.c");
    let program = world.file("static-program");
    fs::write(&source, "int main(void) { return 3; }\n").expect("a fresh folder has room");
    let compiled = Command::new("cc").arg("-static").arg("-o").arg(&program).arg(&source).status();
    assert!(compiled.expect("cc starts").success(), "a static program can be built");
    let ended = record(&world, "static", &["--", &program.display().to_string()]).run();
    says(&ended, &["statically linked"]);
    assert_eq!(ended.code(), Some(3), "{ended}");
}

#[test]
fn a_provider_that_is_loaded_late_is_recorded_and_explained() {
    let Some(world) = World::open(NEEDS) else { return };
    let late = apps::built("late").display().to_string();
    let library = apps::library("late_provider").display().to_string();
    let ended = record(&world, "used", &["-e", "rttng_late:*", "--", &late, &library, "5"]).run();
    assert!(ended.stderr.contains("5  rttng_late:tick"), "{ended}");
    let ended = record(&world, "unused", &["-e", "rttng_late:*", "--", &late, &library, "0"]).run();
    says(&ended, &["1 tracepoint of rttng_late", "none was reached"]);
}

#[test]
fn a_program_that_does_not_wait_for_its_registration() {
    let Some(world) = World::open(NEEDS) else { return };
    let demo = apps::built("demo").display().to_string();
    let trace = world.open_dir().join("hasty");
    let hasty = record(&world, "hasty", &["-e", "demo:*", "--", &demo, "0"]);
    let ended = hasty.env("LTTNG_UST_REGISTER_TIMEOUT", "0").run();
    says(&ended, &["LTTNG_UST_REGISTER_TIMEOUT=0 lets it run before it is registered"]);
    assert!(!ended.stderr.contains("damaged"), "{ended}");
    // It may have registered and left before it had a channel.
    if trace.join("ust/uid/0/64-bit/metadata").exists() {
        assert!(world.babeltrace2(&trace).is_empty(), "whatever there is can be read");
    }
}

#[test]
fn programs_of_other_users() {
    let Some(world) = World::open(&[NEEDS, &[Need::Root]].concat()) else { return };
    let demo = apps::built("demo").display().to_string();
    let mortal = apps::built("mortal").display().to_string();
    let as_user = ["setpriv", "--reuid", "1234", "--regid", "1234", "--clear-groups"];

    // Root's recording lets others in, as root's daemon does.
    let ended = record(&world, "other", &[&["--"], &as_user[..], &[&demo, "10"]].concat()).run();
    assert!(ended.stderr.contains("10  demo:tick"), "{ended}");
    assert!(world.babeltrace2(&world.open_dir().join("other")).len() >= 10);

    // sudo cleans the environment so. Long enough to be seen: the program is looked at now and then.
    let words =
        ["--", "env", "-i", "LTTNG_UST_REGISTER_TIMEOUT=0", &mortal, "--events", "20", "--pace", "100000"];
    let ended = record(&world, "cleaned", &words).run();
    says(&ended, &["mortal (pid ", "LTTNG_HOME of this recording is not in its environment"]);

    // Nothing of the environment is trusted in such a program.
    let program = world.open_dir().join("with-rights");
    fs::copy(&demo, &program).expect("a program can be copied");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).expect("own files may be changed");
    let record = record(&world, "rights", &["--", &program.display().to_string(), "10"]);
    let ended = record.env("HOME", "/nonexistent").user(1234).run();
    says(&ended, &["rights of its own (setuid"]);
    assert!(!ended.stderr.contains("ld.so"), "{ended}");
}

#[test]
fn without_a_home_everything_is_recorded() {
    let Some(world) = World::open(NEEDS) else { return };
    let demo = apps::built("demo").display().to_string();
    let program = world.program("env").args(["-u", "HOME"]).arg(rttng_tests::our_program());
    let trace = world.open_dir().join("homeless");
    let ended = program.args(["record", "-o"]).arg(&trace).args(["--", &demo, "10"]);
    let ended = ended.run();
    assert!(ended.stderr.contains("10  demo:tick"), "{ended}");
}
