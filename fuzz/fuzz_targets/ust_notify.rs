//! What applications ask of the session daemon, and what they write to the notification pipe. The first byte chooses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::ust::{Dialect, NotificationReceipt, NotifyReceipt};

mod feed;
use feed::feed;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let dialect = if choice % 3 == 1 { Dialect::Abi8 { minor: 1 } } else { Dialect::Abi9 };
    if choice % 3 == 2 {
        feed(NotificationReceipt::new(), bytes);
    } else if let Some(Ok(request)) = feed(NotifyReceipt::new(dialect), bytes) {
        // Every tree can be said in the reference dialect.
        let again = request.to_bytes(Dialect::Abi9).unwrap();
        assert_eq!(feed(NotifyReceipt::new(Dialect::Abi9), &again), Some(Ok(request)));
    }
});
