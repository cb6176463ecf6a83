//! The fragments of a metadata stream, one after the other, to a trace class.

use std::collections::{HashMap, HashSet};

use super::classes::{Classes, Root};
use super::error::{Fault, ParseError, Parsed};
use super::json::{Json, Object};
use super::names::give_last_names;
use super::{RECORD_SEPARATOR, is_metadata};
use crate::class::{Clock, EnvValue, EventClass, Identity, StreamClass, TraceClass, Uuid, Version};
use crate::tsdl::{Metadata, Warning};
use crate::types::{ByteOrder, Scope, Structure};

/// Names of log levels, by their numbers.
pub(super) const LOG_LEVELS: [&str; 15] = [
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "info",
    "debug:system",
    "debug:program",
    "debug:process",
    "debug:module",
    "debug:unit",
    "debug:function",
    "debug:line",
    "debug",
];

/// Who says log levels and model URIs in attributes: babeltrace2.
pub(super) const ATTRIBUTES_OF: &str = "babeltrace.org,2020";

/// Reads metadata text, without packet headers.
pub(super) fn parse(text: &[u8]) -> Result<Metadata, ParseError> {
    let mut parser = Parser::default();
    let mut line = 1;
    let mut number = 0;
    let mut rest = text;
    while let Some((&RECORD_SEPARATOR, after)) = rest.split_first() {
        let end = memchr::memchr(RECORD_SEPARATOR, after).unwrap_or(after.len());
        let (fragment, next) = after.split_at(end);
        number += 1;
        parser.fragment(fragment, number, line)?;
        line += memchr::memchr_iter(b'\n', fragment).count();
        rest = next;
    }
    if !is_metadata(text) {
        let cause = "the metadata does not start with a record separator".to_owned();
        return Err(ParseError { fragment: 1, line: 1, name: String::new(), path: String::new(), cause });
    }
    Ok(Metadata { trace: parser.trace, warnings: parser.warnings })
}

/// What was read so far.
#[derive(Debug)]
struct Parser {
    trace: TraceClass,
    warnings: Vec<Warning>,
    classes: Classes,
    has_preamble: bool,
    has_trace_class: bool,
    /// The packet header with the names that it is read with.
    packet_header: Option<Structure>,
    /// The same of each stream class, with its position.
    streams: HashMap<u64, StreamScopes>,
    events: HashSet<(u64, u64)>,
}

#[derive(Debug, Default)]
struct StreamScopes {
    position: usize,
    packet_context: Option<Structure>,
    event_header: Option<Structure>,
    event_context: Option<Structure>,
}

impl Default for Parser {
    fn default() -> Parser {
        Parser {
            // The byte order says nothing in CTF 2.
            trace: TraceClass { version: Version::Ctf2, ..TraceClass::new(ByteOrder::Little) },
            warnings: Vec::new(),
            classes: Classes::default(),
            has_preamble: false,
            has_trace_class: false,
            packet_header: None,
            streams: HashMap::new(),
            events: HashSet::new(),
        }
    }
}

impl Parser {
    fn fragment(&mut self, text: &[u8], fragment: usize, line: usize) -> Result<(), ParseError> {
        let at_fault = |name: String, fault: Fault| ParseError {
            fragment,
            line,
            name,
            path: fault.path,
            cause: fault.cause,
        };
        let json: Json = serde_json::from_slice(text)
            .map_err(|error| at_fault(String::new(), Fault::new(format!("this is not JSON: {error}"))))?;
        self.read(&json, fragment == 1).map_err(|fault| at_fault(name_of(&json), fault))
    }

    fn read(&mut self, json: &Json, is_first: bool) -> Parsed<()> {
        let object = json.object()?;
        let kind = object.required("type", Json::text)?;
        match (kind, is_first) {
            ("preamble", true) => self.preamble(object),
            ("preamble", false) => Err(Fault::new("a second preamble")),
            (_, true) => Err(Fault::new("the first fragment must be the preamble")),
            ("field-class-alias", _) => {
                let name = object.required("name", Json::text)?;
                self.classes.declare(name, object.required("field-class", Ok)?)
            }
            ("trace-class", _) => self.trace_class(object),
            ("clock-class", _) => self.clock_class(object),
            ("data-stream-class", _) => self.stream_class(object),
            ("event-record-class", _) => self.event_class(object),
            (other, _) => Err(Fault::new(format!("there is no fragment of type `{other}`")).under("type")),
        }
    }

    fn preamble(&mut self, object: &Object) -> Parsed<()> {
        self.has_preamble = true;
        let version: i128 = object.required("version", Json::integer)?;
        if version != 2 {
            let cause = format!("the version is {version}, this program reads CTF 1.8 and CTF 2");
            return Err(Fault::new(cause).under("version"));
        }
        self.trace.uuid = object.optional("uuid", |json| {
            let bytes = json.array()?.iter().map(Json::integer).collect::<Parsed<Vec<u8>>>()?;
            let bytes = <[u8; 16]>::try_from(bytes);
            bytes.map(Uuid).map_err(|bytes| Fault::new(format!("a UUID of {} bytes, not 16", bytes.len())))
        })?;
        self.classes.has_uuid = self.trace.uuid.is_some();
        let extension = object.optional("extensions", |json| {
            let declared = json.object()?.0.iter().flat_map(|(space, json)| match json {
                Json::Object(names) => {
                    names.0.iter().map(|(name, _)| format!("`{name}` of `{space}`")).collect()
                }
                _ => vec![format!("`{space}`")],
            });
            Ok(declared.collect::<Vec<String>>())
        })?;
        match extension.unwrap_or_default().as_slice() {
            [] => Ok(()),
            declared => Err(Fault::new(format!(
                "the trace needs extensions of the format that this program does not have: {}",
                declared.join(", ")
            ))),
        }
    }

    fn trace_class(&mut self, object: &Object) -> Parsed<()> {
        if std::mem::replace(&mut self.has_trace_class, true) {
            return Err(Fault::new("a second trace class"));
        }
        if !self.streams.is_empty() {
            return Err(Fault::new("the trace class must stand before all data stream classes"));
        }
        self.trace.identity = identity(object)?;
        let entries = object.optional("environment", |json| {
            let entry = |(key, value): &(String, Json)| {
                let value = match value {
                    Json::Text(text) => Ok(EnvValue::Text(text.clone())),
                    other => other.integer().map(EnvValue::Integer),
                };
                value.map(|value| (key.clone(), value)).map_err(|fault| fault.under(key))
            };
            json.object()?.0.iter().map(entry).collect()
        })?;
        self.trace.environment.entries = entries.unwrap_or_default();
        let root = Root { scope: Scope::PacketHeader, before: &[], clock: None };
        let classes = &mut self.classes;
        let header = object.optional("packet-header-field-class", |json| classes.scope(json, root))?;
        self.trace.packet_header = last_names(&header);
        self.packet_header = header;
        Ok(())
    }

    fn clock_class(&mut self, object: &Object) -> Parsed<()> {
        let name = object.required("id", Json::text)?.to_owned();
        if self.trace.clock(&name).is_some() {
            return Err(Fault::new(format!("a second clock class with the id `{name}`")));
        }
        let frequency: u64 = object.required("frequency", Json::integer)?;
        if frequency == 0 {
            return Err(Fault::new("must be more than 0").under("frequency"));
        }
        let offset = object.optional("offset-from-origin", |json| {
            let offset = json.object()?;
            let seconds = offset.optional("seconds", Json::integer)?.unwrap_or(0i64);
            let cycles = offset.optional("cycles", Json::integer)?.unwrap_or(0u64);
            if cycles >= frequency {
                let cause = format!("{cycles} cycles are a second or more at {frequency} Hz");
                return Err(Fault::new(cause).under("cycles"));
            }
            let cycles = i64::try_from(cycles).map_err(|_| Fault::new("out of range").under("cycles"))?;
            Ok((seconds, cycles))
        })?;
        let (offset_seconds, offset) = offset.unwrap_or((0, 0));
        let origin = object.optional("origin", |json| match json {
            Json::Text(text) if text == "unix-epoch" => Ok(None),
            Json::Text(other) => Err(Fault::new(format!("there is no origin `{other}`"))),
            other => {
                let origin = other.object()?;
                origin.required("name", Json::text)?;
                origin.required("uid", Json::text)?;
                identity(origin).map(Some)
            }
        })?;
        let identity = identity(object)?;
        self.trace.clocks.push(Clock {
            uuid: identity.uid.as_deref().and_then(|uid| uid.parse().ok()),
            description: object.optional_text("description")?,
            frequency,
            precision: object.optional("precision", Json::integer)?.unwrap_or(0),
            offset_seconds,
            offset,
            absolute: origin == Some(None),
            origin: origin.flatten(),
            accuracy: object.optional("accuracy", Json::integer)?,
            identity,
            name,
        });
        Ok(())
    }

    fn stream_class(&mut self, object: &Object) -> Parsed<()> {
        let id = object.optional("id", Json::integer)?.unwrap_or(0u64);
        if self.streams.contains_key(&id) {
            return Err(Fault::new(format!("a second data stream class with the id {id}")));
        }
        let clock = object.optional("default-clock-class-id", |json| {
            let name = json.text()?;
            match self.trace.clock(name) {
                Some(_) => Ok(name.to_owned()),
                None => Err(Fault::new(format!("there is no clock class `{name}` before"))),
            }
        })?;
        let mut scopes = StreamScopes { position: self.trace.streams.len(), ..StreamScopes::default() };
        let classes = &mut self.classes;
        let header = self.packet_header.as_ref();
        let mut read = |key: &str, scope: Scope, before: &[(Scope, Option<&Structure>)]| {
            let before: Vec<_> = before.iter().filter_map(|(scope, of)| Some((*scope, (*of)?))).collect();
            let root = Root { scope, before: &before, clock: clock.as_deref() };
            object.optional(key, |json| classes.scope(json, root))
        };
        let mut before = vec![(Scope::PacketHeader, header)];
        scopes.packet_context = read("packet-context-field-class", Scope::PacketContext, &before)?;
        before.push((Scope::PacketContext, scopes.packet_context.as_ref()));
        scopes.event_header = read("event-record-header-field-class", Scope::EventHeader, &before)?;
        before.push((Scope::EventHeader, scopes.event_header.as_ref()));
        let key = "event-record-common-context-field-class";
        scopes.event_context = read(key, Scope::StreamEventContext, &before)?;
        self.trace.streams.push(StreamClass {
            id,
            packet_context: last_names(&scopes.packet_context),
            event_header: last_names(&scopes.event_header),
            event_context: last_names(&scopes.event_context),
            events: Vec::new(),
            identity: identity(object)?,
            default_clock: clock,
        });
        self.streams.insert(id, scopes);
        Ok(())
    }

    fn event_class(&mut self, object: &Object) -> Parsed<()> {
        let id = object.optional("id", Json::integer)?.unwrap_or(0u64);
        let stream = object.optional("data-stream-class-id", Json::integer)?.unwrap_or(0u64);
        let Some(scopes) = self.streams.get(&stream) else {
            return Err(Fault::new(format!("there is no data stream class with the id {stream} before")));
        };
        if !self.events.insert((stream, id)) {
            let cause = format!("a second event record class with the id {id} in data stream class {stream}");
            return Err(Fault::new(cause));
        }
        let mut before: Vec<(Scope, &Structure)> = [
            (Scope::PacketHeader, &self.packet_header),
            (Scope::PacketContext, &scopes.packet_context),
            (Scope::EventHeader, &scopes.event_header),
            (Scope::StreamEventContext, &scopes.event_context),
        ]
        .into_iter()
        .filter_map(|(scope, of)| Some((scope, of.as_ref()?)))
        .collect();
        let classes = &mut self.classes;
        let context = object.optional("specific-context-field-class", |json| {
            classes.scope(json, Root { scope: Scope::EventContext, before: &before, clock: None })
        })?;
        before.extend(context.as_ref().map(|context| (Scope::EventContext, context)));
        let fields = object.optional("payload-field-class", |json| {
            classes.scope(json, Root { scope: Scope::EventFields, before: &before, clock: None })
        })?;
        let (log_level, emf_uri) = attributes(object)?;
        self.trace.streams[scopes.position].events.push(EventClass {
            id,
            name: object.optional_text("name")?.unwrap_or_default(),
            log_level,
            emf_uri,
            context: last_names(&context),
            fields: last_names(&fields),
        });
        Ok(())
    }
}

fn last_names(structure: &Option<Structure>) -> Option<Structure> {
    let mut structure = structure.clone()?;
    give_last_names(&mut structure);
    Some(structure)
}

fn identity(object: &Object) -> Parsed<Identity> {
    Ok(Identity {
        namespace: object.optional_text("namespace")?,
        name: object.optional_text("name")?,
        uid: object.optional_text("uid")?,
    })
}

/// Log level and model URI. Attributes are never wrong, only unknown.
fn attributes(object: &Object) -> Parsed<(Option<i64>, Option<String>)> {
    let all = object.optional("attributes", Json::object)?;
    let own = all.and_then(|all| all.get(ATTRIBUTES_OF));
    let Some(Json::Object(own)) = own else { return Ok((None, None)) };
    let text = |key: &str| own.get(key).and_then(|value| value.text().ok());
    let level = text("log-level").and_then(|name| LOG_LEVELS.iter().position(|level| *level == name));
    Ok((level.map(|level| level as i64), text("emf-uri").map(str::to_owned)))
}

/// What a fragment is, for messages.
fn name_of(json: &Json) -> String {
    let Json::Object(object) = json else { return String::new() };
    let Some(Json::Text(kind)) = object.get("type") else { return String::new() };
    let mut name = kind.clone();
    match object.get("id") {
        Some(Json::Integer(id)) => name += &format!(" {id}"),
        Some(Json::Text(id)) => name += &format!(" `{id}`"),
        _ => {}
    }
    if let Some(Json::Text(own)) = object.get("name") {
        name += &format!(" \"{own}\"");
    }
    name
}
