//! One stream as an application's threads write it: what every record needs is worked out and checked once, so that the
//! usual case (`docs/spec/ring-buffer.md`, 9.2 and 9.5) is a handful of loads and stores. Whatever is not usual, a full
//! sub-buffer, a race that was lost, goes through `writer.rs`.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::geometry::Mode;
use crate::layout::field;
use crate::memory::Mapping;
use crate::slot_writer::SlotWriter;
use crate::stream::Stream;
use crate::writer::{Awaited, Refused, Slot, TIMESTAMP_BITS};

/// A stream to be written.
#[derive(Debug)]
pub struct Producer {
    /// Start of the mapping, which `stream` keeps.
    base: *mut u8,
    /// The numbers of the geometry.
    subbuf_size: u64,
    buf_mask: u64,
    subbuf_order: u32,
    num_order: u32,
    commit_mask: u64,
    is_overwrite: bool,
    /// Offsets of the arrays, by ring index.
    hot: usize,
    wsb: usize,
    /// Where the data of each page lies: inside the mapping with a whole sub-buffer, as `Layout::read` checked.
    pages: Box<[usize]>,
    stream: Stream<Mapping>,
}

// SAFETY: the address is that of the mapping, which may be used from any thread.
unsafe impl Send for Producer {}
// SAFETY: as above; all that is shared there is accessed through atomics, and slots belong to who reserved them.
unsafe impl Sync for Producer {}

impl Producer {
    /// Takes a stream that was attached, and makes its pages present, so that no record has to wait for one.
    pub fn new(stream: Stream<Mapping>) -> Self {
        stream.memory.populate();
        let g = stream.geometry;
        Producer {
            base: stream.memory.address(),
            subbuf_size: g.subbuf_size(),
            buf_mask: g.buf_size() - 1,
            subbuf_order: g.subbuf_size_order(),
            num_order: g.num_subbuf_order(),
            commit_mask: g.commit_count_mask(),
            is_overwrite: g.mode() == Mode::Overwrite,
            hot: stream.layout.hot_cc(0),
            wsb: stream.layout.wsb(0),
            pages: stream.layout.pages.iter().map(|page| page.data).collect(),
            stream,
        }
    }

    /// The stream.
    pub fn stream(&self) -> &Stream<Mapping> {
        &self.stream
    }

    /// A word of the stream.
    ///
    /// # Safety
    /// `at` is a multiple of 8, with 8 bytes behind it inside the mapping.
    #[inline(always)]
    unsafe fn word(&self, at: usize) -> &AtomicU64 {
        // SAFETY: as the caller says; an atomic may be written by anybody.
        unsafe { AtomicU64::from_ptr(self.base.add(at).cast()) }
    }

    /// The ring index of a position, below the number of sub-buffers.
    #[inline(always)]
    fn index(&self, position: u64) -> usize {
        ((position & self.buf_mask) >> self.subbuf_order) as usize
    }

    /// Reserves room for a record in the usual case, as [`Stream::reserve`] does in all. `None`: something is not usual, a
    /// clock that gives no time and a record that needs the whole time included, and [`Producer::reserve_slowly`] is to be
    /// asked. The two are apart so that this one's slot stays in registers.
    #[inline(always)]
    pub fn reserve_quickly(
        &self,
        size_at: impl FnOnce(u64) -> u64,
        clock: impl FnOnce() -> Option<u64>,
    ) -> Option<Slot> {
        // SAFETY: these fields are at the front of every stream, which `Layout::read` saw to be long enough; the array of
        // ids has an element for each ring index.
        let (offset, last_tsc, disabled, ids) = unsafe {
            (
                self.word(field::OFFSET),
                self.word(field::LAST_TSC),
                self.word(field::RECORD_DISABLED),
                self.word(self.wsb),
            )
        };
        if disabled.load(Ordering::Relaxed) as u32 != 0 {
            return None;
        }
        // The position before the clock: with the exchange below, this keeps timestamps in order.
        let begin = offset.load(Ordering::Relaxed);
        let timestamp = clock()?;
        let needs_full_timestamp =
            timestamp.wrapping_sub(last_tsc.load(Ordering::Relaxed)) >> TIMESTAMP_BITS != 0;
        let inside = begin & (self.subbuf_size - 1);
        let size = size_at(begin);
        let end = begin.wrapping_add(size);
        let index = self.index(begin);
        // SAFETY: the array has an element for each ring index. The id does not change but in overwrite mode.
        let id = unsafe { AtomicU64::from_ptr(ids.as_ptr().add(index)) };
        if needs_full_timestamp
            || inside == 0
            || size >= self.subbuf_size - inside
            || offset.compare_exchange(begin, end, Ordering::SeqCst, Ordering::Relaxed).is_err()
        {
            return None;
        }
        last_tsc.store(timestamp, Ordering::Relaxed);
        let page = if self.is_overwrite {
            self.stream.make_room(end);
            // In overwrite mode flags stand above the number of the page.
            id.load(Ordering::Relaxed) & u64::from(u32::MAX)
        } else {
            id.load(Ordering::Relaxed)
        };
        // A page that does not exist: the memory is damaged, and the slot a hole in what nobody can read.
        let data = self.pages.get(page as usize)?;
        let at = data + inside as usize;
        Some(Slot { begin, end, at, timestamp, full_timestamp: false, sample: None, wake: false })
    }

    /// Reserves room for a record where that was found not to be the usual case. A clock that gives no time ends it with
    /// [`Refused::NoTime`].
    ///
    /// # Errors
    /// As [`Stream::reserve`].
    pub fn reserve_slowly(
        &self,
        size_at: impl Fn(u64, bool) -> u64,
        clock: impl Fn() -> Option<u64>,
        wait: impl FnMut(Awaited) -> bool,
    ) -> Result<Slot, Refused> {
        self.stream.reserve_anew(size_at, clock, wait)
    }

    /// A writer over the bytes of a slot, without the first `from`.
    #[inline(always)]
    pub fn fill<'s>(&'s self, slot: &'s mut Slot, from: usize) -> SlotWriter<'s> {
        let from = from.min(slot.len());
        let position = slot.begin.wrapping_add(from as u64);
        // SAFETY: a slot lies inside the data of one page, which lies inside the mapping; within this process it belongs
        // to its holder, who lent it out for as long as the writer lives.
        unsafe { SlotWriter::new(self.base.add(slot.at + from), slot.len() - from, position) }
    }

    /// As [`Stream::commit`].
    #[inline(always)]
    pub fn commit(&self, slot: Slot) -> bool {
        if slot.sample.is_some() || slot.wake {
            return self.stream.commit(slot);
        }
        let size = slot.end.wrapping_sub(slot.begin);
        let index = self.index(slot.end.wrapping_sub(1));
        let hot = self.hot + crate::layout::COUNTER_STRIDE * index;
        // SAFETY: the array has an element for each ring index.
        let (counter, seq) = unsafe { (self.word(hot), self.word(hot + crate::layout::HOT_SEQ)) };
        fence(Ordering::Release);
        let count = counter.fetch_add(size, Ordering::Relaxed).wrapping_add(size);
        let base = (slot.end.wrapping_sub(1) & !self.buf_mask) >> self.num_order;
        if count.wrapping_sub(base) & self.commit_mask == self.subbuf_size {
            return self.stream.deliver_if_complete(slot.end, count, index);
        }
        if slot.end.wrapping_sub(count) & (self.subbuf_size - 1) == 0
            && (seq.load(Ordering::Relaxed).wrapping_sub(count) as i64) < 0
        {
            seq.store(count, Ordering::Relaxed);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Geometry, Layout, Memory, Next, Reader, StreamIdentity, SwitchMode};
    use std::os::fd::AsFd;
    use std::sync::Arc;

    /// A record that another thread has not finished a lap later is waited for where records may wait, and nothing is
    /// lost; then the reader is.
    #[test]
    fn who_waits_is_told_for_whom() {
        let geometry = Geometry::new(Mode::Discard, 4096, 2, 4096).unwrap();
        let identity = StreamIdentity { uuid: [3; 16], channel_id: 0, cpu: 0 };
        let size = Layout::new(&geometry).size();
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&file, size as u64).unwrap();
        let map = || Mapping::new(file.as_fd(), size, false).unwrap();
        let mut reader =
            Reader::new(Arc::new(Stream::create(map(), geometry, identity, 1).unwrap())).unwrap();
        let stream = Stream::attach(map(), geometry, identity).unwrap();
        let reserve = |wait: &mut dyn FnMut(Awaited) -> bool| stream.reserve(|_, _| 1000, || 5, wait);
        let mut unfinished = Some(reserve(&mut |_| false).unwrap());
        let mut awaited = Vec::new();
        for _ in 0..8 {
            let slot = reserve(&mut |who| {
                awaited.push(who);
                match who {
                    Awaited::Writer { .. } => {
                        stream.commit(unfinished.take().expect("it is waited for only once"));
                    }
                    Awaited::Reader => {
                        assert!(matches!(reader.hold_next().unwrap(), Next::Packet(_)));
                        reader.release();
                    }
                }
                true
            });
            stream.commit(slot.unwrap());
        }
        let [Awaited::Writer { position }, Awaited::Reader] = awaited[..] else { panic!("{awaited:?}") };
        assert_eq!(geometry.sub_align(position), 3 * 4096, "the second lap of the first sub-buffer");
        assert_eq!(stream.lost_records().total(), 0);
    }

    /// The same records through the producer and through the writer leave the same bytes, across sub-buffers and laps.
    #[test]
    fn both_ways_leave_the_same_bytes() {
        for mode in [Mode::Discard, Mode::Overwrite] {
            let geometry = Geometry::new(mode, 4096, 2, 4096).unwrap();
            let identity = StreamIdentity { uuid: [3; 16], channel_id: 0, cpu: 0 };
            let stream = || {
                let size = Layout::new(&geometry).size();
                let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
                rustix::fs::ftruncate(&file, size as u64).unwrap();
                let map = || Mapping::new(file.as_fd(), size, false).unwrap();
                let made = Arc::new(Stream::create(map(), geometry, identity, 1).unwrap());
                (made, Stream::attach(map(), geometry, identity).unwrap())
            };
            let (fast, slow) = (stream(), stream());
            let producer = Producer::new(fast.1);
            let readers = [Reader::new(fast.0.clone()).unwrap(), Reader::new(slow.0.clone()).unwrap()];
            let packets = |reader: &mut Reader<Mapping>, stream: &Stream<Mapping>| {
                let mut packets = Vec::new();
                while let Next::Packet(packet) = reader.hold_next().unwrap() {
                    packets.push((packet.header, packet.data_size));
                    reader.release();
                }
                let mut all = vec![0; geometry.buf_size() as usize];
                stream.memory.copy_out(stream.layout.data, &mut all);
                (packets, all)
            };
            let [mut fast_reader, mut slow_reader] = readers;
            for number in 0..2000u64 {
                let size = 16 + number % 40;
                let mut slot = producer.reserve_quickly(|_| size, || Some(5 + number)).unwrap_or_else(|| {
                    producer.reserve_slowly(|_, _| size, || Some(5 + number), |_| false).unwrap()
                });
                let mut writer = producer.fill(&mut slot, 0);
                writer.array(number.to_ne_bytes());
                writer.finish();
                let wake = producer.commit(slot);
                let mut slot = slow.1.reserve(|_, _| size, || 5 + number, |_| false).unwrap();
                let mut writer = slow.1.fill(&mut slot, 0);
                writer.array(number.to_ne_bytes());
                writer.finish();
                assert_eq!(slow.1.commit(slot), wake, "record {number}");
                if number % 50 == 0 {
                    assert_eq!(packets(&mut fast_reader, &fast.0), packets(&mut slow_reader, &slow.0));
                }
            }
            for stream in [&fast.0, &slow.0] {
                stream.switch(SwitchMode::Flush, || 9000).unwrap();
            }
            assert_eq!(packets(&mut fast_reader, &fast.0), packets(&mut slow_reader, &slow.0));
        }
    }
}
