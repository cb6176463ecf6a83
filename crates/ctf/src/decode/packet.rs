//! Packets and their events, with the programs of all kinds of events of a trace.

use std::collections::HashMap;
use std::sync::Arc;

use super::batch::Tails;
use super::compile::{CompileError, Phase, Resolver, Scopes, Use, Uses, compile, is_signed};
use super::emit::{Hidden, ScopeProgram, emit, odd_float};
use super::program::{DecodeError, Machine, ShortHeader, Slot, Step};
use crate::class::{StreamClass, TraceClass, Version};
use crate::types::{ByteOrder, Field, Integer, Scope, Structure, Type};
use crate::ust::{Abi, EventHeader};

/// First four bytes of a data packet.
pub const PACKET_MAGIC: u64 = 0xC1FC_1FC1;

/// The integers that mean something to this program, by their slots.
const MAGIC: Slot = 0;
const STREAM_ID: Slot = 1;
pub(crate) const STREAM_INSTANCE_ID: Slot = 2;
const TIMESTAMP_BEGIN: Slot = 3;
const TIMESTAMP_END: Slot = 4;
const CONTENT_SIZE: Slot = 5;
const PACKET_SIZE: Slot = 6;
const PACKET_SEQ_NUM: Slot = 7;
const EVENTS_DISCARDED: Slot = 8;
const EVENT_ID: Slot = 9;
const KNOWN_SLOTS: usize = 10;

/// Their names in the packet header.
const HEADER_FIELDS: [(&str, Slot); 3] =
    [("magic", MAGIC), ("stream_id", STREAM_ID), ("stream_instance_id", STREAM_INSTANCE_ID)];

/// Their names in the packet context.
const CONTEXT_FIELDS: [(&str, Slot); 6] = [
    ("timestamp_begin", TIMESTAMP_BEGIN),
    ("timestamp_end", TIMESTAMP_END),
    ("content_size", CONTENT_SIZE),
    ("packet_size", PACKET_SIZE),
    ("packet_seq_num", PACKET_SEQ_NUM),
    ("events_discarded", EVENTS_DISCARDED),
];

/// Why the start of a packet cannot be understood; what follows it in the file is lost with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Another magic number.
    #[error("the magic number is {0:#010x}, not 0xc1fc1fc1")]
    BadMagic(u64),
    /// A stream that the metadata does not know.
    #[error("the packet belongs to the stream {0}, which the metadata does not know")]
    UnknownStream(u64),
    /// Header or context are cut off, or a variant in them makes no sense.
    #[error(transparent)]
    Header(#[from] DecodeError),
    /// The tracer has not finished the packet.
    #[error("the packet is still open: its sizes are not set yet")]
    Open,
    /// Sizes that contradict each other or the file.
    #[error(
        "the packet claims {content_bits} bits of content in {packet_bits} bits; the file has {available_bits}"
    )]
    BadSize {
        /// What it claims to hold, header included.
        content_bits: u64,
        /// What it claims to take, padding included.
        packet_bits: u64,
        /// Bits from its start to the end of the file.
        available_bits: u64,
    },
}

/// What a packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketInfo {
    /// Id of its stream class: the channel.
    pub stream_id: u64,
    /// Which of that class's streams: the CPU.
    pub stream_instance_id: Option<u64>,
    /// When it was begun, in clock cycles.
    pub timestamp_begin: Option<u64>,
    /// When it was ended, in clock cycles; 0 in crash traces.
    pub timestamp_end: Option<u64>,
    /// Size from its start to the end of its last event, in bits.
    pub content_bits: u64,
    /// Size with padding, in bits.
    pub packet_bits: u64,
    /// Its number in the stream, from 0.
    pub sequence_number: Option<u64>,
    /// Events of the stream that were discarded up to its end, as a running total.
    pub events_discarded: Option<u64>,
    /// Where its events start, in bits.
    pub events_start: u64,
}

/// An event that was passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenEvent {
    /// Which of the stream class's events, by position in [`StreamClass::events`].
    pub class: usize,
    /// When, in clock cycles, as far as the trace says.
    pub time: u64,
}

/// Decodes the packets of one trace.
#[derive(Debug)]
pub struct TraceDecoder {
    header: Box<[Step]>,
    has_magic: bool,
    has_stream_id: bool,
    has_instance_id: bool,
    streams: HashMap<u64, Arc<StreamDecoder>>,
    /// What shows the packet header, if that was asked for.
    pub(crate) shown_header: Option<ScopeProgram>,
    /// The stream of packets that name none.
    default_stream: Option<u64>,
    slots: Vec<u64>,
}

/// What the packets and events of one kind of stream are read with.
#[derive(Debug)]
pub(crate) struct StreamDecoder {
    context: Box<[Step]>,
    present: Vec<Slot>,
    event_header: Box<[Step]>,
    /// The short form of the header, if it is one of LTTng's.
    pub(super) short_header: Option<ShortHeader>,
    /// Whether what follows the header needs its fields.
    pub(super) header_is_referred_to: bool,
    /// The rest of each event after its header.
    pub(super) events: Vec<EventSteps>,
    /// The same, for events that start at a byte.
    pub(super) tails: Tails,
    pub(super) ids: EventIds,
    /// What shows its values, if that was asked for.
    pub(crate) shows: Shows,
}

/// The programs that show the values of one kind of stream.
#[derive(Debug, Default)]
pub(crate) struct Shows {
    /// The context of its packets, without what this program has a use for.
    pub(crate) packet_context: Option<ScopeProgram>,
    /// The header of its events.
    pub(crate) event_header: Option<ScopeProgram>,
    /// The context that all its events have.
    pub(crate) event_context: Option<ScopeProgram>,
    /// Context and payload of each kind of event.
    pub(crate) events: Vec<[Option<ScopeProgram>; 2]>,
}

/// What follows the header of one kind of event.
#[derive(Debug)]
pub(super) struct EventSteps {
    pub(super) steps: Box<[Step]>,
    /// Its bits, if they are always as many and none of them matters.
    fixed_bits: Option<u64>,
}

impl EventSteps {
    fn new(steps: Box<[Step]>) -> EventSteps {
        let fixed_bits = match &*steps {
            [] => Some(0),
            [Step::Skip(bits)] => Some(*bits),
            _ => None,
        };
        EventSteps { steps, fixed_bits }
    }
}

/// From event ids to positions.
#[derive(Debug)]
pub(super) enum EventIds {
    /// Ids are the positions, as LTTng gives them out.
    Dense(usize),
    /// The position of each id, [`NO_EVENT`] for those of no event.
    Table(Box<[u32]>),
    Sparse(HashMap<u64, usize>),
}

/// Ids up to this are looked up in a table.
const MAX_TABLE_ID: u64 = 1 << 16;

const NO_EVENT: u32 = u32::MAX;

impl EventIds {
    fn of(stream: &StreamClass) -> EventIds {
        if stream.events.iter().zip(0..).all(|(event, id)| event.id == id) {
            return EventIds::Dense(stream.events.len());
        }
        let ids = stream.events.iter().map(|event| event.id);
        match ids.clone().max() {
            Some(most) if most <= MAX_TABLE_ID => {
                let mut table = vec![NO_EVENT; most as usize + 1];
                ids.zip(0..).for_each(|(id, at)| table[id as usize] = at);
                EventIds::Table(table.into())
            }
            _ => EventIds::Sparse(ids.enumerate().map(|(at, id)| (id, at)).collect()),
        }
    }

    #[inline]
    pub(super) fn position(&self, id: u64) -> Option<usize> {
        match self {
            EventIds::Dense(len) => usize::try_from(id).ok().filter(|id| id < len),
            EventIds::Table(table) => {
                let at = table.get(usize::try_from(id).ok()?).filter(|at| **at != NO_EVENT)?;
                Some(*at as usize)
            }
            EventIds::Sparse(ids) => ids.get(&id).copied(),
        }
    }
}

impl TraceDecoder {
    /// Compiles the types of all packets and events of a trace, so that events can be counted.
    pub fn new(trace: &TraceClass) -> Result<TraceDecoder, CompileError> {
        TraceDecoder::compiled(trace, false)
    }

    /// Compiles the types of all packets and events of a trace, so that their values can be shown.
    pub(crate) fn showing(trace: &TraceClass) -> Result<TraceDecoder, CompileError> {
        TraceDecoder::compiled(trace, true)
    }

    fn compiled(trace: &TraceClass, shows: bool) -> Result<TraceDecoder, CompileError> {
        let mut uses = Uses::new(KNOWN_SLOTS);
        let header_fields = trace.packet_header.as_ref();
        let in_header =
            header_fields.map(|header| keep(header, &HEADER_FIELDS, trace, &mut uses)).unwrap_or_default();
        let mut streams = HashMap::with_capacity(trace.streams.len());
        // References of all events are resolved before anything is compiled, since they decide what is kept.
        let mut referred = Vec::with_capacity(trace.streams.len());
        for stream in &trace.streams {
            uses.header_is_referred_to = false;
            resolve_stream(trace, stream, &mut uses)?;
            referred.push(uses.header_is_referred_to);
            if shows {
                check_floats(stream)?;
            }
        }
        let scopes = scopes_of(trace, None, None);
        let shown_header =
            shows.then(|| emit_header(scopes, Scope::PacketHeader, &mut uses, Phase::PACKET_START)).flatten();
        let (header, phase) =
            compile(scopes, Scope::PacketHeader, Scope::PacketHeader, &mut uses, Phase::PACKET_START);
        for (stream, header_is_referred_to) in trace.streams.iter().zip(referred) {
            let mut decoder = StreamDecoder::new(trace, stream, &mut uses, phase, shows);
            decoder.header_is_referred_to = header_is_referred_to;
            streams.insert(stream.id, Arc::new(decoder));
            if uses.is_exhausted() {
                let cause = "the types of its events take too much memory when compiled".to_owned();
                return Err(CompileError { place: format!("stream {}", stream.id), cause });
            }
        }
        Ok(TraceDecoder {
            header,
            has_magic: in_header.contains(&MAGIC),
            has_stream_id: in_header.contains(&STREAM_ID),
            has_instance_id: in_header.contains(&STREAM_INSTANCE_ID),
            streams,
            shown_header,
            default_stream: match trace.streams.as_slice() {
                [only] => Some(only.id),
                _ => None,
            },
            slots: vec![0; uses.slots()],
        })
    }

    #[cfg(test)]
    pub(super) fn knows_header_of(&self, stream: u64) -> bool {
        self.streams[&stream].short_header.is_some()
    }

    /// Memory for the integers that reading one stream keeps.
    pub(crate) fn slots(&self) -> Box<[u64]> {
        vec![0; self.slots.len()].into()
    }

    /// What packets of that stream class are read with.
    pub(crate) fn stream(&self, id: u64) -> Option<&Arc<StreamDecoder>> {
        self.streams.get(&id)
    }

    /// Reads the start of a packet. `bytes` are the first of the packet (all of its header at least), `available` the
    /// number of bytes from its start to the end of the file.
    pub fn packet(&mut self, bytes: &[u8], available: u64) -> Result<PacketInfo, PacketError> {
        let mut slots = std::mem::take(&mut self.slots);
        let info = self.packet_into(&mut slots, bytes, available);
        self.slots = slots;
        info
    }

    /// As [`TraceDecoder::packet`], with the integers that later fields may refer to left in `slots`.
    pub(crate) fn packet_into(
        &self,
        slots: &mut [u64],
        bytes: &[u8],
        available: u64,
    ) -> Result<PacketInfo, PacketError> {
        let mut machine = Machine::new(bytes, u64::MAX);
        machine.run(&self.header, slots)?;
        let slot = |slots: &[u64], slot: Slot| slots[usize::from(slot)];
        if self.has_magic && slot(slots, MAGIC) != PACKET_MAGIC {
            return Err(PacketError::BadMagic(slot(slots, MAGIC)));
        }
        let stream_id = match (self.has_stream_id, self.default_stream) {
            (true, _) => slot(slots, STREAM_ID),
            (false, only) => only.unwrap_or(0),
        };
        let Some(stream) = self.streams.get(&stream_id) else {
            return Err(PacketError::UnknownStream(stream_id));
        };
        machine.run(&stream.context, slots)?;

        let get = |wanted: Slot| stream.present.contains(&wanted).then(|| slot(slots, wanted));
        let available_bits = available.saturating_mul(8);
        let (content, size) = (get(CONTENT_SIZE), get(PACKET_SIZE));
        // All ones, in a field of 32 or 64 bits: not set yet.
        if [content, size].into_iter().flatten().any(|bits| bits == u64::MAX || bits == u64::from(u32::MAX)) {
            return Err(PacketError::Open);
        }
        let packet_bits = size.or(content).unwrap_or(available_bits);
        let content_bits = content.unwrap_or(packet_bits);
        let events_start = machine.at;
        if content_bits > packet_bits
            || packet_bits > available_bits
            || packet_bits == 0
            || !packet_bits.is_multiple_of(8)
            || content_bits < events_start
        {
            return Err(PacketError::BadSize { content_bits, packet_bits, available_bits });
        }
        Ok(PacketInfo {
            stream_id,
            stream_instance_id: self.has_instance_id.then(|| slot(slots, STREAM_INSTANCE_ID)),
            timestamp_begin: get(TIMESTAMP_BEGIN),
            timestamp_end: get(TIMESTAMP_END),
            content_bits,
            packet_bits,
            sequence_number: get(PACKET_SEQ_NUM),
            events_discarded: get(EVENTS_DISCARDED),
            events_start,
        })
    }

    /// Where the context of a packet starts, with the integers before it in `slots`.
    pub(crate) fn pass_header<'p>(
        &self,
        slots: &mut [u64],
        packet: &'p [u8],
    ) -> Result<Machine<'p>, DecodeError> {
        let mut machine = Machine::new(packet, u64::MAX);
        machine.run(&self.header, slots)?;
        Ok(machine)
    }

    /// Passes over the events of a packet and shows each. `packet` is its content at least, and `info` what
    /// [`TraceDecoder::packet`] said of these bytes. Events before an error have been shown.
    pub fn events(
        &mut self,
        packet: &[u8],
        info: &PacketInfo,
        mut seen: impl FnMut(SeenEvent),
    ) -> Result<(), DecodeError> {
        let Some(stream) = self.streams.get(&info.stream_id) else { return Ok(()) };
        let slots = self.slots.as_mut_slice();
        // Events may refer to fields of the packet's header and context.
        let mut machine = Machine::new(packet, info.content_bits);
        machine.run(&self.header, slots)?;
        machine.run(&stream.context, slots)?;
        machine.time = info.timestamp_begin.unwrap_or(0);
        while machine.has_more() {
            let event = stream.event(&mut machine, slots)?;
            seen(SeenEvent { class: event.class, time: event.time });
        }
        Ok(())
    }
}

/// An event that was passed, and where its values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PassedEvent {
    pub(crate) class: usize,
    /// When, in clock cycles.
    pub(crate) time: u64,
    /// Where its values start, after the header, in bits.
    pub(crate) body: u64,
}

impl StreamDecoder {
    /// Passes over one event; on an error the machine stands where it was at fault.
    #[inline]
    pub(crate) fn event(
        &self,
        machine: &mut Machine<'_>,
        slots: &mut [u64],
    ) -> Result<PassedEvent, DecodeError> {
        let at = machine.at;
        let id = match self.short_header.and_then(|form| machine.short_header(form)) {
            Some(id) => {
                slots[usize::from(EVENT_ID)] = id;
                id
            }
            None => {
                slots[usize::from(EVENT_ID)] = 0;
                machine.run(&self.event_header, slots)?;
                slots[usize::from(EVENT_ID)]
            }
        };
        let Some(class) = self.ids.position(id) else {
            return Err(DecodeError::UnknownEvent { at, id });
        };
        let (time, body) = (machine.time, machine.at);
        let event = &self.events[class];
        match event.fixed_bits {
            Some(bits) => machine.skip(bits)?,
            None => machine.run(&event.steps, slots)?,
        }
        if machine.at == at {
            return Err(DecodeError::EmptyEvent { at });
        }
        Ok(PassedEvent { class, time, body })
    }

    fn new(
        trace: &TraceClass,
        stream: &StreamClass,
        uses: &mut Uses,
        phase: Phase,
        shows: bool,
    ) -> StreamDecoder {
        let scopes = scopes_of(trace, Some(stream), None);
        let context_fields = stream.packet_context.as_ref();
        let present =
            context_fields.map(|context| keep(context, &CONTEXT_FIELDS, trace, uses)).unwrap_or_default();
        let shows = if shows { Shows::new(trace, stream, uses, phase) } else { Shows::default() };
        let (context, _) = compile(scopes, Scope::PacketContext, Scope::PacketContext, uses, phase);
        let (event_header, phase) =
            compile(scopes, Scope::EventHeader, Scope::EventHeader, uses, Phase::UNKNOWN);
        let events = (0..stream.events.len()).map(|event| {
            let scopes = scopes_of(trace, Some(stream), Some(event));
            EventSteps::new(compile(scopes, Scope::StreamEventContext, Scope::EventFields, uses, phase).0)
        });
        let events: Vec<EventSteps> = events.collect();
        let mut tails = Tails::default();
        events.iter().for_each(|event| tails.add(&event.steps));
        let short_header = short_header(&event_header);
        StreamDecoder {
            context,
            present,
            event_header,
            short_header,
            header_is_referred_to: true,
            events,
            tails,
            ids: EventIds::of(stream),
            shows,
        }
    }
}

impl Shows {
    fn new(trace: &TraceClass, stream: &StreamClass, uses: &mut Uses, mut phase: Phase) -> Shows {
        let scopes = scopes_of(trace, Some(stream), None);
        let known = |field: &Field| {
            is_signed(&field.ty).is_some() && CONTEXT_FIELDS.iter().any(|(name, _)| *name == field.name)
        };
        let packet_context = emit(
            scopes,
            Scope::PacketContext,
            uses,
            &mut phase,
            Hidden { is: &known, within: trace.version == Version::Ctf2 },
        );
        let event_header = emit_header(scopes, Scope::EventHeader, uses, Phase::UNKNOWN);
        let mut phase = Phase::UNKNOWN;
        let shown = ALL_SHOWN;
        let event_context = emit(scopes, Scope::StreamEventContext, uses, &mut phase, shown);
        let events = (0..stream.events.len()).map(|event| {
            let scopes = scopes_of(trace, Some(stream), Some(event));
            let mut phase = phase;
            [Scope::EventContext, Scope::EventFields]
                .map(|scope| emit(scopes, scope, uses, &mut phase, shown))
        });
        let events = events.collect();
        Shows { packet_context, event_header, event_context, events }
    }
}

const ALL_SHOWN: Hidden<'static> = Hidden { is: &|_: &Field| false, within: false };

/// What shows a header. Nothing for one with a number that no machine has: other fields are read all the same.
fn emit_header(scopes: Scopes<'_>, scope: Scope, uses: &mut Uses, mut phase: Phase) -> Option<ScopeProgram> {
    let header = scopes.iter().find(|(which, _)| *which == scope)?.1?;
    if header.fields.iter().any(|field| odd_float(&field.ty).is_some()) {
        return None;
    }
    emit(scopes, scope, uses, &mut phase, ALL_SHOWN)
}

/// Refuses floating point numbers that are no numbers of C.
fn check_floats(stream: &StreamClass) -> Result<(), CompileError> {
    let check = |place: &dyn Fn() -> String, structure: &Option<Structure>| {
        let fields = structure.iter().flat_map(|structure| &structure.fields);
        match fields.filter_map(|field| odd_float(&field.ty)).next() {
            None => Ok(()),
            Some(float) => {
                let cause = format!(
                    "a floating point number with {} bits of exponent and {} of mantissa: this program reads 8 and 24, 11 and 53, or 5 and 11",
                    float.exponent_bits, float.mantissa_bits
                );
                Err(CompileError { place: place(), cause })
            }
        }
    };
    let of_stream = || format!("stream {}", stream.id);
    check(&of_stream, &stream.packet_context)?;
    check(&of_stream, &stream.event_context)?;
    for event in &stream.events {
        let of_event = || format!("event \"{}\" of stream {}", event.name, stream.id);
        check(&of_event, &event.context)?;
        check(&of_event, &event.fields)?;
    }
    Ok(())
}

/// Which of LTTng's headers these steps are, if any. They are compared with what LTTng's structures compile to; where
/// more than the id and the time is kept, they differ.
fn short_header(steps: &[Step]) -> Option<ShortHeader> {
    let (little, big) = (Abi::X86_64, Abi { byte_order: ByteOrder::Big, ..Abi::X86_64 });
    let known = [
        (ShortHeader::Large(ByteOrder::Little), EventHeader::Large.structure(&little, "")),
        (ShortHeader::Large(ByteOrder::Big), EventHeader::Large.structure(&big, "")),
        (ShortHeader::Compact, EventHeader::Compact.structure(&little, "")),
    ];
    let found = known.into_iter().find(|(_, structure)| {
        let mut uses = Uses::new(KNOWN_SLOTS);
        use_event_header(structure, &mut uses);
        let mut scopes = [(Scope::EventHeader, None); 6];
        scopes[0].1 = Some(structure);
        *steps == *compile(scopes, Scope::EventHeader, Scope::EventHeader, &mut uses, Phase::UNKNOWN).0
    });
    found.map(|(form, _)| form)
}

/// The structures of a trace, of a stream class of it, and of the event class at position `event` of that.
pub(crate) fn scopes_of<'t>(
    trace: &'t TraceClass,
    stream: Option<&'t StreamClass>,
    event: Option<usize>,
) -> Scopes<'t> {
    let event = stream.zip(event).map(|(stream, event)| &stream.events[event]);
    [
        (Scope::PacketHeader, trace.packet_header.as_ref()),
        (Scope::PacketContext, stream.and_then(|stream| stream.packet_context.as_ref())),
        (Scope::EventHeader, stream.and_then(|stream| stream.event_header.as_ref())),
        (Scope::StreamEventContext, stream.and_then(|stream| stream.event_context.as_ref())),
        (Scope::EventContext, event.and_then(|event| event.context.as_ref())),
        (Scope::EventFields, event.and_then(|event| event.fields.as_ref())),
    ]
}

/// What is kept of which fields, for those who compile the types of a trace for themselves.
pub(crate) fn known_fields(trace: &TraceClass) -> Result<Uses, CompileError> {
    let mut uses = Uses::new(KNOWN_SLOTS);
    trace.packet_header.as_ref().map(|header| keep(header, &HEADER_FIELDS, trace, &mut uses));
    for stream in &trace.streams {
        resolve_stream(trace, stream, &mut uses)?;
    }
    Ok(uses)
}

fn resolve_stream(trace: &TraceClass, stream: &StreamClass, uses: &mut Uses) -> Result<(), CompileError> {
    let context = stream.packet_context.as_ref();
    context.map(|context| keep(context, &CONTEXT_FIELDS, trace, uses));
    if let Some(header) = &stream.event_header {
        use_event_header(header, uses);
    }
    let at_fault = |place: String| move |cause| CompileError { place, cause };
    let scopes = scopes_of(trace, Some(stream), None);
    Resolver::resolve(scopes, Scope::PacketHeader, uses)
        .map_err(at_fault(format!("stream {}", stream.id)))?;
    for (at, event) in stream.events.iter().enumerate() {
        let scopes = scopes_of(trace, Some(stream), Some(at));
        Resolver::resolve(scopes, Scope::EventContext, uses)
            .map_err(at_fault(format!("event \"{}\" of stream {}", event.name, stream.id)))?;
    }
    Ok(())
}

/// Keeps the integers of these names; says which are there. In CTF 2 they may be anywhere within.
fn keep(structure: &Structure, fields: &[(&str, Slot)], trace: &TraceClass, uses: &mut Uses) -> Vec<Slot> {
    let mut found = Vec::new();
    for field in &structure.fields {
        keep_field(field, &field.name, fields, trace.version == Version::Ctf2, uses, &mut found);
    }
    found
}

/// Whether the packets or events tell what fields of this name mean.
pub(crate) fn tells(trace: &TraceClass, structure: Option<&Structure>, name: &str) -> bool {
    structure.is_some_and(|structure| !keep(structure, &[(name, 0)], trace, &mut Uses::new(1)).is_empty())
}

fn keep_field(
    field: &Field,
    name: &str,
    fields: &[(&str, Slot)],
    within: bool,
    uses: &mut Uses,
    found: &mut Vec<Slot>,
) {
    if is_signed(&field.ty).is_some() {
        if let Some((_, slot)) = fields.iter().find(|(known, _)| *known == name) {
            uses.set(field, Use::Keep(*slot));
            found.push(*slot);
        }
        return;
    }
    match &field.ty {
        _ if !within => {}
        Type::Structure(inner) => {
            inner.fields.iter().for_each(|field| keep_field(field, &field.name, fields, within, uses, found));
        }
        Type::Optional(optional) => keep_field(&optional.content, name, fields, within, uses, found),
        Type::Choice(choice) => {
            choice.options.iter().for_each(|option| keep_field(option, name, fields, within, uses, found));
        }
        _ => {}
    }
}

/// Keeps the ids and takes the times of an event header, also those in its options.
fn use_event_header(structure: &Structure, uses: &mut Uses) {
    structure.fields.iter().for_each(|field| use_in_event_header(field, &field.name, uses));
}

/// `name` is that of the field, or of the optional field or variant that it is the content of.
fn use_in_event_header(field: &Field, name: &str, uses: &mut Uses) {
    if let Some(signed) = is_signed(&field.ty) {
        if name == "id" {
            uses.set(field, Use::Keep(EVENT_ID));
        } else if !signed && (name == "timestamp" || clock_of(&field.ty).is_some()) {
            uses.set(field, Use::Time);
        }
        return;
    }
    match &field.ty {
        Type::Structure(inner) => use_event_header(inner, uses),
        Type::Variant(variant) => {
            for option in &variant.options {
                match &option.ty {
                    Type::Structure(inner) => use_event_header(inner, uses),
                    time if clock_of(time).is_some() && is_signed(time) == Some(false) => {
                        uses.set(option, Use::Time);
                    }
                    _ => {}
                }
            }
        }
        Type::Optional(optional) => use_in_event_header(&optional.content, name, uses),
        Type::Choice(choice) => {
            choice.options.iter().for_each(|option| use_in_event_header(option, name, uses));
        }
        _ => {}
    }
}

fn clock_of(ty: &Type) -> Option<&str> {
    match ty.in_order() {
        Type::Integer(integer) => integer.clock.as_deref(),
        Type::Enumeration(enumeration) => enumeration.container.clock.as_deref(),
        Type::VariableInteger(integer) => integer.clock.as_deref(),
        _ => None,
    }
}

pub(crate) fn integer_of(field: &Field) -> Option<&Integer> {
    match &field.ty {
        Type::Integer(integer) => Some(integer),
        Type::Enumeration(enumeration) => Some(&enumeration.container),
        _ => None,
    }
}
