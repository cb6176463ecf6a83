//! Traces that are written, read back by rttng and printed by babeltrace2: those of any types from the library, and those
//! of `rttng convert`.

mod lenient;

use std::path::{Path, PathBuf};

use rttng_ctf::Version;
use rttng_ctf::read::{Message, Options, Reader};
use rttng_tests::any_trace::{AnyTrace, Dice, any_trace};
use rttng_tests::leaves::{Leaf, Leaves, leaves};
use rttng_tests::{Need, World, apps, copy_folder, vector};
use rttng_view::convert::ctf::CtfOptions;

use lenient::converted;

/// What is printed of events without a time is not the same with names of headers.
const NAMES: &str = "--names=payload,context,scope";

/// Lines that do not depend on the line before.
const PLAIN: [&str; 2] = ["--no-delta", "--clock-seconds"];

/// Compares what a trace says with what was written.
fn reads_back(written: &AnyTrace, folder: &Path, seed: u64) {
    let mut reader = Reader::open(&[folder.to_owned()], &Options::default())
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let has_clock = !written.class.clocks.is_empty();
    let mut read = vec![Vec::new(); reader.stream_count()];
    while let Some(message) = reader.next().unwrap_or_else(|error| panic!("seed {seed}: {error}")) {
        let Message::Event(mut event) = message else { continue };
        let mut seen = Leaves::default();
        event.show(&mut seen).unwrap();
        let class = (event.stream_class_number(), event.class_number());
        let time = event.cycles().filter(|_| has_clock).unwrap_or(0);
        read[event.stream()].push((class, time, seen.values()));
    }
    let wanted = written.streams.iter().map(|stream| {
        let events = stream
            .iter()
            .map(|event| (event.class, event.time, leaves(&written.class, event, Version::Ctf1)));
        events.collect::<Vec<_>>()
    });
    let mut wanted: Vec<_> = wanted.filter(|stream| !stream.is_empty()).collect();
    read.retain(|stream| !stream.is_empty());
    let key = |stream: &Vec<((usize, usize), u64, Vec<Leaf>)>| format!("{:?}", stream.first());
    wanted.sort_by_key(key);
    read.sort_by_key(key);
    assert_eq!(read.len(), wanted.len(), "seed {seed}");
    for (read, wanted) in read.iter().flatten().zip(wanted.iter().flatten()) {
        assert_eq!(read, wanted, "seed {seed}");
    }
    let count = |streams: &[Vec<_>]| streams.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(count(&read), count(&wanted), "seed {seed}");
}

#[test]
fn any_trace_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..200 {
        let place = folder.path().join(seed.to_string());
        let written = any_trace(seed, &place);
        reads_back(&written, &place, seed);
        std::fs::remove_dir_all(place).unwrap();
    }
}

/// What babeltrace2 prints, and its warnings without what depends on where the trace is.
fn printed(world: &World, trace: &Path) -> (String, Vec<String>) {
    let ended = world.program("babeltrace2").arg(NAMES).arg(trace).env("TZ", "UTC").run();
    assert_eq!(ended.code(), Some(0), "{}: {}", trace.display(), ended.stderr);
    (ended.stdout.clone(), told(&ended.stderr))
}

/// Messages without where the trace is.
fn told(messages: &str) -> Vec<String> {
    messages.lines().map(|line| line.split(" in trace ").next().unwrap_or(line).to_owned()).collect()
}

#[test]
fn any_trace_is_printed_alike_and_converted() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let folder = world.open_dir();
    for seed in 0..36 {
        let (place, copied) = (folder.join(format!("any{seed}")), folder.join(format!("copy{seed}")));
        any_trace(seed, &place);
        let selected = if seed % 3 == 0 { "--event=event0*" } else { "--event=*" };
        let size = format!("--packet-size={}", Dice::new(seed).below(2000) + 1);
        let ours = world.rttng().args(["view", NAMES, selected]).arg(&place).env("TZ", "UTC").run();
        assert_eq!(ours.code(), Some(0), "seed {seed}: {}", ours.stderr);
        let mut convert = world.rttng().args(["convert", "--to=ctf1", "-o"]).arg(&copied).arg(&place);
        if seed % 2 == 0 {
            convert = convert.arg(&size);
        }
        if seed % 3 == 0 {
            convert.arg(selected).run().ok();
            assert_eq!(printed(&world, &copied).0, ours.stdout, "seed {seed} {size}");
        } else {
            convert.run().ok();
            let (text, losses) = printed(&world, &place);
            assert_eq!(ours.stdout, text, "seed {seed}");
            assert_eq!(printed(&world, &copied), (text, losses), "seed {seed} {size}");
            let newer = folder.join(format!("newer{seed}"));
            world.rttng().args(["convert", "--to=ctf2", "-o"]).arg(&newer).arg(&place).run().ok();
            let newer = world.rttng().args(["view", NAMES]).arg(&newer).env("TZ", "UTC").run();
            // Several labels of one value stand in braces there, as babeltrace2 2.1 has it.
            let plain =
                |text: &str| text.replace("( { \"", "( \"").replace("\" } : container", "\" : container");
            assert_eq!(plain(&newer.stdout), plain(&ours.stdout), "seed {seed}");
            assert_eq!(told(&newer.stderr), told(&ours.stderr), "seed {seed}");
        }
    }
}

/// Folders with traces: what the real tracer recorded, and a public collection beside the project, if it is there.
fn recorded() -> Vec<PathBuf> {
    let folders = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    };
    let vectors = folders(vector("trace")).map(|vector| vector.join("trace"));
    // babeltrace2 aborts on one that has no event classes.
    let mut found: Vec<PathBuf> =
        vectors.filter(|trace| !trace.starts_with(vector("trace/dynctx-noevent"))).collect();
    assert!(found.len() >= 14, "the vectors are gone: {found:?}");
    for collection in ["../../shared/traces/readable", "../../../shared/traces/readable"] {
        found.extend(folders(vector("..").join(collection)));
    }
    found.sort();
    found
}

#[test]
fn recorded_traces_print_as_before() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let folder = world.open_dir();
    for (trace, number) in recorded().iter().zip(0..) {
        let (text, told) = printed(&world, trace);
        let copied = folder.join(format!("copy{number}"));
        world.rttng().args(["convert", "--to=ctf1", "-o"]).arg(&copied).arg(trace).run().ok();
        let losses = |told: Vec<String>| {
            told.into_iter().filter(|line| line.starts_with("WARNING: ")).collect::<Vec<_>>()
        };
        let (same, same_told) = printed(&world, &copied);
        assert!(same == text, "{}: another text", trace.display());
        assert_eq!(losses(same_told), losses(told), "{}", trace.display());
        // Nothing left from before the trace was whole, and an index that fits.
        assert!(std::fs::read_dir(&folder).unwrap().all(|entry| !is_hidden(&entry.unwrap().path())));
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Events, one a line, without the time since the one before.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_part_of_a_recording_is_a_trace() {
    let Some(world) = World::open(&[Need::Babeltrace2, Need::UstHeaders]) else { return };
    let folder = world.open_dir();
    let trace = folder.join("trace");
    let record = world.rttng().args(["record", "--lossless", "-t", "vpid,procname", "-o"]).arg(&trace);
    record.arg("--").arg(apps::built("fields")).run().ok();
    let all = world.program("babeltrace2").args(PLAIN).arg(&trace).env("TZ", "UTC").run().ok();
    let all = lines(&all);
    assert!(all.len() > 6, "{all:?}");
    let time = |at: usize| all[at][1..21].to_owned();
    let (begin, end) = (format!("--begin={}", time(2)), format!("--end={}", time(4)));
    let same_time = |line: &String| line[1..21] >= *time(2) && line[1..21] <= *time(4);
    let part: Vec<String> = all.iter().filter(|line| same_time(line)).cloned().collect();
    for (options, wanted) in [
        (vec![begin.as_str(), end.as_str()], part.clone()),
        (vec![begin.as_str(), end.as_str(), "--packet-size=1"], part),
        (vec!["--limit=3"], all[..3].to_vec()),
        (vec!["--packet-size=64k"], all.clone()),
        (vec!["--event=nothing:*"], Vec::new()),
    ] {
        let name = options.join("");
        let copied = folder.join(&name);
        world
            .rttng()
            .args(["convert", "--to", "ctf1", "-o"])
            .arg(&copied)
            .args(&options)
            .arg(&trace)
            .run()
            .ok();
        let ended = world.program("babeltrace2").args(PLAIN).arg(&copied).env("TZ", "UTC").run();
        assert_eq!((lines(&ended.stdout), ended.stderr.as_str()), (wanted, ""), "{name}");
    }
    // An index that is gone comes back as it was.
    let index = |trace: &Path| found(trace, &is_index);
    let (indexes, rebuild) =
        (index(&trace), || world.rttng().args(["convert", "--index-only"]).arg(&trace).run().ok());
    let content = std::fs::read(&indexes[0]).unwrap();
    std::fs::remove_file(&indexes[0]).unwrap();
    assert!(rebuild().contains("its index was missing, and was written"));
    assert_eq!((index(&trace), std::fs::read(&indexes[0]).unwrap()), (indexes, content));
    assert_eq!(rebuild(), "");
    // What is there stays.
    let ended =
        world.rttng().args(["convert", "--to=ctf1", "-o"]).arg(folder.join("--limit=3")).arg(&trace).run();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("exists; nothing is overwritten"), "{}", ended.stderr);
}

#[test]
fn an_output_that_cannot_be_written_leaves_nothing() {
    let Some(world) = World::open(&[]) else { return };
    let trace = recording("per-uid");
    let folder = world.open_dir();
    // No file may have more than 400 bytes: as on a full disk, writing fails in the middle.
    let limited = ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh", "prlimit", "--fsize=400"];
    let convert = |output: &Path| world.rttng().args(["convert", "--to=ctf1", "-o"]).arg(output).arg(&trace);
    let ended = convert(&folder.join("half")).under(limited).run();
    assert_eq!(ended.code(), Some(1), "{ended}");
    let named = format!("cannot write {}/half/ust/uid/0/64-bit/", folder.display());
    assert!(ended.stderr.contains(&named) && ended.stderr.contains("File too large"), "{}", ended.stderr);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let ended = convert(&trace.join("ust/uid/0/64-bit/metadata/below")).run();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.stderr.contains("Not a directory"), "{}", ended.stderr);
}

/// A recorded trace that the project keeps.
fn recording(name: &str) -> PathBuf {
    vector("trace").join(name).join("trace")
}

/// All files below a folder with that name, or of that kind.
fn found(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_index(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "idx")
}

/// What babeltrace2 prints of several traces together, and how much was lost.
fn printed_together(world: &World, traces: &[PathBuf]) -> (String, usize) {
    let ended = world.program("babeltrace2").args(traces).env("TZ", "UTC").run();
    assert_eq!(ended.code(), Some(0), "{traces:?}: {}", ended.stderr);
    (ended.stdout.clone(), ended.stderr.lines().filter(|line| line.starts_with("WARNING: ")).count())
}

#[test]
fn several_traces_become_one_folder() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let folder = world.open_dir();
    let chunks = std::fs::read_dir(recording("archives").join("archives")).unwrap();
    let mut chunks: Vec<PathBuf> = chunks.map(|chunk| chunk.unwrap().path()).collect();
    chunks.sort();
    assert_eq!(chunks.len(), 2);
    // Of several hosts: side by side. The parts of a session that was rotated: one trace, a file for each stream.
    let hosts = ["per-uid", "synthetic-kernel", "discarded", "python"].map(recording).to_vec();
    for (name, traces, places) in [
        ("chunks", &chunks, vec!["ust/uid/0/64-bit"]),
        (
            "hosts",
            &hosts,
            vec![
                "trace/ust/uid/0/64-bit",
                "trace-2/kernel",
                "trace-3/ust/uid/0/64-bit",
                "trace-4/ust/uid/0/64-bit",
            ],
        ),
    ] {
        let merged = folder.join(name);
        world.rttng().args(["convert", "--to=ctf1", "-o"]).arg(&merged).args(traces).run().ok();
        let metadata = found(&merged, &|path| path.ends_with("metadata"));
        let metadata: Vec<&Path> =
            metadata.iter().map(|path| path.strip_prefix(&merged).unwrap().parent().unwrap()).collect();
        assert_eq!(metadata, places.iter().map(Path::new).collect::<Vec<_>>(), "{name}");
        assert_eq!(printed_together(&world, &[merged]), printed_together(&world, traces), "{name}");
    }
    let files = found(&folder.join("chunks"), &is_index);
    let names: Vec<_> = files.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["c1_0.idx", "c1_1.idx"]);
}

/// Whatever is selected, and however large packets are: what is written prints as what was selected of the original.
#[test]
fn selected_parts_of_traces_with_losses_print_alike() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let folder = world.open_dir();
    let rttng = |words: &[&str]| world.rttng().args(words.iter().copied()).env("TZ", "UTC");
    for (trace, options) in [
        ("discarded", vec!["--limit=20"]),
        ("discarded", vec!["--packet-size=4k"]),
        ("discarded", vec!["--packet-size=300", "--event=*:*"]),
        ("overwrite", vec!["--packet-size=1k"]),
        ("overwrite", vec!["--cpu=0"]),
        ("contexts", vec!["--filter=$ctx.vpid > 0", "--packet-size=200"]),
        ("per-pid", vec!["--event=*:i*"]),
        ("synthetic-kernel", vec!["--cpu=1", "--packet-size=64"]),
        ("crash", vec!["--packet-size=256"]),
    ] {
        let copy = folder.join(format!("{trace}{}", options.join("").replace(['*', '/', ' '], "")));
        let selected: Vec<&str> =
            options.iter().copied().filter(|option| !option.starts_with("--packet-size")).collect();
        let ours = rttng(&["view"]).args(&selected).arg(recording(trace)).run();
        assert_eq!(ours.code(), Some(0), "{trace} {options:?}: {}", ours.stderr);
        rttng(&["convert", "--to=ctf1", "-o"]).arg(&copy).args(&options).arg(recording(trace)).run().ok();
        let (text, losses) = printed_together(&world, &[copy]);
        assert_eq!(text, ours.stdout, "{trace} {options:?}");
        if selected.is_empty() {
            let told = ours.stderr.lines().filter(|line| line.starts_with("WARNING: ")).count();
            assert_eq!(losses, told, "{trace} {options:?}");
        }
    }
}

/// Each way to choose events, beside what it keeps of the lines of babeltrace2.
#[test]
fn what_is_chosen_is_what_is_converted() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    type Keeps = fn(&str) -> bool;
    let choices: [(&str, &[&str], Keeps); 12] = [
        ("per-pid", &["--process=67"], |line| line.contains(":(67) ")),
        ("per-pid", &["--process=70,1"], |line| line.contains(":(70) ")),
        ("per-pid", &["--process=rich"], |_| true),
        ("per-pid", &["--process=ric"], |_| false),
        ("contexts", &["--process=rich", "--process=3"], |line| line.contains("procname = \"rich\"")),
        ("contexts", &["--process=106"], |line| line.contains("vpid = 106,")),
        ("per-pid", &["--process=70", "--event=*:i*"], |line| line.contains(":(70) rich:ints: ")),
        ("per-pid", &["--filter=u8 == 255"], |line| line.contains(" u8 = 255,")),
        ("synthetic-kernel", &["--cpu=1"], |line| line.contains("cpu_id = 1 ")),
        ("synthetic-kernel", &["--cpu=0,1"], |_| true),
        ("ust-all", &["--event=*:b*,*:start"], |line| {
            [":bin_info: ", ":build_id: ", ":start: "].iter().any(|name| line.contains(name))
        }),
        ("per-pid", &["--timerange=1795374600.529506980,1795374600.529508392"], |line| {
            ("1795374600.529506980"..="1795374600.529508392").contains(&&line[1..21])
        }),
    ];
    let mut chosen = 0;
    for (number, (trace, options, keeps)) in choices.into_iter().enumerate() {
        let all = world.program("babeltrace2").args(PLAIN).arg(recording(trace)).env("TZ", "UTC").run().ok();
        let wanted: Vec<&str> = all.lines().filter(|line| keeps(line)).collect();
        chosen += usize::from(!wanted.is_empty() && wanted.len() < all.lines().count());
        for form in ["ctf1", "ctf2"] {
            let copy = world.open_dir().join(format!("{number}-{form}"));
            let convert = world.rttng().args(["convert", "--to", form, "-o"]).arg(&copy).args(options);
            convert.arg(recording(trace)).run().ok();
            let printed = match form {
                "ctf1" => world.program("babeltrace2").args(PLAIN).arg(&copy),
                _ => world.rttng().arg("view").args(PLAIN).arg(&copy),
            };
            let printed = printed.env("TZ", "UTC").run().ok();
            assert_eq!(printed.lines().collect::<Vec<_>>(), wanted, "{trace} {options:?} as {form}");
        }
    }
    assert!(chosen >= 6, "only {chosen} choices were some of the events");
}

#[test]
fn damaged_indexes_are_written_anew() {
    let Some(world) = World::open(&[]) else { return };
    let folder = world.open_dir();
    for name in ["per-uid", "discarded", "tracefiles"] {
        let trace = folder.join(name);
        copy_folder(&recording(name), &trace);
        let rebuild = || world.rttng().args(["convert", "--index-only"]).arg(&trace).run().ok();
        // As this program writes them: then any damage leads back there.
        rebuild();
        let indexes = found(&trace, &is_index);
        let whole: Vec<Vec<u8>> = indexes.iter().map(|path| std::fs::read(path).unwrap()).collect();
        let damage: [fn(&mut Vec<u8>); 4] = [
            |index| index.truncate(index.len() - 7),
            |index| index[16 + 8] ^= 0xff,
            |index| index[0] = 0,
            Vec::clear,
        ];
        for (at, damage) in damage.iter().enumerate() {
            let mut index = whole[0].clone();
            damage(&mut index);
            std::fs::write(&indexes[0], index).unwrap();
            assert!(rebuild().contains("its index was wrong"), "{name}, damage {at}");
            assert_eq!(std::fs::read(&indexes[0]).unwrap(), whole[0], "{name}, damage {at}");
        }
        indexes.iter().for_each(|index| std::fs::remove_file(index).unwrap());
        assert_eq!(rebuild().matches("its index was missing").count(), indexes.len(), "{name}");
        let again: Vec<Vec<u8>> = indexes.iter().map(|path| std::fs::read(path).unwrap()).collect();
        assert_eq!(again, whole, "{name}");
        assert_eq!(rebuild(), "", "{name}");
    }
}

/// Whatever the bytes, what comes out is a trace that even a strict reader reads to its end, with every event that the
/// lenient one saw; or there is nothing.
#[test]
fn damaged_traces_become_valid_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = 0;
    for seed in 0..120 {
        let (place, output) =
            (folder.path().join(format!("{seed}")), folder.path().join(format!("{seed}-out")));
        any_trace(seed, &place);
        let mut dice = Dice::new(seed);
        let files = std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.is_file() && !path.ends_with("metadata")) {
            let mut bytes = std::fs::read(&file).unwrap();
            for _ in 0..dice.below(4) {
                let at = dice.below(bytes.len() as u64) as usize;
                bytes[at] = dice.bits() as u8;
            }
            if dice.one_in(2) {
                bytes.truncate(dice.below(bytes.len() as u64) as usize);
            }
            std::fs::write(file, bytes).unwrap();
        }
        let packet_bytes = dice.one_in(2).then(|| dice.below(1000));
        match converted(&place, &output, &CtfOptions { packet_bytes, ..CtfOptions::default() }) {
            Ok(events) => {
                whole += 1;
                let reader = Reader::open(&[output], &Options::default());
                let mut reader = reader.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                let mut read = 0;
                while let Some(message) = reader.next().unwrap_or_else(|error| panic!("seed {seed}: {error}"))
                {
                    read += u64::from(matches!(message, Message::Event(_)));
                }
                assert_eq!(read, events, "seed {seed}");
            }
            Err(_) => assert!(!output.exists(), "seed {seed}"),
        }
    }
    assert!(whole > 90, "only {whole} were read at all");
}
