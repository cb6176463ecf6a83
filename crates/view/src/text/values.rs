//! The values of one scope: what stands before each, and how it is written.

use rttng_ctf::decode::{IntegerForm, Labels, Layout, Node, NodeId, NodeKind, Visit};
use rttng_ctf::types::Scope;
use rttng_ctf::{Base, Version};

use super::color::Colors;
use crate::number::{binary, decimal, general, hexadecimal, octal, signed_decimal};
use crate::out::{BLOCK, Literal, Out, put_plain};

/// How the values of one node are written.
#[derive(Debug)]
pub(crate) struct NodeText {
    /// What separates it from what stands before, and its name.
    before: Literal,
    form: Form,
    /// Whether what stands before it, and its brace, are put in with its first field.
    is_put_later: bool,
}

#[derive(Debug)]
enum Form {
    /// An integer in base 10.
    Decimal,
    /// An integer in another base.
    Other(IntegerForm),
    Enumeration(IntegerForm, Labels),
    /// The same in a trace of CTF 2: several labels are in braces, as babeltrace2 2.1 has it.
    Mapped(IntegerForm, Labels),
    /// Bits with their names.
    Bits(Labels),
    /// What is there or not.
    Optional,
    /// Not a number.
    Bare,
    /// A structure or variant.
    Braces,
    /// An array, whose elements are numbered or not.
    Brackets {
        numbered: bool,
    },
}

/// The table of one scope.
#[derive(Debug, Default)]
pub(crate) struct ScopeText {
    /// The scope's own name, if it is wanted.
    pub(crate) name: Option<Literal>,
    nodes: Vec<NodeText>,
}

impl ScopeText {
    pub(crate) fn new(
        scope: Scope,
        layout: &Layout,
        version: Version,
        named: bool,
        scope_named: bool,
        colors: Colors,
    ) -> ScopeText {
        let kinds: Vec<&NodeKind> = layout.nodes().iter().map(|node| &node.kind).collect();
        let mut befores: Vec<String> = Vec::with_capacity(kinds.len());
        let mut is_put_later = vec![false; kinds.len()];
        for (at, node) in layout.nodes().iter().enumerate() {
            let own = before(node, node.parent.map(|parent| kinds[parent as usize]), named, colors);
            // Of all that is begun at once, one text is made.
            let parent = node.parent.map(|parent| parent as usize).filter(|_| node.is_first && at > 0);
            let around = match parent {
                Some(parent) if matches!(kinds[parent], NodeKind::Structure) => {
                    is_put_later[parent] = true;
                    std::mem::take(&mut befores[parent]) + "{"
                }
                _ => String::new(),
            };
            befores.push(around + &own);
        }
        let texts = layout.nodes().iter().zip(befores).zip(is_put_later);
        let nodes = texts.map(|((node, before), is_put_later)| NodeText {
            before: Literal::new(before),
            form: Form::of(&node.kind, version, named),
            is_put_later,
        });
        let nodes = nodes.collect();
        let name = scope_named
            .then(|| Literal::new(format!("{}{}{} = ", colors.header, scope.path(), colors.reset)));
        ScopeText { name, nodes }
    }
}

/// What stands before a value.
fn before(node: &Node, parent: Option<&NodeKind>, named: bool, colors: Colors) -> String {
    let value = match node.kind {
        NodeKind::Integer(_)
        | NodeKind::Float
        | NodeKind::Text
        | NodeKind::Boolean
        | NodeKind::Bits { .. } => colors.value,
        _ => "",
    };
    let Colors { name: of_name, reset, .. } = colors;
    match parent {
        Some(NodeKind::Structure) => {
            let separator = if node.is_first { " " } else { ", " };
            if named {
                format!("{separator}{of_name}{}{reset} = {value}", node.name)
            } else {
                format!("{separator}{value}")
            }
        }
        Some(NodeKind::Variant | NodeKind::Optional) => format!(" {value}"),
        _ => value.to_owned(),
    }
}

impl Form {
    fn of(kind: &NodeKind, version: Version, named: bool) -> Form {
        match kind {
            NodeKind::Integer(IntegerForm { base: Base::Decimal, .. }) => Form::Decimal,
            NodeKind::Integer(form) => Form::Other(*form),
            NodeKind::Enumeration(form, labels) if version == Version::Ctf2 => {
                Form::Mapped(*form, labels.clone())
            }
            NodeKind::Enumeration(form, labels) => Form::Enumeration(*form, labels.clone()),
            NodeKind::Float | NodeKind::Text | NodeKind::Boolean | NodeKind::Blob { .. } => Form::Bare,
            NodeKind::Bits { flags, .. } => Form::Bits(flags.clone()),
            NodeKind::Optional => Form::Optional,
            NodeKind::Structure | NodeKind::Variant => Form::Braces,
            NodeKind::Array => Form::Brackets { numbered: named },
        }
    }
}

/// Writes the values that it is shown.
pub(crate) struct ValueText<'a> {
    pub(crate) out: &'a mut Out,
    pub(crate) colors: Colors,
    /// The tables of the scopes that may come, and what separates scopes.
    pub(crate) scopes: &'a EventScopes,
    /// What stands before the next scope.
    pub(crate) separator: &'static [u8],
    pub(crate) table: &'a ScopeText,
}

/// The tables of the scopes of one kind of event.
#[derive(Debug, Default)]
pub(crate) struct EventScopes {
    pub(crate) stream: std::rc::Rc<ScopeText>,
    pub(crate) context: ScopeText,
    pub(crate) fields: ScopeText,
    pub(crate) packet: std::rc::Rc<ScopeText>,
}

impl ValueText<'_> {
    #[inline]
    fn close(&mut self) {
        if !self.colors.reset.is_empty() {
            self.out.put(self.colors.reset.as_bytes());
        }
    }

    /// An integer that is not a plain decimal one; `sign_extended` are its bits.
    #[cold]
    fn other(&mut self, node: &NodeText, sign_extended: u64) {
        match &node.form {
            Form::Other(form) => {
                integer(self.out, *form, sign_extended);
                self.close();
            }
            Form::Enumeration(form, labels) => self.enumeration(*form, labels, sign_extended, false),
            Form::Mapped(form, labels) => self.enumeration(*form, labels, sign_extended, true),
            _ => {}
        }
    }

    /// Labels with commas between. Whether there are any.
    fn labels<'l>(&mut self, labels: impl Iterator<Item = &'l str>) -> bool {
        let mut is_any = false;
        for label in labels {
            if is_any {
                self.out.put(b", ");
            }
            is_any = true;
            self.out.put(self.colors.value.as_bytes());
            quoted(self.out, label.as_bytes());
            self.close();
        }
        is_any
    }

    fn enumeration(&mut self, form: IntegerForm, labels: &Labels, bits: u64, in_braces: bool) {
        let value = if form.signed { i128::from(bits as i64) } else { i128::from(bits) };
        self.out.put(b"( ");
        let in_braces = in_braces && labels.covering(value).nth(1).is_some();
        if in_braces {
            self.out.put(b"{ ");
        }
        let is_known = self.labels(labels.covering(value));
        if in_braces {
            self.out.put(b" }");
        }
        if !is_known {
            self.out.put(self.colors.unknown.as_bytes());
            self.out.put(b"<unknown>");
            self.close();
        }
        self.out.put(b" : container = ");
        self.out.put(self.colors.value.as_bytes());
        integer(self.out, form, bits);
        self.close();
        self.out.put(b" )");
    }
}

/// An integer in its base. Signed ones in base 8 and 16 show as many bits as whole digits take.
fn integer(out: &mut Out, form: IntegerForm, bits: u64) {
    let masked = |digit_bits: u32| {
        let size = if form.signed { form.size_bits.next_multiple_of(digit_bits) } else { form.size_bits };
        if size >= 64 { bits } else { bits & ((1 << size) - 1) }
    };
    match form.base {
        Base::Decimal if form.signed => signed_decimal(out, bits as i64),
        Base::Decimal => decimal(out, bits),
        Base::Hexadecimal => hexadecimal(out, masked(4)),
        Base::Octal => octal(out, masked(3)),
        Base::Binary => binary(out, bits, form.size_bits),
    }
}

/// Bytes in quotes, with C's escapes for what is not to be printed. Bytes beyond ASCII are left as they are.
#[inline]
pub(crate) fn quoted(out: &mut Out, text: &[u8]) {
    out.put(b"\"");
    let mut rest = text;
    loop {
        rest = &rest[put_plain(out, rest, is_special)..];
        if rest.is_empty() {
            break;
        }
        let (block, after) = rest.split_at(rest.len().min(BLOCK));
        escaped(out, block);
        rest = after;
    }
    out.put(b"\"");
}

fn escaped(out: &mut Out, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| is_special(byte)) {
        out.put(&rest[..at]);
        escape(out, rest[at]);
        rest = &rest[at + 1..];
    }
    out.put(rest);
}

/// Whether a byte is not written as it is.
#[inline]
fn is_special(byte: u8) -> bool {
    (byte < 32) | (byte == 127) | (byte == b'"') | (byte == b'\'') | (byte == b'\\') | (byte == b'?')
}

fn escape(out: &mut Out, byte: u8) {
    let letter = match byte {
        0x07 => b'a',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0b => b'v',
        0x0c => b'f',
        b'\r' => b'r',
        0x1b => b'e',
        b'"' | b'\'' | b'\\' | b'?' => byte,
        _ => {
            let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            out.put(&[b'\\', b'x', hex(byte >> 4), hex(byte & 15)]);
            return;
        }
    };
    out.put(&[b'\\', letter]);
}

impl Visit for ValueText<'_> {
    #[inline]
    fn scope(&mut self, scope: Scope) {
        self.table = match scope {
            Scope::PacketContext => &self.scopes.packet,
            Scope::StreamEventContext => &self.scopes.stream,
            Scope::EventContext => &self.scopes.context,
            _ => &self.scopes.fields,
        };
        self.out.put(self.separator);
        self.separator = b", ";
        if let Some(name) = &self.table.name {
            self.out.literal(name);
        }
    }

    #[inline]
    fn unsigned(&mut self, node: NodeId, value: u64) {
        let node = &self.table.nodes[node as usize];
        self.out.literal(&node.before);
        if let Form::Decimal = node.form {
            decimal(self.out, value);
            self.close();
        } else {
            self.other(node, value);
        }
    }

    #[inline]
    fn signed(&mut self, node: NodeId, value: i64) {
        let node = &self.table.nodes[node as usize];
        self.out.literal(&node.before);
        if let Form::Decimal = node.form {
            signed_decimal(self.out, value);
            self.close();
        } else {
            self.other(node, value as u64);
        }
    }

    fn float(&mut self, node: NodeId, value: f64) {
        self.out.literal(&self.table.nodes[node as usize].before);
        general(self.out, value);
        self.close();
    }

    #[inline]
    fn text(&mut self, node: NodeId, text: &[u8]) {
        self.out.literal(&self.table.nodes[node as usize].before);
        quoted(self.out, text);
        self.close();
    }

    fn boolean(&mut self, node: NodeId, value: bool) {
        self.out.literal(&self.table.nodes[node as usize].before);
        self.out.put(if value { b"true" } else { b"false" });
        self.close();
    }

    fn bits(&mut self, node: NodeId, value: u64) {
        let node = &self.table.nodes[node as usize];
        self.out.literal(&node.before);
        hexadecimal(self.out, value);
        self.close();
        let Form::Bits(flags) = &node.form else { return };
        if flags.active(value).next().is_some() {
            self.out.put(b" { ");
            self.labels(flags.active(value));
            self.out.put(b" }");
        }
    }

    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        self.out.literal(&self.table.nodes[node as usize].before);
        self.out.put(b"{");
        for byte in bytes {
            let hex = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
            self.out.put(&[b' ', hex(byte >> 4), hex(byte & 15)]);
        }
        self.out.put(b" }");
    }

    #[inline]
    fn begin(&mut self, node: NodeId) {
        let node = &self.table.nodes[node as usize];
        if node.is_put_later {
            return;
        }
        self.out.literal(&node.before);
        self.out.put(if let Form::Brackets { .. } = node.form { b"[" } else { b"{" });
    }

    #[inline]
    fn end(&mut self, node: NodeId) {
        let form = &self.table.nodes[node as usize].form;
        // Whatever is there begins with a space.
        if let (Form::Optional, [.., b'{']) = (form, self.out.bytes()) {
            self.out.truncate(self.out.len() - 1);
            self.out.put(b"<none>");
            return;
        }
        self.out.put(if let Form::Brackets { .. } = form { b" ]" } else { b" }" });
    }

    #[inline]
    fn element(&mut self, node: NodeId, index: u64) {
        self.out.put(if index == 0 { b" " } else { b", " });
        if let Form::Brackets { numbered: true } = self.table.nodes[node as usize].form {
            self.out.put(b"[");
            decimal(self.out, index);
            self.out.put(b"] = ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &[u8]) -> Vec<u8> {
        let mut out = Out::with_capacity(0);
        quoted(&mut out, bytes);
        out.bytes().to_vec()
    }

    #[test]
    fn text_is_escaped_as_by_babeltrace() {
        assert_eq!(text(b"\x01\x07\x08\t\n\x0b\x0c\r\x1b\x1f\x7f"), br#""\x01\a\b\t\n\v\f\r\e\x1f\x7f""#);
        assert_eq!(text(b"a\"b'c\\d?e\xff"), b"\"a\\\"b\\'c\\\\d\\?e\xff\"");
    }

    proptest! {
        #[test]
        fn blocks_make_no_difference(bytes in prop::collection::vec(1u8.., 0..80)) {
            let mut each = vec![b'"'];
            for byte in &bytes {
                let one = text(&[*byte]);
                each.extend_from_slice(&one[1..one.len() - 1]);
            }
            each.push(b'"');
            prop_assert_eq!(text(&bytes), each);
        }
    }
}
