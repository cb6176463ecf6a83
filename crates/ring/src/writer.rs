//! The producer side: reserve, commit, deliver and switch (`docs/spec/ring-buffer.md`, sections 9 and 10).
//!
//! Any number of threads of any number of processes run this on the same stream, without a lock; each may stop for
//! good between any two steps. The consumer runs the switch too. Nothing here allocates or makes a system call.

use std::sync::atomic::Ordering;

use crate::RingError;
use crate::geometry::Mode;
use crate::header::{self, HEADER_SIZE};
use crate::id::SubbufId;
use crate::layout::{COLD_LOST, COLD_LOST_FOR, DESCRIPTOR_DATA_SIZE, field};
use crate::memory::{Mapping, Memory};
use crate::slot_writer::SlotWriter;
use crate::stream::{MAX_TRIES, Stream};

/// From this difference on, a record carries its whole time: 2^27 ns, for both kinds of event header.
pub(crate) const TIMESTAMP_BITS: u32 = 27;

/// Room for one record, which the holder fills and then commits. Dropping it instead leaves a hole in the stream.
#[derive(Debug)]
#[must_use = "a reservation that is not committed holds up its stream"]
pub struct Slot {
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) at: usize,
    pub(crate) timestamp: u64,
    pub(crate) full_timestamp: bool,
    /// Lost records as sampled before the reservation, if it ended a sub-buffer.
    pub(crate) sample: Option<u64>,
    pub(crate) wake: bool,
}

impl Slot {
    /// The free-running position of the first byte, to which padding and alignment refer.
    pub fn position(&self) -> u64 {
        self.begin
    }

    /// Bytes of the slot.
    #[inline]
    pub fn len(&self) -> usize {
        self.end.wrapping_sub(self.begin) as usize
    }

    /// Whether the slot has no bytes.
    pub fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    /// Offset of the first byte in the stream's memory.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The clock when the slot was reserved, which is the record's time.
    #[inline]
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// The same slot once more, for who has to commit it from a place where it cannot be moved out. Only one of the two
    /// may be committed: the other one would count bytes twice, which damages the trace, and nothing else.
    #[doc(hidden)]
    #[inline]
    pub fn again(&self) -> Slot {
        Slot { ..*self }
    }

    /// Whether the event header must carry the whole time.
    #[inline]
    pub fn has_full_timestamp(&self) -> bool {
        self.full_timestamp
    }
}

impl Stream<Mapping> {
    /// A writer over the bytes of a slot, without the first `from`.
    ///
    /// # Panics
    /// If the slot has not so many bytes.
    #[inline]
    pub fn fill<'s>(&'s self, slot: &'s mut Slot, from: usize) -> SlotWriter<'s> {
        assert!(from <= slot.len(), "byte {from} of a slot of {}", slot.len());
        self.memory.slot(slot.at + from, slot.len() - from, slot.begin.wrapping_add(from as u64))
    }
}

/// Why a record was not written. All but `Disabled`, `Damaged` and `NoTime` are counted in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The stream is switched off.
    Disabled,
    /// Discard mode, and no sub-buffer is free.
    Full,
    /// The next sub-buffer holds records of the last lap that are not committed yet.
    Wrap,
    /// The record does not fit in a sub-buffer.
    TooBig,
    /// The shared memory is damaged.
    Damaged,
    /// The clock gave no time.
    NoTime,
}

/// Who has to go on before there is room for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// The consumer daemon, which has not yet read what is there.
    Reader,
    /// Another writer, which has not yet committed a record of the lap before in the sub-buffer that is next. It may not
    /// run at the moment, or never again.
    Writer {
        /// Where the record would begin.
        position: u64,
    },
}

/// Which packets a switch closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwitchMode {
    /// Close the current packet if there is one.
    Active,
    /// Close the current packet; if there is none, make an empty one.
    Flush,
}

/// What a switch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switched {
    /// A packet was closed.
    pub closed: bool,
    /// The reader should be woken.
    pub wake: bool,
}

impl<M: Memory> Stream<M> {
    /// Reserves room for one record. `size_at` tells how many bytes it takes when it starts at a given position, with
    /// or without a full timestamp, padding before its header included. `wait` is asked when there is no room (discard
    /// mode): `true` after waiting a little means to try again, `false` gives the record up.
    pub fn reserve(
        &self,
        size_at: impl Fn(u64, bool) -> u64,
        clock: impl Fn() -> u64,
        wait: impl FnMut(Awaited) -> bool,
    ) -> Result<Slot, Refused> {
        if self.memory.load(field::RECORD_DISABLED) as u32 != 0 {
            return Err(Refused::Disabled);
        }
        // The position before the clock: with the exchange below, this keeps timestamps in order.
        let begin = self.memory.load(field::OFFSET);
        let timestamp = clock();
        let full_timestamp = self.needs_full_timestamp(timestamp);
        let offset = self.geometry.sub_off(begin);
        if offset != 0 {
            let size = size_at(begin, full_timestamp);
            let end = begin.wrapping_add(size);
            let fits = size < self.geometry.subbuf_size() - offset;
            if fits && self.memory.compare_exchange(field::OFFSET, begin, end).is_ok() {
                self.after_move(timestamp, end);
                let at = self.data_at(begin, end)?;
                return Ok(Slot { begin, end, at, timestamp, full_timestamp, sample: None, wake: false });
            }
        }
        self.reserve_slow(size_at, || Some(clock()), wait, full_timestamp)
    }

    /// Reserves where the usual case was found not to be one.
    #[cold]
    #[inline(never)]
    pub(crate) fn reserve_anew(
        &self,
        size_at: impl Fn(u64, bool) -> u64,
        clock: impl Fn() -> Option<u64>,
        wait: impl FnMut(Awaited) -> bool,
    ) -> Result<Slot, Refused> {
        if self.memory.load(field::RECORD_DISABLED) as u32 != 0 {
            return Err(Refused::Disabled);
        }
        self.reserve_slow(size_at, clock, wait, false)
    }

    /// Moves the read position out of the way of a slot that ends at `end`, and claims its page (overwrite mode).
    pub(crate) fn make_room(&self, end: u64) {
        self.push_reader(end.wrapping_sub(1));
        self.clear_noref(self.geometry.index(end.wrapping_sub(1)));
    }

    /// What is left to do after a commit that brought the counter to `count`, and completed its sub-buffer.
    #[cold]
    #[inline(never)]
    pub(crate) fn deliver_if_complete(&self, end: u64, count: u64, index: usize) -> bool {
        self.deliver(end.wrapping_sub(1), count, index, None)
    }

    #[cold]
    fn reserve_slow(
        &self,
        size_at: impl Fn(u64, bool) -> u64,
        clock: impl Fn() -> Option<u64>,
        mut wait: impl FnMut(Awaited) -> bool,
        mut full_timestamp: bool,
    ) -> Result<Slot, Refused> {
        let g = &self.geometry;
        loop {
            let old = self.memory.load(field::OFFSET);
            let timestamp = clock().ok_or(Refused::NoTime)?;
            full_timestamp |= self.needs_full_timestamp(timestamp);
            let mut begin = old;
            let mut size = 0;
            let mut old_end = false;
            let mut new_start = g.sub_off(begin) == 0;
            if !new_start {
                size = size_at(begin, full_timestamp);
                if size > g.subbuf_size() - g.sub_off(begin) {
                    old_end = true;
                    new_start = true;
                }
            }
            if new_start {
                if old_end {
                    begin = g.sub_align(begin);
                }
                begin = begin.wrapping_add(HEADER_SIZE);
                self.memory.fence(Ordering::Acquire);
                let cold = self.memory.load(self.layout.cold_cc(g.index(begin)));
                self.memory.fence(Ordering::Acquire);
                if self.memory.load(field::OFFSET) != old {
                    continue;
                }
                if !g.is_free_for_writing(begin, cold) {
                    if g.mode() == Mode::Discard && wait(Awaited::Writer { position: begin }) {
                        continue;
                    }
                    self.memory.add(field::LOST_WRAP, 1);
                    return Err(Refused::Wrap);
                }
                if g.mode() == Mode::Discard && self.is_full(begin) {
                    if wait(Awaited::Reader) {
                        continue;
                    }
                    self.memory.add(field::LOST_FULL, 1);
                    return Err(Refused::Full);
                }
                size = size_at(begin, full_timestamp);
                if size > g.subbuf_size() - g.sub_off(begin) {
                    self.memory.add(field::LOST_BIG, 1);
                    return Err(Refused::TooBig);
                }
            }
            let end = begin.wrapping_add(size);
            let new_end = g.sub_off(end) == 0;
            let sample = (new_end || old_end).then(|| self.lost_records().total());
            if self.memory.compare_exchange(field::OFFSET, old, end).is_err() {
                continue;
            }
            self.after_move(timestamp, end);
            let mut wake = false;
            if old_end {
                self.clear_noref(g.index(old.wrapping_sub(1)));
                wake |= self.close(old, timestamp, sample);
            }
            if new_start {
                wake |= self.open(begin.wrapping_sub(HEADER_SIZE), timestamp, sample);
            }
            if new_end {
                let index = g.index(end.wrapping_sub(1));
                if let Some(page) = self.page_at(index) {
                    self.memory.store(page.descriptor + DESCRIPTOR_DATA_SIZE, g.subbuf_size());
                }
                self.memory.store(self.layout.ts_end(index), timestamp);
                self.note_lost(end.wrapping_sub(1), sample);
            }
            let at = self.data_at(begin, end)?;
            return Ok(Slot { begin, end, at, timestamp, full_timestamp, sample, wake });
        }
    }

    /// Commits a record that was written into its slot. `true`: a sub-buffer became ready, wake the reader.
    pub fn commit(&self, slot: Slot) -> bool {
        let index = self.geometry.index(slot.end.wrapping_sub(1));
        slot.wake | self.add_committed(slot.end, slot.end.wrapping_sub(slot.begin), index, slot.sample)
    }

    /// Gives a slot back that shall hold no record after all: `true`. `false` if it is needed, because another record
    /// follows it or it ended a sub-buffer: it must be committed then.
    #[cold]
    pub fn take_back(&self, slot: &Slot) -> bool {
        if slot.sample.is_some() || slot.wake {
            return false;
        }
        // Whoever comes next must not count from a time that no record has.
        self.memory.store(field::LAST_TSC, 0);
        self.memory.compare_exchange(field::OFFSET, slot.end, slot.begin).is_ok()
    }

    /// Closes the current packet (section 10). Gives up after many collisions, which only a hostile producer causes.
    pub fn switch(&self, mode: SwitchMode, clock: impl Fn() -> u64) -> Result<Switched, RingError> {
        let g = &self.geometry;
        for _ in 0..MAX_TRIES {
            let mut old = self.memory.load(field::OFFSET);
            let timestamp = clock();
            let at_boundary = g.sub_off(old) == 0;
            if at_boundary {
                if mode == SwitchMode::Active {
                    return Ok(Switched::default());
                }
                self.memory.fence(Ordering::Acquire);
                let cold = self.memory.load(self.layout.cold_cc(g.index(old)));
                self.memory.fence(Ordering::Acquire);
                if !g.is_free_for_writing(old, cold) || g.mode() == Mode::Discard && self.is_full(old) {
                    return Ok(Switched::default());
                }
            }
            let end = g.sub_align(old);
            let sample = Some(self.lost_records().total());
            if self.memory.compare_exchange(field::OFFSET, old, end).is_err() {
                continue;
            }
            self.memory.store(field::LAST_TSC, timestamp);
            self.push_reader(old);
            self.clear_noref(g.index(old));
            let mut wake = false;
            if at_boundary {
                wake |= self.open(old, timestamp, sample);
                old = old.wrapping_add(HEADER_SIZE);
            }
            wake |= self.close(old, timestamp, sample);
            return Ok(Switched { closed: true, wake });
        }
        Err(RingError::Contended)
    }

    /// Whether the short forms of event headers cannot tell this time apart from the last record's (section 9.4).
    fn needs_full_timestamp(&self, timestamp: u64) -> bool {
        timestamp.wrapping_sub(self.memory.load(field::LAST_TSC)) >> TIMESTAMP_BITS != 0
    }

    /// Whether the ring has no free sub-buffer for `position` (discard mode).
    fn is_full(&self, position: u64) -> bool {
        let consumed = self.memory.load(field::CONSUMED);
        // What the reader read must be read before it is overwritten.
        self.memory.fence(Ordering::Acquire);
        self.geometry.sub_trunc(position).wrapping_sub(self.geometry.sub_trunc(consumed))
            >= self.geometry.buf_size()
    }

    /// What everybody does after having moved the write position to `end`.
    fn after_move(&self, timestamp: u64, end: u64) {
        self.memory.store(field::LAST_TSC, timestamp);
        self.push_reader(end.wrapping_sub(1));
        self.clear_noref(self.geometry.index(end.wrapping_sub(1)));
    }

    /// Moves the read position out of the way of `position` (overwrite mode, section 9.6).
    fn push_reader(&self, position: u64) {
        let g = &self.geometry;
        if g.mode() == Mode::Discard {
            return;
        }
        let target = g.sub_trunc(position).wrapping_sub(g.buf_size()).wrapping_add(g.subbuf_size());
        for _ in 0..MAX_TRIES {
            let consumed = self.memory.load(field::CONSUMED);
            if g.sub_trunc(position).wrapping_sub(g.sub_trunc(consumed)) < g.buf_size()
                || self.memory.compare_exchange(field::CONSUMED, consumed, target).is_ok()
            {
                return;
            }
        }
    }

    /// Where the bytes of a slot lie.
    fn data_at(&self, begin: u64, end: u64) -> Result<usize, Refused> {
        let page = self.page_at(self.geometry.index(end.wrapping_sub(1))).ok_or(Refused::Damaged)?;
        Ok(page.data + self.geometry.sub_off(begin) as usize)
    }

    /// Writes the header of the packet that starts at `start`, which only the thread that moved the write position
    /// over it may do.
    fn open(&self, start: u64, timestamp: u64, sample: Option<u64>) -> bool {
        let index = self.geometry.index(start);
        if let Some(page) = self.page_at(index) {
            self.memory.copy_in(page.data, &self.identity.opened(timestamp, self.next_sequence(index)));
        }
        self.add_committed(start.wrapping_add(HEADER_SIZE), HEADER_SIZE, index, sample)
    }

    /// Closes the packet that ends at `end`, short of the sub-buffer's end (section 9.3a).
    fn close(&self, end: u64, timestamp: u64, sample: Option<u64>) -> bool {
        let last = end.wrapping_sub(1);
        let index = self.geometry.index(last);
        let data_size = self.geometry.sub_off(last) + 1;
        let padding = self.geometry.subbuf_size() - data_size;
        if let Some(page) = self.page_at(index) {
            self.memory.store(page.descriptor + DESCRIPTOR_DATA_SIZE, data_size);
        }
        self.memory.store(self.layout.ts_end(index), timestamp);
        self.note_lost(last, sample);
        self.add_committed(end.wrapping_add(padding), padding, index, sample)
    }

    /// Leaves the closer's sample where whoever delivers the sub-buffer finds it (section 15).
    fn note_lost(&self, position: u64, sample: Option<u64>) {
        let g = &self.geometry;
        let cold = self.layout.cold_cc(g.index(position));
        let count = g.commit_base(position).wrapping_add(g.subbuf_size()) & g.commit_count_mask();
        self.memory.store(cold + COLD_LOST, sample.unwrap_or(0));
        self.memory.store(cold + COLD_LOST_FOR, count);
    }

    /// Counts `size` bytes that end at `end` as committed, and delivers the sub-buffer if they complete it.
    fn add_committed(&self, end: u64, size: u64, index: usize, sample: Option<u64>) -> bool {
        self.memory.fence(Ordering::Release);
        let count = self.memory.add(self.layout.hot_cc(index), size).wrapping_add(size);
        let position = end.wrapping_sub(1);
        let wake = self.geometry.is_complete(position, count) && self.deliver(position, count, index, sample);
        // For crash extraction: the count is a safe length only when there is no hole before it.
        if self.geometry.sub_off(end.wrapping_sub(count)) == 0 {
            let seq = self.layout.hot_seq(index);
            if (self.memory.load(seq).wrapping_sub(count) as i64) < 0 {
                self.memory.store(seq, count);
            }
        }
        wake
    }

    /// Hands a complete sub-buffer to the reader, unless another thread does (section 9.5).
    fn deliver(&self, position: u64, count: u64, index: usize, sample: Option<u64>) -> bool {
        let g = &self.geometry;
        self.memory.fence(Ordering::Release);
        let before = count.wrapping_sub(g.subbuf_size());
        let cold = self.layout.cold_cc(index);
        if self.memory.compare_exchange(cold, before, before.wrapping_add(1)).is_err() {
            return false;
        }
        self.memory.fence(Ordering::SeqCst);
        let Some(page) = self.page_at(index) else { return false };
        let data_size = self.data_size(page).min(g.subbuf_size());
        let discarded = sample.unwrap_or_else(|| self.lost_of_closer(position, count));
        self.memory.store(page.data + header::TIMESTAMP_END, self.memory.load(self.layout.ts_end(index)));
        self.memory.store(page.data + header::CONTENT_SIZE, 8 * data_size);
        self.memory.store(page.data + header::PACKET_SIZE, 8 * g.page_align(data_size));
        self.memory.store(page.data + header::EVENTS_DISCARDED, discarded);
        let deliveries = self.layout.buf_cnt(index);
        self.memory.store(deliveries, self.memory.load(deliveries).wrapping_add(1));
        self.publish(position, count, index);
        self.has_reader() && self.poll_ready()
    }

    /// The last steps of a delivery: from here on the sub-buffer is the reader's.
    pub(crate) fn publish(&self, position: u64, count: u64, index: usize) {
        if self.geometry.mode() == Mode::Overwrite {
            self.memory.fence(Ordering::SeqCst);
            let at = self.layout.wsb(index);
            let id = SubbufId(self.memory.load(at));
            self.memory.store(at, id.released(self.geometry.lap(position)).0);
        }
        self.memory.fence(Ordering::SeqCst);
        self.memory.store(self.layout.cold_cc(index), count);
        self.memory.fence(Ordering::Release);
        self.memory.store(self.layout.hot_seq(index), count);
    }

    /// The lost-record count for a packet that another thread closed: what that thread left, else, if it runs the C
    /// library, which leaves nothing, what the previous packet said. A fresh count could exceed a later packet's.
    fn lost_of_closer(&self, position: u64, count: u64) -> u64 {
        let g = &self.geometry;
        let cold = self.layout.cold_cc(g.index(position));
        if self.memory.load(cold + COLD_LOST_FOR) == count & g.commit_count_mask() {
            return self.memory.load(cold + COLD_LOST);
        }
        let previous = g.sub_trunc(position).wrapping_sub(g.subbuf_size());
        let index = g.index(previous);
        let sequence = self.next_sequence(g.index(position)).wrapping_sub(1);
        match self.page_at(index) {
            Some(page) if self.memory.load(page.data + header::SEQUENCE) == sequence => {
                self.memory.load(page.data + header::EVENTS_DISCARDED)
            }
            _ => 0,
        }
    }
}
