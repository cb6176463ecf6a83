//! Events to enable or disable and events in lists (`docs/spec/client-protocol.md`, 8.2), and the fields of tracepoints
//! (8.3).

use super::defaults::{BYTECODE_SIZE_MAX, FILTER_SIZE_MAX, SYMBOL_NAME_MAX};
use super::log_level::{LogLevelSelection, LogLevelType};
use super::probe::UserspaceProbeLocation;
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// What kind of instrumentation an event stands for.
    pub enum EventType: i8, "event.type" {
        /// Every kind: tracepoints and system calls.
        All = -1,
        /// A tracepoint, or a logger of an agent domain.
        Tracepoint = 0,
        /// A kernel probe.
        Probe = 1,
        /// A kernel function's entry and return (kretprobe).
        Function = 2,
        /// A kernel function's entry.
        FunctionEntry = 3,
        /// No instrumentation.
        Noop = 4,
        /// A system call.
        Syscall = 5,
        /// A probe in a user-space binary.
        UserspaceProbe = 6,
    }
}

/// Where a kernel probe or a traced kernel function sits: an address, or an offset from a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ProbeAttributes {
    /// The address; 0 when a symbol is named.
    pub address: u64,
    /// Bytes after the symbol. The reference library sends the address here as well, so that a symbol's offset is lost.
    pub offset: u64,
    /// The symbol; empty when there is an address.
    pub symbol: String,
}

/// What kind of instrumentation an event stands for, with what that kind needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Every kind: tracepoints and system calls.
    All,
    /// A tracepoint, or a logger of an agent domain.
    Tracepoint,
    /// A kernel probe.
    Probe(ProbeAttributes),
    /// A kernel function's entry and return.
    Function(ProbeAttributes),
    /// A kernel function's entry.
    FunctionEntry {
        /// The function.
        symbol: String,
    },
    /// No instrumentation.
    Noop,
    /// A system call.
    Syscall,
    /// A probe in a user-space binary; a descriptor of the binary travels beside the message.
    UserspaceProbe(UserspaceProbeLocation),
}

impl EventKind {
    /// The kind without its particulars.
    pub fn event_type(&self) -> EventType {
        match self {
            EventKind::All => EventType::All,
            EventKind::Tracepoint => EventType::Tracepoint,
            EventKind::Probe(_) => EventType::Probe,
            EventKind::Function(_) => EventType::Function,
            EventKind::FunctionEntry { .. } => EventType::FunctionEntry,
            EventKind::Noop => EventType::Noop,
            EventKind::Syscall => EventType::Syscall,
            EventKind::UserspaceProbe(_) => EventType::UserspaceProbe,
        }
    }
}

/// A filter's bytecode, as `docs/spec/filter.md` defines it; this module does not look inside.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FilterBytecode {
    /// Where the relocation table starts in `data`; not checked here.
    pub reloc_table_offset: u32,
    /// Sequence number; clients send 0.
    pub seqnum: u64,
    /// The code, then the relocation table.
    pub data: Vec<u8>,
}

impl FilterBytecode {
    /// The header before `data`.
    pub const HEADER_SIZE: usize = 48;
}

impl Encode for FilterBytecode {
    fn encode(&self, out: &mut Writer) {
        out.u32(self.data.len() as u32);
        out.u32(self.reloc_table_offset);
        out.u64(self.seqnum);
        out.zeros(32);
        out.bytes(&self.data);
    }
}

impl Decode for FilterBytecode {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = input.u32("bytecode.len")? as usize;
        let limit = BYTECODE_SIZE_MAX - Self::HEADER_SIZE;
        if len > limit {
            return Err(WireError::TooLarge {
                field: "bytecode.len",
                value: len as u64,
                limit: limit as u64,
            });
        }
        let reloc_table_offset = input.u32("bytecode.reloc_table_offset")?;
        let seqnum = input.u64("bytecode.seqnum")?;
        input.skip(32)?;
        let data = input.bytes("bytecode.data", len)?.to_vec();
        Ok(FilterBytecode { reloc_table_offset, seqnum, data })
    }
}

/// A filter: its text, and its bytecode except in lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// The expression.
    pub expression: String,
    /// What the client compiled of it.
    pub bytecode: Option<FilterBytecode>,
}

/// An event, as one that is to be enabled or disabled or as one in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Name or pattern, at most 255 bytes; empty in a disable command stands for every event of the channel.
    pub name: String,
    /// What is instrumented.
    pub kind: EventKind,
    /// The log levels that are taken.
    pub log_level: LogLevelSelection,
    /// Whether it is enabled; `None` where that is no question (lists of tracepoints).
    pub enabled: Option<bool>,
    /// The process that has the tracepoint, in lists of tracepoints; else 0.
    pub pid: i32,
    /// The system call exists for 32-bit programs (lists of system calls).
    pub syscall_32: bool,
    /// The system call exists for 64-bit programs (lists of system calls).
    pub syscall_64: bool,
    /// Names and patterns that are left out.
    pub exclusions: Vec<String>,
    /// The filter.
    pub filter: Option<Filter>,
}

const FLAG_SYSCALL_32: u32 = 1 << 0;
const FLAG_SYSCALL_64: u32 = 1 << 1;
const NAME_SIZE_MAX: usize = SYMBOL_NAME_MAX + 1;

impl Event {
    /// An event to enable: all log levels of user space, no filter, no exclusion.
    pub fn new(name: impl Into<String>, kind: EventKind) -> Self {
        Event {
            name: name.into(),
            kind,
            log_level: LogLevelSelection { kind: LogLevelType::All, level: -1 },
            enabled: Some(false),
            pid: 0,
            syscall_32: false,
            syscall_64: false,
            exclusions: Vec::new(),
            filter: None,
        }
    }

    /// An event to disable by name; an empty name disables every event of the channel.
    pub fn to_disable(name: impl Into<String>) -> Self {
        Event::new(name, EventKind::All)
    }

    /// Descriptors that travel with it.
    pub fn fds(&self) -> u32 {
        matches!(self.kind, EventKind::UserspaceProbe(_)).into()
    }

    /// The smallest object: a header and an empty name.
    pub(crate) const SIZE_MIN: usize = 43 + 1;
}

/// Takes a part of announced length, which it must fill and which may not be missing.
fn part<T>(
    input: &mut Reader<'_>,
    field: &'static str,
    len: u32,
    decode: impl FnOnce(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<T, WireError> {
    let mut inside = Reader::new(input.bytes(field, len as usize)?);
    let value = decode(&mut inside)?;
    inside.finish()?;
    Ok(value)
}

fn decode_probe(input: &mut Reader<'_>) -> Result<ProbeAttributes, WireError> {
    let address = input.u64("event.probe_attr.addr")?;
    let offset = input.u64("event.probe_attr.offset")?;
    let len = input.u32("event.probe_attr.symbol_name_len")?;
    let symbol = text::counted_string(input, "event.probe_attr.symbol_name", len, NAME_SIZE_MAX)?;
    Ok(ProbeAttributes { address, offset, symbol })
}

fn decode_filter(input: &mut Reader<'_>, text_len: u32, code_len: u32) -> Result<Option<Filter>, WireError> {
    if text_len == 0 {
        return match code_len {
            0 => Ok(None),
            len => Err(WireError::BadValue { field: "event.bytecode_len without filter", value: len.into() }),
        };
    }
    let expression = text::counted_string(input, "event.filter_expression", text_len, FILTER_SIZE_MAX)?;
    let bytecode = match code_len {
        0 => None,
        len => Some(part(input, "event.bytecode", len, FilterBytecode::decode)?),
    };
    Ok(Some(Filter { expression, bytecode }))
}

impl Encode for Event {
    fn encode(&self, out: &mut Writer) {
        let filter = self.filter.as_ref();
        let bytecode = filter.and_then(|filter| filter.bytecode.as_ref());
        let mut attributes = Writer::new();
        let (mut location_len, mut probe_len, mut function_len) = (0, 0, 0);
        match &self.kind {
            EventKind::Probe(probe) | EventKind::Function(probe) => {
                attributes.u64(probe.address);
                attributes.u64(probe.offset);
                text::put_counted(&mut attributes, &probe.symbol);
                probe_len = attributes.len() as u32;
            }
            EventKind::FunctionEntry { symbol } => {
                text::put_counted(&mut attributes, symbol);
                function_len = attributes.len() as u32;
            }
            EventKind::UserspaceProbe(location) => {
                location.encode(&mut attributes);
                location_len = attributes.len() as u32;
            }
            EventKind::All | EventKind::Tracepoint | EventKind::Noop | EventKind::Syscall => {}
        }

        out.i8(self.kind.event_type().code());
        out.i8(self.log_level.kind.code());
        out.i32(self.log_level.level);
        out.i8(self.enabled.map_or(-1, i8::from));
        out.i32(self.pid);
        out.u32(
            if self.syscall_32 { FLAG_SYSCALL_32 } else { 0 }
                | if self.syscall_64 { FLAG_SYSCALL_64 } else { 0 },
        );
        out.u32(text::counted_len(&self.name));
        out.u32(self.exclusions.len() as u32);
        out.u32(filter.map_or(0, |filter| text::counted_len(&filter.expression)));
        out.u32(bytecode.map_or(0, |code| (FilterBytecode::HEADER_SIZE + code.data.len()) as u32));
        out.u32(location_len);
        out.u32(probe_len);
        out.u32(function_len);
        text::put(out, &self.name);
        for exclusion in &self.exclusions {
            text::put_counted(out, exclusion);
        }
        if let Some(filter) = filter {
            text::put(out, &filter.expression);
        }
        if let Some(bytecode) = bytecode {
            bytecode.encode(out);
        }
        out.bytes(&attributes.into_bytes());
    }
}

impl Decode for Event {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let event_type = EventType::from_code(input.i8("event.type")?)?;
        let level_type = LogLevelType::from_code(input.i8("event.loglevel_type")?)?;
        let level = input.i32("event.loglevel")?;
        let enabled = match input.i8("event.enabled")? {
            -1 => None,
            flag => Some(flag != 0),
        };
        let pid = input.i32("event.pid")?;
        let flags = input.u32("event.flags")?;
        let name_len = input.u32("event.name_len")?;
        let exclusion_count = input.u32("event.exclusion_count")?;
        let expression_len = input.u32("event.filter_expression_len")?;
        let bytecode_len = input.u32("event.bytecode_len")?;
        let location_len = input.u32("event.userspace_probe_location_len")?;
        let probe_len = input.u32("event.probe_attr_len")?;
        let function_len = input.u32("event.function_attr_len")?;

        let name = text::counted_string(input, "event.name", name_len, NAME_SIZE_MAX)?;
        let mut exclusions = Vec::new();
        for _ in 0..exclusion_count {
            let len = input.u32("event.exclusion_len")?;
            exclusions.push(text::counted_string(input, "event.exclusion", len, NAME_SIZE_MAX)?);
        }
        let filter = decode_filter(input, expression_len, bytecode_len)?;
        let kind = match event_type {
            EventType::All => EventKind::All,
            EventType::Tracepoint => EventKind::Tracepoint,
            EventType::Noop => EventKind::Noop,
            EventType::Syscall => EventKind::Syscall,
            EventType::Probe => EventKind::Probe(part(input, "event.probe_attr", probe_len, decode_probe)?),
            EventType::Function => {
                EventKind::Function(part(input, "event.probe_attr", probe_len, decode_probe)?)
            }
            EventType::FunctionEntry => {
                let symbol = part(input, "event.function_attr", function_len, |input| {
                    let len = input.u32("event.function_attr.symbol_name_len")?;
                    text::counted_string(input, "event.function_attr.symbol_name", len, NAME_SIZE_MAX)
                })?;
                EventKind::FunctionEntry { symbol }
            }
            EventType::UserspaceProbe => EventKind::UserspaceProbe(part(
                input,
                "event.userspace_probe_location",
                location_len,
                UserspaceProbeLocation::decode,
            )?),
        };
        Ok(Event {
            name,
            kind,
            log_level: LogLevelSelection { kind: level_type, level },
            enabled,
            pid,
            syscall_32: flags & FLAG_SYSCALL_32 != 0,
            syscall_64: flags & FLAG_SYSCALL_64 != 0,
            exclusions,
            filter,
        })
    }
}

codes! {
    /// The type of a tracepoint's field, as lists tell it.
    pub enum FieldType: u8, "field.type" {
        /// None of the others.
        Other = 0,
        /// An integer.
        Integer = 1,
        /// An enumeration.
        Enum = 2,
        /// A floating point number.
        Float = 3,
        /// Text.
        String = 4,
    }
}

/// A field of a tracepoint; a tracepoint without fields is listed once, with an empty field name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventField {
    /// The field's name.
    pub name: String,
    /// Its type.
    pub field_type: FieldType,
    /// The field is for filters only and is not recorded.
    pub nowrite: bool,
    /// The tracepoint.
    pub event: Event,
}

impl EventField {
    /// The smallest object: a header, an empty name and the smallest event.
    pub(crate) const SIZE_MIN: usize = 10 + 1 + Event::SIZE_MIN;
}

impl Encode for EventField {
    fn encode(&self, out: &mut Writer) {
        let event = self.event.to_bytes();
        out.u8(self.field_type.code());
        out.u8(self.nowrite.into());
        out.u32(text::counted_len(&self.name));
        out.u32(event.len() as u32);
        text::put(out, &self.name);
        out.bytes(&event);
    }
}

impl Decode for EventField {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let field_type = FieldType::from_code(input.u8("field.type")?)?;
        let nowrite = input.bool8("field.nowrite")?;
        let name_len = input.u32("field.name_len")?;
        let event_len = input.u32("field.event_len")?;
        let name = text::counted_string(input, "field.name", name_len, NAME_SIZE_MAX)?;
        let event = part(input, "field.event", event_len, Event::decode)?;
        Ok(EventField { name, field_type, nowrite, event })
    }
}
