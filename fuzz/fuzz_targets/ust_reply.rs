//! An application's answers to a command, and a session daemon's to a registration. The first byte chooses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::ust::{Command, CommandExchange, Counter, Dialect, NotifyAnswer, Reply, Request};
use rttng_wire::{Decode, Encode};

mod feed;
use feed::feed;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let command = match choice % 7 {
        0 => Command::TracerVersion,
        1 => Command::TracepointListGet,
        2 => Command::TracepointFieldListGet,
        3 => Command::EventNotifierGroupCreate,
        4 => Command::Counter(Counter::of_errors(16)),
        5 => {
            if let Ok(answer) = NotifyAnswer::from_bytes(bytes) {
                assert_eq!(NotifyAnswer::from_bytes(&answer.to_bytes()), Ok(answer));
            }
            return;
        }
        _ => Command::Enable,
    };
    if let Ok(reply) = Reply::from_bytes(bytes) {
        assert_eq!(Reply::from_bytes(&reply.to_bytes()), Ok(reply));
    }
    feed(CommandExchange::new(Dialect::Abi9, &Request::root(command)).unwrap(), bytes);
});
