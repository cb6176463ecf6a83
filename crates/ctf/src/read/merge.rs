//! Which of many streams comes next: a tournament that remembers who lost where, so that one new time costs one match
//! a round.

/// A tournament of the streams' next times. Of equal times the stream with the lower number wins.
#[derive(Debug)]
pub(super) struct Tournament {
    /// The next time of each stream; as many as a power of two, those beyond the last stream never win.
    times: Vec<i64>,
    /// The loser of each match. Match `m` is between the winners of `2m` and `2m + 1`; those from `times.len()` on are
    /// the streams themselves.
    losers: Vec<u32>,
    winner: u32,
}

impl Tournament {
    /// The time of a stream that has nothing more.
    pub(super) const NEVER: i64 = i64::MAX;

    pub(super) fn new(times: impl IntoIterator<Item = i64>) -> Tournament {
        let mut times: Vec<i64> = times.into_iter().collect();
        times.resize(times.len().max(1).next_power_of_two(), Tournament::NEVER);
        let size = times.len();
        let mut tournament = Tournament { times, losers: vec![0; size], winner: 0 };
        let mut winners: Vec<u32> = (0..2 * size).map(|at| at.saturating_sub(size) as u32).collect();
        for at in (1..size).rev() {
            let (a, b) = (winners[2 * at], winners[2 * at + 1]);
            let (first, second) = if tournament.beats(a, b) { (a, b) } else { (b, a) };
            winners[at] = first;
            tournament.losers[at] = second;
        }
        tournament.winner = winners[1];
        tournament
    }

    /// The stream that is next.
    #[inline]
    pub(super) fn winner(&self) -> usize {
        self.winner as usize
    }

    /// When a stream is next.
    pub(super) fn time_of(&self, stream: usize) -> i64 {
        self.times[stream]
    }

    /// Gives the winner its next time.
    #[inline]
    pub(super) fn replay(&mut self, time: i64) {
        let mut winner = self.winner;
        self.times[winner as usize] = time;
        let mut at = (winner as usize + self.times.len()) / 2;
        while at > 0 {
            let other = self.losers[at];
            if self.beats(other, winner) {
                self.losers[at] = winner;
                winner = other;
            }
            at /= 2;
        }
        self.winner = winner;
    }

    #[inline]
    fn beats(&self, a: u32, b: u32) -> bool {
        (self.times[a as usize], a) < (self.times[b as usize], b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_stable_sort(streams in prop::collection::vec(prop::collection::vec(0i64..50, 0..30), 0..20)) {
            let streams: Vec<Vec<i64>> = streams.into_iter().map(|mut times| { times.sort(); times }).collect();
            let mut wanted: Vec<(i64, usize)> = streams.iter().enumerate()
                .flat_map(|(stream, times)| times.iter().map(move |time| (*time, stream))).collect();
            wanted.sort();
            let mut left: Vec<_> = streams.iter().map(|times| times.iter().copied()).collect();
            let next = |left: &mut Vec<std::iter::Copied<std::slice::Iter<'_, i64>>>, at: usize| {
                left.get_mut(at).and_then(Iterator::next)
            };
            let first: Vec<Option<i64>> = (0..left.len()).map(|at| next(&mut left, at)).collect();
            let mut heads = first.clone();
            let mut tournament = Tournament::new(first.into_iter().map(|time| time.unwrap_or(Tournament::NEVER)));
            let mut seen = Vec::new();
            while let Some(time) = heads.get(tournament.winner()).copied().flatten() {
                let at = tournament.winner();
                seen.push((time, at));
                heads[at] = next(&mut left, at);
                tournament.replay(heads[at].unwrap_or(Tournament::NEVER));
            }
            prop_assert_eq!(seen, wanted);
        }
    }
}
