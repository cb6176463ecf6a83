//! A descriptor that the tracer keeps open in a program that does not know of it. Programs close numbers that are not
//! theirs (daemons close all of them), and open their own files under the same numbers; so this remembers which file it
//! was, and asks the kernel each time before the number is used or closed. A file of the program is never touched.

use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::fstat;

/// A descriptor that may have been closed behind our back.
#[derive(Debug)]
pub(crate) struct Descriptor {
    number: ManuallyDrop<OwnedFd>,
    /// Device and inode, which pipes and sockets have of their own; `None` if the kernel did not tell.
    file: Option<(u64, u64)>,
}

/// What tells files apart.
fn file_at(number: BorrowedFd<'_>) -> Option<(u64, u64)> {
    fstat(number).ok().map(|of| (of.st_dev, of.st_ino))
}

impl Descriptor {
    /// Keeps a descriptor that was just made.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        let file = file_at(fd.as_fd());
        Descriptor { number: ManuallyDrop::new(fd), file }
    }

    /// The descriptor, if it still is what it was.
    pub(crate) fn get(&self) -> Option<BorrowedFd<'_>> {
        let number = self.number.as_fd();
        (self.file.is_some() && file_at(number) == self.file).then_some(number)
    }

    /// Closes it for everybody who shares this.
    pub(crate) fn close(&self) {
        if let Some(number) = self.get() {
            use std::os::fd::AsRawFd;
            // SAFETY: the number is ours, and whoever shares this asks before using it, and finds it gone.
            unsafe { rustix::io::close(number.as_raw_fd()) };
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_number_that_became_another_file_is_left_alone() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let kept = Descriptor::new(rustix::io::dup(&write).unwrap());
        assert!(kept.get().is_some());
        // Another file in its place, as after `close` and `open`.
        let (_, other) = rustix::pipe::pipe().unwrap();
        let number = kept.number.as_raw_fd();
        let mut place = ManuallyDrop::new(rustix::io::dup(&other).unwrap());
        // SAFETY: `kept` owns the number, and is what is tested.
        let mut target = ManuallyDrop::new(unsafe {
            use std::os::fd::FromRawFd;
            OwnedFd::from_raw_fd(number)
        });
        rustix::io::dup2(&*place, &mut target).unwrap();
        assert!(kept.get().is_none());
        drop(kept);
        assert!(file_at(target.as_fd()).is_some(), "the other file is still open");
        // SAFETY: both are dropped once.
        unsafe {
            ManuallyDrop::drop(&mut place);
            ManuallyDrop::drop(&mut target);
        }
        // The first one is closed by nobody but its owner.
        assert_eq!(rustix::io::write(&write, b"x"), Ok(1));
        drop(read);
    }
}
