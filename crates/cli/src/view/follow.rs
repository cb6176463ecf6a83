//! `rttng view --follow`: events as they are recorded.

use std::io::Write;
use std::path::PathBuf;

use rttng_ctf::read::ReadError;
use rttng_ctf::read::follow::Follower;
use rttng_view::follow::follow as run;
use rttng_view::json::JsonPrinter;
use rttng_view::select::Selector;
use rttng_view::text::TextPrinter;
use rttng_view::{Losses, ViewError};

use super::options::{Format, Options};
use super::{open_output, reading, text_options};
use crate::guide::{SessionGuide, nothing_in, trace_of};

/// Shows what is asked for as it comes; gives what was lost, and that all could be read.
pub(super) fn follow(options: &Options) -> Result<(Losses, bool), ViewError> {
    let format = options.output_format;
    if matches!(format, Format::Csv | Format::Parquet) {
        return Err(refused(
            &options.traces,
            "--follow writes text or json: tables are made of whole traces",
        ));
    }
    if options.selection().stream_intersection {
        return Err(refused(
            &options.traces,
            "--stream-intersection needs whole traces: it does not go with --follow",
        ));
    }
    if options.traces.is_empty() {
        return Err(refused(&[], "--follow needs a trace, or the name of a recording session"));
    }
    let mut traces = Vec::new();
    for trace in &options.traces {
        traces.push(trace_of(trace).map_err(|cause| refused(std::slice::from_ref(trace), &cause))?);
    }
    let mut guide = SessionGuide::new(&traces, options.patience).map_err(ViewError::Write)?;
    let mut follower = Follower::open(&traces, &reading(options))?;
    let mut selector = Selector::growing(options.selection())?;
    let ran = if options.count || format == Format::Dummy {
        let ran = run(&mut follower, &mut selector, &mut (), &mut guide)?;
        if options.count {
            writeln!(std::io::stdout(), "{}", ran.events).map_err(ViewError::Write)?;
        }
        ran
    } else if format == Format::Json {
        let mut printer = JsonPrinter::new(follower.reader(), open_output(options)?);
        run(&mut follower, &mut selector, &mut printer, &mut guide)?
    } else {
        let text = text_options(options);
        let mut printer = TextPrinter::new(follower.reader(), text, open_output(options)?, std::io::stderr());
        run(&mut follower, &mut selector, &mut printer, &mut guide)?
    };
    if follower.reader().traces().is_empty() && !guide.is_interrupted() {
        return Err(nothing_in(&traces[0]).into());
    }
    Ok((ran.losses, true))
}

fn refused(traces: &[PathBuf], cause: &str) -> ViewError {
    let path = traces.first().cloned().unwrap_or_default();
    ReadError { path, offset: None, cause: cause.to_owned() }.into()
}
