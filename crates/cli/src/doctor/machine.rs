//! The machine: limits that recordings run into, and whether its kernel can be traced.

use std::path::Path;

use rustix::fs::Access;
use rustix::process::Resource;

use super::Finding;

/// With fewer, a daemon runs out of descriptors with a few dozen applications.
const FEW_DESCRIPTORS: u64 = 4096;
/// What LTTng's default buffers take for each CPU: five sub-buffers of 512 kB.
const DEFAULT_BUFFERS: u64 = 5 * 512 * 1024;

const SHM_ADVICE: &str =
    "mount a tmpfs there that everybody may write to: mount -t tmpfs -o mode=1777 tmpfs /dev/shm";

/// What there is to say.
pub(super) fn examine() -> Vec<Finding> {
    vec![descriptors(), shared_memory(), kernel()]
}

fn descriptors() -> Finding {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let soft = limit.current.unwrap_or(u64::MAX);
    let text = format!("open files: {soft}, at most {hard} (a daemon takes all it may)");
    match hard < FEW_DESCRIPTORS {
        false => Finding::good(text),
        true => Finding::bad(
            text,
            "raise the hard limit (LimitNOFILE= of the unit, or /etc/security/limits.conf): each application takes \
             several, each CPU two a channel",
        ),
    }
}

fn shared_memory() -> Finding {
    let cpus = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let needed = cpus * DEFAULT_BUFFERS;
    match rustix::fs::statvfs("/dev/shm") {
        Err(error) => Finding::bad(format!("/dev/shm: {error}"), SHM_ADVICE),
        Ok(_) if rustix::fs::access("/dev/shm", Access::WRITE_OK | Access::EXEC_OK).is_err() => Finding::bad(
            "/dev/shm: this user may not write there, and programs with the tracer register with no daemon then",
            SHM_ADVICE,
        ),
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let text = format!(
                "/dev/shm: {} MB free; one channel with LTTng's default buffers takes {} MB here",
                free >> 20,
                needed >> 20
            );
            match free < needed {
                false => Finding::good(text),
                true => Finding::bad(
                    text,
                    "use smaller buffers (--subbuf-size, --num-subbuf), or give the container more (--shm-size)",
                ),
            }
        }
    }
}

fn kernel() -> Finding {
    let modules = std::fs::read_to_string("/proc/modules").unwrap_or_default();
    if modules.lines().any(|line| line.starts_with("lttng_")) {
        return Finding::good("kernel: the lttng modules are loaded");
    }
    let tracefs = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
        .into_iter()
        .find(|path| Path::new(path).join("events").exists());
    match tracefs {
        Some(path) => Finding::fact(format!(
            "kernel: no lttng modules; its own tracing is at {path} (this version records user space only)"
        )),
        None => {
            Finding::fact("kernel: neither lttng modules nor a mounted tracefs (only user space is recorded)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_examined() {
        let findings = examine();
        assert_eq!(findings.len(), 3);
        assert!(findings.iter().all(|finding| !finding.text.is_empty()));
    }
}
