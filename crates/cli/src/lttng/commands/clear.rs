//! `clear [SESSION]`: removes what a session has recorded.

use std::cell::Cell;

use rttng_wire::client::{ErrorCode, Session};

use crate::lttng::exit::{Exit, Step};
use crate::lttng::objects;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    let mut all = false;
    while let Some(option) = parser.next()? {
        all |= option.long == "all";
    }
    let name = parser.at_most_one()?;
    program.mi.begin(command.name);
    program.mi.open("sessions");
    let cleared = clear(program, all, name);
    program.mi.end(cleared.is_ok());
    cleared.map(|()| Exit::SUCCESS)
}

fn clear(program: &mut Program, all: bool, name: Option<String>) -> Step {
    if all {
        let mut result = Ok(());
        for session in program.sessions()? {
            result = clear_one(program, &session).and(result);
        }
        return result;
    }
    let name = program.session_or_current(name)?;
    match program.sessions()?.into_iter().find(|session| session.name == name) {
        Some(session) => clear_one(program, &session),
        None => {
            program.out.error(format_args!("Session name {name} not found"));
            Err(Exit(ErrorCode::SessNotFound.number() as u8))
        }
    }
}

fn clear_one(program: &mut Program, session: &Session) -> Step {
    let out = program.out;
    let name = &session.name;
    let waited = Cell::new(false);
    let cleared = program.client.clear(name, || {
        if !waited.replace(true) {
            out.say_partly(format_args!("Waiting for clear of session \"{name}\""));
        }
        out.say_partly(".");
    });
    if waited.get() {
        out.say("");
    }
    cleared.map_err(|error| program.fail(&error))?;
    objects::session(&mut program.mi, session);
    out.say(format_args!("Session \"{name}\" cleared"));
    Ok(())
}
