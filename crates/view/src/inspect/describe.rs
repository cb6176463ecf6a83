//! Field types in words.

use rttng_ctf::ctf2::Length;
use rttng_ctf::types::{
    Array, Base, Encoding, Enumeration, FieldRef, Float, Integer, Mapping, MappingRange, Sequence,
};
use rttng_ctf::{ByteOrder, Type};

/// Labels beyond this number are only counted.
const MAX_LABELS: usize = 8;

/// A type in words: `32-bit unsigned integer, hexadecimal`. What it holds is said where it is short; fields of
/// structures are not.
pub fn describe(ty: &Type) -> String {
    match ty {
        Type::Integer(of) => integer(of),
        Type::Enumeration(of) => enumeration(of),
        Type::Float(of) => float(of),
        Type::String(encoding) => format!("string{}", encoded(*encoding)),
        Type::Array(Array { element, length, .. }) => match element.as_ref() {
            Type::Integer(of) if of.is_character() => {
                format!("string of {length} bytes{}", encoded(of.encoding))
            }
            element => format!("array of {length}: {}", describe(element)),
        },
        Type::Sequence(Sequence { element, length, .. }) => match element.as_ref() {
            Type::Integer(of) if of.is_character() => {
                format!("string as long as {} says{}", named(length), encoded(of.encoding))
            }
            element => format!("as many as {} says: {}", named(length), describe(element)),
        },
        Type::Structure(of) => match of.fields.len() {
            0 => "empty structure".to_owned(),
            count => format!("structure of {}", counted(count, "field")),
        },
        Type::Variant(of) => {
            format!("one of {} as {} says", counted(of.options.len(), "option"), named(&of.tag))
        }
        Type::Choice(of) => {
            format!("one of {} as {} says", counted(of.options.len(), "option"), named(&of.selector))
        }
        Type::BitArray(of) => {
            let bits = counted(of.container.size_bits as usize, "bit");
            if of.flags.is_empty() { bits } else { format!("{bits} with names ({})", labels(&of.flags)) }
        }
        Type::Boolean(of) => format!("boolean in {}", counted(of.container.size_bits as usize, "bit")),
        Type::VariableInteger(of) => {
            let sign = if of.signed { "signed" } else { "unsigned" };
            let labels =
                if of.mappings.is_empty() { String::new() } else { format!(" ({})", labels(&of.mappings)) };
            format!("{sign} integer of variable length{}{labels}", base(of.base))
        }
        Type::Text(of) => format!("{} string{}", of.encoding.keyword(), length(&of.length)),
        Type::Blob(of) => format!("bytes ({}){}", of.media_type, length(&of.length)),
        Type::Optional(of) => format!("if {} says so: {}", named(&of.selector), describe(&of.content.ty)),
        Type::Reversed(inner) => format!("{}, bits in the opposite order", describe(inner)),
    }
}

/// A field that is referred to, by the names that are shown.
fn named(reference: &FieldRef) -> String {
    let shown = |step: &String| step.strip_prefix('_').unwrap_or(step).to_owned();
    let path = reference.path.iter().filter(|step| !step.starts_with('#')).map(shown).collect::<Vec<_>>();
    path.join(".")
}

/// `1 field`, `2 fields`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn encoded(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Ascii => " (ASCII)",
        Encoding::Utf8 | Encoding::None => "",
    }
}

fn base(base: Base) -> &'static str {
    match base {
        Base::Decimal => "",
        Base::Hexadecimal => ", hexadecimal",
        Base::Octal => ", octal",
        Base::Binary => ", binary",
    }
}

fn order(order: ByteOrder) -> &'static str {
    match order {
        ByteOrder::Little => "",
        ByteOrder::Big => ", big-endian",
    }
}

fn integer(of: &Integer) -> String {
    let sign = if of.signed { "signed" } else { "unsigned" };
    let alignment = match of.alignment_bits {
        1 | 8 => String::new(),
        bits => format!(", aligned to {bits} bits"),
    };
    let clock = of.clock.as_ref().map(|clock| format!(", time of the clock {clock}")).unwrap_or_default();
    format!("{}-bit {sign} integer{}{}{alignment}{clock}", of.size_bits, base(of.base), order(of.byte_order))
}

fn enumeration(of: &Enumeration) -> String {
    format!("enumeration in a {} ({})", integer(&of.container), labels(&of.mappings))
}

fn float(of: &Float) -> String {
    format!("{}-bit floating point number{}", of.size_bits(), order(of.byte_order))
}

fn length(of: &Length) -> String {
    match of {
        Length::UntilNull => String::new(),
        Length::Fixed(bytes) => format!(" of {bytes} bytes"),
        Length::Recorded(field) => format!(" as long as {} says", named(field)),
    }
}

fn labels(mappings: &[Mapping]) -> String {
    let label = |mapping: &Mapping| match mapping.range {
        MappingRange::Automatic => mapping.label.clone(),
        MappingRange::Value(value) => format!("{} = {value}", mapping.label),
        MappingRange::Range(first, last) if first == last => format!("{} = {first}", mapping.label),
        MappingRange::Range(first, last) => format!("{} = {first} to {last}", mapping.label),
    };
    let mut text = mappings.iter().take(MAX_LABELS).map(label).collect::<Vec<_>>().join(", ");
    if mappings.len() > MAX_LABELS {
        text += &format!(", and {} more", mappings.len() - MAX_LABELS);
    }
    text
}
