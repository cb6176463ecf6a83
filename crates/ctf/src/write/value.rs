//! Values, and their bits.

use super::bits::BitWriter;
use crate::decode::{Bits, is_text};
use crate::types::{Array, Float, Integer, Structure, Type};

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Of an unsigned integer or enumeration.
    Unsigned(u64),
    /// Of a signed integer or enumeration.
    Signed(i64),
    /// Of a floating point number; rounded where that has 32 bits.
    Float(f64),
    /// Of a string (without NUL), or of an array or sequence of characters. That of an array may be shorter than the array:
    /// the rest is 0.
    Text(Vec<u8>),
    /// Of an array or sequence.
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
            let Some(rest) = array.length.checked_sub(text.len() as u64) else {
                let cause = format!("a text of {} bytes for an array of {}", text.len(), array.length);
                return Err(ValueError::of(cause));
            };
            out.put(text);
            out.skip(rest * 8);
            Ok(())
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
        (ty, _) => {
            Err(ValueError::of(format!("this is no value of a {}, or they are not written", ty.kind())))
        }
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
        _ => return Err(ValueError::of("floating point numbers of such sizes are not written")),
    };
    out.integer(bits, Bits { size, order: float.byte_order, signed: false });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ByteOrder, Field};

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
