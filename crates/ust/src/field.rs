//! What an event's fields are: static descriptions that a macro writes as constants, and how they become the field
//! types of the protocol (`docs/spec/ust-protocol.md`, section 8).
//!
//! The protocol of LTTng 2.13 knows no structures, and only scalars as elements: structures become fields named
//! `outer_inner`, a value that may be absent becomes an enumeration `<name>_tag` and a variant.

use rttng_wire::ust as wire;

/// A named field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// A C identifier (letters, digits, `_`); anything else is made one, for trace readers refuse the whole trace.
    pub name: &'static str,
    /// Its type.
    pub ty: FieldType,
}

impl Field {
    /// A field of that name and type.
    pub const fn new(name: &'static str, ty: FieldType) -> Self {
        Field { name, ty }
    }
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// An integer.
    Integer(Integer),
    /// A floating-point number.
    Float(Float),
    /// UTF-8 text that ends with a NUL in the trace.
    Text,
    /// An integer whose values have labels.
    Enumeration(&'static Enumeration),
    /// So many elements.
    Array {
        /// What they are.
        element: Element,
        /// How many.
        length: u32,
    },
    /// As many elements as the value has.
    Sequence {
        /// What they are.
        element: Element,
        /// The integer in front that tells their number.
        length: Integer,
    },
    /// Fields of a field: each is recorded as `<field>_<field inside>`.
    Structure(&'static [Field]),
    /// A value that may be absent: an enumeration `<field>_tag` says whether it is, in front of it. Of a structure, each
    /// field may be; a sequence that is absent is empty.
    Optional(&'static FieldType),
}

/// How an integer is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Base {
    /// Base 2.
    Binary,
    /// Base 8.
    Octal,
    /// Base 10.
    #[default]
    Decimal,
    /// Base 16.
    Hexadecimal,
}

/// An integer of 8, 16, 32 or 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer {
    /// 8, 16, 32 or 64.
    pub size_bits: u32,
    /// Whether it is signed.
    pub signed: bool,
    /// How it is displayed.
    pub base: Base,
    /// Whether it is recorded in the order opposite to the machine's.
    pub reversed: bool,
}

impl Integer {
    /// An integer of the machine's byte order, displayed in base 10.
    pub const fn new(size_bits: u32, signed: bool) -> Self {
        Integer { size_bits, signed, base: Base::Decimal, reversed: false }
    }

    /// The same, displayed in another base.
    pub const fn base(self, base: Base) -> Self {
        Integer { base, ..self }
    }

    /// The same, recorded in network byte order.
    pub const fn network_order(self) -> Self {
        Integer { reversed: cfg!(target_endian = "little"), ..self }
    }
}

/// A floating-point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Float {
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

/// An element of an array or sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// An integer.
    Integer(Integer),
    /// A floating-point number.
    Float(Float),
    /// A byte of UTF-8 text: the whole array or sequence is text.
    Character,
}

/// Labels of an integer's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enumeration {
    /// Its name; traces show `<provider>_<name>`.
    pub name: &'static str,
    /// What holds the value.
    pub container: Integer,
    /// The labels.
    pub entries: &'static [EnumEntry],
}

/// A label and the values that it stands for, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumEntry {
    /// The label.
    pub label: &'static str,
    /// The first value; of a signed container if negative.
    pub start: i128,
    /// The last value.
    pub end: i128,
}

impl EnumEntry {
    /// The label of one value.
    pub const fn new(label: &'static str, value: i128) -> Self {
        EnumEntry { label, start: value, end: value }
    }

    /// The label of a range of values, the last included.
    pub const fn range(label: &'static str, start: i128, end: i128) -> Self {
        EnumEntry { label, start, end }
    }
}

/// `false` and `true`.
pub const BOOL: Enumeration = Enumeration {
    name: "bool",
    container: Integer::new(8, false),
    entries: &[EnumEntry::new("false", 0), EnumEntry::new("true", 1)],
};

/// What stands before a value that may be absent.
pub(crate) const PRESENCE: Enumeration = Enumeration {
    name: "option",
    container: Integer::new(8, false),
    // With the underscore that metadata puts before the names of the choices: readers look for the same text.
    entries: &[EnumEntry::new("_none", 0), EnumEntry::new("_some", 1)],
};

/// Whether this architecture's tracers write fields without padding between them (`docs/spec/ring-buffer.md`, 14).
pub(crate) const IS_PACKED: bool = cfg!(any(
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "powerpc",
    target_arch = "powerpc64"
));

/// What fields are called in traces: only C identifiers, or readers refuse the trace.
pub(crate) fn identifier(name: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
    name.strip_prefix("r#")
        .unwrap_or(name)
        .chars()
        .map(|character| if is_plain(character) { character } else { '_' })
        .collect()
}

impl FieldType {
    /// How many single values it is for filters and captures: one, but for structures.
    pub const fn leaf_count(&self) -> u32 {
        match self {
            FieldType::Structure(fields) => {
                let mut count = 0;
                let mut at = 0;
                while at < fields.len() {
                    count += fields[at].ty.leaf_count();
                    at += 1;
                }
                count
            }
            FieldType::Optional(inner) => inner.leaf_count(),
            _ => 1,
        }
    }
}

/// Calls `found` with the name and type of each field of the trace: no structures, and optional values of neither those
/// nor others.
pub(crate) fn leaves(fields: &'static [Field], found: &mut impl FnMut(String, FieldType)) {
    fn walk(name: String, ty: &'static FieldType, optional: bool, found: &mut impl FnMut(String, FieldType)) {
        match ty {
            FieldType::Structure(fields) => {
                for field in *fields {
                    walk(format!("{name}_{}", identifier(field.name)), &field.ty, optional, found);
                }
            }
            FieldType::Optional(inner) => walk(name, inner, true, found),
            ty if optional => found(name, FieldType::Optional(ty)),
            ty => found(name, *ty),
        }
    }
    for field in fields {
        walk(identifier(field.name), &field.ty, false, found);
    }
}

/// The enumerations that fields use, each once.
pub(crate) fn enumerations(fields: &'static [Field]) -> Vec<&'static Enumeration> {
    let mut all: Vec<&'static Enumeration> = Vec::new();
    let mut add = |of: &'static Enumeration| {
        if !all.contains(&of) {
            all.push(of);
        }
    };
    leaves(fields, &mut |_, ty| match ty {
        FieldType::Enumeration(of) => add(of),
        FieldType::Optional(inner) => {
            add(&PRESENCE);
            if let FieldType::Enumeration(of) = inner {
                add(of);
            }
        }
        _ => {}
    });
    all
}

impl Enumeration {
    /// What it is called in a trace.
    pub(crate) fn trace_name(&self, provider: &str) -> String {
        format!("{provider}_{}", identifier(self.name))
    }

    /// Its labels, for the session daemon.
    pub(crate) fn to_wire(self) -> Vec<wire::EnumEntry> {
        let value = |value: i128| match self.container.signed {
            true => wire::EnumValue::Signed(value as i64),
            false => wire::EnumValue::Unsigned(value as u64),
        };
        let entry = |entry: &EnumEntry| wire::EnumEntry {
            label: entry.label.to_owned(),
            values: wire::EnumRange::Values { start: value(entry.start), end: value(entry.end) },
        };
        self.entries.iter().map(entry).collect()
    }
}

impl Integer {
    fn to_wire_as(self, encoding: wire::Encoding) -> wire::Integer {
        wire::Integer {
            size_bits: self.size_bits,
            alignment_bits: if IS_PACKED { 8 } else { self.size_bits as u16 },
            signed: self.signed,
            byte_order: if self.reversed { wire::ByteOrder::Reversed } else { wire::ByteOrder::Native },
            base: match self.base {
                Base::Binary => wire::Base::Binary,
                Base::Octal => wire::Base::Octal,
                Base::Decimal => wire::Base::Decimal,
                Base::Hexadecimal => wire::Base::Hexadecimal,
            },
            encoding,
        }
    }

    /// As the protocol describes it.
    pub(crate) fn to_wire(self) -> wire::Integer {
        self.to_wire_as(wire::Encoding::None)
    }
}

impl Float {
    pub(crate) fn to_wire(self) -> wire::Float {
        let (exponent_digits, mantissa_digits, size) = match self {
            Float::F32 => (8, 24, 32),
            Float::F64 => (11, 53, 64),
        };
        wire::Float {
            exponent_digits,
            mantissa_digits,
            byte_order: wire::ByteOrder::Native,
            alignment_bits: if IS_PACKED { 8 } else { size },
        }
    }
}

impl Element {
    fn to_wire(self) -> Box<wire::FieldType> {
        Box::new(match self {
            Element::Integer(integer) => wire::FieldType::Integer(integer.to_wire()),
            Element::Float(float) => wire::FieldType::Float(float.to_wire()),
            Element::Character => {
                let byte = Integer::new(8, true).to_wire_as(wire::Encoding::Utf8);
                wire::FieldType::Integer(byte)
            }
        })
    }
}

/// The fields as the session daemon is told of them. `id_of` gives what it answered to an enumeration's registration.
pub(crate) fn to_wire(
    provider: &str,
    fields: &'static [Field],
    id_of: &dyn Fn(&'static Enumeration) -> Option<wire::EnumId>,
) -> Vec<wire::Field> {
    let mut all = Vec::new();
    leaves(fields, &mut |name, ty| add_wire(provider, name, ty, id_of, &mut all));
    all
}

fn add_wire(
    provider: &str,
    name: String,
    ty: FieldType,
    id_of: &dyn Fn(&'static Enumeration) -> Option<wire::EnumId>,
    all: &mut Vec<wire::Field>,
) {
    let enumeration = |of: &'static Enumeration| {
        wire::FieldType::Enumeration(wire::Enumeration {
            name: of.trace_name(provider),
            id: id_of(of),
            container: of.container.to_wire(),
        })
    };
    let ty = match ty {
        FieldType::Integer(integer) => wire::FieldType::Integer(integer.to_wire()),
        FieldType::Float(float) => wire::FieldType::Float(float.to_wire()),
        FieldType::Text => wire::FieldType::String(wire::Encoding::Utf8),
        FieldType::Enumeration(of) => enumeration(of),
        FieldType::Array { element, length } => {
            wire::FieldType::Array(wire::Array { element: element.to_wire(), length, alignment_bits: 0 })
        }
        FieldType::Sequence { element, length } => {
            let length_name = format!("_{name}_length");
            let length = wire::FieldType::Integer(length.to_wire());
            all.push(wire::Field { name: length_name.clone(), ty: length });
            let element = element.to_wire();
            wire::FieldType::Sequence(wire::Sequence { element, length_name, alignment_bits: 0 })
        }
        // `leaves` resolved them.
        FieldType::Structure(_) => return,
        FieldType::Optional(inner) => {
            let tag_name = format!("{name}_tag");
            all.push(wire::Field { name: tag_name.clone(), ty: enumeration(&PRESENCE) });
            // Its length is a field before it, which a variant has no place for.
            if let FieldType::Sequence { .. } = inner {
                return add_wire(provider, name, *inner, id_of, all);
            }
            let nothing = wire::Structure { fields: Vec::new(), alignment_bits: 0 };
            let mut choices =
                vec![wire::Field { name: "none".into(), ty: wire::FieldType::Structure(nothing) }];
            add_wire(provider, "some".into(), *inner, id_of, &mut choices);
            wire::FieldType::Variant(wire::Variant { tag_name, choices, alignment_bits: 0 })
        }
    };
    all.push(wire::Field { name, ty });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_and_sequences_become_fields_of_their_own() {
        const INNER: &[Field] =
            &[Field::new("path", FieldType::Text), Field::new("r#type", FieldType::Enumeration(&BOOL))];
        const FIELDS: &[Field] = &[
            Field::new("id", FieldType::Integer(Integer::new(32, false).base(Base::Hexadecimal))),
            Field::new("request", FieldType::Structure(INNER)),
            Field::new(
                "bytes",
                FieldType::Sequence {
                    element: Element::Integer(Integer::new(8, false)),
                    length: Integer::new(32, false),
                },
            ),
            Field::new("who", FieldType::Optional(&FieldType::Text)),
        ];
        let of = to_wire("app", FIELDS, &|_| Some(wire::EnumId(3)));
        let names: Vec<&str> = of.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["id", "request_path", "request_type", "_bytes_length", "bytes", "who_tag", "who"]);
        let wire::FieldType::Enumeration(enumeration) = &of[2].ty else { panic!("{:?}", of[2]) };
        assert_eq!((enumeration.name.as_str(), enumeration.id), ("app_bool", Some(wire::EnumId(3))));
        assert_eq!(enumerations(FIELDS), [&BOOL, &PRESENCE]);
        // All of it can be said to the session daemon.
        for dialect in [wire::Dialect::Abi9, wire::Dialect::Abi8 { minor: 1 }] {
            let bytes = dialect.encode_fields(&of).unwrap();
            assert_eq!(dialect.decode_fields(&bytes).unwrap().len(), 7, "{dialect:?}");
        }
    }
}
