//! What a consumer daemon answers (`docs/spec/consumer-protocol.md` 4.2, 4.3).

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::command::CommandCode;
use super::ids::ChannelKey;
use super::status::Status;
use super::usage::ChannelUsage;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// How a command is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyKind {
    /// Not at all.
    None,
    /// With a status; with a second one if something followed.
    Status,
    /// With a [`ChannelCreated`].
    ChannelCreated,
    /// With a status, the buffers ([`ChannelTransfer`](super::ChannelTransfer)) and a second status.
    Channel,
    /// With a status and a path.
    TraceChunkClosed,
    /// With an i32 that is 0 or 1.
    DataPending,
    /// With an u64.
    Count,
    /// With a [`ChannelUsage`].
    Usage,
}

impl CommandCode {
    /// How the command is answered.
    pub fn reply_kind(self) -> ReplyKind {
        match self {
            CommandCode::UpdateStream
            | CommandCode::Stop
            | CommandCode::SnapshotMetadata
            | CommandCode::Unknown(_) => ReplyKind::None,
            CommandCode::AskChannelCreation => ReplyKind::ChannelCreated,
            CommandCode::GetChannel => ReplyKind::Channel,
            CommandCode::CloseTraceChunk => ReplyKind::TraceChunkClosed,
            CommandCode::DataPending => ReplyKind::DataPending,
            CommandCode::DiscardedEvents | CommandCode::LostPackets => ReplyKind::Count,
            CommandCode::ChannelUsage => ReplyKind::Usage,
            _ => ReplyKind::Status,
        }
    }
}

/// A channel that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelCreated {
    /// As in the request.
    pub key: ChannelKey,
    /// How many streams it has; 0 for the metadata of a snapshot session.
    pub stream_count: u32,
}

/// An answer on the command socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To most commands.
    Status(Status),
    /// To ASK_CHANNEL_CREATION.
    ChannelCreated(Result<ChannelCreated, Status>),
    /// To CLOSE_TRACE_CHUNK.
    TraceChunkClosed {
        /// How it went.
        status: Status,
        /// Where the relay daemon put it; empty for local traces.
        path: PathBuf,
    },
    /// To DATA_PENDING.
    DataPending(bool),
    /// To DISCARDED_EVENTS and LOST_PACKETS.
    Count(u64),
    /// To the question how full a channel was.
    Usage(ChannelUsage),
}

/// Size of the reply to ASK_CHANNEL_CREATION.
pub(super) const CHANNEL_CREATED_LEN: usize = 16;
/// Size of the reply to CLOSE_TRACE_CHUNK before the path.
pub(super) const CHUNK_CLOSED_HEAD_LEN: usize = 8;
/// A path with its NUL is shorter than that.
const MAX_PATH_LEN: u32 = 4096;

impl Reply {
    /// The answer that says that a command failed; `None` if the command has no answer. Where an answer has no room
    /// for a status, it says "nothing".
    pub fn failure(code: CommandCode, status: Status) -> Option<Reply> {
        match code.reply_kind() {
            ReplyKind::None => None,
            ReplyKind::Status | ReplyKind::Channel => Some(Reply::Status(status)),
            ReplyKind::ChannelCreated => Some(Reply::ChannelCreated(Err(status))),
            ReplyKind::TraceChunkClosed => Some(Reply::TraceChunkClosed { status, path: PathBuf::new() }),
            ReplyKind::DataPending => Some(Reply::DataPending(false)),
            ReplyKind::Count => Some(Reply::Count(0)),
            ReplyKind::Usage => Some(Reply::Usage(ChannelUsage::default())),
        }
    }
}

impl Encode for Reply {
    fn encode(&self, out: &mut Writer) {
        match self {
            Reply::Status(status) => status.encode(out),
            Reply::ChannelCreated(Ok(created)) => {
                Status::Success.encode(out);
                out.u64(created.key.0);
                out.u32(created.stream_count);
            }
            Reply::ChannelCreated(Err(status)) => {
                status.encode(out);
                out.zeros(12);
            }
            Reply::TraceChunkClosed { status, path } => {
                let path = path.as_os_str().as_bytes();
                let path = &path[..path.len().min(MAX_PATH_LEN as usize - 2)];
                status.encode(out);
                out.u32(path.len() as u32 + 1);
                out.bytes(path);
                out.u8(0);
            }
            Reply::DataPending(pending) => out.i32(i32::from(*pending)),
            Reply::Count(count) => out.u64(*count),
            Reply::Usage(usage) => usage.encode(out),
        }
    }
}

impl Decode for ChannelCreated {
    /// The part behind a good status.
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let key = ChannelKey(input.u64("channel key")?);
        Ok(ChannelCreated { key, stream_count: input.u32("stream count")? })
    }
}

/// Reads the length of the path, with its NUL, in the reply to CLOSE_TRACE_CHUNK.
pub(super) fn read_path_len(input: &mut Reader<'_>) -> Result<usize, WireError> {
    match input.u32("path length")? {
        0 => Err(WireError::BadValue { field: "path length", value: 0 }),
        len if len < MAX_PATH_LEN => Ok(len as usize),
        len => {
            let limit = u64::from(MAX_PATH_LEN - 1);
            Err(WireError::TooLarge { field: "path length", value: u64::from(len), limit })
        }
    }
}

pub(super) fn read_path(bytes: &[u8]) -> Result<PathBuf, WireError> {
    let path = Reader::new(bytes).fixed_text("path", bytes.len())?;
    Ok(Path::new(std::ffi::OsStr::from_bytes(path)).to_owned())
}
