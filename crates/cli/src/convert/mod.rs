//! `rttng convert TRACE... --to FORMAT -o PATH`: traces in another form.

mod options;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::CommandFactory;
use rttng_ctf::read::{IndexState, Reader};
use rttng_view::convert::ConvertError;
use rttng_view::convert::ctf::{self, CtfOptions, CtfVersion};
use rttng_view::convert::output::StagedFile;
use rttng_view::perfetto::PerfettoPrinter;
use rttng_view::select::Selector;

use crate::{faults, words};
use options::{Format, Options};

/// `rttng convert`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    words::carry_out("rttng convert", argv, convert)
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

fn convert(options: &Options) -> Result<(), ConvertError> {
    let (Some(format), Some(output)) = (options.to, &options.output) else {
        return rebuild_indexes(options);
    };
    let reading = rttng_ctf::read::Options {
        correlation: options.clocks.correlation(),
        lenient: !options.strict,
        ..Default::default()
    };
    let mut reader = Reader::open(&options.traces, &reading)?;
    faults::tell_warnings("rttng convert", &reader);
    options.selected.tell_unmatched("rttng convert", &reader);
    let converted = write(options, format, output, &mut reader);
    faults::tell_damage("rttng convert", &reader);
    converted
}

fn write(options: &Options, format: Format, output: &Path, reader: &mut Reader) -> Result<(), ConvertError> {
    let mut selector = Selector::new(options.selected.selection(options.clock_gmt), reader)?;
    match format {
        Format::Ctf1 | Format::Ctf2 => {
            let version = if format == Format::Ctf2 { CtfVersion::Ctf2 } else { CtfVersion::Ctf1 };
            let written = CtfOptions { version, packet_bytes: options.packet_size };
            ctf::convert(reader, &options.traces, &mut selector, &written, output).map(drop)
        }
        Format::Perfetto => {
            let (staged, file) = StagedFile::create(output)?;
            let mut printer = PerfettoPrinter::new(reader, options.perfetto.options(), &file);
            rttng_view::run(reader, &mut selector, &mut printer)?;
            staged.finish(file)
        }
    }
}

/// Says which index files it wrote.
fn rebuild_indexes(options: &Options) -> Result<(), ConvertError> {
    let mut out = std::io::stdout().lock();
    for (data, state) in rttng_ctf::read::rebuild_indexes(&options.traces)? {
        let done = match state {
            IndexState::Missing => "its index was missing, and was written",
            IndexState::Wrong => "its index was wrong, and was written anew",
            IndexState::Right | IndexState::None => continue,
        };
        // Whoever closes standard output does not want to know.
        let _ = writeln!(out, "{}: {done}", data.display());
    }
    Ok(())
}
