//! Which program this process is: told by the name it was called with, or by its first word.
//!
//! `lttng-sessiond`, `lttng-consumerd` and `lttng` are links to the one binary and behave as the programs of that name.
//! Called `rttng` (or anything else), the first word may name one of our own commands; everything else is LTTng's
//! command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use clap::Command;

use crate::{
    consumerd, convert, demo, doctor, generate, inspect, lttng, record, report, sessiond, top, view,
};

/// A program inside the binary.
pub(crate) struct Applet {
    /// The name of the link that starts it, if it has one.
    link: Option<&'static str>,
    /// The word after `rttng` that starts it.
    pub(crate) word: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    /// Its options, for man pages and completion.
    pub(crate) describe: fn() -> Command,
    /// Runs it with the arguments from its own name on (`argv[0]` is the link's name, or the word).
    main: fn(Vec<OsString>) -> ExitCode,
}

/// Every program that is not LTTng's command line. A daemon or a command of our own is one line here.
const APPLETS: &[Applet] = &[
    Applet {
        link: None,
        word: "record",
        about: "Run a program and record its events, with nothing set up",
        describe: record::describe,
        main: record::main,
    },
    Applet {
        link: None,
        word: "demo",
        about: "Record a small program that is bundled, and show what was recorded",
        describe: demo::describe,
        main: demo::main,
    },
    Applet {
        link: None,
        word: "view",
        about: "Show the events of traces, or of a recording session",
        describe: view::describe,
        main: view::main,
    },
    Applet {
        link: None,
        word: "convert",
        about: "Write traces in another form, all of them or a part",
        describe: convert::describe,
        main: convert::main,
    },
    Applet {
        link: None,
        word: "inspect",
        about: "Show what traces are made of, and what is wrong with them",
        describe: inspect::describe,
        main: inspect::main,
    },
    Applet {
        link: None,
        word: "report",
        about: "Show traces as one page for any browser: rates, latencies, losses",
        describe: report::describe,
        main: report::main,
    },
    Applet {
        link: None,
        word: "top",
        about: "Show what a session or trace is doing: rates, processes, losses",
        describe: top::describe,
        main: top::main,
    },
    Applet {
        link: None,
        word: "doctor",
        about: "Show what stands between programs and a recording",
        describe: doctor::describe,
        main: doctor::main,
    },
    Applet {
        link: Some("lttng-sessiond"),
        word: "sessiond",
        about: "Run the session daemon",
        describe: sessiond::describe,
        main: sessiond::main,
    },
    Applet {
        link: Some("lttng-consumerd"),
        word: "consumerd",
        about: "Run the consumer daemon (session daemons start it themselves)",
        describe: consumerd::describe,
        main: consumerd::main,
    },
    Applet {
        link: None,
        word: "generate",
        about: "Write man pages and shell completion into a directory",
        describe: generate::describe,
        main: generate::main,
    },
];

/// Our own commands, in the order in which help texts list them.
pub(crate) fn own_commands() -> impl Iterator<Item = &'static Applet> {
    APPLETS.iter()
}

/// Whether the binary, called like this, is LTTng's command line and nothing else.
pub(crate) fn is_lttng(called: &OsStr) -> bool {
    Path::new(called).file_name().is_some_and(|name| name == "lttng")
}

/// Runs the program that `argv` asks for.
pub(crate) fn run(argv: Vec<OsString>) -> ExitCode {
    match chosen(APPLETS, &argv) {
        Some((applet, skipped)) => (applet.main)(argv.into_iter().skip(skipped).collect()),
        None => lttng::main(argv),
    }
}

/// Whether the binary is the program of that name when it is called so.
pub(crate) fn answers_to(name: &OsStr) -> bool {
    APPLETS.iter().any(|applet| applet.link.is_some_and(|link| name == link))
}

/// The applet that `argv` names, and how many leading words belong to the choice.
fn chosen<'a>(applets: &'a [Applet], argv: &[OsString]) -> Option<(&'a Applet, usize)> {
    let called = argv.first().and_then(|name| Path::new(name).file_name())?;
    if let Some(applet) = applets.iter().find(|applet| applet.link.is_some_and(|link| called == link)) {
        return Some((applet, 0));
    }
    if is_lttng(called) {
        return None;
    }
    let word = argv.get(1)?;
    applets.iter().find(|applet| word == applet.word).map(|applet| (applet, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(argv: &[&str]) -> Option<(&'static str, usize)> {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        chosen(APPLETS, &argv).map(|(applet, skipped)| (applet.word, skipped))
    }

    #[test]
    fn a_link_wins_and_keeps_every_word() {
        assert_eq!(choice(&["/usr/bin/lttng-sessiond", "record"]), Some(("sessiond", 0)));
    }

    #[test]
    fn a_word_after_our_own_name_chooses() {
        assert_eq!(choice(&["rttng", "record", "--", "true"]), Some(("record", 1)));
        assert_eq!(choice(&["./anything", "sessiond", "-d"]), Some(("sessiond", 1)));
    }

    #[test]
    fn lttng_is_only_lttng() {
        assert_eq!(choice(&["lttng", "record"]), None);
        assert_eq!(choice(&["rttng", "create"]), None);
        assert_eq!(choice(&["rttng"]), None);
        assert_eq!(choice(&[]), None);
    }
}
