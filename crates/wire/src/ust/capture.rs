//! Captured values: the part of MessagePack that lttng-ust writes (`docs/spec/ust-protocol.md` 11), big-endian as
//! MessagePack has it.

use crate::{Reader, WireError, Writer};

/// A value that was captured with a notification.
#[derive(Debug, Clone, PartialEq)]
pub enum CaptureValue {
    /// Not available: an unknown field, an absent application context, an error, or no room.
    Nil,
    /// From a signed field; small values of unsigned ones look the same on the wire.
    Signed(i64),
    /// From an unsigned field.
    Unsigned(u64),
    /// From a floating-point field.
    Float(f64),
    /// From a text field; bytes of any kind.
    String(Vec<u8>),
    /// From an array or sequence of integers.
    Array(Vec<CaptureValue>),
    /// From an enumeration: its integer.
    Enum(Box<CaptureValue>),
}

/// How deep arrays may be nested; lttng-ust nests one in the array of captures.
const MAX_DEPTH: u32 = 8;
const KEY_TYPE: &[u8] = b"type";
const KEY_VALUE: &[u8] = b"value";
const TYPE_ENUM: &[u8] = b"enum";

/// Reads the array of all captures.
pub(super) fn decode_array(bytes: &[u8]) -> Result<Vec<CaptureValue>, WireError> {
    let mut input = Reader::new(bytes);
    let value = decode(&mut input, MAX_DEPTH)?;
    input.finish()?;
    match value {
        CaptureValue::Array(values) => Ok(values),
        _ => Err(WireError::BadText { field: "captures", why: "not an array" }),
    }
}

fn decode(input: &mut Reader<'_>, depth: u32) -> Result<CaptureValue, WireError> {
    let Some(depth) = depth.checked_sub(1) else {
        let limit = u64::from(MAX_DEPTH);
        return Err(WireError::TooLarge { field: "nesting of captures", value: limit + 1, limit });
    };
    Ok(match input.u8_be("capture")? {
        0xc0 => CaptureValue::Nil,
        small @ 0x00..=0x7f => CaptureValue::Signed(i64::from(small)),
        small @ 0xe0..=0xff => CaptureValue::Signed(i64::from(small as i8)),
        0xcc => CaptureValue::Unsigned(input.u8_be("capture")?.into()),
        0xcd => CaptureValue::Unsigned(input.u16_be("capture")?.into()),
        0xce => CaptureValue::Unsigned(input.u32_be("capture")?.into()),
        0xcf => CaptureValue::Unsigned(input.u64_be("capture")?),
        0xd0 => CaptureValue::Signed(input.i8_be("capture")?.into()),
        0xd1 => CaptureValue::Signed(input.i16_be("capture")?.into()),
        0xd2 => CaptureValue::Signed(input.i32_be("capture")?.into()),
        0xd3 => CaptureValue::Signed(input.i64_be("capture")?),
        0xca => CaptureValue::Float(f32::from_bits(input.u32_be("capture")?).into()),
        0xcb => CaptureValue::Float(f64::from_bits(input.u64_be("capture")?)),
        short @ 0xa0..=0xbf => string(input, usize::from(short & 0x1f))?,
        0xd9 => {
            let len = input.u8_be("capture length")?;
            string(input, len.into())?
        }
        0xda => {
            let len = input.u16_be("capture length")?;
            string(input, len.into())?
        }
        short @ 0x90..=0x9f => array(input, usize::from(short & 0x0f), depth)?,
        0xdc => {
            let count = input.u16_be("capture count")?;
            array(input, count.into(), depth)?
        }
        0x82 => enumeration(input, depth)?,
        other => return Err(WireError::BadValue { field: "capture type", value: i128::from(other) }),
    })
}

fn string(input: &mut Reader<'_>, len: usize) -> Result<CaptureValue, WireError> {
    Ok(CaptureValue::String(input.bytes("captured text", len)?.to_vec()))
}

fn array(input: &mut Reader<'_>, count: usize, depth: u32) -> Result<CaptureValue, WireError> {
    // An element takes a byte at least: no count is believed beyond that.
    let mut values = Vec::with_capacity(count.min(input.rest().len()));
    for _ in 0..count {
        values.push(decode(input, depth)?);
    }
    Ok(CaptureValue::Array(values))
}

fn enumeration(input: &mut Reader<'_>, depth: u32) -> Result<CaptureValue, WireError> {
    let expect = |input: &mut Reader<'_>, text: &[u8]| match decode(input, depth)? {
        CaptureValue::String(found) if found == text => Ok(()),
        _ => Err(WireError::BadText { field: "captured enumeration", why: "not lttng-ust's keys" }),
    };
    expect(input, KEY_TYPE)?;
    expect(input, TYPE_ENUM)?;
    expect(input, KEY_VALUE)?;
    Ok(CaptureValue::Enum(Box::new(decode(input, depth)?)))
}

impl CaptureValue {
    /// Writes the array of all captures as lttng-ust does; empty if there are none.
    pub fn encode_all(values: &[CaptureValue]) -> Vec<u8> {
        let mut out = Writer::new();
        if !values.is_empty() {
            encode_array(values, &mut out);
        }
        out.into_bytes()
    }

    fn encode(&self, out: &mut Writer) {
        match self {
            CaptureValue::Nil => out.u8_be(0xc0),
            CaptureValue::Signed(value) => encode_signed(*value, out),
            CaptureValue::Unsigned(value) => encode_unsigned(*value, out),
            CaptureValue::Float(value) => {
                out.u8_be(0xcb);
                out.u64_be(value.to_bits());
            }
            CaptureValue::String(text) => encode_string(text, out),
            CaptureValue::Array(values) => encode_array(values, out),
            CaptureValue::Enum(value) => {
                out.u8_be(0x82);
                encode_string(KEY_TYPE, out);
                encode_string(TYPE_ENUM, out);
                encode_string(KEY_VALUE, out);
                value.encode(out);
            }
        }
    }
}

fn encode_signed(value: i64, out: &mut Writer) {
    if let Ok(small) = i8::try_from(value) {
        if small < -32 {
            out.u8_be(0xd0);
        }
        out.i8_be(small);
    } else if let Ok(value) = i16::try_from(value) {
        out.u8_be(0xd1);
        out.i16_be(value);
    } else if let Ok(value) = i32::try_from(value) {
        out.u8_be(0xd2);
        out.i32_be(value);
    } else {
        out.u8_be(0xd3);
        out.i64_be(value);
    }
}

fn encode_unsigned(value: u64, out: &mut Writer) {
    if let Ok(small) = u8::try_from(value) {
        if small > 127 {
            out.u8_be(0xcc);
        }
        out.u8_be(small);
    } else if let Ok(value) = u16::try_from(value) {
        out.u8_be(0xcd);
        out.u16_be(value);
    } else if let Ok(value) = u32::try_from(value) {
        out.u8_be(0xce);
        out.u32_be(value);
    } else {
        out.u8_be(0xcf);
        out.u64_be(value);
    }
}

/// Text and arrays beyond 65,535 elements do not fit a notification; they are cut.
fn encode_string(text: &[u8], out: &mut Writer) {
    let text = &text[..text.len().min(usize::from(u16::MAX))];
    match text.len() {
        short @ 0..=31 => out.u8_be(0xa0 | short as u8),
        len => {
            out.u8_be(0xda);
            out.u16_be(len as u16);
        }
    }
    out.bytes(text);
}

fn encode_array(values: &[CaptureValue], out: &mut Writer) {
    let values = &values[..values.len().min(usize::from(u16::MAX))];
    match values.len() {
        short @ 0..=15 => out.u8_be(0x90 | short as u8),
        count => {
            out.u8_be(0xdc);
            out.u16_be(count as u16);
        }
    }
    for value in values {
        value.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The captures of a notification in section 20 of the specification, without the text that repeats.
    #[test]
    fn reads_and_writes_what_lttng_ust_captures() {
        let bytes: &[u8] =
            b"\x9b\x00\xcb\x3f\xf8\0\0\0\0\0\0\xa5hello\x93\xff\x02\xd1\x01\x2c\x95\xcc\xc8\x01\x02\x03\x04\
            \x82\xa4type\xa4enum\xa5value\x00\xc0\xd1\x50\x4c\xa4rich\xd0\x80\xcd\x01\x00";
        let values = decode_array(bytes).unwrap();
        assert_eq!(values[1], CaptureValue::Float(1.5));
        let array = [-1, 2, 300].map(CaptureValue::Signed).to_vec();
        assert_eq!(values[3], CaptureValue::Array(array));
        assert_eq!(values[5], CaptureValue::Enum(Box::new(CaptureValue::Signed(0))));
        assert_eq!(values[9], CaptureValue::Signed(-128));
        assert_eq!(CaptureValue::encode_all(&values), bytes);
    }

    #[test]
    fn deep_nesting_and_large_counts_are_refused() {
        assert!(decode_array(&[0x91; 4096]).is_err());
        assert!(decode_array(&[0xdc, 0xff, 0xff]).is_err());
    }
}
