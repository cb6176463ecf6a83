//! Gives an exchange whatever bytes a peer may send, and checks that it asks for no more than it may.

use rttng_wire::{Action, Exchange};

/// More than any exchange may ask for at once.
const RECEIVE_LIMIT: usize = 64 << 20;

/// Runs an exchange until it ends, refuses the bytes, or there are no more.
pub(crate) fn feed<E: Exchange>(mut exchange: E, mut bytes: &[u8]) -> Option<E::Outcome> {
    loop {
        match exchange.next() {
            Action::Send(_) | Action::SendFds(_) => {}
            Action::Receive(len) => {
                assert!(len > 0 && len <= RECEIVE_LIMIT, "{len} bytes are awaited");
                let (part, rest) = bytes.split_at_checked(len)?;
                bytes = rest;
                exchange.received(part).ok()?;
            }
            Action::ReceiveFds(count) => {
                assert!((1..=2).contains(&count), "{count} descriptors are awaited");
                bytes = bytes.split_first()?.1;
            }
            Action::Done(outcome) => return Some(outcome),
        }
    }
}
