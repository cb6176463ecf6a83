//! Protocol buffers, as far as writing them goes: tags, varints, nested messages, and the field numbers of Perfetto's
//! messages that are written here (protos/perfetto/trace of the Perfetto project).

/// Room for the length of a nested message: a varint that is padded, as Perfetto's own writer does it.
const LENGTH_BYTES: usize = 4;

/// Most bytes of a nested message, which `LENGTH_BYTES` can say.
pub(super) const MAX_MESSAGE: usize = (1 << (7 * LENGTH_BYTES)) - 1;

/// A message that is put together.
#[derive(Debug, Default)]
pub(super) struct Proto {
    pub(super) bytes: Vec<u8>,
}

/// A nested message that has been begun.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(super) struct Open(usize);

impl Proto {
    #[inline]
    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// `uint32`, `uint64`, `bool`, enumerations.
    #[inline]
    pub(super) fn unsigned(&mut self, field: u32, value: u64) {
        self.raw(u64::from(field << 3));
        self.raw(value);
    }

    /// `int32`, `int64`.
    #[inline]
    pub(super) fn signed(&mut self, field: u32, value: i64) {
        self.unsigned(field, value as u64);
    }

    /// `fixed64`.
    pub(super) fn fixed(&mut self, field: u32, value: u64) {
        self.raw(u64::from(field << 3 | 1));
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// `double`.
    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.fixed(field, value.to_bits());
    }

    /// `string`, `bytes`, or a message that is whole.
    #[inline]
    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.raw(u64::from(field << 3 | 2));
        self.raw(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// Begins a nested message.
    #[inline]
    pub(super) fn begin(&mut self, field: u32) -> Open {
        self.raw(u64::from(field << 3 | 2));
        self.bytes.extend_from_slice(&[0; LENGTH_BYTES]);
        Open(self.bytes.len())
    }

    /// Ends it.
    #[inline]
    pub(super) fn end(&mut self, open: Open) {
        let length = (self.bytes.len() - open.0).min(MAX_MESSAGE);
        let room = &mut self.bytes[open.0 - LENGTH_BYTES..open.0];
        for (i, byte) in room.iter_mut().enumerate() {
            let more = if i + 1 < LENGTH_BYTES { 0x80 } else { 0 };
            *byte = (length >> (7 * i)) as u8 & 0x7f | more;
        }
    }
}

/// `Trace`.
pub(super) const TRACE_PACKET: u32 = 1;

/// `TracePacket`.
pub(super) mod packet {
    pub(crate) const CLOCK_SNAPSHOT: u32 = 6;
    pub(crate) const TIMESTAMP: u32 = 8;
    pub(crate) const SEQUENCE: u32 = 10;
    pub(crate) const TRACK_EVENT: u32 = 11;
    pub(crate) const INTERNED: u32 = 12;
    pub(crate) const FLAGS: u32 = 13;
    pub(crate) const TRACE_STATS: u32 = 35;
    pub(crate) const DEFAULTS: u32 = 59;
    pub(crate) const TRACK: u32 = 60;
    pub(crate) const FIRST_OF_SEQUENCE: u32 = 87;

    /// `SEQ_INCREMENTAL_STATE_CLEARED`.
    pub(crate) const CLEARED: u64 = 1;
    /// `SEQ_NEEDS_INCREMENTAL_STATE`.
    pub(crate) const NEEDS_STATE: u64 = 2;
    /// `TracePacketDefaults.timestamp_clock_id`.
    pub(crate) const DEFAULT_CLOCK: u32 = 58;
}

/// `ClockSnapshot`.
pub(super) mod clock {
    pub(crate) const CLOCKS: u32 = 1;
    pub(crate) const PRIMARY: u32 = 2;
    pub(crate) const ID: u32 = 1;
    pub(crate) const TIME: u32 = 2;

    pub(crate) const REALTIME: u64 = 1;
    pub(crate) const MONOTONIC: u64 = 3;
    pub(crate) const BOOTTIME: u64 = 6;
}

/// `TrackEvent`.
pub(super) mod event {
    pub(crate) const CATEGORY: u32 = 3;
    pub(crate) const ANNOTATION: u32 = 4;
    pub(crate) const TYPE: u32 = 9;
    pub(crate) const NAME: u32 = 10;
    pub(crate) const TRACK: u32 = 11;
    pub(crate) const COUNTER_VALUE: u32 = 30;
    pub(crate) const DOUBLE_COUNTER_VALUE: u32 = 44;
    pub(crate) const FLOW: u32 = 47;

    pub(crate) const BEGIN: u64 = 1;
    pub(crate) const END: u64 = 2;
    pub(crate) const INSTANT: u64 = 3;
    pub(crate) const COUNTER: u64 = 4;
}

/// `DebugAnnotation`.
pub(super) mod annotation {
    pub(crate) const NAME: u32 = 1;
    pub(crate) const BOOLEAN: u32 = 2;
    pub(crate) const UNSIGNED: u32 = 3;
    pub(crate) const SIGNED: u32 = 4;
    pub(crate) const DOUBLE: u32 = 5;
    pub(crate) const TEXT: u32 = 6;
    pub(crate) const ENTRY: u32 = 11;
    pub(crate) const ELEMENT: u32 = 12;
}

/// `InternedData`; each string is an `iid` and a `name`.
pub(super) mod interned {
    pub(crate) const CATEGORIES: u32 = 1;
    pub(crate) const EVENTS: u32 = 2;
    pub(crate) const ANNOTATIONS: u32 = 3;
    pub(crate) const IID: u32 = 1;
    pub(crate) const NAME: u32 = 2;
}

/// `TrackDescriptor` with `ProcessDescriptor`, `ThreadDescriptor` and `CounterDescriptor`.
pub(super) mod track {
    pub(crate) const UUID: u32 = 1;
    pub(crate) const NAME: u32 = 2;
    pub(crate) const PROCESS: u32 = 3;
    pub(crate) const THREAD: u32 = 4;
    pub(crate) const PARENT: u32 = 5;
    pub(crate) const COUNTER: u32 = 8;

    pub(crate) const PID: u32 = 1;
    pub(crate) const PROCESS_NAME: u32 = 6;
    pub(crate) const TID: u32 = 2;
    pub(crate) const THREAD_NAME: u32 = 5;
}

/// `TraceStats` with `BufferStats`.
pub(super) mod stats {
    pub(crate) const BUFFER: u32 = 1;
    pub(crate) const CHUNKS_DISCARDED: u32 = 18;
    pub(crate) const PACKET_LOSS: u32 = 19;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_encoding() {
        let mut proto = Proto::default();
        proto.unsigned(1, 150);
        assert_eq!(proto.bytes, [0x08, 0x96, 0x01]);
        proto.bytes.clear();
        proto.signed(2, -1);
        assert_eq!(proto.bytes, [0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        proto.bytes.clear();
        proto.bytes(2, b"testing");
        assert_eq!(proto.bytes, b"\x12\x07testing");
        proto.bytes.clear();
        let open = proto.begin(3);
        proto.unsigned(1, 150);
        proto.end(open);
        assert_eq!(proto.bytes, [0x1a, 0x83, 0x80, 0x80, 0x00, 0x08, 0x96, 0x01]);
    }
}
