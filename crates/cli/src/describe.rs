//! The command line described with clap, from the tables that it is parsed with: what help texts, man pages and shell
//! completion are made of.

use clap::{Arg, ArgAction, Command};

use crate::dispatch;
use crate::lttng::options::{OptionSpec, Takes};
use crate::lttng::table::{COMMANDS, CommandSpec, GLOBAL_OPTIONS, GROUPS, command};
use crate::lttng::trigger::{action, condition};

/// LTTng's command line: the program of that name with all of its commands.
pub(crate) fn lttng(name: &'static str) -> Command {
    program(name, COMMANDS.iter())
}

fn program(name: &'static str, commands: impl Iterator<Item = &'static CommandSpec>) -> Command {
    let program = Command::new(name)
        .about("Control LTTng tracing")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(GLOBAL_OPTIONS.iter().map(argument));
    commands.fold(program, |program, spec| program.subcommand(lttng_command(spec, name)))
}

/// Whether a command of our own stands in the place of LTTng's of that name.
fn is_replaced(name: &str) -> bool {
    dispatch::own_commands().any(|own| own.word == name)
}

/// The program under its own name: LTTng's commands and its own.
pub(crate) fn rttng() -> Command {
    let kept = COMMANDS.iter().filter(|spec| !is_replaced(spec.name));
    dispatch::own_commands().fold(program("rttng", kept), |program, own| {
        let described = (own.describe)().name(own.word).about(own.about);
        program.subcommand(described)
    })
}

/// One of LTTng's commands, as `program` has it.
pub(crate) fn lttng_command(spec: &'static CommandSpec, program: &str) -> Command {
    let mut described = Command::new(spec.name)
        .about(spec.summary)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(spec.options.iter().map(argument));
    if !spec.actions.is_empty() {
        described = described.arg(Arg::new("ACTION").value_parser(spec.actions.to_vec()).help("What to do"));
    }
    let operands = if spec.operands.is_empty() { String::new() } else { format!(" {}", spec.operands) };
    described = described.override_usage(format!("{program} {} [OPTIONS]{operands}", spec.name));
    if spec.name == "add-trigger" {
        described = described.after_help(nested_options());
    }
    described
}

/// The first page of the program under its own name: every command in a line.
pub(crate) fn overview() -> String {
    let mut text = String::from(
        "LTTng tracing in one binary: records what programs do, controls recording sessions, is its own daemons.\n\n\
         Usage: rttng COMMAND [OPTIONS]\n       rttng [GENERAL OPTIONS] COMMAND [OPTIONS]   (LTTng's commands)\n\n\
         Start here:\n",
    );
    let mut line = |name: &str, about: &str| text.push_str(&format!("  {name:<18}{about}\n"));
    for own in dispatch::own_commands() {
        line(own.word, own.about);
    }
    for (title, names) in GROUPS {
        text.push_str(&format!("\n{title}:\n"));
        for name in names.iter().filter(|name| !is_replaced(name)) {
            let summary = command(name).map_or("", |command| command.summary);
            text.push_str(&format!("  {name:<18}{summary}\n"));
        }
    }
    text.push_str("\nGeneral options (before one of LTTng's commands):\n");
    for spec in GLOBAL_OPTIONS {
        let (short, value) = (short(spec), value(spec));
        text.push_str(&format!("  {:<26}{}\n", format!("{short}--{}{value}", spec.long), spec.help));
    }
    text.push_str("\n`rttng COMMAND --help` tells more about a command.\n");
    text
}

fn argument(spec: &'static OptionSpec) -> Arg {
    let mut argument = Arg::new(spec.long).long(spec.long).help(spec.help);
    if let Some(short) = spec.short {
        argument = argument.short(short);
    }
    match spec.takes {
        Takes::Nothing => argument.action(ArgAction::SetTrue),
        Takes::Value(name) => argument.value_name(name).action(ArgAction::Append),
        Takes::MaybeValue(name) => argument.value_name(name).num_args(0..=1).action(ArgAction::Append),
    }
}

fn short(spec: &OptionSpec) -> String {
    spec.short.map_or(String::new(), |short| format!("-{short}, "))
}

fn value(spec: &OptionSpec) -> String {
    match spec.takes {
        Takes::Nothing => String::new(),
        Takes::Value(name) | Takes::MaybeValue(name) => format!("={name}"),
    }
}

/// The options that only count behind a condition or an action.
fn nested_options() -> String {
    let mut text = String::new();
    let mut section = |title: String, options: &[OptionSpec]| {
        text.push_str(&title);
        for spec in options {
            text.push_str(&format!("\n  {}--{}{}: {}", short(spec), spec.long, value(spec), spec.help));
        }
        text.push_str("\n\n");
    };
    section(format!("After --condition {}:", condition::NAMES.join(", ")), condition::OPTIONS);
    section(format!("After --action {}:", action::NAMES.join(", ")), action::OPTIONS);
    section("After --action snapshot-session also:".to_owned(), action::SNAPSHOT_OPTIONS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_of_every_command_is_consistent() {
        lttng("lttng").debug_assert();
        rttng().debug_assert();
    }

    #[test]
    fn the_overview_names_every_command_once() {
        let text = overview();
        let own = dispatch::own_commands().map(|own| own.word);
        let listed = COMMANDS.iter().map(|spec| spec.name);
        let listed = listed.filter(|name| *name != "metadata" && !is_replaced(name));
        for name in own.chain(listed) {
            let lines = text.lines().filter(|line| line.split_whitespace().next() == Some(name));
            assert_eq!(lines.filter(|line| line.starts_with("  ")).count(), 1, "{name}");
        }
    }
}
