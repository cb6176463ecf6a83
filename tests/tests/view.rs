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
    let counted = world.rttng().args(["view", "--count"]).arg(&trace).run().ok();
    let text = same(&world, &[], "UTC", &trace);
    assert_eq!(counted.trim(), text.lines().count().to_string());
}
