//! What the applications that share buffers have registered: events, enumerations, contexts; and the metadata text that
//! grows out of it (`docs/spec/ust-protocol.md`, section 7; `docs/spec/trace-output.md`, sections 12 and 15).
//!
//! There is one registry per session and user (and word size), or per session and process. Nothing here does I/O.

mod field;

use std::collections::{BTreeMap, HashMap};

use rttng_ctf::ust::{Abi, DeclareError, MetadataCursor, MetadataLog, TraceInfo};
use rttng_ctf::{ByteOrder, EventClass, Uuid};
use rttng_wire::text;
use rttng_wire::ust::{
    Alignments, ChannelId, EnumEntry, EnumId, EnumRegistration, Errno, EventId, EventRegistration, Field,
    LogLevel,
};

/// The most event classes that one registry takes. A bound, because applications of one user share a registry and one of
/// them may be broken; real programs have some thousands.
const MOST_EVENTS: usize = 1 << 20;
/// The most enumerations that one registry takes.
const MOST_ENUMERATIONS: usize = 1 << 16;
/// The most bytes of metadata that one registry composes.
const MOST_METADATA: usize = 1 << 28;

/// Numbers a registry; the consumer daemon asks for metadata by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistryId(pub u64);

/// What an event is known by: the argument list and the session handle do not count (section 7.4).
#[derive(Debug, PartialEq, Eq, Hash)]
struct EventIdentity {
    name: String,
    log_level: LogLevel,
    fields: Vec<Field>,
    model_emf_uri: Option<String>,
}

/// A channel of the trace.
#[derive(Debug, Default)]
struct Stream {
    contexts: Option<Vec<Field>>,
    events: HashMap<EventIdentity, EventId>,
}

/// What was registered, and the metadata that says so.
#[derive(Debug)]
pub struct Registry {
    id: RegistryId,
    log: MetadataLog,
    streams: BTreeMap<ChannelId, Stream>,
    enumerations: Vec<EnumRegistrationKey>,
    enumeration_ids: HashMap<EnumRegistrationKey, EnumId>,
    events: usize,
    pushed: MetadataCursor,
}

type EnumRegistrationKey = (String, std::rc::Rc<[EnumEntry]>);

impl Registry {
    /// An empty registry for a trace.
    pub fn new(id: RegistryId, trace: TraceInfo) -> Self {
        Registry {
            id,
            log: MetadataLog::new(trace),
            streams: BTreeMap::new(),
            enumerations: Vec::new(),
            enumeration_ids: HashMap::new(),
            events: 0,
            pushed: MetadataCursor::default(),
        }
    }

    /// Its number.
    pub fn id(&self) -> RegistryId {
        self.id
    }

    /// The trace's UUID.
    pub fn uuid(&self) -> Uuid {
        self.log.info().uuid
    }

    /// Registers an enumeration: the same name with the same labels has one id.
    ///
    /// # Errors
    /// `ENOMEM` when there are too many.
    pub fn register_enumeration(&mut self, of: EnumRegistration) -> Result<EnumId, Errno> {
        let key = (of.name, of.entries.into());
        if let Some(id) = self.enumeration_ids.get(&key) {
            return Ok(*id);
        }
        if self.enumerations.len() >= MOST_ENUMERATIONS {
            return Err(Errno::ENOMEM);
        }
        let id = EnumId(self.enumerations.len() as u64);
        self.enumerations.push(key.clone());
        self.enumeration_ids.insert(key, id);
        Ok(id)
    }

    /// Registers an event of a channel; one that is there already keeps its id.
    ///
    /// The real session daemon refuses that in buffers per process, and then loses the events of a library that is
    /// unloaded and loaded again; here it has the same id again.
    ///
    /// # Errors
    /// `ENOENT` for an unknown enumeration, `EINVAL` or `ENOMEM` for fields that no metadata can describe, `ENOMEM` when
    /// there are too many events.
    pub fn register_event(&mut self, stream: ChannelId, event: EventRegistration) -> Result<EventId, Errno> {
        let EventRegistration { name, log_level, fields, model_emf_uri, .. } = event;
        let identity = EventIdentity { name, log_level, fields, model_emf_uri };
        let next = match self.streams.get(&stream) {
            Some(known) => match known.events.get(&identity) {
                Some(id) => return Ok(*id),
                None => known.events.len(),
            },
            None => 0,
        };
        if self.events >= MOST_EVENTS || self.log.text().len() >= MOST_METADATA {
            return Err(Errno::ENOMEM);
        }
        let id = EventId(u32::try_from(next).map_err(|_| Errno::ENOMEM)?);
        let class = EventClass::user_space(
            id.0,
            text::to_utf8(&identity.name).into_owned(),
            log_level.0,
            identity.model_emf_uri.as_deref().map(|uri| text::to_utf8(uri).into_owned()),
            self.convert(&identity.fields)?,
        );
        self.log.declare_event(stream.0, &class).map_err(|error| errno_of(&error))?;
        self.streams.entry(stream).or_default().events.insert(identity, id);
        self.events += 1;
        Ok(id)
    }

    /// Registers a channel with its context fields, which the first application fixes.
    ///
    /// # Errors
    /// `EINVAL` when another application has other contexts on it, else as for events.
    pub fn register_channel(&mut self, stream: ChannelId, contexts: Vec<Field>) -> Result<(), Errno> {
        if let Some(known) = self.streams.get(&stream).and_then(|known| known.contexts.as_ref()) {
            return if *known == contexts { Ok(()) } else { Err(Errno::EINVAL) };
        }
        let declared = self.convert(&contexts)?;
        self.log.declare_stream(stream.0, &declared).map_err(|error| errno_of(&error))?;
        self.streams.entry(stream).or_default().contexts = Some(contexts);
        Ok(())
    }

    /// Declares a channel that no application has registered; says whether it was needed.
    pub fn declare_unused(&mut self, stream: ChannelId) -> bool {
        !self.log.has_stream(stream.0) && self.register_channel(stream, Vec::new()).is_ok()
    }

    /// What the consumer lacks, if anything, at most about `most` bytes of it: where it belongs, and the text.
    pub fn unsent(&self, most: usize) -> Option<(MetadataCursor, String)> {
        self.since(self.pushed, most)
    }

    /// As [`Registry::unsent`], for someone who has the text up to `has`.
    pub fn since(&self, has: MetadataCursor, most: usize) -> Option<(MetadataCursor, String)> {
        let update = self.log.since(has)?;
        let at = MetadataCursor { version: update.version, offset: update.offset };
        let len = update.text.len();
        let end = (most.min(len)..len).find(|at| update.text.is_char_boundary(*at)).unwrap_or(len);
        Some((at, update.text[..end].to_owned()))
    }

    /// Where the consumer's text ends.
    pub fn sent(&self) -> MetadataCursor {
        if self.pushed.version == self.log.version() {
            self.pushed
        } else {
            MetadataCursor { version: self.log.version(), offset: 0 }
        }
    }

    /// The consumer has taken `len` bytes at `from`. Two ways lead there (pushed on the command socket, asked for on the
    /// metadata socket); what both bring is the same text, so the later end counts.
    pub fn took(&mut self, from: MetadataCursor, len: usize) {
        let end = from.offset + len as u64;
        if from.version > self.pushed.version {
            self.pushed = MetadataCursor { version: from.version, offset: end };
        } else if from.version == self.pushed.version {
            self.pushed.offset = self.pushed.offset.max(end);
        }
    }

    /// Composes the text anew, with a clock offset that was measured anew (section 15.3).
    pub fn regenerate(&mut self, clock_offset: i64) {
        self.log.regenerate(clock_offset);
    }

    /// Makes the text one that every reader opens: a channel that has application contexts but no event yet gets one that
    /// never occurs. To be called when no more is expected soon.
    pub fn complete(&mut self) {
        self.log.declare_placeholders();
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        self.log.text()
    }

    fn convert(&self, fields: &[Field]) -> Result<Vec<rttng_ctf::Field>, Errno> {
        let labels = |id: EnumId| {
            let at = usize::try_from(id.0).ok()?;
            self.enumerations.get(at).map(|(_, entries)| &**entries)
        };
        field::convert_fields(fields, self.log.info().abi.byte_order, &labels)
    }
}

fn errno_of(error: &DeclareError) -> Errno {
    let code = match error {
        DeclareError::Field(fault) => fault.why.return_code(),
        DeclareError::DuplicateStream(_) | DeclareError::DuplicateEvent { .. } => return Errno::EINVAL,
    };
    code.checked_neg().and_then(Errno::new).unwrap_or(Errno::EINVAL)
}

/// The layout that an application announced. Only applications of this machine's byte order can register.
pub fn abi_of(long_bits: u32, alignments: &Alignments) -> Abi {
    Abi {
        byte_order: ByteOrder::NATIVE,
        long_bits,
        alignments: rttng_ctf::ust::Alignments {
            u8: alignments.u8_bits,
            u16: alignments.u16_bits,
            u32: alignments.u32_bits,
            u64: alignments.u64_bits,
            long: alignments.long_bits,
        },
    }
}

#[cfg(test)]
mod tests {
    use rttng_ctf::Clock;
    use rttng_ctf::ust::{Buffering, TracerVersion};
    use rttng_wire::ust::{
        Array, Base, ByteOrder, Encoding, EnumRange, EnumValue, Enumeration, FieldType, Float, Integer,
        ObjectHandle,
    };

    use super::*;

    const STREAM: ChannelId = ChannelId(0);

    fn registry() -> Registry {
        Registry::new(
            RegistryId(1),
            TraceInfo {
                uuid: Uuid::from_random([7; 16]),
                abi: Abi::X86_64,
                tracer: TracerVersion { major: 2, minor: 13, patchlevel: 5 },
                buffering: Buffering::PerUser { uid: 0 },
                session_name: "s".to_owned(),
                session_created: "20261122T190024+0000".to_owned(),
                hostname: "host".to_owned(),
                clock: Clock::monotonic(None, 0),
            },
        )
    }

    fn integer(size_bits: u32) -> Integer {
        Integer {
            size_bits,
            alignment_bits: 8,
            signed: true,
            byte_order: ByteOrder::Native,
            base: Base::Decimal,
            encoding: Encoding::None,
        }
    }

    fn event(name: &str, fields: Vec<(&str, FieldType)>) -> EventRegistration {
        EventRegistration {
            session: ObjectHandle(1),
            channel: ObjectHandle(2),
            name: name.to_owned(),
            log_level: LogLevel::DEBUG_LINE,
            signature: String::new(),
            fields: fields.into_iter().map(|(name, ty)| Field { name: name.to_owned(), ty }).collect(),
            model_emf_uri: None,
        }
    }

    #[test]
    fn the_same_event_has_one_id_whatever_its_signature() {
        let mut registry = registry();
        let one = || event("p:e", vec![("i", FieldType::Integer(integer(32)))]);
        assert_eq!(registry.register_event(STREAM, one()), Ok(EventId(0)));
        let other_signature = EventRegistration { signature: "int, j".to_owned(), ..one() };
        assert_eq!(registry.register_event(STREAM, other_signature), Ok(EventId(0)));
        let other_level = EventRegistration { log_level: LogLevel(4), ..one() };
        assert_eq!(registry.register_event(STREAM, other_level), Ok(EventId(1)));
        assert_eq!(registry.register_event(ChannelId(1), one()), Ok(EventId(0)));
        assert_eq!(registry.text().matches("event {").count(), 3);
    }

    #[test]
    fn fields_that_cannot_be_described_are_refused_and_leave_nothing() {
        let mut registry = registry();
        let before = registry.text().to_owned();
        let long_double = FieldType::Float(Float {
            exponent_digits: 0,
            mantissa_digits: 0,
            byte_order: ByteOrder::Native,
            alignment_bits: 8,
        });
        assert_eq!(
            registry.register_event(STREAM, event("p:e", vec![("ld", long_double)])),
            Err(Errno::ENOMEM)
        );
        let strings = FieldType::Array(Array {
            element: Box::new(FieldType::String(Encoding::Utf8)),
            length: 2,
            alignment_bits: 0,
        });
        assert_eq!(registry.register_event(STREAM, event("p:e", vec![("a", strings)])), Err(Errno::EINVAL));
        let unknown = FieldType::Enumeration(Enumeration {
            name: "p_e".to_owned(),
            id: Some(EnumId(9)),
            container: integer(32),
        });
        assert_eq!(registry.register_event(STREAM, event("p:e", vec![("x", unknown)])), Err(Errno::ENOENT));
        assert_eq!(registry.text(), before);
    }

    #[test]
    fn enumerations_share_an_id_when_they_are_equal() {
        let mut registry = registry();
        let labels = |value| EnumRegistration {
            session: ObjectHandle(1),
            name: "p_color".to_owned(),
            entries: vec![EnumEntry {
                label: "RED".to_owned(),
                values: EnumRange::Values { start: EnumValue::Signed(value), end: EnumValue::Signed(value) },
            }],
        };
        assert_eq!(registry.register_enumeration(labels(1)), Ok(EnumId(0)));
        assert_eq!(registry.register_enumeration(labels(1)), Ok(EnumId(0)));
        assert_eq!(registry.register_enumeration(labels(2)), Ok(EnumId(1)));
        let field = FieldType::Enumeration(Enumeration {
            name: "p_color".to_owned(),
            id: Some(EnumId(1)),
            container: integer(32),
        });
        registry.register_event(STREAM, event("p:e", vec![("c", field)])).unwrap();
        assert!(registry.text().contains("\"RED\" = 2,"));
    }

    /// A program's source may be in any encoding; readers take UTF-8 only, and the event is worth more than its label.
    #[test]
    fn labels_of_any_bytes_are_declared_as_text() {
        let mut registry = registry();
        let value = EnumValue::Signed(1);
        let id = registry.register_enumeration(EnumRegistration {
            session: ObjectHandle(1),
            name: "p_color".to_owned(),
            entries: vec![EnumEntry {
                label: text::from_bytes(b"gr\xfcn"),
                values: EnumRange::Values { start: value, end: value },
            }],
        });
        let field = FieldType::Enumeration(Enumeration {
            name: "p_color".to_owned(),
            id: Some(id.unwrap()),
            container: integer(32),
        });
        let fields = vec![("c", field), ("a\u{10ffff}b", FieldType::Integer(integer(32)))];
        registry.register_event(STREAM, event("p:e\u{10fffe}", fields)).unwrap();
        assert!(registry.text().contains("\"gr\u{fffd}n\" = 1,"), "{}", registry.text());
        assert!(registry.text().contains("name = \"p:e\u{fffd}\";"));
        assert!(!registry.text().contains(['\u{10ffff}', '\u{10fffe}']), "no stand-in gets into the trace");
    }

    #[test]
    fn the_first_application_fixes_the_contexts() {
        let mut registry = registry();
        let vpid = vec![Field { name: "vpid".to_owned(), ty: FieldType::Integer(integer(32)) }];
        assert_eq!(registry.register_channel(STREAM, vpid.clone()), Ok(()));
        assert_eq!(registry.register_channel(STREAM, vpid), Ok(()));
        assert_eq!(registry.register_channel(STREAM, vec![]), Err(Errno::EINVAL));
        assert_eq!(registry.text().matches("stream {").count(), 1);
        assert!(!registry.declare_unused(STREAM));
        assert!(registry.declare_unused(ChannelId(STREAM.0 + 1)));
        assert_eq!(registry.text().matches("stream {").count(), 2);
    }

    #[test]
    fn text_is_sent_once_and_anew_after_a_regeneration() {
        let mut registry = registry();
        let (from, text) = registry.unsent(usize::MAX).unwrap();
        registry.took(from, text.len());
        assert!(registry.unsent(usize::MAX).is_none());
        registry.register_event(STREAM, event("p:e", vec![])).unwrap();
        let (from, more) = registry.unsent(usize::MAX).unwrap();
        assert_eq!(from.offset, text.len() as u64);
        // Both ways at once: the second one brings nothing new.
        registry.took(from, more.len());
        registry.took(from, more.len());
        assert_eq!(registry.sent().offset, (text.len() + more.len()) as u64);
        registry.regenerate(5);
        let (from, whole) = registry.unsent(usize::MAX).unwrap();
        assert_eq!((from.version, from.offset), (1, 0));
        assert_eq!(whole, registry.text());
        assert_eq!(registry.sent(), MetadataCursor { version: 1, offset: 0 });
    }
}
