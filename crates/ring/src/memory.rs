//! Memory that other processes write: the one door to it, and all the unsafety of this crate beside `sigbus.rs`.
//!
//! Two rules make it sound:
//! 1. Nobody gets a reference (or slice) to the bytes. Words are read and written through atomics, byte strings are
//!    copied in and out through volatile accesses, and whole packets go to a file by a system call that is given the
//!    address alone.
//! 2. Every access is checked against the size of the mapping, in this file, whatever the caller computed.
//!
//! What is read can change under us at any time and be anything; making sense of it is the caller's task. That the
//! memory is *there* is this file's: an object of ours is sealed against shrinking, and where that cannot be (files
//! of `--shm-path`), `sigbus.rs` puts zero pages in the place of vanished ones.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags};

use crate::sigbus::Guard;
use crate::slot_writer::SlotWriter;

/// Words and bytes that other threads or processes access at the same time.
///
/// Word accesses are relaxed and at offsets that are multiples of 8; ordering comes from [`Memory::fence`] and from
/// [`Memory::compare_exchange`], as section 2 of `docs/spec/ring-buffer.md` lays down. The trait exists so that the
/// very code that runs in production also runs under `loom`.
///
/// # Panics
/// All accessors panic when the access is not inside the memory: offsets come from a checked [`crate::Layout`].
pub trait Memory {
    /// Bytes of the memory.
    fn size(&self) -> usize;
    /// Reads the word at byte offset `at`.
    fn load(&self, at: usize) -> u64;
    /// Writes the word at byte offset `at`.
    fn store(&self, at: usize, value: u64);
    /// Adds to the word at byte offset `at` (wrapping), and gives what it was.
    fn add(&self, at: usize, value: u64) -> u64;
    /// Replaces `current` by `new`, with a full barrier; gives what it found if that was something else.
    fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<u64, u64>;
    /// A memory barrier.
    fn fence(&self, order: Ordering);
    /// Copies bytes into the memory.
    fn copy_in(&self, at: usize, bytes: &[u8]);
    /// Copies bytes out of the memory.
    fn copy_out(&self, at: usize, bytes: &mut [u8]);
}

#[track_caller]
#[inline]
fn check(size: usize, at: usize, len: usize) {
    assert!(at <= size && len <= size - at, "access of {len} bytes at {at} in a memory of {size}");
}

/// A shared mapping of a file.
#[derive(Debug)]
pub struct Mapping {
    address: NonNull<u8>,
    size: usize,
    /// Present when the file could shrink under us.
    guard: Option<Guard>,
}

// SAFETY: the address is owned by this value until it is dropped, and all access to what it points to is atomic or
// volatile, from whatever thread.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `size` bytes of `file`, shared and writable. `may_shrink` says that other processes can truncate
    /// the file: the mapping is then watched, and [`Mapping::is_damaged`] tells when it happened.
    pub fn new(file: BorrowedFd<'_>, size: usize, may_shrink: bool) -> std::io::Result<Self> {
        if size == 0 {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: a fresh mapping at an address of the kernel's choice aliases nothing.
        let address = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )?
        };
        let address = NonNull::new(address.cast::<u8>()).ok_or(std::io::ErrorKind::OutOfMemory)?;
        let guard = match may_shrink {
            true => Some(Guard::new(address.as_ptr() as usize, size)),
            false => None,
        };
        Ok(Mapping { address, size, guard })
    }

    /// Whether pages of the file vanished and zeros stand in their place.
    pub fn is_damaged(&self) -> bool {
        self.guard.as_ref().is_some_and(Guard::is_damaged)
    }

    /// Where the mapping begins.
    pub(crate) fn address(&self) -> *mut u8 {
        self.address.as_ptr()
    }

    /// Makes all pages present for writing, as far as the kernel can (5.14 and later); what is missing comes at first use.
    pub(crate) fn populate(&self) {
        // SAFETY: our own mapping; the advice changes nothing that is in it.
        let _ = unsafe {
            rustix::mm::madvise(
                self.address.as_ptr().cast(),
                self.size,
                rustix::mm::Advice::LinuxPopulateWrite,
            )
        };
    }

    /// A writer over `len` bytes from offset `at`, a slot that the caller reserved and has not committed; `position` is
    /// what its alignment refers to. Another process may write there too: then the record is damaged, and nothing else.
    #[inline]
    pub(crate) fn slot(&self, at: usize, len: usize, position: u64) -> SlotWriter<'_> {
        check(self.size, at, len);
        // SAFETY: inside the mapping, which lives as long as the writer; within this process the slot is its holder's.
        unsafe { SlotWriter::new(self.address.as_ptr().add(at), len, position) }
    }

    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        check(self.size, at, 8);
        assert!(at.is_multiple_of(8), "word at {at}");
        // SAFETY: inside the mapping and aligned (a mapping starts on a page); an atomic may be written by anybody.
        unsafe { AtomicU64::from_ptr(self.address.as_ptr().add(at).cast()) }
    }

    /// Writes `len` bytes from offset `at` to `file` at `file_offset`, by one system call that reads them itself; gives
    /// how many it wrote. Bytes of the mapping that vanished give EFAULT, not a signal.
    pub fn write_to(
        &self,
        at: usize,
        len: usize,
        file: impl AsFd,
        file_offset: u64,
    ) -> std::io::Result<usize> {
        unsafe extern "C" {
            fn pwrite(fd: i32, buf: *const u8, count: usize, offset: i64) -> isize;
        }
        check(self.size, at, len);
        let offset = i64::try_from(file_offset).map_err(|_| std::io::ErrorKind::FileTooLarge)?;
        // SAFETY: the kernel reads `len` bytes inside the mapping; it copes with their changing or being absent.
        let written = unsafe { pwrite(file.as_fd().as_raw_fd(), self.address.as_ptr().add(at), len, offset) };
        usize::try_from(written).map_err(|_| std::io::Error::last_os_error())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.guard = None;
        // SAFETY: the mapping is ours and nothing refers to it any more. Failure leaves it mapped, which harms nobody.
        let _ = unsafe { rustix::mm::munmap(self.address.as_ptr().cast(), self.size) };
    }
}

impl Memory for Mapping {
    fn size(&self) -> usize {
        self.size
    }

    #[inline]
    fn load(&self, at: usize) -> u64 {
        self.word(at).load(Ordering::Relaxed)
    }

    #[inline]
    fn store(&self, at: usize, value: u64) {
        self.word(at).store(value, Ordering::Relaxed);
    }

    #[inline]
    fn add(&self, at: usize, value: u64) -> u64 {
        self.word(at).fetch_add(value, Ordering::Relaxed)
    }

    #[inline]
    fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<u64, u64> {
        self.word(at).compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst)
    }

    #[inline]
    fn fence(&self, order: Ordering) {
        std::sync::atomic::fence(order);
    }

    #[inline]
    fn copy_in(&self, at: usize, bytes: &[u8]) {
        check(self.size, at, bytes.len());
        // SAFETY: inside the mapping, which cannot overlap `bytes`: nobody has a reference into it.
        unsafe {
            let to = self.address.as_ptr().add(at);
            let mut done = 0;
            while bytes.len() - done >= 8 {
                let word = bytes.as_ptr().add(done).cast::<u64>().read_unaligned();
                // An unaligned volatile store does not exist in Rust; a packed struct's does the same.
                to.add(done).cast::<Unaligned>().write_volatile(Unaligned(word));
                done += 8;
            }
            while done < bytes.len() {
                to.add(done).write_volatile(bytes[done]);
                done += 1;
            }
        }
    }

    #[inline]
    fn copy_out(&self, at: usize, bytes: &mut [u8]) {
        check(self.size, at, bytes.len());
        // SAFETY: as in `copy_in`.
        unsafe {
            let from = self.address.as_ptr().add(at);
            let mut done = 0;
            // Whole packets: about half the time of the loop below. The compiler knows nothing of these accesses, which
            // is as good as volatile.
            #[cfg(target_arch = "x86_64")]
            if bytes.len() >= LONG {
                std::arch::asm!(
                    "rep movsb",
                    inout("rcx") bytes.len() => _,
                    inout("rsi") from => _,
                    inout("rdi") bytes.as_mut_ptr() => _,
                    options(nostack, preserves_flags),
                );
                done = bytes.len();
            }
            while bytes.len() - done >= 8 {
                let Unaligned(word) = from.add(done).cast::<Unaligned>().read_volatile();
                bytes.as_mut_ptr().add(done).cast::<u64>().write_unaligned(word);
                done += 8;
            }
            while done < bytes.len() {
                bytes[done] = from.add(done).read_volatile();
                done += 1;
            }
        }
    }
}

/// From here on the processor's own string copy is faster than words one by one.
#[cfg(target_arch = "x86_64")]
const LONG: usize = 1024;

#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Unaligned(u64);

/// Memory of this process alone: a stream's bytes that were read from a file, and the ground for tests.
#[derive(Debug)]
pub struct HeapMemory {
    words: Box<[AtomicU64]>,
}

impl HeapMemory {
    /// Zeros.
    pub fn new(size: usize) -> Self {
        HeapMemory { words: (0..size.div_ceil(8)).map(|_| AtomicU64::new(0)).collect() }
    }

    /// A copy of `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let memory = HeapMemory::new(bytes.len());
        memory.copy_in(0, bytes);
        memory
    }

    /// A copy of the memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size()];
        self.copy_out(0, &mut bytes);
        bytes
    }
}

/// The bytes of a word that an access covers: word offset, first byte in the word, bytes.
pub(crate) fn pieces(at: usize, len: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let mut next = at;
    std::iter::from_fn(move || {
        let start = next % 8;
        let count = (8 - start).min(at + len - next);
        let piece = (next - start, start, count);
        next += count;
        (count > 0).then_some(piece)
    })
}

impl Memory for HeapMemory {
    fn size(&self) -> usize {
        self.words.len() * 8
    }

    fn load(&self, at: usize) -> u64 {
        self.words[at / 8].load(Ordering::Relaxed)
    }

    fn store(&self, at: usize, value: u64) {
        self.words[at / 8].store(value, Ordering::Relaxed);
    }

    fn add(&self, at: usize, value: u64) -> u64 {
        self.words[at / 8].fetch_add(value, Ordering::Relaxed)
    }

    fn compare_exchange(&self, at: usize, current: u64, new: u64) -> Result<u64, u64> {
        self.words[at / 8].compare_exchange(current, new, Ordering::SeqCst, Ordering::SeqCst)
    }

    fn fence(&self, order: Ordering) {
        std::sync::atomic::fence(order);
    }

    fn copy_in(&self, at: usize, bytes: &[u8]) {
        let mut rest = bytes;
        for (word, start, count) in pieces(at, bytes.len()) {
            let mut held = self.load(word).to_ne_bytes();
            held[start..start + count].copy_from_slice(&rest[..count]);
            self.store(word, u64::from_ne_bytes(held));
            rest = &rest[count..];
        }
    }

    fn copy_out(&self, at: usize, bytes: &mut [u8]) {
        let mut done = 0;
        for (word, start, count) in pieces(at, bytes.len()) {
            bytes[done..done + count].copy_from_slice(&self.load(word).to_ne_bytes()[start..start + count]);
            done += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::MemfdFlags;

    fn mapping(size: usize, may_shrink: bool) -> (Mapping, std::os::fd::OwnedFd) {
        let file = rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::ftruncate(&file, size as u64).unwrap();
        (Mapping::new(file.as_fd(), size, may_shrink).unwrap(), file)
    }

    #[test]
    fn bytes_and_words_agree_in_both_memories() {
        let (mapping, _file) = mapping(4096, false);
        let heap = HeapMemory::new(4096);
        for memory in [&mapping as &dyn Memory, &heap] {
            let text: Vec<u8> = (0..61).collect();
            memory.copy_in(3, &text);
            let mut back = vec![0; 61];
            memory.copy_out(3, &mut back);
            assert_eq!(back, text);
            assert_eq!(memory.load(8), u64::from_ne_bytes([5, 6, 7, 8, 9, 10, 11, 12]));
            assert_eq!(memory.add(8, 1), u64::from_ne_bytes([5, 6, 7, 8, 9, 10, 11, 12]));
            assert_eq!(memory.compare_exchange(0, 1, 2), Err(memory.load(0)));
        }
    }

    #[test]
    fn long_strings_are_copied_whole() {
        let (mapping, _file) = mapping(8192, false);
        let text: Vec<u8> = (0..5000).map(|number| (number % 251) as u8).collect();
        mapping.copy_in(1001, &text);
        for len in [1023, 1024, 1025, 5000] {
            let mut back = vec![0; len + 1];
            mapping.copy_out(1001, &mut back[..len]);
            assert_eq!(back[..len], text[..len]);
            assert_eq!(back[len], 0, "nothing is written past the end");
        }
    }

    #[test]
    #[should_panic(expected = "access of 8 bytes at 4090")]
    fn nothing_past_the_end_is_read() {
        let (mapping, _file) = mapping(4096, false);
        mapping.copy_out(4090, &mut [0; 8]);
    }

    #[test]
    fn a_file_that_shrinks_reads_as_zeros() {
        let (mapping, file) = mapping(3 * 4096, true);
        mapping.store(8192, 7);
        assert!(!mapping.is_damaged());
        rustix::fs::ftruncate(&file, 4096).unwrap();
        assert_eq!(mapping.load(8192), 0);
        assert!(mapping.is_damaged());
        mapping.store(8192, 9);
        assert_eq!(mapping.load(8192), 9);
        let out = tempfile::tempfile().unwrap();
        assert!(mapping.write_to(4096, 4096, &out, 0).is_err(), "the kernel must not read a vanished page");
        // Twice: the handler must still be in place after its first use.
        rustix::fs::ftruncate(&file, 0).unwrap();
        assert_eq!(mapping.load(0), 0);
    }

    #[test]
    fn packets_go_to_a_file_without_passing_through_us() {
        let (mapping, _file) = mapping(8192, false);
        mapping.copy_in(4096, b"packet");
        let out = tempfile::tempfile().unwrap();
        assert_eq!(mapping.write_to(4096, 6, &out, 10).unwrap(), 6);
        let mut back = [0; 6];
        std::os::unix::fs::FileExt::read_exact_at(&out, &mut back, 10).unwrap();
        assert_eq!(&back, b"packet");
    }
}
