//! Whether the machine has room for a channel's ring buffers. liblttng-ctl looks before it asks the daemon, because a
//! channel that does not fit takes other programs down before it fails.

use std::thread::available_parallelism;

use rttng_wire::client::{ChannelAttributes, ErrorCode};

use crate::error::ControlError;

/// Refuses a channel whose buffers, one set for all processors, exceed the memory that is available.
pub(crate) fn check(attributes: &ChannelAttributes) -> Result<(), ControlError> {
    let cpus = available_parallelism().map_or(1, |cpus| cpus.get() as u64);
    check_against(attributes, cpus, rttng_world::memory::available())
}

fn check_against(
    attributes: &ChannelAttributes,
    cpus: u64,
    available: Option<u64>,
) -> Result<(), ControlError> {
    let (count, size) = (attributes.num_subbuf, attributes.subbuf_size);
    let refused = |code, why: String| Err(ControlError::Invalid { code, why });
    let Some(needed) = count.checked_mul(size).and_then(|bytes| bytes.checked_mul(cpus)) else {
        return refused(
            ErrorCode::Overflow,
            format!("{count} sub-buffers of {size} bytes for {cpus} processors"),
        );
    };
    match available {
        Some(available) if needed > available => refused(
            ErrorCode::Nomem,
            format!("the buffers take {needed} bytes, and {available} are available"),
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rttng_wire::client::defaults::channel_attributes;
    use rttng_wire::client::{BufferType, DomainType};

    #[test]
    fn a_channel_must_fit() {
        let mut attributes = channel_attributes(DomainType::Ust, BufferType::PerUid, 4096);
        assert!(check_against(&attributes, 4, Some(8 << 20)).is_ok());
        assert!(check_against(&attributes, 4, None).is_ok());
        assert_eq!(check_against(&attributes, 5, Some(8 << 20)).unwrap_err().code(), ErrorCode::Nomem);
        attributes.subbuf_size = 1 << 62;
        assert_eq!(check_against(&attributes, 1, None).unwrap_err().code(), ErrorCode::Overflow);
    }
}
