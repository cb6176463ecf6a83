//! What a person reads: messages on standard output, warnings and errors on standard error (`docs/spec/cli.md` §2.1).

use std::fmt::Display;
use std::io::{self, Write};

use rttng_wire::text;

/// Which classes of message are shown. Cheap to copy, so every part of a command can speak.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Output {
    /// `--quiet`: nothing at all, whatever else was asked for.
    pub(crate) quiet: bool,
    /// `--mi`: standard output belongs to the XML document.
    pub(crate) machine: bool,
    /// `--verbose`, 0 to 3.
    pub(crate) verbosity: u8,
}

impl Output {
    /// A message: one line (or several) on standard output.
    pub(crate) fn say(self, text: impl Display) {
        if self.speaks() {
            to_stdout(format_args!("{text}\n"));
        }
    }

    /// A piece of a line, such as a dot of progress; shown at once.
    pub(crate) fn say_partly(self, text: impl Display) {
        if self.speaks() {
            to_stdout(format_args!("{text}"));
        }
    }

    /// A warning.
    pub(crate) fn warn(self, text: impl Display) {
        if !self.quiet {
            to_stderr(format_args!("Warning: {text}\n"));
        }
    }

    /// An error.
    pub(crate) fn error(self, text: impl Display) {
        if !self.quiet {
            to_stderr(format_args!("Error: {text}\n"));
        }
        abort_if_asked();
    }

    /// A failed system call, in the shape of LTTng's `PERROR` lines: what was tried, and why it failed.
    pub(crate) fn system_error(self, what: impl Display, error: &io::Error) {
        if !self.quiet {
            to_stderr(format_args!("PERROR - {}: {what}: {}\n", stamp(), strerror(error)));
        }
        abort_if_asked();
    }

    /// A line for whoever looks for a fault, from verbosity `level` on.
    pub(crate) fn debug(self, level: u8, text: impl Display) {
        if self.verbosity >= level && self.speaks() {
            to_stderr(format_args!("DBG{level} - {}: {text}\n", stamp()));
        }
    }

    fn speaks(self) -> bool {
        !self.quiet && !self.machine
    }
}

/// Writes to standard output; a reader that went away is no reason to die.
pub(crate) fn to_stdout(text: std::fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(&text::to_bytes(&text.to_string())).and_then(|()| out.flush());
}

/// Writes to standard error in one piece.
pub(crate) fn to_stderr(text: std::fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_all(&text::to_bytes(&text.to_string()));
}

/// The system's text for an error, without the number that Rust adds.
pub(crate) fn strerror(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// `HH:MM:SS.nnnnnnnnn [pid/tid]`, the bracketed part of debug and system-error lines.
fn stamp() -> String {
    let pid = rustix::process::getpid().as_raw_nonzero();
    let tid = rustix::thread::gettid().as_raw_nonzero();
    format!("{} [{pid}/{tid}]", jiff::Zoned::now().strftime("%H:%M:%S.%9f"))
}

/// `LTTNG_ABORT_ON_ERROR=1`: the first error ends the process by SIGABRT.
fn abort_if_asked() {
    if std::env::var_os("LTTNG_ABORT_ON_ERROR").is_some_and(|value| value == "1") {
        std::process::abort();
    }
}
