//! Events as JSON, one object a line.
//!
//! ```json
//! {"timestamp":1795373000000000000,"event":"my_app:request","trace":"host/ust/uid/1000/64-bit","hostname":"host",
//!  "stream":{"class":0,"id":1},"loglevel":6,"packet":{"cpu_id":1},"context":{"vpid":42},"fields":{"path":"/","n":3}}
//! ```
//! (in one line). This form is stable: keys are added, none is taken away or changes its meaning.
//!
//! | key | what | where |
//! |---|---|---|
//! | `timestamp` | nanoseconds since the origin of the clock, the Unix epoch for LTTng | with a clock |
//! | `event` | its name | always |
//! | `trace` | the host and the folder of the trace | always |
//! | `hostname`, `procname`, `vpid` | from the environment | if it has them |
//! | `stream` | ids of stream class and stream: for LTTng channel and CPU | always |
//! | `loglevel` | a number | if the event has one |
//! | `packet` | the packet's context, without sizes and times | if there is one |
//! | `context` | the contexts of the channel | if there are any |
//! | `event_context` | contexts of this event alone | if there are any |
//! | `fields` | the payload | if there is one |
//!
//! Integers are numbers of up to 64 bits, whatever their base; an enumeration is `{"value":1,"labels":["A"]}` with all
//! labels that fit; text that is not UTF-8 has U+FFFD in its place; floating point numbers that are no numbers are the
//! texts `NaN`, `Infinity`, `-Infinity`; a variant is what was chosen.
//!
//! Of CTF 2: a boolean is `true` or `false`; bits are the number that they make, with names
//! `{"value":5,"flags":["A"]}` with all that have a bit set; a BLOB is `{"type":"image/png","base64":"iVBO…"}`; an
//! optional field that is not there is `null`.
//!
//! A loss is an object without `event`: `{"lost":"events","count":4,"begin":…,"end":…,"trace":…,"stream":{…}}`, `lost`
//! being `events` or `packets`, `count` null where nobody counted.

use std::io::Write;

use rttng_ctf::EnvValue;
use rttng_ctf::decode::{Labels, Layout, NodeId, NodeKind, Visit};
use rttng_ctf::read::{Event, LossCount, Lost, Reader, Trace};
use rttng_ctf::types::Scope;

use crate::follow::FollowingPrinter;
use crate::number::{decimal, nine_digits, signed_decimal};
use crate::out::{Literal, Out, put_plain};
use crate::parallel::{self, Edges, Gap, SlicePrinter};
use crate::select::{Selection, Selector};
use crate::{Printer, Ran, ViewError};

/// How much is put together before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// The scopes of an event and their keys.
pub(crate) const SCOPES: [(Scope, &str); 4] = [
    (Scope::PacketContext, "packet"),
    (Scope::StreamEventContext, "context"),
    (Scope::EventContext, "event_context"),
    (Scope::EventFields, "fields"),
];

/// Prints events and losses as JSON.
pub struct JsonPrinter<W> {
    output: W,
    out: Out,
    /// How much is put together before it is written.
    most: usize,
    /// By trace, stream class and event class.
    events: Vec<Vec<Vec<EventJson>>>,
    streams: Vec<StreamJson>,
    time: Time,
}

/// What is the same for many events of a stream.
#[derive(Debug)]
struct StreamJson {
    /// `"stream":{…}`.
    name: Literal,
    /// The packet whose context is in `context`.
    packet: usize,
    context: Vec<u8>,
    /// What stands between the time and the scopes of an event, by class modulo [`HEADS`].
    heads: Vec<Head>,
}

/// So many kinds of events of each stream have what stands before their scopes put together once a packet.
const HEADS: usize = 32;

/// What stands between the time and the scopes of the events of one class in one packet.
#[derive(Debug)]
struct Head {
    class: usize,
    packet: usize,
    text: Vec<u8>,
}

/// The start of the object, and its time: all but the last nine digits change once a second.
#[derive(Debug)]
struct Time {
    /// The nanosecond that the kept second starts with; past all that there are at first.
    start: i64,
    kept: Literal,
}

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

impl Default for Time {
    fn default() -> Time {
        Time { start: i64::MAX, kept: Literal::new("") }
    }
}

impl Time {
    #[inline]
    fn put(&mut self, out: &mut Out, time: i64) {
        match time.checked_sub(self.start) {
            Some(fraction @ 0..SECOND) => {
                out.literal(&self.kept);
                nine_digits(out, fraction as u32);
            }
            _ => self.put_another(out, time),
        }
    }

    #[cold]
    fn put_another(&mut self, out: &mut Out, time: i64) {
        if time >= SECOND {
            self.start = time - time % SECOND;
            self.kept = Literal::new(format!("{{\"timestamp\":{}", time / SECOND));
            return self.put(out, time);
        }
        out.put(b"{\"timestamp\":");
        signed_decimal(out, time);
    }
}

/// What is the same for all events of one kind.
#[derive(Debug)]
struct EventJson {
    /// From the event's name to its stream.
    head: Literal,
    /// From its stream to its scopes.
    after: Literal,
    scopes: [Vec<NodeJson>; 4],
}

#[derive(Debug)]
pub(crate) struct NodeJson {
    /// What separates it from what stands before, and its key.
    pub(crate) before: Literal,
    form: Form,
    /// Whether what stands before it, and its brace, are put in with its first field.
    is_put_later: bool,
}

#[derive(Debug)]
enum Form {
    Plain,
    Enumeration(Labels),
    Bits(Labels),
    /// The media type, as JSON.
    Blob(String),
    Optional,
    Braces,
    Brackets,
    /// A variant, of which only the option is written.
    Nothing,
}

impl<W: Write> JsonPrinter<W> {
    /// Prints what `reader` gives.
    pub fn new(reader: &Reader, output: W) -> JsonPrinter<W> {
        let mut printer = JsonPrinter {
            output,
            out: Out::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4),
            most: BUFFER_BYTES,
            events: Vec::new(),
            streams: Vec::new(),
            time: Time::default(),
        };
        printer.make_tables(reader);
        printer
    }

    fn make_tables(&mut self, reader: &Reader) {
        let events = reader.traces().iter().map(|trace| {
            let streams = trace.class().streams.iter().enumerate();
            let of_stream = |(stream, class): (usize, &rttng_ctf::StreamClass)| {
                (0..class.events.len()).map(|event| EventJson::new(trace, stream, event)).collect()
            };
            streams.map(of_stream).collect()
        });
        let streams = (0..reader.stream_count()).map(|number| StreamJson {
            name: Literal::new(stream_name(reader, number)),
            packet: usize::MAX,
            context: Vec::new(),
            heads: Vec::new(),
        });
        self.events = events.collect();
        self.streams = streams.collect();
    }

    fn end_line(&mut self) -> Result<(), ViewError> {
        self.out.put(b"}\n");
        if self.out.len() >= self.most { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> Result<(), ViewError> {
        let written = self.output.write_all(self.out.bytes()).map_err(ViewError::Write);
        self.out.clear();
        written
    }
}

impl StreamJson {
    /// What stands between the time and the scopes of an event of that class.
    #[inline]
    fn head(&mut self, class: usize, kind: &EventJson) -> &[u8] {
        let place = class % HEADS;
        match self.heads.get(place) {
            Some(head) if (head.class, head.packet) == (class, self.packet) => {}
            _ => self.put_together(place, class, kind),
        }
        &self.heads[place].text
    }

    #[cold]
    fn put_together(&mut self, place: usize, class: usize, kind: &EventJson) {
        while self.heads.len() <= place {
            self.heads.push(Head { class: usize::MAX, packet: usize::MAX, text: Vec::new() });
        }
        let head = &mut self.heads[place];
        (head.class, head.packet) = (class, self.packet);
        head.text.clear();
        for part in [kind.head.bytes(), self.name.bytes(), kind.after.bytes(), &self.context] {
            head.text.extend_from_slice(part);
        }
    }
}

fn stream_name(reader: &Reader, number: usize) -> String {
    let info = reader.stream(number);
    let class = reader.traces()[info.trace].class().streams[info.class].id;
    format!(",\"stream\":{{\"class\":{class},\"id\":{}}}", info.instance)
}

impl<W: Write> Printer for JsonPrinter<W> {
    fn event(&mut self, event: &mut Event<'_>) -> Result<(), ViewError> {
        let start = self.out.len();
        let kind = &self.events[event.trace_number()][event.stream_class_number()][event.class_number()];
        let stream = &mut self.streams[event.stream()];
        let out = &mut self.out;
        match event.nanoseconds() {
            Some(time) => {
                self.time.put(out, time);
                out.put(b",");
            }
            None => out.put(b"{"),
        }
        let mut outcome = Ok(());
        if stream.packet != event.packet() {
            stream.packet = event.packet();
            let mut context = Out::with_capacity(256);
            outcome = event.show_packet_context(&mut ValueJson::new(&mut context, &kind.scopes));
            stream.context.clear();
            stream.context.extend_from_slice(context.bytes());
        }
        out.put(stream.head(event.class_number(), kind));
        let outcome = outcome.and_then(|()| event.show(&mut ValueJson::new(out, &kind.scopes)));
        if let Err(error) = outcome {
            self.out.truncate(start);
            return Err(error.into());
        }
        self.end_line()
    }

    fn lost(&mut self, reader: &Reader, stream: usize, lost: &Lost) -> Result<(), ViewError> {
        let (what, count) = match lost.count {
            LossCount::Events(count) => ("events", Some(count)),
            LossCount::SomeEvents => ("events", None),
            LossCount::Packets(count) => ("packets", Some(count)),
        };
        let null = |number: Option<String>| number.unwrap_or_else(|| "null".to_owned());
        let (begin, end) = lost.span.unzip();
        let [begin, end] = [begin, end].map(|time| null(time.map(|time| time.to_string())));
        let count = null(count.map(|count| count.to_string()));
        let head =
            format!("{{\"lost\":\"{what}\",\"count\":{count},\"begin\":{begin},\"end\":{end},\"trace\":");
        self.out.put(head.as_bytes());
        quoted(&mut self.out, reader.traces()[reader.stream(stream).trace].name().as_bytes());
        self.out.literal(&self.streams[stream].name);
        self.end_line()
    }

    fn finish(&mut self) -> Result<(), ViewError> {
        self.write_out()?;
        self.output.flush().map_err(ViewError::Write)
    }
}

impl<W: Write> FollowingPrinter for JsonPrinter<W> {
    fn grown(&mut self, reader: &Reader) {
        self.make_tables(reader);
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        self.write_out()?;
        self.output.flush().map_err(ViewError::Write)
    }
}

impl<W: Write> SlicePrinter for JsonPrinter<W> {
    fn begin_slice(&mut self) {
        self.most = usize::MAX;
    }

    fn out(&mut self) -> &mut Out {
        &mut self.out
    }

    fn edges(&self) -> Edges {
        Edges::default()
    }

    fn fill_gap(&self, _: Gap, _: Option<(i64, u64)>) -> Vec<u8> {
        Vec::new()
    }
}

/// Prints all that `selection` takes, with up to `threads` threads: the bytes are those of one.
///
/// # Errors
/// As [`run`](crate::run).
pub fn print<W: Write + Send>(
    reader: &mut Reader,
    selection: Selection,
    threads: usize,
    mut output: W,
) -> Result<Ran, ViewError> {
    if !parallel::is_worth_it(reader, &selection, threads) {
        let mut selector = Selector::new(selection, reader)?;
        let mut printer = JsonPrinter::new(reader, output);
        return crate::run(reader, &mut selector, &mut printer);
    }
    let make = |reader: &Reader, output, _| JsonPrinter::new(reader, output);
    let ran = parallel::print(reader, &selection, threads, &make, &mut output, &mut std::io::sink())?;
    output.flush().map_err(ViewError::Write)?;
    Ok(ran)
}

impl EventJson {
    fn new(trace: &Trace, stream: usize, event: usize) -> EventJson {
        let class = &trace.class().streams[stream].events[event];
        let mut head = Out::with_capacity(128);
        head.put(b"\"event\":");
        quoted(&mut head, class.name.as_bytes());
        head.put(b",\"trace\":");
        quoted(&mut head, trace.name().as_bytes());
        let environment = &trace.class().environment;
        for wanted in ["hostname", "procname", "vpid"] {
            let found = environment.entries.iter().find(|(key, _)| key == wanted);
            let Some((_, value)) = found else { continue };
            head.put(format!(",\"{wanted}\":").as_bytes());
            match value {
                EnvValue::Integer(value) => signed_decimal(&mut head, *value),
                EnvValue::Text(text) => quoted(&mut head, text.as_bytes()),
            }
        }
        let level = class.log_level.map(|level| format!(",\"loglevel\":{level}")).unwrap_or_default();
        let nodes = |scope: Scope, key: &str| {
            let layout = trace.layout(stream, event, scope);
            layout.map(|layout| fused(layout, nodes(layout, key))).unwrap_or_default()
        };
        EventJson {
            head: Literal::new(head.bytes()),
            after: Literal::new(level),
            scopes: SCOPES.map(|(scope, key)| nodes(scope, key)),
        }
    }
}

/// The table of one scope.
pub(crate) fn nodes(layout: &Layout, key: &str) -> Vec<NodeJson> {
    let kind_of = |node: NodeId| layout.nodes().get(node as usize).map(|node| &node.kind);
    let mut keys: std::collections::HashSet<(Option<NodeId>, String)> = std::collections::HashSet::new();
    let node = |node: &rttng_ctf::decode::Node| {
        let mut before = Out::with_capacity(64);
        match node.parent.and_then(kind_of) {
            None => before.put(format!(",\"{key}\":").as_bytes()),
            Some(NodeKind::Structure) => {
                if !node.is_first {
                    before.put(b",");
                }
                // `a` and `_a` are two fields of one name; an object has each key once.
                let mut name = node.name.clone();
                while !keys.insert((node.parent, name.clone())) {
                    name.push('_');
                }
                quoted(&mut before, name.as_bytes());
                before.put(b":");
            }
            Some(_) => {}
        }
        let form = match &node.kind {
            NodeKind::Integer(_) | NodeKind::Float | NodeKind::Text | NodeKind::Boolean => Form::Plain,
            NodeKind::Bits { flags, .. } => Form::Bits(flags.clone()),
            NodeKind::Blob { media_type } => {
                let mut text = Out::with_capacity(32);
                quoted(&mut text, media_type.as_bytes());
                Form::Blob(String::from_utf8_lossy(text.bytes()).into_owned())
            }
            NodeKind::Optional => Form::Optional,
            NodeKind::Enumeration(_, labels) => Form::Enumeration(labels.clone()),
            NodeKind::Structure => Form::Braces,
            NodeKind::Array => Form::Brackets,
            NodeKind::Variant => Form::Nothing,
        };
        NodeJson { before: Literal::new(before.bytes()), form, is_put_later: false }
    };
    layout.nodes().iter().map(node).collect()
}

/// Makes one text of all that is begun at once.
fn fused(layout: &Layout, mut table: Vec<NodeJson>) -> Vec<NodeJson> {
    for (at, node) in layout.nodes().iter().enumerate() {
        let Some(parent) = node.parent.map(|parent| parent as usize).filter(|_| node.is_first) else {
            continue;
        };
        if matches!(table[parent].form, Form::Braces) {
            table[parent].is_put_later = true;
            let around = std::mem::replace(&mut table[parent].before, Literal::new(""));
            let before = [around.bytes(), b"{", table[at].before.bytes()].concat();
            table[at].before = Literal::new(before);
        }
    }
    table
}

/// Text in quotes, as JSON has it.
#[inline]
fn quoted(out: &mut Out, text: &[u8]) {
    out.put(b"\"");
    let special = |byte: u8| (byte < 32) | (byte == b'"') | (byte == b'\\') | (byte >= 128);
    let rest = &text[put_plain(out, text, special)..];
    if !rest.is_empty() {
        escaped(out, rest);
    }
    out.put(b"\"");
}

#[cold]
fn escaped(out: &mut Out, text: &[u8]) {
    for piece in text.utf8_chunks() {
        let mut rest = piece.valid().as_bytes();
        while let Some(at) = rest.iter().position(|&byte| byte < 32 || byte == b'"' || byte == b'\\') {
            out.put(&rest[..at]);
            match rest[at] {
                b'\n' => out.put(b"\\n"),
                b'\r' => out.put(b"\\r"),
                b'\t' => out.put(b"\\t"),
                byte @ (b'"' | b'\\') => out.put(&[b'\\', byte]),
                byte => out.put(format!("\\u{byte:04x}").as_bytes()),
            }
            rest = &rest[at + 1..];
        }
        out.put(rest);
        if !piece.invalid().is_empty() {
            out.put("\u{fffd}".as_bytes());
        }
    }
}

/// Bytes as text (RFC 4648, section 4).
fn base64(out: &mut Out, bytes: &[u8]) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let letter = |at: usize| LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
        let letters = [0, 1, 2, 3].map(|at| if at <= group.len() { letter(at) } else { b'=' });
        out.put(&letters);
    }
}

/// Writes the values that it is shown.
pub(crate) struct ValueJson<'a> {
    pub(crate) out: &'a mut Out,
    scopes: &'a [Vec<NodeJson>; 4],
    nodes: &'a [NodeJson],
    /// Where the optional field that was begun last would stand.
    optional_at: usize,
}

impl<'a> ValueJson<'a> {
    pub(crate) fn new(out: &'a mut Out, scopes: &'a [Vec<NodeJson>; 4]) -> ValueJson<'a> {
        ValueJson { out, scopes, nodes: &[], optional_at: 0 }
    }

    #[inline]
    fn before(&mut self, node: NodeId) -> &'a Form {
        let node = &self.nodes[node as usize];
        self.out.literal(&node.before);
        &node.form
    }

    fn enumeration(&mut self, labels: &Labels, value: i128) {
        self.out.put(b"{\"value\":");
        self.out.put(value.to_string().as_bytes());
        self.out.put(b",\"labels\":[");
        self.labels(labels.covering(value));
        self.out.put(b"]}");
    }

    fn labels<'l>(&mut self, labels: impl Iterator<Item = &'l str>) {
        for (i, label) in labels.enumerate() {
            if i > 0 {
                self.out.put(b",");
            }
            quoted(self.out, label.as_bytes());
        }
    }
}

impl Visit for ValueJson<'_> {
    fn scope(&mut self, scope: Scope) {
        let place = SCOPES.iter().position(|(other, _)| *other == scope);
        self.nodes = place.map_or(&[], |place| &self.scopes[place]);
    }

    #[inline]
    fn unsigned(&mut self, node: NodeId, value: u64) {
        match self.before(node) {
            Form::Enumeration(labels) => self.enumeration(labels, value.into()),
            _ => decimal(self.out, value),
        }
    }

    #[inline]
    fn signed(&mut self, node: NodeId, value: i64) {
        match self.before(node) {
            Form::Enumeration(labels) => self.enumeration(labels, value.into()),
            _ => signed_decimal(self.out, value),
        }
    }

    fn float(&mut self, node: NodeId, value: f64) {
        self.before(node);
        if value.is_finite() {
            self.out.put(format!("{value:?}").as_bytes());
        } else {
            let name = match (value.is_nan(), value > 0.0) {
                (true, _) => "\"NaN\"",
                (false, true) => "\"Infinity\"",
                (false, false) => "\"-Infinity\"",
            };
            self.out.put(name.as_bytes());
        }
    }

    #[inline]
    fn text(&mut self, node: NodeId, text: &[u8]) {
        self.before(node);
        quoted(self.out, text);
    }

    fn boolean(&mut self, node: NodeId, value: bool) {
        self.before(node);
        self.out.put(if value { b"true" } else { b"false" });
    }

    fn bits(&mut self, node: NodeId, value: u64) {
        match self.before(node) {
            Form::Bits(flags) if flags.iter().next().is_some() => {
                self.out.put(b"{\"value\":");
                decimal(self.out, value);
                self.out.put(b",\"flags\":[");
                self.labels(flags.active(value));
                self.out.put(b"]}");
            }
            _ => decimal(self.out, value),
        }
    }

    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        let Form::Blob(media_type) = self.before(node) else { return };
        self.out.put(b"{\"type\":");
        self.out.put(media_type.as_bytes());
        self.out.put(b",\"base64\":\"");
        base64(self.out, bytes);
        self.out.put(b"\"}");
    }

    #[inline]
    fn begin(&mut self, node: NodeId) {
        if self.nodes[node as usize].is_put_later {
            return;
        }
        match self.before(node) {
            Form::Optional => self.optional_at = self.out.len(),
            Form::Braces => self.out.put(b"{"),
            Form::Brackets => self.out.put(b"["),
            _ => {}
        }
    }

    #[inline]
    fn end(&mut self, node: NodeId) {
        match self.nodes[node as usize].form {
            Form::Braces => self.out.put(b"}"),
            Form::Brackets => self.out.put(b"]"),
            Form::Optional if self.out.len() == self.optional_at => self.out.put(b"null"),
            _ => {}
        }
    }

    fn element(&mut self, _: NodeId, index: u64) {
        if index > 0 {
            self.out.put(b",");
        }
    }
}
