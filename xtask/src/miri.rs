//! `cargo xtask miri`: what Miri can run of the two crates that have `unsafe` code. It needs a nightly compiler
//! with Miri (`rustup toolchain install nightly --component miri --component rust-src`), so `cargo xtask test` leaves it out.

use crate::{cargo, root, succeed};

/// Tests that need nothing of the system that Miri lacks: packages, which of their test programs, which tests (none: all).
///
/// Left out is what lives from the kernel: mappings of files (`memory`, `producer`, `wait_page`, `channel`), memory barriers in
/// other threads (`grace`), signals, threads of the C library, sockets; and `orders`, which is loom's.
const RUNS: [(&str, &[&str], &[&str]); 3] = [
    ("rttng-ring", &["--lib"], &["layout::", "geometry::", "blob::", "slot_writer::"]),
    // Writers and the reader on memory of the heap.
    ("rttng-ring", &["--test", "dead_producers", "--test", "vectors"], &[]),
    ("rttng-ust", &["--lib"], &["class::", "field::", "payload::", "shown::", "value::"]),
];

/// Runs them all; the first that fails ends it.
///
/// # Errors
/// What failed.
pub(crate) fn run() -> Result<(), String> {
    for (package, programs, tests) in RUNS {
        println!("── {package} {}", programs.join(" "));
        let mut miri = cargo(&[&["miri", "test", "--locked", "--package", package], programs].concat());
        // It has a standard library of its own; cases that are drawn at random take their time.
        miri.env("RUSTUP_TOOLCHAIN", "nightly").env("PROPTEST_CASES", "4");
        miri.env("CARGO_TARGET_DIR", root().join("target").join("miri"));
        // Kinds of events live for ever, and are leaked to that end.
        miri.env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-ignore-leaks")
            .env_remove("CARGO")
            .env_remove("RUSTC");
        miri.arg("--").args(tests);
        succeed(miri)?;
    }
    Ok(())
}
