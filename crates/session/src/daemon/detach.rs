//! Leaving the terminal (`--daemonize`, `--background`) without `fork`: the program runs itself anew in a session of
//! its own, and the first process stays until the second is ready (`docs/spec/cli.md`, section 10.4).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use super::options::Detach;

/// Tells the second process that it is one; its standard input is the pipe to the first.
const MARK: &str = "RTTNG_SESSIOND_IN_BACKGROUND";

/// Starts the second process with the same arguments and waits until it is ready or has failed.
///
/// # Errors
/// What prevented the start.
pub fn into_background(args: &[OsString]) -> io::Result<ExitCode> {
    let (ready, tell) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg0("lttng-sessiond")
        .args(args)
        .env(MARK, "1")
        .stdin(Stdio::from(tell))
        .spawn()?;
    let mut byte = [0];
    if File::from(ready).read_exact(&mut byte).is_ok() {
        return Ok(ExitCode::SUCCESS);
    }
    child.wait()?;
    Ok(ExitCode::FAILURE)
}

/// What the second process holds until it is ready.
#[derive(Debug)]
pub struct Background {
    tell: File,
    how: Detach,
}

/// Whether this is the second process.
pub fn is_second() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Whether this is the second process; if so, it leaves the terminal's session.
///
/// # Errors
/// What the system says.
pub fn arrived(how: Detach) -> io::Result<Option<Background>> {
    if !is_second() {
        return Ok(None);
    }
    // Refused to a process that leads a group already: then it is free of the terminal as it is.
    let _ = rustix::process::setsid();
    std::env::set_current_dir("/")?;
    let tell = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(Some(Background { tell, how }))
}

impl Background {
    /// Lets the first process end; a daemon then gives up its standard streams.
    ///
    /// # Errors
    /// What the system says.
    pub fn ready(mut self) -> io::Result<()> {
        if self.how == Detach::Daemon {
            let null = File::options().read(true).write(true).open("/dev/null")?;
            rustix::stdio::dup2_stdout(&null)?;
            rustix::stdio::dup2_stderr(&null)?;
        }
        // The first process may have been killed meanwhile; the daemon goes on.
        let _ = self.tell.write_all(&[1]);
        Ok(())
    }
}
