//! The descriptors that this process may still open, and who may have how many of them.
//!
//! The kernel gives out the lowest number that is free, so the number of a new descriptor says how many are in use at
//! least. Applications may not take the last ones: clients, the consumer daemon and buffers need some, or nobody could
//! stop what takes them all.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Resource, getrlimit};

/// Where the system sets no limit.
const UNLIMITED: u64 = 1 << 20;

/// How many descriptors this process may have.
pub(crate) fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED)
}

/// A share of all descriptors, within bounds.
pub(crate) fn share(part: u64, least: usize, most: usize) -> usize {
    usize::try_from(limit() / part).unwrap_or(most).clamp(least, most)
}

/// Whether a descriptor that was just opened is one of the last ones, which applications may not have.
pub(crate) fn is_one_of_the_last(fresh: impl AsFd) -> bool {
    let number = u64::try_from(fresh.as_fd().as_raw_fd()).unwrap_or(0);
    let limit = limit();
    number >= limit.saturating_sub((limit / 4).clamp(16, 512))
}

/// Whether an application could have a descriptor now.
pub(crate) fn are_there_for_applications() -> bool {
    fresh().is_ok_and(|fresh| !is_one_of_the_last(fresh))
}

/// Whether `count` descriptors could be opened now.
pub(crate) fn are_there(count: usize) -> bool {
    // Opened, and closed again at once.
    let open = || {
        let first = fresh()?;
        (1..count).map(|_| rustix::io::fcntl_dupfd_cloexec(&first, 0)).collect::<Result<Vec<_>, _>>()
    };
    open().is_ok()
}

fn fresh() -> rustix::io::Result<OwnedFd> {
    eventfd(0, EventfdFlags::CLOEXEC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_some_but_not_any_number() {
        assert!(are_there(3));
        assert!(are_there_for_applications());
        assert_eq!(share(u64::MAX, 4, 9), 4);
        assert_eq!(share(1, 4, 9), 9);
    }
}
