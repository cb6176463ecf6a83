//! Producers that stop for good between any two steps: the stream must go on and the loss must be counted.

use std::sync::Arc;

use rttng_ring::*;

const IDENTITY: StreamIdentity = StreamIdentity { uuid: [9; 16], channel_id: 0, cpu: 0 };

fn stream(mode: Mode) -> Arc<Stream<HeapMemory>> {
    let geometry = Geometry::new(mode, 4096, 2, 4096).unwrap();
    let memory = HeapMemory::new(Layout::new(&geometry).size());
    Arc::new(Stream::create(memory, geometry, IDENTITY, 100).unwrap())
}

fn reserve(stream: &Stream<HeapMemory>, size: u64, now: u64) -> Result<Slot, Refused> {
    stream.reserve(|_, _| size, || now, |_| false)
}

fn write(stream: &Stream<HeapMemory>, size: u64, now: u64) -> Result<(), Refused> {
    reserve(stream, size, now).map(|slot| {
        stream.commit(slot);
    })
}

fn next_packet(reader: &mut Reader<HeapMemory>) -> Packet {
    let Next::Packet(packet) = reader.hold_next().unwrap() else { panic!("a packet") };
    reader.release();
    packet
}

#[test]
fn a_record_that_is_never_committed_costs_its_packet_only() {
    for mode in [Mode::Discard, Mode::Overwrite] {
        let stream = stream(mode);
        let mut reader = Reader::new(stream.clone()).unwrap();
        write(&stream, 1000, 110).unwrap();
        let dead = reserve(&stream, 500, 120).unwrap();
        write(&stream, 1000, 130).unwrap();
        write(&stream, 2000, 140).unwrap();
        // The next lap comes to the hole, and the producers are refused for good.
        assert_eq!(write(&stream, 2500, 160), Err(Refused::Wrap));
        assert_eq!(reader.hold_next().unwrap(), Next::Incomplete(0));

        let stuck = reader.stuck().unwrap().expect("a stuck sub-buffer");
        let recovered = reader.recover(&stuck).unwrap().expect("nothing moved");
        assert_eq!((recovered.kept_bytes, recovered.lost_bytes), (1084, 1500), "{mode:?}");
        assert_eq!(reader.stuck().unwrap(), None);
        let packet = next_packet(&mut reader);
        assert_eq!((packet.data_size, packet.header.sequence), (1084, 0));
        assert_eq!((packet.header.timestamp_begin, packet.header.timestamp_end), (100, 140));
        assert_eq!(packet.header.events_discarded, 0);

        write(&stream, 2500, 170).unwrap();
        stream.switch(SwitchMode::Flush, || 180).unwrap();
        let packets = [next_packet(&mut reader), next_packet(&mut reader)];
        assert_eq!(packets.map(|packet| packet.header.sequence), [1, 2]);
        // One refused as "wrap", and at least one in the hole.
        assert_eq!(packets[1].header.events_discarded, 2);
        drop(dead);
    }
}

#[test]
fn a_producer_that_dies_as_it_opens_a_packet_leaves_an_empty_one() {
    let stream = stream(Mode::Discard);
    let mut reader = Reader::new(stream.clone()).unwrap();
    stream.switch(SwitchMode::Flush, || 110).unwrap();
    next_packet(&mut reader);
    // As after the exchange in reserve: the write position moved, nothing else done.
    let memory = stream.memory();
    memory.store(128, 4096 + 84 + 50);
    stream.switch(SwitchMode::Flush, || 130).unwrap();
    let stuck = reader.stuck().unwrap().expect("a stuck sub-buffer");
    let recovered = reader.recover(&stuck).unwrap().expect("nothing moved");
    assert_eq!((recovered.kept_bytes, recovered.lost_bytes), (84, 50));
    let packet = next_packet(&mut reader);
    assert_eq!((packet.header.sequence, packet.header.timestamp_begin), (1, 110));
    assert_eq!(packet.header.timestamp_end, 130);
    write(&stream, 100, 140).unwrap();
    stream.switch(SwitchMode::Flush, || 150).unwrap();
    let packet = next_packet(&mut reader);
    assert_eq!((packet.header.sequence, packet.header.events_discarded), (2, 1));
}

#[test]
fn a_deliverer_that_dies_half_way_loses_nothing() {
    for counted in [0, 1] {
        let stream = stream(Mode::Discard);
        let mut reader = Reader::new(stream.clone()).unwrap();
        write(&stream, 1000, 110).unwrap();
        stream.switch(SwitchMode::Flush, || 120).unwrap();
        // Undo the delivery: `cc_sb` taken but not published, the delivery counted or not.
        let memory = stream.memory();
        memory.store(hot() + 2 * stride(), 1);
        memory.store(deliveries(), counted);
        assert_eq!(reader.hold_next().unwrap(), Next::Incomplete(0));
        let stuck = reader.stuck().unwrap().expect("a stuck sub-buffer");
        let recovered = reader.recover(&stuck).unwrap().expect("nothing moved");
        assert_eq!((recovered.kept_bytes, recovered.lost_bytes), (1084, 0));
        let packet = next_packet(&mut reader);
        assert_eq!((packet.header.sequence, packet.data_size), (0, 1084));
        assert_eq!(memory.load(deliveries()), 1);
    }
}

/// Offset of the first hot counter; the cold ones follow.
fn hot() -> usize {
    if cfg!(target_arch = "x86_64") { 640 } else { 576 }
}

/// Bytes between two commit counters.
fn stride() -> usize {
    if cfg!(target_arch = "x86_64") { 128 } else { 64 }
}

/// Offset of the delivery count of the first ring position, for 2 x 4096 in discard mode.
fn deliveries() -> usize {
    4096 + 2 * 4096 + 2 * 64 + 2 * 8
}

#[test]
fn a_late_commit_is_not_mistaken_for_a_dead_producer() {
    let stream = stream(Mode::Discard);
    let mut reader = Reader::new(stream.clone()).unwrap();
    let late = reserve(&stream, 500, 120).unwrap();
    stream.switch(SwitchMode::Flush, || 130).unwrap();
    let stuck = reader.stuck().unwrap().expect("a stuck sub-buffer");
    assert!(stream.commit(late), "the late committer delivers");
    assert_eq!(reader.recover(&stuck).unwrap(), None);
    assert_eq!(next_packet(&mut reader).data_size, 584);
}
