//! Events that nobody wants, dropped before they are put in the order of time.

use std::fmt::Debug;
use std::sync::Arc;

use super::Reader;
use super::merge::Tournament;
use crate::decode::EventBytes;

/// Decides on the events of one stream, where they lie.
pub trait Sieve: Debug + Send + Sync {
    /// Whether an event of that class (a position in [`StreamClass::events`](crate::StreamClass::events)) is kept.
    fn keeps(&self, class: usize, event: EventBytes<'_>) -> bool;
}

impl Reader {
    /// Gives out nothing of a stream any more but what its sieve keeps; losses and errors come as before. `sieve` is asked
    /// for each stream by its trace and class.
    ///
    /// Who limits the reader ([`Reader::limit_to`]) may be given events all the same that the sieve would not keep.
    pub fn sift(&mut self, sieve: impl Fn(usize, usize) -> Arc<dyn Sieve>) {
        if self.is_fresh {
            self.streams.iter_mut().for_each(|stream| stream.sieve = Some(sieve(stream.trace, stream.class)));
            return;
        }
        self.settle();
        let streams = self.streams.iter_mut();
        self.order = Tournament::new(streams.map(|stream| stream.sift(sieve(stream.trace, stream.class))));
    }
}
