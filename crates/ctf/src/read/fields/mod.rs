//! The values of an event, by name and by path.
//!
//! ```text
//! get(path)      a field at a known distance from the event's start    one load
//!                a field behind texts, sequences, variants             passes over those, then one load
//!                anything else                                         from the tape
//! field, structure                                                     from the tape
//! ```
//! The tape is what a visitor was shown of one event (`tape`), made when the first value is asked for and used again for
//! the next event. Where a field is, is worked out once for each kind of event (`path`, `place`).

mod path;
mod place;
mod tape;
mod typed;
mod value;

use std::sync::{Mutex, OnceLock, PoisonError};

pub use path::{FieldPath, PathError};
pub use typed::FromField;
pub use value::{
    ArrayValue, BitsValue, Elements, EnumerationValue, FieldValue, NamedValues, OptionalValue,
    StructureValue, VariantValue,
};

use super::stream::Stream;
use super::{Event, ReadError};
use crate::decode::{Layout, Machine, ScopeProgram, show};
use crate::types::Scope;
use tape::{Recorder, Tape};
use value::Spot;

/// Tapes with room for more than this many values are not kept for the next event.
const MOST_KEPT_VALUES: usize = 1 << 16;

/// What was looked at of the event and the packet that a stream stands at.
#[derive(Debug, Default)]
pub(super) struct Looked {
    event: OnceLock<Result<Tape, ReadError>>,
    header: OnceLock<Result<Tape, ReadError>>,
    packet: OnceLock<Result<Tape, ReadError>>,
    spare: Mutex<Vec<Tape>>,
}

impl Looked {
    /// Another event is next.
    #[inline]
    pub(super) fn forget_event(&mut self) {
        if self.event.get().is_some() || self.header.get().is_some() {
            let tapes = [self.event.take(), self.header.take()];
            tapes.into_iter().flatten().for_each(|tape| self.keep(tape));
        }
    }

    /// Another packet is next.
    pub(super) fn forget_packet(&mut self) {
        if let Some(tape) = self.packet.take() {
            self.keep(tape);
        }
    }

    fn keep(&mut self, tape: Result<Tape, ReadError>) {
        if let Ok(tape) = tape
            && tape.room() <= MOST_KEPT_VALUES
        {
            self.spare.get_mut().unwrap_or_else(PoisonError::into_inner).push(tape);
        }
    }

    fn empty_tape(&self) -> Tape {
        let mut tape = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        tape.clear();
        tape
    }
}

/// Which tape the values of a scope are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Event,
    EventHeader,
    Packet,
}

fn part_of(scope: Scope) -> Part {
    match scope {
        Scope::PacketHeader | Scope::PacketContext => Part::Packet,
        Scope::EventHeader => Part::EventHeader,
        Scope::StreamEventContext | Scope::EventContext | Scope::EventFields => Part::Event,
    }
}

/// The scopes in which a name without one is looked for, in this order.
const NEAREST_FIRST: [Scope; 6] = [
    Scope::EventFields,
    Scope::EventContext,
    Scope::StreamEventContext,
    Scope::PacketContext,
    Scope::EventHeader,
    Scope::PacketHeader,
];

impl Event<'_> {
    /// The field of that name: of the payload, else of the event's own context, that of its stream, that of its packet, or
    /// of the headers. The name is the shown one, without LTTng's underscore.
    ///
    /// Who asks many events for the same field is better off with [`Event::get`].
    pub fn field(&self, name: &str) -> Option<FieldValue<'_>> {
        NEAREST_FIRST.into_iter().find_map(|scope| self.structure(scope).ok()??.field(name))
    }

    /// The payload; an event without fields has an empty one, or none if the metadata says nothing of fields.
    pub fn payload(&self) -> Option<StructureValue<'_>> {
        self.structure(Scope::EventFields).ok()?
    }

    /// All values of one scope, or nothing where the metadata declares none. Of headers and packet contexts, what the
    /// reader itself goes by is left out: times, sizes and counts are in [`Event::nanoseconds`], [`Event::cycles`] and
    /// [`Event::recorded_packet`].
    ///
    /// Fails for an event that has more than four million values, which only [`Event::show`] gives, one by one; there
    /// [`Event::field`] and [`Event::payload`] find nothing.
    pub fn structure(&self, scope: Scope) -> Result<Option<StructureValue<'_>>, ReadError> {
        let stream = &*self.stream;
        let tape = stream.tape(part_of(scope))?;
        Ok(tape.root(scope).zip(stream.program(self.class_number(), scope)).map(|(at, program)| {
            let bytes = stream.bytes_of(part_of(scope));
            StructureValue::new(Spot { tape, layout: &program.layout, bytes, at })
        }))
    }

    /// The value at a path, if this kind of event has it and it is of that type: see [`FromField`] for which types there
    /// are. Numbers that `T` cannot hold are nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rttng_ctf::read::{Message, Options, Reader};
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/trace/per-uid/trace");
    /// let mut reader = Reader::open(&[folder.into()], &Options::default())?;
    /// let path = reader.path("u32")?;
    /// let mut sum = 0;
    /// while let Some(message) = reader.next()? {
    ///     if let Message::Event(event) = message {
    ///         sum += event.get::<u64>(&path).unwrap_or(0);
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    #[inline]
    pub fn get<'e, T: FromField<'e>>(&'e self, path: &FieldPath) -> Option<T> {
        T::from_field(self.at(path)?)
    }

    /// The value at a path, of whatever type it is.
    #[inline]
    pub fn at(&self, path: &FieldPath) -> Option<FieldValue<'_>> {
        match path.place(self.stream, self.number) {
            Some(Some(place)) => place.value(self),
            Some(None) => None,
            None => path.look_for(self),
        }
    }
}

impl Stream {
    /// The program that shows one scope of a class of events.
    fn program(&self, class: usize, scope: Scope) -> Option<&ScopeProgram> {
        let shows = &self.decoder.shows;
        match scope {
            Scope::PacketHeader => self.trace_decoder.shown_header.as_ref(),
            Scope::PacketContext => shows.packet_context.as_ref(),
            Scope::EventHeader => shows.event_header.as_ref(),
            Scope::StreamEventContext => shows.event_context.as_ref(),
            Scope::EventContext => shows.events.get(class)?[0].as_ref(),
            Scope::EventFields => shows.events.get(class)?[1].as_ref(),
        }
    }

    fn layout(&self, class: usize, scope: Scope) -> Option<&Layout> {
        self.program(class, scope).map(|program| &program.layout)
    }

    /// The bytes that the values of a part lie in.
    fn bytes_of(&self, part: Part) -> &[u8] {
        match part {
            Part::Packet => &self.head,
            Part::EventHeader | Part::Event => &self.window,
        }
    }

    fn tape(&self, part: Part) -> Result<&Tape, ReadError> {
        let looked = &self.looked;
        let tape = match part {
            Part::Event => looked.event.get_or_init(|| self.record(part)),
            Part::EventHeader => looked.header.get_or_init(|| self.record(part)),
            Part::Packet => looked.packet.get_or_init(|| self.record(part)),
        };
        tape.as_ref().map_err(Clone::clone)
    }

    fn record(&self, part: Part) -> Result<Tape, ReadError> {
        let mut tape = self.looked.empty_tape();
        // Lengths and tags may lie in the packet's header, or that of the event.
        let mut slots = tape.take_slots(&self.slots);
        let class = self.event().unwrap_or_default().class;
        let (scopes, mut machine): (&[Scope], _) = match part {
            Part::Packet => {
                (&[Scope::PacketHeader, Scope::PacketContext], Machine::new(&self.head, u64::MAX))
            }
            Part::EventHeader => (&[Scope::EventHeader], self.at_header(&mut slots)),
            Part::Event => (
                &[Scope::StreamEventContext, Scope::EventContext, Scope::EventFields],
                self.machine_at(self.event().unwrap_or_default().body),
            ),
        };
        let mut recorder = Recorder::new(&mut tape, self.bytes_of(part));
        for scope in scopes {
            recorder.begin_scope(*scope);
            if let Some(program) = self.program(class, *scope) {
                show(&program.steps, &mut machine, &mut slots, &mut recorder)
                    .map_err(|error| self.show_error(error))?;
            } else if *scope == Scope::PacketHeader {
                machine = self
                    .trace_decoder
                    .pass_header(&mut slots, &self.head)
                    .map_err(|error| self.show_error(error))?;
            }
        }
        let is_whole = recorder.is_whole();
        tape.give_slots(slots);
        if !is_whole {
            return Err(self.at_fault("an event of more values than are kept at once"));
        }
        Ok(tape)
    }

    /// Stands at the header of the event that is next.
    fn at_header(&self, slots: &mut [u64]) -> Machine<'_> {
        let body = self.event().unwrap_or_default().body;
        let mut machine = self.machine_at(self.header_at());
        loop {
            let at = machine.at;
            match self.decoder.event(&mut machine, slots) {
                Ok(event) if event.body < body => {}
                _ => {
                    machine.at = at;
                    return machine;
                }
            }
        }
    }

    /// Stands at a bit of the event that is next, and ends with it.
    fn machine_at(&self, at: u64) -> Machine<'_> {
        let mut machine = Machine::new(&self.window, self.event_end());
        machine.at = at.min(machine.end);
        machine
    }
}
