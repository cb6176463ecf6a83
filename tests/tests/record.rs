//! `rttng record`: a real instrumented program, one command, and the trace as babeltrace2 reads it.

use rttng_tests::{Need, World, apps, events_by_name};

const NEEDS: &[Need] = &[Need::Babeltrace2, Need::UstHeaders];

#[test]
fn a_program_is_recorded_with_nothing_set_up() {
    let Some(world) = World::open(NEEDS) else { return };
    let trace = world.open_dir().join("trace");
    let ended = world
        .rttng()
        .arg("record")
        .arg("-o")
        .arg(&trace)
        .arg("--")
        .arg(apps::built("demo"))
        .arg("1000")
        .run();
    assert!(ended.stderr.contains("1,000  demo:tick"), "{}", ended.stderr);
    ended.ok();
    let events = world.babeltrace2(&trace);
    assert_eq!(events_by_name(&events).get("demo:tick"), Some(&1000));
    assert!(world.processes("lttng-consumerd").is_empty(), "nothing is left running");
}

#[test]
fn rules_contexts_and_buffers_are_as_asked() {
    let Some(world) = World::open(NEEDS) else { return };
    let trace = world.open_dir().join("trace");
    let record =
        world.rttng().args(["record", "-e", "demo:*", "-f", "i >= 40 && i < 50", "-t", "vpid,procname"]);
    let record = record.args(["-C", "subbuf-size=64k,num-subbuf=8", "--per-process", "-q", "-o"]).arg(&trace);
    let ended = record.arg("--").arg(apps::built("demo")).arg("100").run();
    assert_eq!(ended.stderr, "", "--quiet says only what was lost");
    ended.ok();
    let events = world.babeltrace2(&trace);
    let ticks: Vec<_> = events.iter().filter_map(|event| event.int("i")).collect();
    assert_eq!(ticks, (40..50).collect::<Vec<_>>());
    assert!(events.iter().all(|event| event.value("procname").is_some()));
}

#[test]
fn the_exit_status_is_the_program_s() {
    let Some(world) = World::open(NEEDS) else { return };
    let record = |args: &[&str]| {
        let output = world.open_dir().join(format!("trace-{}", args.join("-").replace(['/', ' '], "")));
        world.rttng().arg("record").arg("-o").arg(output).arg("--").args(args).run().code()
    };
    assert_eq!(record(&["sh", "-c", "exit 7"]), Some(7));
    assert_eq!(record(&["sh", "-c", "kill -TERM $$"]), Some(128 + 15));
    assert_eq!(record(&["/nonexistent/program"]), Some(127));
}

#[test]
fn an_empty_recording_explains_itself() {
    let Some(world) = World::open(NEEDS) else { return };
    let explained = |pattern: &str, program: &str, argument: &str| {
        let trace = world.open_dir().join(format!("trace-{}", pattern.replace(['*', ':'], "")));
        let record = world.rttng().args(["record", "-e", pattern, "-o"]).arg(trace).arg("--");
        record.arg(program).arg(argument).run().stderr
    };
    let demo = apps::built("demo").display().to_string();
    let text = explained("demo:tikc", &demo, "10");
    assert!(text.contains("near: demo:tick"), "{text}");
    let text = explained("demo:tick*", &demo, "0");
    assert!(text.contains("none was reached"), "{text}");
    let text = explained("*", "true", "");
    assert!(text.contains("not linked with it"), "{text}");
}

#[test]
fn a_loss_is_said_with_what_would_have_kept_it_and_lossless_loses_nothing() {
    let Some(world) = World::open(NEEDS) else { return };
    let record = |name: &str, options: &[&str], count: &str| {
        let trace = world.open_dir().join(name);
        let record = world.rttng().arg("record").args(options).arg("-o").arg(&trace).arg("--");
        (record.arg(apps::built("demo")).arg(count).run(), trace)
    };
    let (lossy, _) = record("lossy", &["-C", "subbuf-size=4k,num-subbuf=2"], "300000");
    let said = lossy.stderr;
    assert!(said.contains("LOST:") && said.contains("--channel subbuf-size="), "{said}");

    // Each time it finds a full buffer, liblttng-ust sleeps for 100 ms: a few of those are enough.
    let options = ["-C", "subbuf-size=16k,num-subbuf=2", "--lossless=10s"];
    let (lossless, trace) = record("lossless", &options, "20000");
    assert!(!lossless.stderr.contains("LOST"), "{}", lossless.stderr);
    lossless.ok();
    let events = world.babeltrace2(&trace);
    assert_eq!(events_by_name(&events).get("demo:tick"), Some(&20_000));
}

#[test]
fn several_recordings_at_once_do_not_see_each_other() {
    let Some(world) = World::open(NEEDS) else { return };
    let folder = world.open_dir();
    let started: Vec<_> = [100, 200, 300]
        .into_iter()
        .map(|ticks: usize| {
            let record = world.rttng().directory(&folder).arg("record").arg("-q").arg("--");
            record.arg(apps::built("demo")).arg(ticks.to_string()).spawn()
        })
        .collect();
    for mut one in started {
        one.ends().ok();
    }
    // They began in the same second, most likely: each has a directory of its own all the same.
    let traces =
        std::fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let mut ticks: Vec<usize> = traces
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("demo-")))
        .map(|trace| events_by_name(&world.babeltrace2(&trace))["demo:tick"])
        .collect();
    ticks.sort_unstable();
    assert_eq!(ticks, [100, 200, 300]);
}
