//! One run of a program, and what it took.

use std::path::Path;
use std::process::{Command, Stdio};

/// What one run took.
pub(super) struct Turn {
    /// Seconds of processor time of all its processes, which a busy machine counts less in than what passed.
    pub(super) processor: f64,
    pub(super) elapsed: f64,
    /// The most that one of its processes had.
    pub(super) resident_kib: u64,
}

/// Runs a line of the shell, its output thrown away. What it takes is written to a file in `folder` meanwhile.
pub(super) fn turn(line: &str, folder: &Path) -> Turn {
    let usage = folder.join("usage");
    let status = Command::new("/usr/bin/time")
        .args(["-f", "%U %S %e %M", "-o"])
        .arg(&usage)
        .args(["sh", "-c", line])
        .stdout(Stdio::null())
        .status()
        .expect("time starts");
    assert!(status.success(), "{line}: {status}");
    let text = std::fs::read_to_string(&usage).unwrap_or_default();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [user, system, elapsed, resident] = numbers[..] else { panic!("time says {text:?}") };
    Turn { processor: user + system, elapsed, resident_kib: resident as u64 }
}
