//! `remove-trigger NAME`.

use std::os::fd::AsFd;

use crate::lttng::argpar::{Arguments, Item};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::options::listing;
use crate::lttng::output::to_stdout;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::trigger::machine;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    program.mi.begin(command.name);
    let removed = remove(program, command, words);
    program.mi.end(removed.is_ok());
    removed.map(|()| Exit::SUCCESS)
}

fn remove(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step {
    let out = program.out;
    let mut arguments = Arguments::new(out, words);
    let mut name: Option<String> = None;
    let mut owner_uid = rustix::process::geteuid().as_raw();
    while let Some(item) = arguments.next(command.options)? {
        match item {
            Item::Unknown => return Err(arguments.unknown()),
            Item::Word(word) if name.is_none() => name = Some(word),
            Item::Word(word) => {
                out.error(format_args!("Unexpected argument '{word}'"));
                return Err(Exit::ERROR);
            }
            Item::Option(option) => match option.long {
                "help" => return Err(program.help.show_command(out, command)),
                "list-options" => {
                    to_stdout(format_args!("{}", listing(command.options)));
                    return Err(Exit::SUCCESS);
                }
                _ => {
                    let text = option.text();
                    owner_uid = text.parse().map_err(|_| {
                        out.error(format_args!("Failed to parse `{text}` as an integer."));
                        Exit::ERROR
                    })?;
                }
            },
        }
    }
    let Some(name) = name else {
        out.error("Missing `name` argument.");
        return Err(Exit::ERROR);
    };
    let triggers = program.client.list_triggers().map_err(|error| {
        out.error("Failed to get the list of triggers.");
        out.debug(1, error);
        Exit::ERROR
    })?;
    let found = triggers
        .into_iter()
        .find(|(trigger, _)| trigger.name.as_deref() == Some(&name) && trigger.owner_uid == owner_uid);
    let Some((trigger, fds)) = found else {
        out.error(format_args!("Couldn't find trigger with name `{name}`."));
        return Err(Exit::ERROR);
    };
    let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    program.client.unregister_trigger(trigger.clone(), &fds).map_err(|error| {
        out.error(format_args!("Failed to unregister trigger `{name}`."));
        out.debug(1, error);
        Exit::ERROR
    })?;
    machine::trigger(&mut program.mi, &trigger, None);
    out.say(format_args!("Removed trigger `{name}`."));
    Ok(())
}
