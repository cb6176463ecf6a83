//! Requests of a client to the session daemon: read as a server reads them, and written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::client::{Progress, Request, RequestFrame};
use rttng_wire::{Decode, Encode};

fuzz_target!(|bytes: &[u8]| {
    match RequestFrame::progress(bytes) {
        Ok(Progress::Needs(missing)) => {
            assert!(missing > 0 && bytes.len() + missing <= RequestFrame::SIZE_MAX)
        }
        Ok(Progress::Complete { size, .. }) => {
            let request = Request::from_bytes(&bytes[..size]).expect("a complete request has a header");
            if let Ok(command) = request.command {
                let again = Request::from_bytes(&command.to_bytes()).expect("what was written is complete");
                assert_eq!(again.command, Ok(command));
            }
        }
        Err(refusal) => drop(refusal.to_string()),
    }
});
