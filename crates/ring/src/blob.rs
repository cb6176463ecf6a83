//! The channel object ("blob") that a consumer daemon sends to applications through the session daemon
//! (`docs/spec/ring-buffer.md`, section 4). Pointers and timer ids, which are garbage in a C consumer's, are zero here.

use crate::RingError;
use crate::geometry::{Geometry, Mode};

/// Size of the channel structure without its tail array.
#[cfg(target_arch = "x86_64")]
const CHANNEL_SIZE: usize = 768;
/// Size of the channel structure without its tail array.
#[cfg(target_arch = "aarch64")]
const CHANNEL_SIZE: usize = 704;

const PRIVATE_CONFIG_SIZE: usize = 120;
const REFS: usize = 664;
const NAME: usize = 344;
/// Most streams a description may announce; far above any machine's CPUs.
const MAX_STREAMS: u32 = 65_536;

/// How long a producer waits for room before it drops a record (discard mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockingTimeout {
    /// Not at all.
    #[default]
    None,
    /// As long as it takes.
    Infinite,
    /// At most this many milliseconds.
    Milliseconds(u32),
}

impl BlockingTimeout {
    /// From the protocol's number: microseconds, 0 for none, -1 for infinite. Fractions of a millisecond are cut.
    pub fn from_microseconds(microseconds: i64) -> Result<Self, RingError> {
        match microseconds {
            -1 => Ok(BlockingTimeout::Infinite),
            0 => Ok(BlockingTimeout::None),
            us => match i32::try_from(us / 1000) {
                Ok(ms) if us > 0 => Ok(BlockingTimeout::Milliseconds(ms as u32)),
                _ => Err(RingError::BadBlockingTimeout(us)),
            },
        }
    }

    fn to_raw(self) -> i32 {
        match self {
            BlockingTimeout::None => 0,
            BlockingTimeout::Infinite => -1,
            BlockingTimeout::Milliseconds(ms) => ms as i32,
        }
    }
}

/// What a data channel is like; every application that records into it gets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelAttributes {
    /// Sizes and mode.
    pub geometry: Geometry,
    /// Period in microseconds at which the consumer closes packets; 0 for never.
    pub switch_timer_us: u32,
    /// Period in microseconds at which the consumer looks for data; 0 to be woken by producers.
    pub read_timer_us: u32,
    /// How long producers wait for room.
    pub blocking_timeout: BlockingTimeout,
    /// CTF stream class id.
    pub channel_id: u32,
    /// UUID of the trace, bytes in text order.
    pub uuid: [u8; 16],
}

impl ChannelAttributes {
    /// The name of the client variant, and its number (section 4.2).
    fn variant(&self) -> (&'static str, i32) {
        match (self.geometry.mode(), self.read_timer_us) {
            (Mode::Discard, 0) => ("relay-discard-mmap", 1),
            (Mode::Overwrite, 0) => ("relay-overwrite-mmap", 2),
            (Mode::Discard, _) => ("relay-discard-rt-mmap", 3),
            (Mode::Overwrite, _) => ("relay-overwrite-rt-mmap", 4),
        }
    }

    /// The channel object's bytes, for `streams` streams, created at time `now`.
    pub fn to_blob(&self, streams: u32, now: u64) -> Vec<u8> {
        let private = CHANNEL_SIZE + 16 * streams as usize;
        let mut out = vec![0; private + PRIVATE_CONFIG_SIZE];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        let g = &self.geometry;
        let (name, client_type) = self.variant();

        put(8, &g.commit_count_mask().to_ne_bytes());
        put(16, &u64::from(self.switch_timer_us).to_ne_bytes());
        put(32, &u32::from(self.switch_timer_us != 0).to_ne_bytes());
        put(40, &u64::from(self.read_timer_us).to_ne_bytes());
        put(56, &u32::from(self.read_timer_us != 0).to_ne_bytes());
        put(64, &(private as u64).to_ne_bytes());
        put(72, &streams.to_ne_bytes());
        put(88, &self.blocking_timeout.to_raw().to_ne_bytes());
        put(120, &g.buf_size().to_ne_bytes());
        put(128, &g.subbuf_size().to_ne_bytes());
        put(136, &g.subbuf_size_order().to_ne_bytes());
        put(140, &g.num_subbuf_order().to_ne_bytes());
        put(144, &(g.subbuf_size_order() + g.num_subbuf_order()).to_ne_bytes());
        put(148, &[u8::from(g.mode() == Mode::Overwrite)]);
        put(152, &g.num_subbuf().to_ne_bytes());
        put(160, &now.to_ne_bytes());

        // alloc per CPU, sync global, mode, output mmap, backend page, oops consistency, ipi none, wake-up, tsc bits
        let wakeup = u32::from(self.read_timer_us == 0);
        for (i, value) in [0, 1, g.mode() as u32, 1, 0, 1, 1, wakeup, 27].into_iter().enumerate() {
            put(184 + 4 * i, &value.to_ne_bytes());
        }
        put(304, &client_type.to_ne_bytes());
        put(NAME, name.as_bytes());
        for stream in 0..streams as usize {
            put(REFS + 16 * stream, &(stream as u64 + 1).to_ne_bytes());
        }
        put(private + 92, &self.channel_id.to_ne_bytes());
        put(private + 100, &self.uuid);
        out
    }

    /// Reads a channel object and the number of its streams. Only what section 4.4 says is looked at, and checked.
    pub fn from_blob(blob: &[u8], page_size: u64) -> Result<(Self, u32), RingError> {
        let field = |at: usize, len: usize| {
            at.checked_add(len).and_then(|end| blob.get(at..end)).ok_or(RingError::BadBlob("it is too short"))
        };
        let u32_at = |at| Ok(u32::from_ne_bytes(field(at, 4)?.try_into().expect("four bytes")));
        let u64_at = |at| Ok(u64::from_ne_bytes(field(at, 8)?.try_into().expect("eight bytes")));
        let timer = |at| {
            u32::try_from(u64_at(at)?).map_err(|_| RingError::BadBlob("a timer interval is out of range"))
        };

        let streams = u32_at(72)?;
        if streams == 0 || streams > MAX_STREAMS {
            return Err(RingError::BadBlob("the number of streams is out of range"));
        }
        let mode = match u32_at(192)? {
            0 => Mode::Overwrite,
            1 => Mode::Discard,
            _ => return Err(RingError::BadBlob("unknown mode")),
        };
        if u32_at(196)? != 1 {
            return Err(RingError::BadBlob("the output is not mmap"));
        }
        let geometry = Geometry::new(mode, u64_at(128)?, u64_at(152)?, page_size)?;
        if u64_at(120)? != geometry.buf_size() || u64_at(8)? != geometry.commit_count_mask() {
            return Err(RingError::BadBlob("its sizes contradict each other"));
        }
        for stream in 0..u64::from(streams) {
            let at = REFS + 16 * stream as usize;
            if (u64_at(at)?, u64_at(at + 8)?) != (stream + 1, 0) {
                return Err(RingError::BadBlob("a stream is not where it must be"));
            }
        }
        let private = usize::try_from(u64_at(64)?).map_err(|_| RingError::BadBlob("it is too short"))?;
        let blocking_timeout = match u32_at(88)? as i32 {
            -1 => BlockingTimeout::Infinite,
            0 => BlockingTimeout::None,
            ms if ms > 0 => BlockingTimeout::Milliseconds(ms as u32),
            _ => return Err(RingError::BadBlob("the blocking timeout is out of range")),
        };
        let read_timer_us = match u32_at(212)? {
            0 => timer(40)?.max(1),
            1 => 0,
            _ => return Err(RingError::BadBlob("unknown way to wake the reader")),
        };
        let private = |at: usize| private.checked_add(at).ok_or(RingError::BadBlob("it is too short"));
        let attributes = ChannelAttributes {
            geometry,
            switch_timer_us: timer(16)?,
            read_timer_us,
            blocking_timeout,
            channel_id: u32_at(private(92)?)?,
            uuid: field(private(100)?, 16)?.try_into().expect("16 bytes"),
        };
        Ok((attributes, streams))
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The pointers, timer ids and options pointers in a C consumer's object.
    const GARBAGE: [std::ops::Range<usize>; 6] = [24..32, 48..56, 80..88, 96..120, 224..304, 312..320];

    fn masked(bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        GARBAGE.into_iter().for_each(|range| bytes[range].fill(0));
        bytes
    }

    macro_rules! captured {
        ($name:literal) => {
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/ring-buffer/", $name))
        };
    }

    #[test]
    fn objects_are_those_of_the_real_consumer() {
        let channel =
            |mode, num, size, switch_timer_us, read_timer_us, timeout, channel_id| ChannelAttributes {
                geometry: Geometry::new(mode, size, num, 4096).unwrap(),
                switch_timer_us,
                read_timer_us,
                blocking_timeout: BlockingTimeout::from_microseconds(timeout).unwrap(),
                channel_id,
                uuid: [0; 16],
            };
        use Mode::*;
        for (bytes, expected) in [
            (&captured!("uid-discard/channel-blob.bin")[..], channel(Discard, 2, 4096, 0, 0, 0, 0)),
            (captured!("blobs/discard-1x4096-block5ms.bin"), channel(Discard, 1, 4096, 0, 0, 5000, 1)),
            (
                captured!("blobs/discard-rt-2x4096-blockinf-read50ms.bin"),
                channel(Discard, 2, 4096, 0, 50_000, -1, 2),
            ),
            (
                captured!("blobs/overwrite-rt-4x8192-switch100ms-read200ms.bin"),
                channel(Overwrite, 4, 8192, 100_000, 200_000, 0, 0),
            ),
        ] {
            let (read, streams) = ChannelAttributes::from_blob(bytes, 4096).unwrap();
            assert_eq!(read, ChannelAttributes { uuid: read.uuid, ..expected });
            let start = u64::from_ne_bytes(bytes[160..168].try_into().unwrap());
            assert_eq!(masked(bytes), read.to_blob(streams, start), "{read:?}");
        }
    }

    proptest! {
        #[test]
        fn damaged_objects_never_panic(at in 0..920usize, value: u8, len in 0..=920usize) {
            let mut bytes = captured!("uid-discard/channel-blob.bin").to_vec();
            bytes[at] = value;
            let _ = ChannelAttributes::from_blob(&bytes[..len], 4096);
            let _ = ChannelAttributes::from_blob(&bytes, 4096);
        }
    }
}
