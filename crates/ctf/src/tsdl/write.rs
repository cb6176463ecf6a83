//! Field types as TSDL text, spaced and ordered as LTTng 2.13 writes them (`docs/spec/trace-output.md`, 12.9 and 16).
//!
//! Whole declarations (streams, events, user-space preambles) are put together elsewhere from these pieces.

use std::fmt::Write;

use crate::ctf2::{BitArray, Boolean};
use crate::types::{
    Array, ByteOrder, Encoding, Enumeration, Field, Float, Integer, MappingRange, Sequence, Structure, Type,
    Variant,
};

/// The words that are no identifiers.
const KEYWORDS: [&str; 28] = [
    "_Bool",
    "_Complex",
    "_Imaginary",
    "align",
    "callsite",
    "char",
    "clock",
    "const",
    "double",
    "enum",
    "env",
    "event",
    "float",
    "floating_point",
    "int",
    "integer",
    "long",
    "short",
    "signed",
    "stream",
    "string",
    "struct",
    "trace",
    "typealias",
    "typedef",
    "unsigned",
    "variant",
    "void",
];

/// Whether fields and the like can have this name.
pub(crate) fn is_identifier(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| is_word(c) && !c.is_ascii_digit())
        && name.chars().all(is_word)
        && !KEYWORDS.contains(&name)
}

/// Appends field types to TSDL text. What is in the byte order of the trace does not mention it.
pub(crate) struct TypeWriter<'a> {
    pub(crate) out: &'a mut String,
    /// The byte order that the metadata declares for the trace.
    pub(crate) native: ByteOrder,
}

impl TypeWriter<'_> {
    /// Appends one statement a field, `depth` tabs deep.
    pub(crate) fn fields(&mut self, fields: &[Field], depth: usize) {
        for field in fields {
            self.field(field, depth);
        }
    }

    fn field(&mut self, field: &Field, depth: usize) {
        let padding = match &field.ty {
            Type::Array(Array { min_alignment_bits, .. })
            | Type::Sequence(Sequence { min_alignment_bits, .. })
            | Type::Variant(Variant { min_alignment_bits, .. })
                if *min_alignment_bits > 1 =>
            {
                Some(*min_alignment_bits)
            }
            _ => None,
        };
        if let Some(bits) = padding {
            self.tabs(depth);
            put(self.out, format_args!("struct {{ }} align({bits}) {}_padding;\n", field.name));
        }
        self.tabs(depth);
        let (specifier, dimensions) = dimensions(&field.ty);
        self.specifier(specifier, depth);
        put(self.out, format_args!(" {}{dimensions};\n", field.name));
    }

    /// Appends a type as it stands before the name of a field.
    fn specifier(&mut self, ty: &Type, depth: usize) {
        match ty {
            Type::Integer(integer) => self.integer(integer),
            Type::Float(float) => self.float(float),
            Type::Enumeration(enumeration) => self.enumeration(enumeration, depth),
            Type::String(Encoding::Utf8) => self.out.push_str("string"),
            Type::String(encoding) => {
                put(self.out, format_args!("string {{ encoding = {}; }}", encoding.keyword()));
            }
            Type::Structure(structure) => self.structure(structure, depth),
            Type::Variant(variant) => self.variant(variant, depth),
            Type::BitArray(BitArray { container, .. }) | Type::Boolean(Boolean { container }) => {
                self.integer(container)
            }
            // What TSDL cannot say at all (see `write`).
            Type::VariableInteger(_)
            | Type::Text(_)
            | Type::Blob(_)
            | Type::Optional(_)
            | Type::Choice(_)
            | Type::Reversed(_) => self.out.push_str("struct { }"),
            Type::Array(_) | Type::Sequence(_) => unreachable!("dimensions() went down to the element"),
        }
    }

    fn integer(&mut self, integer: &Integer) {
        let Integer { size_bits, alignment_bits, signed, byte_order, base, encoding, clock } = integer;
        put(
            self.out,
            format_args!(
                "integer {{ size = {size_bits}; align = {alignment_bits}; signed = {}; encoding = {}; base = {};",
                u8::from(*signed),
                encoding.keyword(),
                base.radix(),
            ),
        );
        self.byte_order(*byte_order);
        if let Some(clock) = clock {
            put(self.out, format_args!(" map = clock.{clock}.value;"));
        }
        self.out.push_str(" }");
    }

    fn float(&mut self, float: &Float) {
        let Float { exponent_bits, mantissa_bits, alignment_bits, byte_order } = float;
        put(
            self.out,
            format_args!(
                "floating_point {{ exp_dig = {exponent_bits}; mant_dig = {mantissa_bits}; align = {alignment_bits};"
            ),
        );
        self.byte_order(*byte_order);
        self.out.push_str(" }");
    }

    fn byte_order(&mut self, order: ByteOrder) {
        if order != self.native {
            put(self.out, format_args!(" byte_order = {};", order.keyword()));
        }
    }

    fn enumeration(&mut self, enumeration: &Enumeration, depth: usize) {
        self.out.push_str("enum : ");
        self.integer(&enumeration.container);
        self.out.push_str(" {\n");
        for mapping in &enumeration.mappings {
            self.tabs(depth + 1);
            quoted(self.out, &mapping.label, Newline::Kept);
            match mapping.range {
                MappingRange::Automatic => {}
                MappingRange::Value(value) => put(self.out, format_args!(" = {value}")),
                MappingRange::Range(first, last) => put(self.out, format_args!(" = {first} ... {last}")),
            }
            self.out.push_str(",\n");
        }
        self.tabs(depth);
        self.out.push('}');
    }

    pub(crate) fn structure(&mut self, structure: &Structure, depth: usize) {
        if structure.fields.is_empty() {
            self.out.push_str("struct {}");
        } else {
            self.out.push_str("struct {\n");
            self.fields(&structure.fields, depth + 1);
            self.tabs(depth);
            self.out.push('}');
        }
        if structure.min_alignment_bits > 1 {
            put(self.out, format_args!(" align({})", structure.min_alignment_bits));
        }
    }

    fn variant(&mut self, variant: &Variant, depth: usize) {
        put(self.out, format_args!("variant <{}> {{\n", variant.tag));
        self.fields(&variant.options, depth + 1);
        self.tabs(depth);
        self.out.push('}');
    }

    fn tabs(&mut self, depth: usize) {
        self.out.extend(std::iter::repeat_n('\t', depth));
    }
}

/// The type that arrays and sequences are of, and the brackets that follow the name, outermost first as in C.
fn dimensions(ty: &Type) -> (&Type, String) {
    let mut brackets = String::new();
    let mut ty = ty;
    loop {
        match ty {
            Type::Array(array) => {
                put(&mut brackets, format_args!("[{}]", array.length));
                ty = &array.element;
            }
            Type::Sequence(sequence) => {
                put(&mut brackets, format_args!("[ {} ]", sequence.length));
                ty = &sequence.element;
            }
            _ => return (ty, brackets),
        }
    }
}

/// What becomes of line ends in quoted text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newline {
    /// Written as `\n`.
    Escaped,
    /// Left as they are: the real session daemon does not escape them in labels.
    Kept,
}

/// Appends `text` in double quotes.
pub(crate) fn quoted(out: &mut String, text: &str, newline: Newline) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' if newline == Newline::Escaped => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends formatted text; writing to a `String` cannot fail.
pub(crate) fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes all text");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::FieldRef;

    fn text_of(fields: Vec<Field>) -> String {
        let mut out = String::new();
        TypeWriter { out: &mut out, native: ByteOrder::Little }.fields(&fields, 2);
        out
    }

    /// Lines of tests/vectors/trace/per-uid/metadata.txt.
    #[test]
    fn integers_say_their_byte_order_only_when_it_is_not_that_of_the_trace() {
        let be = Integer::unsigned(32, 8, ByteOrder::Big).with_base(crate::Base::Hexadecimal);
        assert_eq!(
            text_of(vec![Field::recorded("nx32", be)]),
            "\t\tinteger { size = 32; align = 8; signed = 0; encoding = none; base = 16; byte_order = be; } _nx32;\n"
        );
    }

    #[test]
    fn a_wanted_alignment_is_a_padding_statement_before() {
        let mut array = Array {
            element: Box::new(Integer::unsigned(8, 8, ByteOrder::Little).into()),
            length: 3,
            min_alignment_bits: 32,
        };
        let text = text_of(vec![Field::recorded("a", array.clone())]);
        assert!(text.starts_with("\t\tstruct { } align(32) _a_padding;\n\t\tinteger {"), "{text}");
        array.min_alignment_bits = 0;
        assert!(text.ends_with(&text_of(vec![Field::recorded("a", array)])));
    }

    #[test]
    fn nested_types_go_one_tab_deeper() {
        let inner = Structure::of(vec![Field::recorded("s", Type::String(Encoding::Ascii))]);
        let fields =
            vec![Field::recorded("list", Type::sequence(Type::array(inner, 2), FieldRef::recorded("n")))];
        assert_eq!(
            text_of(fields),
            "\t\tstruct {\n\t\t\tstring { encoding = ASCII; } _s;\n\t\t} _list[ _n ][2];\n"
        );
    }
}
