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

/// Errors beyond this number are counted, not kept.
const MAX_KEPT: usize = 1000;

/// What could not be read, if that does not end everything.
#[derive(Debug, Default)]
pub struct Damage {
    pub(super) lenient: bool,
    pub(super) list: Vec<ReadError>,
    pub(super) count: u64,
}

impl Damage {
    pub(super) fn of(lenient: bool) -> Damage {
        Damage { lenient, ..Damage::default() }
    }

    /// Adds what was met elsewhere.
    pub fn add(&mut self, other: Damage) {
        self.count += other.count;
        let room = MAX_KEPT.saturating_sub(self.list.len());
        self.list.extend(other.list.into_iter().take(room));
    }

    /// Takes note of an error, or gives it back if it ends everything.
    pub(super) fn note(&mut self, error: ReadError) -> Result<(), ReadError> {
        if !self.lenient {
            return Err(error);
        }
        self.count += 1;
        if self.list.len() < MAX_KEPT {
            self.list.push(error);
        }
        Ok(())
    }
}

struct Offset(Option<u64>);

impl std::fmt::Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |offset| write!(f, ", byte {offset}"))
    }
}
