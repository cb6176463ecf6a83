//! Why a trace cannot be read, or not further.

use std::path::{Path, PathBuf};

/// Something that cannot be read: where it is, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {cause}", path.display(), Offset(*offset))]
pub struct ReadError {
    /// The file or folder.
    pub path: PathBuf,
    /// Where in the file, in bytes, if it is a place.
    pub offset: Option<u64>,
    /// Why.
    pub cause: String,
}

impl ReadError {
    pub(super) fn of(path: &Path, cause: impl std::fmt::Display) -> ReadError {
        ReadError { path: path.to_owned(), offset: None, cause: cause.to_string() }
    }

    pub(super) fn at(path: &Path, offset: u64, cause: impl std::fmt::Display) -> ReadError {
        ReadError { path: path.to_owned(), offset: Some(offset), cause: cause.to_string() }
    }
}

struct Offset(Option<u64>);

impl std::fmt::Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |offset| write!(f, ", byte {offset}"))
    }
}
