//! Whole trace folders: metadata and a data file in one input. What is read strictly is read the same
//! leniently, and every value is looked at.
//!
//! The input is the size of the metadata (3 bytes, little-endian), the metadata, and the data file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rttng_ctf::decode::{NodeId, Visit};
use rttng_ctf::read::{Message, Options, Reader};
use rttng_ctf::types::Scope;

/// Counts what it is shown.
#[derive(Default)]
struct Count(u64);

impl Visit for Count {
    fn scope(&mut self, _: Scope) {}
    fn unsigned(&mut self, _: NodeId, _: u64) {
        self.0 += 1;
    }
    fn signed(&mut self, _: NodeId, _: i64) {
        self.0 += 1;
    }
    fn float(&mut self, _: NodeId, _: f64) {
        self.0 += 1;
    }
    fn text(&mut self, _: NodeId, _: &[u8]) {
        self.0 += 1;
    }
    fn begin(&mut self, _: NodeId) {}
    fn end(&mut self, _: NodeId) {}
    fn element(&mut self, _: NodeId, _: u64) {}
}

/// Events and values, if all can be read.
fn read(folder: &Path, lenient: bool) -> Option<(u64, u64)> {
    let options = Options { lenient, window_bytes: 1024, ..Options::default() };
    let mut reader = Reader::open(&[folder.to_owned()], &options).ok()?;
    let mut count = Count::default();
    let mut events = 0;
    loop {
        match reader.next() {
            Ok(Some(Message::Event(mut event))) => {
                events += 1;
                // An array of too many elements without bits cannot be shown.
                let _ = event.show_packet_context(&mut count).and_then(|()| event.show(&mut count));
            }
            Ok(Some(Message::Lost { .. })) => {}
            Ok(None) => return Some((events, count.0)),
            Err(_) => return None,
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((size, rest)) = input.split_first_chunk::<3>() else { return };
    let size = usize::from(size[0]) | usize::from(size[1]) << 8 | usize::from(size[2]) << 16;
    let (metadata, data) = rest.split_at(size.min(rest.len()));
    let folder = tempfile::tempdir_in("/dev/shm").expect("there is room for a folder");
    std::fs::write(folder.path().join("metadata"), metadata).expect("there is room");
    std::fs::write(folder.path().join("data"), data).expect("there is room");
    if let Some(read_strictly) = read(folder.path(), false) {
        assert_eq!(read(folder.path(), true), Some(read_strictly));
    } else {
        read(folder.path(), true);
    }
});
