//! Every text option of babeltrace2, given to both: the same bytes and the same status, or a refusal that says what to
//! do instead.

use std::path::{Path, PathBuf};

use rttng_tests::{Need, World};

/// What both take alike; `|` stands between words.
const SAME: &[&str] = &[
    "",
    "--no-delta",
    "--no-delta|--no-delta",
    "--clock-cycles",
    "--clock-cycles|--clock-date",
    "--clock-seconds|--clock-date",
    "--clock-date|--clock-gmt",
    "--clock-gmt|--clock-gmt",
    "--clock-force-correlate",
    "--clock-offset=5",
    "--clock-offset=-5",
    "--clock-offset|5",
    "--clock-offset-ns=5|--clock-offset=1",
    "-f|trace|-f|loglevel",
    "--fields=trace|--fields=loglevel",
    "-f|all,trace",
    "-f|trace:hostname, trace:domain ,trace:procname,trace:vpid,emf",
    "-f|",
    "-n|payload|-n|context",
    "-n|none,payload",
    "-n|payload,none",
    "-n|context,none",
    "-n|none,scope",
    "-n|none",
    "-n|arg,ctx",
    "-n|args,header",
    "-n|payload, context",
    "-n|,payload",
    "-n|",
    "--names=all",
    "-w|/dev/stdout",
    "--output=/dev/stdout",
    "-o|text",
    "-o|dummy",
    "--output-format=dummy",
    "-i|ctf",
    "--input-format=ctf",
    "--color=never",
    "--color=auto",
    "--color|auto",
    "--stream-intersection",
    "--clock-gmt|--begin=19:10:01.5364",
    "--clock-gmt|--end=19:10:01.6",
    "-b|1795374601|-e|1795374602",
    "--timerange=[1795374601,1795374602]",
    "--timerange=1795374601,1795374602",
    "--begin=2026-11-22",
    "--end=2026-11-22",
    "--begin=2026-11-22 19:10",
    "--begin=2026-11-22 19:10:01.6",
    "--begin=2026-11-23 00:00:00",
    "--begin=19:10:08.1|--clock-gmt",
    "--end=19:10:08.1|--clock-gmt",
];

/// What both take alike as far as events go; in messages about losses babeltrace2 has seconds then.
const SAME_EVENTS: &[&str] = &["--clock-cycles|--clock-seconds", "--clock-seconds|--clock-cycles"];

/// What both refuse.
const REFUSED_BY_BOTH: &[&str] = &[
    "-n|all,none",
    "-n|foo",
    "-f|foo",
    "-o|foo",
    "-i|foo",
    "--color=blue",
    "--clock-offset=x",
    "--clock-offset=1|--clock-offset=2",
    "--begin=1|--begin=2",
    "--begin=2|--end=1",
    "--begin=noon",
    "--timerange=1",
    "--no-such-option",
];

/// What is refused here, and what the refusal names.
const REFUSED: &[(&str, &str)] = &[
    ("--debug-info", "addr2line"),
    ("--debug-info-dir=/tmp", "addr2line"),
    ("--debug-info-full-path", "addr2line"),
    ("--debug-info-target-prefix=/tmp", "addr2line"),
    ("-c|sink.text.pretty", "rttng convert"),
    ("--component=sink.text.pretty", "rttng convert"),
    ("--params=x=1", "rttng convert"),
    ("--run-args", "no graph"),
    ("--run-args-0", "no graph"),
    ("--retry-duration=100", "--follow"),
    ("-v", "rttng inspect"),
    ("--verbose", "rttng inspect"),
    ("-d", "rttng inspect"),
    ("-l|W", "rttng inspect"),
    ("--log-level=W", "rttng inspect"),
    ("--plugin-path=/tmp", "built in"),
    ("--list", "json"),
    ("-o|ctf", "rttng convert --to ctf1"),
    ("--output-format=ctf-metadata", "rttng inspect"),
    ("-i|lttng-live", "--follow"),
];

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/trace").join(name).join("trace")
}

fn words(options: &str) -> Vec<&str> {
    if options.is_empty() { Vec::new() } else { options.split('|').collect() }
}

#[test]
fn every_text_option_is_taken_as_by_babeltrace_or_refused_with_advice() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let traces = ["contexts", "discarded"].map(vector);
    let both = |options: &str| {
        let theirs = world.program("babeltrace2").args(words(options)).args(&traces).env("TZ", "UTC").run();
        let ours = world.rttng().arg("view").args(words(options)).args(&traces).env("TZ", "UTC").run();
        (ours, theirs)
    };
    for options in SAME.iter().chain(SAME_EVENTS) {
        let (ours, theirs) = both(options);
        assert_eq!(theirs.code(), Some(0), "{options}: {}", theirs.stderr);
        assert_eq!(ours.stdout, theirs.stdout, "{options}");
        if SAME.contains(options) {
            assert_eq!(ours.stderr, theirs.stderr, "{options}");
        }
        assert_eq!(ours.code(), theirs.code(), "{options}");
    }
    for options in REFUSED_BY_BOTH {
        let (ours, theirs) = both(options);
        assert_ne!(theirs.code(), Some(0), "{options}");
        assert!(matches!(ours.code(), Some(1 | 2)), "{options}: {:?}", ours.code());
        assert_eq!((ours.stdout.as_str(), ours.stderr.is_empty()), ("", false), "{options}");
    }
    for (options, named) in REFUSED {
        let ours = world.rttng().arg("view").args(words(options)).args(&traces).run();
        assert_eq!((ours.code(), ours.stdout.as_str()), (Some(2), ""), "{options}");
        assert!(ours.stderr.contains(named), "{options}: {}", ours.stderr);
    }
}
