//! Sessions whose events count in the processor's time-stamp counter (`rttng record --clock tsc`): the clock that their
//! metadata declares, and the applications that are turned away because their tracer knows `CLOCK_MONOTONIC` only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rttng_ctf::Uuid;
use rttng_wire::ust::{AbiVersion, Registration};

use crate::world::{Clock, RealClock};

/// What the events of a daemon's traces count in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TraceClock {
    /// `CLOCK_MONOTONIC`, as LTTng has it.
    #[default]
    Monotonic,
    /// The time-stamp counter.
    Tsc(TscClock),
}

/// The time-stamp counter as the clock of traces.
#[derive(Debug, Clone)]
pub struct TscClock {
    declared: Arc<rttng_ctf::Clock>,
    turned_away: Arc<Mutex<BTreeMap<u32, String>>>,
}

impl TscClock {
    /// The counter, declared like this.
    pub fn new(declared: rttng_ctf::Clock) -> Self {
        TscClock { declared: Arc::new(declared), turned_away: Arc::default() }
    }

    /// Cycles a second, as declared.
    pub(crate) fn frequency(&self) -> u64 {
        self.declared.frequency
    }

    /// Processes that wanted to be recorded and count in another clock, with their names.
    pub fn turned_away(&self) -> BTreeMap<u32, String> {
        self.turned_away.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PartialEq for TscClock {
    fn eq(&self, other: &Self) -> bool {
        self.declared == other.declared && Arc::ptr_eq(&self.turned_away, &other.turned_away)
    }
}

impl Eq for TscClock {}

impl Clock for TscClock {
    fn now(&self) -> SystemTime {
        RealClock.now()
    }

    fn offset_of_monotonic(&self) -> i64 {
        RealClock.offset_of_monotonic()
    }

    fn uuid(&self) -> Uuid {
        RealClock.uuid()
    }

    fn trace_clock(&self, _: Option<Uuid>) -> rttng_ctf::Clock {
        (*self.declared).clone()
    }

    fn is_clock_of(&self, registration: &Registration) -> bool {
        let counts = registration.version == AbiVersion::TSC;
        if !counts {
            let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
            turned_away.insert(registration.pid, registration.name.to_string());
        }
        counts
    }
}
