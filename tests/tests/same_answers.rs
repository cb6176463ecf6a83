//! The same commands, the same answers: every recorded invocation of `lttng` (tests/vectors/cli) is given to the real
//! session daemon in one world and to ours in another; what the client then says and its exit status must be equal.
//! (Our client beside the recordings of the real one: `command_line.rs`.)

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rttng_tests::Make::Ours;
use rttng_tests::{Cast, Ended, Need, Running, Sessiond, World, apps, eventually};
use serde_json::Value;

/// A world with a daemon and the sleeping application, in which commands are run one after the other.
struct Stage {
    cast: Cast,
    // Fields drop in this order: programs before the world that they live in.
    _application: Running,
    _daemon: Sessiond,
    world: World,
}

impl Stage {
    fn set(cast: Cast) -> Option<Stage> {
        let world = World::open(&[Need::RealLttng, Need::UstHeaders])?;
        let daemon = world.sessiond(cast.sessiond, cast.consumerd);
        let application = world.program(apps::built("demo")).spawn();
        eventually("the application has registered", || {
            world.real_lttng(["list", "-u"]).stdout.contains("demo:tick")
        });
        Some(Stage { cast, _application: application, _daemon: daemon, world })
    }

    fn run(&self, invocation: &Value) -> Answer {
        let words = invocation["argv"].as_array().expect("an invocation has words").iter();
        let words: Vec<&str> = words.map(|word| word.as_str().expect("words are text")).collect();
        let home = self.world.home().display().to_string();
        let mut program = self.world.made(self.cast.lttng, words[0]).env("TERM", "dumb");
        program = program.args(words[1..].iter().map(|word| word.replace("/home/user", &home)));
        for (name, value) in invocation["env"].as_object().into_iter().flatten() {
            program =
                program.env(name, value.as_str().expect("values are text").replace("/home/user", &home));
        }
        Answer::of(&self.world, program.run())
    }

    /// What happened between invocations, as far as it is the application that ran.
    fn step(&self, step: &str) {
        let count = if step.starts_with("run ./demo-app once: 1000 ") {
            "1000"
        } else if step.starts_with("run ./demo-app: 200000 ") {
            "200000"
        } else {
            panic!("a step that is not known: {step}")
        };
        self.world.program(apps::built("demo")).arg(count).run().ok();
    }
}

/// What a command said and how it ended, without what is chance.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    exit: Option<i32>,
    /// In order of the alphabet, because LTTng lists from hash tables, and without what tells that it waits.
    stdout: Vec<String>,
    stderr: String,
}

impl Answer {
    fn of(world: &World, ended: Ended) -> Answer {
        let exit = ended.code();
        let mask = |text: &str| mask(&text.replace(&world.file("").display().to_string(), "/WORLD/"));
        // One line of XML holds the whole answer.
        let stdout = mask(&ended.stdout).replace("><", ">\n<");
        let progress = |line: &str| {
            line.is_empty() || line.starts_with("Destroying session ") || line.starts_with("Waiting for ")
        };
        let mut stdout: Vec<String> = stdout.lines().filter(|line| !progress(line)).map(in_order).collect();
        stdout.sort();
        Answer { exit, stdout, stderr: mask(&ended.stderr) }
    }
}

impl Answer {
    /// Whether it is the same. The real client dies now and then (of `enable-event -k` without a kernel tracer), which
    /// tells nothing of the daemon.
    fn matches(&self, other: &Answer) -> bool {
        self.exit.is_none() || other.exit.is_none() || self == other
    }
}

/// The ids of a tracker are listed in one line, in the order of a hash table.
fn in_order(line: &str) -> String {
    match line.split_once(" IDs: ") {
        Some((tracker, ids)) => {
            let mut ids: Vec<&str> = ids.trim().split(", ").collect();
            ids.sort_unstable();
            format!("{tracker} IDs: {}", ids.join(", "))
        }
        None => line.to_owned(),
    }
}

/// Replaces times, process ids, places in the source, and how many events were lost.
fn mask(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let shape: String =
            rest.chars().take(20).map(|letter| if letter.is_ascii_digit() { '9' } else { letter }).collect();
        let taken = if shape.starts_with("99999999-999999") {
            out.push_str("<DATETIME>");
            15
        } else if shape.starts_with("99999999T999999+9999") {
            out.push_str("<ISODATETIME>");
            20
        } else if shape.starts_with("PID: 9") || shape.starts_with("<id>9") {
            let start = shape.find('9').expect("the shape has a digit");
            out.push_str(&rest[..start]);
            out.push_str("<PID>");
            start + rest[start..].bytes().take_while(u8::is_ascii_digit).count()
        } else if shape.starts_with("PERROR - 9") {
            // The time, the thread, and behind the reason the place in the source.
            let line = rest.lines().next().unwrap_or(rest);
            let reason = line.split_once("]: ").map_or(line, |(_, reason)| reason);
            out.push_str("PERROR - ");
            out.push_str(reason.split(" (in ").next().unwrap_or(reason));
            line.len()
        } else if shape.starts_with("Warning: 9") || shape.starts_with("<discarded_events>9") {
            let start = shape.find('9').expect("the shape has a digit");
            out.push_str(&rest[..start]);
            out.push_str("<COUNT>");
            start + rest[start..].bytes().take_while(u8::is_ascii_digit).count()
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    out
}

/// Runs one scenario of the recorded invocations with both casts.
fn same_answers(scenario: &str, cast: Cast) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/cli/invocations.jsonl");
    let lines = fs::read_to_string(path).expect("the invocations are recorded");
    let lines: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON a line")).collect();
    let (Some(real), Some(other)) = (Stage::set(Cast::REAL), Stage::set(cast)) else {
        return;
    };
    let mut compared = 0;
    let mut differences = Vec::new();
    for line in lines.iter().filter(|line| line["scenario"] == scenario) {
        if let Some(step) = line["step"].as_str() {
            real.step(step);
            other.step(step);
        } else if line["argv"][0] == "lttng" && !left_out(line, cast) {
            let (expected, got) = (real.run(line), other.run(line));
            if !got.matches(&expected) {
                differences
                    .push(format!("line {}: {}\nreal {expected:#?}\nours {got:#?}", line["n"], line["argv"]));
            }
            compared += 1;
        }
    }
    assert!(compared >= 15, "the scenario has invocations: {compared}");
    assert!(differences.is_empty(), "{} of {compared} differ\n{}", differences.len(), differences.join("\n"));
}

/// Words of invocations that our session daemon refuses, with LTTng's own error: rotations, snapshots, other machines,
/// agents, actions of triggers on those, saved sessions. Neither daemon is given them, so that what follows finds both in the same state.
const REFUSED: &[&str] = &[
    "rotate",
    "enable-rotation",
    "disable-rotation",
    "snapshot",
    "--snapshot",
    "--live=1s",
    "save",
    "load",
    "clear",
    "-j",
    "-l",
    "-p",
    "rotate-session",
    "snapshot-session",
];

/// Triggers beyond the recorded ones. Every listing is by name, so that answers are equal to the letter.
const TRIGGERS: &[&[&str]] = &[
    &["list-triggers"],
    &["add-trigger", "--name=all", "--condition=event-rule-matches", "--type=user", "--action=notify"],
    &["add-trigger", "--condition=event-rule-matches", "--type=user", "--action=notify"],
    &["add-trigger", "--name=all", "--condition=event-rule-matches", "--type=user", "--action=notify"],
    &[
        "add-trigger",
        "--name=rich",
        "--condition=event-rule-matches",
        "--type=user:tracepoint",
        "--name=demo:**",
        "--filter=i > 3 && s == \"x*\"",
        "--log-level=INFO..",
        "-x",
        "demo:small,demo:other",
        "--capture=i",
        "--capture=$ctx.vpid",
        "--capture=a[3]",
        "--capture=$app.p:t",
        "--action=notify",
        "--rate-policy=every:5",
        "--action=start-session",
        "s1",
        "--action=stop-session",
        "s1",
        "--rate-policy=once-after:3",
    ],
    &[
        "add-trigger",
        "--condition=event-rule-matches",
        "--type=user",
        "--log-level=WARNING",
        "--action=notify",
    ],
    &["add-trigger", "--condition=event-rule-matches", "--type=user", "--filter=i ==", "--action=notify"],
    &[
        "add-trigger",
        "--condition=event-rule-matches",
        "--type=user",
        "--filter=$ctx.x.y == 1",
        "--action=notify",
    ],
    &[
        "add-trigger",
        "--condition=event-rule-matches",
        "--type=kernel",
        "--name=sched_switch",
        "--action=notify",
    ],
    &["add-trigger", "--condition=event-rule-matches", "--type=syscall", "--action=notify"],
    &["add-trigger", "--owner-uid=1000", "--condition=event-rule-matches", "--type=user", "--action=notify"],
    &["add-trigger", "--condition=event-rule-matches", "--type=user", "--action=notify"],
    &["list-triggers"],
    &["--mi=xml", "list-triggers"],
    &["remove-trigger", "trigger2"],
    &["remove-trigger", "--owner-uid=1000", "trigger2"],
    &["--mi=xml", "remove-trigger", "rich"],
    &["--mi=xml", "remove-trigger", "rich"],
    &["--mi=xml", "add-trigger", "--condition=event-rule-matches", "--type=user", "--action=notify"],
    &["list-triggers"],
];

/// Invocations whose answer is not the same twice, even from the real programs, or that are not for this cast.
fn left_out(line: &Value, cast: Cast) -> bool {
    let words: BTreeSet<&str> =
        line["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let refused = |word: &&str| REFUSED.contains(word) || word.contains("net://");
    // They hand over to a pager or a viewer, which is not part of the answer.
    ["help", "--help", "-h", "view"].iter().any(|word| words.contains(word))
        || (cast.sessiond == Ours && words.iter().any(refused))
}

macro_rules! casts {
    ($($name:ident: $cast:expr, $($test:ident: $scenario:literal),*;)*) => {
        $(mod $name {
            use super::*;
            $(#[test]
            fn $test() {
                same_answers($scenario, $cast);
            })*
        })*
    };
}

casts! {
    // What differs between two runs of the real programs is chance.
    none: Cast::REAL,
        while_recording: "D-record";
    sessiond: Cast { sessiond: Ours, ..Cast::REAL },
        about_sessions: "B-sessions",
        about_channels_and_rules: "C-rules",
        while_recording: "D-record",
        about_triggers: "E-triggers",
        to_machines: "F-mi";
}

#[test]
fn triggers_to_the_letter() {
    let ours = Cast { sessiond: Ours, ..Cast::REAL };
    let (Some(real), Some(other)) = (Stage::set(Cast::REAL), Stage::set(ours)) else { return };
    for words in TRIGGERS {
        let said = |stage: &Stage| {
            let ended = stage.world.real_lttng(*words);
            (ended.code(), mask(&ended.stdout), mask(&ended.stderr))
        };
        assert_eq!(said(&other), said(&real), "{words:?}");
    }
}

#[test]
fn masks_what_is_chance() {
    let said =
        "Destroying session auto-20240101-120000\nPID: 38 - Name: demo <id>7</id> 20240101T120000+0000-1.";
    let masked =
        "Destroying session auto-<DATETIME>\nPID: <PID> - Name: demo <id><PID></id> <ISODATETIME>-1.";
    assert_eq!(mask(said), masked);
}
