//! From the names and roles of CTF 2 to the names that fields have in a [`TraceClass`](crate::TraceClass).
//!
//! While metadata is read, a field with a role has both names at once, so that field locations find it by its own. The
//! last step gives each field one name: that of CTF 1.8 for its role, or its own with an underscore in front.

use crate::ctf2::Length;
use crate::types::{FieldRef, Scope, Structure, Type};

/// Stands between a field's own name and that of its role. No name of the metadata has it.
pub(super) const ROLE_MARK: char = '\u{1e}';

/// What fields of this role are called in CTF 1.8, in the scope where they have it. Nothing if they have none there.
pub(super) fn name_of_role(role: &str, scope: Scope) -> Option<&'static str> {
    Some(match (scope, role) {
        (Scope::PacketHeader, "packet-magic-number") => "magic",
        (Scope::PacketHeader, "metadata-stream-uuid") => "uuid",
        (Scope::PacketHeader, "data-stream-class-id") => "stream_id",
        (Scope::PacketHeader, "data-stream-id") => "stream_instance_id",
        (Scope::PacketContext, "packet-total-length") => "packet_size",
        (Scope::PacketContext, "packet-content-length") => "content_size",
        (Scope::PacketContext, "default-clock-timestamp") => "timestamp_begin",
        (Scope::PacketContext, "packet-end-default-clock-timestamp") => "timestamp_end",
        (Scope::PacketContext, "packet-sequence-number") => "packet_seq_num",
        (Scope::PacketContext, "discarded-event-record-counter-snapshot") => "events_discarded",
        (Scope::EventHeader, "event-record-class-id") => "id",
        (Scope::EventHeader, "default-clock-timestamp") => "timestamp",
        _ => return None,
    })
}

/// All roles that there are.
pub(super) const ROLES: [&str; 11] = [
    "packet-magic-number",
    "metadata-stream-uuid",
    "data-stream-class-id",
    "data-stream-id",
    "packet-total-length",
    "packet-content-length",
    "default-clock-timestamp",
    "packet-end-default-clock-timestamp",
    "packet-sequence-number",
    "discarded-event-record-counter-snapshot",
    "event-record-class-id",
];

/// A field's own name.
pub(super) fn own_name(name: &str) -> &str {
    name.split_once(ROLE_MARK).map_or(name, |(own, _)| own)
}

fn last_name(name: &str) -> String {
    match name.split_once(ROLE_MARK) {
        Some((_, role)) => role.to_owned(),
        None => format!("_{name}"),
    }
}

/// Gives all fields of the structure, and what refers to fields, their last names.
pub(super) fn give_last_names(structure: &mut Structure) {
    for field in &mut structure.fields {
        field.name = last_name(&field.name);
        name_within(&mut field.ty);
    }
}

/// A step of a path that is a field's name: steps that are options start with `#`.
pub(super) fn name_step(name: &str) -> String {
    format!(">{name}")
}

fn name_path(reference: &mut FieldRef) {
    for step in &mut reference.path {
        if let Some(name) = step.strip_prefix('>') {
            *step = last_name(name);
        }
    }
}

fn name_length(length: &mut Length) {
    if let Length::Recorded(field) = length {
        name_path(field);
    }
}

fn name_within(ty: &mut Type) {
    match ty {
        Type::Array(array) => name_within(&mut array.element),
        Type::Sequence(sequence) => {
            name_path(&mut sequence.length);
            name_within(&mut sequence.element);
        }
        Type::Structure(structure) => give_last_names(structure),
        Type::Optional(optional) => {
            name_path(&mut optional.selector);
            name_within(&mut optional.content.ty);
        }
        Type::Choice(choice) => {
            name_path(&mut choice.selector);
            for option in &mut choice.options {
                if !option.name.is_empty() {
                    option.name.insert(0, '_');
                }
                name_within(&mut option.ty);
            }
        }
        Type::Text(text) => name_length(&mut text.length),
        Type::Blob(blob) => name_length(&mut blob.length),
        Type::Integer(_)
        | Type::Float(_)
        | Type::Enumeration(_)
        | Type::String(_)
        | Type::BitArray(_)
        | Type::Boolean(_)
        | Type::VariableInteger(_)
        | Type::Reversed(_) => {}
        Type::Variant(_) => unreachable!("CTF 2 has no variants by label"),
    }
}
