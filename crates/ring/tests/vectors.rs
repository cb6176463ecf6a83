//! The captured streams of the real tracer and consumer (`tests/vectors/ring-buffer`), reproduced byte for byte.
#![cfg(target_arch = "x86_64")]

use std::sync::Arc;

use rttng_ring::*;

macro_rules! captured {
    ($name:literal) => {
        &include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/ring-buffer/", $name))[..]
    };
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// The identity that the packet header at `data` tells.
fn identity(bytes: &[u8], data: usize) -> StreamIdentity {
    StreamIdentity {
        uuid: bytes[data + 4..data + 20].try_into().unwrap(),
        channel_id: number(bytes, data + 20) as u32,
        cpu: number(bytes, data + 24) as u32,
    }
}

fn attach(bytes: &[u8], mode: Mode) -> Arc<Stream<HeapMemory>> {
    let memory = HeapMemory::from_bytes(bytes);
    // The captures were taken while the real consumer had the stream open.
    memory.store(384, 0);
    let geometry = Geometry::new(mode, 4096, 2, 4096).unwrap();
    Arc::new(Stream::attach(memory, geometry, identity(bytes, 4096)).unwrap())
}

fn first_difference(a: &[u8], b: &[u8]) -> Option<(usize, u8, u8)> {
    assert_eq!(a.len(), b.len());
    (0..a.len()).find(|&i| a[i] != b[i]).map(|i| (i, a[i], b[i]))
}

#[test]
fn a_fresh_stream_is_the_real_one() {
    for (bytes, mode) in [
        (captured!("uid-discard/stream1-fresh.bin"), Mode::Discard),
        (captured!("overwrite/stream1-1.bin"), Mode::Overwrite),
    ] {
        let geometry = Geometry::new(mode, 4096, 2, 4096).unwrap();
        let memory = HeapMemory::new(Layout::new(&geometry).size());
        let begin = number(bytes, 4096 + 32);
        let stream = Stream::create(memory, geometry, identity(bytes, 4096), begin).unwrap();
        let reader = Reader::new(Arc::new(stream)).unwrap();
        assert_eq!(first_difference(&reader.stream().memory().to_bytes(), bytes), None, "{mode:?}");
    }
}

#[test]
fn the_layout_read_from_a_real_stream_is_the_one_we_would_make() {
    for (bytes, mode) in [
        (captured!("uid-discard/stream0-live.bin"), Mode::Discard),
        (captured!("overwrite/stream0-4.bin"), Mode::Overwrite),
    ] {
        let geometry = Geometry::new(mode, 4096, 2, 4096).unwrap();
        let read = Layout::read(&HeapMemory::from_bytes(bytes), &geometry, 0).unwrap();
        assert_eq!(read, Layout::new(&geometry));
    }
}

#[test]
fn flushing_and_reading_leave_the_memory_as_the_real_consumer_does() {
    let stream = attach(captured!("uid-discard/stream0-live.bin"), Mode::Discard);
    let mut reader = Reader::new(stream.clone()).unwrap();
    let switched = stream.switch(SwitchMode::Flush, || 1_921_184_788_748).unwrap();
    assert!(switched.closed && switched.wake);
    let Next::Packet(packet) = reader.hold_next().unwrap() else { panic!("a packet") };
    assert_eq!((packet.data_size, packet.padded_size), (158, 4096));
    assert_eq!((packet.header.sequence, packet.header.timestamp_end), (0, 1_921_184_788_748));
    assert_eq!(reader.copy_held(), captured!("uid-discard/trace-ch_0"));
    reader.release();
    assert_eq!(reader.hold_next().unwrap(), Next::Empty);

    let mut ours = stream.memory().to_bytes();
    let mut real = captured!("uid-discard/stream0-stopped.bin").to_vec();
    // The real consumer sampled the positions once more; and we leave the lost-record sample where 2.13.5 has padding.
    for range in [448..456, 896 + 8..896 + 24] {
        ours[range.clone()].fill(0);
        real[range].fill(0);
    }
    assert_eq!(first_difference(&ours, &real), None);
}

#[test]
fn a_full_ring_is_read_as_the_real_consumer_read_it() {
    let bytes = captured!("discard-full/stream0-full.bin");
    let stream = attach(bytes, Mode::Discard);
    let mut reader = Reader::new(stream.clone()).unwrap();
    stream.switch(SwitchMode::Flush, || number(captured!("discard-full/trace-ch_0"), 4096 + 40)).unwrap();
    let mut trace = Vec::new();
    while let Next::Packet(_) = reader.hold_next().unwrap() {
        trace.extend(reader.copy_held());
        reader.release();
    }
    assert_eq!(trace, captured!("discard-full/trace-ch_0")[..8192]);
}

#[test]
fn a_snapshot_is_the_real_one_and_consumes_nothing() {
    let bytes = captured!("overwrite/stream0-1.bin");
    let stream = attach(bytes, Mode::Overwrite);
    let mut reader = Reader::new(stream.clone()).unwrap();
    for _ in 0..2 {
        let range = reader.snapshot().unwrap().unwrap();
        assert_eq!((range.consumed, range.produced), (0x4000, 0x5000));
        let Next::Packet(_) = reader.hold_at(range.consumed).unwrap() else { panic!("a packet") };
        assert_eq!(reader.copy_held(), captured!("overwrite/snapshot1-ch_0")[..4096]);
        reader.put_back();
    }
    // Flushed, it holds the second packet too.
    let end = number(captured!("overwrite/snapshot1-ch_0"), 4096 + 40);
    stream.switch(SwitchMode::Flush, || end).unwrap();
    let range = reader.snapshot().unwrap().unwrap();
    let mut trace = Vec::new();
    let mut position = range.consumed;
    while position != range.produced {
        let Next::Packet(_) = reader.hold_at(position).unwrap() else { panic!("a packet") };
        trace.extend(reader.copy_held());
        reader.put_back();
        position += 4096;
    }
    assert_eq!(first_difference(&trace, captured!("overwrite/snapshot1-ch_0")), None);
}

#[test]
fn our_producer_writes_what_the_real_one_wrote() {
    // The three demo:tick events of the capture, section 14.4 of the specification.
    let real = captured!("uid-discard/stream0-live.bin");
    let geometry = Geometry::new(Mode::Discard, 4096, 2, 4096).unwrap();
    let memory = HeapMemory::new(Layout::new(&geometry).size());
    let begin = number(real, 4096 + 32);
    let stream = Arc::new(Stream::create(memory, geometry, identity(real, 4096), begin).unwrap());
    let _reader = Reader::new(stream.clone()).unwrap();
    let first = number(real, 4096 + 0x5a);
    let later = |at: usize| first & !0xffff_ffff | number(real, 4096 + at) & 0xffff_ffff;
    for (i, time) in [first, later(0x74), later(0x8a)].into_iter().enumerate() {
        let payload = [&(i as u32).to_ne_bytes()[..], b"hello world\0"].concat();
        let size = |_, full: bool| payload.len() as u64 + if full { 14 } else { 6 };
        let slot = stream.reserve(size, || time, |_| false).unwrap();
        let mut record = match slot.has_full_timestamp() {
            true => [&[0xff, 0xff, 0, 0, 0, 0][..], &time.to_ne_bytes()].concat(),
            false => [&[0, 0][..], &(time as u32).to_ne_bytes()].concat(),
        };
        record.extend(payload);
        stream.memory().copy_in(slot.offset(), &record);
        assert!(!stream.commit(slot));
    }
    assert_eq!(first_difference(&stream.memory().to_bytes(), real), None);
}
