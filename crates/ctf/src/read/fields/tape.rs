//! The values of one event in a row, as a visitor was shown them: each thing, then what is in it.

use crate::decode::{NodeId, Visit};
use crate::types::Scope;

/// More values than this are not kept.
const MOST_VALUES: usize = 1 << 22;

/// A value, or the start of those that are in something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Item {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Boolean(bool),
    Bits(u64),
    /// Bytes of the event.
    Bytes {
        start: u32,
        length: u32,
    },
    /// Bytes of the tape: text that was recorded in another encoding.
    OwnBytes {
        start: u32,
        length: u32,
    },
    /// A structure, array, variant or optional field with so many things directly in it.
    Group(u32),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) node: NodeId,
    /// Where the next thing starts that is not in this one.
    pub(super) next: u32,
    pub(super) item: Item,
}

/// What was shown.
#[derive(Debug, Default)]
pub(super) struct Tape {
    records: Vec<Record>,
    texts: Vec<u8>,
    /// Where each scope's structure is.
    roots: [Option<u32>; Scope::ALL.len()],
    /// Memory for the integers that decoding keeps.
    slots: Vec<u64>,
    /// Which groups are not at their end.
    open: Vec<u32>,
}

impl Tape {
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.texts.clear();
        self.open.clear();
        self.roots = Default::default();
    }

    /// For how many values there is memory.
    pub(super) fn room(&self) -> usize {
        self.records.capacity().max(self.texts.capacity())
    }

    pub(super) fn take_slots(&mut self, from: &[u64]) -> Vec<u64> {
        let mut slots = std::mem::take(&mut self.slots);
        slots.clear();
        slots.extend_from_slice(from);
        slots
    }

    pub(super) fn give_slots(&mut self, slots: Vec<u64>) {
        self.slots = slots;
    }

    /// Where the structure of a scope is.
    pub(super) fn root(&self, scope: Scope) -> Option<u32> {
        self.roots[scope as usize]
    }

    #[inline]
    pub(super) fn record(&self, at: u32) -> Record {
        self.records[at as usize]
    }

    pub(super) fn own_bytes(&self, start: u32, length: u32) -> &[u8] {
        &self.texts[start as usize..][..length as usize]
    }

    /// The first thing directly in a group that is of that node.
    pub(super) fn child(&self, group: u32, node: NodeId) -> Option<u32> {
        let end = self.record(group).next;
        let mut at = group + 1;
        while at < end {
            let record = self.record(at);
            if record.node == node {
                return Some(at);
            }
            at = record.next;
        }
        None
    }
}

/// Writes a tape.
pub(super) struct Recorder<'t> {
    tape: &'t mut Tape,
    /// Where texts are borrowed from.
    bytes: &'t [u8],
    scope: Scope,
    is_whole: bool,
}

impl<'t> Recorder<'t> {
    pub(super) fn new(tape: &'t mut Tape, bytes: &'t [u8]) -> Recorder<'t> {
        Recorder { tape, bytes, scope: Scope::PacketHeader, is_whole: true }
    }

    pub(super) fn begin_scope(&mut self, scope: Scope) {
        self.scope = scope;
    }

    /// Whether everything had room.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    #[inline]
    fn push(&mut self, node: NodeId, item: Item) {
        let at = self.tape.records.len();
        if at >= MOST_VALUES {
            self.is_whole = false;
            return;
        }
        if let Some(group) = self.tape.open.last()
            && let Item::Group(count) = &mut self.tape.records[*group as usize].item
        {
            *count += 1;
        }
        self.tape.records.push(Record { node, next: at as u32 + 1, item });
    }

    fn push_bytes(&mut self, node: NodeId, bytes: &[u8]) {
        let start = (bytes.as_ptr() as usize).wrapping_sub(self.bytes.as_ptr() as usize);
        let is_borrowed = start <= self.bytes.len() && bytes.len() <= self.bytes.len() - start;
        let length = bytes.len() as u32;
        if is_borrowed {
            return self.push(node, Item::Bytes { start: start as u32, length });
        }
        let start = self.tape.texts.len() as u32;
        self.tape.texts.extend_from_slice(bytes);
        self.push(node, Item::OwnBytes { start, length });
    }
}

impl Visit for Recorder<'_> {
    fn scope(&mut self, _: Scope) {}

    #[inline]
    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.push(node, Item::Unsigned(value));
    }

    #[inline]
    fn signed(&mut self, node: NodeId, value: i64) {
        self.push(node, Item::Signed(value));
    }

    fn float(&mut self, node: NodeId, value: f64) {
        self.push(node, Item::Float(value));
    }

    fn text(&mut self, node: NodeId, text: &[u8]) {
        self.push_bytes(node, text);
    }

    fn boolean(&mut self, node: NodeId, value: bool) {
        self.push(node, Item::Boolean(value));
    }

    fn bits(&mut self, node: NodeId, value: u64) {
        self.push(node, Item::Bits(value));
    }

    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        self.push_bytes(node, bytes);
    }

    fn begin(&mut self, node: NodeId) {
        let at = self.tape.records.len() as u32;
        if self.tape.open.is_empty() {
            self.tape.roots[self.scope as usize] = Some(at);
        }
        self.push(node, Item::Group(0));
        self.tape.open.push(at.min(MOST_VALUES as u32 - 1));
    }

    fn end(&mut self, _: NodeId) {
        let next = self.tape.records.len() as u32;
        if let Some(group) = self.tape.open.pop()
            && let Some(record) = self.tape.records.get_mut(group as usize)
        {
            record.next = next;
        }
    }

    fn element(&mut self, _: NodeId, _: u64) {}
}
