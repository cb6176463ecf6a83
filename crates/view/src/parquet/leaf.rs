//! The values of one leaf of a table, as they wait to be written: values, and the levels that say where they are.

use bytes::Bytes;

use super::distinct::Distinct;
use crate::columns::{Column, Fact, Kind};

/// What waits for one leaf.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) values: Values,
    /// Definition levels, one for each value and each lack of one; none if `max_definition` is 0.
    pub(super) definition: Vec<i16>,
    /// Repetition levels, as many; none if `max_repetition` is 0.
    pub(super) repetition: Vec<i16>,
    pub(super) max_definition: i16,
    pub(super) max_repetition: i16,
}

/// Values in the form in which they take least to keep.
#[derive(Debug)]
pub(super) enum Values {
    Timestamp(Vec<i64>),
    /// Nothing: the rows' streams say it.
    Fact(Fact),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F64(Vec<f64>),
    Bool(Vec<bool>),
    Text(Texts),
    /// Numbers of texts of the table.
    Label(Vec<u32>),
}

/// Texts: by number as long as few of them are different, then one behind the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
    /// The different texts, and which come one after the other.
    pub(super) numbered: Option<(Distinct, Vec<u32>)>,
}

impl Texts {
    fn numbered() -> Texts {
        Texts { numbered: Some(Default::default()), ..Texts::default() }
    }

    #[inline]
    fn push(&mut self, text: &[u8]) {
        let Some((distinct, numbers)) = &mut self.numbered else { return self.push_plain(text) };
        match distinct.number(text) {
            Some(number) => numbers.push(number),
            None => self.give_up_numbers(text),
        }
    }

    /// Goes on without numbers, with all that came.
    #[cold]
    fn give_up_numbers(&mut self, text: &[u8]) {
        let Some((distinct, numbers)) = self.numbered.take() else { return };
        numbers.iter().for_each(|number| self.push_plain(distinct.text(*number)));
        self.push_plain(text);
    }

    fn push_plain(&mut self, text: &[u8]) {
        put_utf8(text, &mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Takes the bytes out, and leaves the ends.
    pub(super) fn take_bytes(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.bytes))
    }

    fn count(&self) -> usize {
        self.numbered.as_ref().map_or(self.ends.len(), |(_, numbers)| numbers.len())
    }

    fn truncate(&mut self, count: usize) {
        match &mut self.numbered {
            Some((_, numbers)) => numbers.truncate(count),
            None => {
                self.ends.truncate(count);
                self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
            }
        }
    }
}

/// Adds text; what is not UTF-8 becomes U+FFFD, as readers refuse anything else.
pub(super) fn put_utf8(text: &[u8], to: &mut Vec<u8>) {
    if std::str::from_utf8(text).is_ok() {
        return to.extend_from_slice(text);
    }
    for piece in text.utf8_chunks() {
        to.extend_from_slice(piece.valid().as_bytes());
        if !piece.invalid().is_empty() {
            to.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

impl Leaf {
    /// The leaves of columns, in their order.
    pub(super) fn of(columns: &[Column]) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        columns.iter().for_each(|column| Leaf::add(column, &mut leaves));
        leaves
    }

    fn add(column: &Column, to: &mut Vec<Leaf>) {
        let values = match &column.kind {
            Kind::Timestamp => Values::Timestamp(Vec::new()),
            Kind::Fact(fact) => Values::Fact(*fact),
            Kind::Integer { bits: 64, .. } => Values::I64(Vec::new()),
            Kind::Integer { .. } => Values::I32(Vec::new()),
            Kind::Float => Values::F64(Vec::new()),
            Kind::Boolean => Values::Bool(Vec::new()),
            Kind::Text if column.repetition == 0 => Values::Text(Texts::numbered()),
            Kind::Text | Kind::Blob => Values::Text(Texts::default()),
            Kind::Label => Values::Label(Vec::new()),
            Kind::List(element) => return Leaf::add(element, to),
            Kind::Group(columns) => return columns.iter().for_each(|column| Leaf::add(column, to)),
        };
        to.push(Leaf {
            values,
            definition: Vec::new(),
            repetition: Vec::new(),
            max_definition: column.definition,
            max_repetition: column.repetition,
        });
    }

    /// Says where the value is that is pushed beside.
    #[inline]
    fn levels(&mut self, definition: i16, repetition: i16) {
        if self.max_definition > 0 {
            self.definition.push(definition);
            if self.max_repetition > 0 {
                self.repetition.push(repetition);
            }
        }
    }

    /// No value, for what is not there from `definition` on.
    #[inline]
    pub(super) fn null(&mut self, definition: i16, repetition: i16) {
        self.levels(definition, repetition);
    }

    #[inline]
    pub(super) fn integer(&mut self, value: u64, repetition: i16) {
        match &mut self.values {
            Values::I32(values) => values.push(value as i32),
            Values::I64(values) | Values::Timestamp(values) => values.push(value as i64),
            Values::Bool(values) => values.push(value != 0),
            _ => return,
        }
        self.levels(self.max_definition, repetition);
    }

    #[inline]
    pub(super) fn float(&mut self, value: f64, repetition: i16) {
        let Values::F64(values) = &mut self.values else { return };
        values.push(value);
        self.levels(self.max_definition, repetition);
    }

    #[inline]
    pub(super) fn text(&mut self, text: &[u8], repetition: i16) {
        let Values::Text(texts) = &mut self.values else { return };
        texts.push(text);
        self.levels(self.max_definition, repetition);
    }

    pub(super) fn blob(&mut self, bytes: &[u8], repetition: i16) {
        let Values::Text(texts) = &mut self.values else { return };
        texts.bytes.extend_from_slice(bytes);
        texts.ends.push(texts.bytes.len());
        self.levels(self.max_definition, repetition);
    }

    #[inline]
    pub(super) fn label(&mut self, label: Option<u32>, repetition: i16) {
        let Values::Label(values) = &mut self.values else { return };
        match label {
            Some(label) => {
                values.push(label);
                self.levels(self.max_definition, repetition);
            }
            None => self.levels(self.max_definition - 1, repetition),
        }
    }

    /// How many values there are, which are not lacks.
    fn count(&self) -> usize {
        match &self.values {
            Values::Timestamp(values) | Values::I64(values) => values.len(),
            Values::I32(values) => values.len(),
            Values::F64(values) => values.len(),
            Values::Bool(values) => values.len(),
            Values::Text(texts) => texts.count(),
            Values::Label(values) => values.len(),
            Values::Fact(_) => 0,
        }
    }

    /// Takes back what belongs to rows after the first `rows`.
    pub(super) fn keep_rows(&mut self, rows: usize) {
        let entries = match (self.max_definition, self.max_repetition) {
            (_, 1..) => {
                let starts = self.repetition.iter().enumerate().filter(|(_, level)| **level == 0);
                starts.map(|(at, _)| at).nth(rows).unwrap_or(self.repetition.len())
            }
            _ => rows,
        };
        let count = if self.max_definition > 0 {
            let entries = entries.min(self.definition.len());
            let gone = self.definition[entries..].iter().filter(|level| **level == self.max_definition);
            self.count() - gone.count()
        } else {
            entries
        };
        self.definition.truncate(entries);
        self.repetition.truncate(entries);
        match &mut self.values {
            Values::Timestamp(values) | Values::I64(values) => values.truncate(count),
            Values::I32(values) => values.truncate(count),
            Values::F64(values) => values.truncate(count),
            Values::Bool(values) => values.truncate(count),
            Values::Text(texts) => texts.truncate(count),
            Values::Label(values) => values.truncate(count),
            Values::Fact(_) => {}
        }
    }

    /// Forgets what was written, and keeps the memory for what comes if that is wanted.
    pub(super) fn clear(&mut self, keep_memory: bool) {
        fn empty<T>(values: &mut Vec<T>, keep_memory: bool) {
            if keep_memory {
                values.clear();
            } else {
                *values = Vec::new();
            }
        }
        empty(&mut self.definition, keep_memory);
        empty(&mut self.repetition, keep_memory);
        match &mut self.values {
            Values::Timestamp(values) | Values::I64(values) => empty(values, keep_memory),
            Values::I32(values) => empty(values, keep_memory),
            Values::F64(values) => empty(values, keep_memory),
            Values::Bool(values) => empty(values, keep_memory),
            Values::Text(texts) => {
                empty(&mut texts.bytes, keep_memory);
                empty(&mut texts.ends, keep_memory);
                match &mut texts.numbered {
                    Some((distinct, numbers)) if keep_memory => {
                        distinct.clear();
                        numbers.clear();
                    }
                    Some(numbered) => *numbered = Default::default(),
                    None => {}
                }
            }
            Values::Label(values) => empty(values, keep_memory),
            Values::Fact(_) => {}
        }
    }
}
