//! The command line of `lttng-consumerd` (`docs/spec/consumer-protocol.md`, section 1.1).

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::PathBuf;

use rttng_world::getopt::{self, OptionSpec, UsageError};

/// Whose buffers a consumer daemon reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// The kernel tracer's.
    Kernel,
    /// Those of applications of this program's own word size.
    UserSpace,
}

/// What a consumer daemon is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerOptions {
    /// Whose buffers it reads.
    pub domain: Domain,
    /// The command socket that it makes.
    pub command_socket: PathBuf,
    /// The error socket that it connects to.
    pub error_socket: PathBuf,
    /// The tracing group, to which the health socket belongs.
    pub group: String,
    /// Whether it leaves the terminal; to be done before [`run`](crate::run) is called.
    pub daemonize: bool,
    /// Whether it says nothing.
    pub quiet: bool,
    /// Whether it says everything.
    pub verbose: bool,
    /// Cycles a second of the time-stamp counter, if buffers count in it: `--tsc-frequency`, an option of ours for
    /// `rttng record --clock tsc` alone.
    pub tsc_frequency: Option<NonZeroU64>,
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To run.
    Run(ConsumerOptions),
    /// To print [`USAGE`] and end well.
    Help,
    /// To print the version and end well.
    Version,
}

/// What `--help` prints.
pub const USAGE: &str = "\
Usage: lttng-consumerd OPTIONS

Options:
  -h, --help                         Display this usage.
  -c, --consumerd-cmd-sock PATH      Specify path for the command socket
  -e, --consumerd-err-sock PATH      Specify path for the error socket
  -d, --daemonize                    Start as a daemon.
  -q, --quiet                        No output at all.
  -v, --verbose                      Verbose mode. Activate DBG() macro.
  -V, --version                      Show version number.
  -g, --group NAME                   Specify the tracing group name. (default: tracing)
  -k, --kernel                       Consumer kernel buffers (default).
  -u, --ust                          Consumer UST buffers.
";

const SPECS: [OptionSpec; 11] = [
    OptionSpec { long: "consumerd-cmd-sock", short: Some('c'), takes_value: true },
    OptionSpec { long: "consumerd-err-sock", short: Some('e'), takes_value: true },
    OptionSpec { long: "daemonize", short: Some('d'), takes_value: false },
    OptionSpec { long: "group", short: Some('g'), takes_value: true },
    OptionSpec { long: "help", short: Some('h'), takes_value: false },
    OptionSpec { long: "kernel", short: Some('k'), takes_value: false },
    OptionSpec { long: "quiet", short: Some('q'), takes_value: false },
    OptionSpec { long: "tsc-frequency", short: None, takes_value: true },
    OptionSpec { long: "ust", short: Some('u'), takes_value: false },
    OptionSpec { long: "verbose", short: Some('v'), takes_value: false },
    OptionSpec { long: "version", short: Some('V'), takes_value: false },
];

impl ConsumerOptions {
    /// Reads a command line, the program's name not included. Arguments that are no options are passed over: the real
    /// session daemon gives an empty one.
    ///
    /// # Errors
    /// What `getopt_long` refuses.
    pub fn parse(args: &[OsString]) -> Result<Request, UsageError> {
        let line = getopt::parse("lttng-consumerd", &SPECS, args)?;
        let mut domain = Domain::Kernel;
        let (mut command, mut error, mut group) = (None, None, None);
        let (mut daemonize, mut quiet, mut verbose) = (false, false, false);
        let mut tsc_frequency = None;
        for given in line.options {
            match given.name {
                "consumerd-cmd-sock" => command = given.value,
                "consumerd-err-sock" => error = given.value,
                "daemonize" => daemonize = true,
                "group" => group = given.value,
                "help" => return Ok(Request::Help),
                "kernel" => domain = Domain::Kernel,
                "quiet" => quiet = true,
                "tsc-frequency" => tsc_frequency = given.value.and_then(|value| value.to_str()?.parse().ok()),
                "ust" => domain = Domain::UserSpace,
                "verbose" => verbose = true,
                "version" => return Ok(Request::Version),
                other => unreachable!("option {other} has a specification only"),
            }
        }
        // The system's run directory, also for ordinary users: so does the real one.
        let directory = PathBuf::from("/var/run/lttng").join(match domain {
            Domain::Kernel => "kconsumerd",
            Domain::UserSpace => "ustconsumerd64",
        });
        Ok(Request::Run(ConsumerOptions {
            domain,
            command_socket: command.map_or_else(|| directory.join("command"), PathBuf::from),
            error_socket: error.map_or_else(|| directory.join("error"), PathBuf::from),
            group: group.map_or_else(|| "tracing".into(), |name| name.to_string_lossy().into_owned()),
            daemonize,
            quiet,
            verbose,
            tsc_frequency,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Request, UsageError> {
        ConsumerOptions::parse(&args.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_real_session_daemon_is_understood() {
        let args = ["", "-u", "--consumerd-cmd-sock", "/a", "--consumerd-err-sock", "/b", "--group", "g"];
        let Ok(Request::Run(options)) = parse(&args) else { panic!("to run") };
        assert_eq!(options.domain, Domain::UserSpace);
        assert_eq!(options.command_socket, PathBuf::from("/a"));
        assert_eq!(options.error_socket, PathBuf::from("/b"));
        assert_eq!((options.group.as_str(), options.quiet, options.verbose), ("g", false, false));
    }

    #[test]
    fn defaults_are_the_system_ones_and_unknown_options_are_refused() {
        let Ok(Request::Run(options)) = parse(&["-q"]) else { panic!("to run") };
        assert_eq!(options.domain, Domain::Kernel);
        assert_eq!(options.command_socket, PathBuf::from("/var/run/lttng/kconsumerd/command"));
        assert!(parse(&["--frobnicate"]).is_err());
        assert_eq!(parse(&["-V"]), Ok(Request::Version));
    }
}
