//! Traces from values.

use std::fs;
use std::path::{Path, PathBuf};

use super::bits::BitWriter;
use super::copy::{CopyError, PacketHead, StreamCopy, StreamFiles, TraceCopy};
use super::header::put_header;
use super::long_header::LongHeader;
use super::transcribe::Role;
use super::value::{Value, ValueError, put, put_structure};
use crate::class::{TraceClass, Version};
use crate::decode::{CompileError, PACKET_MAGIC, extended, integer_of};
use crate::read::RecordedEvent;
use crate::types::{Field, Structure, Type};

/// Bytes of a stream that are held before they are written.
const HELD_BYTES: usize = 128 << 10;

/// The largest alignment, in bits: an event that is put together apart starts as far from a multiple of it as it will.
const LARGEST_ALIGNMENT: u64 = 4096;

/// Why a trace cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Its class means nothing.
    #[error(transparent)]
    Class(#[from] CompileError),
    /// A value is not one of its type.
    #[error("{place}: {error}")]
    Value {
        /// The event, or the packet's part.
        place: String,
        /// What is wrong.
        error: ValueError,
    },
    /// The values of an event contradict each other.
    #[error("{event}: a length or the tag of a variant says something else than the value that it is for")]
    Contradiction {
        /// The event.
        event: String,
    },
    /// A packet is not open, or an event is before the one before.
    #[error("{0}")]
    Order(&'static str),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] CopyError),
}

/// A folder that becomes a trace.
#[derive(Debug)]
pub struct TraceWriter {
    folder: PathBuf,
    copy: TraceCopy,
    class: TraceClass,
}

impl TraceWriter {
    /// Starts a trace of that class in a folder, which is made.
    pub fn create(folder: &Path, class: &TraceClass) -> Result<TraceWriter, WriteError> {
        let copy = TraceCopy::of(class, class.version)?;
        let index = folder.join("index");
        fs::create_dir_all(&index).map_err(|source| CopyError::Write { path: index, source })?;
        Ok(TraceWriter { folder: folder.to_owned(), copy, class: class.clone() })
    }

    /// Starts a data stream of the class at position `stream`, in a file of that name; `instance` is what its packets have
    /// for `stream_instance_id`.
    pub fn stream(&self, stream: usize, name: &str, instance: u64) -> StreamWriter {
        let header = self.class.packet_header.as_ref();
        let has_instance = header.is_some_and(|header| header.field("stream_instance_id").is_some());
        let files = StreamFiles {
            data: self.folder.join(name),
            index: Some(self.folder.join("index").join(format!("{name}.idx"))),
            held_bytes: HELD_BYTES,
        };
        let class = &self.class.streams[stream];
        StreamWriter {
            copy: self.copy.stream(stream, has_instance.then_some(instance), files),
            long_header: class.event_header.as_ref().and_then(LongHeader::of),
            class: self.class.clone(),
            stream,
            instance,
            scratch: BitWriter::default(),
        }
    }

    /// Makes the folder a trace: its streams have to be finished.
    pub fn finish(self) -> Result<(), WriteError> {
        let path = self.folder.join("metadata");
        let text = match self.class.version {
            Version::Ctf1 => crate::tsdl::write(self.copy.class()),
            Version::Ctf2 => crate::ctf2::write(self.copy.class())?,
        };
        fs::write(&path, text).map_err(|source| CopyError::Write { path, source })?;
        // An index folder without an index.
        let _ = fs::remove_dir(self.folder.join("index"));
        Ok(())
    }
}

/// A data stream that is written from values.
#[derive(Debug)]
pub struct StreamWriter {
    copy: StreamCopy,
    long_header: Option<LongHeader>,
    class: TraceClass,
    stream: usize,
    instance: u64,
    scratch: BitWriter,
}

/// Puts the start of a packet, its values by their fields.
fn put_all(
    place: &str,
    structure: Option<&Structure>,
    value: &dyn Fn(&Field) -> Option<Value>,
    out: &mut BitWriter,
) -> Result<(), WriteError> {
    let Some(structure) = structure else { return Ok(()) };
    out.align(structure.alignment_bits());
    for field in &structure.fields {
        let missing = || ValueError { path: field.name.clone(), cause: "no value is given".to_owned() };
        let done = value(field).ok_or_else(missing).and_then(|value| put(&field.ty, &value, out));
        done.map_err(|error| WriteError::Value { place: place.to_owned(), error })?;
    }
    Ok(())
}

/// The values of an event: one for each structure that its class has, none for the others.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventValues {
    /// Of the context that all events of the stream have.
    pub stream_context: Option<Value>,
    /// Of its own context.
    pub context: Option<Value>,
    /// Of its payload.
    pub fields: Option<Value>,
}

impl StreamWriter {
    /// Begins a packet. `context` has the values of the packet context's fields besides those that `head` tells and the
    /// sizes, by name.
    pub fn begin_packet(&mut self, head: PacketHead, context: &[(&str, Value)]) -> Result<(), WriteError> {
        if self.copy.is_open() {
            return Err(WriteError::Order("the packet before is still open"));
        }
        let stream = &self.class.streams[self.stream];
        let mut bits = BitWriter::default();
        let header_value = |field: &Field| match (field.name.as_str(), integer_of(field)) {
            ("magic", Some(integer)) => Some(Value::integer(integer, PACKET_MAGIC)),
            ("stream_id", Some(integer)) => Some(Value::integer(integer, stream.id)),
            ("stream_instance_id", Some(integer)) => Some(Value::integer(integer, self.instance)),
            ("uuid", _) => {
                let bytes = self.class.uuid.map_or([0; 16], |uuid| uuid.0);
                if matches!(field.ty, Type::Blob(_)) {
                    return Some(Value::Text(bytes.to_vec()));
                }
                Some(Value::Elements(bytes.iter().map(|byte| Value::Unsigned(u64::from(*byte))).collect()))
            }
            _ => Value::zero(&field.ty),
        };
        let context_value = |field: &Field| match context.iter().find(|(name, _)| *name == field.name) {
            Some((_, value)) => Some(value.clone()),
            None if Role::ALL.iter().any(|role| role.field() == field.name) => Value::zero(&field.ty),
            None => None,
        };
        put_all("packet header", self.class.packet_header.as_ref(), &header_value, &mut bits)?;
        put_all("packet context", stream.packet_context.as_ref(), &context_value, &mut bits)?;
        self.copy.enter(bits.bytes())?;
        Ok(self.copy.open(head)?)
    }

    /// Appends an event of the class at position `event` to the open packet. A time that the header cannot tell after that
    /// of the event before is refused, as is one that is before that.
    pub fn event(&mut self, event: usize, time: u64, values: &EventValues) -> Result<(), WriteError> {
        if !self.copy.is_open() {
            return Err(WriteError::Order("no packet is open"));
        }
        let stream = &self.class.streams[self.stream];
        let class = &stream.events[event];
        let at_fault = |error| WriteError::Value { place: format!("event \"{}\"", class.name), error };
        let clock = self.copy.clock();
        let start = self.copy.packet_bits() % LARGEST_ALIGNMENT;
        let out = &mut self.scratch;
        out.clear();
        out.skip(start);
        if let Some(header) = &stream.event_header {
            let fits = |size: u8| extended(clock, time & (u64::MAX >> (64 - size)), size) == time;
            put_header(header, self.long_header.as_ref(), class.id, time, fits, out).map_err(at_fault)?;
        }
        let scopes = [
            (&stream.event_context, &values.stream_context),
            (&class.context, &values.context),
            (&class.fields, &values.fields),
        ];
        for (structure, value) in scopes {
            match (structure, value) {
                (Some(structure), Some(value)) => put_structure(structure, value, out).map_err(at_fault)?,
                (None, None) => {}
                (Some(_), None) | (None, Some(_)) => {
                    let cause = "a context or payload has no value, or a value no type".to_owned();
                    return Err(at_fault(ValueError { path: String::new(), cause }));
                }
            }
        }
        let bytes = std::mem::take(&mut self.scratch);
        let written = self.append(event, bytes.bytes(), start, bytes.at(), time);
        self.scratch = bytes;
        written.map_err(|error| {
            let name = &self.class.streams[self.stream].events[event].name;
            error.unwrap_or_else(|| WriteError::Contradiction { event: format!("event \"{name}\"") })
        })
    }

    /// Appends the bits of an event, if they read as what they are to be.
    fn append(
        &mut self,
        class: usize,
        bytes: &[u8],
        start: u64,
        end: u64,
        time: u64,
    ) -> Result<(), Option<WriteError>> {
        let before = self.copy.clock();
        let (read_end, read_time, clock) = self.copy.measure(bytes, start, end, class).map_err(|_| None)?;
        if read_end != end {
            return Err(None);
        }
        if self.copy.has_clock() && read_time != time {
            return Err(Some(WriteError::Order(
                "the event's time cannot be told after that of the event before",
            )));
        }
        let event = RecordedEvent { bytes, offset: 0, end, class, time, clock };
        match self.copy.event(&event, start, before) {
            Ok(true) => Ok(()),
            Ok(false) => Err(None),
            Err(error) => Err(Some(error.into())),
        }
    }

    /// Ends the open packet.
    pub fn end_packet(&mut self, end: u64) -> Result<(), WriteError> {
        Ok(self.copy.close(Some(end))?)
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<(), WriteError> {
        self.copy.close(None)?;
        Ok(self.copy.finish()?)
    }
}
