//! The contexts and the payload of one event in a line: `path="/index" status=200 kind=GET(1) sizes=[1, 2]`.

use std::fmt::Write as _;

use rttng_ctf::Base;
use rttng_ctf::decode::{IntegerForm, Layout, Node, NodeId, NodeKind, Visit};
use rttng_ctf::read::{Event, ReadError};
use rttng_ctf::types::Scope;

/// Contexts that a table has columns of its own for.
const IN_COLUMNS: [&str; 5] = ["vpid", "pid", "vtid", "tid", "procname"];

/// Longer texts are cut.
const MAX_BYTES: usize = 400;

/// The line of an event; what is longer than a table shows is cut.
pub(super) fn text_of(event: &mut Event<'_>) -> Result<String, ReadError> {
    let scopes = [Scope::StreamEventContext, Scope::EventContext, Scope::EventFields];
    let (trace, stream, class) = (event.trace(), event.stream_class_number(), event.class_number());
    let layouts = scopes.map(|scope| (scope, trace.layout(stream, class, scope)));
    let mut text = FieldsText { layouts, current: None, is_context: false, out: String::new(), depth: 0 };
    event.show(&mut text)?;
    let mut out = text.out;
    if out.len() > MAX_BYTES {
        let end = (0..=MAX_BYTES).rev().find(|at| out.is_char_boundary(*at)).unwrap_or(0);
        out.truncate(end);
        out.push('…');
    }
    Ok(out)
}

struct FieldsText<'a> {
    layouts: [(Scope, Option<&'a Layout>); 3],
    current: Option<&'a Layout>,
    is_context: bool,
    out: String,
    depth: usize,
}

impl<'a> FieldsText<'a> {
    fn before(&mut self, node: NodeId) -> Option<&'a Node> {
        if self.out.len() > MAX_BYTES {
            return None;
        }
        let layout = self.current?;
        let node = layout.nodes().get(node as usize)?;
        if self.is_context && IN_COLUMNS.contains(&node.name.as_str()) {
            return None;
        }
        let parent = node.parent.and_then(|parent| layout.nodes().get(parent as usize));
        if let Some(NodeKind::Structure) = parent.map(|parent| &parent.kind) {
            let is_inner = self.depth > 1;
            if !self.out.is_empty() && !self.out.ends_with('{') {
                self.out.push_str(if is_inner { ", " } else { " " });
            }
            let _ = write!(self.out, "{}=", node.name);
        }
        Some(node)
    }

    fn integer(&mut self, form: IntegerForm, bits: u64) {
        let masked = if form.size_bits >= 64 { bits } else { bits & ((1 << form.size_bits) - 1) };
        // Writing to a string cannot fail.
        let _ = match form.base {
            Base::Decimal if form.signed => write!(self.out, "{}", bits as i64),
            Base::Decimal => write!(self.out, "{bits}"),
            Base::Hexadecimal => write!(self.out, "{masked:#x}"),
            Base::Octal => write!(self.out, "0{masked:o}"),
            Base::Binary => write!(self.out, "{masked:#b}"),
        };
    }

    fn number(&mut self, node: NodeId, bits: u64) {
        match self.before(node).map(|node| &node.kind) {
            Some(NodeKind::Integer(form)) => self.integer(*form, bits),
            Some(NodeKind::Enumeration(form, labels)) => {
                let value = if form.signed { i128::from(bits as i64) } else { i128::from(bits) };
                let labels: Vec<&str> = labels.covering(value).collect();
                self.out.push_str(&labels.join("|"));
                let _ = write!(self.out, "({value})");
            }
            _ => {}
        }
    }

    fn brace(&mut self, kind: Option<&NodeKind>, braces: [char; 2], at: usize) {
        // Scopes, variants and what is too long have none.
        if self.depth > 0 && self.out.len() <= MAX_BYTES {
            match kind {
                Some(NodeKind::Structure) => self.out.push(braces[at]),
                Some(NodeKind::Array) => self.out.push(['[', ']'][at]),
                _ => {}
            }
        }
    }
}

impl Visit for FieldsText<'_> {
    fn scope(&mut self, scope: Scope) {
        let layout = self.layouts.iter().find(|(other, _)| *other == scope);
        self.current = layout.and_then(|(_, layout)| *layout);
        self.is_context = scope == Scope::StreamEventContext;
        self.depth = 0;
    }

    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.number(node, value);
    }

    fn signed(&mut self, node: NodeId, value: i64) {
        self.number(node, value as u64);
    }

    fn float(&mut self, node: NodeId, value: f64) {
        if self.before(node).is_some() {
            let _ = write!(self.out, "{value}");
        }
    }

    fn text(&mut self, node: NodeId, text: &[u8]) {
        if self.before(node).is_some() {
            let text = String::from_utf8_lossy(&text[..text.len().min(MAX_BYTES)]);
            let _ = write!(self.out, "{text:?}");
        }
    }

    fn begin(&mut self, node: NodeId) {
        let kind = self.before(node).map(|node| &node.kind);
        self.brace(kind, ['{', '}'], 0);
        self.depth += 1;
    }

    fn end(&mut self, node: NodeId) {
        self.depth = self.depth.saturating_sub(1);
        let kind = self.current.and_then(|layout| layout.nodes().get(node as usize)).map(|node| &node.kind);
        self.brace(kind, ['{', '}'], 1);
    }

    fn element(&mut self, _: NodeId, index: u64) {
        if index > 0 && self.out.len() <= MAX_BYTES {
            self.out.push_str(", ");
        }
    }
}
