//! Outputs that are there whole or not at all: they grow under a hidden name beside their own, get their name when they are
//! done, and are removed when they are dropped before. What exists is never overwritten.
//!
//! A program that is killed leaves the hidden one, which is no trace to anybody: readers pass over hidden names, and a
//! trace gets its metadata last.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::ConvertError;

/// A file that is not there before it is whole.
#[derive(Debug)]
pub struct StagedFile {
    target: PathBuf,
    staging: Staging,
}

impl StagedFile {
    /// Starts a file that is to be `target`.
    pub fn create(target: &Path) -> Result<(StagedFile, File), ConvertError> {
        let (staging, file) =
            Staging::beside(target, |path| File::create_new(path), |path| fs::remove_file(path))?;
        Ok((StagedFile { target: target.to_owned(), staging }, file))
    }

    /// Gives the file its name. Everything has to be written; `file` is what [`StagedFile::create`] gave.
    pub fn finish(self, file: File) -> Result<(), ConvertError> {
        // Late errors of network file systems are told here.
        file.sync_all().map_err(ConvertError::output(&self.target))?;
        drop(file);
        // A link, unlike a new name, does not replace what came there meanwhile.
        let linked = fs::hard_link(&self.staging.path, &self.target);
        match linked {
            // The hidden name goes with `self`.
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(ConvertError::Exists(self.target.clone()))
            }
            // File systems without links.
            Err(_) => self.staging.become_target(&self.target),
        }
    }
}

/// A folder that is not there before it is whole.
#[derive(Debug)]
pub struct StagedFolder {
    target: PathBuf,
    staging: Staging,
}

impl StagedFolder {
    /// Starts a folder that is to be `target`, which may be there if it is empty. Folders above it are made.
    pub fn create(target: &Path) -> Result<StagedFolder, ConvertError> {
        let (staging, ()) =
            Staging::beside(target, |path| fs::create_dir(path), |path| fs::remove_dir_all(path))?;
        Ok(StagedFolder { target: target.to_owned(), staging })
    }

    /// Where its content is written meanwhile.
    pub fn path(&self) -> &Path {
        &self.staging.path
    }

    /// Gives the folder its name.
    pub fn finish(self) -> Result<(), ConvertError> {
        // An empty folder is replaced, anything else is not.
        self.staging.become_target(&self.target)
    }
}

/// Something under a hidden name.
#[derive(Debug)]
struct Staging {
    path: PathBuf,
    remove: fn(&Path) -> io::Result<()>,
    /// Whether there is nothing to remove any more.
    is_gone: bool,
}

impl Staging {
    fn beside<T>(
        target: &Path,
        make: impl Fn(&Path) -> io::Result<T>,
        remove: fn(&Path) -> io::Result<()>,
    ) -> Result<(Staging, T), ConvertError> {
        if is_taken(target).map_err(ConvertError::output(target))? {
            return Err(ConvertError::Exists(target.to_owned()));
        }
        let name = target.file_name().ok_or_else(|| ConvertError::Exists(target.to_owned()))?;
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(ConvertError::output(parent))?;
        let mut attempt = 0;
        loop {
            let mut hidden = OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".unfinished-{}-{attempt}", std::process::id()));
            let path = parent.join(hidden);
            match make(&path) {
                Ok(made) => return Ok((Staging { path, remove, is_gone: false }, made)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => attempt += 1,
                Err(error) => return Err(ConvertError::output(target)(error)),
            }
        }
    }

    fn become_target(mut self, target: &Path) -> Result<(), ConvertError> {
        if is_taken(target).map_err(ConvertError::output(target))? {
            return Err(ConvertError::Exists(target.to_owned()));
        }
        fs::rename(&self.path, target).map_err(ConvertError::output(target))?;
        self.is_gone = true;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.is_gone {
            // Nothing can be done about what cannot be removed; its name tells what it is.
            let _ = (self.remove)(&self.path);
        }
    }
}

/// Whether there is anything of that name besides an empty folder.
fn is_taken(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(fs::read_dir(path)?.next().is_some()),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn an_output_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (target, file) = (folder.path().join("new/trace"), folder.path().join("new/file"));
        let staged = StagedFolder::create(&target).unwrap();
        fs::write(staged.path().join("metadata"), "x").unwrap();
        assert!(!target.exists());
        staged.finish().unwrap();
        assert_eq!(fs::read_to_string(target.join("metadata")).unwrap(), "x");
        let (staged, mut open) = StagedFile::create(&file).unwrap();
        io::Write::write_all(&mut open, b"y").unwrap();
        assert!(!file.exists());
        staged.finish(open).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "y");
        assert_eq!(names(&folder.path().join("new")).len(), 2);
    }

    #[test]
    fn what_exists_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("trace");
        // An empty folder is as good as none.
        fs::create_dir(&target).unwrap();
        let staged = StagedFolder::create(&target).unwrap();
        fs::write(target.join("file"), "mine").unwrap();
        assert!(matches!(staged.finish(), Err(ConvertError::Exists(path)) if path == target));
        assert!(matches!(StagedFolder::create(&target), Err(ConvertError::Exists(_))));
        let file = target.join("file");
        assert!(matches!(StagedFile::create(&file), Err(ConvertError::Exists(_))));
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert_eq!(names(folder.path()), ["trace"]);
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let staged = StagedFolder::create(&folder.path().join("trace")).unwrap();
        fs::write(staged.path().join("data"), "x").unwrap();
        drop(staged);
        drop(StagedFile::create(&folder.path().join("file")).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
