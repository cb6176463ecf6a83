//! How a data thread waits: until it is woken, or, while buffers fill fast, for a moment.
//!
//! A producer wakes the thread for each sub-buffer that it completes. While that happens all the time, waiting for it is
//! the wrong way: a thread that has just drained a buffer and goes to sleep has had more processor time than its share,
//! so that a wake-up right after that does not get it a processor before the next tick of the kernel (4 ms, or 10),
//! which is longer than a small buffer lasts. A thread that slept for a moment instead, and is woken by a timer, has
//! made up for it and runs at once. It also finds several sub-buffers at a time where they are small, and spares
//! producers the wake-up.

use std::time::Duration;

/// Buffers that last longer than this can wait for a tick.
const FAST: Duration = Duration::from_millis(16);
/// So often a buffer is looked at while it could fill once.
const LOOKS: u32 = 4;
const SHORTEST_NAP: Duration = Duration::from_micros(50);
const LONGEST_NAP: Duration = Duration::from_millis(1);
/// After so many looks that found nothing the thread waits to be woken.
const IDLE_LOOKS: u32 = 4 * LOOKS;

/// How a thread waits.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    nap: Option<Duration>,
    idle_looks: u32,
}

impl Pace {
    /// Takes in what a look found: the shortest time in which one of the buffers that had something would fill.
    pub(crate) fn looked(&mut self, fills_in: Option<Duration>) {
        match fills_in {
            Some(time) => {
                let nap = (time / LOOKS).clamp(SHORTEST_NAP, LONGEST_NAP);
                self.nap = (time < FAST).then_some(nap);
                self.idle_looks = 0;
            }
            None if self.nap.is_some() => {
                self.idle_looks += 1;
                if self.idle_looks > IDLE_LOOKS {
                    self.nap = None;
                }
            }
            None => {}
        }
    }

    /// Whether the last look found nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.idle_looks > 0
    }

    /// How long to sleep before the next look; `None`: until woken.
    pub(crate) fn nap(&self) -> Option<Duration> {
        self.nap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_while_buffers_fill_fast_and_a_little_longer() {
        let mut pace = Pace::default();
        assert_eq!(pace.nap(), None);
        pace.looked(Some(Duration::from_millis(4)));
        assert_eq!(pace.nap(), Some(Duration::from_millis(1)));
        pace.looked(Some(Duration::from_micros(40)));
        assert_eq!(pace.nap(), Some(SHORTEST_NAP));
        (0..IDLE_LOOKS).for_each(|_| pace.looked(None));
        assert_eq!(pace.nap(), Some(SHORTEST_NAP));
        pace.looked(None);
        assert_eq!(pace.nap(), None);
    }

    #[test]
    fn waits_to_be_woken_for_buffers_that_last() {
        let mut pace = Pace::default();
        pace.looked(Some(Duration::from_secs(1)));
        assert_eq!(pace.nap(), None);
        pace.looked(Some(Duration::from_millis(1)));
        pace.looked(Some(Duration::from_secs(1)));
        assert_eq!(pace.nap(), None);
    }
}
