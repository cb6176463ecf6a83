//! An exchange with a peer, as a machine that does no I/O: it says what to send and what to await, one [`Action`]
//! at a time, and the shell around it does just that.
//!
//! ```text
//! loop {
//!     match exchange.next() {
//!         Action::Send(bytes) => write_all(bytes),
//!         Action::SendFds(count) => sendmsg(&[0], SCM_RIGHTS: the next `count` descriptors),
//!         Action::Receive(len) => exchange.received(&read_exact(len))?,
//!         Action::ReceiveFds(count) => keep(recvmsg(1 byte, exactly `count` descriptors)),
//!         Action::Done(outcome) => break outcome,
//!     }
//! }
//! ```
//!
//! Descriptors never pass through the machine; the shell hands them out, or collects them, in order.

use crate::WireError;

/// What to do next in an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Action<T> {
    /// Write all of these bytes. They may share a write with what comes before, never with a descriptor message.
    Send(Vec<u8>),
    /// Send one byte of value 0, in a message of its own, that carries the next so many descriptors
    /// (`docs/spec/ust-protocol.md` 4.5).
    SendFds(usize),
    /// Read exactly so many bytes (never 0) and give them to [`Exchange::received`].
    Receive(usize),
    /// Read exactly one byte that carries exactly so many descriptors; nothing else is told to the machine.
    ReceiveFds(usize),
    /// The exchange is over, and this came of it. Said once.
    Done(T),
}

/// The machine of one exchange.
pub trait Exchange {
    /// What comes of it.
    type Outcome;

    /// What to do next. Must not be called again after [`Action::Done`], nor between [`Action::Receive`] and
    /// [`Exchange::received`].
    ///
    /// # Panics
    /// If it is called when it must not be.
    fn next(&mut self) -> Action<Self::Outcome>;

    /// Takes the bytes that the last [`Action::Receive`] asked for. An error means that the two sides no longer
    /// understand each other: the connection cannot be kept.
    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError>;
}
