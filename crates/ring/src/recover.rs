//! What to do about a producer that died between reserve and commit: its sub-buffer never completes, and with the C
//! library the stream stands still from then on (`docs/spec/ring-buffer.md`, section 17).
//!
//! The reader finds such a sub-buffer with [`Reader::stuck`], watches it for a while, makes sure by whatever means it
//! has that no living process can still be writing there, and then calls [`Reader::recover`], which takes the dead
//! producer's place: it commits what is missing, closes the packet after the last record that is known to be whole
//! and counts the loss. The stream goes on, with the sequence numbers unbroken.

use std::sync::atomic::Ordering;

use crate::RingError;
use crate::geometry::Mode;
use crate::header::{self, HEADER_SIZE, PacketHeader};
use crate::layout::{DESCRIPTOR_DATA_SIZE, Page, field};
use crate::memory::Memory;
use crate::reader::Reader;

/// A closed sub-buffer with records that are not committed; equal values mean that nothing has moved in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// The position of the sub-buffer.
    pub position: u64,
    committed: u64,
    delivered: u64,
}

/// What became of a stuck sub-buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// The position of the sub-buffer.
    pub position: u64,
    /// Bytes of the packet that can be read, header included.
    pub kept_bytes: u64,
    /// Bytes after those that were in use and are lost: at least one record if not 0.
    pub lost_bytes: u64,
}

impl<M: Memory> Reader<M> {
    /// The oldest closed sub-buffer that is not complete, if there is one.
    pub fn stuck(&self) -> Result<Option<Stuck>, RingError> {
        let (consumed, produced) = self.positions()?;
        let stream = &*self.stream;
        let g = &stream.geometry;
        let mut position = g.sub_trunc(consumed);
        while g.subbufs_between(position, produced) > 0 {
            let index = g.index(position);
            let delivered = stream.memory.load(stream.layout.cold_cc(index));
            if !g.is_complete(position, delivered) {
                let committed = stream.memory.load(stream.layout.hot_cc(index));
                return Ok(Some(Stuck { position, committed, delivered }));
            }
            position = g.sub_align(position);
        }
        Ok(None)
    }

    /// Completes a stuck sub-buffer in place of its dead producer. `None` if it moved since it was found stuck.
    pub fn recover(&mut self, stuck: &Stuck) -> Result<Option<Recovered>, RingError> {
        if self.stuck()? != Some(*stuck) {
            return Ok(None);
        }
        let stream = &*self.stream;
        let g = &stream.geometry;
        let memory = &stream.memory;
        let index = g.index(stuck.position);
        let size = g.subbuf_size();
        let page = stream.page_at(index).ok_or(RingError::Corrupt("a sub-buffer id"))?;

        // Be the one who commits the last bytes. If anybody commits in between, the stream is not stuck after all.
        let committed = g.committed(stuck.position, stuck.committed);
        let full = stuck.committed.wrapping_sub(committed).wrapping_add(size);
        let hot = stream.layout.hot_cc(index);
        if committed != size && memory.compare_exchange(hot, stuck.committed, full).is_err() {
            return Ok(None);
        }
        // And the one who delivers: also when the producer died while delivering.
        let taken = full.wrapping_sub(size).wrapping_add(1);
        let cold = stream.layout.cold_cc(index);
        if memory.compare_exchange(cold, stuck.delivered, taken).is_err() {
            return Ok(None);
        }
        memory.fence(Ordering::SeqCst);

        let in_order = g.committed(stuck.position, memory.load(stream.layout.hot_seq(index)));
        let in_order = if in_order > size { 0 } else { in_order };
        // What the closer noted, unless it died before it could: then the last lap's size stands there.
        let whole = committed == size;
        let noted_size = match stream.data_size(page) {
            noted if (HEADER_SIZE..=size).contains(&noted) && (whole || noted >= in_order) => noted,
            _ => size,
        };
        let mut kept = if whole { noted_size } else { in_order };
        let sequence = stream.next_sequence(index);
        let mut header = [0; HEADER_SIZE as usize];
        memory.copy_out(page.data, &mut header);
        let mut begin =
            u64::from_ne_bytes(header[header::TIMESTAMP_BEGIN..][..8].try_into().expect("eight bytes"));
        let found_sequence =
            u64::from_ne_bytes(header[header::SEQUENCE..][..8].try_into().expect("eight bytes"));
        // A deliverer that died late has counted its delivery already.
        let counted = stuck.delivered == taken && found_sequence == sequence.wrapping_sub(g.num_subbuf());
        let opened = stream.identity.opened(begin, found_sequence);
        let is_ours = header[..header::TIMESTAMP_BEGIN] == opened[..header::TIMESTAMP_BEGIN]
            && (counted || found_sequence == sequence);
        if kept < HEADER_SIZE || !is_ours {
            // The producer died before it had written the header: an empty packet keeps the sequence whole.
            begin = self.last.map_or(0, |last| last.timestamp_end);
            memory.copy_in(page.data, &stream.identity.opened(begin, sequence));
            kept = HEADER_SIZE;
        }
        let used = if whole { kept } else { noted_size.max(kept) };
        // With everything up to the closer's mark committed, only the padding was missing and nothing is lost.
        let lost = if whole || committed == kept && noted_size == size { 0 } else { used - kept };

        let end = self.end_of(stuck.position, index, begin);
        memory.store(stream.layout.ts_end(index), end);
        memory.store(page.descriptor + DESCRIPTOR_DATA_SIZE, kept);
        memory.store(page.data + header::TIMESTAMP_END, end);
        memory.store(page.data + header::CONTENT_SIZE, 8 * kept);
        memory.store(page.data + header::PACKET_SIZE, 8 * g.page_align(kept));
        // Never more than a later packet says, so: what the packet before said. The loss shows from the next packet
        // closed on, whose closer samples the shared counter.
        let discarded = self.discarded_before(stuck.position, page, whole);
        memory.store(page.data + header::EVENTS_DISCARDED, discarded);
        if lost > 0 {
            memory.add(field::LOST_WRAP, 1);
        }
        if !counted {
            memory.add(stream.layout.buf_cnt(index), 1);
        }
        stream.publish(stuck.position, full, index);
        Ok(Some(Recovered { position: stuck.position, kept_bytes: kept, lost_bytes: lost }))
    }

    /// When the packet ended: as its closer noted, else when the next one began.
    fn end_of(&self, position: u64, index: usize, begin: u64) -> u64 {
        let stream = &*self.stream;
        let g = &stream.geometry;
        let newest = stream.memory.load(field::LAST_TSC);
        let noted = stream.memory.load(stream.layout.ts_end(index));
        if noted > begin && noted <= newest {
            return noted;
        }
        let next = g.sub_align(position);
        let next_index = g.index(next);
        let committed = g.committed(next, stream.memory.load(stream.layout.hot_cc(next_index)));
        let next_begin = match stream.page_at(next_index) {
            Some(page) if (HEADER_SIZE..=g.subbuf_size()).contains(&committed) => {
                stream.memory.load(page.data + header::TIMESTAMP_BEGIN)
            }
            _ => newest,
        };
        next_begin.max(begin)
    }

    /// The lost-record count of the packet before this position.
    fn discarded_before(&self, position: u64, page: Page, whole: bool) -> u64 {
        let stream = &*self.stream;
        let g = &stream.geometry;
        let last = self.last.map_or(0, |last: PacketHeader| last.events_discarded);
        if whole {
            // The deliverer may have written it before it died.
            let written = stream.memory.load(page.data + header::EVENTS_DISCARDED);
            return written.clamp(last, stream.lost_records().total().max(last));
        }
        if g.mode() == Mode::Discard {
            return last;
        }
        // In overwrite mode nothing may have been read yet; the packet before, if still there, says it.
        let before = position.wrapping_sub(g.subbuf_size());
        let index = g.index(before);
        let complete = g.is_complete(before, stream.memory.load(stream.layout.cold_cc(index)));
        match stream.page_at(index) {
            Some(page) if complete => stream.memory.load(page.data + header::EVENTS_DISCARDED),
            _ => last,
        }
    }
}
