//! Traces that grow under the reader's eyes are read as they are read in the end.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::decode::{NodeId, Visit};
use crate::types::Scope;

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace").join(name).join("trace")
}

/// Adds up all that it is shown, order included.
#[derive(Default)]
struct Sum(u64);

impl Sum {
    fn add(&mut self, node: NodeId, value: u64) {
        self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(node)).wrapping_mul(31).wrapping_add(value);
    }
}

impl Visit for Sum {
    fn scope(&mut self, scope: Scope) {
        self.add(scope as NodeId, 1);
    }
    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.add(node, value);
    }
    fn signed(&mut self, node: NodeId, value: i64) {
        self.add(node, value as u64);
    }
    fn float(&mut self, node: NodeId, value: f64) {
        self.add(node, value.to_bits());
    }
    fn text(&mut self, node: NodeId, text: &[u8]) {
        text.iter().for_each(|byte| self.add(node, u64::from(*byte)));
    }
    fn begin(&mut self, node: NodeId) {
        self.add(node, 2);
    }
    fn end(&mut self, node: NodeId) {
        self.add(node, 3);
    }
    fn element(&mut self, node: NodeId, index: u64) {
        self.add(node, index);
    }
}

fn line(message: Message<'_>) -> String {
    match message {
        Message::Event(mut event) => {
            let mut sum = Sum::default();
            event.show_packet_context(&mut sum).and_then(|()| event.show(&mut sum)).unwrap();
            format!("{:?} {} {:x}", event.nanoseconds(), event.class().name, sum.0)
        }
        Message::Lost { lost, .. } => format!("{lost:?}"),
    }
}

fn whole(folder: &Path) -> Vec<String> {
    let mut reader = Reader::open(&[folder.to_owned()], &Options::default()).unwrap();
    let mut lines = Vec::new();
    while let Some(message) = reader.next().unwrap() {
        lines.push(line(message));
    }
    lines
}

/// The files of a folder and below: data before its index, as they are written.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort_by_key(|path| (path.is_dir(), path.clone()));
    for path in entries {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

fn drain<S: Source>(follower: &mut Follower<S>, lines: &mut Vec<String>) {
    while let Some(message) = follower.next().unwrap() {
        lines.push(line(message));
    }
}

/// Writes a trace anew in `steps`, each a part of what is left of each file, or of one after the other, and follows it
/// meanwhile.
fn grown(from: &Path, steps: &[f64], one_by_one: bool) -> Vec<String> {
    let to = tempfile::tempdir().unwrap();
    let mut follower = Follower::open(&[to.path().to_owned()], &Options::default()).unwrap();
    let mut sources = Vec::new();
    files(from, &mut sources);
    let mut lines = Vec::new();
    let mut written = vec![0usize; sources.len()];
    for (step, part) in steps.iter().chain([&1.0]).enumerate() {
        for (number, (source, written)) in sources.iter().zip(&mut written).enumerate() {
            // Not all files in each step.
            let waits = if one_by_one { step < number } else { (step + number) % 3 == 0 };
            if *part < 1.0 && waits {
                continue;
            }
            let part = if one_by_one && step > number { &1.0 } else { part };
            let bytes = fs::read(source).unwrap();
            let more = ((bytes.len() - *written) as f64 * part) as usize;
            *written += more;
            let path = to.path().join(source.strip_prefix(from).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            use std::io::Write as _;
            let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(&bytes[*written - more..*written]).unwrap();
        }
        follower.look().unwrap();
        drain(&mut follower, &mut lines);
    }
    follower.finish().unwrap();
    drain(&mut follower, &mut lines);
    lines
}

#[test]
fn nothing_is_told_before_it_is_certain() {
    let from = vector("per-uid").join("ust/uid/0/64-bit");
    let to = tempfile::tempdir().unwrap();
    for name in ["metadata", "channel0_1"] {
        fs::copy(from.join(name), to.path().join(name)).unwrap();
    }
    fs::write(to.path().join("channel0_0"), b"").unwrap();
    let mut follower = Follower::open(&[to.path().to_owned()], &Options::default()).unwrap();
    let mut lines = Vec::new();
    drain(&mut follower, &mut lines);
    assert_eq!((lines.len(), follower.awaited(), follower.holds_back()), (0, 1, true));
    // Whoever is sure that there is nothing before raises the horizon.
    follower.set_horizon(i64::MAX);
    follower.look().unwrap();
    drain(&mut follower, &mut lines);
    assert!(!lines.is_empty() && !follower.holds_back());
    let all = whole(to.path());
    assert_eq!(lines, all);
}

#[test]
fn a_folder_that_moves_is_followed() {
    let root = tempfile::tempdir().unwrap();
    let from = vector("per-uid").join("ust/uid/0/64-bit");
    let (before, after) = (root.path().join("now"), root.path().join("archives"));
    fs::create_dir_all(before.join("index")).unwrap();
    for name in ["metadata", "channel0_1"] {
        fs::copy(from.join(name), before.join(name)).unwrap();
    }
    let mut follower = Follower::open(&[root.path().to_owned()], &Options::default()).unwrap();
    fs::rename(&before, &after).unwrap();
    let mut lines = Vec::new();
    // Between looks it was moved: what is in it is waited for.
    drain(&mut follower, &mut lines);
    follower.look().unwrap();
    drain(&mut follower, &mut lines);
    assert_eq!(lines, whole(root.path()));
    assert!(!lines.is_empty());
}

/// The packets of a data file.
fn packets_of(path: &Path) -> Vec<Vec<u8>> {
    let path = &path.canonicalize().unwrap();
    let reader = Reader::open(&[path.parent().unwrap().to_owned()], &Options::default()).unwrap();
    let stream = reader.streams.iter().find(|stream| stream.path().canonicalize().unwrap() == *path).unwrap();
    let data = fs::read(path).unwrap();
    let part = |packet: &Packet| data[packet.offset as usize..][..packet.packet_bits as usize / 8].to_vec();
    stream.packets.iter().map(part).collect()
}

#[test]
fn a_slow_rotation_loses_nothing() {
    let from = vector("discarded").join("ust/uid/0/64-bit");
    let name = "c1_0";
    let packets = packets_of(&from.join(name));
    let (first, second) = packets.split_at(2);
    let root = tempfile::tempdir().unwrap();
    let at = |folder: &str| root.path().join(folder);
    let write = |folder: &str, data: &[u8]| {
        fs::create_dir_all(at(folder)).unwrap();
        fs::copy(from.join("metadata"), at(folder).join("metadata")).unwrap();
        fs::write(at(folder).join(name), data).unwrap();
    };
    write("ust", b"");
    let mut follower = Follower::open(&[root.path().to_owned()], &Options::default()).unwrap();
    let mut lines = Vec::new();
    let mut look = |follower: &mut Follower| {
        for _ in 0..20 {
            follower.look().unwrap();
            drain(follower, &mut lines);
        }
    };
    // Its last packet is written while it is hidden; the new chunk is there, with events, long before it is archived.
    fs::rename(at("ust"), at(".tmp_old_chunk")).unwrap();
    write(".tmp_old_chunk", &first.concat());
    write("20261123T080000+0000-1", &second.concat());
    look(&mut follower);
    fs::rename(at(".tmp_old_chunk"), at("archives")).unwrap();
    look(&mut follower);
    follower.finish().unwrap();
    drain(&mut follower, &mut lines);
    assert!(!lines.is_empty());
    assert_eq!(lines, whole(root.path()));
}

#[test]
fn a_file_that_was_looked_at_too_early_is_waited_for() {
    let from = vector("discarded").join("ust/uid/0/64-bit");
    let packets = packets_of(&from.join("c1_0"));
    let root = tempfile::tempdir().unwrap();
    fs::copy(from.join("metadata"), root.path().join("metadata")).unwrap();
    let write = |name: &str, data: &[u8]| fs::write(root.path().join(name), data).unwrap();
    write("old", &packets[0]);
    write("new", &packets[2..].concat());
    let mut follower = Follower::open(&[root.path().to_owned()], &Options::default()).unwrap();
    follower.set_horizon(i64::MAX);
    let mut lines = Vec::new();
    drain(&mut follower, &mut lines);
    // What is between them was being written when the first file was looked at.
    write("old", &packets[..2].concat());
    follower.look().unwrap();
    drain(&mut follower, &mut lines);
    follower.finish().unwrap();
    drain(&mut follower, &mut lines);
    assert_eq!(lines, whole(root.path()));
}

#[test]
fn what_is_overwritten_before_it_is_read_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let from = vector("tracefiles").join("ust/uid/0/64-bit");
    for name in ["metadata", "c1_0_0", "c1_0_1"] {
        fs::copy(from.join(name), root.path().join(name)).unwrap();
    }
    let all = whole(root.path());
    let mut follower = Follower::open(&[root.path().to_owned()], &Options::default()).unwrap();
    let read = |follower: &mut Follower| {
        let mut lines = Vec::new();
        drain(follower, &mut lines);
        lines
    };
    // One file is being read already; the other is a new one of the same name by the time it is opened.
    let other = if follower.reader().stream(0).path.ends_with("c1_0_0") { "c1_0_1" } else { "c1_0_0" };
    fs::remove_file(root.path().join(other)).unwrap();
    fs::write(root.path().join(other), [0; 8192]).unwrap();
    follower.set_horizon(i64::MAX);
    let mut lines = Vec::new();
    for _ in 0..10 {
        follower.look().unwrap();
        lines.extend(read(&mut follower));
    }
    if lines.last().is_some_and(|line| line.starts_with("Lost")) {
        lines.pop();
    }
    assert!(!lines.is_empty() && lines.len() < all.len(), "{} of {}", lines.len(), all.len());
    assert_eq!(lines, all[..lines.len()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn growing_traces_are_read_as_in_the_end(steps in prop::collection::vec(0.0f64..1.0, 1..6)) {
        for name in ["per-uid", "per-pid", "archives", "tracefiles", "discarded"] {
            let from = vector(name);
            let one_by_one = matches!(name, "archives" | "tracefiles");
            prop_assert_eq!(grown(&from, &steps, one_by_one), whole(&from), "{}", name);
        }
    }
}
