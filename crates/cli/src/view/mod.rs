//! `rttng view TRACE...`: the events of traces as text. `rttng view SESSION` is LTTng's command, which then comes back
//! here with the session's folder.

mod compat;
mod follow;
mod options;

use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use rttng_ctf::read::Reader;
use rttng_view::csv::CsvPrinter;
use rttng_view::json;
use rttng_view::parquet::ParquetTables;
use rttng_view::select::Selector;
use rttng_view::text;
use rttng_view::{Losses, ViewError, run};

use crate::guide::session_of;
use crate::{faults, lttng, words};
use options::{Format, Options, When};

/// Status of a program whose reader went away, as shells have it for SIGPIPE.
const BROKEN_PIPE: u8 = 128 + 13;

/// Status after a command line that makes no sense, as clap has it.
const MISUSED: u8 = 2;

/// Status after losses, if they are to be one.
const LOST: u8 = 3;

/// `rttng view`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    let options = match Options::try_parse_from(&argv) {
        Ok(options) => options,
        // LTTng's own options of the command.
        Err(error) if error.use_stderr() && lttng_means(&argv) => return as_lttng(argv),
        Err(error) => {
            let Some(advice) = compat::advice(&error) else { return words::end(&error) };
            return misused(&advice);
        }
    };
    if let Some(contradiction) = options.contradiction() {
        return misused(contradiction);
    }
    let is_session = |trace: &&PathBuf| !trace.exists() && trace.components().count() == 1;
    let session = options.traces.iter().find(is_session);
    if !options.follow && (options.traces.is_empty() || session.is_some()) {
        if let Some((name, Err(cause))) = session.map(|name| (name, session_of(name))) {
            eprintln!("rttng view: {}: {cause}", name.display());
            return ExitCode::FAILURE;
        }
        return as_lttng(argv);
    }
    let outcome = if options.follow { follow::follow(&options) } else { view(&options) };
    match outcome {
        Ok((losses, _)) if options.fail_on_loss && !losses.is_none() => {
            eprintln!("rttng view: {}", summed_up(&losses));
            ExitCode::from(LOST)
        }
        Ok((_, true)) => ExitCode::SUCCESS,
        Ok((_, false)) => ExitCode::FAILURE,
        Err(ViewError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::from(BROKEN_PIPE)
        }
        Err(error) => {
            eprintln!("rttng view: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line makes no sense.
fn misused(complaint: &str) -> ExitCode {
    eprintln!("rttng view: {complaint}");
    ExitCode::from(MISUSED)
}

fn summed_up(losses: &Losses) -> String {
    let counted = |count: u64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut parts = Vec::new();
    if losses.events > 0 {
        parts.push(format!("{} discarded", counted(losses.events, "event")));
    }
    if losses.packets > 0 {
        parts.push(format!("{} lost", counted(losses.packets, "packet")));
    }
    if losses.uncounted > 0 {
        parts.push(format!(
            "an unknown number of events before the start of {}",
            counted(losses.uncounted, "stream")
        ));
    }
    parts.join(", ")
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

/// Whether a word is an option that only LTTng's `view` has.
fn lttng_means(argv: &[OsString]) -> bool {
    argv.iter().filter_map(|word| word.to_str()).any(|word| {
        ["--viewer", "--trace-path"]
            .iter()
            .any(|option| word == *option || word.starts_with(&format!("{option}=")))
    })
}

fn as_lttng(argv: Vec<OsString>) -> ExitCode {
    lttng::main(std::iter::once(OsString::from("rttng")).chain(argv).collect())
}

/// Shows what is asked for; gives what was lost, and whether all could be read.
fn view(options: &Options) -> Result<(Losses, bool), ViewError> {
    let mut reader = Reader::open(&options.traces, &reading(options))?;
    faults::tell_warnings("rttng view", &reader);
    options.selected.tell_unmatched("rttng view", &reader);
    let shown = show(options, &mut reader);
    faults::tell_damage("rttng view", &reader);
    let is_damaged = reader.damage_count() > 0;
    if is_damaged {
        eprintln!("rttng view: the trace is damaged; `rttng inspect` tells more of it");
    }
    Ok((shown?, !is_damaged))
}

fn show(options: &Options, reader: &mut Reader) -> Result<Losses, ViewError> {
    let threads = options.threads.unwrap_or_else(rttng_view::default_threads);
    let mut selector = Selector::new(options.selection(), reader)?;
    if options.count || options.output_format == Format::Dummy {
        let ran = run(reader, &mut selector, &mut ())?;
        if options.count {
            writeln!(std::io::stdout(), "{}", ran.events).map_err(ViewError::Write)?;
        }
        return Ok(ran.losses);
    }
    if let (Format::Parquet, Some(folder)) = (options.output_format, &options.output) {
        let mut tables = ParquetTables::new(reader, folder)?;
        return Ok(run(reader, &mut selector, &mut tables)?.losses);
    }
    let output = open_output(options)?;
    let ran = if options.output_format == Format::Json {
        json::print(reader, options.selection(), threads, output)
    } else if options.output_format == Format::Csv {
        let mut printer = CsvPrinter::new(reader, &options.columns(), output, std::io::stderr());
        run(reader, &mut selector, &mut printer)
    } else {
        text::print(reader, options.selection(), text_options(options), threads, (output, std::io::stderr()))
    };
    Ok(ran?.losses)
}

/// How traces are read.
fn reading(options: &Options) -> rttng_ctf::read::Options {
    let seconds = options.clock_offset.saturating_mul(1_000_000_000);
    rttng_ctf::read::Options {
        clock_offset_ns: seconds.saturating_add(options.clock_offset_ns),
        correlation: options.clocks.correlation(),
        lenient: !options.strict,
        ..Default::default()
    }
}

fn open_output(options: &Options) -> Result<File, ViewError> {
    let output = match &options.output {
        Some(path) => File::create(path),
        // Not std's own: that one looks for the ends of lines.
        None => std::io::stdout().as_fd().try_clone_to_owned().map(File::from),
    };
    output.map_err(ViewError::Write)
}

fn text_options(options: &Options) -> rttng_view::text::TextOptions {
    let color = |terminal: bool| wants_color(options.color, terminal);
    let to_terminal = options.output.is_none() && std::io::stdout().is_terminal();
    options.text(color(to_terminal), color(std::io::stderr().is_terminal()))
}

/// Whether an output is coloured; babeltrace2's variable wins over the option.
fn wants_color(when: When, is_terminal: bool) -> bool {
    let when = match std::env::var("BABELTRACE_TERM_COLOR").as_deref() {
        Ok("ALWAYS" | "always") => When::Always,
        Ok("NEVER" | "never") => When::Never,
        _ => when,
    };
    match when {
        When::Never => false,
        When::Always => true,
        When::Auto => {
            is_terminal && std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb")
        }
    }
}
