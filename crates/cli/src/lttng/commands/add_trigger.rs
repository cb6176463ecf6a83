//! `add-trigger --condition ... --action ...`.

use std::fs::File;
use std::os::fd::AsFd;

use rttng_wire::client::{Action, Condition, Trigger};

use crate::lttng::argpar::{Arguments, Item, once};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::options::listing;
use crate::lttng::output::{Output, to_stdout};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::trigger::{action, condition, machine};

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    program.mi.begin(command.name);
    let added = add(program, command, words);
    program.mi.end(added.is_ok());
    added.map(|()| Exit::SUCCESS)
}

fn add(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step {
    let out = program.out;
    let mut arguments = Arguments::new(out, words);
    let mut condition: Option<(Condition, Option<File>)> = None;
    let mut actions = Vec::new();
    let (mut name, mut owner) = (None, None);
    loop {
        let item = arguments.next(command.options).inspect_err(|_| {
            if arguments.last_is("condition") {
                valid_names(out, "condition", &condition::NAMES);
            } else if arguments.last_is("action") {
                valid_names(out, "action", &action::NAMES);
            }
        })?;
        let option = match item {
            None => break,
            Some(Item::Unknown) => return Err(arguments.unknown()),
            Some(Item::Word(word)) => {
                out.error(format_args!("Unexpected argument `{word}`."));
                return Err(Exit::ERROR);
            }
            Some(Item::Option(option)) => option,
        };
        match option.long {
            "help" => return Err(program.help.show_command(out, command)),
            "list-options" => {
                to_stdout(format_args!("{}", listing(command.options)));
                return Err(Exit::SUCCESS);
            }
            "condition" => {
                if condition.is_some() {
                    out.error("A --condition was already given.");
                    return Err(Exit::ERROR);
                }
                let name = option.text();
                known(out, &arguments, "condition", &name, &condition::NAMES)?;
                condition = Some(condition::parse(out, &mut arguments)?);
            }
            "action" => {
                let name = option.text();
                known(out, &arguments, "action", &name, &action::NAMES)?;
                actions.push(action::parse(out, &mut arguments, &name)?);
            }
            "name" => once(out, &mut name, "--name", option.value)?,
            _ => once(out, &mut owner, "--owner-uid", option.value)?,
        }
    }
    let Some((condition, binary)) = condition else {
        out.error("Missing --condition.");
        return Err(Exit::ERROR);
    };
    if actions.is_empty() {
        out.error("Need at least one --action.");
        return Err(Exit::ERROR);
    }
    let owner_uid = match owner {
        None => rustix::process::geteuid().as_raw(),
        Some(text) => text.parse().map_err(|_| {
            out.error(format_args!("Failed to parse `{text}` as a user id."));
            Exit::ERROR
        })?,
    };
    let trigger = Trigger { name, owner_uid, is_hidden: false, condition, action: Action::List(actions) };
    let fds: Vec<_> = binary.iter().map(AsFd::as_fd).collect();
    let registered = program.client.register_trigger(trigger, &fds).map_err(|error| {
        out.error(format_args!("Failed to register trigger: {}.", error.text()));
        Exit::ERROR
    })?;
    machine::trigger(&mut program.mi, &registered, None);
    out.say(format_args!("Added trigger `{}`.", registered.name.unwrap_or_default()));
    Ok(())
}

/// Checks the name of a condition or an action.
fn known(out: Output, arguments: &Arguments<'_>, what: &str, name: &str, names: &[&str]) -> Step {
    if names.contains(&name) {
        return Ok(());
    }
    arguments.complain(format_args!("Unknown {what} name '{name}'"));
    valid_names(out, what, names);
    Err(Exit::ERROR)
}

fn valid_names(out: Output, what: &str, names: &[&str]) {
    out.error(format_args!("Valid {what} names are:"));
    for name in names {
        out.error(format_args!("  {name}"));
    }
}
