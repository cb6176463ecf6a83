//! Whether the index of a data file says what the data file says.

use std::io::ErrorKind;
use std::path::Path;

use rttng_ctf::index::Index;
use rttng_ctf::read::{index_path, read_index};

use super::InspectedPacket;

/// What the index of a data file is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexState {
    /// There is none.
    Missing,
    /// It lists all packets as they are.
    Fits,
    /// It cannot be read: why.
    Unreadable(String),
    /// It does not list the packets as they are: how not.
    Differs(String),
}

impl IndexState {
    /// A word for it.
    pub fn name(&self) -> &'static str {
        match self {
            IndexState::Missing => "missing",
            IndexState::Fits => "fits",
            IndexState::Unreadable(_) => "unreadable",
            IndexState::Differs(_) => "differs",
        }
    }
}

/// Compares the index of a data file with its packets.
pub(super) fn compare<'p>(data: &Path, packets: impl Iterator<Item = &'p InspectedPacket>) -> IndexState {
    let Some(path) = index_path(data) else { return IndexState::Missing };
    let bytes = match read_index(&path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return IndexState::Missing;
        }
        Err(error) => return IndexState::Unreadable(error.to_string()),
    };
    let index = match Index::parse(&bytes) {
        Ok(index) => index,
        Err(error) => return IndexState::Unreadable(error.to_string()),
    };
    let mut packets: Vec<&InspectedPacket> = packets.collect();
    packets.sort_by_key(|packet| packet.offset);
    if index.len() != packets.len() {
        let cause = format!("it lists {} packets, the file has {}", index.len(), packets.len());
        return IndexState::Differs(cause);
    }
    for (number, (entry, packet)) in index.entries().zip(&packets).enumerate() {
        let numbers = [
            ("offset", entry.offset, packet.offset),
            ("size", entry.packet_size / 8, packet.bytes),
            ("content size", entry.content_size.div_ceil(8), packet.content_bytes),
        ];
        if let Some((what, listed, found)) = numbers.into_iter().find(|(_, listed, found)| listed != found) {
            let cause = format!("its entry {number} has the {what} {listed}, the packet has {found}");
            return IndexState::Differs(cause);
        }
    }
    IndexState::Fits
}
