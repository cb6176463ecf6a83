//! Why traces cannot be converted.

use std::path::{Path, PathBuf};

use crate::ViewError;

/// What stopped a conversion. Nothing is left under the name of the output.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The traces cannot be read, or the selection does not fit them.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The types of a trace cannot be written.
    #[error("{}: {cause}", path.display())]
    Types {
        /// The trace's metadata.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A packet cannot be copied.
    #[error("{}: {cause}", path.display())]
    Copy {
        /// The data file.
        path: PathBuf,
        /// Why.
        cause: rttng_ctf::write::CopyError,
    },
    /// There is something already under the name of the output.
    #[error("{} exists; nothing is overwritten: choose another name, or move it away first", .0.display())]
    Exists(PathBuf),
    /// The output cannot be written.
    #[error("cannot write {}: {source}; nothing is left of it", path.display())]
    Output {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl ConvertError {
    /// An output that cannot be written, for `map_err`.
    pub fn output(path: &Path) -> impl FnOnce(std::io::Error) -> ConvertError {
        let path = path.to_owned();
        move |source| ConvertError::Output { path, source }
    }
}

impl From<rttng_ctf::read::ReadError> for ConvertError {
    fn from(error: rttng_ctf::read::ReadError) -> ConvertError {
        ConvertError::View(error.into())
    }
}

impl From<crate::select::SelectError> for ConvertError {
    fn from(error: crate::select::SelectError) -> ConvertError {
        ConvertError::View(error.into())
    }
}
