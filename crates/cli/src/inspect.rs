//! `rttng inspect TRACE...`: what traces are made of, and what is wrong with them.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, ValueEnum};

use crate::words;

/// Status of a program whose reader went away, as shells have it for SIGPIPE.
const BROKEN_PIPE: u8 = 128 + 13;

/// Shows what traces are made of: metadata in words, environment, clocks, streams, packets, sizes, times, losses; and
/// what is wrong with them, where, and what to do about it.
///
/// Damaged traces are read as far as they go. The status is 1 if not all that was recorded can be read.
#[derive(Debug, Clone, Parser)]
#[command(name = "rttng inspect", bin_name = "rttng inspect", max_term_width = 100)]
struct Options {
    /// How to write: `human` or `json` (one document)
    #[arg(long, value_name = "FORMAT", default_value = "human", hide_possible_values = true)]
    format: Format,

    /// List every packet
    #[arg(long)]
    packets: bool,

    /// Folders with traces in them or below
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

/// `rttng inspect`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    let options: Options = match words::read(argv) {
        Ok(options) => options,
        Err(end) => return end,
    };
    let inspection = match rttng_view::inspect::inspect(&options.traces) {
        Ok(inspection) => inspection,
        Err(error) => {
            eprintln!("rttng inspect: {error}");
            return ExitCode::FAILURE;
        }
    };
    let text = match options.format {
        Format::Human => inspection.text(options.packets),
        Format::Json => inspection.json(options.packets),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) if inspection.is_whole() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            eprintln!("rttng inspect: cannot write the output: {error}");
            ExitCode::FAILURE
        }
    }
}
