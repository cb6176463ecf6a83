//! One connection to the session daemon: bytes and descriptors out with our credentials, bytes and descriptors back, and
//! a deadline over all of it (`docs/spec/client-protocol.md` §2).

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, UCred,
};

use crate::error::ControlError;

/// Most descriptors that one message carries.
const FDS_MAX: usize = 253;

/// A connection that carries one command, or the messages of a notification channel.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: UnixStream,
    deadline: Instant,
    bound: Duration,
    fds: Vec<OwnedFd>,
}

impl Connection {
    /// Takes over a fresh connection, whose command may take as long as `bound`.
    pub(crate) fn new(socket: UnixStream, bound: Duration) -> Self {
        Connection { socket, deadline: Instant::now() + bound, bound, fds: Vec::new() }
    }

    /// Allows as much time again from now on.
    pub(crate) fn extend(&mut self, bound: Duration) {
        self.deadline = Instant::now() + bound;
        self.bound = bound;
    }

    /// Sends the fixed part of a request with our credentials, then the payload, then the descriptors.
    ///
    /// A daemon that refuses a command early answers and closes before it has read everything. That is not an error
    /// here: the answer is there to be read.
    pub(crate) fn send(
        &mut self,
        head: &[u8],
        payload: &[u8],
        fds: &[BorrowedFd<'_>],
    ) -> Result<(), ControlError> {
        let me = UCred {
            pid: rustix::process::getpid(),
            uid: rustix::process::geteuid(),
            gid: rustix::process::getegid(),
        };
        let sent = (|| {
            self.send_all(head, SendAncillaryMessage::ScmCredentials(me))?;
            if !payload.is_empty() {
                self.send_all(payload, None)?;
            }
            if !fds.is_empty() {
                self.send_all(&[0], SendAncillaryMessage::ScmRights(fds))?;
            }
            Ok(())
        })();
        match sent {
            Err(Errno::PIPE | Errno::CONNRESET) => Ok(()),
            Err(Errno::AGAIN) => Err(ControlError::TimedOut(self.bound)),
            Err(error) => Err(ControlError::Disconnected(Some(error.into()))),
            Ok(()) => Ok(()),
        }
    }

    /// Sends all of `bytes`; the ancillary message goes with the first of them.
    fn send_all<'a>(
        &self,
        mut bytes: &[u8],
        ancillary: impl Into<Option<SendAncillaryMessage<'a, 'a>>>,
    ) -> rustix::io::Result<()> {
        let mut ancillary = ancillary.into();
        while !bytes.is_empty() {
            self.arm().map_err(|_| Errno::AGAIN)?;
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX), ScmCredentials(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if let Some(message) = ancillary.take()
                && !control.push(message)
            {
                return Err(Errno::TOOMANYREFS);
            }
            match rustix::net::sendmsg(
                &self.socket,
                &[IoSlice::new(bytes)],
                &mut control,
                SendFlags::NOSIGNAL,
            ) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads some bytes, at most as many as `buffer` holds, and keeps descriptors that came along. 0 is the end.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, ControlError> {
        loop {
            self.arm()?;
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX), ScmCredentials(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let received = rustix::net::recvmsg(
                &self.socket,
                &mut [IoSliceMut::new(buffer)],
                &mut control,
                RecvFlags::CMSG_CLOEXEC,
            );
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(fds) = message {
                    self.fds.extend(fds);
                }
            }
            match received {
                Ok(message) => return Ok(message.bytes),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(ControlError::TimedOut(self.bound)),
                Err(error) => return Err(ControlError::Disconnected(Some(error.into()))),
            }
        }
    }

    /// Waits until there is something to read, or the peer is gone, but no longer than `time`.
    pub(crate) fn is_readable_within(&self, time: Duration) -> Result<bool, ControlError> {
        if Instant::now() >= self.deadline {
            return Err(ControlError::TimedOut(self.bound));
        }
        let mut watched = [PollFd::new(&self.socket, PollFlags::IN)];
        let time = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        match rustix::event::poll(&mut watched, Some(&time)) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(ControlError::Disconnected(Some(error.into()))),
        }
    }

    /// The descriptors that came, in their order.
    pub(crate) fn take_fds(&mut self) -> Vec<OwnedFd> {
        std::mem::take(&mut self.fds)
    }

    /// Bounds the next system call by what is left of the time.
    fn arm(&self) -> Result<(), ControlError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ControlError::TimedOut(self.bound));
        }
        let set =
            self.socket.set_read_timeout(Some(left)).and_then(|()| self.socket.set_write_timeout(Some(left)));
        set.map_err(|error: io::Error| {
            debug_assert_ne!(error.kind(), ErrorKind::InvalidInput);
            ControlError::Disconnected(Some(error))
        })
    }
}
