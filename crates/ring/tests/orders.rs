//! The orders of writer against reader, explored by loom: the production code runs on memory made of loom's atomics, so
//! that every stale value that the memory model allows is tried.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::sync::atomic::AtomicU64;
use rttng_ring::*;

/// A stream's memory, every word an atomic of loom's. Unlike the real memory it holds no bytes smaller than a word, so
/// the records of these tests are whole words.
struct LoomMemory(Vec<AtomicU64>);

impl Memory for LoomMemory {
    fn size(&self) -> usize {
        self.0.len() * 8
    }
    fn load(&self, at: usize) -> u64 {
        self.0[at / 8].load(Ordering::Relaxed)
    }
    fn store(&self, at: usize, value: u64) {
        self.0[at / 8].store(value, Ordering::Relaxed);
    }
    fn add(&self, at: usize, value: u64) -> u64 {
        self.0[at / 8].fetch_add(value, Ordering::Relaxed)
    }
    fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<u64, u64> {
        self.0[at / 8].compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst)
    }
    fn fence(&self, order: Ordering) {
        loom::sync::atomic::fence(order);
    }
    fn copy_in(&self, at: usize, bytes: &[u8]) {
        for (i, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.store(at + 8 * i, u64::from_ne_bytes(word));
        }
    }
    fn copy_out(&self, at: usize, bytes: &mut [u8]) {
        for (i, chunk) in bytes.chunks_mut(8).enumerate() {
            chunk.copy_from_slice(&self.load(at + 8 * i).to_ne_bytes()[..chunk.len()]);
        }
    }
}

const IDENTITY: StreamIdentity = StreamIdentity { uuid: [0x5a; 16], channel_id: 3, cpu: 0 };

/// Two sub-buffers of 128 bytes: a header of 84, 4 of padding, and room for 40 of records.
fn stream(mode: Mode) -> Arc<Stream<LoomMemory>> {
    let geometry = Geometry::new(mode, 128, 2, 128).unwrap();
    let fresh = HeapMemory::new(Layout::new(&geometry).size());
    let fresh = Stream::create(fresh, geometry, IDENTITY, 1).unwrap();
    let bytes = fresh.memory().to_bytes();
    let words = bytes.chunks_exact(8).map(|w| AtomicU64::new(u64::from_ne_bytes(w.try_into().unwrap())));
    Arc::new(Stream::attach(LoomMemory(words.collect()), geometry, IDENTITY).unwrap())
}

/// Writes a record of two equal words. `Some(wake)` if it found room.
fn record(stream: &Stream<LoomMemory>, value: u64) -> Option<bool> {
    let size = |position: u64, _| (8 - position % 8) % 8 + 16;
    let slot = stream.reserve(size, || 2, || false).ok()?;
    let at = slot.offset() + slot.len() - 16;
    stream.memory().store(at, value);
    stream.memory().store(at + 8, value);
    Some(stream.commit(slot))
}

/// Reads what is there; each record must be whole.
fn drain(reader: &mut Reader<LoomMemory>, values: &mut Vec<u64>, next_sequence: &mut u64, may_skip: bool) {
    while let Next::Packet(packet) = reader.hold_next().unwrap() {
        if may_skip {
            assert!(packet.header.sequence >= *next_sequence, "sequence went back");
        } else {
            assert_eq!(packet.header.sequence, *next_sequence);
        }
        *next_sequence = packet.header.sequence + 1;
        let bytes = reader.copy_held();
        let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
        for at in (88..packet.data_size as usize).step_by(16) {
            assert_eq!(word(at), word(at + 8), "a torn record");
            values.push(word(at));
        }
        reader.release();
    }
}

/// Explores `test`. The reader must run in the spawned thread: loom's reduction tries other orders for a load after a
/// store of another thread, but not for a store after a load that was not the newest access.
fn model(test: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.max_branches = 100_000;
    model.checkpoint_interval = 100;
    model.max_duration = Some(std::time::Duration::from_secs(5));
    let explored = Arc::new(AtomicUsize::new(0));
    let counter = explored.clone();
    model.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        test();
    });
    let explored = explored.load(Ordering::Relaxed);
    assert!(explored > 10, "only {explored} orders were explored");
}

#[test]
fn what_the_reader_gets_is_wholly_written() {
    model(|| {
        let stream = stream(Mode::Discard);
        let mut reader = Reader::new(stream.clone()).unwrap();
        let reading = loom::thread::spawn(move || {
            let (mut values, mut sequence) = (Vec::new(), 0);
            drain(&mut reader, &mut values, &mut sequence, false);
            (reader, values, sequence)
        });
        (1..=3).for_each(|value| assert!(record(&stream, value).is_some()));
        let (mut reader, mut values, mut sequence) = reading.join().unwrap();
        stream.switch(SwitchMode::Flush, || 3).unwrap();
        drain(&mut reader, &mut values, &mut sequence, false);
        assert_eq!(values, [1, 2, 3]);
    });
}

#[test]
fn two_writers_at_a_boundary_lose_nothing_and_wake_the_reader() {
    model(|| {
        let stream = stream(Mode::Discard);
        let mut reader = Reader::new(stream.clone()).unwrap();
        record(&stream, 1);
        let writer = loom::thread::spawn({
            let stream = stream.clone();
            move || (10..12).map(|value| record(&stream, value).expect("room")).filter(|&wake| wake).count()
        });
        let woken = usize::from(record(&stream, 2).expect("room"));
        assert!(woken + writer.join().unwrap() >= 1, "a sub-buffer filled and nobody woke the reader");
        stream.switch(SwitchMode::Flush, || 3).unwrap();
        let (mut values, mut sequence) = (Vec::new(), 0);
        drain(&mut reader, &mut values, &mut sequence, false);
        values.sort_unstable();
        assert_eq!(values, [1, 2, 10, 11]);
    });
}

#[test]
fn a_flush_and_a_writer_agree_on_who_closes_the_packet() {
    model(|| {
        let stream = stream(Mode::Discard);
        let mut reader = Reader::new(stream.clone()).unwrap();
        let flusher = loom::thread::spawn({
            let stream = stream.clone();
            move || stream.switch(SwitchMode::Active, || 2).unwrap()
        });
        record(&stream, 1).expect("room");
        record(&stream, 2).expect("room");
        assert!(flusher.join().unwrap().closed);
        stream.switch(SwitchMode::Flush, || 3).unwrap();
        let (mut values, mut sequence) = (Vec::new(), 0);
        drain(&mut reader, &mut values, &mut sequence, false);
        assert_eq!(values, [1, 2]);
    });
}

#[test]
fn a_writer_waits_for_the_reader_to_release() {
    model(|| {
        let stream = stream(Mode::Discard);
        let mut reader = Reader::new(stream.clone()).unwrap();
        (1..=4).for_each(|value| assert!(record(&stream, value).is_some()));
        // Both sub-buffers are in use: the fifth record finds room only once the reader has released the first.
        let reading = loom::thread::spawn(move || {
            let (mut values, mut sequence) = (Vec::new(), 0);
            drain(&mut reader, &mut values, &mut sequence, false);
            (reader, values, sequence)
        });
        let written = record(&stream, 5).is_some();
        let (mut reader, mut values, mut sequence) = reading.join().unwrap();
        stream.switch(SwitchMode::Flush, || 3).unwrap();
        drain(&mut reader, &mut values, &mut sequence, false);
        assert_eq!(values, if written { vec![1, 2, 3, 4, 5] } else { vec![1, 2, 3, 4] });
        assert_eq!(stream.lost_records().total(), u64::from(!written));
    });
}

#[test]
fn an_overwriting_writer_never_touches_what_the_reader_holds() {
    model(|| {
        let stream = stream(Mode::Overwrite);
        let mut reader = Reader::new(stream.clone()).unwrap();
        (1..=3).for_each(|value| assert!(record(&stream, value).is_some()));
        let reading = loom::thread::spawn(move || {
            let (mut values, mut sequence) = (Vec::new(), 0);
            drain(&mut reader, &mut values, &mut sequence, true);
            (reader, values, sequence)
        });
        for value in 4..=6 {
            let _ = record(&stream, value);
        }
        let (mut reader, mut values, mut sequence) = reading.join().unwrap();
        drain(&mut reader, &mut values, &mut sequence, true);
        assert!(values.is_sorted(), "{values:?}");
    });
}
