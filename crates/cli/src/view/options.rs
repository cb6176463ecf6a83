//! The command line of `rttng view`: that of `babeltrace2 convert`, as far as it is about traces in files and text.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rttng_view::csv::Columns;
use rttng_view::select::Selection;
use rttng_view::text::{Fields, Names, TextOptions, TimeFormat};

use super::compat::{Word, input_format};
use crate::selection::{ClockOptions, SelectionOptions};

/// Shows the events of traces, all streams together, in the order of time.
///
/// The text is that of babeltrace2, byte for byte, and so are its options; --count, --cpu, --event, --fail-on-loss,
/// --filter, --limit, --process and the output formats `json`, `csv` and `parquet` are more.
#[derive(Debug, Clone, Parser)]
#[command(name = "rttng view", bin_name = "rttng view", max_term_width = 100)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) selected: SelectionOptions,

    /// Refuse damaged traces, instead of reading what is there and saying what is not
    #[arg(long)]
    pub(crate) strict: bool,

    /// Only count the events, and say how many there are
    #[arg(long, conflicts_with_all = ["output", "output_format"])]
    pub(crate) count: bool,

    /// Sum up what was lost, and end with status 3 if anything was
    #[arg(long)]
    pub(crate) fail_on_loss: bool,

    /// Go on while the traces are being written, until their session is destroyed; a session can be named instead
    #[arg(long)]
    pub(crate) follow: bool,

    /// With --follow, show events after so many seconds even if earlier ones of other streams may still come
    #[arg(long, value_name = "SECONDS", requires = "follow", value_parser = seconds)]
    pub(crate) patience: Option<Duration>,

    /// How to write: `text`, `json` (an object a line), `csv` (a row a line; with one event name in --event its fields
    /// are columns), `parquet` (a file for each event name, in the folder that --output names), `dummy` (nothing)
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "text", hide_possible_values = true)]
    pub(crate) output_format: Format,

    /// What to read: `ctf` is all that there is
    #[arg(short = 'i', long, value_name = "FORMAT", hide = true, value_parser = input_format)]
    pub(crate) input_format: Option<String>,

    /// Print times in cycles of the clock
    #[arg(long, overrides_with = "clock_cycles")]
    pub(crate) clock_cycles: bool,

    #[command(flatten)]
    pub(crate) clocks: ClockOptions,

    /// Print dates with the times
    #[arg(long, overrides_with = "clock_date")]
    pub(crate) clock_date: bool,

    /// Print times of UTC, not of the local time zone
    #[arg(long, overrides_with = "clock_gmt")]
    pub(crate) clock_gmt: bool,

    /// Print times as seconds since the origin of the clock
    #[arg(long, overrides_with = "clock_seconds")]
    pub(crate) clock_seconds: bool,

    /// Add seconds to all clocks
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        hide_default_value = true,
        allow_negative_numbers = true
    )]
    pub(crate) clock_offset: i64,

    /// Add nanoseconds to all clocks
    #[arg(
        long,
        value_name = "NANOSECONDS",
        default_value_t = 0,
        hide_default_value = true,
        allow_negative_numbers = true
    )]
    pub(crate) clock_offset_ns: i64,

    /// Colour the output: `auto` does so in a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,

    /// Print these words before each event's name: `all`, `trace`, `trace:hostname`, `trace:domain`, `trace:procname`,
    /// `trace:vpid`, `loglevel`, `emf` [default: trace:hostname,trace:procname,trace:vpid]
    #[arg(short = 'f', long, value_name = "FIELD", value_delimiter = ',', value_parser = Word::<Field>::NEW)]
    pub(crate) fields: Vec<Option<Field>>,

    /// Print these names: `payload` (or `arg`, `args`), `context` (or `ctx`), `scope`, `header`, `all`, `none`
    /// [default: payload,context]
    #[arg(short = 'n', long, value_name = "NAME", value_delimiter = ',', value_parser = Word::<Name>::NEW)]
    pub(crate) names: Vec<Option<Name>>,

    /// Do not print the time since the event before
    #[arg(long, overrides_with = "no_delta")]
    pub(crate) no_delta: bool,

    /// Print with so many threads; the output is the same for any number [default: one for each processor]
    #[arg(long, value_name = "COUNT", value_parser = threads)]
    pub(crate) threads: Option<usize>,

    /// Write to this file; for `parquet` into this folder, which is made, or is empty
    #[arg(short = 'w', long, value_name = "FILE", required_if_eq("output_format", "parquet"))]
    pub(crate) output: Option<PathBuf>,

    /// Folders with traces in them or below; or the name of a recording session
    #[arg(value_name = "TRACE")]
    pub(crate) traces: Vec<PathBuf>,
}

/// A form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Csv,
    Parquet,
    Dummy,
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=256) => Ok(count),
        _ => Err("not a number from 1 to 256".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|_| "a number of seconds is needed".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Never,
    Auto,
    Always,
}

/// A word of `--fields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Field {
    All,
    Trace,
    #[value(name = "trace:hostname")]
    Hostname,
    #[value(name = "trace:domain")]
    Domain,
    #[value(name = "trace:procname")]
    Procname,
    #[value(name = "trace:vpid")]
    Vpid,
    Loglevel,
    Emf,
}

/// A word of `--names`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    #[value(alias = "arg", alias = "args")]
    Payload,
    None,
    All,
    Scope,
    Header,
    #[value(alias = "ctx")]
    Context,
}

impl Options {
    /// What of these options contradicts itself, if anything.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        let has = |name| self.names.contains(&Some(name));
        (has(Name::All) && has(Name::None)).then_some("--names takes `all` or `none`, not both")
    }

    /// Which events are shown.
    pub(crate) fn selection(&self) -> Selection {
        self.selected.selection(self.clock_gmt)
    }

    /// The columns of CSV: those of an event if one is asked for by its whole name.
    pub(crate) fn columns(&self) -> Columns {
        match self.selection().events.as_slice() {
            [name] if !name.contains('*') => Columns::Of(name.clone()),
            _ => Columns::Scopes,
        }
    }

    /// How events are written; `color` and `color_messages` say what the two outputs can show.
    pub(crate) fn text(&self, color: bool, color_messages: bool) -> TextOptions {
        TextOptions {
            time: match (self.clock_cycles, self.clock_seconds) {
                (true, _) => TimeFormat::Cycles,
                (_, true) => TimeFormat::Seconds,
                _ => TimeFormat::OfDay,
            },
            date: self.clock_date,
            gmt: self.clock_gmt,
            delta: !self.no_delta,
            names: self.chosen_names(),
            fields: self.chosen_fields(),
            color,
            color_messages,
        }
    }

    fn chosen_names(&self) -> Names {
        if self.names.iter().flatten().next().is_none() {
            return Names::default();
        }
        let mut names = Names::NONE;
        for name in self.names.iter().flatten() {
            match name {
                Name::Payload => names.payload = true,
                Name::None => {}
                Name::All => names = Names::ALL,
                Name::Scope => names.scope = true,
                Name::Header => names.header = true,
                Name::Context => names.context = true,
            }
        }
        names
    }

    fn chosen_fields(&self) -> Fields {
        if self.fields.iter().flatten().next().is_none() {
            return Fields::default();
        }
        let mut fields = Fields::NONE;
        for field in self.fields.iter().flatten() {
            match field {
                Field::All => fields = Fields::ALL,
                Field::Trace => fields.trace = true,
                Field::Hostname => fields.hostname = true,
                Field::Domain => fields.domain = true,
                Field::Procname => fields.procname = true,
                Field::Vpid => fields.vpid = true,
                Field::Loglevel => fields.loglevel = true,
                Field::Emf => fields.emf = true,
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use rttng_view::select::TimeBound;

    use super::*;

    fn read(args: &[&str]) -> Result<Options, String> {
        let all = std::iter::once("rttng view").chain(args.iter().copied());
        Options::try_parse_from(all).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_those_of_babeltrace() {
        let options =
            read(&["-n", "ctx,args", "-f", "trace:vpid,emf", "-o", "text", "-b", "-1.5", "x"]).unwrap();
        let text = options.text(false, false);
        assert_eq!(text.names, Names { payload: true, context: true, ..Names::NONE });
        assert_eq!(text.fields, Fields { vpid: true, emf: true, ..Fields::NONE });
        let second = |second: i64| Some(TimeBound::Absolute(second * 1_000_000_000));
        assert_eq!(options.selection().begin, Some(TimeBound::Absolute(-1_500_000_000)));
        for words in [["--timerange=[1,2]", "x"], ["-t1,2", "x"]] {
            let range = read(&words).unwrap().selection();
            assert_eq!((range.begin, range.end), (second(1), second(2)));
        }
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        assert!(read(&["--timerange=1"]).unwrap_err().contains("two times"));
        assert!(read(&["--begin=noon"]).unwrap_err().contains("is no time"));
        assert!(read(&["--filter=a ="]).unwrap_err().contains("expected an operator"));
        assert!(read(&["--color=blue"]).unwrap_err().contains("possible values"));
    }
}
