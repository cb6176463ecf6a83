//! `lttng-consumerd`: options, diagnostics on standard error, and the daemon itself.

use std::ffi::OsString;
use std::process::ExitCode;

use rttng_consumer::{ConsumerOptions, Request, USAGE};
use tracing_subscriber::filter::LevelFilter;

/// The program, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    clap::Command::new("consumerd").override_usage("rttng consumerd [OPTIONS]").long_about(
        "The consumer daemon, with the options of lttng-consumerd: `rttng consumerd --help` lists them.",
    )
}

/// Runs the consumer daemon.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    let options = match ConsumerOptions::parse(&argv[1..]) {
        Ok(Request::Run(options)) => options,
        Ok(Request::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Request::Version) => {
            println!("{}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}");
            eprint!("{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let level = match (options.quiet, options.verbose) {
        (true, _) => LevelFilter::OFF,
        (false, true) => LevelFilter::DEBUG,
        (false, false) => LevelFilter::WARN,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .init();
    match rttng_consumer::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !options.quiet {
                eprintln!("Error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
