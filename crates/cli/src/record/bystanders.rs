//! Processes below the recorded program that have the tracer in them and did not register, and what keeps them from it.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Processes that are looked at each time.
const MOST_PROCESSES: usize = 500;

/// What keeps a process with the tracer in it from registering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It runs as another user, who may not enter the recording's directory.
    OtherUser(u32),
    /// Its environment does not lead to the recording: something cleaned it, or nothing of it is trusted.
    Environment,
    /// None that can be seen.
    Unknown,
}

/// A process with the tracer in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bystander {
    /// Its name.
    pub(super) name: String,
    /// What keeps it from registering.
    pub(super) obstacle: Obstacle,
}

/// Looks at all processes below this one. `home` is what `LTTNG_HOME` has to be.
pub(super) fn look(home: &Path, found: &mut BTreeMap<i32, Bystander>) {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let mut pids = children(own);
    let mut next = 0;
    while let Some(&pid) = pids.get(next).filter(|_| next < MOST_PROCESSES) {
        next += 1;
        pids.extend(children(pid));
        if let Some(bystander) = look_at(pid, home) {
            found.insert(pid, bystander);
        }
    }
}

fn look_at(pid: i32, home: &Path) -> Option<Bystander> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    let maps = std::fs::read_to_string(folder.join("maps")).ok()?;
    if !maps.contains("/liblttng-ust.so") {
        return None;
    }
    let name = std::fs::read_to_string(folder.join("comm")).ok()?.trim().to_owned();
    let own = rustix::process::geteuid().as_raw();
    let user = std::fs::metadata(&folder).ok()?.uid();
    let environment = std::fs::read(folder.join("environ")).unwrap_or_default();
    let wanted = [b"LTTNG_HOME=", home.as_os_str().as_encoded_bytes()].concat();
    let obstacle = match environment.split(|&byte| byte == 0).any(|entry| entry == wanted) {
        false => Obstacle::Environment,
        true if user != own && own != 0 && user != 0 => Obstacle::OtherUser(user),
        true => Obstacle::Unknown,
    };
    Some(Bystander { name, obstacle })
}

fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_below_are_found_and_those_without_the_tracer_are_none() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let own = std::process::id() as i32;
        assert!(children(own).contains(&(child.id() as i32)));
        let mut found = BTreeMap::new();
        look(Path::new("/nonexistent"), &mut found);
        assert!(!found.contains_key(&(child.id() as i32)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
