//! Running tests while counting them: each test program ends with a line of counts, which are summed up.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _, stdout};
use std::ops::AddAssign;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many tests there were, by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
    fn of_line(line: &str) -> Option<Tally> {
        let counts = line.trim().strip_prefix("test result: ")?;
        let (_, counts) = counts.split_once(". ")?;
        let mut tally = Tally::default();
        for part in counts.split("; ") {
            if let Some((count, what)) = part.split_once(' ') {
                match what {
                    "passed" => tally.passed = count.parse().ok()?,
                    "failed" => tally.failed = count.parse().ok()?,
                    "ignored" => tally.skipped = count.parse().ok()?,
                    _ => {}
                }
            }
        }
        Some(tally)
    }

    /// Moves the tests that reported themselves as skipped (one line of `list` each) from those that passed: their
    /// test program cannot tell them apart.
    pub(crate) fn count_skipped(&mut self, list: &Path) {
        let lines = std::fs::read_to_string(list).unwrap_or_default();
        for line in lines.lines() {
            println!("skipped: {line}");
            self.passed = self.passed.saturating_sub(1);
            self.skipped += 1;
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Tally) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Runs a `cargo test`, shows its output and counts.
///
/// # Errors
/// When it fails without a test that failed: something does not build, or a test program died.
pub(crate) fn run_tests(mut command: Command) -> Result<Tally, String> {
    let shown = format!("{command:?}");
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot start {shown}: {error}"))?;
    let mut tally = Tally::default();
    let output = child.stdout.take().ok_or("cargo has no standard output")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.map_err(|error| format!("cannot read what {shown} says: {error}"))?;
        // Tests may print anything; it is passed on as it is.
        let _ = stdout().write_all(&line).and_then(|()| stdout().write_all(b"\n"));
        if let Some(counts) = Tally::of_line(&String::from_utf8_lossy(&line)) {
            tally += counts;
        }
    }
    let status = child.wait().map_err(|error| format!("cannot wait for {shown}: {error}"))?;
    if !status.success() && tally.failed == 0 {
        return Err(format!("{shown}: {status}, and no test failed: see above"));
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_test_programs_say() {
        let line = "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.08s";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 3, failed: 2, skipped: 1 }));
        assert_eq!(Tally::of_line("running 3 tests"), None);
    }
}
