//! Whether the times of all streams can be compared: the condition under which babeltrace2 merges them
//! (`docs/spec/trace-output.md`, 18.5). It is asked where streams are put in order: when traces are opened, and when
//! those that are followed get more streams.

use std::fmt;
use std::path::PathBuf;

use super::clock::clock_of;
use super::error::ReadError;
use super::{Reader, Trace};
use crate::class::{Clock, Identity, Uuid};

/// What is asked of the clocks of streams that are put in one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Correlation {
    /// All count from the Unix epoch, or are of clocks of one UUID, or of clocks without any, or there are no clocks.
    #[default]
    Required,
    /// All clocks are taken to count from the Unix epoch. Streams with and without a clock do not go together.
    Forced,
    /// Nothing: for who reads stream by stream, or does not mind in what order events come.
    Unchecked,
}

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
    "its events and those of {} cannot be put in the order of time: it has {}, the other {}",
    places[1].display(), origins[0], origins[1]
)]
pub struct Uncorrelated {
    /// A data file of each.
    pub places: [PathBuf; 2],
    /// What their times count from.
    pub origins: [Origin; 2],
}

impl Uncorrelated {
    /// Why they are not read together.
    pub(super) fn refusal(self) -> ReadError {
        // Somebody may know that both count from the same all the same.
        let way_out = match self.origins.contains(&Origin::None) {
            false => "; `--clock-force-correlate` takes all clocks to count from the Unix epoch",
            true => "",
        };
        ReadError::of(&self.places[0], format_args!("{self}{way_out}"))
    }
}

impl Reader {
    /// Checks that the times of all streams can be compared, as it is asked for. [`Reader::open`] does so by itself.
    ///
    /// # Errors
    /// The first two streams of which they cannot.
    pub fn check_correlation(&self, correlation: Correlation) -> Result<(), Uncorrelated> {
        if correlation == Correlation::Unchecked {
            return Ok(());
        }
        let origin = |number: usize| {
            let stream = self.stream(number);
            let class: &Trace = &self.traces[stream.trace];
            match Origin::of(clock_of(&class.class, &class.class.streams[stream.class])) {
                Origin::None => Origin::None,
                _ if correlation == Correlation::Forced => Origin::UnixEpoch,
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
