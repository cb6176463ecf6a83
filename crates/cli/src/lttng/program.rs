//! What the options before the command have settled, and what every command shares: where messages go, the session
//! daemon, the current session, and the parsing of its own options.

use std::ffi::OsString;
use std::path::PathBuf;

use rttng_control::{Client, ControlError};
use rttng_wire::client::Session;

use super::current_session::CurrentSession;
use super::exit::{Exit, Step};
use super::help::Help;
use super::mi::Document;
use super::options::{Found, Words, listing};
use super::output::{Output, strerror, to_stdout};
use super::table::CommandSpec;

/// One run of the command line.
pub(crate) struct Program {
    pub(crate) out: Output,
    pub(crate) help: Help,
    pub(crate) mi: Document,
    pub(crate) client: Client,
    /// `--no-sessiond`: `create` must not start a session daemon.
    pub(crate) may_spawn: bool,
    pub(crate) sessiond_path: Option<PathBuf>,
    pub(crate) relayd_path: Option<PathBuf>,
    /// The directory of `.lttngrc`, of default trace paths and of a private session daemon.
    pub(crate) home: Option<OsString>,
}

impl Program {
    /// The file that remembers the current session.
    pub(crate) fn current_session(&self) -> CurrentSession {
        CurrentSession::new(self.home.as_deref())
    }

    /// The session that a command names, or else the current one.
    pub(crate) fn session_or_current(&self, named: Option<String>) -> Step<String> {
        match named {
            Some(name) => Ok(name),
            None => self.current_session().read(self.out),
        }
    }

    /// Makes a session the current one; says so if that fails.
    pub(crate) fn remember_session(&self, name: &str) -> Step {
        self.current_session().write(name).map_err(|error| {
            self.out.error("Unable to create config file");
            self.out.debug(1, strerror(&error));
            Exit::ERROR
        })
    }

    /// All sessions; says why if they cannot be listed.
    pub(crate) fn sessions(&self) -> Step<Vec<Session>> {
        self.client.list_sessions().map_err(|error| {
            self.out.error(error.text());
            Exit::ERROR
        })
    }

    /// Starts the parsing of a command's own words.
    pub(crate) fn parse<'a>(&self, command: &'static CommandSpec, words: &'a [String]) -> CommandWords<'a> {
        CommandWords { command, out: self.out, help: self.help, words: Words::new(command.options, words) }
    }

    /// Says that the command failed with `error`, in the shape that most commands use, and gives it as the exit status.
    pub(crate) fn fail(&self, error: &ControlError) -> Exit {
        self.out.error(error.text());
        Exit::from(error)
    }
}

/// The words of a command; answers `--help`, `--list-options` and `--list-commands` by itself.
pub(crate) struct CommandWords<'a> {
    command: &'static CommandSpec,
    out: Output,
    help: Help,
    words: Words<'a>,
}

impl CommandWords<'_> {
    /// The next option, or `None` behind the last word.
    pub(crate) fn next(&mut self) -> Step<Option<Found>> {
        let Some(found) = self.words.next()? else { return Ok(None) };
        match found.long {
            "help" => Err(self.help.show_command(self.out, self.command)),
            "list-options" => {
                to_stdout(format_args!("{}", listing(self.command.options)));
                Err(Exit::SUCCESS)
            }
            "list-commands" => {
                to_stdout(format_args!("{}\n", self.command.actions.join("\n")));
                Err(Exit::SUCCESS)
            }
            _ => Ok(Some(found)),
        }
    }

    /// The positional words.
    pub(crate) fn positionals(self) -> Vec<String> {
        self.words.positionals()
    }

    /// The one positional word that the command takes; a second one is an error.
    pub(crate) fn at_most_one(self) -> Step<Option<String>> {
        let out = self.out;
        let mut words = self.words.positionals().into_iter();
        let first = words.next();
        match words.next() {
            Some(extra) => {
                out.error(format_args!("Unknown argument: {extra}"));
                Err(Exit::ERROR)
            }
            None => Ok(first),
        }
    }
}
