//! The command line of `rttng convert`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::selection::SelectionOptions;

/// Writes traces in another form, all of them or a part.
#[derive(Debug, Clone, Parser)]
#[command(name = "rttng convert", bin_name = "rttng convert", max_term_width = 100)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) selected: SelectionOptions,

    /// What to write
    #[arg(long, alias = "output-format", value_name = "FORMAT")]
    pub(crate) to: Format,

    /// Where to write it: a name that is not taken yet
    #[arg(short = 'o', short_alias = 'w', long, value_name = "PATH")]
    pub(crate) output: PathBuf,

    /// Make packets anew, to be at most so large where no single event is larger: bytes, or with `k`, `M` or `G` behind;
    /// without this they are as they were recorded
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) packet_size: Option<u64>,

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
}

fn size(text: &str) -> Result<u64, String> {
    let size = crate::lttng::values::size(text).filter(|size| *size > 0);
    size.ok_or_else(|| "a size is a number of bytes, or one with `k`, `M` or `G` behind".to_owned())
}
