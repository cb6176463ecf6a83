//! What to do with each value of one kind of event: into which leaf of its table it goes, and what is missing beside it.

use std::collections::HashMap;

use bytes::Bytes;
use rttng_ctf::decode::{Labels, Layout, NodeId, NodeKind, Visit};
use rttng_ctf::read::Trace;
use rttng_ctf::types::Scope;

use super::leaf::Leaf;
use crate::columns::{CPU, Children, Column, Kind, SCOPES, Schema, walk_columns};

/// Texts of enumerations' values that are kept at hand, besides those below 256.
const MAX_KEPT_LABELS: usize = 4096;

/// What to do with the values of one kind of event.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) scopes: [Vec<Action>; 4],
    /// Leaves of columns that this kind of event does not have.
    pub(super) absent: Vec<usize>,
}

/// What to do with one node.
#[derive(Debug)]
pub(super) struct Action {
    what: What,
    /// For an option of a variant: the leaves of the others, which have no value, and their level.
    others: Box<[usize]>,
    others_definition: i16,
}

#[derive(Debug)]
enum What {
    Nothing,
    Leaf(usize),
    Enumeration {
        label: usize,
        value: usize,
        labels: Box<LabelTable>,
    },
    List {
        first_leaf: usize,
        end_leaf: usize,
        /// Of a list without elements.
        empty: i16,
        /// Of its elements after the first.
        repetition: i16,
    },
    Optional {
        first_leaf: usize,
        end_leaf: usize,
        /// Level where it is not there.
        missing: i16,
    },
}

impl Action {
    fn new(what: What) -> Action {
        Action { what, others: Box::default(), others_definition: 0 }
    }
}

impl Plan {
    /// What to do with events of a class whose table has the columns `schema`.
    pub(super) fn of(trace: &Trace, stream: usize, event: usize, schema: &Schema) -> Plan {
        let mut scopes = SCOPES.map(|(scope, _)| {
            let layout = trace.layout(stream, event, scope);
            let nodes = layout.map_or(&[][..], Layout::nodes);
            nodes.iter().map(|_| Action::new(What::Nothing)).collect::<Vec<Action>>()
        });
        let children = SCOPES.map(|(scope, _)| trace.layout(stream, event, scope).map(Children::of));
        let mut is_present = vec![false; schema.leaves];
        walk_columns(trace, stream, event, |place, node, columns| {
            let found = columns.iter().filter_map(|column| schema.column(&column.name));
            let found: Vec<&Column> = found.collect();
            for column in &found {
                is_present[column.leaf..column.leaf + column.leaves].fill(true);
            }
            if let Some(children) = &children[place] {
                bind(children, node, &mut found.into_iter(), &mut scopes[place]);
            }
        });
        let is_filled = |column: &Column| matches!(column.kind, Kind::Timestamp | Kind::Fact(_));
        for column in schema.columns.iter().filter(|column| is_filled(column)) {
            is_present[column.leaf] = true;
        }
        debug_assert!(matches!(schema.columns[CPU].kind, Kind::Integer { .. }));
        let absent = (0..schema.leaves).filter(|leaf| !is_present[*leaf]).collect();
        Plan { scopes, absent }
    }
}

/// Ties a node to its columns, which come next.
fn bind(
    children: &Children<'_>,
    node: NodeId,
    columns: &mut dyn Iterator<Item = &Column>,
    actions: &mut [Action],
) {
    if matches!(children.kind(node), NodeKind::Optional) {
        let mut taken = Vec::new();
        if let Some(&content) = children.of_node(node).first() {
            let mut noted =
                columns.inspect(|column| taken.push((column.leaf, column.leaves, column.definition)));
            bind(children, content, &mut noted, actions);
        }
        if let (Some((first_leaf, _, definition)), Some((leaf, leaves, _))) = (taken.first(), taken.last()) {
            let (first_leaf, end_leaf, missing) = (*first_leaf, leaf + leaves, definition - 1);
            actions[node as usize].what = What::Optional { first_leaf, end_leaf, missing };
        }
        return;
    }
    let Some(column) = columns.next() else { return };
    let what = match children.kind(node) {
        NodeKind::Enumeration(_, labels) => {
            let Some(value) = columns.next() else { return };
            let labels = Box::new(LabelTable::new(labels.clone()));
            What::Enumeration { label: column.leaf, value: value.leaf, labels }
        }
        NodeKind::Structure | NodeKind::Variant => {
            bind_members(children, node, column, actions);
            What::Nothing
        }
        NodeKind::Array => {
            let Kind::List(element) = &column.kind else { return };
            if let Some(&child) = children.of_node(node).first() {
                match &element.kind {
                    // Label and value.
                    Kind::Group(both) if !is_structure(children, child) => {
                        bind(children, child, &mut both.iter(), actions);
                    }
                    _ => bind(children, child, &mut std::iter::once(&**element), actions),
                }
            }
            What::List {
                first_leaf: column.leaf,
                end_leaf: column.leaf + column.leaves,
                empty: column.definition,
                repetition: element.repetition,
            }
        }
        _ => What::Leaf(column.leaf),
    };
    actions[node as usize].what = what;
}

/// Whether a node, or what is optional in it, is a structure or a variant.
fn is_structure(children: &Children<'_>, node: NodeId) -> bool {
    match children.kind(node) {
        NodeKind::Optional => {
            children.of_node(node).first().is_some_and(|content| is_structure(children, *content))
        }
        kind => matches!(kind, NodeKind::Structure | NodeKind::Variant),
    }
}

fn bind_members(children: &Children<'_>, node: NodeId, column: &Column, actions: &mut [Action]) {
    let Kind::Group(members) = &column.kind else { return };
    let is_variant = matches!(children.kind(node), NodeKind::Variant);
    let all = column.leaf..column.leaf + column.leaves;
    let mut members = members.iter().peekable();
    for &child in children.of_node(node) {
        let first = members.peek().map_or(all.end, |member| member.leaf);
        if !children.is_empty(child) {
            bind(children, child, &mut members, actions);
        }
        let end = members.peek().map_or(all.end, |member| member.leaf);
        if is_variant {
            let action = &mut actions[child as usize];
            action.others = all.clone().filter(|leaf| !(first..end).contains(leaf)).collect();
            action.others_definition = column.definition;
        }
    }
}

/// The texts of one enumeration's values.
#[derive(Debug)]
struct LabelTable {
    labels: Labels,
    /// Of the values from 0 on: 0 if not known yet, 1 if there is none, otherwise the number of the text and 2.
    small: Vec<u32>,
    others: HashMap<i128, Option<u32>>,
}

impl LabelTable {
    fn new(labels: Labels) -> LabelTable {
        LabelTable { labels, small: vec![0; 256], others: HashMap::new() }
    }

    #[inline]
    fn of(&mut self, value: i128, texts: &mut LabelTexts) -> Option<u32> {
        let small = usize::try_from(value).ok().and_then(|value| self.small.get(value)).copied();
        match small {
            Some(known @ 2..) => Some(known - 2),
            Some(1) => None,
            _ => self.look_up(value, texts),
        }
    }

    #[cold]
    fn look_up(&mut self, value: i128, texts: &mut LabelTexts) -> Option<u32> {
        if let Some(known) = self.others.get(&value) {
            return *known;
        }
        let covering: Vec<&str> = self.labels.covering(value).collect();
        let label = (!covering.is_empty()).then(|| texts.number(&covering.join("|")));
        match usize::try_from(value).ok().and_then(|value| self.small.get_mut(value)) {
            Some(small) => *small = label.map_or(1, |label| label + 2),
            None => {
                if self.others.len() >= MAX_KEPT_LABELS {
                    self.others.clear();
                }
                self.others.insert(value, label);
            }
        }
        label
    }
}

/// The texts of all enumerations of a table.
#[derive(Debug, Default)]
pub(super) struct LabelTexts {
    numbers: HashMap<String, u32>,
    pub(super) texts: Vec<Bytes>,
}

impl LabelTexts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(Bytes::copy_from_slice(text.as_bytes()));
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

/// What the value that comes next is in.
#[derive(Debug, Default)]
pub(super) struct Within {
    /// Of lists: the repetition level outside, and whether there was an element.
    lists: Vec<(i16, bool)>,
    /// Of optional fields: how much their first leaf had before.
    marks: Vec<usize>,
}

/// Puts the values of one event that it is shown into the leaves of its table.
pub(super) struct Row<'a> {
    pub(super) leaves: &'a mut [Leaf],
    pub(super) texts: &'a mut LabelTexts,
    scopes: &'a mut [Vec<Action>; 4],
    scope: usize,
    /// Of the next value.
    repetition: i16,
    within: &'a mut Within,
    /// What was put in, about.
    pub(super) bytes: usize,
}

impl<'a> Row<'a> {
    pub(super) fn new(
        leaves: &'a mut [Leaf],
        texts: &'a mut LabelTexts,
        scopes: &'a mut [Vec<Action>; 4],
        within: &'a mut Within,
    ) -> Row<'a> {
        within.lists.clear();
        within.marks.clear();
        Row { leaves, texts, scopes, scope: 0, repetition: 0, within, bytes: 0 }
    }

    /// The action for a node, after what is missing because of it.
    #[inline]
    fn action(&mut self, node: NodeId) -> &mut What {
        let action = &mut self.scopes[self.scope][node as usize];
        for &leaf in &action.others {
            self.leaves[leaf].null(action.others_definition, self.repetition);
        }
        &mut action.what
    }

    /// No values for these leaves.
    fn missing(&mut self, first_leaf: usize, end_leaf: usize, definition: i16) {
        let repetition = self.repetition;
        self.bytes += 4 * (end_leaf - first_leaf);
        self.leaves[first_leaf..end_leaf].iter_mut().for_each(|leaf| leaf.null(definition, repetition));
    }

    #[inline]
    fn integer(&mut self, node: NodeId, value: u64, wide: i128) {
        self.bytes += 12;
        let repetition = self.repetition;
        let action = &mut self.scopes[self.scope][node as usize];
        for &leaf in &action.others {
            self.leaves[leaf].null(action.others_definition, repetition);
        }
        match &mut action.what {
            What::Leaf(leaf) => self.leaves[*leaf].integer(value, repetition),
            What::Enumeration { label, value: place, labels } => {
                let text = labels.of(wide, self.texts);
                self.leaves[*label].label(text, repetition);
                self.leaves[*place].integer(value, repetition);
            }
            What::Nothing | What::List { .. } | What::Optional { .. } => {}
        }
    }
}

impl Visit for Row<'_> {
    fn scope(&mut self, scope: Scope) {
        self.scope = SCOPES.iter().position(|(other, _)| *other == scope).unwrap_or(0);
    }

    #[inline]
    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.integer(node, value, value.into());
    }

    #[inline]
    fn signed(&mut self, node: NodeId, value: i64) {
        self.integer(node, value as u64, value.into());
    }

    fn float(&mut self, node: NodeId, value: f64) {
        self.bytes += 12;
        let repetition = self.repetition;
        if let What::Leaf(leaf) = *self.action(node) {
            self.leaves[leaf].float(value, repetition);
        }
    }

    #[inline]
    fn text(&mut self, node: NodeId, text: &[u8]) {
        self.bytes += 12 + text.len();
        let repetition = self.repetition;
        if let What::Leaf(leaf) = *self.action(node) {
            self.leaves[leaf].text(text, repetition);
        }
    }

    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        self.bytes += 12 + bytes.len();
        let repetition = self.repetition;
        if let What::Leaf(leaf) = *self.action(node) {
            self.leaves[leaf].blob(bytes, repetition);
        }
    }

    fn begin(&mut self, node: NodeId) {
        match *self.action(node) {
            What::List { .. } => self.within.lists.push((self.repetition, false)),
            What::Optional { first_leaf, .. } => {
                self.within.marks.push(self.leaves[first_leaf].definition.len())
            }
            _ => {}
        }
    }

    fn end(&mut self, node: NodeId) {
        match self.scopes[self.scope][node as usize].what {
            What::List { first_leaf, end_leaf, empty, .. } => {
                let Some((repetition, had_elements)) = self.within.lists.pop() else { return };
                self.repetition = repetition;
                if !had_elements {
                    self.missing(first_leaf, end_leaf, empty);
                }
            }
            What::Optional { first_leaf, end_leaf, missing } => {
                let Some(mark) = self.within.marks.pop() else { return };
                if self.leaves[first_leaf].definition.len() == mark {
                    self.missing(first_leaf, end_leaf, missing);
                }
            }
            _ => {}
        }
    }

    fn element(&mut self, node: NodeId, index: u64) {
        let What::List { repetition, .. } = self.scopes[self.scope][node as usize].what else { return };
        if let Some((_, had_elements)) = self.within.lists.last_mut() {
            *had_elements = true;
            if index > 0 {
                self.repetition = repetition;
            }
        }
    }
}
