//! The C programs of `tests/programs`, compiled once and then kept: instrumented ones against the real liblttng-ust,
//! clients against the real liblttng-ctl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::need::{lock, musl_target, profile_dir};

/// What instrumented programs are linked with.
const INSTRUMENTED: &[&str] = &["-llttng-ust", "-ldl", "-pthread"];

/// The program `tests/programs/NAME`, made of the C files in that folder. A test that uses it needs
/// [`crate::Need::UstHeaders`].
///
/// # Panics
/// When it does not compile.
pub fn built(name: &str) -> PathBuf {
    compiled(name, name, &[], INSTRUMENTED)
}

/// The library `libNAME.so`, made of the C files in `tests/programs/NAME`; else as [`built`].
///
/// # Panics
/// When it does not compile.
pub fn library(name: &str) -> PathBuf {
    compiled(name, &format!("lib{name}.so"), &["-shared", "-fPIC"], INSTRUMENTED)
}

/// The program `tests/programs/NAME`, which speaks to session daemons through liblttng-ctl. A test that uses it needs
/// [`crate::Need::CtlHeaders`].
///
/// # Panics
/// When it does not compile.
pub fn client(name: &str) -> PathBuf {
    compiled(name, name, &[], &["-llttng-ctl"])
}

/// The example `name` of the package `package` of this project.
///
/// # Panics
/// When it does not build.
pub fn example(package: &str, name: &str) -> PathBuf {
    example_with(package, name, &[])
}

/// As [`example`], with options for the compiler.
///
/// # Panics
/// When it does not build.
pub fn example_with(package: &str, name: &str, options: &[&str]) -> PathBuf {
    cargo_rustc(&["--package", package, "--example", name], options);
    profile_dir().join("examples").join(name)
}

/// A C library to be part of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Libc {
    /// That of Debian.
    Glibc,
    /// The one that comes with Rust's target for it. A test that uses it needs [`crate::Need::MuslTarget`].
    Musl,
}

/// The program `name` of `rttng-tests-static`, linked statically.
///
/// # Panics
/// When it does not build.
pub fn linked_statically(name: &str, libc: Libc) -> PathBuf {
    let program = ["--package", "rttng-tests-static", "--bin", name];
    let profile_dir = profile_dir();
    match libc {
        Libc::Glibc => {
            cargo_rustc(&program, &["-C", "target-feature=+crt-static"]);
            profile_dir.join(name)
        }
        Libc::Musl => {
            let target = musl_target();
            cargo_rustc(&[&program[..], &["--target", &target]].concat(), &[]);
            let profile = profile_dir.file_name().expect("a profile folder has a name");
            profile_dir.with_file_name(&target).join(profile).join(name)
        }
    }
}

/// Builds one program of this project with options for the compiler, in the profile of the tests.
fn cargo_rustc(program: &[&str], options: &[&str]) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["rustc", "--quiet"]).args(program);
    if profile_dir().file_name().is_some_and(|name| name == "release") {
        cargo.arg("--release");
    }
    let built = cargo.arg("--").args(options).status().expect("cargo starts");
    assert!(built.success(), "{program:?} does not build: {built}");
}

/// The file `file`, made of the C files in `tests/programs/NAME`.
fn compiled(name: &str, file: &str, options: &[&str], libraries: &[&str]) -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(name);
    let dir = profile_dir().join("programs");
    fs::create_dir_all(&dir).expect("the target folder has room");
    let program = dir.join(file);
    let _one_at_a_time = lock(&dir.join(format!("{file}.lock")));
    let mut files: Vec<PathBuf> = fs::read_dir(&sources)
        .unwrap_or_else(|error| panic!("{}: {error}", sources.display()))
        .map(|entry| entry.expect("a folder of sources can be read").path())
        .collect();
    files.sort();
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if modified(&program)
        .is_some_and(|built| files.iter().all(|file| modified(file).is_some_and(|at| at < built)))
    {
        return program;
    }
    let fresh = dir.join(format!("{file}.fresh"));
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"])
        .args(options)
        .arg("-o")
        .arg(&fresh)
        .arg("-I")
        .arg(&sources)
        .args(files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "c")))
        .args(libraries)
        .output()
        .expect("cc starts");
    assert!(
        compiled.status.success(),
        "{name} does not compile:\n{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    // A running older one keeps its file.
    fs::rename(&fresh, &program).expect("a fresh program replaces the old one");
    program
}
