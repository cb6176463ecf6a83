//! The packets in which 2.13 stores and sends metadata text (`docs/spec/trace-output.md`, 11).

use crate::class::Uuid;
use crate::types::ByteOrder;

/// First four bytes of a metadata packet.
pub const METADATA_MAGIC: u32 = 0x75D1_1D57;

/// Bytes of a metadata packet before its text.
pub const METADATA_HEADER_SIZE: usize = 37;

/// The largest packet that is written, in bytes: its size in bits must fit 32 bits.
const MAX_PACKET_SIZE: usize = 1 << 28;

/// What metadata of this crate's writing is: version 1.8 of CTF.
const VERSION: (u8, u8) = (1, 8);

/// Packets that hold JSON (CTF2-PMETA-1.0).
const VERSION_2: (u8, u8) = (2, 0);

/// What is wrong with a file of metadata packets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata packet at byte {offset}: {fault}")]
pub struct PacketError {
    /// Where the packet starts in the file, in bytes.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: PacketFault,
}

/// What is wrong with a metadata packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketFault {
    /// Fewer bytes than a header has, at the start of the file.
    #[error("the file ends within the packet header")]
    Truncated,
    /// The magic number is another.
    #[error("the magic number is {0:#010x}, not {METADATA_MAGIC:#010x}")]
    BadMagic(u32),
    /// The UUID differs from that of the packets before.
    #[error("its UUID differs from that of the first packet")]
    OtherTrace,
    /// Sizes that contradict each other or the file.
    #[error(
        "it claims {content_bits} bits of content in {packet_bits} bits, with {file_bytes} bytes of file left"
    )]
    BadSize {
        /// What it claims to hold, header included.
        content_bits: u32,
        /// What it claims to take.
        packet_bits: u32,
        /// Bytes from its start to the end of the file.
        file_bytes: usize,
    },
    /// Compressed, encrypted or with a checksum; nobody writes that.
    #[error("it is compressed, encrypted or has a checksum, which this program does not know")]
    Encoded,
    /// Another version of the format.
    #[error("its CTF version is {major}.{minor}, this program knows {}.{} and {}.{}", VERSION.0, VERSION.1, VERSION_2.0, VERSION_2.1)]
    BadVersion {
        /// The major number.
        major: u8,
        /// The minor number.
        minor: u8,
    },
}

/// Writes text as packets, as a ring buffer of `packet_size`-byte sub-buffers would hold it: each full but the last,
/// which takes as many pages as it needs.
#[derive(Debug, Clone, Copy)]
pub struct MetadataPacketizer {
    /// Of the trace.
    pub uuid: Uuid,
    /// Of the trace.
    pub byte_order: ByteOrder,
    /// Most bytes that a packet takes; LTTng uses 4096, or the page size if that is larger.
    pub packet_size: usize,
    /// Packets are padded to a multiple of this, in bytes: the page size.
    pub page_size: usize,
}

impl MetadataPacketizer {
    /// For 4 KiB pages.
    pub fn new(uuid: Uuid, byte_order: ByteOrder) -> MetadataPacketizer {
        MetadataPacketizer { uuid, byte_order, packet_size: 4096, page_size: 4096 }
    }

    /// How many bytes of text one packet holds.
    pub fn capacity(&self) -> usize {
        self.packet_size.min(MAX_PACKET_SIZE).saturating_sub(METADATA_HEADER_SIZE)
    }

    /// Appends `text` to `out` in packets, the padding zeros.
    ///
    /// # Panics
    /// If `packet_size` leaves no room for text, or `page_size` is 0.
    pub fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        assert!(self.capacity() > 0, "a metadata packet of {} bytes holds no text", self.packet_size);
        for text in text.chunks(self.capacity()) {
            let start = out.len();
            let content = METADATA_HEADER_SIZE + text.len();
            let size = content.next_multiple_of(self.page_size);
            out.extend_from_slice(&self.header(content, size));
            out.extend_from_slice(text);
            out.resize(start + size, 0);
        }
    }

    /// The header of a packet of `content_size` bytes, header included, that takes `packet_size` bytes.
    pub fn header(&self, content_size: usize, packet_size: usize) -> [u8; METADATA_HEADER_SIZE] {
        let u32 = |value: u32| match self.byte_order {
            ByteOrder::Little => value.to_le_bytes(),
            ByteOrder::Big => value.to_be_bytes(),
        };
        let mut header = [0; METADATA_HEADER_SIZE];
        header[..4].copy_from_slice(&u32(METADATA_MAGIC));
        header[4..20].copy_from_slice(&self.uuid.0);
        header[24..28].copy_from_slice(&u32(content_size as u32 * 8));
        header[28..32].copy_from_slice(&u32(packet_size as u32 * 8));
        header[35] = VERSION.0;
        header[36] = VERSION.1;
        header
    }
}

/// The text of a metadata file, and what its packets say, if it has packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataText {
    /// The text, packets put together.
    pub text: Vec<u8>,
    /// UUID and byte order from the packet headers; none for plain text.
    pub packets: Option<(Uuid, ByteOrder)>,
}

/// Whether a file of metadata starts with a packet, and of which byte order.
pub fn packet_byte_order(file: &[u8]) -> Option<ByteOrder> {
    let magic: [u8; 4] = file.get(..4)?.try_into().ok()?;
    [ByteOrder::Little, ByteOrder::Big].into_iter().find(|order| read_u32(*order, magic) == METADATA_MAGIC)
}

/// Reads a metadata file, packets of either byte order or plain text.
pub fn unpack(file: &[u8]) -> Result<MetadataText, PacketError> {
    let Some(order) = packet_byte_order(file) else {
        return Ok(MetadataText { text: file.to_vec(), packets: None });
    };
    let mut text = Vec::with_capacity(file.len());
    let mut uuid = None;
    let mut offset = 0;
    // A rest that is shorter than a header is the tail of a write, not an error.
    while file.len() - offset >= METADATA_HEADER_SIZE {
        let packet =
            read_packet(&file[offset..], order, uuid).map_err(|fault| PacketError { offset, fault })?;
        uuid = Some(packet.uuid);
        text.extend_from_slice(packet.text);
        offset = (offset + packet.size).min(file.len());
    }
    match uuid {
        Some(uuid) => Ok(MetadataText { text, packets: Some((uuid, order)) }),
        None => Err(PacketError { offset: 0, fault: PacketFault::Truncated }),
    }
}

/// As [`unpack`], as far as it goes: the text before the first fault, and the fault. Of a packet that the file ends in,
/// that is all that is there.
pub(crate) fn unpack_start(file: &[u8]) -> (Vec<u8>, Option<PacketError>) {
    let Some(order) = packet_byte_order(file) else { return (file.to_vec(), None) };
    let mut text = Vec::with_capacity(file.len());
    let mut uuid = None;
    let mut offset = 0;
    while file.len() - offset >= METADATA_HEADER_SIZE {
        match read_packet(&file[offset..], order, uuid) {
            Ok(packet) => {
                uuid = Some(packet.uuid);
                text.extend_from_slice(packet.text);
                offset = (offset + packet.size).min(file.len());
            }
            Err(fault) => {
                if let PacketFault::BadSize { content_bits, packet_bits, file_bytes } = fault
                    && content_bits <= packet_bits
                    && content_bits as usize / 8 > file_bytes
                {
                    text.extend_from_slice(&file[offset + METADATA_HEADER_SIZE..]);
                }
                return (text, Some(PacketError { offset, fault }));
            }
        }
    }
    (text, None)
}

struct Packet<'a> {
    uuid: Uuid,
    text: &'a [u8],
    /// Bytes from the start of the packet to the next.
    size: usize,
}

fn read_packet(bytes: &[u8], order: ByteOrder, trace: Option<Uuid>) -> Result<Packet<'_>, PacketFault> {
    let Some(header) = bytes.first_chunk::<METADATA_HEADER_SIZE>() else {
        return Err(PacketFault::Truncated);
    };
    let u32_at = |at: usize| read_u32(order, [header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if u32_at(0) != METADATA_MAGIC {
        return Err(PacketFault::BadMagic(u32_at(0)));
    }
    let uuid = Uuid(header[4..20].try_into().expect("16 bytes"));
    if trace.is_some_and(|trace| trace != uuid) {
        return Err(PacketFault::OtherTrace);
    }
    if header[32..35] != [0; 3] {
        return Err(PacketFault::Encoded);
    }
    if ![VERSION, VERSION_2].contains(&(header[35], header[36])) {
        return Err(PacketFault::BadVersion { major: header[35], minor: header[36] });
    }
    let (content_bits, packet_bits) = (u32_at(24), u32_at(28));
    let (content, size) = (content_bits as usize / 8, packet_bits as usize / 8);
    // The padding of the last packet may be missing, its text may not.
    if content < METADATA_HEADER_SIZE
        || content > size
        || content > bytes.len()
        || !content_bits.is_multiple_of(8)
    {
        return Err(PacketFault::BadSize { content_bits, packet_bits, file_bytes: bytes.len() });
    }
    Ok(Packet { uuid, text: &bytes[METADATA_HEADER_SIZE..content], size })
}

fn read_u32(order: ByteOrder, bytes: [u8; 4]) -> u32 {
    match order {
        ByteOrder::Little => u32::from_le_bytes(bytes),
        ByteOrder::Big => u32::from_be_bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &[u8] =
        include_bytes!("../../../tests/vectors/trace/per-uid/trace/ust/uid/0/64-bit/metadata");
    const TEXT: &str = include_str!("../../../tests/vectors/trace/per-uid/metadata.txt");

    fn packetizer() -> MetadataPacketizer {
        MetadataPacketizer::new("e45cf9a6-d10c-4228-a14b-4bda44550ca4".parse().unwrap(), ByteOrder::Little)
    }

    #[test]
    fn real_packets_hold_the_text() {
        let unpacked = unpack(FILE).unwrap();
        assert_eq!(unpacked.text, TEXT.as_bytes());
        assert_eq!(unpacked.packets, Some((packetizer().uuid, ByteOrder::Little)));
    }

    /// The padding is left out of the comparison: the real one leaves old text there.
    #[test]
    fn packets_are_written_as_the_real_consumer_does() {
        let mut file = Vec::new();
        packetizer().write(TEXT.as_bytes(), &mut file);
        assert_eq!(file.len(), FILE.len());
        let content = 4096 + METADATA_HEADER_SIZE + TEXT.len() - packetizer().capacity();
        assert_eq!(file[..content], FILE[..content]);
        assert!(file[content..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn faults_say_where_and_what() {
        let mut file = FILE.to_vec();
        file[4096] = 0;
        assert_eq!(
            unpack(&file).unwrap_err().to_string(),
            "metadata packet at byte 4096: the magic number is 0x75d11d00, not 0x75d11d57"
        );
        file[4096] = FILE[4096];
        file[4100] ^= 1;
        assert_eq!(unpack(&file).unwrap_err().fault, PacketFault::OtherTrace);
        file[4100] ^= 1;
        file[32] = 1;
        assert_eq!(unpack(&file).unwrap_err().fault, PacketFault::Encoded);
    }

    #[test]
    fn plain_text_is_taken_as_it_is() {
        let plain = unpack(TEXT.as_bytes()).unwrap();
        assert_eq!(plain, MetadataText { text: TEXT.as_bytes().to_vec(), packets: None });
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            text in prop::collection::vec(any::<u8>(), 1..20_000),
            big in any::<bool>(),
            uuid in any::<[u8; 16]>(),
        ) {
            let byte_order = if big { ByteOrder::Big } else { ByteOrder::Little };
            let packetizer = MetadataPacketizer { byte_order, uuid: Uuid(uuid), ..packetizer() };
            let mut file = Vec::new();
            packetizer.write(&text, &mut file);
            let unpacked = unpack(&file).unwrap();
            prop_assert_eq!(unpacked.text, text);
            prop_assert_eq!(unpacked.packets, Some((Uuid(uuid), byte_order)));
        }

        #[test]
        fn mutated_packets_do_not_panic(at in 0..FILE.len(), with in any::<u8>(), cut in 0..FILE.len()) {
            let mut file = FILE.to_vec();
            file[at] = with;
            file.truncate(cut);
            let _ = unpack(&file);
        }
    }
}
