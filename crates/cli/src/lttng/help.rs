//! Help: as `lttng` a man page, to which the process gives way (`docs/spec/cli.md` §1.1); under our own name, or where
//! LTTng's man pages are not installed, a text of our own.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::exit::Exit;
use super::output::{Output, strerror, to_stderr, to_stdout};
use super::table::{self, CommandSpec};
use crate::{describe, dispatch};

const MAN_PATH: &str = "/usr/share/man";
const MAN_BINARY: &str = "/usr/bin/man";
/// Names a manual pager to use instead.
const MAN_VARIABLE: &str = "LTTNG_MAN_BIN_PATH";

/// How the program helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Help {
    /// With man pages, as LTTng does.
    Man,
    /// With a text.
    Text,
}

impl Help {
    /// How a program of that name helps.
    pub(crate) fn of(called: &str) -> Help {
        if dispatch::is_lttng(OsStr::new(called)) { Help::Man } else { Help::Text }
    }

    /// What is printed when nothing was asked for.
    pub(crate) fn usage(self) -> String {
        match self {
            Help::Man => table::usage() + "\n",
            Help::Text => describe::overview(),
        }
    }

    /// What is said to a word that is no command.
    pub(crate) fn no_command(self, word: &str) -> String {
        match self {
            Help::Man => format!("lttng: {word} is not an lttng command. See 'lttng --help'."),
            Help::Text => format!("rttng: {word} is not a command. See 'rttng --help'."),
        }
    }

    /// Shows the page of the whole program.
    pub(crate) fn show_program(self, out: Output) -> Exit {
        match self {
            Help::Man if has_page("lttng") => {
                let why = become_man("lttng");
                out.error("Cannot show --help for `lttng`");
                to_stderr(format_args!("exec: {why}\n"));
                Exit(255)
            }
            Help::Man | Help::Text => {
                to_stdout(format_args!("{}", self.usage()));
                Exit::SUCCESS
            }
        }
    }

    /// Shows the page of a command.
    pub(crate) fn show_command(self, out: Output, command: &'static CommandSpec) -> Exit {
        let page = format!("lttng-{}", command.name);
        if self == Help::Man && has_page(&page) {
            let why = become_man(&page);
            out.error(format_args!("Cannot view man page `{page}(1)`"));
            to_stderr(format_args!("exec: {why}\n"));
            return Exit::ERROR;
        }
        let program = match self {
            Help::Man => "lttng",
            Help::Text => "rttng",
        };
        to_stdout(format_args!("{}", describe::lttng_command(command, program).render_help()));
        Exit::SUCCESS
    }
}

/// Whether there is a pager that somebody chose, or a page for the usual one.
fn has_page(page: &str) -> bool {
    let installed = |ending| Path::new(MAN_PATH).join(format!("man1/{page}.1{ending}")).exists();
    std::env::var_os(MAN_VARIABLE).is_some() || ["", ".gz"].into_iter().any(installed)
}

/// Returns only if that fails.
fn become_man(page: &str) -> String {
    let binary = std::env::var_os(MAN_VARIABLE).unwrap_or_else(|| MAN_BINARY.into());
    strerror(&Command::new(binary).arg0("man").args(["-M", MAN_PATH, "1", page]).exec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lttng_has_man_pages() {
        assert_eq!(Help::of("/usr/bin/lttng"), Help::Man);
        assert_eq!(Help::of("rttng"), Help::Text);
        assert!(Help::Man.usage().starts_with("Usage: lttng "));
        assert!(Help::Text.usage().contains("\n  record "));
        assert!(Help::Text.no_command("crate").starts_with("rttng: crate "));
    }
}
