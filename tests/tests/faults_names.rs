//! Names at their limits and over them, and names that are no names: each is taken or refused in words, and none writes
//! outside of the session's folder.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rttng_tests::Make::{Ours, Real};
use rttng_tests::{Cast, Ended, Need, Recording, World, apps};

/// A client command that must fail in words: not by a signal, not silently, not as a crash of the daemon.
#[track_caller]
fn refused(ended: &Ended) {
    assert!(ended.code().is_some_and(|code| code > 0), "{ended}");
    assert!(ended.stderr.contains("Error: ") || ended.stderr.contains("Warning: "), "{ended}");
}

/// Every file below a folder, relative to it.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            match entry.file_type().expect("an entry has a type").is_dir() {
                true => dirs.push(entry.path()),
                false => found.push(entry.path().strip_prefix(dir).expect("it is below").to_owned()),
            }
        }
    }
    found
}

#[test]
fn session_names_are_taken_up_to_their_limit_and_stay_names() {
    let Some(world) = World::open(&[Need::RealLttng, Need::Babeltrace2, Need::UstHeaders]) else { return };
    let _daemon = world.our_sessiond();
    for client in [Ours, Real] {
        let lttng = |args: &[&str]| world.lttng(client, args);
        let longest = "n".repeat(254);
        lttng(&["create", &longest]).ok();
        assert!(lttng(&["list"]).ok().contains(&longest));
        lttng(&["destroy", &longest]).ok();
        for bad in ["n".repeat(255), "n".repeat(4000), "../up".to_owned(), "a/b".to_owned(), "/".to_owned()] {
            refused(&lttng(&["create", &bad]));
        }
        // Odd, but names.
        for odd in ["two\nlines", "gr\u{fc}\u{df} \u{2713}", "-", " ", "%s%n", "...", "[x]", "<&>"] {
            lttng(&["create", "--output", &world.file("odd").display().to_string(), "--", odd]).ok();
            assert!(lttng(&["list"]).ok().contains(odd), "{odd:?}");
            let listed = world.lttng(client, ["--mi", "xml", "list"]).ok();
            assert!(!listed.contains("<&>"), "{listed}");
            lttng(&["destroy", "--", odd]).ok();
        }
    }
    assert_eq!(world.our_lttng(["list"]).ok(), "Currently no available recording session\n");
}

#[test]
fn a_session_named_as_the_folder_above_stays_in_its_folder() {
    let Some(world) = World::open(&[Need::Babeltrace2, Need::UstHeaders]) else { return };
    let _daemon = world.our_sessiond();
    let lttng = |args: &[&str]| world.our_lttng(args);
    for name in ["..", "."] {
        // Its folder has the date behind the name, so that it is a folder of its own.
        lttng(&["create", "--", name]).ok();
        lttng(&["enable-event", "-u", "rttng_mortal:tick"]).ok();
        lttng(&["start"]).ok();
        world.program(apps::built("mortal")).run().ok();
        lttng(&["stop"]).ok();
        lttng(&["destroy"]).ok();
    }
    let written = files(&world.home());
    let outside: Vec<_> = written
        .iter()
        .filter(|path| !path.starts_with("lttng-traces") && path.as_path() != Path::new(".lttngrc"))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    let folders: Vec<_> = fs::read_dir(world.home().join("lttng-traces")).unwrap().flatten().collect();
    assert_eq!(folders.len(), 2);
    for folder in folders {
        assert_eq!(world.babeltrace2(&folder.path()).len(), 10);
    }
}

#[test]
fn channel_and_event_names_are_taken_up_to_their_limit() {
    let Some(recording) = Recording::create(Cast::OURS, &[Need::UstHeaders]) else { return };
    let world = &recording.world;
    for client in [Ours, Real] {
        let lttng = |args: &[&str]| world.lttng(client, args);
        for bad in
            ["a/b".to_owned(), "..".to_owned(), ".hidden".to_owned(), "c".repeat(256), "c".repeat(4000)]
        {
            refused(&lttng(&["enable-channel", "-u", "--", &bad]));
        }
        refused(&lttng(&["enable-event", "-u", "-c", "main", &"e".repeat(256)]));
        refused(&lttng(&["enable-event", "-u", "-c", "main", &"e".repeat(70_000)]));
        lttng(&["create", "other", "--output", &world.file("other").display().to_string()]).ok();
        lttng(&["enable-event", "-u", &"e".repeat(255)]).ok();
        let listed = lttng(&["list", "other"]).ok();
        assert!(listed.contains(&"e".repeat(255)), "{listed}");
        lttng(&["destroy", "other"]).ok();
    }
    // The longest channel whose stream files still have names: 255 bytes, with `_` and the processor.
    recording.lttng(["set-session", "recording"]);
    let long = "c".repeat(240);
    recording.lttng(["enable-channel", "-u", &long]);
    recording.lttng(["enable-event", "-u", "-c", &long, "rttng_mortal:tick"]);
    recording.lttng(["start"]);
    recording.traced(apps::built("mortal")).run().ok();
    assert_eq!(recording.finish().len(), 10);
}

/// A name of bytes that are no UTF-8; the first of them stands in no text.
const NOT_TEXT: &[u8] = b"in\xff\xfe\x80valid";

/// Creates, lists, records and destroys with such names everywhere; gives all that the client said, and the files.
fn record_with_names_that_are_no_text(cast: Cast) -> Option<(Vec<String>, Vec<PathBuf>)> {
    let world = World::open(&[Need::RealLttng, Need::Babeltrace2, Need::UstHeaders])?;
    let _daemon = world.sessiond(cast.sessiond, cast.consumerd);
    let odd = OsStr::from_bytes(NOT_TEXT);
    let with = |before: &str, after: &str| {
        OsString::from_vec([before.as_bytes(), NOT_TEXT, after.as_bytes()].concat())
    };
    let trace = world.file(with("trace-", ""));
    let mut said = Vec::new();
    let mut lttng = |words: &[&OsStr]| {
        let ended = world.lttng(cast.lttng, words);
        assert_eq!(ended.code(), Some(0), "{ended}");
        let text =
            ended.stdout.replace(&world.file("").display().to_string(), "/world/").replace("><", ">\n<");
        let progress =
            |line: &&str| line.starts_with("Waiting for") || line.starts_with("Destroying session");
        let mut lines: Vec<&str> = text.lines().filter(|line| !progress(line)).collect();
        // LTTng lists from hash tables.
        lines.sort_unstable();
        said.push(lines.join("\n"));
    };
    macro_rules! lttng {
        ($($word:expr),*) => { lttng(&[$(AsRef::<OsStr>::as_ref(&$word)),*]) };
    }
    lttng!("create", odd, "--output", trace);
    lttng!("enable-channel", "-u", odd);
    lttng!("enable-event", "-u", "-c", odd, "rttng_mortal:t*", "--filter", with("$ctx.procname != \"", "\""));
    lttng!("enable-event", "-u", "-c", odd, with("event", "*"));
    lttng!("disable-event", "-u", "-c", odd, with("event", "*"));
    lttng!("set-session", odd);
    lttng!("list");
    lttng!("list", odd);
    lttng!("--mi", "xml", "list", odd);
    lttng!("start");
    world.program(apps::built("mortal")).run().ok();
    lttng!("stop", odd);
    lttng!("destroy", odd);
    if cast.sessiond == Ours {
        // The real metadata holds such bytes, and no reader takes it then.
        assert_eq!(world.babeltrace2(&trace).len(), 10);
        // The real session daemon ends when it lists exclusions.
        lttng!("create", "excluding", "--output", world.file("excluding"));
        lttng!("enable-event", "-u", "odd*", "--exclude", with("odd-", "*"));
        lttng!("list", "excluding");
        let listed = said.pop().expect("it was listed");
        assert!(listed.contains("[exclusions: odd-in") && listed.contains("valid*]"), "{listed}");
        said.truncate(said.len() - 2);
    }
    let mut files = files(&trace);
    files.sort();
    Some((said, files))
}

#[test]
fn names_of_any_bytes_pass_through_to_the_trace() {
    let Some((said, files)) = record_with_names_that_are_no_text(Cast::REAL) else { return };
    let stream = OsString::from_vec([NOT_TEXT, b"_0"].concat());
    assert!(files.contains(&Path::new("ust/uid/0/64-bit").join(stream)), "{files:?}");
    for (lttng, sessiond, consumerd) in [(Ours, Ours, Ours), (Ours, Real, Real), (Real, Ours, Real)] {
        let cast = Cast { lttng, sessiond, consumerd };
        let Some((ours_said, ours_files)) = record_with_names_that_are_no_text(cast) else { return };
        assert_eq!(ours_said, said, "{cast:?}");
        assert_eq!(ours_files, files, "{cast:?}");
    }
}

#[test]
fn a_process_name_cannot_lead_out_of_the_trace() {
    let Some(recording) = Recording::create(Cast::OURS, &[Need::UstHeaders]) else { return };
    recording.lttng(["enable-channel", "-u", "main", "--buffers-pid"]);
    recording.lttng(["enable-event", "-u", "-c", "main", "rttng_mortal:tick"]);
    recording.lttng(["start"]);
    let names: [&str; 8] =
        ["../../../up", "/etc/passwd", "..", ".", "a/../../b", "two\nlines", "q\"uote\\", "in\\xff"];
    for name in names {
        // The tracer registers with the name that the thread has when the program begins.
        recording.traced(apps::built("mortal")).env("RTTNG_MORTAL_NAME", name).run().ok();
    }
    recording.lttng(["destroy"]);
    let trace = recording.trace();
    assert_eq!(recording.world.babeltrace2(trace).len(), 10 * names.len());
    let folders: Vec<_> = fs::read_dir(trace.join("ust/pid")).unwrap().flatten().collect();
    assert_eq!(folders.len(), names.len(), "one folder each, all beside each other: {folders:?}");
    assert!(files(trace).iter().all(|file| file.starts_with("ust/pid")));
}
