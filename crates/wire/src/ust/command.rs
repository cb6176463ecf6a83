//! What the session daemon asks of an application: every command, with its record and what follows it
//! (`docs/spec/ust-protocol.md` 4, 5).

use std::sync::Arc;

use super::bytecode::Bytecode;
use super::context::Context;
use super::counter::{COUNTER_LEN, Counter};
use super::event::{EVENT_NOTIFIER_LEN, EventNotifier, EventRule, Exclusions};
use super::ids::ObjectHandle;
use crate::{Encode, WireError, Writer};

/// Size of every command record.
pub const COMMAND_LEN: usize = 612;
/// Where the part of a record that depends on the command starts.
pub(super) const UNION_AT: usize = 40;
/// Largest channel blob that an application takes.
pub const MAX_CHANNEL_BLOB_LEN: usize = 1 << 20;

macro_rules! command_codes {
    ($($(#[$meta:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// Which command a record holds. Applications get unknown ones too, and must refuse them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CommandCode {
            $($(#[$meta])* $name,)*
            /// None that this side knows.
            Unknown(u32),
        }

        impl CommandCode {
            /// Every command that there is.
            pub const ALL: &'static [CommandCode] = &[$(CommandCode::$name),*];

            /// The number on the wire.
            pub fn code(self) -> u32 {
                match self { $(CommandCode::$name => $code,)* CommandCode::Unknown(code) => code }
            }

            /// What a number on the wire means.
            pub fn from_code(code: u32) -> Self {
                match code { $($code => CommandCode::$name,)* other => CommandCode::Unknown(other) }
            }
        }
    };
}

command_codes! {
    /// Drop an object.
    Release = 0x01,
    /// Make a session.
    Session = 0x40,
    /// Say which lttng-ust this is.
    TracerVersion = 0x41,
    /// Take a snapshot of the tracepoints.
    TracepointList = 0x42,
    /// Answer when every running probe has returned.
    WaitQuiescent = 0x43,
    /// Let the program go on: it is registered.
    RegisterDone = 0x44,
    /// Take a snapshot of the tracepoints' fields.
    TracepointFieldList = 0x45,
    /// Make the group of event notifiers.
    EventNotifierGroupCreate = 0x46,
    /// Make a channel.
    Channel = 0x51,
    /// As Enable on a session; not used.
    SessionStart = 0x52,
    /// As Disable on a session; not used.
    SessionStop = 0x53,
    /// Write the state dump again.
    SessionStatedump = 0x54,
    /// Give a channel the buffer of one CPU.
    Stream = 0x60,
    /// Make an event enabler.
    Event = 0x61,
    /// Record a context in a channel.
    Context = 0x70,
    /// Flush a channel; not used.
    FlushBuffer = 0x71,
    /// Switch an object on.
    Enable = 0x80,
    /// Switch an object off.
    Disable = 0x81,
    /// The next tracepoint of a list.
    TracepointListGet = 0x90,
    /// The next field of a list.
    TracepointFieldListGet = 0x91,
    /// Filter an event.
    Filter = 0xA0,
    /// Leave names out of an event.
    Exclusion = 0xA1,
    /// Make an event notifier.
    EventNotifierCreate = 0xB0,
    /// Capture a value with a notification.
    Capture = 0xB6,
    /// Make a counter.
    Counter = 0xC0,
    /// Give a counter its global element.
    CounterGlobal = 0xD0,
    /// Give a counter the elements of one CPU.
    CounterCpu = 0xD1,
}

/// A per-CPU channel; one descriptor (the write end of its wake-up pipe) goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// What the consumer daemon made of the channel's attributes; opaque here (`docs/spec/ring-buffer.md`).
    pub blob: Arc<[u8]>,
}

/// The buffer of one CPU; two descriptors (shared memory, write end of its wake-up pipe) go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    /// Bytes of shared memory.
    pub shm_len: u64,
    /// CPU, from 0.
    pub number: u32,
}

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Drop the object. Does not switch an event off.
    Release,
    /// Make a session (on the root); answered with its handle.
    Session,
    /// Say which lttng-ust this is (on the root).
    TracerVersion,
    /// Take a snapshot of the tracepoints (on the root); answered with the list's handle.
    TracepointList,
    /// Answer when every running probe has returned (on the root).
    WaitQuiescent,
    /// Let the program go on (on the root).
    RegisterDone,
    /// Take a snapshot of the tracepoints' fields (on the root); answered with the list's handle.
    TracepointFieldList,
    /// Make the group of event notifiers (on the root); a descriptor, the write end of the notification pipe, goes
    /// with it; answered with the group's handle.
    EventNotifierGroupCreate,
    /// Make a channel (on a session); answered with its handle.
    Channel(Channel),
    /// As [`Command::Enable`] on a session; lttng-sessiond never sends it.
    SessionStart,
    /// As [`Command::Disable`] on a session; lttng-sessiond never sends it.
    SessionStop,
    /// Write the state dump again (on a session).
    SessionStatedump,
    /// Give a channel (on it) the buffer of one CPU; all of them before anything else.
    Stream(Stream),
    /// Make an event enabler (on a channel), switched off; answered with its handle.
    Event(EventRule),
    /// Record a context (on a channel).
    Context(Context),
    /// Flush (on a channel); lttng-sessiond never sends it.
    FlushBuffer,
    /// Switch on (on a session, channel, event, event notifier).
    Enable,
    /// Switch off (on a session, channel, event, event notifier).
    Disable,
    /// The next tracepoint (on a list).
    TracepointListGet,
    /// The next field (on a field list).
    TracepointFieldListGet,
    /// Filter (on an event, event notifier).
    Filter(Bytecode),
    /// Leave names out (on an event, event notifier).
    Exclusion(Exclusions),
    /// Make an event notifier (on a group), switched off; answered with its handle.
    EventNotifierCreate(EventNotifier),
    /// Capture a value (on an event notifier).
    Capture(Bytecode),
    /// Make a counter (on a group); answered with its handle.
    Counter(Counter),
    /// Give a counter its global element; a descriptor of shared memory goes with it. Not implemented by lttng-ust.
    CounterGlobal {
        /// Bytes of shared memory.
        shm_len: u64,
    },
    /// Give a counter the elements of one CPU; a descriptor of shared memory goes with it.
    CounterCpu {
        /// Bytes of shared memory.
        shm_len: u64,
        /// CPU, from 0.
        cpu: u32,
    },
}

/// How the parts of a command follow each other (section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pattern {
    /// The record, what belongs to it at once, then a reply.
    OneReply,
    /// The record, a reply; if it is good what belongs to the record, and a second reply.
    TwoReplies,
}

impl CommandCode {
    pub(super) fn pattern(self) -> Pattern {
        match self {
            CommandCode::EventNotifierGroupCreate
            | CommandCode::EventNotifierCreate
            | CommandCode::Capture
            | CommandCode::Counter
            | CommandCode::CounterGlobal
            | CommandCode::CounterCpu => Pattern::TwoReplies,
            _ => Pattern::OneReply,
        }
    }

    /// How many descriptors go with the command, in one message of their own.
    pub fn fd_count(self) -> usize {
        match self {
            CommandCode::Stream => 2,
            CommandCode::Channel
            | CommandCode::EventNotifierGroupCreate
            | CommandCode::CounterGlobal
            | CommandCode::CounterCpu => 1,
            _ => 0,
        }
    }
}

impl Command {
    /// Which command this is.
    pub fn code(&self) -> CommandCode {
        match self {
            Command::Release => CommandCode::Release,
            Command::Session => CommandCode::Session,
            Command::TracerVersion => CommandCode::TracerVersion,
            Command::TracepointList => CommandCode::TracepointList,
            Command::WaitQuiescent => CommandCode::WaitQuiescent,
            Command::RegisterDone => CommandCode::RegisterDone,
            Command::TracepointFieldList => CommandCode::TracepointFieldList,
            Command::EventNotifierGroupCreate => CommandCode::EventNotifierGroupCreate,
            Command::Channel(_) => CommandCode::Channel,
            Command::SessionStart => CommandCode::SessionStart,
            Command::SessionStop => CommandCode::SessionStop,
            Command::SessionStatedump => CommandCode::SessionStatedump,
            Command::Stream(_) => CommandCode::Stream,
            Command::Event(_) => CommandCode::Event,
            Command::Context(_) => CommandCode::Context,
            Command::FlushBuffer => CommandCode::FlushBuffer,
            Command::Enable => CommandCode::Enable,
            Command::Disable => CommandCode::Disable,
            Command::TracepointListGet => CommandCode::TracepointListGet,
            Command::TracepointFieldListGet => CommandCode::TracepointFieldListGet,
            Command::Filter(_) => CommandCode::Filter,
            Command::Exclusion(_) => CommandCode::Exclusion,
            Command::EventNotifierCreate(_) => CommandCode::EventNotifierCreate,
            Command::Capture(_) => CommandCode::Capture,
            Command::Counter(_) => CommandCode::Counter,
            Command::CounterGlobal { .. } => CommandCode::CounterGlobal,
            Command::CounterCpu { .. } => CommandCode::CounterCpu,
        }
    }

    /// Writes the part of the record that depends on the command.
    pub(super) fn encode_union(&self, out: &mut Writer) {
        match self {
            Command::Channel(channel) => {
                out.u64(channel.blob.len() as u64);
                out.i32(PER_CPU_CHANNEL);
            }
            Command::Stream(stream) => {
                out.u64(stream.shm_len);
                out.u32(stream.number);
            }
            Command::Event(rule) => rule.encode(out),
            Command::Context(context) => context.encode_union(out),
            Command::Filter(bytecode) | Command::Capture(bytecode) => bytecode.encode_union(out),
            Command::Exclusion(exclusions) => out.u32(exclusions.names().len() as u32),
            Command::EventNotifierCreate(_) => out.u32(EVENT_NOTIFIER_LEN as u32),
            Command::Counter(_) => out.u64(COUNTER_LEN as u64),
            Command::CounterGlobal { shm_len } => out.u64(*shm_len),
            Command::CounterCpu { shm_len, cpu } => {
                out.u64(*shm_len);
                out.u32(*cpu);
            }
            _ => {}
        }
    }

    /// Writes the bytes that follow the record.
    pub(super) fn encode_data(&self, out: &mut Writer) {
        match self {
            Command::Channel(channel) => out.bytes(&channel.blob),
            Command::Context(context) => context.encode_data(out),
            Command::Filter(bytecode) | Command::Capture(bytecode) => out.bytes(bytecode.data()),
            Command::Exclusion(exclusions) => exclusions.encode_names(out),
            Command::EventNotifierCreate(notifier) => notifier.encode(out),
            Command::Counter(counter) => counter.encode(out),
            _ => {}
        }
    }
}

/// The channel type that applications take; metadata channels (1) stay between the daemons.
pub(super) const PER_CPU_CHANNEL: i32 = 0;

/// A command on an object of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The object.
    pub handle: ObjectHandle,
    /// What to do.
    pub command: Command,
}

impl Request {
    /// A command on the root object.
    pub fn root(command: Command) -> Self {
        Request { handle: ObjectHandle::ROOT, command }
    }

    /// Writes the record of 612 bytes, without what follows it.
    pub(super) fn encode_record(&self, out: &mut Writer) {
        let start = out.len();
        out.u32(self.handle.0);
        out.u32(self.command.code().code());
        out.pad_to(start + UNION_AT);
        self.command.encode_union(out);
        out.pad_to(start + COMMAND_LEN);
    }

    /// Refuses arguments that an application would answer by dropping the connection, or not at all.
    pub(super) fn check(&self) -> Result<(), WireError> {
        let limit = |field, value: usize, limit: usize| match value > limit {
            true => Err(WireError::TooLarge { field, value: value as u64, limit: limit as u64 }),
            false => Ok(()),
        };
        match &self.command {
            Command::Channel(channel) => limit("channel blob", channel.blob.len(), MAX_CHANNEL_BLOB_LEN),
            Command::Context(context) => {
                limit("context name", context.field_name().len(), super::SYMBOL_NAME_LEN - 1)
            }
            Command::Event(rule) => limit("event name", rule.name.len(), super::SYMBOL_NAME_LEN - 1),
            Command::EventNotifierCreate(of) => {
                limit("event name", of.rule.name.len(), super::SYMBOL_NAME_LEN - 1)
            }
            Command::Exclusion(of) => of
                .names()
                .iter()
                .try_for_each(|name| limit("exclusion", name.len(), super::SYMBOL_NAME_LEN - 1)),
            _ => Ok(()),
        }
    }
}

/// A command that cannot be sent to an application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedCommand {
    /// Applications of that revision do not know it.
    #[error("{code:?} is unknown to applications of ABI {major}")]
    Dialect {
        /// The command.
        code: CommandCode,
        /// The application's revision.
        major: u32,
    },
    /// Its arguments are more than an application takes.
    #[error(transparent)]
    Argument(#[from] WireError),
}
