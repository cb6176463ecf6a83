//! `rttng demo`: a small Rust program is recorded through the whole chain, and what came of it is shown. Nothing needs
//! to be installed: the program is this binary, called once more ([`shop`]).

mod shop;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::{record, view, words};

/// Records a small Rust program, and shows what was recorded.
///
/// The program is a shop: customers order in several threads, a warehouse in a process of its own packs what was
/// ordered, some payments fail, and once a till counts very fast. Its events are fired with rttng-ust and with the
/// tracing crate, as those of any Rust program may be.
#[derive(Debug, Clone, Parser)]
#[command(name = "rttng demo", bin_name = "rttng demo", max_term_width = 100)]
struct Options {
    /// Directory for the trace [default: ./rttng-demo, or with a number behind it]
    #[arg(short = 'o', long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,

    /// Be a part of the recorded program
    #[arg(long, hide = true, value_name = "PART")]
    part: Option<shop::Part>,
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

/// `rttng demo`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    let options: Options = match words::read(argv) {
        Ok(options) => options,
        Err(end) => return end,
    };
    if let Some(part) = options.part {
        return shop::main(part);
    }
    match demonstrate(options.output) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("rttng demo: {why}");
            ExitCode::FAILURE
        }
    }
}

fn demonstrate(output: Option<PathBuf>) -> Result<ExitCode, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let output = output.unwrap_or_else(unused_directory);
    let shown = output.display();
    println!("A shop is recorded: 4 threads of customers, a warehouse in a process of its own.\n");
    let mut words: Vec<OsString> =
        ["record", "--lossless=5s", "--context", "vpid,vtid,procname", "--output"].map(OsString::from).into();
    words.extend([output.clone().into(), "--".into(), program.into()]);
    words.extend(["demo", "--part", "shop"].map(OsString::from));
    let recorded = record::main(words);
    if recorded != ExitCode::SUCCESS {
        return Ok(recorded);
    }
    println!("\nOne order, from the trace:\n");
    show(&output, &["--fields=loglevel", "--filter", shop::ONE_ORDER])?;
    println!("\nWhat went wrong in the shop:\n");
    show(&output, &["--fields=loglevel", "--filter", "message == \"payment failed\""])?;
    let me = std::env::args().next().unwrap_or_else(|| "rttng".to_owned());
    println!("\nWhat to try next:\n");
    for (command, what) in [
        (format!("{me} view {shown} | less"), "all events (--output-format json: a JSON object each)"),
        (format!("{me} view {shown} --event 'shop*' --filter 'customer == 2'"), "some of them"),
        (format!("babeltrace2 {shown}"), "what LTTng's own reader makes of it"),
        (
            format!("{me} record -- PROGRAM"),
            "a program of yours: C or Rust tracepoints, or the tracing crate",
        ),
    ] {
        println!("  {command}\n      {what}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints some events as `rttng view` does.
fn show(trace: &Path, options: &[&str]) -> Result<(), String> {
    let mut words = vec![OsString::from("view"), trace.into()];
    words.extend(["--no-delta", "--limit", "12"].map(OsString::from));
    words.extend(options.iter().map(OsString::from));
    match view::main(words) {
        ExitCode::SUCCESS => Ok(()),
        _ => Err("the trace cannot be shown".to_owned()),
    }
}

/// A directory that is not there yet.
fn unused_directory() -> PathBuf {
    let numbered = (2..).map(|number| PathBuf::from(format!("rttng-demo-{number}")));
    let mut names = std::iter::once(PathBuf::from("rttng-demo")).chain(numbered);
    names.find(|path| !path.exists()).unwrap_or_else(|| PathBuf::from("rttng-demo"))
}
