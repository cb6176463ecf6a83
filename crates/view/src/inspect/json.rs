//! An inspection for programs: one JSON document. Keys are added, none is taken away or changes its meaning.

use rttng_ctf::types::Structure;
use rttng_ctf::{EnvValue, Type, Version};
use serde_json::{Map, Value, json};

use super::describe::describe;
use super::{Finding, IndexState, InspectedStream, InspectedTrace, Inspection};

impl Inspection {
    /// As JSON, with each packet if that is wanted.
    pub fn json(&self, packets: bool) -> String {
        let document = json!({
            "whole": self.is_whole(),
            "traces": self.traces.iter().map(|of| trace(of, packets)).collect::<Vec<_>>(),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        });
        format!("{document:#}\n")
    }
}

fn finding(of: &Finding) -> Value {
    json!({
        "level": of.level.name(),
        "path": of.path.to_string_lossy(),
        "offset": of.offset,
        "what": of.what,
        "advice": of.advice,
    })
}

fn trace(of: &InspectedTrace, packets: bool) -> Value {
    let class = &of.class;
    let environment: Map<String, Value> = class
        .environment
        .entries
        .iter()
        .map(|(key, value)| {
            let value = match value {
                EnvValue::Integer(value) => json!(value),
                EnvValue::Text(text) => json!(text),
            };
            (key.clone(), value)
        })
        .collect();
    let clocks = class.clocks.iter().map(|clock| {
        json!({
            "name": clock.identity.name.as_ref().unwrap_or(&clock.name),
            "uuid": clock.uuid.map(|uuid| uuid.to_string()),
            "description": clock.description,
            "frequency": clock.frequency,
            "precision": clock.precision,
            "offset_seconds": clock.offset_seconds,
            "offset_cycles": clock.offset,
            "unix_epoch": clock.absolute,
        })
    });
    let streams = class.streams.iter().zip(&of.counts).map(|(class, counts)| {
        let events = class.events.iter().zip(counts).map(|(event, count)| {
            json!({
                "id": event.id,
                "name": event.name,
                "log_level": event.log_level,
                "count": count,
                "context": scope(event.context.as_ref()),
                "fields": scope(event.fields.as_ref()),
            })
        });
        json!({
            "id": class.id,
            "packet_context": scope(class.packet_context.as_ref()),
            "event_header": scope(class.event_header.as_ref()),
            "event_context": scope(class.event_context.as_ref()),
            "events": events.collect::<Vec<_>>(),
            "streams": of.streams.iter().filter(|stream| stream.class == class.id)
                .map(|of| stream(of, packets)).collect::<Vec<_>>(),
        })
    });
    json!({
        "name": of.name,
        "metadata": of.metadata.to_string_lossy(),
        "version": if class.version == Version::Ctf2 { "2" } else { "1.8" },
        "uuid": class.uuid.map(|uuid| uuid.to_string()),
        "uid": class.identity.uid,
        "environment": environment,
        "clocks": clocks.collect::<Vec<_>>(),
        "packet_header": scope(class.packet_header.as_ref()),
        "stream_classes": streams.collect::<Vec<_>>(),
    })
}

/// The fields of a scope, or null.
fn scope(structure: Option<&Structure>) -> Value {
    structure.map_or(Value::Null, fields)
}

fn fields(structure: &Structure) -> Value {
    let field = |field: &rttng_ctf::Field| {
        let mut object = json!({ "name": field.display_name(), "type": describe(&field.ty) });
        let within: Vec<Value> = within(&field.ty);
        if !within.is_empty() {
            object["fields"] = Value::Array(within);
        }
        object
    };
    Value::Array(structure.fields.iter().map(field).collect())
}

/// What is in a type: the fields of a structure or of the elements of an array, the options of a variant.
fn within(ty: &Type) -> Vec<Value> {
    let options = match ty {
        Type::Structure(structure) => return fields(structure).as_array().cloned().unwrap_or_default(),
        Type::Variant(variant) => &variant.options,
        Type::Choice(choice) => &choice.options,
        other => return other.parts().flat_map(within).collect(),
    };
    let structure = Structure::of(options.clone());
    fields(&structure).as_array().cloned().unwrap_or_default()
}

fn stream(of: &InspectedStream, packets: bool) -> Value {
    let files = of.files.iter().map(|file| {
        let cause = match &file.index {
            IndexState::Unreadable(cause) | IndexState::Differs(cause) => Some(cause),
            IndexState::Missing | IndexState::Fits => None,
        };
        json!({
            "path": file.path.to_string_lossy(),
            "bytes": file.bytes,
            "index": file.index.name(),
            "index_fault": cause,
        })
    });
    let mut object = json!({
        "id": of.instance,
        "files": files.collect::<Vec<_>>(),
        "packet_count": of.packets.len(),
        "event_count": of.events,
        "begin": of.span.map(|span| span.0),
        "end": of.span.map(|span| span.1),
        "bytes": of.packets.iter().map(|packet| packet.bytes).sum::<u64>(),
        "content_bytes": of.packets.iter().map(|packet| packet.content_bytes).sum::<u64>(),
        "discarded_events": of.losses.events,
        "lost_packets": of.losses.packets,
        "uncounted_losses": of.losses.uncounted > 0,
    });
    if packets {
        let packets = of.packets.iter().map(|packet| {
            json!({
                "file": packet.file,
                "offset": packet.offset,
                "bytes": packet.bytes,
                "content_bytes": packet.content_bytes,
                "begin": packet.span.map(|span| span.0),
                "end": packet.span.map(|span| span.1),
                "sequence_number": packet.sequence_number,
                "events_discarded": packet.events_discarded,
                "event_count": packet.events,
            })
        });
        object["packets"] = Value::Array(packets.collect());
    }
    object
}
