//! Our command line beside recorded invocations of the real one (`tests/vectors/cli/invocations.jsonl`): the same words, to
//! the real session daemon, give the same text on both streams and the same exit status.
//!
//! Where ours differs on purpose, the line is in [`BETTER`] with the reason; it still runs, because later lines depend on
//! what it does.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use rttng_tests::{Make, Need, Running, World, apps, eventually};
use serde_json::Value;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/cli/invocations.jsonl");
const CONFIGURATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/cli/session-config");
/// What the reference saves and then cannot load.
const ONLY_OURS: &[&str] = &["saved-nooutput", "saved-vuid"];
/// Listing it, with its exclusions, ends the real session daemon.
const NOT_LISTED: &str = "saved-s1";
/// Needs a relay daemon: one without is refused at its first channel.
const WITH_RELAY: &[&str] = &["saved-livesess", "saved-network", "ok-net"];
const NEEDS: &[Need] = &[Need::Namespaces, Need::RealLttng, Need::UstHeaders];

/// Lines where ours says something else than 2.13.9, and why.
const BETTER: &[(u64, &str)] = &[
    (15, "names the missing daemon instead of an unknown error"),
    (24, "our own identity"),
    (25, "our own identity"),
    (98, "also shows where the filter is wrong"),
    (155, "gives the daemon's reason instead of an unknown error code"),
    (239, "lists every action"),
    (253, "our own identity"),
    (265, "an error is an error in the machine interface too"),
    (273, "success stands where it does in every other document"),
    (303, "an overriding path is taken as it is, without a slash behind it"),
    (427, "an empty name is a missing name"),
    (434, "our own identity"),
];

/// Lines that are not run, and why.
const LEFT_OUT: &[(std::ops::RangeInclusive<u64>, &str)] = &[
    (41..=41, "half of a list whose order varies"),
    (221..=221, "varies with when the application's buffers came to be"),
    (198..=205, "saves to and loads from the home that the password file gives, outside of the world"),
    (295..=295, "the same"),
    (384..=403, "with a relay daemon"),
    (443..=456, "the reference hides what fails in a folder of configurations"),
];

#[test]
fn without_a_session_daemon() {
    replay("A");
}

#[test]
fn sessions() {
    replay("B");
}

#[test]
fn channels_rules_contexts_and_trackers() {
    replay("C");
}

#[test]
fn recordings_rotations_and_snapshots() {
    replay("D");
}

#[test]
fn triggers() {
    replay("E");
}

#[test]
fn the_machine_interface() {
    replay("F");
}

#[test]
fn more() {
    replay("I");
}

/// What the real program makes of a session configuration, ours makes as well.
#[test]
fn session_configurations() {
    let Some(world) = World::open(NEEDS) else { return };
    let _daemon = world.real_sessiond();
    let mut documents: Vec<_> = fs::read_dir(CONFIGURATIONS)
        .expect("the vectors are there")
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| {
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let loads = name.starts_with("ok-") || name.starts_with("saved-");
            loads && !ONLY_OURS.contains(&name) && !WITH_RELAY.contains(&name) && name != NOT_LISTED
        })
        .collect();
    documents.sort();
    assert!(documents.len() > 10, "{documents:?}");
    let listed_after = |make: Make, document: &Path| {
        world.lttng(make, [OsStr::new("load"), OsStr::new("-i"), document.as_os_str()]).ok();
        let sessions = world.real_lttng(["--mi", "xml", "list"]).ok();
        let name =
            sessions.split_once("<name>list</name>").and_then(|(_, rest)| between(rest, "<name>", "</name>"));
        let mut lines =
            comparable(&world.real_lttng(["--mi", "xml", "list", name.expect("a session")]).ok(), &[]);
        lines.sort();
        world.real_lttng(["destroy", "--all"]).ok();
        lines
    };
    for document in &documents {
        let (expected, found) = (listed_after(Make::Real, document), listed_after(Make::Ours, document));
        assert!(found == expected, "{}\n{}", document.display(), difference(&expected, &found));
    }
    world.our_lttng(["load", "-i", &format!("{CONFIGURATIONS}/{NOT_LISTED}.lttng")]).ok();
    world.real_lttng(["destroy", "--all"]).ok();
    for name in ONLY_OURS {
        listed_after(Make::Ours, Path::new(&format!("{CONFIGURATIONS}/{name}.lttng")));
    }
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

/// Runs the invocations of a scenario in their order and compares each.
fn replay(scenario: &str) {
    let Some(world) = World::open(NEEDS) else { return };
    let home = world.home();
    fs::copy(apps::built("demo"), home.join("demo-app")).expect("the application can be copied");
    let mut app: Option<Running> = None;
    // The first scenario lets `create` start it.
    let _daemon = (scenario != "A").then(|| world.real_sessiond());
    if scenario == "E" {
        // It goes on where D ended.
        wait_for_app(&world, &mut app);
    }

    let lines = fs::read_to_string(VECTORS).expect("the vectors are there");
    let mut compared = 0;
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("a line is a JSON object");
        if !line["scenario"].as_str().is_some_and(|name| name.starts_with(scenario)) {
            continue;
        }
        let number = line["n"].as_u64().expect("a line has a number");
        if LEFT_OUT.iter().any(|(lines, _)| lines.contains(&number)) {
            continue;
        }
        let Some(argv) = line["argv"].as_array() else {
            let step = line["step"].as_str().or(line["setup"].as_str()).unwrap_or_default();
            prepare(&world, step, &mut app);
            continue;
        };
        if argv[0] != "lttng" {
            continue;
        }
        let words: Vec<String> =
            argv[1..].iter().map(|word| here(&home, word.as_str().expect("words are text"))).collect();
        let mut program = world.made(Make::Ours, "lttng").args(&words).directory(&home);
        program = program.env("LTTNG_SESSIOND_PATH", "/usr/bin/lttng-sessiond");
        for (name, value) in line["env"].as_object().into_iter().flatten() {
            program = program.env(name, value.as_str().expect("a variable is text"));
        }
        let ended = program.run();
        compared += 1;
        if BETTER.iter().any(|(line, _)| *line == number) {
            continue;
        }
        let recorded = |stream: &str| here(&home, line[stream].as_str().unwrap_or_default());
        let mut expected = (
            line["exit"].as_i64(),
            comparable(&recorded("stdout"), &words),
            comparable(&recorded("stderr"), &words),
        );
        let mut found = (
            ended.code().map(i64::from),
            comparable(&own_name(&ended.stdout), &words),
            comparable(&own_name(&ended.stderr), &words),
        );
        if line["stdout_truncated"].as_bool() == Some(true) {
            // The recording ends in the middle of a line.
            expected.1.pop();
            found.1.truncate(expected.1.len());
        } else if words.iter().any(|word| word == "list" || word == "status") {
            expected.1.sort();
            found.1.sort();
        }
        if found != expected {
            wrong.push(format!(
                "line {number}: lttng {} => {:?} instead of {:?}\n{}{}",
                words.join(" "),
                found.0,
                expected.0,
                difference(&expected.1, &found.1),
                difference(&expected.2, &found.2)
            ));
        }
    }
    if let Some(mut app) = app {
        app.kill();
    }
    assert!(compared > 10, "only {compared} lines were compared");
    assert!(wrong.is_empty(), "{} of {compared} lines differ\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// The lines that only one of two texts has.
fn difference(expected: &[String], found: &[String]) -> String {
    let only = |a: &[String], b: &[String], sign: char| -> String {
        a.iter().filter(|line| !b.contains(line)).map(|line| format!("{sign} {line}\n")).collect()
    };
    only(expected, found, '-') + &only(found, expected, '+')
}

/// Does what a step of the recording says.
fn prepare(world: &World, step: &str, app: &mut Option<Running>) {
    let home = world.home();
    if let Some((_, what)) = step.split_once("run ./demo-app").filter(|_| step.starts_with("run ")) {
        let count = what
            .split_whitespace()
            .find_map(|word| word.parse::<u32>().ok())
            .expect("the step says how many");
        let demo = world.program("./demo-app").directory(&home).arg(count.to_string());
        demo.run().ok();
    } else if step.contains("sleeping") || step.contains("same application") {
        wait_for_app(world, app);
    }
}

/// Starts the application, if it does not run yet, and waits until the session daemon knows it.
fn wait_for_app(world: &World, app: &mut Option<Running>) {
    if app.is_some() {
        return;
    }
    *app = Some(world.program("./demo-app").directory(world.home()).spawn());
    eventually("the application registers", || {
        world.real_lttng(["list", "--userspace"]).ok().contains("demo:tick")
    });
}

/// The home of the recording is another one than ours.
fn here(home: &Path, text: &str) -> String {
    text.replace("/home/user", &home.to_string_lossy())
}

/// The program's own name in getopt's complaints is its whole path here.
fn own_name(text: &str) -> String {
    text.lines()
        .map(|line| match line.split_once("/lttng: ") {
            Some((path, rest)) if path.starts_with('/') && !path.contains(' ') => format!("lttng: {rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}

/// The lines of a text without what differs from run to run; a document is cut between its elements. Lists of one session
/// come in the order of the daemon's hash tables: the caller sorts them.
fn comparable(text: &str, words: &[String]) -> Vec<String> {
    // The recording's marks are not to look like elements.
    let mut text = text.to_owned();
    for mark in ["DATETIME", "ISODATETIME", "PID", "TID", "TIME", "RANDOM"] {
        text = text.replace(&format!("<{mark}>"), mark);
    }
    let mut lines: Vec<String> = text.replace("><", ">\n<").lines().map(steady).collect();
    if words.ends_with(&["list".to_owned(), "-u".to_owned()]) {
        lines
            .iter_mut()
            .filter(|line| line.starts_with("<id>"))
            .for_each(|line| *line = "<id>PID</id>".to_owned());
    }
    lines
}

/// A line with dates, process numbers, progress and counts of lost events made alike.
fn steady(line: &str) -> String {
    let mut line = line.to_owned();
    if let Some(rest) = line.strip_prefix("PERROR - ") {
        let said = rest.split_once("]: ").map_or(rest, |(_, said)| said);
        return format!("PERROR {}", said.split(" (in ").next().unwrap_or(said));
    }
    for progress in ["Waiting for data availability", "Waiting for rotation to complete"] {
        if line.starts_with(progress) {
            return progress.to_owned();
        }
    }
    if let Some(rest) = line.strip_prefix("Destroying session ") {
        line = match rest.split_once('.') {
            Some((name, dots)) => format!("Destroying session {name}.{}", dots.trim_start_matches('.')),
            None => line,
        };
    }
    for marker in ["PID: ", "<id>"] {
        if let Some(at) = line.find(marker).filter(|_| line.contains("- Name:")) {
            let start = at + marker.len();
            let digits = line[start..].bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                line.replace_range(start..start + digits, "PID");
            }
        }
    }
    if let Some(count) = line.strip_prefix("Warning: ").and_then(|rest| rest.split_once(" events were")) {
        line = format!("Warning: N events were{}", count.1);
    }
    dates(&line)
}

/// Puts `DATETIME` and `ISODATETIME` in the place of dates in names.
fn dates(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        if let Some(length) = shape(rest, "dddddddd-dddddd") {
            out.push_str("DATETIME");
            rest = &rest[length..];
        } else if let Some(length) = shape(rest, "ddddddddTdddddd+dddd") {
            out.push_str("ISODATETIME");
            rest = &rest[length..];
        } else {
            let length = rest.chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    out
}

/// Whether the text begins with this shape, in which `d` is a digit.
fn shape(text: &str, shape: &str) -> Option<usize> {
    let fits =
        |(byte, expected): (u8, u8)| if expected == b'd' { byte.is_ascii_digit() } else { byte == expected };
    (text.len() >= shape.len() && text.bytes().zip(shape.bytes()).all(fits)).then_some(shape.len())
}
