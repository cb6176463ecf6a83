//! How full a channel's buffers were and what was lost in them: the answer to the one command that LTTng does not have
//! (`docs/spec/client-protocol.md`, appendix C).

use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

const NAME_SIZE: usize = 256;

/// What became of one channel of user space, over all its buffers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelUsage {
    /// The channel.
    pub name: String,
    /// Bytes that each of its buffers holds.
    pub buffer_size: u64,
    /// Bytes in the fullest of its buffers when that was fullest.
    pub fullest: u64,
    /// Events that found a full buffer.
    pub discarded_events: u64,
    /// Packets that were overwritten before they were read, or could not be written.
    pub lost_packets: u64,
    /// Packets that were cut short because an application died in the middle of an event.
    pub dead_producers: u64,
}

impl ChannelUsage {
    /// Bytes of one.
    pub const SIZE: usize = NAME_SIZE + 5 * 8;
}

impl Encode for ChannelUsage {
    fn encode(&self, out: &mut Writer) {
        text::put_fixed(out, &self.name, NAME_SIZE);
        for number in
            [self.buffer_size, self.fullest, self.discarded_events, self.lost_packets, self.dead_producers]
        {
            out.u64(number);
        }
    }
}

impl Decode for ChannelUsage {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(ChannelUsage {
            name: text::fixed_string(input, "channel_usage.name", NAME_SIZE)?,
            buffer_size: input.u64("channel_usage.buffer_size")?,
            fullest: input.u64("channel_usage.fullest")?,
            discarded_events: input.u64("channel_usage.discarded_events")?,
            lost_packets: input.u64("channel_usage.lost_packets")?,
            dead_producers: input.u64("channel_usage.dead_producers")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let usage = ChannelUsage {
            name: "channel0".into(),
            buffer_size: 1 << 20,
            fullest: 4096,
            discarded_events: 3,
            lost_packets: 2,
            dead_producers: 1,
        };
        let bytes = usage.to_bytes();
        assert_eq!(bytes.len(), ChannelUsage::SIZE);
        assert_eq!(ChannelUsage::from_bytes(&bytes), Ok(usage));
        assert!(ChannelUsage::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
}
