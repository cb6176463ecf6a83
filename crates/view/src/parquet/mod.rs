//! Events as tables in Apache Parquet files, one for each name of events, for DuckDB, pandas, Polars, Spark and others.
//!
//! | column | type | what |
//! |---|---|---|
//! | `timestamp` | nanoseconds, UTC | when; the order of the rows |
//! | `cpu_id` | integer | from the packet's context |
//! | `hostname`, `procname`, `vpid` | text, text, integer | from the environment, if it has them |
//! | `trace` | text | the host and the folder of the trace |
//! | `stream_class`, `stream_id` | integers | for LTTng channel and CPU |
//! | `packet_…` | | other fields of the packet's context |
//! | `ctx_…` | | contexts of the channel |
//! | `event_ctx_…` | | contexts of this event alone |
//! | the fields' own names | | the payload |
//!
//! A name that is taken already gets a `_` behind it. Integers have the next of 8, 16, 32 and 64 bits, signed or not; an
//! enumeration is two columns, `state` with the label (`A|B` if several fit, null if none does) and `state_value`;
//! arrays and sequences are lists, structures are structures, a variant is a structure in which only the chosen option is
//! not null. What is optional (CTF 2) is null where it is missing, bits are an integer, BLOBs are bytes. What has no value (an
//! empty structure) has no column. Text that is not UTF-8 has U+FFFD in its place.
//!
//! Events of one name from several traces or channels share a table; columns that some of them lack are null there. If a
//! column has another type there (text here, a number there), they get a table each.
//!
//! Beside the tables stand `tables.csv` (`event`, `file`, `rows`) and `losses.csv` (`lost`, `count`, `begin`, `end`,
//! `trace`, `stream_class`, `stream_id`), each with a header.
//!
//! Memory: what waits to be written is at most [`budget`] bytes, about 64 MiB for traces with few kinds of events, 512
//! MiB for any; and some kilobytes for each row group that was written (about 130,000 rows).

mod distinct;
mod file;
mod indexed;
mod leaf;
mod names;
mod plan;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rttng_ctf::EnvValue;
use rttng_ctf::read::{Event, Lost, Reader, Trace};

use crate::columns::{Schema, Schemas, TIMESTAMP};
use crate::csv::{LossRow, Rows};
use crate::tape::Tape;
use crate::{Printer, ViewError};
use file::{StreamFacts, TableFile};
use leaf::Leaf;
use names::FileNames;
use plan::{LabelTexts, Plan, Row, Within};

/// Most rows of a row group: DuckDB and others read them in parallel.
const MAX_ROWS: usize = 1 << 17;

/// Most bytes of a row group before it is encoded.
const MAX_GROUP_BYTES: usize = 32 << 20;

/// What a row takes before its values.
const ROW_BYTES: usize = 16;

/// Most bytes that wait to be written, for so many tables.
pub const fn budget(tables: usize) -> usize {
    let wanted = (64 << 20) + tables.saturating_mul(256 << 10);
    if wanted < 512 << 20 { wanted } else { 512 << 20 }
}

/// Writes events into Parquet files.
pub struct ParquetTables {
    folder: PathBuf,
    names: FileNames,
    tables: Vec<Table>,
    /// By trace, stream class and event class.
    plans: Vec<Vec<Vec<ClassPlan>>>,
    streams: Vec<StreamFacts>,
    /// By stream: the packet whose context is kept, and that.
    packets: Vec<(usize, Tape)>,
    within: Within,
    losses: Rows,
    /// What waits in all tables, about.
    waiting: usize,
    budget: usize,
}

/// The table of a kind of event, and what to do with its values once one was seen.
type ClassPlan = (usize, Option<Box<Plan>>);

/// A table and what waits for it.
struct Table {
    schema: Schema,
    leaves: Vec<Leaf>,
    /// The stream of each row that waits.
    rows: Vec<u32>,
    labels: LabelTexts,
    bytes: usize,
    written: u64,
    file: Option<(String, TableFile)>,
}

/// Where losses are listed.
const LOSSES: &str = "losses.csv";

/// How much of the list of losses is put together before it is written.
const LIST_BYTES: usize = 64 << 10;

impl ParquetTables {
    /// Writes what `reader` gives into `folder`, which is made if it is not there and must be empty.
    pub fn new(reader: &Reader, folder: &Path) -> Result<ParquetTables, ViewError> {
        let io = |source| ViewError::File { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(io)?;
        if fs::read_dir(folder).map_err(io)?.next().is_some() {
            return Err(ViewError::NotEmpty(folder.to_owned()));
        }
        let Schemas { tables, table_of } = Schemas::of(reader);
        let plans = table_of.into_iter().map(|streams| {
            let of_stream = |events: Vec<usize>| events.into_iter().map(|table| (table, None)).collect();
            streams.into_iter().map(of_stream).collect()
        });
        let budget = budget(tables.len());
        let tables = tables.into_iter().map(|schema| Table {
            leaves: Leaf::of(&schema.columns),
            schema,
            rows: Vec::new(),
            labels: LabelTexts::default(),
            bytes: 0,
            written: 0,
            file: None,
        });
        Ok(ParquetTables {
            folder: folder.to_owned(),
            names: FileNames::default(),
            tables: tables.collect(),
            plans: plans.collect(),
            streams: (0..reader.stream_count()).map(|stream| facts(reader, stream)).collect(),
            packets: (0..reader.stream_count()).map(|_| (usize::MAX, Tape::default())).collect(),
            within: Within::default(),
            losses: Rows::below(&LossRow::HEADER),
            waiting: 0,
            budget,
        })
    }

    /// Writes what waits for one table.
    fn write(&mut self, table: usize) -> Result<(), ViewError> {
        let keep_memory = self.tables[table].bytes <= self.budget / self.tables.len().max(1);
        let table = &mut self.tables[table];
        if table.rows.is_empty() {
            return Ok(());
        }
        let (name, file) = match &mut table.file {
            Some(file) => file,
            none => {
                let name = self.names.take(&table.schema.event);
                let path = self.folder.join(&name);
                let file = TableFile::create(&path, &table.schema);
                let file = file.map_err(|error| fault(&self.folder, &name, &error))?;
                none.insert((name, file))
            }
        };
        let written = file.write(&mut table.leaves, &table.rows, &self.streams, &table.labels.texts);
        let outcome = written.map_err(|error| fault(&self.folder, name, &error));
        if outcome.is_ok() {
            table.written += table.rows.len() as u64;
        }
        table.leaves.iter_mut().for_each(|leaf| leaf.clear(keep_memory));
        table.rows.clear();
        self.waiting -= table.bytes;
        table.bytes = 0;
        outcome
    }

    /// Writes the table for which most waits.
    fn write_largest(&mut self) -> Result<(), ViewError> {
        let largest = (0..self.tables.len()).max_by_key(|&table| self.tables[table].bytes);
        largest.map_or(Ok(()), |largest| self.write(largest))
    }

    /// Writes all that waits, the ends of the files, and the two lists.
    fn end(&mut self) -> Result<(), ViewError> {
        for table in 0..self.tables.len() {
            self.write(table)?;
        }
        let mut list = Rows::below(&["event", "file", "rows"]);
        for table in &mut self.tables {
            let Some((name, file)) = table.file.take() else { continue };
            file.finish().map_err(|error| fault(&self.folder, &name, &error))?;
            list.add([table.schema.event.as_str(), &name, &table.written.to_string()].into_iter());
        }
        self.append("tables.csv", list.bytes())?;
        self.append(LOSSES, self.losses.bytes())
    }

    fn append(&self, name: &str, rows: &[u8]) -> Result<(), ViewError> {
        let path = self.folder.join(name);
        let file = fs::OpenOptions::new().append(true).create(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(rows));
        written.map_err(|source| ViewError::File { path, source })
    }
}

fn fault(folder: &Path, name: &str, error: &dyn std::fmt::Display) -> ViewError {
    ViewError::Parquet { path: folder.join(name), cause: error.to_string() }
}

/// What is the same for all events of a stream.
fn facts(reader: &Reader, stream: usize) -> StreamFacts {
    let info = reader.stream(stream);
    let trace: &Trace = &reader.traces()[info.trace];
    let environment = &trace.class().environment;
    let text = |key: &str| environment.text(key).map(|text| Bytes::copy_from_slice(text.as_bytes()));
    StreamFacts {
        hostname: text("hostname"),
        procname: text("procname"),
        vpid: environment.entries.iter().find_map(|(key, value)| match value {
            EnvValue::Integer(vpid) if key == "vpid" => Some(*vpid),
            _ => None,
        }),
        trace: Some(Bytes::copy_from_slice(trace.name().as_bytes())),
        class: trace.class().streams[info.class].id as i64,
        id: info.instance as i64,
    }
}

impl Printer for ParquetTables {
    fn event(&mut self, event: &mut Event<'_>) -> Result<(), ViewError> {
        let (stream_class, class) = (event.stream_class_number(), event.class_number());
        let (table_number, plan) = &mut self.plans[event.trace_number()][stream_class][class];
        let table_number = *table_number;
        let table = &mut self.tables[table_number];
        let plan =
            plan.get_or_insert_with(|| Box::new(Plan::of(event.trace(), stream_class, class, &table.schema)));
        let stream = event.stream();
        let (packet, tape) = &mut self.packets[stream];
        if *packet != event.packet() {
            tape.clear();
            event.show_packet_context(tape)?;
            *packet = event.packet();
        }
        match event.nanoseconds() {
            Some(time) => table.leaves[TIMESTAMP].integer(time as u64, 0),
            None => table.leaves[TIMESTAMP].null(0, 0),
        }
        for &leaf in &plan.absent {
            table.leaves[leaf].null(0, 0);
        }
        let mut row = Row::new(&mut table.leaves, &mut table.labels, &mut plan.scopes, &mut self.within);
        tape.play(&mut row);
        let outcome = event.show(&mut row);
        let bytes = ROW_BYTES + row.bytes;
        if let Err(error) = outcome {
            let rows = table.rows.len();
            table.leaves.iter_mut().for_each(|leaf| leaf.keep_rows(rows));
            return Err(error.into());
        }
        table.rows.push(stream as u32);
        table.bytes += bytes;
        self.waiting += bytes;
        if table.rows.len() >= MAX_ROWS || table.bytes >= MAX_GROUP_BYTES {
            self.write(table_number)
        } else if self.waiting >= self.budget {
            self.write_largest()
        } else {
            Ok(())
        }
    }

    fn lost(&mut self, reader: &Reader, stream: usize, lost: &Lost) -> Result<(), ViewError> {
        self.losses.add(LossRow::of(reader, stream, lost).cells());
        if self.losses.bytes().len() >= LIST_BYTES {
            self.append(LOSSES, self.losses.bytes())?;
            self.losses.clear();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ViewError> {
        self.end()
    }
}
