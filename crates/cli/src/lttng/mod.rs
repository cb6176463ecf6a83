//! LTTng's command line, version 2.13.9: `lttng [OPTIONS] COMMAND [COMMAND OPTIONS]` (`docs/spec/cli.md`).
//!
//! The options before the command are parsed here; [`table`] lists the commands, and each of them lives in its own file
//! under [`commands`]. A command speaks through [`Program`] and asks the session daemon through
//! `rttng-control`.

mod archive;
mod argpar;
mod commands;
pub(crate) mod contexts;
mod current_session;
mod domains;
mod exit;
mod getopt;
mod help;
mod locations;
mod losses;
mod mi;
pub(crate) mod names;
mod objects;
pub(crate) mod options;
mod output;
mod program;
mod spawn;
pub(crate) mod table;
pub(crate) mod trigger;
mod urls;
pub(crate) mod values;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::ExitCode;

use rttng_control::{Client, Endpoint};
use rttng_wire::text;

use exit::Exit;
use getopt::GlobalWords;
use help::Help;
use mi::Document;
use options::{Found, listing};
use output::{Output, to_stderr, to_stdout};
use program::Program;
use table::{COMMANDS, GLOBAL_OPTIONS};

/// What a refused output type of `--mi` ends with: the library's negative code, cut to eight bits.
const BAD_MACHINE_INTERFACE: Exit = Exit(165);
const VERBOSITY_MAX: u8 = 3;

/// Runs the command line.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    // Names are bytes to LTTng.
    let words: Vec<String> = argv.iter().map(|word| text::from_bytes(word.as_bytes())).collect();
    run(&words).into()
}

/// The options before the command.
#[derive(Default)]
struct Globals {
    out: Output,
    group: Option<String>,
    no_sessiond: bool,
    sessiond_path: Option<PathBuf>,
    relayd_path: Option<PathBuf>,
}

fn run(argv: &[String]) -> Exit {
    let name = argv.first().map_or("lttng", String::as_str);
    let words = argv.get(1..).unwrap_or_default();
    if is_set_id() {
        to_stderr(format_args!(
            "Error: '{name}' is not allowed to be executed as a setuid/setgid binary for security reasons. Aborting.\n"
        ));
        return Exit::ERROR;
    }
    let help = Help::of(name);
    if words.is_empty() {
        to_stdout(format_args!("{}", help.usage()));
        return Exit::ERROR;
    }
    let mut parser = GlobalWords::new(name, GLOBAL_OPTIONS, words);
    let mut globals = Globals::default();
    loop {
        match parser.next() {
            Ok(Some(found)) => {
                if let Some(exit) = globals.take(name, help, found) {
                    return exit;
                }
            }
            Ok(None) => break,
            Err(complaint) => {
                to_stderr(format_args!("{complaint}\n"));
                return Exit::ERROR;
            }
        }
    }
    let Some((word, words)) = parser.rest().split_first() else { return Exit::ERROR };
    let Some(command) = table::command(word) else {
        globals.out.say(help.no_command(word));
        return Exit::UNDEFINED;
    };
    let mut program = globals.into_program(help);
    let exit = (command.run)(&mut program, command, words).unwrap_or_else(|exit| exit);
    program.mi.finish();
    if exit == Exit::UNDEFINED {
        program.out.error(format_args!("Unrecognized argument used with '{word}' command"));
    }
    if let Some(stale) = program.client.stale_socket() {
        program.out.warn(stale);
    }
    exit
}

/// Whether the binary gives its caller another identity; then nothing from the environment could be trusted.
fn is_set_id() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

impl Globals {
    /// Takes one option; some of them are the whole run.
    fn take(&mut self, name: &str, help: Help, found: Found) -> Option<Exit> {
        match found.long {
            "version" => {
                to_stdout(format_args!("{name} (LTTng Trace Control) {}\n", commands::version::banner()));
                return Some(Exit::SUCCESS);
            }
            "help" => return Some(help.show_program(self.out)),
            "list-options" => {
                to_stdout(format_args!("{}", listing(GLOBAL_OPTIONS)));
                return Some(Exit::SUCCESS);
            }
            "list-commands" => {
                for command in COMMANDS {
                    to_stdout(format_args!("{}\n", command.name));
                }
                return Some(Exit::SUCCESS);
            }
            "mi" => {
                // Only the first three letters are looked at, as in LTTng.
                let kind = found.text();
                if !kind.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml")) {
                    self.out.error("MI output format not supported");
                    return Some(BAD_MACHINE_INTERFACE);
                }
                self.out.machine = true;
            }
            "group" => self.group = Some(found.text()),
            "verbose" => self.out.verbosity = (self.out.verbosity + 1).min(VERBOSITY_MAX),
            "quiet" => self.out.quiet = true,
            "no-sessiond" => self.no_sessiond = true,
            "sessiond-path" => self.sessiond_path = Some(text::to_path(&found.text())),
            "relayd-path" => self.relayd_path = Some(text::to_path(&found.text())),
            other => unreachable!("option --{other} is in the table but nobody takes it"),
        }
        None
    }

    fn into_program(self, help: Help) -> Program {
        let endpoint = Endpoint::from_environment(self.group.as_deref());
        Program {
            out: self.out,
            help,
            mi: Document::new(self.out.machine),
            home: endpoint.home().map(|home| home.as_os_str().to_owned()),
            client: Client::new(endpoint),
            may_spawn: !self.no_sessiond,
            sessiond_path: self.sessiond_path,
            relayd_path: self.relayd_path,
        }
    }
}
