//! Whether a process can still be about to commit a record that holds up a stream.
//!
//! Protocol and buffers do not tell who reserved a record (that comes with ABI 11). But between reserve and commit a
//! thread neither sleeps nor waits: it only stands still if it lacks a CPU, is stopped, or waits for a page. So a
//! stuck record is given up when every thread of every process that maps the buffer has either slept or got enough CPU
//! time since the record was first seen stuck, and none of them is stopped. Where `/proc` does not show the other
//! processes, a long time must pass instead.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rttng_ring::Stuck;

/// A record is not even looked at before it has been stuck so long.
const GRACE: Duration = Duration::from_millis(200);
/// So much CPU time is enough for any record.
const ENOUGH_CPU: Duration = Duration::from_millis(2);
/// Where processes cannot be seen, a record stuck so long is given up.
const BLIND_GRACE: Duration = Duration::from_secs(10);

/// Which shared memory a process maps, as `/proc/PID/maps` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemoryId {
    device: u64,
    inode: u64,
}

impl MemoryId {
    pub(crate) fn of(file: impl AsFd) -> io::Result<Self> {
        let stat = rustix::fs::fstat(file)?;
        Ok(MemoryId { device: stat.st_dev, inode: stat.st_ino })
    }

    /// Whether a line of `/proc/PID/maps` is about this memory.
    fn is_mapped_in(&self, maps: &str) -> bool {
        let device = format!("{:02x}:{:02x}", rustix::fs::major(self.device), rustix::fs::minor(self.device));
        let inode = self.inode.to_string();
        maps.lines().any(|line| {
            let mut fields = line.split_ascii_whitespace().skip(3);
            fields.next() == Some(&device) && fields.next() == Some(&inode)
        })
    }
}

/// A thread, told apart from a later one of the same number by when it started.
type ThreadId = (u32, u64);

/// Watches a stuck sub-buffer.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) stuck: Stuck,
    memory: MemoryId,
    since: Instant,
    /// The threads that may hold the record, and the CPU time that they had when it was first seen.
    suspects: HashMap<ThreadId, Duration>,
    /// Some process cannot be seen.
    is_blind: bool,
}

impl Watch {
    pub(crate) fn new(stuck: Stuck, memory: MemoryId, since: Instant) -> Self {
        let mut suspects = HashMap::new();
        let is_blind = !for_each_mapper(&memory, |pid| {
            suspects.extend(threads_of(pid).into_iter().map(|thread| (thread.id, thread.cpu_time)));
        });
        Watch { stuck, memory, since, suspects, is_blind }
    }

    pub(crate) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Whether nobody can commit the record any more.
    pub(crate) fn is_dead(&mut self) -> bool {
        if self.age() < GRACE {
            return false;
        }
        let mut still_suspect = HashMap::new();
        let suspects = &self.suspects;
        let sees_all = for_each_mapper(&self.memory, |pid| {
            for thread in threads_of(pid) {
                // One that came later cannot have made the reservation.
                let Some(&before) = suspects.get(&thread.id) else { continue };
                let has_run = thread.cpu_time.saturating_sub(before) >= ENOUGH_CPU;
                if thread.state != b'S' && thread.state != b'Z' && thread.state != b'X' && !has_run {
                    still_suspect.insert(thread.id, before);
                }
            }
        });
        self.suspects = still_suspect;
        self.is_blind |= !sees_all;
        self.suspects.is_empty() && (!self.is_blind || self.age() >= BLIND_GRACE)
    }
}

/// Calls `found` for each other process that maps the memory; `false` if some process could not be looked into.
fn for_each_mapper(memory: &MemoryId, mut found: impl FnMut(u32)) -> bool {
    let own = std::process::id();
    let Ok(entries) = fs::read_dir("/proc") else { return false };
    let mut sees_all = true;
    for pid in entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        if pid == own {
            continue;
        }
        match fs::read(format!("/proc/{pid}/maps")) {
            Ok(maps) if memory.is_mapped_in(&String::from_utf8_lossy(&maps)) => found(pid),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => sees_all = false,
            // It ended meanwhile.
            Err(_) => {}
        }
    }
    sees_all
}

struct Thread {
    id: ThreadId,
    state: u8,
    cpu_time: Duration,
}

fn threads_of(pid: u32) -> Vec<Thread> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| {
            let tid = task.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(task.path().join("stat")).ok()?;
            let (state, started) = state_and_start(&stat)?;
            let cpu_time = fs::read_to_string(task.path().join("schedstat")).ok().and_then(|text| {
                Some(Duration::from_nanos(text.split_ascii_whitespace().next()?.parse().ok()?))
            });
            Some(Thread { id: (tid, started), state, cpu_time: cpu_time.unwrap_or_default() })
        })
        .collect()
}

/// State and start time from `/proc/PID/stat`, whose second field may hold anything, parentheses included.
fn state_and_start(stat: &str) -> Option<(u8, u64)> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_searched_by_device_and_inode() {
        let memory = MemoryId { device: rustix::fs::makedev(0, 1), inode: 1034 };
        let maps = "7f00-7f10 rw-s 00000000 00:01 1034                     /memfd:ust-consumer (deleted)\n";
        assert!(memory.is_mapped_in(maps));
        assert!(!MemoryId { inode: 103, ..memory }.is_mapped_in(maps));
        assert!(!memory.is_mapped_in("7f00-7f10 rw-s 00000000 08:01 1034 /x\n"));
    }

    #[test]
    fn a_thread_may_be_called_anything() {
        let stat = "12 (a) S (b) R 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 0 0";
        assert_eq!(state_and_start(stat), Some((b'R', 4711)));
        let own = threads_of(std::process::id());
        assert!(!own.is_empty() && own.iter().all(|thread| thread.id.1 > 0));
    }
}
