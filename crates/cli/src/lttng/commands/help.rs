//! `help [COMMAND]`: the man page of the program or of a command.

use crate::lttng::exit::{Exit, Step};
use crate::lttng::help;
use crate::lttng::program::Program;
use crate::lttng::table::{self, CommandSpec};

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    while parser.next()?.is_some() {}
    let Some(name) = parser.positionals().into_iter().next() else {
        return Ok(help::show_program(program.out));
    };
    if table::command(&name).is_none() {
        program.out.error(format_args!("Unknown command \"{name}\""));
        return Ok(Exit::ERROR);
    }
    Ok(help::show_command(program.out, &name))
}
