//! The real programs that the tests measure ours against: Debian packages, installed when they are missing; and the
//! compiler's standard library for musl.

use std::process::Command;

use crate::succeed;

/// What the tests use, and no more.
const PACKAGES: [&str; 15] = [
    "babeltrace2",
    "bash",
    "chromium",
    "curl",
    "gcc",
    "iproute2",
    "libc6-dev",
    "liblttng-ctl-dev",
    "liblttng-ust-dev",
    "lttng-tools",
    "protobuf-compiler",
    "python3-lttng",
    "python3-lttngust",
    "strace",
    "util-linux",
];

/// Installs what is missing where that is possible: a Debian-like system, and the superuser. Elsewhere the tests that
/// need a missing program say so themselves.
///
/// # Errors
/// When installing fails.
pub(crate) fn install_missing() -> Result<(), String> {
    add_musl_target();
    install_missing_packages()
}

/// Has rustup add the standard library for musl, which does nothing where it is. Where it cannot be had, the tests that
/// need it say so and are counted as skipped.
fn add_musl_target() {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    // Without a network, it would try for long.
    let mut rustup = Command::new("timeout");
    rustup.args(["60", "rustup", "target", "add", &target]).env("RUSTUP_MAX_RETRIES", "1");
    if let Err(why) = succeed(rustup) {
        println!("{why}\nif {target} is not there already, programs linked with musl are not tried");
    }
}

fn install_missing_packages() -> Result<(), String> {
    let missing: Vec<&str> =
        PACKAGES.into_iter().filter(|package| installed(package) == Some(false)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("missing: {}", missing.join(" "));
    let id = Command::new("id").arg("-u").output().map_err(|error| format!("cannot run id: {error}"))?;
    if id.stdout.trim_ascii() != b"0" {
        println!("not the superuser: they are not installed, tests that need them will be skipped");
        return Ok(());
    }
    succeed(apt(&["update", "--quiet"]))?;
    let mut install = apt(&["install", "--quiet", "--yes", "--no-install-recommends"]);
    install.args(&missing);
    succeed(install)
}

/// Whether a package is installed; nothing where packages are not Debian's.
fn installed(package: &str) -> Option<bool> {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output()
        .ok()?;
    Some(query.status.success() && query.stdout == b"installed")
}

fn apt(args: &[&str]) -> Command {
    let mut apt = Command::new("apt-get");
    apt.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    apt
}
