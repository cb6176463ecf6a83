//! A trace class as metadata of CTF 2: of one of CTF 1.8 the same bits, described with fragments, roles and field locations.
//! The types of one of CTF 2 are written in `rewrite`.
//!
//! Names lose LTTng's underscore, which readers do not show; where two fields would have one name, it stays. A label of an
//! enumeration that names an option of a variant becomes the values of the option.

use super::RECORD_SEPARATOR;
use super::fragments::{ATTRIBUTES_OF, LOG_LEVELS};
use super::locate::scope_name;
use super::rewrite::{self, bit_order, named_values};
use crate::class::{Clock, EnvValue, EventClass, Identity, StreamClass, TraceClass, Version};
use crate::decode::{CompileError, is_text, option_ranges, scopes_of};
use crate::read::clock_of;
use crate::types::{
    ByteOrder, Enumeration, Field, FieldRef, Float, Integer, Scope, Structure, Type, Variant,
};

/// Metadata text that describes the data streams of a trace. What CTF 2 cannot say is an error: times outside of headers
/// and packet contexts, headers whose ids or times are signed.
pub fn write(trace: &TraceClass) -> Result<String, CompileError> {
    let mut text = String::new();
    let mut fragment = |json: String| {
        text.push(char::from(RECORD_SEPARATOR));
        text.push_str(&json);
        text.push('\n');
    };
    let mut preamble = vec![("type", quoted("preamble")), ("version", "2".to_owned())];
    if let Some(uuid) = trace.uuid {
        preamble.push(("uuid", list(uuid.0.iter().map(u8::to_string))));
    }
    fragment(object(&preamble));

    let mut class = vec![("type", quoted("trace-class"))];
    identity(&trace.identity, &mut class);
    if !trace.environment.entries.is_empty() {
        class.push(("environment", environment(trace)));
    }
    let scope = |at: Scope, stream: Option<usize>, event: Option<usize>| {
        let stream_class = stream.map(|stream| &trace.streams[stream]);
        let scopes = scopes_of(trace, stream_class, event);
        let clock = stream_class.and_then(|stream| clock_of(trace, stream));
        let position = scopes.iter().position(|(scope, _)| *scope == at).unwrap_or(0);
        let mut writer =
            Writer { trace, scopes, current: position, around: Vec::new(), has_clock: clock.is_some() };
        let structure = scopes[position].1;
        let place = || match (stream_class, event) {
            (Some(stream), Some(event)) => {
                format!("event \"{}\" of stream {}", stream.events[event].name, stream.id)
            }
            (Some(stream), None) => format!("stream {}", stream.id),
            _ => "the packet header".to_owned(),
        };
        let written = structure.map(|structure| match trace.version {
            Version::Ctf1 => writer.structure(structure),
            Version::Ctf2 => rewrite::structure(scopes, at, structure),
        });
        let written = written.transpose();
        written.map_err(|cause| CompileError { place: place(), cause })
    };
    if let Some(header) = scope(Scope::PacketHeader, None, None)? {
        class.push(("packet-header-field-class", header));
    }
    fragment(object(&class));
    trace.clocks.iter().for_each(|class| fragment(clock(class)));
    for (number, stream) in trace.streams.iter().enumerate() {
        let mut class = stream_start(trace, stream);
        for (key, at) in [
            ("packet-context-field-class", Scope::PacketContext),
            ("event-record-header-field-class", Scope::EventHeader),
            ("event-record-common-context-field-class", Scope::StreamEventContext),
        ] {
            class.extend(scope(at, Some(number), None)?.map(|json| (key, json)));
        }
        fragment(object(&class));
        for (position, event) in stream.events.iter().enumerate() {
            let mut class = event_start(stream, event);
            for (key, at) in [
                ("specific-context-field-class", Scope::EventContext),
                ("payload-field-class", Scope::EventFields),
            ] {
                class.extend(scope(at, Some(number), Some(position))?.map(|json| (key, json)));
            }
            fragment(object(&class));
        }
    }
    Ok(text)
}

fn environment(trace: &TraceClass) -> String {
    // A key that is there twice counts with its last value, as most readers have it.
    let mut entries: Vec<(&str, String)> = Vec::new();
    for (key, value) in &trace.environment.entries {
        let value = match value {
            EnvValue::Integer(value) => value.to_string(),
            EnvValue::Text(text) => quoted(text),
        };
        match entries.iter_mut().find(|(known, _)| known == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
    object(&entries)
}

fn clock(clock: &Clock) -> String {
    let frequency = i128::from(clock.frequency.max(1));
    let offset = i128::from(clock.offset);
    let seconds = i128::from(clock.offset_seconds) + offset.div_euclid(frequency);
    let offset = [("seconds", seconds.to_string()), ("cycles", offset.rem_euclid(frequency).to_string())];
    let mut class = vec![
        ("type", quoted("clock-class")),
        ("id", quoted(&clock.name)),
        ("frequency", clock.frequency.to_string()),
        ("offset-from-origin", object(&offset)),
        ("precision", clock.precision.to_string()),
    ];
    match &clock.identity {
        // What CTF 1.8 knows of a clock.
        Identity { namespace: None, name: None, uid: None } => {
            class.push(("name", quoted(&clock.name)));
            class.extend(clock.uuid.map(|uuid| ("uid", quoted(&uuid.to_string()))));
        }
        own => identity(own, &mut class),
    }
    class.extend(clock.accuracy.map(|cycles| ("accuracy", cycles.to_string())));
    class.extend(clock.description.as_deref().map(|text| ("description", quoted(text))));
    if clock.absolute {
        class.push(("origin", quoted("unix-epoch")));
    } else if let Some(origin) = &clock.origin {
        let mut named = Vec::new();
        identity(origin, &mut named);
        class.push(("origin", object(&named)));
    }
    object(&class)
}

/// What tells something from others.
fn identity(identity: &Identity, class: &mut Vec<(&'static str, String)>) {
    let Identity { namespace, name, uid } = identity;
    for (key, text) in [("namespace", namespace), ("name", name), ("uid", uid)] {
        class.extend(text.as_deref().map(|text| (key, quoted(text))));
    }
}

fn stream_start(trace: &TraceClass, stream: &StreamClass) -> Vec<(&'static str, String)> {
    let mut class = vec![("type", quoted("data-stream-class")), ("id", stream.id.to_string())];
    class.extend(clock_of(trace, stream).map(|clock| ("default-clock-class-id", quoted(&clock.name))));
    identity(&stream.identity, &mut class);
    class
}

fn event_start(stream: &StreamClass, event: &EventClass) -> Vec<(&'static str, String)> {
    let mut class = vec![
        ("type", quoted("event-record-class")),
        ("id", event.id.to_string()),
        ("data-stream-class-id", stream.id.to_string()),
    ];
    if !event.name.is_empty() {
        class.push(("name", quoted(&event.name)));
    }
    let level = event.log_level.and_then(|level| LOG_LEVELS.get(usize::try_from(level).ok()?));
    let mut attributes: Vec<(&str, String)> =
        level.map(|level| ("log-level", quoted(level))).into_iter().collect();
    attributes.extend(event.emf_uri.as_deref().map(|uri| ("emf-uri", quoted(uri))));
    if !attributes.is_empty() {
        class.push(("attributes", object(&[(ATTRIBUTES_OF, object(&attributes))])));
    }
    class
}

/// Writes the field classes of one scope.
struct Writer<'t> {
    trace: &'t TraceClass,
    scopes: [(Scope, Option<&'t Structure>); 6],
    /// The scope that is written.
    current: usize,
    /// The structures around, and the position of the field that is written in each.
    around: Vec<(&'t Structure, usize)>,
    has_clock: bool,
}

pub(super) type Written = Result<String, String>;

impl<'t> Writer<'t> {
    fn scope(&self) -> Scope {
        self.scopes[self.current].0
    }

    fn structure(&mut self, structure: &'t Structure) -> Written {
        let mut members = Vec::with_capacity(structure.fields.len());
        self.around.push((structure, 0));
        for (at, field) in structure.fields.iter().enumerate() {
            if let Some(innermost) = self.around.last_mut() {
                innermost.1 = at;
            }
            let class = self.member(field)?;
            members.push(object(&[("name", quoted(member_name(structure, at))), ("field-class", class)]));
        }
        self.around.pop();
        let mut class = vec![("type", quoted("structure")), ("member-classes", list(members))];
        if structure.min_alignment_bits > 1 {
            class.push(("minimum-alignment", structure.min_alignment_bits.to_string()));
        }
        Ok(object(&class))
    }

    /// The class of a field, with its role.
    fn member(&mut self, field: &'t Field) -> Written {
        let role = self.role_of(field);
        match (&field.ty, role) {
            (Type::Array(array), Some("metadata-stream-uuid")) => Ok(object(&[
                ("type", quoted("static-length-blob")),
                ("length", array.length.to_string()),
                ("roles", list([quoted("metadata-stream-uuid")])),
            ])),
            (Type::Integer(integer), role) => self.integer(integer, None, role),
            (Type::Enumeration(enumeration), role) => {
                self.integer(&enumeration.container, Some(enumeration), role)
            }
            (ty, _) => self.class(ty),
        }
    }

    fn role_of(&self, field: &Field) -> Option<&'static str> {
        let integer = match &field.ty {
            Type::Integer(integer) => Some(integer),
            Type::Enumeration(enumeration) => Some(&enumeration.container),
            _ => None,
        };
        let is_root = self.around.len() == 1;
        let Some(integer) = integer else {
            let is_uuid = matches!(&field.ty, Type::Array(array) if array.length == 16
                && matches!(&*array.element, Type::Integer(Integer { size_bits: 8, alignment_bits: 8, .. })));
            let wants = self.scope() == Scope::PacketHeader && is_root && field.name == "uuid";
            return (wants && is_uuid && self.trace.uuid.is_some()).then_some("metadata-stream-uuid");
        };
        let is_time = integer.clock.is_some();
        match (self.scope(), field.name.as_str()) {
            (Scope::PacketHeader, "magic") if is_root => Some("packet-magic-number"),
            (Scope::PacketHeader, "stream_id") if is_root => Some("data-stream-class-id"),
            (Scope::PacketHeader, "stream_instance_id") if is_root => Some("data-stream-id"),
            (Scope::PacketContext, "packet_size") if is_root => Some("packet-total-length"),
            (Scope::PacketContext, "content_size") if is_root => Some("packet-content-length"),
            (Scope::PacketContext, "timestamp_begin") if is_root && self.has_clock => {
                Some("default-clock-timestamp")
            }
            (Scope::PacketContext, "timestamp_end") if is_root && self.has_clock => {
                Some("packet-end-default-clock-timestamp")
            }
            (Scope::PacketContext, "packet_seq_num") if is_root => Some("packet-sequence-number"),
            (Scope::PacketContext, "events_discarded") if is_root => {
                Some("discarded-event-record-counter-snapshot")
            }
            (Scope::EventHeader, "id") => Some("event-record-class-id"),
            (Scope::EventHeader, name) if self.has_clock && (is_time || name == "timestamp") => {
                Some("default-clock-timestamp")
            }
            _ => None,
        }
    }

    fn class(&mut self, ty: &'t Type) -> Written {
        match ty {
            Type::Integer(integer) => self.integer(integer, None, None),
            Type::Enumeration(enumeration) => self.integer(&enumeration.container, Some(enumeration), None),
            Type::Float(float) => Ok(float_class(float, false)),
            Type::String(_) => Ok(object(&[("type", quoted("null-terminated-string"))])),
            Type::Array(array) if is_text(&array.element) => {
                let length = ("length", array.length.to_string());
                Ok(object(&[("type", quoted("static-length-string")), length]))
            }
            Type::Sequence(sequence) if is_text(&sequence.element) => {
                let location = ("length-field-location", self.location(&sequence.length)?.0);
                Ok(object(&[("type", quoted("dynamic-length-string")), location]))
            }
            Type::Array(array) => {
                let length = ("length", array.length.to_string());
                self.elements("static-length-array", length, &array.element, array.min_alignment_bits)
            }
            Type::Sequence(sequence) => {
                let location = ("length-field-location", self.location(&sequence.length)?.0);
                self.elements(
                    "dynamic-length-array",
                    location,
                    &sequence.element,
                    sequence.min_alignment_bits,
                )
            }
            Type::Structure(structure) => self.structure(structure),
            Type::Variant(variant) => self.variant(variant),
            other => Err(format!("a {} of CTF 2 is not written anew", other.kind())),
        }
    }

    fn elements(
        &mut self,
        kind: &str,
        length: (&'static str, String),
        element: &'t Type,
        alignment: u32,
    ) -> Written {
        let element = self.class(element)?;
        let mut class = vec![("type", quoted(kind)), length, ("element-field-class", element)];
        if alignment > 1 {
            class.push(("minimum-alignment", alignment.to_string()));
        }
        Ok(object(&class))
    }

    fn integer(
        &self,
        integer: &Integer,
        labels: Option<&Enumeration>,
        role: Option<&'static str>,
    ) -> Written {
        if integer.clock.is_some() && self.scope() > Scope::EventHeader {
            return Err("a time that is neither in the event header nor in the packet context".to_owned());
        }
        if let (Some(role), true) = (role, integer.signed) {
            return Err(format!("a signed integer for the role `{role}`"));
        }
        let sign = if integer.signed { "signed" } else { "unsigned" };
        let mut class = vec![("type", quoted(&format!("fixed-length-{sign}-integer")))];
        fixed(integer.size_bits, integer.alignment_bits, integer.byte_order, &mut class);
        if integer.base.radix() != 10 {
            class.push(("preferred-display-base", integer.base.radix().to_string()));
        }
        named_values("mappings", labels.map_or(&[], |labels| &labels.mappings), &mut class);
        class.extend(role.map(|role| ("roles", list([quoted(role)]))));
        Ok(object(&class))
    }

    fn variant(&mut self, variant: &'t Variant) -> Written {
        let (location, tag) = self.location(&variant.tag)?;
        let Type::Enumeration(labels) = &tag.ty else {
            return Err(format!("the tag `{}` of a variant is no enumeration", variant.tag));
        };
        let ranges = option_ranges(variant, labels);
        let signed = labels.container.signed;
        let value = |key: u64| if signed { i128::from((key ^ 1 << 63) as i64) } else { i128::from(key) };
        let mut options = Vec::new();
        for (at, option) in variant.options.iter().enumerate() {
            let own = ranges.iter().filter(|(.., chosen)| *chosen == at);
            let own = own.map(|(first, last, _)| list([value(*first).to_string(), value(*last).to_string()]));
            let own: Vec<String> = own.collect();
            // What no label names is never chosen.
            if own.is_empty() {
                continue;
            }
            let class = self.class(&option.ty)?;
            let name = ("name", quoted(option_name(variant, at)));
            options.push(object(&[name, ("field-class", class), ("selector-field-ranges", list(own))]));
        }
        Ok(object(&[
            ("type", quoted("variant")),
            ("selector-field-location", location),
            ("options", list(options)),
        ]))
    }

    /// The location of a field that was referred to, and the field.
    fn location(&self, reference: &FieldRef) -> Result<(String, &'t Field), String> {
        let unknown = || format!("`{reference}` is no field before");
        let (name, rest) = reference.path.split_first().ok_or_else(unknown)?;
        let in_whole = |at: usize| {
            let structure = self.scopes[at].1?;
            let position = structure.fields.iter().rposition(|field| field.name == *name)?;
            Some((at, Vec::new(), structure, position))
        };
        let in_level = |level: usize| {
            let (structure, before) = self.around[level];
            let position = structure.fields[..before].iter().rposition(|field| field.name == *name)?;
            let path: Vec<&str> = self.around[..level].iter().map(|(of, at)| member_name(of, *at)).collect();
            Some((self.current, path, structure, position))
        };
        let found = match reference.scope {
            Some(scope) => {
                let at = self.scopes.iter().position(|(other, _)| *other == scope).ok_or_else(unknown)?;
                if at == self.current { in_level(0) } else { in_whole(at) }
            }
            None => {
                let near = (0..self.around.len()).rev().find_map(in_level);
                near.or_else(|| (0..self.current).rev().find_map(in_whole))
            }
        };
        let (at, mut path, structure, position) = found.ok_or_else(unknown)?;
        path.push(member_name(structure, position));
        let mut field = &structure.fields[position];
        for name in rest {
            field = match &field.ty {
                Type::Structure(inner) => {
                    let position = inner.fields.iter().rposition(|field| field.name == *name);
                    let position = position.ok_or_else(unknown)?;
                    path.push(member_name(inner, position));
                    &inner.fields[position]
                }
                // Options have no place in paths: the chosen one is meant.
                Type::Variant(variant) => {
                    variant.options.iter().find(|option| option.name == *name).ok_or_else(unknown)?
                }
                _ => return Err(unknown()),
            };
        }
        let origin = scope_name(self.scopes[at].0);
        let path = list(path.into_iter().map(quoted));
        Ok((object(&[("origin", quoted(origin)), ("path", path)]), field))
    }
}

pub(super) fn float_class(float: &Float, is_reversed: bool) -> String {
    let mut class = vec![("type", quoted("fixed-length-floating-point-number"))];
    fixed(float.size_bits(), float.alignment_bits, float.byte_order, &mut class);
    bit_order(float.byte_order, is_reversed, &mut class);
    object(&class)
}

/// What all classes of fixed length have.
pub(super) fn fixed(size: u32, alignment: u32, order: ByteOrder, class: &mut Vec<(&'static str, String)>) {
    class.push(("length", size.to_string()));
    if alignment > 1 {
        class.push(("alignment", alignment.to_string()));
    }
    let order = match order {
        ByteOrder::Little => "little-endian",
        ByteOrder::Big => "big-endian",
    };
    class.push(("byte-order", quoted(order)));
}

/// The name of a member: as it is shown, if no other member has that.
fn member_name(structure: &Structure, at: usize) -> &str {
    unique_name(&structure.fields, at)
}

fn option_name(variant: &Variant, at: usize) -> &str {
    unique_name(&variant.options, at)
}

fn unique_name(fields: &[Field], at: usize) -> &str {
    let field = &fields[at];
    let shown = field.display_name();
    let is_taken = shown != field.name && fields.iter().any(|other| other.name == shown);
    if is_taken { &field.name } else { shown }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

pub(super) fn object<K: AsRef<str>>(entries: &[(K, String)]) -> String {
    let entries = entries.iter().map(|(key, value)| format!("{}:{value}", quoted(key.as_ref())));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
}
