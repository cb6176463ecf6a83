//! Finds the traces in folders: a folder with a file `metadata` is (a part of) one, and the other files in it are its
//! data.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::class::{TraceClass, Uuid};
use crate::metadata::{Warning, read_metadata, read_what_is_there};

/// Folders deeper than this are not looked into.
const MAX_DEPTH: usize = 32;

/// Metadata larger than this is not read.
const MAX_METADATA_BYTES: u64 = 1 << 30;

/// A trace and where its data is; more than one folder for a trace with several chunks or snapshots.
#[derive(Debug)]
pub(crate) struct TraceFiles {
    pub(crate) class: TraceClass,
    /// What was passed over in its metadata.
    pub(crate) warnings: Vec<Warning>,
    /// The metadata that `class` is from.
    pub(crate) path: PathBuf,
    /// Its folders, as far as they are below the folder that was asked for.
    pub(crate) places: Vec<PathBuf>,
    pub(crate) data: Vec<PathBuf>,
}

/// What was found in a folder.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The traces, in the order of their paths.
    pub(crate) traces: Vec<TraceFiles>,
    /// Folders and metadata files that cannot be read, and why.
    pub(crate) faults: Vec<(PathBuf, String)>,
    /// How many of `faults` are traces.
    pub(crate) unreadable_traces: usize,
    /// Size of all files of the traces.
    pub(crate) bytes: u64,
    /// Whether metadata that ends too early is read so far; what is missing is one of `faults` then.
    pub(crate) lenient: bool,
    by_uuid: HashMap<Uuid, usize>,
}

impl Found {
    /// Adds the traces in `root` and below. An error is that of `root` itself.
    pub(crate) fn look_into(&mut self, root: &Path) -> std::io::Result<()> {
        let mut folders = vec![(root.to_owned(), 0)];
        while let Some((folder, depth)) = folders.pop() {
            let content = match list(&folder) {
                Ok(content) => content,
                Err(source) if depth == 0 => return Err(source),
                Err(error) => {
                    self.faults.push((folder, error.to_string()));
                    continue;
                }
            };
            // The last is taken first, so that the order is that of the paths.
            if depth < MAX_DEPTH {
                folders.extend(content.folders.iter().rev().map(|folder| (folder.clone(), depth + 1)));
            }
            self.bytes += content.bytes;
            let Some(metadata) = content.metadata else { continue };
            let lenient = self.lenient;
            match if lenient { read_start(&metadata) } else { read(&metadata).map(|read| (read, None)) } {
                Ok(((class, warnings), damage)) => {
                    self.faults.extend(damage.map(|cause| (metadata.clone(), cause)));
                    let place = folder.strip_prefix(root).unwrap_or(&folder).to_owned();
                    self.add(TraceFiles {
                        class,
                        warnings,
                        path: metadata,
                        places: vec![place],
                        data: content.data,
                    });
                }
                Err(cause) => {
                    self.unreadable_traces += 1;
                    self.faults.push((metadata, cause));
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, part: TraceFiles) {
        let known = part.class.uuid.and_then(|uuid| self.by_uuid.get(&uuid).copied());
        match known {
            Some(known) => {
                let trace = &mut self.traces[known];
                trace.data.extend(part.data);
                trace.places.extend(part.places);
                // Each part of a trace has all metadata up to then; the longest has all.
                if extent(&part.class) > extent(&trace.class) {
                    trace.class = part.class;
                    trace.warnings = part.warnings;
                    trace.path = part.path;
                }
            }
            None => {
                part.class.uuid.map(|uuid| self.by_uuid.insert(uuid, self.traces.len()));
                self.traces.push(part);
            }
        }
    }
}

pub(crate) fn extent(class: &TraceClass) -> usize {
    class.streams.len() + class.streams.iter().map(|stream| stream.events.len()).sum::<usize>()
}

#[derive(Default)]
struct Content {
    metadata: Option<PathBuf>,
    data: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    bytes: u64,
}

/// What is in a folder, hidden names left out. In a trace each file that is not its metadata is data.
fn list(folder: &Path) -> std::io::Result<Content> {
    let mut content = Content::default();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // Links are not followed to folders, which may form a ring.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            content.folders.push(entry.path());
            continue;
        }
        let Ok(status) = std::fs::metadata(entry.path()) else { continue };
        if !status.is_file() {
            continue;
        }
        content.bytes += status.len();
        if name == "metadata" {
            content.metadata = Some(entry.path());
        } else {
            content.data.push(entry.path());
        }
    }
    let is_index = folder.file_name().is_some_and(|name| name == "index");
    if content.metadata.is_none() && !is_index {
        // Files that belong to no trace.
        content.bytes = 0;
    }
    content.folders.sort();
    content.data.sort();
    Ok(content)
}

pub(crate) fn read(metadata: &Path) -> Result<Read, String> {
    let metadata = read_metadata(&bytes(metadata)?).map_err(|error| error.to_string())?;
    Ok((metadata.trace, metadata.warnings))
}

/// What metadata says, and what was passed over in it.
type Read = (TraceClass, Vec<Warning>);

/// As [`read`], as far as it goes; also what is wrong with the rest.
fn read_start(metadata: &Path) -> Result<(Read, Option<String>), String> {
    let (metadata, damage) = read_what_is_there(&bytes(metadata)?).map_err(|error| error.to_string())?;
    Ok(((metadata.trace, metadata.warnings), damage))
}

fn bytes(metadata: &Path) -> Result<Vec<u8>, String> {
    let status = std::fs::metadata(metadata).map_err(|error| error.to_string())?;
    if !status.is_file() {
        return Err("this is no regular file".to_owned());
    }
    let size = status.len();
    if size > MAX_METADATA_BYTES {
        return Err(format!("metadata of {size} bytes is more than this program reads"));
    }
    std::fs::read(metadata).map_err(|error| error.to_string())
}
