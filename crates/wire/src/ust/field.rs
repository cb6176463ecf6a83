//! Descriptions of event and context fields, as a tree (`docs/spec/ust-protocol.md` 8). How they travel is in
//! `field_entry` and, for ABI 8, in `abi8`.

use super::ids::EnumId;

/// A named field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// As the application spells it; metadata puts `_` in front. Not always a C identifier.
    pub name: String,
    /// Its type.
    pub ty: FieldType,
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// An integer.
    Integer(Integer),
    /// A floating-point number.
    Float(Float),
    /// NUL-terminated text.
    String(Encoding),
    /// An integer whose values have labels.
    Enumeration(Enumeration),
    /// A fixed number of elements.
    Array(Array),
    /// As many elements as an earlier field says.
    Sequence(Sequence),
    /// Fields one after the other.
    Structure(Structure),
    /// One of several, chosen by an earlier enumeration. A context of an application ("dynamic" type) is an
    /// enumeration `<context>_tag` followed by a variant `<context>`.
    Variant(Variant),
}

/// Byte order of a number against that of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// The machine's.
    Native,
    /// The other one.
    Reversed,
}

impl ByteOrder {
    /// Whether the number is little-endian on this machine.
    pub fn is_little_endian(self) -> bool {
        cfg!(target_endian = "little") == (self == ByteOrder::Native)
    }
}

codes! {
    /// How an integer is displayed.
    pub enum Base: u32, "integer base" {
        /// Base 2.
        Binary = 2,
        /// Base 8.
        Octal = 8,
        /// Base 10.
        Decimal = 10,
        /// Base 16.
        Hexadecimal = 16,
    }
}

codes! {
    /// Whether, and how, bytes are text.
    pub enum Encoding: i32, "encoding" {
        /// No text.
        None = 0,
        /// UTF-8.
        Utf8 = 1,
        /// ASCII.
        Ascii = 2,
    }
}

/// An integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Integer {
    /// 1 to 64.
    pub size_bits: u32,
    /// What it is really aligned to in the ring buffer: 8 on x86 and PowerPC, else natural.
    pub alignment_bits: u16,
    /// Whether it is signed.
    pub signed: bool,
    /// Its byte order.
    pub byte_order: ByteOrder,
    /// How it is displayed.
    pub base: Base,
    /// Text if it is the element of a text array or sequence.
    pub encoding: Encoding,
}

/// A floating-point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Float {
    /// 8 for `float`, 11 for `double`.
    pub exponent_digits: u32,
    /// With the hidden bit: 24 for `float`, 53 for `double`.
    pub mantissa_digits: u32,
    /// Its byte order.
    pub byte_order: ByteOrder,
    /// What it is aligned to in the ring buffer.
    pub alignment_bits: u16,
}

/// An enumeration; its labels were registered before, under its id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Enumeration {
    /// `<provider>_<enumeration>`.
    pub name: String,
    /// What the session daemon answered to its registration; `None` if it was not registered.
    pub id: Option<EnumId>,
    /// The integer that holds the value.
    pub container: Integer,
}

/// A fixed number of elements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Array {
    /// Of each element.
    pub element: Box<FieldType>,
    /// Number of elements.
    pub length: u32,
    /// At least; 0 in everything that lttng-ust describes.
    pub alignment_bits: u32,
}

/// A number of elements that an earlier field holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// Of each element.
    pub element: Box<FieldType>,
    /// Name of the earlier integer field, `_<sequence>_length`.
    pub length_name: String,
    /// At least; 0 in everything that lttng-ust describes.
    pub alignment_bits: u32,
}

/// Fields one after the other; lttng-ust describes only empty ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Structure {
    /// In order.
    pub fields: Vec<Field>,
    /// At least.
    pub alignment_bits: u32,
}

/// One of several types.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Variant {
    /// Name of the earlier enumeration whose label says which choice there is.
    pub tag_name: String,
    /// The choices, each named as a label (up to a leading `_`).
    pub choices: Vec<Field>,
    /// At least.
    pub alignment_bits: u32,
}

/// A value of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnumValue {
    /// Of a signed container.
    Signed(i64),
    /// Of an unsigned container.
    Unsigned(u64),
}

/// A label and the values that it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnumEntry {
    /// The label.
    pub label: String,
    /// Its values.
    pub values: EnumRange,
}

/// The values of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EnumRange {
    /// From one value to another, both included; equal for a single value.
    Values {
        /// The first.
        start: EnumValue,
        /// The last.
        end: EnumValue,
    },
    /// One more than the entry before; 0 for the first.
    Automatic,
}
