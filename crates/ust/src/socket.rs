//! The two connections to a session daemon: exact reads and writes, descriptors on a byte of their own
//! (`docs/spec/ust-protocol.md`, section 4).

use std::io::{self, ErrorKind, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::descriptor::Descriptor;
use rttng_wire::{Action, Exchange};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, Shutdown,
    SocketAddrUnix, SocketFlags, SocketType,
};

/// Most descriptors that go with a command.
const MAX_FDS: usize = 4;

/// How often a thread that waits looks whether the program has closed its socket: nothing wakes it then.
const LOOK: Duration = Duration::from_secs(5);

/// A connection. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Socket {
    descriptor: Arc<Descriptor>,
    /// Whether what is received may come at any time.
    is_patient: bool,
}

impl Socket {
    /// Connects. Sending takes at most `limit`, if there is one; receiving as long as it takes.
    pub(crate) fn connect(path: &Path, limit: Option<Duration>) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        set_socket_timeout(&socket, Timeout::Send, limit)?;
        rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
        set_socket_timeout(&socket, Timeout::Recv, Some(LOOK))?;
        Ok(Socket { descriptor: Arc::new(Descriptor::new(socket)), is_patient: true })
    }

    /// The socket itself; an error if the program closed it.
    fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        self.descriptor.get().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Bounds what is awaited from now on.
    pub(crate) fn set_receive_limit(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.is_patient = false;
        Ok(set_socket_timeout(self.fd()?, Timeout::Recv, limit)?)
    }

    /// Closes it in the child of a fork, whatever clones the parent's threads had: they do not exist there.
    pub(crate) fn close_in_child(&self) {
        self.descriptor.close();
    }

    /// Ends the connection for everybody who holds it.
    pub(crate) fn shut_down(&self) {
        if let Ok(fd) = self.fd() {
            let _ = rustix::net::shutdown(fd, Shutdown::Both);
        }
    }

    /// Sends all bytes.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::net::send(self.fd()?, rest, SendFlags::NOSIGNAL) {
                Ok(sent) => rest = &rest[sent..],
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn receive(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match rustix::net::recv(self.fd()?, &mut bytes[done..], RecvFlags::empty()) {
                Ok((0, _)) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok((received, _)) => done += received,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.is_patient => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Receives one byte and exactly so many descriptors beside it.
    fn receive_fds(&self, count: usize) -> io::Result<Vec<OwnedFd>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let message = loop {
            let into = &mut [IoSliceMut::new(&mut byte)];
            match rustix::net::recvmsg(self.fd()?, into, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.is_patient => {}
                other => break other?,
            }
        };
        let mut fds = Vec::new();
        for item in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = item {
                fds.extend(received);
            }
        }
        if message.bytes != 1 || fds.len() != count || message.flags.contains(ReturnFlags::CTRUNC) {
            return Err(io::Error::new(ErrorKind::InvalidData, "other descriptors than announced"));
        }
        Ok(fds)
    }

    /// Goes through an exchange; gives what came of it and the descriptors that came along. `may_go_on` is asked before
    /// each step.
    pub(crate) fn exchange<E: Exchange>(
        &self,
        exchange: &mut E,
        mut may_go_on: impl FnMut(&E) -> bool,
    ) -> io::Result<(E::Outcome, Vec<OwnedFd>)> {
        let damaged = |error| io::Error::new(ErrorKind::InvalidData, error);
        let mut fds = Vec::new();
        loop {
            match exchange.next() {
                Action::Send(bytes) => {
                    if !may_go_on(exchange) {
                        return Err(io::Error::new(
                            ErrorKind::InvalidData,
                            "a command for an unknown object",
                        ));
                    }
                    self.send(&bytes)?;
                }
                Action::SendFds(_) => {
                    return Err(io::Error::new(
                        ErrorKind::InvalidData,
                        "an application sends no descriptors",
                    ));
                }
                Action::Receive(len) => {
                    let mut bytes = vec![0; len];
                    self.receive(&mut bytes)?;
                    exchange.received(&bytes).map_err(damaged)?;
                }
                Action::ReceiveFds(count) => fds.extend(self.receive_fds(count)?),
                Action::Done(outcome) => return Ok((outcome, fds)),
            }
        }
    }
}
