//! How many streams a per-CPU channel has: one for each CPU number that the machine could ever use
//! (`docs/spec/ring-buffer.md`, section 3). Consumer and applications find it out independently and must agree.

/// One more than the highest possible CPU number.
pub fn possible_cpus() -> u32 {
    std::fs::read_to_string("/sys/devices/system/cpu/possible")
        .ok()
        .and_then(|text| highest(&text))
        .or_else(highest_cpu_directory)
        .map_or_else(usable_cpus, |last| last + 1)
}

/// The last number of the last range of a kernel CPU list, such as `0-3,8-11`.
fn highest(list: &str) -> Option<u32> {
    list.trim().rsplit([',', '-']).next()?.parse().ok()
}

fn highest_cpu_directory() -> Option<u32> {
    std::fs::read_dir("/sys/devices/system/cpu")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_prefix("cpu")?.parse().ok())
        .max()
}

/// How many this thread may run on. (The standard library's count would bring with it what reads limits of control groups.)
fn usable_cpus() -> u32 {
    rustix::thread::sched_getaffinity(None).map_or(1, |cpus| cpus.count().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_the_list_counts() {
        assert_eq!(highest("0-1\n"), Some(1));
        assert_eq!(highest("0\n"), Some(0));
        assert_eq!(highest("0-3,8-11\n"), Some(11));
        assert_eq!(highest("0,2,5\n"), Some(5));
        assert_eq!(highest("\n"), None);
    }
}
