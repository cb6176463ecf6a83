//! `create [SESSION]`: makes a session and the daemon that holds it, if need be.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use rttng_wire::client::defaults::{AUTO_SESSION_NAME, LIVE_TIMER};
use rttng_wire::client::descriptor::NetworkOutput;
use rttng_wire::client::{Session, SessionDescriptor, SessionKind, SessionOutput, Uri};
use rttng_wire::text;
use rttng_world::local_time;

use crate::lttng::exit::{Exit, Step};
use crate::lttng::objects;
use crate::lttng::output::Output;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::values::{micros, time};
use crate::lttng::{spawn, urls};

/// Longest name that the command line passes on; the daemon refuses one byte earlier.
const NAME_MAX: usize = 255;

#[derive(Default)]
struct Options {
    output: Option<String>,
    url: Option<String>,
    control_url: Option<String>,
    data_url: Option<String>,
    no_output: bool,
    snapshot: bool,
    live: Option<Duration>,
    shm_path: Option<String>,
}

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    let mut options = Options::default();
    while let Some(option) = parser.next()? {
        match option.long {
            "output" => options.output = option.value,
            "set-url" => options.url = option.value,
            "ctrl-url" => options.control_url = option.value,
            "data-url" => options.data_url = option.value,
            "no-output" => options.no_output = true,
            "no-consumer" => {
                program.out.say("The option --no-consumer is obsolete. Use --no-output now.");
                return Ok(Exit::WARNING);
            }
            "snapshot" => options.snapshot = true,
            "live" => options.live = Some(live_timer(program.out, option.value)?),
            "shm-path" => options.shm_path = option.value,
            _ => {}
        }
    }
    let ways = [
        options.url.is_some(),
        options.output.is_some(),
        options.control_url.is_some() || options.data_url.is_some(),
    ];
    if ways.into_iter().filter(|&way| way).count() > 1 {
        program.out.error(
            "Only one of the --set-url, --ctrl-url/data-url, or --output options may be used at once.",
        );
        return Ok(Exit::ERROR);
    }
    spawn::session_daemon(program)?;
    program.mi.begin(command.name);
    let name = parser.at_most_one()?;
    let created = create(program, name, &options);
    program.mi.end(created.is_ok());
    created.map(|()| Exit::SUCCESS)
}

fn live_timer(out: Output, value: Option<String>) -> Step<Duration> {
    let Some(text) = value else { return Ok(LIVE_TIMER) };
    let Some(timer) = time(&text) else {
        out.error(format_args!("Wrong value for --live parameter: {text}"));
        return Err(Exit::ERROR);
    };
    if micros(timer) > u64::from(u32::MAX) {
        out.error(format_args!("32-bit overflow in --live parameter: {text}"));
        return Err(Exit::ERROR);
    }
    if timer.is_zero() {
        out.error("Live timer interval must be greater than zero");
        return Err(Exit::ERROR);
    }
    Ok(timer)
}

fn create(program: &mut Program, name: Option<String>, options: &Options) -> Step {
    let out = program.out;
    let refuse = |text: &str| {
        out.error(text);
        Err(Exit::ERROR)
    };
    if let Some(name) = &name {
        if text::to_bytes(name).len() > NAME_MAX {
            return refuse("Session name too long. Length must be lower or equal to 255");
        }
        let reserved =
            name.strip_prefix(AUTO_SESSION_NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        if reserved {
            return refuse(&format!("{AUTO_SESSION_NAME} is a reserved keyword for default session(s)"));
        }
    }
    if options.snapshot && options.live.is_some() {
        return refuse("Snapshot and live modes are mutually exclusive.");
    }
    if options.control_url.is_some() != options.data_url.is_some() {
        return refuse("Both control and data URLs must be specified.");
    }
    let kind = match options.live {
        Some(timer) => SessionKind::Live { timer },
        None if options.snapshot => SessionKind::Snapshot,
        None => SessionKind::Regular,
    };
    let output = output(out, options)?;
    let chosen_here = options.url.is_none() && options.control_url.is_none();
    if options.live.is_some() {
        if matches!(output, SessionOutput::Local(_)) {
            return refuse("Unsupported output type specified for live session.");
        }
        if chosen_here && !matches!(output, SessionOutput::None) {
            spawn::relay_daemon(program)?;
        }
    }
    let auto_named = name.is_none();
    let made = program.client.create_session(SessionDescriptor { kind, name, output }).map_err(|error| {
        out.error(error.text());
        Exit::ERROR
    })?;
    let name = made.name.unwrap_or_default();
    let shm_path = match &options.shm_path {
        Some(folder) => Some(set_shm_path(program, &name, folder, auto_named)?),
        None => None,
    };
    let sessions = program.sessions()?;
    let Some(session) = sessions.into_iter().find(|session| session.name == name) else {
        return refuse(&format!("Session '{name}' not found"));
    };
    objects::session(&mut program.mi, &session);
    announce(program, &session, options, shm_path.as_deref());
    program.remember_session(&name)
}

/// Where the new session shall record to.
fn output(out: Output, options: &Options) -> Step<SessionOutput> {
    if options.no_output {
        return Ok(SessionOutput::None);
    }
    if let Some(path) = &options.output {
        let path = absolute(&text::to_path(path));
        if let Err(error) = see_as_far_as_there_is(&path) {
            out.error(format_args!("Failed to expand output path. ({}: {error})", path.display()));
            return Err(Exit::ERROR);
        }
        return Ok(SessionOutput::Local(Some(Uri::local(path))));
    }
    let uris = if let Some(url) = &options.url {
        urls::parse(out, url)
    } else if let (Some(control), Some(data)) = (&options.control_url, &options.data_url) {
        urls::parse_pair(out, control, data)
    } else {
        return Ok(if options.live.is_some() {
            SessionOutput::Network(None)
        } else {
            SessionOutput::Local(None)
        });
    };
    let mut uris = uris.unwrap_or_default().into_iter();
    match (uris.next(), uris.next()) {
        (Some(folder), None) if folder.is_local() => Ok(SessionOutput::Local(Some(folder))),
        (Some(control), Some(data)) => Ok(SessionOutput::Network(Some(NetworkOutput { control, data }))),
        _ => {
            out.error("Unrecognized URL format.");
            Err(Exit::ERROR)
        }
    }
}

/// A path from the root, without `.` and `..`: the daemon has another working directory and refuses `..`.
fn absolute(path: &Path) -> PathBuf {
    let base = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let mut whole = PathBuf::new();
    for part in base.join(path).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            other => whole.push(other),
        }
    }
    whole
}

/// Looks whether the part of a path that is there can be passed through, as the reference does before it asks the daemon.
fn see_as_far_as_there_is(path: &Path) -> io::Result<()> {
    use io::ErrorKind::{NotADirectory, PermissionDenied};
    match path.metadata() {
        Err(error) if matches!(error.kind(), NotADirectory | PermissionDenied) => Err(error),
        _ => Ok(()),
    }
}

/// Moves the session's buffers below `folder`. A session that cannot have that is no session.
fn set_shm_path(program: &Program, name: &str, folder: &str, auto_named: bool) -> Step<PathBuf> {
    let leaf =
        if auto_named { name.to_owned() } else { format!("{name}-{}", local_time::stamp(SystemTime::now())) };
    let path = absolute(&text::to_path(folder)).join(text::to_path(&leaf));
    match program.client.set_shm_path(name, path.clone()) {
        Ok(()) => Ok(path),
        Err(error) => {
            program.out.error(error.text());
            let _ = program.client.destroy_session(name, || ());
            Err(Exit::ERROR)
        }
    }
}

fn announce(program: &Program, session: &Session, options: &Options, shm_path: Option<&Path>) {
    let out = program.out;
    let (name, path) = (&session.name, &session.path);
    let output = || {
        if !path.is_empty() {
            out.say(format_args!("Traces will be output to {path}"));
        }
    };
    if options.snapshot {
        out.say(format_args!("Snapshot session {name} created."));
        let outputs = program.client.list_snapshot_outputs(name).unwrap_or_default();
        if let Some(output) = outputs.first() {
            out.say(format_args!("Default snapshot output set to {}", output.ctrl_url));
        }
        out.say(
            "Every channel enabled for this session will be set to mmap output and default to overwrite mode.",
        );
    } else if let Some(timer) = options.live {
        out.say(format_args!("Live session {name} created."));
        output();
        out.say(format_args!("Live timer interval set to {} us", micros(timer)));
    } else {
        out.say(format_args!("Session {name} created."));
        output();
    }
    if let Some(path) = shm_path {
        out.say(format_args!("Shared memory path set to {}", text::from_path(path)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_absolute_without_asking_the_file_system() {
        assert_eq!(absolute(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(absolute(Path::new("/../x")), Path::new("/x"));
        assert!(absolute(Path::new("x")).ends_with("x"));
        assert!(absolute(Path::new("x")).is_absolute());
    }
}
