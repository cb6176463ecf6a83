//! A stream: the ring buffer of one CPU in shared memory, what it is made of, and how it looks when fresh
//! (`docs/spec/ring-buffer.md`, sections 5 and 8). Writing is in `writer.rs`, reading in `reader.rs`.

use std::sync::atomic::Ordering;

use crate::RingError;
use crate::geometry::{Geometry, Mode};
use crate::header::{HEADER_SIZE, StreamIdentity};
use crate::id::SubbufId;
use crate::layout::{DESCRIPTOR_DATA_SIZE, Layout, Page, field};
use crate::memory::Memory;

/// How many times a step is tried again on shared memory that keeps changing. Each failure means that a producer got
/// ahead meanwhile, so honest ones cannot make us reach it; a hostile one must not keep us here for ever.
pub(crate) const MAX_TRIES: u32 = 100_000;

/// Records that producers could not write, since the stream was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LostRecords {
    /// Discard mode: no sub-buffer was free.
    pub full: u64,
    /// The next sub-buffer still held records that were not committed.
    pub wrap: u64,
    /// The record was larger than a sub-buffer.
    pub big: u64,
}

impl LostRecords {
    /// All of them, as `events_discarded` of a packet counts them.
    pub fn total(&self) -> u64 {
        self.full.wrapping_add(self.wrap).wrapping_add(self.big)
    }
}

/// One stream in `M`.
#[derive(Debug)]
pub struct Stream<M> {
    pub(crate) memory: M,
    pub(crate) layout: Layout,
    pub(crate) geometry: Geometry,
    pub(crate) identity: StreamIdentity,
}

impl<M: Memory> Stream<M> {
    /// Makes a stream in `memory`, which must be zeros and of [`Layout::size`] bytes or more: allocates everything,
    /// opens the first packet at time `now` and writes the crash record (section 8).
    pub fn create(
        memory: M,
        geometry: Geometry,
        identity: StreamIdentity,
        now: u64,
    ) -> Result<Self, RingError> {
        let layout = Layout::new(&geometry);
        if memory.size() < layout.size() {
            return Err(RingError::WrongSize { found: memory.size() as u64, expected: layout.size() as u64 });
        }
        layout.write_references(&memory, &geometry, identity.cpu);
        memory.copy_in(field::CPU, &identity.cpu.to_ne_bytes());
        for position in 0..geometry.num_subbuf() {
            let id = SubbufId::free(&geometry, 0, position);
            memory.store(layout.wsb(position as usize), id.0);
        }
        let reader_page = match geometry.mode() {
            Mode::Overwrite => geometry.num_subbuf(),
            Mode::Discard => 0,
        };
        memory.store(field::BUF_RSB, SubbufId::free(&geometry, 0, reader_page).0);

        let stream = Stream { memory, layout, geometry, identity };
        stream.memory.store(field::OFFSET, HEADER_SIZE);
        stream.clear_noref(0);
        stream.memory.copy_in(stream.layout.pages[0].data, &identity.opened(now, 0));
        stream.memory.store(stream.layout.hot_cc(0), HEADER_SIZE);
        stream.memory.store(stream.layout.hot_seq(0), HEADER_SIZE);
        stream.memory.copy_in(0, &stream.layout.crash_record(&geometry));
        stream.memory.copy_in(field::ALLOCATED, &[1]);
        Ok(stream)
    }

    /// Takes a stream that another process created, following and checking its references.
    pub fn attach(memory: M, geometry: Geometry, identity: StreamIdentity) -> Result<Self, RingError> {
        let layout = Layout::read(&memory, &geometry, identity.cpu)?;
        Ok(Stream { memory, layout, geometry, identity })
    }

    /// The memory.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// The sizes.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Whose packets these are.
    pub fn identity(&self) -> &StreamIdentity {
        &self.identity
    }

    /// Records lost so far, as the producers count them.
    pub fn lost_records(&self) -> LostRecords {
        LostRecords {
            full: self.memory.load(field::LOST_FULL),
            wrap: self.memory.load(field::LOST_WRAP),
            big: self.memory.load(field::LOST_BIG),
        }
    }

    /// Bytes between the write and the read position, for the channel monitor: never more than the ring holds.
    pub fn bytes_in_use(&self) -> u64 {
        self.memory.fence(Ordering::Acquire);
        let consumed = self.memory.load(field::CONSUMED);
        let produced = self.memory.load(field::OFFSET);
        produced.wrapping_sub(consumed).min(self.geometry.buf_size())
    }

    /// Whether the oldest sub-buffer can be read: what decides over a wake-up (section 9.5, "poll_ready").
    pub fn poll_ready(&self) -> bool {
        let consumed = self.memory.load(field::CONSUMED);
        let count = self.memory.load(self.layout.cold_cc(self.geometry.index(consumed)));
        self.geometry.is_complete(consumed, count)
            && self.geometry.sub_trunc(self.memory.load(field::OFFSET)) != self.geometry.sub_trunc(consumed)
    }

    /// Whether a reader has the stream open.
    pub fn has_reader(&self) -> bool {
        self.memory.load(field::ACTIVE_READERS) != 0
    }

    /// The page that stands at a ring index, `None` if the id there is not one of this stream.
    pub(crate) fn page_at(&self, index: usize) -> Option<Page> {
        let id = SubbufId(self.memory.load(self.layout.wsb(index)));
        id.page(&self.geometry).map(|page| self.layout.pages[page])
    }

    /// Bytes used in a page, as its closer noted; anything may stand there.
    pub(crate) fn data_size(&self, page: Page) -> u64 {
        self.memory.load(page.descriptor + DESCRIPTOR_DATA_SIZE)
    }

    /// What the header of the next packet at a ring index gets as its sequence number (section 13.1).
    pub(crate) fn next_sequence(&self, index: usize) -> u64 {
        let count = self.memory.load(self.layout.buf_cnt(index));
        self.geometry.num_subbuf().wrapping_mul(count).wrapping_add(index as u64)
    }

    /// Claims the page at a ring index for writers (section 7).
    pub(crate) fn clear_noref(&self, index: usize) {
        if self.geometry.mode() == Mode::Discard {
            return;
        }
        let at = self.layout.wsb(index);
        let mut id = SubbufId(self.memory.load(at));
        for _ in 0..MAX_TRIES {
            if !id.is_free() {
                return;
            }
            match self.memory.compare_exchange(at, id.0, id.claimed().0) {
                Ok(_) => return,
                Err(found) => id = SubbufId(found),
            }
        }
    }
}
