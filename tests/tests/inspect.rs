//! `rttng inspect`, `rttng view --strict` and `--stream-intersection`, as one calls them.

use std::fs;
use std::path::{Path, PathBuf};

use rttng_tests::{Ended, Need, World, copy_folder, cut, vector};

/// A damage: its name, what it does to a trace's folder, whether all that was recorded can be read nevertheless, and what
/// `inspect` says of it.
type Damage = (&'static str, fn(&Path), bool, &'static str);

const DAMAGES: &[Damage] = &[
    ("none", |_| {}, true, "all that is there can be read"),
    ("last packet cut", |folder| cut(&folder.join("c1_0"), 11_688), false, "the file ends in this packet"),
    ("no index", |folder| fs::remove_file(folder.join("index/c1_0.idx")).unwrap(), true, "index"),
    ("index cut", |folder| cut(&folder.join("index/c1_0.idx"), 10), true, "the index cannot be read"),
    ("empty stream", |folder| cut(&folder.join("c1_1"), 0), true, "the file is empty"),
    ("metadata cut", |folder| cut(&folder.join("metadata"), 1000), false, "metadata"),
    ("no metadata", |folder| cut(&folder.join("metadata"), 0), false, "the metadata is still empty"),
];

#[test]
fn what_is_broken_is_told_and_strict_readers_refuse_it() {
    let Some(world) = World::open(&[]) else { return };
    for (name, damage, is_whole, said) in DAMAGES {
        let folder = world.open_dir().join(name);
        copy_folder(&vector("trace/discarded/trace/ust/uid/0/64-bit"), &folder);
        damage(&folder);
        let rttng = |words: &[&str]| -> Ended { world.rttng().args(words).arg(&folder).run() };
        let status = Some(i32::from(!is_whole));

        let inspected = rttng(&["inspect"]);
        assert_eq!(inspected.code(), status, "{name}: {}", inspected.stdout);
        assert!(inspected.stdout.contains(said), "{name}: {}", inspected.stdout);
        assert_eq!(inspected.stderr, "", "{name}");
        let listed = rttng(&["inspect", "--packets", "--format=json"]);
        assert_eq!(listed.code(), status, "{name}");
        let document: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        assert_eq!(document["whole"], *is_whole, "{name}");

        let strict = rttng(&["view", "--strict"]);
        let lenient = rttng(&["view"]);
        assert_eq!((strict.code(), lenient.code()), (status, status), "{name}: {}", strict.stderr);
        if *is_whole {
            assert_eq!(strict.stdout, lenient.stdout, "{name}");
            assert!(strict.stdout.lines().count() >= 12, "{name}");
        } else {
            // What came before the damage at most.
            assert!(lenient.stdout.starts_with(&strict.stdout), "{name}");
            assert!(!strict.stderr.is_empty(), "{name}");
        }
    }
    let ended = world.rttng().args(["inspect", "/nowhere/at/all"]).run();
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("/nowhere/at/all"), "{}", ended.stderr);
}

/// Writes a trace of two streams, whose packets have events at these times.
fn write_streams(folder: &Path, streams: [&[&[u64]]; 2]) {
    let metadata = "/* CTF 1.8 */
        typealias integer { size = 32; align = 8; } := u32;
        typealias integer { size = 64; align = 8; } := u64;
        clock { name = c; freq = 1000000000; };
        typealias integer { size = 64; align = 8; map = clock.c.value; } := time;
        trace { major = 1; minor = 8; byte_order = le; uuid = \"2a6422d0-6cee-11e0-8c08-cb07d7b3a564\";
            packet.header := struct { u32 magic; u64 stream_instance_id; }; };
        stream {
            packet.context := struct { time timestamp_begin; time timestamp_end; u64 content_size; u64 packet_size; };
            event.header := struct { time timestamp; };
        };
        event { name = \"tick\"; fields := struct { u32 _v; }; };";
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("metadata"), metadata).unwrap();
    for (packets, instance) in streams.iter().zip(0u64..) {
        let mut data = Vec::new();
        for times in packets.iter() {
            let bits = (12 + 32 + times.len() as u64 * 12) * 8;
            data.extend(0xC1FC_1FC1u32.to_le_bytes());
            for number in [instance, times[0] - 1, times[times.len() - 1] + 1, bits, bits] {
                data.extend(number.to_le_bytes());
            }
            for (time, value) in times.iter().zip(0u32..) {
                data.extend(time.to_le_bytes());
                data.extend(value.to_le_bytes());
            }
        }
        fs::write(folder.join(format!("data{instance}")), data).unwrap();
    }
}

#[test]
fn the_intersection_of_streams_is_that_of_babeltrace() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let streams: [[&[&[u64]]; 2]; 4] = [
        [&[&[10, 20], &[30, 40, 50]], &[&[25, 35, 45, 55], &[70, 80]]],
        [&[&[10, 20]], &[&[19, 21, 30]]],
        [&[&[10, 90]], &[&[20, 30], &[40, 50]]],
        // At one time only.
        [&[&[10, 20]], &[&[21, 30]]],
    ];
    let mut folders: Vec<PathBuf> = Vec::new();
    for (times, number) in streams.iter().zip(0..) {
        let folder = world.open_dir().join(format!("trace{number}"));
        write_streams(&folder, *times);
        folders.push(folder);
    }
    let both = |options: &[&str], traces: &[PathBuf]| {
        let theirs = world.program("babeltrace2").args(options).args(traces).env("TZ", "UTC").run();
        let ours = world.rttng().arg("view").args(options).args(traces).env("TZ", "UTC").run();
        assert_eq!(ours.stdout, theirs.stdout, "{traces:?}\n{}", theirs.stderr);
        assert_eq!(ours.code(), theirs.code(), "{traces:?}\n{}", theirs.stderr);
        ours.stdout.lines().count()
    };
    for folder in &folders {
        let traces = std::slice::from_ref(folder);
        assert!(both(&["--stream-intersection"], traces) < both(&[], traces), "{folder:?}");
    }
}
