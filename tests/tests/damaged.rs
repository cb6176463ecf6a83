//! Traces with anything wrong with them, through every command that reads traces: each says what and where, none panics,
//! hangs, or takes what is not there for events.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rttng_tests::any_trace::Dice;
use rttng_tests::{Ended, World, copy_folder, cut, vector};
use rustix::fs::{CWD, FileType, Mode, mknodat};

/// Every way to read a trace, the output of some in a file.
const COMMANDS: [&[&str]; 7] = [
    &["inspect"],
    &["view"],
    &["inspect", "--packets", "--format=json"],
    &["convert", "--to=ctf1", "-o", "out"],
    &["convert", "--to=perfetto", "-o", "out"],
    &["report", "-o", "out"],
    &["top"],
];

/// Whom the files of tests do not belong to.
const NOBODY: u32 = 65534;

/// The commands on one trace: what they said, and that what they left is as whole as they say.
struct Outcome {
    inspected: Ended,
    viewed: Ended,
    topped: Ended,
}

fn read_in_every_way(world: &World, trace: &Path, name: &str, user: Option<u32>) -> Outcome {
    let directory = trace.parent().expect("a folder of the test");
    let out = directory.join("out");
    let mut ended: Vec<Ended> = Vec::new();
    for command in COMMANDS {
        let run = world.rttng().args(command).arg(trace).env("TZ", "UTC").directory(directory);
        let run = match user {
            Some(user) => run.user(user),
            None => run,
        };
        let one = run.run();
        let said = format!("{name}: {command:?}: {one}");
        // Neither 101 nor a signal.
        assert!(matches!(one.code(), Some(0 | 1)), "{said}");
        assert!(!one.stderr.contains("panicked"), "{said}");
        if one.code() == Some(1) {
            assert!(
                !one.stderr.is_empty() || one.stdout.contains("error: ") || one.stdout.contains("\"error\""),
                "{said}"
            );
        }
        if command.contains(&"out") {
            if command.contains(&"--to=ctf1") && one.code() == Some(0) && out.join("metadata").is_file() {
                let strictly = world.rttng().args(["view", "--strict", "--count"]).arg(&out).run();
                assert_eq!(strictly.code(), Some(0), "{name}: {strictly}");
            }
            if command[0] == "convert" {
                assert_eq!(one.code() == Some(0), out.exists(), "{said}");
            }
            // What is not there need not go.
            let _ = if out.is_dir() { fs::remove_dir_all(&out) } else { fs::remove_file(&out) };
            let left = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
            assert!(left.into_iter().all(|file| !file.as_encoded_bytes().starts_with(b".")), "{said}");
        }
        ended.push(one);
    }
    let topped = ended.pop().expect("all were run");
    ended.truncate(2);
    let [inspected, viewed] = ended.try_into().expect("both were run");
    assert_eq!(inspected.code(), viewed.code(), "{name}: {inspected}\n{viewed}");
    Outcome { inspected, viewed, topped }
}

const WHOLE: &str = "trace/discarded/trace/ust/uid/0/64-bit";

/// What is done to a trace.
type Change = fn(&Path);

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// What may lie in a folder beside a trace, without a change of what is read.
#[test]
fn what_else_lies_in_a_folder_does_no_harm() {
    let Some(world) = World::open(&[]) else { return };
    let plain = world.open_dir().join("plain/trace");
    copy_folder(&vector(WHOLE), &plain);
    let wanted = read_in_every_way(&world, &plain, "plain", None);
    let said = |ended: &Ended, folder: &Path| ended.stdout.replace(&*folder.to_string_lossy(), "");
    let others: [(&str, Change); 3] = [
        ("strangers", |folder| {
            pipe(&folder.join("pipe"));
            symlink("/dev/zero", folder.join("zero")).unwrap();
            UnixListener::bind(folder.join("socket")).unwrap();
            symlink("..", folder.join("up")).unwrap();
            symlink(".", folder.join("here")).unwrap();
            symlink("itself", folder.join("itself")).unwrap();
            symlink("/nowhere", folder.join("c9")).unwrap();
            fs::create_dir_all(folder.join("a/b/metadata/index")).unwrap();
            fs::write(folder.join("c1_7"), "").unwrap();
        }),
        ("a pipe for an index", |folder| {
            fs::remove_file(folder.join("index/c1_0.idx")).unwrap();
            pipe(&folder.join("index/c1_0.idx"));
        }),
        ("an endless index", |folder| {
            fs::remove_file(folder.join("index/c1_0.idx")).unwrap();
            symlink("/dev/zero", folder.join("index/c1_0.idx")).unwrap();
        }),
    ];
    for (number, (name, add)) in others.iter().enumerate() {
        let trace = world.open_dir().join(format!("{number}/trace"));
        copy_folder(&vector(WHOLE), &trace);
        add(&trace);
        let seen = read_in_every_way(&world, &trace, name, None);
        assert_eq!(seen.viewed.stdout, wanted.viewed.stdout, "{name}");
        assert_eq!(seen.viewed.code(), Some(0), "{name}: {}", seen.viewed);
        assert_eq!(said(&seen.topped, &trace), said(&wanted.topped, &plain), "{name}");
        if name.ends_with("index") {
            let told = "index/c1_0.idx: the index cannot be read: this is no regular file";
            assert!(seen.inspected.stdout.contains(told), "{name}: {}", seen.inspected);
        }
    }
    // A pipe in the place of what makes it a trace.
    let none = world.open_dir().join("none/trace");
    copy_folder(&vector(WHOLE), &none);
    fs::remove_file(none.join("metadata")).unwrap();
    pipe(&none.join("metadata"));
    let seen = read_in_every_way(&world, &none, "no metadata", None);
    assert!(seen.viewed.stderr.contains("there is no trace in it"), "{}", seen.viewed);
}

#[test]
fn what_may_not_be_read_is_told_and_the_rest_is_read() {
    let Some(world) = World::open(&[]) else { return };
    let forbid = |path: PathBuf| fs::set_permissions(path, fs::Permissions::from_mode(0o0)).unwrap();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    for (name, forbidden, is_read) in [
        ("data", "one/c1_0", true),
        ("a folder", "two", true),
        ("metadata", "one/metadata", true),
        ("an index", "one/index/c1_0.idx", true),
        ("everything", "", false),
    ] {
        let place = world.open_dir().join(name);
        let trace = place.join("trace");
        copy_folder(&vector(WHOLE), &trace.join("one"));
        copy_folder(&vector("trace/overwrite/trace/ust/uid/0/64-bit"), &trace.join("two"));
        open(&place);
        forbid(trace.join(forbidden));
        let seen = read_in_every_way(&world, &trace, name, Some(NOBODY));
        assert_eq!(seen.viewed.stdout.is_empty(), !is_read, "{name}: {}", seen.viewed);
        let place = trace.join(forbidden).components().collect::<PathBuf>().display().to_string();
        let told =
            if seen.inspected.stderr.is_empty() { &seen.inspected.stdout } else { &seen.inspected.stderr };
        assert!(told.contains(&place) && told.contains("Permission denied"), "{name}: {}", seen.inspected);
        assert_eq!(seen.viewed.code(), Some(i32::from(name != "an index")), "{name}: {}", seen.viewed);
    }
}

/// The files of a trace, the metadata first.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.join("metadata")];
    for part in [folder.to_owned(), folder.join("index")] {
        let entries = fs::read_dir(part).into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut entries: Vec<_> =
            entries.filter(|path| path.is_file() && !path.ends_with("metadata")).collect();
        entries.sort();
        found.extend(entries);
    }
    found
}

fn damage(dice: &mut Dice, folder: &Path) {
    for _ in 0..1 + dice.below(3) {
        // The metadata as often as all others.
        let files = files(folder);
        let file = if dice.one_in(3) { files[0].clone() } else { dice.pick(&files) };
        let size = file.metadata().unwrap().len();
        // Most of what tells of packets is in their first bytes, and packets are of 4 KiB.
        let at = if dice.one_in(2) { dice.below(size + 1) } else { dice.below(4) * 4096 + dice.below(120) };
        let is_metadata = file.ends_with("metadata");
        match dice.below(6) {
            0 => cut(&file, at.min(size)),
            // Nothing is read then.
            1 if !is_metadata || dice.one_in(4) => fs::remove_file(&file).unwrap(),
            2 if !is_metadata => cut(&file, 0),
            3 => cut(&file, size + dice.below(10_000)),
            _ => {
                let mut bytes = fs::read(&file).unwrap();
                let length = dice.below(12) as usize;
                bytes.iter_mut().skip(at as usize).take(length).for_each(|byte| *byte = dice.bits() as u8);
                fs::write(&file, bytes).unwrap();
            }
        }
        if !folder.join("metadata").exists() {
            return;
        }
    }
}

#[test]
fn damaged_traces_are_read_or_refused() {
    let Some(world) = World::open(&[]) else { return };
    let mut read = 0;
    for seed in 0..10 {
        let trace = world.open_dir().join(format!("{seed}/trace"));
        let mut dice = Dice::new(seed);
        let from = dice.pick(&[WHOLE, WHOLE, "trace/per-uid/trace/ust/uid/0/64-bit", "ctf2/every-class"]);
        copy_folder(&vector(from), &trace);
        damage(&mut dice, &trace);
        let seen = read_in_every_way(&world, &trace, &format!("seed {seed}"), None);
        read += u32::from(!seen.viewed.stdout.is_empty());
    }
    assert!(read > 3, "only {read} were read at all");
}
