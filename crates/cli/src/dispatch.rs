//! Which program this process is: told by the name it was called with, or by its first word.
//!
//! `lttng-sessiond`, `lttng-consumerd` and `lttng` are links to the one binary and behave as the programs of that name.
//! Called `rttng` (or anything else), the first word may name one of our own commands; everything else is LTTng's
//! command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

use crate::{consumerd, doctor, generate, lttng, record, sessiond};

/// A program inside the binary.
struct Applet {
    /// The name of the link that starts it, if it has one.
    link: Option<&'static str>,
    /// The word after `rttng` that starts it.
    word: &'static str,
    /// Runs it with the arguments from its own name on (`argv[0]` is the link's name, or the word).
    main: fn(Vec<OsString>) -> ExitCode,
}

/// Every program that is not LTTng's command line. A daemon or a command of our own is one line here.
const APPLETS: &[Applet] = &[
    Applet { link: Some("lttng-sessiond"), word: "sessiond", main: sessiond::main },
    Applet { link: Some("lttng-consumerd"), word: "consumerd", main: consumerd::main },
    Applet { link: None, word: "record", main: record::main },
    Applet { link: None, word: "doctor", main: doctor::main },
    Applet { link: None, word: "generate", main: generate::main },
];

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
    // As `lttng` we are LTTng's command line and nothing else.
    if called == "lttng" {
        return None;
    }
    let word = argv.get(1)?;
    applets.iter().find(|applet| word == applet.word).map(|applet| (applet, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Applet] = &[
        Applet { link: Some("lttng-sessiond"), word: "sessiond", main: |_| ExitCode::SUCCESS },
        Applet { link: None, word: "record", main: |_| ExitCode::SUCCESS },
    ];

    fn choice(argv: &[&str]) -> Option<(&'static str, usize)> {
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        chosen(ALL, &argv).map(|(applet, skipped)| (applet.word, skipped))
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
