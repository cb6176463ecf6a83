//! `cargo xtask bench`: builds for release, then hands over to the measuring program (`benches/`).

use crate::{cargo, succeed};

/// Runs the measurements that the words name.
///
/// # Errors
/// When they fail, or there are none of that name.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    let mut bench = cargo(&["run", "--locked", "--quiet", "--release", "--package", "rttng-benches", "--"]);
    bench.args(words);
    succeed(bench)
}
