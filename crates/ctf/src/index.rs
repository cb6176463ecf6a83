//! Index files: where each packet of a data file is, and what is in it (`docs/spec/trace-output.md`, 9).
//!
//! All numbers are big-endian. The data file, not its index, is the authority.

/// First four bytes of an index file.
pub const INDEX_MAGIC: u32 = 0xC1F1_DCC1;

/// Bytes of an index file before its first entry.
pub const INDEX_HEADER_SIZE: usize = 16;

/// The largest entry that is accepted when reading, in bytes; future minor versions may grow theirs.
pub const MAX_ENTRY_SIZE: u32 = 4096;

/// The two versions of entries that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum IndexVersion {
    /// 1.0, written by relay daemons for peers before 2.8: no stream instance, no sequence number.
    V1_0,
    /// 1.1.
    #[default]
    V1_1,
}

impl IndexVersion {
    /// Bytes of an entry.
    pub fn entry_size(self) -> usize {
        match self {
            IndexVersion::V1_0 => 56,
            IndexVersion::V1_1 => 72,
        }
    }

    /// The header of an index file of this version.
    pub fn header(self) -> [u8; INDEX_HEADER_SIZE] {
        let minor = match self {
            IndexVersion::V1_0 => 0u32,
            IndexVersion::V1_1 => 1,
        };
        let mut header = [0; INDEX_HEADER_SIZE];
        for (field, value) in
            header.chunks_exact_mut(4).zip([INDEX_MAGIC, 1, minor, self.entry_size() as u32])
        {
            field.copy_from_slice(&value.to_be_bytes());
        }
        header
    }
}

/// What an index says of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IndexEntry {
    /// Where the packet starts in its file, in bytes.
    pub offset: u64,
    /// Size with padding, in bits.
    pub packet_size: u64,
    /// Size from the packet header to the last event, in bits.
    pub content_size: u64,
    /// Time of its start, in clock cycles.
    pub timestamp_begin: u64,
    /// Time of its end, in clock cycles.
    pub timestamp_end: u64,
    /// Events of the stream that were discarded up to its end, as the packet counts them.
    pub events_discarded: u64,
    /// Id of the stream class: the channel.
    pub stream_id: u64,
    /// Number of the stream: the CPU. All ones if unknown.
    pub stream_instance_id: u64,
    /// Number of the packet in its stream. All ones if unknown.
    pub packet_seq_num: u64,
}

impl IndexEntry {
    /// Appends the entry.
    pub fn write(&self, version: IndexVersion, out: &mut Vec<u8>) {
        let fields = self.fields();
        for field in &fields[..version.entry_size() / 8] {
            out.extend_from_slice(&field.to_be_bytes());
        }
    }

    fn fields(&self) -> [u64; 9] {
        [
            self.offset,
            self.packet_size,
            self.content_size,
            self.timestamp_begin,
            self.timestamp_end,
            self.events_discarded,
            self.stream_id,
            self.stream_instance_id,
            self.packet_seq_num,
        ]
    }

    fn read(bytes: &[u8]) -> IndexEntry {
        let mut fields = bytes.chunks_exact(8).map(|f| u64::from_be_bytes(f.try_into().expect("8 bytes")));
        let mut next = || fields.next().unwrap_or(u64::MAX);
        IndexEntry {
            offset: next(),
            packet_size: next(),
            content_size: next(),
            timestamp_begin: next(),
            timestamp_end: next(),
            events_discarded: next(),
            stream_id: next(),
            stream_instance_id: next(),
            packet_seq_num: next(),
        }
    }
}

/// Why bytes are not an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Fewer bytes than the header has.
    #[error("the index ends within its header")]
    Truncated,
    /// The magic number is another.
    #[error("the magic number is {0:#010x}, not {INDEX_MAGIC:#010x}: this is no index")]
    BadMagic(u32),
    /// Another major version.
    #[error("index version {major}.{minor}: this program knows version 1")]
    BadVersion {
        /// The major number.
        major: u32,
        /// The minor number.
        minor: u32,
    },
    /// Entries of an impossible size.
    #[error("entries of {0} bytes: they have at least 56 and at most {MAX_ENTRY_SIZE}, in steps of 8")]
    BadEntrySize(u32),
    /// The last entry is not whole.
    #[error("{0} bytes follow the last whole entry")]
    PartialEntry(usize),
}

/// The packets that an index file lists, read from its bytes as they are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Index<'a> {
    entries: &'a [u8],
    entry_size: usize,
}

impl<'a> Index<'a> {
    /// Reads the header and checks that whole entries follow. Any minor version of version 1 is taken.
    pub fn parse(file: &'a [u8]) -> Result<Index<'a>, IndexError> {
        let Some((header, entries)) = file.split_first_chunk::<INDEX_HEADER_SIZE>() else {
            return Err(IndexError::Truncated);
        };
        let [magic, major, minor, size] = std::array::from_fn(|i| {
            u32::from_be_bytes(header[i * 4..i * 4 + 4].try_into().expect("4 bytes"))
        });
        if magic != INDEX_MAGIC {
            return Err(IndexError::BadMagic(magic));
        }
        if major != 1 {
            return Err(IndexError::BadVersion { major, minor });
        }
        if !(56..=MAX_ENTRY_SIZE).contains(&size) || !size.is_multiple_of(8) {
            return Err(IndexError::BadEntrySize(size));
        }
        let entry_size = size as usize;
        match entries.len() % entry_size {
            0 => Ok(Index { entries, entry_size }),
            rest => Err(IndexError::PartialEntry(rest)),
        }
    }

    /// The number of packets.
    pub fn len(&self) -> usize {
        self.entries.len() / self.entry_size
    }

    /// Whether no packet is listed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What it says of each packet, in the order of the file.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = IndexEntry> + use<'a> {
        self.entries.chunks_exact(self.entry_size).map(IndexEntry::read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The vector that docs/spec/trace-output.md, section 9, explains.
    const REAL: &[u8] =
        include_bytes!("../../../tests/vectors/trace/per-uid/trace/ust/uid/0/64-bit/index/channel0_0.idx");

    const FIRST: IndexEntry = IndexEntry {
        offset: 0,
        packet_size: 32768,
        content_size: 672,
        timestamp_begin: 0x174_b0dc_7850,
        timestamp_end: 0x174_b17d_833f,
        events_discarded: 0,
        stream_id: 0,
        stream_instance_id: 0,
        packet_seq_num: 0,
    };

    #[test]
    fn a_real_index_is_read_and_written() {
        let index = Index::parse(REAL).unwrap();
        assert_eq!((index.len(), index.is_empty()), (1, false));
        assert_eq!(index.entries().collect::<Vec<_>>(), [FIRST]);
        let mut written = IndexVersion::V1_1.header().to_vec();
        FIRST.write(IndexVersion::V1_1, &mut written);
        assert_eq!(written, REAL);
    }

    #[test]
    fn old_entries_lack_the_last_two_fields() {
        let mut old = IndexVersion::V1_0.header().to_vec();
        FIRST.write(IndexVersion::V1_0, &mut old);
        assert_eq!(old.len(), 16 + 56);
        let entry = Index::parse(&old).unwrap().entries().next().unwrap();
        assert_eq!(entry, IndexEntry { stream_instance_id: u64::MAX, packet_seq_num: u64::MAX, ..FIRST });
    }

    #[test]
    fn faults_are_told_apart() {
        let mutate = |at: usize, with: u8| {
            let mut file = REAL.to_vec();
            file[at] = with;
            file
        };
        assert_eq!(Index::parse(&REAL[..15]).unwrap_err(), IndexError::Truncated);
        assert_eq!(Index::parse(&REAL[..80]).unwrap_err(), IndexError::PartialEntry(64));
        assert_eq!(Index::parse(&mutate(0, 0)).unwrap_err(), IndexError::BadMagic(0x00f1_dcc1));
        assert_eq!(Index::parse(&mutate(7, 2)).unwrap_err(), IndexError::BadVersion { major: 2, minor: 1 });
        assert_eq!(Index::parse(&mutate(15, 0)).unwrap_err(), IndexError::BadEntrySize(0));
        assert!(Index::parse(&mutate(11, 9)).is_ok(), "any minor version will do");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(fields in prop::collection::vec(any::<[u64; 9]>(), 0..20)) {
            let entries: Vec<IndexEntry> = fields.iter().map(|f| IndexEntry {
                offset: f[0], packet_size: f[1], content_size: f[2], timestamp_begin: f[3], timestamp_end: f[4],
                events_discarded: f[5], stream_id: f[6], stream_instance_id: f[7], packet_seq_num: f[8],
            }).collect();
            let mut file = IndexVersion::V1_1.header().to_vec();
            entries.iter().for_each(|entry| entry.write(IndexVersion::V1_1, &mut file));
            prop_assert_eq!(Index::parse(&file).unwrap().entries().collect::<Vec<_>>(), entries);
        }

        #[test]
        fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), size in any::<u32>()) {
            let mut file = IndexVersion::V1_1.header().to_vec();
            file[12..16].copy_from_slice(&size.to_be_bytes());
            file.extend_from_slice(&bytes);
            for file in [&bytes, &file] {
                if let Ok(index) = Index::parse(file) {
                    prop_assert_eq!(index.entries().count(), index.len());
                }
            }
        }
    }
}
