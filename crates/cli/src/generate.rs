//! `rttng generate DIR`: man pages and shell completion, from the tables that the command line is parsed with. For those who
//! package the program; it is not listed among the commands.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::lttng::options::{OptionSpec, Takes};
use crate::lttng::table::{COMMANDS, CommandSpec, GLOBAL_OPTIONS};
use crate::lttng::trigger::{action, condition};

/// The names under which the program is installed.
const NAMES: [&str; 2] = ["rttng", "lttng"];
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes everything below the directory that is the only argument.
pub(crate) fn main(words: Vec<OsString>) -> ExitCode {
    let [_, folder] = &words[..] else {
        eprintln!("usage: rttng generate DIR");
        return ExitCode::from(2);
    };
    match write_all(Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "Error: cannot write man pages and completion below {}: {error}",
                Path::new(folder).display()
            );
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> io::Result<()> {
    let man = folder.join("man1");
    let completion = folder.join("completion");
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completion)?;
    for name in NAMES {
        write_page(&man, name, whole(name))?;
        for shell in SHELLS {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut whole(name), name, &mut text);
            fs::write(completion.join(format!("{name}.{shell}")), text)?;
        }
    }
    COMMANDS.iter().try_for_each(|spec| {
        let name = format!("lttng-{}", spec.name);
        write_page(&man, &name, described(spec).name(name.clone()))
    })
}

fn write_page(folder: &Path, name: &str, command: Command) -> io::Result<()> {
    let mut text = Vec::new();
    Man::new(command.version(env!("CARGO_PKG_VERSION")))
        .title(name.to_uppercase())
        .manual("LTTng Manual")
        .source(concat!("rttng ", env!("CARGO_PKG_VERSION")))
        .render(&mut text)?;
    fs::write(folder.join(format!("{name}.1")), text)
}

/// The program with all of its commands.
fn whole(name: &'static str) -> Command {
    let command = Command::new(name)
        .about("Control LTTng tracing")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(GLOBAL_OPTIONS.iter().map(argument));
    COMMANDS.iter().fold(command, |command, spec| command.subcommand(described(spec)))
}

fn described(spec: &'static CommandSpec) -> Command {
    let mut command = Command::new(spec.name)
        .about(spec.summary)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(spec.options.iter().map(argument));
    if !spec.actions.is_empty() {
        command = command.arg(Arg::new("ACTION").value_parser(spec.actions.to_vec()).help("What to do"));
    }
    if !spec.operands.is_empty() {
        command = command.override_usage(format!("lttng {} [OPTIONS] {}", spec.name, spec.operands));
    }
    if spec.name == "add-trigger" {
        command = command.after_help(nested_options());
    }
    command
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

/// The options that only count behind a condition or an action.
fn nested_options() -> String {
    let mut text = String::new();
    let mut section = |title: String, options: &[OptionSpec]| {
        text.push_str(&title);
        for spec in options {
            let short = spec.short.map_or(String::new(), |short| format!("-{short}, "));
            let value = match spec.takes {
                Takes::Nothing => String::new(),
                Takes::Value(name) | Takes::MaybeValue(name) => format!("={name}"),
            };
            text.push_str(&format!("\n  {short}--{}{value}: {}", spec.long, spec.help));
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
        whole("lttng").debug_assert();
    }

    #[test]
    fn there_is_a_page_for_every_command_and_completion_for_every_shell() {
        let folder = tempfile::tempdir().unwrap();
        write_all(folder.path()).unwrap();
        for spec in COMMANDS {
            let page = folder.path().join(format!("man1/lttng-{}.1", spec.name));
            let text = fs::read_to_string(page).unwrap();
            for option in spec.options {
                assert!(text.contains(&option.long.replace('-', "\\-")), "{} --{}", spec.name, option.long);
            }
        }
        assert_eq!(
            fs::read_dir(folder.path().join("completion")).unwrap().count(),
            NAMES.len() * SHELLS.len()
        );
        let bash = fs::read_to_string(folder.path().join("completion/lttng.bash")).unwrap();
        assert!(bash.contains("enable-channel") && bash.contains("--subbuf-size"));
    }
}
