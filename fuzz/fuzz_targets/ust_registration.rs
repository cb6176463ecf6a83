//! The first record of an application: read as the session daemon does, and written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::ust::Registration;
use rttng_wire::{Decode, Encode};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(registration) = Registration::from_bytes(bytes) {
        assert_eq!(Registration::from_bytes(&registration.to_bytes()), Ok(registration));
    }
});
