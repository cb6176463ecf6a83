//! Traces that the project keeps (`tests/vectors`), and copies of them that may be damaged.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a capture is, as `trace/per-uid/trace`.
pub fn vector(place: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(place)
}

/// Copies a folder and all below, which others may be made of.
///
/// # Panics
/// When it cannot.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be made");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let to = to.join(path.file_name().expect("what is in a folder has a name"));
        if path.is_dir() {
            copy_folder(&path, &to);
        } else {
            fs::copy(&path, &to).expect("the file can be copied");
        }
    }
}

/// Cuts a file off.
///
/// # Panics
/// When it cannot.
pub fn cut(path: &Path, bytes: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("the file can be written");
    file.set_len(bytes).expect("the file can be cut off");
}
