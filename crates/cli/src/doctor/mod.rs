//! `rttng doctor [PID]`: why nothing is recorded, and what to do about it.
//!
//! Looks at [`daemons`] (sockets, pid files, wait pages), at [`processes`] that have the tracer in them, and at the
//! [`machine`]'s limits. It only looks: nothing is started, changed or removed.

mod daemons;
mod machine;
mod processes;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::words;

/// Shows what stands between programs and a recording: daemons, sockets, owners, tracer libraries, limits.
#[derive(Debug, Parser)]
#[command(name = "rttng doctor", bin_name = "rttng doctor", max_term_width = 100)]
struct Options {
    /// Look at these processes only, whether or not they have the tracer in them
    #[arg(value_name = "PID")]
    processes: Vec<u32>,
}

/// How a finding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// As it should be.
    Good,
    /// Neither good nor bad.
    Fact,
    /// Stands in the way of a recording.
    Bad,
}

/// One thing that was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    mark: Mark,
    text: String,
    advice: Option<String>,
}

impl Finding {
    fn good(text: impl Into<String>) -> Self {
        Finding { mark: Mark::Good, text: text.into(), advice: None }
    }

    fn fact(text: impl Into<String>) -> Self {
        Finding { mark: Mark::Fact, text: text.into(), advice: None }
    }

    fn bad(text: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding { mark: Mark::Bad, text: text.into(), advice: Some(advice.into()) }
    }
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

/// `rttng doctor`: `argv` from the command's own name on. Ends with 1 if anything stands in the way.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    let options: Options = match words::read(argv) {
        Ok(options) => options,
        Err(end) => return end,
    };
    let found = daemons::find();
    let sections = [
        ("Session daemons", daemons::examine(&found)),
        ("Programs", processes::examine(&options.processes, &found)),
        ("Machine", machine::examine()),
    ];
    let mut in_the_way = 0;
    for (title, findings) in &sections {
        println!("{title}");
        for Finding { mark, text, advice } in findings {
            let sign = match mark {
                Mark::Good => "ok",
                Mark::Fact => "--",
                Mark::Bad => "!!",
            };
            println!("  {sign} {text}");
            if let Some(advice) = advice {
                println!("     {advice}");
            }
            in_the_way += usize::from(*mark == Mark::Bad);
        }
    }
    match in_the_way {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
