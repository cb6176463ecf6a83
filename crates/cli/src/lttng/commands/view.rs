//! `view [SESSION]`: becomes a trace reader on the session's trace (`docs/spec/cli.md` §6.14). Called as `rttng`, that is
//! our own reader; called as `lttng`, the one that LTTng takes, or ours if that is not installed.

use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rttng_wire::client::Session;

use crate::dispatch::is_lttng;
use crate::lttng::exit::{Exit, Step};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

/// The reader, and the older one that is taken if it is not installed.
const READERS: [&str; 2] = ["babeltrace2", "babeltrace"];

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let (mut viewer, mut trace) = (None, None);
    while let Some(option) = parser.next()? {
        match option.long {
            "viewer" => viewer = option.value,
            _ => trace = option.value,
        }
    }
    if out.machine {
        out.warn("mi does not apply to view command");
    }
    let name = parser.at_most_one()?;
    let arguments = match trace {
        Some(path) => vec![path],
        None => {
            let session = session(program, name)?;
            arguments(&session, viewer.is_some())
        }
    };
    let heading = format!("Trace directory: {}\n", arguments.last().map_or("", String::as_str));
    // Where the reader's output goes to another program, this line would be in its way; LTTng's is lost there as well,
    // unless there is no reader.
    let to_terminal = std::io::stdout().is_terminal();
    if to_terminal {
        out.say(&heading);
    }
    let exit = launch(program, viewer.as_deref(), &arguments);
    if !to_terminal {
        out.say(&heading);
    }
    exit
}

/// The session to view; it must not be recording, unless it is live.
fn session(program: &Program, name: Option<String>) -> Step<Session> {
    let out = program.out;
    let name = program.session_or_current(name)?;
    let Ok(sessions) = program.client.list_sessions() else {
        out.error(format_args!("Unable to list sessions. Session name {name} not found."));
        out.say("Is there a session daemon running?");
        return Err(Exit::ERROR);
    };
    let Some(session) = sessions.into_iter().find(|session| session.name == name) else {
        out.say(format_args!("Session name {name} not found"));
        return Err(Exit::ERROR);
    };
    if session.active && session.live_timer.is_none() {
        out.warn(format_args!("Session {name} is running. Please stop it before reading it."));
        return Err(Exit::ERROR);
    }
    Ok(session)
}

fn arguments(session: &Session, own_viewer: bool) -> Vec<String> {
    if session.live_timer.is_none() {
        return vec![session.path.clone()];
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let url = format!("net://localhost/host/{host}/{}", session.name);
    if own_viewer { vec![url] } else { vec!["-i".to_owned(), "lttng-live".to_owned(), url] }
}

/// Replaces this process; returns only if that fails.
fn launch(program: &Program, viewer: Option<&str>, arguments: &[String]) -> Step<Exit> {
    let (name, mut command) = match viewer {
        Some(text) => {
            let mut words = text.split(' ').filter(|word| !word.is_empty());
            let Some(name) = words.next() else {
                program.out.error("Failed to launch viewer: no command given");
                return Err(Exit::ERROR);
            };
            let mut command = Command::new(name);
            command.args(words);
            (name, command)
        }
        None => reader(arguments),
    };
    let error = command.args(arguments).exec();
    program.out.system_error(format_args!("Failed to launch \"{name}\" viewer"), &error);
    Err(Exit::ERROR)
}

/// The reader to take if none was asked for.
fn reader(arguments: &[String]) -> (&'static str, Command) {
    let called_lttng = std::env::args_os().next().is_some_and(|name| is_lttng(&name));
    // Live sessions are read over the network, which ours does not do.
    let is_live = arguments.len() > 1;
    let found = READERS.into_iter().find(|reader| installed(reader));
    if !is_live
        && (!called_lttng || found.is_none())
        && let Ok(own) = std::env::current_exe()
    {
        let mut command = Command::new(own);
        command.arg0("rttng").arg("view");
        return ("rttng view", command);
    }
    let name = found.unwrap_or(READERS[0]);
    (name, Command::new(name))
}

fn installed(name: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(name).is_file())
        || Path::new("/usr/bin").join(name).is_file()
}
