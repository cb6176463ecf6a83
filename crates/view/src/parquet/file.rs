//! One file of a table: its types as Parquet has them, and row groups into it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnDescPtr, ColumnPath, Type, TypePtr};

use super::distinct::Distinct;
use super::indexed::{self, Dictionary};
use super::leaf::{Leaf, Texts, Values, put_utf8};
use crate::columns::{Column, Fact, Kind, Schema, TIMESTAMP};

/// Texts are handed over in pieces of about so many.
const PIECE: usize = 8192;

/// What is the same for all events of a stream.
#[derive(Debug, Clone)]
pub(super) struct StreamFacts {
    pub(super) hostname: Option<Bytes>,
    pub(super) procname: Option<Bytes>,
    pub(super) vpid: Option<i64>,
    pub(super) trace: Option<Bytes>,
    pub(super) class: i64,
    pub(super) id: i64,
}

/// A file that is open only while something is written, so that there may be any number of them.
struct Sink {
    path: PathBuf,
    file: Option<File>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(OpenOptions::new().append(true).open(&self.path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that row groups are written to.
pub(super) struct TableFile {
    writer: SerializedFileWriter<Sink>,
}

impl TableFile {
    /// Makes the file, which must not be there.
    pub(super) fn create(path: &Path, schema: &Schema) -> Result<TableFile, ParquetError> {
        File::create_new(path)?;
        let fields = schema.columns.iter().map(type_of).collect::<Result<Vec<_>, _>>()?;
        let root = Type::group_type_builder("event").with_fields(fields).build()?;
        let sink = Sink { path: path.to_owned(), file: None };
        let writer = SerializedFileWriter::new(sink, Arc::new(root), Arc::new(properties(schema)))?;
        Ok(TableFile { writer })
    }

    /// Writes what waits as one row group.
    pub(super) fn write(
        &mut self,
        leaves: &mut [Leaf],
        rows: &[u32],
        facts: &[StreamFacts],
        labels: &[Bytes],
    ) -> Result<(), ParquetError> {
        let labels: Vec<ByteArray> = labels.iter().cloned().map(ByteArray::from).collect();
        let columns = self.writer.schema_descr().columns().to_vec();
        let used = streams_of(rows, facts.len());
        let mut group = self.writer.next_row_group()?;
        for (leaf, description) in leaves.iter_mut().zip(columns) {
            let encoded = match &leaf.values {
                Values::Fact(which) => Some(fact(description, *which, rows, &used, facts)?),
                Values::Text(Texts { numbered: Some((distinct, numbers)), .. }) => {
                    Some(numbered(description, distinct, numbers, &leaf.definition)?)
                }
                _ => None,
            };
            if let Some((chunk, closed)) = encoded {
                group.append_column(&chunk, closed)?;
                continue;
            }
            let Some(mut column) = group.next_column()? else { break };
            match &mut leaf.values {
                Values::Timestamp(values) | Values::I64(values) => {
                    whole::<Int64Type>(&mut column, values, &leaf.definition, &leaf.repetition)?;
                }
                Values::I32(values) => {
                    whole::<Int32Type>(&mut column, values, &leaf.definition, &leaf.repetition)?;
                }
                Values::F64(values) => {
                    whole::<DoubleType>(&mut column, values, &leaf.definition, &leaf.repetition)?;
                }
                Values::Bool(values) => {
                    whole::<BoolType>(&mut column, values, &leaf.definition, &leaf.repetition)?;
                }
                Values::Text(_) | Values::Label(_) => texts(&mut column, leaf, &labels)?,
                Values::Fact(_) => {}
            }
            column.close()?;
        }
        group.close()?;
        self.writer.flush()?;
        self.writer.inner_mut().file = None;
        Ok(())
    }

    /// Writes the end of the file.
    pub(super) fn finish(self) -> Result<(), ParquetError> {
        self.writer.close().map(|_| ())
    }
}

fn properties(schema: &Schema) -> WriterProperties {
    let level = schema.log_levels.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let mut about = vec![KeyValue::new("rttng.event".to_owned(), schema.event.clone())];
    if !level.is_empty() {
        about.push(KeyValue::new("rttng.loglevel".to_owned(), level));
    }
    let sorting = SortingColumn { column_idx: TIMESTAMP as i32, descending: false, nulls_first: true };
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("rttng ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(None)
        .set_sorting_columns(Some(vec![sorting]))
        .set_key_value_metadata(Some(about));
    for column in &schema.columns {
        for (path, encoding) in encodings(column) {
            let path = ColumnPath::new(path);
            properties = properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, encoding);
        }
    }
    properties.build()
}

/// The leaves of which no dictionary is made, with what is done instead. A dictionary is for what has few values: texts,
/// labels, small integers.
fn encodings(column: &Column) -> Vec<(Vec<String>, Encoding)> {
    let within = |inner: &[Column], between: &[&str]| {
        let inner = inner.iter().flat_map(encodings);
        let named = inner.map(|(path, encoding)| {
            let names = std::iter::once(column.name.as_str()).chain(between.iter().copied());
            (names.map(str::to_owned).chain(path).collect(), encoding)
        });
        named.collect()
    };
    match &column.kind {
        Kind::Timestamp | Kind::Integer { bits: 32 | 64, .. } => {
            vec![(vec![column.name.clone()], Encoding::DELTA_BINARY_PACKED)]
        }
        Kind::Float | Kind::Boolean => vec![(vec![column.name.clone()], Encoding::PLAIN)],
        Kind::Fact(_) | Kind::Integer { .. } | Kind::Text | Kind::Blob | Kind::Label => Vec::new(),
        Kind::List(element) => within(std::slice::from_ref(element), &["list"]),
        Kind::Group(columns) => within(columns, &[]),
    }
}

/// The type of a column.
fn type_of(column: &Column) -> Result<TypePtr, ParquetError> {
    let repetition = if column.is_optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let primitive = |physical: Physical, logical: Option<LogicalType>| {
        let builder = Type::primitive_type_builder(&column.name, physical);
        builder.with_repetition(repetition).with_logical_type(logical).build()
    };
    let integer = |bits: u8, signed: bool| {
        let physical = if bits == 64 { Physical::INT64 } else { Physical::INT32 };
        primitive(physical, Some(LogicalType::integer(bits as i8, signed)))
    };
    let group = |fields: Vec<TypePtr>, logical: Option<LogicalType>| {
        let builder = Type::group_type_builder(&column.name);
        builder.with_repetition(repetition).with_logical_type(logical).with_fields(fields).build()
    };
    let ty = match &column.kind {
        Kind::Timestamp => primitive(Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::NANOS))),
        Kind::Integer { signed, bits } => integer(*bits, *signed),
        Kind::Fact(Fact::Vpid) => integer(64, true),
        Kind::Fact(Fact::StreamClass | Fact::StreamId) => integer(64, false),
        Kind::Fact(Fact::Hostname | Fact::Procname | Fact::Trace) | Kind::Text | Kind::Label => {
            primitive(Physical::BYTE_ARRAY, Some(LogicalType::String))
        }
        Kind::Float => primitive(Physical::DOUBLE, None),
        Kind::Boolean => primitive(Physical::BOOLEAN, None),
        Kind::Blob => primitive(Physical::BYTE_ARRAY, None),
        Kind::List(element) => {
            let list = Type::group_type_builder("list").with_repetition(Repetition::REPEATED);
            group(vec![Arc::new(list.with_fields(vec![type_of(element)?]).build()?)], Some(LogicalType::List))
        }
        Kind::Group(columns) => group(columns.iter().map(type_of).collect::<Result<_, _>>()?, None),
    };
    Ok(Arc::new(ty?))
}

/// Levels, if there are any.
fn some(levels: &[i16]) -> Option<&[i16]> {
    (!levels.is_empty()).then_some(levels)
}

fn whole<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: &[T::T],
    definition: &[i16],
    repetition: &[i16],
) -> Result<(), ParquetError> {
    column.typed::<T>().write_batch(values, some(definition), some(repetition)).map(|_| ())
}

/// Writes texts in pieces: each takes far more memory as a value than as bytes.
fn texts(
    column: &mut SerializedColumnWriter<'_>,
    leaf: &mut Leaf,
    labels: &[ByteArray],
) -> Result<(), ParquetError> {
    let bytes = match &mut leaf.values {
        Values::Text(texts) => texts.take_bytes(),
        _ => Bytes::new(),
    };
    let mut values = Vec::with_capacity(PIECE);
    let (mut start, mut level) = (0, 0);
    let take = |values: &mut Vec<ByteArray>, first: usize, count: usize| match &leaf.values {
        Values::Text(texts) => {
            let mut at = if first == 0 { 0 } else { texts.ends[first - 1] };
            for &end in &texts.ends[first..first + count] {
                values.push(ByteArray::from(bytes.slice(at..end)));
                at = end;
            }
        }
        Values::Label(numbers) => {
            values
                .extend(numbers[first..first + count].iter().map(|&number| labels[number as usize].clone()));
        }
        _ => {}
    };
    let count = match &leaf.values {
        Values::Text(texts) => texts.ends.len(),
        Values::Label(numbers) => numbers.len(),
        _ => 0,
    };
    if leaf.max_definition == 0 {
        while start < count {
            let piece = PIECE.min(count - start);
            values.clear();
            take(&mut values, start, piece);
            whole::<ByteArrayType>(column, &values, &[], &[])?;
            start += piece;
        }
        return Ok(());
    }
    while level < leaf.definition.len() {
        let mut end = (level + PIECE).min(leaf.definition.len());
        // A row is written in one piece.
        if let Some(repetition) = leaf.repetition.get(end..) {
            end += repetition.iter().position(|&level| level == 0).unwrap_or(repetition.len());
        }
        let definition = &leaf.definition[level..end];
        let piece = definition.iter().filter(|&&level| level == leaf.max_definition).count();
        values.clear();
        take(&mut values, start, piece);
        let repetition = leaf.repetition.get(level..end).unwrap_or_default();
        whole::<ByteArrayType>(column, &values, definition, repetition)?;
        (start, level) = (start + piece, end);
    }
    Ok(())
}

/// Writes texts of which few are different.
fn numbered(
    column: ColumnDescPtr,
    distinct: &Distinct,
    numbers: &[u32],
    definition: &[i16],
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let mut dictionary = Dictionary::default();
    let mut clean = Vec::new();
    for number in 0..distinct.len() as u32 {
        clean.clear();
        put_utf8(distinct.text(number), &mut clean);
        dictionary.text(&clean);
    }
    let levels: Vec<u32> = match definition.len() == numbers.len() {
        true => Vec::new(),
        false => definition.iter().map(|level| *level as u32).collect(),
    };
    indexed::chunk(column, &dictionary, &indexed::Rows::Each { numbers, levels: &levels })
}

/// Writes what streams say of their rows.
fn fact(
    column: ColumnDescPtr,
    fact: Fact,
    rows: &[u32],
    used: &[u32],
    facts: &[StreamFacts],
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let mut dictionary = Dictionary::default();
    let (mut texts, mut integers) = (HashMap::new(), HashMap::new());
    // By stream: its number in the dictionary.
    let mut numbers = vec![None; facts.len()];
    for &stream in used {
        let of = &facts[stream as usize];
        let mut text = |text: &Option<Bytes>| {
            let text = text.as_ref()?;
            Some(*texts.entry(text.clone()).or_insert_with(|| dictionary.text(text)))
        };
        numbers[stream as usize] = match fact {
            Fact::Hostname => text(&of.hostname),
            Fact::Procname => text(&of.procname),
            Fact::Trace => text(&of.trace),
            Fact::Vpid | Fact::StreamClass | Fact::StreamId => {
                let value = match fact {
                    Fact::Vpid => of.vpid,
                    Fact::StreamClass => Some(of.class),
                    _ => Some(of.id),
                };
                value.map(|value| *integers.entry(value).or_insert_with(|| dictionary.integer(value)))
            }
        };
    }
    let of_used = || used.iter().map(|stream| numbers[*stream as usize]);
    if of_used().all(|number| number.is_none()) {
        return indexed::chunk(column, &dictionary, &indexed::Rows::Missing(rows.len()));
    }
    if of_used().all(|number| number == Some(0)) {
        return indexed::chunk(column, &dictionary, &indexed::Rows::Same(rows.len()));
    }
    let of_row = |stream: &u32| numbers[*stream as usize];
    let each: Vec<u32> = rows.iter().filter_map(of_row).collect();
    let levels: Vec<u32> = match each.len() == rows.len() {
        true => Vec::new(),
        false => rows.iter().map(|row| u32::from(of_row(row).is_some())).collect(),
    };
    indexed::chunk(column, &dictionary, &indexed::Rows::Each { numbers: &each, levels: &levels })
}

/// The streams that rows are of, each once.
fn streams_of(rows: &[u32], count: usize) -> Vec<u32> {
    let mut is_used = vec![false; count];
    rows.iter().for_each(|row| is_used[*row as usize] = true);
    (0u32..).zip(is_used).filter(|(_, is_used)| *is_used).map(|(stream, _)| stream).collect()
}
