//! Directories and files with exactly the mode asked for, whatever the umask.
//!
//! A trace directory is 0770 and its files 0660 for everyone (`docs/spec/trace-output.md`, section 3). The umask belongs
//! to the whole process, and `rttng record` hands its own on to the program that it runs, so nobody here changes it:
//! what was made too narrow is widened afterwards, and only what was made here.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

/// Makes a directory and its missing parents, each with `mode`; one that is there already stays as it is.
///
/// # Errors
/// What the file system says; `NotADirectory` when something else is there.
pub fn make_directories(path: &Path, mode: u32) -> io::Result<()> {
    make_directories_at(rustix::fs::CWD, path, mode)
}

/// As [`make_directories`], relative to an open directory.
///
/// # Errors
/// What the file system says; `NotADirectory` when something else is there.
pub fn make_directories_at(base: BorrowedFd<'_>, path: &Path, mode: u32) -> io::Result<()> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    match make_one(base, path, mode) {
        Err(Errno::NOENT) => {
            let parent = path.parent().ok_or(Errno::NOENT)?;
            make_directories_at(base, parent, mode)?;
            match make_one(base, path, mode) {
                Err(Errno::EXIST) => see_a_directory(base, path),
                made => Ok(made?),
            }
        }
        Err(Errno::EXIST) => see_a_directory(base, path),
        made => Ok(made?),
    }
}

fn make_one(base: BorrowedFd<'_>, path: &Path, mode: u32) -> rustix::io::Result<()> {
    rustix::fs::mkdirat(base, path, Mode::from_raw_mode(mode))?;
    let made =
        rustix::fs::openat(base, path, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
    match made {
        Ok(directory) => rustix::fs::fchmod(directory, Mode::from_raw_mode(mode)),
        // A umask that takes away the owner's right to read: the directory is there, with what the umask left.
        Err(Errno::ACCESS) => Ok(()),
        Err(other) => Err(other),
    }
}

fn see_a_directory(base: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let found = rustix::fs::statat(base, path, AtFlags::empty())?;
    match rustix::fs::FileType::from_raw_mode(found.st_mode) {
        rustix::fs::FileType::Directory => Ok(()),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

/// Opens a file below `base` with `flags` (close-on-exec is added); one that is created has exactly `mode`.
///
/// # Errors
/// What the file system says.
pub fn open_at(base: impl AsFd, path: &Path, flags: OFlags, mode: u32) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC;
    if !flags.contains(OFlags::CREATE) {
        return Ok(rustix::fs::openat(base, path, flags, Mode::empty())?);
    }
    match rustix::fs::openat(&base, path, flags | OFlags::EXCL, Mode::from_raw_mode(mode)) {
        Ok(made) => {
            rustix::fs::fchmod(&made, Mode::from_raw_mode(mode))?;
            Ok(made)
        }
        Err(Errno::EXIST) if !flags.contains(OFlags::EXCL) => {
            Ok(rustix::fs::openat(base, path, flags, Mode::from_raw_mode(mode))?)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn modes_are_exact_and_what_is_there_stays() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        make_directories(&deep, 0o770).unwrap();
        assert_eq!((mode(&deep), mode(deep.parent().unwrap())), (0o770, 0o770));
        std::fs::set_permissions(&deep, std::fs::Permissions::from_mode(0o700)).unwrap();
        make_directories(&deep, 0o770).unwrap();
        assert_eq!(mode(&deep), 0o700);

        let base = std::fs::File::open(&deep).unwrap();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        open_at(&base, Path::new("f"), flags, 0o666).unwrap();
        assert_eq!(mode(&deep.join("f")), 0o666);
        open_at(&base, Path::new("f"), flags, 0o600).unwrap();
        assert_eq!(mode(&deep.join("f")), 0o666, "the file was there already");
    }

    #[test]
    fn a_file_in_the_way_is_said() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let error = make_directories(&dir.path().join("file"), 0o770).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
        assert!(make_directories(&dir.path().join("file/below"), 0o770).is_err());
    }
}
