//! Finds the traces in a folder: a folder with a file `metadata` is (a part of) one, and the other files in it are its
//! data.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Summary, SummaryError};
use crate::class::{TraceClass, Uuid};
use crate::tsdl::read_metadata;

/// Folders deeper than this are not looked into.
const MAX_DEPTH: usize = 32;

/// Metadata larger than this is not read.
const MAX_METADATA_BYTES: u64 = 1 << 30;

/// A trace and where its data is; more than one folder for a trace with several chunks or snapshots.
#[derive(Debug)]
pub(super) struct TraceFiles {
    pub(super) class: TraceClass,
    /// The metadata that `class` is from.
    pub(super) path: PathBuf,
    pub(super) data: Vec<PathBuf>,
}

/// The traces in `folder` and below, in the order of their paths. What cannot be read becomes a fault, except the
/// folder itself.
pub(super) fn find(folder: &Path, summary: &mut Summary) -> Result<Vec<TraceFiles>, SummaryError> {
    let mut traces: Vec<TraceFiles> = Vec::new();
    let mut by_uuid: HashMap<Uuid, usize> = HashMap::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let content = match list(&folder) {
            Ok(content) => content,
            Err(source) if depth == 0 => return Err(SummaryError { path: folder, source }),
            Err(error) => {
                summary.fault(&folder, None, error);
                continue;
            }
        };
        // The last is taken first, so that the order is that of the paths.
        if depth < MAX_DEPTH {
            folders.extend(content.folders.iter().rev().map(|folder| (folder.clone(), depth + 1)));
        }
        summary.bytes += content.bytes;
        let Some(metadata) = content.metadata else { continue };
        let class = match read(&metadata) {
            Ok(class) => class,
            Err(cause) => {
                summary.traces += 1;
                summary.fault(&metadata, None, cause);
                continue;
            }
        };
        let known = class.uuid.and_then(|uuid| by_uuid.get(&uuid).copied());
        match known {
            Some(known) => {
                let trace = &mut traces[known];
                trace.data.extend(content.data);
                // Each part of a trace has all metadata up to then; the longest has all.
                if extent(&class) > extent(&trace.class) {
                    trace.class = class;
                    trace.path = metadata;
                }
            }
            None => {
                class.uuid.map(|uuid| by_uuid.insert(uuid, traces.len()));
                traces.push(TraceFiles { class, path: metadata, data: content.data });
            }
        }
    }
    Ok(traces)
}

fn extent(class: &TraceClass) -> usize {
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

fn read(metadata: &Path) -> Result<TraceClass, String> {
    let size = std::fs::metadata(metadata).map_err(|error| error.to_string())?.len();
    if size > MAX_METADATA_BYTES {
        return Err(format!("metadata of {size} bytes is more than this program reads"));
    }
    let file = std::fs::read(metadata).map_err(|error| error.to_string())?;
    Ok(read_metadata(&file).map_err(|error| error.to_string())?.trace)
}
