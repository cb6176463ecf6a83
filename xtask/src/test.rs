//! `cargo xtask test`: all checks and all tests, one after the other. A check that fails does not keep the others from
//! running; the last line is the count of the tests.

use std::time::Instant;

use crate::tally::{Tally, run_tests};
use crate::{cargo, fuzz, licences, packages, root, succeed};

/// Runs everything.
///
/// # Errors
/// An empty one when something failed: it was told where it happened and again at the end.
pub(crate) fn run() -> Result<(), String> {
    let mut failed = Vec::new();
    let mut step = |name: &'static str, run: &mut dyn FnMut() -> Result<(), String>| {
        println!("── {name}");
        let started = Instant::now();
        if let Err(why) = run() {
            eprintln!("{why}");
            failed.push(name);
        }
        println!("   {name}: {:.1} s", started.elapsed().as_secs_f64());
    };

    step("packages", &mut packages::install_missing);
    step("format", &mut || succeed(cargo(&["fmt", "--all", "--check"])));
    step("licences", &mut licences::check);
    step("fuzz targets", &mut fuzz::check);
    step("lints", &mut || {
        succeed(cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    });
    step("documents", &mut || {
        let mut doc = cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
        doc.env("RUSTDOCFLAGS", "-D warnings");
        succeed(doc)
    });
    let mut tally = Tally::default();
    step("documented examples", &mut || {
        tally += run_tests(cargo(&["test", "--locked", "--workspace", "--doc", "--no-fail-fast"]))?;
        Ok(())
    });
    // Interoperation tests run the program itself.
    step("program", &mut || succeed(cargo(&["build", "--locked", "--package", "rttng"])));
    step("tests", &mut || {
        let mut tests = cargo(&["test", "--locked", "--workspace", "--all-targets", "--no-fail-fast"]);
        let skipped = root().join("target").join("skipped-tests");
        // Left by an earlier run.
        let _ = std::fs::remove_file(&skipped);
        tests.env("RTTNG_SKIPPED", &skipped);
        tally += run_tests(tests)?;
        tally.count_skipped(&skipped);
        Ok(())
    });

    if tally.failed > 0 {
        failed.push("a test");
    }
    if !failed.is_empty() {
        println!("── failed: {}", failed.join(", "));
    }
    println!("{tally}");
    if failed.is_empty() { Ok(()) } else { Err(String::new()) }
}
