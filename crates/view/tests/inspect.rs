//! What `inspect` says of whole and of damaged traces.

use std::path::{Path, PathBuf};

use rttng_view::inspect::{IndexState, Inspection, Level, inspect};

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(name)
}

const UST: &str = "trace/per-uid/trace/ust/uid/0/64-bit";

/// A copy of a trace's folder, its index included.
fn copy(of: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("index")).unwrap();
    for part in ["", "index"] {
        for entry in std::fs::read_dir(vector(of).join(part)).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let to = folder.path().join(part).join(path.file_name().unwrap());
                std::fs::write(to, std::fs::read(&path).unwrap()).unwrap();
            }
        }
    }
    folder
}

fn look(folder: &Path) -> Inspection {
    inspect(&[folder.to_owned()]).unwrap()
}

fn said(inspection: &Inspection, level: Level) -> Vec<String> {
    let of_level = inspection.findings.iter().filter(|finding| finding.level == level);
    of_level.map(|finding| finding.what.clone()).collect()
}

#[test]
fn a_whole_trace_is_explained() {
    let inspection = inspect(&[vector("trace/discarded/trace")]).unwrap();
    assert!(inspection.is_whole());
    assert_eq!(said(&inspection, Level::Warning), ["290 events discarded"]);
    let [trace] = inspection.traces.as_slice() else { panic!("{} traces", inspection.traces.len()) };
    let streams: Vec<_> =
        trace.streams.iter().map(|of| (of.instance, of.packets.len(), of.events, of.losses.events)).collect();
    assert_eq!(streams, [(0, 3, 12, 290), (1, 1, 0, 0)]);
    assert_eq!(trace.streams[0].packets.iter().map(|packet| packet.events).collect::<Vec<_>>(), [5, 5, 2]);
    assert!(trace.streams.iter().flat_map(|of| &of.files).all(|file| file.index == IndexState::Fits));
    let text = inspection.text(true);
    for line in [
        "  2 streams, 4 packets, 12 events, 16384 bytes of data",
        "    Event rich:blob (id 0, log level 13): 12 times",
        "      s: string",
        "      id: enumeration in a 16-bit unsigned integer (compact = 0 to 65534, extended = 65535)",
        "Diagnosis: all that is there can be read; 1 warning",
    ] {
        assert!(text.lines().any(|other| other == line), "{line:?} is not in\n{text}");
    }
    assert!(
        text.contains("packet 1: byte 4096, 3639 of 4096 bytes, 5 events, number 1, 290 discarded so far"),
        "{text}"
    );
}

#[test]
fn json_says_the_same() {
    let inspection = inspect(&[vector("ctf2/every-class")]).unwrap();
    let document: serde_json::Value = serde_json::from_str(&inspection.json(true)).unwrap();
    let trace = &document["traces"][0];
    assert_eq!((&document["whole"], &trace["version"]), (&true.into(), &"2".into()));
    let class = &trace["stream_classes"][0];
    assert_eq!(class["events"][9]["name"], "variants");
    assert_eq!(class["events"][9]["fields"][1]["type"], "one of 3 options as sel says");
    assert_eq!(class["events"][9]["fields"][1]["fields"][2]["fields"][1]["name"], "y");
    let stream = &class["streams"][0];
    assert_eq!(stream["event_count"], 25);
    assert_eq!((&stream["discarded_events"], &stream["lost_packets"]), (&5.into(), &2.into()));
    assert_eq!(stream["packets"][1]["event_count"], 1);
    assert_eq!(stream["files"][0]["index"], "missing");
    assert_eq!(document["findings"].as_array().unwrap().len(), 2);
}

#[test]
fn a_packet_that_is_cut_off_is_told_with_its_place() {
    let folder = copy(UST);
    let data = folder.path().join("channel0_1");
    std::fs::write(&data, &std::fs::read(&data).unwrap()[..600]).unwrap();
    std::fs::write(folder.path().join("channel0_0"), b"").unwrap();
    let inspection = look(folder.path());
    assert!(!inspection.is_whole());
    let error = &inspection.findings[0];
    assert_eq!((error.level, error.offset), (Level::Error, Some(0)));
    assert!(error.path.ends_with("channel0_1") && error.advice.contains("killed"), "{error:?}");
    assert!(error.what.contains("the file has 4800"), "{error:?}");
    // The index lists the whole packet.
    assert!(said(&inspection, Level::Warning)[0].contains("has the size 4096, the packet has 600"));
    assert_eq!(said(&inspection, Level::Note), ["the file is empty"]);
    assert!(inspection.text(false).contains("Diagnosis: 1 error: not all that was recorded can be read"));
}

#[test]
fn a_damaged_or_missing_index_is_told() {
    let folder = copy(UST);
    let index = folder.path().join("index/channel0_1.idx");
    let whole = std::fs::read(&index).unwrap();
    let says = |bytes: &[u8]| {
        std::fs::write(&index, bytes).unwrap();
        let inspection = look(folder.path());
        assert!(inspection.is_whole());
        said(&inspection, Level::Warning)
    };
    assert_eq!(says(&whole), [""; 0]);
    assert!(says(&whole[..10])[0].starts_with("the index cannot be read: "));
    assert!(says(&whole[..16])[0].contains("it lists 0 packets, the file has 1"));
    let mut wrong = whole.clone();
    wrong[16 + 7] = 9;
    assert!(says(&wrong)[0].contains("its entry 0 has the offset 9, the packet has 0"));
    std::fs::remove_file(&index).unwrap();
    assert_eq!(said(&look(folder.path()), Level::Note), ["the index of this file is missing"]);
}

#[test]
fn metadata_that_cannot_be_read_is_a_finding() {
    let folder = copy(UST);
    let metadata = folder.path().join("metadata");
    std::fs::write(&metadata, b"").unwrap();
    let inspection = look(folder.path());
    assert!(inspection.traces.is_empty() && inspection.findings[0].advice.contains("still recording"));
    // Cut in the middle of its second packet.
    let whole = std::fs::read(vector(UST).join("metadata")).unwrap();
    std::fs::write(&metadata, &whole[..5000]).unwrap();
    let inspection = look(folder.path());
    assert!(
        inspection.findings[0].what.contains("metadata packet at byte 4096"),
        "{:?}",
        inspection.findings
    );
    assert!(inspection.findings[0].advice.contains("another part of the trace"));
    assert!(!inspection.traces.is_empty());
    assert!(inspect(&[folder.path().join("nowhere")]).is_err());
}
