//! Field types that only CTF 2 has. They stand beside those of CTF 1.8 in [`Type`](crate::Type).

use crate::types::{Base, Field, FieldRef, Integer, Mapping};

/// How long text or a BLOB is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Length {
    /// Up to a code unit of zeros. Only text can be so.
    UntilNull,
    /// That many bytes.
    Fixed(u64),
    /// As many bytes as that field says.
    Recorded(FieldRef),
}

/// The encodings of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TextEncoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, most significant byte first.
    Utf16Be,
    /// UTF-16, least significant byte first.
    Utf16Le,
    /// UTF-32, most significant byte first.
    Utf32Be,
    /// UTF-32, least significant byte first.
    Utf32Le,
}

impl TextEncoding {
    /// All of them.
    pub const ALL: [TextEncoding; 5] = [
        TextEncoding::Utf8,
        TextEncoding::Utf16Be,
        TextEncoding::Utf16Le,
        TextEncoding::Utf32Be,
        TextEncoding::Utf32Le,
    ];

    /// The name in the metadata.
    pub fn keyword(self) -> &'static str {
        match self {
            TextEncoding::Utf8 => "utf-8",
            TextEncoding::Utf16Be => "utf-16be",
            TextEncoding::Utf16Le => "utf-16le",
            TextEncoding::Utf32Be => "utf-32be",
            TextEncoding::Utf32Le => "utf-32le",
        }
    }

    /// Bytes of a code unit: 1, 2 or 4.
    pub fn unit_bytes(self) -> usize {
        match self {
            TextEncoding::Utf8 => 1,
            TextEncoding::Utf16Be | TextEncoding::Utf16Le => 2,
            TextEncoding::Utf32Be | TextEncoding::Utf32Le => 4,
        }
    }

    /// The text of `bytes`, up to the first code unit of zeros, as UTF-8. What is no text becomes U+FFFD; a rest that is
    /// no code unit is left out.
    pub fn decode(self, bytes: &[u8]) -> String {
        let two = |pick: fn([u8; 2]) -> u16| -> String {
            let units = bytes.as_chunks::<2>().0.iter().map(|unit| pick(*unit)).take_while(|unit| *unit != 0);
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        };
        let four = |pick: fn([u8; 4]) -> u32| -> String {
            let units = bytes.as_chunks::<4>().0.iter().map(|unit| pick(*unit)).take_while(|unit| *unit != 0);
            units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        };
        match self {
            TextEncoding::Utf8 => {
                let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
                String::from_utf8_lossy(&bytes[..end]).into_owned()
            }
            TextEncoding::Utf16Be => two(u16::from_be_bytes),
            TextEncoding::Utf16Le => two(u16::from_le_bytes),
            TextEncoding::Utf32Be => four(u32::from_be_bytes),
            TextEncoding::Utf32Le => four(u32::from_le_bytes),
        }
    }
}

/// Text, but for UTF-8 up to a NUL, which is [`Type::String`](crate::Type::String). It starts at a byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text {
    /// What its bytes mean.
    pub encoding: TextEncoding,
    /// How many bytes it takes. All from the first code unit of zeros on are of no matter.
    pub length: Length,
}

/// Bytes of some kind. It starts at a byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Blob {
    /// How many.
    pub length: Length,
    /// The kind: an IANA media type.
    pub media_type: String,
}

/// An integer in as many bytes as it needs (LEB128). It starts at a byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VariableInteger {
    /// Two's complement if true.
    pub signed: bool,
    /// The base to show it in.
    pub base: Base,
    /// Names for its values; none if it has no names.
    pub mappings: Vec<Mapping>,
    /// Name of the clock that this integer is a time of.
    pub clock: Option<String>,
}

/// Bits that are no number, some of which have names (a bit map) or none (a bit array).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BitArray {
    /// Where the bits are: bit 0 is the least significant one of this unsigned integer.
    pub container: Integer,
    /// Names for bits, by their numbers.
    pub flags: Vec<Mapping>,
}

/// True if any of its bits is set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Boolean {
    /// Where the bits are.
    pub container: Integer,
}

/// A field that is there or not, as another field says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Optional {
    /// The integer or boolean that decides.
    pub selector: FieldRef,
    /// The values, both ends included, for which the field is there. Nothing if the selector is a boolean.
    pub ranges: Option<Vec<(i128, i128)>>,
    /// What is there: a field without a name.
    pub content: Box<Field>,
}

/// One of several fields, chosen by the value of an integer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The integer that decides.
    pub selector: FieldRef,
    /// The options; those without a name have an empty one.
    pub options: Vec<Field>,
    /// For each option the values, both ends included, that choose it.
    pub ranges: Vec<Vec<(i128, i128)>>,
}

/// In a path, the option of that number of a [`Choice`]: their names need not be unique.
pub fn option_step(option: usize) -> String {
    format!("#{option}")
}

/// In a path, all options of a [`Choice`] that have what follows.
pub const ANY_OPTION: &str = "#";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_zeros_and_is_replaced_where_it_is_none() {
        assert_eq!(TextEncoding::Utf16Le.decode(&[0x48, 0, 0xe9, 0, 0, 0, 0x41, 0]), "Hé");
        assert_eq!(TextEncoding::Utf16Be.decode(&[0xd8, 0x34, 0xdd, 0x1e, 0xd8, 0]), "𝄞\u{fffd}");
        assert_eq!(TextEncoding::Utf32Be.decode(&[0, 1, 0xd1, 0x1e, 0xff, 0, 0, 0, 0x41]), "𝄞\u{fffd}");
        assert_eq!(TextEncoding::Utf8.decode(b"a\xffb\0c"), "a\u{fffd}b");
    }
}
