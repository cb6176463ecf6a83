//! Captured values: a MessagePack array with one element for each capture descriptor (`docs/spec/client-objects.md`,
//! section 14).

use rmp::{Marker, encode};

use super::defaults::CAPTURE_DEPTH_MAX;
use crate::text;
use crate::{Reader, WireError};

/// The captured values of one event, as the tracer wrote them; empty when nothing is captured. The daemon hands them on
/// untouched, so the bytes are kept; [`CapturePayload::values`] reads them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct CapturePayload(Vec<u8>);

/// The value of an enumeration's field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CapturedEnum {
    /// The number.
    pub value: CapturedInteger,
    /// The labels of that number; liblttng-ust 2.13.5 sends none.
    pub labels: Vec<String>,
}

/// An integer. The kind follows the value and not the field's type: what is not negative is unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CapturedInteger {
    /// Zero or more.
    Unsigned(u64),
    /// Less than zero.
    Signed(i64),
}

/// One captured value.
#[derive(Debug, Clone, PartialEq)]
pub enum CapturedValue {
    /// There was no such field, element or context.
    Unavailable,
    /// An integer.
    Integer(CapturedInteger),
    /// A floating point number.
    Real(f64),
    /// Text, whatever bytes the application put there.
    String(Vec<u8>),
    /// An array or a sequence.
    Array(Vec<CapturedValue>),
    /// An enumeration.
    Enum(CapturedEnum),
}

impl CapturePayload {
    /// Keeps bytes that a tracer or a daemon sent; they are judged by [`CapturePayload::values`].
    pub fn from_bytes(bytes: &[u8]) -> Self {
        CapturePayload(bytes.to_vec())
    }

    /// Writes values; no value makes an empty payload.
    pub fn from_values(values: &[CapturedValue]) -> Self {
        let mut out = Vec::new();
        if !values.is_empty() {
            write_array(&mut out, values);
        }
        CapturePayload(out)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the values of a condition that has `count` capture descriptors.
    ///
    /// # Errors
    /// When the bytes are not such values, or not `count` of them.
    pub fn values(&self, count: usize) -> Result<Vec<CapturedValue>, WireError> {
        let mut input = Reader::new(&self.0);
        if count == 0 {
            input.finish()?;
            return Ok(Vec::new());
        }
        let marker = Marker::from_u8(input.u8("captures")?);
        let found = array_len(marker, &mut input)?.ok_or(unexpected("captures", marker))?;
        if found as usize != count {
            return Err(WireError::BadValue { field: "captures: number of elements", value: found.into() });
        }
        let values = read_elements(&mut input, found, CAPTURE_DEPTH_MAX)?;
        input.finish()?;
        Ok(values)
    }
}

fn unexpected(field: &'static str, marker: Marker) -> WireError {
    WireError::BadValue { field, value: marker.to_u8().into() }
}

fn read_elements(input: &mut Reader<'_>, count: u32, depth: usize) -> Result<Vec<CapturedValue>, WireError> {
    if depth == 0 {
        let limit = CAPTURE_DEPTH_MAX as u64;
        return Err(WireError::TooLarge { field: "captures: depth", value: limit + 1, limit });
    }
    // Every element takes a byte at least, so a count that the bytes cannot hold fails before much is allocated.
    (0..count).map(|_| read_value(input, depth)).collect()
}

fn read_value(input: &mut Reader<'_>, depth: usize) -> Result<CapturedValue, WireError> {
    let marker = Marker::from_u8(input.u8("capture")?);
    if let Some(integer) = integer(marker, input)? {
        return Ok(CapturedValue::Integer(integer));
    }
    if let Some(text) = string(marker, input)? {
        return Ok(CapturedValue::String(text.to_vec()));
    }
    if let Some(count) = array_len(marker, input)? {
        return read_elements(input, count, depth - 1).map(CapturedValue::Array);
    }
    if let Some(count) = map_len(marker, input)? {
        return read_enum(input, count, depth - 1).map(CapturedValue::Enum);
    }
    match marker {
        Marker::Null => Ok(CapturedValue::Unavailable),
        Marker::F64 => Ok(CapturedValue::Real(f64::from_bits(input.u64_be("capture.float64")?))),
        Marker::F32 => Ok(CapturedValue::Real(f32::from_bits(input.u32_be("capture.float32")?).into())),
        other => Err(unexpected("capture", other)),
    }
}

/// Reads the map that stands for an enumeration; keys that mean nothing here are passed over.
fn read_enum(input: &mut Reader<'_>, entries: u32, depth: usize) -> Result<CapturedEnum, WireError> {
    let (mut is_enum, mut value, mut labels) = (false, None, Vec::new());
    if depth == 0 {
        let limit = CAPTURE_DEPTH_MAX as u64;
        return Err(WireError::TooLarge { field: "captures: depth", value: limit + 1, limit });
    }
    for _ in 0..entries {
        let marker = Marker::from_u8(input.u8("capture.enum key")?);
        let key = string(marker, input)?.ok_or(unexpected("capture.enum key", marker))?;
        let entry = read_value(input, depth)?;
        match (key, entry) {
            (b"type", CapturedValue::String(text)) if text == b"enum" => is_enum = true,
            (b"type", _) => return Err(WireError::BadText { field: "capture.map", why: "type is not enum" }),
            (b"value", CapturedValue::Integer(integer)) => value = Some(integer),
            (b"value", _) => {
                return Err(WireError::BadText { field: "capture.enum", why: "value is no integer" });
            }
            (b"labels", CapturedValue::Array(elements)) => {
                for element in elements {
                    let CapturedValue::String(label) = element else {
                        return Err(WireError::BadText { field: "capture.enum", why: "label is no text" });
                    };
                    labels.push(text::from_bytes(&label));
                }
            }
            (b"labels", _) => {
                return Err(WireError::BadText { field: "capture.enum", why: "labels are no array" });
            }
            _ => {}
        }
    }
    match (is_enum, value) {
        (true, Some(value)) => Ok(CapturedEnum { value, labels }),
        (true, None) => Err(WireError::BadText { field: "capture.enum", why: "no value" }),
        (false, _) => Err(WireError::BadText { field: "capture.map", why: "no type" }),
    }
}

fn integer(marker: Marker, input: &mut Reader<'_>) -> Result<Option<CapturedInteger>, WireError> {
    const FIELD: &str = "capture.integer";
    let signed = match marker {
        Marker::FixPos(value) => i64::from(value),
        Marker::FixNeg(value) => i64::from(value),
        Marker::U8 => input.u8_be(FIELD)?.into(),
        Marker::U16 => input.u16_be(FIELD)?.into(),
        Marker::U32 => input.u32_be(FIELD)?.into(),
        Marker::U64 => return Ok(Some(CapturedInteger::Unsigned(input.u64_be(FIELD)?))),
        Marker::I8 => input.i8_be(FIELD)?.into(),
        Marker::I16 => input.i16_be(FIELD)?.into(),
        Marker::I32 => input.i32_be(FIELD)?.into(),
        Marker::I64 => input.i64_be(FIELD)?,
        _ => return Ok(None),
    };
    Ok(Some(match u64::try_from(signed) {
        Ok(value) => CapturedInteger::Unsigned(value),
        Err(_) => CapturedInteger::Signed(signed),
    }))
}

fn string<'a>(marker: Marker, input: &mut Reader<'a>) -> Result<Option<&'a [u8]>, WireError> {
    const FIELD: &str = "capture.string";
    let len = match marker {
        Marker::FixStr(len) => u32::from(len),
        Marker::Str8 => input.u8_be(FIELD)?.into(),
        Marker::Str16 => input.u16_be(FIELD)?.into(),
        Marker::Str32 => input.u32_be(FIELD)?,
        _ => return Ok(None),
    };
    input.bytes(FIELD, len as usize).map(Some)
}

fn array_len(marker: Marker, input: &mut Reader<'_>) -> Result<Option<u32>, WireError> {
    Ok(Some(match marker {
        Marker::FixArray(len) => len.into(),
        Marker::Array16 => input.u16_be("capture.array")?.into(),
        Marker::Array32 => input.u32_be("capture.array")?,
        _ => return Ok(None),
    }))
}

fn map_len(marker: Marker, input: &mut Reader<'_>) -> Result<Option<u32>, WireError> {
    Ok(Some(match marker {
        Marker::FixMap(len) => len.into(),
        Marker::Map16 => input.u16_be("capture.map")?.into(),
        Marker::Map32 => input.u32_be("capture.map")?,
        _ => return Ok(None),
    }))
}

const IN_MEMORY: &str = "writing to memory does not fail";

fn write_array(out: &mut Vec<u8>, values: &[CapturedValue]) {
    encode::write_array_len(out, values.len() as u32).expect(IN_MEMORY);
    for value in values {
        write_value(out, value);
    }
}

fn write_value(out: &mut Vec<u8>, value: &CapturedValue) {
    match value {
        CapturedValue::Unavailable => encode::write_nil(out).expect(IN_MEMORY),
        CapturedValue::Integer(integer) => write_integer(out, *integer),
        CapturedValue::Real(real) => encode::write_f64(out, *real).expect(IN_MEMORY),
        CapturedValue::String(text) => write_text(out, text),
        CapturedValue::Array(values) => write_array(out, values),
        CapturedValue::Enum(value) => {
            encode::write_map_len(out, if value.labels.is_empty() { 2 } else { 3 }).expect(IN_MEMORY);
            write_text(out, b"type");
            write_text(out, b"enum");
            write_text(out, b"value");
            write_integer(out, value.value);
            if !value.labels.is_empty() {
                write_text(out, b"labels");
                encode::write_array_len(out, value.labels.len() as u32).expect(IN_MEMORY);
                for label in &value.labels {
                    write_text(out, label.as_bytes());
                }
            }
        }
    }
}

fn write_integer(out: &mut Vec<u8>, integer: CapturedInteger) {
    match integer {
        CapturedInteger::Unsigned(value) => encode::write_uint(out, value).map(drop).expect(IN_MEMORY),
        CapturedInteger::Signed(value) => encode::write_sint(out, value).map(drop).expect(IN_MEMORY),
    }
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    encode::write_str_len(out, text.len() as u32).expect(IN_MEMORY);
    out.extend_from_slice(text);
}
