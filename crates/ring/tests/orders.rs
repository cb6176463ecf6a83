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

/// Room for a record of two words, if there is any.
fn reserve(stream: &Stream<LoomMemory>) -> Option<Slot> {
    let size = |position: u64, _| (8 - position % 8) % 8 + 16;
    stream.reserve(size, || 2, |_| false).ok()
}

/// Writes a record of two equal words into its slot. `true`: the reader is to be woken.
fn write(stream: &Stream<LoomMemory>, slot: Slot, value: u64) -> bool {
    let at = slot.offset() + slot.len() - 16;
    stream.memory().store(at, value);
    stream.memory().store(at + 8, value);
    stream.commit(slot)
}

/// A record, whole. `Some(wake)` if it found room.
fn record(stream: &Stream<LoomMemory>, value: u64) -> Option<bool> {
    reserve(stream).map(|slot| write(stream, slot, value))
}

/// What a reader got: the values of whole records, and the number of the next packet.
#[derive(Default)]
struct Got {
    values: Vec<u64>,
    next_sequence: u64,
}

/// A thread that reads what is there, and gives the reader back.
fn reading(
    stream: &Arc<Stream<LoomMemory>>,
    may_skip: bool,
) -> loom::thread::JoinHandle<(Reader<LoomMemory>, Got)> {
    let mut reader = Reader::new(stream.clone()).unwrap();
    loom::thread::spawn(move || {
        let mut got = Got::default();
        drain(&mut reader, &mut got.values, &mut got.next_sequence, may_skip);
        (reader, got)
    })
}

/// All values, those of the packet that is still open included, in their own order.
fn all_of(
    stream: &Stream<LoomMemory>,
    mut reader: Reader<LoomMemory>,
    mut got: Got,
    may_skip: bool,
) -> Vec<u64> {
    stream.switch(SwitchMode::Flush, || 3).unwrap();
    drain(&mut reader, &mut got.values, &mut got.next_sequence, may_skip);
    got.values.sort_unstable();
    got.values
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
        let reading = reading(&stream, false);
        (1..=3).for_each(|value| assert!(record(&stream, value).is_some()));
        let (reader, got) = reading.join().unwrap();
        assert_eq!(all_of(&stream, reader, got, false), [1, 2, 3]);
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
        (1..=4).for_each(|value| assert!(record(&stream, value).is_some()));
        // Both sub-buffers are in use: the fifth record finds room only once the reader has released the first.
        let reading = reading(&stream, false);
        let written = record(&stream, 5).is_some();
        let (reader, got) = reading.join().unwrap();
        assert_eq!(
            all_of(&stream, reader, got, false),
            if written { vec![1, 2, 3, 4, 5] } else { vec![1, 2, 3, 4] }
        );
        assert_eq!(stream.lost_records().total(), u64::from(!written));
    });
}

#[test]
fn an_overwriting_writer_never_touches_what_the_reader_holds() {
    model(|| {
        let stream = stream(Mode::Overwrite);
        (1..=3).for_each(|value| assert!(record(&stream, value).is_some()));
        let reading = reading(&stream, true);
        for value in 4..=6 {
            let _ = record(&stream, value);
        }
        let (mut reader, Got { mut values, mut next_sequence }) = reading.join().unwrap();
        drain(&mut reader, &mut values, &mut next_sequence, true);
        assert!(values.is_sorted(), "{values:?}");
    });
}

#[test]
fn two_writers_and_a_reader_at_a_boundary_lose_nothing() {
    model(|| {
        let stream = stream(Mode::Discard);
        let reading = reading(&stream, false);
        record(&stream, 1).expect("room");
        let writer = loom::thread::spawn({
            let stream = stream.clone();
            move || record(&stream, 10).expect("room")
        });
        record(&stream, 2).expect("room");
        writer.join().unwrap();
        let (reader, got) = reading.join().unwrap();
        assert_eq!(all_of(&stream, reader, got, false), [1, 2, 10]);
    });
}

#[test]
fn two_overwriting_writers_and_a_reader_leave_whole_records() {
    model(|| {
        let stream = stream(Mode::Overwrite);
        (1..=3).for_each(|value| assert!(record(&stream, value).is_some()));
        let reading = reading(&stream, true);
        let writer = loom::thread::spawn({
            let stream = stream.clone();
            move || record(&stream, 10)
        });
        record(&stream, 4);
        writer.join().unwrap();
        let (reader, got) = reading.join().unwrap();
        let values = all_of(&stream, reader, got, true);
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "a record was read twice: {values:?}");
    });
}

/// A signal handler comes between the reservation of a record and its commit, and its own record is the first of the
/// next packet: the handler closes the packet of the record that it interrupted.
#[test]
fn a_record_inside_another_is_as_whole_as_it() {
    model(|| {
        let stream = stream(Mode::Discard);
        record(&stream, 1).expect("room");
        let reading = reading(&stream, false);
        let interrupted = reserve(&stream).expect("room");
        let inner = record(&stream, 3).expect("room");
        let outer = write(&stream, interrupted, 2);
        let (reader, got) = reading.join().unwrap();
        assert!(!inner, "the packet is not complete yet");
        assert!(
            outer || got.values.contains(&2),
            "who completes the packet wakes a reader that has not seen it"
        );
        assert_eq!(all_of(&stream, reader, got, false), [1, 2, 3]);
    });
}

#[test]
fn a_flush_a_writer_and_a_reader_agree() {
    model(|| {
        let stream = stream(Mode::Discard);
        record(&stream, 1).expect("room");
        let reading = reading(&stream, false);
        let flusher = loom::thread::spawn({
            let stream = stream.clone();
            move || stream.switch(SwitchMode::Active, || 2).unwrap()
        });
        let written = record(&stream, 2).is_some();
        assert!(flusher.join().unwrap().closed);
        let (reader, got) = reading.join().unwrap();
        assert!(written, "two packets have room for both");
        assert_eq!(all_of(&stream, reader, got, false), [1, 2]);
    });
}

/// A record whose values panic is taken back, unless another one is behind it.
#[test]
fn a_record_that_is_taken_back_leaves_the_others() {
    model(|| {
        let stream = stream(Mode::Discard);
        record(&stream, 1).expect("room");
        let reading = reading(&stream, false);
        let writer = loom::thread::spawn({
            let stream = stream.clone();
            move || record(&stream, 10).expect("room")
        });
        let slot = reserve(&stream).expect("room");
        let taken_back = stream.take_back(&slot);
        if !taken_back {
            write(&stream, slot, 2);
        }
        writer.join().unwrap();
        let (reader, got) = reading.join().unwrap();
        let expected: &[u64] = if taken_back { &[1, 10] } else { &[1, 2, 10] };
        assert_eq!(all_of(&stream, reader, got, false), expected);
    });
}
