//! `rotate [SESSION]`: archives the current trace chunk.

use rttng_wire::client::{ErrorCode, RotationState};

use crate::lttng::archive;
use crate::lttng::exit::{Exit, Step};
use crate::lttng::objects;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    let mut wait = true;
    while let Some(option) = parser.next()? {
        wait &= option.long != "no-wait";
    }
    let name = parser.positionals().into_iter().next();
    let name = program.session_or_current(name)?;
    program.mi.begin(command.name);
    let rotated = rotate(program, &name, wait);
    program.mi.end(rotated.is_ok());
    rotated.map(|()| Exit::SUCCESS)
}

fn rotate(program: &mut Program, name: &str, wait: bool) -> Step {
    let out = program.out;
    let rotation = match program.client.rotate(name) {
        Ok(rotation) => rotation,
        Err(error) if error.is(ErrorCode::SessionNotStarted) => {
            out.warn(format_args!("Tracing session {name} not started yet"));
            return Err(Exit::WARNING);
        }
        Err(error) => {
            out.error(error.text());
            return Err(Exit::ERROR);
        }
    };
    if !wait {
        out.say(format_args!("Rotation ongoing for session {name}"));
        program.mi.element("rotation", |mi| {
            mi.text("session_name", name);
            mi.text("state", "ONGOING");
        });
        return Ok(());
    }
    out.say_partly("Waiting for rotation to complete");
    let waited = program.client.wait_for_rotation(name, rotation, || out.say_partly("."));
    out.say("");
    let info = waited.map_err(|error| {
        out.error(format_args!("Failed to query the state of the rotation: {}", error.text()));
        Exit::ERROR
    })?;
    let state = match info.state {
        RotationState::Completed => "COMPLETED",
        RotationState::Expired => "EXPIRED",
        RotationState::Ongoing => "ONGOING",
        RotationState::NoRotation | RotationState::Error => "ERROR",
    };
    program.mi.element("rotation", |mi| {
        mi.text("session_name", name);
        mi.text("state", state);
        if let Some(location) = &info.location {
            objects::location(mi, location);
        }
    });
    match info.state {
        RotationState::Completed => {
            out.say(archive::now_readable(name, info.location.as_ref()));
            Ok(())
        }
        RotationState::Expired => {
            out.say(format_args!(
                "Output files of session {name} rotation are no longer known: the session has rotated since"
            ));
            Ok(())
        }
        _ => {
            out.error("Failed to retrieve rotation state.");
            Err(Exit::ERROR)
        }
    }
}
