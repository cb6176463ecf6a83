//! A connection with the session daemon: whole blocks, and descriptors on a byte of their own
//! (`docs/spec/consumer-protocol.md`, section 3).

use std::io::{self, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rttng_wire::{Action, Exchange};
use rttng_world::fds;

/// One of the session daemon's two connections.
#[derive(Debug)]
pub(crate) struct Link {
    socket: UnixStream,
}

impl Link {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Link { socket }
    }

    /// Gives up on a peer that leaves us waiting for so long; the connection is of no use then.
    pub(crate) fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.socket.set_read_timeout(Some(patience))?;
        self.socket.set_write_timeout(Some(patience))
    }

    /// Writes a whole message.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// Sends one byte that carries descriptors.
    pub(crate) fn send_fds(&mut self, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        match fds::send(&self.socket, &[0], fds)? {
            1 => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// Reads a whole block; `false` if the peer closed the connection instead, also within the block.
    pub(crate) fn receive(&mut self, block: &mut [u8]) -> io::Result<bool> {
        match self.socket.read_exact(block) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads the byte that carries one descriptor. With `InvalidData`, the byte came without it (there may be none left in
    /// this process), and the connection goes on.
    pub(crate) fn receive_fd(&mut self) -> io::Result<OwnedFd> {
        let mut byte = [0];
        let mut received = fds::receive(&self.socket, &mut byte)?;
        match (received.len, received.fds.len()) {
            (1, 1) => Ok(received.fds.remove(0)),
            (0, _) => Err(io::ErrorKind::UnexpectedEof.into()),
            (_, count) => {
                let why = format!("{count} descriptors came where one was due");
                Err(io::Error::new(io::ErrorKind::InvalidData, why))
            }
        }
    }

    /// Ends both directions, whoever else holds the socket.
    pub(crate) fn shutdown(&self) {
        // One that the peer has closed is as good.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }

    /// Carries out an exchange in which we send descriptors, in order, and receive none.
    pub(crate) fn exchange<E: Exchange>(
        &mut self,
        mut exchange: E,
        mut fds: &[BorrowedFd<'_>],
    ) -> io::Result<E::Outcome> {
        let lie = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        loop {
            match exchange.next() {
                Action::Send(bytes) => self.send(&bytes)?,
                Action::SendFds(count) => {
                    let (now, later) = fds.split_at_checked(count).ok_or(io::ErrorKind::InvalidInput)?;
                    self.send_fds(now)?;
                    fds = later;
                }
                Action::Receive(len) => {
                    let mut bytes = vec![0; len];
                    if !self.receive(&mut bytes)? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    exchange.received(&bytes).map_err(lie)?;
                }
                Action::ReceiveFds(_) => return Err(io::ErrorKind::InvalidData.into()),
                Action::Done(outcome) => return Ok(outcome),
            }
        }
    }
}
