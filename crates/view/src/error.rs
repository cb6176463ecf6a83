//! Why a trace cannot be shown, or not further.

use rttng_ctf::read::ReadError;

use crate::select::SelectError;

/// What stopped the view.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The trace cannot be read further.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The selection does not fit the traces.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The output takes nothing more.
    #[error("cannot write the output: {0}")]
    Write(#[source] std::io::Error),
}
