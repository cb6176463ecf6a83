//! The values of one event that a filter or a process rule asks for, taken from the event's bytes.

use rttng_ctf::decode::{Layout, NodeId, NodeKind, Visit};
use rttng_ctf::types::Scope;
use rttng_filter::{EventLayout, FieldIndex, FieldType, Fields, Target, Value};

/// Contexts are looked for in these scopes, in this order; a context's index has the scope's place in its high bits.
const CONTEXT_SCOPES: [Scope; 3] = [Scope::StreamEventContext, Scope::EventContext, Scope::PacketContext];
const SCOPE_SHIFT: u32 = 28;

/// The scope of a context's index.
pub(super) fn scope_of(context: FieldIndex) -> Option<Scope> {
    CONTEXT_SCOPES.get((context >> SCOPE_SHIFT) as usize).copied()
}

/// The node of a context's index in its scope.
pub(super) fn node_of(context: FieldIndex) -> NodeId {
    context & ((1 << SCOPE_SHIFT) - 1)
}

/// The layouts of all scopes of one kind of event, for the linker of filters.
pub(super) struct Layouts<'a> {
    pub(super) fields: Option<&'a Layout>,
    /// Those of [`CONTEXT_SCOPES`].
    pub(super) contexts: [Option<&'a Layout>; 3],
}

impl<'a> Layouts<'a> {
    pub(super) fn of(trace: &'a rttng_ctf::read::Trace, stream: usize, event: usize) -> Layouts<'a> {
        Layouts {
            fields: trace.layout(stream, event, Scope::EventFields),
            contexts: CONTEXT_SCOPES.map(|scope| trace.layout(stream, event, scope)),
        }
    }
}

fn type_of(layout: &Layout, node: NodeId) -> FieldType {
    let kind = |node: NodeId| layout.nodes().get(node as usize).map(|node| &node.kind);
    match kind(node) {
        Some(NodeKind::Integer(form) | NodeKind::Enumeration(form, _)) => {
            FieldType::Integer { signed: form.signed }
        }
        Some(NodeKind::Boolean | NodeKind::Bits { .. }) => FieldType::Integer { signed: false },
        Some(NodeKind::Float) => FieldType::Float,
        Some(NodeKind::Text) => FieldType::Text,
        // Arrays as well: how long they are is seen at each event.
        Some(NodeKind::Array) => match kind(node + 1) {
            Some(NodeKind::Integer(form)) => FieldType::Sequence { signed: form.signed },
            _ => FieldType::Other,
        },
        _ => FieldType::Other,
    }
}

impl EventLayout for Layouts<'_> {
    fn find_payload(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        let layout = self.fields?;
        let node = layout.field(name)?;
        Some((node, type_of(layout, node)))
    }

    fn find_context(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        let mut scopes = (0u32..).zip(self.contexts);
        scopes.find_map(|(place, layout)| {
            let node = layout?.field(name).filter(|node| *node < 1 << SCOPE_SHIFT)?;
            Some((place << SCOPE_SHIFT | node, type_of(layout?, node)))
        })
    }

    fn find_app_context(&self, provider: &str, name: &str) -> Option<FieldIndex> {
        let bare = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = format!("_app_{provider}_{name}").chars().map(bare).collect();
        self.find_context(&name).map(|(index, _)| index)
    }
}

/// A value that was seen, texts and elements by where they are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Seen {
    Nothing,
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(usize, usize),
    /// So many elements, the first of them there.
    Elements(usize, usize),
}

/// Which nodes are asked for, by place of the scope (payload last) and node. Those of the packet are kept for all kinds of
/// events of a stream: all of them.
#[derive(Debug, Default)]
pub(super) struct Wanted([Vec<bool>; 4]);

impl Wanted {
    pub(super) fn of(targets: impl IntoIterator<Item = Target>) -> Wanted {
        let mut wanted = Wanted::default();
        for target in targets {
            let (place, node) = match target {
                Target::Payload(field) | Target::Element(field, _) => (PAYLOAD, field),
                Target::Context(context) | Target::AppContext(context) => {
                    ((context >> SCOPE_SHIFT) as usize, node_of(context))
                }
            };
            if let Some(nodes) = wanted.0.get_mut(place) {
                let length = nodes.len().max(node as usize + 1);
                nodes.resize(length, false);
                nodes[node as usize] = true;
            }
        }
        wanted
    }

    fn has(&self, place: usize, node: NodeId) -> bool {
        place == PACKET || self.0[place].get(node as usize).copied().unwrap_or(false)
    }
}

/// Takes those of the values it is shown that are wanted.
pub(super) struct Taker<'a> {
    pub(super) values: &'a mut EventValues,
    pub(super) wanted: &'a Wanted,
}

/// Keeps the values of fields directly in a scope, and the integers in arrays there.
#[derive(Debug, Default)]
pub(super) struct EventValues {
    /// By place of the scope (payload last) and node.
    seen: [Vec<Seen>; 4],
    texts: Vec<u8>,
    elements: Vec<Seen>,
    scope: usize,
    /// The array that elements belong to; nothing outside of arrays and in what is nested deeper.
    array: Option<NodeId>,
    depth: usize,
}

/// Places of the packet's context and of the payload.
const PACKET: usize = 2;
const PAYLOAD: usize = 3;

impl EventValues {
    /// Forgets the values of the event before; those of the packet stay.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.elements.clear();
        for place in [0, 1, PAYLOAD] {
            self.seen[place].clear();
        }
        (self.array, self.depth) = (None, 0);
    }

    fn keep(&mut self, node: NodeId, value: Seen) {
        let seen = &mut self.seen[self.scope];
        let at = node as usize;
        if seen.len() <= at {
            seen.resize(at + 1, Seen::Nothing);
        }
        seen[at] = value;
    }

    fn value(&self, seen: Seen) -> Value<'_> {
        match seen {
            Seen::Signed(value) => Value::Signed(value),
            Seen::Unsigned(value) => Value::Unsigned(value),
            Seen::Float(value) => Value::Double(value),
            Seen::Text(start, end) => Value::Text(self.texts.get(start..end).unwrap_or_default()),
            Seen::Nothing | Seen::Elements(..) => Value::None,
        }
    }

    fn at(&self, place: usize, node: NodeId) -> Seen {
        let scope = self.seen.get(place);
        scope.and_then(|seen| seen.get(node as usize)).copied().unwrap_or(Seen::Nothing)
    }
}

impl Taker<'_> {
    #[inline]
    fn take(&mut self, node: NodeId, value: impl FnOnce(&mut EventValues) -> Seen) {
        match (self.values.depth, self.values.array) {
            (1, _) if self.wanted.has(self.values.scope, node) => {
                let value = value(self.values);
                self.values.keep(node, value);
            }
            (2, Some(_)) => {
                let value = value(self.values);
                self.values.elements.push(value);
            }
            _ => {}
        }
    }
}

impl Visit for Taker<'_> {
    fn scope(&mut self, scope: Scope) {
        self.values.scope = CONTEXT_SCOPES.iter().position(|other| *other == scope).unwrap_or(PAYLOAD);
    }

    #[inline]
    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.take(node, |_| Seen::Unsigned(value));
    }

    #[inline]
    fn signed(&mut self, node: NodeId, value: i64) {
        self.take(node, |_| Seen::Signed(value));
    }

    fn float(&mut self, node: NodeId, value: f64) {
        self.take(node, |_| Seen::Float(value));
    }

    fn text(&mut self, node: NodeId, text: &[u8]) {
        // Those of the packet would not last.
        if self.values.scope == PACKET {
            return;
        }
        self.take(node, |values| {
            let start = values.texts.len();
            values.texts.extend_from_slice(text);
            Seen::Text(start, values.texts.len())
        });
    }

    fn begin(&mut self, node: NodeId) {
        let values = &mut *self.values;
        if values.depth == 1 && self.wanted.has(values.scope, node) {
            values.keep(node, Seen::Elements(values.elements.len(), 0));
            values.array = Some(node);
        }
        values.depth += 1;
    }

    fn end(&mut self, node: NodeId) {
        let values = &mut *self.values;
        values.depth -= 1;
        if let (1, Some(array), Seen::Elements(first, _)) =
            (values.depth, values.array, values.at(values.scope, node))
            && array == node
        {
            values.keep(node, Seen::Elements(first, values.elements.len() - first));
            values.array = None;
        }
    }

    fn element(&mut self, _: NodeId, _: u64) {}
}

impl Fields for EventValues {
    fn payload(&self, field: FieldIndex) -> Value<'_> {
        self.value(self.at(PAYLOAD, field))
    }

    fn element(&self, field: FieldIndex, index: u64) -> Value<'_> {
        let Seen::Elements(first, count) = self.at(PAYLOAD, field) else { return Value::None };
        let index = usize::try_from(index).ok().filter(|index| *index < count);
        let element = index.and_then(|index| self.elements.get(first + index));
        element.map_or(Value::None, |element| self.value(*element))
    }

    fn context(&self, context: FieldIndex) -> Value<'_> {
        self.value(self.at((context >> SCOPE_SHIFT) as usize, node_of(context)))
    }

    /// What is in the variant: the option that was recorded.
    fn app_context(&self, context: FieldIndex) -> Value<'_> {
        match self.at((context >> SCOPE_SHIFT) as usize, node_of(context)) {
            Seen::Elements(first, 1) => {
                self.elements.get(first).map_or(Value::None, |seen| self.value(*seen))
            }
            other => self.value(other),
        }
    }
}
