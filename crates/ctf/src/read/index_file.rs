//! The index file of a data file: where it is, and what may be read as one. Anything may lie in a trace's folder, and
//! a pipe there must not make a reader wait.

use std::fs::{self, File};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

/// An index file larger than this is not read.
const MAX_INDEX_BYTES: u64 = 1 << 31;

/// Where the index of a data file is, or would be (`docs/spec/trace-output.md`).
pub fn index_path(data: &Path) -> Option<PathBuf> {
    let mut name = data.file_name()?.to_owned();
    name.push(".idx");
    Some(data.parent()?.join("index").join(name))
}

/// Reads an index file.
///
/// # Errors
/// When there is none, or it is no regular file, or larger than any index of use.
pub fn read_index(path: &Path) -> Result<Vec<u8>, Error> {
    let size = check_is_file(path)?;
    if size > MAX_INDEX_BYTES {
        let cause = format!("{size} bytes are more than this program reads");
        return Err(Error::new(ErrorKind::FileTooLarge, cause));
    }
    fs::read(path)
}

/// Opens an index file.
pub(super) fn open_index(path: &Path) -> Result<File, Error> {
    check_is_file(path)?;
    File::open(path)
}

/// The size of a regular file.
fn check_is_file(path: &Path) -> Result<u64, Error> {
    let status = fs::metadata(path)?;
    if status.is_file() { Ok(status.len()) } else { Err(Error::other("this is no regular file")) }
}
