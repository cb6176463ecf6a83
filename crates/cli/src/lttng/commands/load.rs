//! `load [SESSION]`: makes sessions from saved configurations (`docs/spec/session-config.md`).
//!
//! The reference reports success for a name that it does not find in a directory; here that is an error.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rttng_control::config::{Overrides, SavedSession};
use rttng_wire::client::ErrorCode;

use crate::lttng::exit::{Exit, Step};
use crate::lttng::objects;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::urls;

/// Configurations of the whole machine.
const SYSTEM_FOLDER: &str = "/etc/lttng/sessions";
/// Configurations of a user, below the home folder.
const USER_FOLDER: &str = ".lttng/sessions";
const EXTENSION: &str = "lttng";

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let (mut all, mut path) = (false, None);
    let mut overrides = Overrides::default();
    while let Some(option) = parser.next()? {
        match option.long {
            "all" => all = true,
            "input-path" => path = option.value,
            "force" => overrides.overwrite = true,
            "override-url" => overrides.url = option.value,
            _ => overrides.name = option.value,
        }
    }
    let session = parser.at_most_one()?.filter(|_| !all);
    if !program.client.is_alive() {
        out.error(ErrorCode::NoSessiond);
        // The warning about a stale socket comes with the program's end.
        return Ok(Exit::ERROR);
    }
    program.mi.begin(command.name);
    if session.is_none() && overrides.name.is_some() {
        out.error("Options --all and --override-name cannot be used simultaneously");
        program.mi.end(false);
        return Ok(Exit::ERROR);
    }
    if let Some(url) = &overrides.url
        && urls::parse(out, url).is_none()
    {
        out.error(ErrorCode::Invalid);
        program.mi.end(false);
        return Ok(Exit::INVALID);
    }
    let loaded = load(program, session.as_deref(), path.as_deref(), &overrides);
    program.mi.end(loaded.is_ok());
    loaded.map(|()| Exit::SUCCESS)
}

fn load(program: &mut Program, session: Option<&str>, path: Option<&str>, overrides: &Overrides) -> Step {
    let out = program.out;
    let files = match path {
        Some(path) => {
            let path = fs::canonicalize(path).map_err(|error| {
                out.system_error("Invalid input path", &error);
                Exit::ERROR
            })?;
            if path.is_dir() { configurations(&path) } else { vec![path] }
        }
        None => {
            let user = program.home.as_ref().map(|home| Path::new(home).join(USER_FOLDER));
            user.into_iter()
                .chain([PathBuf::from(SYSTEM_FOLDER)])
                .flat_map(|folder| configurations(&folder))
                .collect()
        }
    };
    let mut found = false;
    for file in files {
        for saved in read(program, &file)? {
            if session.is_none_or(|name| saved.name == name) {
                found = true;
                make(program, &saved, overrides)?;
            }
        }
    }
    let name = session.unwrap_or("*");
    if let Some(name) = session {
        if !found {
            out.error(ErrorCode::LoadSessionNoent);
            return Err(Exit::ERROR);
        }
        out.say(format_args!("Session {name} has been loaded successfully"));
        program.remember_session(overrides.name.as_deref().unwrap_or(name))?;
    } else {
        out.say("All sessions have been loaded successfully");
    }
    if let Some(name) = &overrides.name {
        out.say(format_args!("Session name overridden with {name}"));
    }
    if let Some(url) = &overrides.url {
        out.say(format_args!("Session output url overridden with {url}"));
    }
    program.mi.element("load", |mi| {
        objects::session_name(mi, name);
        if let Some(path) = path {
            mi.text("path", path);
        }
        mi.element("overrides", |mi| {
            if let Some(name) = &overrides.name {
                mi.text("name", name);
            }
            if let Some(url) = &overrides.url {
                mi.text("url", url);
            }
        });
    });
    Ok(())
}

/// The configurations in a folder, in the order of the alphabet; a folder that is not there has none.
fn configurations(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension() == Some(OsStr::new(EXTENSION)) && path.is_file()).collect();
    files.sort();
    files
}

fn read(program: &Program, file: &Path) -> Step<Vec<SavedSession>> {
    let out = program.out;
    let text = fs::read(file).map_err(|error| {
        out.system_error(format_args!("Cannot read {}", file.display()), &error);
        out.error(ErrorCode::LoadIoFail);
        Exit::ERROR
    })?;
    SavedSession::read_all(&String::from_utf8_lossy(&text)).map_err(|error| {
        out.error(format_args!("Session configuration file validation failed: {}: {error}", file.display()));
        out.error(ErrorCode::LoadInvalidConfig);
        Exit::ERROR
    })
}

fn make(program: &Program, saved: &SavedSession, overrides: &Overrides) -> Step {
    saved.load(&program.client, overrides).map_err(|error| {
        program.out.error(format_args!("Failed to load session {}: {error}", saved.name));
        program.out.error(error.code());
        Exit::ERROR
    })
}
