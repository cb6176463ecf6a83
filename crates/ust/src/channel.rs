//! A channel as events go into it: its ring buffers and what each record begins with. Made when a session starts for
//! the first time, never changed after that, freed when nobody can be using it.

use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rttng_ring::{
    Awaited, BlockingTimeout, Producer, Refused, Slot, SlotWriter, TraceClock, monotonic_now, tsc_at_once,
};

use crate::context::{Contexts, Moment};
use crate::cpu;
use crate::descriptor::Descriptor;
use crate::field::IS_PACKED;
use crate::payload::{Payload, PayloadSize};
use crate::signals;

/// How event headers look (`docs/spec/ring-buffer.md`, 14.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// 5 bits of id and 27 of time, where they suffice.
    Compact,
    /// 16 bits of id and 32 of time, where they suffice.
    Large,
}

/// One CPU's ring buffer.
#[derive(Debug)]
pub(crate) struct ChannelStream {
    pub(crate) ring: Producer,
    /// Write end of the pipe that wakes the consumer daemon.
    pub(crate) wakeup: Descriptor,
    /// Where a record was waited for that somebody else began and did not finish in time; nowhere at first.
    given_up: AtomicU64,
}

impl ChannelStream {
    pub(crate) fn new(ring: Producer, wakeup: Descriptor) -> Self {
        ChannelStream { ring, wakeup, given_up: AtomicU64::new(u64::MAX) }
    }
}

/// A channel that is being recorded into.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) streams: Box<[ChannelStream]>,
    pub(crate) header: Header,
    /// What times count.
    pub(crate) clock: TraceClock,
    pub(crate) contexts: Contexts,
    /// How long a record may wait for room.
    pub(crate) blocking: BlockingTimeout,
    /// Whether complete sub-buffers are announced, rather than looked for by a timer.
    pub(crate) wakes_reader: bool,
    /// Cleared when its daemon is gone, or its process: nobody waits for room, nobody is woken.
    pub(crate) is_alive: AtomicBool,
}

/// A record that is being written. Dropping it, which only a panic does, takes it back; where another record is behind
/// it already, its values become zeros and it is committed: no hole is left.
#[derive(Debug)]
struct Record<'c> {
    channel: &'c Channel,
    stream: &'c ChannelStream,
    slot: Slot,
    /// Where in the slot the values begin.
    values: usize,
}

const SHORT_COMPACT_IDS: u32 = 31;
const SHORT_LARGE_IDS: u32 = 65535;
/// How long a thread sleeps at once when it waits for room.
const NAP: Duration = Duration::from_millis(100);
/// The same for a record that another thread has not finished: that one need only be given a processor.
const SHORT_NAP: Duration = Duration::from_millis(1);
/// How long that may last. The thread may be dead, or may be what a signal handler has interrupted.
const WRITER_PATIENCE: Duration = Duration::from_secs(1);

#[inline]
fn align(position: u64, to: u64) -> u64 {
    if IS_PACKED { position } else { (position + to - 1) & !(to - 1) }
}

#[inline]
fn pad(to: &mut SlotWriter<'_>, alignment: usize) {
    if !IS_PACKED {
        to.align(alignment);
    }
}

impl Header {
    /// Where the header ends that begins at `position`, its padding included.
    #[inline(always)]
    fn end(self, position: u64, id: u32, full_timestamp: bool) -> u64 {
        match self {
            Header::Compact if !full_timestamp && id < SHORT_COMPACT_IDS => align(position, 4) + 4,
            Header::Compact => align(align(align(position, 4) + 1, 8) + 4, 8) + 8,
            Header::Large if !full_timestamp && id < SHORT_LARGE_IDS => align(align(position, 2) + 2, 4) + 4,
            Header::Large => align(align(align(position, 2) + 2, 8) + 4, 8) + 8,
        }
    }

    #[inline(always)]
    fn write(self, to: &mut SlotWriter<'_>, id: u32, timestamp: u64, full_timestamp: bool) {
        match self {
            Header::Compact if !full_timestamp && id < SHORT_COMPACT_IDS => {
                pad(to, 4);
                let time = timestamp as u32 & ((1 << 27) - 1);
                let word = if cfg!(target_endian = "little") { id | time << 5 } else { id << 27 | time };
                to.array(word.to_ne_bytes());
            }
            Header::Compact => {
                pad(to, 4);
                to.array([if cfg!(target_endian = "little") { 31 } else { 31 << 3 }]);
                pad(to, 8);
                to.array(id.to_ne_bytes());
                pad(to, 8);
                to.array(timestamp.to_ne_bytes());
            }
            Header::Large if !full_timestamp && id < SHORT_LARGE_IDS => {
                pad(to, 2);
                to.array((id as u16).to_ne_bytes());
                pad(to, 4);
                to.array((timestamp as u32).to_ne_bytes());
            }
            Header::Large => {
                pad(to, 2);
                to.array(u16::MAX.to_ne_bytes());
                pad(to, 8);
                to.array(id.to_ne_bytes());
                pad(to, 8);
                to.array(timestamp.to_ne_bytes());
            }
        }
    }
}

impl Channel {
    /// Reserves room for a record, writes it, and commits it. It may be lost, and is counted then where the ring buffer
    /// counts.
    pub(crate) fn record(&self, moment: &Moment, id: u32, payload: &dyn Payload) {
        if self.contexts.is_empty() {
            return self.record_bare(moment.cpu, id, payload);
        }
        let size = payload.measure();
        self.contexts.sample(moment, |contexts| {
            self.put(moment.cpu, id, contexts, size, |to| payload.write(to));
        });
    }

    /// As [`Channel::record`], for a channel without contexts.
    #[inline(always)]
    pub(crate) fn record_bare<P: Payload + ?Sized>(&self, cpu: u32, id: u32, payload: &P) {
        self.put(cpu, id, &[], payload.measure(), |to| payload.write(to));
    }

    #[inline(always)]
    fn put(
        &self,
        cpu: u32,
        id: u32,
        contexts: &[u8],
        payload: PayloadSize,
        write: impl Fn(&mut SlotWriter<'_>),
    ) {
        let Some(stream) = self.streams.get(cpu as usize) else { return };
        let sizes = self.sizes(id, contexts, payload);
        match stream.ring.reserve_quickly(|position| sizes.at(position, false), || self.time_at_once(cpu)) {
            Some(slot) => self.fill(stream, slot, sizes, contexts, write),
            None => self.put_slowly(cpu, id, contexts, payload, &write),
        }
    }

    #[inline(always)]
    fn sizes(&self, id: u32, contexts: &[u8], payload: PayloadSize) -> Sizes {
        Sizes {
            header: self.header,
            id,
            contexts: contexts.len() as u64,
            context_alignment: self.contexts.alignment() as u64,
            payload: payload.bytes() as u64,
            payload_alignment: payload.alignment() as u64,
        }
    }

    /// As [`Channel::put`], where it is not the usual case; of one type for all payloads, so that this is there once. It
    /// works the sizes out anew, so that they need not be in memory for it in the usual case.
    #[cold]
    #[inline(never)]
    fn put_slowly(
        &self,
        mut cpu: u32,
        id: u32,
        contexts: &[u8],
        payload: PayloadSize,
        write: &dyn Fn(&mut SlotWriter<'_>),
    ) {
        let sizes = self.sizes(id, contexts, payload);
        let mut patience = Patience::of(self);
        loop {
            let Some(stream) = self.streams.get(cpu as usize) else { return };
            let time = || self.time_in_order(cpu);
            let size = |position, full| sizes.at(position, full);
            let wait = |awaited| patience.wait(self, stream, awaited);
            match stream.ring.reserve_slowly(size, time, wait) {
                Ok(slot) => return self.fill(stream, slot, sizes, contexts, write),
                // The thread was moved to another CPU: into its stream, then.
                Err(Refused::NoTime) => cpu = cpu::current(),
                Err(_) => return,
            }
        }
    }

    /// The time of a record that goes into the stream of that CPU; nothing if the thread is not there any more, where
    /// that matters.
    ///
    /// The time-stamp counter may be read before the position that was asked for before it, as far as other CPUs go.
    /// So only threads on the stream's own CPU read it for records of the stream, and what they do is in order; others
    /// (who close packets) leave the stream at the beginning of a packet, for which the time is read in order.
    #[inline(always)]
    fn time_at_once(&self, cpu: u32) -> Option<u64> {
        match self.clock {
            TraceClock::Monotonic => Some(monotonic_now()),
            TraceClock::Tsc => {
                let time = tsc_at_once();
                (cpu::current() == cpu).then_some(time)
            }
        }
    }

    /// As [`Channel::time_at_once`], but in order everywhere.
    fn time_in_order(&self, cpu: u32) -> Option<u64> {
        let time = self.clock.now();
        (self.clock == TraceClock::Monotonic || cpu::current() == cpu).then_some(time)
    }

    /// Writes a record into its slot, and commits it.
    #[inline(always)]
    fn fill(
        &self,
        stream: &ChannelStream,
        slot: Slot,
        sizes: Sizes,
        contexts: &[u8],
        write: impl Fn(&mut SlotWriter<'_>),
    ) {
        let (timestamp, full_timestamp) = (slot.timestamp(), slot.has_full_timestamp());
        let len = slot.len();
        let mut record = Record { channel: self, stream, slot, values: 0 };
        let mut writer = stream.ring.fill(&mut record.slot, 0);
        self.header.write(&mut writer, sizes.id, timestamp, full_timestamp);
        if !contexts.is_empty() {
            pad(&mut writer, sizes.context_alignment as usize);
            writer.bytes(contexts);
        }
        pad(&mut writer, sizes.payload_alignment as usize);
        record.values = len - writer.left();
        write(&mut writer);
        writer.finish();
        record.commit();
    }
}

/// What makes up the size of a record.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    header: Header,
    id: u32,
    contexts: u64,
    context_alignment: u64,
    payload: u64,
    payload_alignment: u64,
}

impl Sizes {
    /// The size of the record at a position.
    #[inline(always)]
    fn at(self, position: u64, full_timestamp: bool) -> u64 {
        let header = self.header.end(position, self.id, full_timestamp);
        let contexts = align(header, self.context_alignment) + self.contexts;
        align(contexts, self.payload_alignment).wrapping_sub(position).saturating_add(self.payload)
    }
}

impl Record<'_> {
    #[inline(always)]
    fn commit(self) {
        // Taken apart, so that the usual way needs none of it in memory.
        let record = ManuallyDrop::new(self);
        let (channel, stream, slot) = (record.channel, record.stream, record.slot.again());
        if stream.ring.commit(slot) {
            channel.wake(stream);
        }
    }
}

impl Drop for Record<'_> {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        if self.stream.ring.stream().take_back(&self.slot) {
            return;
        }
        self.stream.ring.fill(&mut self.slot, self.values).finish();
        if self.stream.ring.commit(self.slot.again()) {
            self.channel.wake(self.stream);
        }
    }
}

impl Channel {
    /// Wakes the consumer daemon: a sub-buffer is complete.
    #[cold]
    #[inline(never)]
    fn wake(&self, stream: &ChannelStream) {
        if self.wakes_reader
            && self.is_alive.load(Ordering::Relaxed)
            && let Some(pipe) = stream.wakeup.get()
        {
            signals::write_without_sigpipe(pipe);
        }
    }
}

/// How long a record goes on waiting for room (`docs/spec/ring-buffer.md`, 9.7).
struct Patience {
    /// `None`: for ever.
    left: Option<Duration>,
    with_writers: Duration,
}

impl Patience {
    #[inline]
    fn of(channel: &Channel) -> Self {
        let left = match channel.blocking {
            BlockingTimeout::None => Some(Duration::ZERO),
            BlockingTimeout::Infinite => None,
            BlockingTimeout::Milliseconds(left) => Some(Duration::from_millis(left.into())),
        };
        Patience { left, with_writers: WRITER_PATIENCE }
    }

    /// Sleeps a little: `true`. `false`: the record is to be given up.
    fn wait(&mut self, channel: &Channel, stream: &ChannelStream, awaited: Awaited) -> bool {
        let nap = match awaited {
            Awaited::Reader => NAP,
            // Once is enough for a writer that does not go on.
            Awaited::Writer { position } if stream.given_up.load(Ordering::Relaxed) == position => {
                return false;
            }
            Awaited::Writer { .. } => SHORT_NAP,
        };
        let nap = self.left.map_or(nap, |left| left.min(nap));
        // Nobody will make room in the buffers of a daemon that is gone.
        if nap.is_zero() || !channel.is_alive.load(Ordering::Relaxed) {
            return false;
        }
        if let Awaited::Writer { position } = awaited {
            self.with_writers = self.with_writers.saturating_sub(nap);
            if self.with_writers.is_zero() {
                stream.given_up.store(position, Ordering::Relaxed);
                return false;
            }
        }
        self.left = self.left.map(|left| left - nap);
        signals::sleep(nap);
        true
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    fn written(header: Header, id: u32, timestamp: u64, full: bool) -> Vec<u8> {
        let mut bytes = vec![0; header.end(1000, id, full) as usize - 1000];
        let mut writer = SlotWriter::over(&mut bytes);
        header.write(&mut writer, id, timestamp, full);
        assert_eq!(writer.left(), 0);
        bytes
    }

    /// Section 14.4 of the specification.
    #[test]
    fn headers_are_those_that_were_captured() {
        assert_eq!(
            written(Header::Large, 0, 0x1bf_3065_2890, true),
            [0xff, 0xff, 0, 0, 0, 0, 0x90, 0x28, 0x65, 0x30, 0xbf, 1, 0, 0]
        );
        assert_eq!(written(Header::Large, 0, 0x1bf_3065_5822, false), [0, 0, 0x22, 0x58, 0x65, 0x30]);
        assert_eq!(
            written(Header::Compact, 0, 1_920_620_251_774, true),
            [0x1f, 0, 0, 0, 0, 0x7e, 0x4a, 0xe3, 0x2d, 0xbf, 1, 0, 0]
        );
        assert_eq!(written(Header::Compact, 0, 1_920_620_251_784, false), [0x00, 0x51, 0x69, 0xbc]);
        assert_eq!(written(Header::Compact, 31, 1, false).len(), 13);
        assert_eq!(written(Header::Large, 65_535, 1, false).len(), 14);
        assert_eq!(written(Header::Large, 65_534, 1, false).len(), 6);
    }
}
