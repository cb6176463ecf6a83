//! The two connections of one application, until both are there.
//!
//! An application connects its command connection first, and its notify connection when it has sent the registration on
//! the first one. It may do so again under the same process id (`exec`), so only a notify connection that was made after
//! a command connection belongs to it; in which order they are understood here does not matter.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use rttng_wire::ust::{Dialect, Registration};

use crate::link::AnyLink;

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

/// Applications of which only one connection is there, by process id.
#[derive(Default)]
pub(crate) struct Registrations {
    arrivals: Cell<u64>,
    parked: RefCell<HashMap<u32, (Serial, Half)>>,
}

impl Registrations {
    /// Numbers a connection that has just come.
    pub(crate) fn arrival(&self) -> Serial {
        self.arrivals.set(self.arrivals.get() + 1);
        Serial(self.arrivals.get())
    }

    /// Takes in a connection: gives the pair if the other one is there, else keeps it. Of two that do not belong
    /// together the later one is kept, the other one is closed.
    pub(crate) fn take(&self, pid: u32, serial: Serial, half: Half) -> Option<Pair> {
        let mut parked = self.parked.borrow_mut();
        let Some((other_serial, other)) = parked.remove(&pid) else {
            parked.insert(pid, (serial, half));
            return None;
        };
        let (earlier, later) =
            if other_serial < serial { (other, (serial, half)) } else { (half, (other_serial, other)) };
        match (earlier, later) {
            (Half::Command { link: command, registration, dialect }, (_, Half::Notify(notify))) => {
                Some(Pair { command, notify, registration, dialect })
            }
            (_, later) => {
                parked.insert(pid, later);
                None
            }
        }
    }

    /// Closes a connection if it is still without its other one; says whether it was.
    pub(crate) fn forget(&self, pid: u32, serial: Serial) -> bool {
        let mut parked = self.parked.borrow_mut();
        let waits = parked.get(&pid).is_some_and(|(of, _)| *of == serial);
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
        halves.into_iter().fold(None, |_, (serial, half)| registrations.take(PID, serial, half))
    }

    #[test]
    fn either_order_of_reading_makes_a_pair() {
        for reversed in [false, true] {
            let registrations = Registrations::default();
            let (first, second) = (registrations.arrival(), registrations.arrival());
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
                (registrations.arrival(), registrations.arrival(), registrations.arrival());
            let (to, from) = (link(), link());
            let mut halves = vec![(stale, Half::Notify(link())), (first, command(&to))];
            if reversed {
                halves.reverse();
            }
            assert!(taken(&registrations, halves).is_none());
            let pair = registrations.take(PID, second, Half::Notify(from.clone())).expect("both are there");
            assert!(Rc::ptr_eq(&pair.command, &to) && Rc::ptr_eq(&pair.notify, &from));
        }
    }

    #[test]
    fn the_later_of_two_command_connections_counts() {
        let registrations = Registrations::default();
        let (old, new, notify) = (registrations.arrival(), registrations.arrival(), registrations.arrival());
        let to = link();
        assert!(taken(&registrations, vec![(old, command(&link())), (new, command(&to))]).is_none());
        let pair = registrations.take(PID, notify, Half::Notify(link())).expect("both are there");
        assert!(Rc::ptr_eq(&pair.command, &to));
    }

    #[test]
    fn one_that_stays_alone_is_forgotten() {
        let registrations = Registrations::default();
        let alone = registrations.arrival();
        assert!(registrations.take(PID, alone, Half::Notify(link())).is_none());
        assert!(registrations.forget(PID, alone));
        assert!(!registrations.forget(PID, alone));
    }
}
