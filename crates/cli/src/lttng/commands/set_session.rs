//! `set-session NAME`: makes a session the current one.

use crate::lttng::exit::{Exit, Step};
use crate::lttng::objects;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    while parser.next()?.is_some() {}
    let name = parser.positionals().into_iter().next();
    program.mi.begin(command.name);
    let set = set(program, name);
    program.mi.end(set.is_ok());
    set.map(|()| Exit::SUCCESS)
}

fn set(program: &mut Program, name: Option<String>) -> Step {
    let Some(name) = name else {
        program.out.error("Missing session name");
        return Err(Exit::ERROR);
    };
    if !program.sessions()?.iter().any(|session| session.name == name) {
        program.out.error(format_args!("Session '{name}' not found"));
        return Err(Exit::ERROR);
    }
    program.remember_session(&name)?;
    program.mi.element("sessions", |mi| objects::session_name(mi, &name));
    program.out.say(format_args!("Session set to {name}"));
    Ok(())
}
