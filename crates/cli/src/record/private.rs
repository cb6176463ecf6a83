//! The session daemon of one recording: inside this process, in a directory of its own.
//!
//! Applications look for a per-user daemon in `$LTTNG_HOME/.lttng`, so a fresh directory there makes a world of its own:
//! no daemon of the machine is needed or noticed.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use rttng_control::{Client, Endpoint};
use rttng_session::daemon::options::{ConsumerProgram, Options};
use rttng_session::trace_clock::TraceClock;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// How long the daemon may take to be ready.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running daemon. Dropping it ends it in order.
#[derive(Debug)]
pub(crate) struct PrivateDaemon {
    home: TempDir,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

impl PrivateDaemon {
    /// Starts a daemon whose events count in that clock, and waits until it is ready.
    ///
    /// # Errors
    /// What prevented it.
    pub(crate) fn start(trace_clock: TraceClock) -> io::Result<Self> {
        let home = tempfile::Builder::new().prefix("rttng-").tempdir()?;
        let options = options_in(home.path(), trace_clock)?;
        let (end, ended) = oneshot::channel();
        let (tell_ready, ready) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("rttng-sessiond".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| error.to_string())?;
            let tell = move || {
                // The one who started this daemon may have given up waiting.
                let _ = tell_ready.send(());
            };
            let end = async {
                // Also when the sender is dropped.
                let _ = ended.await;
            };
            LocalSet::new()
                .block_on(&runtime, rttng_session::daemon::run(options, tell, end))
                .map_err(|error| error.to_string())
        })?;
        let mut daemon = PrivateDaemon { home, end: Some(end), thread: Some(thread) };
        match ready.recv_timeout(START_LIMIT) {
            Ok(()) => {
                daemon.open_to_others()?;
                Ok(daemon)
            }
            Err(_) => Err(io::Error::other(match daemon.finish() {
                Err(why) => why,
                Ok(()) => "the session daemon was not ready in time".into(),
            })),
        }
    }

    /// Lets applications of other users in, as root's daemon does, for programs that change their user. Nobody can list
    /// the directories, and the client socket stays root's.
    fn open_to_others(&self) -> io::Result<()> {
        if rustix::process::geteuid().is_root() {
            for directory in [self.home().to_owned(), run_directory(self.home())] {
                std::fs::set_permissions(directory, Permissions::from_mode(0o711))?;
            }
        }
        Ok(())
    }

    /// What `LTTNG_HOME` has to be for applications.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A client of the daemon.
    pub(crate) fn client(&self) -> Client {
        Client::new(Endpoint::at(run_directory(self.home()).join("client-lttng-sessiond")))
    }

    /// Ends the daemon and waits for its end.
    ///
    /// # Errors
    /// What it died of, if it did not end in order.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        drop(self.end.take());
        match self.thread.take() {
            None => Ok(()),
            Some(thread) => thread.join().unwrap_or_else(|_| Err("the session daemon panicked".into())),
        }
    }
}

impl Drop for PrivateDaemon {
    fn drop(&mut self) {
        // Whoever wants to know calls `finish` before.
        let _ = self.finish();
    }
}

fn run_directory(home: &Path) -> PathBuf {
    home.join(".lttng")
}

fn options_in(home: &Path, trace_clock: TraceClock) -> io::Result<Options> {
    Ok(Options {
        run_directory: run_directory(home),
        home: Some(home.to_owned()),
        client_socket: None,
        apps_socket: None,
        consumer64: ConsumerProgram {
            path: std::env::current_exe()?,
            library_directory: None,
            command_socket: None,
            error_socket: None,
        },
        private: true,
        trace_clock,
        group: "tracing".into(),
        verbosity: 0,
        quiet: true,
        verbose_consumer: false,
        no_kernel: true,
        pid_file: None,
        agent_port: None,
        error_slots: rttng_session::model::DEFAULT_ERROR_SLOTS,
        load: None,
        detach: None,
        signal_parent: false,
    })
}
