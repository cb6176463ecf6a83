//! Counts over time, in as many steps as a wide screen has points.
//!
//! Nobody knows when a trace ends before it is read. So steps start at a nanosecond, and whenever time runs past the
//! last one, each two become one. All series share one [`TimeAxis`]; a series that was not touched for long catches up
//! when it is.

/// Most steps of a series. At the end there are at least half as many, if there is as much time.
pub(crate) const MAX_STEPS: usize = 2048;

/// The steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TimeAxis {
    origin: Option<i64>,
    /// A step takes two to the power of this in nanoseconds.
    pub(crate) shift: u32,
}

/// Counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Series {
    counts: Vec<u32>,
    shift: u32,
}

impl TimeAxis {
    /// When the first step starts.
    pub(crate) fn origin(&self) -> Option<i64> {
        self.origin
    }

    /// The step of a time; steps become longer if there were too many. Times before the origin fall into the first.
    #[inline]
    pub(crate) fn step_of(&mut self, time: i64) -> usize {
        let origin = *self.origin.get_or_insert(time);
        let since = time.saturating_sub(origin).max(0) as u64;
        while since >> self.shift >= MAX_STEPS as u64 {
            self.shift += 1;
        }
        (since >> self.shift) as usize
    }
}

impl Series {
    /// Counts something in a step of the axis as it is now.
    #[inline]
    pub(crate) fn count(&mut self, axis: &TimeAxis, step: usize) {
        self.catch_up(axis);
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] = self.counts[step].saturating_add(1);
    }

    fn catch_up(&mut self, axis: &TimeAxis) {
        while self.shift < axis.shift {
            self.shift += 1;
            let folded =
                self.counts.chunks(2).map(|two| two.iter().fold(0, |a: u32, b| a.saturating_add(*b)));
            self.counts = folded.collect();
        }
    }

    /// The counts by step; those after the last are 0.
    pub(crate) fn counts(&mut self, axis: &TimeAxis) -> &[u32] {
        self.catch_up(axis);
        &self.counts
    }

    /// Adds all counts of another series.
    pub(crate) fn add(&mut self, axis: &TimeAxis, other: &mut Series) {
        self.catch_up(axis);
        let counts = other.counts(axis);
        if self.counts.len() < counts.len() {
            self.counts.resize(counts.len(), 0);
        }
        for (into, count) in self.counts.iter_mut().zip(counts) {
            *into = into.saturating_add(*count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_time_is_counted_in_its_step(mut gaps in prop::collection::vec(0i64..1 << 40, 1..200), seldom in 1usize..20) {
            let mut time = -5i64;
            gaps.iter_mut().for_each(|gap| { time += *gap; *gap = time; });
            let (mut axis, mut all, mut some) = (TimeAxis::default(), Series::default(), Series::default());
            for (at, time) in gaps.iter().enumerate() {
                let step = axis.step_of(*time);
                all.count(&axis, step);
                if at % seldom == 0 {
                    some.count(&axis, step);
                }
            }
            let wanted = |every: usize| {
                let mut counts = vec![0u32; MAX_STEPS];
                for time in gaps.iter().step_by(every) {
                    counts[((time - gaps[0]) as u64 >> axis.shift) as usize] += 1;
                }
                counts
            };
            for (series, every) in [(&mut all, 1), (&mut some, seldom)] {
                let mut counts = series.counts(&axis).to_vec();
                counts.resize(MAX_STEPS, 0);
                prop_assert_eq!(counts, wanted(every));
            }
            // No longer than they must be.
            let last = (gaps[gaps.len() - 1] - gaps[0]) as u64;
            prop_assert!(axis.shift == 0 || last >> (axis.shift - 1) >= MAX_STEPS as u64);
        }
    }
}
