//! `load [SESSION]`: makes sessions from saved configurations.

use crate::lttng::exit::{Exit, Step};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    while parser.next()?.is_some() {}
    parser.at_most_one()?;
    if !program.client.is_alive() {
        out.error("No session daemon is available");
        return Ok(Exit::ERROR);
    }
    out.error("rttng cannot load session configurations (recreate the session by its commands)");
    Ok(Exit::ERROR)
}
