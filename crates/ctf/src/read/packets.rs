//! The packets of a data file: from its index if that fits the file, else from the start of each packet.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::clock::TimeScale;
use super::error::{Damage, ReadError};
use super::index_file::{index_path, read_index};
use crate::decode::{DecodeError, PacketError, PacketInfo, TraceDecoder};
use crate::index::Index;

/// How much of each packet is read to learn its sizes, in bytes. LTTng's headers have 84.
const HEAD_BYTES: u64 = 512;

/// How much is read if that was not enough: no header may be longer.
const LONG_HEAD_BYTES: u64 = 1 << 20;

/// A packet and where it is. What its stream class does not tell is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet {
    /// Which of the trace's files.
    pub(super) file: u32,
    /// Where it starts, in bytes.
    pub(super) offset: u64,
    pub(super) packet_bits: u64,
    pub(super) content_bits: u64,
    /// In clock cycles.
    pub(super) begin: u64,
    /// In clock cycles. Nothing if it is not known before the last event is.
    pub(super) end: Option<u64>,
    pub(super) discarded: u64,
    pub(super) sequence_number: u64,
}

impl Packet {
    pub(super) fn of(file: u32, offset: u64, info: &PacketInfo) -> Packet {
        Packet {
            file,
            offset,
            packet_bits: info.packet_bits,
            content_bits: info.content_bits,
            begin: info.timestamp_begin.unwrap_or(0),
            end: info.timestamp_end,
            discarded: info.events_discarded.unwrap_or(0),
            sequence_number: info.sequence_number.unwrap_or(0),
        }
    }

    /// Whether two descriptions are of the same packet; its end is not always known.
    pub(super) fn is_same_content(&self, other: &Packet) -> bool {
        Packet { end: other.end, ..*self } == *other
    }

    /// Whether it says that it ends before that time.
    pub(super) fn ends_before(&self, time: i64, scale: TimeScale) -> bool {
        self.end.is_some_and(|end| scale.nanoseconds(end) < time)
    }

    /// Whether two packets of a stream are one that is there twice, as overlapping snapshots have it.
    pub(super) fn is_copy_of(&self, other: &Packet) -> bool {
        Packet { file: other.file, offset: other.offset, ..*self } == *other && self.file != other.file
    }
}

/// What one data file holds.
#[derive(Debug)]
pub(super) struct FilePackets {
    /// The first packet's own words; all packets of a file are of one stream.
    pub(super) first: PacketInfo,
    pub(super) packets: Vec<Packet>,
}

/// Lists the packets of a data file, if it has any.
pub(super) fn list(
    path: &Path,
    number: u32,
    decoder: &TraceDecoder,
    slots: &mut [u64],
    damage: &mut Damage,
) -> Result<Option<FilePackets>, ReadError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return damage.note(ReadError::of(path, error)).map(|()| None),
    };
    let size = file.metadata().map_err(|error| ReadError::of(path, error))?.len();
    if size == 0 {
        return Ok(None);
    }
    let mut heads = Heads { path, file: &file, size, decoder, slots, buffer: Vec::new() };
    let first = match heads.read(0) {
        Ok(first) => first,
        Err(error) => {
            let cut = heads.read_cut(0);
            damage.note(told(error, cut.is_some()))?;
            let Some(first) = cut else { return Ok(None) };
            return Ok(Some(FilePackets { first, packets: vec![Packet::of(number, 0, &first)] }));
        }
    };
    if let Some(packets) = from_index(path, number, size, &first) {
        return Ok(Some(FilePackets { first, packets }));
    }
    let mut packets = vec![Packet::of(number, 0, &first)];
    // Sizes are not 0, or reading the head had failed.
    let mut offset = first.packet_bits / 8;
    while offset < size {
        let info = match heads.read(offset) {
            Ok(info) => info,
            Err(error) => {
                let cut = heads.read_cut(offset);
                damage.note(told(error, cut.is_some()))?;
                match cut {
                    Some(cut) => cut,
                    None => break,
                }
            }
        };
        if (info.stream_id, info.stream_instance_id) != (first.stream_id, first.stream_instance_id) {
            let cause = format!(
                "a packet of stream {}, in a file that began with one of stream {}",
                stream_name(&info),
                stream_name(&first)
            );
            damage.note(ReadError::at(path, offset, cause))?;
            break;
        }
        packets.push(Packet::of(number, offset, &info));
        offset += info.packet_bits / 8;
    }
    Ok(Some(FilePackets { first, packets }))
}

/// An error of a packet's start, with what becomes of the packet.
fn told(error: ReadError, is_read: bool) -> ReadError {
    let what = if is_read {
        "the file ends in this packet: its events are read as far as they are there"
    } else {
        "nothing is read from here to the end of the file"
    };
    ReadError { cause: format!("{}; {what}", error.cause), ..error }
}

fn stream_name(info: &PacketInfo) -> String {
    match info.stream_instance_id {
        Some(instance) => format!("{} (instance {instance})", info.stream_id),
        None => info.stream_id.to_string(),
    }
}

/// Reads the starts of packets.
struct Heads<'a> {
    path: &'a Path,
    file: &'a File,
    size: u64,
    decoder: &'a TraceDecoder,
    slots: &'a mut [u64],
    buffer: Vec<u8>,
}

impl Heads<'_> {
    fn read(&mut self, offset: u64) -> Result<PacketInfo, ReadError> {
        read_head(self.file, self.path, offset, self.size, self.decoder, self.slots, &mut self.buffer)
    }

    fn read_cut(&mut self, offset: u64) -> Option<PacketInfo> {
        read_cut_head(self.file, offset, self.size, self.decoder, self.slots, &mut self.buffer)
    }
}

/// As [`read_head`], of a packet that the file ends in: its sizes become those of what is there. Nothing if that is not
/// what is wrong with it.
pub(super) fn read_cut_head(
    file: &File,
    offset: u64,
    size: u64,
    decoder: &TraceDecoder,
    slots: &mut [u64],
    buffer: &mut Vec<u8>,
) -> Option<PacketInfo> {
    let there = size.checked_sub(offset)?;
    buffer.resize(there.min(LONG_HEAD_BYTES) as usize, 0);
    file.read_exact_at(buffer, offset).ok()?;
    let info = decoder.packet_into(slots, buffer, u64::MAX / 8).ok()?;
    let there_bits = there.saturating_mul(8);
    (info.packet_bits > there_bits && info.events_start <= there_bits).then(|| PacketInfo {
        packet_bits: there_bits,
        content_bits: info.content_bits.min(there_bits),
        ..info
    })
}

/// Reads the start of the packet at `offset` of a file of `size` bytes; its bytes are left in `buffer`, and the
/// integers that later fields may refer to in `slots`.
pub(super) fn read_head(
    file: &File,
    path: &Path,
    offset: u64,
    size: u64,
    decoder: &TraceDecoder,
    slots: &mut [u64],
    buffer: &mut Vec<u8>,
) -> Result<PacketInfo, ReadError> {
    let available = size.saturating_sub(offset);
    let mut fill = |length: u64| {
        buffer.resize(length.min(available) as usize, 0);
        file.read_exact_at(buffer, offset).map_err(|error| ReadError::at(path, offset, error))?;
        Ok(decoder.packet_into(slots, buffer, available))
    };
    let mut info = fill(HEAD_BYTES)?;
    if matches!(info, Err(PacketError::Header(DecodeError::Truncated { .. }))) && available > HEAD_BYTES {
        info = fill(LONG_HEAD_BYTES)?;
    }
    info.map_err(|error| ReadError::at(path, offset, error))
}

/// The packets that the file's index lists. Nothing if there is none, or if it does not fit: the data file is the
/// authority.
fn from_index(path: &Path, number: u32, size: u64, first: &PacketInfo) -> Option<Vec<Packet>> {
    let index = index_path(path)?;
    let bytes = read_index(&index).ok()?;
    let index = Index::parse(&bytes).ok()?;
    let mut packets = Vec::with_capacity(index.len());
    let mut offset = 0u64;
    for entry in index.entries() {
        let fits = entry.offset == offset
            && entry.packet_size > 0
            && entry.packet_size.is_multiple_of(8)
            && entry.content_size <= entry.packet_size
            && entry.timestamp_begin <= entry.timestamp_end
            && entry.stream_id == first.stream_id;
        if !fits {
            return None;
        }
        packets.push(Packet {
            file: number,
            offset,
            packet_bits: entry.packet_size,
            content_bits: entry.content_size,
            begin: first.timestamp_begin.map_or(0, |_| entry.timestamp_begin),
            end: first.timestamp_end.map(|_| entry.timestamp_end),
            discarded: first.events_discarded.map_or(0, |_| entry.events_discarded),
            sequence_number: first.sequence_number.map_or(0, |_| entry.packet_seq_num),
        });
        offset = offset.checked_add(entry.packet_size / 8)?;
    }
    let agrees = packets.first() == Some(&Packet::of(number, 0, first));
    (offset == size && agrees).then_some(packets)
}
