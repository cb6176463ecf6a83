//! Field descriptions as bytes: a tree of fields becomes a flat list of entries of 920 bytes, where the parts of a
//! compound field follow it (`docs/spec/ust-protocol.md` 8). The self-contained compound entries of ABI 8 (codes 1, 2,
//! 3 and 7) are read too; what they look like is in `abi8`.

use super::field::{
    Array, Base, ByteOrder, Encoding, Enumeration, Field, FieldType, Float, Integer, Sequence, Structure,
    Variant,
};
use super::ids::EnumId;
use super::{SYMBOL_NAME_LEN, abi8, symbol};
use crate::{Reader, WireError, Writer};

/// Size of one entry.
pub const FIELD_ENTRY_LEN: usize = 920;
/// The largest number of entries that is taken from one request.
pub const MAX_FIELD_ENTRIES: usize = 4096;
/// How deep types may be nested in each other.
const MAX_DEPTH: u32 = 16;

pub(super) const CODE_INTEGER: i32 = 0;
pub(super) const CODE_STRING: i32 = 4;
pub(super) const CODE_FLOAT: i32 = 5;
/// ABI 8's variant, with the layout of [`CODE_VARIANT`] but for the alignment; ABI 9 uses it too.
pub(super) const CODE_LEGACY_VARIANT: i32 = 6;
const CODE_ENUMERATION: i32 = 8;
const CODE_ARRAY: i32 = 9;
const CODE_SEQUENCE: i32 = 10;
const CODE_STRUCTURE: i32 = 11;
const CODE_VARIANT: i32 = 12;

/// "No enumeration" in place of an id.
const NO_ENUM: u64 = u64::MAX;
/// Bytes of the type details in an entry.
const DETAILS_LEN: usize = 632;

/// Reads all entries of a request.
pub(super) fn decode_fields(bytes: &[u8]) -> Result<Vec<Field>, WireError> {
    if !bytes.len().is_multiple_of(FIELD_ENTRY_LEN) {
        return Err(WireError::BadValue { field: "fields length", value: bytes.len() as i128 });
    }
    let count = bytes.len() / FIELD_ENTRY_LEN;
    if count > MAX_FIELD_ENTRIES {
        let (value, limit) = (count as u64, MAX_FIELD_ENTRIES as u64);
        return Err(WireError::TooLarge { field: "field entries", value, limit });
    }
    let mut entries = Entries { rest: Reader::new(bytes) };
    let mut fields = Vec::new();
    while !entries.rest.rest().is_empty() {
        entries.field_into(&mut fields, 0)?;
    }
    Ok(fields)
}

/// Writes all entries of a request, as ABI 9 has them.
pub(super) fn encode_fields(fields: &[Field]) -> Vec<u8> {
    let mut out = Writer::new();
    for field in fields {
        write_field(&mut out, &field.name, &field.ty);
    }
    out.into_bytes()
}

/// The entries that were not read yet.
struct Entries<'a> {
    rest: Reader<'a>,
}

/// One entry, split into its parts.
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) code: i32,
    pub(super) details: Reader<'a>,
}

impl<'a> Entries<'a> {
    fn entry(&mut self) -> Result<Entry<'a>, WireError> {
        let mut input = Reader::new(self.rest.bytes("field entry", FIELD_ENTRY_LEN)?);
        let name = super::symbol(&mut input, "field name")?;
        let code = input.i32("field type")?;
        Ok(Entry { name, code, details: Reader::new(input.bytes("field type details", DETAILS_LEN)?) })
    }

    /// Reads one field; a legacy sequence becomes two, because its length is one of its own in all later dialects.
    fn field_into(&mut self, fields: &mut Vec<Field>, depth: u32) -> Result<(), WireError> {
        let entry = self.entry()?;
        if entry.code == abi8::CODE_SEQUENCE {
            fields.extend(abi8::read_sequence(entry)?);
        } else {
            let name = entry.name.clone();
            fields.push(Field { name, ty: self.ty(entry, depth)? });
        }
        Ok(())
    }

    /// Reads the type of `entry`, and the entries that belong to it.
    fn ty(&mut self, mut entry: Entry<'a>, depth: u32) -> Result<FieldType, WireError> {
        if depth >= MAX_DEPTH {
            let (value, limit) = (u64::from(depth), u64::from(MAX_DEPTH));
            return Err(WireError::TooLarge { field: "nesting of field types", value, limit });
        }
        let details = &mut entry.details;
        Ok(match entry.code {
            CODE_INTEGER => FieldType::Integer(read_integer(details)?),
            CODE_STRING => FieldType::String(Encoding::from_code(details.i32("string encoding")?)?),
            CODE_FLOAT => FieldType::Float(read_float(details)?),
            CODE_ENUMERATION => {
                let name = symbol(details, "enumeration name")?;
                let id = read_enum_id(details)?;
                let mut container = self.entry()?;
                if container.code != CODE_INTEGER {
                    let value = i128::from(container.code);
                    return Err(WireError::BadValue { field: "enumeration container type", value });
                }
                FieldType::Enumeration(Enumeration {
                    name,
                    id,
                    container: read_integer(&mut container.details)?,
                })
            }
            CODE_ARRAY => {
                let length = details.u32("array length")?;
                let alignment_bits = details.u32("array alignment")?;
                FieldType::Array(Array { element: self.element(depth)?, length, alignment_bits })
            }
            CODE_SEQUENCE => {
                let length_name = symbol(details, "sequence length name")?;
                let alignment_bits = details.u32("sequence alignment")?;
                FieldType::Sequence(Sequence { element: self.element(depth)?, length_name, alignment_bits })
            }
            CODE_STRUCTURE => {
                let count = details.u32("structure fields")?;
                let alignment_bits = details.u32("structure alignment")?;
                FieldType::Structure(Structure { fields: self.fields(count, depth)?, alignment_bits })
            }
            CODE_VARIANT | CODE_LEGACY_VARIANT => {
                let count = details.u32("variant choices")?;
                let tag_name = symbol(details, "variant tag name")?;
                let alignment_bits = details.u32("variant alignment")?;
                FieldType::Variant(Variant { tag_name, choices: self.fields(count, depth)?, alignment_bits })
            }
            _ => return abi8::read_type(entry),
        })
    }

    fn element(&mut self, depth: u32) -> Result<Box<FieldType>, WireError> {
        let entry = self.entry()?;
        self.ty(entry, depth + 1).map(Box::new)
    }

    fn fields(&mut self, count: u32, depth: u32) -> Result<Vec<Field>, WireError> {
        // Nothing is allocated for a count: each field must bring its entry.
        let mut fields = Vec::new();
        for _ in 0..count {
            self.field_into(&mut fields, depth + 1)?;
        }
        Ok(fields)
    }
}

/// Reads the 22 bytes of an integer's details.
pub(super) fn read_integer(details: &mut Reader<'_>) -> Result<Integer, WireError> {
    let size_bits = match details.u32("integer size")? {
        size @ 1..=64 => size,
        size => return Err(WireError::BadValue { field: "integer size", value: i128::from(size) }),
    };
    let signed = details.u32("integer signedness")? != 0;
    let byte_order = read_byte_order(details)?;
    let base = Base::from_code(details.u32("integer base")?)?;
    let encoding = Encoding::from_code(details.i32("integer encoding")?)?;
    let alignment_bits = read_alignment(details)?;
    Ok(Integer { size_bits, alignment_bits, signed, byte_order, base, encoding })
}

/// Reads the 14 bytes of a float's details.
pub(super) fn read_float(details: &mut Reader<'_>) -> Result<Float, WireError> {
    let mut digits = |field| match details.u32(field)? {
        digits @ 1..=128 => Ok(digits),
        digits => Err(WireError::BadValue { field, value: i128::from(digits) }),
    };
    let (exponent_digits, mantissa_digits) = (digits("exponent digits")?, digits("mantissa digits")?);
    let byte_order = read_byte_order(details)?;
    Ok(Float { exponent_digits, mantissa_digits, byte_order, alignment_bits: read_alignment(details)? })
}

pub(super) fn read_enum_id(details: &mut Reader<'_>) -> Result<Option<EnumId>, WireError> {
    let id = details.u64("enumeration id")?;
    Ok((id != NO_ENUM).then_some(EnumId(id)))
}

fn read_byte_order(details: &mut Reader<'_>) -> Result<ByteOrder, WireError> {
    Ok(if details.u32("byte order")? == 0 { ByteOrder::Native } else { ByteOrder::Reversed })
}

fn read_alignment(details: &mut Reader<'_>) -> Result<u16, WireError> {
    match details.u16("alignment")? {
        bits if bits.is_power_of_two() => Ok(bits),
        bits => Err(WireError::BadValue { field: "alignment", value: i128::from(bits) }),
    }
}

/// Writes one entry: name, code, then what `details` writes, padded.
pub(super) fn write_entry(out: &mut Writer, name: &str, code: i32, details: impl FnOnce(&mut Writer)) {
    let start = out.len();
    out.fixed_string(name, SYMBOL_NAME_LEN);
    out.i32(code);
    details(out);
    out.pad_to(start + FIELD_ENTRY_LEN);
}

pub(super) fn write_integer(out: &mut Writer, integer: &Integer) {
    out.u32(integer.size_bits);
    out.u32(u32::from(integer.signed));
    write_byte_order(out, integer.byte_order);
    out.u32(integer.base.code());
    out.i32(integer.encoding.code());
    out.u16(integer.alignment_bits);
}

pub(super) fn write_float(out: &mut Writer, float: &Float) {
    out.u32(float.exponent_digits);
    out.u32(float.mantissa_digits);
    write_byte_order(out, float.byte_order);
    out.u16(float.alignment_bits);
}

pub(super) fn write_enum_id(out: &mut Writer, id: Option<EnumId>) {
    out.u64(id.map_or(NO_ENUM, |id| id.0));
}

fn write_byte_order(out: &mut Writer, order: ByteOrder) {
    out.u32(u32::from(order == ByteOrder::Reversed));
}

fn write_field(out: &mut Writer, name: &str, ty: &FieldType) {
    match ty {
        FieldType::Integer(integer) => {
            write_entry(out, name, CODE_INTEGER, |out| write_integer(out, integer))
        }
        FieldType::Float(float) => write_entry(out, name, CODE_FLOAT, |out| write_float(out, float)),
        FieldType::String(encoding) => write_entry(out, name, CODE_STRING, |out| out.i32(encoding.code())),
        FieldType::Enumeration(of) => {
            write_entry(out, name, CODE_ENUMERATION, |out| {
                out.fixed_string(&of.name, SYMBOL_NAME_LEN);
                write_enum_id(out, of.id);
            });
            write_field(out, "", &FieldType::Integer(of.container));
        }
        FieldType::Array(of) => {
            write_entry(out, name, CODE_ARRAY, |out| {
                out.u32(of.length);
                out.u32(of.alignment_bits);
            });
            write_field(out, "", &of.element);
        }
        FieldType::Sequence(of) => {
            write_entry(out, name, CODE_SEQUENCE, |out| {
                out.fixed_string(&of.length_name, SYMBOL_NAME_LEN);
                out.u32(of.alignment_bits);
            });
            write_field(out, "", &of.element);
        }
        FieldType::Structure(of) => {
            write_entry(out, name, CODE_STRUCTURE, |out| {
                out.u32(of.fields.len() as u32);
                out.u32(of.alignment_bits);
            });
            for field in &of.fields {
                write_field(out, &field.name, &field.ty);
            }
        }
        FieldType::Variant(of) => {
            // lttng-ust 2.13 describes its variants under the legacy code.
            write_entry(out, name, CODE_LEGACY_VARIANT, |out| {
                out.u32(of.choices.len() as u32);
                out.fixed_string(&of.tag_name, SYMBOL_NAME_LEN);
                out.u32(of.alignment_bits);
            });
            for choice in &of.choices {
                write_field(out, &choice.name, &choice.ty);
            }
        }
    }
}
