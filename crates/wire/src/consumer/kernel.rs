//! The commands that only kernel consumers know (`docs/spec/consumer-protocol.md` 5.3, 6.21).

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use super::field::{
    read_bool32, read_name, read_optional, read_path, read_timer, write_bool32, write_name, write_optional,
    write_path, write_timer,
};
use super::ids::{ChannelKey, ChunkId, RelayIndex, SessionId};
use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// How packets get from the buffers to their destination.
    pub enum Output: u32, "channel output" {
        /// Through a pipe, without a copy.
        Splice = 0,
        /// From mapped memory; user space always.
        Mmap = 1,
    }
}

codes! {
    /// What a kernel channel holds. The numbers are the other way round than those of user-space channels.
    pub enum KernelChannelKind: i32, "kernel channel type" {
        /// Metadata.
        Metadata = 0,
        /// Events.
        Data = 1,
    }
}

/// ADD_CHANNEL: a kernel channel, whose streams follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddChannel {
    /// What the channel shall be called here.
    pub key: ChannelKey,
    /// The tracing session.
    pub session_id: SessionId,
    /// The current trace chunk.
    pub chunk_id: Option<ChunkId>,
    /// Relative directory; empty for local traces.
    pub pathname: PathBuf,
    /// The relay daemon that the trace goes to.
    pub relay: Option<RelayIndex>,
    /// How many ADD_STREAM will come.
    pub nb_init_streams: u32,
    /// The channel's name.
    pub name: String,
    /// How packets are moved.
    pub output: Output,
    /// What it holds.
    pub kind: KernelChannelKind,
    /// Bytes of a stream file; unlimited without it.
    pub tracefile_size: Option<NonZeroU64>,
    /// Number of files of a stream; unlimited without it.
    pub tracefile_count: Option<NonZeroU32>,
    /// Whether streams are drained all the time; not in snapshot sessions.
    pub monitor: bool,
    /// How often live viewers are told the time.
    pub live_timer: Option<Duration>,
    /// Whether the session is live.
    pub is_live: bool,
    /// How often the fill of the buffers is told to the session daemon.
    pub monitor_timer: Option<Duration>,
}

impl Encode for AddChannel {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.key.0);
        out.u64(self.session_id.0);
        write_optional(out, self.chunk_id.map(|id| id.0));
        write_path(out, &self.pathname);
        out.u64(RelayIndex::to_wire(self.relay));
        out.u32(self.nb_init_streams);
        write_name(out, &self.name);
        out.u32(self.output.code());
        out.i32(self.kind.code());
        out.u64(self.tracefile_size.map_or(0, NonZeroU64::get));
        out.u32(self.tracefile_count.map_or(0, NonZeroU32::get));
        write_bool32(out, self.monitor);
        write_timer(out, self.live_timer);
        out.u8(u8::from(self.is_live));
        write_timer(out, self.monitor_timer);
    }
}

impl Decode for AddChannel {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(AddChannel {
            key: ChannelKey(input.u64("channel key")?),
            session_id: SessionId(input.u64("session id")?),
            chunk_id: read_optional(input, "chunk id")?.map(ChunkId),
            pathname: read_path(input, "pathname")?,
            relay: RelayIndex::from_wire(input.u64("relay index")?),
            nb_init_streams: input.u32("number of streams")?,
            name: read_name(input, "channel name")?,
            output: Output::from_code(input.u32("channel output")?)?,
            kind: KernelChannelKind::from_code(input.i32("kernel channel type")?)?,
            tracefile_size: NonZeroU64::new(input.u64("trace file size")?),
            tracefile_count: NonZeroU32::new(input.u32("trace file count")?),
            monitor: read_bool32(input, "monitor")?,
            live_timer: read_timer(input, "live timer interval")?,
            is_live: input.bool8("is live")?,
            monitor_timer: read_timer(input, "monitor timer interval")?,
        })
    }
}

/// ADD_STREAM: the buffer of one CPU; its descriptor follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddStream {
    /// The session daemon's number of the descriptor; unused.
    pub stream_key: u64,
    /// The channel.
    pub channel_key: ChannelKey,
    /// CPU, from 0; -1 for metadata.
    pub cpu: i32,
    /// Unused, false.
    pub no_monitor: bool,
}

impl Encode for AddStream {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.stream_key);
        out.u64(self.channel_key.0);
        out.i32(self.cpu);
        write_bool32(out, self.no_monitor);
    }
}

impl Decode for AddStream {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(AddStream {
            stream_key: input.u64("stream key")?,
            channel_key: ChannelKey(input.u64("channel key")?),
            cpu: input.i32("cpu")?,
            no_monitor: read_bool32(input, "no monitor")?,
        })
    }
}

/// STREAMS_SENT: all streams of a channel were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamsSent {
    /// The channel.
    pub channel_key: ChannelKey,
    /// The relay daemon to tell.
    pub relay: Option<RelayIndex>,
}

impl Encode for StreamsSent {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.channel_key.0);
        out.u64(RelayIndex::to_wire(self.relay));
    }
}

impl Decode for StreamsSent {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let channel_key = ChannelKey(input.u64("channel key")?);
        Ok(StreamsSent { channel_key, relay: RelayIndex::from_wire(input.u64("relay index")?) })
    }
}
