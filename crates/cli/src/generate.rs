//! `rttng generate DIR`: man pages and shell completion, from the tables that the command line is parsed with. For those who
//! package the program.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Command, CommandFactory, Parser};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::lttng::table::COMMANDS;
use crate::{describe, dispatch, words};

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes man pages (man1/) and shell completion (completion/) into a directory, for those who package the program.
#[derive(Debug, Parser)]
#[command(name = "rttng generate", bin_name = "rttng generate", max_term_width = 100)]
struct Options {
    /// Where; it is made if it is not there
    directory: PathBuf,
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> Command {
    Options::command()
}

/// `rttng generate`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    let Options { directory } = match words::read(argv) {
        Ok(options) => options,
        Err(end) => return end,
    };
    match write_all(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rttng generate: cannot write below {}: {error}", directory.display());
            ExitCode::FAILURE
        }
    }
}

fn write_all(folder: &Path) -> io::Result<()> {
    let man = folder.join("man1");
    let completion = folder.join("completion");
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completion)?;
    for program in programs() {
        let name = program.get_name().to_owned();
        write_page(&man, &name, program.clone())?;
        for shell in SHELLS {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut program.clone(), &name, &mut text);
            fs::write(completion.join(format!("{name}.{shell}")), text)?;
        }
    }
    for own in dispatch::own_commands() {
        let name = format!("rttng-{}", own.word);
        write_page(&man, &name, (own.describe)().name(name.clone()))?;
    }
    COMMANDS.iter().try_for_each(|spec| {
        let name = format!("lttng-{}", spec.name);
        write_page(&man, &name, describe::lttng_command(spec, "lttng").name(name.clone()))
    })
}

/// The program under each name under which it is installed.
fn programs() -> [Command; 2] {
    [describe::rttng(), describe::lttng("lttng")]
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

#[cfg(test)]
mod tests {
    use super::*;

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
            programs().len() * SHELLS.len()
        );
        let bash = fs::read_to_string(folder.path().join("completion/lttng.bash")).unwrap();
        assert!(bash.contains("enable-channel") && bash.contains("--subbuf-size"));
        let bash = fs::read_to_string(folder.path().join("completion/rttng.bash")).unwrap();
        assert!(bash.contains("doctor") && bash.contains("--lossless"));
        let page = fs::read_to_string(folder.path().join("man1/rttng-record.1")).unwrap();
        assert!(page.contains("\\-\\-lossless"));
    }
}
