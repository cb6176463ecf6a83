//! `list-triggers`.

use std::os::fd::OwnedFd;

use rttng_wire::client::Trigger;

use crate::lttng::argpar::{Arguments, Item};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::options::listing;
use crate::lttng::output::to_stdout;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::trigger::{TriggerErrors, human, machine};

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut arguments = Arguments::new(out, words);
    match arguments.next(command.options)? {
        None => {}
        Some(Item::Unknown) => return Err(arguments.unknown()),
        Some(Item::Option(option)) if option.long == "help" => {
            return Err(program.help.show_command(out, command));
        }
        Some(Item::Option(_)) => {
            to_stdout(format_args!("{}", listing(command.options)));
            return Ok(Exit::SUCCESS);
        }
        Some(Item::Word(word)) => {
            out.error(format_args!("Unexpected argument: {word}"));
            return Ok(Exit::ERROR);
        }
    }
    program.mi.begin("list-trigger");
    let mut triggers: Vec<(Trigger, Vec<OwnedFd>)> = program.client.list_triggers().map_err(|error| {
        out.error(format_args!("Error listing triggers: {}.", error.text()));
        Exit::ERROR
    })?;
    // Anonymous triggers were made through the library and have no name to remove them by.
    triggers.retain(|(trigger, _)| trigger.name.is_some());
    triggers.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name).then(a.owner_uid.cmp(&b.owner_uid)));
    program.mi.open("triggers");
    for (trigger, fds) in &triggers {
        let errors = TriggerErrors::query(&program.client, trigger, fds).map_err(|error| {
            let name = trigger.name.as_deref().unwrap_or_default();
            out.error(format_args!("Failed to query errors of trigger '{name}': {}", error.text()));
            Exit::ERROR
        })?;
        machine::trigger(&mut program.mi, trigger, Some(&errors));
        human::trigger(out, trigger, &errors);
    }
    Ok(Exit::SUCCESS)
}
