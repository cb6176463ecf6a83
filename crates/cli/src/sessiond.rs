//! `lttng-sessiond`: the session daemon, with its diagnostics on standard error.

use std::ffi::OsString;
use std::process::ExitCode;

use tracing_subscriber::filter::LevelFilter;

/// The program, for man pages and completion: its options are LTTng's (`lttng-sessiond(8)`).
pub(crate) fn describe() -> clap::Command {
    clap::Command::new("sessiond").override_usage("rttng sessiond [OPTIONS]").long_about(
        "The session daemon, with the options of lttng-sessiond(8): `rttng sessiond --help` lists them.",
    )
}

/// Runs the daemon with the arguments from its own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    rttng_session::daemon::main(argv, |options| {
        let level = match (options.quiet, options.verbosity) {
            (true, _) => LevelFilter::OFF,
            (false, 0) => LevelFilter::WARN,
            (false, 1) => LevelFilter::INFO,
            (false, 2) => LevelFilter::DEBUG,
            (false, _) => LevelFilter::TRACE,
        };
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_target(false)
            .init();
    })
}
