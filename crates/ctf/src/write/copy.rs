//! Events of a data stream that was read, bit for bit, in packets of their own: fewer events, or packets of other sizes.
//!
//! A trace of CTF 2 becomes one of CTF 1.8 if that is asked for (`lower`). Else the class of the written trace
//! ([`TraceCopy::class`]) is that of the one that was read, but that each packet says where it ends, and when it began and ended: `packet_size` and the like are added where they are missing, and widened where
//! they are narrow. An event is copied in one piece where it lies as it lay; where its paddings change, value by value.
//!
//! Short times in event headers count on from the event before. Where that is missing now, the header gets its long form,
//! if it is one of LTTng's; else the event needs a packet of its own, which tells the time.

use std::path::PathBuf;
use std::sync::Arc;

use super::bits::BitWriter;
use super::data_file::DataFile;
use super::long_header::LongHeader;
use super::lower::lower;
use super::transcribe::{
    MAX_EMPTY, Move, NewContext, Role, RoleValues, Transcriber, moves, role_integer, strictest,
};
use crate::class::{StreamClass, TraceClass, Version};
use crate::decode::{CompileError, DecodeError, Machine, Scopes, Uses, known_fields, scopes_of};
use crate::index::IndexEntry;
use crate::read::{RecordedEvent, clock_of};
use crate::types::{Field, Integer, Scope, Structure, Type};

/// Packets are padded to a multiple of this, in bits.
const PACKET_ALIGNMENT: u64 = 64;

/// Why an event or packet cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The recorded bits are not what they were when they were read.
    #[error("the packet has changed while it was read: {0}")]
    Decode(#[from] DecodeError),
    /// An event does not end where it ended when it was read.
    #[error("the packet has changed while it was read: an event ends elsewhere now")]
    Changed,
    /// The output cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// How the streams of one trace are copied.
#[derive(Debug)]
pub struct TraceCopy {
    class: TraceClass,
    streams: Vec<Arc<Programs>>,
    slots: usize,
}

/// How the streams of one class are copied.
#[derive(Debug)]
struct Programs {
    id: u64,
    /// Packet header and packet context.
    head: [Box<[Move]>; 2],
    event_header: Box<[Move]>,
    long_header: Option<LongHeader>,
    /// Whether all events get the long header, and none is copied in one piece: their types are others.
    is_lowered: bool,
    events: Vec<EventMoves>,
    has_clock: bool,
}

#[derive(Debug)]
struct EventMoves {
    /// What its header, or what it has in place of one, aligns to.
    first_alignment: u32,
    /// The largest alignment in it.
    strictest: u32,
    id: u64,
    /// What follows the header.
    body: Box<[Move]>,
}

impl TraceCopy {
    /// Plans how to copy a trace of that class into one of that version of the format. CTF 1.8 cannot have all that CTF 2
    /// has; what CTF 2 cannot have is told by [`ctf2::write`](crate::ctf2::write).
    pub fn of(source: &TraceClass, version: Version) -> Result<TraceCopy, CompileError> {
        let mut uses = known_fields(source)?;
        let copy = match (source.version, version) {
            (Version::Ctf2, Version::Ctf1) => TraceCopy::lowered(source, &mut uses)?,
            _ => TraceCopy::alike(source, &mut uses),
        };
        if uses.is_exhausted() {
            let cause = "the types of its events take too much memory when compiled".to_owned();
            return Err(CompileError { place: "the trace".to_owned(), cause });
        }
        Ok(TraceCopy { slots: uses.slots(), ..copy })
    }

    fn lowered(source: &TraceClass, uses: &mut Uses) -> Result<TraceCopy, CompileError> {
        let (class, lowered) = lower(source, uses)?;
        let programs = source.streams.iter().zip(lowered).map(|(stream, lowered)| {
            let events = stream.events.iter().zip(lowered.events).map(|(event, body)| EventMoves {
                strictest: 1,
                first_alignment: 1,
                id: event.id,
                body,
            });
            Arc::new(Programs {
                id: stream.id,
                head: lowered.head,
                event_header: lowered.event_header,
                long_header: Some(lowered.header),
                is_lowered: true,
                events: events.collect(),
                has_clock: clock_of(source, stream).is_some(),
            })
        });
        Ok(TraceCopy { streams: programs.collect(), class, slots: 0 })
    }

    fn alike(source: &TraceClass, uses: &mut Uses) -> TraceCopy {
        let mut class = source.clone();
        let mut streams = Vec::with_capacity(source.streams.len());
        for (stream, copy) in source.streams.iter().zip(&mut class.streams) {
            let clock = clock_of(source, stream).map(|clock| clock.name.clone());
            let context = packet_context(source, stream, clock.as_deref());
            let scopes = scopes_of(source, Some(stream), None);
            let mut plan = |scopes: Scopes<'_>, scope, to| moves(scopes, scope, to, uses);
            let to = NewContext { structure: &context, within: source.version == Version::Ctf2 };
            let head =
                [plan(scopes, Scope::PacketHeader, None), plan(scopes, Scope::PacketContext, Some(to))];
            let event_header = plan(scopes, Scope::EventHeader, None);
            let events = stream.events.iter().enumerate().map(|(at, event)| {
                let scopes = scopes_of(source, Some(stream), Some(at));
                let own = [Scope::StreamEventContext, Scope::EventContext, Scope::EventFields];
                let body = own.into_iter().flat_map(|scope| plan(scopes, scope, None)).collect();
                let structures = [&stream.event_header, &stream.event_context, &event.context, &event.fields];
                let mut present = structures.into_iter().flatten();
                EventMoves {
                    strictest: present.clone().map(|structure| strictest(Some(structure))).max().unwrap_or(1),
                    first_alignment: present.next().map_or(1, Structure::alignment_bits),
                    id: event.id,
                    body,
                }
            });
            let events = events.collect();
            streams.push(Arc::new(Programs {
                id: stream.id,
                head,
                event_header,
                long_header: stream.event_header.as_ref().and_then(LongHeader::of),
                is_lowered: false,
                events,
                has_clock: clock.is_some(),
            }));
            copy.packet_context = Some(context);
        }
        TraceCopy { class, streams, slots: 0 }
    }

    /// The class of the written trace.
    pub fn class(&self) -> &TraceClass {
        &self.class
    }

    /// Starts a data stream of the class at position `stream`.
    pub fn stream(&self, stream: usize, instance: Option<u64>, files: StreamFiles) -> StreamCopy {
        let programs = Arc::clone(&self.streams[stream]);
        let StreamFiles { data, index, held_bytes } = files;
        let index = index.filter(|_| programs.has_clock);
        StreamCopy {
            programs,
            instance,
            file: DataFile::create(data, index, held_bytes),
            held_bytes,
            writer: BitWriter::default(),
            slots: vec![0; self.slots].into(),
            head: Vec::new(),
            packet: None,
            clock: 0,
        }
    }
}

/// The packet context that copies of a stream have.
fn packet_context(trace: &TraceClass, stream: &StreamClass, clock: Option<&str>) -> Structure {
    let mut context = stream.packet_context.clone().unwrap_or_default();
    if trace.version == Version::Ctf2 {
        make_plain(&mut context, clock);
    }
    for role in Role::ALL {
        let is_time = matches!(role, Role::TimestampBegin | Role::TimestampEnd);
        match context.fields.iter_mut().find(|field| field.name == role.field()) {
            Some(Field { ty: Type::Integer(integer), .. }) => integer.size_bits = 64,
            Some(_) => {}
            None => {
                let is_size = matches!(role, Role::ContentSize | Role::PacketSize);
                if !(is_size || is_time && clock.is_some()) {
                    continue;
                }
                let mut integer = Integer::unsigned(64, 8, trace.byte_order);
                integer.clock = clock.filter(|_| is_time).map(str::to_owned);
                context.fields.push(Field::new(role.field(), integer));
            }
        }
    }
    context
}

/// Makes plain integers of all fields of CTF 2 with roles.
fn make_plain(structure: &mut Structure, clock: Option<&str>) {
    for field in &mut structure.fields {
        match Role::named(&field.name) {
            Some(role) => {
                let is_time = matches!(role, Role::TimestampBegin | Role::TimestampEnd);
                field.ty = role_integer(&field.ty, clock.filter(|_| is_time)).into();
            }
            None => make_plain_within(&mut field.ty, clock),
        }
    }
}

fn make_plain_within(ty: &mut Type, clock: Option<&str>) {
    match ty {
        Type::Structure(structure) => make_plain(structure, clock),
        Type::Array(array) => make_plain_within(&mut array.element, clock),
        Type::Sequence(sequence) => make_plain_within(&mut sequence.element, clock),
        Type::Optional(optional) => make_plain_within(&mut optional.content.ty, clock),
        Type::Choice(choice) => {
            choice.options.iter_mut().for_each(|option| make_plain_within(&mut option.ty, clock));
        }
        _ => {}
    }
}

/// What is known of a packet before its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PacketHead {
    /// When it begins, in clock cycles.
    pub begin: u64,
    /// Its number in the stream.
    pub sequence_number: u64,
    /// Events of the stream that were discarded up to its end.
    pub events_discarded: u64,
}

/// Where a data stream is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFiles {
    /// Its data.
    pub data: PathBuf,
    /// Its index, if there is to be one; a stream whose packets have no times gets none.
    pub index: Option<PathBuf>,
    /// So many bytes are held before they are written; twice that for packets that are larger.
    pub held_bytes: usize,
}

/// A data stream while it is written.
#[derive(Debug)]
pub struct StreamCopy {
    programs: Arc<Programs>,
    instance: Option<u64>,
    file: DataFile,
    held_bytes: usize,
    writer: BitWriter,
    slots: Box<[u64]>,
    /// The start of the recorded packet.
    head: Vec<u8>,
    packet: Option<OpenPacket>,
    /// The clock after the last event, in cycles.
    clock: u64,
}

/// A packet that is being filled.
#[derive(Debug)]
struct OpenPacket {
    roles: RoleValues,
    /// The start of the recorded packet that its context is from.
    head: Vec<u8>,
    /// Where its events start, in bits.
    events_start: u64,
    /// Its header and context, with times and sizes that are not the last word.
    placeholder: Vec<u8>,
    /// Where it starts in the file, in bytes.
    offset: u64,
    /// The byte in which the context ends and the events start, once that is in the file.
    edge: Option<u8>,
    events: u64,
}

impl StreamCopy {
    /// Goes into a recorded packet, of which `head` are the first bytes: all of its header and context. Gives where its
    /// events start, in bits.
    pub fn enter(&mut self, head: &[u8]) -> Result<u64, CopyError> {
        self.head.clear();
        self.head.extend_from_slice(head);
        self.pass_head(&RoleValues::default(), None)
    }

    /// Passes over the recorded head; gives where it ends.
    fn pass_head(&mut self, roles: &RoleValues, mut out: Option<&mut BitWriter>) -> Result<u64, CopyError> {
        let mut machine = Machine::new(&self.head, u64::MAX);
        for moves in &self.programs.head {
            let out = out.as_deref_mut();
            Transcriber { machine: &mut machine, slots: &mut self.slots, roles, out, empty_left: MAX_EMPTY }
                .run(moves)?;
        }
        Ok(machine.at)
    }

    /// The context of the recorded packet without what it says of times, sizes and counts: only packets that agree in it can
    /// become one.
    pub fn surroundings(&mut self) -> Result<Vec<u8>, CopyError> {
        let mut writer = BitWriter::default();
        self.pass_head(&RoleValues::default(), Some(&mut writer))?;
        Ok(writer.bytes().to_vec())
    }

    /// Whether a packet is being filled.
    pub fn is_open(&self) -> bool {
        self.packet.is_some()
    }

    /// How many events the open packet has.
    pub fn events_in_packet(&self) -> u64 {
        self.packet.as_ref().map_or(0, |packet| packet.events)
    }

    /// Size of the open packet, in bits.
    pub fn packet_bits(&self) -> u64 {
        self.writer.at()
    }

    /// Begins a packet, with the context of the recorded packet that was entered last.
    pub fn open(&mut self, head: PacketHead) -> Result<(), CopyError> {
        let mut roles = RoleValues::default();
        roles[Role::TimestampBegin as usize] = head.begin;
        roles[Role::SequenceNumber as usize] = head.sequence_number;
        roles[Role::EventsDiscarded as usize] = head.events_discarded;
        let mut writer = std::mem::take(&mut self.writer);
        writer.clear();
        let written = self.pass_head(&roles, Some(&mut writer));
        self.writer = writer;
        written?;
        self.clock = head.begin;
        self.packet = Some(OpenPacket {
            roles,
            head: self.head.clone(),
            events_start: self.writer.at(),
            placeholder: self.writer.bytes().to_vec(),
            offset: self.file.end(),
            edge: None,
            events: 0,
        });
        Ok(())
    }

    /// Changes what the open packet says of discarded events, which may be known only later.
    pub fn set_events_discarded(&mut self, count: u64) {
        if let Some(packet) = &mut self.packet {
            packet.roles[Role::EventsDiscarded as usize] = count;
        }
    }

    /// Appends an event to the open packet. It started at bit `start` of `event.bytes`, when the clock was `before`. Gives
    /// false, and does nothing, if its time cannot be told there: it needs a packet that begins at `before`.
    pub fn event(&mut self, event: &RecordedEvent<'_>, start: u64, before: u64) -> Result<bool, CopyError> {
        let programs = Arc::clone(&self.programs);
        let moves = &programs.events[event.class];
        let roles = RoleValues::default();
        let mut machine = Machine::new(event.bytes, event.end);
        machine.at = start;
        let mut is_long = programs.is_lowered;
        if is_long {
            self.transcribe(&mut machine, &programs.event_header, &roles, false)?;
        } else if programs.has_clock && self.clock != before {
            machine.time = self.clock;
            self.transcribe(&mut machine, &programs.event_header, &roles, false)?;
            if machine.time != event.time {
                if programs.long_header.is_none() {
                    return Ok(false);
                }
                is_long = true;
            } else {
                machine.at = start;
            }
        }
        self.writer.align(moves.first_alignment);
        let first = start.next_multiple_of(u64::from(moves.first_alignment));
        let period = u64::from(moves.strictest.max(8));
        let is_alike = self.writer.at() % period == first % period
            && first.is_multiple_of(8)
            && event.end.is_multiple_of(8);
        if is_alike && !is_long {
            self.writer.put(&event.bytes[(first / 8) as usize..(event.end / 8) as usize]);
        } else {
            match &programs.long_header {
                Some(long) if is_long => long.write(&mut self.writer, moves.id, event.time),
                _ => self.transcribe(&mut machine, &programs.event_header, &roles, true)?,
            }
            self.transcribe(&mut machine, &moves.body, &roles, true)?;
            if machine.at != event.end {
                return Err(CopyError::Changed);
            }
        }
        self.clock = event.clock;
        if let Some(packet) = &mut self.packet {
            packet.events += 1;
        }
        if self.writer.bytes().len() >= self.held_bytes {
            self.let_go()?;
        }
        Ok(true)
    }

    /// Reads the event in `bytes` between the bits `start` and `end` as if it were the next one: where it ends, when it is,
    /// and the clock after it.
    pub(super) fn measure(
        &mut self,
        bytes: &[u8],
        start: u64,
        end: u64,
        class: usize,
    ) -> Result<(u64, u64, u64), CopyError> {
        let programs = Arc::clone(&self.programs);
        let roles = RoleValues::default();
        let mut machine = Machine::new(bytes, end);
        (machine.at, machine.time) = (start, self.clock);
        self.transcribe(&mut machine, &programs.event_header, &roles, false)?;
        let time = machine.time;
        self.transcribe(&mut machine, &programs.events[class].body, &roles, false)?;
        Ok((machine.at, time, machine.time))
    }

    /// Whether its events have times.
    pub(super) fn has_clock(&self) -> bool {
        self.programs.has_clock
    }

    fn transcribe(
        &mut self,
        machine: &mut Machine<'_>,
        moves: &[Move],
        roles: &RoleValues,
        writes: bool,
    ) -> Result<(), CopyError> {
        let out = writes.then_some(&mut self.writer);
        Ok(Transcriber { machine, slots: &mut self.slots, roles, out, empty_left: MAX_EMPTY }.run(moves)?)
    }

    /// Writes what is there of a large packet.
    fn let_go(&mut self) -> Result<(), CopyError> {
        let Some(packet) = &mut self.packet else { return Ok(()) };
        if packet.edge.is_none() {
            packet.edge = self.writer.bytes().get(packet.placeholder.len().wrapping_sub(1)).copied();
        }
        let whole = (self.writer.at() / 8 - self.writer.offset()) as usize;
        let put = self.file.put(&self.writer.bytes()[..whole]);
        self.writer.take_off();
        self.written(put)
    }

    fn written<T>(&self, result: std::io::Result<T>) -> Result<T, CopyError> {
        result.map_err(|source| CopyError::Write { path: self.file.path().to_owned(), source })
    }

    /// Ends the open packet at `end` clock cycles, or with its last event if that is later or nothing is known.
    pub fn close(&mut self, end: Option<u64>) -> Result<(), CopyError> {
        let Some(mut packet) = self.packet.take() else { return Ok(()) };
        let end = end.unwrap_or(self.clock).max(self.clock);
        let content_bits = self.writer.at();
        let packet_bits = content_bits.next_multiple_of(PACKET_ALIGNMENT).max(PACKET_ALIGNMENT);
        packet.roles[Role::TimestampEnd as usize] = end;
        packet.roles[Role::ContentSize as usize] = content_bits;
        packet.roles[Role::PacketSize as usize] = packet_bits;

        let mut head = BitWriter::default();
        self.pass_packet_head(&mut packet, &mut head)?;
        let mut bytes = head.bytes().to_vec();
        if !packet.events_start.is_multiple_of(8)
            && let (Some(last), Some(before)) = (bytes.last_mut(), packet.placeholder.last())
        {
            // The first event starts in the same byte.
            let held = self.writer.bytes().get(packet.placeholder.len() - 1).copied();
            *last |= packet.edge.or(held).unwrap_or(*before) ^ before;
        }
        let put = match packet.edge {
            Some(_) => {
                self.file.replace(packet.offset, &bytes).and_then(|()| self.file.put(self.writer.bytes()))
            }
            None => self.file.put(&bytes).and_then(|()| self.file.put(&self.writer.bytes()[bytes.len()..])),
        };
        self.written(put)?;
        let padding = packet.offset + packet_bits / 8 - self.file.end();
        let padded = self.file.pad(padding);
        self.written(padded)?;
        let listed = self.file.list(&IndexEntry {
            offset: packet.offset,
            packet_size: packet_bits,
            content_size: content_bits,
            timestamp_begin: packet.roles[Role::TimestampBegin as usize],
            timestamp_end: end,
            events_discarded: packet.roles[Role::EventsDiscarded as usize],
            stream_id: self.programs.id,
            stream_instance_id: self.instance.unwrap_or(u64::MAX),
            packet_seq_num: packet.roles[Role::SequenceNumber as usize],
        });
        self.written(listed)
    }

    /// The head of a packet again, with its last words. Another recorded packet may have been entered since.
    fn pass_packet_head(&mut self, packet: &mut OpenPacket, out: &mut BitWriter) -> Result<(), CopyError> {
        let slots = self.slots.clone();
        std::mem::swap(&mut self.head, &mut packet.head);
        let passed = self.pass_head(&packet.roles, Some(out));
        std::mem::swap(&mut self.head, &mut packet.head);
        self.slots = slots;
        passed.map(drop)
    }

    /// The clock of the written stream, in cycles.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// Writes what is left. The last packet has to be closed.
    pub fn finish(&mut self) -> Result<(), CopyError> {
        let finished = self.file.finish();
        self.written(finished)
    }
}
