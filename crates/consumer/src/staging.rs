//! Packets of streams whose producers soon run out of room: they are copied out of the ring at once, so that producers
//! go on, and written by a thread of its own, so that no disk holds up what comes next.
//!
//! Copied packets lie in blocks. A block is written with one direct transfer, past the page cache: copying and that take
//! less processor time together than many small writes to the page cache. The blocks of a thread are made once and used
//! again and again; when all of them are full the disk is too slow for what is recorded, and the data thread waits for
//! it.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rttng_ctf::index::IndexEntry;
use rttng_ring::{HUGE_PAGE_SIZE, Mapping, Packet, Reader};

use crate::channel::ChannelInfo;
use crate::output::StreamFiles;

/// Bytes of packets in a block: a large page, which is cheap to transfer. Larger packets are not copied.
const BLOCK_SIZE: usize = HUGE_PAGE_SIZE;
/// Blocks of one thread. At 100 MB/s for each CPU they last while a disk stands still for 40 ms.
const BLOCKS: usize = 3;
/// A block that fills slowly is written after so long.
const OLDEST: Duration = Duration::from_millis(50);

/// Copied packets of one stream, in order.
#[derive(Debug)]
pub(crate) struct Block {
    memory: Vec<u8>,
    start: usize,
    len: usize,
    packets: Vec<IndexEntry>,
    since: Instant,
}

impl Block {
    fn new() -> Self {
        // Room to align; what is left over is never touched and takes no memory.
        let mut memory = vec![0; 2 * BLOCK_SIZE];
        let start = memory.as_ptr().align_offset(BLOCK_SIZE).min(BLOCK_SIZE);
        let block = &mut memory[start..start + BLOCK_SIZE];
        if let Err(error) = rttng_ring::prefer_huge_pages(block) {
            tracing::debug!(%error, "packets are copied to small pages");
        }
        // So that its pages are there when they are needed.
        block.fill(1);
        Block { memory, start, len: 0, packets: Vec::new(), since: Instant::now() }
    }

    fn has_room_for(&self, packet: &Packet) -> bool {
        packet.padded_size <= (BLOCK_SIZE - self.len) as u64
    }

    /// Copies the packet that `reader` holds; there must be room for it.
    fn push(&mut self, reader: &Reader<Mapping>, packet: &Packet, entry: IndexEntry) {
        if self.packets.is_empty() {
            self.since = Instant::now();
        }
        let from = self.start + self.len;
        reader.copy_held_to(&mut self.memory[from..from + packet.padded_size as usize]);
        self.len += packet.padded_size as usize;
        self.packets.push(entry);
    }

    fn clear(&mut self) {
        self.len = 0;
        self.packets.clear();
    }
}

/// The files of a stream in one chunk, and what is on its way to them.
#[derive(Debug)]
pub(crate) struct Sink {
    files: Mutex<StreamFiles>,
    channel: Arc<ChannelInfo>,
    name: String,
    /// Blocks that are not written yet.
    under_way: Mutex<usize>,
    arrived: Condvar,
    has_failed: AtomicBool,
}

impl Sink {
    pub(crate) fn new(files: StreamFiles, channel: Arc<ChannelInfo>, name: String) -> Self {
        Sink {
            files: Mutex::new(files),
            channel,
            name,
            under_way: Mutex::new(0),
            arrived: Condvar::new(),
            has_failed: AtomicBool::new(false),
        }
    }

    /// The files. While blocks are under way they belong to the thread that writes.
    pub(crate) fn files(&self) -> MutexGuard<'_, StreamFiles> {
        lock(&self.files)
    }

    /// Whether blocks are under way.
    pub(crate) fn is_busy(&self) -> bool {
        *lock(&self.under_way) > 0
    }

    /// Waits until all blocks are written.
    fn settle(&self) {
        let mut under_way = lock(&self.under_way);
        while *under_way > 0 {
            under_way = self.arrived.wait(under_way).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn write(&self, block: &Block) {
        let mut files = self.files();
        let bytes = &block.memory[block.start..block.start + block.len];
        let outcome = files.write_copied(bytes, &block.packets);
        let caught_up = files.catch_up();
        drop(files);
        let losses = &self.channel.losses;
        losses.count_written(outcome.written_bytes);
        losses.count_packets(outcome.lost_packets);
        if let Some(error) = outcome.failure.or(caught_up.err()) {
            if !self.has_failed.swap(true, Ordering::Relaxed) {
                tracing::error!(stream = %self.name, lost_packets = outcome.lost_packets, "packets are lost: {error}");
            }
        } else {
            self.has_failed.store(false, Ordering::Relaxed);
        }
    }
}

/// What a stream has copied and not handed over yet.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    block: Option<Block>,
}

impl Staged {
    /// Whether there is something.
    pub(crate) fn is_empty(&self) -> bool {
        self.block.is_none()
    }

    /// Copies the packet that `reader` holds. `false` if that cannot be done: it is too large, or the disk is behind.
    pub(crate) fn take(
        &mut self,
        writer: &Writer,
        sink: &Arc<Sink>,
        reader: &Reader<Mapping>,
        packet: &Packet,
        entry: IndexEntry,
    ) -> bool {
        if packet.padded_size > BLOCK_SIZE as u64 {
            return false;
        }
        if self.block.as_ref().is_some_and(|block| !block.has_room_for(packet)) {
            self.hand_over(writer, sink);
        }
        let Some(block) = self.block.take().or_else(|| writer.free_block()) else { return false };
        let block = self.block.insert(block);
        block.push(reader, packet, entry);
        if block.len == BLOCK_SIZE || block.since.elapsed() > OLDEST {
            self.hand_over(writer, sink);
        }
        true
    }

    /// Has written what there is.
    pub(crate) fn hand_over(&mut self, writer: &Writer, sink: &Arc<Sink>) {
        if let Some(block) = self.block.take() {
            *lock(&sink.under_way) += 1;
            writer.write(Arc::clone(sink), block);
        }
    }

    /// Has written what there is, and waits until everything is.
    pub(crate) fn settle(&mut self, writer: Option<&Writer>, sink: &Arc<Sink>) {
        if let Some(writer) = writer {
            self.hand_over(writer, sink);
        }
        sink.settle();
    }
}

/// The thread that writes blocks.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    rung: Condvar,
    /// A block is free again.
    freed: Condvar,
}

#[derive(Default)]
struct Queue {
    due: VecDeque<(Arc<Sink>, Block)>,
    free: Vec<Block>,
    /// Blocks that are still to be made.
    wanted: usize,
    is_prepared: bool,
    is_writing: bool,
    is_leaving: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl Writer {
    /// Starts the thread. It has no blocks before [`Writer::prepare`]: many a daemon never has a stream.
    pub(crate) fn start(name: String) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(name).spawn(move || served.serve())?;
        Ok(Writer { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Has the blocks made, before the buffers of a stream are filled for the first time. Done once.
    pub(crate) fn prepare(&self) {
        let mut queue = lock(&self.shared.queue);
        if !std::mem::replace(&mut queue.is_prepared, true) {
            queue.wanted = BLOCKS;
            self.shared.rung.notify_one();
        }
    }

    /// A free block. If there is none, waits until one is written; `None` if none is under way.
    fn free_block(&self) -> Option<Block> {
        let mut queue = lock(&self.shared.queue);
        loop {
            if let Some(block) = queue.free.pop() {
                return Some(block);
            }
            if queue.due.is_empty() && !queue.is_writing {
                return None;
            }
            queue = self.shared.freed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn write(&self, sink: Arc<Sink>, block: Block) {
        lock(&self.shared.queue).due.push_back((sink, block));
        self.shared.rung.notify_one();
    }

    /// Ends the thread when all that is due is written.
    pub(crate) fn finish(&self) {
        lock(&self.shared.queue).is_leaving = true;
        self.shared.rung.notify_one();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("a thread that writes packets panicked");
        }
    }
}

impl Shared {
    fn serve(&self) {
        let mut queue = lock(&self.queue);
        loop {
            if let Some((sink, mut block)) = queue.due.pop_front() {
                queue.is_writing = true;
                drop(queue);
                sink.write(&block);
                block.clear();
                queue = lock(&self.queue);
                queue.is_writing = false;
                queue.free.push(block);
                self.freed.notify_one();
                *lock(&sink.under_way) -= 1;
                sink.arrived.notify_all();
            } else if queue.is_leaving {
                return;
            } else if queue.wanted > 0 {
                queue.wanted -= 1;
                drop(queue);
                let block = Block::new();
                queue = lock(&self.queue);
                queue.free.push(block);
            } else {
                queue = self.rung.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::path::Path;

    use rttng_ring::{
        BlockingTimeout, Channel, ChannelAttributes, Geometry, Mode, Next, SwitchMode, monotonic_now,
    };
    use rttng_wire::consumer::{ChunkId, SessionId};
    use rttng_world::run_as::Identity;

    use super::*;
    use crate::chunk::ChunkRegistry;
    use crate::output::TracefileLimits;

    /// A reader of a channel that has this many packets.
    fn packets(count: u64) -> Reader<Mapping> {
        let attributes = ChannelAttributes {
            geometry: Geometry::new(Mode::Discard, 4096, 8, rttng_ring::page_size()).unwrap(),
            switch_timer_us: 0,
            read_timer_us: 0,
            blocking_timeout: BlockingTimeout::None,
            channel_id: 0,
            uuid: [7; 16],
        };
        let channel = Channel::create(&attributes, 1, |_| Ok(None)).unwrap();
        let ring = channel.streams[0].ring.clone();
        for _ in 0..count {
            ring.switch(SwitchMode::Flush, monotonic_now).unwrap();
        }
        Reader::new(ring).unwrap()
    }

    fn sink(dir: &Path, size: u64) -> Arc<Sink> {
        std::fs::create_dir(dir.join("index")).unwrap();
        let directory = std::fs::File::open(dir).unwrap().into();
        let chunk = ChunkRegistry::default().create(SessionId(1), ChunkId(2), directory, Identity::own());
        let limits = TracefileLimits { size: NonZeroU64::new(size), count: None };
        let files = StreamFiles::create(chunk, Path::new(""), "ch_0".into(), limits, true).unwrap();
        Arc::new(Sink::new(files, Arc::new(ChannelInfo::of_test("ch")), "ch_0".into()))
    }

    fn entry(packet: &Packet) -> IndexEntry {
        IndexEntry {
            offset: 0,
            packet_size: 8 * packet.padded_size,
            content_size: packet.header.content_size_bits,
            timestamp_begin: packet.header.timestamp_begin,
            timestamp_end: packet.header.timestamp_end,
            events_discarded: 0,
            stream_id: 0,
            stream_instance_id: 0,
            packet_seq_num: packet.header.sequence,
        }
    }

    /// Copies all packets, lets them be written, and gives their bytes one after the other.
    fn carry(reader: &mut Reader<Mapping>, sink: &Arc<Sink>, writer: &Writer) -> Vec<u8> {
        let mut staged = Staged::default();
        let mut expected = Vec::new();
        while let Next::Packet(packet) = reader.hold_next().unwrap() {
            // Until the first block is made, packets are not copied.
            while !staged.take(writer, sink, reader, &packet, entry(&packet)) {
                std::thread::yield_now();
            }
            expected.extend(reader.copy_held());
            reader.release();
        }
        assert!(!staged.is_empty());
        staged.settle(Some(writer), sink);
        assert!(staged.is_empty() && !sink.is_busy());
        sink.files().flush_index().unwrap();
        expected
    }

    #[test]
    fn copied_packets_come_to_the_files_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let sink = sink(dir.path(), 8192);
        let writer = Writer::start("write".into()).unwrap();
        writer.prepare();
        let expected = carry(&mut packets(5), &sink, &writer);
        let file = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        let mut written = Vec::new();
        for (name, size) in [("ch_0_0", 8192), ("ch_0_1", 8192), ("ch_0_2", 4096)] {
            assert_eq!(file(name).len(), size, "{name}");
            written.extend(file(name));
        }
        assert!(written == expected);
        // A header, then an entry of 72 bytes for each packet; its offset, in big endian, comes first.
        let index = file("index/ch_0_1.idx");
        assert_eq!(index.len(), 16 + 2 * 72);
        assert_eq!(index[16..24], 0_u64.to_be_bytes());
        assert_eq!(index[88..96], 4096_u64.to_be_bytes());
        assert_eq!(sink.channel.losses.written(), 5 * 4096);
        writer.finish();
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let sink = sink(dir.path(), 8192);
        // The next file cannot be made.
        std::fs::create_dir(dir.path().join("ch_0_1")).unwrap();
        let writer = Writer::start("write".into()).unwrap();
        writer.prepare();
        carry(&mut packets(3), &sink, &writer);
        assert_eq!(sink.channel.losses.written(), 8192);
        assert_eq!(sink.channel.losses.packets(), 1);
        writer.finish();
    }
}
