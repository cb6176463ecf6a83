//! Why a trace cannot be shown, or not further.

use std::path::PathBuf;

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
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A folder for tables has files in it.
    #[error("{} is not empty: tables are written into a folder of their own", _0.display())]
    NotEmpty(PathBuf),
    /// A Parquet file cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
}
