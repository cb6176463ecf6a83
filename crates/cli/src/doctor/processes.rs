//! Programs: which of them have the tracer in them, in which version, and which daemons each could reach.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Finding;
use super::daemons::{APPS_SOCKET, RunDirectory};
use crate::instrumented::{self, ProgramKind};

/// Without a PID, so many processes are shown.
const MOST_PROCESSES: usize = 50;

/// What a process has of the tracer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Tracer {
    /// The main library's file, if it is mapped.
    library: Option<PathBuf>,
    /// Its soname's number: 0 up to 2.12, 1 since 2.13.
    soname: Option<u32>,
    /// Other libraries of the tracer: helpers, providers.
    others: BTreeSet<String>,
}

impl Tracer {
    /// Reads it from the process' map.
    fn in_maps(maps: &str) -> Tracer {
        let mut tracer = Tracer::default();
        for path in maps.lines().filter_map(|line| line.splitn(6, ' ').nth(5)).map(str::trim) {
            let Some(name) = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned())
            else {
                continue;
            };
            if name.starts_with("liblttng-ust.so") {
                tracer.soname = name
                    .strip_prefix("liblttng-ust.so.")
                    .and_then(|rest| rest.split('.').next().and_then(|number| number.parse().ok()));
                tracer.library = Some(path.into());
            } else if name.starts_with("liblttng-ust") {
                tracer.others.insert(name);
            }
        }
        tracer
    }

    /// ABI majors that a tracer of this soname may speak.
    fn abi(&self) -> &'static str {
        match self.soname {
            Some(0) => "LTTng-UST 2.12 or older, ABI 8",
            Some(1) => "LTTng-UST 2.13 or newer, ABI 9 or higher",
            _ => "unknown version",
        }
    }
}

/// What there is to say of these processes; without any, of all that have the tracer in them.
pub(super) fn examine(asked: &[u32], daemons: &[RunDirectory]) -> Vec<Finding> {
    if !asked.is_empty() {
        return asked.iter().flat_map(|pid| one(*pid, daemons, true)).collect();
    }
    let mut pids: Vec<u32> = std::fs::read_dir("/proc")
        .map(|entries| {
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
        })
        .unwrap_or_default();
    pids.sort_unstable();
    let mut findings: Vec<Finding> = Vec::new();
    for pid in pids {
        if findings.len() >= MOST_PROCESSES {
            findings.push(Finding::fact("and more; name a PID to look at one"));
            break;
        }
        findings.extend(one(pid, daemons, false));
    }
    if findings.is_empty() {
        findings.push(Finding::fact("no running program that this user may look at has the tracer in it"));
    }
    findings
}

fn one(pid: u32, daemons: &[RunDirectory], was_asked: bool) -> Vec<Finding> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let name = std::fs::read_to_string(folder.join("comm")).unwrap_or_default().trim().to_owned();
    let shown = format!("{name} ({pid})");
    let maps = match std::fs::read_to_string(folder.join("maps")) {
        Ok(maps) => maps,
        Err(_) if !was_asked => return Vec::new(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return vec![Finding::bad(format!("process {pid} is not there"), "check the number (`ps -e`)")];
        }
        Err(error) => {
            return vec![Finding::bad(
                format!("{shown} cannot be looked at: {error}"),
                "ask as the same user, or as root",
            )];
        }
    };
    let tracer = Tracer::in_maps(&maps);
    let kind = instrumented::kind(&folder.join("exe"));
    if kind == Some(ProgramKind::Bits32) && (was_asked || tracer.library.is_some()) {
        return vec![Finding::bad(
            format!("{shown} is a 32-bit program"),
            "build it for 64 bits: this version records no others",
        )];
    }
    let Some(library) = &tracer.library else {
        if !was_asked {
            return Vec::new();
        }
        if kind == Some(ProgramKind::Static) {
            return vec![Finding::bad(
                format!("{shown} is statically linked: the tracer, which is a library, is not in it"),
                "link it dynamically, with liblttng-ust and its tracepoint provider",
            )];
        }
        let others: Vec<&str> = tracer.others.iter().map(String::as_str).collect();
        let has = match others.is_empty() {
            true => String::new(),
            false => format!(" (but {})", others.join(", ")),
        };
        return vec![Finding::bad(
            format!("{shown} has no liblttng-ust mapped{has}"),
            "build it with its tracepoint provider, or preload the provider: LD_PRELOAD=./libmy-provider.so; a .NET or \
             ROS build may ask for another soname than the one that is installed",
        )];
    };
    let mut findings = vec![Finding::good(format!("{shown}: {} ({})", library.display(), tracer.abi()))];
    if !tracer.others.is_empty() {
        let others: Vec<&str> = tracer.others.iter().map(String::as_str).collect();
        findings.push(Finding::fact(format!("{shown}: also {}", others.join(", "))));
    }
    findings.push(reach(&shown, &folder, daemons));
    findings
}

/// Which daemon the process reaches: the machine's, and the one below its own home.
fn reach(shown: &str, folder: &Path, daemons: &[RunDirectory]) -> Finding {
    let mut ways = Vec::new();
    // In a container of its own, the process has files, and so daemons, of its own.
    let root = if is_elsewhere(folder) { folder.join("root") } else { PathBuf::new() };
    let inside = |path: &Path| {
        if root.as_os_str().is_empty() {
            return path.to_owned();
        }
        // A link there to /run would lead to /run here.
        let path = match path.strip_prefix("/var/run") {
            Ok(rest) if root.join("var/run").is_symlink() => Path::new("/run").join(rest),
            _ => path.to_owned(),
        };
        root.join(path.strip_prefix("/").unwrap_or(&path))
    };
    let global = match root.as_os_str().is_empty() {
        true => daemons.iter().any(|daemon| daemon.is_global && daemon.lives()),
        false => RunDirectory::look(&inside(Path::new(rttng_control::GLOBAL_RUN_DIR)), true).lives(),
    };
    if global {
        ways.push("the machine's daemon".to_owned());
    }
    let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
    let variable = |name: &str| {
        environment.split(|&byte| byte == 0).find_map(|entry| {
            let entry = String::from_utf8_lossy(entry).into_owned();
            entry.strip_prefix(name)?.strip_prefix('=').map(PathBuf::from)
        })
    };
    let home = variable("LTTNG_HOME").or_else(|| variable("HOME"));
    match home {
        Some(home) => {
            let private = RunDirectory::look(&inside(&home.join(rttng_control::PRIVATE_RUN_DIR)), false);
            if private.lives() {
                ways.push(format!("the daemon of {}", home.display()));
            }
        }
        None if ways.is_empty() => {
            return Finding::bad(
                format!(
                    "{shown}: reaches no daemon: there is none of root's, and it has neither HOME nor LTTNG_HOME"
                ),
                "start it with HOME set, or with `rttng record`; or start a daemon as root",
            );
        }
        None => {}
    }
    let own = rustix::process::getuid().as_raw();
    let user = std::fs::metadata(folder).map(|data| data.uid()).unwrap_or(own);
    match ways.is_empty() {
        true if !root.as_os_str().is_empty() => Finding::bad(
            format!("{shown}: runs in a container (a mount namespace of its own) where no daemon is"),
            "start a daemon in there, or run the program in there with `rttng record`",
        ),
        false => Finding::good(format!("{shown}: reaches {}", ways.join(" and "))),
        true => Finding::bad(
            format!("{shown}: reaches no daemon (user {user}, looks for {APPS_SOCKET} in its own home)"),
            "start a daemon as that user or as root, or run the program with `rttng record`",
        ),
    }
}

/// Whether the process sees other files than this one, as far as this user may know.
fn is_elsewhere(folder: &Path) -> bool {
    let namespace = |folder: &Path| std::fs::read_link(folder.join("ns/mnt")).ok();
    let (there, here) = (namespace(folder), namespace(Path::new("/proc/self")));
    there.is_some() && here.is_some() && there != here
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
7f0000000000-7f0000001000 r-xp 00000000 08:01 1 /usr/lib/x86_64-linux-gnu/liblttng-ust.so.1.0.0
7f0000002000-7f0000003000 r-xp 00000000 08:01 2 /usr/lib/x86_64-linux-gnu/liblttng-ust-fork.so.1.0.0
7f0000004000-7f0000005000 rw-p 00000000 00:00 0
7f0000006000-7f0000007000 r-xp 00000000 08:01 3 /opt/my app/libprovider.so
";

    #[test]
    fn the_tracer_is_found_in_a_map() {
        let tracer = Tracer::in_maps(MAPS);
        assert_eq!(tracer.soname, Some(1));
        assert_eq!(tracer.others.into_iter().collect::<Vec<_>>(), ["liblttng-ust-fork.so.1.0.0"]);
        assert_eq!(Tracer::in_maps(""), Tracer::default());
    }

    #[test]
    fn this_test_has_no_tracer_and_that_is_said() {
        let findings = one(std::process::id(), &[], true);
        assert!(findings[0].text.contains("has no liblttng-ust mapped"), "{findings:?}");
        assert!(findings[0].advice.is_some());
        assert!(one(std::process::id(), &[], false).is_empty());
        assert!(one(u32::MAX, &[], true)[0].text.contains("is not there"));
    }
}
