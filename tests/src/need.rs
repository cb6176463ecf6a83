//! What a test needs from outside the project, and the one way to skip a test that lacks it.
//!
//! A test whose need is not met says so on standard error, appends a line to the file that `$RTTNG_SKIPPED`
//! names (`cargo xtask test` counts those lines), and returns. Where `CI=true` nothing may be skipped: it fails.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Something that is not part of the project and that a test cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Permission and programs to make namespaces: `unshare`, `nsenter`, `mount`, `ip`. Every [`crate::World`] needs it.
    Namespaces,
    /// The real `lttng`, `lttng-sessiond` and `lttng-consumerd`.
    RealLttng,
    /// The `babeltrace2` program.
    Babeltrace2,
    /// A C compiler and the headers of the real liblttng-ust, to build instrumented programs.
    UstHeaders,
    /// A C compiler and the headers of the real liblttng-ctl, to build clients.
    CtlHeaders,
    /// The preload helpers of the real liblttng-ust (libc, pthread, dl wrappers).
    UstPreloads,
    /// The `curl` program, with HTTP/2.
    Curl,
    /// `protoc`, which reads protocol buffers.
    Protoc,
    /// The Chromium browser.
    Chromium,
    /// The superuser itself: other users are played, or limits raised.
    Root,
    /// The compiler's standard library for musl.
    MuslTarget,
}

/// Where Debian keeps the real consumer daemon; it is not in the search path.
pub(crate) const REAL_CONSUMERD: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/lttng/libexec/lttng-consumerd",
    "/usr/lib/aarch64-linux-gnu/lttng/libexec/lttng-consumerd",
    "/usr/lib/lttng/libexec/lttng-consumerd",
];

impl Need {
    /// Why it is not met, or nothing when it is.
    fn lack(self) -> Option<String> {
        match self {
            Need::Namespaces => lacking_programs(&["unshare", "nsenter", "mount", "ip", "bash"])
                .or_else(|| namespaces_lack().clone()),
            Need::RealLttng => lacking_programs(&["lttng", "lttng-sessiond"]).or_else(|| {
                let found = REAL_CONSUMERD.iter().any(|path| Path::new(path).exists());
                (!found).then(|| "lttng-consumerd is not installed".to_owned())
            }),
            Need::Babeltrace2 => lacking_programs(&["babeltrace2"]),
            Need::UstHeaders => header_lack("lttng/tracepoint.h", "liblttng-ust"),
            Need::CtlHeaders => header_lack("lttng/lttng.h", "liblttng-ctl"),
            Need::UstPreloads => {
                let found = multiarch_has("usr/lib", "liblttng-ust-libc-wrapper.so.1");
                (!found).then(|| "liblttng-ust-libc-wrapper.so.1 is not installed".to_owned())
            }
            Need::Curl => lacking_programs(&["curl"]),
            Need::Protoc => lacking_programs(&["protoc"]),
            Need::Chromium => lacking_programs(&["chromium", "bash", "timeout"]),
            Need::Root => (!rustix::process::geteuid().is_root()).then(|| "not run as root".to_owned()),
            Need::MuslTarget => musl_lack(),
        }
    }

    /// Whether it comes from a server of its own, without which everything else can be tested.
    fn is_extra(self) -> bool {
        self == Need::MuslTarget
    }
}

/// Whether all `needs` are met. When one is not, the running test has been reported as skipped and must return.
///
/// # Panics
/// Under `CI=true` a need that is not met is a failure; but for [`Need::MuslTarget`], which `cargo xtask test` asks of
/// rustup where there is one.
#[must_use]
pub fn met(needs: &[Need]) -> bool {
    let lack = |need: &Need| need.lack().map(|why| (*need, why));
    let Some((need, why)) = needs.iter().find_map(lack) else { return true };
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    if env::var("CI").is_ok_and(|value| value == "true") && !need.is_extra() {
        panic!("{test} cannot run and under CI no test may be skipped: {why}");
    }
    eprintln!("{test} skipped: {why}");
    if let Some(list) = env::var_os("RTTNG_SKIPPED") {
        let line = format!("{test}: {why}\n");
        let written = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&list)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            panic!("cannot note the skipped test in {}: {error}", Path::new(&list).display());
        }
    }
    false
}

/// The program of this project, built once a test process (`cargo build` does nothing when it is fresh).
///
/// # Panics
/// When it does not build.
pub fn our_program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let profile_dir = profile_dir();
        let release = profile_dir.file_name().is_some_and(|name| name == "release");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--package", "rttng"]);
        if release {
            cargo.arg("--release");
        }
        let built = cargo.status().expect("cargo starts");
        assert!(built.success(), "rttng does not build: {built}");
        profile_dir.join("rttng")
    })
}

/// The folder of the running build profile, as `target/debug`.
pub(crate) fn profile_dir() -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    let dir = test.parent().expect("a test is in a folder");
    if dir.file_name().is_some_and(|name| name == "deps" || name == "examples") {
        dir.parent().expect("deps is in a profile folder").to_owned()
    } else {
        dir.to_owned()
    }
}

/// Takes an exclusive lock that ends with the returned file: for what test processes do one at a time.
pub(crate) fn lock(path: &Path) -> File {
    let file = File::create(path).unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()));
    file.lock().unwrap_or_else(|error| panic!("cannot lock {}: {error}", path.display()));
    file
}

fn lacking_programs(names: &[&str]) -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let dirs: Vec<PathBuf> = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]).collect();
    let lacking: Vec<&str> =
        names.iter().copied().filter(|name| !dirs.iter().any(|dir| dir.join(name).exists())).collect();
    (!lacking.is_empty()).then(|| format!("not installed: {}", lacking.join(", ")))
}

/// The target of this machine with musl.
pub(crate) fn musl_target() -> String {
    format!("{}-unknown-linux-musl", env::consts::ARCH)
}

fn musl_lack() -> Option<String> {
    let target = musl_target();
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let asked = rustc.args(["--print", "target-libdir", "--target", &target]).output();
    let found = asked.is_ok_and(|answer| {
        let folder = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        answer.status.success() && Path::new(&folder).is_dir()
    });
    (!found)
        .then(|| format!("the compiler has no standard library for {target} (rustup target add {target})"))
}

/// What keeps a C program from being built with this header of that library.
fn header_lack(header: &str, library: &str) -> Option<String> {
    lacking_programs(&["cc"]).or_else(|| {
        let found = Path::new("/usr/include").join(header).exists() || multiarch_has("usr/include", header);
        (!found).then(|| format!("the headers of {library} are not installed"))
    })
}

fn multiarch_has(base: &str, file: &str) -> bool {
    ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .iter()
        .any(|arch| Path::new("/").join(base).join(arch).join(file).exists())
}

/// Tries once a process whether namespaces may be made here (containers often forbid it).
fn namespaces_lack() -> &'static Option<String> {
    static LACK: OnceLock<Option<String>> = OnceLock::new();
    LACK.get_or_init(|| {
        let mut unshare = Command::new("unshare");
        unshare.args(crate::world::unshare_options()).args(["mount", "-t", "tmpfs", "none", "/run"]);
        match unshare.output() {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(format!(
                "namespaces cannot be made here: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )),
            Err(error) => Some(format!("unshare does not start: {error}")),
        }
    })
}
