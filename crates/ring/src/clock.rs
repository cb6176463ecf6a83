//! The clocks that packets and records may be counted in: `CLOCK_MONOTONIC`, as LTTng has it, or the processor's
//! time-stamp counter, which is quicker to read, and which only our own tracer knows.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What the times of a channel count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TraceClock {
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    #[default]
    Monotonic,
    /// The processor's time-stamp counter, in its own cycles. On machines without one this is the former.
    Tsc,
}

impl TraceClock {
    /// The time, read after everything that stands before it.
    #[inline]
    pub fn now(self) -> u64 {
        match self {
            TraceClock::Monotonic => monotonic_now(),
            TraceClock::Tsc => tsc_in_order(),
        }
    }
}

/// The clock of LTTng: `CLOCK_MONOTONIC` in nanoseconds.
#[inline]
pub fn monotonic_now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The time-stamp counter, read after everything that stands before it.
#[inline]
fn tsc_in_order() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        let (low, high): (u32, u32);
        // SAFETY: reads a counter, into two registers.
        unsafe {
            std::arch::asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nostack, preserves_flags));
        }
        u64::from(high) << 32 | u64::from(low)
    }
    #[cfg(not(target_arch = "x86_64"))]
    monotonic_now()
}

/// The time-stamp counter, read while what stands before it may still be under way on this CPU: a load may see what
/// another CPU stored after this time. What happens on one CPU, interrupts included, is in order.
#[inline(always)]
pub fn tsc_at_once() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        let (low, high): (u32, u32);
        // SAFETY: reads a counter, into two registers.
        unsafe {
            std::arch::asm!("rdtsc", out("eax") low, out("edx") high, options(nostack, preserves_flags));
        }
        u64::from(high) << 32 | u64::from(low)
    }
    #[cfg(not(target_arch = "x86_64"))]
    monotonic_now()
}

/// Cycles a second of the time-stamp counter, if the buffers that this process makes and reads count in it; else 0.
static TSC_FREQUENCY: AtomicU64 = AtomicU64::new(0);

/// Says that the buffers that this process makes and reads count in the time-stamp counter, of so many cycles a second: to
/// be called by a consumer daemon, first of all.
pub fn trace_in_tsc(frequency: NonZeroU64) {
    TSC_FREQUENCY.store(frequency.get(), Ordering::Relaxed);
}

/// The time as a consumer daemon writes it into its buffers; see [`trace_in_tsc`].
pub fn trace_now() -> u64 {
    match TSC_FREQUENCY.load(Ordering::Relaxed) {
        0 => monotonic_now(),
        _ => TraceClock::Tsc.now(),
    }
}

/// How long so many ticks of that clock take.
pub fn trace_duration(ticks: u64) -> Duration {
    Duration::from_nanos(match TSC_FREQUENCY.load(Ordering::Relaxed) {
        0 => ticks,
        frequency => {
            u64::try_from(u128::from(ticks) * 1_000_000_000 / u128::from(frequency)).unwrap_or(u64::MAX)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on() {
        for clock in [TraceClock::Monotonic, TraceClock::Tsc] {
            let mut before = clock.now();
            for _ in 0..1000 {
                let now = clock.now();
                assert!(now >= before);
                before = now;
            }
        }
        assert!(tsc_at_once() > 0);
    }
}
