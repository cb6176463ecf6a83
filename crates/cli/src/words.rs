//! The words of our own commands, read with clap.

use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

use clap::Parser;

/// Reads `argv`, from the command's own name on. The error is what to end with: help or a complaint was printed.
pub(crate) fn read<Options: Parser>(argv: Vec<OsString>) -> Result<Options, ExitCode> {
    Options::try_parse_from(argv).map_err(|error| end(&error))
}

/// Carries out a command that ends well or with an error, which is printed behind the command's name.
pub(crate) fn carry_out<Options: Parser, Error: Display>(
    command: &str,
    argv: Vec<OsString>,
    work: impl FnOnce(&Options) -> Result<(), Error>,
) -> ExitCode {
    let options = match read(argv) {
        Ok(options) => options,
        Err(end) => return end,
    };
    match work(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{command}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints help or a complaint; gives what to end with.
pub(crate) fn end(error: &clap::Error) -> ExitCode {
    // Help goes to standard output, complaints to standard error; neither can be reported any further.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}
