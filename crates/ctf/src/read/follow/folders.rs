//! Traces in folders, as they are written: which files there are and how far they may be read.
//!
//! Files are known by what they are, not by their paths: a rotation of the recording moves folders with their files, by
//! way of hidden ones (docs/spec/trace-output.md, 7). How far a data file may be read is told by its index, which LTTng
//! writes after the data; without one, by its size.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{FileNews, MetadataNews, Source, TraceNews};
use crate::class::Uuid;
use crate::index::{INDEX_HEADER_SIZE, MAX_ENTRY_SIZE};
use crate::read::ReadError;
use crate::read::index_file::{index_path, open_index};
use crate::trace_files::{extent, read};

/// Folders deeper than this are not looked into.
const MAX_DEPTH: usize = 32;

/// Where a rotation keeps what it moves, or is about to show: as long as the slowest process takes to write its last.
const TRANSIENT_FOLDERS: [&str; 2] = [".tmp_old_chunk", ".tmp_new_chunk"];

/// The source of traces on disk.
#[derive(Debug)]
pub struct Folders {
    roots: Vec<PathBuf>,
    /// Metadata files that were read, with their sizes then.
    metadata: HashMap<FileKey, (u64, usize)>,
    by_uuid: HashMap<Uuid, usize>,
    traces: Vec<KnownTrace>,
}

/// What a file is, wherever it is moved to.
type FileKey = (u64, u64, Option<SystemTime>);

#[derive(Debug, Default)]
struct KnownTrace {
    extent: usize,
    places: Vec<PathBuf>,
    files: HashMap<FileKey, FileNews>,
}

/// A folder that holds a trace, or a part of one.
struct Part {
    metadata: PathBuf,
    /// Below the root; nothing where it will not stay.
    place: Option<PathBuf>,
    data: Vec<(PathBuf, Metadata)>,
}

impl Folders {
    /// The traces in these folders and below.
    pub fn new(roots: &[PathBuf]) -> Folders {
        Folders {
            roots: roots.to_vec(),
            metadata: HashMap::new(),
            by_uuid: HashMap::new(),
            traces: Vec::new(),
        }
    }

    /// The folders.
    pub fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Reads a metadata file if it has not been read as it is now; gives the trace that it is of. Nothing if it cannot
    /// be read, as while it is being written.
    fn metadata_of(&mut self, path: &Path, news: &mut Vec<TraceNews>) -> Option<usize> {
        let status = std::fs::metadata(path).ok()?;
        let key = key_of(&status);
        if let Some((size, trace)) = self.metadata.get(&key)
            && *size == status.len()
        {
            return Some(*trace);
        }
        let before = self.metadata.get(&key).map(|(_, trace)| *trace);
        let Ok((class, warnings)) = read(path) else { return before };
        let known = before.or_else(|| class.uuid.and_then(|uuid| self.by_uuid.get(&uuid).copied()));
        let trace = known.unwrap_or_else(|| {
            self.traces.push(KnownTrace::default());
            self.traces.len() - 1
        });
        class.uuid.map(|uuid| self.by_uuid.insert(uuid, trace));
        // What was read may have been shorter than what is there by now, never longer.
        self.metadata.insert(key, (status.len(), trace));
        // Each part of a trace has all metadata up to then; the longest has all.
        let size = extent(&class) + 1;
        if size > self.traces[trace].extent {
            self.traces[trace].extent = size;
            let metadata = MetadataNews { class, warnings, path: path.to_owned() };
            news_of(news, trace).metadata = Some(metadata);
        }
        Some(trace)
    }
}

fn news_of(news: &mut Vec<TraceNews>, trace: usize) -> &mut TraceNews {
    let place = news.iter().position(|news| news.trace == trace).unwrap_or_else(|| {
        news.push(TraceNews { trace, metadata: None, places: Vec::new(), files: Vec::new() });
        news.len() - 1
    });
    &mut news[place]
}

impl Source for Folders {
    fn look(&mut self) -> Result<Vec<TraceNews>, ReadError> {
        let mut parts = Vec::new();
        for root in &self.roots {
            match find_parts(root, &mut parts) {
                // It may be made later.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                outcome => outcome.map_err(|error| ReadError::of(root, error))?,
            }
        }
        let mut news = Vec::new();
        let mut places: Vec<Vec<PathBuf>> = Vec::new();
        for Part { metadata, place, data } in parts {
            let Some(trace) = self.metadata_of(&metadata, &mut news) else { continue };
            places.resize(self.traces.len(), Vec::new());
            places[trace].extend(place);
            for (path, status) in data {
                let key = key_of(&status);
                let size = readable(&path, status.len());
                // Moved meanwhile: its index was not to be found, or was that of another.
                if !std::fs::metadata(&path).is_ok_and(|status| key_of(&status) == key) {
                    continue;
                }
                let known = &mut self.traces[trace].files;
                let file = known.get(&key).map_or(known.len(), |known| known.file);
                let now = FileNews { file, size, path, identity: Some(identity_of(&status)) };
                if known.insert(key, now.clone()).as_ref() != Some(&now) {
                    news_of(&mut news, trace).files.push(now);
                }
            }
        }
        for (trace, places) in places.into_iter().enumerate() {
            let is_news = news.iter().any(|news| news.trace == trace);
            if is_news || places != self.traces[trace].places {
                self.traces[trace].places = places.clone();
                news_of(&mut news, trace).places = places;
            }
        }
        news.sort_by_key(|news| news.trace);
        Ok(news)
    }
}

fn key_of(status: &Metadata) -> FileKey {
    let (device, number) = identity_of(status);
    // Numbers are given to new files again; the time of birth tells them apart.
    (device, number, status.created().ok())
}

/// The device and the number of a file.
pub(super) fn identity_of(status: &Metadata) -> (u64, u64) {
    (status.dev(), status.ino())
}

/// Finds the folders with a file `metadata`. What vanishes meanwhile is left out; an error is that of `root` itself.
fn find_parts(root: &Path, parts: &mut Vec<Part>) -> std::io::Result<()> {
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            Err(_) => continue,
        };
        let (mut metadata, mut data, mut inner) = (None, Vec::new(), Vec::new());
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_hidden = name.as_encoded_bytes().starts_with(b".");
            if is_hidden && !TRANSIENT_FOLDERS.iter().any(|transient| name == *transient) {
                continue;
            }
            match entry.file_type() {
                // Links are not followed to folders, which may form a ring.
                Ok(kind) if kind.is_dir() => inner.push(entry.path()),
                Ok(_) if name == "metadata" => metadata = Some(entry.path()),
                Ok(_) => {
                    let status = std::fs::metadata(entry.path());
                    data.extend(status.ok().filter(Metadata::is_file).map(|status| (entry.path(), status)));
                }
                Err(_) => {}
            }
        }
        inner.sort();
        data.sort_by(|a, b| a.0.cmp(&b.0));
        if depth < MAX_DEPTH {
            folders.extend(inner.into_iter().rev().map(|folder| (folder, depth + 1)));
        }
        if let Some(metadata) = metadata {
            let place = folder.strip_prefix(root).unwrap_or(&folder);
            let is_transient = place.iter().any(|name| TRANSIENT_FOLDERS.iter().any(|known| name == *known));
            let place = (!is_transient).then(|| place.to_owned());
            parts.push(Part { metadata, place, data });
        }
    }
    Ok(())
}

/// How far a data file may be read.
fn readable(path: &Path, size: u64) -> u64 {
    match index_path(path).and_then(|index| open_index(&index).ok()) {
        Some(index) => last_end(&index).map_or(0, |end| end.min(size)),
        None => size,
    }
}

/// Where the last packet that an index lists ends. Nothing if it lists none.
fn last_end(index: &File) -> Option<u64> {
    let length = index.metadata().ok()?.len();
    let mut word = [0; 4];
    index.read_exact_at(&mut word, 12).ok()?;
    let entry_size = u64::from(u32::from_be_bytes(word));
    if !(16..=u64::from(MAX_ENTRY_SIZE)).contains(&entry_size) {
        return None;
    }
    let entries = length.checked_sub(INDEX_HEADER_SIZE as u64)? / entry_size;
    let last = INDEX_HEADER_SIZE as u64 + entries.checked_sub(1)? * entry_size;
    let mut fields = [0; 16];
    index.read_exact_at(&mut fields, last).ok()?;
    let [offset, bits] = [0, 8].map(|at| fields[at..at + 8].try_into().map_or(0, u64::from_be_bytes));
    offset.checked_add(bits / 8)
}
