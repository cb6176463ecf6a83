//! A hostile producer: a thread that scribbles over the shared memory, truncates its file and lies in every counter, while
//! the consumer reads, flushes, takes snapshots and recovers. Nothing may crash, hang or be read from outside.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rttng_ring::*;

/// xorshift64*, so that a failure can be replayed from its seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
    /// A number that is often near to something meaningful.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => self.next(),
            1 => self.below(8),
            2 => 4096 * self.below(8) + self.below(3),
            3 => u64::MAX - self.below(3 * 4096),
            4 => 1 << self.below(64),
            _ => self.below(20_000),
        }
    }
}

fn attributes(mode: Mode) -> ChannelAttributes {
    ChannelAttributes {
        geometry: Geometry::new(mode, page_size(), 4, page_size()).unwrap(),
        switch_timer_us: 0,
        read_timer_us: 0,
        blocking_timeout: BlockingTimeout::None,
        channel_id: 1,
        uuid: [1; 16],
    }
}

/// One thing that the consumer does with a stream. Errors are fine, as long as they come back.
fn consume(reader: &mut Reader<Mapping>, random: &mut Random, out: &std::fs::File) {
    match random.below(6) {
        0 => {
            for _ in 0..8 {
                match reader.hold_next() {
                    Ok(Next::Packet(packet)) => {
                        let size = reader.stream().geometry().subbuf_size();
                        assert!(packet.data_size <= size && packet.padded_size <= size);
                        let _ = reader.write_held(0, out, 0);
                        assert_eq!(reader.copy_held().len() as u64, packet.padded_size);
                        reader.release();
                    }
                    Ok(_) => break,
                    Err(_) => {}
                }
            }
        }
        1 => drop(reader.stream().switch(SwitchMode::Flush, monotonic_now)),
        2 => drop(reader.stream().switch(SwitchMode::Active, monotonic_now)),
        3 => {
            if let Ok(Some(range)) = reader.snapshot() {
                let step = reader.stream().geometry().subbuf_size();
                let ring = reader.stream().geometry().buf_size();
                assert!(range.produced.wrapping_sub(range.consumed) <= ring, "{range:?}");
                let mut position = range.consumed;
                while position != range.produced {
                    if let Ok(Next::Packet(_)) = reader.hold_at(position) {
                        reader.put_back();
                    }
                    position = position.wrapping_add(step);
                }
            }
        }
        4 => {
            if let Ok(Some(stuck)) = reader.stuck() {
                let _ = reader.recover(&stuck);
            }
        }
        _ => {
            assert!(reader.stream().bytes_in_use() <= reader.stream().geometry().buf_size());
            let _ = (reader.has_data(), reader.stream().poll_ready(), reader.stream().lost_records());
        }
    }
}

fn attack(seed: u64, mode: Mode, file: Option<OwnedFd>) {
    eprintln!("seed {seed:#x}, {mode:?}, {}", if file.is_some() { "file" } else { "anonymous" });
    let mut file = file;
    let is_file = file.is_some();
    let channel = Channel::create(&attributes(mode), 1, |_| Ok(file.take())).unwrap();
    let stream = &channel.streams[0];
    let shared = stream.shared.try_clone().unwrap();
    let size = stream.size;
    let enough = Arc::new(AtomicBool::new(false));
    let scribbler = std::thread::spawn({
        let enough = enough.clone();
        // Its own mapping, as another process has one.
        let memory = Mapping::new(shared.as_fd(), size as usize, true).unwrap();
        move || {
            let mut random = Random(seed | 1);
            while !enough.load(Ordering::Relaxed) {
                for _ in 0..random.below(50) {
                    // Mostly where the counters are; anywhere, too.
                    let limit = if random.below(4) == 0 { size } else { 1700 };
                    let at = (random.below(limit / 8) * 8) as usize;
                    memory.store(at, random.number());
                }
                if random.below(20) == 0 {
                    let truncated = rustix::fs::ftruncate(&shared, random.below(size));
                    assert_eq!(truncated.is_ok(), is_file, "anonymous memory is sealed, files are not");
                    let _ = rustix::fs::ftruncate(&shared, size);
                }
                std::thread::yield_now();
            }
        }
    });
    let out = tempfile::tempfile().unwrap();
    let mut random = Random(!seed | 1);
    let end = Instant::now() + Duration::from_millis(700);
    let mut reader = Reader::new(stream.ring.clone()).ok();
    while Instant::now() < end {
        // If the scribbler was first there is no reader; other streams go on.
        let Some(reader) = &mut reader else { break };
        let started = Instant::now();
        consume(reader, &mut random, &out);
        assert!(started.elapsed() < Duration::from_secs(60), "a step hung, seed {seed:#x}");
    }
    enough.store(true, Ordering::Relaxed);
    scribbler.join().unwrap();
}

#[test]
fn scribbling_over_sealed_memory_harms_nobody() {
    for seed in [1, 0xdead_beef, 0x1234_5678_9abc] {
        attack(seed, Mode::Discard, None);
        attack(seed, Mode::Overwrite, None);
    }
}

#[test]
fn truncating_the_file_of_a_stream_harms_nobody() {
    for seed in [2, 0xfeed_f00d] {
        for mode in [Mode::Discard, Mode::Overwrite] {
            attack(seed, mode, Some(tempfile::tempfile().unwrap().into()));
        }
    }
}

#[test]
fn honest_threads_lose_nothing_uncounted() {
    for mode in [Mode::Discard, Mode::Overwrite] {
        let mut attributes = attributes(mode);
        attributes.geometry = Geometry::new(mode, page_size(), 8, page_size()).unwrap();
        let channel = Channel::create(&attributes, 1, |_| Ok(None)).unwrap();
        let ring = channel.streams[0].ring.clone();
        let mut reader = Reader::new(ring.clone()).unwrap();
        let writers: Vec<_> = (0..3u64)
            .map(|thread| {
                let ring = ring.clone();
                std::thread::spawn(move || {
                    (0..20_000u64)
                        .filter(|&i| {
                            let pad = |position: u64| (8 - position % 8) % 8;
                            let size = |position, _| pad(position) + 16;
                            let Ok(slot) = ring.reserve(size, monotonic_now, |_| false) else { return false };
                            let at = slot.offset() + slot.len() - 16;
                            ring.memory().store(at, thread << 32 | i);
                            ring.memory().store(at + 8, !(thread << 32 | i));
                            ring.commit(slot);
                            true
                        })
                        .count() as u64
                })
            })
            .collect();
        let mut read = 0u64;
        let mut last = None;
        let mut drain = |reader: &mut Reader<Mapping>| {
            while let Next::Packet(packet) = reader.hold_next().unwrap() {
                let bytes = reader.copy_held();
                let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
                let mut at = 88;
                while at + 16 <= packet.data_size as usize {
                    assert_eq!(word(at), !word(at + 8), "a torn record");
                    read += 1;
                    at += 16;
                }
                let sequence = packet.header.sequence;
                match mode {
                    Mode::Discard => assert_eq!(sequence, last.map_or(0, |last| last + 1)),
                    Mode::Overwrite => assert!(Some(sequence) > last),
                }
                last = Some(sequence);
                reader.release();
            }
        };
        while writers.iter().any(|writer| !writer.is_finished()) {
            drain(&mut reader);
        }
        let written: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        ring.switch(SwitchMode::Flush, monotonic_now).unwrap();
        drain(&mut reader);
        assert_eq!(written + ring.lost_records().total(), 60_000);
        match mode {
            Mode::Discard => assert_eq!(read, written),
            Mode::Overwrite => assert!(read <= written && read > 0),
        }
    }
}
