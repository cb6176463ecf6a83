//! The consumer side of a stream: holding, reading and releasing sub-buffers (`docs/spec/ring-buffer.md`, section 11).
//!
//! There is one reader per stream. What it knows, it keeps in its own memory; the copies in shared memory are for
//! others to look at and are never read back. No call sleeps or waits: a sub-buffer that is not ready is answered
//! with [`Next::Incomplete`], and its last committer wakes the reader when it is.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::RingError;
use crate::geometry::Mode;
use crate::header::{HEADER_SIZE, PacketHeader};
use crate::id::SubbufId;
use crate::layout::{Page, field};
use crate::memory::{Mapping, Memory};
use crate::stream::{MAX_TRIES, Stream};
use crate::writer::SwitchMode;

/// A sub-buffer that the reader holds: its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// The position of the sub-buffer.
    pub position: u64,
    /// Bytes used, header included.
    pub data_size: u64,
    /// Bytes up to the end of the last page, as they go to the trace.
    pub padded_size: u64,
    /// The header, checked against the stream and the sizes above.
    pub header: PacketHeader,
}

/// What a stream has for its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A packet, which is held until it is released.
    Packet(Packet),
    /// Nothing was produced since the last packet.
    Empty,
    /// The sub-buffer at this position is closed, but some of its records are not committed.
    Incomplete(u64),
    /// Overwrite mode: the producers took the sub-buffer back.
    Overwritten,
}

/// Positions between which a snapshot reads, both at sub-buffer boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRange {
    /// The oldest sub-buffer.
    pub consumed: u64,
    /// The end of the newest closed sub-buffer.
    pub produced: u64,
}

/// The only reader of a stream.
#[derive(Debug)]
pub struct Reader<M: Memory> {
    pub(crate) stream: Arc<Stream<M>>,
    /// Discard mode: the read position, which nobody else may move.
    consumed: u64,
    /// Overwrite mode: the page that belongs to the reader.
    own_page: SubbufId,
    held: Option<(Packet, Page)>,
    /// The header of the newest packet read in order.
    pub(crate) last: Option<PacketHeader>,
}

impl<M: Memory> Reader<M> {
    /// Opens a stream for reading.
    pub fn new(stream: Arc<Stream<M>>) -> Result<Self, RingError> {
        if stream.memory.compare_exchange(field::ACTIVE_READERS, 0, 1).is_err() {
            return Err(RingError::Busy);
        }
        let own_page = SubbufId(stream.memory.load(field::BUF_RSB));
        if own_page.page(&stream.geometry).is_none() {
            return Err(RingError::Corrupt("the reader's sub-buffer id"));
        }
        let consumed = stream.memory.load(field::CONSUMED);
        Ok(Reader { stream, consumed, own_page, held: None, last: None })
    }

    /// The stream.
    pub fn stream(&self) -> &Arc<Stream<M>> {
        &self.stream
    }

    /// The read position and the exact write position (section 11, "sample positions").
    ///
    /// Errors when no correct producer can have left them so far apart.
    pub fn positions(&self) -> Result<(u64, u64), RingError> {
        let s = &*self.stream;
        let g = &s.geometry;
        match g.mode() {
            Mode::Discard => {
                s.memory.fence(Ordering::Acquire);
                let produced = s.memory.load(field::OFFSET);
                let ahead = g.sub_trunc(produced).wrapping_sub(g.sub_trunc(self.consumed));
                match ahead <= g.buf_size() {
                    true => Ok((self.consumed, produced)),
                    false => Err(RingError::Corrupt("the write position")),
                }
            }
            Mode::Overwrite => {
                let consumed = s.memory.load(field::CONSUMED);
                s.memory.fence(Ordering::Acquire);
                let produced = s.memory.load(field::OFFSET);
                // At a boundary no packet is open, and all of the ring can be full of closed ones.
                let most = match g.sub_off(produced) {
                    0 => g.buf_size(),
                    _ => g.buf_size() - g.subbuf_size(),
                };
                let ahead = g.sub_trunc(produced).wrapping_sub(g.sub_trunc(consumed));
                if ahead <= most {
                    return Ok((consumed, produced));
                }
                // A producer has moved the write position and is about to push the read position, or the memory is
                // scribbled over: in both cases this is the oldest position that can still be read.
                Ok((g.sub_trunc(produced).wrapping_sub(most), produced))
            }
        }
    }

    /// The range of closed sub-buffers, `None` when there is none.
    pub fn snapshot(&mut self) -> Result<Option<SnapshotRange>, RingError> {
        let (consumed, produced) = self.positions()?;
        let g = &self.stream.geometry;
        if g.sub_trunc(consumed) == g.sub_trunc(produced) {
            return Ok(None);
        }
        self.stream.memory.store(field::CONS_SNAPSHOT, consumed);
        self.stream.memory.store(field::PROD_SNAPSHOT, g.sub_trunc(produced));
        Ok(Some(SnapshotRange { consumed: g.sub_trunc(consumed), produced: g.sub_trunc(produced) }))
    }

    /// Takes hold of the oldest sub-buffer. A packet must be released with [`Reader::release`].
    ///
    /// [`RingError::BadPacket`] means that one packet was passed over because its header is damaged; any other error
    /// means that the stream is beyond use.
    pub fn hold_next(&mut self) -> Result<Next, RingError> {
        // In overwrite mode producers may take the sub-buffer while we look at it; then the next one is the oldest.
        for _ in 0..10 {
            let Some(range) = self.snapshot()? else { return Ok(Next::Empty) };
            match self.hold_at(range.consumed) {
                Ok(Next::Overwritten) => {}
                Err(RingError::BadPacket) => {
                    self.move_consumer(self.stream.geometry.sub_align(range.consumed));
                    return Err(RingError::BadPacket);
                }
                other => return other,
            }
        }
        Ok(Next::Overwritten)
    }

    /// Whether [`Reader::hold_next`] would give a packet, without taking it.
    pub fn has_data(&self) -> Result<bool, RingError> {
        let (consumed, produced) = self.positions()?;
        let g = &self.stream.geometry;
        let count = self.stream.memory.load(self.stream.layout.cold_cc(g.index(consumed)));
        Ok(g.sub_trunc(consumed) != g.sub_trunc(produced) && g.is_complete(consumed, count))
    }

    /// Takes hold of the sub-buffer at `position`, without consuming it: give it back with [`Reader::put_back`].
    ///
    /// # Panics
    /// If a sub-buffer is held already.
    pub fn hold_at(&mut self, position: u64) -> Result<Next, RingError> {
        assert!(self.held.is_none(), "a sub-buffer is held already");
        let stream = Arc::clone(&self.stream);
        let g = &stream.geometry;
        let position = g.sub_trunc(position);
        let index = g.index(position);
        let count = stream.memory.load(stream.layout.cold_cc(index));
        stream.memory.fence(Ordering::Acquire);
        let (consumed, produced) = self.positions()?;
        if g.subbufs_between(consumed, position) < 0 {
            return Ok(Next::Overwritten);
        }
        if g.subbufs_between(position, produced) <= 0 {
            return Ok(Next::Empty);
        }
        if !g.is_complete(position, count) {
            return Ok(Next::Incomplete(position));
        }
        let page = match g.mode() {
            Mode::Discard => {
                self.own_page = SubbufId(stream.memory.load(stream.layout.wsb(index)));
                self.own_page.page(g)
            }
            Mode::Overwrite => match self.exchange(index, g.lap(position))? {
                true => self.own_page.page(g),
                false => return Ok(Next::Overwritten),
            },
        };
        let page = stream.layout.pages[page.ok_or(RingError::Corrupt("a sub-buffer id"))?];
        stream.memory.store(field::GET_SUBBUF_CONSUMED, position);
        stream.memory.copy_in(field::GET_SUBBUF, &[1]);
        stream.memory.store(field::BUF_RSB, self.claimed_page());

        let data_size = stream.data_size(page);
        let mut bytes = [0; HEADER_SIZE as usize];
        stream.memory.copy_out(page.data, &mut bytes);
        let header = match (HEADER_SIZE..=g.subbuf_size()).contains(&data_size) {
            true => PacketHeader::parse(&bytes, &stream.identity, g, data_size),
            false => None,
        };
        let packet = Packet {
            position,
            data_size,
            padded_size: g.page_align(data_size.min(g.subbuf_size())),
            header: header.unwrap_or(PacketHeader {
                timestamp_begin: 0,
                timestamp_end: 0,
                content_size_bits: 0,
                packet_size_bits: 0,
                sequence: 0,
                events_discarded: 0,
            }),
        };
        self.held = Some((packet, page));
        if header.is_none() {
            self.put_back();
            return Err(RingError::BadPacket);
        }
        Ok(Next::Packet(packet))
    }

    /// Copies the held packet, padding included.
    ///
    /// # Panics
    /// If nothing is held.
    pub fn copy_held(&self) -> Vec<u8> {
        let (packet, page) = self.held.expect("a sub-buffer is held");
        let mut bytes = vec![0; packet.padded_size as usize];
        self.stream.memory.copy_out(page.data, &mut bytes);
        bytes
    }

    /// Copies the start of the held packet, padding included, until `to` is full.
    ///
    /// # Panics
    /// If nothing is held.
    pub fn copy_held_to(&self, to: &mut [u8]) {
        let (_, page) = self.held.expect("a sub-buffer is held");
        self.stream.memory.copy_out(page.data, to);
    }

    /// Gives the held sub-buffer back to its place; it stays the oldest (snapshots).
    ///
    /// # Panics
    /// If nothing is held.
    pub fn put_back(&mut self) {
        let (packet, _) = self.held.take().expect("a sub-buffer is held");
        let stream = Arc::clone(&self.stream);
        let g = &stream.geometry;
        stream.memory.copy_in(field::GET_SUBBUF, &[0]);
        if g.mode() == Mode::Overwrite {
            // Refused when producers have taken the place meanwhile: then the page stays ours.
            let _ = self.exchange(g.index(packet.position), g.lap(packet.position));
        }
        stream.memory.store(field::BUF_RSB, self.own_page.0);
    }

    /// Releases the held sub-buffer for producers to write in.
    ///
    /// # Panics
    /// If nothing is held.
    pub fn release(&mut self) {
        let (packet, _) = self.held.expect("a sub-buffer is held");
        self.put_back();
        self.last = Some(packet.header);
        self.move_consumer(self.stream.geometry.sub_align(packet.position));
    }

    /// Closes the current packet and drops everything that was not read: for a stream that no producer writes to.
    pub fn clear(&mut self, clock: impl Fn() -> u64) -> Result<(), RingError> {
        self.stream.switch(SwitchMode::Active, clock)?;
        let produced = self.stream.memory.load(field::OFFSET);
        self.move_consumer(self.stream.geometry.sub_trunc(produced));
        Ok(())
    }

    /// Moves the read position forward to `position`, never backward.
    fn move_consumer(&mut self, position: u64) {
        let memory = &self.stream.memory;
        if (self.consumed.wrapping_sub(position) as i64) < 0 {
            self.consumed = position;
        }
        memory.fence(Ordering::SeqCst);
        if self.stream.geometry.mode() == Mode::Discard {
            memory.store(field::CONSUMED, self.consumed);
            return;
        }
        for _ in 0..MAX_TRIES {
            let consumed = memory.load(field::CONSUMED);
            if (consumed.wrapping_sub(position) as i64) >= 0
                || memory.compare_exchange(field::CONSUMED, consumed, position).is_ok()
            {
                return;
            }
        }
    }

    /// Swaps the reader's page with the one at a ring index, if that is free and of this lap (overwrite mode).
    fn exchange(&mut self, index: usize, lap: u64) -> Result<bool, RingError> {
        let stream = &*self.stream;
        let at = stream.layout.wsb(index);
        let old = SubbufId(stream.memory.load(at));
        if !old.is_free() || !old.has_tag(lap) {
            return Ok(false);
        }
        if old.page(&stream.geometry).is_none() {
            return Err(RingError::Corrupt("a sub-buffer id"));
        }
        if stream.memory.compare_exchange(at, old.0, self.own_page.released(lap).0).is_err() {
            return Ok(false);
        }
        self.own_page = old;
        Ok(true)
    }

    /// What the shared copy of the reader's id shows while a sub-buffer is held.
    fn claimed_page(&self) -> u64 {
        match self.stream.geometry.mode() {
            Mode::Overwrite => self.own_page.claimed().0,
            Mode::Discard => self.own_page.0,
        }
    }
}

impl Reader<Mapping> {
    /// Writes the held packet from byte `from` on, padding included, to `file` at `file_offset`; gives how many bytes
    /// one system call wrote.
    ///
    /// # Panics
    /// If nothing is held, or `from` is past the packet's end.
    pub fn write_held(&self, from: u64, file: impl AsFd, file_offset: u64) -> io::Result<usize> {
        let (packet, page) = self.held.expect("a sub-buffer is held");
        let len = packet.padded_size.checked_sub(from).expect("inside the packet") as usize;
        self.stream.memory.write_to(page.data + from as usize, len, file, file_offset)
    }
}

impl<M: Memory> Drop for Reader<M> {
    fn drop(&mut self) {
        self.stream.memory.fence(Ordering::SeqCst);
        self.stream.memory.add(field::ACTIVE_READERS, u64::MAX);
    }
}
