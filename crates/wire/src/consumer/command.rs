//! What the session daemon asks of a consumer daemon: every command, as a block of one size
//! (`docs/spec/consumer-protocol.md` 5).

use super::ask_channel::AskChannel;
use super::chunk::{CloseTraceChunk, CreateTraceChunk, TraceChunkExists};
use super::ids::{ChannelKey, RelayIndex, SessionId};
use super::kernel::{AddChannel, AddStream, StreamsSent};
use super::relay::AddRelaydSocket;
use super::small::{PushMetadata, RotateChannel, SnapshotChannel};
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Size of every block: a command and its arguments, zero-filled.
pub const BLOCK_LEN: usize = 12690;

macro_rules! command_codes {
    ($($(#[$meta:meta])* $name:ident = $code:literal),* $(,)?) => {
        /// Which command a block holds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CommandCode {
            $($(#[$meta])* $name,)*
            /// None that is known.
            Unknown(u32),
        }

        impl CommandCode {
            /// Every command that there is.
            pub const ALL: &'static [CommandCode] = &[$(CommandCode::$name),*];

            /// The number on the wire.
            pub fn code(self) -> u32 {
                match self { $(CommandCode::$name => $code,)* CommandCode::Unknown(code) => code }
            }

            /// What a number on the wire means.
            pub fn from_code(code: u32) -> Self {
                match code { $($code => CommandCode::$name,)* other => CommandCode::Unknown(other) }
            }
        }
    };
}

command_codes! {
    /// Kernel: make a channel.
    AddChannel = 0,
    /// Kernel: give a channel a stream.
    AddStream = 1,
    /// Never sent; lttng-consumerd ends the connection.
    UpdateStream = 2,
    /// Never sent; lttng-consumerd aborts.
    Stop = 3,
    /// Take a connection to a relay daemon.
    AddRelaydSocket = 4,
    /// Let a relay daemon go.
    DestroyRelayd = 5,
    /// Whether data is still to be written.
    DataPending = 6,
    /// User space: make a channel.
    AskChannelCreation = 7,
    /// User space: hand a channel's buffers over.
    GetChannel = 8,
    /// Drop a channel.
    DestroyChannel = 9,
    /// User space: take metadata text.
    PushMetadata = 10,
    /// User space: no more metadata will come.
    CloseMetadata = 11,
    /// User space: begin to write metadata.
    SetupMetadata = 12,
    /// User space: close the current packets.
    FlushChannel = 13,
    /// Write what a channel holds.
    SnapshotChannel = 14,
    /// Never sent, never answered.
    SnapshotMetadata = 15,
    /// Kernel: all streams of a channel were added.
    StreamsSent = 16,
    /// How many events were discarded.
    DiscardedEvents = 17,
    /// How many packets were lost.
    LostPackets = 18,
    /// User space: a flushed channel is written to again.
    ClearQuiescentChannel = 19,
    /// Take the pipe for monitor samples.
    SetChannelMonitorPipe = 20,
    /// Take a channel to the current chunk.
    RotateChannel = 21,
    /// The session daemon's identity.
    Init = 22,
    /// Begin a trace chunk.
    CreateTraceChunk = 23,
    /// Let a trace chunk go.
    CloseTraceChunk = 24,
    /// Whether a trace chunk is still in use.
    TraceChunkExists = 25,
    /// Forget what a channel holds.
    ClearChannel = 26,
    /// Open packets in the streams of a channel.
    OpenChannelPackets = 27,
    /// How full a channel was. Only our own consumer daemon answers; LTTng's passes over the number in silence.
    ChannelUsage = 0x7274_0001,
}

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Kernel: make a channel.
    AddChannel(AddChannel),
    /// Kernel: give a channel a stream.
    AddStream(AddStream),
    /// Never sent; lttng-consumerd ends the connection.
    UpdateStream,
    /// Never sent; lttng-consumerd aborts.
    Stop,
    /// Take a connection to a relay daemon.
    AddRelaydSocket(AddRelaydSocket),
    /// Let a relay daemon go.
    DestroyRelayd(RelayIndex),
    /// Whether data of a session is still to be written.
    DataPending(SessionId),
    /// User space: make a channel. Much larger than the others, hence boxed.
    AskChannelCreation(Box<AskChannel>),
    /// User space: hand a channel's buffers over; once.
    GetChannel(ChannelKey),
    /// Drop a channel that was not handed over.
    DestroyChannel(ChannelKey),
    /// User space: take metadata text.
    PushMetadata(PushMetadata),
    /// User space: no more metadata will come.
    CloseMetadata(ChannelKey),
    /// User space: begin to write metadata.
    SetupMetadata(ChannelKey),
    /// User space: close the current packets.
    FlushChannel(ChannelKey),
    /// Write what a channel holds.
    SnapshotChannel(SnapshotChannel),
    /// Never sent, never answered.
    SnapshotMetadata,
    /// Kernel: all streams of a channel were added.
    StreamsSent(StreamsSent),
    /// How many events of a channel were discarded.
    DiscardedEvents {
        /// The tracing session.
        session_id: SessionId,
        /// The channel.
        key: ChannelKey,
    },
    /// How many packets of a channel were lost.
    LostPackets {
        /// The tracing session.
        session_id: SessionId,
        /// The channel.
        key: ChannelKey,
    },
    /// User space: a flushed channel is written to again.
    ClearQuiescentChannel(ChannelKey),
    /// Take the pipe for monitor samples.
    SetChannelMonitorPipe,
    /// Take a channel to the current chunk.
    RotateChannel(RotateChannel),
    /// The session daemon's identity.
    Init {
        /// UUID of the session daemon.
        sessiond_uuid: [u8; 16],
    },
    /// Begin a trace chunk.
    CreateTraceChunk(CreateTraceChunk),
    /// Let a trace chunk go.
    CloseTraceChunk(CloseTraceChunk),
    /// Whether a trace chunk is still in use.
    TraceChunkExists(TraceChunkExists),
    /// Forget what a channel holds.
    ClearChannel(ChannelKey),
    /// Open packets in the streams of a channel.
    OpenChannelPackets(ChannelKey),
    /// How full a channel was; for our own consumer daemon only.
    ChannelUsage {
        /// The tracing session.
        session_id: SessionId,
        /// The channel.
        key: ChannelKey,
    },
    /// None that is known: ignored, without a reply.
    Unknown(u32),
}

/// What the session daemon sends after a good first status; a second status answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// Nothing.
    Nothing,
    /// One byte that carries so many descriptors.
    Fds(usize),
    /// So many bytes.
    Bytes(usize),
}

impl Command {
    /// Which command this is.
    pub fn code(&self) -> CommandCode {
        match self {
            Command::AddChannel(_) => CommandCode::AddChannel,
            Command::AddStream(_) => CommandCode::AddStream,
            Command::UpdateStream => CommandCode::UpdateStream,
            Command::Stop => CommandCode::Stop,
            Command::AddRelaydSocket(_) => CommandCode::AddRelaydSocket,
            Command::DestroyRelayd(_) => CommandCode::DestroyRelayd,
            Command::DataPending(_) => CommandCode::DataPending,
            Command::AskChannelCreation(_) => CommandCode::AskChannelCreation,
            Command::GetChannel(_) => CommandCode::GetChannel,
            Command::DestroyChannel(_) => CommandCode::DestroyChannel,
            Command::PushMetadata(_) => CommandCode::PushMetadata,
            Command::CloseMetadata(_) => CommandCode::CloseMetadata,
            Command::SetupMetadata(_) => CommandCode::SetupMetadata,
            Command::FlushChannel(_) => CommandCode::FlushChannel,
            Command::SnapshotChannel(_) => CommandCode::SnapshotChannel,
            Command::SnapshotMetadata => CommandCode::SnapshotMetadata,
            Command::StreamsSent(_) => CommandCode::StreamsSent,
            Command::DiscardedEvents { .. } => CommandCode::DiscardedEvents,
            Command::LostPackets { .. } => CommandCode::LostPackets,
            Command::ChannelUsage { .. } => CommandCode::ChannelUsage,
            Command::ClearQuiescentChannel(_) => CommandCode::ClearQuiescentChannel,
            Command::SetChannelMonitorPipe => CommandCode::SetChannelMonitorPipe,
            Command::RotateChannel(_) => CommandCode::RotateChannel,
            Command::Init { .. } => CommandCode::Init,
            Command::CreateTraceChunk(_) => CommandCode::CreateTraceChunk,
            Command::CloseTraceChunk(_) => CommandCode::CloseTraceChunk,
            Command::TraceChunkExists(_) => CommandCode::TraceChunkExists,
            Command::ClearChannel(_) => CommandCode::ClearChannel,
            Command::OpenChannelPackets(_) => CommandCode::OpenChannelPackets,
            Command::Unknown(code) => CommandCode::Unknown(*code),
        }
    }

    /// What the session daemon sends after a good first status.
    pub fn follows(&self) -> Follows {
        match self {
            Command::AddStream(_) | Command::AddRelaydSocket(_) | Command::SetChannelMonitorPipe => {
                Follows::Fds(1)
            }
            // Only a local trace has a directory.
            Command::CreateTraceChunk(of) if of.relay.is_none() => Follows::Fds(1),
            Command::PushMetadata(of) if of.len > 0 => Follows::Bytes(of.len as usize),
            _ => Follows::Nothing,
        }
    }
}

impl Encode for Command {
    fn encode(&self, out: &mut Writer) {
        let start = out.len();
        out.u32(self.code().code());
        self.encode_arguments(out);
        out.pad_to(start + BLOCK_LEN);
    }
}

impl Command {
    fn encode_arguments(&self, out: &mut Writer) {
        match self {
            Command::AddChannel(of) => of.encode(out),
            Command::AddStream(of) => of.encode(out),
            Command::AddRelaydSocket(of) => of.encode(out),
            Command::DestroyRelayd(index) => out.u64(index.0),
            Command::DataPending(session_id) => out.u64(session_id.0),
            Command::AskChannelCreation(of) => of.encode(out),
            Command::GetChannel(key)
            | Command::DestroyChannel(key)
            | Command::CloseMetadata(key)
            | Command::SetupMetadata(key)
            | Command::FlushChannel(key)
            | Command::ClearQuiescentChannel(key)
            | Command::ClearChannel(key)
            | Command::OpenChannelPackets(key) => out.u64(key.0),
            Command::PushMetadata(of) => of.encode(out),
            Command::SnapshotChannel(of) => of.encode(out),
            Command::StreamsSent(of) => of.encode(out),
            Command::DiscardedEvents { session_id, key }
            | Command::LostPackets { session_id, key }
            | Command::ChannelUsage { session_id, key } => {
                out.u64(session_id.0);
                out.u64(key.0);
            }
            Command::RotateChannel(of) => of.encode(out),
            Command::Init { sessiond_uuid } => out.bytes(sessiond_uuid),
            Command::CreateTraceChunk(of) => of.encode(out),
            Command::CloseTraceChunk(of) => of.encode(out),
            Command::TraceChunkExists(of) => of.encode(out),
            Command::UpdateStream
            | Command::Stop
            | Command::SnapshotMetadata
            | Command::SetChannelMonitorPipe
            | Command::Unknown(_) => {}
        }
    }
}

impl CommandCode {
    /// Which command a block holds, for those whose arguments cannot be read.
    pub fn of_block(block: &[u8]) -> Result<Self, WireError> {
        Reader::new(block).u32("command").map(CommandCode::from_code)
    }
}

impl Decode for Command {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut input = Reader::new(input.bytes("command block", BLOCK_LEN)?);
        let input = &mut input;
        let code = CommandCode::from_code(input.u32("command")?);
        let key = |input: &mut Reader<'_>| input.u64("channel key").map(ChannelKey);
        let session = |input: &mut Reader<'_>| input.u64("session id").map(SessionId);
        Ok(match code {
            CommandCode::AddChannel => Command::AddChannel(AddChannel::decode(input)?),
            CommandCode::AddStream => Command::AddStream(AddStream::decode(input)?),
            CommandCode::UpdateStream => Command::UpdateStream,
            CommandCode::Stop => Command::Stop,
            CommandCode::AddRelaydSocket => Command::AddRelaydSocket(AddRelaydSocket::decode(input)?),
            CommandCode::DestroyRelayd => Command::DestroyRelayd(RelayIndex(input.u64("relay index")?)),
            CommandCode::DataPending => Command::DataPending(session(input)?),
            CommandCode::AskChannelCreation => {
                Command::AskChannelCreation(Box::new(AskChannel::decode(input)?))
            }
            CommandCode::GetChannel => Command::GetChannel(key(input)?),
            CommandCode::DestroyChannel => Command::DestroyChannel(key(input)?),
            CommandCode::PushMetadata => Command::PushMetadata(PushMetadata::decode(input)?),
            CommandCode::CloseMetadata => Command::CloseMetadata(key(input)?),
            CommandCode::SetupMetadata => Command::SetupMetadata(key(input)?),
            CommandCode::FlushChannel => Command::FlushChannel(key(input)?),
            CommandCode::SnapshotChannel => Command::SnapshotChannel(SnapshotChannel::decode(input)?),
            CommandCode::SnapshotMetadata => Command::SnapshotMetadata,
            CommandCode::StreamsSent => Command::StreamsSent(StreamsSent::decode(input)?),
            CommandCode::DiscardedEvents => {
                Command::DiscardedEvents { session_id: session(input)?, key: key(input)? }
            }
            CommandCode::LostPackets => {
                Command::LostPackets { session_id: session(input)?, key: key(input)? }
            }
            CommandCode::ClearQuiescentChannel => Command::ClearQuiescentChannel(key(input)?),
            CommandCode::SetChannelMonitorPipe => Command::SetChannelMonitorPipe,
            CommandCode::RotateChannel => Command::RotateChannel(RotateChannel::decode(input)?),
            CommandCode::Init => Command::Init { sessiond_uuid: input.array("session daemon UUID")? },
            CommandCode::CreateTraceChunk => Command::CreateTraceChunk(CreateTraceChunk::decode(input)?),
            CommandCode::CloseTraceChunk => Command::CloseTraceChunk(CloseTraceChunk::decode(input)?),
            CommandCode::TraceChunkExists => Command::TraceChunkExists(TraceChunkExists::decode(input)?),
            CommandCode::ClearChannel => Command::ClearChannel(key(input)?),
            CommandCode::OpenChannelPackets => Command::OpenChannelPackets(key(input)?),
            CommandCode::ChannelUsage => {
                Command::ChannelUsage { session_id: session(input)?, key: key(input)? }
            }
            CommandCode::Unknown(code) => Command::Unknown(code),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments_len(command: &Command) -> usize {
        let mut out = Writer::new();
        command.encode_arguments(&mut out);
        out.len()
    }

    /// Ends of the argument structures, from the offsets in section 5.
    #[test]
    fn arguments_have_the_sizes_of_the_real_structures() {
        let key = ChannelKey(1);
        assert_eq!(arguments_len(&Command::GetChannel(key)), 8);
        assert_eq!(arguments_len(&Command::LostPackets { session_id: SessionId(0), key }), 16);
        assert_eq!(arguments_len(&Command::Init { sessiond_uuid: [0; 16] }), 16);
        let rotate = RotateChannel { metadata: false, relay: None, key };
        assert_eq!(arguments_len(&Command::RotateChannel(rotate)), 20);
        let push = PushMetadata { key, target_offset: 0, len: 0, version: 0 };
        assert_eq!(arguments_len(&Command::PushMetadata(push)), 32);
        let stream = AddStream { stream_key: 0, channel_key: key, cpu: 0, no_monitor: false };
        assert_eq!(arguments_len(&Command::AddStream(stream)), 24);
    }
}
