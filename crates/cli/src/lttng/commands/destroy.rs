//! `destroy [SESSION]`: stops a session, waits for its data, destroys it and says what it lost.

use std::cell::Cell;

use rttng_wire::client::reply::ImplicitRotation;
use rttng_wire::client::{ErrorCode, Session};

use crate::lttng::archive;
use crate::lttng::exit::{Exit, Step};
use crate::lttng::losses;
use crate::lttng::objects;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    let (mut all, mut wait) = (false, true);
    while let Some(option) = parser.next()? {
        match option.long {
            "all" => all = true,
            "no-wait" => wait = false,
            _ => {}
        }
    }
    let names = parser.positionals();
    program.mi.begin(command.name);
    program.mi.open("sessions");
    let exit = destroy(program, all, wait, names).unwrap_or_else(|exit| exit);
    program.mi.end(exit.is_success());
    Ok(exit)
}

fn destroy(program: &mut Program, all: bool, wait: bool, names: Vec<String>) -> Step<Exit> {
    if all {
        let sessions = program.sessions()?;
        if sessions.is_empty() {
            program.out.say("No session found, nothing to do.");
        }
        let mut exit = Exit::SUCCESS;
        for session in &sessions {
            if destroy_one(program, session, wait).is_err() {
                exit = Exit::ERROR;
            }
        }
        return Ok(exit);
    }
    let mut names = names.into_iter();
    let name = program.session_or_current(names.next())?;
    let sessions = program.sessions()?;
    let Some(session) = sessions.into_iter().find(|session| session.name == name) else {
        program.out.error(format_args!("Session name {name} not found"));
        return Err(Exit(ErrorCode::SessNotFound.number() as u8));
    };
    if let Some(extra) = names.next() {
        program.out.error(format_args!("Unknown argument: {extra}"));
        return Err(Exit::ERROR);
    }
    destroy_one(program, &session, wait).map(|()| Exit::SUCCESS)
}

fn destroy_one(program: &mut Program, session: &Session, wait: bool) -> Step {
    let out = program.out;
    let name = &session.name;
    // Progress is one line that only appears if there is something to wait for.
    let waited = Cell::new(false);
    let tick = || {
        if !waited.replace(true) {
            out.say_partly(format_args!("Destroying session {name}"));
        }
        out.say_partly(".");
    };
    let failed = |error: &rttng_control::ControlError| {
        if waited.get() {
            out.say("");
        }
        out.error(format_args!("{} during the destruction of session \"{name}\"", error.text()));
        Exit::from(error)
    };
    let client = &program.client;
    match client.stop(name) {
        Ok(()) => {}
        Err(error) if error.is(ErrorCode::TraceAlreadyStopped) => {}
        Err(error) => return Err(failed(&error)),
    }
    if wait {
        client.wait_for_data(name, tick).map_err(|error| failed(&error))?;
    }
    let losses = if session.active { losses::of_session(client, session) } else { None };
    let destroyed = if wait {
        client.destroy_session(name, tick).map(Some)
    } else {
        client.destroy_session_no_wait(name).map(|()| None)
    };
    let destruction = destroyed.map_err(|error| failed(&error))?;
    let rotation = destruction.as_ref().map(|destruction| &destruction.rotation);
    match rotation {
        Some(ImplicitRotation::Completed(location)) => out.say(archive::now_readable(name, Some(location))),
        Some(ImplicitRotation::Failed) => {
            out.error(format_args!("The last trace chunk of session {name} could not be archived"))
        }
        Some(ImplicitRotation::None) | None => {}
    }
    if waited.get() {
        out.say("");
    }
    if let Some(code) = destruction.and_then(|destruction| destruction.error) {
        out.error(format_args!("{code} during the destruction of session \"{name}\""));
        program.current_session().forget(name);
        return Err(Exit(u8::try_from(code.number()).unwrap_or(1)));
    }
    out.say(format_args!("Session {name} destroyed"));
    if let Some(line) = losses {
        out.say(line);
    }
    program.current_session().forget(name);
    objects::session(&mut program.mi, session);
    Ok(())
}
