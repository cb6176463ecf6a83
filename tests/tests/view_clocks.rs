//! Clocks, beside babeltrace2: which traces can be merged at all, and which fields are times without being said to be.

use std::ffi::OsStr;
use std::path::Path;

use rttng_tests::{Need, World};

/// Writes a trace with two events, of a clock of which this is said, or without any.
fn write_trace(folder: &Path, uuid: char, clock: Option<&str>, times: [u64; 2]) {
    let declared = clock.map(|said| format!("clock {{ name = c; freq = 1000000000; {said} }};"));
    let header = clock.map(|_| {
        "stream { event.header := struct { integer { size = 64; align = 8; map = clock.c.value; } timestamp; }; };"
    });
    let metadata = format!(
        "/* CTF 1.8 */
         trace {{ major = 1; minor = 8; byte_order = le; uuid = \"{uuid}a6422d0-6cee-11e0-8c08-cb07d7b3a564\";
             packet.header := struct {{ integer {{ size = 32; align = 8; }} magic; }}; }};
         {} {}
         event {{ name = \"{uuid}\"; fields := struct {{ integer {{ size = 32; align = 8; }} _v; }}; }};",
        declared.unwrap_or_default(),
        header.unwrap_or_default(),
    );
    let mut data = 0xC1FC_1FC1u32.to_le_bytes().to_vec();
    for (time, value) in times.into_iter().zip(0u32..) {
        if clock.is_some() {
            data.extend(time.to_le_bytes());
        }
        data.extend(value.to_le_bytes());
    }
    put_trace(folder, &metadata, &data);
}

fn put_trace(folder: &Path, metadata: &str, data: &[u8]) {
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("metadata"), metadata).expect("its metadata");
    std::fs::write(folder.join("data"), data).expect("its data");
}

/// Kinds of clocks; those of babeltrace2's own rules.
const CLOCKS: &[(&str, Option<&str>)] = &[
    ("no clock", None),
    ("plain", Some("")),
    ("absolute", Some("absolute = true;")),
    ("first", Some("uuid = \"11111111-6cee-11e0-8c08-cb07d7b3a564\";")),
    ("second", Some("uuid = \"22222222-6cee-11e0-8c08-cb07d7b3a564\"; description = \"x\";")),
    ("first, absolute", Some("uuid = \"11111111-6cee-11e0-8c08-cb07d7b3a564\"; absolute = true;")),
];

#[test]
fn traces_are_merged_if_babeltrace_takes_their_clocks_for_comparable() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let folder = |name: &str, at: usize| world.open_dir().join(format!("{at}-{name}"));
    for (at, (_, clock)) in CLOCKS.iter().enumerate() {
        write_trace(&folder("a", at), 'a', *clock, [1, 3]);
        write_trace(&folder("b", at), 'b', *clock, [2, 4]);
    }
    let (mut merged, mut refused) = (0, 0);
    for (a, (first, one)) in CLOCKS.iter().enumerate() {
        for (b, (second, other)) in CLOCKS.iter().enumerate() {
            for force in [&[][..], &["--clock-force-correlate"]] {
                let traces = [folder("a", a), folder("b", b)];
                let theirs = world.program("babeltrace2").args(force).args(&traces).env("TZ", "UTC").run();
                let ours = world.rttng().arg("view").args(force).args(&traces).env("TZ", "UTC").run();
                let what = format!("{first} and {second} {force:?}: {}{}", ours.stderr, theirs.stderr);
                assert_eq!(ours.code(), theirs.code(), "{what}");
                if ours.code() == Some(0) {
                    assert_eq!(ours.stdout, theirs.stdout, "{what}");
                    merged += 1;
                    continue;
                }
                refused += 1;
                assert_eq!(ours.stdout, "", "{what}");
                assert!(ours.stderr.contains("cannot be put in the order of time"), "{what}");
                let can_be_forced = one.is_some() && other.is_some();
                assert_eq!(ours.stderr.contains("--clock-force-correlate"), can_be_forced, "{what}");
            }
        }
    }
    assert!(merged > 30 && refused > 30, "{merged} {refused}");
}

#[test]
fn whatever_merges_traces_refuses_the_same() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let (mut merged, mut refused) = (0, 0);
    for (at, (name, clock)) in CLOCKS.iter().enumerate().skip(1) {
        let folder = world.open_dir().join(format!("{at}"));
        let out = |name: &str| folder.with_extension(name);
        // Beside a clock of which nothing is said.
        write_trace(&folder.join("a"), 'a', CLOCKS[1].1, [1, 3]);
        write_trace(&folder.join("b"), 'b', *clock, [2, 4]);
        for (force, suffix) in [(&[][..], ""), (&["--clock-force-correlate"], "-forced")] {
            let theirs = world.program("babeltrace2").args(force).args(["-o", "ctf", "-w"]);
            let theirs = theirs.arg(out(&format!("theirs{suffix}"))).arg(&folder).run();
            let converted = out(&format!("ours{suffix}"));
            let page = out(&format!("html{suffix}"));
            let commands: [Vec<&OsStr>; 5] = [
                vec!["convert".as_ref(), "--to=ctf1".as_ref(), "-o".as_ref(), converted.as_ref()],
                vec!["view".as_ref(), "--follow".as_ref()],
                vec!["view".as_ref(), "--count".as_ref()],
                vec!["report".as_ref(), "-o".as_ref(), page.as_ref()],
                vec!["top".as_ref(), "--batch".as_ref()],
            ];
            for words in commands {
                let ours = world.rttng().args(&words).args(force).arg(&folder).run();
                let what = format!("{name} {words:?} {force:?}: {}{}", ours.stderr, theirs.stderr);
                assert_eq!(ours.code(), theirs.code(), "{what}");
                let is_refused = ours.code() != Some(0);
                assert_eq!(ours.stderr.contains("cannot be put in the order of time"), is_refused, "{what}");
                assert_eq!(ours.stderr.contains("--clock-force-correlate"), is_refused, "{what}");
            }
            let is_merged = theirs.code() == Some(0);
            *if is_merged { &mut merged } else { &mut refused } += 1;
            assert_eq!((converted.exists(), page.exists()), (is_merged, is_merged), "{name} {force:?}");
        }
    }
    assert!(merged > 5 && refused > 3, "{merged} {refused}");
}

/// Blocks of a stream that have times which are mapped to no clock, and the bytes of a packet after its magic number.
/// The event has the fields `{ uint32 v }`.
fn unmapped_times() -> Vec<(&'static str, Vec<u8>)> {
    const HEADER: &str = "event.header := struct { uint64_t timestamp; };";
    const PACKET: &str = "packet.context := struct { uint64_t timestamp_begin; uint64_t timestamp_end; };";
    const PACKET_AND_HEADER: &str =
        "packet.context := struct { uint64_t timestamp_begin; uint64_t timestamp_end; };
        event.header := struct { uint64_t timestamp; };";
    const VARIANT: &str = "event.header := struct { enum : uint8_t { a = 0, timestamp = 1 } tag;
        variant <tag> { struct { uint64_t timestamp; } a; uint64_t timestamp; } v; };";
    let longs = |values: &[u64]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let event = |time: u64, value: u32| [longs(&[time]), value.to_le_bytes().to_vec()].concat();
    let events = [event(1_500_000_000, 1), event(2_500_000_001, 2)].concat();
    let short: Vec<u8> = [u32::MAX, 1, 5, 2].into_iter().flat_map(u32::to_le_bytes).collect();
    let span = longs(&[1_000_000_000, 3_000_000_000]);
    vec![
        (HEADER, events.clone()),
        ("event.header := struct { struct { uint64_t timestamp; } inner; };", events.clone()),
        ("event.header := struct { enum : uint64_t { A } timestamp; };", events.clone()),
        ("event.header := struct { struct { uint64_t timestamp; } inner[1]; };", events.clone()),
        ("event.header := struct { uint64_t timestamp[1]; };", events.clone()),
        ("event.header := struct { int64_t timestamp; };", events.clone()),
        ("event.header := struct { uint32_t timestamp; };", short),
        ("event.context := struct { uint64_t timestamp; };", events.clone()),
        (VARIANT, [vec![0], event(1_500_000_000, 1), vec![1], event(2_500_000_001, 2)].concat()),
        (PACKET, [span.clone(), 1u32.to_le_bytes().to_vec()].concat()),
        (PACKET_AND_HEADER, [span.clone(), events].concat()),
        ("packet.context := struct { uint64_t timestamp_begin; };", event(3_000_000_000, 1)),
        ("packet.context := struct { uint64_t timestamp_end; };", event(3_000_000_000, 1)),
    ]
}

/// Integers of whole bytes, aligned to bytes.
const TYPES: &str = "typealias integer { size = 8; align = 8; } := uint8_t;
    typealias integer { size = 32; align = 8; } := uint32_t;
    typealias integer { size = 64; align = 8; } := uint64_t;
    typealias integer { size = 64; align = 8; signed = 1; } := int64_t;";

#[test]
fn fields_named_like_times_are_times() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    const ONE: &str = "clock { name = c; freq = 1000; offset_s = 100; };";
    const OTHER: &str = "clock { name = d; freq = 1000000000; };";
    let (mut timed, mut refused) = (0, 0);
    for (at, (stream, events)) in unmapped_times().into_iter().enumerate() {
        for (clocks, declared) in [vec![], vec![ONE], vec![ONE, OTHER]].into_iter().enumerate() {
            let folder = world.open_dir().join(format!("{at}-{clocks}"));
            let metadata = format!(
                "/* CTF 1.8 */ {TYPES}
                 trace {{ major = 1; minor = 8; byte_order = le; packet.header := struct {{ uint32_t magic; }}; }};
                 {} stream {{ {stream} }};
                 event {{ name = \"e\"; id = 0; fields := struct {{ uint32_t _v; }}; }};",
                declared.concat()
            );
            let data = [&0xC1FC_1FC1u32.to_le_bytes()[..], &events].concat();
            put_trace(&folder, &metadata, &data);
            let theirs = world.program("babeltrace2").arg("--clock-seconds").arg(&folder).run();
            let ours = world.rttng().args(["view", "--clock-seconds"]).arg(&folder).run();
            let what = format!("{stream} {declared:?}: {}{}", ours.stderr, theirs.stderr);
            assert_eq!((&ours.stdout, ours.code()), (&theirs.stdout, theirs.code()), "{what}");
            if theirs.code() == Some(0) {
                timed += usize::from(theirs.stdout.starts_with('['));
                // What is written of it says the same to babeltrace2.
                let copy = folder.with_extension("copy");
                world.rttng().args(["convert", "--to=ctf1", "-o"]).args([&copy, &folder]).run().ok();
                let copied = world.program("babeltrace2").arg("--clock-seconds").arg(&copy).run().ok();
                assert_eq!(copied, theirs.stdout, "{what}");
            } else {
                refused += 1;
                assert!(ours.stderr.contains("`timestamp"), "{what}");
            }
        }
    }
    assert_eq!((timed, refused), (20, 10));
}
