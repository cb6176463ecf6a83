//! Periodic timers of channels, all served by one thread that sleeps until the next is due
//! (`docs/spec/consumer-protocol.md`, section 10.3).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a timer does; `false` ends it.
type Action = Box<dyn FnMut() -> bool + Send>;

struct Timer {
    due: Instant,
    period: Duration,
    action: Action,
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}
impl Eq for Timer {}
impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

#[derive(Default)]
struct Queue {
    timers: BinaryHeap<Reverse<Timer>>,
    stopped: bool,
}

/// A thread that serves timers. Actions must not block for long: they delay each other.
#[derive(Clone, Default)]
pub(crate) struct Timers {
    shared: Arc<(Mutex<Queue>, Condvar)>,
}

impl std::fmt::Debug for Timers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Timers")
    }
}

impl Timers {
    /// Starts the thread.
    pub(crate) fn start(name: &str) -> std::io::Result<Self> {
        let timers = Timers::default();
        let served = timers.clone();
        std::thread::Builder::new().name(name.into()).spawn(move || served.serve())?;
        Ok(timers)
    }

    /// Runs `action` every `period`, first after one, until it returns `false`.
    pub(crate) fn every(&self, period: Duration, action: impl FnMut() -> bool + Send + 'static) {
        let due = Instant::now() + period;
        let mut queue = self.lock();
        queue.timers.push(Reverse(Timer { due, period, action: Box::new(action) }));
        drop(queue);
        self.shared.1.notify_one();
    }

    /// Ends the thread after what it is doing now.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.shared.1.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let mut queue = self.lock();
        while !queue.stopped {
            let now = Instant::now();
            let next = queue.timers.peek().map(|Reverse(timer)| timer.due);
            match next {
                None => {
                    queue = self.shared.1.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
                Some(due) if due > now => {
                    let wait = self.shared.1.wait_timeout(queue, due - now);
                    queue = wait.unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => {
                    let Some(Reverse(mut timer)) = queue.timers.pop() else { continue };
                    drop(queue);
                    let goes_on = (timer.action)();
                    queue = self.lock();
                    if goes_on {
                        // Expiries that were missed are not made up for.
                        let now = Instant::now();
                        timer.due += timer.period;
                        if timer.due <= now {
                            timer.due = now + timer.period;
                        }
                        queue.timers.push(Reverse(timer));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn timers_run_at_their_own_pace_until_they_end() {
        let timers = Timers::start("timers").unwrap();
        let (told, heard) = mpsc::channel();
        for (name, period, mut left) in [("fast", 10, 5), ("slow", 40, 2)] {
            let told = told.clone();
            timers.every(Duration::from_millis(period), move || {
                told.send(name).unwrap();
                left -= 1;
                left > 0
            });
        }
        drop(told);
        let order: Vec<_> = heard.iter().collect();
        assert_eq!(order.iter().filter(|name| **name == "fast").count(), 5);
        assert_eq!(order.iter().filter(|name| **name == "slow").count(), 2);
        // On a busy machine the slow one may be due before the fast one has another turn.
        assert_eq!(order[0], "fast");
        timers.stop();
    }
}
