//! The metadata text of one trace of user space, as the 2.13.9 session daemon composes it
//! (`docs/spec/trace-output.md`, 12 and 15): it grows as applications register channels and events, and consumers are
//! sent what is new since the last time.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use super::Abi;
use super::layout::EventHeader;
use super::recordable::{Unrecordable, check_fields};
use crate::class::{Clock, EnvValue, Environment, EventClass, Uuid};
use crate::tsdl::write::{Newline, TypeWriter, put, quoted};
use crate::types::{Field, Type};

/// Version of the tracer in an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TracerVersion {
    /// 2 in 2.13.5.
    pub major: u32,
    /// 13 in 2.13.5.
    pub minor: u32,
    /// 5 in 2.13.5.
    pub patchlevel: u32,
}

/// Who shares the buffers, and with them the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Buffering {
    /// All applications of one user and word size.
    PerUser {
        /// The user of the applications.
        uid: u32,
    },
    /// One process.
    PerProcess {
        /// Its process id.
        pid: u32,
        /// Its name, from the registration.
        procname: String,
        /// When it registered: local time as `%Y%m%dT%H%M%S%z`.
        registered: String,
    },
}

/// What is known of a trace before anything registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceInfo {
    /// The trace's UUID, random, the same in all its packets.
    pub uuid: Uuid,
    /// How the applications lay out data.
    pub abi: Abi,
    /// The tracer of the first application.
    pub tracer: TracerVersion,
    /// Who shares the buffers.
    pub buffering: Buffering,
    /// The session's name; `auto` if it was generated.
    pub session_name: String,
    /// When the session was created: local time as `%Y%m%dT%H%M%S%z`.
    pub session_created: String,
    /// The host name of the session daemon.
    pub hostname: String,
    /// The clock of the tracer.
    pub clock: Clock,
}

impl TraceInfo {
    /// The `env` block, in its order.
    pub fn environment(&self) -> Environment {
        let mut env = Environment::default();
        let (scheme, id) = match &self.buffering {
            // The real one prints a signed 32-bit number.
            Buffering::PerUser { uid } => ("uid", *uid as i32),
            Buffering::PerProcess { pid, .. } => ("pid", *pid as i32),
        };
        env.push_text("domain", "ust");
        env.push_text("tracer_name", "lttng-ust");
        env.push_integer("tracer_major", self.tracer.major);
        env.push_integer("tracer_minor", self.tracer.minor);
        env.push_text("tracer_buffering_scheme", scheme);
        env.push_integer("tracer_buffering_id", id);
        env.push_integer("architecture_bit_width", self.abi.long_bits);
        env.push_text("trace_name", self.session_name.as_str());
        env.push_text("trace_creation_datetime", self.session_created.as_str());
        env.push_text("hostname", self.hostname.as_str());
        if let Buffering::PerProcess { pid, procname, registered } = &self.buffering {
            env.push_integer("tracer_patchlevel", self.tracer.patchlevel);
            env.push_integer("vpid", *pid as i32);
            env.push_text("procname", procname.as_str());
            env.push_text("vpid_datetime", registered.as_str());
        }
        env
    }
}

/// Why a channel or an event cannot be declared. Nothing was written then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// The channel id is declared already.
    #[error("channel {0} is declared already in this trace")]
    DuplicateStream(u32),
    /// The event id is declared already.
    #[error("event {event} of channel {stream} is declared already in this trace")]
    DuplicateEvent {
        /// The channel.
        stream: u32,
        /// The event.
        event: u64,
    },
    /// A field is none that metadata can describe.
    #[error(transparent)]
    Field(#[from] Unrecordable),
}

/// How much of a [`MetadataLog`] a consumer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetadataCursor {
    /// The version of the text.
    pub version: u64,
    /// How many bytes of that version.
    pub offset: u64,
}

/// What a consumer lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataUpdate<'a> {
    /// The version of the text. If the consumer had another one, it must drop that first.
    pub version: u64,
    /// Where `text` belongs, in bytes from the start of this version.
    pub offset: u64,
    /// The text from there to the end, never empty.
    pub text: &'a str,
}

impl MetadataUpdate<'_> {
    /// The cursor of a consumer that took this.
    pub fn end(&self) -> MetadataCursor {
        MetadataCursor { version: self.version, offset: self.offset + self.text.len() as u64 }
    }
}

/// A declaration in the text.
#[derive(Debug, Clone)]
struct Block {
    stream: u32,
    is_stream: bool,
    span: Range<usize>,
}

/// The growing metadata text of one trace.
///
/// ```
/// # use rttng_ctf::{Clock, EventClass, Field, Uuid, ust::*};
/// let mut log = MetadataLog::new(TraceInfo {
///     uuid: Uuid::from_random([7; 16]),
///     abi: Abi::X86_64,
///     tracer: TracerVersion { major: 2, minor: 13, patchlevel: 5 },
///     buffering: Buffering::PerUser { uid: 1000 },
///     session_name: "web".into(),
///     session_created: "20261122T190959+0000".into(),
///     hostname: "host".into(),
///     clock: Clock::monotonic(None, 0),
/// });
/// log.declare_stream(0, &Context::Vtid.fields(&Abi::X86_64))?;
/// log.declare_event(0, &EventClass::user_space(0, "app:request", 13, None, vec![]))?;
/// let update = log.since(MetadataCursor::default()).unwrap();
/// assert!(update.text.starts_with("/* CTF 1.8 */"));
/// assert_eq!(log.since(update.end()), None);
/// # Ok::<(), DeclareError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MetadataLog {
    info: TraceInfo,
    text: String,
    version: u64,
    blocks: Vec<Block>,
    streams: HashSet<u32>,
    events: HashSet<(u32, u64)>,
    /// Streams that need an event class before a reader opens the trace.
    at_risk: BTreeSet<u32>,
}

/// The id of placeholder events: the one id that no real event gets.
const PLACEHOLDER_ID: u64 = u32::MAX as u64;

impl MetadataLog {
    /// Starts the text with all that comes before channels and events.
    pub fn new(info: TraceInfo) -> MetadataLog {
        let text = preamble(&info);
        let at_risk = BTreeSet::new();
        MetadataLog {
            at_risk,
            info,
            text,
            version: 0,
            blocks: Vec::new(),
            streams: HashSet::new(),
            events: HashSet::new(),
        }
    }

    /// What the trace was started with.
    pub fn info(&self) -> &TraceInfo {
        &self.info
    }

    /// The whole text of this version.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Counts the regenerations.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Declares a channel and its contexts. Events of it may have been declared before.
    pub fn declare_stream(&mut self, id: u32, contexts: &[Field]) -> Result<(), DeclareError> {
        check_fields(contexts)?;
        if !self.streams.insert(id) {
            return Err(DeclareError::DuplicateStream(id));
        }
        let start = self.text.len();
        let header = EventHeader::Large.type_name();
        put(
            &mut self.text,
            format_args!(
                "stream {{\n\tid = {id};\n\tevent.header := struct {header};\n\tpacket.context := struct packet_context;\n"
            ),
        );
        if !contexts.is_empty() {
            self.text.push_str("\tevent.context := struct {\n");
            self.types().fields(contexts, 2);
            self.text.push_str("\t};\n");
        }
        self.text.push_str("};\n\n");
        self.blocks.push(Block { stream: id, is_stream: true, span: start..self.text.len() });
        let refers = |field: &Field| matches!(field.ty, Type::Variant(_) | Type::Sequence(_));
        if contexts.iter().any(refers) && !self.events.iter().any(|(stream, _)| *stream == id) {
            self.at_risk.insert(id);
        }
        Ok(())
    }

    /// Declares an event of the channel `stream`, which may be declared later.
    pub fn declare_event(&mut self, stream: u32, event: &EventClass) -> Result<(), DeclareError> {
        let fields = event.fields.as_ref().map_or(&[][..], |payload| &payload.fields);
        check_fields(fields)?;
        if !self.events.insert((stream, event.id)) {
            return Err(DeclareError::DuplicateEvent { stream, event: event.id });
        }
        let start = self.text.len();
        self.text.push_str("event {\n\tname = ");
        quoted(&mut self.text, &event.name, Newline::Escaped);
        put(&mut self.text, format_args!(";\n\tid = {};\n\tstream_id = {stream};\n", event.id));
        if let Some(level) = event.log_level {
            put(&mut self.text, format_args!("\tloglevel = {level};\n"));
        }
        if let Some(uri) = &event.emf_uri {
            self.text.push_str("\tmodel.emf.uri = ");
            quoted(&mut self.text, uri, Newline::Escaped);
            self.text.push_str(";\n");
        }
        self.text.push_str("\tfields := struct {\n");
        self.types().fields(fields, 2);
        self.text.push_str("\t};\n};\n\n");
        self.blocks.push(Block { stream, is_stream: false, span: start..self.text.len() });
        self.at_risk.remove(&stream);
        Ok(())
    }

    /// Declares an event that never occurs in each channel that has none but has application contexts. To be called
    /// before the text is sent for the last time (stop, rotation, snapshot), not earlier.
    ///
    /// babeltrace2 2.0.4 aborts on a trace in which such a channel has no event class, as the real session daemon
    /// writes it (`docs/spec/trace-output.md`, 13.1).
    pub fn declare_placeholders(&mut self) {
        for stream in std::mem::take(&mut self.at_risk) {
            let event = EventClass {
                id: PLACEHOLDER_ID,
                name: "rttng:no_event".to_owned(),
                log_level: None,
                emf_uri: None,
                context: None,
                fields: None,
            };
            // It has no fields that could be wrong; if it is there already, so much the better.
            let _ = self.declare_event(stream, &event);
        }
    }

    /// Whether the channel is declared.
    pub fn has_stream(&self, id: u32) -> bool {
        self.streams.contains(&id)
    }

    /// What a consumer lacks that has what `has` says; nothing if it has all.
    pub fn since(&self, has: MetadataCursor) -> Option<MetadataUpdate<'_>> {
        let offset = if has.version == self.version { has.offset } else { 0 };
        let text = self.text.get(usize::try_from(offset).ok()?..)?;
        (!text.is_empty()).then_some(MetadataUpdate { version: self.version, offset, text })
    }

    /// Writes the text anew with that offset of the clock, each channel before its events, and counts the version up
    /// (`lttng regenerate metadata`).
    pub fn regenerate(&mut self, clock_offset: i64) {
        self.info.clock.offset = clock_offset;
        let old = std::mem::replace(&mut self.text, preamble(&self.info));
        let mut blocks = std::mem::take(&mut self.blocks);
        // Channels in the order of their ids; within one, the stream first, then the events as they came.
        blocks.sort_by_key(|block| (block.stream, !block.is_stream));
        for block in &mut blocks {
            let start = self.text.len();
            self.text.push_str(&old[block.span.clone()]);
            block.span = start..self.text.len();
        }
        self.blocks = blocks;
        self.version += 1;
    }

    fn types(&mut self) -> TypeWriter<'_> {
        TypeWriter { out: &mut self.text, native: self.info.abi.byte_order }
    }
}

/// Everything before the first channel or event: blocks 1 to 7 of `docs/spec/trace-output.md`, 12.1.
fn preamble(info: &TraceInfo) -> String {
    let mut text = String::with_capacity(4096);
    let out = &mut text;
    let abi = &info.abi;
    let align = &abi.alignments;

    out.push_str("/* CTF 1.8 */\n\n");
    for (name, size, align) in [
        ("uint8_t", 8, align.u8),
        ("uint16_t", 16, align.u16),
        ("uint32_t", 32, align.u32),
        ("uint64_t", 64, align.u64),
        ("unsigned long", abi.long_bits, align.long),
        ("uint5_t", 5, 1),
        ("uint27_t", 27, 1),
    ] {
        put(
            out,
            format_args!(
                "typealias integer {{ size = {size}; align = {align}; signed = false; }} := {name};\n"
            ),
        );
    }
    put(
        out,
        format_args!(
            "\ntrace {{\n\tmajor = 1;\n\tminor = 8;\n\tuuid = \"{}\";\n\tbyte_order = {};\n",
            info.uuid,
            abi.byte_order.keyword()
        ),
    );
    out.push_str(
        "\tpacket.header := struct {\n\t\tuint32_t magic;\n\t\tuint8_t  uuid[16];\n\t\tuint32_t stream_id;\n\
         \t\tuint64_t stream_instance_id;\n\t};\n};\n\n",
    );
    environment(out, &info.environment());
    clock(out, &info.clock);
    for (size, align) in [(27, 1), (32, align.u32), (64, align.u64)] {
        put(
            out,
            format_args!(
                "typealias integer {{\n\tsize = {size}; align = {align}; signed = false;\n\tmap = clock.{}.value;\n\
                 }} := uint{size}_clock_monotonic_t;\n\n",
                info.clock.name
            ),
        );
    }
    out.push_str(
        "struct packet_context {\n\
         \tuint64_clock_monotonic_t timestamp_begin;\n\
         \tuint64_clock_monotonic_t timestamp_end;\n\
         \tuint64_t content_size;\n\
         \tuint64_t packet_size;\n\
         \tuint64_t packet_seq_num;\n\
         \tunsigned long events_discarded;\n\
         \tuint32_t cpu_id;\n\
         };\n\n",
    );
    event_header(out, EventHeader::Compact, "uint5_t", "0 ... 30, extended = 31", 27, align.u32);
    event_header(out, EventHeader::Large, "uint16_t", "0 ... 65534, extended = 65535", 32, align.u16);
    text
}

fn environment(out: &mut String, environment: &Environment) {
    out.push_str("env {\n");
    for (key, value) in &environment.entries {
        put(out, format_args!("\t{key} = "));
        match value {
            EnvValue::Integer(value) => put(out, format_args!("{value}")),
            // The real one escapes only the trace name; others with such characters make its metadata unreadable.
            EnvValue::Text(text) => quoted(out, text, Newline::Escaped),
        }
        out.push_str(";\n");
    }
    out.push_str("};\n\n");
}

/// A block of metadata that tells of a clock.
pub fn clock_block(clock_of: &Clock) -> String {
    let mut text = String::new();
    clock(&mut text, clock_of);
    text
}

fn clock(out: &mut String, clock: &Clock) {
    out.push_str("clock {\n\tname = ");
    quoted(out, &clock.name, Newline::Escaped);
    out.push_str(";\n");
    if let Some(uuid) = clock.uuid {
        put(out, format_args!("\tuuid = \"{uuid}\";\n"));
    }
    out.push_str("\tdescription = ");
    quoted(out, clock.description.as_deref().unwrap_or_default(), Newline::Escaped);
    put(
        out,
        format_args!(
            ";\n\tfreq = {}; /* Frequency, in Hz */\n\
             \t/* clock value offset from Epoch is: offset * (1/freq) */\n",
            clock.frequency
        ),
    );
    // The real one writes a negative offset (of a machine whose time was not set at the start) as it is, which
    // babeltrace2 refuses; whole seconds may be negative.
    let (seconds, cycles) = match i64::try_from(clock.frequency) {
        Ok(frequency) if clock.offset < 0 && frequency > 0 => {
            (clock.offset.div_euclid(frequency), clock.offset.rem_euclid(frequency))
        }
        _ => (0, clock.offset),
    };
    let seconds = clock.offset_seconds.saturating_add(seconds);
    if seconds != 0 {
        put(out, format_args!("\toffset_s = {seconds};\n"));
    }
    put(out, format_args!("\toffset = {cycles};\n}};\n\n"));
}

fn event_header(out: &mut String, form: EventHeader, id_type: &str, ids: &str, time_bits: u32, align: u32) {
    put(
        out,
        format_args!(
            "struct {} {{\n\
             \tenum : {id_type} {{ compact = {ids} }} id;\n\
             \tvariant <id> {{\n\
             \t\tstruct {{\n\
             \t\t\tuint{time_bits}_clock_monotonic_t timestamp;\n\
             \t\t}} compact;\n\
             \t\tstruct {{\n\
             \t\t\tuint32_t id;\n\
             \t\t\tuint64_clock_monotonic_t timestamp;\n\
             \t\t}} extended;\n\
             \t}} v;\n\
             }} align({align});\n\n",
            form.type_name()
        ),
    );
}

#[cfg(test)]
mod tests;
