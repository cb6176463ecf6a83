//! Kinds of events to the columns of tables (`csv`, `parquet`): one table for each name, with the columns of all kinds of
//! that name.
//!
//! Two kinds of one name whose columns of one name cannot be put together (a number here, text there) get a table
//! each.

use std::collections::HashMap;

use rttng_ctf::decode::{Layout, NodeId, NodeKind};
use rttng_ctf::read::{Reader, Trace};
use rttng_ctf::types::Scope;

/// The scopes that have columns, and what stands before the names of their fields.
pub(crate) const SCOPES: [(Scope, &str); 4] = [
    (Scope::PacketContext, "packet_"),
    (Scope::StreamEventContext, "ctx_"),
    (Scope::EventContext, "event_ctx_"),
    (Scope::EventFields, ""),
];

/// What is the same for all events of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    Hostname,
    Procname,
    Vpid,
    Trace,
    StreamClass,
    StreamId,
}

/// The facts with the names of their columns, which come after `timestamp` and `cpu_id`.
pub(crate) const FACTS: [(Fact, &str); 6] = [
    (Fact::Hostname, "hostname"),
    (Fact::Procname, "procname"),
    (Fact::Vpid, "vpid"),
    (Fact::Trace, "trace"),
    (Fact::StreamClass, "stream_class"),
    (Fact::StreamId, "stream_id"),
];

/// The place of `timestamp` among the columns.
pub(crate) const TIMESTAMP: usize = 0;

/// The place of `cpu_id` among the columns, and the field of the packet's context that it has.
pub(crate) const CPU: usize = 1;
const CPU_FIELD: &str = "cpu_id";

/// A column, or a part of a nested one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether it may have no value.
    pub(crate) is_optional: bool,
    /// Definition level where it has one.
    pub(crate) definition: i16,
    /// Repetition level of what is in it.
    pub(crate) repetition: i16,
    /// The first of its leaves.
    pub(crate) leaf: usize,
    /// How many leaves it has.
    pub(crate) leaves: usize,
}

/// What is in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Timestamp,
    Fact(Fact),
    /// Of 8, 16, 32 or 64 bits.
    Integer {
        signed: bool,
        bits: u8,
    },
    Float,
    Boolean,
    Text,
    /// Bytes.
    Blob,
    /// The text of an enumeration.
    Label,
    List(Box<Column>),
    /// A structure; or a variant, all of whose columns are optional.
    Group(Vec<Column>),
}

impl Column {
    fn new(name: impl Into<String>, kind: Kind, is_optional: bool) -> Column {
        let (definition, repetition) = (0, 0);
        Column { name: name.into(), kind, is_optional, definition, repetition, leaf: 0, leaves: 0 }
    }

    /// Works out levels and leaves, within what has these levels; `next` is the first leaf that is free.
    fn settle(&mut self, definition: i16, repetition: i16, next: &mut usize) {
        (self.leaf, self.repetition) = (*next, repetition);
        self.definition = definition + i16::from(self.is_optional);
        match &mut self.kind {
            Kind::List(element) => element.settle(self.definition + 1, repetition + 1, next),
            Kind::Group(columns) => {
                columns.iter_mut().for_each(|column| column.settle(self.definition, repetition, next));
            }
            _ => *next += 1,
        }
        self.leaves = *next - self.leaf;
    }

    /// Takes in what `other` has besides; nothing if they cannot be one column.
    fn merged(&self, other: &Column) -> Option<Column> {
        let kind = match (&self.kind, &other.kind) {
            (Kind::Integer { signed, bits }, Kind::Integer { signed: signed_too, bits: bits_too }) => (signed
                == signed_too)
                .then_some(Kind::Integer { signed: *signed, bits: *bits.max(bits_too) })?,
            (Kind::List(element), Kind::List(other)) => Kind::List(Box::new(element.merged(other)?)),
            (Kind::Group(columns), Kind::Group(others)) => {
                let same = columns.len() == others.len()
                    && columns.iter().zip(others).all(|(a, b)| a.name == b.name);
                let merged = columns.iter().zip(others).map(|(a, b)| a.merged(b));
                Kind::Group(same.then(|| merged.collect::<Option<_>>())??)
            }
            (kind, other) => (kind == other).then(|| kind.clone())?,
        };
        let is_optional = self.is_optional || other.is_optional;
        Some(Column { kind, is_optional, ..self.clone() })
    }
}

/// The columns of one table.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    /// The name of its events.
    pub(crate) event: String,
    pub(crate) columns: Vec<Column>,
    /// Leaves of all columns.
    pub(crate) leaves: usize,
    /// The log levels of its events, in the order of declaration.
    pub(crate) log_levels: Vec<i64>,
}

impl Schema {
    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn settle(&mut self) {
        let mut next = 0;
        self.columns.iter_mut().for_each(|column| column.settle(0, 0, &mut next));
        self.leaves = next;
    }

    /// Takes in the columns of one more kind of event; nothing changes if they do not fit.
    fn take_in(&mut self, columns: &[Column]) -> bool {
        let mut merged = self.columns.clone();
        for column in &mut merged {
            match columns.iter().find(|other| other.name == column.name) {
                Some(other) => match column.merged(other) {
                    Some(both) => *column = both,
                    None => return false,
                },
                None => column.is_optional = true,
            }
        }
        let new = columns.iter().filter(|column| self.column(&column.name).is_none());
        merged.extend(new.map(|column| Column { is_optional: true, ..column.clone() }));
        self.columns = merged;
        true
    }
}

/// The tables of all events that a reader can give.
#[derive(Debug)]
pub(crate) struct Schemas {
    pub(crate) tables: Vec<Schema>,
    /// By trace, stream class and event class: the table.
    pub(crate) table_of: Vec<Vec<Vec<usize>>>,
}

impl Schemas {
    pub(crate) fn of(reader: &Reader) -> Schemas {
        let has_times = (0..reader.stream_count()).all(|stream| reader.stream(stream).scale.is_some());
        let mut tables: Vec<Schema> = Vec::new();
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut place = |trace: &Trace, stream: usize, event: usize| {
            let class = &trace.class().streams[stream].events[event];
            let columns = columns_of(trace, stream, event, has_times);
            let same = by_name.entry(class.name.clone()).or_default();
            let fits = same.iter().copied().find(|&table| tables[table].take_in(&columns));
            let table = fits.unwrap_or_else(|| {
                let (event, log_levels) = (class.name.clone(), Vec::new());
                tables.push(Schema { event, columns, leaves: 0, log_levels });
                same.push(tables.len() - 1);
                tables.len() - 1
            });
            if let Some(level) = class.log_level
                && !tables[table].log_levels.contains(&level)
            {
                tables[table].log_levels.push(level);
            }
            table
        };
        let table_of = reader.traces().iter().map(|trace| {
            let streams = trace.class().streams.iter().enumerate();
            let of_stream = |(stream, class): (usize, &rttng_ctf::StreamClass)| {
                (0..class.events.len()).map(|event| place(trace, stream, event)).collect()
            };
            streams.map(of_stream).collect()
        });
        let table_of = table_of.collect();
        tables.iter_mut().for_each(Schema::settle);
        Schemas { tables, table_of }
    }
}

/// The nodes of a layout by what they are in.
#[derive(Debug)]
pub(crate) struct Children<'l> {
    pub(crate) layout: &'l Layout,
    children: Vec<Vec<NodeId>>,
}

impl<'l> Children<'l> {
    pub(crate) fn of(layout: &'l Layout) -> Children<'l> {
        let mut children = vec![Vec::new(); layout.nodes().len()];
        for (node, number) in layout.nodes().iter().zip(0..) {
            if let Some(parent) = node.parent.and_then(|parent| children.get_mut(parent as usize)) {
                parent.push(number);
            }
        }
        Children { layout, children }
    }

    pub(crate) fn of_node(&self, node: NodeId) -> &[NodeId] {
        self.children.get(node as usize).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn kind(&self, node: NodeId) -> &'l NodeKind {
        &self.layout.nodes()[node as usize].kind
    }

    /// Whether nothing below a node can have a value: such a node has no column.
    pub(crate) fn is_empty(&self, node: NodeId) -> bool {
        let is_leaf = !matches!(
            self.kind(node),
            NodeKind::Structure | NodeKind::Variant | NodeKind::Optional | NodeKind::Array
        );
        !is_leaf && self.of_node(node).iter().all(|child| self.is_empty(*child))
    }

    /// The columns of the fields of a structure or the options of a variant.
    fn columns(&self, node: NodeId) -> Vec<Column> {
        let is_option = matches!(self.kind(node), NodeKind::Variant);
        let mut taken = Taken::default();
        let mut columns = Vec::new();
        for &child in self.of_node(node).iter().filter(|child| !self.is_empty(**child)) {
            let name = taken.take(&self.layout.nodes()[child as usize].name);
            self.column(child, name, is_option, &mut taken, &mut columns);
        }
        columns
    }

    /// The column of a field, or its two if it is an enumeration. What is optional has the column of its content.
    fn column(&self, node: NodeId, name: String, optional: bool, taken: &mut Taken, to: &mut Vec<Column>) {
        let integer = |form: &rttng_ctf::decode::IntegerForm| Kind::Integer {
            signed: form.signed,
            bits: form.size_bits.next_power_of_two().clamp(8, 64) as u8,
        };
        let kind = match self.kind(node) {
            NodeKind::Integer(form) => integer(form),
            NodeKind::Float => Kind::Float,
            NodeKind::Text => Kind::Text,
            NodeKind::Blob { .. } => Kind::Blob,
            NodeKind::Boolean => Kind::Boolean,
            NodeKind::Optional => {
                for &content in self.of_node(node) {
                    self.column(content, name.clone(), true, taken, to);
                }
                return;
            }
            NodeKind::Bits { size_bits, .. } => {
                Kind::Integer { signed: false, bits: size_bits.next_power_of_two().clamp(8, 64) as u8 }
            }
            NodeKind::Enumeration(form, _) => {
                let value = taken.take(&format!("{name}_value"));
                to.push(Column::new(name, Kind::Label, true));
                to.push(Column::new(value, integer(form), optional));
                return;
            }
            NodeKind::Structure | NodeKind::Variant => Kind::Group(self.columns(node)),
            NodeKind::Array => Kind::List(Box::new(self.element(node))),
        };
        to.push(Column::new(name, kind, optional));
    }

    /// What is in the list that an array becomes.
    fn element(&self, array: NodeId) -> Column {
        let mut columns = Vec::new();
        if let Some(&element) = self.of_node(array).first() {
            self.column(element, "element".to_owned(), false, &mut Taken::default(), &mut columns);
        }
        match (columns.pop(), columns.pop()) {
            // An enumeration.
            (Some(value), Some(label)) => {
                let named = |column: Column, name: &str| Column { name: name.to_owned(), ..column };
                let both = vec![named(label, "label"), named(value, "value")];
                Column::new("element", Kind::Group(both), false)
            }
            (element, _) => element.unwrap_or_else(|| Column::new("element", Kind::Text, false)),
        }
    }
}

/// Names that are taken. Readers like DuckDB do not tell `a` from `A`.
#[derive(Debug, Default)]
struct Taken(std::collections::HashSet<String>);

impl Taken {
    /// The name, or with as many `_` behind it as make it another than those before.
    fn take(&mut self, name: &str) -> String {
        let mut name = if name.is_empty() { "_".to_owned() } else { name.to_owned() };
        while !self.0.insert(name.to_lowercase()) {
            name.push('_');
        }
        name
    }
}

/// The columns of one kind of event.
fn columns_of(trace: &Trace, stream: usize, event: usize, has_times: bool) -> Vec<Column> {
    let mut columns = Vec::new();
    walk_columns(trace, stream, event, |_, _, made| columns.extend(made));
    let cpu = match columns.iter().position(|column: &Column| column.name == CPU_FIELD) {
        Some(place) => columns.remove(place),
        None => Column::new(CPU_FIELD, Kind::Integer { signed: false, bits: 32 }, true),
    };
    let facts = FACTS.iter().map(|(fact, name)| {
        let is_optional = matches!(fact, Fact::Hostname | Fact::Procname | Fact::Vpid);
        Column::new(*name, Kind::Fact(*fact), is_optional)
    });
    let time = Column::new("timestamp", Kind::Timestamp, !has_times);
    let mut all = vec![time, cpu];
    all.extend(facts);
    all.extend(columns);
    all
}

/// Gives, for each field of each scope, its columns: the place of the scope in [`SCOPES`], the node, the columns.
pub(crate) fn walk_columns(
    trace: &Trace,
    stream: usize,
    event: usize,
    mut each: impl FnMut(usize, NodeId, Vec<Column>),
) {
    let mut taken = Taken::default();
    for name in ["timestamp", CPU_FIELD].into_iter().chain(FACTS.iter().map(|(_, name)| *name)) {
        taken.take(name);
    }
    for (place, (scope, prefix)) in SCOPES.iter().enumerate() {
        let Some(layout) = trace.layout(stream, event, *scope) else { continue };
        let children = Children::of(layout);
        for &node in children.of_node(0).iter().filter(|node| !children.is_empty(**node)) {
            let own = &layout.nodes()[node as usize].name;
            let is_cpu = *scope == Scope::PacketContext
                && own == CPU_FIELD
                && matches!(children.kind(node), NodeKind::Integer(form) if !form.signed);
            let name = if is_cpu { own.clone() } else { taken.take(&format!("{prefix}{own}")) };
            let mut columns = Vec::new();
            children.column(node, name, false, &mut taken, &mut columns);
            each(place, node, columns);
        }
    }
}
