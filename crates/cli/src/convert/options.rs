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
