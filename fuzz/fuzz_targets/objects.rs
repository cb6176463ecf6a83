//! The objects of a variable size inside requests, replies and notifications. The first byte chooses which.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use rttng_wire::client::*;
use rttng_wire::{Decode, Encode};

fn check<T: Decode + Encode + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert_eq!(T::from_bytes(&value.to_bytes()), Ok(value));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    match choice % 13 {
        0 => check::<Trigger>(bytes),
        1 => check::<ErrorQuery>(bytes),
        2 => check::<SessionDescriptor>(bytes),
        3 => check::<TraceArchiveLocation>(bytes),
        4 => check::<NotificationRequest>(bytes),
        5 => check::<NotificationReply>(bytes),
        6 => check::<Event>(bytes),
        7 => check::<EventField>(bytes),
        8 => check::<Channel>(bytes),
        9 => check::<Context>(bytes),
        10 => check::<RotationInfo>(bytes),
        11 => check::<Evaluation>(bytes),
        _ => {
            let Some((&count, bytes)) = bytes.split_first() else { return };
            let values = CapturePayload::from_bytes(bytes).values(count.into());
            if let Ok(values) = values {
                let again = CapturePayload::from_values(&values).values(count.into());
                // NaN is not equal to itself.
                assert_eq!(format!("{again:?}"), format!("{:?}", Ok::<_, rttng_wire::WireError>(values)));
            }
        }
    }
});
