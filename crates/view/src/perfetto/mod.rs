//! Events as a Perfetto trace (protocol buffers, `TracePacket`s with `TrackEvent`s), for ui.perfetto.dev and
//! `trace_processor`.
//!
//! * **Tracks.** A track for each thread whose number is known (contexts `vtid` and `vpid`, or `tid` and `pid`; their names
//!   from `procname`, or from the environment for buffers per process), otherwise one for each process, otherwise one for
//!   each CPU of each host. Processes of a second host have their numbers moved by 2^23, so that they stay apart.
//! * **Events** are instants with arguments: the fields of the payload, and the other contexts in `context`. An enumeration
//!   is its label, with the number beside it in `…_value`; structures and arrays are nested; a variant is what was chosen.
//! * **Slices** are pairs of events, told by their names (`x_begin` and `x_end`, `entry`/`exit`, `enter`/`exit` or `leave`,
//!   `start`/`stop`, `done`, `end` or `finish`, `acquire`/`release`, `submit`/`complete`, also in the middle as in
//!   `syscall_entry_read`) or by the user ([`PairRule`]). An end belongs to the last begin of its thread; what was begun
//!   after that and has not ended yet, ends with it. With a key field, an end belongs to the begin of its process with the
//!   same value, and slices are in lanes of their own below the process.
//! * **Spans** of the `tracing` crate as rttng's tracer records them (`…:new`, `…:enter`, `…:exit`, `…:close` with the field
//!   `span`): a slice in the thread for each time that a span is entered, a lane from its beginning to its end, and arrows
//!   between the two.
//! * **Counters**: fields that are chosen ([`CounterRule`]), or fields that are named like one ([`COUNTER_FIELDS`]).
//! * **Arrows** (flows) between events with the same value of a field that is chosen.
//! * **Time**: that of the trace's clock, with a snapshot that tells what real time it was.
//! * **Losses** are instants on the track of their CPU, and are summed up in the trace's statistics.
//!
//! Memory: some hundred bytes for each thread (2^17 at most), open slice (2^16 at most, and 2048 in one thread) and
//! counter; nothing else is kept. What is beyond a bound is shown as instants on the track of its CPU.

mod args;
mod pairs;
mod proto;
mod slices;
mod tracks;

use std::io::Write;

use rttng_ctf::EnvValue;
use rttng_ctf::decode::{NodeId, NodeKind};
use rttng_ctf::read::{Event, LossCount, Lost, Reader, Trace};
use rttng_ctf::types::Scope;
use rttng_filter::pattern;

use crate::losses::LossMeter;
pub use crate::pair::{BadPair, PairRule};
use crate::tape::Tape;
use crate::{Printer, ViewError};
use args::{Args, Names, Node, Number, SCOPES, Seen, Uses, hash, put_text};
use pairs::{Role, SPAN, Slices};
use proto::{Proto, TRACE_PACKET, annotation, clock, event as field, interned, packet, stats};
use slices::{Ended, OpenSlices};
use tracks::{TrackId, Tracks};

/// Fields of a payload that are counters unless others are chosen; `value` is one in events whose names have `counter`,
/// `gauge` or `metric` in them.
pub const COUNTER_FIELDS: [&str; 8] =
    ["counter", "gauge", "depth", "queue_depth", "queue_length", "queue_len", "in_flight", "utilization"];

/// How much is put together before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// The one sequence that packets are of.
const SEQUENCE: u64 = 1;

/// How far apart events are drawn that have no time.
const NO_CLOCK_STEP_NS: i64 = 1000;

/// Fields that are counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterRule {
    /// The events, `*` standing for any text.
    pub events: String,
    /// The field of the payload.
    pub field: String,
}

/// Text that is no counter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no counter: write EVENT,FIELD")]
pub struct BadCounter(String);

impl std::str::FromStr for CounterRule {
    type Err = BadCounter;

    fn from_str(text: &str) -> Result<CounterRule, BadCounter> {
        match text.split_once(',').map(|(events, field)| (events.trim(), field.trim())) {
            Some((events, field)) if !events.is_empty() && !field.is_empty() => {
                Ok(CounterRule { events: events.to_owned(), field: field.to_owned() })
            }
            _ => Err(BadCounter(text.to_owned())),
        }
    }
}

/// What is drawn how.
#[derive(Debug, Clone, Default)]
pub struct PerfettoOptions {
    /// Pairs of events that are slices, besides those that names tell.
    pub pairs: Vec<PairRule>,
    /// Take no pairs from names.
    pub only_named_pairs: bool,
    /// Counters; without any, those of [`COUNTER_FIELDS`].
    pub counters: Vec<CounterRule>,
    /// Fields and contexts of which the same value means the same flow.
    pub flows: Vec<String>,
}

/// Writes a Perfetto trace.
pub struct PerfettoPrinter<W> {
    output: W,
    out: Proto,
    options: PerfettoOptions,
    slices: Slices,
    events: Names,
    categories: Names,
    arguments: Names,
    counters: Vec<String>,
    tracks: Tracks,
    open: OpenSlices,
    /// By trace, stream class and event class, once one was seen.
    plans: Vec<Vec<Vec<Option<Box<Plan>>>>>,
    traces: Vec<TraceFacts>,
    streams: Vec<StreamFacts>,
    seen: Seen,
    losses: LossMeter,
    /// Real time at 0 of the trace's clock.
    origin: i64,
    /// Time of the event before.
    last: i64,
    is_begun: bool,
}

/// What is the same for all events of one trace.
#[derive(Debug)]
struct TraceFacts {
    host: u32,
    /// Where buffers are per process.
    process: Option<i64>,
    name: Vec<u8>,
}

#[derive(Debug)]
struct StreamFacts {
    trace: usize,
    packet: usize,
    cpu: Option<u64>,
    lost_events: u64,
    lost_packets: u64,
}

/// What is done with events of one kind.
#[derive(Debug)]
struct Plan {
    name: u64,
    category: u64,
    role: Role,
    scopes: [Vec<Node>; 3],
    /// The name of the slice that it begins.
    slice: u64,
    /// Numbers of its counters.
    counters: Vec<u32>,
    /// Where the CPU stands in the packet's context.
    cpu: Option<NodeId>,
    /// Whether flows are told by a span of its process.
    is_span: bool,
    /// Number of the argument that says the CPU.
    cpu_name: u64,
}

impl<W: Write> PerfettoPrinter<W> {
    /// Writes what `reader` gives.
    pub fn new(reader: &Reader, options: PerfettoOptions, output: W) -> PerfettoPrinter<W> {
        let mut tracks = Tracks::default();
        let traces = reader.traces().iter().map(|trace| {
            let environment = &trace.class().environment;
            let process = environment.entries.iter().find_map(|(key, value)| match value {
                EnvValue::Integer(process) if key == "vpid" => Some(*process),
                _ => None,
            });
            let host = tracks.host(environment.text("hostname").unwrap_or_default());
            let name = environment.text("procname").unwrap_or_default().as_bytes().to_vec();
            TraceFacts { host, process, name }
        });
        let traces = traces.collect();
        let streams = (0..reader.stream_count()).map(|stream| StreamFacts {
            trace: reader.stream(stream).trace,
            packet: usize::MAX,
            cpu: None,
            lost_events: 0,
            lost_packets: 0,
        });
        let scales = (0..reader.stream_count()).filter_map(|stream| reader.stream(stream).scale);
        let plans = reader.traces().iter().map(|trace| {
            let streams = trace.class().streams.iter();
            streams.map(|stream| stream.events.iter().map(|_| None).collect()).collect()
        });
        PerfettoPrinter {
            output,
            out: Proto::default(),
            slices: Slices::of(reader, &options.pairs, !options.only_named_pairs),
            options,
            events: Names::default(),
            categories: Names::default(),
            arguments: Names::default(),
            counters: Vec::new(),
            tracks,
            open: OpenSlices::default(),
            plans: plans.collect(),
            traces,
            streams: streams.collect(),
            seen: Seen::default(),
            losses: LossMeter::default(),
            origin: scales.map(|scale| scale.nanoseconds(0)).min().unwrap_or(0),
            last: 0,
            is_begun: false,
        }
    }

    /// The clocks, and the start of the sequence.
    fn begin(&mut self, time: u64) {
        self.is_begun = true;
        let out = &mut self.out;
        let open = out.begin(TRACE_PACKET);
        out.unsigned(packet::SEQUENCE, SEQUENCE);
        let snapshot = out.begin(packet::CLOCK_SNAPSHOT);
        let real = self.origin.saturating_add_unsigned(time).max(0) as u64;
        for (id, time) in [(clock::BOOTTIME, time), (clock::MONOTONIC, time), (clock::REALTIME, real)] {
            let clock = out.begin(clock::CLOCKS);
            out.unsigned(clock::ID, id);
            out.unsigned(clock::TIME, time);
            out.end(clock);
        }
        out.unsigned(clock::PRIMARY, clock::BOOTTIME);
        out.end(snapshot);
        out.end(open);
        let open = out.begin(TRACE_PACKET);
        out.unsigned(packet::SEQUENCE, SEQUENCE);
        out.unsigned(packet::FLAGS, packet::CLEARED);
        out.unsigned(packet::FIRST_OF_SEQUENCE, 1);
        let defaults = out.begin(packet::DEFAULTS);
        out.unsigned(packet::DEFAULT_CLOCK, clock::BOOTTIME);
        out.end(defaults);
        out.end(open);
    }

    /// Time of an event on the trace's clock.
    fn time(&mut self, nanoseconds: Option<i64>) -> u64 {
        let time = match nanoseconds {
            Some(time) => time.saturating_sub(self.origin).max(0),
            None => self.last.saturating_add(NO_CLOCK_STEP_NS),
        };
        self.last = time;
        time as u64
    }

    /// Describes the tracks that are new.
    fn describe_tracks(&mut self) {
        for description in self.tracks.new.drain(..) {
            let open = self.out.begin(TRACE_PACKET);
            self.out.unsigned(packet::SEQUENCE, SEQUENCE);
            self.out.bytes(packet::TRACK, &description.bytes);
            self.out.end(open);
        }
    }

    /// Writes one packet with an event; `rest` writes what else is in it.
    fn put(&mut self, time: u64, track: TrackId, kind: u64, rest: impl FnOnce(&mut Proto, &Seen)) {
        let out = &mut self.out;
        let open = out.begin(TRACE_PACKET);
        out.unsigned(packet::TIMESTAMP, time);
        out.unsigned(packet::SEQUENCE, SEQUENCE);
        out.unsigned(packet::FLAGS, packet::NEEDS_STATE);
        let lists = [
            (interned::CATEGORIES, &mut self.categories),
            (interned::EVENTS, &mut self.events),
            (interned::ANNOTATIONS, &mut self.arguments),
        ];
        if lists.iter().any(|(_, names)| !names.new.is_empty()) {
            let data = out.begin(packet::INTERNED);
            for (list, names) in lists {
                for (number, name) in names.new.drain(..) {
                    let entry = out.begin(list);
                    out.unsigned(interned::IID, number);
                    put_text(out, interned::NAME, name.as_bytes(), name.len());
                    out.end(entry);
                }
            }
            out.end(data);
        }
        let event = out.begin(packet::TRACK_EVENT);
        out.unsigned(field::TYPE, kind);
        out.unsigned(field::TRACK, track.uuid());
        rest(out, &self.seen);
        out.end(event);
        out.end(open);
    }

    fn flush(&mut self) -> Result<(), ViewError> {
        let written = self.output.write_all(&self.out.bytes).map_err(ViewError::Write);
        self.out.bytes.clear();
        written
    }

    /// What to do with events of a class.
    fn plan(&mut self, trace: &Trace, place: usize, stream: usize, event: usize) -> Plan {
        let class = &trace.class().streams[stream].events[event];
        let mut scopes = args::nodes(trace, stream, event, &mut self.arguments);
        let role = self.slices.roles.get(&class.name).cloned().unwrap_or_default();
        let of = |number: &usize| &self.slices.slices[*number];
        let keys = role.begins.iter().chain(&role.ends).filter_map(|number| of(number).key.clone());
        let keys: Vec<String> = keys.collect();
        let slice = role.begins.map_or(0, |number| self.events.number(&self.slices.slices[number].name));
        // The first of each that is there.
        let mut wanted: Vec<(usize, String, Uses, bool)> = Vec::new();
        for (names, uses) in
            [(args::PROCESS, Uses::PROCESS), (args::THREAD, Uses::THREAD), (args::NAME, Uses::NAME)]
        {
            let layout = trace.layout(stream, event, Scope::StreamEventContext);
            let found =
                names.into_iter().find(|name| layout.is_some_and(|layout| layout.field(name).is_some()));
            wanted.extend(found.map(|name| (0, name.to_owned(), uses, true)));
        }
        let fields = trace.layout(stream, event, Scope::EventFields);
        let is_span = fields.is_some_and(|layout| layout.field(SPAN).is_some())
            && [":new", ":enter"].iter().any(|end| class.name.ends_with(end))
            && role.begins.is_some();
        for place in 0..SCOPES.len() {
            wanted.extend(keys.iter().map(|key| (place, key.clone(), Uses::KEY, false)));
            wanted.extend(self.options.flows.iter().map(|flow| (place, flow.clone(), Uses::FLOW, false)));
        }
        if is_span {
            wanted.push((2, SPAN.to_owned(), Uses::FLOW, false));
        }
        for (place, name, uses, is_hidden) in wanted {
            let layout = trace.layout(stream, event, SCOPES[place]);
            let Some(node) = layout.and_then(|layout| layout.field(&name)) else { continue };
            let node = &mut scopes[place][node as usize];
            node.uses.add(uses);
            if is_hidden {
                args::hide(node);
            }
        }
        let mut counters = Vec::new();
        for (number, node) in fields.map_or(&[][..], |layout| layout.nodes()).iter().enumerate() {
            let is_number = matches!(node.kind, NodeKind::Integer(_) | NodeKind::Float);
            if node.parent == Some(0) && is_number && self.is_counter(&class.name, &node.name) {
                scopes[2][number].uses.add(Uses::COUNTER);
                scopes[2][number].counter = counters.len();
                counters.push(self.counters.len() as u32);
                self.counters.push(format!("{}.{}", class.name, node.name));
            }
        }
        let category = class.name.split_once(':').map_or("", |(provider, _)| provider);
        let facts = &self.traces[place];
        if let Some(process) = facts.process {
            let name = (!facts.name.is_empty()).then_some(facts.name.as_slice());
            self.tracks.of_process(facts.host, process, name);
        }
        Plan {
            name: self.events.number(&class.name),
            category: if category.is_empty() { 0 } else { self.categories.number(category) },
            role,
            scopes,
            slice,
            counters,
            cpu: trace.layout(stream, event, Scope::PacketContext).and_then(|layout| layout.field("cpu_id")),
            is_span,
            cpu_name: self.arguments.number("cpu_id"),
        }
    }

    fn is_counter(&self, event: &str, name: &str) -> bool {
        if self.options.counters.is_empty() {
            let is_value =
                name == "value" && ["counter", "gauge", "metric"].iter().any(|word| event.contains(word));
            return is_value || COUNTER_FIELDS.contains(&name);
        }
        let fits = |rule: &CounterRule| {
            pattern::name_matches(rule.events.as_bytes(), event.as_bytes()) && rule.field == name
        };
        self.options.counters.iter().any(fits)
    }

    /// Draws the event whose values are in `self.seen`.
    fn draw(&mut self, plan: &Plan, stream: usize, time: u64) {
        let StreamFacts { trace, cpu, .. } = self.streams[stream];
        let TraceFacts { host, process, .. } = self.traces[trace];
        let process = self.seen.process.or(process);
        let thread =
            self.seen.thread.and_then(|tid| self.tracks.of_thread(host, process, tid, &self.seen.name));
        let own = match (thread, process) {
            (Some(thread), _) => thread,
            (None, Some(process)) if self.seen.thread.is_none() => {
                let name = (!self.seen.name.is_empty()).then_some(self.seen.name.as_slice());
                self.tracks.of_process(host, process, name)
            }
            _ => self.tracks.of_cpu(host, cpu, stream),
        };
        let shows_cpu = cpu.filter(|_| thread.is_some() || process.is_some());
        let mut ended = None;
        for &slice in &plan.role.ends {
            let found = match &self.slices.slices[slice].key {
                None => self.open.end_in(own, slice),
                Some(_) => self.seen.key.and_then(|key| self.open.end_of((host, process, slice, key))),
            };
            if found.is_some() {
                ended = found;
                break;
            }
        }
        let begun = plan.role.begins.and_then(|slice| self.begin_slice(slice, host, process, own));
        self.describe_tracks();
        let flow = self.seen.flow.map(|value| match plan.is_span {
            true => hash(&[&host.to_le_bytes(), &process.unwrap_or(-1).to_le_bytes(), &value.to_le_bytes()]),
            false => hash(&[&value.to_le_bytes()]),
        });
        let rest = |out: &mut Proto, seen: &Seen, name: Option<u64>| {
            // With a name, an end would look for a slice of that name.
            if let Some(name) = name {
                out.unsigned(field::NAME, name);
                if plan.category != 0 {
                    out.unsigned(field::CATEGORY, plan.category);
                }
            }
            if let Some(flow) = flow {
                out.fixed(field::FLOW, flow);
            }
            out.bytes.extend_from_slice(&seen.args.bytes);
            if let Some(cpu) = shows_cpu {
                let open = out.begin(field::ANNOTATION);
                out.unsigned(annotation::NAME, plan.cpu_name);
                out.unsigned(annotation::UNSIGNED, cpu);
                out.end(open);
            }
        };
        match ended {
            Some(Ended { track, unfinished }) => {
                for _ in 0..unfinished {
                    self.put(time, track, field::END, |_, _| {});
                }
                self.put(time, track, field::END, |out, seen| rest(out, seen, None));
            }
            None if begun.is_none() => {
                self.put(time, own, field::INSTANT, |out, seen| rest(out, seen, Some(plan.name)))
            }
            None => {}
        }
        if let Some(track) = begun {
            self.put(time, track, field::BEGIN, |out, seen| rest(out, seen, Some(plan.slice)));
        }
        if !plan.counters.is_empty() {
            self.count(plan, host, process, time);
        }
    }

    /// Where a slice begins; nothing if too many are open.
    fn begin_slice(
        &mut self,
        slice: usize,
        host: u32,
        process: Option<i64>,
        own: TrackId,
    ) -> Option<TrackId> {
        let Some(name) =
            self.slices.slices[slice].key.is_some().then(|| self.slices.slices[slice].name.clone())
        else {
            return self.open.begin_in(own, slice).then_some(own);
        };
        let key = (host, process, slice, self.seen.key?);
        let lane = self.open.free_lane(&key)?;
        let track = self.tracks.of_lane(host, process, (slice as u32, lane), &name)?;
        self.open.begin_of(key, lane, track);
        Some(track)
    }

    /// Writes the counters of the event.
    fn count(&mut self, plan: &Plan, host: u32, process: Option<i64>, time: u64) {
        for at in 0..self.seen.counters.len() {
            let (place, value) = self.seen.counters[at];
            let counter = plan.counters[place];
            let name = &self.counters[counter as usize];
            let Some(track) = self.tracks.of_counter(host, process, counter, name) else { continue };
            self.describe_tracks();
            self.put(time, track, field::COUNTER, |out, _| match value {
                Number::Signed(value) => out.signed(field::COUNTER_VALUE, value),
                Number::Unsigned(value) => match i64::try_from(value) {
                    Ok(value) => out.signed(field::COUNTER_VALUE, value),
                    Err(_) => out.double(field::DOUBLE_COUNTER_VALUE, value as f64),
                },
                Number::Float(value) => out.double(field::DOUBLE_COUNTER_VALUE, value),
            });
        }
    }
}

impl<W: Write> Printer for PerfettoPrinter<W> {
    fn event(&mut self, event: &mut Event<'_>) -> Result<(), ViewError> {
        let (trace, stream, class) =
            (event.trace_number(), event.stream_class_number(), event.class_number());
        let plan = match self.plans[trace][stream][class].take() {
            Some(plan) => plan,
            None => Box::new(self.plan(event.trace(), trace, stream, class)),
        };
        let number = event.stream();
        if self.streams[number].packet != event.packet() {
            let mut tape = Tape::default();
            event.show_packet_context(&mut tape)?;
            let facts = &mut self.streams[number];
            (facts.packet, facts.cpu) = (event.packet(), plan.cpu.and_then(|node| tape.integer(node)));
        }
        self.seen.clear();
        let outcome = event.show(&mut Args::new(&mut self.seen, &plan.scopes));
        if outcome.is_ok() {
            let time = self.time(event.nanoseconds());
            if !self.is_begun {
                self.begin(time);
            }
            self.draw(&plan, number, time);
        }
        self.plans[trace][stream][class] = Some(plan);
        outcome?;
        if self.out.bytes.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn lost(&mut self, reader: &Reader, stream: usize, lost: &Lost) -> Result<(), ViewError> {
        let lost = self.losses.new_of(reader, stream, lost);
        if lost.count == LossCount::Events(0) {
            return Ok(());
        }
        let facts = &mut self.streams[stream];
        let (what, count) = match lost.count {
            LossCount::Events(count) => {
                facts.lost_events = facts.lost_events.saturating_add(count);
                ("lost events", Some(count))
            }
            LossCount::SomeEvents => ("lost events", None),
            LossCount::Packets(count) => {
                facts.lost_packets = facts.lost_packets.saturating_add(count);
                ("lost packets", Some(count))
            }
        };
        let host = self.traces[facts.trace].host;
        let track = self.tracks.of_cpu(host, facts.cpu, stream);
        let end = lost.span.map(|(_, end)| end);
        let time = end.map_or(self.last as u64, |end| end.saturating_sub(self.origin).max(0) as u64);
        if !self.is_begun {
            self.begin(time);
        }
        self.describe_tracks();
        let name = self.events.number(what);
        let names = ["count", "begin", "end", "trace"].map(|name| self.arguments.number(name));
        let number = |time: i64| Number::Signed(time.saturating_sub(self.origin));
        let values = [count.map(Number::Unsigned), lost.span.map(|span| number(span.0)), end.map(number)];
        let of = reader.traces()[reader.stream(stream).trace].name();
        self.put(time, track, field::INSTANT, |out, _| {
            out.unsigned(field::NAME, name);
            for (name, value) in names.into_iter().zip(values) {
                let Some(value) = value else { continue };
                let open = out.begin(field::ANNOTATION);
                out.unsigned(annotation::NAME, name);
                match value {
                    Number::Unsigned(value) => out.unsigned(annotation::UNSIGNED, value),
                    Number::Signed(value) => out.signed(annotation::SIGNED, value),
                    Number::Float(value) => out.double(annotation::DOUBLE, value),
                }
                out.end(open);
            }
            let open = out.begin(field::ANNOTATION);
            out.unsigned(annotation::NAME, names[3]);
            put_text(out, annotation::TEXT, of.as_bytes(), of.len());
            out.end(open);
        });
        if self.out.bytes.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes the statistics, one buffer for each stream.
    fn finish(&mut self) -> Result<(), ViewError> {
        if !self.is_begun {
            self.begin(0);
        }
        let out = &mut self.out;
        let open = out.begin(TRACE_PACKET);
        out.unsigned(packet::TIMESTAMP, self.last as u64);
        out.unsigned(packet::SEQUENCE, SEQUENCE);
        let all = out.begin(packet::TRACE_STATS);
        for stream in &self.streams {
            let buffer = out.begin(stats::BUFFER);
            out.unsigned(stats::CHUNKS_DISCARDED, stream.lost_events);
            out.unsigned(stats::PACKET_LOSS, stream.lost_packets);
            out.end(buffer);
        }
        out.end(all);
        out.end(open);
        self.flush()?;
        self.output.flush().map_err(ViewError::Write)
    }
}
