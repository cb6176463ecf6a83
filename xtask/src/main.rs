//! The project's own chores: `cargo xtask test`, `cargo xtask bench`, `cargo xtask fuzz`.

mod bench;
mod fuzz;
mod licences;
mod miri;
mod packages;
mod tally;
mod test;

use std::path::Path;
use std::process::{Command, ExitCode};

const USAGE: &str = "\
cargo xtask test             everything that must hold: format, lints, licences, documents, all tests
cargo xtask miri             what Miri can run, with a nightly compiler
cargo xtask bench record     measure recording beside the real programs; rewrites the table in docs/performance.md
cargo xtask bench record ROW one row of it (event, drain, default, buffers, crowd, rules, hung, launch); prints only
cargo xtask bench tracer     measure the tracer of Rust programs beside liblttng-ust; rewrites its table
cargo xtask bench view       measure reading beside babeltrace2; rewrites its table
cargo xtask bench view --only PART[,PART]…
                             parts of it (count, text, threads, filter, json, parquet, csv, perfetto, memory,
                             first-line, bandwidth, yactfr, fields); prints only
cargo xtask bench traces     write the traces that `bench view` reads
cargo xtask fuzz SECONDS [TARGET...] fuzz each target so long: all, or those that are named (needs a nightly compiler)
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test::run(),
        ["miri"] => miri::run(),
        ["fuzz", seconds, targets @ ..] => fuzz::run(seconds, targets),
        ["bench", rest @ ..] => bench::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("unknown: {}\n{USAGE}", words.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            if !why.is_empty() {
                eprintln!("xtask: {why}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The project's root.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project")
}

/// A cargo command at the project's root.
fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    // What cargo tells this program about itself is not meant for the packages it builds next.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end; an error says how it failed.
fn succeed(mut command: Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|error| format!("cannot start {shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}
