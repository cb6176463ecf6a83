//! `regenerate metadata|statedump`, and its older spelling `metadata regenerate`.

use crate::lttng::exit::{Exit, Step};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let (session, actions) = parse(program, command, words)?;
    program.mi.begin(command.name);
    let Some(action) = actions.first() else {
        program.out.error("No object specified for regenerate command.");
        program.mi.end(false);
        return Ok(Exit::ERROR);
    };
    if actions.len() > 1 || !command.actions.contains(&action.as_str()) {
        program.mi.end(false);
        return Ok(Exit::UNDEFINED);
    }
    let session = program.session_or_current(session)?;
    let (what, done) = match action.as_str() {
        "metadata" => ("Metadata", program.client.regenerate_metadata(&session)),
        _ => ("State dump", program.client.regenerate_statedump(&session)),
    };
    program.mi.element("regenerate_action", |mi| mi.text("name", action));
    finish(program, what, &session, done)
}

pub(crate) fn run_metadata(
    program: &mut Program,
    command: &'static CommandSpec,
    words: &[String],
) -> Step<Exit> {
    let (session, actions) = parse(program, command, words)?;
    program.mi.begin(command.name);
    let Some(action) = actions.first() else {
        program.out.error("No action specified for metadata command.");
        program.mi.end(false);
        return Ok(Exit::ERROR);
    };
    if actions.len() > 1 || !command.actions.contains(&action.as_str()) {
        program.mi.end(false);
        return Ok(Exit::UNDEFINED);
    }
    let session = program.session_or_current(session)?;
    let done = program.client.regenerate_metadata(&session);
    program.mi.element("metadata_action", |mi| mi.text("name", action));
    finish(program, "Metadata", &session, done)
}

fn parse(
    program: &Program,
    command: &'static CommandSpec,
    words: &[String],
) -> Step<(Option<String>, Vec<String>)> {
    let mut parser = program.parse(command, words);
    let mut session = None;
    while let Some(option) = parser.next()? {
        session = option.value;
    }
    Ok((session, parser.positionals()))
}

fn finish(
    program: &mut Program,
    what: &str,
    session: &str,
    done: Result<(), rttng_control::ControlError>,
) -> Step<Exit> {
    program.mi.end(done.is_ok());
    match done {
        Ok(()) => {
            program.out.say(format_args!("{what} successfully regenerated for session {session}"));
            Ok(Exit::SUCCESS)
        }
        Err(error) => Err(program.fail(&error)),
    }
}
