//! What an application asks of the session daemon: register an event, a channel, an enumeration
//! (`docs/spec/ust-protocol.md` 7).

use super::SYMBOL_NAME_LEN;
use super::dialect::Dialect;
use super::event::LogLevel;
use super::field::{EnumEntry, EnumRange, EnumValue, Field};
use super::ids::{ChannelId, EnumId, Errno, EventId, ObjectHandle};
use crate::{Decode, Encode, Reader, WireError, Writer, text};

codes! {
    /// What a request on the notify socket is for.
    pub enum NotifyKind: u32, "notify command" {
        /// Register an event.
        Event = 0,
        /// Register a channel with its context fields.
        Channel = 1,
        /// Register an enumeration.
        Enum = 2,
    }
}

/// An event that an enabler matches; sent before the channel's registration, or after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRegistration {
    /// The session.
    pub session: ObjectHandle,
    /// The channel that it is recorded in.
    pub channel: ObjectHandle,
    /// `provider:name`.
    pub name: String,
    /// Its level.
    pub log_level: LogLevel,
    /// The tracepoint's argument list as text; not part of the event's identity.
    pub signature: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Where its model is described.
    pub model_emf_uri: Option<String>,
}

/// A channel that becomes active for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRegistration {
    /// The session.
    pub session: ObjectHandle,
    /// The channel.
    pub channel: ObjectHandle,
    /// The contexts that are recorded with every event, in the order in which they were added.
    pub context_fields: Vec<Field>,
}

/// An enumeration; sent before an event or a context that uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumRegistration {
    /// The session.
    pub session: ObjectHandle,
    /// `<provider>_<enumeration>`, or `dynamic_type_enum`.
    pub name: String,
    /// Its labels.
    pub entries: Vec<EnumEntry>,
}

/// A request on the notify socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyRequest {
    /// Register an event.
    Event(EventRegistration),
    /// Register a channel with its context fields.
    Channel(ChannelRegistration),
    /// Register an enumeration.
    Enum(EnumRegistration),
}

/// Sizes of the fixed part of each request, the kind included.
const EVENT_LEN: usize = 316;
const CHANNEL_LEN: usize = 48;
const ENUM_LEN: usize = 300;
const ENUM_ENTRY_LEN: usize = 336;
const ENTRY_AUTOMATIC: u32 = 1;

/// The longest signature and URI that are taken.
const MAX_TEXT_LEN: usize = 1 << 16;
/// The largest number of labels that is taken.
const MAX_ENUM_ENTRIES: usize = 16384;

impl NotifyKind {
    /// Size of the request up to its variable part, the kind included.
    pub(super) fn head_len(self) -> usize {
        match self {
            NotifyKind::Event => EVENT_LEN,
            NotifyKind::Channel => CHANNEL_LEN,
            NotifyKind::Enum => ENUM_LEN,
        }
    }

    /// Size of the answer, the kind included.
    pub(super) fn answer_len(self) -> usize {
        match self {
            NotifyKind::Event => 44,
            NotifyKind::Channel | NotifyKind::Enum => 48,
        }
    }
}

/// The fixed part of a request; says how many bytes follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    Event { fixed: Vec<u8>, signature: usize, fields: usize, uri: usize },
    Channel { session: ObjectHandle, channel: ObjectHandle, fields: usize },
    Enum { session: ObjectHandle, fixed: Vec<u8>, entries: usize },
}

impl Head {
    /// Reads what follows the kind. Errors here are about lengths: the stream cannot be followed any further.
    pub(super) fn decode(kind: NotifyKind, bytes: &[u8]) -> Result<Self, WireError> {
        let mut input = Reader::new(bytes);
        let session = ObjectHandle(input.u32("session handle")?);
        let fields_limit = super::MAX_FIELD_ENTRIES * super::FIELD_ENTRY_LEN;
        match kind {
            NotifyKind::Event => {
                input.skip(4 + SYMBOL_NAME_LEN + 4)?;
                let signature = length(&mut input, "signature length", 1, MAX_TEXT_LEN)?;
                let fields = length(&mut input, "fields length", super::FIELD_ENTRY_LEN, fields_limit)?;
                let uri = length(&mut input, "model EMF URI length", 1, MAX_TEXT_LEN)?;
                Ok(Head::Event { fixed: bytes.to_vec(), signature, fields, uri })
            }
            NotifyKind::Channel => {
                let channel = ObjectHandle(input.u32("channel handle")?);
                let fields =
                    length(&mut input, "context fields length", super::FIELD_ENTRY_LEN, fields_limit)?;
                Ok(Head::Channel { session, channel, fields })
            }
            NotifyKind::Enum => {
                input.skip(SYMBOL_NAME_LEN)?;
                let limit = MAX_ENUM_ENTRIES * ENUM_ENTRY_LEN;
                let entries = length(&mut input, "enumeration entries length", ENUM_ENTRY_LEN, limit)?;
                Ok(Head::Enum { session, fixed: bytes.to_vec(), entries })
            }
        }
    }

    /// How many bytes follow.
    pub(super) fn rest_len(&self) -> usize {
        match *self {
            Head::Event { signature, fields, uri, .. } => signature + fields + uri,
            Head::Channel { fields, .. } => fields,
            Head::Enum { entries, .. } => entries,
        }
    }

    /// Reads what follows. Errors here concern this request only; the errno is what lttng-sessiond answers.
    pub(super) fn complete(
        &self,
        dialect: Dialect,
        rest: &[u8],
    ) -> Result<NotifyRequest, (Errno, WireError)> {
        let invalid = |error| (Errno::EINVAL, error);
        let no_memory = |error| (Errno::ENOMEM, error);
        let mut rest = Reader::new(rest);
        match self {
            Head::Event { fixed, signature, fields, uri } => {
                let mut fixed = Reader::new(fixed);
                let session = ObjectHandle(fixed.u32("session handle").map_err(invalid)?);
                let channel = ObjectHandle(fixed.u32("channel handle").map_err(invalid)?);
                let name = super::symbol(&mut fixed, "event name").map_err(invalid)?;
                let log_level = LogLevel(fixed.i32("log level").map_err(invalid)?);
                let signature = rest.fixed_string("signature", *signature).map_err(invalid)?;
                let fields = rest.bytes("fields", *fields).map_err(invalid)?;
                let fields = dialect.decode_fields(fields).map_err(no_memory)?;
                let model_emf_uri = match uri {
                    0 => None,
                    len => Some(rest.fixed_string("model EMF URI", *len).map_err(invalid)?),
                };
                Ok(NotifyRequest::Event(EventRegistration {
                    session,
                    channel,
                    name,
                    log_level,
                    signature,
                    fields,
                    model_emf_uri,
                }))
            }
            &Head::Channel { session, channel, .. } => {
                let context_fields = dialect.decode_fields(rest.rest()).map_err(no_memory)?;
                Ok(NotifyRequest::Channel(ChannelRegistration { session, channel, context_fields }))
            }
            Head::Enum { session, fixed, entries } => {
                let mut fixed = Reader::new(&fixed[4..]);
                let name = super::symbol(&mut fixed, "enumeration name").map_err(invalid)?;
                let mut of = Vec::with_capacity(entries / ENUM_ENTRY_LEN);
                while !rest.rest().is_empty() {
                    of.push(EnumEntry::decode(&mut rest).map_err(invalid)?);
                }
                Ok(NotifyRequest::Enum(EnumRegistration { session: *session, name, entries: of }))
            }
        }
    }
}

fn length(
    input: &mut Reader<'_>,
    field: &'static str,
    unit: usize,
    limit: usize,
) -> Result<usize, WireError> {
    let value = input.u32(field)?;
    match value as usize {
        len if len > limit => {
            Err(WireError::TooLarge { field, value: u64::from(value), limit: limit as u64 })
        }
        len if len % unit != 0 => Err(WireError::BadValue { field, value: i128::from(value) }),
        len => Ok(len),
    }
}

impl NotifyRequest {
    /// What the request is for.
    pub fn kind(&self) -> NotifyKind {
        match self {
            NotifyRequest::Event(_) => NotifyKind::Event,
            NotifyRequest::Channel(_) => NotifyKind::Channel,
            NotifyRequest::Enum(_) => NotifyKind::Enum,
        }
    }

    /// All bytes of the request. Fails on fields that the dialect cannot describe.
    pub fn to_bytes(&self, dialect: Dialect) -> Result<Vec<u8>, WireError> {
        let mut out = Writer::new();
        out.u32(self.kind().code());
        match self {
            NotifyRequest::Event(of) => {
                let fields = dialect.encode_fields(&of.fields)?;
                out.u32(of.session.0);
                out.u32(of.channel.0);
                out.fixed_string(&of.name, SYMBOL_NAME_LEN);
                out.i32(of.log_level.0);
                let signature = text::to_bytes(&of.signature);
                let uri = of.model_emf_uri.as_deref().map(text::to_bytes);
                out.u32(signature.len() as u32 + 1);
                out.u32(fields.len() as u32);
                out.u32(uri.as_ref().map_or(0, |uri| uri.len() as u32 + 1));
                out.pad_to(EVENT_LEN);
                out.bytes(&signature);
                out.u8(0);
                out.bytes(&fields);
                if let Some(uri) = uri {
                    out.bytes(&uri);
                    out.u8(0);
                }
            }
            NotifyRequest::Channel(of) => {
                let fields = dialect.encode_fields(&of.context_fields)?;
                out.u32(of.session.0);
                out.u32(of.channel.0);
                out.u32(fields.len() as u32);
                out.pad_to(CHANNEL_LEN);
                out.bytes(&fields);
            }
            NotifyRequest::Enum(of) => {
                out.u32(of.session.0);
                out.fixed_string(&of.name, SYMBOL_NAME_LEN);
                out.u32((of.entries.len() * ENUM_ENTRY_LEN) as u32);
                out.pad_to(ENUM_LEN);
                for entry in &of.entries {
                    entry.encode(&mut out);
                }
            }
        }
        Ok(out.into_bytes())
    }
}

impl Encode for EnumEntry {
    fn encode(&self, out: &mut Writer) {
        let (start, end, options) = match self.values {
            EnumRange::Values { start, end } => (start, end, 0),
            EnumRange::Automatic => {
                (EnumValue::Unsigned(u64::MAX), EnumValue::Unsigned(u64::MAX), ENTRY_AUTOMATIC)
            }
        };
        for value in [start, end] {
            match value {
                EnumValue::Signed(value) => out.i64(value),
                EnumValue::Unsigned(value) => out.u64(value),
            }
            out.u8(u8::from(matches!(value, EnumValue::Signed(_))));
            out.zeros(15);
        }
        out.fixed_string(&self.label, SYMBOL_NAME_LEN);
        out.u32(options);
        out.zeros(28);
    }
}

impl Decode for EnumEntry {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value = || {
            let bits = input.u64("enumeration value")?;
            let signed = input.bool8("enumeration value signedness")?;
            input.skip(15)?;
            // Two's complement either way.
            Ok::<_, WireError>(if signed {
                EnumValue::Signed(bits as i64)
            } else {
                EnumValue::Unsigned(bits)
            })
        };
        let (start, end) = (value()?, value()?);
        let label = super::symbol(input, "enumeration label")?;
        let automatic = input.u32("enumeration entry options")? & ENTRY_AUTOMATIC != 0;
        input.skip(28)?;
        let values = if automatic { EnumRange::Automatic } else { EnumRange::Values { start, end } };
        Ok(EnumEntry { label, values })
    }
}

codes! {
    /// How the header of events in a channel is laid out.
    pub enum EventHeader: u32, "event header type" {
        /// Small ids and timestamps, with an escape.
        Compact = 1,
        /// Larger ones; what user-space channels have.
        Large = 2,
    }
}

/// What the session daemon made of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelAnswer {
    /// Must be the id inside the channel's blob.
    pub id: ChannelId,
    /// How events start; lttng-sessiond says [`EventHeader::Large`].
    pub header: EventHeader,
}

/// The session daemon's answer to a [`NotifyRequest`] of the same kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyAnswer {
    /// The event's id. On an error the application skips the event.
    Event(Result<EventId, Errno>),
    /// The channel's id and header. On an error the session is not enabled in the application.
    Channel(Result<ChannelAnswer, Errno>),
    /// The enumeration's id.
    Enum(Result<EnumId, Errno>),
}

impl NotifyAnswer {
    /// A refusal of a request of that kind.
    pub fn refuse(kind: NotifyKind, errno: Errno) -> Self {
        match kind {
            NotifyKind::Event => NotifyAnswer::Event(Err(errno)),
            NotifyKind::Channel => NotifyAnswer::Channel(Err(errno)),
            NotifyKind::Enum => NotifyAnswer::Enum(Err(errno)),
        }
    }

    /// What it answers.
    pub fn kind(&self) -> NotifyKind {
        match self {
            NotifyAnswer::Event(_) => NotifyKind::Event,
            NotifyAnswer::Channel(_) => NotifyKind::Channel,
            NotifyAnswer::Enum(_) => NotifyKind::Enum,
        }
    }
}

impl Encode for NotifyAnswer {
    fn encode(&self, out: &mut Writer) {
        let start = out.len();
        let kind = self.kind();
        out.u32(kind.code());
        let failed = match *self {
            NotifyAnswer::Event(result) => result.err(),
            NotifyAnswer::Channel(result) => result.err(),
            NotifyAnswer::Enum(result) => result.err(),
        };
        out.i32(failed.map_or(0, |errno| -errno.number()));
        match *self {
            NotifyAnswer::Event(Ok(id)) => out.u32(id.0),
            NotifyAnswer::Channel(Ok(of)) => {
                out.u32(of.id.0);
                out.u32(of.header.code());
            }
            NotifyAnswer::Enum(Ok(id)) => out.u64(id.0),
            _ => {}
        }
        out.pad_to(start + kind.answer_len());
    }
}

impl Decode for NotifyAnswer {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = NotifyKind::from_code(input.u32("notify command")?)?;
        let mut input = Reader::new(input.bytes("notify answer", kind.answer_len() - 4)?);
        let code = input.i32("notify return code")?;
        if code != 0 {
            let errno = code.checked_neg().and_then(Errno::new);
            let bad = WireError::BadValue { field: "notify return code", value: i128::from(code) };
            return errno.map(|errno| NotifyAnswer::refuse(kind, errno)).ok_or(bad);
        }
        Ok(match kind {
            NotifyKind::Event => NotifyAnswer::Event(Ok(EventId(input.u32("event id")?))),
            NotifyKind::Channel => {
                let id = ChannelId(input.u32("channel id")?);
                let header = EventHeader::from_code(input.u32("event header type")?)?;
                NotifyAnswer::Channel(Ok(ChannelAnswer { id, header }))
            }
            NotifyKind::Enum => NotifyAnswer::Enum(Ok(EnumId(input.u64("enumeration id")?))),
        })
    }
}
