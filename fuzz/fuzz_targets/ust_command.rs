//! What the session daemon asks of an application, as `rttng-ust` reads it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::ust::CommandReceipt;

mod feed;
use feed::feed;

fuzz_target!(|bytes: &[u8]| {
    feed(CommandReceipt::new(), bytes);
});
