//! `save [SESSION]`: the daemon writes session configurations to files.

use std::path::PathBuf;

use rttng_wire::client::SaveSession;

use crate::lttng::exit::{Exit, Step};
use crate::lttng::objects;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::urls;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    let (mut all, mut overwrite, mut path) = (false, false, None);
    while let Some(option) = parser.next()? {
        match option.long {
            "all" => all = true,
            "force" => overwrite = true,
            _ => path = option.value,
        }
    }
    let session = parser.at_most_one()?.filter(|_| !all);
    program.mi.begin(command.name);
    let saved = save(program, session, path, overwrite);
    program.mi.end(saved.is_ok());
    saved.map(|()| Exit::SUCCESS)
}

fn save(program: &mut Program, session: Option<String>, path: Option<String>, overwrite: bool) -> Step {
    let out = program.out;
    let folder = match &path {
        Some(path) => Some(folder(program, path)?),
        None => None,
    };
    let what = SaveSession { session: session.clone(), folder, overwrite, ..SaveSession::default() };
    program.client.save(what).map_err(|error| program.fail(&error))?;
    let place = path.as_ref().map_or(String::new(), |path| format!(" in {path}"));
    match &session {
        Some(name) => out.say(format_args!("Session {name} saved successfully{place}.")),
        None => out.say(format_args!("All sessions have been saved successfully{place}.")),
    }
    program.mi.element("save", |mi| {
        objects::session_name(mi, session.as_deref().unwrap_or("*"));
        if let Some(path) = &path {
            mi.text("path", path);
        }
    });
    Ok(())
}

/// The folder of an absolute path or a `file://` URL.
fn folder(program: &Program, text: &str) -> Step<PathBuf> {
    let uris = urls::parse(program.out, text).ok_or(Exit::ERROR)?;
    match uris.into_iter().next().map(|uri| uri.destination) {
        Some(rttng_wire::client::Destination::Path(path)) => Ok(path),
        _ => {
            program.out.error("Sessions can only be saved to a local directory");
            Err(Exit::ERROR)
        }
    }
}
