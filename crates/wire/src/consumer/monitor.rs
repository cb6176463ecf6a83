//! The channel monitor pipe: how full a channel is, told by the consumer daemon again and again
//! (`docs/spec/consumer-protocol.md` 9).

use super::ids::ChannelKey;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Size of a sample; one write each.
pub const MONITOR_SAMPLE_LEN: usize = 32;

/// How full the streams of a channel are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorSample {
    /// The channel.
    pub key: ChannelKey,
    /// Bytes in the emptiest stream.
    pub lowest: u64,
    /// Bytes in the fullest stream.
    pub highest: u64,
    /// Bytes written to the output so far, all streams together, padding included.
    pub total_consumed: u64,
}

impl Encode for MonitorSample {
    fn encode(&self, out: &mut Writer) {
        for word in [self.key.0, self.lowest, self.highest, self.total_consumed] {
            out.u64(word);
        }
    }
}

impl Decode for MonitorSample {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(MonitorSample {
            key: ChannelKey(input.u64("channel key")?),
            lowest: input.u64("lowest")?,
            highest: input.u64("highest")?,
            total_consumed: input.u64("total consumed")?,
        })
    }
}
