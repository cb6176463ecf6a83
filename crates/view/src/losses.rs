//! How much was lost, from what streams tell of it.

use std::collections::HashMap;

use rttng_ctf::read::{LossCount, Lost, Reader};

/// Sums up what streams tell of their losses.
///
/// Some tracers count backwards now and then (lttng-ust 2.13, when threads race for the end of a packet), so that what a
/// packet has lost beyond the one before it wraps, and comes a second time with the packet after. Only what exceeds the
/// most that was ever counted is new.
#[derive(Debug, Default)]
pub(crate) struct LossMeter {
    /// By trace, stream class and stream: the counter since the first packet, and the most that it ever was.
    streams: HashMap<(usize, usize, u64), (i64, i64)>,
}

impl LossMeter {
    /// The same loss, with what is new of it.
    pub(crate) fn new_of(&mut self, reader: &Reader, stream: usize, lost: &Lost) -> Lost {
        let info = reader.stream(stream);
        self.of_stream((info.trace, info.class, info.instance), lost)
    }

    /// As [`LossMeter::new_of`], where the numbers of streams do not change.
    pub(crate) fn new_of_number(&mut self, stream: usize, lost: &Lost) -> Lost {
        self.of_stream((0, 0, stream as u64), lost)
    }

    fn of_stream(&mut self, stream: (usize, usize, u64), lost: &Lost) -> Lost {
        let LossCount::Events(count) = lost.count else { return *lost };
        let (counter, most) = self.streams.entry(stream).or_default();
        *counter = counter.wrapping_add(count as i64);
        let new = counter.saturating_sub(*most).max(0);
        *most = (*most).max(*counter);
        Lost { count: LossCount::Events(new as u64), ..*lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_twice_is_lost_once() {
        let mut meter = LossMeter::default();
        let mut new = |stream: u64, count: u64| {
            let lost = Lost { count: LossCount::Events(count), span: None };
            match meter.of_stream((0, 0, stream), &lost).count {
                LossCount::Events(new) => new,
                other => panic!("{other:?}"),
            }
        };
        let back = 0u64.wrapping_sub(3897);
        let told =
            [(1, 3897), (1, back), (0, 5), (1, 3897), (1, 7)].map(|(stream, count)| new(stream, count));
        assert_eq!(told, [3897, 0, 5, 0, 7]);
    }
}
