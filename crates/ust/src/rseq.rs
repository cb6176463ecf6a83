//! Counting on the CPU that the thread runs on, without an atomic operation: a restartable sequence (`rseq(2)`). The
//! kernel looks, when it takes a thread off its CPU or sends it a signal, whether the thread stands in one, and if so lets
//! it go on elsewhere: here where the count is made atomically.
//!
//! The C library of glibc 2.35 and later registers every thread; without it, and on other machines than x86-64, nothing is
//! counted here. A child that shares its parent's memory (`vfork`) is not registered and must not fire events; before
//! `exec` it may do next to nothing anyway.

use std::sync::atomic::{AtomicIsize, AtomicU64, Ordering};

/// Offset of the thread's rseq area from its thread pointer; 0 as long as no sequence may be begun.
static AREA: AtomicIsize = AtomicIsize::new(0);

/// Allows sequences, if threads are registered.
pub(crate) fn allow() {
    AREA.store(crate::cpu::rseq_area(), Ordering::SeqCst);
}

/// Allows no more sequences.
pub(crate) fn forbid() {
    AREA.store(0, Ordering::SeqCst);
}

/// Adds one to this CPU's counter, and gives its number; `None` if that could not be done. `first` is the one of CPU 0, the others follow
/// at distances of 1 << `SHIFT`.
///
/// # Safety
/// There are `CPUS` of them, and nothing but this function changes them while threads use it.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub(crate) unsafe fn add_one<const CPUS: usize, const SHIFT: u32>(first: &AtomicU64) -> Option<u32> {
    let area = AREA.load(Ordering::Relaxed);
    if area == 0 {
        return None;
    }
    let offset: i64;
    // SAFETY: the area of every thread is there, as the C library says. Between the labels 2 and 3 the thread stays on
    // the CPU whose number it reads, else it goes on at 4, before which stands the signature that glibc registered; the
    // last instruction is the only one that others see. Threads that are not registered have a number that is no CPU's.
    unsafe {
        std::arch::asm!(
            ".pushsection .data.rel.ro.rttng_rseq, \"aw\", @progbits",
            ".balign 32",
            "5:",
            ".long 0, 0",
            ".quad 2f, 3f - 2f, 4f",
            ".popsection",
            "lea {word}, [rip + 5b]",
            "mov qword ptr fs:[{area} + 8], {word}",
            "2:",
            "mov {word:e}, dword ptr fs:[{area} + 4]",
            "cmp {word:e}, {cpus}",
            "jae 4f",
            "shl {word}, {shift}",
            "inc qword ptr [{first} + {word}]",
            "3:",
            ".pushsection .text.rttng_rseq, \"ax\", @progbits",
            ".byte 0x0f, 0xb9, 0x3d",
            ".long 0x53053053",
            "4:",
            "mov {word}, -1",
            "jmp 3b",
            ".popsection",
            area = in(reg) area,
            first = in(reg) first.as_ptr(),
            word = out(reg) offset,
            cpus = const CPUS,
            shift = const SHIFT,
            options(nostack),
        );
    }
    (offset >= 0).then_some((offset >> SHIFT) as u32)
}

/// As above, where there are no sequences: never done.
///
/// # Safety
/// None.
#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
pub(crate) unsafe fn add_one<const CPUS: usize, const SHIFT: u32>(_first: &AtomicU64) -> Option<u32> {
    None
}
