//! Field types of the Common Trace Format: what a value looks like in a packet and how it wants to be shown.
//!
//! A [`Type`] is plain data, whole in itself: aliases and named types of the metadata are resolved away, byte orders
//! are absolute. Identifiers are those of the metadata, verbatim: a field that a tracer calls `msg` is `_msg` here,
//! as LTTng prefixes what users name ([`Field::recorded`]); [`Field::display_name`] takes the prefix off again.

use std::fmt;

use crate::ctf2::{BitArray, Blob, Boolean, Choice, Optional, Text, VariableInteger};

/// Order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// The order of the machine that this runs on.
    pub const NATIVE: ByteOrder =
        if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };

    /// The other order.
    pub fn reversed(self) -> ByteOrder {
        match self {
            ByteOrder::Little => ByteOrder::Big,
            ByteOrder::Big => ByteOrder::Little,
        }
    }

    /// `le` or `be`, as the metadata says it.
    pub fn keyword(self) -> &'static str {
        match self {
            ByteOrder::Little => "le",
            ByteOrder::Big => "be",
        }
    }
}

/// The base in which an integer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Base {
    /// 2.
    Binary,
    /// 8.
    Octal,
    /// 10.
    #[default]
    Decimal,
    /// 16.
    Hexadecimal,
}

impl Base {
    /// 2, 8, 10 or 16.
    pub fn radix(self) -> u32 {
        match self {
            Base::Binary => 2,
            Base::Octal => 8,
            Base::Decimal => 10,
            Base::Hexadecimal => 16,
        }
    }

    /// The base with that radix, if CTF has it.
    pub fn from_radix(radix: u32) -> Option<Base> {
        match radix {
            2 => Some(Base::Binary),
            8 => Some(Base::Octal),
            10 => Some(Base::Decimal),
            16 => Some(Base::Hexadecimal),
            _ => None,
        }
    }
}

/// Whether, and in which encoding, bytes are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Encoding {
    /// Not text.
    #[default]
    None,
    /// UTF-8 text.
    Utf8,
    /// ASCII text.
    Ascii,
}

impl Encoding {
    /// `none`, `UTF8` or `ASCII`, as LTTng writes it.
    pub fn keyword(self) -> &'static str {
        match self {
            Encoding::None => "none",
            Encoding::Utf8 => "UTF8",
            Encoding::Ascii => "ASCII",
        }
    }
}

/// The largest integer that this crate reads and writes, in bits.
pub const MAX_INTEGER_BITS: u32 = 64;

/// An integer of any width from 1 to [`MAX_INTEGER_BITS`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Integer {
    /// Width in bits.
    pub size_bits: u32,
    /// Alignment in bits from the start of the packet; a power of two.
    pub alignment_bits: u32,
    /// Two's complement if true.
    pub signed: bool,
    /// Order of its bytes, and with it where a bit field starts in its byte.
    pub byte_order: ByteOrder,
    /// The base to show it in.
    pub base: Base,
    /// Whether arrays of it are text.
    pub encoding: Encoding,
    /// Name of the clock that this integer is a time of.
    pub clock: Option<String>,
}

impl Integer {
    /// An unsigned decimal integer.
    pub fn unsigned(size_bits: u32, alignment_bits: u32, byte_order: ByteOrder) -> Integer {
        Integer {
            size_bits,
            alignment_bits,
            signed: false,
            byte_order,
            base: Base::Decimal,
            encoding: Encoding::None,
            clock: None,
        }
    }

    /// A signed decimal integer.
    pub fn signed(size_bits: u32, alignment_bits: u32, byte_order: ByteOrder) -> Integer {
        Integer { signed: true, ..Integer::unsigned(size_bits, alignment_bits, byte_order) }
    }

    /// The same integer, shown in `base`.
    #[must_use]
    pub fn with_base(self, base: Base) -> Integer {
        Integer { base, ..self }
    }

    /// The same integer as an element of text.
    #[must_use]
    pub fn with_encoding(self, encoding: Encoding) -> Integer {
        Integer { encoding, ..self }
    }

    /// The same integer as a time of the clock of that name.
    #[must_use]
    pub fn with_clock(self, clock: impl Into<String>) -> Integer {
        Integer { clock: Some(clock.into()), ..self }
    }

    /// Whether an array or sequence of this is shown as text: a whole byte with an encoding.
    pub fn is_character(&self) -> bool {
        self.size_bits == 8 && self.alignment_bits.is_multiple_of(8) && self.encoding != Encoding::None
    }

    /// The values that the container can hold, both ends included.
    pub fn range(&self) -> (i128, i128) {
        let bits = self.size_bits.clamp(1, MAX_INTEGER_BITS);
        if self.signed {
            (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)
        } else {
            (0, (1i128 << bits) - 1)
        }
    }
}

/// An IEEE 754 floating point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Float {
    /// Bits of the exponent: 8 for `float`, 11 for `double`.
    pub exponent_bits: u32,
    /// Bits of the mantissa with its hidden bit (which stands for the sign in the sum): 24 or 53.
    pub mantissa_bits: u32,
    /// Alignment in bits from the start of the packet; a power of two.
    pub alignment_bits: u32,
    /// Order of its bytes.
    pub byte_order: ByteOrder,
}

impl Float {
    /// A C `float`.
    pub fn single(alignment_bits: u32, byte_order: ByteOrder) -> Float {
        Float { exponent_bits: 8, mantissa_bits: 24, alignment_bits, byte_order }
    }

    /// A C `double`.
    pub fn double(alignment_bits: u32, byte_order: ByteOrder) -> Float {
        Float { exponent_bits: 11, mantissa_bits: 53, alignment_bits, byte_order }
    }

    /// Width in bits.
    pub fn size_bits(&self) -> u32 {
        self.exponent_bits.saturating_add(self.mantissa_bits)
    }
}

/// The values that have one label of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MappingRange {
    /// One more than the end of the mapping before (0 for the first).
    Automatic,
    /// One value.
    Value(i128),
    /// All values from the first to the last, both included.
    Range(i128, i128),
}

/// One label of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// The label, unescaped.
    pub label: String,
    /// The values that have it.
    pub range: MappingRange,
}

impl Mapping {
    /// `label` for one value.
    pub fn value(label: impl Into<String>, value: impl Into<i128>) -> Mapping {
        Mapping { label: label.into(), range: MappingRange::Value(value.into()) }
    }

    /// `label` for all values from `first` to `last`.
    pub fn range(label: impl Into<String>, first: impl Into<i128>, last: impl Into<i128>) -> Mapping {
        Mapping { label: label.into(), range: MappingRange::Range(first.into(), last.into()) }
    }

    /// `label` for the value after the mapping before.
    pub fn automatic(label: impl Into<String>) -> Mapping {
        Mapping { label: label.into(), range: MappingRange::Automatic }
    }
}

/// An integer whose values have labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Enumeration {
    /// How the value is stored.
    pub container: Integer,
    /// The labels, in the order of declaration. Ranges may overlap, labels may repeat.
    pub mappings: Vec<Mapping>,
}

impl Enumeration {
    /// Each label with its first and last value, automatic ones worked out.
    pub fn ranges(&self) -> impl Iterator<Item = (&str, i128, i128)> {
        ranges(&self.mappings)
    }

    /// The first label that covers `value`.
    pub fn label_of(&self, value: i128) -> Option<&str> {
        self.ranges().find(|(_, first, last)| (*first..=*last).contains(&value)).map(|(label, ..)| label)
    }
}

/// Each label with its first and last value, automatic ones worked out.
pub(crate) fn ranges(mappings: &[Mapping]) -> impl Iterator<Item = (&str, i128, i128)> {
    let mut next = 0i128;
    mappings.iter().map(move |mapping| {
        let (first, last) = match mapping.range {
            MappingRange::Automatic => (next, next),
            MappingRange::Value(value) => (value, value),
            MappingRange::Range(first, last) => (first, last),
        };
        next = last.saturating_add(1);
        (mapping.label.as_str(), first, last)
    })
}

/// The structures of a packet and an event that a field can live in (the dynamic scopes of CTF), outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `trace.packet.header`.
    PacketHeader,
    /// `stream.packet.context`.
    PacketContext,
    /// `stream.event.header`.
    EventHeader,
    /// `stream.event.context`, common to all events of the stream.
    StreamEventContext,
    /// `event.context`.
    EventContext,
    /// `event.fields`.
    EventFields,
}

impl Scope {
    /// All scopes, outermost first.
    pub const ALL: [Scope; 6] = [
        Scope::PacketHeader,
        Scope::PacketContext,
        Scope::EventHeader,
        Scope::StreamEventContext,
        Scope::EventContext,
        Scope::EventFields,
    ];

    /// The scope's name in a reference.
    pub fn path(self) -> &'static str {
        match self {
            Scope::PacketHeader => "trace.packet.header",
            Scope::PacketContext => "stream.packet.context",
            Scope::EventHeader => "stream.event.header",
            Scope::StreamEventContext => "stream.event.context",
            Scope::EventContext => "event.context",
            Scope::EventFields => "event.fields",
        }
    }
}

/// Names the field that holds the length of a sequence or the tag of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// Where the path starts; without it, at the nearest enclosing structure that has the first name.
    pub scope: Option<Scope>,
    /// Identifiers, outermost first; at least one.
    pub path: Vec<String>,
}

impl FieldRef {
    /// The nearest field before with that identifier of the metadata.
    pub fn to(identifier: impl Into<String>) -> FieldRef {
        FieldRef { scope: None, path: vec![identifier.into()] }
    }

    /// The nearest field before that the tracer calls `name` (see [`Field::recorded`]).
    pub fn recorded(name: &str) -> FieldRef {
        FieldRef::to(recorded_identifier(name))
    }
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scope) = self.scope {
            write!(f, "{}.", scope.path())?;
        }
        f.write_str(&self.path.join("."))
    }
}

/// A fixed number of elements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Array {
    /// What is repeated.
    pub element: Box<Type>,
    /// How often.
    pub length: u64,
    /// Alignment in bits beyond that of the element; 0 or 1 for none.
    pub min_alignment_bits: u32,
}

/// A number of elements that another field holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// What is repeated.
    pub element: Box<Type>,
    /// The integer that says how often.
    pub length: FieldRef,
    /// Alignment in bits beyond that of the element; 0 or 1 for none.
    pub min_alignment_bits: u32,
}

/// Named fields, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Structure {
    /// The fields in their order.
    pub fields: Vec<Field>,
    /// Alignment in bits beyond that of the fields; 0 or 1 for none.
    pub min_alignment_bits: u32,
}

impl Structure {
    /// A structure of these fields without an alignment of its own.
    pub fn of(fields: Vec<Field>) -> Structure {
        Structure { fields, min_alignment_bits: 0 }
    }

    /// The field with that identifier of the metadata.
    pub fn field(&self, identifier: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == identifier)
    }

    /// Alignment of its start, in bits.
    pub fn alignment_bits(&self) -> u32 {
        let fields = self.fields.iter().map(|field| field.ty.alignment_bits()).max();
        fields.unwrap_or(1).max(self.min_alignment_bits).max(1)
    }
}

/// One of several fields, chosen by the label of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Variant {
    /// The enumeration whose label is the name of the chosen option.
    pub tag: FieldRef,
    /// The options.
    pub options: Vec<Field>,
    /// Alignment in bits of its start; 0 or 1 for none.
    pub min_alignment_bits: u32,
}

/// A field's type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// An integer.
    Integer(Integer),
    /// A floating point number.
    Float(Float),
    /// An integer with labels.
    Enumeration(Enumeration),
    /// Bytes up to a NUL.
    String(Encoding),
    /// A fixed number of elements.
    Array(Array),
    /// A recorded number of elements.
    Sequence(Sequence),
    /// Fields, one after the other.
    Structure(Structure),
    /// One of several fields.
    Variant(Variant),
    /// CTF 2: bits that are no number.
    BitArray(BitArray),
    /// CTF 2: yes or no.
    Boolean(Boolean),
    /// CTF 2: an integer in as many bytes as it needs.
    VariableInteger(VariableInteger),
    /// CTF 2: text of other lengths and encodings than [`Type::String`].
    Text(Text),
    /// CTF 2: bytes of some kind.
    Blob(Blob),
    /// CTF 2: a field that is there or not.
    Optional(Optional),
    /// CTF 2: one of several fields, by the value of an integer.
    Choice(Choice),
    /// CTF 2: what is in it (an integer, a floating point number, an enumeration, bits or a boolean), with its bits in the
    /// opposite order.
    Reversed(Box<Type>),
}

impl Type {
    /// A fixed array of `element`.
    pub fn array(element: impl Into<Type>, length: u64) -> Type {
        Type::Array(Array { element: Box::new(element.into()), length, min_alignment_bits: 0 })
    }

    /// As many `element`s as the field `length` says.
    pub fn sequence(element: impl Into<Type>, length: FieldRef) -> Type {
        Type::Sequence(Sequence { element: Box::new(element.into()), length, min_alignment_bits: 0 })
    }

    /// Alignment of its start from the start of the packet, in bits. A variant aligns as the option that is chosen.
    pub fn alignment_bits(&self) -> u32 {
        match self {
            Type::Integer(integer) => integer.alignment_bits.max(1),
            Type::Float(float) => float.alignment_bits.max(1),
            Type::Enumeration(enumeration) => enumeration.container.alignment_bits.max(1),
            Type::String(_) => 8,
            Type::Array(array) => array.element.alignment_bits().max(array.min_alignment_bits),
            Type::Sequence(sequence) => sequence.element.alignment_bits().max(sequence.min_alignment_bits),
            Type::Structure(structure) => structure.alignment_bits(),
            Type::Variant(variant) => variant.min_alignment_bits.max(1),
            Type::BitArray(bits) => bits.container.alignment_bits.max(1),
            Type::Boolean(boolean) => boolean.container.alignment_bits.max(1),
            Type::VariableInteger(_) | Type::Text(_) | Type::Blob(_) => 8,
            Type::Optional(_) | Type::Choice(_) => 1,
            Type::Reversed(inner) => inner.alignment_bits(),
        }
    }

    /// The type without the order of its bits.
    pub fn in_order(&self) -> &Type {
        match self {
            Type::Reversed(inner) => inner,
            other => other,
        }
    }

    /// The types that it holds: elements, fields, options.
    pub fn parts(&self) -> Box<dyn Iterator<Item = &Type> + '_> {
        match self {
            Type::Array(array) => Box::new(std::iter::once(&*array.element)),
            Type::Sequence(sequence) => Box::new(std::iter::once(&*sequence.element)),
            Type::Optional(optional) => Box::new(std::iter::once(&optional.content.ty)),
            Type::Reversed(inner) => Box::new(std::iter::once(&**inner)),
            Type::Structure(structure) => Box::new(structure.fields.iter().map(|field| &field.ty)),
            Type::Variant(variant) => Box::new(variant.options.iter().map(|field| &field.ty)),
            Type::Choice(choice) => Box::new(choice.options.iter().map(|field| &field.ty)),
            Type::Integer(_)
            | Type::Float(_)
            | Type::Enumeration(_)
            | Type::String(_)
            | Type::BitArray(_)
            | Type::Boolean(_)
            | Type::VariableInteger(_)
            | Type::Text(_)
            | Type::Blob(_) => Box::new(std::iter::empty()),
        }
    }

    /// A word for the kind of type, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Type::Integer(_) => "integer",
            Type::Float(_) => "floating point number",
            Type::Enumeration(_) => "enumeration",
            Type::String(_) => "string",
            Type::Array(_) => "array",
            Type::Sequence(_) => "sequence",
            Type::Structure(_) => "structure",
            Type::Variant(_) | Type::Choice(_) => "variant",
            Type::BitArray(_) => "bit array",
            Type::Boolean(_) => "boolean",
            Type::VariableInteger(_) => "variable-length integer",
            Type::Text(_) => "string",
            Type::Blob(_) => "BLOB",
            Type::Optional(_) => "optional field",
            Type::Reversed(inner) => inner.kind(),
        }
    }
}

macro_rules! into_type {
    ($($variant:ident)*) => {$(
        impl From<$variant> for Type {
            fn from(value: $variant) -> Type {
                Type::$variant(value)
            }
        }
    )*};
}
into_type!(Integer Float Enumeration Array Sequence Structure Variant);
into_type!(BitArray Boolean VariableInteger Text Blob Optional Choice);

/// A named field of a structure, or an option of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The identifier in the metadata, verbatim (`_msg` for what a tracer calls `msg`).
    pub name: String,
    /// Its type.
    pub ty: Type,
}

impl Field {
    /// A field with that identifier of the metadata, verbatim: for `magic`, `timestamp_begin` and the like.
    pub fn new(identifier: impl Into<String>, ty: impl Into<Type>) -> Field {
        Field { name: identifier.into(), ty: ty.into() }
    }

    /// A field that a tracer calls `name`: the identifier gets LTTng's underscore in front, and each character that an
    /// identifier cannot hold becomes an underscore (`docs/spec/trace-output.md`, 12.9).
    ///
    /// The real session daemon replaces only `.`, `$` and `:`, and only in the names of enumerations and variants;
    /// with other names it writes metadata that no reader accepts.
    pub fn recorded(name: &str, ty: impl Into<Type>) -> Field {
        Field { name: recorded_identifier(name), ty: ty.into() }
    }

    /// The name to show: the identifier without its first underscore.
    pub fn display_name(&self) -> &str {
        self.name.strip_prefix('_').filter(|name| !name.is_empty()).unwrap_or(&self.name)
    }
}

/// The identifier for what a tracer calls `name`; labels of a variant's tag need the same treatment as its options.
pub fn recorded_identifier(name: &str) -> String {
    let mut identifier = String::with_capacity(name.len() + 1);
    identifier.push('_');
    if name.is_empty() {
        // A lone underscore would be shown as it is.
        identifier.push('_');
    }
    identifier.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
    identifier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_values_follow_the_mapping_before() {
        let ty = Enumeration {
            container: Integer::signed(32, 8, ByteOrder::Little),
            mappings: vec![
                Mapping::automatic("ZERO"),
                Mapping::range("RANGE", 5, 9),
                Mapping::automatic("TEN"),
                Mapping::value("NEG", -3),
                Mapping::automatic("AFTER"),
            ],
        };
        let ranges: Vec<_> = ty.ranges().collect();
        assert_eq!(
            ranges,
            [("ZERO", 0, 0), ("RANGE", 5, 9), ("TEN", 10, 10), ("NEG", -3, -3), ("AFTER", -2, -2)]
        );
        assert_eq!(ty.label_of(7), Some("RANGE"));
        assert_eq!(ty.label_of(4), None);
    }

    #[test]
    fn recorded_names_become_identifiers() {
        let tag = Field::recorded("$app.myprov:myctx_tag", Type::String(Encoding::Utf8));
        assert_eq!(tag.name, "__app_myprov_myctx_tag");
        assert_eq!(tag.display_name(), "_app_myprov_myctx_tag");
        assert_eq!(recorded_identifier(""), recorded_identifier("_"));
        assert_eq!(FieldRef::recorded("_seq_length").to_string(), "__seq_length");
    }

    #[test]
    fn a_structure_aligns_as_its_strictest_field() {
        let wide = Structure::of(vec![
            Field::new("a", Integer::unsigned(8, 8, ByteOrder::Little)),
            Field::new("b", Type::array(Integer::unsigned(64, 64, ByteOrder::Little), 0)),
        ]);
        assert_eq!(wide.alignment_bits(), 64);
        assert_eq!(Structure::default().alignment_bits(), 1);
    }
}
