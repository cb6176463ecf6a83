//! One line for each event, one message for each loss.

use std::io::Write;
use std::rc::Rc;

use rttng_ctf::read::{Event, LossCount, Lost, Reader, Trace};
use rttng_ctf::types::Scope;
use rttng_ctf::{EnvValue, EventClass, Version};
use rttng_filter::LogLevelDomain;

use super::color::Colors;
use super::options::{TextOptions, TimeFormat};
use super::time::TimeText;
use super::values::{EventScopes, ScopeText, ValueText};
use crate::follow::FollowingPrinter;
use crate::number::{decimal, nine_digits, padded_decimal};
use crate::out::{Literal, Out};
use crate::parallel::{self, Edges, Gap, SlicePrinter};
use crate::select::{Selection, Selector};
use crate::{Printer, Ran, ViewError};

/// How much is put together before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// Prints events as text, and losses as messages.
pub struct TextPrinter<W, M> {
    options: TextOptions,
    colors: Colors,
    time: TimeText,
    output: W,
    messages: M,
    out: Out,
    /// How much is put together before it is written.
    most: usize,
    /// By trace, stream class and event class.
    events: Vec<Vec<Vec<EventText>>>,
    /// By stream: the packet context that was printed last, and of which packet that was.
    contexts: Vec<(usize, Literal)>,
    /// Time of the event before: nanoseconds, cycles.
    before: Option<(i64, u64)>,
    /// Whether the time before the first event is left out, and where that was.
    leaves_gap: bool,
    gap: Option<Gap>,
}

/// What is the same for all events of one kind.
#[derive(Debug)]
struct EventText {
    /// From the host's name to the event's own, and what follows that.
    head: Literal,
    scopes: EventScopes,
}

impl<W: Write, M: Write> TextPrinter<W, M> {
    /// Prints what `reader` gives: events to `output`, losses to `messages`.
    pub fn new(reader: &Reader, options: TextOptions, output: W, messages: M) -> TextPrinter<W, M> {
        let mut printer = TextPrinter {
            colors: Colors::of(options.color),
            time: TimeText::new(&options),
            options,
            output,
            messages,
            out: Out::with_capacity(BUFFER_BYTES + BUFFER_BYTES / 4),
            most: BUFFER_BYTES,
            events: Vec::new(),
            contexts: Vec::new(),
            before: None,
            leaves_gap: false,
            gap: None,
        };
        printer.make_tables(reader);
        printer
    }

    fn make_tables(&mut self, reader: &Reader) {
        let events = reader.traces().iter().map(|trace| {
            let streams = 0..trace.class().streams.len();
            streams.map(|stream| event_texts(trace, stream, &self.options, self.colors)).collect()
        });
        self.events = events.collect();
        self.contexts = vec![(usize::MAX, Literal::new(b"")); reader.stream_count()];
    }

    #[inline]
    fn put_time(&mut self, nanoseconds: Option<i64>, cycles: Option<u64>) {
        let (Some(nanoseconds), Some(cycles)) = (nanoseconds, cycles) else { return };
        let out = &mut self.out;
        let named = self.options.names.header;
        if named {
            put_header_name(out, self.colors, "timestamp");
        } else {
            out.put(b"[");
        }
        let colored = !self.colors.reset.is_empty();
        if colored {
            out.put(self.colors.time.as_bytes());
        }
        if self.options.time == TimeFormat::Cycles {
            padded_decimal(out, cycles, 20);
        } else {
            self.time.put(out, nanoseconds);
        }
        if colored {
            out.put(self.colors.reset.as_bytes());
        }
        out.put(if named { b", " } else { b"] " });
        if self.options.delta {
            if named {
                put_header_name(out, self.colors, "delta");
            } else {
                out.put(b"(");
            }
            if self.before.is_none() && self.leaves_gap {
                self.gap = Some(Gap { at: out.len(), time: (nanoseconds, cycles) });
            } else {
                put_delta(out, self.options.time, nanoseconds, cycles, self.before);
            }
            out.put(if named { b", " } else { b") " });
        }
        self.before = Some((nanoseconds, cycles));
    }

    /// Keeps the text of the context of the event's packet; what was put in from `start` on goes if that fails.
    #[cold]
    fn keep_context(&mut self, event: &mut Event<'_>, start: usize) -> Result<(), ViewError> {
        let kind = &self.events[event.trace_number()][event.stream_class_number()][event.class_number()];
        let mut out = Out::with_capacity(256);
        let shown = event.show_packet_context(&mut ValueText {
            out: &mut out,
            colors: self.colors,
            scopes: &kind.scopes,
            separator: b"",
            table: &kind.scopes.packet,
        });
        if let Err(error) = shown {
            self.out.truncate(start);
            return Err(error.into());
        }
        self.contexts[event.stream()] = (event.packet(), Literal::new(out.bytes()));
        Ok(())
    }

    /// Writes what was put together so far.
    fn write_out(&mut self) -> Result<(), ViewError> {
        let written = self.output.write_all(self.out.bytes()).map_err(ViewError::Write);
        self.out.clear();
        written
    }
}

impl<W: Write, M: Write> Printer for TextPrinter<W, M> {
    #[inline]
    fn event(&mut self, event: &mut Event<'_>) -> Result<(), ViewError> {
        let start = self.out.len();
        self.put_time(event.nanoseconds(), event.cycles());
        if self.contexts[event.stream()].0 != event.packet() {
            self.keep_context(event, start)?;
        }
        let kind = &self.events[event.trace_number()][event.stream_class_number()][event.class_number()];
        self.out.literal(&kind.head);
        let context = &self.contexts[event.stream()].1;
        self.out.literal(context);
        let mut values = ValueText {
            out: &mut self.out,
            colors: self.colors,
            scopes: &kind.scopes,
            separator: if context.is_empty() { b"" } else { b", " },
            table: &kind.scopes.fields,
        };
        if let Err(error) = event.show(&mut values) {
            self.out.truncate(start);
            return Err(error.into());
        }
        self.out.put(b"\n");
        if self.out.len() >= self.most { self.write_out() } else { Ok(()) }
    }

    fn lost(&mut self, reader: &Reader, stream: usize, lost: &Lost) -> Result<(), ViewError> {
        // In a terminal both go to the same place: then in the order of time.
        self.write_out()?;
        let info = reader.stream(stream);
        let trace = &reader.traces()[info.trace];
        let colors = Colors::of(self.options.color_messages);
        let mut out = Out::with_capacity(512);
        for word in [colors.message, colors.value, "WARNING", colors.reset, colors.message, ": Tracer "] {
            out.put(word.as_bytes());
        }
        match lost.count {
            LossCount::SomeEvents => out.put(b"may have discarded events"),
            LossCount::Events(count) => put_count(&mut out, count, "event"),
            LossCount::Packets(count) => put_count(&mut out, count, "packet"),
        }
        match lost.span {
            Some((begin, end)) => {
                out.put(b" between [");
                self.time.put(&mut out, begin);
                out.put(b"] and [");
                self.time.put(&mut out, end);
                out.put(b"]");
            }
            None => out.put(b" (unknown time range)"),
        }
        let class = trace.class();
        let uuid = match (class.version, &class.identity.uid, class.uuid) {
            (Version::Ctf2, Some(uid), _) => format!("UID: {uid}"),
            (Version::Ctf2, None, _) => "no UID".to_owned(),
            (Version::Ctf1, _, Some(uuid)) => format!("UUID: {uuid}"),
            (Version::Ctf1, _, None) => "no UUID".to_owned(),
        };
        let text = format!(
            " in trace \"{}\" ({uuid}) within stream \"{}\" (stream class ID: {}, stream ID: {}).{}\n",
            trace.name(),
            info.path.display(),
            trace.class().streams[info.class].id,
            info.instance,
            colors.reset
        );
        out.put(text.as_bytes());
        self.messages.write_all(out.bytes()).map_err(ViewError::Write)
    }

    /// Writes what is left, and takes colours back.
    fn finish(&mut self) -> Result<(), ViewError> {
        if self.options.color {
            self.out.put(self.colors.reset.as_bytes());
        }
        if self.options.color_messages {
            let reset = Colors::of(true).reset;
            self.messages.write_all(reset.as_bytes()).map_err(ViewError::Write)?;
        }
        self.write_out()?;
        self.output.flush().map_err(ViewError::Write)
    }
}

impl<W: Write, M: Write> FollowingPrinter for TextPrinter<W, M> {
    fn grown(&mut self, reader: &Reader) {
        self.make_tables(reader);
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        self.write_out()?;
        self.output.flush().map_err(ViewError::Write)
    }
}

impl<W: Write, M: Write> SlicePrinter for TextPrinter<W, M> {
    fn begin_slice(&mut self) {
        (self.before, self.gap, self.leaves_gap) = (None, None, true);
        self.most = usize::MAX;
    }

    fn out(&mut self) -> &mut Out {
        &mut self.out
    }

    fn edges(&self) -> Edges {
        Edges { gap: self.gap, last: self.before }
    }

    fn fill_gap(&self, gap: Gap, before: Option<(i64, u64)>) -> Vec<u8> {
        let mut out = Out::with_capacity(64);
        let (nanoseconds, cycles) = gap.time;
        put_delta(&mut out, self.options.time, nanoseconds, cycles, before);
        out.bytes().to_vec()
    }
}

/// Prints all that `selection` takes, with up to `threads` threads: the bytes are those of one.
///
/// # Errors
/// As [`run`](crate::run).
pub fn print<W: Write + Send, M: Write + Send>(
    reader: &mut Reader,
    selection: Selection,
    options: TextOptions,
    threads: usize,
    (mut output, mut messages): (W, M),
) -> Result<Ran, ViewError> {
    if !parallel::is_worth_it(reader, &selection, threads) {
        let mut selector = Selector::new(selection, reader)?;
        let mut printer = TextPrinter::new(reader, options, output, messages);
        return crate::run(reader, &mut selector, &mut printer);
    }
    let make = move |reader: &Reader, output, messages| TextPrinter::new(reader, options, output, messages);
    let ran = parallel::print(reader, &selection, threads, &make, &mut output, &mut messages);
    // The end of the colours.
    let finished = TextPrinter::new(reader, options, output, messages).finish();
    ran.and_then(|ran| finished.map(|()| ran))
}

fn put_count(out: &mut Out, count: u64, what: &str) {
    out.put(b"discarded ");
    decimal(out, count);
    out.put(b" ");
    out.put(what.as_bytes());
    if count != 1 {
        out.put(b"s");
    }
}

fn put_header_name(out: &mut Out, colors: Colors, name: &str) {
    for word in [colors.header, name, colors.reset, " = "] {
        out.put(word.as_bytes());
    }
}

#[inline]
fn put_delta(out: &mut Out, format: TimeFormat, nanoseconds: i64, cycles: u64, before: Option<(i64, u64)>) {
    out.put(b"+");
    match (format, before) {
        (TimeFormat::Cycles, None) => out.put(b"????????????"),
        (TimeFormat::Cycles, Some((_, before))) => padded_decimal(out, cycles.wrapping_sub(before), 12),
        (_, None) => out.put(b"?.?????????"),
        (_, Some((before, _))) => {
            let delta = nanoseconds.wrapping_sub(before) as u64;
            if delta < SECOND {
                out.put(b"0.");
                nine_digits(out, delta as u32);
            } else {
                decimal(out, delta / SECOND);
                out.put(b".");
                nine_digits(out, (delta % SECOND) as u32);
            }
        }
    }
}

/// The texts of all events of a stream class.
fn event_texts(trace: &Trace, stream: usize, options: &TextOptions, colors: Colors) -> Vec<EventText> {
    let names = options.names;
    let text = |event: usize, scope: Scope| {
        let named = if scope == Scope::EventFields { names.payload } else { names.context };
        let layout = trace.layout(stream, event, scope)?;
        Some(ScopeText::new(scope, layout, trace.class().version, named, names.scope, colors))
    };
    let packet = Rc::new(text(0, Scope::PacketContext).unwrap_or_default());
    let context = Rc::new(text(0, Scope::StreamEventContext).unwrap_or_default());
    let classes = trace.class().streams[stream].events.iter().enumerate();
    let events = classes.map(|(event, class)| EventText {
        head: head(trace, class, options, colors),
        scopes: EventScopes {
            packet: Rc::clone(&packet),
            stream: Rc::clone(&context),
            context: text(event, Scope::EventContext).unwrap_or_default(),
            fields: text(event, Scope::EventFields).unwrap_or_default(),
        },
    });
    events.collect()
}

/// What stands between the time of an event and its scopes.
fn head(trace: &Trace, class: &EventClass, options: &TextOptions, colors: Colors) -> Literal {
    let named = options.names.header;
    let mut out = Out::with_capacity(128);
    let fields = options.fields;
    let environment = &trace.class().environment;
    if fields.trace {
        if named {
            put_header_name(&mut out, colors, "trace");
        }
        out.put(trace.name().as_bytes());
        if named {
            // As babeltrace2 has it.
            out.put(b", , ");
        }
    }
    let mut words: Vec<(&str, String)> = Vec::new();
    for (wanted, key) in
        [(fields.hostname, "hostname"), (fields.domain, "domain"), (fields.procname, "procname")]
    {
        if let (true, Some(text)) = (wanted, environment.text(key)) {
            let name = match key {
                "hostname" => "trace:hostname",
                "domain" => "trace:domain",
                _ => "trace:procname",
            };
            words.push((name, text.to_owned()));
        }
    }
    let vpid = environment.entries.iter().find_map(|(key, value)| match value {
        EnvValue::Integer(vpid) if key == "vpid" => Some(*vpid),
        _ => None,
    });
    if let (true, Some(vpid)) = (fields.vpid, vpid) {
        words.push(("trace:vpid", format!("({vpid})")));
    }
    if let (true, Some(level)) = (fields.loglevel, class.log_level.and_then(level_name)) {
        words.push(("loglevel", level));
    }
    if let (true, Some(uri)) = (fields.emf, &class.emf_uri) {
        words.push(("model.emf.uri", uri.clone()));
    }
    for (i, (name, word)) in words.iter().enumerate() {
        if i > 0 {
            out.put(if named { b", " } else { b":" });
        }
        if named {
            put_header_name(&mut out, colors, name);
        }
        out.put(word.as_bytes());
    }
    if !words.is_empty() {
        out.put(if named { b", " } else { b" " });
    }
    if named {
        put_header_name(&mut out, colors, "name");
    }
    if class.name.is_empty() {
        out.put(colors.unknown.as_bytes());
        out.put(b"<unknown>");
    } else {
        out.put(colors.event.as_bytes());
        out.put(class.name.as_bytes());
    }
    out.put(colors.reset.as_bytes());
    out.put(if named { b", " } else { b": " });
    Literal::new(out.bytes())
}

/// A log level as it is shown; those of no name are not.
fn level_name(level: i64) -> Option<String> {
    let name = LogLevelDomain::UserSpace.name(level.try_into().ok()?)?;
    Some(format!("{name} ({level})"))
}
