//! How many notifications tracers have lost: counters in memory that applications share with this daemon
//! (`docs/spec/ust-protocol.md`, section 12).
//!
//! There is one set of them per user, one piece of memory per CPU. An application may write anything into its user's set;
//! what it harms is the count of its own user's losses.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::{Rc, Weak};

use rttng_ring::{Mapping, Memory, possible_cpus};
use rttng_wire::ust::Counter;
use rustix::fs::{MemfdFlags, SealFlags};

use crate::descriptors;

/// Bytes of one counter.
const WIDTH: usize = 4;

/// What was counted in sets that are gone, by slot.
type Past = Rc<RefCell<BTreeMap<u64, u64>>>;

/// The counters of all users.
#[derive(Debug, Default)]
pub(crate) struct ErrorCounters {
    sets: RefCell<BTreeMap<u32, Weak<CounterSet>>>,
    past: Past,
}

/// The counters of one user's applications.
#[derive(Debug)]
pub(crate) struct CounterSet {
    shape: Counter,
    slots: u64,
    cpus: Vec<(OwnedFd, Mapping)>,
    past: Past,
}

impl ErrorCounters {
    /// The counters of a user's applications, with so many slots; made when the first of them asks, kept as long as one of
    /// them lives.
    pub(crate) fn of_user(&self, uid: u32, slots: u64) -> io::Result<Rc<CounterSet>> {
        let mut sets = self.sets.borrow_mut();
        if let Some(set) = sets.get(&uid).and_then(Weak::upgrade) {
            return Ok(set);
        }
        let set = Rc::new(CounterSet::new(slots, self.past.clone())?);
        sets.retain(|_, set| set.strong_count() > 0);
        sets.insert(uid, Rc::downgrade(&set));
        Ok(set)
    }

    /// What all users' applications have counted in a slot.
    pub(crate) fn sum(&self, slot: u64) -> u64 {
        let living: u64 = self.living().map(|set| set.sum(slot)).sum();
        living + self.past.borrow().get(&slot).copied().unwrap_or(0)
    }

    /// Sets a slot to 0, for the next trigger that has it.
    pub(crate) fn reset(&self, slot: u64) {
        self.past.borrow_mut().remove(&slot);
        for set in self.living() {
            for (_, memory) in &set.cpus {
                memory.copy_in(place(slot), &[0; WIDTH]);
            }
        }
    }

    fn living(&self) -> impl Iterator<Item = Rc<CounterSet>> {
        let living: Vec<_> = self.sets.borrow().values().filter_map(Weak::upgrade).collect();
        living.into_iter()
    }
}

fn place(slot: u64) -> usize {
    // Slots are at most 65534, as the daemon's options check.
    slot as usize * WIDTH
}

impl CounterSet {
    fn new(slots: u64, past: Past) -> io::Result<Self> {
        let shape = Counter::of_errors(slots);
        let size =
            shape.shm_len().and_then(|len| usize::try_from(len).ok()).ok_or(io::ErrorKind::OutOfMemory)?;
        let cpus = possible_cpus() as usize;
        if !descriptors::are_there(cpus) {
            return Err(rustix::io::Errno::MFILE.into());
        }
        let cpus = (0..cpus).map(|_| memory(size)).collect::<io::Result<_>>()?;
        Ok(CounterSet { shape, slots, cpus, past })
    }

    /// As applications are told of it.
    pub(crate) fn shape(&self) -> &Counter {
        &self.shape
    }

    /// Bytes of shared memory of one CPU.
    pub(crate) fn shm_len(&self) -> u64 {
        self.shape.shm_len().unwrap_or(0)
    }

    /// How many CPUs have memory.
    pub(crate) fn cpus(&self) -> usize {
        self.cpus.len()
    }

    /// The memory of one CPU.
    pub(crate) fn descriptor(&self, cpu: usize) -> Option<&OwnedFd> {
        self.cpus.get(cpu).map(|(descriptor, _)| descriptor)
    }

    fn sum(&self, slot: u64) -> u64 {
        let counted = self.cpus.iter().map(|(_, memory)| {
            let mut count = [0; WIDTH];
            memory.copy_out(place(slot), &mut count);
            u64::from(u32::from_ne_bytes(count))
        });
        counted.sum()
    }
}

impl Drop for CounterSet {
    fn drop(&mut self) {
        let mut past = self.past.borrow_mut();
        for slot in 0..self.slots {
            match self.sum(slot) {
                0 => {}
                count => *past.entry(slot).or_default() += count,
            }
        }
    }
}

/// Memory that no application can take away again.
fn memory(size: usize) -> io::Result<(OwnedFd, Mapping)> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = rustix::fs::memfd_create("lttng-error-counter", flags)?;
    rustix::fs::ftruncate(&file, size as u64)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    let mapping = Mapping::new(file.as_fd(), size, false)?;
    Ok((file, mapping))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_cpus_and_users_count_and_what_is_gone_is_not_forgotten() {
        let counters = ErrorCounters::default();
        let (first, second) = (counters.of_user(1, 7).unwrap(), counters.of_user(2, 7).unwrap());
        assert!(Rc::ptr_eq(&first, &counters.of_user(1, 7).unwrap()));
        first.cpus[0].1.copy_in(place(3), &5_u32.to_ne_bytes());
        first.cpus.last().unwrap().1.copy_in(place(6), &1_u32.to_ne_bytes());
        second.cpus[0].1.copy_in(place(3), &u32::MAX.to_ne_bytes());
        assert_eq!(counters.sum(3), 5 + u64::from(u32::MAX));
        assert_eq!((counters.sum(6), counters.sum(2)), (1, 0));
        drop(second);
        assert_eq!(counters.sum(3), 5 + u64::from(u32::MAX));
        counters.reset(3);
        assert_eq!((counters.sum(3), counters.sum(6)), (0, 1));
    }

    #[test]
    fn an_application_cannot_take_the_memory_away() {
        let counters = ErrorCounters::default();
        let set = counters.of_user(0, 4096).unwrap();
        assert_eq!(set.shm_len(), 17_408);
        assert!(rustix::fs::ftruncate(set.descriptor(0).unwrap(), 0).is_err());
        assert!(set.descriptor(set.cpus()).is_none());
    }
}
