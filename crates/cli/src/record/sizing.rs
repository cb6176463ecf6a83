//! How large buffers are: chosen before a recording from the machine, and after one that lost events from what was lost.

use std::path::Path;

/// The part of a machine's free memory that buffers may take, and the part of what /dev/shm has left.
pub(crate) const PART: u64 = 8;
/// Sub-buffers of a stream that the reference gives: 4 of 512 kB.
const REFERENCE_SUBBUF: u64 = 512 * 1024;
/// Smallest sub-buffer that is chosen here.
const SMALLEST_SUBBUF: u64 = 64 * 1024;
/// Largest sub-buffer that is chosen here; more of them are taken instead.
const LARGEST_SUBBUF: u64 = 2 * 1024 * 1024;
/// Sub-buffers of each stream that are chosen here.
const SUBBUFS: u64 = 4;

/// What the machine has for buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    /// CPUs that exist, each with a stream of its own in every channel.
    pub(crate) cpus: u64,
    /// Free memory in bytes.
    pub(crate) memory: u64,
    /// Bytes that are left in /dev/shm.
    pub(crate) shared: u64,
    /// Bytes of a page.
    pub(crate) page: u64,
}

/// Sub-buffers of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buffers {
    /// Bytes of one; a power of two.
    pub(crate) subbuf_size: u64,
    /// How many; a power of two.
    pub(crate) num_subbuf: u64,
}

impl Buffers {
    /// Bytes that a stream holds.
    pub(crate) fn capacity(self) -> u64 {
        self.subbuf_size.saturating_mul(self.num_subbuf)
    }

    /// Bytes of shared memory that a channel takes: one sub-buffer more a stream than it holds.
    pub(crate) fn footprint(self, cpus: u64) -> u64 {
        cpus.saturating_mul(self.capacity().saturating_add(self.subbuf_size))
    }
}

impl Machine {
    /// What this machine has now.
    pub(crate) fn measure() -> Machine {
        let page = rustix::param::page_size() as u64;
        Machine {
            cpus: possible_cpus(),
            memory: rttng_world::memory::available_here().unwrap_or(1 << 30),
            shared: free_space(Path::new("/dev/shm")).unwrap_or(0),
            page,
        }
    }

    /// The buffers that suit it: as much as a small part of its memory allows, up to 8 MB for each CPU.
    pub(crate) fn buffers(self) -> Buffers {
        let room = (self.memory / PART).min(self.shared / 2);
        let fits = |subbuf_size| Buffers { subbuf_size, num_subbuf: SUBBUFS }.footprint(self.cpus) <= room;
        let mut subbuf_size = REFERENCE_SUBBUF;
        while subbuf_size < LARGEST_SUBBUF && fits(subbuf_size * 2) {
            subbuf_size *= 2;
        }
        while subbuf_size > SMALLEST_SUBBUF && !fits(subbuf_size) {
            subbuf_size /= 2;
        }
        Buffers { subbuf_size: subbuf_size.max(self.page), num_subbuf: SUBBUFS }
    }
}

/// Buffers of at least so many bytes, and at least twice what was lost with.
pub(crate) fn enough_for(had: Buffers, wanted: u64) -> Buffers {
    let wanted = wanted.max(had.capacity().saturating_mul(2));
    let mut buffers = had;
    while buffers.capacity() < wanted {
        match buffers.subbuf_size < LARGEST_SUBBUF {
            true => buffers.subbuf_size = buffers.subbuf_size.saturating_mul(2),
            false => buffers.num_subbuf = buffers.num_subbuf.saturating_mul(2),
        }
    }
    buffers
}

/// Highest CPU number that can be, plus one.
fn possible_cpus() -> u64 {
    let text = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap_or_default();
    let highest = text.trim().rsplit(['-', ',']).next().and_then(|last| last.parse::<u64>().ok());
    match highest {
        Some(highest) => highest + 1,
        None => std::thread::available_parallelism().map_or(1, |count| count.get() as u64),
    }
}

fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;
    const MB: u64 = 1 << 20;

    #[test]
    fn a_large_machine_gets_large_buffers_and_a_small_one_small_ones() {
        let large = Machine { cpus: 2, memory: 16 * GB, shared: 8 * GB, page: 4096 };
        assert_eq!(large.buffers(), Buffers { subbuf_size: 2 * MB, num_subbuf: 4 });
        let container = Machine { cpus: 8, memory: 16 * GB, shared: 64 * MB, page: 4096 };
        let chosen = container.buffers();
        assert!(chosen.footprint(8) <= 32 * MB, "{chosen:?}");
        assert!(chosen.subbuf_size >= SMALLEST_SUBBUF);
    }

    #[test]
    fn the_advice_after_a_loss_holds_what_was_lost() {
        let had = Buffers { subbuf_size: 64 * 1024, num_subbuf: 4 };
        let enough = enough_for(had, 10 * MB);
        assert!(enough.capacity() >= 10 * MB, "{enough:?}");
        assert!(enough.subbuf_size.is_power_of_two() && enough.num_subbuf.is_power_of_two());
        assert!(enough_for(had, 1).capacity() >= 2 * had.capacity());
    }

    #[test]
    fn this_machine_is_measured() {
        let machine = Machine::measure();
        assert!(machine.cpus >= 1 && machine.memory > 0);
    }
}
