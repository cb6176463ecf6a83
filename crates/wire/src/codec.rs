//! How bytes become values and back: a bounds-checked [`Reader`], a [`Writer`], and the errors that name the field.
//!
//! LTTng's records are packed and in the byte order of the machine (Unix sockets never cross one), except the agent
//! and relay protocols, which are big-endian: those use the `_be` calls.

use crate::text;

/// Why bytes are not a valid message. Names the field, so that a log line says what the peer did wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end before the field does.
    #[error("{field}: message ends {missing} bytes too early")]
    Truncated {
        /// The field that was being read.
        field: &'static str,
        /// How many bytes were missing.
        missing: usize,
    },
    /// Bytes are left over after the last field.
    #[error("{excess} bytes follow the end of the message")]
    Trailing {
        /// How many bytes were left over.
        excess: usize,
    },
    /// A number that the field does not allow.
    #[error("{field}: value {value} is not allowed")]
    BadValue {
        /// The field that was being read.
        field: &'static str,
        /// What was found, sign-extended.
        value: i128,
    },
    /// Text that is not NUL-terminated where it must be, or not valid UTF-8 where it must be.
    #[error("{field}: malformed text ({why})")]
    BadText {
        /// The field that was being read.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A count or length above the field's stated limit.
    #[error("{field}: {value} is over the limit of {limit}")]
    TooLarge {
        /// The field that was being read.
        field: &'static str,
        /// What was announced.
        value: u64,
        /// The largest value that is accepted.
        limit: u64,
    },
}

/// A value that can be written as bytes.
pub trait Encode {
    /// Appends the value's bytes to `out`.
    fn encode(&self, out: &mut Writer);

    /// The value's bytes, alone.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        self.encode(&mut out);
        out.into_bytes()
    }
}

/// A value that can be read from bytes.
pub trait Decode: Sized {
    /// Reads one value from the front of `input` and checks it.
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError>;

    /// Reads one value that must fill `bytes` exactly.
    fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut input = Reader::new(bytes);
        let value = Self::decode(&mut input)?;
        input.finish()?;
        Ok(value)
    }
}

/// Reads fields from the front of a byte string; never past its end.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! read_number {
    ($($native:ident $big:ident $type:ty),* $(,)?) => {$(
        #[doc = concat!("Reads a `", stringify!($type), "` in the machine's byte order.")]
        pub fn $native(&mut self, field: &'static str) -> Result<$type, WireError> {
            Ok(<$type>::from_ne_bytes(self.array(field)?))
        }
        #[doc = concat!("Reads a big-endian `", stringify!($type), "`.")]
        pub fn $big(&mut self, field: &'static str) -> Result<$type, WireError> {
            Ok(<$type>::from_be_bytes(self.array(field)?))
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// What is still unread.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Ends the reading; bytes that are left over are an error.
    pub fn finish(self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            excess => Err(WireError::Trailing { excess }),
        }
    }

    /// Takes the next `len` bytes.
    pub fn bytes(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], WireError> {
        if len > self.rest.len() {
            return Err(WireError::Truncated { field, missing: len - self.rest.len() });
        }
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(taken)
    }

    /// Takes the next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], WireError> {
        let taken = self.bytes(field, N)?;
        Ok(taken.try_into().expect("bytes() returned N bytes"))
    }

    /// Passes over padding, whatever it holds.
    pub fn skip(&mut self, len: usize) -> Result<(), WireError> {
        self.bytes("padding", len).map(drop)
    }

    /// Takes a fixed field of `len` bytes that holds NUL-terminated text: the bytes before the first NUL.
    pub fn fixed_text(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], WireError> {
        let raw = self.bytes(field, len)?;
        match raw.iter().position(|&b| b == 0) {
            Some(end) => Ok(&raw[..end]),
            None => Err(WireError::BadText { field, why: "no terminating NUL" }),
        }
    }

    /// Takes a fixed field of NUL-terminated UTF-8 text.
    pub fn fixed_str(&mut self, field: &'static str, len: usize) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.fixed_text(field, len)?)
            .map_err(|_| WireError::BadText { field, why: "not UTF-8" })
    }

    /// Takes a fixed field of NUL-terminated text of any bytes.
    pub fn fixed_string(&mut self, field: &'static str, len: usize) -> Result<String, WireError> {
        self.fixed_text(field, len).map(text::from_bytes)
    }

    /// Takes a boolean byte: 0 is false, anything else true.
    pub fn bool8(&mut self, field: &'static str) -> Result<bool, WireError> {
        Ok(self.u8(field)? != 0)
    }

    read_number!(
        u8 u8_be u8, i8 i8_be i8, u16 u16_be u16, i16 i16_be i16, u32 u32_be u32, i32 i32_be i32,
        u64 u64_be u64, i64 i64_be i64,
    );
}

/// Collects the bytes of a message.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    bytes: Vec<u8>,
}

macro_rules! write_number {
    ($($native:ident $big:ident $type:ty),* $(,)?) => {$(
        #[doc = concat!("Appends a `", stringify!($type), "` in the machine's byte order.")]
        pub fn $native(&mut self, value: $type) {
            self.bytes.extend_from_slice(&value.to_ne_bytes());
        }
        #[doc = concat!("Appends a big-endian `", stringify!($type), "`.")]
        pub fn $big(&mut self, value: $type) {
            self.bytes.extend_from_slice(&value.to_be_bytes());
        }
    )*};
}

impl Writer {
    /// Starts empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many bytes there are so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written so far.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Ends the writing.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends raw bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends `len` zero bytes.
    pub fn zeros(&mut self, len: usize) {
        self.bytes.resize(self.bytes.len() + len, 0);
    }

    /// Appends zeros until the message is `len` bytes long.
    ///
    /// # Panics
    /// If it is longer already: a record whose fields exceed its size is a mistake in this crate.
    pub fn pad_to(&mut self, len: usize) {
        assert!(self.bytes.len() <= len, "record of {} bytes exceeds its size of {len}", self.bytes.len());
        self.bytes.resize(len, 0);
    }

    /// Appends text in a fixed, zero-filled field of `len` bytes; what is over `len - 1` bytes is cut off.
    pub fn fixed_text(&mut self, text: &[u8], len: usize) {
        let kept = text.len().min(len - 1);
        self.bytes.extend_from_slice(&text[..kept]);
        self.zeros(len - kept);
    }

    /// Appends text of any bytes ([`crate::text`]) as [`fixed_text`](Self::fixed_text) does.
    pub fn fixed_string(&mut self, text: &str, len: usize) {
        self.fixed_text(&text::to_bytes(text), len);
    }

    /// Overwrites four bytes at `offset`, for lengths that are known only later.
    ///
    /// # Panics
    /// If those bytes were not written yet.
    pub fn patch_u32(&mut self, offset: usize, value: u32) {
        self.bytes[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }

    write_number!(
        u8 u8_be u8, i8 i8_be i8, u16 u16_be u16, i16 i16_be i16, u32 u32_be u32, i32 i32_be i32,
        u64 u64_be u64, i64 i64_be i64,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_never_passes_the_end() {
        let mut input = Reader::new(&[1, 2, 3]);
        assert_eq!(input.u16("a"), Ok(u16::from_ne_bytes([1, 2])));
        assert_eq!(input.u32("b"), Err(WireError::Truncated { field: "b", missing: 3 }));
        assert_eq!(input.finish(), Err(WireError::Trailing { excess: 1 }));
    }

    #[test]
    fn fixed_text_is_cut_and_terminated() {
        let mut out = Writer::new();
        out.fixed_text(b"abcdef", 4);
        assert_eq!(out.clone().into_bytes(), b"abc\0");
        let bytes = out.into_bytes();
        assert_eq!(Reader::new(&bytes).fixed_text("name", 4), Ok(&b"abc"[..]));
        assert!(Reader::new(b"abcd").fixed_text("name", 4).is_err());
    }
}
