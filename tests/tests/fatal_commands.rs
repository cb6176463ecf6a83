//! Every command line that the specifications list as crashing, hanging or corrupting the real programs 2.13.9, and
//! numbers and texts beyond every limit: ours answers each with the right error or the right result, as a client of our
//! session daemon and of the real one, and our session daemon as the server of the real client.
//!
//! Requests as bytes are in `fatal_requests.rs`, names in `faults_names.rs`.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rttng_tests::Make::{self, Ours, Real};
use rttng_tests::{Cast, Ended, Need, Recording, World, apps};

/// A command line, where the specification speaks of it, and how both clients end with our daemon.
struct Row {
    spec: &'static str,
    words: Vec<String>,
    /// Exit status of our client, and a part of what it says.
    ours: (i32, &'static str),
    /// Exit status of the real client; `None`: it is not asked, for it dies or hangs by itself.
    real: Option<i32>,
}

fn row(spec: &'static str, words: &[&str], ours: (i32, &'static str), real: impl Into<Option<i32>>) -> Row {
    Row { spec, words: words.iter().map(|&word| word.to_owned()).collect(), ours, real: real.into() }
}

/// A filter of nested operators that needs so many values at once.
fn nested(values: usize) -> String {
    let mut text: String = (1..values).map(|n| format!("a{n}|(")).collect();
    text.push('z');
    text.extend(std::iter::repeat_n(')', values - 1));
    text
}

fn rows() -> Vec<Row> {
    let event = ["enable-event", "-u", "-c", "main"];
    let filtered = |name, filter: &str, ours, real: Option<i32>| {
        row("filter 8.2, 12", &[&event[..], &[name, "--filter", filter]].concat(), ours, real)
    };
    let many = |before: &str, count: usize, after: &str| before.repeat(count) + after;
    let channel = |option, value, real| {
        row("cli 2.5", &["enable-channel", "-u", "big", option, value], (1, "Error: "), real)
    };
    vec![
        // Session daemon ends (client-protocol 16, cli 13).
        row("cli 13", &[&event[..], &["odd:*", "--exclude", "odd:not*"]].concat(), (0, "excluding"), 0),
        row("cli 13", &["list", "s"], (0, "[exclusions: odd:not*]"), 0),
        row("cli 13", &["list", "s", "-u"], (0, "[exclusions: odd:not*]"), 0),
        row("cli 13", &["--mi", "xml", "list", "s"], (0, "<exclusion>odd:not*</exclusion>"), 0),
        row("client-protocol 16", &["list", "s", "-c", "nosuch"], (1, "Channel nosuch not found"), 1),
        row("client-protocol 16", &["list", "-u"], (0, "UST events"), 0),
        row("client-protocol 16", &["list", "-j", "-f"], (1, "Error: "), None),
        // Applications end.
        filtered("eight", &nested(8), (0, "successfully set"), Some(55)),
        filtered("nine", &nested(9), (106, "needs 9 intermediate values"), Some(106)),
        filtered("ten", &nested(10), (106, "needs 10 intermediate values"), Some(106)),
        filtered("hundred", &nested(100), (106, "needs 100 intermediate values"), Some(106)),
        // The client's stack, and the sizes of messages.
        filtered("deep", &(many("(", 30_000, "a") + &many(")", 30_000, "")), (106, "nested deeper"), None),
        filtered("nots", &many("!", 60_000, "a"), (0, "successfully set"), None),
        filtered("signs", &many("-", 60_000, "a"), (0, "successfully set"), None),
        filtered("members", &many("a.", 20_000, "a == 1"), (0, "successfully set"), None),
        filtered("large", &many("a && ", 10_000, "a"), (106, "65536 bytes of bytecode"), None),
        filtered("long", &format!("a == \"{}\"", "x".repeat(65_400)), (0, "successfully set"), None),
        filtered("longer", &format!("a == \"{}\"", "x".repeat(65_600)), (106, "Error: "), None),
        filtered("open", "a == \"x", (106, "Error: "), Some(106)),
        filtered("none", "", (97, "is empty"), None),
        // The client is killed by SIGPIPE now and then (client-protocol 2, cli 9); it is asked below.
        row("cli 9", &["enable-event", "-u", "-s", "nosuch", "x"], (23, "Session name not found"), None),
        row("cli 9", &["enable-channel", "-u", "-s", "nosuch", "x"], (1, "Session name not found"), None),
        row("cli 9", &["enable-event", "-k", "x"], (33, "Kernel tracer not available"), None),
        row("cli 9", &["enable-channel", "-k", "x"], (1, "Kernel tracer not available"), None),
        // Succeeds at nothing (cli 13).
        row("cli 13", &["enable-event", "-u", "-c", "main", ""], (1, "Missing event name"), 0),
        row("cli 13", &["list-triggers", "extra"], (1, "Unexpected argument"), 0),
        row("cli 13", &["--mi", "xml", "enable-channel", "-u"], (1, "Missing channel name"), 0),
        row("cli 8", &["remove-trigger", "--owner-uid", "x", "y"], (1, "Failed to parse `x`"), 1),
        row("cli 4.5", &["add-context", "-u", "-c", "main", "-t", "$app.a:b"], (0, "$app.a:b added"), 3),
        // An exclusion of no bytes.
        row("cli 4.3", &[&event[..], &["e", "--exclude", ""]].concat(), (1, "globbing pattern"), 1),
        row("cli 4.3", &[&event[..], &["e*", "--exclude", ""]].concat(), (0, "e*"), 0),
        // Numbers.
        channel("--subbuf-size", "99999999999999999999", 1),
        channel("--subbuf-size", "18446744073709551615", 1),
        channel("--subbuf-size", "9223372036854775808", 1),
        channel("--subbuf-size", "4611686018427387904", 1),
        channel("--subbuf-size", "17179869184G", 1),
        channel("--subbuf-size", "-1", 1),
        channel("--num-subbuf", "9223372036854775808", 1),
        channel("--num-subbuf", "0", 1),
        channel("--num-subbuf", "-1", 1),
        channel("--switch-timer", "4294967296", 1),
        channel("--read-timer", "99999999999999999999", 1),
        channel("--monitor-timer", "99999999999999999999", 1),
        channel("--blocking-timeout", "9999999999s", 1),
        channel("--tracefile-count", "99999999999999999999", 1),
        channel("--tracefile-size", "99999999999999999999", 1),
        row("cli 2.5", &["create", "lv", "--live=0"], (1, "greater than zero"), 1),
        row("cli 2.5", &["create", "lv", "--live=99999999999999999999"], (1, "Wrong value"), 1),
        row("cli 4.8", &["track", "-u", "--vpid", "99999999999"], (1, "not a valid"), None),
        row("cli 2.6", &[&event[..], &["e", "--loglevel", "99"]].concat(), (97, "Unknown loglevel"), 97),
        // Nothing where something is due.
        row("cli 1", &[""], (2, "is not an lttng command"), 2),
        row("cli 4.1", &["list", ""], (1, "not found"), 1),
        row("cli 4.1", &["destroy", ""], (23, "not found"), 23),
        row("cli 4.1", &["set-session", ""], (1, "Error: "), None),
        row("cli 4.2", &["enable-channel", "-u", ""], (0, ""), 0),
        row("cli 4.1", &["create", ""], (1, "Error: "), None),
        row("session-config 10", &["load", "nosuch", "-i", "/nonexistent"], (1, "Invalid input path"), 1),
    ]
}

/// Whether a command ended by itself, with this status and these words.
fn differs(ended: &Ended, status: i32, words: &str) -> Option<String> {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    let as_expected = ended.code() == Some(status) && said.contains(words);
    (!as_expected)
        .then(|| format!("exit {status} and {words:?} expected of {ended}").chars().take(900).collect())
}

#[test]
fn each_command_line_has_its_answer_and_the_next_one_is_served() {
    let Some(world) = World::open(&[Need::RealLttng]) else { return };
    let daemon = world.our_sessiond();
    world.our_lttng(["create", "s", "--output", &world.file("s").display().to_string()]).ok();
    world.our_lttng(["enable-channel", "-u", "main"]).ok();
    let mut wrong = Vec::new();
    for row in rows() {
        let ended = world.our_lttng(&row.words);
        let (status, words) = row.ours;
        wrong.extend(differs(&ended, status, words).map(|why| format!("{}: {why}", row.spec)));
        if let Some(status) = row.real {
            // What our client has done is done.
            let status =
                if row.words[0] == "enable-event" && status == 0 && !row.words.contains(&String::new()) {
                    55
                } else {
                    status
                };
            let ended = world.real_lttng(&row.words);
            wrong.extend(differs(&ended, status, "").map(|why| format!("{}, real client: {why}", row.spec)));
        }
        let list = world.our_lttng(["list"]);
        wrong.extend(differs(&list, 0, " s [inactive]"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(daemon.terminate().code(), Some(0));
}

#[test]
fn no_client_dies_because_the_daemon_answers_early() {
    let early: [(&[&str], i32); 4] = [
        (&["enable-event", "-u", "-s", "nosuch", "x"], 23),
        (&["enable-channel", "-u", "-s", "nosuch", "x"], 1),
        (&["enable-event", "-k", "x", "-s", "s"], 33),
        (&["enable-channel", "-k", "-s", "s", "x"], 1),
    ];
    // The real client with the real daemon is killed in about two runs of three (client-protocol 2).
    for (client, server) in [(Real, Ours), (Ours, Real), (Ours, Ours)] {
        let Some(world) = World::open(&[Need::RealLttng]) else { return };
        let _daemon = world.sessiond(server, server);
        world.our_lttng(["create", "s", "--output", &world.file("s").display().to_string()]).ok();
        for (words, status) in early {
            for _ in 0..6 {
                let ended = world.lttng(client, words);
                assert_eq!(ended.code(), Some(status), "{client:?} with {server:?}: {ended}");
            }
        }
    }
}

#[test]
fn an_application_survives_the_largest_filters_that_are_taken() {
    for client in [Ours, Real] {
        let cast = Cast { lttng: client, sessiond: Ours, consumerd: Ours };
        let Some(recording) = Recording::create(cast, &[Need::UstHeaders]) else { return };
        recording.lttng(["enable-channel", "-u", "main"]);
        recording.lttng(["enable-event", "-u", "-c", "main", "rttng_mortal:tick"]);
        // Each needs one value more than the one before; what is refused is not sent.
        for values in 2..=12 {
            let filter = format!("{} == 0", nested(values).replace('z', "seq"));
            let words = ["enable-event", "-u", "-c", "main", "rttng_mortal:tick", "--filter", &filter];
            let ended = recording.world.lttng(client, words);
            let expected = if values <= 8 { 0 } else { 106 };
            assert_eq!(ended.code(), Some(expected), "{ended}");
        }
        recording.lttng(["start"]);
        recording.traced(apps::built("mortal")).run().ok();
        assert_eq!(recording.finish().len(), 10);
    }
}

#[test]
fn a_saved_channel_without_events_is_loaded() {
    // The real loader aborts after it made the session and the channel (session-config 6, cli 13).
    let Some(world) = World::open(&[Need::RealLttng]) else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/cli/session-config");
    for daemon in [Ours, Real] {
        let daemon = world.sessiond(daemon, daemon);
        let file = folder.join("bad-channel-no-events.lttng").display().to_string();
        world.our_lttng(["load", "-i", &file]).ok();
        let listed = world.our_lttng(["list", "m"]).ok();
        assert!(listed.contains("- c: [enabled]"), "{listed}");
        // A name that is nowhere is no success (session-config 10).
        let nosuch = world.our_lttng(["load", "nosuch", "-i", &folder.display().to_string()]);
        assert_ne!(nosuch.code(), Some(0), "{nosuch}");
        assert!(nosuch.stderr.contains("Error: "), "{nosuch}");
        world.our_lttng(["destroy", "m"]).ok();
        assert_eq!(daemon.terminate().code(), Some(0));
    }
}

#[test]
fn triggers_are_listed_that_end_the_real_client() {
    let Some(world) = World::open(&[Need::RealLttng]) else { return };
    let _daemon = world.real_sessiond();
    // `lttng list-triggers` asks for the errors of an action by an empty path, and aborts (client-objects 12.1).
    let trigger =
        std::fs::read(vector("objects/register-trigger-request-payload.bin")).expect("a captured trigger");
    let mut request = vec![0; 13156];
    request[..4].copy_from_slice(&43u32.to_ne_bytes());
    request[4380..4384].copy_from_slice(&2u32.to_ne_bytes());
    request[4688..4692].copy_from_slice(&(trigger.len() as u32).to_ne_bytes());
    request.extend(trigger);
    let mut socket =
        UnixStream::connect(world.outside("/run/lttng/client-lttng-sessiond")).expect("it accepts");
    socket.set_read_timeout(Some(Duration::from_secs(60))).expect("sockets have time limits");
    socket.write_all(&request).expect("it reads");
    let mut reply = Vec::new();
    socket.read_to_end(&mut reply).expect("it answers");
    assert_eq!(reply.get(4..8), Some(&10u32.to_ne_bytes()[..]), "it is registered");
    // Its policy is the default one, which ends `lttng --mi xml list-triggers` (mi 5, cli 13).
    let rule = ["--condition", "event-rule-matches", "--type", "user", "--name", "odd:*"];
    let add = [&["add-trigger", "--name", "turn"][..], &rule, &["--action", "rotate-session", "s"]].concat();
    world.our_lttng(add).ok();
    let listed = world.our_lttng(["list-triggers"]).ok();
    assert!(listed.contains("name: turn") && listed.contains("rotate session `s`"), "{listed}");
    let listed = world.our_lttng(["--mi", "xml", "list-triggers"]).ok();
    assert!(listed.contains("<action_rotate_session>") && listed.ends_with("</command>\n"), "{listed}");
    world.our_lttng(["remove-trigger", "turn"]).ok();
    world.our_lttng(["list"]).ok();
}

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}

/// Daemon, options, and whether it runs then; one that does not says why, at once.
#[test]
fn daemons_refuse_what_they_cannot_use() {
    let Some(world) = World::open(&[Need::Namespaces, Need::RealLttng]) else { return };
    let garbage = world.file("garbage");
    std::fs::write(&garbage, [0xff, 0, b'[', b'=', 0xfe]).expect("the world's folder has room");
    let garbage = garbage.display().to_string();
    let long = format!("/run/{}", "s".repeat(200));
    let table: [(&str, &[&str]); 8] = [
        // cli 10.1
        ("lttng-sessiond", &["--agent-tcp-port", "99999999999"]),
        ("lttng-sessiond", &["--agent-tcp-port", "-1"]),
        ("lttng-sessiond", &["--agent-tcp-port", "0"]),
        ("lttng-sessiond", &["--client-sock", &long]),
        ("lttng-sessiond", &["--apps-sock", &long]),
        // consumer-protocol 2.1, 14: without its folder the real one hangs before it is ready.
        (
            "lttng-consumerd",
            &["-u", "--consumerd-cmd-sock", "/nowhere/command", "--consumerd-err-sock", "/nowhere/error"],
        ),
        ("lttng-consumerd", &["-u", "--consumerd-cmd-sock", &long, "--consumerd-err-sock", &long]),
        (
            "lttng-consumerd",
            &["-k", "--consumerd-cmd-sock", "/run/command", "--consumerd-err-sock", "/run/error"],
        ),
    ];
    for (daemon, options) in table {
        let ended = world.made(Make::Ours, daemon).args(options).run();
        assert!(ended.code().is_some_and(|code| code > 0), "{ended}");
        assert!(!ended.stderr.is_empty(), "{ended}");
    }
    // A configuration of no meaning means nothing.
    let program = world.sessiond_program(Ours, Ours).arg("--config").arg(&garbage);
    let daemon = world.started(program);
    world.our_lttng(["list"]).ok();
    assert_eq!(daemon.terminate().code(), Some(0));
}
