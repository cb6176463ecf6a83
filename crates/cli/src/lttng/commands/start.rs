//! `start [SESSION]`.

use rttng_wire::client::ErrorCode;

use crate::lttng::exit::{Exit, Step};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    while parser.next()?.is_some() {}
    let name = parser.at_most_one()?;
    program.mi.begin(command.name);
    program.mi.open("sessions");
    let started = start(program, name);
    program.mi.end(started.is_ok());
    started.map(|()| Exit::SUCCESS)
}

fn start(program: &mut Program, name: Option<String>) -> Step {
    let name = program.session_or_current(name)?;
    match program.client.start(&name) {
        Ok(()) => {
            program.out.say(format_args!("Tracing started for session {name}"));
            program.mi.element("session", |mi| {
                mi.text("name", &name);
                mi.boolean("enabled", true);
            });
            Ok(())
        }
        Err(error) if error.is(ErrorCode::TraceAlreadyStarted) => {
            program.out.warn(format_args!("Tracing already started for session {name}"));
            Err(Exit::from(&error))
        }
        Err(error) => Err(program.fail(&error)),
    }
}
