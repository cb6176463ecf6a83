//! One `sendmsg`, one `recvmsg`: bytes with descriptors and credentials beside them.
//!
//! LTTng sends descriptors on one dedicated data byte, in a `sendmsg` of its own (`docs/spec/ust-protocol.md`,
//! section 4.5; `docs/spec/consumer-protocol.md`, section 3); clients attach their credentials to a request
//! (`docs/spec/client-protocol.md`, section 2).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

/// Most descriptors that one message can carry (the kernel's own limit).
pub const MOST_DESCRIPTORS: usize = 253;

/// What one `recvmsg` brought.
#[derive(Debug, Default)]
pub struct Received {
    /// Data bytes; 0 means that the peer closed its end.
    pub len: usize,
    /// The descriptors, close-on-exec, owned by the receiver.
    pub fds: Vec<OwnedFd>,
    /// The sender's credentials, if `SO_PASSCRED` is set on the receiving socket.
    pub credentials: Option<Credentials>,
}

/// Who sent a message, as the kernel vouches for it. Without the process id: a sender whose pid namespace cannot be seen
/// from here has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credentials {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// Sends `data` with `fds` beside it in one `sendmsg`; returns how many data bytes were taken.
///
/// # Errors
/// Those of `sendmsg`; `InvalidInput` for more than [`MOST_DESCRIPTORS`]. A peer that is gone is an error
/// (`BrokenPipe`), never a signal.
pub fn send(socket: impl AsFd, data: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    if fds.len() > MOST_DESCRIPTORS {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors for one message"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(fds));
    }
    loop {
        match rustix::net::sendmsg(&socket, &[IoSlice::new(data)], &mut control, SendFlags::NOSIGNAL) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

/// Receives into `data`, taking descriptors and credentials that lie beside it.
///
/// # Errors
/// Those of `recvmsg`; `InvalidData` when the control data did not fit (the descriptors that did are closed).
pub fn receive(socket: impl AsFd, data: &mut [u8]) -> io::Result<Received> {
    let mut space =
        [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS), ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        match rustix::net::recvmsg(
            &socket,
            &mut [IoSliceMut::new(data)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    let mut received = Received { len: message.bytes, ..Received::default() };
    for item in control.drain() {
        match item {
            RecvAncillaryMessage::ScmRights(fds) => received.fds.extend(fds),
            RecvAncillaryMessage::ScmCredentials(who) => {
                received.credentials = Some(Credentials { uid: who.uid.as_raw(), gid: who.gid.as_raw() });
            }
            _ => {}
        }
    }
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "descriptors beside the message were cut off",
        ));
    }
    Ok(received)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn descriptors_arrive_with_their_byte() {
        let (left, right) = UnixStream::pair().unwrap();
        let (mut far, near) = UnixStream::pair().unwrap();
        assert_eq!(send(&left, &[0], &[near.as_fd()]).unwrap(), 1);
        let mut byte = [9];
        let mut got = receive(&right, &mut byte).unwrap();
        assert_eq!((got.len, byte[0], got.fds.len()), (1, 0, 1));
        let mut passed = UnixStream::from(got.fds.pop().unwrap());
        passed.write_all(b"x").unwrap();
        let mut one = [0];
        far.read_exact(&mut one).unwrap();
        assert_eq!(&one, b"x");
    }

    #[test]
    fn a_peer_that_is_gone_is_an_error_not_a_signal() {
        let (left, right) = UnixStream::pair().unwrap();
        drop(right);
        assert_eq!(send(&left, &[0], &[]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn credentials_come_where_they_are_asked_for() {
        let (left, right) = UnixStream::pair().unwrap();
        rustix::net::sockopt::set_socket_passcred(&right, true).unwrap();
        send(&left, b"hi", &[]).unwrap();
        let mut data = [0; 2];
        let got = receive(&right, &mut data).unwrap();
        assert_eq!(got.credentials.unwrap().uid, rustix::process::geteuid().as_raw());
    }
}
