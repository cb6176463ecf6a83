//! What a session daemon is told at its start: command line, configuration files, environment
//! (`docs/spec/cli.md`, sections 10.1 and 10.2).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rttng_world::getopt::{self, OptionSpec};

use super::config_file::{self, Setting};
use crate::model::DEFAULT_ERROR_SLOTS;
use crate::trace_clock::TraceClock;

/// The version of LTTng that this daemon stands in for.
pub const REFERENCE_VERSION: &str = "2.13.9";

/// What `--help` prints.
pub const USAGE: &str = "\
usage: lttng-sessiond OPTIONS

  -a, --apps-sock PATH                 socket for applications
  -b, --background                     run in the background, keep the standard streams
  -c, --client-sock PATH               socket for clients
      --consumerd64-path PATH          64-bit consumer daemon (default: this program)
      --consumerd64-libdir DIR         its library directory
      --ustconsumerd64-cmd-sock PATH   its command socket
      --ustconsumerd64-err-sock PATH   its error socket
  -d, --daemonize                      run in the background
  -f, --config PATH                    configuration file
  -g, --group NAME                     tracing group (default: tracing)
  -h, --help                           this text
  -l, --load PATH                      session configurations to load
      --agent-tcp-port PORT            port for agents (default: 5345 to 5354)
      --no-kernel                      no kernel tracing
  -p, --pidfile PATH                   where the process id is written
  -q, --quiet                          say nothing
  -S, --sig-parent                     send SIGUSR1 to the parent when ready
  -v, --verbose                        say more (up to three times)
      --verbose-consumer               start consumer daemons with --verbose
  -V, --version                        print the version

Taken for compatibility, without effect: --consumerd32-path, --consumerd32-libdir,
--ustconsumerd32-cmd-sock, --ustconsumerd32-err-sock, --kconsumerd-cmd-sock,
--kconsumerd-err-sock, --kmod-probes, --extra-kmod-probes,
--event-notifier-error-buffer-size-kernel, --event-notifier-error-buffer-size-userspace.
";

/// Where the consumer daemon is and how it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerProgram {
    /// The program; its name on the command line is always `lttng-consumerd`.
    pub path: PathBuf,
    /// Put in front of the child's `LD_LIBRARY_PATH`.
    pub library_directory: Option<PathBuf>,
    /// The socket that it creates for commands, unless the run directory's.
    pub command_socket: Option<PathBuf>,
    /// The socket that it connects to for errors, unless the run directory's.
    pub error_socket: Option<PathBuf>,
}

/// How the daemon leaves its terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detach {
    /// Into the background, standard streams closed.
    Daemon,
    /// Into the background, standard streams kept.
    Background,
}

/// What a session daemon is told at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Directory of the daemon's sockets and files.
    pub run_directory: PathBuf,
    /// The directory that stands for the user's home (`LTTNG_HOME`, else `HOME`).
    pub home: Option<PathBuf>,
    /// Socket for clients, unless the run directory's.
    pub client_socket: Option<PathBuf>,
    /// Socket for applications, unless the run directory's.
    pub apps_socket: Option<PathBuf>,
    /// The consumer daemon for 64-bit applications.
    pub consumer64: ConsumerProgram,
    /// Serves one user's applications only, also as root: the run directory is below a home, and so is the wait page.
    pub private: bool,
    /// What the events of its traces count in; no option of the command line.
    pub trace_clock: TraceClock,
    /// Users of this group may command a root daemon.
    pub group: String,
    /// How much is said on standard error: 0 to 3.
    pub verbosity: u8,
    /// Says nothing at all.
    pub quiet: bool,
    /// Consumer daemons are started with `--verbose`.
    pub verbose_consumer: bool,
    /// Kernel tracing is off.
    pub no_kernel: bool,
    /// Where the process id is written, unless in the run directory.
    pub pid_file: Option<PathBuf>,
    /// TCP port for agents; the first free one of 5345 to 5354 where it is not given.
    pub agent_port: Option<u16>,
    /// Triggers on events whose errors can be counted.
    pub error_slots: u64,
    /// Session configurations to load instead of those in the autoload directories.
    pub load: Option<PathBuf>,
    /// Whether and how to leave the terminal.
    pub detach: Option<Detach>,
    /// Sends SIGUSR1 to the parent when ready.
    pub signal_parent: bool,
}

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invocation {
    /// To run the daemon.
    Run(Box<Options>),
    /// To show how it is used.
    Help,
    /// To print the version.
    Version,
}

/// What the options are read from besides the command line.
pub struct Surroundings<'a> {
    /// Whether this process is root's.
    pub is_root: bool,
    /// Looks an environment variable up.
    pub variable: &'a dyn Fn(&str) -> Option<OsString>,
    /// This very program, which is the default consumer daemon too.
    pub own_program: PathBuf,
    /// The directory that relative paths are meant from.
    pub working_directory: PathBuf,
    /// The first configuration file.
    pub system_configuration: PathBuf,
}

const fn with_value(long: &'static str, short: Option<char>) -> OptionSpec {
    OptionSpec { long, short, takes_value: true }
}

const fn flag(long: &'static str, short: Option<char>) -> OptionSpec {
    OptionSpec { long, short, takes_value: false }
}

const SPECS: &[OptionSpec] = &[
    with_value("client-sock", Some('c')),
    with_value("apps-sock", Some('a')),
    with_value("kconsumerd-cmd-sock", None),
    with_value("kconsumerd-err-sock", None),
    with_value("ustconsumerd32-cmd-sock", None),
    with_value("ustconsumerd32-err-sock", None),
    with_value("ustconsumerd64-cmd-sock", None),
    with_value("ustconsumerd64-err-sock", None),
    with_value("consumerd32-path", None),
    with_value("consumerd32-libdir", None),
    with_value("consumerd64-path", None),
    with_value("consumerd64-libdir", None),
    flag("daemonize", Some('d')),
    flag("background", Some('b')),
    flag("sig-parent", Some('S')),
    flag("help", Some('h')),
    with_value("group", Some('g')),
    flag("version", Some('V')),
    flag("quiet", Some('q')),
    flag("verbose", Some('v')),
    flag("verbose-consumer", None),
    flag("no-kernel", None),
    with_value("pidfile", Some('p')),
    with_value("agent-tcp-port", None),
    with_value("config", Some('f')),
    with_value("load", Some('l')),
    with_value("kmod-probes", None),
    with_value("extra-kmod-probes", None),
    with_value("event-notifier-error-buffer-size-kernel", None),
    with_value("event-notifier-error-buffer-size-userspace", None),
];

/// A command line or configuration that the daemon refuses; its text is shown after `Error: `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// `getopt_long`'s own text, shown as it is.
    #[error("{0}")]
    Usage(getopt::UsageError),
    /// A value that an option does not take.
    #[error("{0}")]
    Value(String),
    /// The file given with `--config` cannot be read.
    #[error("Failed to open daemon configuration file at {0}")]
    NoConfiguration(String),
    /// No home directory to put a per-user daemon's run directory in.
    #[error("Can't get HOME directory for sockets creation: set HOME or LTTNG_HOME")]
    NoHome,
}

impl Options {
    /// The defaults in these surroundings, before files and command line.
    ///
    /// # Errors
    /// [`OptionError::NoHome`] for an ordinary user without a home.
    pub fn defaults(around: &Surroundings<'_>) -> Result<Options, OptionError> {
        let variable =
            |name: &str| (around.variable)(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = variable("LTTNG_HOME").or_else(|| variable("HOME"));
        let run_directory = match (around.is_root, &home) {
            (true, _) => PathBuf::from("/var/run/lttng"),
            (false, Some(home)) => home.join(".lttng"),
            (false, None) => return Err(OptionError::NoHome),
        };
        Ok(Options {
            run_directory,
            home,
            client_socket: None,
            apps_socket: None,
            consumer64: ConsumerProgram {
                path: variable("LTTNG_CONSUMERD64_BIN").unwrap_or_else(|| around.own_program.clone()),
                library_directory: variable("LTTNG_CONSUMERD64_LIBDIR"),
                command_socket: None,
                error_socket: None,
            },
            private: !around.is_root,
            trace_clock: TraceClock::Monotonic,
            group: "tracing".into(),
            verbosity: 0,
            quiet: false,
            verbose_consumer: false,
            no_kernel: false,
            pid_file: None,
            agent_port: None,
            error_slots: DEFAULT_ERROR_SLOTS,
            load: None,
            detach: None,
            signal_parent: false,
        })
    }

    /// Reads the command line, after the configuration files that it and the surroundings name.
    ///
    /// Warnings (an unknown name in a file, say) go to `warn`, as does the error of a bad value in a file: start-up
    /// goes on after those.
    ///
    /// # Errors
    /// What the daemon refuses to start with.
    pub fn read(
        args: &[OsString],
        around: &Surroundings<'_>,
        warn: &mut dyn FnMut(String),
    ) -> Result<Invocation, OptionError> {
        let line = getopt::parse("lttng-sessiond", SPECS, args).map_err(OptionError::Usage)?;
        if line.options.iter().any(|given| given.name == "help") {
            return Ok(Invocation::Help);
        }
        let mut options = Options::defaults(around)?;
        let mut files = vec![(around.system_configuration.clone(), false)];
        files.extend(options.home.iter().map(|home| (home.join(".lttng/lttng.conf"), false)));
        for given in line.options.iter().filter(|given| given.name == "config") {
            files.extend(given.value.iter().map(|path| (around.working_directory.join(path), true)));
        }
        for (path, must_be_there) in files {
            match std::fs::read(&path) {
                Ok(text) => options.apply_file(&text, around, warn),
                Err(_) if must_be_there => {
                    return Err(OptionError::NoConfiguration(path.display().to_string()));
                }
                Err(_) => {}
            }
        }
        let mut wants_version = false;
        for given in &line.options {
            match given.name {
                "version" => wants_version = true,
                "config" => {}
                name => options.apply(name, given.value.as_deref(), around, warn)?,
            }
        }
        Ok(if wants_version { Invocation::Version } else { Invocation::Run(Box::new(options)) })
    }

    fn apply_file(&mut self, text: &[u8], around: &Surroundings<'_>, warn: &mut dyn FnMut(String)) {
        for Setting { section, name, value } in config_file::settings(text) {
            if section != "sessiond" || matches!(name.as_str(), "help" | "version" | "config") {
                continue;
            }
            let Some(spec) = SPECS.iter().find(|spec| spec.long == name) else {
                warn(format!("Warning: Unrecognized option \"{name}\" in daemon configuration file."));
                continue;
            };
            let outcome = match (spec.takes_value, spec.long) {
                (true, long) => self.apply(long, Some(OsStr::new(&value)), around, warn),
                (false, "verbose") if value.parse::<u8>().is_ok() => {
                    self.verbosity = value.parse::<u8>().unwrap_or(0).min(3);
                    Ok(())
                }
                (false, long) => match config_file::truth(&value) {
                    Some(true) => self.apply(long, None, around, warn),
                    Some(false) => Ok(()),
                    None => {
                        warn(format!("Warning: Invalid configuration value \"{value}\" for option {long}"));
                        Ok(())
                    }
                },
            };
            if let Err(error) = outcome {
                warn(format!("Error: {error}"));
            }
        }
    }

    fn apply(
        &mut self,
        name: &str,
        value: Option<&OsStr>,
        around: &Surroundings<'_>,
        warn: &mut dyn FnMut(String),
    ) -> Result<(), OptionError> {
        if name == "load" && value.is_some_and(OsStr::is_empty) {
            // Means that nothing is to be loaded.
            self.load = None;
            return Ok(());
        }
        if value.is_some_and(OsStr::is_empty) {
            warn(format!("Warning: Invalid argument provided for option \"{name}\", using default value."));
            return Err(OptionError::Value(format!("The value of --{name} is empty")));
        }
        let path = || value.map(|path| around.working_directory.join(Path::new(path)));
        match name {
            "client-sock" => self.client_socket = path(),
            "apps-sock" => self.apps_socket = path(),
            "ustconsumerd64-cmd-sock" => self.consumer64.command_socket = path(),
            "ustconsumerd64-err-sock" => self.consumer64.error_socket = path(),
            "consumerd64-path" => self.consumer64.path = path().unwrap_or_default(),
            "consumerd64-libdir" => self.consumer64.library_directory = path(),
            "daemonize" => self.detach = Some(Detach::Daemon),
            "background" => self.detach = Some(Detach::Background),
            "sig-parent" => self.signal_parent = true,
            "group" => self.group = text(value),
            "quiet" => self.quiet = true,
            "verbose" => self.verbosity = (self.verbosity + 1).min(3),
            "verbose-consumer" => self.verbose_consumer = true,
            "no-kernel" => self.no_kernel = true,
            "pidfile" => self.pid_file = path(),
            "agent-tcp-port" => self.agent_port = Some(agent_port(&text(value))?),
            "load" => self.load = path(),
            "event-notifier-error-buffer-size-kernel" => {
                error_buffer_size(name, &text(value))?;
            }
            "event-notifier-error-buffer-size-userspace" => {
                self.error_slots = error_buffer_size(name, &text(value))?;
            }
            // Sockets and programs of the kernel's and the 32-bit consumer daemon and names of kernel modules: taken
            // and without effect, since this daemon starts no such consumer and loads no module.
            _ => {}
        }
        Ok(())
    }
}

fn text(value: Option<&OsStr>) -> String {
    value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

fn agent_port(value: &str) -> Result<u16, OptionError> {
    let number: u64 = value
        .parse()
        .map_err(|_| OptionError::Value(format!("Wrong value in --agent-tcp-port parameter: {value}")))?;
    match u16::try_from(number) {
        Ok(0) => Err(OptionError::Value(format!("Wrong value in --agent-tcp-port parameter: {value}"))),
        Ok(port @ 1..=65534) => Ok(port),
        _ => Err(OptionError::Value(format!("Port overflow in --agent-tcp-port parameter: {value}"))),
    }
}

fn error_buffer_size(name: &str, value: &str) -> Result<u64, OptionError> {
    let number: u64 = value
        .parse()
        .map_err(|_| OptionError::Value(format!("Wrong value in --{name} parameter: {value}")))?;
    match number {
        1..=65534 => Ok(number),
        _ => Err(OptionError::Value(format!("Value out of range for --{name} parameter: {value}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(dir: &Path, args: &[&str]) -> (Result<Invocation, OptionError>, Vec<String>) {
        let home = dir.as_os_str().to_owned();
        let variable = move |name: &str| (name == "HOME").then(|| home.clone());
        let around = Surroundings {
            is_root: false,
            variable: &variable,
            own_program: "/opt/rttng".into(),
            working_directory: "/cwd".into(),
            system_configuration: dir.join("system.conf"),
        };
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let mut warnings = Vec::new();
        let read = Options::read(&args, &around, &mut |text| warnings.push(text));
        (read, warnings)
    }

    fn options(read: Result<Invocation, OptionError>) -> Options {
        match read.unwrap() {
            Invocation::Run(options) => *options,
            other => panic!("expected a run, got {other:?}"),
        }
    }

    #[test]
    fn the_command_line_overrides_the_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("system.conf"), "[sessiond]\ngroup = one\nverbose = 2\n").unwrap();
        std::fs::create_dir(dir.path().join(".lttng")).unwrap();
        std::fs::write(dir.path().join(".lttng/lttng.conf"), "[sessiond]\ngroup = two\nno-kernel = yes\n")
            .unwrap();
        let (read, warnings) = read_in(dir.path(), &[]);
        let told = options(read);
        assert_eq!((told.group.as_str(), told.verbosity, told.no_kernel), ("two", 2, true));
        assert!(warnings.is_empty());
        let (read, _) = read_in(dir.path(), &["--group=three", "-c", "sock", ""]);
        let told = options(read);
        assert_eq!(told.group, "three");
        assert_eq!(told.client_socket.unwrap(), Path::new("/cwd/sock"));
        assert_eq!(told.run_directory, dir.path().join(".lttng"));
    }

    #[test]
    fn bad_values_are_refused_with_the_reference_s_texts() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |args: &[&str]| read_in(dir.path(), args).0.unwrap_err().to_string();
        assert_eq!(refused(&["--agent-tcp-port=x"]), "Wrong value in --agent-tcp-port parameter: x");
        assert_eq!(
            refused(&["--agent-tcp-port=65535"]),
            "Port overflow in --agent-tcp-port parameter: 65535"
        );
        assert!(refused(&["-f", "/nowhere"]).starts_with("Failed to open daemon configuration file at"));
        assert!(refused(&["--group="]).contains("--group"));
        assert_eq!(options(read_in(dir.path(), &["--load", ""]).0).load, None);
        assert_eq!(read_in(dir.path(), &["-V", "-q"]).0.unwrap(), Invocation::Version);
    }

    #[test]
    fn a_bad_file_is_warned_of_and_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let text = "[sessiond]\nnonsense = 1\nno-kernel = perhaps\nagent-tcp-port = 0\nquiet = on\n";
        std::fs::write(dir.path().join("system.conf"), text).unwrap();
        let (read, warnings) = read_in(dir.path(), &[]);
        assert!(options(read).quiet);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
    }
}
