//! Starts a consumer daemon's process and connects to it (`docs/spec/consumer-protocol.md`, sections 1.2 and 2.1).

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::task::{Context, Poll};

use rttng_wire::Decode;
use rttng_wire::consumer::Status;
use rustix::pipe::PipeFlags;
use tokio::net::unix::pipe;
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Command;

use crate::link::{self, Link, SocketLink};
use crate::world::{ConsumerPeer, ConsumerSpawner, Local};

/// How loud the consumer daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// As it is.
    Normal,
    /// `--quiet`.
    Quiet,
    /// `--verbose`.
    Verbose,
}

/// Starts the consumer daemon for 64-bit user space: the real one, ours, or any other program that speaks as they do.
#[derive(Debug, Clone)]
pub struct ProcessSpawner {
    /// The program.
    pub program: PathBuf,
    /// Put in front of the child's `LD_LIBRARY_PATH`.
    pub library_directory: Option<PathBuf>,
    /// The socket that the consumer creates for commands.
    pub command_socket: PathBuf,
    /// The socket that it reports its readiness on; created here.
    pub error_socket: PathBuf,
    /// The tracing group's name.
    pub group: String,
    /// How loud it is.
    pub verbosity: Verbosity,
    /// Cycles a second of the time-stamp counter, if buffers are to count in it, which only ours knows to do.
    pub tsc_frequency: Option<u64>,
}

/// Removes the sockets' files when the link with the consumer ends.
#[derive(Debug)]
struct SocketFiles(Vec<PathBuf>);

impl Drop for SocketFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            // The consumer removes its own at an orderly end.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl ProcessSpawner {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let verbosity = match self.verbosity {
            Verbosity::Verbose => "--verbose",
            Verbosity::Quiet => "--quiet",
            // As the real session daemon calls it; consumers pass over it.
            Verbosity::Normal => "",
        };
        command
            .arg0("lttng-consumerd")
            .args([verbosity, "-u", "--consumerd-cmd-sock"])
            .arg(&self.command_socket)
            .arg("--consumerd-err-sock")
            .arg(&self.error_socket)
            .args(["--group", &self.group])
            .kill_on_drop(false);
        if let Some(frequency) = self.tsc_frequency {
            command.args(["--tsc-frequency", &frequency.to_string()]);
        }
        if let Some(directory) = &self.library_directory {
            let mut path = OsString::from(directory);
            if let Some(old) = std::env::var_os("LD_LIBRARY_PATH") {
                path.push(":");
                path.push(old);
            }
            command.env("LD_LIBRARY_PATH", path);
        }
        command
    }

    /// Whether the consumer daemon is this very program, under whatever name.
    fn is_ours(&self) -> bool {
        let identity = |path: &Path| std::fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        let own = identity(Path::new("/proc/self/exe"));
        own.is_some() && own == identity(&self.program)
    }

    async fn start(&self) -> io::Result<ConsumerPeer> {
        let _ = std::fs::remove_file(&self.error_socket);
        let listener = UnixListener::bind(&self.error_socket)
            .map_err(|error| named(error, "cannot listen on", &self.error_socket))?;
        let files = SocketFiles(vec![self.error_socket.clone(), self.command_socket.clone()]);
        std::fs::set_permissions(&self.error_socket, std::fs::Permissions::from_mode(0o660))?;
        let mut child =
            self.command().spawn().map_err(|error| named(error, "cannot start", &self.program))?;
        let ready = tokio::select! {
            ready = self.connect(&listener) => ready,
            status = child.wait() => Err(io::Error::other(match status {
                Ok(status) => format!("{} ended before it was ready ({status})", self.program.display()),
                Err(error) => format!("{} cannot be waited for: {error}", self.program.display()),
            })),
        };
        let (error, command, metadata) = match ready {
            Ok(links) => links,
            Err(error) => {
                // Not to be left behind half started; it may be gone already.
                let _ = child.start_kill();
                return Err(error);
            }
        };
        let (read, monitor) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&read, rustix::fs::OFlags::NONBLOCK)?;
        Ok(ConsumerPeer {
            command: Rc::new(SocketLink::new(command)),
            metadata: Rc::new(SocketLink::new(metadata)),
            error: Rc::new(error),
            monitor,
            samples: Rc::new(PipeLink { pipe: pipe::Receiver::from_owned_fd(read)? }),
            is_ours: self.is_ours(),
            ended: Box::pin(async move {
                // Only so that no dead process stays behind.
                let _ = child.wait().await;
            }),
            keep: Box::new(files),
        })
    }

    /// Waits for the word that says ready, then makes the two connections, whose order tells them apart.
    async fn connect(&self, listener: &UnixListener) -> io::Result<(SocketLink, UnixStream, UnixStream)> {
        let (socket, _) = listener.accept().await?;
        let error = SocketLink::new(socket);
        let mut word = [0; Status::LEN];
        link::receive(&error, &mut word).await?;
        match Status::from_bytes(&word) {
            Ok(Status::CommandSockReady) => {}
            Ok(other) => return Err(io::Error::other(format!("it said \"{other}\" instead of ready"))),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
        let connect = || UnixStream::connect(&self.command_socket);
        let command =
            connect().await.map_err(|error| named(error, "cannot connect to", &self.command_socket))?;
        let metadata =
            connect().await.map_err(|error| named(error, "cannot connect to", &self.command_socket))?;
        Ok((error, command, metadata))
    }
}

fn named(error: io::Error, doing: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{doing} {}: {error}", path.display()))
}

impl ConsumerSpawner for ProcessSpawner {
    fn spawn(&self) -> Local<'_, io::Result<ConsumerPeer>> {
        Box::pin(self.start())
    }
}

/// The reading end of a pipe as a [`Link`] that sends nothing.
struct PipeLink {
    pipe: pipe::Receiver,
}

impl Link for PipeLink {
    fn poll_send(
        &self,
        _: &mut Context<'_>,
        _: &[u8],
        _: &[std::os::fd::BorrowedFd<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::Unsupported.into()))
    }

    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        data: &mut [u8],
        _: &mut Vec<OwnedFd>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.pipe.try_read(data) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            std::task::ready!(self.pipe.poll_read_ready(cx))?;
        }
    }

    fn shutdown(&self) {
        // The end is closed with the link; nobody else holds it.
    }
}
