//! Damaged traces: refused strictly, read as far as they go leniently, and no bytes do harm.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rttng_ctf::decode::{NodeId, Visit};
use rttng_ctf::read::{Message, Options, Reader};
use rttng_ctf::types::Scope;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

/// The folders of one trace each that mutations start from.
fn real_traces() -> [PathBuf; 4] {
    let of = |place: &str| vectors().join(place);
    [
        of("trace/per-uid/trace/ust/uid/0/64-bit"),
        of("trace/discarded/trace/ust/uid/0/64-bit"),
        of("ctf2/every-class"),
        of("ctf2/nested-roles"),
    ]
}

/// Sums up what it is shown, so that all values are looked at.
#[derive(Default)]
struct Sum(u64);

impl Visit for Sum {
    fn scope(&mut self, _: Scope) {}
    fn unsigned(&mut self, _: NodeId, value: u64) {
        self.0 = self.0.wrapping_add(value);
    }
    fn signed(&mut self, _: NodeId, value: i64) {
        self.0 = self.0.wrapping_add(value as u64);
    }
    fn float(&mut self, _: NodeId, value: f64) {
        self.0 = self.0.wrapping_add(value.to_bits());
    }
    fn text(&mut self, _: NodeId, text: &[u8]) {
        self.0 = self.0.wrapping_add(text.len() as u64);
    }
    fn begin(&mut self, _: NodeId) {}
    fn end(&mut self, _: NodeId) {}
    fn element(&mut self, _: NodeId, _: u64) {}
}

/// Events, and what could not be read; an error if nothing can.
fn read(folder: &Path, lenient: bool) -> Result<(u64, Vec<String>), String> {
    let options = Options { lenient, window_bytes: 1024, ..Options::default() };
    let mut reader = Reader::open(&[folder.to_owned()], &options).map_err(|error| error.to_string())?;
    let mut events = 0;
    while let Some(message) = reader.next().map_err(|error| error.to_string())? {
        if let Message::Event(mut event) = message {
            let mut sum = Sum::default();
            // An array of too many elements without bits cannot be shown.
            let _ = event.show_packet_context(&mut sum).and_then(|()| event.show(&mut sum));
            events += 1;
        }
    }
    Ok((events, reader.damage().iter().map(ToString::to_string).collect()))
}

/// A copy of a trace that may be written to.
fn copy(of: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(of).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(folder.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
    }
    folder
}

fn cut(file: &Path, length: usize) {
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..length]).unwrap();
}

#[test]
fn a_packet_that_is_cut_off_is_read_so_far() {
    let folder = copy(&real_traces()[0]);
    let (all, damage) = read(folder.path(), true).unwrap();
    assert_eq!((read(folder.path(), false), damage.len()), (Ok((all, Vec::new())), 0));
    let data = folder.path().join("channel0_1");
    let mut before = 0;
    for length in [100, 300, 500, 1000, 4095] {
        let trace = copy(folder.path());
        cut(&trace.path().join("channel0_1"), length);
        assert!(read(trace.path(), false).unwrap_err().contains("channel0_1, byte 0: the packet claims"));
        let (events, damage) = read(trace.path(), true).unwrap();
        assert!((before..=all).contains(&events), "{length} bytes: {events}");
        assert!(
            damage.len() == 1 && damage[0].contains("channel0_1, byte 0: the packet claims"),
            "{damage:?}"
        );
        assert!(damage[0].ends_with("its events are read as far as they are there"), "{damage:?}");
        before = events;
    }
    // Only padding is missing.
    assert_eq!(before, all);
    // Not even a header: the other stream is read.
    cut(&data, 20);
    let (events, damage) = read(folder.path(), true).unwrap();
    assert!(events < all && damage[0].contains("channel0_1, byte 0:"), "{events} {damage:?}");
}

/// Of three packets the second makes no sense: the first and the third are read.
#[test]
fn a_packet_that_makes_no_sense_is_passed_over() {
    let folder = copy(&real_traces()[2]);
    let (all, _) = read(folder.path(), false).unwrap();
    let data = folder.path().join("stream");
    let mut bytes = std::fs::read(&data).unwrap();
    // The event's id in the second packet, behind 57 bytes of head.
    let second =
        bytes.windows(4).enumerate().filter(|(_, four)| *four == [0xc1, 0x1f, 0xfc, 0xc1]).nth(1).unwrap().0;
    let head = 4 + 16 + 1 + 1 + 8 + 8 + 16 + 2 + 1;
    assert_eq!(bytes[second + head], 12);
    bytes[second + head] = 99;
    std::fs::write(&data, &bytes).unwrap();
    assert!(
        read(folder.path(), false).unwrap_err().contains("has the id 99, which the metadata does not know")
    );
    let (events, damage) = read(folder.path(), true).unwrap();
    assert_eq!(events, all - 1);
    assert!(damage.len() == 1 && damage[0].contains("has the id 99"), "{damage:?}");
}

#[test]
fn metadata_that_ends_too_early_is_read_so_far() {
    for trace in [&real_traces()[0], &real_traces()[2]] {
        let folder = copy(trace);
        let (all, _) = read(folder.path(), true).unwrap();
        let metadata = folder.path().join("metadata");
        let size = std::fs::read(&metadata).unwrap().len();
        cut(&metadata, size * 3 / 4);
        let refused = read(folder.path(), false).unwrap_err();
        assert!(refused.contains("metadata"), "{refused}");
        let (events, damage) = read(folder.path(), true).unwrap();
        assert!(events <= all);
        assert!(damage[0].contains("what is before it is read"), "{damage:?}");
    }
}

#[test]
fn one_unreadable_trace_does_not_hide_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (copy(&real_traces()[0]), copy(&real_traces()[2]));
    std::fs::write(bad.path().join("metadata"), b"nonsense").unwrap();
    std::fs::rename(good.path(), folder.path().join("a")).unwrap();
    std::fs::rename(bad.path(), folder.path().join("b")).unwrap();
    assert!(read(folder.path(), false).unwrap_err().contains("b/metadata: this is no metadata"));
    let (events, damage) = read(folder.path(), true).unwrap();
    assert!(events > 0 && damage.len() == 1 && damage[0].contains("b/metadata"), "{damage:?}");
    assert!(read(&folder.path().join("b"), true).unwrap_err().contains("this is no metadata"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever happens to its bytes, a trace is read or refused, and leniently no less is read than strictly.
    #[test]
    fn mutated_traces_do_no_harm(
        which in 0usize..4,
        edits in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cuts in prop::option::of((any::<bool>(), any::<prop::sample::Index>())),
    ) {
        let folder = copy(&real_traces()[which]);
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        let file_of = |metadata: bool| {
            names.iter().find(|path| path.ends_with("metadata") == metadata).unwrap()
        };
        for (metadata, at, byte) in edits {
            let file = file_of(metadata);
            let mut bytes = std::fs::read(file).unwrap();
            // Mostly where there is content.
            let reach = bytes.len().min(if metadata { usize::MAX } else { 3000 });
            bytes[at.index(reach)] = byte;
            std::fs::write(file, bytes).unwrap();
        }
        if let Some((metadata, at)) = cuts {
            let file = file_of(metadata);
            cut(file, at.index(std::fs::metadata(file).unwrap().len() as usize));
        }
        let (strict, lenient) = (read(folder.path(), false), read(folder.path(), true));
        if let Ok((events, _)) = strict {
            prop_assert_eq!(lenient, Ok((events, Vec::new())));
        }
    }
}
