//! The values of an event as the arguments that Perfetto shows (`DebugAnnotation`), and those among them that say who
//! the event is of, what it belongs to, and what it counts.

use std::collections::HashMap;

use rttng_ctf::decode::{Labels, Layout, NodeId, NodeKind, Visit};
use rttng_ctf::read::Trace;
use rttng_ctf::types::Scope;

use super::proto::{Open, Proto, annotation, event};

/// Longer texts are cut: they are for people.
const MAX_TEXT: usize = 16 << 10;

/// Most bytes of a BLOB that are shown.
const MAX_BLOB: usize = 1024;

/// Most bytes that the arguments of one event take.
const MAX_ARGS: usize = 16 << 20;

/// Longest name of a thread that is kept.
const MAX_NAME: usize = 64;

/// The scopes of an event, in their order.
pub(super) const SCOPES: [Scope; 3] = [Scope::StreamEventContext, Scope::EventContext, Scope::EventFields];

/// Names that are written once and then told by number.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, u64>,
    /// Those that are not written yet.
    pub(super) new: Vec<(u64, String)>,
}

impl Names {
    /// The number of a name, from 1.
    pub(super) fn number(&mut self, name: &str) -> u64 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.numbers.len() as u64 + 1;
        self.numbers.insert(name.to_owned(), number);
        self.new.push((number, name.to_owned()));
        number
    }
}

/// What is done with a value besides showing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Uses(u8);

impl Uses {
    pub(super) const PROCESS: Uses = Uses(1);
    pub(super) const THREAD: Uses = Uses(2);
    pub(super) const NAME: Uses = Uses(4);
    pub(super) const KEY: Uses = Uses(8);
    pub(super) const FLOW: Uses = Uses(16);
    pub(super) const COUNTER: Uses = Uses(32);

    fn has(self, other: Uses) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn add(&mut self, other: Uses) {
        self.0 |= other.0;
    }
}

/// What is done with one node.
#[derive(Debug)]
pub(super) struct Node {
    /// Number of its name; 0 for elements.
    name: u64,
    /// The field of the message around it.
    field: u32,
    form: Form,
    pub(super) uses: Uses,
    /// Place among the counters of its event.
    pub(super) counter: usize,
}

#[derive(Debug)]
enum Form {
    Value,
    /// The labels, and the number of the name that the value has beside them; 0 for elements.
    Enumeration(Labels, u64),
    /// A message with entries or elements.
    Nested,
    /// What is in it stands in its place.
    Through,
    /// Not shown: the track says it.
    Hidden,
}

/// The tables of the scopes of one kind of event; `names` gets the names of arguments.
pub(super) fn nodes(trace: &Trace, stream: usize, event: usize, names: &mut Names) -> [Vec<Node>; 3] {
    SCOPES.map(|scope| {
        let Some(layout) = trace.layout(stream, event, scope) else { return Vec::new() };
        let mut nodes: Vec<Node> = Vec::new();
        for (number, node) in layout.nodes().iter().enumerate() {
            let made = match node.parent {
                None => root(scope, layout, names),
                Some(parent) => {
                    let form = form(&node.kind, &node.name, names);
                    let place = place(layout, &nodes, parent, &node.name, names);
                    Node { name: place.0, field: place.1, form, uses: Uses::default(), counter: 0 }
                }
            };
            debug_assert_eq!(nodes.len(), number);
            nodes.push(made);
        }
        nodes
    })
}

/// The scope itself: the payload's fields are arguments, contexts are in one.
fn root(scope: Scope, layout: &Layout, names: &mut Names) -> Node {
    let name = match scope {
        Scope::EventFields => None,
        Scope::EventContext => Some("event_context"),
        _ => Some("context"),
    };
    // Nothing but what the track says.
    let is_hidden = layout.nodes().iter().skip(1).all(|node| is_told_by_track(&node.name));
    let (name, form) = match name {
        Some(name) if !(scope == Scope::StreamEventContext && is_hidden) => {
            (names.number(name), Form::Nested)
        }
        _ => (0, Form::Through),
    };
    Node { name, field: event::ANNOTATION, form, uses: Uses::default(), counter: 0 }
}

/// Contexts that tracks are made of.
pub(super) const PROCESS: [&str; 2] = ["vpid", "pid"];
pub(super) const THREAD: [&str; 2] = ["vtid", "tid"];
pub(super) const NAME: [&str; 2] = ["procname", "comm"];

fn is_told_by_track(name: &str) -> bool {
    PROCESS.contains(&name) || THREAD.contains(&name) || NAME.contains(&name)
}

/// Name and field of a node by what it is in.
fn place(layout: &Layout, nodes: &[Node], parent: NodeId, name: &str, names: &mut Names) -> (u64, u32) {
    let outer = &nodes[parent as usize];
    match (&layout.nodes()[parent as usize].kind, &outer.form) {
        // An option stands where its variant does, and so does what is optional.
        (NodeKind::Variant | NodeKind::Optional, _) => (outer.name, outer.field),
        (NodeKind::Array, _) => (0, annotation::ELEMENT),
        (_, Form::Through) => (names.number(name), event::ANNOTATION),
        _ => (names.number(name), annotation::ENTRY),
    }
}

fn form(kind: &NodeKind, name: &str, names: &mut Names) -> Form {
    match kind {
        NodeKind::Enumeration(_, labels) => {
            let value = if name.is_empty() { 0 } else { names.number(&format!("{name}_value")) };
            Form::Enumeration(labels.clone(), value)
        }
        NodeKind::Structure | NodeKind::Array => Form::Nested,
        NodeKind::Variant | NodeKind::Optional => Form::Through,
        _ => Form::Value,
    }
}

/// Hides a node: its value is used, not shown.
pub(super) fn hide(node: &mut Node) {
    node.form = Form::Hidden;
}

/// A number as it was recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

/// What was seen of one event.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) process: Option<i64>,
    pub(super) thread: Option<i64>,
    /// Empty if there is none.
    pub(super) name: Vec<u8>,
    pub(super) key: Option<u64>,
    pub(super) flow: Option<u64>,
    pub(super) counters: Vec<(usize, Number)>,
    /// The arguments: fields of a `TrackEvent`.
    pub(super) args: Proto,
    open: Vec<Open>,
}

impl Seen {
    /// Forgets the event before.
    pub(super) fn clear(&mut self) {
        (self.process, self.thread, self.key, self.flow) = (None, None, None, None);
        self.name.clear();
        self.counters.clear();
        self.args.bytes.clear();
        self.open.clear();
    }
}

/// Is shown the values of one event.
pub(super) struct Args<'a> {
    pub(super) seen: &'a mut Seen,
    pub(super) scopes: &'a [Vec<Node>; 3],
    scope: usize,
}

impl<'a> Args<'a> {
    pub(super) fn new(seen: &'a mut Seen, scopes: &'a [Vec<Node>; 3]) -> Args<'a> {
        Args { seen, scopes, scope: 0 }
    }

    fn node(&self, node: NodeId) -> &'a Node {
        &self.scopes[self.scope][node as usize]
    }

    /// One argument; `put` writes its value.
    #[inline]
    fn argument(&mut self, field: u32, name: u64, put: impl FnOnce(&mut Proto)) {
        if self.seen.args.bytes.len() > MAX_ARGS {
            return;
        }
        let open = self.seen.args.begin(field);
        if name != 0 {
            self.seen.args.unsigned(annotation::NAME, name);
        }
        put(&mut self.seen.args);
        self.seen.args.end(open);
    }

    #[cold]
    fn used(&mut self, node: &Node, value: u64, number: Number) {
        let uses = node.uses;
        if uses.has(Uses::PROCESS) {
            self.seen.process = Some(value as i64);
        }
        if uses.has(Uses::THREAD) {
            self.seen.thread = Some(value as i64);
        }
        if uses.has(Uses::KEY) {
            self.seen.key = Some(value);
        }
        if uses.has(Uses::FLOW) {
            self.seen.flow = Some(value);
        }
        if uses.has(Uses::COUNTER) {
            self.seen.counters.push((node.counter, number));
        }
    }

    #[inline]
    fn number(&mut self, node: NodeId, value: u64, number: Number, wide: i128) {
        let node = self.node(node);
        if node.uses != Uses::default() {
            self.used(node, value, number);
        }
        let put = |args: &mut Proto| match number {
            Number::Unsigned(value) => args.unsigned(annotation::UNSIGNED, value),
            Number::Signed(value) => args.signed(annotation::SIGNED, value),
            Number::Float(value) => args.double(annotation::DOUBLE, value),
        };
        match &node.form {
            Form::Value => self.argument(node.field, node.name, put),
            Form::Enumeration(labels, value_name) => {
                let mut covering = labels.covering(wide);
                let Some(first) = covering.next() else {
                    return self.argument(node.field, node.name, put);
                };
                self.argument(node.field, node.name, |args| match covering.next() {
                    None => args.bytes(annotation::TEXT, first.as_bytes()),
                    Some(second) => {
                        let all: Vec<&str> = [first, second].into_iter().chain(covering).collect();
                        args.bytes(annotation::TEXT, all.join("|").as_bytes());
                    }
                });
                if *value_name != 0 {
                    self.argument(node.field, *value_name, put);
                }
            }
            Form::Nested | Form::Through | Form::Hidden => {}
        }
    }
}

impl Visit for Args<'_> {
    fn scope(&mut self, scope: Scope) {
        self.scope = SCOPES.iter().position(|other| *other == scope).unwrap_or(2);
    }

    #[inline]
    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.number(node, value, Number::Unsigned(value), value.into());
    }

    #[inline]
    fn signed(&mut self, node: NodeId, value: i64) {
        self.number(node, value as u64, Number::Signed(value), value.into());
    }

    fn float(&mut self, node: NodeId, value: f64) {
        self.number(node, value.to_bits(), Number::Float(value), 0);
    }

    #[inline]
    fn text(&mut self, node: NodeId, text: &[u8]) {
        let node = self.node(node);
        if node.uses != Uses::default() {
            if node.uses.has(Uses::NAME) {
                self.seen.name.extend_from_slice(&text[..text.len().min(MAX_NAME)]);
            }
            let hash = hash(&[text]);
            self.used(node, hash, Number::Unsigned(hash));
        }
        if matches!(node.form, Form::Value) {
            self.argument(node.field, node.name, |args| put_text(args, annotation::TEXT, text, MAX_TEXT));
        }
    }

    fn boolean(&mut self, node: NodeId, value: bool) {
        let node = self.node(node);
        self.argument(node.field, node.name, |args| args.unsigned(annotation::BOOLEAN, value.into()));
    }

    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        let node = self.node(node);
        let mut text: String = bytes.iter().take(MAX_BLOB).map(|byte| format!("{byte:02x}")).collect();
        if bytes.len() > MAX_BLOB {
            text.push('…');
        }
        self.argument(node.field, node.name, |args| args.bytes(annotation::TEXT, text.as_bytes()));
    }

    fn begin(&mut self, node: NodeId) {
        let node = self.node(node);
        if matches!(node.form, Form::Nested) {
            let open = self.seen.args.begin(node.field);
            if node.name != 0 {
                self.seen.args.unsigned(annotation::NAME, node.name);
            }
            self.seen.open.push(open);
        }
    }

    fn end(&mut self, node: NodeId) {
        if matches!(self.node(node).form, Form::Nested)
            && let Some(open) = self.seen.open.pop()
        {
            self.seen.args.end(open);
        }
    }

    fn element(&mut self, _: NodeId, _: u64) {}
}

/// Text as protocol buffers want it: UTF-8, of at most so many bytes.
pub(super) fn put_text(to: &mut Proto, field: u32, text: &[u8], most: usize) {
    let (text, is_cut) = (&text[..text.len().min(most)], text.len() > most);
    match std::str::from_utf8(text) {
        Ok(_) if !is_cut => to.bytes(field, text),
        _ => {
            let mut clean = String::from_utf8_lossy(text).into_owned();
            if is_cut {
                clean.push('…');
            }
            to.bytes(field, clean.as_bytes());
        }
    }
}

/// A number for texts (FNV-1a), the same in every run.
pub(super) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}
