//! A data file of a stream: how packets come to the disk, and what they leave in the page cache.
//!
//! A trace is written once and read later, elsewhere or never, so it must not push other things out of the page cache:
//! the real consumer daemon begins to write each packet back at once, waits for the packet before, and drops that. The
//! effect is the same here, but no thread waits while producers may run out of room:
//! - While they have plenty, a packet goes from the shared pages to the disk without a copy (direct I/O). That takes
//!   about a third of the processor time of a copy, and as long as the disk takes.
//! - While they may run out of it, packets were copied to memory of ours (`staging.rs`), and many of them go to the disk
//!   in one such transfer.
//! - Otherwise, and if there is little of it, it is copied to the page cache, written back and dropped a window at a time. The
//!   cache then takes the same memory again and again: pages that were never used before cost several times the copy.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;

use rttng_ring::{Mapping, Packet, Reader};
use rustix::fs::{Advice, OFlags};
use rustix::io::Errno;

/// Smaller packets are copied: many small transfers cost more than a copy.
const SMALLEST_DIRECT: u64 = 128 << 10;
/// So much is written back at once.
const WINDOW: u64 = 1 << 20;
/// So long ago what is dropped may have been written, because the disk was busy.
const REACH: u64 = 4 * WINDOW;

/// An open data file.
#[derive(Debug)]
pub(crate) struct DataFile {
    file: OwnedFd,
    /// Bytes of whole packets.
    size: u64,
    direct: Direct,
    /// Up to here, write-back was begun.
    begun: u64,
}

/// Direct I/O on this file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direct {
    Off,
    On,
    /// The file system has none.
    Impossible,
}

impl DataFile {
    /// Takes an empty file.
    pub(crate) fn new(file: OwnedFd) -> Self {
        DataFile { file, size: 0, direct: Direct::Off, begun: 0 }
    }

    /// Bytes of whole packets.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Appends the packet that `reader` holds, padding included; `has_time` says that producers have room for as long as
    /// a disk takes. If that fails the file is as before.
    pub(crate) fn append(
        &mut self,
        reader: &Reader<Mapping>,
        packet: &Packet,
        has_time: bool,
    ) -> io::Result<()> {
        self.append_with(packet.padded_size, has_time, |file, done, at| reader.write_held(done, file, at))
    }

    /// Appends packets that were copied. If that fails the file is as before.
    pub(crate) fn append_copied(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.append_with(bytes.len() as u64, true, |file, done, at| {
            Ok(rustix::io::pwrite(file, &bytes[done as usize..], at)?)
        })
    }

    /// `write` is given what is written already, and where the rest of it goes in the file.
    fn append_with(
        &mut self,
        size: u64,
        has_time: bool,
        write: impl Fn(&OwnedFd, u64, u64) -> io::Result<usize>,
    ) -> io::Result<()> {
        self.choose(has_time && size >= SMALLEST_DIRECT);
        let mut done = 0;
        while done < size {
            match write(&self.file, done, self.size + done) {
                Ok(0) => return self.undo(io::ErrorKind::WriteZero.into()),
                Ok(written) => done += written as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The device has larger blocks than pages, or stopped in the middle of one.
                Err(error) if self.direct == Direct::On && is_invalid(&error) => {
                    self.choose(false);
                    self.direct = Direct::Impossible;
                }
                Err(error) => return self.undo(error),
            }
        }
        self.size += size;
        Ok(())
    }

    /// Takes a half-written packet back, so that the file stays readable.
    fn undo(&mut self, error: io::Error) -> io::Result<()> {
        if let Err(error) = rustix::fs::ftruncate(&self.file, self.size) {
            tracing::error!(%error, "a half-written packet stays in the trace");
        }
        Err(error)
    }

    fn choose(&mut self, direct: bool) {
        let wanted = if direct { Direct::On } else { Direct::Off };
        if self.direct == Direct::Impossible || self.direct == wanted {
            return;
        }
        let flags = if direct { OFlags::DIRECT } else { OFlags::empty() };
        self.direct = match rustix::fs::fcntl_setfl(&self.file, flags) {
            Ok(()) => wanted,
            Err(_) => Direct::Impossible,
        };
    }

    /// Begins to write back what was copied, and drops what was written back before, as soon as there is enough of it.
    pub(crate) fn write_behind(&mut self) {
        if self.size - self.begun >= WINDOW {
            self.push();
        }
    }

    fn push(&mut self) {
        // The first advice on a range begins the write-back of its dirty pages, a later one drops those that are clean by
        // then. What the file system makes of it does not matter to the trace.
        let from = self.begun.saturating_sub(REACH);
        let _ = rustix::fs::fadvise(&self.file, from, NonZeroU64::new(self.size - from), Advice::DontNeed);
        self.begun = self.size;
    }
}

impl Drop for DataFile {
    fn drop(&mut self) {
        if self.size > self.begun {
            self.push();
        }
    }
}

fn is_invalid(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::INVAL.raw_os_error())
}
