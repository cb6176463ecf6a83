//! File work in another user's name: what a session writes belongs to the user who made the session.
//!
//! LTTng's daemons keep a helper process for this (`docs/spec/consumer-protocol.md`, section 15). Linux gives each
//! thread credentials of its own, so a short-lived thread that has dropped to the user's identity does the same with
//! less: nothing to talk to, nothing to restart. The umask, which is the whole process', is left alone (see
//! [`exact`](crate::exact)).

use std::io;
use std::thread;

use rustix::process::{Gid, Uid};

/// The user and group that own what is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Identity {
    /// The identity that this process acts under.
    pub fn own() -> Self {
        Identity { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }
}

/// Does `work` with the file-system identity `who`.
///
/// When that is this process' own identity, the work is done right here. Otherwise a thread takes on the identity
/// (no supplementary groups) and ends with the work.
///
/// # Errors
/// `PermissionDenied` when this process may not act as `who`; else whatever `work` returns.
pub fn run_as<T: Send>(who: Identity, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let own = Identity::own();
    if who == own || (own.uid != 0 && who.uid == own.uid) {
        return work();
    }
    if own.uid != 0 {
        let why = format!("only root can act as uid {} (this is uid {})", who.uid, own.uid);
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    thread::scope(|scope| {
        let worker = thread::Builder::new().name("rttng-run-as".into()).spawn_scoped(scope, || {
            // Groups first: after the uid is given up, nothing else may change. These calls act on this thread only.
            rustix::thread::set_thread_groups(&[])?;
            rustix::thread::set_thread_gid(Gid::from_raw(who.gid))?;
            rustix::thread::set_thread_uid(Uid::from_raw(who.uid))?;
            work()
        })?;
        worker.join().unwrap_or_else(|_| Err(io::Error::other("work in another user's name panicked")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn own_work_is_done_as_it_is() {
        assert_eq!(run_as(Identity::own(), || Ok(7)).unwrap(), 7);
    }

    #[test]
    fn files_belong_to_the_user_in_whose_name_they_are_made() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let path = dir.path().join("theirs");
        let nobody = Identity { uid: 65534, gid: 65534 };
        let made = run_as(nobody, || std::fs::write(&path, b"x"));
        if rustix::process::geteuid().is_root() {
            made.unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().uid(), nobody.uid);
            assert!(rustix::process::geteuid().is_root(), "only the worker thread changed");
        } else {
            assert_eq!(made.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        }
    }
}
