//! Gives an exchange whatever bytes a peer may send, and checks that it keeps its promises about them.

use proptest::sample::Index;
use rttng_wire::{Action, Exchange};

/// More than any exchange may ask for at once.
const RECEIVE_LIMIT: usize = 64 << 20;

/// Runs an exchange on bytes from a stranger, until it ends, refuses them, or there are no more. Returns what came of
/// it, if anything, and what it sent.
pub(crate) fn feed<E: Exchange>(mut exchange: E, mut bytes: &[u8]) -> (Option<E::Outcome>, Vec<u8>) {
    let mut sent = Vec::new();
    loop {
        match exchange.next() {
            Action::Send(part) => sent.extend(part),
            Action::SendFds(count) => {
                assert!((1..=2).contains(&count), "{count} descriptors are sent");
                sent.push(0);
            }
            Action::Receive(len) => {
                assert!(len > 0 && len <= RECEIVE_LIMIT, "{len} bytes are awaited");
                let Some((part, rest)) = bytes.split_at_checked(len) else { return (None, sent) };
                bytes = rest;
                if exchange.received(part).is_err() {
                    return (None, sent);
                }
            }
            Action::ReceiveFds(count) => {
                assert!((1..=2).contains(&count), "{count} descriptors are awaited");
                let Some((_, rest)) = bytes.split_first() else { return (None, sent) };
                bytes = rest;
            }
            Action::Done(outcome) => return (Some(outcome), sent),
        }
    }
}

/// Overwrites some bytes.
pub(crate) fn mutate(bytes: &mut [u8], changes: &[(Index, u8)]) {
    if bytes.is_empty() {
        return;
    }
    for (at, value) in changes {
        let at = at.index(bytes.len());
        bytes[at] = *value;
    }
}
