//! The fuzz targets are a workspace of their own: each file has to be in its manifest and in its README, and they in turn
//! must name no file that is gone. The tests build them without a fuzzer (`tests/tests/fuzz_targets.rs`); `cargo xtask
//! fuzz` builds them with one, which needs a nightly compiler, and runs them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::{cargo, root, succeed};

/// What `cargo fuzz` gives the compiler: coverage for the fuzzer, and checks of every access to memory. In more than one
/// unit of code each, counters are shared that the linker does not find again.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-trace-compares \
     -Zsanitizer=address -Ccodegen-units=1";

const MACHINE: &str = "x86_64-unknown-linux-gnu";

/// Fuzzes targets, each for so many seconds: those that are named, or all. What is found lies in `fuzz/artifacts`.
///
/// # Errors
/// Which targets found something, or what cannot be built.
pub(crate) fn run(seconds: &str, targets: &[&str]) -> Result<(), String> {
    let seconds: u64 = seconds.parse().map_err(|_| format!("{seconds} is no number of seconds"))?;
    let folder = root().join("fuzz");
    let (corpus, artifacts) = (folder.join("corpus"), folder.join("artifacts"));
    let mut seeds = cargo(&["test", "--locked", "--package", "rttng-tests", "--test", "fuzz_targets"]);
    seeds.env("RTTNG_FUZZ_SEEDS", &corpus);
    succeed(seeds)?;
    let mut build = Command::new("rustup");
    build.args(["run", "nightly", "cargo", "build", "--locked", "--release", "--target", MACHINE]);
    build.current_dir(&folder).env("RUSTFLAGS", FLAGS);
    succeed(build)?;
    let mut found = Vec::new();
    for name in files(&folder)?.iter().filter(|name| targets.is_empty() || targets.contains(&name.as_str())) {
        let kept = artifacts.join(name);
        std::fs::create_dir_all(&kept).map_err(|error| format!("cannot make {}: {error}", kept.display()))?;
        let mut target = Command::new(folder.join("target").join(MACHINE).join("release").join(name));
        target.arg(corpus.join(name)).arg(format!("-max_total_time={seconds}"));
        target.arg(format!("-artifact_prefix={}/", kept.display()));
        target.args(["-rss_limit_mb=2048", "-max_len=70000", "-timeout=20", "-print_final_stats=1"]);
        if succeed(target).is_err() {
            found.push(name.clone());
        }
    }
    if found.is_empty() { Ok(()) } else { Err(format!("something was found by {}", found.join(", "))) }
}

/// The names of the targets.
fn files(folder: &Path) -> Result<BTreeSet<String>, String> {
    let entries = std::fs::read_dir(folder.join("fuzz_targets"))
        .map_err(|error| format!("cannot read the fuzz targets: {error}"))?;
    let names = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_source = path.extension().is_some_and(|kind| kind == "rs");
        is_source.then(|| path.file_stem().map(|name| name.to_string_lossy().into_owned()))?
    });
    Ok(names.collect())
}

/// Compares the files of `fuzz/fuzz_targets` with what lists them.
///
/// # Errors
/// What is listed here and not there.
pub(crate) fn check() -> Result<(), String> {
    let folder = root().join("fuzz");
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let manifest = read(&folder.join("Cargo.toml"))?;
    let readme = read(&folder.join("README.md"))?;
    let files = files(&folder)?;
    let listed = manifest.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/"));
    let listed: BTreeSet<String> =
        listed.filter_map(|line| line.strip_suffix(".rs\"")).map(str::to_owned).collect();
    let mut wrong: Vec<String> = files
        .symmetric_difference(&listed)
        .map(|name| format!("the fuzz target {name} is either no file or not in fuzz/Cargo.toml"))
        .collect();
    let unexplained = files.iter().filter(|name| !readme.contains(&format!("`{name}`")));
    wrong.extend(unexplained.map(|name| format!("the fuzz target {name} is not in fuzz/README.md")));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
