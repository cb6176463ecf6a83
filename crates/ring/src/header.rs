//! The packet header and context at the front of every sub-buffer (`docs/spec/ring-buffer.md`, section 13.1):
//! its bytes at begin, and what a reader takes from them, checked.

use crate::geometry::Geometry;

/// Bytes of the header of a data packet.
pub const HEADER_SIZE: u64 = 84;
/// What a data packet starts with.
pub const MAGIC: u32 = 0xC1FC_1FC1;

pub(crate) const TIMESTAMP_BEGIN: usize = 32;
pub(crate) const TIMESTAMP_END: usize = 40;
pub(crate) const CONTENT_SIZE: usize = 48;
pub(crate) const PACKET_SIZE: usize = 56;
pub(crate) const SEQUENCE: usize = 64;
pub(crate) const EVENTS_DISCARDED: usize = 72;

/// Who the packets of a stream belong to; the part of the header that never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamIdentity {
    /// UUID of the trace, bytes in text order.
    pub uuid: [u8; 16],
    /// Channel id, which is the CTF stream class id.
    pub channel_id: u32,
    /// CPU of the stream.
    pub cpu: u32,
}

impl StreamIdentity {
    /// The header as it is when a packet is opened at time `begin`.
    pub(crate) fn opened(&self, begin: u64, sequence: u64) -> [u8; HEADER_SIZE as usize] {
        let mut out = [0; HEADER_SIZE as usize];
        out[0..4].copy_from_slice(&MAGIC.to_ne_bytes());
        out[4..20].copy_from_slice(&self.uuid);
        out[20..24].copy_from_slice(&self.channel_id.to_ne_bytes());
        out[24..32].copy_from_slice(&u64::from(self.cpu).to_ne_bytes());
        out[32..40].copy_from_slice(&begin.to_ne_bytes());
        out[48..64].fill(0xff);
        out[64..72].copy_from_slice(&sequence.to_ne_bytes());
        out[80..84].copy_from_slice(&self.cpu.to_ne_bytes());
        out
    }
}

/// The header of a delivered packet, as its producers wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeader {
    /// Clock when the packet was opened.
    pub timestamp_begin: u64,
    /// Clock when the packet was closed.
    pub timestamp_end: u64,
    /// Bits with the header, without padding.
    pub content_size_bits: u64,
    /// Bits with padding.
    pub packet_size_bits: u64,
    /// Counts the packets of the stream from 0.
    pub sequence: u64,
    /// Records lost in this stream so far.
    pub events_discarded: u64,
}

impl PacketHeader {
    /// Reads the header of a packet whose `data_size` bytes are used, and checks that it is one of this stream's and
    /// that its sizes are those of the sub-buffer: `None` if not, which only a broken or hostile producer can cause.
    pub(crate) fn parse(
        bytes: &[u8; HEADER_SIZE as usize],
        identity: &StreamIdentity,
        geometry: &Geometry,
        data_size: u64,
    ) -> Option<Self> {
        let number = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let header = PacketHeader {
            timestamp_begin: number(TIMESTAMP_BEGIN),
            timestamp_end: number(TIMESTAMP_END),
            content_size_bits: number(CONTENT_SIZE),
            packet_size_bits: number(PACKET_SIZE),
            sequence: number(SEQUENCE),
            events_discarded: number(EVENTS_DISCARDED),
        };
        let expected = identity.opened(header.timestamp_begin, header.sequence);
        let ours =
            bytes[..TIMESTAMP_BEGIN] == expected[..TIMESTAMP_BEGIN] && bytes[80..84] == expected[80..84];
        let sized = header.content_size_bits == 8 * data_size
            && header.packet_size_bits == 8 * geometry.page_align(data_size);
        (ours && sized && header.timestamp_end >= header.timestamp_begin).then_some(header)
    }
}
