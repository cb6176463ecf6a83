//! Values that are kept, to be shown again: those of a packet's context, which are the same for all of its events.

use rttng_ctf::decode::{NodeId, Visit};
use rttng_ctf::types::Scope;

/// What a visitor was shown.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    calls: Vec<Call>,
    texts: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Call {
    Scope(Scope),
    Unsigned(NodeId, u64),
    Signed(NodeId, i64),
    Float(NodeId, f64),
    Text(NodeId, usize, usize),
    Boolean(NodeId, bool),
    Bits(NodeId, u64),
    Blob(NodeId, usize, usize),
    Begin(NodeId),
    End(NodeId),
    Element(NodeId, u64),
}

impl Tape {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.texts.clear();
    }

    /// The integer of a node, if it is there.
    pub(crate) fn integer(&self, wanted: NodeId) -> Option<u64> {
        self.calls.iter().find_map(|call| match *call {
            Call::Unsigned(node, value) if node == wanted => Some(value),
            Call::Signed(node, value) if node == wanted => u64::try_from(value).ok(),
            _ => None,
        })
    }

    /// Shows everything again.
    #[inline]
    pub(crate) fn play<V: Visit>(&self, visitor: &mut V) {
        for call in &self.calls {
            match *call {
                Call::Scope(scope) => visitor.scope(scope),
                Call::Unsigned(node, value) => visitor.unsigned(node, value),
                Call::Signed(node, value) => visitor.signed(node, value),
                Call::Float(node, value) => visitor.float(node, value),
                Call::Text(node, start, end) => visitor.text(node, &self.texts[start..end]),
                Call::Boolean(node, value) => visitor.boolean(node, value),
                Call::Bits(node, value) => visitor.bits(node, value),
                Call::Blob(node, start, end) => visitor.blob(node, &self.texts[start..end]),
                Call::Begin(node) => visitor.begin(node),
                Call::End(node) => visitor.end(node),
                Call::Element(node, index) => visitor.element(node, index),
            }
        }
    }
}

impl Visit for Tape {
    fn scope(&mut self, scope: Scope) {
        self.calls.push(Call::Scope(scope));
    }

    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.calls.push(Call::Unsigned(node, value));
    }

    fn signed(&mut self, node: NodeId, value: i64) {
        self.calls.push(Call::Signed(node, value));
    }

    fn float(&mut self, node: NodeId, value: f64) {
        self.calls.push(Call::Float(node, value));
    }

    fn text(&mut self, node: NodeId, text: &[u8]) {
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        self.calls.push(Call::Text(node, start, self.texts.len()));
    }

    fn boolean(&mut self, node: NodeId, value: bool) {
        self.calls.push(Call::Boolean(node, value));
    }

    fn bits(&mut self, node: NodeId, value: u64) {
        self.calls.push(Call::Bits(node, value));
    }

    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        let start = self.texts.len();
        self.texts.extend_from_slice(bytes);
        self.calls.push(Call::Blob(node, start, self.texts.len()));
    }

    fn begin(&mut self, node: NodeId) {
        self.calls.push(Call::Begin(node));
    }

    fn end(&mut self, node: NodeId) {
        self.calls.push(Call::End(node));
    }

    fn element(&mut self, node: NodeId, index: u64) {
        self.calls.push(Call::Element(node, index));
    }
}
