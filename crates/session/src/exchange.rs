//! Drives an exchange of `rttng_wire` over a [`Link`]: the machine says what to send and what to await, this does it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rttng_wire::{Action, Exchange};

use crate::link::{self, Link};

/// Runs `exchange` to its end. `outgoing` are the descriptors that it sends, in order; those that it receives are
/// returned in order.
///
/// # Errors
/// Those of the link; `InvalidData` when the peer says something that cannot be followed. The link is of no use then.
pub async fn drive<E: Exchange>(
    link: &dyn Link,
    exchange: &mut E,
    outgoing: &[OwnedFd],
) -> io::Result<(E::Outcome, Vec<OwnedFd>)> {
    let mut outgoing = outgoing.iter();
    let mut incoming = Vec::new();
    loop {
        match exchange.next() {
            Action::Send(bytes) => link::send(link, &bytes).await?,
            Action::SendFds(count) => {
                let fds: Vec<BorrowedFd<'_>> = outgoing.by_ref().take(count).map(AsFd::as_fd).collect();
                assert_eq!(fds.len(), count, "the caller gives the descriptors that the exchange sends");
                link::send_descriptors(link, &fds).await?;
            }
            Action::Receive(len) => {
                let mut bytes = vec![0; len];
                link::receive(link, &mut bytes).await?;
                exchange
                    .received(&bytes)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            Action::ReceiveFds(count) => incoming.extend(link::receive_descriptors(link, count).await?),
            Action::Done(outcome) => return Ok((outcome, incoming)),
        }
    }
}
