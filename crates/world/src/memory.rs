//! How much memory there is to use: on the machine, and in the control groups that this process is in.

use std::fs;
use std::path::Path;

/// Bytes that the kernel says are available on the machine without swapping.
pub fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Bytes that this process can use: of what is available on the machine, as much as its control groups leave it (a
/// container, a systemd unit with `MemoryMax=`).
pub fn available_here() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = left_in_groups(&groups, Path::new("/sys/fs/cgroup"));
    match (available(), limit) {
        (Some(machine), Some(limit)) => Some(machine.min(limit)),
        (machine, limit) => machine.or(limit),
    }
}

/// The least that any group of `groups` (the text of `/proc/self/cgroup`), or a group above it, has left. `root` is where
/// the hierarchies are mounted.
fn left_in_groups(groups: &str, root: &Path) -> Option<u64> {
    let left = groups.lines().filter_map(|line| {
        // hierarchy:controllers:path
        let mut words = line.splitn(3, ':');
        let (_, controllers, path) = (words.next()?, words.next()?, words.next()?);
        let path = path.trim_start_matches('/');
        if controllers.is_empty() {
            let unified = root.join("unified");
            let mount = if unified.is_dir() { &unified } else { root };
            least(mount, path, "memory.max", "memory.current")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            least(&root.join("memory"), path, "memory.limit_in_bytes", "memory.usage_in_bytes")
        } else {
            None
        }
    });
    left.min()
}

/// The least that the group at `path` below `mount` has left, or one above it. A container may see only its own group, as
/// the mount itself.
fn least(mount: &Path, path: &str, limit: &str, usage: &str) -> Option<u64> {
    let number = |group: &Path, name: &str| -> Option<u64> {
        fs::read_to_string(group.join(name)).ok()?.trim().parse().ok()
    };
    let left = |group: &Path| Some(number(group, limit)?.saturating_sub(number(group, usage)?));
    let own = mount.join(path);
    own.ancestors().take_while(|group| group.starts_with(mount)).filter_map(left).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn group(at: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(at).unwrap();
        for (name, text) in files {
            fs::write(at.join(name), format!("{text}\n")).unwrap();
        }
    }

    #[test]
    fn the_tightest_group_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        group(root, &[]);
        group(&root.join("a"), &[("memory.max", "104857600"), ("memory.current", "94371840")]);
        group(&root.join("a/b"), &[("memory.max", "max"), ("memory.current", "1048576")]);
        group(&root.join("c"), &[("memory.max", "1048576"), ("memory.current", "2097152")]);
        assert_eq!(left_in_groups("0::/a/b\n", root), Some(10 * MB));
        assert_eq!(left_in_groups("0::/c\n", root), Some(0), "over its limit");
        assert_eq!(left_in_groups("0::/\n", root), None);
        assert_eq!(left_in_groups("0::/gone\n", root), None);
        assert_eq!(left_in_groups("0::/../../etc\nnonsense\n::\n", root), None);
    }

    #[test]
    fn the_older_hierarchy_counts_too() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let limit = [("memory.limit_in_bytes", "67108864"), ("memory.usage_in_bytes", "33554432")];
        group(&root.join("memory/docker/x"), &limit);
        assert_eq!(left_in_groups("5:devices:/docker/x\n4:memory:/docker/x\n0::/\n", root), Some(32 * MB));
        assert_eq!(left_in_groups("3:cpu,memory:/docker/x\n", root), Some(32 * MB));
    }

    #[test]
    fn this_machine_has_memory() {
        assert!(available().is_some_and(|bytes| bytes > 0));
        assert!(available_here() <= available() || available().is_none());
    }
}
