//! ASK_CHANNEL_CREATION: everything that the consumer daemon must know to make a user-space channel
//! (`docs/spec/consumer-protocol.md` 5.2).

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use super::chunk::Credentials;
use super::field::{
    read_bool32, read_name, read_optional, read_optional_path, read_path, read_timer, write_bool32,
    write_name, write_optional, write_optional_path, write_path, write_timer,
};
use super::ids::{ChannelKey, ChunkId, RegistryId, RelayIndex, SessionId};
use crate::ust::ChannelId;
use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// What happens when a buffer is full.
    pub enum BufferMode: i32, "overwrite" {
        /// New events are lost.
        Discard = 0,
        /// The oldest sub-buffer is lost.
        Overwrite = 1,
    }
}

/// What a channel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelKind {
    /// Events; a stream per CPU.
    Data {
        /// What happens when it is full.
        mode: BufferMode,
        /// The channel in packet headers and metadata.
        id: ChannelId,
    },
    /// Metadata; one stream.
    Metadata,
}

/// How long an application that allows it waits for room in a full buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockingTimeout {
    /// Not at all.
    None,
    /// That long; on the wire in microseconds.
    Finite(Duration),
    /// As long as it takes.
    Infinite,
}

impl BlockingTimeout {
    fn micros(self) -> i64 {
        match self {
            BlockingTimeout::None => 0,
            BlockingTimeout::Finite(time) => i64::try_from(time.as_micros()).unwrap_or(i64::MAX),
            BlockingTimeout::Infinite => -1,
        }
    }

    fn from_micros(micros: i64) -> Result<Self, WireError> {
        match micros {
            0 => Ok(BlockingTimeout::None),
            -1 => Ok(BlockingTimeout::Infinite),
            _ => match u64::try_from(micros) {
                Ok(micros) => Ok(BlockingTimeout::Finite(Duration::from_micros(micros))),
                Err(_) => Err(WireError::BadValue { field: "blocking timeout", value: i128::from(micros) }),
            },
        }
    }
}

/// Asks for a channel to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskChannel {
    /// Bytes of a sub-buffer: a power of two, at least a page.
    pub subbuf_size: u64,
    /// Number of sub-buffers: a power of two.
    pub num_subbuf: u64,
    /// How often packets are closed although they are not full.
    pub switch_timer: Option<Duration>,
    /// How often buffers are looked at; without it, writers wake the reader.
    pub read_timer: Option<Duration>,
    /// How often live viewers are told the time.
    pub live_timer: Option<Duration>,
    /// Whether the session is live.
    pub is_live: bool,
    /// How often the fill of the buffers is told to the session daemon.
    pub monitor_timer: Option<Duration>,
    /// What it holds.
    pub kind: ChannelKind,
    /// The tracing session.
    pub session_id: SessionId,
    /// Directory of the stream files, relative to the domain directory of the chunk (`uid/0/64-bit`).
    pub pathname: PathBuf,
    /// The channel's name; `metadata` for metadata.
    pub name: String,
    /// Whose the shared-memory files are.
    pub buffer_credentials: Credentials,
    /// The relay daemon that the trace goes to.
    pub relay: Option<RelayIndex>,
    /// What the channel shall be called here.
    pub key: ChannelKey,
    /// The current trace chunk, which must exist.
    pub chunk_id: Option<ChunkId>,
    /// The trace's UUID, for packet headers.
    pub uuid: [u8; 16],
    /// Bytes of a stream file; unlimited without it.
    pub tracefile_size: Option<NonZeroU64>,
    /// Number of files of a stream; unlimited without it.
    pub tracefile_count: Option<NonZeroU32>,
    /// The per-PID registry, to ask for metadata.
    pub registry: RegistryId,
    /// Whether streams are drained all the time; not in snapshot sessions.
    pub monitor: bool,
    /// The application's user, to ask for metadata.
    pub ust_app_uid: u32,
    /// How long applications wait for room.
    pub blocking_timeout: BlockingTimeout,
    /// Where the session's shared memory is to be; anonymous without it.
    pub root_shm_path: Option<PathBuf>,
    /// Prefix of the shared-memory files of the streams; anonymous without it.
    pub shm_path: Option<PathBuf>,
}

const OUTPUT_MMAP: i32 = 1;
const KIND_PER_CPU: i32 = 0;
const KIND_METADATA: i32 = 1;
/// What lttng-sessiond sends as the mode of a metadata channel, where it has no meaning.
const NO_MODE: i32 = -1;
/// The stream id of metadata, where it has no meaning.
const NO_CHANNEL_ID: u32 = u32::MAX;

impl Encode for AskChannel {
    fn encode(&self, out: &mut Writer) {
        let (mode, kind, id) = match self.kind {
            ChannelKind::Data { mode, id } => (mode.code(), KIND_PER_CPU, id.0),
            ChannelKind::Metadata => (NO_MODE, KIND_METADATA, NO_CHANNEL_ID),
        };
        out.u64(self.subbuf_size);
        out.u64(self.num_subbuf);
        out.i32(mode);
        write_timer(out, self.switch_timer);
        write_timer(out, self.read_timer);
        write_timer(out, self.live_timer);
        out.u8(u8::from(self.is_live));
        write_timer(out, self.monitor_timer);
        out.i32(OUTPUT_MMAP);
        out.i32(kind);
        out.u64(self.session_id.0);
        write_path(out, &self.pathname);
        write_name(out, &self.name);
        out.u32(self.buffer_credentials.uid);
        out.u32(self.buffer_credentials.gid);
        out.u64(RelayIndex::to_wire(self.relay));
        out.u64(self.key.0);
        write_optional(out, self.chunk_id.map(|id| id.0));
        out.bytes(&self.uuid);
        out.u32(id);
        out.u64(self.tracefile_size.map_or(0, NonZeroU64::get));
        out.u32(self.tracefile_count.map_or(0, NonZeroU32::get));
        out.u64(self.registry.0);
        write_bool32(out, self.monitor);
        out.u32(self.ust_app_uid);
        out.i64(self.blocking_timeout.micros());
        write_optional_path(out, self.root_shm_path.as_deref());
        write_optional_path(out, self.shm_path.as_deref());
    }
}

impl Decode for AskChannel {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let subbuf_size = input.u64("sub-buffer size")?;
        let num_subbuf = input.u64("number of sub-buffers")?;
        let mode = input.i32("overwrite")?;
        let switch_timer = read_timer(input, "switch timer interval")?;
        let read_timer_ = read_timer(input, "read timer interval")?;
        let live_timer = read_timer(input, "live timer interval")?;
        let is_live = input.bool8("is live")?;
        let monitor_timer = read_timer(input, "monitor timer interval")?;
        let output = input.i32("channel output")?;
        if output != OUTPUT_MMAP {
            return Err(WireError::BadValue { field: "channel output", value: i128::from(output) });
        }
        let kind = input.i32("channel type")?;
        let session_id = SessionId(input.u64("session id")?);
        let pathname = read_path(input, "pathname")?;
        let name = read_name(input, "channel name")?;
        let buffer_credentials = Credentials { uid: input.u32("buffer uid")?, gid: input.u32("buffer gid")? };
        let relay = RelayIndex::from_wire(input.u64("relay index")?);
        let key = ChannelKey(input.u64("channel key")?);
        let chunk_id = read_optional(input, "chunk id")?.map(ChunkId);
        let uuid = input.array("trace UUID")?;
        let id = ChannelId(input.u32("channel id")?);
        let kind = match kind {
            // Anything but 0 overwrites.
            KIND_PER_CPU if mode == 0 => ChannelKind::Data { mode: BufferMode::Discard, id },
            KIND_PER_CPU => ChannelKind::Data { mode: BufferMode::Overwrite, id },
            KIND_METADATA => ChannelKind::Metadata,
            other => return Err(WireError::BadValue { field: "channel type", value: i128::from(other) }),
        };
        Ok(AskChannel {
            subbuf_size,
            num_subbuf,
            switch_timer,
            read_timer: read_timer_,
            live_timer,
            is_live,
            monitor_timer,
            kind,
            session_id,
            pathname,
            name,
            buffer_credentials,
            relay,
            key,
            chunk_id,
            uuid,
            tracefile_size: NonZeroU64::new(input.u64("trace file size")?),
            tracefile_count: NonZeroU32::new(input.u32("trace file count")?),
            registry: RegistryId(input.u64("registry id")?),
            monitor: read_bool32(input, "monitor")?,
            ust_app_uid: input.u32("application uid")?,
            blocking_timeout: BlockingTimeout::from_micros(input.i64("blocking timeout")?)?,
            root_shm_path: read_optional_path(input, "root shm path")?,
            shm_path: read_optional_path(input, "shm path")?,
        })
    }
}
