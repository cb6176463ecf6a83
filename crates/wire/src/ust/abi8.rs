//! What ABI 8 (lttng-ust 2.11 and 2.12) does otherwise than ABI 9 (`docs/spec/ust-protocol.md` 16): no event
//! notifiers, fewer contexts, and field descriptions whose compound types are one entry each.

use super::command::CommandCode;
use super::context::{Context, PlainContext};
use super::field::{Array, Encoding, Enumeration, Field, FieldType, Sequence, Structure};
use super::field_entry::{
    CODE_FLOAT, CODE_INTEGER, CODE_LEGACY_VARIANT, CODE_STRING, Entry, read_enum_id, read_float,
    read_integer, write_entry, write_enum_id, write_float, write_integer,
};
use super::{SYMBOL_NAME_LEN, symbol};
use crate::{Reader, WireError, Writer};

const CODE_ENUMERATION: i32 = 1;
const CODE_ARRAY: i32 = 2;
/// A sequence that brings the type of its length with it.
pub(super) const CODE_SEQUENCE: i32 = 3;
const CODE_STRUCTURE: i32 = 7;

/// A "basic type": its code and its details, where no name is needed.
const BASIC_TYPE_LEN: usize = 4 + BASIC_DETAILS_LEN;
const BASIC_DETAILS_LEN: usize = 312;
/// Inside a legacy enumeration: the container, used and unused bytes, then two bytes that align the id.
const CONTAINER_PADDING_LEN: usize = 24 + 2;

pub(super) fn has_command(code: CommandCode) -> bool {
    !matches!(
        code,
        CommandCode::EventNotifierGroupCreate
            | CommandCode::EventNotifierCreate
            | CommandCode::Capture
            | CommandCode::Counter
            | CommandCode::CounterGlobal
            | CommandCode::CounterCpu
            | CommandCode::Unknown(_)
    )
}

pub(super) fn has_context(minor: u32, context: &Context) -> bool {
    match context {
        Context::Plain(plain) if minor == 0 => plain.code() < PlainContext::CgroupNs.code(),
        Context::Plain(plain) => *plain != PlainContext::TimeNs,
        Context::PerfThreadCounter { .. } | Context::App { .. } => true,
    }
}

/// Reads an entry of a legacy code other than a sequence. Any other code is unknown in all dialects.
pub(super) fn read_type(mut entry: Entry<'_>) -> Result<FieldType, WireError> {
    let details = &mut entry.details;
    match entry.code {
        CODE_ENUMERATION => read_enumeration(details),
        CODE_ARRAY => {
            let element = Box::new(read_basic(details)?);
            Ok(FieldType::Array(Array { element, length: details.u32("array length")?, alignment_bits: 0 }))
        }
        CODE_STRUCTURE => match details.u32("structure fields")? {
            0 => Ok(FieldType::Structure(Structure { fields: Vec::new(), alignment_bits: 0 })),
            count => Err(WireError::BadValue { field: "structure fields", value: i128::from(count) }),
        },
        code => Err(WireError::BadValue { field: "field type", value: i128::from(code) }),
    }
}

/// Reads a sequence `x` as later dialects describe it: an integer `_x_length`, then the sequence that refers to it.
pub(super) fn read_sequence(mut entry: Entry<'_>) -> Result<[Field; 2], WireError> {
    let length = read_basic(&mut entry.details)?;
    if !matches!(length, FieldType::Integer(_)) {
        return Err(WireError::BadText { field: "sequence length", why: "not an integer" });
    }
    let element = Box::new(read_basic(&mut entry.details)?);
    let length_name = length_name(&entry.name);
    let sequence =
        FieldType::Sequence(Sequence { element, length_name: length_name.clone(), alignment_bits: 0 });
    Ok([Field { name: length_name, ty: length }, Field { name: entry.name, ty: sequence }])
}

/// Name of the field that holds the length of a sequence.
fn length_name(sequence: &str) -> String {
    format!("_{sequence}_length")
}

fn read_basic(input: &mut Reader<'_>) -> Result<FieldType, WireError> {
    let mut basic = Reader::new(input.bytes("basic type", BASIC_TYPE_LEN)?);
    match basic.i32("basic type")? {
        CODE_INTEGER => read_integer(&mut basic).map(FieldType::Integer),
        CODE_ENUMERATION => read_enumeration(&mut basic),
        CODE_STRING => Encoding::from_code(basic.i32("string encoding")?).map(FieldType::String),
        CODE_FLOAT => read_float(&mut basic).map(FieldType::Float),
        code => Err(WireError::BadValue { field: "basic type", value: i128::from(code) }),
    }
}

fn read_enumeration(details: &mut Reader<'_>) -> Result<FieldType, WireError> {
    let name = symbol(details, "enumeration name")?;
    let container = read_integer(details)?;
    details.skip(CONTAINER_PADDING_LEN)?;
    Ok(FieldType::Enumeration(Enumeration { name, id: read_enum_id(details)?, container }))
}

/// Writes fields as an ABI 8 application describes them.
pub(super) fn encode_fields(fields: &[Field]) -> Result<Vec<u8>, WireError> {
    let mut out = Writer::new();
    let mut rest = fields;
    while let Some((field, after)) = rest.split_first() {
        rest = after;
        // A length field and the sequence behind it are one entry.
        if let (FieldType::Integer(_), Some((next, after))) = (&field.ty, rest.split_first())
            && let FieldType::Sequence(sequence) = &next.ty
            && sequence.length_name == field.name
            && field.name == length_name(&next.name)
        {
            let length = basic(&field.ty)?;
            let element = basic(&sequence.element)?;
            write_entry(&mut out, &next.name, CODE_SEQUENCE, |out| {
                out.bytes(&length);
                out.bytes(&element);
            });
            rest = after;
            continue;
        }
        write_field(&mut out, field)?;
    }
    Ok(out.into_bytes())
}

fn write_field(out: &mut Writer, field: &Field) -> Result<(), WireError> {
    let name = &field.name;
    match &field.ty {
        FieldType::Integer(integer) => {
            write_entry(out, name, CODE_INTEGER, |out| write_integer(out, integer))
        }
        FieldType::Float(float) => write_entry(out, name, CODE_FLOAT, |out| write_float(out, float)),
        FieldType::String(encoding) => write_entry(out, name, CODE_STRING, |out| out.i32(encoding.code())),
        FieldType::Enumeration(of) => {
            write_entry(out, name, CODE_ENUMERATION, |out| write_enumeration(out, of))
        }
        FieldType::Array(of) => {
            let element = basic(&of.element)?;
            write_entry(out, name, CODE_ARRAY, |out| {
                out.bytes(&element);
                out.u32(of.length);
            });
        }
        FieldType::Structure(of) if of.fields.is_empty() => {
            write_entry(out, name, CODE_STRUCTURE, |out| out.u32(0));
        }
        FieldType::Variant(of) => {
            write_entry(out, name, CODE_LEGACY_VARIANT, |out| {
                out.u32(of.choices.len() as u32);
                out.fixed_string(&of.tag_name, SYMBOL_NAME_LEN);
            });
            for choice in &of.choices {
                write_field(out, choice)?;
            }
        }
        FieldType::Structure(_) => return Err(unsaid("a structure with fields")),
        FieldType::Sequence(_) => return Err(unsaid("a sequence without its length field before it")),
    }
    Ok(())
}

fn write_enumeration(out: &mut Writer, of: &Enumeration) {
    out.fixed_string(&of.name, SYMBOL_NAME_LEN);
    write_integer(out, &of.container);
    out.zeros(CONTAINER_PADDING_LEN);
    write_enum_id(out, of.id);
}

/// The bytes of a type where ABI 8 allows a basic one only.
fn basic(ty: &FieldType) -> Result<Vec<u8>, WireError> {
    let mut out = Writer::new();
    match ty {
        FieldType::Integer(integer) => {
            out.i32(CODE_INTEGER);
            write_integer(&mut out, integer);
        }
        FieldType::Enumeration(of) => {
            out.i32(CODE_ENUMERATION);
            write_enumeration(&mut out, of);
        }
        FieldType::String(encoding) => {
            out.i32(CODE_STRING);
            out.i32(encoding.code());
        }
        FieldType::Float(float) => {
            out.i32(CODE_FLOAT);
            write_float(&mut out, float);
        }
        _ => return Err(unsaid("a compound type inside another")),
    }
    out.pad_to(BASIC_TYPE_LEN);
    Ok(out.into_bytes())
}

fn unsaid(why: &'static str) -> WireError {
    WireError::BadText { field: "field description of ABI 8", why }
}

#[cfg(test)]
mod tests {
    use super::super::field::{Base, ByteOrder, Integer};
    use super::super::field_entry::{FIELD_ENTRY_LEN, decode_fields};
    use super::super::ids::EnumId;
    use super::*;

    fn integer(size_bits: u32, signed: bool) -> Integer {
        let (byte_order, base, encoding) = (ByteOrder::Native, Base::Decimal, Encoding::None);
        Integer { size_bits, alignment_bits: 8, signed, byte_order, base, encoding }
    }

    #[test]
    fn a_sequence_is_one_entry_and_reads_as_two_fields() {
        let length = Field { name: "_s_length".into(), ty: FieldType::Integer(integer(64, false)) };
        let element = Box::new(FieldType::Integer(integer(8, true)));
        let sequence = Sequence { element, length_name: "_s_length".into(), alignment_bits: 0 };
        let fields = vec![length, Field { name: "s".into(), ty: FieldType::Sequence(sequence) }];
        let bytes = encode_fields(&fields).unwrap();
        assert_eq!(bytes.len(), FIELD_ENTRY_LEN);
        assert_eq!(bytes[256..260], 3i32.to_ne_bytes());
        assert_eq!(bytes[264..268], 64u32.to_ne_bytes(), "size of the length, behind its code");
        assert_eq!(bytes[260 + 316 + 4..][..4], 8u32.to_ne_bytes(), "size of the element");
        assert_eq!(decode_fields(&bytes), Ok(fields));
    }

    #[test]
    fn an_enumeration_has_two_hidden_bytes_before_its_id() {
        let of = Enumeration { name: "e".into(), id: Some(EnumId(7)), container: integer(8, true) };
        let fields = vec![Field { name: "x".into(), ty: FieldType::Enumeration(of.clone()) }];
        let bytes = encode_fields(&fields).unwrap();
        assert_eq!(bytes[260 + 304..][..8], 7u64.to_ne_bytes());
        assert_eq!(decode_fields(&bytes), Ok(fields));
        let array = Array { element: Box::new(FieldType::Enumeration(of)), length: 3, alignment_bits: 0 };
        let fields = vec![Field { name: "a".into(), ty: FieldType::Array(array) }];
        let bytes = encode_fields(&fields).unwrap();
        assert_eq!(bytes[260 + 316..][..4], 3u32.to_ne_bytes());
        assert_eq!(decode_fields(&bytes), Ok(fields));
    }

    #[test]
    fn what_it_cannot_say_is_an_error() {
        let array =
            Array { element: Box::new(FieldType::String(Encoding::Utf8)), length: 1, alignment_bits: 0 };
        let nested = Array { element: Box::new(FieldType::Array(array)), length: 1, alignment_bits: 0 };
        assert!(encode_fields(&[Field { name: "a".into(), ty: FieldType::Array(nested) }]).is_err());
    }

    #[test]
    fn contexts_came_with_minor_versions() {
        let ns = Context::Plain(PlainContext::PidNs);
        assert!(!has_context(0, &ns) && has_context(1, &ns));
        assert!(!has_context(1, &Context::Plain(PlainContext::TimeNs)));
        assert!(has_context(0, &Context::Plain(PlainContext::Procname)));
    }
}
