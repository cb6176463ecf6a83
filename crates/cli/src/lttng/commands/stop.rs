//! `stop [SESSION]`: stops recording, waits for the data, tells what was lost.

use rttng_wire::client::ErrorCode;

use crate::lttng::exit::{Exit, Step};
use crate::lttng::losses;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    let mut wait = true;
    while let Some(option) = parser.next()? {
        wait &= option.long != "no-wait";
    }
    let name = parser.at_most_one()?;
    program.mi.begin(command.name);
    program.mi.open("sessions");
    let stopped = stop(program, name, wait);
    program.mi.end(stopped.is_ok());
    stopped.map(|()| Exit::SUCCESS)
}

fn stop(program: &mut Program, name: Option<String>, wait: bool) -> Step {
    let name = program.session_or_current(name)?;
    let out = program.out;
    match program.client.stop(&name) {
        Ok(()) => {}
        Err(error) if error.is(ErrorCode::TraceAlreadyStopped) => {
            out.warn(format_args!("Tracing already stopped for session {name}"));
            return Err(Exit::from(&error));
        }
        Err(error) => return Err(program.fail(&error)),
    }
    if wait {
        out.say_partly("Waiting for data availability");
        let waited = program.client.wait_for_data(&name, || out.say_partly("."));
        out.say("");
        waited.map_err(|error| program.fail(&error))?;
    }
    if let Some(line) = losses::of_session_named(&program.client, &name) {
        out.say(line);
    }
    out.say(format_args!("Tracing stopped for session {name}"));
    program.mi.element("session", |mi| {
        mi.text("name", &name);
        mi.boolean("enabled", false);
    });
    Ok(())
}
