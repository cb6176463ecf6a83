//! The life of a consumer daemon: its sockets, its readiness, its end (`docs/spec/consumer-protocol.md`, section 2).

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rttng_wire::Encode;
use rttng_wire::consumer::Status;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit};
use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::low_level::pipe;

use crate::commands;
use crate::error::ConsumerError;
use crate::health::HealthSocket;
use crate::link::Link;
use crate::options::{ConsumerOptions, Domain};
use crate::state::State;

/// What root allows itself, as the real one.
const OPEN_FILES: u64 = 65_535;

/// Runs a consumer daemon until its session daemon and all applications have let go of it.
///
/// # Errors
/// When it cannot start. Once it serves, it goes on whatever happens to a single stream or command.
pub fn run(options: &ConsumerOptions) -> Result<(), ConsumerError> {
    if options.domain == Domain::Kernel {
        return Err(ConsumerError::KernelDomain);
    }
    if let Some(frequency) = options.tsc_frequency {
        rttng_ring::trace_in_tsc(frequency);
    }
    raise_file_limit();
    let signals = Signals::register()?;
    ignore_file_size_signal().map_err(ConsumerError::system("cannot handle signals"))?;
    let health = serve_health(options);

    let mut error_socket = UnixStream::connect(&options.error_socket).ok();
    if error_socket.is_none() {
        tracing::warn!(path = %options.error_socket.display(), "no error socket: failures stay unheard");
    }
    let path = &options.command_socket;
    let command_socket = |source| ConsumerError::CommandSocket { path: path.clone(), source };
    let _ = fs::remove_file(path);
    let listener = UnixListener::bind(path).map_err(command_socket)?;
    let _socket_file = RemovedAtTheEnd(path);
    if let Some(error_socket) = &mut error_socket {
        error_socket
            .write_all(&Status::CommandSockReady.to_bytes())
            .map_err(|source| ConsumerError::ErrorSocket { path: options.error_socket.clone(), source })?;
    }

    // The first connection carries commands, the second metadata; there is no third.
    let accept = || signals.accept(&listener);
    let Some(commands) = accept().map_err(command_socket)? else { return Ok(()) };
    let Some(metadata) = accept().map_err(command_socket)? else { return Ok(()) };
    drop(listener);

    let state = Arc::new(State::start(Link::new(metadata)).map_err(ConsumerError::system("cannot start"))?);
    signals.end_on_signal(&commands).map_err(ConsumerError::system("cannot wait for signals"))?;
    let mut link = Link::new(commands);
    if let Err(error) = commands::serve(&mut link, &state) {
        tracing::error!(%error, "the session daemon is lost");
    }
    // It would wait for an answer otherwise, for as long as applications hold on to their buffers.
    link.shutdown();
    tracing::debug!("no more commands: waiting for applications to let go");
    state.finish();
    // The session daemon sees this close last, when everything is on disk.
    drop((health, error_socket));
    Ok(())
}

/// A limit of file sizes (`ulimit -f`) shall be an error of the write that meets it, and not the end of the daemon.
fn ignore_file_size_signal() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map(drop)
}

struct RemovedAtTheEnd<'a>(&'a Path);

impl Drop for RemovedAtTheEnd<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

/// Every stream takes three descriptors and two files. Failure shows when they run out.
fn raise_file_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let wanted = match rustix::process::geteuid().is_root() {
        true => {
            let most = limit.maximum.map_or(OPEN_FILES, |hard| hard.max(OPEN_FILES));
            Rlimit { current: Some(most), maximum: Some(most) }
        }
        false => Rlimit { current: limit.maximum, maximum: limit.maximum },
    };
    if rustix::process::setrlimit(Resource::Nofile, wanted).is_err() {
        tracing::debug!("the limit of open files stays as it is");
    }
}

/// Beside the command socket, which for all session daemons is the place that the protocol tells, and for a private one is
/// private. Without its directory there is no health check; the rest goes on.
fn serve_health(options: &ConsumerOptions) -> Option<HealthSocket> {
    let path: PathBuf = options.command_socket.parent()?.join("health");
    match HealthSocket::serve(path.clone(), &options.group) {
        Ok(socket) => Some(socket),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no health checks");
            None
        }
    }
}

/// SIGTERM, and a second SIGINT, end the daemon in order.
struct Signals {
    terminated: UnixStream,
    interrupted: UnixStream,
}

impl Signals {
    fn register() -> Result<Self, ConsumerError> {
        let failed = || ConsumerError::system("cannot handle signals");
        let listen = |signal| {
            let (read, write) = UnixStream::pair()?;
            pipe::register(signal, write)?;
            io::Result::Ok(read)
        };
        Ok(Signals {
            terminated: listen(SIGTERM).map_err(failed())?,
            interrupted: listen(SIGINT).map_err(failed())?,
        })
    }

    /// Waits for a connection; `None` if a signal came first.
    fn accept(&self, listener: &UnixListener) -> io::Result<Option<UnixStream>> {
        loop {
            let wait = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
            let mut fds =
                [wait(listener.as_fd()), wait(self.terminated.as_fd()), wait(self.interrupted.as_fd())];
            match poll(&mut fds, None) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
            }
            if fds[1..].iter().any(|fd| !fd.revents().is_empty()) {
                return Ok(None);
            }
            if !fds[0].revents().is_empty() {
                return Ok(Some(listener.accept()?.0));
            }
        }
    }

    /// From now on, a signal closes the command socket, and with it everything else in its order.
    fn end_on_signal(self, commands: &UnixStream) -> io::Result<()> {
        let commands = commands.try_clone()?;
        std::thread::Builder::new().name("rttng-signals".into()).spawn(move || {
            let mut interrupts = 0;
            loop {
                let wait = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
                let mut fds = [wait(self.terminated.as_fd()), wait(self.interrupted.as_fd())];
                if poll(&mut fds, None).is_err() {
                    continue;
                }
                let ended = !fds[0].revents().is_empty();
                let interrupted = !fds[1].revents().is_empty();
                if interrupted {
                    let _ = rustix::io::read(&self.interrupted, &mut [0; 1]);
                }
                interrupts += u32::from(interrupted);
                if ended || interrupts > 1 {
                    let _ = commands.shutdown(std::net::Shutdown::Both);
                    return;
                }
            }
        })?;
        Ok(())
    }
}
