//! Values, and their bits.

use super::bits::BitWriter;
use super::transcribe::container_of;
use crate::ctf2::{Length, TextEncoding};
use crate::decode::{Bits, Machine, is_text};
use crate::types::{Array, ByteOrder, Float, Integer, Structure, Type};

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of an unsigned integer or enumeration, and of a boolean, bit array or bit map of CTF 2: its bits.
    Unsigned(u64),
    /// Of a signed integer or enumeration.
    Signed(i64),
    /// Of a floating point number; rounded where that has 32 bits.
    Float(f64),
    /// Of a string (without NUL), or of an array or sequence of characters, in UTF-8 whatever the encoding is. That of a
    /// fixed length may be shorter: the rest is 0. Of a BLOB, its bytes.
    Text(Vec<u8>),
    /// Of an array or sequence; none or one of an optional field.
    Elements(Vec<Value>),
    /// Of a structure, one for each field.
    Fields(Vec<Value>),
    /// Of a variant: the option's position, and its value.
    Option(usize, Box<Value>),
}

impl Value {
    /// Text from a string.
    pub fn text(text: &str) -> Value {
        Value::Text(text.as_bytes().to_vec())
    }

    /// The value of a type that has the fewest bits set: numbers are 0, texts and sequences empty. Nothing for a variant,
    /// which depends on its tag, for what has one in it, and for the types that only CTF 2 has.
    pub fn zero(ty: &Type) -> Option<Value> {
        Some(match ty {
            Type::Integer(integer) => Value::integer(integer, 0),
            Type::Enumeration(enumeration) => Value::integer(&enumeration.container, 0),
            Type::Float(_) => Value::Float(0.0),
            Type::String(_) => Value::Text(Vec::new()),
            Type::Array(array) if is_text(&array.element) => Value::Text(Vec::new()),
            Type::Array(Array { element, length, .. }) => {
                let element = Value::zero(element)?;
                Value::Elements(vec![
                    element;
                    usize::try_from(*length).ok().filter(|length| *length < 1 << 16)?
                ])
            }
            Type::Sequence(_) => Value::Elements(Vec::new()),
            Type::Structure(structure) => {
                let fields = structure.fields.iter().map(|field| Value::zero(&field.ty));
                Value::Fields(fields.collect::<Option<Vec<_>>>()?)
            }
            _ => return None,
        })
    }

    /// The low bits of `bits` as a value of that integer.
    pub(super) fn integer(integer: &Integer, bits: u64) -> Value {
        let unused = 64 - integer.size_bits.clamp(1, 64);
        if integer.signed {
            Value::Signed((bits << unused) as i64 >> unused)
        } else {
            Value::Unsigned(bits << unused >> unused)
        }
    }
}

/// A value that its type cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {cause}", if path.is_empty() { "this value" } else { path.as_str() })]
pub struct ValueError {
    /// The field, from the outermost structure on.
    pub path: String,
    /// What is wrong.
    pub cause: String,
}

impl ValueError {
    fn of(cause: impl Into<String>) -> ValueError {
        ValueError { path: String::new(), cause: cause.into() }
    }

    fn within(mut self, name: &str) -> ValueError {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }
}

/// Puts the value of a structure.
pub(super) fn put_structure(
    structure: &Structure,
    value: &Value,
    out: &mut BitWriter,
) -> Result<(), ValueError> {
    let Value::Fields(values) = value else { return Err(ValueError::of("a structure wants its fields")) };
    if values.len() != structure.fields.len() {
        let cause = format!("{} values for {} fields", values.len(), structure.fields.len());
        return Err(ValueError::of(cause));
    }
    out.align(structure.alignment_bits());
    for (field, value) in structure.fields.iter().zip(values) {
        put(&field.ty, value, out).map_err(|error| error.within(&field.name))?;
    }
    Ok(())
}

/// Puts a value, with the padding before it.
pub(super) fn put(ty: &Type, value: &Value, out: &mut BitWriter) -> Result<(), ValueError> {
    out.align(ty.alignment_bits());
    match (ty, value) {
        (Type::Integer(integer), value) => put_integer(integer, value, out),
        (Type::Enumeration(enumeration), value) => put_integer(&enumeration.container, value, out),
        (Type::Float(float), Value::Float(value)) => put_float(float, *value, out),
        (Type::String(_), Value::Text(text)) => {
            if text.contains(&0) {
                return Err(ValueError::of("a string holds no NUL"));
            }
            out.put(text);
            out.put(&[0]);
            Ok(())
        }
        (Type::Array(array), Value::Text(text)) if is_text(&array.element) => {
            put_padded(text, array.length, out)
        }
        (Type::Sequence(sequence), Value::Text(text)) if is_text(&sequence.element) => {
            out.put(text);
            Ok(())
        }
        (Type::Array(array), Value::Elements(values)) if values.len() as u64 != array.length => {
            Err(ValueError::of(format!("{} values for an array of {}", values.len(), array.length)))
        }
        (Type::Array(Array { element, .. }), Value::Elements(values)) => put_elements(element, values, out),
        (Type::Sequence(sequence), Value::Elements(values)) => put_elements(&sequence.element, values, out),
        (Type::Structure(structure), value) => put_structure(structure, value, out),
        (Type::Variant(variant), Value::Option(option, value)) => match variant.options.get(*option) {
            Some(option) => put(&option.ty, value, out).map_err(|error| error.within(&option.name)),
            None => Err(ValueError::of(format!("there is no option {option}"))),
        },
        (Type::BitArray(bits), value) => put_integer(&bits.container, value, out),
        (Type::Boolean(boolean), value) => put_integer(&boolean.container, value, out),
        (Type::Reversed(inner), value) => put_reversed(inner, value, out),
        (Type::VariableInteger(integer), value) => {
            let value = match (value, integer.signed) {
                (Value::Unsigned(value), false) => i128::from(*value),
                (Value::Signed(value), true) => i128::from(*value),
                _ => {
                    return Err(ValueError::of("this is no value of a variable-length integer of that sign"));
                }
            };
            put_variable(value, integer.signed, out);
            Ok(())
        }
        (Type::Text(kind), Value::Text(text)) => {
            let text = String::from_utf8_lossy(text);
            let units = encoded(&text, kind.encoding);
            match kind.length {
                Length::UntilNull => {
                    out.put(&units);
                    out.put(&[0; 4][..kind.encoding.unit_bytes()]);
                    Ok(())
                }
                Length::Fixed(length) => put_padded(&units, length, out),
                Length::Recorded(_) => {
                    out.put(&units);
                    Ok(())
                }
            }
        }
        (Type::Blob(blob), Value::Text(bytes)) => match blob.length {
            Length::Fixed(length) if length != bytes.len() as u64 => {
                Err(ValueError::of(format!("{} bytes for a BLOB of {length}", bytes.len())))
            }
            _ => {
                out.put(bytes);
                Ok(())
            }
        },
        (Type::Optional(optional), Value::Elements(values)) if values.len() < 2 => {
            put_elements(&optional.content.ty, values, out)
        }
        (Type::Choice(choice), Value::Option(option, value)) => match choice.options.get(*option) {
            Some(option) => put(&option.ty, value, out).map_err(|error| error.within(&option.name)),
            None => Err(ValueError::of(format!("there is no option {option}"))),
        },
        (ty, _) => {
            Err(ValueError::of(format!("this is no value of a {}, or they are not written", ty.kind())))
        }
    }
}

/// Puts bytes, and zeros up to that length.
fn put_padded(bytes: &[u8], length: u64, out: &mut BitWriter) -> Result<(), ValueError> {
    let Some(rest) = length.checked_sub(bytes.len() as u64) else {
        return Err(ValueError::of(format!("a text of {} bytes for a length of {length}", bytes.len())));
    };
    out.put(bytes);
    out.skip(rest * 8);
    Ok(())
}

/// Puts the bits of a value of fixed length in the opposite order.
fn put_reversed(ty: &Type, value: &Value, out: &mut BitWriter) -> Result<(), ValueError> {
    let mut plain = BitWriter::default();
    put(ty, value, &mut plain)?;
    let (size, order) = match ty {
        Type::Float(float) => (float.size_bits(), float.byte_order),
        _ => container_of(ty).map_or((0, ByteOrder::NATIVE), |of| (of.size_bits, of.byte_order)),
    };
    if !(1..=64).contains(&size) {
        return Err(ValueError::of(format!("{size} bits in another order are not written")));
    }
    let bits = Bits { size: size as u8, order, signed: false };
    let value = Machine::new(plain.bytes(), u64::MAX).integer(bits);
    let value = value.map_err(|error| ValueError::of(error.to_string()))?;
    out.integer(value.reverse_bits() >> (64 - size), bits);
    Ok(())
}

/// Puts an integer in LEB128.
fn put_variable(mut value: i128, signed: bool, out: &mut BitWriter) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        let sign = if signed && low & 0x40 != 0 { -1 } else { 0 };
        let is_last = value == sign;
        out.put(&[if is_last { low } else { low | 0x80 }]);
        if is_last {
            return;
        }
    }
}

/// Text in that encoding.
fn encoded(text: &str, encoding: TextEncoding) -> Vec<u8> {
    match encoding {
        TextEncoding::Utf8 => text.as_bytes().to_vec(),
        TextEncoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        TextEncoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        TextEncoding::Utf32Be => text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        TextEncoding::Utf32Le => text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(),
    }
}

fn put_elements(element: &Type, values: &[Value], out: &mut BitWriter) -> Result<(), ValueError> {
    let put = |(at, value)| put(element, value, out).map_err(|error| error.within(&format!("[{at}]")));
    values.iter().enumerate().try_for_each(put)
}

fn put_integer(integer: &Integer, value: &Value, out: &mut BitWriter) -> Result<(), ValueError> {
    let (least, most) = integer.range();
    let value = match (value, integer.signed) {
        (Value::Unsigned(value), false) => i128::from(*value),
        (Value::Signed(value), true) => i128::from(*value),
        _ => {
            let sign = if integer.signed { "a signed" } else { "an unsigned" };
            return Err(ValueError::of(format!("this is no value of {sign} integer")));
        }
    };
    if !(least..=most).contains(&value) {
        return Err(ValueError::of(format!("{value} does not fit into {} bits", integer.size_bits)));
    }
    out.integer(value as u64, Bits::of(integer));
    Ok(())
}

fn put_float(float: &Float, value: f64, out: &mut BitWriter) -> Result<(), ValueError> {
    let (size, bits) = match (float.exponent_bits, float.mantissa_bits) {
        (8, 24) => (32, u64::from((value as f32).to_bits())),
        (11, 53) => (64, value.to_bits()),
        (5, 11) => (16, u64::from(half_of(value))),
        _ => return Err(ValueError::of("floating point numbers of such sizes are not written")),
    };
    out.integer(bits, Bits { size, order: float.byte_order, signed: false });
    Ok(())
}

/// The half (IEEE 754 binary16) that is nearest to zero among those next to the value.
fn half_of(value: f64) -> u16 {
    let sign = u16::from(value.is_sign_negative()) << 15;
    let size = value.abs();
    sign | match size {
        size if size.is_nan() => 0x7e00,
        size if size.is_infinite() => 0x7c00,
        size if size < 2f64.powi(-14) => (size * 2f64.powi(24)) as u16,
        size => {
            let exponent = ((size.to_bits() >> 52) as i32 - 1023).min(15);
            let fraction = ((size / 2f64.powi(exponent) - 1.0) * 1024.0).min(1023.0) as u16;
            ((exponent + 15) as u16) << 10 | fraction
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ByteOrder, Field};

    #[test]
    fn halves_are_what_they_read_as() {
        for bits in (0..=0x7bffu16).chain(0x8000..=0xfbff) {
            assert_eq!(half_of(crate::decode::half(bits)), bits, "{bits:#x}");
        }
        assert_eq!(half_of(1e9), 0x7bff);
        assert_eq!(half_of(f64::NEG_INFINITY), 0xfc00);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let byte = Integer::unsigned(8, 8, ByteOrder::Little);
        let inner = Structure::of(vec![Field::new("list", Type::array(byte, 2))]);
        let outer = Structure::of(vec![Field::new("inner", inner)]);
        let value = |numbers: &[u64]| {
            let numbers = numbers.iter().map(|number| Value::Unsigned(*number)).collect();
            Value::Fields(vec![Value::Fields(vec![Value::Elements(numbers)])])
        };
        let refused =
            |value: &Value| put_structure(&outer, value, &mut BitWriter::default()).unwrap_err().to_string();
        assert_eq!(refused(&value(&[1, 256])), "inner.list.[1]: 256 does not fit into 8 bits");
        assert_eq!(refused(&value(&[1])), "inner.list: 1 values for an array of 2");
        assert_eq!(refused(&Value::Fields(vec![])), "this value: 0 values for 1 fields");
        let mut out = BitWriter::default();
        put_structure(&outer, &value(&[1, 255]), &mut out).unwrap();
        assert_eq!(out.bytes(), [1, 255]);
    }
}
