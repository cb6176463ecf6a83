//! `rttng convert TRACE... --to FORMAT -o PATH`: traces in another form.

mod options;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use rttng_ctf::read::Reader;
use rttng_view::convert::ConvertError;
use rttng_view::convert::ctf::{self, CtfOptions, CtfVersion};
use rttng_view::convert::output::StagedFile;
use rttng_view::perfetto::PerfettoPrinter;
use rttng_view::select::Selector;

use crate::words;
use options::{Format, Options};

/// `rttng convert`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    let options: Options = match words::read(argv) {
        Ok(options) => options,
        Err(end) => return end,
    };
    match convert(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rttng convert: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

fn convert(options: &Options) -> Result<(), ConvertError> {
    let mut reader = Reader::open(&options.traces, &rttng_ctf::read::Options::default())?;
    for trace in reader.traces() {
        for warning in trace.warnings() {
            let path = trace.metadata().display();
            eprintln!("rttng convert: {path}, line {}: {}", warning.line, warning.message);
        }
    }
    let mut selector = Selector::new(options.selected.selection(options.clock_gmt), &reader)?;
    match options.to {
        Format::Ctf1 | Format::Ctf2 => {
            let version = if options.to == Format::Ctf2 { CtfVersion::Ctf2 } else { CtfVersion::Ctf1 };
            let written = CtfOptions { version, packet_bytes: options.packet_size };
            ctf::convert(&mut reader, &options.traces, &mut selector, &written, &options.output).map(drop)
        }
        Format::Perfetto => {
            let (staged, file) = StagedFile::create(&options.output)?;
            let mut printer = PerfettoPrinter::new(&reader, options.perfetto.options(), &file);
            rttng_view::run(&mut reader, &mut selector, &mut printer)?;
            staged.finish(file)
        }
    }
}
