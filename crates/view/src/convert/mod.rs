//! Traces in other forms: what `rttng convert` writes.
//!
//! * [`ctf`]: traces of the Common Trace Format.
//! * [`output`]: outputs that appear under their name when they are whole, or not at all.
//!
//! A form of one file implements [`Printer`](crate::Printer) over a [`StagedFile`](output::StagedFile) and is driven by
//! [`run`](crate::run).

pub mod ctf;
mod error;
pub mod output;

pub use error::ConvertError;
