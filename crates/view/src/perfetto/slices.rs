//! Slices that have begun and not ended.

use std::collections::{BTreeSet, HashMap};

use super::tracks::TrackId;

/// Most slices that are open in one thread.
const MAX_DEPTH: usize = 2048;

/// Most slices that are open in all threads together, and most that are open by a key.
const MAX_OPEN: usize = 1 << 16;

/// Which slice of those by a key: host, process, kind of slice, value of the key.
pub(super) type SliceKey = (u32, Option<i64>, usize, u64);

/// A slice that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) track: TrackId,
    /// How many that were begun after it end with it.
    pub(super) unfinished: usize,
}

/// What is open.
#[derive(Debug, Default)]
pub(super) struct OpenSlices {
    /// By track: kinds of slices, the last on top.
    threads: HashMap<TrackId, Vec<u32>>,
    in_threads: usize,
    by_key: HashMap<SliceKey, Vec<(u32, TrackId)>>,
    open_by_key: usize,
    /// By host, process and kind of slice: lanes that are free, and how many there are.
    lanes: HashMap<(u32, Option<i64>, usize), Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    free: BTreeSet<u32>,
    count: u32,
}

impl OpenSlices {
    /// Begins a slice in a thread; says whether there is room for it.
    pub(super) fn begin_in(&mut self, track: TrackId, slice: usize) -> bool {
        if self.in_threads >= MAX_OPEN {
            return false;
        }
        let open = self.threads.entry(track).or_default();
        let has_room = open.len() < MAX_DEPTH;
        if has_room {
            open.push(slice as u32);
            self.in_threads += 1;
        }
        has_room
    }

    /// Ends the last slice of that kind in a thread.
    pub(super) fn end_in(&mut self, track: TrackId, slice: usize) -> Option<Ended> {
        let open = self.threads.get_mut(&track)?;
        let place = open.iter().rposition(|open| *open == slice as u32)?;
        let unfinished = open.len() - place - 1;
        open.truncate(place);
        self.in_threads -= unfinished + 1;
        Some(Ended { track, unfinished })
    }

    /// The lane in which a slice by a key may begin; nothing if too many are open.
    pub(super) fn free_lane(&mut self, key: &SliceKey) -> Option<u32> {
        if self.open_by_key >= MAX_OPEN {
            return None;
        }
        let lanes = self.lanes.entry((key.0, key.1, key.2)).or_default();
        Some(lanes.free.first().copied().unwrap_or(lanes.count))
    }

    /// Begins a slice by a key in a lane that is free.
    pub(super) fn begin_of(&mut self, key: SliceKey, lane: u32, track: TrackId) {
        let lanes = self.lanes.entry((key.0, key.1, key.2)).or_default();
        if !lanes.free.remove(&lane) {
            lanes.count = lanes.count.max(lane + 1);
        }
        self.by_key.entry(key).or_default().push((lane, track));
        self.open_by_key += 1;
    }

    /// Ends the last slice with that key.
    pub(super) fn end_of(&mut self, key: SliceKey) -> Option<Ended> {
        let open = self.by_key.get_mut(&key)?;
        let (lane, track) = open.pop()?;
        if open.is_empty() {
            self.by_key.remove(&key);
        }
        self.open_by_key -= 1;
        self.lanes.entry((key.0, key.1, key.2)).or_default().free.insert(lane);
        Some(Ended { track, unfinished: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_nest_in_a_thread() {
        let (mut open, here, there) = (OpenSlices::default(), TrackId(1), TrackId(2));
        for (track, slice) in [(here, 0), (here, 1), (there, 0), (here, 0), (here, 2)] {
            assert!(open.begin_in(track, slice));
        }
        assert_eq!(open.end_in(here, 0), Some(Ended { track: here, unfinished: 1 }));
        assert_eq!(open.end_in(here, 2), None);
        assert_eq!(open.end_in(here, 1), Some(Ended { track: here, unfinished: 0 }));
        assert_eq!(open.end_in(there, 1), None);
        assert_eq!((open.in_threads, open.end_in(there, 0).is_some(), open.in_threads), (2, true, 1));
    }

    #[test]
    fn a_deep_thread_is_bounded() {
        let mut open = OpenSlices::default();
        let begun = (0..MAX_DEPTH + 10).filter(|_| open.begin_in(TrackId(0), 0)).count();
        assert_eq!(begun, MAX_DEPTH);
    }

    #[test]
    fn lanes_are_used_again() {
        let mut open = OpenSlices::default();
        let begin = |open: &mut OpenSlices, value: u64| {
            let key = (0, None, 0, value);
            let lane = open.free_lane(&key).unwrap();
            open.begin_of(key, lane, TrackId(lane));
            lane
        };
        assert_eq!([1, 2, 3].map(|value| begin(&mut open, value)), [0, 1, 2]);
        assert_eq!(open.end_of((0, None, 0, 2)).unwrap().track, TrackId(1));
        assert_eq!(open.end_of((0, None, 0, 2)), None);
        assert_eq!([4, 5].map(|value| begin(&mut open, value)), [1, 3]);
    }
}
