//! What field classes say of their values without any other class: sizes, orders of bytes and bits, alignments, bases,
//! encodings, sets of ranges.

use super::error::{Fault, Parsed};
use super::json::{Json, Object};
use crate::ctf2::{BitArray, TextEncoding};
use crate::types::{Base, ByteOrder, Float, Integer, MAX_INTEGER_BITS, Mapping, Type};

/// Alignments larger than this are not read.
const MAX_ALIGNMENT_BITS: u32 = 4096;

/// Ranges of values, both ends included.
pub(super) type Ranges = Vec<(i128, i128)>;

pub(super) fn bits(object: &Object, flags: Vec<Mapping>) -> Parsed<Type> {
    let container = fixed(object, false)?;
    in_bit_order(object, BitArray { container, flags }.into())
}

/// What all fixed-length classes have.
pub(super) fn fixed(object: &Object, signed: bool) -> Parsed<Integer> {
    let size_bits: u64 = object.required("length", Json::integer)?;
    if size_bits == 0 || size_bits > u64::from(MAX_INTEGER_BITS) {
        let cause = format!("{size_bits} bits: this program reads 1 to {MAX_INTEGER_BITS}");
        return Err(Fault::new(cause).under("length"));
    }
    let alignment = object.optional("alignment", alignment)?.unwrap_or(1);
    let integer = Integer::unsigned(size_bits as u32, alignment, byte_order(object)?);
    Ok(Integer { signed, ..integer })
}

fn byte_order(object: &Object) -> Parsed<ByteOrder> {
    object.required("byte-order", |json| match json.text()? {
        "little-endian" => Ok(ByteOrder::Little),
        "big-endian" => Ok(ByteOrder::Big),
        other => Err(Fault::new(format!("there is no byte order `{other}`"))),
    })
}

/// Whether the bits are not in the order that belongs to the byte order.
pub(super) fn is_reversed(object: &Object) -> Parsed<bool> {
    let first_to_last = object.optional("bit-order", |json| match json.text()? {
        "first-to-last" => Ok(true),
        "last-to-first" => Ok(false),
        other => Err(Fault::new(format!("there is no bit order `{other}`"))),
    })?;
    let usual = byte_order(object)? == ByteOrder::Little;
    Ok(first_to_last.is_some_and(|order| order != usual))
}

pub(super) fn in_bit_order(object: &Object, ty: Type) -> Parsed<Type> {
    Ok(if is_reversed(object)? { Type::Reversed(Box::new(ty)) } else { ty })
}

pub(super) fn float(object: &Object) -> Parsed<Type> {
    let size: u32 = object.required("length", Json::integer)?;
    let exponent_bits = match size {
        16 => 5,
        32 => 8,
        64 => 11,
        128 => 15,
        size if size > 128 && size.is_multiple_of(32) => (4.0 * f64::from(size).log2()).round() as u32 - 13,
        size => {
            let cause = format!("there is no floating point number of {size} bits");
            return Err(Fault::new(cause).under("length"));
        }
    };
    let alignment_bits = object.optional("alignment", alignment)?.unwrap_or(1);
    let byte_order = byte_order(object)?;
    let float = Float { exponent_bits, mantissa_bits: size - exponent_bits, alignment_bits, byte_order };
    in_bit_order(object, float.into())
}

pub(super) fn base(object: &Object) -> Parsed<Base> {
    let base = object.optional("preferred-display-base", |json| {
        let radix = json.integer()?;
        Base::from_radix(radix).ok_or_else(|| Fault::new(format!("{radix} is no base: 2, 8, 10 and 16 are")))
    })?;
    Ok(base.unwrap_or_default())
}

pub(super) fn encoding(object: &Object) -> Parsed<TextEncoding> {
    let encoding = object.optional("encoding", |json| {
        let name = json.text()?;
        let found = TextEncoding::ALL.into_iter().find(|encoding| encoding.keyword() == name);
        found.ok_or_else(|| Fault::new(format!("there is no encoding `{name}`")))
    })?;
    Ok(encoding.unwrap_or(TextEncoding::Utf8))
}

pub(super) fn media_type(object: &Object) -> Parsed<String> {
    let media_type = object.optional_text("media-type")?;
    Ok(media_type.unwrap_or_else(|| "application/octet-stream".to_owned()))
}

fn alignment(json: &Json) -> Parsed<u32> {
    let bits: u64 = json.integer()?;
    match u32::try_from(bits) {
        Ok(bits) if bits.is_power_of_two() && bits <= MAX_ALIGNMENT_BITS => Ok(bits),
        _ => {
            let cause = format!("{bits} is no alignment: a power of two up to {MAX_ALIGNMENT_BITS} is");
            Err(Fault::new(cause))
        }
    }
}

pub(super) fn minimum_alignment(object: &Object) -> Parsed<u32> {
    Ok(object.optional("minimum-alignment", alignment)?.filter(|bits| *bits > 1).unwrap_or(0))
}

/// An integer range set.
pub(super) fn ranges(json: &Json) -> Parsed<Ranges> {
    let range = |(at, range): (usize, &Json)| {
        let [first, last] = range.array()? else {
            return Err(Fault::new("expected a range of two integers").at(at));
        };
        let end = |json: &Json, index: usize| json.integer::<i128>().map_err(|fault| fault.at(index).at(at));
        let (first, last) = (end(first, 0)?, end(last, 1)?);
        if first > last {
            return Err(Fault::new(format!("the range ends at {last}, before it begins at {first}")).at(at));
        }
        Ok((first, last))
    };
    let ranges = json.array()?.iter().enumerate().map(range).collect::<Parsed<Vec<_>>>()?;
    if ranges.is_empty() { Err(Fault::new("must have at least one range")) } else { Ok(ranges) }
}
