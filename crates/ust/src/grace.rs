//! When it is safe to free what a thread may just be using to record an event: counters per CPU, of those who came and
//! those who left, in two epochs that take turns. Whoever wants to free waits until everybody who might have seen it has
//! left.
//!
//! No thread needs to be known beforehand, so this works in signal handlers, while threads begin and end, in allocators,
//! in loaded libraries, and before and after `main`.
//!
//! Counting has to be cheap, freeing not. Where the C library has registered its threads for restartable sequences, a
//! count is one plain addition to this CPU's counter, which the kernel starts over if it interrupts it (`rseq.rs`); the
//! barriers that it lacks are the one who waits's, with `membarrier`. Elsewhere, and where a sequence was interrupted,
//! counts are atomic additions to counters of their own: the sums count.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::thread::{MembarrierCommand, membarrier};

use crate::rseq;

/// CPUs beyond this many count atomically, and share counters.
const CPUS: usize = 256;

/// How often something happened to those who began in each of the slots.
type Counts = [AtomicU64; SLOTS];

/// Two epochs, once more for the child of a fork.
const SLOTS: usize = 4;

/// The counters of a CPU.
#[repr(C, align(128))]
struct Counters {
    /// Raised by sequences on this CPU only: who came, who left.
    here: [Counts; 2],
    /// Raised atomically, from anywhere.
    anywhere: [Counts; 2],
}

const CAME: usize = 0;
const LEFT: usize = 1;

static COUNTERS: [Counters; CPUS] =
    [const { Counters { here: [const { no_counts() }; 2], anywhere: [const { no_counts() }; 2] } }; CPUS];

const fn no_counts() -> Counts {
    [const { AtomicU64::new(0) }; SLOTS]
}

/// The slot that counts who comes now: the epoch, and above it which pair of slots this process uses.
static SLOT: AtomicUsize = AtomicUsize::new(0);

/// Whether the one who waits can have barriers put into all threads: only then may they count without.
static HAS_BARRIERS: AtomicBool = AtomicBool::new(false);

/// Held by the one who waits.
static WAITING: Mutex<()> = Mutex::new(());

/// Makes counting cheap, where that is possible; to be called before events are recorded, after `cpu::find_rseq`.
pub(crate) fn prepare() {
    if membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok() {
        HAS_BARRIERS.store(true, Ordering::SeqCst);
        rseq::allow();
    }
}

/// Between its making and its end, nothing that was reachable is freed.
pub(crate) struct Stay {
    slot: usize,
    cpu: u32,
}

impl Stay {
    /// Begins.
    #[inline(always)]
    pub(crate) fn begin() -> Stay {
        let slot = SLOT.load(Ordering::Relaxed) % SLOTS;
        let cpu = count(CAME, slot);
        Stay { slot, cpu }
    }

    /// The CPU on which it began. The thread may be on another one by the time that it is used.
    #[inline(always)]
    pub(crate) fn cpu(&self) -> u32 {
        self.cpu
    }
}

impl Drop for Stay {
    #[inline(always)]
    fn drop(&mut self) {
        count(LEFT, self.slot);
    }
}

/// Counts, on the CPU whose number it gives.
#[inline(always)]
fn count(what: usize, slot: usize) -> u32 {
    const STRIDE_SHIFT: u32 = size_of::<Counters>().trailing_zeros();
    let first = &COUNTERS[0].here[what][slot % SLOTS];
    // SAFETY: the same counter of each of so many CPUs lies so far behind the first one's, and nobody else writes it.
    match unsafe { rseq::add_one::<CPUS, STRIDE_SHIFT>(first) } {
        Some(cpu) => cpu,
        None => count_atomically(what, slot),
    }
}

#[cold]
#[inline(never)]
fn count_atomically(what: usize, slot: usize) -> u32 {
    let cpu = crate::cpu::current();
    // With its barrier: what is read from here on was not freed before this count was seen, and what was read before is
    // not needed any more.
    COUNTERS[cpu as usize % CPUS].anywhere[what][slot % SLOTS].fetch_add(1, Ordering::SeqCst);
    cpu
}

/// A barrier in every thread of this process that runs; those that do not run pass one before they do.
fn barrier_everywhere() -> bool {
    fence(Ordering::SeqCst);
    let done =
        !HAS_BARRIERS.load(Ordering::Relaxed) || membarrier(MembarrierCommand::PrivateExpedited).is_ok();
    fence(Ordering::SeqCst);
    done
}

/// Whether everybody who came in that slot has left; `None` if that cannot be known.
fn is_empty(slot: usize) -> Option<bool> {
    let sum = |what: usize| {
        COUNTERS.iter().fold(0u64, |sum, cpu| {
            let here = cpu.here[what][slot].load(Ordering::Acquire);
            sum.wrapping_add(here).wrapping_add(cpu.anywhere[what][slot].load(Ordering::Acquire))
        })
    };
    // Those who left are counted first: who comes and leaves in between is seen coming only, and waited for.
    let left = sum(LEFT);
    barrier_everywhere().then(|| left == sum(CAME))
}

/// Waits until everybody who came before this call has left: `true`. After `limit` it gives up: `false`, and what was
/// to be freed must stay.
pub(crate) fn wait(limit: Duration) -> bool {
    let _waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
    let deadline = Instant::now() + limit;
    // From here on nobody comes who still sees what was taken away.
    if !barrier_everywhere() {
        return false;
    }
    let slot = SLOT.load(Ordering::Relaxed) % SLOTS;
    // Stragglers who read the epoch long ago may still come to the other one's counters.
    if !wait_for(slot ^ 1, deadline) {
        return false;
    }
    SLOT.store(slot ^ 1, Ordering::SeqCst);
    wait_for(slot, deadline)
}

fn wait_for(slot: usize, deadline: Instant) -> bool {
    let mut tries = 0u32;
    loop {
        match is_empty(slot) {
            None => return false,
            Some(true) => break,
            Some(false) => {}
        }
        tries += 1;
        if tries < 100 {
            std::thread::yield_now();
        } else if Instant::now() > deadline {
            return false;
        } else {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    // What they did is done before what follows.
    barrier_everywhere()
}

/// For the child of a fork, which has one thread: whether nobody was here. Threads that the child does not have never
/// leave, so that others count from here on; the one that forked may be in the middle of an event, and leaves
/// the old ones.
pub(crate) fn begin_in_child() -> bool {
    if HAS_BARRIERS.load(Ordering::Relaxed)
        && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_err()
    {
        rseq::forbid();
        HAS_BARRIERS.store(false, Ordering::Relaxed);
    }
    let old = SLOT.load(Ordering::Relaxed) % SLOTS;
    let was_idle = [old, old ^ 1].map(is_empty) == [Some(true); 2];
    let new = old ^ 2;
    for cpu in &COUNTERS {
        for counts in cpu.here.iter().chain(&cpu.anywhere) {
            counts[new].store(0, Ordering::Relaxed);
            counts[new ^ 1].store(0, Ordering::Relaxed);
        }
    }
    SLOT.store(new, Ordering::SeqCst);
    was_idle
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicPtr};

    #[test]
    fn nothing_is_freed_under_a_reader() {
        crate::cpu::find_rseq();
        prepare();
        let shared = AtomicPtr::new(Box::into_raw(Box::new(7u64)));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let (shared, stop) = (&shared, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let _stay = Stay::begin();
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

    fn came() -> u64 {
        let came =
            |counts: &[Counts; 2]| counts[CAME].iter().map(|of| of.load(Ordering::SeqCst)).sum::<u64>();
        COUNTERS.iter().map(|cpu| came(&cpu.here) + came(&cpu.anywhere)).sum()
    }

    /// Threads that are moved from CPU to CPU and interrupted by signals, whose handlers count as well.
    #[test]
    fn no_count_is_lost() {
        use std::os::unix::thread::JoinHandleExt;
        unsafe extern "C" {
            fn signal(signal: i32, handler: usize) -> usize;
            fn pthread_kill(thread: std::os::unix::thread::RawPthread, signal: i32) -> i32;
        }
        static HANDLED: AtomicU64 = AtomicU64::new(0);
        const SIGUSR2: i32 = 12;
        extern "C" fn handle(_: i32) {
            let _outer = Stay::begin();
            let _inner = Stay::begin();
            HANDLED.fetch_add(2, Ordering::SeqCst);
        }
        crate::cpu::find_rseq();
        prepare();
        // SAFETY: the handler does what handlers may; nothing else in these tests takes this signal.
        unsafe { signal(SIGUSR2, handle as *const () as usize) };
        const EACH: u64 = 300_000;
        let before = came();
        let allowed = rustix::thread::sched_getaffinity(None).unwrap();
        let cpus: Vec<usize> =
            (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let cpus = cpus.clone();
                std::thread::spawn(move || {
                    for turn in 0..EACH {
                        if turn % 100 == 0 {
                            let mut only = rustix::thread::CpuSet::new();
                            only.set(cpus[(turn / 100 + thread) as usize % cpus.len()]);
                            rustix::thread::sched_setaffinity(None, &only).unwrap();
                        }
                        let _stay = Stay::begin();
                    }
                })
            })
            .collect();
        while !threads.iter().all(std::thread::JoinHandle::is_finished) {
            for thread in &threads {
                // SAFETY: not joined yet.
                unsafe { pthread_kill(thread.as_pthread_t(), SIGUSR2) };
            }
            std::thread::yield_now();
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // Other tests may count meanwhile: nothing may be missing, and everybody leaves.
        assert!(came() - before >= 3 * EACH + HANDLED.load(Ordering::SeqCst));
        assert!(HANDLED.load(Ordering::SeqCst) > 0);
        assert!(wait(Duration::from_secs(60)) && wait(Duration::from_secs(60)));
    }
}
