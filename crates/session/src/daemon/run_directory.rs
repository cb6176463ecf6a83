//! The daemon's own files: run directory, lock, pid file, sockets, with the modes and owners of
//! `docs/spec/cli.md`, section 10.3.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::options::Options;

/// Longest path of a Unix socket, its terminating NUL not counted.
const LONGEST_SOCKET_PATH: usize = 107;

/// Why the daemon cannot have its files.
#[derive(Debug, thiserror::Error)]
pub enum RunDirectoryError {
    /// Another daemon answers on the client socket or holds the lock.
    #[error("A session daemon is already running.{}", holder(.0))]
    AlreadyRunning(PathBuf),
    /// The file system says no.
    #[error("Cannot {doing} {}: {error}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

fn holder(pid_file: &Path) -> String {
    match std::fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(pid) => format!(" (process {pid})"),
        None => String::new(),
    }
}

fn failed<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> RunDirectoryError + 'a {
    move |error| RunDirectoryError::Io { doing, path: path.to_owned(), error }
}

/// The run directory with the lock that shows that this daemon lives. Removes the daemon's files when dropped.
#[derive(Debug)]
pub struct RunDirectory {
    root: PathBuf,
    client_socket: PathBuf,
    apps_socket: PathBuf,
    pid_file: PathBuf,
    group: Option<u32>,
    made: Vec<PathBuf>,
    _lock: File,
}

impl RunDirectory {
    /// Makes the directory, sees that no other daemon is there, and takes the lock.
    ///
    /// `group` is the tracing group's id, for a root daemon.
    ///
    /// # Errors
    /// [`RunDirectoryError::AlreadyRunning`], or what the file system says.
    pub fn take(options: &Options, group: Option<u32>) -> Result<Self, RunDirectoryError> {
        let root = options.run_directory.clone();
        let pid_file = options.pid_file.clone().unwrap_or_else(|| root.join("lttng-sessiond.pid"));
        let client_socket =
            options.client_socket.clone().unwrap_or_else(|| root.join("client-lttng-sessiond"));
        let apps_socket = options.apps_socket.clone().unwrap_or_else(|| root.join("lttng-ust-sock-8"));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&root)
            .map_err(failed("make the run directory", &root))?;
        if UnixStream::connect(&client_socket).is_ok() {
            return Err(RunDirectoryError::AlreadyRunning(pid_file));
        }
        let lock_path = root.join("lttng-sessiond.lck");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&lock_path)
            .map_err(failed("open", &lock_path))?;
        rustix::fs::fcntl_lock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
            |error| match error {
                rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS => {
                    RunDirectoryError::AlreadyRunning(pid_file.clone())
                }
                other => failed("lock", &lock_path)(other.into()),
            },
        )?;
        let files = RunDirectory {
            root,
            client_socket,
            apps_socket,
            pid_file,
            group,
            made: vec![lock_path],
            _lock: lock,
        };
        files.open_to_group()?;
        Ok(files)
    }

    fn open_to_group(&self) -> Result<(), RunDirectoryError> {
        if let Some(group) = self.group {
            set_mode(&self.root, 0o755)?;
            chown(&self.root, None, Some(group)).map_err(failed("give to the tracing group", &self.root))?;
        }
        Ok(())
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the directories of the consumer daemons; returns the one for 64-bit user space.
    ///
    /// # Errors
    /// What the file system says.
    pub fn consumer_directory(&mut self, as_root: bool) -> Result<PathBuf, RunDirectoryError> {
        for name in ["kconsumerd", "ustconsumerd32", "ustconsumerd64"] {
            if name == "kconsumerd" && !as_root {
                continue;
            }
            let path = self.root.join(name);
            match std::fs::DirBuilder::new().mode(0o750).create(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed("make", &path)(error));
                }
                _ => {}
            }
            if let Some(group) = self.group {
                chown(&path, None, Some(group)).map_err(failed("give to the tracing group", &path))?;
            }
        }
        Ok(self.root.join("ustconsumerd64"))
    }

    /// Writes the pid file.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write_pid(&mut self) -> Result<(), RunDirectoryError> {
        let path = self.pid_file.clone();
        self.write_number(&path, std::process::id())
    }

    fn write_number(&mut self, path: &Path, number: u32) -> Result<(), RunDirectoryError> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(path)
            .map_err(failed("write", path))?;
        writeln!(file, "{number}").map_err(failed("write", path))?;
        self.made.push(path.to_owned());
        Ok(())
    }

    /// Listens for clients.
    ///
    /// # Errors
    /// What the system says, or a path that is too long for a socket.
    pub fn listen_for_clients(&mut self) -> Result<UnixListener, RunDirectoryError> {
        let path = self.client_socket.clone();
        self.listen(&path, Some(0o660), true)
    }

    /// Listens for applications.
    ///
    /// # Errors
    /// What the system says, or a path that is too long for a socket.
    pub fn listen_for_applications(&mut self) -> Result<UnixListener, RunDirectoryError> {
        let path = self.apps_socket.clone();
        self.listen(&path, Some(0o666), false)
    }

    /// Listens for health checks.
    ///
    /// # Errors
    /// What the system says, or a path that is too long for a socket.
    pub fn listen_for_health_checks(&mut self) -> Result<UnixListener, RunDirectoryError> {
        let path = self.root.join("sessiond-health");
        let mode = self.group.map(|_| 0o660);
        self.listen(&path, mode, true)
    }

    /// Listens for clients that want notifications.
    ///
    /// # Errors
    /// What the system says, or a path that is too long for a socket.
    pub fn listen_for_notification_clients(&mut self) -> Result<UnixListener, RunDirectoryError> {
        let path = self.root.join("sessiond-notification");
        self.listen(&path, Some(0o660), true)
    }

    /// A stale socket of a dead daemon is replaced; `to_group` gives it to the tracing group.
    fn listen(
        &mut self,
        path: &Path,
        mode: Option<u32>,
        to_group: bool,
    ) -> Result<UnixListener, RunDirectoryError> {
        if path.as_os_str().len() > LONGEST_SOCKET_PATH {
            let why = format!(
                "the path has {} bytes, a socket's at most {LONGEST_SOCKET_PATH}; use a shorter \
                 directory (LTTNG_HOME)",
                path.as_os_str().len()
            );
            return Err(failed("listen on", path)(io::Error::new(io::ErrorKind::InvalidInput, why)));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("replace", path)(error));
            }
            _ => {}
        }
        let listener = UnixListener::bind(path).map_err(failed("listen on", path))?;
        self.made.push(path.to_owned());
        if let Some(mode) = mode {
            set_mode(path, mode)?;
        }
        if let (Some(group), true) = (self.group, to_group) {
            chown(path, None, Some(group)).map_err(failed("give to the tracing group", path))?;
        }
        Ok(listener)
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        for path in self.made.iter().rev() {
            // A file that somebody removed already is gone as it should be.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<(), RunDirectoryError> {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed("set the mode of", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::options::{Invocation, Surroundings};
    use std::os::unix::fs::MetadataExt;

    fn options_in(home: &Path) -> Options {
        let variable = |name: &str| (name == "HOME").then(|| home.as_os_str().to_owned());
        let around = Surroundings {
            is_root: false,
            variable: &variable,
            own_program: "/opt/rttng".into(),
            working_directory: "/".into(),
            system_configuration: home.join("none"),
        };
        match Options::read(&[], &around, &mut |_| {}).unwrap() {
            Invocation::Run(options) => *options,
            _ => unreachable!("no option was given"),
        }
    }

    #[test]
    fn a_second_daemon_is_refused_and_a_dead_one_replaced() {
        let home = tempfile::tempdir().unwrap();
        let options = options_in(home.path());
        let mut first = RunDirectory::take(&options, None).unwrap();
        first.write_pid().unwrap();
        let listener = first.listen_for_clients().unwrap();
        let text = RunDirectory::take(&options, None).unwrap_err().to_string();
        assert!(text.starts_with("A session daemon is already running."), "{text}");
        assert!(text.contains(&std::process::id().to_string()), "{text}");

        // A daemon that was killed leaves its files; the lock and the listening socket are gone with it.
        std::mem::forget(std::mem::take(&mut first.made));
        drop(listener);
        drop(first);
        let socket = options.run_directory.join("client-lttng-sessiond");
        assert!(socket.exists());
        let mut second = RunDirectory::take(&options, None).unwrap();
        second.listen_for_clients().unwrap();
        assert_eq!(std::fs::metadata(&socket).unwrap().mode() & 0o777, 0o660);
        drop(second);
        assert!(!socket.exists(), "an orderly end removes the files");
    }

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_said() {
        let home = tempfile::tempdir().unwrap();
        let mut options = options_in(home.path());
        options.client_socket = Some(home.path().join("x".repeat(120)));
        let mut files = RunDirectory::take(&options, None).unwrap();
        let text = files.listen_for_clients().unwrap_err().to_string();
        assert!(text.contains("at most 107"), "{text}");
    }
}
