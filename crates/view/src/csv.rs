//! Events as CSV (RFC 4180): a header, and a row for each event.
//!
//! | column | what |
//! |---|---|
//! | `timestamp` | nanoseconds since the origin of the clock, the Unix epoch for LTTng |
//! | `event` | its name |
//! | `hostname`, `procname`, `vpid` | from the environment |
//! | `cpu_id` | from the packet's context |
//! | `trace` | the host and the folder of the trace |
//! | `stream_class`, `stream_id` | for LTTng channel and CPU |
//! | `loglevel` | a number |
//! | `packet`, `context`, `event_context`, `fields` | the four scopes, each as the object that [`json`](mod@crate::json) has for it |
//!
//! These columns are stable. Where one event is asked for by its name ([`Columns::Of`]), there is a column for each value
//! in place of the last four: `packet_…`, `ctx_…`, `event_ctx_…` and, for the payload, the field's own name (with a `_`
//! behind it if the name is taken already). An enumeration is two columns, `state` with the label (`A|B` if several fit)
//! and `state_value`; a structure is a column for each of its members, `point.x`, as is a variant for each of its
//! options; arrays and sequences are JSON; bytes (CTF 2) are hexadecimal digits.
//!
//! What is not there is an empty cell, an empty text is `""`. Cells are in quotes where they have to be. Lines end with a
//! line feed. What was lost is told on the other output.

use std::io::Write;

use rttng_ctf::EnvValue;
use rttng_ctf::decode::{Labels, NodeId, NodeKind, Visit};
use rttng_ctf::read::{Event, LossCount, Lost, Reader, Trace};
use rttng_ctf::types::Scope;

use crate::columns::{Children, Column, FACTS, Kind, Schemas, walk_columns};
use crate::json::{self, NodeJson, SCOPES, ValueJson};
use crate::number::{decimal, signed_decimal};
use crate::out::{Literal, Out};
use crate::tape::Tape;
use crate::{Printer, ViewError};

/// How much is put together before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// The columns that there are always.
const COMMON: [&str; 10] = [
    "timestamp",
    "event",
    "hostname",
    "procname",
    "vpid",
    "cpu_id",
    "trace",
    "stream_class",
    "stream_id",
    "loglevel",
];

/// Which columns follow those that there are always.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// One for each scope.
    Scopes,
    /// One for each value of the events of that name. Other events are not printed.
    Of(String),
}

/// Prints events as CSV.
pub struct CsvPrinter<W, M> {
    output: W,
    messages: M,
    out: Out,
    /// The names of the columns after the common ones.
    names: Vec<String>,
    /// By trace, stream class and event class; nothing for events that are not printed.
    events: Vec<Vec<Vec<Option<EventCsv>>>>,
    streams: Vec<StreamCsv>,
    /// The cells of the event that is printed, and where each is in them.
    scratch: Out,
    cells: Vec<Cell>,
}

/// Where a cell is, and whether it may need quotes.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    start: usize,
    end: usize,
    form: CellForm,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum CellForm {
    #[default]
    Missing,
    Number,
    Text,
}

/// What is the same for all events of a stream.
#[derive(Debug)]
struct StreamCsv {
    /// Hostname to vpid, with commas behind them.
    host: Literal,
    /// Trace to stream, with commas around them.
    place: Literal,
    packet: usize,
    cpu: Out,
    tape: Tape,
}

/// What is the same for all events of one kind.
#[derive(Debug)]
struct EventCsv {
    /// The name with commas around it.
    name: Literal,
    level: Literal,
    forms: [Vec<Form>; 4],
    json: [Vec<NodeJson>; 4],
}

/// Where a value goes.
#[derive(Debug, Clone)]
enum Form {
    Nothing,
    Value(usize),
    Enumeration {
        label: usize,
        value: usize,
        labels: Labels,
    },
    /// With all that is in it.
    Json(usize),
}

impl<W: Write, M: Write> CsvPrinter<W, M> {
    /// Prints what `reader` gives to `output`, and losses to `messages`.
    pub fn new(reader: &Reader, columns: &Columns, output: W, messages: M) -> CsvPrinter<W, M> {
        let names = match columns {
            Columns::Scopes => SCOPES.iter().map(|(_, key)| (*key).to_owned()).collect(),
            Columns::Of(name) => flat_names(reader, name),
        };
        let events = reader.traces().iter().map(|trace| {
            let streams = trace.class().streams.iter().enumerate();
            let of_stream = |(stream, class): (usize, &rttng_ctf::StreamClass)| {
                (0..class.events.len())
                    .map(|event| EventCsv::new(trace, stream, event, columns, &names))
                    .collect()
            };
            streams.map(of_stream).collect()
        });
        let mut printer = CsvPrinter {
            output,
            messages,
            out: Out::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4),
            events: events.collect(),
            streams: (0..reader.stream_count()).map(|stream| StreamCsv::new(reader, stream)).collect(),
            scratch: Out::with_capacity(1024),
            cells: vec![Cell::default(); names.len()],
            names,
        };
        let header = COMMON.into_iter().chain(printer.names.iter().map(String::as_str));
        row(&mut printer.out, header);
        printer
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        let written = self.output.write_all(self.out.bytes()).map_err(ViewError::Write);
        self.out.clear();
        written
    }
}

impl<W: Write, M: Write> Printer for CsvPrinter<W, M> {
    fn event(&mut self, event: &mut Event<'_>) -> Result<(), ViewError> {
        let kind = &self.events[event.trace_number()][event.stream_class_number()][event.class_number()];
        let Some(kind) = kind else { return Ok(()) };
        let stream = &mut self.streams[event.stream()];
        if stream.packet != event.packet() {
            stream.tape.clear();
            event.show_packet_context(&mut stream.tape)?;
            stream.packet = event.packet();
            stream.cpu.clear();
            let layout =
                event.trace().layout(event.stream_class_number(), event.class_number(), Scope::PacketContext);
            let node = layout.and_then(|layout| layout.field("cpu_id"));
            stream.tape.play(&mut Cpu { node, out: &mut stream.cpu });
        }
        self.scratch.clear();
        self.cells.fill(Cell::default());
        let json = ValueJson::new(&mut self.scratch, &kind.json);
        let mut cells = Cells { json, cells: &mut self.cells, scopes: &kind.forms, forms: &[], depth: 0 };
        stream.tape.play(&mut cells);
        event.show(&mut cells)?;
        let out = &mut self.out;
        if let Some(time) = event.nanoseconds() {
            signed_decimal(out, time);
        }
        out.literal(&kind.name);
        out.literal(&stream.host);
        out.put(stream.cpu.bytes());
        out.literal(&stream.place);
        out.literal(&kind.level);
        for cell in &self.cells {
            out.put(b",");
            let bytes = &self.scratch.bytes()[cell.start..cell.end];
            match cell.form {
                CellForm::Missing => {}
                CellForm::Number => out.put(bytes),
                CellForm::Text => text(out, bytes),
            }
        }
        out.put(b"\n");
        if self.out.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn lost(&mut self, reader: &Reader, stream: usize, lost: &Lost) -> Result<(), ViewError> {
        let row = LossRow::of(reader, stream, lost);
        writeln!(self.messages, "rttng view: {row}").map_err(ViewError::Write)
    }

    fn finish(&mut self) -> Result<(), ViewError> {
        self.flush()?;
        self.output.flush().map_err(ViewError::Write)
    }
}

/// The names of the columns for events of one name.
fn flat_names(reader: &Reader, event: &str) -> Vec<String> {
    let mut names = Vec::new();
    let tables = Schemas::of(reader).tables.into_iter().filter(|table| table.event == event);
    for column in tables.flat_map(|table| table.columns) {
        let is_common = column.name == "timestamp"
            || column.name == "cpu_id"
            || FACTS.iter().any(|(_, name)| column.name == *name);
        if !is_common {
            flatten("", &column, &mut |name| {
                if !names.contains(&name) {
                    names.push(name);
                }
            });
        }
    }
    names
}

fn flatten(prefix: &str, column: &Column, each: &mut dyn FnMut(String)) {
    let name = format!("{prefix}{}", column.name);
    match &column.kind {
        Kind::Group(columns) => {
            let prefix = format!("{name}.");
            columns.iter().for_each(|column| flatten(&prefix, column, each));
        }
        _ => each(name),
    }
}

impl StreamCsv {
    fn new(reader: &Reader, stream: usize) -> StreamCsv {
        let info = reader.stream(stream);
        let trace = &reader.traces()[info.trace];
        let environment = &trace.class().environment.entries;
        let mut host = Out::with_capacity(128);
        for key in ["hostname", "procname", "vpid"] {
            match environment.iter().find(|(name, _)| name == key) {
                Some((_, EnvValue::Text(value))) => text(&mut host, value.as_bytes()),
                Some((_, EnvValue::Integer(value))) => signed_decimal(&mut host, *value),
                None => {}
            }
            host.put(b",");
        }
        let mut place = Out::with_capacity(128);
        place.put(b",");
        text(&mut place, trace.name().as_bytes());
        let class = trace.class().streams[info.class].id;
        place.put(format!(",{class},{},", info.instance).as_bytes());
        StreamCsv {
            host: Literal::new(host.bytes()),
            place: Literal::new(place.bytes()),
            packet: usize::MAX,
            cpu: Out::with_capacity(20),
            tape: Tape::default(),
        }
    }
}

impl EventCsv {
    fn new(
        trace: &Trace,
        stream: usize,
        event: usize,
        columns: &Columns,
        names: &[String],
    ) -> Option<EventCsv> {
        let class = &trace.class().streams[stream].events[event];
        let layouts = SCOPES.map(|(scope, _)| trace.layout(stream, event, scope));
        let mut forms =
            layouts.map(|layout| vec![Form::Nothing; layout.map_or(0, |layout| layout.nodes().len())]);
        let mut json = layouts.map(|layout| layout.map(|layout| json::nodes(layout, "")).unwrap_or_default());
        match columns {
            Columns::Scopes => {
                for (place, forms) in forms.iter_mut().enumerate().filter(|(_, forms)| !forms.is_empty()) {
                    forms[0] = Form::Json(place);
                    json[place][0].before = Literal::new("");
                }
            }
            Columns::Of(name) if *name == class.name => {
                let place_of = |wanted: &str| names.iter().position(|name| name == wanted);
                let children = layouts.map(|layout| layout.map(Children::of));
                walk_columns(trace, stream, event, |place, node, columns| {
                    let Some(children) = &children[place] else { return };
                    let mut bind = Bind { children, place_of: &place_of, forms: &mut forms[place] };
                    bind.node(node, "", &mut columns.iter());
                });
                for (forms, json) in forms.iter().zip(&mut json) {
                    for (form, json) in forms.iter().zip(json) {
                        if matches!(form, Form::Json(_)) {
                            json.before = Literal::new("");
                        }
                    }
                }
            }
            Columns::Of(_) => return None,
        }
        let mut name = Out::with_capacity(64);
        name.put(b",");
        text(&mut name, class.name.as_bytes());
        name.put(b",");
        let level = class.log_level.map(|level| level.to_string()).unwrap_or_default();
        Some(EventCsv { name: Literal::new(name.bytes()), level: Literal::new(level), forms, json })
    }
}

/// Finds the cells of the nodes of one scope.
struct Bind<'a> {
    children: &'a Children<'a>,
    place_of: &'a dyn Fn(&str) -> Option<usize>,
    forms: &'a mut [Form],
}

impl Bind<'_> {
    fn node(&mut self, node: NodeId, prefix: &str, columns: &mut dyn Iterator<Item = &Column>) {
        if let (NodeKind::Optional, Some(&content)) =
            (self.children.kind(node), self.children.of_node(node).first())
        {
            return self.node(content, prefix, columns);
        }
        let Some(column) = columns.next() else { return };
        let name = format!("{prefix}{}", column.name);
        let form = match (self.children.kind(node), &column.kind) {
            (NodeKind::Enumeration(_, labels), _) => {
                let Some(second) = columns.next() else { return };
                let value = (self.place_of)(&format!("{prefix}{}", second.name));
                match ((self.place_of)(&name), value) {
                    (Some(label), Some(value)) => Form::Enumeration { label, value, labels: labels.clone() },
                    _ => Form::Nothing,
                }
            }
            (_, Kind::Group(members)) => {
                let prefix = format!("{name}.");
                let mut members = members.iter();
                for &child in
                    self.children.of_node(node).iter().filter(|child| !self.children.is_empty(**child))
                {
                    self.node(child, &prefix, &mut members);
                }
                Form::Nothing
            }
            (NodeKind::Array, _) => (self.place_of)(&name).map_or(Form::Nothing, Form::Json),
            _ => (self.place_of)(&name).map_or(Form::Nothing, Form::Value),
        };
        self.forms[node as usize] = form;
    }
}

/// Takes the CPU from a packet's context.
struct Cpu<'a> {
    node: Option<NodeId>,
    out: &'a mut Out,
}

impl Visit for Cpu<'_> {
    fn scope(&mut self, _: Scope) {}

    fn unsigned(&mut self, node: NodeId, value: u64) {
        if self.node == Some(node) {
            decimal(self.out, value);
        }
    }

    fn signed(&mut self, node: NodeId, value: i64) {
        if self.node == Some(node) {
            signed_decimal(self.out, value);
        }
    }

    fn float(&mut self, _: NodeId, _: f64) {}
    fn text(&mut self, _: NodeId, _: &[u8]) {}
    fn begin(&mut self, _: NodeId) {}
    fn end(&mut self, _: NodeId) {}
    fn element(&mut self, _: NodeId, _: u64) {}
}

/// Writes the cells of one event, in the order in which its values come.
struct Cells<'a> {
    json: ValueJson<'a>,
    cells: &'a mut [Cell],
    scopes: &'a [Vec<Form>; 4],
    forms: &'a [Form],
    /// How deep it is in what is written as JSON.
    depth: usize,
}

impl Cells<'_> {
    /// Writes one cell.
    #[inline]
    fn cell(&mut self, place: usize, form: CellForm, put: impl FnOnce(&mut Out)) {
        let start = self.json.out.len();
        put(self.json.out);
        self.cells[place] = Cell { start, end: self.json.out.len(), form };
    }

    fn integer(&mut self, node: NodeId, value: i128, put: impl FnOnce(&mut Out)) {
        match &self.forms[node as usize] {
            Form::Value(place) => self.cell(*place, CellForm::Number, put),
            Form::Enumeration { label, value: place, labels } => {
                self.cell(*place, CellForm::Number, put);
                let mut form = CellForm::Missing;
                let start = self.json.out.len();
                for text in labels.covering(value) {
                    if form == CellForm::Text {
                        self.json.out.put(b"|");
                    }
                    self.json.out.put(text.as_bytes());
                    form = CellForm::Text;
                }
                self.cells[*label] = Cell { start, end: self.json.out.len(), form };
            }
            Form::Nothing | Form::Json(_) => {}
        }
    }
}

impl Visit for Cells<'_> {
    fn scope(&mut self, scope: Scope) {
        self.json.scope(scope);
        let place = SCOPES.iter().position(|(other, _)| *other == scope);
        self.forms = place.map_or(&[], |place| &self.scopes[place]);
    }

    #[inline]
    fn unsigned(&mut self, node: NodeId, value: u64) {
        if self.depth > 0 {
            return self.json.unsigned(node, value);
        }
        self.integer(node, value.into(), |out| decimal(out, value));
    }

    #[inline]
    fn signed(&mut self, node: NodeId, value: i64) {
        if self.depth > 0 {
            return self.json.signed(node, value);
        }
        self.integer(node, value.into(), |out| signed_decimal(out, value));
    }

    fn float(&mut self, node: NodeId, value: f64) {
        if self.depth > 0 {
            return self.json.float(node, value);
        }
        if let Form::Value(place) = self.forms[node as usize] {
            self.cell(place, CellForm::Number, |out| {
                let text = match (value.is_nan(), value.is_infinite(), value > 0.0) {
                    (true, ..) => "NaN".to_owned(),
                    (_, true, true) => "Infinity".to_owned(),
                    (_, true, false) => "-Infinity".to_owned(),
                    _ => format!("{value:?}"),
                };
                out.put(text.as_bytes());
            });
        }
    }

    #[inline]
    fn text(&mut self, node: NodeId, text: &[u8]) {
        if self.depth > 0 {
            return self.json.text(node, text);
        }
        if let Form::Value(place) = self.forms[node as usize] {
            self.cell(place, CellForm::Text, |out| {
                for piece in text.utf8_chunks() {
                    out.put(piece.valid().as_bytes());
                    if !piece.invalid().is_empty() {
                        out.put("\u{fffd}".as_bytes());
                    }
                }
            });
        }
    }

    fn boolean(&mut self, node: NodeId, value: bool) {
        if self.depth > 0 {
            return self.json.boolean(node, value);
        }
        if let Form::Value(place) = self.forms[node as usize] {
            self.cell(place, CellForm::Number, |out| out.put(if value { b"true" } else { b"false" }));
        }
    }

    fn bits(&mut self, node: NodeId, value: u64) {
        if self.depth > 0 {
            return self.json.bits(node, value);
        }
        self.unsigned(node, value);
    }

    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        if self.depth > 0 {
            return self.json.blob(node, bytes);
        }
        if let Form::Value(place) = self.forms[node as usize] {
            self.cell(place, CellForm::Number, |out| {
                bytes.iter().for_each(|byte| out.put(format!("{byte:02x}").as_bytes()));
            });
        }
    }

    fn begin(&mut self, node: NodeId) {
        if self.depth > 0 {
            self.depth += 1;
            return self.json.begin(node);
        }
        if let Form::Json(place) = self.forms[node as usize] {
            self.depth = 1;
            self.cells[place].start = self.json.out.len();
            self.json.begin(node);
        }
    }

    fn end(&mut self, node: NodeId) {
        if self.depth == 0 {
            return;
        }
        self.json.end(node);
        self.depth -= 1;
        if let (0, Form::Json(place)) = (self.depth, &self.forms[node as usize]) {
            let cell = &mut self.cells[*place];
            (cell.end, cell.form) = (self.json.out.len(), CellForm::Text);
        }
    }

    fn element(&mut self, node: NodeId, index: u64) {
        if self.depth > 0 {
            self.json.element(node, index);
        }
    }
}

/// A cell of text, in quotes where it has to be.
fn text(out: &mut Out, text: &[u8]) {
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    // Spaces at the ends belong to the cell, but some readers take them away.
    let is_plain =
        !text.is_empty() && !text.iter().any(special) && !text.starts_with(b" ") && !text.ends_with(b" ");
    if is_plain {
        return out.put(text);
    }
    out.put(b"\"");
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte == b'"') {
        out.put(&rest[..at]);
        out.put(b"\"\"");
        rest = &rest[at + 1..];
    }
    out.put(rest);
    out.put(b"\"");
}

/// A row of texts, the empty ones as what is not there.
fn row<'a>(out: &mut Out, cells: impl Iterator<Item = &'a str>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.put(b",");
        }
        if !cell.is_empty() {
            text(out, cell.as_bytes());
        }
    }
    out.put(b"\n");
}

/// Rows that are put together in memory.
#[derive(Debug)]
pub(crate) struct Rows(Out);

impl Rows {
    /// Rows below a header.
    pub(crate) fn below(header: &[&str]) -> Rows {
        let mut rows = Rows(Out::with_capacity(1024));
        rows.add(header.iter().copied());
        rows
    }

    pub(crate) fn add<'a>(&mut self, cells: impl Iterator<Item = &'a str>) {
        row(&mut self.0, cells);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// A loss as a row, or as a sentence.
#[derive(Debug, Clone)]
pub(crate) struct LossRow([String; 7]);

impl LossRow {
    pub(crate) const HEADER: [&str; 7] =
        ["lost", "count", "begin", "end", "trace", "stream_class", "stream_id"];

    pub(crate) fn of(reader: &Reader, stream: usize, lost: &Lost) -> LossRow {
        let info = reader.stream(stream);
        let trace = &reader.traces()[info.trace];
        let (what, count) = match lost.count {
            LossCount::Events(count) => ("events", count.to_string()),
            LossCount::SomeEvents => ("events", String::new()),
            LossCount::Packets(count) => ("packets", count.to_string()),
        };
        let (begin, end) = lost.span.unzip();
        let [begin, end] = [begin, end].map(|time| time.map(|time| time.to_string()).unwrap_or_default());
        let class = trace.class().streams[info.class].id.to_string();
        LossRow([
            what.to_owned(),
            count,
            begin,
            end,
            trace.name().to_owned(),
            class,
            info.instance.to_string(),
        ])
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl std::fmt::Display for LossRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [what, count, begin, end, trace, class, id] = &self.0;
        let count = if count.is_empty() { "an unknown number of" } else { count };
        write!(f, "lost {count} {what} of stream {id} of class {class} in {trace}")?;
        if begin.is_empty() { Ok(()) } else { write!(f, ", between {begin} and {end}") }
    }
}
