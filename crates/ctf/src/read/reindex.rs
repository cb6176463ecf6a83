//! Index files anew, from the data that they are about.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::error::ReadError;
use super::index_file::{index_path, read_index};
use super::packets::read_head;
use crate::decode::{PacketInfo, TraceDecoder};
use crate::index::{Index, IndexEntry, IndexVersion};
use crate::trace_files::Found;

/// What became of the index of a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    /// It was there and right.
    Right,
    /// It was missing, and was written.
    Missing,
    /// It was wrong, and was replaced.
    Wrong,
    /// There is nothing to list: the file is empty, or its packets have no times.
    None,
}

/// Writes the index of each data file of the traces in these folders and below where it is missing or wrong. An index
/// takes the place of another in one step, when it is whole. Gives each data file with what became of its index.
///
/// A data file that is damaged is an error: what could be listed of it would be taken for all of it.
pub fn rebuild_indexes(folders: &[PathBuf]) -> Result<Vec<(PathBuf, IndexState)>, ReadError> {
    let mut found = Found::default();
    for folder in folders {
        let before = found.traces.len();
        found.look_into(folder).map_err(|error| ReadError::of(folder, error))?;
        if let Some((path, cause)) = found.faults.first() {
            return Err(ReadError::of(path, cause));
        }
        if found.traces.len() == before {
            return Err(ReadError::of(folder, "there is no trace in it: no folder with a file `metadata`"));
        }
    }
    let mut done = Vec::new();
    for trace in found.traces {
        let decoder = TraceDecoder::new(&trace.class).map_err(|error| ReadError::of(&trace.path, error))?;
        for path in trace.data {
            let state = rebuild(&path, &decoder)?;
            done.push((path, state));
        }
    }
    Ok(done)
}

fn rebuild(path: &Path, decoder: &TraceDecoder) -> Result<IndexState, ReadError> {
    let entries = entries(path, decoder)?;
    let Some(index) = index_path(path).filter(|_| !entries.is_empty()) else { return Ok(IndexState::None) };
    let at_fault = |error| ReadError::of(&index, error);
    let there = match read_index(&index) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(at_fault(error)),
    };
    if there.as_deref().is_some_and(|bytes| lists(bytes, &entries)) {
        return Ok(IndexState::Right);
    }
    let mut bytes = IndexVersion::V1_1.header().to_vec();
    entries.iter().for_each(|entry| entry.write(IndexVersion::V1_1, &mut bytes));
    let folder = index.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(at_fault)?;
    let name = index.file_name().unwrap_or_default().to_string_lossy();
    let hidden = folder.join(format!(".{name}.unfinished-{}", std::process::id()));
    let written = fs::write(&hidden, &bytes).and_then(|()| fs::rename(&hidden, &index));
    if let Err(error) = written {
        // The error is told; what was written of the new index is of no use.
        let _ = fs::remove_file(&hidden);
        return Err(at_fault(error));
    }
    Ok(if there.is_some() { IndexState::Wrong } else { IndexState::Missing })
}

/// Whether an index says the same; old ones do not say all.
fn lists(bytes: &[u8], entries: &[IndexEntry]) -> bool {
    let Ok(index) = Index::parse(bytes) else { return false };
    let same = |(there, entry): (IndexEntry, &IndexEntry)| {
        let known = |there: u64, here: u64| if there == u64::MAX { here } else { there };
        let there = IndexEntry {
            stream_instance_id: known(there.stream_instance_id, entry.stream_instance_id),
            packet_seq_num: known(there.packet_seq_num, entry.packet_seq_num),
            ..there
        };
        there == *entry
    };
    index.len() == entries.len() && index.entries().zip(entries).all(same)
}

/// What the packets of a data file say; nothing if they have no times.
fn entries(path: &Path, decoder: &TraceDecoder) -> Result<Vec<IndexEntry>, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::of(path, error))?;
    let size = file.metadata().map_err(|error| ReadError::of(path, error))?.len();
    let (mut slots, mut buffer) = (decoder.slots(), Vec::new());
    let (mut entries, mut offset) = (Vec::new(), 0);
    let mut stream: Option<(u64, Option<u64>)> = None;
    while offset < size {
        let info = read_head(&file, path, offset, size, decoder, &mut slots, &mut buffer)?;
        let of = (info.stream_id, info.stream_instance_id);
        if *stream.get_or_insert(of) != of {
            return Err(ReadError::at(path, offset, "a packet of another stream than those before"));
        }
        let Some(entry) = entry(&info, offset) else { return Ok(Vec::new()) };
        entries.push(entry);
        offset += info.packet_bits / 8;
    }
    Ok(entries)
}

fn entry(info: &PacketInfo, offset: u64) -> Option<IndexEntry> {
    Some(IndexEntry {
        offset,
        packet_size: info.packet_bits,
        content_size: info.content_bits,
        timestamp_begin: info.timestamp_begin?,
        timestamp_end: info.timestamp_end?,
        events_discarded: info.events_discarded.unwrap_or(0),
        stream_id: info.stream_id,
        stream_instance_id: info.stream_instance_id.unwrap_or(u64::MAX),
        packet_seq_num: info.sequence_number.unwrap_or(u64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_written_where_it_is_missing_or_wrong() {
        let vector = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/vectors/trace/per-uid/trace/ust/uid/0/64-bit");
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("index")).unwrap();
        for name in ["metadata", "channel0_0", "channel0_1", "index/channel0_0.idx", "index/channel0_1.idx"] {
            fs::copy(vector.join(name), folder.path().join(name)).unwrap();
        }
        let states = || {
            let done = rebuild_indexes(&[folder.path().to_owned()]).unwrap();
            done.into_iter().map(|(_, state)| state).collect::<Vec<_>>()
        };
        assert_eq!(states(), [IndexState::Right; 2]);
        let (first, second) =
            (folder.path().join("index/channel0_0.idx"), folder.path().join("index/channel0_1.idx"));
        fs::remove_file(&first).unwrap();
        fs::write(&second, "broken").unwrap();
        assert_eq!(states(), [IndexState::Missing, IndexState::Wrong]);
        for (name, path) in [("channel0_0", first), ("channel0_1", second)] {
            let real = fs::read(vector.join("index").join(format!("{name}.idx"))).unwrap();
            assert_eq!(fs::read(path).unwrap(), real, "as the real consumer daemon wrote it");
        }
        assert_eq!(states(), [IndexState::Right; 2]);
        // What is damaged is not listed in part.
        let data = folder.path().join("channel0_0");
        let whole = fs::read(&data).unwrap();
        fs::write(&data, &whole[..whole.len() - 1]).unwrap();
        let error = rebuild_indexes(&[folder.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains("channel0_0, byte"), "{error}");
        assert_eq!(fs::read_dir(folder.path().join("index")).unwrap().count(), 2);
    }
}
