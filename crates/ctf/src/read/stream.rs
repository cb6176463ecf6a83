//! One stream, front to back: its packets one after the other, a window of bytes at a time.
//!
//! ```text
//! packet   |header|context|event|event|event|...                    |event|padding|
//! window                        [...........................]
//!                                      ^ at
//! ```
//! The window moves on when an event does not fit into what is left of it, and grows when one does not fit at all, so
//! memory is bounded by the largest event, not by packets or files.
//!
//! Each step leaves the stream with a *next* thing, and the time at which that is due among all streams. Times of a
//! stream never fall; where the trace says otherwise, that is an error which is due at once.

mod look;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use super::clock::TimeScale;
use super::error::ReadError;
use super::fields::Looked;
use super::merge::Tournament;
use super::packets::{Packet, read_cut_head, read_head};
use super::sieve::Sieve;
use super::{LossCount, Lost, StreamInfo};
use crate::decode::{DecodeError, EventBytes, Machine, PassedEvent, StreamDecoder, TraceDecoder};

/// Windows start at multiples of this, the largest alignment that a type can have.
const WINDOW_ALIGNMENT: u64 = 512;

/// Events larger than this are not read.
const MAX_EVENT_BYTES: u64 = 1 << 30;

/// Events that are passed at a time.
const BATCH: usize = 128;

/// An event that was passed, and when it is due among all streams.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) event: PassedEvent,
    pub(super) time: i64,
    /// Where it ends, in bits from the window's start.
    end: u64,
    /// The clock after it.
    clock: u64,
}

/// A packet that was not found after so many looks for what is new is gone.
const MAX_MISSES: u32 = 8;

/// What a stream has to give next.
#[derive(Debug)]
pub(super) enum Next {
    /// That of the batch.
    Event,
    Lost(Lost),
    /// Reading cannot go on.
    Fault(ReadError),
    /// Nothing yet: the stream is still being written.
    Wait,
    End,
}

/// Where in the course of its packets a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before the packet of that number; what was lost before it is not told yet.
    Before(usize),
    /// The same, with the discarded events told.
    LostPackets(usize),
    /// The same, with all losses told.
    Open(usize),
    /// In it.
    Within(usize),
    Over,
}

/// One stream of a trace that is read.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) trace: usize,
    /// Position of its class in the trace class.
    pub(super) class: usize,
    pub(super) instance: u64,
    pub(super) trace_decoder: Arc<TraceDecoder>,
    pub(super) decoder: Arc<StreamDecoder>,
    /// The data files of the trace, by number.
    pub(super) files: Arc<[PathBuf]>,
    pub(super) packets: Arc<Vec<Packet>>,
    pub(super) scale: Option<TimeScale>,
    /// Whether packets count what was discarded before them, and themselves.
    counts_discarded: bool,
    counts_packets: bool,
    pub(super) has_begin: bool,
    /// Whether packets may follow that are not listed yet.
    pub(super) is_open: bool,
    /// Before this time, in nanoseconds, nothing comes that is not listed.
    pub(super) floor: i64,
    /// How many packets were listed before the last look; what comes between those may be listed by the next.
    settled: usize,
    /// Whether packets can be passed over unread: all times are known, and none falls.
    is_orderly: bool,
    /// How often the next packet was not where it was listed.
    misses: u32,

    stage: Stage,
    file: Option<(u32, File)>,
    pub(super) slots: Box<[u64]>,
    /// The start of the packet: header and context.
    pub(super) head: Vec<u8>,
    /// The window's bytes, and where they start in the packet.
    pub(super) window: Vec<u8>,
    window_start: u64,
    /// How many bytes that are, if no event is larger.
    window_bytes: u64,
    /// Where the next event starts and where the content ends, in bits from the window's start.
    at: u64,
    content_end: u64,
    /// The clock, in cycles.
    time: u64,
    /// When the last thing was, in nanoseconds; the least there is without a clock.
    last: i64,
    pub(super) next: Next,
    lenient: bool,
    /// Whether the file ends in this packet.
    is_cut: bool,
    /// Events of the packet that were passed, all of them in the window; the clock, the place and the last time are
    /// those after them.
    batch: Vec<Due>,
    /// Which of them is next.
    in_batch: usize,
    /// What decides which events are given out, of those before [`Stream::sift_until`].
    pub(super) sieve: Option<Arc<dyn Sieve>>,
    /// In nanoseconds: who reads up to then is not kept waiting for an event after it that passes the sieve.
    pub(super) sift_until: i64,
    /// Where the first of them starts, in bits from the window's start.
    batch_at: u64,
    pub(super) looked: Looked,
}

/// What a stream is opened with.
pub(super) struct StreamParts {
    pub(super) trace: usize,
    pub(super) class: usize,
    pub(super) instance: u64,
    pub(super) trace_decoder: Arc<TraceDecoder>,
    pub(super) decoder: Arc<StreamDecoder>,
    pub(super) files: Arc<[PathBuf]>,
    pub(super) packets: Vec<Packet>,
    pub(super) scale: Option<TimeScale>,
    pub(super) first: crate::decode::PacketInfo,
    pub(super) window_bytes: u64,
    /// Whether packets that make no sense are passed over.
    pub(super) lenient: bool,
}

/// Whether the packets of a stream follow each other, all of them with known ends but the last.
fn are_orderly(packets: &[Packet]) -> bool {
    packets.windows(2).all(|pair| pair[0].end.is_some_and(|end| pair[0].begin <= end && end <= pair[1].begin))
}

impl Stream {
    /// Stands before the first packet; [`Stream::advance`] is due.
    pub(super) fn new(parts: StreamParts) -> Stream {
        let StreamParts { trace, class, instance, trace_decoder, decoder, files, packets, scale, .. } = parts;
        let StreamParts { first, window_bytes, lenient, .. } = parts;
        Stream {
            trace,
            class,
            instance,
            slots: trace_decoder.slots(),
            trace_decoder,
            decoder,
            files,
            is_orderly: scale.is_some() && first.timestamp_begin.is_some() && are_orderly(&packets),
            packets: Arc::new(packets),
            scale,
            counts_discarded: first.events_discarded.is_some(),
            counts_packets: first.sequence_number.is_some(),
            has_begin: first.timestamp_begin.is_some(),
            is_open: false,
            floor: i64::MIN,
            settled: 0,
            misses: 0,
            stage: Stage::Before(0),
            file: None,
            head: Vec::new(),
            window: Vec::new(),
            window_start: 0,
            window_bytes,
            at: 0,
            content_end: 0,
            time: 0,
            last: i64::MIN,
            next: Next::End,
            lenient,
            is_cut: false,
            batch: Vec::with_capacity(BATCH),
            in_batch: 0,
            sieve: None,
            sift_until: Tournament::NEVER,
            batch_at: 0,
            looked: Looked::default(),
        }
    }

    /// The same stream from its start, with a window of its own.
    pub(super) fn fork(&self) -> Stream {
        Stream {
            trace_decoder: Arc::clone(&self.trace_decoder),
            decoder: Arc::clone(&self.decoder),
            files: Arc::clone(&self.files),
            packets: Arc::clone(&self.packets),
            stage: Stage::Before(0),
            file: None,
            slots: self.trace_decoder.slots(),
            head: Vec::new(),
            window: Vec::new(),
            window_start: 0,
            at: 0,
            content_end: 0,
            time: 0,
            last: i64::MIN,
            next: Next::End,
            is_cut: false,
            batch: Vec::with_capacity(BATCH),
            in_batch: 0,
            sieve: self.sieve.clone(),
            sift_until: Tournament::NEVER,
            batch_at: 0,
            looked: Looked::default(),
            ..*self
        }
    }

    /// The file that its first packet is in.
    pub(super) fn path(&self) -> &PathBuf {
        &self.files[self.packets.first().map_or(0, |packet| packet.file as usize)]
    }

    pub(super) fn info(&self) -> StreamInfo<'_> {
        StreamInfo {
            trace: self.trace,
            class: self.class,
            instance: self.instance,
            path: self.path(),
            packets: self.packets.len(),
            scale: self.scale,
        }
    }

    /// Whether packets can be passed over unread.
    pub(super) fn is_orderly(&self) -> bool {
        self.is_orderly && !self.is_open
    }

    /// Number of the packet that the next event is in.
    pub(super) fn packet(&self) -> usize {
        match self.stage {
            Stage::Before(at) | Stage::LostPackets(at) | Stage::Open(at) | Stage::Within(at) => at,
            Stage::Over => self.packets.len(),
        }
    }

    /// The event that is next, if it is one.
    #[inline]
    pub(super) fn event(&self) -> Option<PassedEvent> {
        self.batch.get(self.in_batch).map(|due| due.event)
    }

    /// Goes on to the next thing. Gives the time at which it is due.
    #[inline]
    pub(super) fn advance(&mut self) -> i64 {
        self.in_batch += 1;
        match self.batch.get(self.in_batch) {
            Some(due) => due.time,
            None => self.advance_slowly(),
        }
    }

    /// Until when it is known what comes next.
    #[inline]
    pub(super) fn known_until(&self) -> i64 {
        match (self.batch.last(), &self.next) {
            (Some(last), Next::Event) => last.time,
            (_, Next::End) => Tournament::NEVER,
            (_, Next::Wait) => self.last.max(self.floor),
            _ => self.last,
        }
    }

    /// When what is next is due.
    #[inline]
    pub(super) fn next_time(&self) -> i64 {
        match (self.batch.get(self.in_batch), &self.next) {
            (Some(due), _) => due.time,
            (None, Next::End) => Tournament::NEVER,
            (None, Next::Wait) => self.last.max(self.floor),
            (None, _) => self.last,
        }
    }

    /// Takes the events of the batch that are before `time`, and gives how many those are.
    #[inline]
    pub(super) fn take_before(&mut self, time: i64) -> u64 {
        let rest = self.batch.get(self.in_batch..).unwrap_or_default();
        let count = rest.partition_point(|due| due.time < time);
        self.in_batch += count;
        // What is known has to reach far, so that one step goes far.
        if count > 0 && self.batch.len() - self.in_batch < BATCH / 2 {
            self.top_up();
        }
        count as u64
    }

    /// Gives out only what the sieve keeps, from what is next on. Gives when that is due.
    pub(super) fn sift(&mut self, sieve: Arc<dyn Sieve>) -> i64 {
        let had_event = self.event().is_some();
        self.batch.drain(..self.in_batch.min(self.batch.len()));
        self.in_batch = 0;
        let packet = &self.window;
        self.batch.retain(|due| {
            let event = EventBytes { packet, body: due.event.body, end: due.end };
            sieve.keeps(due.event.class, event)
        });
        self.sieve = Some(sieve);
        if had_event && self.batch.is_empty() { self.advance_slowly() } else { self.next_time() }
    }

    /// Passes over more events of the window, as many as the batch has room for.
    fn top_up(&mut self) {
        if self.sieve.is_none() {
            self.batch_at = self.header_at();
        }
        self.batch.drain(..self.in_batch);
        self.in_batch = 0;
        if self.at < self.content_end {
            self.fill_batch();
        }
    }

    /// Takes all events of the batch at once, and goes on to the next thing. Gives how many there were.
    #[inline]
    pub(super) fn take_batch(&mut self) -> u64 {
        let taken = self.batch.len().saturating_sub(self.in_batch);
        self.in_batch = self.batch.len();
        self.advance_slowly();
        taken as u64
    }

    /// Goes on to what is due at `time` or later, as if all before had been taken. Gives when that is due.
    pub(super) fn skip_to(&mut self, time: i64) -> i64 {
        loop {
            match self.batch.last() {
                Some(last) if last.time < time => {}
                Some(_) => {
                    let rest = &self.batch[self.in_batch.min(self.batch.len())..];
                    self.in_batch += rest.partition_point(|due| due.time < time);
                    if let Some(due) = self.batch.get(self.in_batch) {
                        return due.time;
                    }
                }
                None => match self.next {
                    Next::Lost(_) | Next::Fault(_) if self.last >= time => return self.last,
                    Next::End if self.stage == Stage::Over => return Tournament::NEVER,
                    _ => {}
                },
            }
            self.jump_towards(time);
            let due = self.advance_slowly();
            if due >= time {
                return due;
            }
        }
    }

    /// Passes over packets unread that end before `time`.
    fn jump_towards(&mut self, time: i64) {
        let (at, is_inside) = match self.stage {
            Stage::Before(at) | Stage::LostPackets(at) | Stage::Open(at) => (at, false),
            Stage::Within(at) => (at, true),
            Stage::Over => return,
        };
        if !self.is_orderly() || self.packets.is_empty() {
            return;
        }
        let Some(scale) = self.scale else { return };
        // The last packet is always looked into: its end may not be known.
        let rest = &self.packets[at..self.packets.len() - 1];
        // Most often it is the one after this, or this one.
        let near = rest.iter().take(4).position(|packet| !packet.ends_before(time, scale));
        let by = near.unwrap_or_else(|| rest.partition_point(|packet| packet.ends_before(time, scale)));
        if by == 0 || (by == 1 && is_inside && self.at >= self.content_end) {
            return;
        }
        let to = at + by;
        if let Some(due) = self.packets[to - 1].end.and_then(|end| self.due(end)) {
            self.last = self.last.max(due);
        }
        // What was lost before it was told at the end of the packet before.
        self.stage = Stage::Open(to);
    }

    /// Whether what is next, due at `time`, is in a packet that says it ends before.
    pub(super) fn is_beyond_its_packet(&self, time: i64) -> bool {
        match (self.stage, self.scale) {
            (Stage::Within(at), Some(scale)) if time != Tournament::NEVER => {
                self.packets[at].ends_before(time, scale)
            }
            _ => false,
        }
    }

    /// Passes over as many events of the window as the batch takes. Gives whether there are any.
    fn fill_batch(&mut self) -> bool {
        if self.batch.is_empty() {
            self.batch_at = self.at;
        }
        let room = BATCH - self.batch.len();
        let Stream { scale, last, batch, sieve, sift_until: until, window, .. } = self;
        let mut machine = Machine::new(window, self.content_end);
        (machine.at, machine.time) = (self.at, self.time);
        match (*scale, sieve) {
            (scale, Some(sieve)) => {
                let mut room = room;
                // On until some are kept, or the window is at its end.
                while room > 0 {
                    let (start, kept) = (machine.at, batch.len());
                    let accept = |event: PassedEvent, end: u64, clock: u64| {
                        let time = scale.map_or(*last, |scale| scale.nanoseconds(event.time));
                        if time < *last || time >= *until {
                            return false;
                        }
                        *last = time;
                        if sieve.keeps(event.class, EventBytes { packet: window, body: event.body, end }) {
                            batch.push(Due { event, time, end, clock });
                        }
                        true
                    };
                    self.decoder.pass_many(&mut machine, &mut self.slots, room, accept);
                    room -= batch.len() - kept;
                    if machine.at == start || !machine.has_more() {
                        break;
                    }
                }
            }
            (Some(scale), None) => {
                let mut before = *last;
                let accept = |event: PassedEvent, end: u64, clock: u64| {
                    let time = scale.nanoseconds(event.time);
                    if time < before {
                        return false;
                    }
                    before = time;
                    batch.push(Due { event, time, end, clock });
                    true
                };
                self.decoder.pass_many(&mut machine, &mut self.slots, room, accept);
                *last = before;
            }
            (None, None) => {
                let time = *last;
                let accept = |event: PassedEvent, end: u64, clock: u64| {
                    batch.push(Due { event, time, end, clock });
                    true
                };
                self.decoder.pass_many(&mut machine, &mut self.slots, room, accept);
            }
        }
        (self.at, self.time) = (machine.at, machine.time);
        !self.batch.is_empty()
    }

    /// Takes note of an event that ends at bit `end`, with the clock at `time` after it. Gives when it is due; nothing if
    /// it is not wanted.
    fn passed(&mut self, event: PassedEvent, end: u64, time: u64) -> Option<i64> {
        self.at = end;
        self.time = time;
        if let Some(scale) = self.scale {
            let due = scale.nanoseconds(event.time);
            if due < self.last {
                return Some(self.fall_back(event, due));
            }
            self.last = due;
        }
        if let Some(sieve) = self.sieve.as_ref().filter(|_| self.last < self.sift_until)
            && !sieve.keeps(event.class, EventBytes { packet: &self.window, body: event.body, end })
        {
            return None;
        }
        self.batch.push(Due { event, time: self.last, end, clock: time });
        self.next = Next::Event;
        Some(self.last)
    }

    #[cold]
    fn fall_back(&mut self, event: PassedEvent, due: i64) -> i64 {
        let cause = format!(
            "the time goes back from {} to {} ns at the event at bit {}",
            self.last,
            due,
            event.body + self.window_start * 8
        );
        self.fail_here(cause)
    }

    /// Passes over the next event in the window. Gives it, where it ends, and the clock after it.
    #[inline]
    fn pass(&mut self) -> Result<(PassedEvent, u64, u64), DecodeError> {
        let mut machine = Machine::new(&self.window, self.content_end);
        machine.at = self.at;
        machine.time = self.time;
        self.batch_at = self.at;
        let event = self.decoder.event(&mut machine, &mut self.slots)?;
        Ok((event, machine.at, machine.time))
    }

    #[cold]
    #[inline(never)]
    fn advance_slowly(&mut self) -> i64 {
        self.batch.clear();
        self.in_batch = 0;
        loop {
            if let Stage::Within(_) = self.stage
                && self.at < self.content_end
                && self.fill_batch()
            {
                self.next = Next::Event;
                return self.batch[0].time;
            }
            let is_missing = match self.stage {
                Stage::Before(number) => {
                    self.is_open && number < self.packets.len() && !self.is_there(number)
                }
                _ => false,
            };
            let step = match self.stage {
                Stage::Within(number) if self.at < self.content_end => match self.event_at_edge(number) {
                    Ok(Some((event, end, time))) => match self.passed(event, end, time) {
                        Some(due) => return due,
                        None => continue,
                    },
                    Ok(None) if self.is_cut => Ok(()),
                    Ok(None) => return self.wait_for_listed(),
                    Err(error) => Err(error),
                },
                Stage::Within(number) => self.close(number),
                Stage::Before(number) if self.is_open && number >= self.packets.len() => return self.wait(),
                Stage::Before(number) if is_missing => {
                    self.misses += 1;
                    // Its file may have been moved: the next look tells where.
                    if self.misses < MAX_MISSES {
                        return self.wait_for_listed();
                    }
                    // Overwritten before it was read; the numbers of the packets tell of it.
                    Arc::make_mut(&mut self.packets).remove(number);
                    self.misses = 0;
                    Ok(())
                }
                // A file was seen before the last packet was written to it, and the next file after that.
                Stage::Before(number)
                    if self.is_open && number >= self.settled && self.packets_before(number).is_some() =>
                {
                    return self.wait_for_listed();
                }
                Stage::Before(number) => match self.discarded_before(number) {
                    Some(lost) => return self.tell(lost, Stage::LostPackets(number)),
                    None => {
                        self.stage = Stage::LostPackets(number);
                        Ok(())
                    }
                },
                Stage::LostPackets(number) => match self.packets_before(number) {
                    Some(lost) => return self.tell(lost, Stage::Open(number)),
                    None => {
                        self.stage = Stage::Open(number);
                        Ok(())
                    }
                },
                Stage::Open(number) => self.open(number),
                Stage::Over => {
                    self.next = Next::End;
                    return Tournament::NEVER;
                }
            };
            if let Err(error) = step {
                return self.fail(error);
            }
        }
    }

    /// Waits for packets that are not listed. Nothing is certain beyond the time that this gives.
    fn wait(&mut self) -> i64 {
        self.wait_for_listed().max(self.floor)
    }

    /// Waits for what is listed, or for what comes before it.
    fn wait_for_listed(&mut self) -> i64 {
        self.next = Next::Wait;
        self.last
    }

    fn fail(&mut self, error: ReadError) -> i64 {
        self.stage = match self.stage {
            Stage::Within(number) | Stage::Open(number) if self.lenient => Stage::Before(number + 1),
            _ => Stage::Over,
        };
        self.next = Next::Fault(error);
        self.last
    }

    fn fail_here(&mut self, cause: impl std::fmt::Display) -> i64 {
        let error = self.at_fault(cause);
        self.fail(error)
    }

    fn tell(&mut self, lost: Lost, then: Stage) -> i64 {
        self.stage = then;
        // Told at its start: for the first packet that is where the packet begins.
        self.last = self.last.max(lost.span.map_or(self.last, |(begin, _)| begin));
        self.next = Next::Lost(lost);
        self.last
    }

    fn due(&self, cycles: u64) -> Option<i64> {
        self.scale.map(|scale| scale.nanoseconds(cycles))
    }

    fn span(&self, begin: Option<u64>, end: Option<u64>) -> Option<(i64, i64)> {
        Some((self.due(begin?)?, self.due(end?)?))
    }

    /// What the counter of discarded events says at the end of a packet about the time since the packet before.
    fn discarded_before(&self, number: usize) -> Option<Lost> {
        let packet = self.packets.get(number).filter(|_| self.counts_discarded)?;
        let Some(before) = number.checked_sub(1).and_then(|before| self.packets.get(before)) else {
            // Nobody knows how many there were before the first packet that is there.
            let span = self.span(self.begin_of(packet), packet.end);
            return (packet.discarded > 0).then_some(Lost { count: LossCount::SomeEvents, span });
        };
        if packet.discarded == before.discarded {
            return None;
        }
        let span = self.span(before.end, packet.end);
        let count = packet.discarded.wrapping_sub(before.discarded);
        Some(Lost { count: LossCount::Events(count), span })
    }

    fn packets_before(&self, number: usize) -> Option<Lost> {
        let packet = self.packets.get(number).filter(|_| self.counts_packets)?;
        let before = self.packets.get(number.checked_sub(1)?)?;
        let missing = packet.sequence_number.checked_sub(before.sequence_number)?.checked_sub(1)?;
        let span = self.span(before.end, self.begin_of(packet));
        (missing > 0).then_some(Lost { count: LossCount::Packets(missing), span })
    }

    fn begin_of(&self, packet: &Packet) -> Option<u64> {
        self.has_begin.then_some(packet.begin)
    }

    /// Goes into a packet.
    fn open(&mut self, number: usize) -> Result<(), ReadError> {
        let Some(packet) = self.packets.get(number).copied() else {
            self.stage = Stage::Over;
            return Ok(());
        };
        let path = self.files[packet.file as usize].clone();
        if self.file.as_ref().is_none_or(|(open, _)| *open != packet.file) {
            let file = File::open(&path).map_err(|error| ReadError::of(&path, error))?;
            self.file = Some((packet.file, file));
        }
        let Some((_, file)) = &self.file else { return Ok(()) };
        let end = packet.offset.saturating_add(packet.packet_bits / 8);
        let (decoder, slots, head) = (&self.trace_decoder, &mut self.slots, &mut self.head);
        self.is_cut = false;
        let info = match read_head(file, &path, packet.offset, end, decoder, slots, head) {
            Ok(info) => info,
            Err(error) if self.lenient => {
                let cut = read_cut_head(file, packet.offset, end, decoder, slots, head);
                self.is_cut = cut.is_some();
                cut.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        if (info.packet_bits, info.content_bits) != (packet.packet_bits, packet.content_bits) {
            let cause = "the packet is not the one that the index lists, or it has changed";
            return Err(ReadError::at(&path, packet.offset, cause));
        }
        self.head.truncate((info.events_start / 8 + 1) as usize);
        if self.has_begin {
            self.time = packet.begin;
            if let Some(due) = self.due(packet.begin) {
                if due < self.last {
                    let cause = format!(
                        "the packet begins at {due} ns, before the end of what came before ({})",
                        self.last
                    );
                    return Err(ReadError::at(&path, packet.offset, cause));
                }
                self.last = due;
            }
        }
        self.looked.forget_packet();
        self.stage = Stage::Within(number);
        self.misses = 0;
        self.window_start = 0;
        self.at = info.events_start;
        self.content_end = info.content_bits;
        // The next event is always looked for from within the window.
        self.move_window(number, false)
    }

    /// Leaves a packet.
    fn close(&mut self, number: usize) -> Result<(), ReadError> {
        let packet = self.packets[number];
        if packet.end.is_none() {
            Arc::make_mut(&mut self.packets)[number].end = Some(self.time);
        } else if let Some(due) = packet.end.and_then(|end| self.due(end)) {
            if due < self.last {
                let cause = format!("the packet ends at {due} ns, before its last event ({})", self.last);
                return Err(ReadError::at(&self.files[packet.file as usize], packet.offset, cause));
            }
            self.last = due;
        }
        self.stage = Stage::Before(number + 1);
        Ok(())
    }

    /// Takes an event that may reach past the window. Nothing if it is of a kind that metadata does not know yet.
    fn event_at_edge(&mut self, number: usize) -> Result<Option<(PassedEvent, u64, u64)>, ReadError> {
        loop {
            let error = match self.pass() {
                Ok(passed) => return Ok(Some(passed)),
                Err(DecodeError::UnknownEvent { .. }) if self.is_open => return Ok(None),
                Err(error) => error,
            };
            let is_all = self.window.len() as u64 * 8 >= self.content_end;
            let is_truncated = matches!(error, DecodeError::Truncated { .. });
            if is_all && is_truncated && self.is_cut {
                // That the rest is missing was told when the file was looked through.
                self.at = self.content_end;
                return Ok(None);
            }
            if is_all || !is_truncated {
                let packet = self.packets[number];
                let error = error.moved(self.window_start * 8);
                return Err(ReadError::at(&self.files[packet.file as usize], packet.offset, error));
            }
            self.move_window(number, true)?;
        }
    }

    /// Moves the window on to the next event, or makes it larger if it is there already and that is too little.
    fn move_window(&mut self, number: usize, is_too_little: bool) -> Result<(), ReadError> {
        let packet = self.packets[number];
        let path = &self.files[packet.file as usize];
        let by = self.at / 8 / WINDOW_ALIGNMENT * WINDOW_ALIGNMENT;
        let size = match by {
            0 if is_too_little => (self.window.len() as u64 * 2).max(self.window_bytes),
            _ => self.window_bytes,
        };
        if size > MAX_EVENT_BYTES {
            let cause = format!("an event of more than {MAX_EVENT_BYTES} bytes");
            return Err(ReadError::at(path, packet.offset, cause));
        }
        self.window_start += by;
        self.at -= by * 8;
        self.content_end -= by * 8;
        let size = size.min(self.content_end.div_ceil(8));
        self.window.resize(size as usize, 0);
        let offset = packet.offset + self.window_start;
        let Some((_, file)) = &self.file else { return Ok(()) };
        file.read_exact_at(&mut self.window, offset).map_err(|error| ReadError::at(path, offset, error))
    }

    /// Whether a packet is where it was listed, its file at hand then.
    fn is_there(&mut self, number: usize) -> bool {
        let packet = self.packets[number];
        let path = self.files[packet.file as usize].clone();
        if self.file.as_ref().is_none_or(|(open, _)| *open != packet.file) {
            let Ok(file) = File::open(&path) else { return false };
            self.file = Some((packet.file, file));
        }
        let Some((_, file)) = &self.file else { return false };
        let end = packet.offset.saturating_add(packet.packet_bits / 8);
        let mut slots = self.trace_decoder.slots();
        let head =
            read_head(file, &path, packet.offset, end, &self.trace_decoder, &mut slots, &mut Vec::new());
        let is_there =
            head.is_ok_and(|head| Packet::of(packet.file, packet.offset, &head).is_same_content(&packet));
        if !is_there {
            self.file = None;
        }
        is_there
    }

    /// Says that a look at the files begins: what was listed by the looks before it is complete.
    pub(super) fn settle(&mut self) {
        self.settled = self.packets.len();
    }

    /// Takes packets that were written since, in the order of time.
    pub(super) fn append(&mut self, packets: &[Packet], files: &Arc<[PathBuf]>) {
        self.files = Arc::clone(files);
        let all = Arc::make_mut(&mut self.packets);
        all.extend_from_slice(packets);
        let untouched = match self.stage {
            Stage::Before(at) => at,
            Stage::LostPackets(at) | Stage::Open(at) | Stage::Within(at) => at + 1,
            Stage::Over => all.len(),
        };
        let rest = all.get_mut(untouched..).unwrap_or_default();
        let order = |packet: &Packet| (packet.begin, packet.sequence_number, packet.file, packet.offset);
        rest.sort_by_key(order);
        if let Some(first) = packets.iter().map(order).min() {
            let before = rest.partition_point(|packet| order(packet) < first);
            self.settled = self.settled.min(untouched + before);
        }
    }

    /// Takes the programs of metadata that has grown.
    pub(super) fn renew(&mut self, trace_decoder: &Arc<TraceDecoder>, decoder: &Arc<StreamDecoder>) {
        self.slots = trace_decoder.slots();
        self.trace_decoder = Arc::clone(trace_decoder);
        self.decoder = Arc::clone(decoder);
        if let Stage::Within(at) = self.stage {
            // What later fields refer to has other places now. It was read before: nothing in it can be wrong.
            let available = self.packets[at].packet_bits / 8;
            let _ = trace_decoder.packet_into(&mut self.slots, &self.head, available);
        }
    }
}
