//! A whole trace class as TSDL text, its types written where they are used.
//!
//! This is the general writer, for any trace. What the user-space session daemon writes, byte for byte, is
//! [`crate::ust::MetadataLog`].

use super::SIGNATURE;
use super::write::{Newline, TypeWriter, put, quoted};
use crate::class::{Clock, EnvValue, EventClass, StreamClass, TraceClass};
use crate::types::{ByteOrder, Structure};

/// Metadata text that [`parse`](super::parse()) reads back as the same trace class.
///
/// Exceptions: a wanted alignment of an array, sequence or variant comes back as an empty structure before it; and
/// identifiers must be such, and none of the words of TSDL. Of the types that only CTF 2 has, bit arrays and booleans become
/// integers; the others cannot be said in TSDL and have to be replaced before.
pub fn write(trace: &TraceClass) -> String {
    let mut text = format!("{SIGNATURE} */\n\ntrace {{\n\tmajor = 1;\n\tminor = 8;\n");
    let out = &mut text;
    if let Some(uuid) = trace.uuid {
        put(out, format_args!("\tuuid = \"{uuid}\";\n"));
    }
    put(out, format_args!("\tbyte_order = {};\n", trace.byte_order.keyword()));
    structure(out, "packet.header", trace.packet_header.as_ref(), trace.byte_order);
    out.push_str("};\n\n");
    if !trace.environment.entries.is_empty() {
        out.push_str("env {\n");
        for (key, value) in &trace.environment.entries {
            put(out, format_args!("\t{key} = "));
            match value {
                EnvValue::Integer(value) => put(out, format_args!("{value}")),
                EnvValue::Text(text) => quoted(out, text, Newline::Escaped),
            }
            out.push_str(";\n");
        }
        out.push_str("};\n\n");
    }
    trace.clocks.iter().for_each(|class| clock(out, class));
    for class in &trace.streams {
        // Readers refuse an id that no field could tell.
        let has_id = trace.packet_header.as_ref().is_some_and(|header| header.field("stream_id").is_some());
        let stream_id = (has_id || trace.streams.len() > 1).then_some(class.id);
        stream(out, stream_id, class, trace.byte_order);
        class.events.iter().for_each(|event_class| {
            let has_id = event_class.id != 0 || class.event_header.is_some();
            event(out, stream_id, has_id, event_class, trace.byte_order);
        });
    }
    text
}

fn clock(out: &mut String, clock: &Clock) {
    out.push_str("clock {\n\tname = ");
    quoted(out, &clock.name, Newline::Escaped);
    out.push_str(";\n");
    if let Some(uuid) = clock.uuid {
        put(out, format_args!("\tuuid = \"{uuid}\";\n"));
    }
    if let Some(description) = &clock.description {
        out.push_str("\tdescription = ");
        quoted(out, description, Newline::Escaped);
        out.push_str(";\n");
    }
    let Clock { frequency, precision, offset_seconds, offset, absolute, .. } = clock;
    put(
        out,
        format_args!(
            "\tfreq = {frequency};\n\tprecision = {precision};\n\toffset_s = {offset_seconds};\n\
             \toffset = {offset};\n\tabsolute = {absolute};\n}};\n\n"
        ),
    );
}

fn stream(out: &mut String, id: Option<u64>, stream: &StreamClass, native: ByteOrder) {
    out.push_str("stream {\n");
    if let Some(id) = id {
        put(out, format_args!("\tid = {id};\n"));
    }
    structure(out, "event.header", stream.event_header.as_ref(), native);
    structure(out, "packet.context", stream.packet_context.as_ref(), native);
    structure(out, "event.context", stream.event_context.as_ref(), native);
    out.push_str("};\n\n");
}

fn event(out: &mut String, stream: Option<u64>, has_id: bool, event: &EventClass, native: ByteOrder) {
    out.push_str("event {\n\tname = ");
    quoted(out, &event.name, Newline::Escaped);
    out.push_str(";\n");
    if has_id {
        put(out, format_args!("\tid = {};\n", event.id));
    }
    if let Some(id) = stream {
        put(out, format_args!("\tstream_id = {id};\n"));
    }
    if let Some(level) = event.log_level {
        put(out, format_args!("\tloglevel = {level};\n"));
    }
    if let Some(uri) = &event.emf_uri {
        out.push_str("\tmodel.emf.uri = ");
        quoted(out, uri, Newline::Escaped);
        out.push_str(";\n");
    }
    structure(out, "context", event.context.as_ref(), native);
    structure(out, "fields", event.fields.as_ref(), native);
    out.push_str("};\n\n");
}

fn structure(out: &mut String, name: &str, structure: Option<&Structure>, native: ByteOrder) {
    let Some(structure) = structure else { return };
    put(out, format_args!("\t{name} := "));
    TypeWriter { out, native }.structure(structure, 1);
    out.push_str(";\n");
}
