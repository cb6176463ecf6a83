//! Pairs of events that begin and end something, and how long that took.
//!
//! Which events are pairs is told by their names ([`detect`]) or by the user ([`PairRule`]). An end belongs to the last
//! begin of its thread that has none yet, so calls may be nested; with a key field, to the last begin with the same value
//! in the same process, on whatever thread. Where threads are not recorded, the process or the CPU stands in.
//!
//! After a loss nobody knows which begins still wait for their ends: all of that trace are given up.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::histogram::Histogram;
use crate::pair::{PairRule, ends_of};

/// Begins that wait for their ends, in all.
const MAX_OPEN: usize = 1 << 17;

/// Pairs that are told apart.
pub(super) const MAX_PAIRS: usize = 256;

/// How many of the slowest are kept.
const MAX_SLOWEST: usize = 20;

/// Finds the pairs among the names of events.
pub(super) fn detect<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Vec<PairRule> {
    let known: std::collections::HashSet<&str> = names.clone().collect();
    let of = |name: &str| {
        let ends = ends_of(name, &|end| known.contains(end)).into_iter();
        let begin = name.to_owned();
        ends.map(move |(end, _)| PairRule { begin: begin.clone(), end, key: None }).collect::<Vec<_>>()
    };
    let mut rules: Vec<PairRule> = names.flat_map(of).collect();
    rules.sort_by(|a, b| (&a.begin, &a.end).cmp(&(&b.begin, &b.end)));
    rules.dedup();
    rules
}

/// By what a begin and an end are told to belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Tie {
    /// The value of a field.
    Field,
    Thread,
    Process,
    Cpu,
}

/// One that took long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slow {
    pub(crate) duration: u64,
    pub(crate) begin: i64,
    pub(crate) process: Option<u32>,
    pub(crate) thread: Option<i64>,
}

/// What was seen of one pair.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) rule: PairRule,
    pub(crate) tie: Option<Tie>,
    pub(crate) histogram: Histogram,
    slowest: BinaryHeap<Reverse<Slow>>,
    pub(crate) begins: u64,
    /// Ends without a begin.
    pub(crate) stray_ends: u64,
}

impl Pair {
    /// The slowest, the slowest first.
    pub(crate) fn slowest(&self) -> Vec<Slow> {
        let mut slowest: Vec<Slow> = self.slowest.iter().map(|slow| slow.0).collect();
        slowest.sort_by(|a, b| b.cmp(a));
        slowest
    }
}

/// Which of all begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    pair: u32,
    trace: u32,
    tie: Tie,
    /// Process and the value of the field, the thread, or the CPU.
    value: (i64, u64),
}

/// An event, as far as pairs go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) time: i64,
    pub(crate) trace: usize,
    pub(crate) process_id: Option<i64>,
    pub(crate) process: Option<u32>,
    pub(crate) thread: Option<i64>,
    pub(crate) cpu: Option<u64>,
    pub(crate) key: Option<u64>,
}

/// All pairs.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    pub(crate) pairs: Vec<Pair>,
    /// By kind of event: pairs that it begins, pairs that it ends.
    roles: Vec<(Vec<u32>, Vec<u32>)>,
    open: HashMap<Key, Vec<i64>>,
    open_count: usize,
    /// Begins that were not kept because there were too many.
    pub(crate) dropped: u64,
}

impl Pairs {
    /// The pairs of these rules, for events of these names.
    pub(super) fn new(rules: Vec<PairRule>, names: &[String]) -> Pairs {
        let mut pairs = Pairs { roles: vec![Default::default(); names.len()], ..Pairs::default() };
        for (number, rule) in (0u32..).zip(rules.into_iter().take(MAX_PAIRS)) {
            for (name, roles) in names.iter().zip(&mut pairs.roles) {
                if *name == rule.begin {
                    roles.0.push(number);
                }
                if *name == rule.end {
                    roles.1.push(number);
                }
            }
            pairs.pairs.push(Pair {
                rule,
                tie: None,
                histogram: Histogram::default(),
                slowest: BinaryHeap::new(),
                begins: 0,
                stray_ends: 0,
            });
        }
        pairs
    }

    /// Whether events of a kind begin or end anything.
    #[inline]
    pub(crate) fn has_role(&self, kind: usize) -> bool {
        let (begins, ends) = &self.roles[kind];
        !begins.is_empty() || !ends.is_empty()
    }

    /// The key field of the pairs that a kind of event takes part in.
    pub(super) fn key_of(&self, kind: usize) -> Option<&str> {
        let (begins, ends) = &self.roles[kind];
        begins.iter().chain(ends).find_map(|pair| self.pairs[*pair as usize].rule.key.as_deref())
    }

    /// Takes note of an event.
    pub(crate) fn see(&mut self, kind: usize, moment: &Moment) {
        // Ends first: an event may end what the one before it began, and begin the next.
        for at in 0..self.roles[kind].1.len() {
            self.end(self.roles[kind].1[at], moment);
        }
        for at in 0..self.roles[kind].0.len() {
            self.begin(self.roles[kind].0[at], moment);
        }
    }

    fn key(&self, number: u32, moment: &Moment) -> Option<Key> {
        let by_field = self.pairs[number as usize].rule.key.is_some();
        let (tie, value) = match (by_field, moment.thread, moment.process_id, moment.cpu) {
            (true, ..) => (Tie::Field, (moment.process_id.unwrap_or(-1), moment.key?)),
            (_, Some(thread), ..) => (Tie::Thread, (thread, 0)),
            (_, _, Some(process), _) => (Tie::Process, (process, 0)),
            (_, _, _, cpu) => (Tie::Cpu, (-1, cpu.unwrap_or(u64::MAX))),
        };
        Some(Key { pair: number, trace: moment.trace as u32, tie, value })
    }

    fn begin(&mut self, number: u32, moment: &Moment) {
        let Some(key) = self.key(number, moment) else { return };
        let pair = &mut self.pairs[number as usize];
        pair.begins += 1;
        pair.tie = pair.tie.max(Some(key.tie));
        if self.open_count >= MAX_OPEN {
            self.dropped += 1;
            return;
        }
        self.open.entry(key).or_default().push(moment.time);
        self.open_count += 1;
    }

    fn end(&mut self, number: u32, moment: &Moment) {
        let Some(key) = self.key(number, moment) else { return };
        let begun = self.open.get_mut(&key).and_then(|open| open.pop().map(|begin| (begin, open.is_empty())));
        let Some((begin, is_last)) = begun else {
            self.pairs[number as usize].stray_ends += 1;
            return;
        };
        self.open_count -= 1;
        if is_last {
            self.open.remove(&key);
        }
        let pair = &mut self.pairs[number as usize];
        let duration = moment.time.saturating_sub(begin).max(0) as u64;
        pair.histogram.add(duration);
        let slow = Slow { duration, begin, process: moment.process, thread: moment.thread };
        if pair.slowest.len() < MAX_SLOWEST {
            pair.slowest.push(Reverse(slow));
        } else if pair.slowest.peek().is_some_and(|least| least.0 < slow) {
            pair.slowest.pop();
            pair.slowest.push(Reverse(slow));
        }
    }

    /// Gives up what was begun in a trace: something of it was lost.
    pub(crate) fn forget(&mut self, trace: usize) {
        let open_count = &mut self.open_count;
        self.open.retain(|key, begins| {
            let keeps = key.trace as usize != trace;
            if !keeps {
                *open_count -= begins.len();
            }
            keeps
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(names: &[&str]) -> Vec<(String, String)> {
        detect(names.iter().copied()).into_iter().map(|rule| (rule.begin, rule.end)).collect()
    }

    #[test]
    fn names_tell_pairs() {
        let found = rules(&[
            "db:query_begin",
            "db:query_end",
            "io_start",
            "io_done",
            "io_end",
            "span:enter",
            "span:exit",
            "syscall_entry_read",
            "syscall_exit_read",
            "beginning",
            "end",
            "lonely_entry",
            "restart",
            "restop",
        ]);
        let pair = |begin: &str, end: &str| (begin.to_owned(), end.to_owned());
        assert_eq!(
            found,
            [
                pair("db:query_begin", "db:query_end"),
                pair("io_start", "io_done"),
                pair("io_start", "io_end"),
                pair("span:enter", "span:exit"),
                pair("syscall_entry_read", "syscall_exit_read"),
            ]
        );
    }

    fn moment(time: i64, thread: Option<i64>, key: u64) -> Moment {
        let (process_id, process, cpu) = (Some(1), None, Some(0));
        Moment { time, trace: 0, process_id, process, thread, cpu, key: Some(key) }
    }

    fn pairs(key: Option<&str>) -> Pairs {
        let rule = PairRule { begin: "b".to_owned(), end: "e".to_owned(), key: key.map(str::to_owned) };
        Pairs::new(vec![rule], &["b".to_owned(), "e".to_owned()])
    }

    #[test]
    fn calls_nest_in_their_thread() {
        let mut pairs = pairs(None);
        for (kind, time, thread) in
            [(0, 0, 7), (0, 1, 7), (0, 2, 8), (1, 3, 7), (1, 10, 8), (1, 20, 7), (1, 21, 7)]
        {
            pairs.see(kind, &moment(time, Some(thread), 0));
        }
        let pair = &pairs.pairs[0];
        let durations: Vec<u64> = pair.slowest().iter().map(|slow| slow.duration).collect();
        assert_eq!((durations, pair.stray_ends, pair.tie), (vec![20, 8, 2], 1, Some(Tie::Thread)));
        assert_eq!(pairs.open_count, 0);
    }

    #[test]
    fn a_field_ties_over_threads_and_a_loss_cuts() {
        let mut pairs = pairs(Some("id"));
        pairs.see(0, &moment(0, Some(1), 10));
        pairs.see(0, &moment(1, Some(1), 11));
        pairs.see(1, &moment(5, Some(2), 10));
        pairs.forget(0);
        pairs.see(1, &moment(9, Some(2), 11));
        let pair = &pairs.pairs[0];
        assert_eq!((pair.histogram.count, pair.histogram.max, pair.stray_ends), (1, 5, 1));
        assert_eq!((pair.tie, pairs.open_count), (Some(Tie::Field), 0));
    }
}
