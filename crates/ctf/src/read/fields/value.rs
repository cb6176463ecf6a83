//! Values of fields, and how to go into those that have others in them.

use std::fmt;

use super::path::Hop;
use super::tape::{Item, Tape};
use crate::decode::{Labels, Layout, Node, NodeKind};

/// The value of a field, borrowed from the event that it is in.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum FieldValue<'e> {
    /// Of an unsigned integer.
    Unsigned(u64),
    /// Of a signed integer.
    Signed(i64),
    /// Of a floating point number; a smaller one is widened.
    Float(f64),
    /// Text without its NUL: not necessarily UTF-8 ([`FieldValue::as_str`]).
    Text(&'e [u8]),
    /// Of an integer with labels.
    Enumeration(EnumerationValue<'e>),
    /// Fields.
    Structure(StructureValue<'e>),
    /// Elements.
    Array(ArrayValue<'e>),
    /// One of several options.
    Variant(VariantValue<'e>),
    /// CTF 2: true or false.
    Boolean(bool),
    /// CTF 2: bits, some of which may have names.
    Bits(BitsValue<'e>),
    /// CTF 2: bytes of some media type.
    Blob(&'e [u8]),
    /// CTF 2: a field that is there or not.
    Optional(OptionalValue<'e>),
}

impl<'e> FieldValue<'e> {
    /// What is in it if it is a variant or an optional field, else itself. Nothing if that is not there.
    #[inline]
    pub fn inner(self) -> Option<FieldValue<'e>> {
        match self {
            FieldValue::Variant(variant) => variant.value().inner(),
            FieldValue::Optional(optional) => optional.value()?.inner(),
            other => Some(other),
        }
    }

    /// The number of an integer, enumeration or bits; for variants and optional fields, of what is in them.
    #[inline]
    pub fn as_integer(self) -> Option<i128> {
        Some(match self {
            FieldValue::Unsigned(value) => value.into(),
            FieldValue::Signed(value) => value.into(),
            FieldValue::Enumeration(value) => value.value(),
            FieldValue::Bits(value) => value.value().into(),
            FieldValue::Variant(_) | FieldValue::Optional(_) => return self.inner()?.as_integer(),
            _ => return None,
        })
    }

    /// The number of an integer that is not negative and not too large.
    #[inline]
    pub fn as_u64(self) -> Option<u64> {
        match self {
            FieldValue::Unsigned(value) => Some(value),
            _ => self.as_integer()?.try_into().ok(),
        }
    }

    /// The number of an integer that is not too large.
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            FieldValue::Signed(value) => Some(value),
            _ => self.as_integer()?.try_into().ok(),
        }
    }

    /// The value of a floating point number.
    #[inline]
    pub fn as_f64(self) -> Option<f64> {
        match self.inner()? {
            FieldValue::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self.inner()? {
            FieldValue::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes of a text or BLOB.
    #[inline]
    pub fn as_bytes(self) -> Option<&'e [u8]> {
        match self.inner()? {
            FieldValue::Text(bytes) | FieldValue::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A text, if it is UTF-8.
    #[inline]
    pub fn as_str(self) -> Option<&'e str> {
        match self.inner()? {
            FieldValue::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The fields of a structure.
    pub fn as_structure(self) -> Option<StructureValue<'e>> {
        match self.inner()? {
            FieldValue::Structure(structure) => Some(structure),
            _ => None,
        }
    }

    /// The elements of an array.
    pub fn as_array(self) -> Option<ArrayValue<'e>> {
        match self.inner()? {
            FieldValue::Array(array) => Some(array),
            _ => None,
        }
    }

    /// A field of a structure, or of the structure that a variant or an optional field has in it.
    pub fn field(self, name: &str) -> Option<FieldValue<'e>> {
        self.as_structure()?.field(name)
    }

    /// An element of an array, or of the array that a variant or an optional field has in it.
    pub fn element(self, index: usize) -> Option<FieldValue<'e>> {
        self.as_array()?.get(index)
    }

    /// What an integer of a node is.
    #[inline]
    pub(super) fn of_integer(node: &'e Node, value: FieldValue<'e>) -> FieldValue<'e> {
        match (&node.kind, value.as_integer()) {
            (NodeKind::Enumeration(_, labels), Some(value)) => {
                FieldValue::Enumeration(EnumerationValue { value, labels })
            }
            _ => value,
        }
    }
}

/// Integers in decimal, texts as they are (what is not UTF-8 replaced), structures and arrays in braces and brackets.
impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Unsigned(value) => write!(f, "{value}"),
            FieldValue::Signed(value) => write!(f, "{value}"),
            FieldValue::Float(value) => write!(f, "{value}"),
            FieldValue::Boolean(value) => write!(f, "{value}"),
            FieldValue::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
            FieldValue::Enumeration(value) => match value.label() {
                Some(label) => f.write_str(label),
                None => write!(f, "{}", value.value),
            },
            FieldValue::Bits(value) => write!(f, "{:#x}", value.value),
            FieldValue::Blob(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            FieldValue::Optional(optional) => match optional.value() {
                Some(value) => write!(f, "{value}"),
                None => f.write_str("none"),
            },
            FieldValue::Variant(variant) => write!(f, "{}", variant.value()),
            FieldValue::Structure(_) | FieldValue::Array(_) => write!(f, "{self:?}"),
        }
    }
}

impl fmt::Debug for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Text(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
            FieldValue::Structure(structure) => f.debug_map().entries(structure.fields()).finish(),
            FieldValue::Array(array) => f.debug_list().entries(array.iter()).finish(),
            FieldValue::Variant(variant) => f.debug_map().entry(&variant.option(), &variant.value()).finish(),
            FieldValue::Optional(optional) => write!(f, "{:?}", optional.value()),
            scalar => write!(f, "{scalar}"),
        }
    }
}

/// A place on a tape.
#[derive(Clone, Copy)]
pub(super) struct Spot<'e> {
    pub(super) tape: &'e Tape,
    pub(super) layout: &'e Layout,
    /// Where texts are borrowed from.
    pub(super) bytes: &'e [u8],
    pub(super) at: u32,
}

impl<'e> Spot<'e> {
    fn node(self) -> &'e Node {
        &self.layout.nodes()[self.tape.record(self.at).node as usize]
    }

    pub(super) fn moved(self, at: u32) -> Spot<'e> {
        Spot { at, ..self }
    }

    /// Where the things directly in it start, and where they end.
    fn inside(self) -> (u32, u32) {
        (self.at + 1, self.tape.record(self.at).next)
    }

    fn count(self) -> usize {
        match self.tape.record(self.at).item {
            Item::Group(count) => count as usize,
            _ => 0,
        }
    }

    /// The only thing in it, if there is one.
    fn only(self) -> Option<Spot<'e>> {
        let (start, end) = self.inside();
        (start < end).then(|| self.moved(start))
    }

    /// Where a step of a path leads.
    pub(super) fn hop(self, hop: Hop) -> Option<Spot<'e>> {
        match hop {
            Hop::Child(node) => self.tape.child(self.at, node).map(|at| self.moved(at)),
            Hop::Element(index) => self.element(index),
        }
    }

    fn element(self, index: usize) -> Option<Spot<'e>> {
        let count = self.count();
        if index >= count {
            return None;
        }
        let (at, end) = self.inside();
        // Where nothing is in an element, they lie one after the other.
        if (end - at) as usize == count {
            return Some(self.moved(at + index as u32));
        }
        let mut elements = Elements { spot: self.moved(at), end };
        (0..index).try_for_each(|_| elements.next_spot().map(drop))?;
        elements.next_spot()
    }

    pub(super) fn value(self) -> FieldValue<'e> {
        match self.tape.record(self.at).item {
            Item::Unsigned(value) => FieldValue::of_integer(self.node(), FieldValue::Unsigned(value)),
            Item::Signed(value) => FieldValue::of_integer(self.node(), FieldValue::Signed(value)),
            Item::Float(value) => FieldValue::Float(value),
            Item::Boolean(value) => FieldValue::Boolean(value),
            Item::Bits(value) => match &self.node().kind {
                NodeKind::Bits { flags, .. } => FieldValue::Bits(BitsValue { value, flags }),
                _ => FieldValue::Unsigned(value),
            },
            Item::Bytes { start, length } => self.bytes(&self.bytes[start as usize..][..length as usize]),
            Item::OwnBytes { start, length } => self.bytes(self.tape.own_bytes(start, length)),
            Item::Group(_) => match self.node().kind {
                NodeKind::Array => FieldValue::Array(ArrayValue(self)),
                NodeKind::Variant => FieldValue::Variant(VariantValue(self)),
                NodeKind::Optional => FieldValue::Optional(OptionalValue(self)),
                _ => FieldValue::Structure(StructureValue(self)),
            },
        }
    }

    fn bytes(self, bytes: &'e [u8]) -> FieldValue<'e> {
        match self.node().kind {
            NodeKind::Blob { .. } => FieldValue::Blob(bytes),
            _ => FieldValue::Text(bytes),
        }
    }
}

/// The value of an enumeration.
#[derive(Debug, Clone, Copy)]
pub struct EnumerationValue<'e> {
    value: i128,
    labels: &'e Labels,
}

impl<'e> EnumerationValue<'e> {
    /// The number.
    #[inline]
    pub fn value(self) -> i128 {
        self.value
    }

    /// The first label whose ranges have the number in them.
    pub fn label(self) -> Option<&'e str> {
        self.labels().next()
    }

    /// All labels whose ranges have the number in them, in the order of the metadata.
    pub fn labels(self) -> impl Iterator<Item = &'e str> {
        self.labels.covering(self.value)
    }
}

/// CTF 2: the value of a bit array or bit map.
#[derive(Debug, Clone, Copy)]
pub struct BitsValue<'e> {
    value: u64,
    flags: &'e Labels,
}

impl<'e> BitsValue<'e> {
    /// The bits, the first being the least significant one.
    pub fn value(self) -> u64 {
        self.value
    }

    /// The names of all bits that are set, in the order of the metadata.
    pub fn flags(self) -> impl Iterator<Item = &'e str> {
        self.flags.active(self.value)
    }
}

/// Fields, in the order of the metadata.
#[derive(Clone, Copy)]
pub struct StructureValue<'e>(Spot<'e>);

impl<'e> StructureValue<'e> {
    pub(super) fn new(spot: Spot<'e>) -> StructureValue<'e> {
        StructureValue(spot)
    }

    /// How many fields there are.
    pub fn len(self) -> usize {
        self.0.count()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The field of that name (without LTTng's underscore).
    pub fn field(self, name: &str) -> Option<FieldValue<'e>> {
        self.fields().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// All fields, with their names.
    pub fn fields(self) -> NamedValues<'e> {
        NamedValues(self.spots())
    }

    fn spots(self) -> Elements<'e> {
        let (at, end) = self.0.inside();
        Elements { spot: self.0.moved(at), end }
    }
}

impl fmt::Debug for StructureValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FieldValue::Structure(*self).fmt(f)
    }
}

/// Elements of an array or sequence.
#[derive(Clone, Copy)]
pub struct ArrayValue<'e>(Spot<'e>);

impl<'e> ArrayValue<'e> {
    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element of that index, from 0.
    pub fn get(self, index: usize) -> Option<FieldValue<'e>> {
        self.0.element(index).map(Spot::value)
    }

    /// One after the other.
    pub fn iter(self) -> Elements<'e> {
        let (at, end) = self.0.inside();
        Elements { spot: self.0.moved(at), end }
    }
}

impl<'e> IntoIterator for ArrayValue<'e> {
    type Item = FieldValue<'e>;
    type IntoIter = Elements<'e>;

    fn into_iter(self) -> Elements<'e> {
        self.iter()
    }
}

impl fmt::Debug for ArrayValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FieldValue::Array(*self).fmt(f)
    }
}

/// What was chosen of several options.
#[derive(Clone, Copy)]
pub struct VariantValue<'e>(Spot<'e>);

impl<'e> VariantValue<'e> {
    fn chosen(self) -> Spot<'e> {
        // A variant is never shown without an option.
        self.0.only().unwrap_or(self.0)
    }

    /// Name of the option.
    pub fn option(self) -> &'e str {
        &self.chosen().node().name
    }

    /// Its value.
    pub fn value(self) -> FieldValue<'e> {
        match self.0.only() {
            Some(chosen) => chosen.value(),
            None => FieldValue::Structure(StructureValue(self.0)),
        }
    }
}

impl fmt::Debug for VariantValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FieldValue::Variant(*self).fmt(f)
    }
}

/// CTF 2: a field that is there or not.
#[derive(Clone, Copy)]
pub struct OptionalValue<'e>(Spot<'e>);

impl<'e> OptionalValue<'e> {
    /// It, if it is there.
    pub fn value(self) -> Option<FieldValue<'e>> {
        self.0.only().map(Spot::value)
    }
}

impl fmt::Debug for OptionalValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FieldValue::Optional(*self).fmt(f)
    }
}

/// The elements of an array.
#[derive(Clone)]
pub struct Elements<'e> {
    spot: Spot<'e>,
    end: u32,
}

impl<'e> Elements<'e> {
    #[inline]
    fn next_spot(&mut self) -> Option<Spot<'e>> {
        let spot = self.spot;
        if spot.at >= self.end {
            return None;
        }
        self.spot.at = spot.tape.record(spot.at).next;
        Some(spot)
    }
}

impl<'e> Iterator for Elements<'e> {
    type Item = FieldValue<'e>;

    #[inline]
    fn next(&mut self) -> Option<FieldValue<'e>> {
        self.next_spot().map(Spot::value)
    }
}

impl fmt::Debug for Elements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The fields of a structure with their names.
#[derive(Clone)]
pub struct NamedValues<'e>(Elements<'e>);

impl<'e> Iterator for NamedValues<'e> {
    type Item = (&'e str, FieldValue<'e>);

    fn next(&mut self) -> Option<(&'e str, FieldValue<'e>)> {
        self.0.next_spot().map(|spot| (spot.node().name.as_str(), spot.value()))
    }
}

impl fmt::Debug for NamedValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}
