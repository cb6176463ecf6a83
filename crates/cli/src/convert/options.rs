//! The command line of `rttng convert`.

use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use rttng_view::perfetto::{CounterRule, PairRule, PerfettoOptions};

use crate::selection::{ClockOptions, SelectionOptions};

/// Writes traces in another form, all of them or a part.
#[derive(Debug, Clone, Parser)]
#[command(name = "rttng convert", bin_name = "rttng convert", max_term_width = 100)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) selected: SelectionOptions,

    /// What to write
    #[arg(long, alias = "output-format", value_name = "FORMAT", required_unless_present = "index_only")]
    pub(crate) to: Option<Format>,

    /// Where to write it: a name that is not taken yet
    #[arg(short = 'o', short_alias = 'w', long, value_name = "PATH", required_unless_present = "index_only")]
    pub(crate) output: Option<PathBuf>,

    /// Write no trace, but the index files of these ones anew, where they are missing or wrong
    #[arg(long, conflicts_with_all = ["to", "output", "packet_size", "strict"])]
    pub(crate) index_only: bool,

    /// Refuse damaged traces, instead of making whole ones of what is there
    #[arg(long)]
    pub(crate) strict: bool,

    /// Make packets anew, to be at most so large where no single event is larger: bytes, or with `k`, `M` or `G` behind;
    /// without this they are as they were recorded
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) packet_size: Option<u64>,

    #[command(flatten)]
    pub(crate) clocks: ClockOptions,

    #[command(flatten)]
    pub(crate) perfetto: PerfettoArgs,

    /// Times of --begin, --end and --timerange are those of UTC, not of the local time zone
    #[arg(long)]
    pub(crate) clock_gmt: bool,

    /// Folders with traces in them or below
    #[arg(value_name = "TRACE", required = true)]
    pub(crate) traces: Vec<PathBuf>,
}

/// A form to convert to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A folder of traces of the Common Trace Format, version 1.8
    #[value(alias = "ctf", alias = "ctf-1.8")]
    Ctf1,
    /// The same in version 2 of the format, with metadata in JSON
    #[value(alias = "ctf-2")]
    Ctf2,
    /// A file for ui.perfetto.dev: tracks for processes, threads and CPUs with events, slices and counters
    Perfetto,
}

/// What is drawn how in a Perfetto trace.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "For --to perfetto")]
pub(crate) struct PerfettoArgs {
    /// Draw two events as one slice: those of one thread by nesting, those with the same value of FIELD on whatever
    /// thread; may be repeated. Pairs like `x_begin` and `x_end`, and spans, are drawn anyway
    #[arg(long = "pair", value_name = "BEGIN,END[,FIELD]")]
    pairs: Vec<PairRule>,

    /// Draw no other slices than those of --pair
    #[arg(long)]
    only_pairs: bool,

    /// Draw a field as a counter, `*` in the event standing for any text; may be repeated [default: fields named like
    /// `depth` or `counter`]
    #[arg(long = "counter", value_name = "EVENT,FIELD")]
    counters: Vec<CounterRule>,

    /// Draw arrows between events with the same value of this field or context; may be repeated
    #[arg(long = "flow", value_name = "FIELD")]
    flows: Vec<String>,
}

impl PerfettoArgs {
    /// The same for the library.
    pub(crate) fn options(&self) -> PerfettoOptions {
        PerfettoOptions {
            pairs: self.pairs.clone(),
            only_named_pairs: self.only_pairs,
            counters: self.counters.clone(),
            flows: self.flows.clone(),
        }
    }
}

fn size(text: &str) -> Result<u64, String> {
    let size = crate::lttng::values::size(text).filter(|size| *size > 0);
    size.ok_or_else(|| "a size is a number of bytes, or one with `k`, `M` or `G` behind".to_owned())
}
