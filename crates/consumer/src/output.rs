//! The files of one stream in one chunk: packets and index, split by size (`docs/spec/consumer-protocol.md`,
//! section 11; `docs/spec/trace-output.md`, sections 4 and 9).

use std::io;
use std::num::{NonZeroU32, NonZeroU64};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rttng_ctf::index::{IndexEntry, IndexVersion};
use rttng_ring::{Mapping, Packet, Reader};

use rttng_wire::text;

use crate::chunk::TraceChunk;
use crate::data_file::DataFile;

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
    data: DataFile,
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
        Ok(StreamFiles { chunk, pathname, name, limits, number: 0, data, index })
    }

    /// Writes the packet that `reader` holds, padding included, and its index entry; `has_time` as in
    /// [`DataFile::append`]. If that fails the data file is as before.
    pub(crate) fn write(
        &mut self,
        reader: &Reader<Mapping>,
        packet: &Packet,
        entry: IndexEntry,
        has_time: bool,
    ) -> io::Result<()> {
        if !self.has_room_for(packet.padded_size) {
            self.next_file()?;
        }
        let offset = self.data.size();
        self.data.append(reader, packet, has_time)?;
        if let Some(index) = &mut self.index {
            IndexEntry { offset, ..entry }.write(IndexVersion::V1_1, &mut index.pending);
        }
        Ok(())
    }

    /// Writes packets that were copied, one after the other, and their index entries. Those that fail are left out.
    pub(crate) fn write_copied(&mut self, bytes: &[u8], packets: &[IndexEntry]) -> Copied {
        let mut outcome = Copied::default();
        let (mut bytes, mut packets) = (bytes, packets);
        while let Some(first) = packets.first() {
            let mut size = size_of(first);
            let moved = match self.has_room_for(size) {
                true => Ok(()),
                false => self.next_file(),
            };
            let mut count = 1;
            while let Some(next) = packets.get(count)
                && self.fits(size + size_of(next))
            {
                size += size_of(next);
                count += 1;
            }
            let (these, other_packets) = packets.split_at(count);
            let (piece, other_bytes) = bytes.split_at(size as usize);
            let mut offset = self.data.size();
            match moved.and_then(|()| self.data.append_copied(piece)) {
                Ok(()) => outcome.written_bytes += size,
                Err(error) => {
                    outcome.lost_packets += these.len() as u64;
                    outcome.failure = Some(error);
                }
            }
            if self.data.size() > offset
                && let Some(index) = &mut self.index
            {
                for entry in these {
                    IndexEntry { offset, ..*entry }.write(IndexVersion::V1_1, &mut index.pending);
                    offset += size_of(entry);
                }
            }
            (bytes, packets) = (other_bytes, other_packets);
        }
        outcome
    }

    fn has_room_for(&self, size: u64) -> bool {
        // The first packet of a file goes in, however large it is.
        self.data.size() == 0 || self.fits(size)
    }

    fn fits(&self, size: u64) -> bool {
        self.limits.size.is_none_or(|limit| self.data.size() + size <= limit.get())
    }

    /// Does for the files what can wait until packets are taken: [`DataFile::write_behind`], and the index.
    pub(crate) fn catch_up(&mut self) -> io::Result<()> {
        self.data.write_behind();
        self.flush_index()
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
        Ok(())
    }
}

/// What came of packets that were copied.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    pub(crate) written_bytes: u64,
    pub(crate) lost_packets: u64,
    pub(crate) failure: Option<io::Error>,
}

fn size_of(entry: &IndexEntry) -> u64 {
    entry.packet_size / 8
}

fn open(
    chunk: &TraceChunk,
    pathname: &Path,
    name: &str,
    limits: TracefileLimits,
    number: u32,
    with_index: bool,
) -> io::Result<(DataFile, Option<IndexFile>)> {
    let name = match limits.size {
        Some(_) => format!("{name}_{number}"),
        None => name.to_owned(),
    };
    let data = DataFile::new(chunk.create_file(&pathname.join(text::to_path(&name)))?);
    let index = match with_index {
        true => {
            let file =
                chunk.create_file(&pathname.join("index").join(text::to_path(&format!("{name}.idx"))))?;
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
