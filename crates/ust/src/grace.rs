//! When it is safe to free what a thread may just be using to record an event: counters per CPU, of those who came and
//! those who left, in two epochs that take turns. Whoever wants to free waits until everybody who might have seen it has
//! left.
//!
//! No thread needs to be known beforehand, so this works in signal handlers, while threads begin and end, in allocators,
//! and before and after `main`. It costs two atomic additions to a cache line that is mostly this CPU's.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// CPUs beyond this many share counters.
const CPUS: usize = 64;

/// The counters of a CPU: came and left, of both epochs.
#[repr(align(128))]
struct Counters {
    came: [AtomicUsize; 2],
    left: [AtomicUsize; 2],
}

static COUNTERS: [Counters; CPUS] = [const {
    Counters {
        came: [AtomicUsize::new(0), AtomicUsize::new(0)],
        left: [AtomicUsize::new(0), AtomicUsize::new(0)],
    }
}; CPUS];

static EPOCH: AtomicUsize = AtomicUsize::new(0);

/// Held by the one who waits.
static WAITING: Mutex<()> = Mutex::new(());

/// Between its making and its end, nothing that was reachable is freed.
pub(crate) struct Stay {
    cpu: usize,
    epoch: usize,
}

impl Stay {
    /// Begins. `cpu` is where the thread runs, or any number: it only says which counters are near.
    #[inline]
    pub(crate) fn begin(cpu: u32) -> Stay {
        let cpu = cpu as usize % CPUS;
        let epoch = EPOCH.load(Ordering::Relaxed) & 1;
        // With its barrier: what is read from here on was not freed before this count was seen.
        COUNTERS[cpu].came[epoch].fetch_add(1, Ordering::SeqCst);
        Stay { cpu, epoch }
    }
}

impl Drop for Stay {
    #[inline]
    fn drop(&mut self) {
        COUNTERS[self.cpu].left[self.epoch].fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether everybody who came in that epoch has left.
fn is_empty(epoch: usize) -> bool {
    let sum = |of: fn(&Counters) -> &[AtomicUsize; 2]| {
        let add = |sum: usize, cpu: &Counters| sum.wrapping_add(of(cpu)[epoch].load(Ordering::Relaxed));
        COUNTERS.iter().fold(0, add)
    };
    // Those who left are counted first: who comes and leaves in between is seen coming only, and waited for.
    let left = sum(|cpu| &cpu.left);
    fence(Ordering::SeqCst);
    left == sum(|cpu| &cpu.came)
}

/// Waits until everybody who came before this call has left: `true`. After `limit` it gives up: `false`, and what was
/// to be freed must stay.
pub(crate) fn wait(limit: Duration) -> bool {
    let _waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let deadline = Instant::now() + limit;
    fence(Ordering::SeqCst);
    let epoch = EPOCH.load(Ordering::Relaxed) & 1;
    // Stragglers who read the epoch long ago may still come to the other one's counters.
    if !wait_for(epoch ^ 1, deadline) {
        return false;
    }
    EPOCH.fetch_add(1, Ordering::SeqCst);
    wait_for(epoch, deadline)
}

fn wait_for(epoch: usize, deadline: Instant) -> bool {
    let mut tries = 0u32;
    while !is_empty(epoch) {
        tries += 1;
        if tries < 100 {
            std::thread::yield_now();
        } else if Instant::now() > deadline {
            return false;
        } else {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    true
}

/// Whether nobody is here now, in either epoch.
pub(crate) fn is_idle() -> bool {
    is_empty(0) && is_empty(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicPtr};

    #[test]
    fn nothing_is_freed_under_a_reader() {
        let shared = AtomicPtr::new(Box::into_raw(Box::new(7u64)));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for cpu in 0..3 {
                let (shared, stop) = (&shared, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let _stay = Stay::begin(cpu);
                        let value = shared.load(Ordering::Acquire);
                        // SAFETY: that it is there is what this tests.
                        assert_eq!(unsafe { value.read_volatile() }, 7);
                    }
                });
            }
            for _ in 0..200 {
                let old = shared.swap(Box::into_raw(Box::new(7)), Ordering::AcqRel);
                assert!(wait(Duration::from_secs(60)));
                // SAFETY: taken out of `shared`, and everybody who saw it has left.
                unsafe {
                    old.write_volatile(0);
                    drop(Box::from_raw(old));
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        // SAFETY: the last one, and all readers have ended.
        drop(unsafe { Box::from_raw(shared.into_inner()) });
    }
}
