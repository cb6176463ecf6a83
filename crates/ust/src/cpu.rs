//! Which CPU the thread runs on. The C library of glibc 2.35 and later keeps the number in each thread's memory (rseq),
//! where it is read with one load; elsewhere the vDSO is asked.

use std::sync::atomic::{AtomicIsize, Ordering};

/// Offset of the thread's rseq area from its thread pointer; 0 if there is none.
static RSEQ_OFFSET: AtomicIsize = AtomicIsize::new(0);

/// Offset of `cpu_id` in the area.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
const CPU_ID: isize = 4;

/// Looks for the rseq area; to be called once, before events are recorded.
pub(crate) fn find_rseq() {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        use std::ffi::{c_char, c_void};
        unsafe extern "C" {
            fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
        }
        // SAFETY: a null handle (RTLD_DEFAULT) and NUL-terminated names; the symbols are an `unsigned int` and a
        // `ptrdiff_t` wherever they exist, and never change.
        unsafe {
            let size = dlsym(std::ptr::null_mut(), c"__rseq_size".as_ptr()).cast::<u32>();
            let offset = dlsym(std::ptr::null_mut(), c"__rseq_offset".as_ptr()).cast::<isize>();
            if !size.is_null() && !offset.is_null() && *size as isize >= CPU_ID + 4 {
                RSEQ_OFFSET.store(*offset, Ordering::Relaxed);
            }
        }
    }
}

/// Offset of the thread's rseq area from its thread pointer; 0 if there is none.
pub(crate) fn rseq_area() -> isize {
    RSEQ_OFFSET.load(Ordering::Relaxed)
}

/// The number of the CPU. The thread may be on another one by the time that it is used.
#[inline]
pub(crate) fn current() -> u32 {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let offset = RSEQ_OFFSET.load(Ordering::Relaxed);
        if offset != 0 {
            let cpu = rseq_cpu(offset);
            // Negative: the thread is not registered.
            if cpu >= 0 {
                return cpu as u32;
            }
        }
    }
    rustix::thread::sched_getcpu() as u32
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn rseq_cpu(offset: isize) -> i32 {
    let cpu: i32;
    // SAFETY: the C library says that the area of every thread is there; the kernel writes the number, which this reads
    // with one instruction.
    unsafe {
        std::arch::asm!(
            "mov {cpu:e}, dword ptr fs:[{at}]",
            at = in(reg) offset + CPU_ID,
            cpu = lateout(reg) cpu,
            options(nostack, preserves_flags, readonly),
        );
    }
    cpu
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn rseq_cpu(offset: isize) -> i32 {
    let cpu: i32;
    // SAFETY: as on x86-64.
    unsafe {
        std::arch::asm!(
            "mrs {base}, tpidr_el0",
            "ldr {cpu:w}, [{base}, {at}]",
            base = out(reg) _,
            at = in(reg) offset + CPU_ID,
            cpu = lateout(reg) cpu,
            options(nostack, preserves_flags, readonly),
        );
    }
    cpu
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_tell_the_same() {
        let mut same = 0;
        find_rseq();
        for _ in 0..1000 {
            same += usize::from(current() as usize == rustix::thread::sched_getcpu());
        }
        // The thread may move now and then.
        assert!(same > 900, "{same} of 1000");
    }
}
