//! The health socket (`docs/spec/consumer-protocol.md`, section 14).

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rttng_wire::health::{HealthCheck, HealthState};
use rttng_wire::{Decode, Encode};
use rttng_world::accounts;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::Mode;

/// A peer that asks nothing for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(1);
/// Peers that may take their time at once; further ones push the oldest out.
const MOST: usize = 16;
const SOCKET_MODE: u32 = 0o660;

/// The socket, removed with this value.
#[derive(Debug)]
pub(crate) struct HealthSocket {
    path: PathBuf,
}

impl HealthSocket {
    /// Serves health checks on `path`, for root and `group`.
    pub(crate) fn serve(path: PathBuf, group: &str) -> io::Result<Self> {
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(0), Some(accounts::group_id(group).unwrap_or(0)))?;
            rustix::fs::chmod(&path, Mode::from_raw_mode(SOCKET_MODE))?;
        }
        std::thread::Builder::new().name("rttng-health".into()).spawn(move || {
            let mut desk = Desk { listener, peers: VecDeque::new() };
            loop {
                if desk.turn().is_err() {
                    // Out of descriptors, for one: it passes.
                    std::thread::sleep(PATIENCE);
                }
            }
        })?;
        Ok(HealthSocket { path })
    }
}

impl Drop for HealthSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Those who have connected, oldest first.
struct Desk {
    listener: UnixListener,
    peers: VecDeque<Peer>,
}

struct Peer {
    socket: UnixStream,
    since: Instant,
    /// The part of the question that has come.
    asked: Vec<u8>,
}

impl Desk {
    /// Sleeps until somebody has something to say, or was silent for too long.
    fn turn(&mut self) -> io::Result<()> {
        let timeout = self.peers.front().map(|oldest| PATIENCE.saturating_sub(oldest.since.elapsed()));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let sockets = self.peers.iter().map(|peer| peer.socket.as_fd());
        let mut fds: Vec<_> = std::iter::once(self.listener.as_fd())
            .chain(sockets)
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let is_new = !fds[0].revents().is_empty();
        self.peers.retain_mut(|peer| peer.is_due() && peer.since.elapsed() < PATIENCE);
        if is_new {
            let (socket, _) = match self.listener.accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                accepted => accepted?,
            };
            socket.set_nonblocking(true)?;
            if self.peers.len() == MOST {
                self.peers.pop_front();
            }
            self.peers.push_back(Peer { socket, since: Instant::now(), asked: Vec::new() });
        }
        Ok(())
    }
}

impl Peer {
    /// Reads what has come and answers a whole question; whether there is more to wait for.
    fn is_due(&mut self) -> bool {
        let mut part = [0; HealthCheck::SIZE];
        let missing = HealthCheck::SIZE - self.asked.len();
        match self.socket.read(&mut part[..missing]) {
            Ok(0) => return false,
            Ok(len) => self.asked.extend_from_slice(&part[..len]),
            Err(error) => {
                return matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            }
        }
        if self.asked.len() < HealthCheck::SIZE {
            return true;
        }
        // No thread of ours can hang on another, and one that panics ends the daemon: whoever answers at all is well.
        if HealthCheck::from_bytes(&self.asked).is_ok() {
            // The answer fits into any socket; a peer that left does not need it.
            let _ = self.socket.write_all(&HealthState::good().to_bytes());
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_answered_and_silent_peers_hold_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("health");
        let socket = HealthSocket::serve(path.clone(), "no such group").unwrap();
        let mut silent: Vec<_> = (0..100).map(|_| UnixStream::connect(&path).unwrap()).collect();
        silent[99].write_all(&[0; 2]).unwrap();
        let begun = Instant::now();
        let mut peer = UnixStream::connect(&path).unwrap();
        peer.write_all(&[0; 4]).unwrap();
        let mut reply = Vec::new();
        peer.read_to_end(&mut reply).unwrap();
        assert_eq!(reply, [0; 8]);
        assert!(begun.elapsed() < 50 * PATIENCE, "nobody waits for each of those before");
        for mut peer in silent {
            assert!(!matches!(peer.read_to_end(&mut reply), Ok(8..)), "who asks nothing hears nothing");
        }
        drop(socket);
        assert!(!path.exists());
    }
}
