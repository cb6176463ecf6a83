//! The health socket (`docs/spec/consumer-protocol.md`, section 14).

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rttng_wire::health::{HealthCheck, HealthState};
use rttng_wire::{Decode, Encode};
use rustix::fs::Mode;

/// A peer that asks nothing for so long is dropped.
const PATIENCE: Duration = Duration::from_secs(1);
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
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(0), Some(group_id(group).unwrap_or(0)))?;
            rustix::fs::chmod(&path, Mode::from_raw_mode(SOCKET_MODE))?;
        }
        std::thread::Builder::new().name("rttng-health".into()).spawn(move || {
            for peer in listener.incoming() {
                match peer {
                    Ok(peer) => drop(answer(peer)),
                    // Out of descriptors, for one: it passes.
                    Err(_) => std::thread::sleep(PATIENCE),
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

/// No thread of ours can hang on another, and one that panics ends the daemon: whoever answers at all is well.
fn answer(mut peer: UnixStream) -> io::Result<()> {
    peer.set_read_timeout(Some(PATIENCE))?;
    peer.set_write_timeout(Some(PATIENCE))?;
    let mut question = [0; HealthCheck::SIZE];
    peer.read_exact(&mut question)?;
    match HealthCheck::from_bytes(&question) {
        Ok(HealthCheck) => peer.write_all(&HealthState::good().to_bytes()),
        Err(_) => Ok(()),
    }
}

/// The number of a group, from the system's list.
fn group_id(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string(Path::new("/etc/group")).ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_answered_and_a_silent_peer_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("health");
        let socket = HealthSocket::serve(path.clone(), "no such group").unwrap();
        let _silent = UnixStream::connect(&path).unwrap();
        let mut peer = UnixStream::connect(&path).unwrap();
        peer.write_all(&[0; 4]).unwrap();
        let mut reply = Vec::new();
        peer.read_to_end(&mut reply).unwrap();
        assert_eq!(reply, [0; 8]);
        drop(socket);
        assert!(!path.exists());
    }
}
