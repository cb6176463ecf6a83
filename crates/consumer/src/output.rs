//! The files of one stream in one chunk: packets and index, split by size (`docs/spec/consumer-protocol.md`,
//! section 11; `docs/spec/trace-output.md`, sections 4 and 9).

use std::io;
use std::num::{NonZeroU32, NonZeroU64};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rttng_ctf::index::{IndexEntry, IndexVersion};
use rttng_ring::{Mapping, Packet, Reader};

use crate::chunk::TraceChunk;

/// So many bytes of a file are handed to the disk at a time.
const WRITE_BACK: u64 = 1 << 20;

/// When a stream goes to its next file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TracefileLimits {
    pub(crate) size: Option<NonZeroU64>,
    pub(crate) count: Option<NonZeroU32>,
}

/// Where a stream is written.
#[derive(Debug)]
pub(crate) struct StreamFiles {
    chunk: Arc<TraceChunk>,
    pathname: PathBuf,
    name: String,
    limits: TracefileLimits,
    number: u32,
    data: OwnedFd,
    /// Bytes of whole packets in the data file.
    size: u64,
    /// Bytes of the data file whose way to the disk has begun.
    write_back: u64,
    index: Option<IndexFile>,
}

#[derive(Debug)]
struct IndexFile {
    file: OwnedFd,
    size: u64,
    /// Entries that are not in the file yet.
    pending: Vec<u8>,
}

impl StreamFiles {
    /// Makes the first files of a stream; snapshots have no index.
    pub(crate) fn create(
        chunk: Arc<TraceChunk>,
        pathname: &Path,
        name: String,
        limits: TracefileLimits,
        with_index: bool,
    ) -> io::Result<Self> {
        let (data, index) = open(&chunk, pathname, &name, limits, 0, with_index)?;
        let pathname = pathname.to_owned();
        Ok(StreamFiles { chunk, pathname, name, limits, number: 0, data, size: 0, write_back: 0, index })
    }

    /// Writes the packet that `reader` holds, padding included, and its index entry. If that fails the data file is as
    /// before.
    pub(crate) fn write(
        &mut self,
        reader: &Reader<Mapping>,
        packet: &Packet,
        entry: IndexEntry,
    ) -> io::Result<()> {
        let full = |limit: NonZeroU64| self.size > 0 && self.size + packet.padded_size > limit.get();
        if self.limits.size.is_some_and(full) {
            self.next_file()?;
        }
        let mut done = 0;
        while done < packet.padded_size {
            match reader.write_held(done, &self.data, self.size + done) {
                Ok(0) => return self.undo(io::ErrorKind::WriteZero.into()),
                Ok(written) => done += written as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.undo(error),
            }
        }
        if let Some(index) = &mut self.index {
            IndexEntry { offset: self.size, ..entry }.write(IndexVersion::V1_1, &mut index.pending);
        }
        self.size += packet.padded_size;
        self.leave_the_cache();
        Ok(())
    }

    /// Lets written pages go to the disk and out of the page cache, which then takes the same memory again and again: pages
    /// that were never used before cost several times the copy. The first call on a range starts its write-back, the
    /// second, a step later, drops what is clean by then; neither waits, and failure harms nobody.
    fn leave_the_cache(&mut self) {
        if self.size - self.write_back < WRITE_BACK {
            return;
        }
        let from = self.write_back.saturating_sub(4 * WRITE_BACK);
        let _ = rustix::fs::fadvise(
            &self.data,
            from,
            NonZeroU64::new(self.size - from),
            rustix::fs::Advice::DontNeed,
        );
        self.write_back = self.size;
    }

    /// Takes a half-written packet back, so that the file stays readable.
    fn undo(&mut self, error: io::Error) -> io::Result<()> {
        if let Err(error) = rustix::fs::ftruncate(&self.data, self.size) {
            tracing::error!(stream = self.name, %error, "a half-written packet stays in the trace");
        }
        Err(error)
    }

    /// Writes the index entries of the packets written so far, all at once.
    pub(crate) fn flush_index(&mut self) -> io::Result<()> {
        let Some(index) = &mut self.index else { return Ok(()) };
        let mut done = 0;
        while done < index.pending.len() {
            match rustix::io::pwrite(&index.file, &index.pending[done..], index.size + done as u64) {
                Ok(written) => done += written,
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        index.size += done as u64;
        index.pending.clear();
        Ok(())
    }

    fn next_file(&mut self) -> io::Result<()> {
        self.flush_index()?;
        let number = self.number.wrapping_add(1);
        let number = self.limits.count.map_or(number, |count| number % count);
        let with_index = self.index.is_some();
        (self.data, self.index) =
            open(&self.chunk, &self.pathname, &self.name, self.limits, number, with_index)?;
        self.number = number;
        self.size = 0;
        self.write_back = 0;
        Ok(())
    }
}

fn open(
    chunk: &TraceChunk,
    pathname: &Path,
    name: &str,
    limits: TracefileLimits,
    number: u32,
    with_index: bool,
) -> io::Result<(OwnedFd, Option<IndexFile>)> {
    let name = match limits.size {
        Some(_) => format!("{name}_{number}"),
        None => name.to_owned(),
    };
    let data = chunk.create_file(&pathname.join(&name))?;
    let index = match with_index {
        true => {
            let file = chunk.create_file(&pathname.join("index").join(format!("{name}.idx")))?;
            let header = IndexVersion::V1_1.header();
            let written = rustix::io::pwrite(&file, &header, 0)?;
            if written != header.len() {
                return Err(io::ErrorKind::WriteZero.into());
            }
            Some(IndexFile { file, size: header.len() as u64, pending: Vec::new() })
        }
        false => None,
    };
    Ok((data, index))
}
