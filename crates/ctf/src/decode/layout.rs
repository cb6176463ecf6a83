//! What there is to see in an event, and who looks at it: the nodes of a scope, and the visitor that is shown their
//! values.
//!
//! The nodes of one scope are numbered from 0 (the scope's own structure), parents before what they hold. A visitor
//! works out once what it does with each node (the text before it, a column, a place in a filter), keeps that in a
//! table by [`NodeId`], and does a look-up per value.

use crate::types::{Base, Enumeration, Field, Scope, Type};

/// Number of a node in its scope's [`Layout`].
pub type NodeId = u32;

/// A structure, field, element or option of one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The name to show, without LTTng's underscore; empty for elements of arrays and for the scope itself.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// What it is in. Nothing for the scope itself.
    pub parent: Option<NodeId>,
    /// Whether it is the first field of its structure.
    pub is_first: bool,
}

/// What a node is, and with it how its value comes: see [`Visit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// An integer.
    Integer(IntegerForm),
    /// A floating point number of 32 or 64 bits.
    Float,
    /// An integer with labels.
    Enumeration(IntegerForm, Labels),
    /// Text.
    Text,
    /// Elements; the node after this one is their type.
    Array,
    /// Fields.
    Structure,
    /// One of several options, which are the nodes that have this one as their parent.
    Variant,
    /// CTF 2: true or false.
    Boolean,
    /// CTF 2: that many bits, some of which may have names.
    Bits {
        /// How many.
        size_bits: u32,
        /// Names for ranges of bits, bit 0 being the least significant one.
        flags: Labels,
    },
    /// CTF 2: bytes of that media type.
    Blob {
        /// The IANA media type.
        media_type: String,
    },
    /// CTF 2: a field that is there or not; the node after this one is its type.
    Optional,
}

/// How an integer wants to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntegerForm {
    /// Its width.
    pub size_bits: u32,
    /// Two's complement if true.
    pub signed: bool,
    /// The base.
    pub base: Base,
}

/// Each label of an enumeration once, in the order of first declaration, with its ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    labels: Vec<(String, Vec<(i128, i128)>)>,
}

impl Labels {
    pub(crate) fn of(enumeration: &Enumeration) -> Labels {
        Labels::of_ranges(enumeration.ranges())
    }

    fn of_ranges<'l>(ranges: impl Iterator<Item = (&'l str, i128, i128)>) -> Labels {
        let mut labels: Vec<(String, Vec<(i128, i128)>)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for (label, first, last) in ranges {
            let place = *places.entry(label).or_insert_with(|| {
                labels.push((label.to_owned(), Vec::new()));
                labels.len() - 1
            });
            labels[place].1.push((first, last));
        }
        Labels { labels }
    }

    /// All labels that cover a value, in the order of declaration.
    pub fn covering(&self, value: i128) -> impl Iterator<Item = &str> {
        let covers = move |ranges: &[(i128, i128)]| ranges.iter().any(|(a, b)| (*a..=*b).contains(&value));
        self.labels.iter().filter(move |(_, ranges)| covers(ranges)).map(|(label, _)| label.as_str())
    }

    /// All names of bits of which one at least is set, in the order of declaration.
    pub fn active(&self, bits: u64) -> impl Iterator<Item = &str> {
        let is_set = move |ranges: &[(i128, i128)]| {
            (0..64i128)
                .filter(|bit| bits >> bit & 1 == 1)
                .any(|bit| ranges.iter().any(|(a, b)| (*a..=*b).contains(&bit)))
        };
        self.labels.iter().filter(move |(_, ranges)| is_set(ranges)).map(|(label, _)| label.as_str())
    }

    /// The labels with their ranges, both ends included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[(i128, i128)])> {
        self.labels.iter().map(|(label, ranges)| (label.as_str(), ranges.as_slice()))
    }
}

/// The nodes of one scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    pub(crate) nodes: Vec<Node>,
}

impl Layout {
    /// All nodes, by number.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The field of that name directly in the scope.
    pub fn field(&self, name: &str) -> Option<NodeId> {
        let found = self.nodes.iter().position(|node| node.parent == Some(0) && node.name == name)?;
        Some(found as NodeId)
    }

    pub(crate) fn add(
        &mut self,
        name: &str,
        kind: NodeKind,
        parent: Option<NodeId>,
        is_first: bool,
    ) -> NodeId {
        self.nodes.push(Node { name: name.to_owned(), kind, parent, is_first });
        (self.nodes.len() - 1) as NodeId
    }
}

/// Is shown the values of an event's scopes, in the order of the metadata.
///
/// Structures, arrays, variants and optional fields come as [`begin`](Visit::begin), what is in them, [`end`](Visit::end); before each
/// element of an array comes [`element`](Visit::element). Nothing is shown twice, and an event that is shown at all
/// is shown to its end.
pub trait Visit {
    /// What follows is in that scope.
    fn scope(&mut self, scope: Scope);
    /// An unsigned integer or enumeration.
    fn unsigned(&mut self, node: NodeId, value: u64);
    /// A signed integer or enumeration.
    fn signed(&mut self, node: NodeId, value: i64);
    /// A floating point number; a single one is widened.
    fn float(&mut self, node: NodeId, value: f64);
    /// Text without its NUL: not necessarily UTF-8.
    fn text(&mut self, node: NodeId, text: &[u8]);
    /// A boolean (CTF 2). Who makes no difference is shown 0 or 1.
    fn boolean(&mut self, node: NodeId, value: bool) {
        self.unsigned(node, value.into());
    }
    /// Bits (CTF 2), the first being the least significant one. Who makes no difference is shown an integer.
    fn bits(&mut self, node: NodeId, value: u64) {
        self.unsigned(node, value);
    }
    /// Bytes of some kind (CTF 2). Who makes no difference is shown text.
    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        self.text(node, bytes);
    }
    /// The start of a structure, array or variant.
    fn begin(&mut self, node: NodeId);
    /// The end of what was begun last.
    fn end(&mut self, node: NodeId);
    /// The next element of the array `node`, from 0.
    fn element(&mut self, node: NodeId, index: u64);
}

/// The kind of node that a type becomes.
pub(crate) fn kind_of(ty: &Type) -> NodeKind {
    let form = |integer: &crate::types::Integer| IntegerForm {
        size_bits: integer.size_bits,
        signed: integer.signed,
        base: integer.base,
    };
    match ty {
        Type::Integer(integer) => NodeKind::Integer(form(integer)),
        Type::Float(_) => NodeKind::Float,
        Type::Enumeration(enumeration) => {
            NodeKind::Enumeration(form(&enumeration.container), Labels::of(enumeration))
        }
        Type::String(_) => NodeKind::Text,
        Type::Array(array) if is_text(&array.element) => NodeKind::Text,
        Type::Sequence(sequence) if is_text(&sequence.element) => NodeKind::Text,
        Type::Array(_) | Type::Sequence(_) => NodeKind::Array,
        Type::Structure(_) => NodeKind::Structure,
        Type::Variant(_) | Type::Choice(_) => NodeKind::Variant,
        Type::BitArray(bits) => NodeKind::Bits {
            size_bits: bits.container.size_bits,
            flags: Labels::of_ranges(crate::types::ranges(&bits.flags)),
        },
        Type::Boolean(_) => NodeKind::Boolean,
        Type::VariableInteger(integer) => {
            let form = IntegerForm { size_bits: 64, signed: integer.signed, base: integer.base };
            if integer.mappings.is_empty() {
                return NodeKind::Integer(form);
            }
            NodeKind::Enumeration(form, Labels::of_ranges(crate::types::ranges(&integer.mappings)))
        }
        Type::Text(_) => NodeKind::Text,
        Type::Blob(blob) => NodeKind::Blob { media_type: blob.media_type.clone() },
        Type::Optional(_) => NodeKind::Optional,
        Type::Reversed(inner) => kind_of(inner),
    }
}

/// Whether an array of it is text. That of an enumeration of characters is text to babeltrace2 as well.
pub(crate) fn is_text(element: &Type) -> bool {
    let (Type::Integer(integer) | Type::Enumeration(Enumeration { container: integer, .. })) = element else {
        return false;
    };
    integer.is_character() && integer.alignment_bits == 8
}

/// The name that readers show for a field: one underscore less, as babeltrace2 has it (also for `_` alone).
pub(crate) fn shown_name(field: &Field) -> &str {
    field.name.strip_prefix('_').unwrap_or(&field.name)
}
