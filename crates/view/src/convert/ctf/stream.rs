//! One data stream: which recorded packet becomes which written one.
//!
//! A packet says how many events were discarded up to its end, and by its number how many packets were lost before it. So
//! that both stay true, a packet that tells of a loss is written even if nothing else of it is, and so is the one before it,
//! where the loss begins; and it is neither joined with others nor cut, unless a time in it cannot be told otherwise.

use rttng_ctf::read::{Event, ReadError, Reader, RecordedEvent, RecordedPacket, TimeScale};
use rttng_ctf::write::{CopyError, PacketHead, StreamCopy};

/// What went wrong.
#[derive(Debug)]
pub(super) enum Fault {
    Read(ReadError),
    Copy(CopyError),
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Fault {
        Fault::Read(error)
    }
}

impl From<CopyError> for Fault {
    fn from(error: CopyError) -> Fault {
        Fault::Copy(error)
    }
}

/// Where the recorded packets of a stream are known from.
pub(super) enum Packets<'a, 'r> {
    /// The event that is looked at.
    Event(&'a Event<'r>),
    /// The stream of that number.
    Stream(&'a Reader, usize),
}

impl Packets<'_, '_> {
    fn packet(&self, number: usize) -> Option<RecordedPacket> {
        match self {
            Packets::Event(event) => event.recorded_packet(number),
            Packets::Stream(reader, stream) => reader.packet(*stream, number),
        }
    }

    fn head(&self, number: usize) -> Result<Vec<u8>, ReadError> {
        match self {
            Packets::Event(event) => event.packet_head(number),
            Packets::Stream(reader, stream) => reader.packet_head(*stream, number),
        }
    }
}

/// How large packets get.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Packets are made anew, up to this size in bits.
    pub(super) packet_bits: Option<u64>,
}

/// A data stream that is written.
#[derive(Debug)]
pub(super) struct Output {
    copy: StreamCopy,
    scale: Option<TimeScale>,
    /// The recorded packet that it is in.
    current: Option<Current>,
    /// The first recorded packet that it was not in.
    next: usize,
    /// Where the next event starts in its recorded packet, in bits, and the clock before it.
    at: u64,
    clock: u64,
    /// The recorded packet before.
    before: Option<Before>,
    /// Discarded events before the first packet that counts.
    uncounted: u64,
    /// The number of the next written packet, once there is one.
    sequence_number: Option<u64>,
    /// What the written packet that is open is surrounded by, whether it tells of a loss, and the end of the last
    /// recorded packet in it.
    surroundings: Vec<u8>,
    is_lossy: bool,
    end: Option<u64>,
    /// The latest end of a written packet.
    written_end: u64,
    /// Whether the reader told of a loss before the next recorded packet.
    is_told_of_loss: bool,
}

/// The recorded packet before.
#[derive(Debug, Clone, Copy)]
struct Before {
    number: usize,
    discarded: u64,
    sequence_number: u64,
    is_written: bool,
}

/// The recorded packet that an output is in.
#[derive(Debug, Clone, Copy)]
struct Current {
    number: usize,
    facts: RecordedPacket,
    /// Whether events were discarded in it or before it, since the packet before.
    has_discarded: bool,
    /// How many packets were lost before it.
    lost_packets: u64,
    /// Whether it was written, or some of its events.
    is_written: bool,
    /// Whether events of it were left out before the first that was written.
    is_cut: bool,
}

impl Current {
    fn is_lossy(&self) -> bool {
        self.has_discarded || self.lost_packets > 0
    }
}

impl Output {
    pub(super) fn new(copy: StreamCopy, scale: Option<TimeScale>) -> Output {
        Output {
            copy,
            scale,
            current: None,
            next: 0,
            at: 0,
            clock: 0,
            before: None,
            uncounted: 0,
            sequence_number: None,
            surroundings: Vec::new(),
            is_lossy: false,
            end: None,
            written_end: 0,
            is_told_of_loss: false,
        }
    }

    /// Whether a time is not before another. Cycles beyond all times, which only damaged traces have, are before.
    fn is_after(&self, time: u64, other: u64) -> bool {
        let nanoseconds = |cycles| self.scale.map_or(0, |scale| scale.nanoseconds(cycles));
        time >= other && nanoseconds(time) >= nanoseconds(other)
    }

    fn close(&mut self, end: Option<u64>) -> Result<(), Fault> {
        if self.copy.is_open() {
            let end = end.filter(|end| self.is_after(*end, self.copy.clock()));
            self.copy.close(end)?;
            self.written_end = self.written_end.max(end.unwrap_or(0)).max(self.copy.clock());
        }
        Ok(())
    }

    /// Takes note that the reader told of a loss.
    pub(super) fn told_of_loss(&mut self) {
        self.is_told_of_loss = true;
    }

    /// Goes on to recorded packet number `number`; those between have no events.
    pub(super) fn pass_to(
        &mut self,
        packets: &Packets<'_, '_>,
        number: usize,
        keeps_empty: bool,
        range: Option<(i64, i64)>,
        bounds: &Bounds,
    ) -> Result<(), Fault> {
        if self.current.is_some_and(|current| current.number == number) {
            return Ok(());
        }
        while self.next <= number {
            self.leave(packets, keeps_empty, range, bounds)?;
            let next = self.next;
            match self.enter(packets, next) {
                // The reader passed over what is damaged, or had told of it.
                Err(Fault::Read(_) | Fault::Copy(CopyError::Decode(_))) if next < number => {}
                entered => entered?,
            }
        }
        Ok(())
    }

    fn enter(&mut self, packets: &Packets<'_, '_>, number: usize) -> Result<(), Fault> {
        self.next = number + 1;
        self.is_told_of_loss = false;
        let Some(facts) = packets.packet(number) else { return Ok(()) };
        self.at = self.copy.enter(&packets.head(number)?)?;
        self.clock = facts.begin.unwrap_or(self.clock);
        let discarded = facts.events_discarded.unwrap_or(0);
        let sequence_number = facts.sequence_number.unwrap_or(0);
        let (has_discarded, lost_packets) = match self.before {
            None => (discarded != self.uncounted, 0),
            Some(before) => {
                let lost = sequence_number
                    .checked_sub(before.sequence_number)
                    .and_then(|steps| steps.checked_sub(1));
                (discarded != before.discarded, lost.unwrap_or(0))
            }
        };
        self.current =
            Some(Current { number, facts, has_discarded, lost_packets, is_written: false, is_cut: false });
        Ok(())
    }

    /// Goes out of the recorded packet that it is in.
    fn leave(
        &mut self,
        packets: &Packets<'_, '_>,
        keeps_empty: bool,
        range: Option<(i64, i64)>,
        bounds: &Bounds,
    ) -> Result<(), Fault> {
        let Some(mut current) = self.current.take() else { return Ok(()) };
        // The reader may have learnt its end from its last event.
        let end = packets.packet(current.number).and_then(|facts| facts.end);
        let next = packets.packet(current.number + 1).and_then(|facts| facts.begin);
        let end = match (end, next) {
            // A damaged end, which no event after it could follow.
            (Some(end), Some(next))
                if !self.is_after(next, end) && self.is_after(next, self.copy.clock()) =>
            {
                Some(next)
            }
            _ => end,
        };
        let discarded = current.facts.events_discarded.unwrap_or(0);
        if !current.is_written && self.sequence_number.is_none() && self.is_before(end, range) {
            // Nobody asked what was lost then.
            self.uncounted = discarded;
            return Ok(());
        }
        if !current.is_written && (keeps_empty || current.is_lossy()) {
            let begin = current.facts.begin.or(end).unwrap_or(self.clock);
            self.begin(packets, &mut current, begin, bounds)?;
        }
        self.before = Some(Before {
            number: current.number,
            discarded,
            sequence_number: current.facts.sequence_number.unwrap_or(0),
            is_written: current.is_written,
        });
        if current.is_written {
            self.end = end;
            if bounds.packet_bits.is_none() || self.is_lossy {
                self.close(end)?;
            }
        }
        Ok(())
    }

    fn is_before(&self, end: Option<u64>, range: Option<(i64, i64)>) -> bool {
        let (Some(scale), Some(end), Some((begin, _))) = (self.scale, end, range) else { return false };
        scale.nanoseconds(end) < begin
    }

    /// Begins to write the recorded packet that it is in: a packet, or more of the one that is open.
    fn begin(
        &mut self,
        packets: &Packets<'_, '_>,
        current: &mut Current,
        begin: u64,
        bounds: &Bounds,
    ) -> Result<(), Fault> {
        current.is_written = true;
        if let Some(before) = self.before.filter(|before| current.is_lossy() && !before.is_written) {
            self.write_empty(packets, before.number)?;
            self.copy.enter(&packets.head(current.number)?)?;
        }
        if bounds.packet_bits.is_some() {
            let surroundings = self.copy.surroundings()?;
            if self.copy.is_open() && !current.is_lossy() && surroundings == self.surroundings {
                return Ok(());
            }
            self.surroundings = surroundings;
        }
        self.close(self.end)?;
        self.open(current, begin, current.lost_packets)
    }

    /// Writes a recorded packet without its events.
    fn write_empty(&mut self, packets: &Packets<'_, '_>, number: usize) -> Result<(), Fault> {
        let Some(facts) = packets.packet(number) else { return Ok(()) };
        self.close(self.end)?;
        self.copy.enter(&packets.head(number)?)?;
        let empty =
            Current { number, facts, has_discarded: false, lost_packets: 0, is_written: true, is_cut: true };
        let end = facts.end.or(facts.begin);
        self.open(&empty, end.unwrap_or(self.clock), 0)?;
        self.end = end;
        self.close(end)
    }

    fn open(&mut self, current: &Current, begin: u64, lost_packets: u64) -> Result<(), Fault> {
        let sequence_number = match self.sequence_number {
            Some(next) => next.wrapping_add(lost_packets),
            None => current.facts.sequence_number.unwrap_or(0),
        };
        self.sequence_number = Some(sequence_number.wrapping_add(1));
        self.is_lossy = current.is_lossy();
        let discarded = current.facts.events_discarded.unwrap_or(0);
        let events_discarded = discarded.wrapping_sub(self.uncounted);
        // In damaged traces packets may overlap.
        let begin = if self.is_after(begin, self.written_end) { begin } else { self.written_end };
        Ok(self.copy.open(PacketHead { begin, sequence_number, events_discarded })?)
    }

    /// Takes the next event of the recorded packet that it is in.
    pub(super) fn event(
        &mut self,
        packets: &Packets<'_, '_>,
        event: &RecordedEvent<'_>,
        is_wanted: bool,
        bounds: &Bounds,
    ) -> Result<(), Fault> {
        let (start, before) = (self.at - event.offset, self.clock);
        self.at = event.offset + event.end;
        self.clock = event.clock;
        let Some(mut current) = self.current else { return Ok(()) };
        if !is_wanted {
            current.is_cut |= !current.is_written;
            self.current = Some(current);
            return Ok(());
        }
        if !current.is_written {
            // Where the first events are cut off, the trace begins after them.
            let is_start = current.is_cut && self.sequence_number.is_none();
            let begin = match current.facts.begin {
                Some(_) if is_start => before,
                Some(begin) => begin,
                None => event.time,
            };
            self.begin(packets, &mut current, begin, bounds)?;
            self.current = Some(current);
        }
        let is_full = bounds.packet_bits.is_some_and(|most| {
            self.copy.packet_bits() + (event.end - start) > most && self.copy.events_in_packet() > 0
        });
        if (is_full && !self.is_lossy) || !self.copy.event(event, start, before)? {
            self.close(Some(before))?;
            self.open(&current, before, 0)?;
            // A packet that begins at that time can always tell it.
            if !self.copy.event(event, start, before)? {
                return Err(CopyError::Changed.into());
            }
        }
        Ok(())
    }

    /// Takes the packets up to number `end` that are left, or nothing more, and ends.
    pub(super) fn finish(
        &mut self,
        packets: &Packets<'_, '_>,
        end: Option<usize>,
        keeps_empty: bool,
        range: Option<(i64, i64)>,
        bounds: &Bounds,
    ) -> Result<(), Fault> {
        match end {
            Some(end) => {
                if let Some(last) = end.checked_sub(1) {
                    self.pass_to(packets, last, keeps_empty, range, bounds)?;
                }
                self.leave(packets, keeps_empty, range, bounds)?;
                self.close(self.end)?;
            }
            None => {
                // What the reader told of belongs to it, though the packet does not.
                let is_told_of_loss = self.is_told_of_loss;
                self.close(None)?;
                if is_told_of_loss && self.sequence_number.is_some() {
                    self.enter(packets, self.next)?;
                    if let Some(mut current) = self.current.take() {
                        let begin = current.facts.begin.unwrap_or(self.clock);
                        self.begin(packets, &mut current, begin, bounds)?;
                        self.close(Some(begin))?;
                    }
                }
            }
        }
        Ok(self.copy.finish()?)
    }
}
