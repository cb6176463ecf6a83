//! Session daemon ⇄ consumer daemon (`docs/spec/consumer-protocol.md`), both ends.
//!
//! On the command socket the session daemon sends a [`Command`], as a [`CommandExchange`] that ends in an [`Answer`]
//! or a [`Failure`]; the consumer daemon reads a block of [`BLOCK_LEN`] bytes, decodes it, answers with a [`Reply`]
//! and takes what [`Command::follows`] says. The buffers of a channel come back as a [`ChannelTransfer`]. On the
//! metadata socket the consumer daemon asks ([`MetadataPull`]) and the session daemon answers
//! ([`MetadataAnswer::exchange`]). The error socket carries a [`Status`] alone, the monitor pipe a [`MonitorSample`].
//!
//! The health socket is that of [`health`](crate::health).
//!
//! Both daemons must be of the same release: there is one dialect, that of 2.13.

mod ask_channel;
mod chunk;
mod command;
mod exchange;
mod field;
mod ids;
mod kernel;
mod metadata;
mod monitor;
mod relay;
mod reply;
mod small;
mod status;
mod transfer;
mod usage;

pub use ask_channel::{AskChannel, BlockingTimeout, BufferMode, ChannelKind};
pub use chunk::{CloseCommand, CloseTraceChunk, CreateTraceChunk, Credentials, TraceChunkExists};
pub use command::{BLOCK_LEN, Command, CommandCode, Follows};
pub use exchange::{Answer, CommandExchange, Failure, TraceChunkPresence};
pub use ids::{ChannelKey, ChunkId, RegistryId, RelayIndex, RelaySessionId, SessionId};
pub use kernel::{AddChannel, AddStream, KernelChannelKind, Output, StreamsSent};
pub use metadata::{
    MAX_METADATA_LEN, METADATA_REQUEST_LEN, MetadataAnswer, MetadataPull, MetadataRequest, Pulled,
};
pub use monitor::{MONITOR_SAMPLE_LEN, MonitorSample};
pub use relay::{AddRelaydSocket, RelaySocketKind};
pub use reply::{ChannelCreated, Reply, ReplyKind};
pub use small::{PushMetadata, RotateChannel, SnapshotChannel};
pub use status::Status;
pub use transfer::{ChannelObject, ChannelTransfer, MAX_STREAMS, StreamObject};
pub use usage::ChannelUsage;
