//! Values on the right of `=` in metadata text, and what the attributes of integers and the like may be.

use std::ops::Range;

use crate::types::{Base, ByteOrder, Encoding};

/// The right side of an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// An integer constant, with its sign; also a character.
    Integer(i128),
    /// A string constant.
    Text(String),
    /// Identifiers with dots between.
    Path(Vec<String>),
}

impl Value {
    /// What names and descriptions may be: a string or a single word.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            Value::Path(path) => match path.as_slice() {
                [word] => Some(word),
                _ => None,
            },
            Value::Integer(_) => None,
        }
    }

    pub(crate) fn integer<T: TryFrom<i128>>(&self) -> Option<T> {
        match self {
            Value::Integer(value) => T::try_from(*value).ok(),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match self {
            Value::Integer(value) => Some(*value != 0),
            _ => match self.text()? {
                "true" | "TRUE" => Some(true),
                "false" | "FALSE" => Some(false),
                _ => None,
            },
        }
    }

    pub(crate) fn byte_order(&self, native: ByteOrder) -> Option<ByteOrder> {
        match self.text()? {
            "le" => Some(ByteOrder::Little),
            "be" | "network" => Some(ByteOrder::Big),
            "native" => Some(native),
            _ => None,
        }
    }

    pub(crate) fn base(&self) -> Option<Base> {
        match self {
            Value::Integer(radix) => Base::from_radix(u32::try_from(*radix).ok()?),
            _ => match self.text()? {
                "decimal" | "dec" | "d" | "i" | "u" => Some(Base::Decimal),
                "hexadecimal" | "hex" | "x" | "X" | "p" => Some(Base::Hexadecimal),
                "octal" | "oct" | "o" => Some(Base::Octal),
                "binary" | "b" => Some(Base::Binary),
                _ => None,
            },
        }
    }

    pub(crate) fn encoding(&self) -> Option<Encoding> {
        match self.text()? {
            "UTF8" | "utf8" | "UTF-8" | "utf-8" => Some(Encoding::Utf8),
            "ASCII" | "ascii" => Some(Encoding::Ascii),
            "none" | "NONE" => Some(Encoding::None),
            _ => None,
        }
    }

    /// The clock's name in `clock.NAME.value`.
    pub(crate) fn mapped_clock(&self) -> Option<&str> {
        match self {
            Value::Path(path) => match path.as_slice() {
                [clock, name, value] if clock == "clock" && value == "value" => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// An alignment: a power of two of at most 4096 bits.
    pub(crate) fn alignment(&self) -> Option<u32> {
        self.integer::<u32>().filter(|bits| bits.is_power_of_two() && *bits <= 4096)
    }
}

/// `KEY = VALUE;` and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    /// The left side, with dots.
    pub(crate) key: String,
    /// The right side.
    pub(crate) value: Value,
    /// Where the right side is in the text.
    pub(crate) span: Range<usize>,
}
