//! The arguments of PUSH_METADATA, SNAPSHOT_CHANNEL and ROTATE_CHANNEL (`docs/spec/consumer-protocol.md` 5.4).

use std::path::PathBuf;

use super::field::{read_bool32, read_path, write_bool32, write_path};
use super::ids::{ChannelKey, RelayIndex};
use super::metadata::MAX_METADATA_LEN;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// PUSH_METADATA: more metadata text of a channel; it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushMetadata {
    /// The metadata channel.
    pub key: ChannelKey,
    /// Where the text belongs in the whole.
    pub target_offset: u64,
    /// Bytes of text that follow.
    pub len: u32,
    /// Which writing of the metadata this is; a new one makes the old text void.
    pub version: u64,
}

impl Encode for PushMetadata {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.key.0);
        out.u64(self.target_offset);
        out.u64(self.len.into());
        out.u64(self.version);
    }
}

impl Decode for PushMetadata {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let key = ChannelKey(input.u64("metadata key")?);
        let target_offset = input.u64("metadata offset")?;
        let len = match input.u64("metadata length")? {
            len if len <= MAX_METADATA_LEN as u64 => len as u32,
            value => {
                let limit = MAX_METADATA_LEN as u64;
                return Err(WireError::TooLarge { field: "metadata length", value, limit });
            }
        };
        Ok(PushMetadata { key, target_offset, len, version: input.u64("metadata version")? })
    }
}

/// SNAPSHOT_CHANNEL: write what a channel holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotChannel {
    /// Directory of the stream files, relative to the domain directory of the chunk.
    pub pathname: PathBuf,
    /// The relay daemon that the snapshot goes to; local without it.
    pub relay: Option<RelayIndex>,
    /// Whether it is a metadata channel.
    pub metadata: bool,
    /// The channel.
    pub key: ChannelKey,
    /// How many of the newest packets of each stream; 0: all.
    pub nb_packets_per_stream: u64,
}

impl Encode for SnapshotChannel {
    fn encode(&self, out: &mut Writer) {
        write_path(out, &self.pathname);
        write_bool32(out, self.relay.is_some());
        write_bool32(out, self.metadata);
        out.u64(RelayIndex::to_wire(self.relay));
        out.u64(self.key.0);
        out.u64(self.nb_packets_per_stream);
    }
}

impl Decode for SnapshotChannel {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let pathname = read_path(input, "pathname")?;
        // Only informative; the index decides.
        read_bool32(input, "use relay")?;
        let metadata = read_bool32(input, "metadata")?;
        let relay = RelayIndex::from_wire(input.u64("relay index")?);
        let key = ChannelKey(input.u64("channel key")?);
        let nb_packets_per_stream = input.u64("packets per stream")?;
        Ok(SnapshotChannel { pathname, relay, metadata, key, nb_packets_per_stream })
    }
}

/// ROTATE_CHANNEL: a channel's streams go to the current chunk, or out of it if they are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateChannel {
    /// Whether it is a metadata channel.
    pub metadata: bool,
    /// The relay daemon that the trace goes to; local without it.
    pub relay: Option<RelayIndex>,
    /// The channel.
    pub key: ChannelKey,
}

impl Encode for RotateChannel {
    fn encode(&self, out: &mut Writer) {
        write_bool32(out, self.metadata);
        out.u64(RelayIndex::to_wire(self.relay));
        out.u64(self.key.0);
    }
}

impl Decode for RotateChannel {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let metadata = read_bool32(input, "metadata")?;
        let relay = RelayIndex::from_wire(input.u64("relay index")?);
        Ok(RotateChannel { metadata, relay, key: ChannelKey(input.u64("channel key")?) })
    }
}
