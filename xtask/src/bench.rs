//! `cargo xtask bench`: builds for release, then hands over to the measuring program (`benches/`).

use crate::{cargo, succeed};

/// Runs the measurements that the words name.
///
/// # Errors
/// When they fail, or there are none of that name.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    if words == ["tracer"] {
        build_programs()?;
    }
    let mut bench = cargo(&["run", "--locked", "--quiet", "--release", "--package", "rttng-benches", "--"]);
    bench.args(words);
    succeed(bench)
}

/// Builds the programs that `bench tracer` starts.
fn build_programs() -> Result<(), String> {
    succeed(cargo(&["build", "--locked", "--quiet", "--release", "--package", "rttng"]))?;
    let small = ["build", "--locked", "--quiet", "--profile", "small", "--package", "rttng-ust"];
    let mut small = cargo(&small);
    small.args(["--example", "one_event", "--example", "no_event"]);
    succeed(small)?;
    // What is only compared with may lack what it needs, a C++ compiler above all: its rows stay empty then.
    let peers = ["build", "--locked", "--quiet", "--release", "--manifest-path", "benches/peers/Cargo.toml"];
    if let Err(error) = succeed(cargo(&peers)) {
        eprintln!("the programs of benches/peers are not built: {error}");
    }
    Ok(())
}
