//! Where the session daemon listens, and whether anybody is there (`docs/spec/client-protocol.md` §1).
//!
//! Root uses the global socket only. Others use it if they are members of the tracing group and it answers, and else the
//! private one in their home directory. A socket file whose daemon is gone is recognised, so that a person reads why
//! nothing is recorded instead of guessing.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rttng_world::accounts;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// The run directory of a session daemon that root started.
pub const GLOBAL_RUN_DIR: &str = "/var/run/lttng";
/// The run directory of any other one, below the home directory.
pub const PRIVATE_RUN_DIR: &str = ".lttng";
/// The client socket in a run directory.
pub const CLIENT_SOCKET: &str = "client-lttng-sessiond";
/// The socket beside it on which clients are told when conditions become true.
pub const NOTIFICATION_SOCKET: &str = "sessiond-notification";
/// The group whose members may control the session daemon of root.
pub const TRACING_GROUP: &str = "tracing";

/// How long to wait before asking a daemon again whose queue of connections is full.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(10);

/// The sockets at which a session daemon may listen for this user, in the order in which they are tried.
#[derive(Debug, Clone)]
pub struct Endpoint {
    candidates: Vec<PathBuf>,
    home: Option<PathBuf>,
}

/// Why no daemon could be reached.
#[derive(Debug, Clone)]
pub enum Unreachable {
    /// There is no socket, or the user may not even look for it.
    Absent {
        /// Where a daemon would listen.
        socket: PathBuf,
    },
    /// There is a socket, but nobody listens on it any more.
    Stale(StaleSocket),
    /// Somebody may be there, but the connection was refused for another reason.
    Refused {
        /// The socket.
        socket: PathBuf,
        /// The system's reason.
        reason: Errno,
    },
    /// A daemon exists but takes no connection: it is stopped, or drowned in requests.
    Busy {
        /// The socket.
        socket: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
}

/// A socket file that a session daemon left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleSocket {
    /// The socket.
    pub socket: PathBuf,
    /// The process that the pid file beside it names, if there is one.
    pub pid: Option<u32>,
    /// Whether a process with that number exists here. It need not be a session daemon: the number may have been given
    /// away again, or counted in another container.
    pub pid_exists: bool,
}

impl Endpoint {
    /// What liblttng-ctl would try for this process; `group` replaces the tracing group's name.
    pub fn from_environment(group: Option<&str>) -> Self {
        let uid = rustix::process::getuid().as_raw();
        let home = std::env::var_os("LTTNG_HOME")
            .or_else(|| std::env::var_os("HOME"))
            .map(PathBuf::from)
            .or_else(|| accounts::home_of(uid));
        let global = Path::new(GLOBAL_RUN_DIR).join(CLIENT_SOCKET);
        let candidates = if uid == 0 {
            vec![global]
        } else {
            let private = home.as_ref().map(|home| home.join(PRIVATE_RUN_DIR).join(CLIENT_SOCKET));
            let global = in_tracing_group(group.unwrap_or(TRACING_GROUP)).then_some(global);
            global.into_iter().chain(private).collect()
        };
        Endpoint { candidates, home }
    }

    /// The daemon that listens on one socket and no other.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        let home = Endpoint::from_environment(None).home;
        Endpoint { candidates: vec![socket.into()], home }
    }

    /// The directory below which traces go by default and the current session is remembered, if there is one.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The sockets, in the order in which they are tried.
    pub fn candidates(&self) -> &[PathBuf] {
        &self.candidates
    }

    /// The notification channel of the same daemons.
    pub(crate) fn notifications(&self) -> Endpoint {
        let beside = |socket: &PathBuf| socket.with_file_name(NOTIFICATION_SOCKET);
        Endpoint { candidates: self.candidates.iter().map(beside).collect(), home: self.home.clone() }
    }

    /// Connects to the first socket at which a daemon listens, or says why there is none. What is said is about the last
    /// candidate, except that a stale socket anywhere is worth more than an absent one.
    pub fn connect(&self, bound: Duration) -> Result<UnixStream, Unreachable> {
        let deadline = Instant::now() + bound;
        let mut said: Option<Unreachable> = None;
        for socket in &self.candidates {
            match connect_to(socket, deadline, bound) {
                Ok(stream) => return Ok(stream),
                Err(why) => {
                    let keep = matches!(said, Some(Unreachable::Stale(_)))
                        && matches!(why, Unreachable::Absent { .. });
                    if !keep {
                        said = Some(why);
                    }
                }
            }
        }
        Err(said.unwrap_or(Unreachable::Absent { socket: PathBuf::from(CLIENT_SOCKET) }))
    }
}

/// Whether this process is in the group. The primary group counts only if it is listed among the others, as in LTTng.
fn in_tracing_group(name: &str) -> bool {
    let Some(group) = accounts::group_id(name) else { return false };
    rustix::process::getgroups().is_ok_and(|groups| groups.iter().any(|gid| gid.as_raw() == group))
}

fn connect_to(path: &Path, deadline: Instant, bound: Duration) -> Result<UnixStream, Unreachable> {
    let refused = |reason: Errno| Unreachable::Refused { socket: path.to_owned(), reason };
    let address = SocketAddrUnix::new(path).map_err(refused)?;
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(refused)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) => {
                return blocking(socket)
                    .map_err(|error| refused(Errno::from_io_error(&error).unwrap_or(Errno::IO)));
            }
            Err(Errno::AGAIN | Errno::INTR) if Instant::now() < deadline => {
                std::thread::sleep(FULL_QUEUE_PAUSE)
            }
            Err(Errno::AGAIN | Errno::INTR) => {
                return Err(Unreachable::Busy { socket: path.to_owned(), waited: bound });
            }
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(Unreachable::Absent { socket: path.to_owned() }),
            Err(Errno::CONNREFUSED) => return Err(Unreachable::Stale(StaleSocket::inspect(path))),
            Err(reason) => return Err(refused(reason)),
        }
    }
}

fn blocking(socket: OwnedFd) -> io::Result<UnixStream> {
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

impl StaleSocket {
    /// Looks at what lies beside a socket that refuses connections.
    fn inspect(socket: &Path) -> Self {
        let pid_file = socket.with_file_name("lttng-sessiond.pid");
        let pid = fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse().ok());
        let pid_exists = pid.is_some_and(is_running);
        StaleSocket { socket: socket.to_owned(), pid, pid_exists }
    }
}

/// Whether there is such a process, and not just what is left of one until its parent asks for its exit status.
fn is_running(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The state follows the name, which stands in brackets and may hold any.
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    !matches!(state, Some('Z' | 'X'))
}

impl fmt::Display for StaleSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let socket = self.socket.display();
        let is_socket = fs::symlink_metadata(&self.socket).is_ok_and(|meta| meta.file_type().is_socket());
        if !is_socket {
            return write!(f, "{socket} is not a socket");
        }
        write!(f, "{socket} is stale: nobody listens on it")?;
        match (self.pid, self.pid_exists) {
            (Some(pid), false) => write!(
                f,
                "; its session daemon (process {pid}) is gone, or runs in another container that shares this directory"
            )?,
            (Some(pid), true) => write!(f, "; the process {pid} that it belonged to is not listening")?,
            (None, _) => {}
        }
        f.write_str(" (a new session daemon replaces it: lttng-sessiond --daemonize)")
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreachable::Absent { socket } => write!(f, "{} does not exist", socket.display()),
            Unreachable::Stale(stale) => stale.fmt(f),
            Unreachable::Refused { socket, reason } => {
                write!(f, "cannot connect to {}: {}", socket.display(), io::Error::from(*reason))
            }
            Unreachable::Busy { socket, waited } => write!(
                f,
                "the session daemon at {} took no connection within {} s: it is stopped or hung",
                socket.display(),
                waited.as_secs_f32()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    const BOUND: Duration = Duration::from_millis(200);

    #[test]
    fn a_socket_that_nobody_listens_on_is_stale() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join(CLIENT_SOCKET);
        drop(UnixListener::bind(&socket).unwrap());
        fs::write(dir.path().join("lttng-sessiond.pid"), "4194305\n").unwrap();
        let Err(Unreachable::Stale(stale)) = Endpoint::at(&socket).connect(BOUND) else {
            panic!("not stale")
        };
        assert_eq!(stale, StaleSocket { socket, pid: Some(4_194_305), pid_exists: false });
        assert!(stale.to_string().contains("process 4194305) is gone"), "{stale}");
    }

    #[test]
    fn no_socket_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        let why = Endpoint::at(dir.path().join("none")).connect(BOUND).unwrap_err();
        assert!(matches!(why, Unreachable::Absent { .. }), "{why}");
    }

    #[test]
    fn a_daemon_that_accepts_nothing_is_given_up_after_the_bound() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join(CLIENT_SOCKET);
        let listener =
            rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).expect("a socket can be made");
        rustix::net::bind(&listener, &SocketAddrUnix::new(&socket).unwrap()).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let endpoint = Endpoint::at(&socket);
        let queued = endpoint.connect(BOUND).unwrap();
        let why = endpoint.connect(BOUND).unwrap_err();
        assert!(matches!(why, Unreachable::Busy { .. }), "{why}");
        drop(queued);
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_refused() {
        let why = Endpoint::at("x".repeat(200)).connect(BOUND).unwrap_err();
        assert!(matches!(why, Unreachable::Refused { reason: Errno::NAMETOOLONG, .. }), "{why}");
    }
}
