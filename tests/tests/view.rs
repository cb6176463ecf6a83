//! `rttng view` beside babeltrace2, on what was just recorded: the same bytes for every option.

use std::path::Path;

use rttng_tests::{Need, World, apps};

/// Where a text is empty, babeltrace2 2.0.4 prints what it had there in some event before.
fn is_same_line(ours: &str, theirs: &str) -> bool {
    let mut pieces = ours.split("\"\"");
    let mut rest = pieces.next().and_then(|first| theirs.strip_prefix(first));
    for piece in pieces {
        rest = rest.and_then(|rest| {
            let (_, after) = rest.strip_prefix('"')?.split_once('"')?;
            after.strip_prefix(piece)
        });
    }
    rest == Some("")
}

/// What both print with these options; the losses as they stand on standard error.
#[track_caller]
fn same(world: &World, options: &[&str], zone: &str, trace: &Path) -> String {
    let theirs = world.program("babeltrace2").args(options).arg(trace).env("TZ", zone).run();
    let ours = world.rttng().arg("view").args(options).arg(trace).env("TZ", zone).run();
    for (ours, theirs) in ours.stdout.lines().zip(theirs.stdout.lines()) {
        assert!(is_same_line(ours, theirs), "{options:?}\n{ours}\n{theirs}");
    }
    assert_eq!(ours.stdout.lines().count(), theirs.stdout.lines().count(), "{options:?}");
    assert_eq!(ours.stderr, theirs.stderr, "{options:?}");
    assert_eq!(ours.code(), theirs.code(), "{options:?}");
    ours.stdout
}

#[test]
fn every_field_and_option_is_printed_as_by_babeltrace() {
    let Some(world) = World::open(&[Need::Babeltrace2, Need::UstHeaders]) else { return };
    let trace = world.open_dir().join("trace");
    let record = world.rttng().args(["record", "--lossless", "-t", "vpid,procname,ip", "-o"]).arg(&trace);
    record.arg("--").arg(apps::built("fields")).run().ok();
    for options in [
        "",
        "--clock-seconds",
        "--clock-cycles",
        "--clock-date",
        "--clock-date --clock-gmt",
        "--no-delta",
        "--clock-offset=-3600 --clock-offset-ns=7",
        "--fields=all",
        "--fields=trace,trace:domain,loglevel",
        "--fields=emf",
        "--names=all",
        "--names=none",
        "--names=scope,context",
        "--names=header,payload --no-delta --fields=trace:hostname,trace:vpid",
    ] {
        let options: Vec<&str> = options.split_whitespace().collect();
        let text = same(&world, &options, "America/New_York", &trace);
        assert!(text.lines().count() > 5, "{text}");
    }
    // From the third event to the seventh, as seconds and as times of a day.
    let seconds = same(&world, &["--clock-seconds", "--no-delta"], "UTC", &trace);
    let ends: Vec<&str> = [2, 6].map(|at| &seconds.lines().nth(at).unwrap()[1..21]).to_vec();
    let range = format!("--timerange={},{}", ends[0], ends[1]);
    let of_day = same(&world, &[], "Asia/Kolkata", &trace);
    let begin = format!("--begin={}", &of_day.lines().nth(3).unwrap()[1..19]);
    for (options, shown) in
        [(vec![range.as_str()], 5), (vec![begin.as_str(), "--clock-date"], of_day.lines().count() - 3)]
    {
        assert!(same(&world, &options, "Asia/Kolkata", &trace).lines().count() >= shown, "{options:?}");
    }
    let counted = world.rttng().args(["view", "--count"]).arg(&trace).run().ok();
    let text = same(&world, &[], "UTC", &trace);
    assert_eq!(counted.trim(), text.lines().count().to_string());
}

#[test]
fn losses_can_be_an_exit_status() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/trace");
    let ended = world.rttng().args(["view", "--fail-on-loss"]).arg(vectors.join("discarded/trace")).run();
    assert_eq!(ended.code(), Some(3));
    assert!(ended.stderr.ends_with("rttng view: 290 events discarded\n"), "{}", ended.stderr);
    let ended =
        world.rttng().args(["view", "--fail-on-loss", "--count"]).arg(vectors.join("per-uid/trace")).run();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    let ended = world.rttng().args(["view", "--event=x"]).arg(world.file("nowhere/at/all")).run();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("nowhere/at/all: No such file or directory"), "{}", ended.stderr);
}

#[test]
fn names_that_nothing_has_are_told() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/trace/per-uid/trace");
    let shown = world.rttng().arg("view").arg(&trace).run().ok();
    let (_, rest) = shown.lines().next().and_then(|line| line.split_once(") ")).unwrap();
    let name = rest.split([' ', ':']).skip(1).take(2).collect::<Vec<_>>().join(":");
    let ended =
        world.rttng().args(["view", "--count", "--event", &format!("{name}e,{name},no*")]).arg(&trace).run();
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert!(ended.stdout.trim().parse::<u64>().unwrap() > 0, "{ended}");
    let what = "matches no kind of event in what is read";
    assert!(ended.stderr.contains(&format!("--event \"{name}e\" {what}; near: {name}")), "{ended}");
    assert!(ended.stderr.contains(&format!("--event \"no*\" {what}\n")), "{ended}");
    let ended = world.rttng().args(["view", "no-such-trace"]).run();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("no-such-trace: no such folder, and no session daemon"), "{ended}");
}
