//! A data file that grows packet by packet, and its index.
//!
//! Neither is held open: a trace can have more streams than a process may have files.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::index::{IndexEntry, IndexVersion};

/// A data file and its index.
#[derive(Debug)]
pub(super) struct DataFile {
    path: PathBuf,
    /// Where the index goes, if there is to be one.
    index: Option<PathBuf>,
    /// So much is gathered before it is written.
    held_bytes: usize,
    /// What is not written yet, and where that goes.
    gathered: Vec<u8>,
    offset: u64,
    /// Entries that are not written yet, and where those go.
    entries: Vec<u8>,
    entries_offset: u64,
}

impl DataFile {
    pub(super) fn create(path: PathBuf, index: Option<PathBuf>, held_bytes: usize) -> DataFile {
        let entries = if index.is_some() { IndexVersion::V1_1.header().to_vec() } else { Vec::new() };
        DataFile { path, index, held_bytes, gathered: Vec::new(), offset: 0, entries, entries_offset: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the next byte goes.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.gathered.len() as u64
    }

    /// Appends bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= self.held_bytes { self.flush() } else { Ok(()) }
    }

    /// Appends zeros.
    pub(super) fn pad(&mut self, mut count: u64) -> io::Result<()> {
        const ZEROS: [u8; 4096] = [0; 4096];
        while count > 0 {
            let now = count.min(ZEROS.len() as u64);
            self.put(&ZEROS[..now as usize])?;
            count -= now;
        }
        Ok(())
    }

    /// Replaces bytes that were put at `offset`.
    pub(super) fn replace(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let at = offset.checked_sub(self.offset).and_then(|at| usize::try_from(at).ok());
        if let Some(place) = at.and_then(|at| self.gathered.get_mut(at..at + bytes.len())) {
            place.copy_from_slice(bytes);
            return Ok(());
        }
        self.flush()?;
        write_at(&self.path, bytes, offset)
    }

    /// Takes note of a packet that is whole.
    pub(super) fn list(&mut self, entry: &IndexEntry) -> io::Result<()> {
        if self.index.is_some() {
            entry.write(IndexVersion::V1_1, &mut self.entries);
            if self.entries.len() >= self.held_bytes {
                self.flush_entries()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        write_at(&self.path, &self.gathered, self.offset)?;
        self.offset += self.gathered.len() as u64;
        self.gathered.clear();
        Ok(())
    }

    fn flush_entries(&mut self) -> io::Result<()> {
        if let Some(index) = &self.index {
            write_at(index, &self.entries, self.entries_offset)?;
            self.entries_offset += self.entries.len() as u64;
            self.entries.clear();
        }
        Ok(())
    }

    /// Writes what is left. There is no file if nothing was put.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.end() == 0 {
            return Ok(());
        }
        self.flush()?;
        self.flush_entries()
    }
}

fn write_at(path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).open(path)?.write_all_at(bytes, offset)
}
