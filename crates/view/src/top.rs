//! What a trace is doing now: how many events there are of each kind, process and CPU, and how many in each of the last
//! seconds.
//!
//! Time is that of the events, not that of reading: tracers hand over events a buffer at a time, so a second is whole only
//! when the events after it are there. The *rate* is that of the last [`RECENT`] whole seconds that were read; of a trace
//! that nobody writes any more, it is the mean of all of it.

use std::collections::{HashMap, VecDeque};

use rttng_ctf::read::follow::{Follower, Source};
use rttng_ctf::read::{Event, Message, Reader};

use crate::losses::LossMeter;
use crate::who::Who;
use crate::{Losses, ViewError};

/// Steps that are kept of the past.
pub const HISTORY: usize = 120;

/// How many steps the rate is the mean of.
pub const RECENT: usize = 3;

/// Names that are told apart in each table; the others are counted together.
const MAX_NAMES: usize = 4096;

/// Nanoseconds of a step.
const STEP_NS: i64 = 1_000_000_000;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Kinds of events, by name.
    Events,
    /// Processes.
    Processes,
    /// CPUs.
    Cpus,
}

/// Counts of one name.
#[derive(Debug, Clone, Default)]
struct Counter {
    total: u64,
    /// The last of them is of the step `last`.
    steps: VecDeque<u32>,
    last: i64,
}

impl Counter {
    fn count(&mut self, step: i64) {
        self.total += 1;
        if self.steps.is_empty() || step - self.last >= HISTORY as i64 {
            self.steps.clear();
            self.steps.push_back(0);
            self.last = step;
        }
        while self.last < step {
            self.steps.push_back(0);
            self.last += 1;
        }
        while self.steps.len() > HISTORY {
            self.steps.pop_front();
        }
        // Streams are not in step with each other: late ones go where they belong, if that is still kept.
        let back = (self.last - step) as usize;
        if let Some(at) = self.steps.len().checked_sub(back + 1) {
            self.steps[at] = self.steps[at].saturating_add(1);
        } else if back < HISTORY {
            while self.steps.len() < back + 1 {
                self.steps.push_front(0);
            }
            self.steps[0] = 1;
        }
    }

    /// Counts of the `HISTORY` steps up to and with `last`.
    fn history(&self, last: i64) -> Vec<u64> {
        let mut out = vec![0; HISTORY];
        for (at, count) in self.steps.iter().rev().enumerate() {
            let back = last - self.last + at as i64;
            if (0..HISTORY as i64).contains(&back) {
                out[HISTORY - 1 - back as usize] = u64::from(*count);
            }
        }
        out
    }
}

/// A line of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Name of the event, process or CPU.
    pub name: String,
    /// How many events there were.
    pub total: u64,
    /// Events a second.
    pub rate: f64,
    /// Events in each of the last seconds, the latest last.
    pub history: Vec<u64>,
}

/// Something that is counted, and where.
type Place<K> = Option<(K, usize)>;

/// Counts of everything.
#[derive(Debug)]
pub struct Rates {
    names: [HashMap<String, usize>; 3],
    counters: [Vec<(String, Counter)>; 3],
    all: Counter,
    who: Option<Who>,
    /// By trace, stream class and event class.
    kinds: Vec<Vec<Vec<usize>>>,
    /// By stream: CPU and process that its last event was of.
    last: Vec<(Place<u64>, Place<ProcessKey>)>,
    losses: Losses,
    meter: LossMeter,
    first: Option<i64>,
    latest: i64,
}

type ProcessKey = (Option<i64>, Vec<u8>);

impl Default for Rates {
    fn default() -> Rates {
        Rates {
            names: Default::default(),
            counters: Default::default(),
            all: Counter::default(),
            who: None,
            kinds: Vec::new(),
            last: Vec::new(),
            losses: Losses::default(),
            meter: LossMeter::default(),
            first: None,
            latest: i64::MIN,
        }
    }
}

impl Rates {
    /// Takes note of traces, kinds of events and streams that there are by now.
    pub fn grown(&mut self, reader: &Reader) {
        self.who = Some(Who::new(reader));
        self.last = vec![(None, None); reader.stream_count()];
        let mut kinds = Vec::with_capacity(reader.traces().len());
        for trace in reader.traces() {
            let of_stream = |stream: &rttng_ctf::StreamClass| {
                stream.events.iter().map(|event| self.place(Table::Events, &event.name)).collect()
            };
            kinds.push(trace.class().streams.iter().map(of_stream).collect());
        }
        self.kinds = kinds;
    }

    /// Reads what there is, at most `limit` messages; whether there may be more.
    ///
    /// # Errors
    /// When the trace cannot be read further.
    pub fn take<S: Source>(&mut self, follower: &mut Follower<S>, limit: usize) -> Result<bool, ViewError> {
        for _ in 0..limit {
            match follower.next()? {
                Some(Message::Event(mut event)) => self.count(&mut event)?,
                Some(Message::Lost { stream, lost }) => {
                    self.losses.add(&self.meter.new_of(follower.reader(), stream, &lost));
                }
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn count(&mut self, event: &mut Event<'_>) -> Result<(), ViewError> {
        let time = event.nanoseconds().unwrap_or(0);
        let step = time.div_euclid(STEP_NS);
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.latest = self.latest.max(time);
        self.all.count(step);
        let kind = self.kinds[event.trace_number()][event.stream_class_number()][event.class_number()];
        self.counters[Table::Events as usize][kind].1.count(step);
        let Some(mut who) = self.who.take() else { return Ok(()) };
        let stream = event.stream();
        if let Some(cpu) = who.cpu(event)? {
            let known = self.last[stream].0.filter(|(known, _)| *known == cpu).map(|(_, place)| place);
            let place = known.unwrap_or_else(|| self.place(Table::Cpus, &format!("CPU {cpu}")));
            self.last[stream].0 = Some((cpu, place));
            self.counters[Table::Cpus as usize][place].1.count(step);
        }
        who.look(event, None)?;
        let glance = &who.glance;
        if glance.process.is_some() || !glance.name.is_empty() {
            let known = self.last[stream].1.as_ref();
            let known = known.filter(|((id, name), _)| *id == glance.process && *name == glance.name);
            let place = match known {
                Some((_, place)) => *place,
                None => {
                    let name = String::from_utf8_lossy(&glance.name).into_owned();
                    let shown = match glance.process {
                        Some(id) if name.is_empty() => id.to_string(),
                        Some(id) => format!("{name} ({id})"),
                        None => name,
                    };
                    let place = self.place(Table::Processes, &shown);
                    self.last[stream].1 = Some(((glance.process, glance.name.clone()), place));
                    place
                }
            };
            self.counters[Table::Processes as usize][place].1.count(step);
        }
        self.who = Some(who);
        Ok(())
    }

    fn place(&mut self, table: Table, name: &str) -> usize {
        let (names, counters) = (&mut self.names[table as usize], &mut self.counters[table as usize]);
        let name = if counters.len() >= MAX_NAMES && !names.contains_key(name) { "(others)" } else { name };
        if let Some(place) = names.get(name) {
            return *place;
        }
        counters.push((name.to_owned(), Counter::default()));
        names.insert(name.to_owned(), counters.len() - 1);
        counters.len() - 1
    }

    /// The lines of a table, in no order; without what has not happened. `is_over` if nothing more will come.
    pub fn lines(&self, table: Table, is_over: bool) -> Vec<Line> {
        let counters = self.counters[table as usize].iter().filter(|(_, counter)| counter.total > 0);
        counters.map(|(name, counter)| self.line(name, counter, is_over)).collect()
    }

    /// All events together.
    pub fn all(&self, is_over: bool) -> Line {
        self.line("", &self.all, is_over)
    }

    fn line(&self, name: &str, counter: &Counter, is_over: bool) -> Line {
        let last = self.latest.div_euclid(STEP_NS);
        let history = counter.history(last);
        let span = self.first.map_or(0, |first| self.latest.saturating_sub(first)) as f64 / 1e9;
        let rate = if is_over || span < (RECENT + 1) as f64 {
            if span > 0.0 { counter.total as f64 / span } else { 0.0 }
        } else {
            // The last step has only begun.
            history[HISTORY - 1 - RECENT..HISTORY - 1].iter().sum::<u64>() as f64 / RECENT as f64
        };
        Line { name: name.to_owned(), total: counter.total, rate, history }
    }

    /// What was lost.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// When the latest event was, in nanoseconds since the origin.
    pub fn latest(&self) -> Option<i64> {
        self.first.map(|_| self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn late_events_are_counted_where_they_belong(steps in prop::collection::vec(0i64..400, 1..300)) {
            let mut counter = Counter::default();
            let mut latest = i64::MIN;
            let mut wanted: HashMap<i64, u64> = HashMap::new();
            for step in steps {
                // Streams are at most so far apart that both are kept.
                if step <= latest.saturating_sub(HISTORY as i64) {
                    continue;
                }
                latest = latest.max(step);
                counter.count(step);
                *wanted.entry(step).or_default() += 1;
            }
            let history = counter.history(latest);
            for (at, count) in history.iter().enumerate() {
                let step = latest - (HISTORY - 1 - at) as i64;
                prop_assert_eq!(*count, wanted.get(&step).copied().unwrap_or(0), "{}", step);
            }
        }
    }

    #[test]
    fn a_trace_is_counted() {
        let trace =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace/per-pid/trace");
        let mut follower = Follower::open(&[trace], &Default::default()).unwrap();
        follower.finish().unwrap();
        let mut rates = Rates::default();
        rates.grown(follower.reader());
        while rates.take(&mut follower, 3).unwrap() {}
        let all = rates.all(true);
        for table in [Table::Events, Table::Processes, Table::Cpus] {
            let lines = rates.lines(table, true);
            assert_eq!(lines.iter().map(|line| line.total).sum::<u64>(), all.total, "{table:?}");
            assert!(!lines.is_empty());
        }
        assert_eq!(rates.lines(Table::Processes, true).len(), 2);
        assert!(all.rate > 0.0 && rates.losses().is_none());
    }
}
