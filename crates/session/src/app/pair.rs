//! The two connections of one application, until both are there.
//!
//! An application connects its command connection first, and its notify connection when it has sent the registration on
//! the first one. It may do so again under the same process id (`exec`), so only a notify connection that was made after
//! a command connection belongs to it; in which order they are understood here does not matter.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use rttng_wire::ust::{Dialect, Registration};

use crate::link::AnyLink;
use crate::undecided::{Place, Undecided};

/// The place of a connection among all that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Serial(u64);

/// One of the two connections.
pub(crate) enum Half {
    /// Where the application is sent commands.
    Command { link: AnyLink, registration: Registration, dialect: Dialect },
    /// Where it registers its events.
    Notify(AnyLink),
}

/// Both.
pub(crate) struct Pair {
    pub(crate) command: AnyLink,
    pub(crate) notify: AnyLink,
    pub(crate) registration: Registration,
    pub(crate) dialect: Dialect,
}

/// Further connections that belong to no application yet push the oldest out: a share of all descriptors, within
/// these bounds. The bounds are far above what the largest burst of applications needs, because an application says what
/// it is as soon as it has connected.
const MOST_UNPAIRED: (usize, usize) = (16, 1024);

/// Connections that belong to no application yet.
pub(crate) struct Registrations {
    arrivals: Cell<u64>,
    /// Those whose registration is still to be read, by process id.
    unread: RefCell<HashMap<u32, BTreeSet<Serial>>>,
    /// Those whose registration was read, by process id.
    parked: RefCell<HashMap<u32, Parked>>,
    undecided: Rc<Undecided>,
}

struct Parked {
    serial: Serial,
    half: Half,
    /// Given up when the other half comes.
    _place: Option<Place>,
}

impl Default for Registrations {
    fn default() -> Self {
        let (least, most) = MOST_UNPAIRED;
        Registrations {
            arrivals: Cell::default(),
            unread: RefCell::default(),
            parked: RefCell::default(),
            undecided: Undecided::new(crate::descriptors::share(4, least, most)),
        }
    }
}

impl Registrations {
    /// Numbers a connection of a process that has just come.
    pub(crate) fn arrival(&self, pid: u32) -> Serial {
        self.arrivals.set(self.arrivals.get() + 1);
        let serial = Serial(self.arrivals.get());
        self.unread.borrow_mut().entry(pid).or_default().insert(serial);
        serial
    }

    /// Its registration was read, or never will be.
    pub(crate) fn was_read(&self, pid: u32, serial: Serial) {
        let mut unread = self.unread.borrow_mut();
        if let Some(of_process) = unread.get_mut(&pid) {
            of_process.remove(&serial);
            if of_process.is_empty() {
                unread.remove(&pid);
            }
        }
    }

    /// Whether a connection that a process made earlier is still to be read.
    fn may_follow_another(&self, pid: u32, serial: Serial) -> bool {
        self.unread.borrow().get(&pid).is_some_and(|unread| unread.range(..serial).next().is_some())
    }

    /// A place for a connection of a user, until it belongs to an application.
    pub(crate) fn place(&self, uid: u32) -> Place {
        self.undecided.enter(uid)
    }

    /// Takes in a connection: gives the pair if the other one is there, else keeps it with its place. Of two that do not
    /// belong together the later one is kept, the other one is closed; so is a notify connection without anything before it.
    pub(crate) fn take(&self, pid: u32, serial: Serial, half: Half, place: Option<Place>) -> Option<Pair> {
        let mut parked = self.parked.borrow_mut();
        let this = Parked { serial, half, _place: place };
        let Some(other) = parked.remove(&pid) else {
            if matches!(this.half, Half::Command { .. }) || self.may_follow_another(pid, serial) {
                parked.insert(pid, this);
            }
            return None;
        };
        let (earlier, later) = if other.serial < serial { (other, this) } else { (this, other) };
        match (earlier.half, later) {
            (
                Half::Command { link: command, registration, dialect },
                Parked { half: Half::Notify(notify), .. },
            ) => Some(Pair { command, notify, registration, dialect }),
            (_, later) => {
                parked.insert(pid, later);
                None
            }
        }
    }

    /// Closes a connection if it is still without its other one; says whether it was.
    pub(crate) fn forget(&self, pid: u32, serial: Serial) -> bool {
        let mut parked = self.parked.borrow_mut();
        let waits = parked.get(&pid).is_some_and(|parked| parked.serial == serial);
        waits && parked.remove(&pid).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use rttng_wire::Bitness;
    use rttng_wire::ust::{AbiVersion, Alignments, ProcessName, SocketKind};

    use super::*;
    use crate::link::MemoryLink;

    const PID: u32 = 7;

    fn link() -> AnyLink {
        Rc::new(MemoryLink::pair().0)
    }

    fn command(link: &AnyLink) -> Half {
        let registration = Registration {
            version: AbiVersion { major: 9, minor: 0 },
            pid: PID,
            ppid: 1,
            uid: 0,
            gid: 0,
            bitness: Bitness::Bits64,
            alignments: Alignments::BYTES,
            socket: SocketKind::Command,
            name: ProcessName::new(b"test"),
        };
        Half::Command { link: link.clone(), registration, dialect: Dialect::Abi9 }
    }

    /// Takes in connections in an order of their serials; gives the last answer.
    fn taken(registrations: &Registrations, halves: Vec<(Serial, Half)>) -> Option<Pair> {
        halves.into_iter().fold(None, |_, (serial, half)| registrations.take(PID, serial, half, None))
    }

    #[test]
    fn either_order_of_reading_makes_a_pair() {
        for reversed in [false, true] {
            let registrations = Registrations::default();
            let (first, second) = (registrations.arrival(PID), registrations.arrival(PID));
            let (to, from) = (link(), link());
            let mut halves = vec![(first, command(&to)), (second, Half::Notify(from.clone()))];
            if reversed {
                halves.reverse();
            }
            let pair = taken(&registrations, halves).expect("both are there");
            assert!(Rc::ptr_eq(&pair.command, &to) && Rc::ptr_eq(&pair.notify, &from));
            assert!(!registrations.forget(PID, first) && !registrations.forget(PID, second));
        }
    }

    #[test]
    fn a_notify_connection_of_before_is_not_paired() {
        for reversed in [false, true] {
            let registrations = Registrations::default();
            let (stale, first, second) =
                (registrations.arrival(PID), registrations.arrival(PID), registrations.arrival(PID));
            let (to, from) = (link(), link());
            let mut halves = vec![(stale, Half::Notify(link())), (first, command(&to))];
            if reversed {
                halves.reverse();
            }
            assert!(taken(&registrations, halves).is_none());
            let pair =
                registrations.take(PID, second, Half::Notify(from.clone()), None).expect("both are there");
            assert!(Rc::ptr_eq(&pair.command, &to) && Rc::ptr_eq(&pair.notify, &from));
        }
    }

    #[test]
    fn the_later_of_two_command_connections_counts() {
        let registrations = Registrations::default();
        let (old, new, notify) =
            (registrations.arrival(PID), registrations.arrival(PID), registrations.arrival(PID));
        let to = link();
        assert!(taken(&registrations, vec![(old, command(&link())), (new, command(&to))]).is_none());
        let pair = registrations.take(PID, notify, Half::Notify(link()), None).expect("both are there");
        assert!(Rc::ptr_eq(&pair.command, &to));
    }

    #[test]
    fn one_that_stays_alone_is_forgotten() {
        let registrations = Registrations::default();
        let alone = registrations.arrival(PID);
        assert!(registrations.take(PID, alone, command(&link()), None).is_none());
        assert!(registrations.forget(PID, alone));
        assert!(!registrations.forget(PID, alone));
    }

    #[test]
    fn a_notify_connection_waits_only_for_one_that_was_made_before() {
        let registrations = Registrations::default();
        let (first, second) = (registrations.arrival(PID), registrations.arrival(PID));
        let foreign = registrations.arrival(PID + 1);
        assert!(registrations.take(PID + 1, foreign, Half::Notify(link()), None).is_none());
        assert!(!registrations.forget(PID + 1, foreign), "nothing of its process came before it");
        registrations.was_read(PID, second);
        assert!(registrations.take(PID, second, Half::Notify(link()), None).is_none());
        assert!(registrations.forget(PID, second), "the first may still be read");
        registrations.was_read(PID, first);
        let late = registrations.arrival(PID);
        assert!(registrations.take(PID, late, Half::Notify(link()), None).is_none());
        assert!(!registrations.forget(PID, late));
    }
}
