//! Traces, from front to back: every event of all their streams in the order of time, and what was lost between them.
//!
//! [`Reader::open`] finds the traces in folders, [`Reader::next`] gives one message after the other. An [`Event`] is a
//! view of the bytes where it was recorded: nothing is allocated for it, and its values are taken from there when a
//! [`Visit`]or asks for them.
//!
//! ```no_run
//! use rttng_ctf::read::{Message, Options, Reader};
//!
//! let mut reader = Reader::open(&["/tmp/trace".into()], &Options::default())?;
//! let mut count = 0;
//! while let Some(message) = reader.next()? {
//!     if let Message::Event(event) = message {
//!         count += 1;
//!         println!("{:?} {}", event.nanoseconds(), event.class().name);
//!     }
//! }
//! println!("{count} events");
//! # Ok::<(), rttng_ctf::read::ReadError>(())
//! ```
//!
//! Events of one time come in the order of babeltrace2: by the UUID of the trace, then by its name, then by the ids of
//! stream class and stream.
//!
//! Streams can be read one by one ([`Reader::into_streams`]), and spans of time by several threads, each with a
//! [fork](Reader::fork) of the reader. Here the events of each span are counted, in no matter which order:
//!
//! ```no_run
//! use std::sync::Mutex;
//! use rttng_ctf::read::{Options, Passed, Reader};
//!
//! let reader = Reader::open(&["/tmp/trace".into()], &Options::default())?;
//! assert!(reader.is_divisible());
//! let slices = Mutex::new(reader.slices(1 << 20));
//! let count = || {
//!     let mut own = reader.fork();
//!     let mut events = 0;
//!     loop {
//!         let Some((begin, end)) = slices.lock().ok().and_then(|mut slices| slices.next()) else { return events };
//!         own.limit_to(begin, end);
//!         while let Ok(Some(passed)) = own.pass() {
//!             if let Passed::Events(count) = passed {
//!                 events += count;
//!             }
//!         }
//!     }
//! };
//! let events: u64 = std::thread::scope(|scope| {
//!     let other = scope.spawn(count);
//!     count() + other.join().unwrap_or(0)
//! });
//! println!("{events} events");
//! # Ok::<(), rttng_ctf::read::ReadError>(())
//! ```
//!
//! Memory: a window of 64 KiB (more for larger events) and a batch of 8 KiB for each stream of each reader, and 72 bytes
//! for each packet, which forks share.

mod clock;
mod correlate;
mod error;
mod fields;
pub mod follow;
mod index_file;
mod merge;
mod open;
mod packets;
mod parallel;
mod reindex;
mod sieve;
mod slices;
mod stream;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use clock::TimeScale;
pub(crate) use clock::clock_of;
pub use correlate::{Correlation, Origin, Uncorrelated};
pub use error::{Damage, ReadError};
pub use fields::{
    ArrayValue, BitsValue, Elements, EnumerationValue, FieldPath, FieldValue, FromField, NamedValues,
    OptionalValue, PathError, StructureValue, VariantValue,
};
pub use index_file::{index_path, read_index};
pub use open::Options;
pub use reindex::{IndexState, rebuild_indexes};
pub use sieve::Sieve;
pub use slices::{Slices, StreamReader};

use crate::class::{EventClass, StreamClass, TraceClass};
use crate::decode::{EventBytes, Layout, NodeId, PassedEvent, Place, TraceDecoder, Visit};
use crate::types::Scope;
use merge::Tournament;
use stream::{Next, Stream};

/// One trace that is read.
#[derive(Debug, Clone)]
pub struct Trace {
    class: TraceClass,
    metadata: PathBuf,
    places: Vec<PathBuf>,
    name: String,
    warnings: Vec<crate::tsdl::Warning>,
    layouts: Vec<StreamLayouts>,
    decoder: Arc<TraceDecoder>,
}

/// What there is to see in the packets and events of one stream class.
#[derive(Debug, Clone)]
struct StreamLayouts {
    packet_context: Option<Layout>,
    event_context: Option<Layout>,
    events: Vec<[Option<Layout>; 2]>,
}

impl Trace {
    /// What its metadata says.
    pub fn class(&self) -> &TraceClass {
        &self.class
    }

    /// Its metadata file.
    pub fn metadata(&self) -> &Path {
        &self.metadata
    }

    /// Its folders, as far as they are below the folder that was opened: several for a trace of several chunks.
    pub fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// The host that it was recorded on and its place below the folder that was opened, as far as they are known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was passed over in its metadata.
    pub fn warnings(&self) -> &[crate::tsdl::Warning] {
        &self.warnings
    }

    /// What is to be seen in a scope of a stream class (a position in [`TraceClass::streams`]) and, for
    /// [`Scope::EventContext`] and [`Scope::EventFields`], of an event class (a position in [`StreamClass::events`]).
    /// Nothing where the metadata declares nothing, and for the headers.
    pub fn layout(&self, stream: usize, event: usize, scope: Scope) -> Option<&Layout> {
        let layouts = self.layouts.get(stream)?;
        match scope {
            Scope::PacketHeader | Scope::EventHeader => None,
            Scope::PacketContext => layouts.packet_context.as_ref(),
            Scope::StreamEventContext => layouts.event_context.as_ref(),
            Scope::EventContext => layouts.events.get(event)?[0].as_ref(),
            Scope::EventFields => layouts.events.get(event)?[1].as_ref(),
        }
    }

    /// Where the value of a node of [`Trace::layout`] is in all events of that class. Nothing where that depends on what
    /// else is in the event, and in the packet's own scopes.
    pub fn place(&self, stream: usize, event: usize, scope: Scope, node: NodeId) -> Option<Place> {
        let shows = &self.decoder.stream(self.class.streams.get(stream)?.id)?.shows;
        let [context, fields] = shows.events.get(event)?;
        let in_order = [
            (Scope::StreamEventContext, &shows.event_context),
            (Scope::EventContext, context),
            (Scope::EventFields, fields),
        ];
        let at = in_order.iter().position(|(other, _)| *other == scope)?;
        let before = in_order[..at].iter().filter_map(|(_, program)| program.as_ref());
        Place::find(before, in_order[at].1.as_ref()?, node)
    }
}

/// How much was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossCount {
    /// That many events.
    Events(u64),
    /// Events, maybe, before the first packet that is there: nobody counted them.
    SomeEvents,
    /// That many packets.
    Packets(u64),
}

/// Something that was lost in one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// What and how much.
    pub count: LossCount,
    /// Between when and when, in nanoseconds since the origin, if that is known.
    pub span: Option<(i64, i64)>,
}

/// A packet of a stream as its context describes it; nothing where the stream class has no such field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedPacket {
    /// When it begins, in clock cycles.
    pub begin: Option<u64>,
    /// When it ends, in clock cycles.
    pub end: Option<u64>,
    /// Its number in the stream.
    pub sequence_number: Option<u64>,
    /// Events of the stream that were discarded up to its end, as a running total.
    pub events_discarded: Option<u64>,
}

/// The bits of an event where it was recorded.
#[derive(Debug, Clone, Copy)]
pub struct RecordedEvent<'r> {
    /// A part of its packet, with the whole event in it.
    pub bytes: &'r [u8],
    /// Where that part starts in the packet, in bits: a multiple of the largest alignment.
    pub offset: u64,
    /// Where the event ends, in bits from the start of `bytes`. It starts where the one before ends, or the events of its
    /// packet start.
    pub end: u64,
    /// Position of its class in [`StreamClass::events`].
    pub class: usize,
    /// When it was, in clock cycles.
    pub time: u64,
    /// The clock after all of its fields, in cycles.
    pub clock: u64,
}

/// What comes next.
#[derive(Debug)]
pub enum Message<'r> {
    /// An event.
    Event(Event<'r>),
    /// Something was lost in the stream of that number ([`Reader::stream`]).
    Lost {
        /// The stream's number.
        stream: usize,
        /// What.
        lost: Lost,
    },
}

/// What was passed by [`Reader::pass`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// That many events, one at least.
    Events(u64),
    /// As [`Message::Lost`].
    Lost {
        /// The stream's number.
        stream: usize,
        /// What.
        lost: Lost,
    },
}

/// Reads traces.
#[derive(Debug)]
pub struct Reader {
    traces: Arc<Vec<Trace>>,
    /// In the order in which they come at one time.
    streams: Vec<Stream>,
    order: Tournament,
    /// Whether the winner's next thing was given out already.
    is_taken: bool,
    /// Nothing that is due then or later is given out.
    end: i64,
    /// Whether no stream was begun.
    is_fresh: bool,
    damage: Damage,
}

/// A packet that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketSpan {
    /// Between when and when its events are, in nanoseconds since the origin, if that is known.
    pub span: Option<(i64, i64)>,
    /// Its size with padding.
    pub bytes: u64,
    /// Its size without padding.
    pub content_bytes: u64,
}

/// What is known of a stream that is read.
#[derive(Debug, Clone, Copy)]
pub struct StreamInfo<'r> {
    /// Its trace, a position in [`Reader::traces`].
    pub trace: usize,
    /// Its class, a position in [`TraceClass::streams`].
    pub class: usize,
    /// Which of the class's streams: for LTTng the CPU.
    pub instance: u64,
    /// The data file that its first packet is in.
    pub path: &'r Path,
    /// How many packets it has.
    pub packets: usize,
    /// How its clock goes, if it has one.
    pub scale: Option<TimeScale>,
}

impl Reader {
    /// Opens all traces in these folders and below. A folder without any is an error, as is a trace that cannot be
    /// read from its start, and traces whose clocks have nothing to do with each other ([`Options::correlation`]).
    pub fn open(folders: &[PathBuf], options: &Options) -> Result<Reader, ReadError> {
        open::open(folders, options)
    }

    fn new(traces: Vec<Trace>, mut streams: Vec<Stream>) -> Reader {
        let order = Tournament::new(streams.iter_mut().map(Stream::advance));
        Reader {
            traces: Arc::new(traces),
            streams,
            order,
            is_taken: false,
            end: Tournament::NEVER,
            is_fresh: false,
            damage: Damage::default(),
        }
    }

    /// The traces.
    pub fn traces(&self) -> &[Trace] {
        &self.traces
    }

    /// What could not be read so far, of traces that are read leniently ([`Options::lenient`]); at most the first 1000.
    pub fn damage(&self) -> &[ReadError] {
        &self.damage.list
    }

    /// How much could not be read so far.
    pub fn damage_count(&self) -> u64 {
        self.damage.count
    }

    /// How many streams there are, of all traces together.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// A stream by its number.
    pub fn stream(&self, number: usize) -> StreamInfo<'_> {
        self.streams[number].info()
    }

    /// The packets of a stream, in the order in which they are read.
    pub fn packets(&self, number: usize) -> impl Iterator<Item = PacketSpan> {
        let stream = &self.streams[number];
        stream.packets.iter().map(|packet| {
            let time = |cycles| stream.scale.map(|scale| scale.nanoseconds(cycles));
            let begin = time(packet.begin).filter(|_| stream.has_begin);
            PacketSpan {
                span: begin.zip(packet.end.and_then(time)),
                bytes: packet.packet_bits / 8,
                content_bytes: packet.content_bits.div_ceil(8),
            }
        })
    }

    /// What is known of packet number `number` of a stream. Its end may be known only once it was read.
    pub fn packet(&self, stream: usize, number: usize) -> Option<RecordedPacket> {
        self.streams.get(stream)?.recorded_packet(number)
    }

    /// The file that a packet of a stream is in, and where in it, in bytes.
    pub fn packet_place(&self, stream: usize, number: usize) -> Option<(&Path, u64)> {
        let stream = self.streams.get(stream)?;
        let packet = stream.packets.get(number)?;
        Some((stream.files.get(packet.file as usize)?, packet.offset))
    }

    /// The first bytes of a packet, up to the end of its context at least.
    pub fn packet_head(&self, stream: usize, number: usize) -> Result<Vec<u8>, ReadError> {
        self.streams[stream].packet_head(number)
    }

    /// The next message, or nothing at the end. After an error that stream ends; the others can be read on.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Message<'_>>, ReadError> {
        if self.advance() {
            return Ok(self.event().map(Message::Event));
        }
        Ok(self.other()?.map(|(stream, lost)| Message::Lost { stream, lost }))
    }

    /// [`Reader::next`] in two steps, for those in a hurry: goes on to the next message. If that is an event,
    /// [`Reader::event`] gives it. If not, [`Reader::other`] says what it is.
    #[inline]
    pub fn advance(&mut self) -> bool {
        if self.is_taken {
            let time = self.streams[self.order.winner()].advance();
            self.order.replay(time);
        } else if self.is_fresh {
            self.settle();
        }
        if self.order.time() >= self.end && self.ends() {
            self.is_taken = false;
            return false;
        }
        self.is_taken = true;
        self.is_at_event() || (self.damage.lenient && self.pass_over_faults())
    }

    #[inline]
    fn is_at_event(&self) -> bool {
        self.streams.get(self.order.winner()).is_some_and(|stream| stream.event().is_some())
    }

    /// Passes over what is not there; gives whether an event follows.
    #[cold]
    fn pass_over_faults(&mut self) -> bool {
        while let Some(stream) = self.streams.get_mut(self.order.winner())
            && let Next::Fault(_) = &stream.next
            && let Next::Fault(error) = std::mem::replace(&mut stream.next, Next::End)
        {
            if self.damage.note(error).is_err() {
                break;
            }
            // What comes of it can go on for any time: this is no span any more.
            self.end = Tournament::NEVER;
            let time = stream.advance();
            self.order.replay(time);
        }
        self.is_at_event()
    }

    /// The event that [`Reader::advance`] went to.
    #[inline]
    pub fn event(&mut self) -> Option<Event<'_>> {
        let number = self.order.winner();
        let stream = self.streams.get_mut(number)?;
        stream.looked.forget_event();
        Some(Event { trace: &self.traces[stream.trace], stream, number })
    }

    /// What [`Reader::advance`] went to, if that is no event: something lost in the stream of that number, or nothing at
    /// the end.
    #[cold]
    pub fn other(&mut self) -> Result<Option<(usize, Lost)>, ReadError> {
        if !self.is_taken {
            return Ok(None);
        }
        let number = self.order.winner();
        let Some(stream) = self.streams.get_mut(number) else {
            self.is_taken = false;
            return Ok(None);
        };
        match std::mem::replace(&mut stream.next, Next::End) {
            Next::Lost(lost) => Ok(Some((number, lost))),
            Next::Fault(error) => Err(error),
            Next::Wait => {
                stream.next = Next::Wait;
                self.is_taken = false;
                Ok(None)
            }
            Next::End | Next::Event => {
                self.is_taken = false;
                Ok(None)
            }
        }
    }

    /// Passes over events without a look at each: over all that are known to come next, from whichever streams, in
    /// steps through time. Anything else that comes next is given as by [`Reader::next`].
    pub fn pass(&mut self) -> Result<Option<Passed>, ReadError> {
        self.settle();
        if self.order.time() >= self.end && self.ends() {
            return Ok(None);
        }
        // Before this nothing is missing: all that every stream has to say up to then is in its batch.
        let known_until = self.streams.iter().map(Stream::known_until).fold(self.end, i64::min);
        if self.order.time() < known_until {
            let count = self.streams.iter_mut().map(|stream| stream.take_before(known_until)).sum();
            self.order.start_anew(self.streams.iter().map(Stream::next_time));
            return Ok(Some(Passed::Events(count)));
        }
        // All of one time.
        self.is_taken = true;
        if self.is_at_event() || (self.damage.lenient && self.pass_over_faults()) {
            return Ok(Some(Passed::Events(1)));
        }
        Ok(self.other()?.map(|(stream, lost)| Passed::Lost { stream, lost }))
    }
}

/// An event where it was recorded.
#[derive(Debug)]
pub struct Event<'r> {
    trace: &'r Trace,
    stream: &'r mut Stream,
    number: usize,
}

impl<'r> Event<'r> {
    /// Where it is; an event is made of a stream that stands at one.
    #[inline]
    fn passed(&self) -> PassedEvent {
        self.stream.event().unwrap_or_default()
    }

    /// Its trace.
    pub fn trace(&self) -> &'r Trace {
        self.trace
    }

    /// Number of its stream ([`Reader::stream`]).
    #[inline]
    pub fn stream(&self) -> usize {
        self.number
    }

    /// Position of its trace in [`Reader::traces`].
    #[inline]
    pub fn trace_number(&self) -> usize {
        self.stream.trace
    }

    /// Position of its stream class in [`TraceClass::streams`].
    #[inline]
    pub fn stream_class_number(&self) -> usize {
        self.stream.class
    }

    /// Position of its class in [`StreamClass::events`].
    #[inline]
    pub fn class_number(&self) -> usize {
        self.passed().class
    }

    /// The class of its stream.
    pub fn stream_class(&self) -> &'r StreamClass {
        &self.trace.class.streams[self.stream.class]
    }

    /// Its class.
    pub fn class(&self) -> &'r EventClass {
        &self.stream_class().events[self.passed().class]
    }

    /// Number of its packet in its stream, from 0.
    #[inline]
    pub fn packet(&self) -> usize {
        self.stream.packet()
    }

    /// When it was, in cycles of its stream's clock.
    #[inline]
    pub fn cycles(&self) -> Option<u64> {
        self.stream.scale.map(|_| self.passed().time)
    }

    /// When it was, in nanoseconds since the origin of its stream's clock.
    #[inline]
    pub fn nanoseconds(&self) -> Option<i64> {
        self.stream.scale.map(|scale| scale.nanoseconds(self.passed().time))
    }

    /// What is known of packet number `number` of its stream.
    pub fn recorded_packet(&self, number: usize) -> Option<RecordedPacket> {
        self.stream.recorded_packet(number)
    }

    /// The first bytes of a packet of its stream, up to the end of its context at least.
    pub fn packet_head(&self, number: usize) -> Result<Vec<u8>, ReadError> {
        self.stream.packet_head(number)
    }

    /// Its bytes, for who knows where in them what is ([`Trace::place`]).
    #[inline]
    pub fn bytes(&self) -> EventBytes<'_> {
        self.stream.bytes()
    }

    /// Its bits.
    pub fn recorded(&self) -> RecordedEvent<'_> {
        self.stream.recorded()
    }

    /// Shows the context of its packet, without the fields that say sizes, times and counts.
    pub fn show_packet_context<V: Visit>(&mut self, visitor: &mut V) -> Result<(), ReadError> {
        self.stream.show_packet_context(visitor)
    }

    /// Shows its contexts and its payload.
    #[inline]
    pub fn show<V: Visit>(&mut self, visitor: &mut V) -> Result<(), ReadError> {
        self.stream.show(self.passed(), visitor)
    }
}
