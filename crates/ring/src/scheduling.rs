//! How soon a thread gets a processor when something for it to do comes up.
//!
//! A thread that drains buffers works little and seldom, but while programs that trace flat out keep all processors
//! busy, what decides whether events are lost is how soon it runs after it was woken. Since Linux 6.12 a thread may say
//! that it needs short slices only: its deadlines are near then, so that it runs before threads with long slices. It
//! gets no more processor time for it than others, and no privilege is needed. A better nice value does more for those
//! who may have one. Neither can starve a machine, as real-time scheduling could.

use std::ffi::{c_int, c_long};
use std::io;
use std::time::Duration;

/// The kernel's `struct sched_attr`, as of its first version.
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// For an ordinary thread: its slice in nanoseconds. Kernels before 6.12 pass over it.
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// Ordinary scheduling.
const SCHED_OTHER: u32 = 0;

#[cfg(target_arch = "x86_64")]
const SYS_SCHED_SETATTR: c_long = 314;
#[cfg(not(target_arch = "x86_64"))]
const SYS_SCHED_SETATTR: c_long = 274;

/// Asks the kernel to run the calling thread soon after it is woken: with slices of so long (0.1 ms to 100 ms), and with
/// the nice value `nice` if that is better than its own and it may have it.
///
/// # Errors
/// What the kernel said to the slice alone. The thread is as it was then.
pub fn run_soon_after_wakeup(slice: Duration, nice: i32) -> io::Result<()> {
    let own = rustix::process::getpriority_process(None)?;
    if nice < own && set(slice, nice).is_ok() {
        return Ok(());
    }
    set(slice, own)
}

fn set(slice: Duration, nice: i32) -> io::Result<()> {
    unsafe extern "C" {
        fn syscall(number: c_long, ...) -> c_long;
    }
    let attr = SchedAttr {
        size: size_of::<SchedAttr>() as u32,
        policy: SCHED_OTHER,
        flags: 0,
        nice,
        priority: 0,
        runtime: u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX),
        deadline: 0,
        period: 0,
    };
    let (calling_thread, no_flags): (c_int, c_int) = (0, 0);
    // SAFETY: the kernel reads `size` bytes of the record, which lives until the call returns, and changes how this
    // thread is scheduled; no memory of ours is written.
    let outcome = unsafe { syscall(SYS_SCHED_SETATTR, calling_thread, &raw const attr, no_flags) };
    match outcome {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slice of the calling thread in nanoseconds, where kernels show it that know slices of a thread's own.
    fn slice_ns() -> Option<u64> {
        let system = rustix::system::uname();
        let mut version = system.release().to_str().ok()?.split(|c: char| !c.is_ascii_digit());
        let version: (u32, u32) = (version.next()?.parse().ok()?, version.next()?.parse().ok()?);
        let sched = std::fs::read_to_string("/proc/thread-self/sched").ok()?;
        let line = sched.lines().find(|line| line.starts_with("se.slice"))?;
        (version >= (6, 12)).then(|| line.rsplit(':').next()?.trim().parse().ok())?
    }

    fn nice() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[test]
    fn a_thread_gets_short_slices_and_keeps_its_nice_value() {
        let own = nice();
        run_soon_after_wakeup(Duration::from_micros(200), own).unwrap();
        assert_eq!(nice(), own);
        assert!(matches!(slice_ns(), None | Some(200_000)));
        // A worse one is not taken.
        run_soon_after_wakeup(Duration::from_micros(300), own + 1).unwrap();
        assert_eq!(nice(), own);
        assert!(matches!(slice_ns(), None | Some(300_000)));
    }

    #[test]
    fn a_nice_value_that_is_refused_leaves_the_slice() {
        let own = nice();
        run_soon_after_wakeup(Duration::from_micros(300), -20).unwrap();
        assert!(nice() == own || nice() == -20, "nice value {}", nice());
        assert!(matches!(slice_ns(), None | Some(300_000)));
    }
}
