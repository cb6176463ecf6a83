//! Traces of CTF 2 in other forms: any types and values, read back from CTF 2 and from CTF 1.8, which babeltrace2 2.0.4
//! prints as we do.

mod lenient;

use std::path::Path;

use rttng_ctf::decode::NodeId;
use rttng_ctf::read::{Message, Options, Reader};
use rttng_ctf::{Scope, Version};
use rttng_tests::any_ctf2::{Texts, any_ctf2};
use rttng_tests::any_trace::{AnyTrace, Dice, WrittenEvent};
use rttng_tests::leaves::{Leaf, Leaves, leaves};
use rttng_tests::{Need, World};
use rttng_view::convert::ctf::{CtfOptions, CtfVersion};

use lenient::converted;

type Read = ((usize, usize), u64, Vec<Leaf>);

/// The events of a trace without what was added for CTF 1.8: lengths and tags.
fn read(folder: &Path) -> Vec<Vec<Read>> {
    let mut reader = Reader::open(&[folder.to_owned()], &Options::default()).unwrap();
    let mut read = vec![Vec::new(); reader.stream_count()];
    while let Some(message) = reader.next().unwrap() {
        let Message::Event(mut event) = message else { continue };
        let mut seen = Leaves::default();
        event.show(&mut seen).unwrap();
        let class = (event.stream_class_number(), event.class_number());
        let (time, stream) = (event.cycles().unwrap(), event.stream());
        read[stream].push((class, time, seen.seen));
    }
    let trace = &reader.traces()[0];
    let streams = read.into_iter().map(|events| {
        let event = |(class, time, seen): ((usize, usize), u64, Vec<_>)| {
            let is_added = |scope: Option<Scope>, node: NodeId| {
                let layout = scope.and_then(|scope| trace.layout(class.0, class.1, scope)).unwrap();
                let name = &layout.nodes()[node as usize].name;
                name.trim_end_matches('_').ends_with("_length")
                    || name.trim_end_matches('_').ends_with("_tag")
            };
            let own = seen.into_iter().filter(|(scope, node, _)| !is_added(*scope, *node));
            (class, time, own.map(|(.., leaf)| leaf).collect())
        };
        events.into_iter().map(event).collect::<Vec<Read>>()
    });
    let mut streams: Vec<Vec<Read>> = streams.filter(|events| !events.is_empty()).collect();
    streams.sort_by_key(|events| events[0].0.0);
    streams
}

/// What was written, as it reads in that version.
fn wanted(written: &AnyTrace, version: CtfVersion) -> Vec<Vec<Read>> {
    let version = match version {
        CtfVersion::Ctf1 => Version::Ctf1,
        CtfVersion::Ctf2 => Version::Ctf2,
    };
    let events = |events: &Vec<WrittenEvent>| {
        let event = |event: &WrittenEvent| (event.class, event.time, leaves(&written.class, event, version));
        events.iter().map(event).collect::<Vec<Read>>()
    };
    written.streams.iter().map(events).filter(|events| !events.is_empty()).collect()
}

#[test]
fn any_trace_of_ctf_2_reads_back_from_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..40 {
        let place = folder.path().join(seed.to_string());
        let written = any_ctf2(seed, &place, Texts::Any);
        assert_eq!(read(&place), wanted(&written, CtfVersion::Ctf2), "seed {seed}, as it was written");
        for version in [CtfVersion::Ctf2, CtfVersion::Ctf1] {
            let copy = folder.path().join(format!("{seed}-{version:?}"));
            let packet_bytes = (seed % 3 == 0).then_some(500);
            converted(&place, &copy, &CtfOptions { version, packet_bytes })
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(read(&copy), wanted(&written, version), "seed {seed} as {version:?}");
            std::fs::remove_dir_all(copy).unwrap();
        }
        std::fs::remove_dir_all(place).unwrap();
    }
}

/// Whatever the bytes of data and metadata: nothing is written, or a trace that a strict reader reads to its end, with
/// every event that the lenient one saw.
#[test]
fn damaged_traces_of_ctf_2_become_valid_ones() {
    let folder = tempfile::tempdir().unwrap();
    let mut whole = 0;
    // In the last, a packet says that it ends long after the next begins.
    for seed in (0..60).chain([700]) {
        let place = folder.path().join(seed.to_string());
        any_ctf2(seed, &place, Texts::Any);
        let mut dice = Dice::new(seed);
        let is_data = seed % 2 == 0;
        for file in std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()) {
            if !file.is_file() || file.ends_with("metadata") == is_data {
                continue;
            }
            let mut bytes = std::fs::read(&file).unwrap();
            for _ in 0..1 + dice.below(3) {
                let at = dice.below(bytes.len() as u64) as usize;
                // In metadata, numbers are where damage is still JSON.
                bytes[at] = match bytes[at] {
                    b'0'..=b'9' if !is_data => b'0' + dice.below(10) as u8,
                    old if !is_data => old,
                    _ => dice.bits() as u8,
                };
            }
            if is_data && dice.one_in(3) {
                bytes.truncate(dice.below(bytes.len() as u64) as usize);
            }
            std::fs::write(file, bytes).unwrap();
        }
        for version in [CtfVersion::Ctf2, CtfVersion::Ctf1] {
            let copy = folder.path().join(format!("{seed}-{version:?}"));
            let packet_bytes = dice.one_in(2).then(|| 1 + dice.below(1000));
            match converted(&place, &copy, &CtfOptions { version, packet_bytes }) {
                Ok(events) => {
                    whole += 1;
                    let read: usize = read(&copy).iter().map(Vec::len).sum();
                    assert_eq!(read as u64, events, "seed {seed} as {version:?}");
                    std::fs::remove_dir_all(copy).unwrap();
                }
                Err(_) => assert!(!copy.exists(), "seed {seed} as {version:?}"),
            }
        }
        std::fs::remove_dir_all(place).unwrap();
    }
    assert!(whole > 60, "only {whole} of 122 were read at all");
}

#[test]
fn babeltrace_prints_them_in_ctf_1() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let folder = world.open_dir();
    for seed in 1000..1008 {
        let (place, copy) = (folder.join(format!("any{seed}")), folder.join(format!("copy{seed}")));
        any_ctf2(seed, &place, Texts::NotEmpty);
        world.rttng().args(["convert", "--to=ctf1", "-o"]).arg(&copy).arg(&place).run().ok();
        let theirs = world.program("babeltrace2").arg(&copy).env("TZ", "UTC").run();
        let ours = world.rttng().arg("view").arg(&copy).env("TZ", "UTC").run();
        assert_eq!((theirs.code(), ours.code()), (Some(0), Some(0)), "seed {seed}: {}", theirs.stderr);
        assert_eq!(ours.stdout, theirs.stdout, "seed {seed}");
        assert!(!theirs.stderr.contains("W PLUGIN") && !theirs.stderr.contains("ERROR"), "{}", theirs.stderr);
    }
}
