//! The daemon's life: start in the order of `docs/spec/cli.md`, section 10.4, serve, end on a signal.

use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixListener as BlockingListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use rttng_ring::wait_page::{WaitPage, WaitPageScope};
use rttng_world::accounts;
use rustix::process::{Resource, Rlimit};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use super::detach::{self, Background};
use super::options::{Invocation, Options, REFERENCE_VERSION, Surroundings, USAGE};
use super::run_directory::{RunDirectory, RunDirectoryError};
use crate::client::Clients;
use crate::consumer::spawn::{ProcessSpawner, Verbosity};
use crate::engine::Engine;
use crate::health;
use crate::model::{SessionId, SharedModel};
use crate::trace_clock::TraceClock;
use crate::trigger;
use crate::world::{self, Bounds, RealClock, RealFiles, World};

/// Open files that a root daemon asks for, as the reference does.
const ROOT_DESCRIPTORS: u64 = 65_535;

/// How long the consumer daemon may take to write what applications left.
const END_PATIENCE: Duration = Duration::from_secs(30);

/// Why a daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its files.
    #[error(transparent)]
    Files(#[from] RunDirectoryError),
    /// The page in shared memory at which applications look.
    #[error(
        "Cannot open the page in /dev/shm that tells applications of this daemon: {0}; liblttng-ust does not register without /dev/shm: mount a tmpfs \
         there that every user may write to (mode 1777)"
    )]
    WaitPage(io::Error),
    /// The system.
    #[error("Cannot {doing}: {error}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> StartError {
    move |error| StartError::Io { doing, error }
}

/// `lttng-sessiond`: runs with these arguments (the program's name first) to the end of the daemon.
///
/// `start_log` is called with the options before anything else is done, to set up diagnostics on standard error.
pub fn main(args: Vec<OsString>, start_log: impl FnOnce(&Options)) -> ExitCode {
    let args = args.get(1..).unwrap_or_default().to_vec();
    let own_program = match std::env::current_exe() {
        Ok(path) => path,
        Err(error) => return fail(&format!("cannot find this program's own file: {error}")),
    };
    let around = Surroundings {
        is_root: rustix::process::geteuid().is_root(),
        variable: &|name| std::env::var_os(name),
        own_program,
        working_directory: std::env::current_dir().unwrap_or_else(|_| "/".into()),
        system_configuration: "/etc/lttng/lttng.conf".into(),
    };
    // The process that leaves the terminal has read and said the same before.
    let is_first = !detach::is_second();
    let mut warn = |text: String| {
        if is_first {
            eprintln!("{text}");
        }
    };
    let options = match Options::read(&args, &around, &mut warn) {
        Ok(Invocation::Run(options)) => *options,
        Ok(Invocation::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Invocation::Version) => {
            println!("{REFERENCE_VERSION}");
            return ExitCode::SUCCESS;
        }
        Err(error @ super::options::OptionError::Usage(_)) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
        Err(error) => return fail(&error.to_string()),
    };
    if let Some(path) = &options.load {
        return fail(&format!(
            "Session load failed: this daemon loads no session configuration by itself; start it without --load, then \
             `lttng load --input-path {}`",
            path.display()
        ));
    }
    start_log(&options);
    let folders = if is_first { autoload_folders(&options) } else { Vec::new() };
    for folder in folders.into_iter().filter(|folder| has_configurations(folder)) {
        tracing::warn!(
            "the session configurations in {0} are not loaded; `lttng load --input-path {0}` does it",
            folder.display()
        );
    }
    let background = match options.detach.map(detach::arrived) {
        None => None,
        Some(Ok(Some(background))) => Some(background),
        Some(Ok(None)) => {
            return detach::into_background(&args)
                .unwrap_or_else(|error| fail(&format!("cannot start in the background: {error}")));
        }
        Some(Err(error)) => return fail(&format!("cannot leave the terminal: {error}")),
    };
    match run_to_the_end(options, background) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

/// Where the reference looks for session configurations at its start.
fn autoload_folders(options: &Options) -> Vec<PathBuf> {
    let of_user = options.home.iter().map(|home| home.join(".lttng/sessions/auto"));
    of_user.chain([PathBuf::from("/etc/lttng/sessions/auto")]).collect()
}

fn has_configurations(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.path().extension().is_some_and(|end| end == "lttng"))
}

fn fail(text: &str) -> ExitCode {
    eprintln!("Error: {text}");
    ExitCode::FAILURE
}

fn run_to_the_end(options: Options, background: Option<Background>) -> Result<(), StartError> {
    // `ps` and scripts look for this name, whatever the file is called.
    let _ = rustix::thread::set_name(c"lttng-sessiond");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("start the runtime"))?;
    LocalSet::new().block_on(&runtime, async {
        // Handlers first: a signal that comes early must end the daemon in order, too.
        let ends = Ends::listen().map_err(failed("listen for signals"))?;
        let parent = options.signal_parent.then(rustix::process::getppid).flatten();
        let ready = move || {
            if let Some(parent) = parent {
                // A parent that is gone needs no word.
                let _ = rustix::process::kill_process(parent, rustix::process::Signal::USR1);
            }
            if let Some(background) = background
                && let Err(error) = background.ready()
            {
                tracing::warn!("cannot give up the standard streams: {error}");
            }
        };
        run(options, ready, ends.wait()).await
    })
}

/// Runs a daemon on the current `LocalSet` until `end` comes; then sessions are stopped and destroyed, and its files
/// removed. `ready` is called once clients and applications are served.
///
/// # Errors
/// What prevented its start.
pub async fn run(
    options: Options,
    ready: impl FnOnce(),
    end: impl Future<Output = ()>,
) -> Result<(), StartError> {
    let is_root = rustix::process::geteuid().is_root();
    let group = (!options.private).then(|| {
        accounts::group_id(&options.group).unwrap_or_else(|| {
            if !options.quiet {
                eprintln!("Warning: No tracing group detected");
            }
            0
        })
    });
    raise_descriptor_limit(is_root);
    let mut files = RunDirectory::take(&options, group)?;
    let consumer_directory = files.consumer_directory(is_root)?;
    files.write_pid()?;
    let clients = asynchronous(files.listen_for_clients()?)?;
    let applications = asynchronous(files.listen_for_applications()?)?;
    let checks = asynchronous(files.listen_for_health_checks()?)?;
    let listeners = asynchronous(files.listen_for_notification_clients()?)?;
    for socket in [&clients, &listeners] {
        rustix::net::sockopt::set_socket_passcred(socket, true)
            .map_err(|error| failed("ask for clients' credentials")(error.into()))?;
    }

    let model = SharedModel::default();
    model.edit(|model| model.triggers_mut().set_slots(options.error_slots));
    let engine = Engine::new(model.clone(), world(&options, consumer_directory));
    let page = wait_page(options.private).map_err(StartError::WaitPage)?;
    let served = engine.clone();
    tokio::task::spawn_local(async move {
        let error = served.accept_applications(applications).await;
        tracing::error!("applications are not accepted any more: {error}");
    });
    tokio::task::spawn_local(Clients::new(model.clone(), engine.clone()).serve(clients));
    tokio::task::spawn_local(health::serve(engine.clone(), checks));
    tokio::task::spawn_local(trigger::channel::serve(engine.clone(), listeners));
    page.announce().map_err(failed("write the page in /dev/shm that tells applications of this daemon"))?;
    ready();
    tracing::info!(directory = %files.root().display(), "ready");
    end.await;
    tracing::info!("ending");
    withdraw(&page, &options);
    end_sessions(&engine, &model).await;
    engine.shut_down(END_PATIENCE).await;
    Ok(())
}

/// Tells applications that this daemon is gone. One in a directory of its own (`rttng record`) shares the page with the
/// user's other daemon, which may not have it locked as ours do: if that one lives, the word stays.
fn withdraw(page: &WaitPage, options: &Options) {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let other = home.map(|home| home.join(".lttng/lttng-ust-sock-8"));
    let other = other.filter(|socket| options.private && !socket.starts_with(&options.run_directory));
    if other.is_some_and(|socket| std::os::unix::net::UnixStream::connect(socket).is_ok()) {
        return;
    }
    if let Err(error) = page.withdraw() {
        tracing::warn!("cannot tell applications that this daemon ends: {error}");
    }
}

/// Stops and destroys all sessions, so that their traces are complete.
async fn end_sessions(engine: &Engine, model: &SharedModel) {
    let all: Vec<SessionId> = model.read(|model| model.sessions().map(|session| session.id).collect());
    for id in all {
        if let Err(error) = engine.destroy(id).await {
            tracing::warn!("session {}: {error}", id.0);
        }
    }
}

/// This machine, as the engine is to see it.
fn world(options: &Options, consumer_directory: PathBuf) -> World {
    let program = &options.consumer64;
    let socket =
        |given: &Option<PathBuf>, name: &str| given.clone().unwrap_or_else(|| consumer_directory.join(name));
    let spawner = ProcessSpawner {
        program: program.path.clone(),
        library_directory: program.library_directory.clone(),
        command_socket: socket(&program.command_socket, "command"),
        error_socket: socket(&program.error_socket, "error"),
        group: options.group.clone(),
        verbosity: match (options.verbose_consumer, options.quiet) {
            (true, _) => Verbosity::Verbose,
            (false, true) => Verbosity::Quiet,
            (false, false) => Verbosity::Normal,
        },
        tsc_frequency: match &options.trace_clock {
            TraceClock::Monotonic => None,
            TraceClock::Tsc(clock) => Some(clock.frequency()),
        },
    };
    let timeout = std::env::var("LTTNG_APP_SOCKET_TIMEOUT").ok();
    World {
        clock: match &options.trace_clock {
            TraceClock::Monotonic => Rc::new(RealClock),
            TraceClock::Tsc(clock) => Rc::new(clock.clone()),
        },
        files: Rc::new(RealFiles),
        consumers: Rc::new(spawner),
        bounds: Bounds::default().with_application_timeout(timeout.as_deref()),
        host_name: world::host_name(),
        boot_id: world::boot_id(),
    }
}

fn wait_page(private: bool) -> io::Result<WaitPage> {
    match private {
        false => WaitPage::open("/lttng-ust-wait-8", WaitPageScope::Global),
        true => {
            let name = format!("/lttng-ust-wait-8-{}", rustix::process::getuid().as_raw());
            WaitPage::open(&name, WaitPageScope::PerUser)
        }
    }
}

fn asynchronous(listener: BlockingListener) -> Result<UnixListener, StartError> {
    listener.set_nonblocking(true).map_err(failed("set a socket up"))?;
    UnixListener::from_std(listener).map_err(failed("set a socket up"))
}

/// Each application takes a good number of descriptors, so the daemon takes all that it may have.
fn raise_descriptor_limit(is_root: bool) {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let hard = match (is_root, limit.maximum) {
        (true, Some(hard)) => Some(hard.max(ROOT_DESCRIPTORS)),
        (_, hard) => hard,
    };
    let raised = Rlimit { current: hard, maximum: hard };
    let fallback = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if rustix::process::setrlimit(Resource::Nofile, raised).is_err()
        && let Err(error) = rustix::process::setrlimit(Resource::Nofile, fallback)
    {
        tracing::warn!("cannot raise the limit of open files: {error}");
    }
}

/// The signals that end the daemon, and those that do nothing to it.
struct Ends {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// A limit of file sizes (`ulimit -f`) shall be an error of the write that meets it; by default it would kill.
    _file_size: tokio::signal::unix::Signal,
    /// Start handshake of daemons that this one started; by default it would kill.
    _user: tokio::signal::unix::Signal,
}

impl Ends {
    fn listen() -> io::Result<Self> {
        Ok(Ends {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            _file_size: signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
            _user: signal(SignalKind::user_defined1())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_with_configurations_are_told_of() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!has_configurations(&dir.path().join("none")));
        std::fs::write(dir.path().join("notes.txt"), "").unwrap();
        assert!(!has_configurations(dir.path()));
        std::fs::write(dir.path().join("s.lttng"), "").unwrap();
        assert!(has_configurations(dir.path()));
    }
}
