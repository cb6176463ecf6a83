//! Which events are shown one by one, when there are more than a page can hold.
//!
//! The first ones and the last ones are all there. Of the others a sample is: while there is room, each event; then the
//! kind of event of which most are kept gives up one of them by chance, so that kinds of events that are rare are kept
//! whole, and of the others each has the same chance (reservoir sampling, with a reservoir for each kind).

use std::collections::VecDeque;

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its place among all events.
    pub(crate) number: u64,
    pub(crate) time: i64,
    pub(crate) name: u32,
    pub(crate) cpu: Option<u32>,
    pub(crate) process: Option<u32>,
    pub(crate) thread: Option<i64>,
    pub(crate) text: String,
}

/// The events that are kept.
#[derive(Debug)]
pub(crate) struct Sample {
    first: Vec<Row>,
    last: VecDeque<Row>,
    /// By kind of event.
    reservoirs: Vec<Reservoir>,
    held: usize,
    /// The longest reservoir, as far as is known.
    longest: usize,
    room: Room,
    chance: Chance,
    seen: u64,
}

#[derive(Debug, Clone, Copy)]
struct Room {
    first: usize,
    last: usize,
    others: usize,
}

#[derive(Debug, Default)]
struct Reservoir {
    rows: Vec<Row>,
    seen: u64,
    /// Whether it had to give something up: it grows no more.
    is_full: bool,
}

/// Where an event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Places {
    first: bool,
    last: bool,
    reservoir: Option<Option<usize>>,
}

impl Places {
    /// Whether it is kept at all.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.first || self.last || self.reservoir.is_some()
    }
}

impl Sample {
    /// Keeps up to `room` events, of that many kinds.
    pub(crate) fn new(room: usize, kinds: usize) -> Sample {
        let edge = room / 6;
        let mut reservoirs = Vec::new();
        reservoirs.resize_with(kinds, Reservoir::default);
        Sample {
            first: Vec::new(),
            last: VecDeque::new(),
            reservoirs,
            held: 0,
            longest: 0,
            room: Room { first: edge, last: edge, others: room - 2 * edge },
            chance: Chance(0x9e37_79b9_7f4a_7c15),
            seen: 0,
        }
    }

    /// Decides what becomes of the next event; `is_late` if it may be one of the last.
    #[inline]
    pub(crate) fn place(&mut self, kind: usize, is_late: bool) -> Places {
        self.seen += 1;
        let mut places = Places { last: is_late && self.room.last > 0, ..Places::default() };
        if self.first.len() < self.room.first {
            places.first = true;
            return places;
        }
        let reservoir = &mut self.reservoirs[kind];
        reservoir.seen += 1;
        if !reservoir.is_full {
            places.reservoir = (self.room.others > 0).then_some(None);
        } else {
            let at = self.chance.below(reservoir.seen) as usize;
            if at < reservoir.rows.len() {
                places.reservoir = Some(Some(at));
            }
        }
        places
    }

    /// Takes an event where [`Sample::place`] said.
    pub(crate) fn take(&mut self, kind: usize, places: Places, row: Row) {
        if places.last {
            if self.last.len() == self.room.last {
                self.last.pop_front();
            }
            self.last.push_back(row.clone());
        }
        if places.first {
            self.first.push(row);
            return;
        }
        match places.reservoir {
            Some(Some(at)) => self.reservoirs[kind].rows[at] = row,
            Some(None) => {
                self.reservoirs[kind].rows.push(row);
                self.held += 1;
                if self.held > self.room.others {
                    self.give_up_one();
                }
            }
            None => {}
        }
    }

    fn give_up_one(&mut self) {
        let length = |reservoir: &Reservoir| reservoir.rows.len();
        // Those of others only grow; a look at all is due when this one is not clearly the longest.
        let longest = self.reservoirs.iter().map(length).max().unwrap_or(0);
        if self.reservoirs.get(self.longest).map_or(0, length) < longest {
            self.longest = self.reservoirs.iter().position(|one| length(one) == longest).unwrap_or(0);
        }
        let reservoir = &mut self.reservoirs[self.longest];
        let at = self.chance.below(reservoir.rows.len() as u64) as usize;
        reservoir.rows.swap_remove(at);
        reservoir.is_full = true;
        self.held -= 1;
    }

    /// The events that were kept, in order.
    pub(crate) fn rows(&mut self) -> Vec<Row> {
        let kept = self.reservoirs.iter_mut().flat_map(|reservoir| std::mem::take(&mut reservoir.rows));
        let mut rows: Vec<Row> = std::mem::take(&mut self.first).into_iter().chain(kept).collect();
        rows.extend(std::mem::take(&mut self.last));
        rows.sort_by_key(|row| row.number);
        rows.dedup_by_key(|row| row.number);
        rows
    }
}

/// Numbers by chance, the same ones in each run (xorshift64*).
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    #[inline]
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let wide = u128::from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)) * u128::from(limit.max(1));
        (wide >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, kind: usize) -> Row {
        let (time, name) = (number as i64, kind as u32);
        Row { number, time, name, cpu: None, process: None, thread: None, text: String::new() }
    }

    fn sampled(room: usize, kinds: impl Iterator<Item = usize>, late: u64) -> Vec<Row> {
        let mut sample = Sample::new(room, 3);
        for (number, kind) in (0u64..).zip(kinds) {
            let places = sample.place(kind, number >= late);
            if places.any() {
                sample.take(kind, places, row(number, kind));
            }
        }
        sample.rows()
    }

    #[test]
    fn all_are_kept_while_there_is_room() {
        let rows = sampled(600, (0..400).map(|n| n % 3), u64::MAX);
        assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), (0..400).collect::<Vec<_>>());
    }

    #[test]
    fn rare_kinds_are_kept_whole_and_the_others_by_chance() {
        // One in 1,000 is of the second kind.
        let rows = sampled(600, (0..100_000).map(|n| usize::from(n % 1000 == 999)), 99_000);
        assert!(rows.len() <= 600 && rows.len() > 590, "{}", rows.len());
        assert!((0..100).all(|number| rows.iter().any(|row| row.number == number)), "the first");
        assert!((99_900..100_000).all(|number| rows.iter().any(|row| row.number == number)), "the last");
        assert_eq!(rows.iter().filter(|row| row.name == 1).count(), 100, "all rare ones");
        // The sample is spread evenly: about half of it is from the first half.
        let middle: Vec<u64> =
            rows.iter().map(|row| row.number).filter(|n| (100..99_900).contains(n)).collect();
        let early = middle.iter().filter(|number| **number < 50_000).count();
        assert!((middle.len() * 2 / 5..middle.len() * 3 / 5).contains(&early), "{early} of {}", middle.len());
    }

    #[test]
    fn no_room_is_no_sample() {
        assert!(sampled(0, (0..100).map(|n| n % 2), 50).is_empty());
    }
}
