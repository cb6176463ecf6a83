//! Fields as applications describe them (`rttng_wire::ust`) become fields as the metadata declares them (`rttng_ctf`).
//!
//! `wire` and `ctf` know nothing of each other; this is the one place where they meet.

use rttng_ctf::types::recorded_identifier;
use rttng_ctf::{self as ctf, ByteOrder, FieldRef, Mapping, MappingRange};
use rttng_wire::text;
use rttng_wire::ust::{self, EnumEntry, EnumId, EnumRange, EnumValue, Errno};

/// Where the labels of an enumeration are found.
pub(super) type Labels<'a> = &'a dyn Fn(EnumId) -> Option<&'a [EnumEntry]>;

/// The fields in the metadata.
///
/// # Errors
/// `ENOENT` for an enumeration that was not registered.
pub(super) fn convert_fields(
    fields: &[ust::Field],
    order: ByteOrder,
    labels: Labels<'_>,
) -> Result<Vec<ctf::Field>, Errno> {
    fields
        .iter()
        .map(|field| Ok(ctf::Field::recorded(&field.name, convert(&field.ty, order, labels)?)))
        .collect()
}

fn convert(ty: &ust::FieldType, order: ByteOrder, labels: Labels<'_>) -> Result<ctf::Type, Errno> {
    Ok(match ty {
        ust::FieldType::Integer(of) => integer(of, order).into(),
        ust::FieldType::Float(of) => ctf::Float {
            exponent_bits: of.exponent_digits,
            mantissa_bits: of.mantissa_digits,
            alignment_bits: of.alignment_bits.into(),
            byte_order: byte_order(of.byte_order, order),
        }
        .into(),
        ust::FieldType::String(of) => ctf::Type::String(encoding(*of)),
        ust::FieldType::Enumeration(of) => {
            let entries = of.id.and_then(labels).ok_or(Errno::ENOENT)?;
            ctf::Enumeration {
                container: integer(&of.container, order),
                mappings: entries.iter().map(mapping).collect(),
            }
            .into()
        }
        ust::FieldType::Array(of) => ctf::Array {
            element: Box::new(convert(&of.element, order, labels)?),
            length: of.length.into(),
            min_alignment_bits: in_bits(of.alignment_bits),
        }
        .into(),
        ust::FieldType::Sequence(of) => ctf::Sequence {
            element: Box::new(convert(&of.element, order, labels)?),
            length: FieldRef::recorded(&of.length_name),
            min_alignment_bits: in_bits(of.alignment_bits),
        }
        .into(),
        ust::FieldType::Structure(of) => ctf::Structure {
            fields: convert_fields(&of.fields, order, labels)?,
            min_alignment_bits: in_bits(of.alignment_bits),
        }
        .into(),
        ust::FieldType::Variant(of) => ctf::Variant {
            tag: FieldRef::recorded(&of.tag_name),
            options: of
                .choices
                .iter()
                .map(|choice| {
                    Ok(ctf::Field::new(choice_label(&choice.name), convert(&choice.ty, order, labels)?))
                })
                .collect::<Result<_, Errno>>()?,
            min_alignment_bits: in_bits(of.alignment_bits),
        }
        .into(),
    })
}

/// A choice is named as its label: the labels that lttng-ust gives carry their underscore already
/// (`docs/spec/ust-protocol.md`, section 8).
fn choice_label(name: &str) -> String {
    recorded_identifier(name)
}

/// The minimum alignment of compound types is announced in bytes (`docs/spec/trace-output.md`, 12.9).
fn in_bits(alignment_bytes: u32) -> u32 {
    alignment_bytes.saturating_mul(8)
}

fn integer(of: &ust::Integer, order: ByteOrder) -> ctf::Integer {
    ctf::Integer {
        size_bits: of.size_bits,
        alignment_bits: of.alignment_bits.into(),
        signed: of.signed,
        byte_order: byte_order(of.byte_order, order),
        base: match of.base {
            ust::Base::Binary => ctf::Base::Binary,
            ust::Base::Octal => ctf::Base::Octal,
            ust::Base::Decimal => ctf::Base::Decimal,
            ust::Base::Hexadecimal => ctf::Base::Hexadecimal,
        },
        encoding: encoding(of.encoding),
        clock: None,
    }
}

fn byte_order(of: ust::ByteOrder, native: ByteOrder) -> ByteOrder {
    match of {
        ust::ByteOrder::Native => native,
        ust::ByteOrder::Reversed => native.reversed(),
    }
}

fn encoding(of: ust::Encoding) -> ctf::Encoding {
    match of {
        ust::Encoding::None => ctf::Encoding::None,
        ust::Encoding::Utf8 => ctf::Encoding::Utf8,
        ust::Encoding::Ascii => ctf::Encoding::Ascii,
    }
}

fn mapping(entry: &EnumEntry) -> Mapping {
    let range = match entry.values {
        EnumRange::Automatic => MappingRange::Automatic,
        EnumRange::Values { start, end } if start == end => MappingRange::Value(value(start)),
        EnumRange::Values { start, end } => MappingRange::Range(value(start), value(end)),
    };
    Mapping { label: text::to_utf8(&entry.label).into_owned(), range }
}

fn value(of: EnumValue) -> i128 {
    match of {
        EnumValue::Signed(value) => value.into(),
        EnumValue::Unsigned(value) => value.into(),
    }
}
