//! What a user-space packet and the head of each of its events look like (`docs/spec/trace-output.md`, 10 and 12.6).

use super::Abi;
use crate::types::{Array, Enumeration, Field, FieldRef, Mapping, Structure, Type, Variant};

/// The two forms of an event header. The 2.13.9 session daemon always chooses [`EventHeader::Large`] for user space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventHeader {
    /// 5 bits of id and 27 bits of time.
    Compact,
    /// 16 bits of id and 32 bits of time.
    Large,
}

impl EventHeader {
    /// The structure's name in the metadata.
    pub fn type_name(self) -> &'static str {
        match self {
            EventHeader::Compact => "event_header_compact",
            EventHeader::Large => "event_header_large",
        }
    }

    /// The structure itself, its times counted by the clock of that name.
    pub fn structure(self, abi: &Abi, clock: &str) -> Structure {
        let (id, last, time, align) = match self {
            EventHeader::Compact => (
                crate::Integer { alignment_bits: 1, ..abi.unsigned(5) },
                30,
                crate::Integer { alignment_bits: 1, ..abi.unsigned(27) },
                abi.alignments.u32,
            ),
            EventHeader::Large => (abi.unsigned(16), 65534, abi.unsigned(32), abi.alignments.u16),
        };
        let mappings = vec![Mapping::range("compact", 0, last), Mapping::value("extended", last + 1)];
        let compact = Structure::of(vec![Field::new("timestamp", time.with_clock(clock))]);
        let extended = Structure::of(vec![
            Field::new("id", abi.unsigned(32)),
            Field::new("timestamp", abi.unsigned(64).with_clock(clock)),
        ]);
        Structure {
            fields: vec![
                Field::new("id", Enumeration { container: id, mappings }),
                Field::new(
                    "v",
                    Variant {
                        tag: FieldRef::to("id"),
                        options: vec![Field::new("compact", compact), Field::new("extended", extended)],
                        min_alignment_bits: 0,
                    },
                ),
            ],
            min_alignment_bits: align,
        }
    }
}

/// What each packet of user space starts with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketLayout {
    /// `trace.packet.header`.
    pub packet_header: Structure,
    /// `stream.packet.context`, right after it.
    pub packet_context: Structure,
}

/// What packets of applications of that kind start with, their times counted by the clock of that name.
pub fn layout_of(abi: &Abi, clock: &str) -> PacketLayout {
    PacketLayout { packet_header: packet_header(abi), packet_context: packet_context(abi, clock) }
}

fn packet_header(abi: &Abi) -> Structure {
    let uuid = Array { element: Box::new(abi.unsigned(8).into()), length: 16, min_alignment_bits: 0 };
    Structure::of(vec![
        Field::new("magic", abi.unsigned(32)),
        Field::new("uuid", uuid),
        Field::new("stream_id", abi.unsigned(32)),
        Field::new("stream_instance_id", abi.unsigned(64)),
    ])
}

fn packet_context(abi: &Abi, clock: &str) -> Structure {
    Structure::of(vec![
        Field::new("timestamp_begin", abi.unsigned(64).with_clock(clock)),
        Field::new("timestamp_end", abi.unsigned(64).with_clock(clock)),
        Field::new("content_size", abi.unsigned(64)),
        Field::new("packet_size", abi.unsigned(64)),
        Field::new("packet_seq_num", abi.unsigned(64)),
        Field::new("events_discarded", abi.long()),
        Field::new("cpu_id", abi.unsigned(32)),
    ])
}

/// Where the fields of a packet's header and context are, in bytes from the packet's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PacketOffsets {
    /// u32, 0xC1FC1FC1.
    pub magic: usize,
    /// The 16 bytes of the trace's UUID.
    pub uuid: usize,
    /// u32, the channel's id.
    pub stream_id: usize,
    /// u64, the CPU.
    pub stream_instance_id: usize,
    /// u64, clock cycles.
    pub timestamp_begin: usize,
    /// u64, clock cycles; 0 while the packet is open.
    pub timestamp_end: usize,
    /// u64, bits; all ones while the packet is open.
    pub content_size: usize,
    /// u64, bits; all ones while the packet is open.
    pub packet_size: usize,
    /// u64, from 0 in each stream.
    pub packet_seq_num: usize,
    /// `long`, running total.
    pub events_discarded: usize,
    /// u32.
    pub cpu_id: usize,
    /// Where the first event starts, before its own alignment: the size of the header.
    pub end: usize,
}

impl PacketOffsets {
    /// The offsets for applications of that kind.
    ///
    /// The tracer lays its header out as a C structure of naturally aligned members, whatever alignment it announces;
    /// every member is on its natural alignment anyway.
    pub fn of(abi: &Abi) -> PacketOffsets {
        let mut at = 0usize;
        let mut take = |ty: &Type| {
            let (align, size) = match ty {
                Type::Integer(integer) => (integer.alignment_bits, u64::from(integer.size_bits)),
                Type::Array(array) => (ty.alignment_bits(), array.length * 8),
                _ => unreachable!("packet headers of user space are integers and the UUID"),
            };
            at = at.next_multiple_of((align as usize / 8).max(1));
            let start = at;
            at += size as usize / 8;
            start
        };
        let PacketLayout { packet_header: header, packet_context: context } = layout_of(abi, "");
        let [magic, uuid, stream_id, stream_instance_id] =
            std::array::from_fn(|i| take(&header.fields[i].ty));
        let [
            timestamp_begin,
            timestamp_end,
            content_size,
            packet_size,
            packet_seq_num,
            events_discarded,
            cpu_id,
        ] = std::array::from_fn(|i| take(&context.fields[i].ty));
        PacketOffsets {
            magic,
            uuid,
            stream_id,
            stream_instance_id,
            timestamp_begin,
            timestamp_end,
            content_size,
            packet_size,
            packet_seq_num,
            events_discarded,
            cpu_id,
            end: at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Alignments;
    use super::*;
    use crate::types::ByteOrder;

    /// The tables of docs/spec/trace-output.md, 10.1.
    #[test]
    fn offsets_are_those_of_the_real_tracer() {
        let wide = PacketOffsets::of(&Abi::X86_64);
        assert_eq!(wide.events_discarded, 72);
        assert_eq!(wide.cpu_id, 80);
        assert_eq!(wide.end, 84);
        let arm = Abi { alignments: Alignments::NATURAL_64, ..Abi::X86_64 };
        assert_eq!(PacketOffsets::of(&arm), wide);
        let narrow = Abi { byte_order: ByteOrder::Little, long_bits: 32, alignments: Alignments::PACKED };
        let narrow = PacketOffsets::of(&narrow);
        assert_eq!((narrow.events_discarded, narrow.cpu_id, narrow.end), (72, 76, 80));
    }
}
