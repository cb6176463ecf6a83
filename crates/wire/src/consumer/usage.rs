//! How full a channel's buffers were: the answer to the one command that only our own consumer daemon knows
//! (`docs/spec/consumer-protocol.md`, section 20).

use crate::{Decode, Encode, Reader, WireError, Writer};

/// What became of the buffers of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelUsage {
    /// Bytes in the fullest stream when it was fullest.
    pub fullest: u64,
    /// Packets that were cut short because an application died in the middle of an event.
    pub dead_producers: u64,
}

impl ChannelUsage {
    /// Size of the answer.
    pub const LEN: usize = 16;

    /// Adds what became of other buffers of the channel.
    pub fn add(&mut self, other: ChannelUsage) {
        self.fullest = self.fullest.max(other.fullest);
        self.dead_producers = self.dead_producers.saturating_add(other.dead_producers);
    }
}

impl Encode for ChannelUsage {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.fullest);
        out.u64(self.dead_producers);
    }
}

impl Decode for ChannelUsage {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(ChannelUsage { fullest: input.u64("fullest")?, dead_producers: input.u64("dead producers")? })
    }
}
