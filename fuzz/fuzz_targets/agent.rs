//! The agent protocol: registrations, commands, answers. The first byte chooses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::agent::{AgentRegistration, Command, CommandExchange, CommandReceipt, ReceivedCommand};
use rttng_wire::{Decode, Encode};

mod feed;
use feed::feed;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    match choice % 4 {
        0 => {
            if let Ok(registration) = AgentRegistration::from_bytes(bytes) {
                assert_eq!(registration.to_bytes(), bytes);
            }
        }
        1 => {
            if let Some(ReceivedCommand::Command(command)) = feed(CommandReceipt::new(), bytes) {
                let again = feed(CommandReceipt::new(), &command.to_bytes());
                assert_eq!(again, Some(ReceivedCommand::Command(command)));
            }
        }
        2 => drop(feed(CommandExchange::new(&Command::List), bytes)),
        _ => drop(feed(CommandExchange::new(&Command::Disable { name: "a".into() }), bytes)),
    }
});
