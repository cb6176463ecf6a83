//! The commands about trace chunks (`docs/spec/consumer-protocol.md` 5.4, 6.3 to 6.5).

use super::field::{read_optional, write_optional};
use super::ids::{ChunkId, RelayIndex, SessionId};
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Size of the field for a chunk's own name.
const OVERRIDE_NAME_LEN: usize = 255;

/// As whom files are touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// CREATE_TRACE_CHUNK: from now on the session's channels are in that chunk. For a local trace the domain's directory
/// follows as a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTraceChunk {
    /// The relay daemon that the trace goes to; local without it.
    pub relay: Option<RelayIndex>,
    /// A name other than the default, for the relay daemon.
    pub override_name: Option<String>,
    /// The tracing session.
    pub session_id: SessionId,
    /// The chunk.
    pub chunk_id: ChunkId,
    /// When it was created, in seconds since 1970; never 0.
    pub creation_timestamp_s: u64,
    /// As whom its files are made.
    pub credentials: Option<Credentials>,
}

impl Encode for CreateTraceChunk {
    fn encode(&self, out: &mut Writer) {
        write_optional(out, self.relay.map(|index| index.0));
        out.fixed_text(self.override_name.as_deref().unwrap_or("").as_bytes(), OVERRIDE_NAME_LEN);
        out.u64(self.session_id.0);
        out.u64(self.chunk_id.0);
        out.u64(self.creation_timestamp_s);
        out.u8(u8::from(self.credentials.is_some()));
        out.u32(self.credentials.map_or(0, |of| of.uid));
        out.u32(self.credentials.map_or(0, |of| of.gid));
    }
}

impl Decode for CreateTraceChunk {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let relay = read_optional(input, "relay index")?.map(RelayIndex);
        let override_name = input.fixed_str("override name", OVERRIDE_NAME_LEN)?;
        let override_name = (!override_name.is_empty()).then(|| override_name.to_owned());
        let session_id = SessionId(input.u64("session id")?);
        let chunk_id = ChunkId(input.u64("chunk id")?);
        let creation_timestamp_s = input.u64("creation timestamp")?;
        let has_credentials = input.bool8("credentials")?;
        let credentials = Credentials { uid: input.u32("uid")?, gid: input.u32("gid")? };
        let credentials = has_credentials.then_some(credentials);
        Ok(CreateTraceChunk { relay, override_name, session_id, chunk_id, creation_timestamp_s, credentials })
    }
}

codes! {
    /// What becomes of a chunk when its last stream has left it. "Nothing" is sent as no command at all.
    pub enum CloseCommand: u32, "close command" {
        /// It is moved among the completed ones (by the session daemon).
        MoveToCompleted = 0,
        /// Its files are deleted.
        Delete = 2,
    }
}

/// CLOSE_TRACE_CHUNK: the session daemon lets go of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseTraceChunk {
    /// The relay daemon that the trace goes to; local without it.
    pub relay: Option<RelayIndex>,
    /// The tracing session.
    pub session_id: SessionId,
    /// The chunk.
    pub chunk_id: ChunkId,
    /// When it was closed, in seconds since 1970.
    pub close_timestamp_s: u64,
    /// What becomes of it.
    pub close_command: Option<CloseCommand>,
}

impl Encode for CloseTraceChunk {
    fn encode(&self, out: &mut Writer) {
        write_optional(out, self.relay.map(|index| index.0));
        out.u64(self.session_id.0);
        out.u64(self.chunk_id.0);
        out.u64(self.close_timestamp_s);
        out.u8(u8::from(self.close_command.is_some()));
        out.u32(self.close_command.map_or(0, CloseCommand::code));
    }
}

impl Decode for CloseTraceChunk {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let relay = read_optional(input, "relay index")?.map(RelayIndex);
        let session_id = SessionId(input.u64("session id")?);
        let chunk_id = ChunkId(input.u64("chunk id")?);
        let close_timestamp_s = input.u64("close timestamp")?;
        let has_command = input.bool8("close command")?;
        let close_command = input.u32("close command")?;
        let close_command = if has_command { Some(CloseCommand::from_code(close_command)?) } else { None };
        Ok(CloseTraceChunk { relay, session_id, chunk_id, close_timestamp_s, close_command })
    }
}

/// TRACE_CHUNK_EXISTS: whether a stream is still in that chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceChunkExists {
    /// The relay daemon that the trace goes to; local without it.
    pub relay: Option<RelayIndex>,
    /// The tracing session.
    pub session_id: SessionId,
    /// The chunk.
    pub chunk_id: ChunkId,
}

impl Encode for TraceChunkExists {
    fn encode(&self, out: &mut Writer) {
        write_optional(out, self.relay.map(|index| index.0));
        out.u64(self.session_id.0);
        out.u64(self.chunk_id.0);
    }
}

impl Decode for TraceChunkExists {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let relay = read_optional(input, "relay index")?.map(RelayIndex);
        let session_id = SessionId(input.u64("session id")?);
        Ok(TraceChunkExists { relay, session_id, chunk_id: ChunkId(input.u64("chunk id")?) })
    }
}
