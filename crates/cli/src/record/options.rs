//! The command line of `rttng record`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Runs a program and records its user-space events.
///
/// Everything that recording needs is started inside this command and ends with it: no session daemon has to run, and
/// one that runs is not touched. Programs built with liblttng-ust are recorded as they are.
#[derive(Debug, Clone, Parser)]
#[command(name = "rttng record", bin_name = "rttng record", max_term_width = 100)]
pub(crate) struct Options {
    /// Record events of these names, `*` standing for any text; may be repeated [default: all]
    #[arg(short = 'e', long = "event", value_name = "PATTERN", value_delimiter = ',')]
    pub(crate) events: Vec<String>,

    /// Leave out events of these names, even if a pattern of --event matches them
    #[arg(short = 'x', long = "exclude", value_name = "PATTERN", value_delimiter = ',')]
    pub(crate) exclude: Vec<String>,

    /// Record only events for which this expression on their fields and contexts holds
    #[arg(short = 'f', long, value_name = "EXPRESSION")]
    pub(crate) filter: Option<String>,

    /// Record only events of this log level and more severe ones
    #[arg(long, value_name = "LEVEL", conflicts_with = "loglevel_only")]
    pub(crate) loglevel: Option<String>,

    /// Record only events of exactly this log level
    #[arg(long, value_name = "LEVEL")]
    pub(crate) loglevel_only: Option<String>,

    /// Add a context field to every event, for example vpid, vtid, procname, perf:thread:cpu-cycles
    #[arg(short = 't', long = "context", value_name = "FIELD", value_delimiter = ',')]
    pub(crate) contexts: Vec<String>,

    /// Directory for the trace [default: ./PROGRAM-DATE]
    #[arg(short = 'o', long, value_name = "DIRECTORY")]
    pub(crate) output: Option<PathBuf>,

    /// Size and number of the sub-buffers and other attributes of the channel: subbuf-size=SIZE, num-subbuf=N,
    /// overwrite, switch-timer=TIME, read-timer=TIME, tracefile-size=SIZE, tracefile-count=N
    #[arg(short = 'C', long, value_name = "ATTRIBUTE", value_delimiter = ',')]
    pub(crate) channel: Vec<String>,

    /// Give each process buffers (and a trace) of its own, instead of sharing them among a user's processes
    #[arg(long)]
    pub(crate) per_process: bool,

    /// Rather than to lose an event, let the program wait until there is room, at most so long for each event
    /// [default time: 100ms]
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "100ms",
        value_parser = parse_time
    )]
    pub(crate) lossless: Option<Duration>,

    /// What times are counted in: `monotonic` is LTTng's clock, CLOCK_MONOTONIC; `tsc` the processor's time-stamp
    /// counter, which is quicker to read, where it goes on evenly, for programs that are traced with rttng-ust (not with
    /// liblttng-ust)
    #[arg(long, value_name = "CLOCK", default_value = "monotonic", hide_default_value = true)]
    pub(crate) clock: ClockChoice,

    /// Say only what was lost
    #[arg(short = 'q', long)]
    pub(crate) quiet: bool,

    /// The program to run, with its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "PROGRAM")]
    pub(crate) program: Vec<OsString>,
}

/// What times are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockChoice {
    /// `CLOCK_MONOTONIC`.
    Monotonic,
    /// The processor's time-stamp counter.
    Tsc,
}

/// A time as LTTng's options take it: a number of microseconds, or with `us`, `ms`, `s`, `m`, `h`.
fn parse_time(text: &str) -> Result<Duration, String> {
    crate::lttng::values::time(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| format!("{text:?} is no time; write for example 500us, 100ms or 2s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Options, String> {
        let all = std::iter::once("rttng record").chain(args.iter().copied());
        Options::try_parse_from(all).map_err(|error| error.to_string())
    }

    #[test]
    fn the_program_s_own_options_are_its_own() {
        let options = read(&["-e", "a:*,b:*", "--", "ls", "-l", "--event", "x"]).unwrap();
        assert_eq!(options.events, ["a:*", "b:*"]);
        assert_eq!(options.program, ["ls", "-l", "--event", "x"]);
        let options = read(&["ls", "-o", "x"]).unwrap();
        assert_eq!((options.output, options.program.len()), (None, 3));
    }

    #[test]
    fn lossless_may_have_a_time() {
        assert_eq!(read(&["--lossless", "ls"]).unwrap().lossless, Some(Duration::from_millis(100)));
        assert_eq!(read(&["--lossless=2s", "ls"]).unwrap().lossless, Some(Duration::from_secs(2)));
        assert!(read(&["--lossless=soon", "ls"]).unwrap_err().contains("is no time"));
        assert!(read(&["--lossless"]).unwrap_err().contains("PROGRAM"));
    }
}
