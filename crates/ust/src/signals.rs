//! What the tracer does about signals: its threads take none, and writing into a pipe whose reader is gone raises none
//! in the program. The C library is there in every Rust program on Linux; what is called here is safe in signal handlers.

use std::os::fd::BorrowedFd;
use std::time::Duration;

/// `sigset_t` of glibc and musl on Linux.
#[repr(C)]
#[derive(Clone, Copy)]
struct SignalSet([u64; 16]);

/// `struct timespec` on 64-bit Linux.
#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: i64,
}

const SIGPIPE: i32 = 13;
const SIG_BLOCK: i32 = 0;
const SIG_SETMASK: i32 = 2;

unsafe extern "C" {
    fn pthread_sigmask(how: i32, set: *const SignalSet, old: *mut SignalSet) -> i32;
    fn sigpending(set: *mut SignalSet) -> i32;
    fn sigtimedwait(set: *const SignalSet, info: *mut u8, timeout: *const TimeSpec) -> i32;
}

impl SignalSet {
    const ONLY_SIGPIPE: SignalSet = {
        let mut words = [0; 16];
        words[0] = 1 << (SIGPIPE - 1);
        SignalSet(words)
    };
    const ALL: SignalSet = SignalSet([u64::MAX; 16]);

    fn has_sigpipe(&self) -> bool {
        self.0[0] & SignalSet::ONLY_SIGPIPE.0[0] != 0
    }
}

/// Blocks all signals of this thread while it lives; threads that are made meanwhile take none, ever.
pub(crate) struct Blocked(SignalSet);

impl Blocked {
    pub(crate) fn all() -> Self {
        let mut old = SignalSet([0; 16]);
        // SAFETY: both sets have the C library's size.
        unsafe { pthread_sigmask(SIG_SETMASK, &SignalSet::ALL, &mut old) };
        Blocked(old)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set is what the call in `all` gave.
        unsafe { pthread_sigmask(SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}

/// Writes the byte that wakes a reader. One who is gone is not woken.
#[cold]
pub(crate) fn write_without_sigpipe(pipe: BorrowedFd<'_>) {
    write_whole(pipe, &[0]);
}

/// Writes a message that is atomic for pipes; `false` if there was no room for it, or nobody to read it. The program
/// gets no SIGPIPE for it.
#[cold]
pub(crate) fn write_whole(pipe: BorrowedFd<'_>, message: &[u8]) -> bool {
    let mut pending = SignalSet([0; 16]);
    let mut old = SignalSet([0; 16]);
    // SAFETY: sets of the C library's size.
    let was_pending = unsafe {
        pthread_sigmask(SIG_BLOCK, &SignalSet::ONLY_SIGPIPE, &mut old);
        sigpending(&mut pending);
        pending.has_sigpipe()
    };
    let written = loop {
        match rustix::io::write(pipe, message) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other,
        }
    };
    // SAFETY: as above. The signal that we caused is taken back before it could be delivered.
    unsafe {
        if written == Err(rustix::io::Errno::PIPE) && !was_pending {
            let at_once = TimeSpec { seconds: 0, nanoseconds: 0 };
            sigtimedwait(&SignalSet::ONLY_SIGPIPE, std::ptr::null_mut(), &at_once);
        }
        pthread_sigmask(SIG_SETMASK, &old, std::ptr::null_mut());
    }
    written == Ok(message.len())
}

/// Sleeps; a signal ends it early, which costs nothing.
#[cold]
pub(crate) fn sleep(duration: Duration) {
    let request = rustix::thread::Timespec {
        tv_sec: duration.as_secs() as i64,
        tv_nsec: duration.subsec_nanos().into(),
    };
    let _ = rustix::thread::nanosleep(&request);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_reader_that_is_gone_raises_no_signal() {
        // Rust's test programs ignore SIGPIPE; with the default action this test would end the process.
        unsafe extern "C" {
            fn signal(signal: i32, handler: usize) -> usize;
        }
        // SAFETY: puts the default action in place; nothing else in this crate's tests writes into broken pipes.
        let before = unsafe { signal(SIGPIPE, 0) };
        let (read, write) = rustix::pipe::pipe().unwrap();
        write_without_sigpipe(write.as_fd());
        let mut byte = [7];
        assert_eq!(rustix::io::read(&read, &mut byte), Ok(1));
        assert_eq!(byte, [0]);
        drop(read);
        write_without_sigpipe(write.as_fd());
        assert!(!write_whole(write.as_fd(), b"notification"));
        // SAFETY: as above.
        unsafe { signal(SIGPIPE, before) };
    }
}
