//! Runs the recorded program: its environment, the signals that are meant for it, its end.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

use rustix::process::{Pid, Resource, Rlimit, Signal};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

use crate::instrumented::library_directories;

/// Signals that a person or a program sends to end or steer the recorded program.
const FORWARDED: [i32; 7] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH];

/// The library that lets the children of a fork register on their own, without the number of its soname.
const FORK_HELPER: &str = "liblttng-ust-fork.so";

/// What the program runs with besides its own environment.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// The directory that stands for the home of LTTng's per-user daemon.
    pub(crate) lttng_home: PathBuf,
    /// Whether a full buffer makes the program wait.
    pub(crate) may_block: bool,
    /// Whether the daemon in that directory wants times in the time-stamp counter.
    pub(crate) counts_tsc: bool,
    /// The soname's number of the tracer that the program is linked with. The fork helper of the same number is preloaded:
    /// another one, or one in a program without, would bring in a tracer.
    pub(crate) tracer: Option<u32>,
    /// The limit of open files that it starts with.
    pub(crate) descriptor_limit: Rlimit,
}

/// This process' limit of open files.
pub(crate) fn descriptor_limit() -> Rlimit {
    rustix::process::getrlimit(Resource::Nofile)
}

/// Runs the program to its end. Signals sent to this process go on to it; those of the terminal reach it by themselves.
///
/// # Errors
/// What prevented its start.
pub(crate) fn run(program: &[OsString], around: &Surroundings) -> io::Result<ExitStatus> {
    let mut signals = SignalsInfo::<WithOrigin>::new(FORWARDED)?;
    let handle = signals.handle();
    let (name, args) = program.split_first().ok_or_else(|| io::Error::other("no program is given"))?;
    let mut command = Command::new(name);
    command.args(args).env("LTTNG_HOME", &around.lttng_home);
    command.env_remove("RTTNG_TSC_HOME");
    if around.counts_tsc {
        command.env("RTTNG_TSC_HOME", &around.lttng_home);
    }
    if around.may_block {
        command.env("LTTNG_UST_ALLOW_BLOCKING", "1");
    }
    if let Some(preload) = around.tracer.and_then(preload) {
        command.env("LD_PRELOAD", preload);
    }
    let mut child = with_limit(&around.descriptor_limit, || command.spawn())?;
    let pid = Pid::from_child(&child);
    let forwarder = std::thread::Builder::new().name("rttng-signals".into()).spawn(move || {
        for origin in signals.forever() {
            forward(pid, &origin);
        }
    })?;
    let status = child.wait();
    handle.close();
    // It ends with its iterator, which was closed just now.
    let _ = forwarder.join();
    status
}

/// Does `start` under that limit of open files. The session daemon in this process has raised it, which is not the
/// program's business; what is open already stays so.
fn with_limit<T>(limit: &Rlimit, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let raised = descriptor_limit();
    let lowered = Rlimit { current: limit.current, maximum: raised.maximum };
    rustix::process::setrlimit(Resource::Nofile, lowered)?;
    let outcome = start();
    rustix::process::setrlimit(Resource::Nofile, raised)?;
    outcome
}

fn forward(child: Pid, origin: &Origin) {
    // A key pressed at the terminal goes to the whole foreground group, so the program has it already.
    if matches!(origin.cause, Cause::Kernel | Cause::Unknown) {
        return;
    }
    if let Some(signal) = Signal::from_named_raw(origin.signal) {
        // A program that has just ended needs no signal.
        let _ = rustix::process::kill_process(child, signal);
    }
}

/// The exit status to end with: the program's own, or 128 and the number of the signal that ended it, as shells say it.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code as u8,
        (None, Some(signal)) => (128 + signal) as u8,
        (None, None) => 1,
    }
}

/// `LD_PRELOAD` with the fork helper for this tracer in it, where that library is installed and not in it already.
fn preload(tracer: u32) -> Option<OsString> {
    let helper = format!("{FORK_HELPER}.{tracer}");
    let before = std::env::var_os("LD_PRELOAD").unwrap_or_default();
    if before.to_string_lossy().contains("liblttng-ust-fork") {
        return None;
    }
    if !library_directories().any(|directory| directory.join(&helper).exists()) {
        return None;
    }
    let mut value = OsString::from(helper);
    if !before.is_empty() {
        value.push(":");
        value.push(before);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        Surroundings {
            lttng_home: "/nonexistent".into(),
            may_block: false,
            counts_tsc: false,
            tracer: None,
            descriptor_limit: descriptor_limit(),
        }
    }

    fn words(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn the_exit_status_is_the_program_s() {
        let code = |args: &[&str]| exit_code(run(&words(args), &around()).unwrap());
        assert_eq!(code(&["true"]), 0);
        assert_eq!(code(&["sh", "-c", "exit 7"]), 7);
        assert_eq!(code(&["sh", "-c", "kill -KILL $$"]), 137);
        assert_eq!(code(&["sh", "-c", "test \"$LTTNG_HOME\" = /nonexistent"]), 0);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = run(&words(&["/nonexistent/program"]), &around()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
