//! Whether the times of all streams can be compared: the condition under which babeltrace2 merges them
//! (`docs/spec/trace-output.md`, 18.5).

use std::fmt;
use std::path::PathBuf;

use super::clock::clock_of;
use super::{Reader, Trace};
use crate::class::{Clock, Identity, Uuid};

/// What the times of a stream count from. Streams whose times count from the same can be put in one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// No clock: there are no times.
    None,
    /// The Unix epoch.
    UnixEpoch,
    /// Something that all clocks of this UUID have in common, or all that have none.
    Unknown(Option<Uuid>),
    /// CTF 2: an origin with a name.
    Named(Box<Identity>),
}

impl Origin {
    fn of(clock: Option<&Clock>) -> Origin {
        match clock {
            None => Origin::None,
            Some(clock) if clock.absolute => Origin::UnixEpoch,
            Some(Clock { origin: Some(origin), .. }) => Origin::Named(Box::new(origin.clone())),
            Some(clock) => Origin::Unknown(clock.uuid),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::None => f.write_str("no clock"),
            Origin::UnixEpoch => f.write_str("a clock that counts from the Unix epoch"),
            Origin::Unknown(Some(uuid)) => write!(f, "a clock of an origin of its own, {uuid}"),
            Origin::Unknown(None) => f.write_str("a clock of an origin that it does not tell"),
            Origin::Named(identity) => {
                let parts = [&identity.namespace, &identity.name, &identity.uid];
                let parts: Vec<&str> = parts.into_iter().filter_map(|part| part.as_deref()).collect();
                write!(f, "a clock that counts from {}", parts.join(" "))
            }
        }
    }
}

/// Two streams whose times have nothing to do with each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "events cannot be put in the order of time: {} has {}, {} has {}",
    places[0].display(), origins[0], places[1].display(), origins[1]
)]
pub struct Uncorrelated {
    /// A data file of each.
    pub places: [PathBuf; 2],
    /// What their times count from.
    pub origins: [Origin; 2],
}

impl Uncorrelated {
    /// Whether both have times, which somebody may know to count from the same all the same.
    pub fn both_have_clocks(&self) -> bool {
        !self.origins.contains(&Origin::None)
    }
}

impl Reader {
    /// Checks that the times of all streams can be compared: all count from the Unix epoch, or are of clocks of one
    /// UUID, or of clocks without any, or there are no clocks. With `forced`, all clocks are taken to count from the Unix
    /// epoch. The reader itself merges whatever it is given.
    pub fn check_correlation(&self, forced: bool) -> Result<(), Uncorrelated> {
        let origin = |number: usize| {
            let stream = self.stream(number);
            let class: &Trace = &self.traces[stream.trace];
            match Origin::of(clock_of(&class.class, &class.class.streams[stream.class])) {
                Origin::None => Origin::None,
                _ if forced => Origin::UnixEpoch,
                origin => origin,
            }
        };
        let mut origins = (0..self.stream_count()).map(|number| (number, origin(number)));
        let Some((first, expected)) = origins.next() else { return Ok(()) };
        match origins.find(|(_, origin)| *origin != expected) {
            None => Ok(()),
            Some((number, origin)) => Err(Uncorrelated {
                places: [first, number].map(|number| self.stream(number).path.to_owned()),
                origins: [expected, origin],
            }),
        }
    }
}
