//! Channels: their attributes and their object of 83 bytes and a name (`docs/spec/client-protocol.md`, 8.1).

use std::time::Duration;

use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// What a full ring buffer does with the next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OverwriteMode {
    /// What the session prefers: overwrite in snapshot sessions, else discard.
    SessionDefault,
    /// The new event is lost, and counted.
    Discard,
    /// The oldest sub-buffer is lost.
    Overwrite,
}

codes! {
    /// How the consumer takes data out of the ring buffer.
    pub enum OutputType: u8, "channel.output" {
        /// `splice()`, kernel domain only.
        Splice = 0,
        /// A memory map.
        Mmap = 1,
    }
}

/// How long an application that would lose an event waits for room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockingTimeout {
    /// It does not wait.
    None,
    /// At most so long (whole microseconds, at most `i64::MAX` of them).
    After(Duration),
    /// For ever.
    Infinite,
}

/// What a channel is made of. Timers are in whole microseconds on the wire; zero is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelAttributes {
    /// What a full buffer does.
    pub overwrite: OverwriteMode,
    /// Bytes in a sub-buffer; a power of two.
    pub subbuf_size: u64,
    /// Sub-buffers in a ring buffer; a power of two.
    pub num_subbuf: u64,
    /// Period after which a partly filled sub-buffer is handed over; at most `u32::MAX` µs.
    pub switch_timer: Duration,
    /// Period at which the consumer looks for data; at most `u32::MAX` µs.
    pub read_timer: Duration,
    /// Period of live beacons; a request's value is ignored. At most `u32::MAX` µs.
    pub live_timer: Duration,
    /// Period of the fill level samples; at most `u64::MAX` µs.
    pub monitor_timer: Duration,
    /// How data leaves the buffer.
    pub output: OutputType,
    /// Bytes in a trace file; 0 is unlimited.
    pub tracefile_size: u64,
    /// Trace files per stream; 0 is unlimited.
    pub tracefile_count: u64,
    /// How long writers wait for room.
    pub blocking_timeout: BlockingTimeout,
}

/// A channel, as one that is to be enabled or as one in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The name, at most [`CHANNEL_NAME_MAX`](super::defaults::CHANNEL_NAME_MAX) bytes; empty stands for `channel0`.
    pub name: String,
    /// Whether events are recorded; ignored in requests.
    pub enabled: bool,
    /// Its attributes.
    pub attributes: ChannelAttributes,
    /// Events that found no room; in lists only.
    pub discarded_events: u64,
    /// Packets that were overwritten before they were read; in lists only.
    pub lost_packets: u64,
}

impl Channel {
    /// A channel to enable.
    pub fn new(name: impl Into<String>, attributes: ChannelAttributes) -> Self {
        Channel { name: name.into(), enabled: true, attributes, discarded_events: 0, lost_packets: 0 }
    }

    /// The smallest object: no name fits into it, not even an empty one.
    pub(crate) const FIXED_SIZE: usize = 83;
    const NAME_SIZE_MAX: usize = 255;
}

impl Encode for Channel {
    fn encode(&self, out: &mut Writer) {
        let attributes = &self.attributes;
        out.u32(text::counted_len(&self.name));
        out.u8(self.enabled.into());
        out.i8(match attributes.overwrite {
            OverwriteMode::SessionDefault => -1,
            OverwriteMode::Discard => 0,
            OverwriteMode::Overwrite => 1,
        });
        out.u64(attributes.subbuf_size);
        out.u64(attributes.num_subbuf);
        out.u32(whole_micros32(attributes.switch_timer));
        out.u32(whole_micros32(attributes.read_timer));
        out.u8(attributes.output.code());
        out.u64(attributes.tracefile_size);
        out.u64(attributes.tracefile_count);
        out.u32(whole_micros32(attributes.live_timer));
        out.u64(self.discarded_events);
        out.u64(self.lost_packets);
        out.u64(whole_micros(attributes.monitor_timer));
        out.i64(match attributes.blocking_timeout {
            BlockingTimeout::None => 0,
            BlockingTimeout::Infinite => -1,
            BlockingTimeout::After(duration) => i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
        });
        text::put(out, &self.name);
    }
}

impl Decode for Channel {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let name_len = input.u32("channel.name_len")?;
        let enabled = input.bool8("channel.enabled")?;
        let overwrite = match input.i8("channel.overwrite")? {
            -1 => OverwriteMode::SessionDefault,
            0 => OverwriteMode::Discard,
            _ => OverwriteMode::Overwrite,
        };
        let subbuf_size = input.u64("channel.subbuf_size")?;
        let num_subbuf = input.u64("channel.num_subbuf")?;
        let switch_timer = micros(input.u32("channel.switch_timer_interval")?);
        let read_timer = micros(input.u32("channel.read_timer_interval")?);
        let output = OutputType::from_code(input.u8("channel.output")?)?;
        let tracefile_size = input.u64("channel.tracefile_size")?;
        let tracefile_count = input.u64("channel.tracefile_count")?;
        let live_timer = micros(input.u32("channel.live_timer_interval")?);
        let discarded_events = input.u64("channel.discarded_events")?;
        let lost_packets = input.u64("channel.lost_packets")?;
        let monitor_timer = Duration::from_micros(input.u64("channel.monitor_timer_interval")?);
        let blocking_timeout = match input.i64("channel.blocking_timeout")? {
            -1 => BlockingTimeout::Infinite,
            0 => BlockingTimeout::None,
            us => match u64::try_from(us) {
                Ok(us) => BlockingTimeout::After(Duration::from_micros(us)),
                Err(_) => {
                    return Err(WireError::BadValue { field: "channel.blocking_timeout", value: us.into() });
                }
            },
        };
        let name = text::counted_string(input, "channel.name", name_len, Self::NAME_SIZE_MAX)?;
        let attributes = ChannelAttributes {
            overwrite,
            subbuf_size,
            num_subbuf,
            switch_timer,
            read_timer,
            live_timer,
            monitor_timer,
            output,
            tracefile_size,
            tracefile_count,
            blocking_timeout,
        };
        Ok(Channel { name, enabled, attributes, discarded_events, lost_packets })
    }
}

fn micros(us: u32) -> Duration {
    Duration::from_micros(us.into())
}

/// Whole microseconds, at most `u32::MAX`.
pub(crate) fn whole_micros32(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// Whole microseconds, at most `u64::MAX`.
pub(crate) fn whole_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
