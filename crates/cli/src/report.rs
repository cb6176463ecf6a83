//! `rttng report TRACE... -o report.html`: a trace as one page for any browser.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use rttng_ctf::read::Reader;
use rttng_view::report::{Collector, PairRule, ReportOptions};
use rttng_view::select::Selector;
use rttng_view::{ViewError, run};

use crate::faults;
use crate::selection::{ClockOptions, SelectionOptions};
use crate::words;

/// Writes what is in traces as one page that any browser opens, from disk and without a network.
///
/// The page shows what was recorded, rates over time to zoom into, the busiest events, processes and CPUs, how long
/// things took from an event to its counterpart (x_begin and x_end, x_entry and x_exit, x_start and x_stop, x_done or
/// x_end), what was lost, and a table of events to search in.
#[derive(Debug, Clone, Parser)]
#[command(name = "rttng report", bin_name = "rttng report", max_term_width = 100)]
struct Options {
    /// Write the page to this file; `-` is the standard output
    #[arg(short = 'o', long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,

    /// The title of the page [default: the name of the folder]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// Measure the time from an event to another of the same thread, or, with a field, to the one whose field has the
    /// same value; may be repeated
    #[arg(long = "pair", value_name = "BEGIN,END[,FIELD]")]
    pairs: Vec<PairRule>,

    /// Measure only the pairs that are named with --pair
    #[arg(long)]
    no_detected_pairs: bool,

    /// Put so many single events into the page: the first, the last, all rare ones, and a sample of the others
    #[arg(long, value_name = "COUNT", default_value_t = 5000)]
    rows: usize,

    /// Times of --begin, --end and --timerange are those of UTC, not of the local time zone
    #[arg(long)]
    clock_gmt: bool,

    /// Refuse damaged traces, instead of showing what is there and saying what is not
    #[arg(long)]
    strict: bool,

    #[command(flatten)]
    clocks: ClockOptions,

    #[command(flatten)]
    selected: SelectionOptions,

    /// Folders with traces in them or below
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

/// `rttng report`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    words::carry_out("rttng report", argv, report)
}

fn report(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let reading = rttng_ctf::read::Options {
        correlation: options.clocks.correlation(),
        lenient: !options.strict,
        ..Default::default()
    };
    let mut reader = Reader::open(&options.traces, &reading)?;
    faults::tell_warnings("rttng report", &reader);
    options.selected.tell_unmatched("rttng report", &reader);
    let written = write(options, &mut reader);
    faults::tell_damage("rttng report", &reader);
    written?;
    if reader.damage_count() > 0 {
        return Err("the trace is damaged; the page says where, and `rttng inspect` tells more of it".into());
    }
    Ok(())
}

/// Writes the page of what can be read.
fn write(options: &Options, reader: &mut Reader) -> Result<(), Box<dyn std::error::Error>> {
    let mut selector =
        Selector::new(options.selected.selection(options.clock_gmt), reader).map_err(ViewError::Select)?;
    let wanted = ReportOptions {
        title: options.title.clone().or_else(|| title(&options.traces)),
        rows: options.rows,
        pairs: options.pairs.clone(),
        detect_pairs: !options.no_detected_pairs,
    };
    let mut collector = Collector::new(reader, &wanted);
    let ran = run(reader, &mut selector, &mut collector)?;
    let page = collector.page(reader, &ran);
    if options.output == Path::new("-") {
        std::io::stdout().write_all(page.as_bytes())?;
        return Ok(());
    }
    write_whole(&options.output, page.as_bytes())
        .map_err(|error| format!("cannot write {}: {error}", options.output.display()))?;
    let plural = if ran.events == 1 { "" } else { "s" };
    println!("{}: {} event{plural}, {} kB", options.output.display(), ran.events, page.len().div_ceil(1000));
    Ok(())
}

/// The name of the folder, if there is one.
fn title(traces: &[PathBuf]) -> Option<String> {
    let [trace] = traces else { return None };
    let path = trace.canonicalize().ok()?;
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

/// Writes a file that is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A pipe or a device is written to as it is.
    if std::fs::metadata(path).is_ok_and(|status| !status.is_file()) {
        return std::fs::write(path, bytes);
    }
    let mut file =
        tempfile::Builder::new().prefix(".report-").permissions(mode(0o666)).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Permissions as for any new file: the umask takes its part.
fn mode(bits: u32) -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(bits)
}
