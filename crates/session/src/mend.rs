//! Makes readable what a consumer daemon that was killed has left of a trace: a packet that was half written is cut off,
//! indexes say what is there, metadata is whole. File work alone; nothing else may write there any more.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rttng_ctf::index::{IndexEntry, IndexVersion};
use rttng_ctf::metadata_packet::packet_byte_order;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

/// Bytes of the header of a data packet and its context (`docs/spec/ring-buffer.md`, section 13.1).
const HEADER: usize = 84;
const MAGIC: [u8; 4] = 0xC1FC_1FC1_u32.to_ne_bytes();
/// Bytes of a metadata packet's header; its size in bits is at 28.
const METADATA_HEADER: u64 = 37;
/// No trace has directories as deep as this below its domain.
const DEEPEST: usize = 8;

/// Mends a domain's directory. `metadata` is the whole file for those directories, relative to it, of which it is known.
///
/// # Errors
/// What the file system says; what could be mended is mended.
pub(crate) fn mend(domain: &OwnedFd, metadata: &[(PathBuf, Vec<u8>)]) -> io::Result<()> {
    let mut outcome = Ok(());
    for (path, bytes) in metadata {
        outcome = outcome.and(write_whole(domain.as_fd(), &path.join("metadata"), bytes));
    }
    let known = |path: &Path| metadata.iter().any(|(directory, _)| path == directory);
    outcome.and(mend_directory(domain.as_fd(), Path::new(""), &known, DEEPEST))
}

fn mend_directory(
    base: impl AsFd,
    path: &Path,
    has_metadata: &dyn Fn(&Path) -> bool,
    deepest: usize,
) -> io::Result<()> {
    let mut outcome = Ok(());
    for entry in Dir::read_from(&base)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text == "." || text == ".." || text == "index" {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let found = rustix::fs::statat(&base, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(found.st_mode)
            }
            known => known,
        };
        let done = match kind {
            FileType::Directory if deepest > 0 => {
                let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let below = rustix::fs::openat(&base, name, flags, Mode::empty());
                let path = path.join(&*text);
                below
                    .map_err(io::Error::from)
                    .and_then(|below| mend_directory(below, &path, has_metadata, deepest - 1))
            }
            FileType::RegularFile if text == "metadata" && has_metadata(path) => Ok(()),
            FileType::RegularFile if text == "metadata" => mend_metadata(&base),
            FileType::RegularFile => mend_stream(&base, &text),
            _ => Ok(()),
        };
        outcome = outcome.and(done);
    }
    outcome
}

fn open(base: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(base, path, flags, Mode::empty())?)
}

/// Writes a file that is there; one that is not was never made, and nothing was written beside it.
fn write_whole(base: impl AsFd, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = match open(base, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    let mut done = 0;
    while done < bytes.len() {
        done += rustix::io::pwrite(&file, &bytes[done..], done as u64)?;
    }
    Ok(rustix::fs::ftruncate(&file, bytes.len() as u64)?)
}

/// Cuts metadata behind its last whole packet; without any, the file is removed, and readers pass its directory over.
fn mend_metadata(base: impl AsFd) -> io::Result<()> {
    let path = Path::new("metadata");
    let file = open(&base, path)?;
    let size = size_of(&file)?;
    let mut end = 0;
    let mut header = [0; METADATA_HEADER as usize];
    while size - end >= METADATA_HEADER {
        read_at(&file, &mut header, end)?;
        let bits = u32::from_ne_bytes([header[28], header[29], header[30], header[31]]);
        let len = u64::from(bits) / 8;
        if packet_byte_order(&header).is_none() || len < METADATA_HEADER || len > size - end {
            break;
        }
        end += len;
    }
    if end == 0 {
        return Ok(rustix::fs::unlinkat(base, path, AtFlags::empty())?);
    }
    if end < size { Ok(rustix::fs::ftruncate(&file, end)?) } else { Ok(()) }
}

/// Cuts a stream's file behind its last whole packet, and has its index, if it has one, tell of all of them.
fn mend_stream(base: impl AsFd, name: &str) -> io::Result<()> {
    let file = open(&base, Path::new(name))?;
    let size = size_of(&file)?;
    let mut index = IndexVersion::V1_1.header().to_vec();
    let mut end = 0;
    let mut header = [0; HEADER];
    while size - end >= HEADER as u64 {
        read_at(&file, &mut header, end)?;
        let number = |at: usize| u64::from_ne_bytes(header[at..at + 8].try_into().expect("eight bytes"));
        let (content_size, packet_size) = (number(48), number(56));
        let len = packet_size / 8;
        let is_whole =
            header[..4] == MAGIC && content_size <= packet_size && len >= HEADER as u64 && len <= size - end;
        if !is_whole {
            break;
        }
        let entry = IndexEntry {
            offset: end,
            packet_size,
            content_size,
            timestamp_begin: number(32),
            timestamp_end: number(40),
            events_discarded: number(72),
            stream_id: u64::from(u32::from_ne_bytes([header[20], header[21], header[22], header[23]])),
            stream_instance_id: number(24),
            packet_seq_num: number(64),
        };
        entry.write(IndexVersion::V1_1, &mut index);
        end += len;
    }
    if end < size {
        tracing::warn!(stream = name, bytes = size - end, "a packet that was half written is cut off");
        rustix::fs::ftruncate(&file, end)?;
    }
    write_whole(base, &Path::new("index").join(format!("{name}.idx")), &index)
}

fn size_of(file: &OwnedFd) -> io::Result<u64> {
    Ok(u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0))
}

fn read_at(file: &OwnedFd, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match rustix::io::pread(file, &mut bytes[done..], offset + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => done += len,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rttng_ctf::index::Index;
    use rttng_ctf::metadata_packet::{MetadataPacketizer, unpack};
    use rttng_ctf::{ByteOrder, Uuid};

    fn packet(sequence: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0x5a; len];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[20..24].copy_from_slice(&3_u32.to_ne_bytes());
        for (at, value) in
            [(24, 1), (32, 100), (40, 200), (48, 8 * 100), (56, 8 * len as u64), (64, sequence), (72, 7)]
        {
            bytes[at..at + 8].copy_from_slice(&u64::to_ne_bytes(value));
        }
        bytes
    }

    fn text(order: ByteOrder) -> Vec<u8> {
        let mut out = Vec::new();
        MetadataPacketizer::new(Uuid([1; 16]), order).write(&[b'x'; 5000], &mut out);
        out
    }

    #[test]
    fn what_is_not_whole_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("uid/0");
        std::fs::create_dir_all(below.join("index")).unwrap();
        let whole = [packet(0, 4096), packet(1, 8192)].concat();
        // Half a header, half a packet, something else, nothing.
        let tails: [Vec<u8>; 4] =
            [packet(2, 4096)[..40].to_vec(), packet(2, 4096)[..4000].to_vec(), vec![0; 4096], vec![]];
        for (number, tail) in tails.iter().enumerate() {
            std::fs::write(below.join(format!("ch_{number}")), [whole.clone(), tail.clone()].concat())
                .unwrap();
            std::fs::write(below.join(format!("index/ch_{number}.idx")), "garbage").unwrap();
        }
        let metadata = text(ByteOrder::Little);
        std::fs::write(below.join("metadata"), &metadata[..metadata.len() - 100]).unwrap();
        std::fs::create_dir_all(dir.path().join("pid/a-1")).unwrap();
        std::fs::write(dir.path().join("pid/a-1/metadata"), "").unwrap();
        std::fs::create_dir_all(dir.path().join("pid/b-2")).unwrap();
        std::fs::write(dir.path().join("pid/b-2/metadata"), &metadata[..100]).unwrap();

        let open = OwnedFd::from(std::fs::File::open(dir.path()).unwrap());
        mend(&open, &[("pid/b-2".into(), metadata.clone())]).unwrap();
        for number in 0..tails.len() {
            assert_eq!(std::fs::read(below.join(format!("ch_{number}"))).unwrap(), whole);
            let index = std::fs::read(below.join(format!("index/ch_{number}.idx"))).unwrap();
            let entries: Vec<IndexEntry> = Index::parse(&index).unwrap().entries().collect();
            assert_eq!(entries.len(), 2);
            assert_eq!(
                (entries[1].offset, entries[1].packet_size, entries[1].packet_seq_num),
                (4096, 8 * 8192, 1)
            );
            assert_eq!(
                (entries[0].stream_id, entries[0].stream_instance_id, entries[0].events_discarded),
                (3, 1, 7)
            );
        }
        let left = unpack(&std::fs::read(below.join("metadata")).unwrap()).unwrap();
        assert!(!left.text.is_empty() && left.text.len() < 5000);
        assert!(!dir.path().join("pid/a-1/metadata").exists());
        assert_eq!(std::fs::read(dir.path().join("pid/b-2/metadata")).unwrap(), metadata);
        // What is whole stays as it is.
        mend(&open, &[]).unwrap();
        assert_eq!(std::fs::read(below.join("ch_1")).unwrap(), whole);
    }
}
