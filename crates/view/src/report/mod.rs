//! A trace as one page that opens in any browser: what was recorded, when, by whom, how long it took, and what was lost.
//!
//! ```no_run
//! use rttng_ctf::read::{Options, Reader};
//! use rttng_view::report::{Collector, ReportOptions};
//! use rttng_view::select::{Selection, Selector};
//!
//! let mut reader = Reader::open(&["/tmp/trace".into()], &Options::default())?;
//! let mut selector = Selector::new(Selection::default(), &reader)?;
//! let mut collector = Collector::new(&reader, &ReportOptions::default());
//! let ran = rttng_view::run(&mut reader, &mut selector, &mut collector)?;
//! std::fs::write("report.html", collector.page(&reader, &ran)).map_err(rttng_view::ViewError::Write)?;
//! # Ok::<(), rttng_view::ViewError>(())
//! ```
//!
//! The trace is read once. What is kept of it is bounded, however large it is: counts over time in at most 2,048 steps
//! for at most 1,024 kinds of events, 512 processes and 512 CPUs (of more there are only totals, of more than 65,536
//! processes not even those), 256 pairs with 131,072 begins that wait for their ends, 2,000 losses, and as many single
//! events as are asked for.

mod fields;
mod histogram;
mod page;
mod pairs;
mod sample;
mod series;

use std::collections::HashMap;
use std::hash::Hash;

use rttng_ctf::decode::NodeId;
use rttng_ctf::read::{Event, LossCount, Lost, Reader, Trace};
use rttng_ctf::types::Scope;

use pairs::{Moment, Pairs};
use sample::{Row, Sample};
use series::{Series, TimeAxis};

use crate::losses::LossMeter;
pub use crate::pair::{BadPair, PairRule};
use crate::who::Who;
use crate::{Printer, Ran, ViewError};

/// Kinds of events of which there are counts over time.
const MAX_EVENT_SERIES: usize = 1024;

/// Processes of which there are counts over time, and CPUs.
const MAX_SERIES: usize = 512;

/// Processes that are told apart.
const MAX_PROCESSES: usize = 1 << 16;

/// Losses that are listed.
const MAX_LOSSES: usize = 2000;

/// Bytes of content at the end of the traces in which the last events are looked for.
const LATE_BYTES: u64 = 1 << 20;

/// What a report is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportOptions {
    /// Its title; the names of the traces if there is none.
    pub title: Option<String>,
    /// How many single events are in it.
    pub rows: usize,
    /// Pairs of events whose distance is measured.
    pub pairs: Vec<PairRule>,
    /// Whether pairs are found by their names, too.
    pub detect_pairs: bool,
}

impl Default for ReportOptions {
    fn default() -> ReportOptions {
        ReportOptions { title: None, rows: 5000, pairs: Vec::new(), detect_pairs: true }
    }
}

/// Gathers what a report shows.
#[derive(Debug)]
pub struct Collector {
    title: Option<String>,
    axis: TimeAxis,
    last_time: i64,
    has_clock: bool,
    /// Kinds of events by name.
    names: Vec<String>,
    levels: Vec<Option<i64>>,
    events: Vec<Total>,
    /// By trace, stream class and event class.
    kinds: Vec<Vec<Vec<Kind>>>,
    /// By trace: its host.
    hosts: Vec<u32>,
    host_names: Vec<String>,
    who: Who,
    /// By stream: what was there last, since it mostly is there again.
    streams: Vec<StreamTotals>,
    cpus: Ranking<(u32, u64)>,
    processes: Ranking<ProcessKey>,
    pairs: Pairs,
    sample: Sample,
    late_from: i64,
    losses: Vec<Loss>,
    meter: LossMeter,
    unlisted_losses: u64,
    total: u64,
}

/// A process: its host, number and name.
type ProcessKey = (u32, Option<i64>, Vec<u8>);

/// Where the events of one class belong.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: u32,
    key: Option<NodeId>,
}

/// How many there were, all in all and over time.
#[derive(Debug, Default)]
struct Total {
    count: u64,
    series: Option<Series>,
}

impl Total {
    #[inline]
    fn count(&mut self, axis: &TimeAxis, step: usize) {
        self.count += 1;
        if let Some(series) = &mut self.series {
            series.count(axis, step);
        }
    }
}

/// Things that are counted as they come.
#[derive(Debug)]
struct Ranking<K> {
    places: HashMap<K, u32>,
    totals: Vec<Total>,
    max: usize,
    /// What came after there were too many.
    others: u64,
}

impl<K: Hash + Eq + Clone> Ranking<K> {
    fn new(max: usize) -> Ranking<K> {
        Ranking { places: HashMap::new(), totals: Vec::new(), max, others: 0 }
    }

    fn place(&mut self, key: &K) -> Option<u32> {
        if let Some(place) = self.places.get(key) {
            return Some(*place);
        }
        let place = self.totals.len();
        if place >= self.max {
            return None;
        }
        let series = (place < MAX_SERIES).then(Series::default);
        self.totals.push(Total { count: 0, series });
        self.places.insert(key.clone(), place as u32);
        Some(place as u32)
    }

    #[inline]
    fn count(&mut self, place: Option<u32>, axis: &TimeAxis, step: usize) {
        match place {
            Some(place) => self.totals[place as usize].count(axis, step),
            None => self.others += 1,
        }
    }
}

#[derive(Debug, Default)]
struct StreamTotals {
    count: u64,
    cpu: Option<(u64, Option<u32>)>,
    process: Option<(ProcessKey, Option<u32>)>,
}

/// A loss.
#[derive(Debug, Clone, Copy)]
struct Loss {
    stream: usize,
    lost: Lost,
}

impl Collector {
    /// Gathers what `reader` gives.
    pub fn new(reader: &Reader, options: &ReportOptions) -> Collector {
        let mut names: Vec<String> = Vec::new();
        let mut levels: Vec<Option<i64>> = Vec::new();
        let mut places: HashMap<String, u32> = HashMap::new();
        let mut kinds: Vec<Vec<Vec<Kind>>> = Vec::new();
        for trace in reader.traces() {
            let of_stream = |stream: &rttng_ctf::StreamClass| {
                let kind = |event: &rttng_ctf::EventClass| {
                    let name = *places.entry(event.name.clone()).or_insert_with(|| {
                        names.push(event.name.clone());
                        levels.push(event.log_level);
                        (names.len() - 1) as u32
                    });
                    Kind { name, key: None }
                };
                stream.events.iter().map(kind).collect()
            };
            kinds.push(trace.class().streams.iter().map(of_stream).collect());
        }
        let mut rules = options.pairs.clone();
        if options.detect_pairs {
            let found = pairs::detect(names.iter().map(String::as_str));
            let is_new = |rule: &PairRule| {
                !options.pairs.iter().any(|named| (&named.begin, &named.end) == (&rule.begin, &rule.end))
            };
            rules.extend(found.into_iter().filter(is_new));
        }
        let pairs = Pairs::new(rules, &names);
        for (trace, kinds) in reader.traces().iter().zip(&mut kinds) {
            find_keys(trace, kinds, &pairs);
        }
        let mut host_names: Vec<String> = Vec::new();
        let hosts = reader.traces().iter().map(|trace| {
            let host = trace.class().environment.text("hostname").unwrap_or_default();
            let known = host_names.iter().position(|known| known == host);
            known.unwrap_or_else(|| {
                host_names.push(host.to_owned());
                host_names.len() - 1
            }) as u32
        });
        let hosts = hosts.collect();
        let total = |at: usize| Total { count: 0, series: (at < MAX_EVENT_SERIES).then(Series::default) };
        let mut streams = Vec::new();
        streams.resize_with(reader.stream_count(), StreamTotals::default);
        Collector {
            title: options.title.clone(),
            axis: TimeAxis::default(),
            last_time: i64::MIN,
            has_clock: (0..reader.stream_count()).any(|stream| reader.stream(stream).scale.is_some()),
            events: (0..names.len()).map(total).collect(),
            sample: Sample::new(options.rows, names.len()),
            names,
            levels,
            kinds,
            hosts,
            host_names,
            who: Who::new(reader),
            streams,
            cpus: Ranking::new(MAX_PROCESSES),
            processes: Ranking::new(MAX_PROCESSES),
            pairs,
            late_from: late_from(reader),
            losses: Vec::new(),
            meter: LossMeter::default(),
            unlisted_losses: 0,
            total: 0,
        }
    }

    /// The page, after all events were gathered from `reader`.
    pub fn page(self, reader: &Reader, ran: &Ran) -> String {
        page::page(self, reader, ran)
    }
}

/// Finds the key fields of pairs among the fields of events.
fn find_keys(trace: &Trace, kinds: &mut [Vec<Kind>], pairs: &Pairs) {
    for (stream, kinds) in kinds.iter_mut().enumerate() {
        for (event, kind) in kinds.iter_mut().enumerate() {
            let layout = trace.layout(stream, event, Scope::EventFields);
            kind.key = pairs.key_of(kind.name as usize).and_then(|key| layout?.field(key));
        }
    }
}

/// From when on events may be the last ones: told by the sizes and times of packets.
fn late_from(reader: &Reader) -> i64 {
    let mut packets: Vec<(i64, u64)> = Vec::new();
    let mut any_without_time = false;
    for stream in 0..reader.stream_count() {
        // Of each stream the last packets suffice.
        let mut last: std::collections::VecDeque<(i64, u64)> = std::collections::VecDeque::new();
        let mut bytes = 0;
        for packet in reader.packets(stream) {
            let Some((begin, _)) = packet.span else {
                any_without_time = true;
                continue;
            };
            last.push_back((begin, packet.content_bytes));
            bytes += packet.content_bytes;
            while last.front().is_some_and(|front| bytes - front.1 > LATE_BYTES) {
                bytes -= last.pop_front().map_or(0, |front| front.1);
            }
        }
        packets.extend(last);
    }
    if any_without_time {
        return i64::MIN;
    }
    packets.sort_unstable_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (begin, size) in packets {
        bytes += size;
        if bytes > LATE_BYTES {
            return begin;
        }
    }
    i64::MIN
}

impl Printer for Collector {
    fn event(&mut self, event: &mut Event<'_>) -> Result<(), ViewError> {
        let (trace, stream) = (event.trace_number(), event.stream());
        let kind = self.kinds[trace][event.stream_class_number()][event.class_number()];
        let name = kind.name as usize;
        // Without a clock the order is all there is.
        let time = event.nanoseconds().unwrap_or(self.total as i64);
        let step = self.axis.step_of(time);
        self.last_time = self.last_time.max(time);
        self.events[name].count(&self.axis, step);
        let host = self.hosts[trace];
        let totals = &mut self.streams[stream];
        totals.count += 1;
        let cpu_number = self.who.cpu(event)?;
        let mut cpu = None;
        if let Some(number) = cpu_number {
            let known = totals.cpu.filter(|(known, _)| *known == number).map(|(_, place)| place);
            cpu = known.unwrap_or_else(|| self.cpus.place(&(host, number)));
            totals.cpu = Some((number, cpu));
            self.cpus.count(cpu, &self.axis, step);
        }
        self.who.look(event, kind.key)?;
        let glance = &self.who.glance;
        let mut process = None;
        if glance.process.is_some() || !glance.name.is_empty() {
            let is_last = totals
                .process
                .as_ref()
                .is_some_and(|((_, id, name), _)| *id == glance.process && *name == glance.name);
            if !is_last {
                let key = (host, glance.process, glance.name.clone());
                let place = self.processes.place(&key);
                totals.process = Some((key, place));
            }
            process = totals.process.as_ref().and_then(|(_, place)| *place);
            self.processes.count(process, &self.axis, step);
        }
        if self.pairs.has_role(name) {
            let moment = Moment {
                time,
                trace,
                process_id: glance.process,
                process,
                thread: glance.thread,
                cpu: cpu_number,
                key: glance.key,
            };
            self.pairs.see(name, &moment);
        }
        let thread = glance.thread;
        let places = self.sample.place(name, time >= self.late_from);
        if places.any() {
            let text = fields::text_of(event)?;
            let number = self.total;
            self.sample.take(name, places, Row { number, time, name: kind.name, cpu, process, thread, text });
        }
        self.total += 1;
        Ok(())
    }

    fn lost(&mut self, reader: &Reader, stream: usize, lost: &Lost) -> Result<(), ViewError> {
        let lost = self.meter.new_of(reader, stream, lost);
        if lost.count == LossCount::Events(0) {
            return Ok(());
        }
        self.pairs.forget(reader.stream(stream).trace);
        if self.losses.len() < MAX_LOSSES {
            self.losses.push(Loss { stream, lost });
        } else {
            self.unlisted_losses += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ViewError> {
        Ok(())
    }
}
