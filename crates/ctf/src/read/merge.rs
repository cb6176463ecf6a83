//! Which of many streams comes next: a tournament that remembers who lost where, so that one new time costs one match
//! a round.

/// A stream and its next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Player {
    time: i64,
    stream: u32,
}

/// A tournament of the streams' next times. Of equal times the stream with the lower number wins.
#[derive(Debug)]
pub(super) struct Tournament {
    /// The loser of each match. Match `m` is between the winners of `2m` and `2m + 1`; the streams themselves have the
    /// numbers from `losers.len()` on, which is a power of two. There is no match 0.
    losers: Box<[Player]>,
    /// Memory for the rounds of a start.
    players: Vec<Player>,
    winner: Player,
}

impl Tournament {
    /// The time of a stream that has nothing more.
    pub(super) const NEVER: i64 = i64::MAX;

    pub(super) fn new(times: impl IntoIterator<Item = i64>) -> Tournament {
        let none = Player { time: Tournament::NEVER, stream: 0 };
        let mut tournament = Tournament { losers: Box::default(), players: Vec::new(), winner: none };
        tournament.start_anew(times);
        tournament
    }

    /// Begins with other times for all streams.
    pub(super) fn start_anew(&mut self, times: impl IntoIterator<Item = i64>) {
        let players = &mut self.players;
        players.clear();
        players.extend(times.into_iter().zip(0..).map(|(time, stream)| Player { time, stream }));
        // Those beyond the last stream never win.
        let count = players.len();
        let size = count.max(1).next_power_of_two();
        players.extend((count..size).map(|stream| Player { time: Tournament::NEVER, stream: stream as u32 }));
        if self.losers.len() != size {
            self.losers = vec![players[0]; size].into();
        }
        // The winners of a round take the front half of the players before it.
        let mut matches = size / 2;
        while matches > 0 {
            for at in 0..matches {
                let (a, b) = (players[2 * at], players[2 * at + 1]);
                players[at] = a.min(b);
                self.losers[matches + at] = a.max(b);
            }
            matches /= 2;
        }
        self.winner = players[0];
    }

    /// The stream that is next.
    #[inline]
    pub(super) fn winner(&self) -> usize {
        self.winner.stream as usize
    }

    /// When that is.
    #[inline]
    pub(super) fn time(&self) -> i64 {
        self.winner.time
    }

    /// Gives the winner its next time.
    #[inline]
    pub(super) fn replay(&mut self, time: i64) {
        let mut winner = Player { time, ..self.winner };
        let mut at = (winner.stream as usize + self.losers.len()) / 2;
        while at > 0 {
            // Who wins is hard to foretell: without a branch.
            let other = self.losers[at];
            let (first, second) = (winner.min(other), winner.max(other));
            self.losers[at] = second;
            winner = first;
            at /= 2;
        }
        self.winner = winner;
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
