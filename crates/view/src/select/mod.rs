//! Which events are shown: by time, name, process, CPU, an expression on their fields, and how many.
//!
//! What can be known of a kind of event is worked out once ([`Selector::new`]): most events that are not wanted are
//! passed over without a look at their values.

mod in_place;
mod time;
mod values;

use std::sync::Arc;

use rttng_ctf::EnvValue;
use rttng_ctf::decode::EventBytes;
use rttng_ctf::read::{Event, LossCount, Lost, ReadError, Reader, Sieve, Trace};
use rttng_filter::{Bytecode, Fields, Program, Strictness, Target, Value, pattern};

use in_place::Places;
pub use time::{BadTime, TimeBound};
use values::{EventValues, Layouts, Taker, Wanted};

/// What is asked for. The default is everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// No events before this time.
    pub begin: Option<TimeBound>,
    /// No events after this time.
    pub end: Option<TimeBound>,
    /// Whether local times of `begin` and `end` are those of UTC.
    pub gmt: bool,
    /// Names of events, `*` standing for any text; all if there are none.
    pub events: Vec<String>,
    /// An expression in LTTng's language that has to hold.
    pub filter: Option<Bytecode>,
    /// CPUs; all if there are none.
    pub cpus: Vec<u64>,
    /// Processes, by number or name; all if there are none.
    pub processes: Vec<Process>,
    /// No more events than this.
    pub limit: Option<u64>,
    /// Of each trace only the time in which all of its streams have packets.
    pub stream_intersection: bool,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    /// By its number.
    Id(i64),
    /// By its name.
    Name(String),
}

impl From<&str> for Process {
    fn from(text: &str) -> Process {
        text.parse().map_or_else(|_| Process::Name(text.to_owned()), Process::Id)
    }
}

/// A selection that cannot be applied to these traces.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// The filter asks for what no event has.
    #[error("the filter fits no kind of event of these traces: {0}")]
    Filter(String),
    /// There is no such time.
    #[error("the {0} of the time range is no time that there is")]
    Time(&'static str),
    /// A range that ends before it begins.
    #[error("the time range ends before it begins")]
    Backwards,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is shown.
    Show,
    /// It is not.
    Pass,
    /// Neither it nor any after it.
    Stop,
}

/// Tells which events are wanted.
#[derive(Debug)]
pub struct Selector {
    selection: Selection,
    /// Nanoseconds; known at the first event that has a time.
    range: Option<(i64, i64)>,
    /// By trace, stream class and event class.
    rules: Vec<Vec<Arc<StreamRules>>>,
    /// By stream: the packet whose context is kept in `values`, and its CPU.
    cpus: Vec<(usize, Option<u64>)>,
    /// The stream and packet whose context is in `values`.
    packet: Option<(usize, usize)>,
    values: EventValues,
    left: u64,
    /// By trace: the time in which all of its streams have packets, if only that is wanted.
    shared: Vec<(i64, i64)>,
    /// Whether nothing was asked for.
    is_all: bool,
}

/// What decides on the events of one stream class.
#[derive(Debug)]
struct StreamRules {
    processes: Vec<Process>,
    /// By event class.
    rules: Vec<Rule>,
}

/// What decides on the events of one kind.
#[derive(Debug)]
enum Rule {
    Never,
    Always,
    Look(Box<Look>),
}

/// What is asked of the values of events of one kind: all of what is there.
#[derive(Debug)]
struct Look {
    filter: Option<Program>,
    process: Option<ProcessRule>,
    /// Where the values are, if all of them are where it is known before.
    places: Option<Places>,
    /// Which they are.
    wanted: Wanted,
}

impl Look {
    #[inline]
    fn accepts<F: Fields>(&self, processes: &[Process], values: &F) -> bool {
        self.process.as_ref().is_none_or(|rule| rule.holds(processes, values))
            && self.filter.as_ref().is_none_or(|filter| filter.accepts(values))
    }
}

/// Drops what is certain not to be wanted.
impl Sieve for StreamRules {
    fn keeps(&self, class: usize, event: EventBytes<'_>) -> bool {
        match &self.rules[class] {
            Rule::Never => false,
            Rule::Always => true,
            Rule::Look(look) => match &look.places {
                Some(places) => look.accepts(&self.processes, &places.in_event(event)),
                None => true,
            },
        }
    }
}

impl StreamRules {
    /// Whether what it keeps is what is wanted.
    fn is_exact(&self) -> bool {
        self.rules.iter().all(|rule| !matches!(rule, Rule::Look(look) if look.places.is_none()))
    }
}

/// Where a kind of event says which process it is of.
#[derive(Debug)]
struct ProcessRule {
    id: Option<u32>,
    name: Option<u32>,
}

impl Selector {
    /// Applies a selection to the traces of a reader.
    pub fn new(selection: Selection, reader: &Reader) -> Result<Selector, SelectError> {
        let (rules, fault) = rules(&selection, reader);
        let mut all = rules.iter().flatten().flat_map(|stream| &stream.rules);
        let fits = all.any(|rule| !matches!(rule, Rule::Never));
        if let (Some(fault), false) = (fault, fits) {
            return Err(SelectError::Filter(fault));
        }
        let mut selector = Selector::growing(selection)?;
        if selector.selection.stream_intersection {
            selector.shared = shared(reader);
        }
        selector.rules = rules;
        selector.cpus = vec![(usize::MAX, None); reader.stream_count()];
        Ok(selector)
    }

    /// For traces of which nothing is known yet: [`Selector::grown`] says more.
    ///
    /// # Errors
    /// When the time range is none.
    pub fn growing(selection: Selection) -> Result<Selector, SelectError> {
        let is_all = selection.begin.is_none()
            && selection.end.is_none()
            && selection.events.is_empty()
            && selection.filter.is_none()
            && selection.cpus.is_empty()
            && selection.processes.is_empty()
            && selection.limit.is_none()
            && !selection.stream_intersection;
        let selector = Selector {
            range: None,
            rules: Vec::new(),
            cpus: Vec::new(),
            packet: None,
            values: EventValues::default(),
            left: selection.limit.unwrap_or(u64::MAX),
            shared: Vec::new(),
            is_all,
            selection,
        };
        // What does not depend on the trace's day can be told at once.
        let known = |bound: Option<TimeBound>| match bound {
            Some(bound @ (TimeBound::Absolute(_) | TimeBound::Local { date: Some(_), .. })) => Some(bound),
            _ => None,
        };
        if let (Some(_), Some(_)) = (known(selector.selection.begin), known(selector.selection.end)) {
            selector.range_from(0)?;
        }
        Ok(selector)
    }

    /// Whether nothing was asked for: everything is shown.
    pub fn is_everything(&self) -> bool {
        self.is_all
    }

    /// From when to when, in nanoseconds, as far as it was asked for and is known by now.
    pub fn range(&self) -> Option<(i64, i64)> {
        self.range.filter(|_| self.selection.begin.is_some() || self.selection.end.is_some())
    }

    /// Takes note of more traces, kinds of events and streams, whose numbers are others now.
    pub fn grown(&mut self, reader: &Reader) {
        self.rules = rules(&self.selection, reader).0;
        self.cpus = vec![(usize::MAX, None); reader.stream_count()];
        self.packet = None;
    }

    /// Lets the reader drop what is not wanted before it puts events in order. Gives whether all that it will give is
    /// wanted. Where events that are not wanted matter all the same, nothing is dropped: the first one may tell the day, one
    /// after the end or the limit ends everything.
    pub fn sift(&self, reader: &mut Reader) -> bool {
        let Selection { begin, end, cpus, limit, .. } = &self.selection;
        if self.is_all || begin.is_some() || end.is_some() || limit.is_some() {
            return self.is_all;
        }
        reader.sift(|trace, stream| Arc::<StreamRules>::clone(&self.rules[trace][stream]) as Arc<dyn Sieve>);
        cpus.is_empty()
            && !self.selection.stream_intersection
            && self.rules.iter().flatten().all(|rules| rules.is_exact())
    }

    /// Whether no event will be shown any more.
    pub fn is_satisfied(&self) -> bool {
        self.left == 0
    }

    /// Whether an event is shown. A shown event counts towards the limit.
    #[inline]
    pub fn judge(&mut self, event: &mut Event<'_>) -> Result<Verdict, crate::ViewError> {
        if self.is_all {
            return Ok(Verdict::Show);
        }
        self.look_at(event)
    }

    fn look_at(&mut self, event: &mut Event<'_>) -> Result<Verdict, crate::ViewError> {
        if self.left == 0 {
            return Ok(Verdict::Stop);
        }
        if let Some(time) = event.nanoseconds() {
            let range = match self.range {
                Some(range) => range,
                None => {
                    let range = self.range_from(time)?;
                    self.range = Some(range);
                    range
                }
            };
            if time < range.0 {
                return Ok(Verdict::Pass);
            }
            if time > range.1 {
                return Ok(Verdict::Stop);
            }
            if let Some((begin, end)) = self.shared.get(event.trace_number())
                && !(*begin..=*end).contains(&time)
            {
                return Ok(Verdict::Pass);
            }
        }
        let stream_rules = &self.rules[event.trace_number()][event.stream_class_number()];
        let rule = &stream_rules.rules[event.class_number()];
        if matches!(rule, Rule::Never) {
            return Ok(Verdict::Pass);
        }
        if !self.selection.cpus.is_empty() {
            let (packet, cpu) = &mut self.cpus[event.stream()];
            if *packet != event.packet() {
                *packet = event.packet();
                *cpu = cpu_of(event)?;
            }
            if !cpu.is_some_and(|cpu| self.selection.cpus.contains(&cpu)) {
                return Ok(Verdict::Pass);
            }
        }
        if let Rule::Look(look) = rule {
            let accepts = match &look.places {
                Some(places) => look.accepts(&stream_rules.processes, &places.in_event(event.bytes())),
                None => {
                    self.values.clear();
                    let mut taker = Taker { values: &mut self.values, wanted: &look.wanted };
                    let packet = (event.stream(), event.packet());
                    if self.packet != Some(packet) {
                        self.packet = Some(packet);
                        event.show_packet_context(&mut taker)?;
                    }
                    event.show(&mut taker)?;
                    look.accepts(&stream_rules.processes, &self.values)
                }
            };
            if !accepts {
                return Ok(Verdict::Pass);
            }
        }
        self.left -= 1;
        Ok(Verdict::Show)
    }

    /// What of a loss is in the range of time, if anything. How much of one that is partly in it nobody knows.
    pub fn cut(&self, lost: Lost) -> Option<Lost> {
        let Some((first, last)) = lost.span else { return Some(lost) };
        let Some((begin, end)) = self.range.or_else(|| self.range_from(first).ok()) else {
            return Some(lost);
        };
        if first > end || last < begin {
            return None;
        }
        if first >= begin && last <= end {
            return Some(lost);
        }
        let count = match lost.count {
            LossCount::Events(_) => LossCount::SomeEvents,
            other => other,
        };
        Some(Lost { count, span: Some((first.max(begin), last.min(end))) })
    }

    /// The range, for traces that begin at `first`.
    fn range_from(&self, first: i64) -> Result<(i64, i64), SelectError> {
        let at = |bound: Option<TimeBound>, name: &'static str| {
            let time = bound.map(|bound| bound.nanoseconds(first, self.selection.gmt));
            time.map(|time| time.ok_or(SelectError::Time(name))).transpose()
        };
        let begin = at(self.selection.begin, "begin")?.unwrap_or(i64::MIN);
        let end = at(self.selection.end, "end")?.unwrap_or(i64::MAX);
        if begin > end { Err(SelectError::Backwards) } else { Ok((begin, end)) }
    }
}

/// For each trace the time in which all of its streams have packets: empty if there is none.
fn shared(reader: &Reader) -> Vec<(i64, i64)> {
    let mut shared = vec![(i64::MIN, i64::MAX); reader.traces().len()];
    for stream in 0..reader.stream_count() {
        let spans: Vec<_> = reader.packets(stream).filter_map(|packet| packet.span).collect();
        if let (Some(first), Some(last)) = (spans.first(), spans.last()) {
            let (begin, end) = &mut shared[reader.stream(stream).trace];
            *begin = (*begin).max(first.0);
            *end = (*end).min(last.1);
        }
    }
    shared
}

/// What decides on all kinds of events; why the filter does not fit one of them.
fn rules(selection: &Selection, reader: &Reader) -> (Vec<Vec<Arc<StreamRules>>>, Option<String>) {
    let mut fault = None;
    let mut rule = |trace: &Trace, stream: usize, event: usize| {
        rule(selection, trace, stream, event).unwrap_or_else(|error| {
            fault.get_or_insert(error);
            Rule::Never
        })
    };
    let rules: Vec<Vec<Arc<StreamRules>>> = reader
        .traces()
        .iter()
        .map(|trace| {
            let streams = trace.class().streams.iter().enumerate();
            let of_stream = |(stream, class): (usize, &rttng_ctf::StreamClass)| {
                let rules = (0..class.events.len()).map(|event| rule(trace, stream, event)).collect();
                Arc::new(StreamRules { processes: selection.processes.clone(), rules })
            };
            streams.map(of_stream).collect()
        })
        .collect();
    (rules, fault)
}

/// The CPU that the event's packet was recorded on.
fn cpu_of(event: &mut Event<'_>) -> Result<Option<u64>, ReadError> {
    let layouts = Layouts::of(event.trace(), event.stream_class_number(), event.class_number());
    let Some((index, _)) = rttng_filter::EventLayout::find_context(&layouts, "cpu_id") else {
        return Ok(None);
    };
    let (mut values, wanted) = (EventValues::default(), Wanted::default());
    event.show_packet_context(&mut Taker { values: &mut values, wanted: &wanted })?;
    Ok(match values.context(index) {
        Value::Unsigned(cpu) => Some(cpu),
        Value::Signed(cpu) => u64::try_from(cpu).ok(),
        _ => None,
    })
}

/// What decides on the events of one kind; why the filter does not fit it.
fn rule(selection: &Selection, trace: &Trace, stream: usize, event: usize) -> Result<Rule, String> {
    let name = &trace.class().streams[stream].events[event].name;
    let wanted = |rule: &String| pattern::name_matches(rule.as_bytes(), name.as_bytes());
    if !selection.events.is_empty() && !selection.events.iter().any(wanted) {
        return Ok(Rule::Never);
    }
    let layouts = Layouts::of(trace, stream, event);
    let filter = match &selection.filter {
        Some(filter) => {
            Some(rttng_filter::link(filter, &layouts, Strictness::Rttng).map_err(|error| error.to_string())?)
        }
        None => None,
    };
    let process = match process_rule(selection, trace, &layouts) {
        Some(Some(rule)) => Some(rule),
        Some(None) => return Ok(Rule::Never),
        None => None,
    };
    Ok(match (filter, process) {
        (None, None) => Rule::Always,
        (filter, process) => {
            let of_filter = filter.iter().flat_map(Program::targets);
            let of_process = process.iter().flat_map(|rule| [rule.id, rule.name]).flatten();
            let targets: Vec<Target> = of_filter.chain(of_process.map(Target::Context)).collect();
            let places = Places::of(trace, (stream, event), targets.iter().copied());
            Rule::Look(Box::new(Look { filter, process, places, wanted: Wanted::of(targets) }))
        }
    })
}

/// How the process of an event is told. Nothing if it does not matter, or is right for the whole trace; an inner
/// nothing if it is wrong for the whole trace, or not known.
fn process_rule(selection: &Selection, trace: &Trace, layouts: &Layouts<'_>) -> Option<Option<ProcessRule>> {
    if selection.processes.is_empty() {
        return None;
    }
    let of_trace = |key: &str| {
        let entries = &trace.class().environment.entries;
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    };
    let is_wanted = |process: &Process| match process {
        Process::Id(id) => matches!(of_trace("vpid"), Some(EnvValue::Integer(vpid)) if vpid == id),
        Process::Name(name) => matches!(of_trace("procname"), Some(EnvValue::Text(text)) if text == name),
    };
    if selection.processes.iter().any(is_wanted) {
        return None;
    }
    let find = |names: [&str; 2]| {
        let found = |name| rttng_filter::EventLayout::find_context(layouts, name);
        names.into_iter().find_map(found).map(|(index, _)| index)
    };
    // User space, kernel.
    let rule = ProcessRule { id: find(["vpid", "pid"]), name: find(["procname", "comm"]) };
    Some((rule.id.is_some() || rule.name.is_some()).then_some(rule))
}

impl ProcessRule {
    fn holds(&self, processes: &[Process], values: &impl Fields) -> bool {
        processes.iter().any(|process| match process {
            Process::Id(id) => match self.id.map_or(Value::None, |index| values.context(index)) {
                Value::Signed(value) => value == *id,
                Value::Unsigned(value) => i64::try_from(value) == Ok(*id),
                _ => false,
            },
            Process::Name(name) => {
                matches!(self.name.map(|index| values.context(index)), Some(Value::Text(text)) if text == name.as_bytes())
            }
        })
    }
}
