//! Help is a man page: the process becomes `man` (`docs/spec/cli.md` §1.1).

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::exit::Exit;
use super::output::{Output, strerror, to_stderr};

const MAN_PATH: &str = "/usr/share/man";
const MAN_BINARY: &str = "/usr/bin/man";

/// Shows the page of the whole program; returns only if that fails.
pub(crate) fn show_program(out: Output) -> Exit {
    let why = exec("lttng");
    out.error("Cannot show --help for `lttng`");
    to_stderr(format_args!("exec: {why}\n"));
    Exit(255)
}

/// Shows the page of a command; returns only if that fails.
pub(crate) fn show_command(out: Output, command: &str) -> Exit {
    let why = exec(&format!("lttng-{command}"));
    out.error(format_args!("Cannot view man page `lttng-{command}(1)`"));
    to_stderr(format_args!("exec: {why}\n"));
    Exit::ERROR
}

fn exec(page: &str) -> String {
    let binary = std::env::var_os("LTTNG_MAN_BIN_PATH").unwrap_or_else(|| MAN_BINARY.into());
    strerror(&Command::new(binary).arg0("man").args(["-M", MAN_PATH, "1", page]).exec())
}
