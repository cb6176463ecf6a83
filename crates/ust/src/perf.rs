//! Counters of the kernel's perf subsystem, one per thread, opened when a thread first records one
//! (`docs/spec/ust-protocol.md`, section 10).

use std::cell::RefCell;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

/// A counter of each thread.
#[derive(Debug)]
pub(crate) struct PerfCounter {
    kind: u32,
    config: u64,
    /// Tells counters apart in the threads' lists.
    number: u32,
}

/// The front of `struct perf_event_attr`, of the size that kernels since 2.6.31 take.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

/// Bit of `exclude_kernel` in the flags.
const EXCLUDE_KERNEL: u64 = 1 << 5;
const CLOSE_ON_EXEC: u64 = 1 << 3;

#[cfg(target_arch = "x86_64")]
const PERF_EVENT_OPEN: i64 = 298;
#[cfg(not(target_arch = "x86_64"))]
const PERF_EVENT_OPEN: i64 = 241;

thread_local! {
    /// This thread's descriptors by counter; `None` where opening failed.
    static OPEN: RefCell<Vec<(u32, Option<OwnedFd>)>> = const { RefCell::new(Vec::new()) };
}

static NUMBERS: AtomicU32 = AtomicU32::new(0);

fn open(kind: u32, config: u64) -> Option<OwnedFd> {
    unsafe extern "C" {
        fn syscall(number: i64, ...) -> i64;
    }
    let attributes = Attributes {
        kind,
        config,
        size: size_of::<Attributes>() as u32,
        flags: EXCLUDE_KERNEL,
        ..Attributes::default()
    };
    // SAFETY: the attributes are of the size that they say; this thread, any CPU, no group.
    let fd = unsafe { syscall(PERF_EVENT_OPEN, &raw const attributes, 0i32, -1i32, -1i32, CLOSE_ON_EXEC) };
    let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
    // SAFETY: a fresh descriptor that nobody else knows.
    Some(unsafe { OwnedFd::from_raw_fd(fd) })
}

impl PerfCounter {
    /// A counter of that type and configuration, if this machine has it.
    pub(crate) fn open(kind: u32, config: u64) -> Option<Self> {
        open(kind, config)?;
        Some(PerfCounter { kind, config, number: NUMBERS.fetch_add(1, Ordering::Relaxed) })
    }

    /// The count of this thread; 0 where there is none.
    pub(crate) fn read(&self) -> u64 {
        let read = |open_counters: &RefCell<Vec<(u32, Option<OwnedFd>)>>| {
            // Taken already: a signal handler came in between.
            let mut counters = open_counters.try_borrow_mut().ok()?;
            let at = match counters.iter().position(|(number, _)| *number == self.number) {
                Some(at) => at,
                None => {
                    counters.push((self.number, open(self.kind, self.config)));
                    counters.len() - 1
                }
            };
            let mut bytes = [0; 8];
            let read = rustix::io::read(counters[at].1.as_ref()?, &mut bytes);
            (read == Ok(8)).then(|| u64::from_ne_bytes(bytes))
        };
        OPEN.try_with(read).ok().flatten().unwrap_or(0)
    }
}
