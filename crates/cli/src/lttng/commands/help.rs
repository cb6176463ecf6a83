//! `help [COMMAND]`: the page of the program or of a command.

use crate::lttng::exit::{Exit, Step};
use crate::lttng::program::Program;
use crate::lttng::table::{self, CommandSpec};

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    while parser.next()?.is_some() {}
    let Some(name) = parser.positionals().into_iter().next() else {
        return Ok(program.help.show_program(program.out));
    };
    let Some(asked) = table::command(&name) else {
        program.out.error(format_args!("Unknown command \"{name}\""));
        return Ok(Exit::ERROR);
    };
    Ok(program.help.show_command(program.out, asked))
}
