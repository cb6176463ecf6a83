//! Large pages for memory that is given to disks again and again: the kernel then has to look up, pin and describe one
//! page where it had hundreds.

use std::io;

use rustix::mm::Advice;

/// Bytes of a large page, and what its address is a multiple of, where pages are 4 KiB.
pub const HUGE_PAGE_SIZE: usize = 2 << 20;

/// Asks for large pages behind `memory`, as far as whole ones fit. What was touched before stays as it is.
///
/// # Errors
/// When the kernel has no large pages; the memory is as good as any other then.
pub fn prefer_huge_pages(memory: &mut [u8]) -> io::Result<()> {
    let start = memory.as_ptr().align_offset(HUGE_PAGE_SIZE);
    let whole = memory.get_mut(start..).map_or(0, |rest| rest.len() / HUGE_PAGE_SIZE * HUGE_PAGE_SIZE);
    if whole == 0 {
        return Ok(());
    }
    // SAFETY: the range is inside `memory`. The advice changes neither what it holds nor who may access it.
    unsafe { rustix::mm::madvise(memory[start..].as_mut_ptr().cast(), whole, Advice::LinuxHugepage)? };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_memory_holds_stays() {
        let mut memory = vec![7; 3 * HUGE_PAGE_SIZE];
        // Kernels without large pages say so.
        let _ = prefer_huge_pages(&mut memory);
        assert!(memory.iter().all(|byte| *byte == 7));
        let _ = prefer_huge_pages(&mut memory[..100]);
        let _ = prefer_huge_pages(&mut []);
    }
}
