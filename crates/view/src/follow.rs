//! Traces that are still being written, through a selection to one of the forms, as their events come.
//!
//! [`Follower`] says which events are certain to come next. What it cannot know, a
//! [`Guide`] tells: whether the recording still goes on, and up to when everything is written.

use std::time::Duration;

use rttng_ctf::read::follow::{Follower, Source};
use rttng_ctf::read::{Message, Reader};

use crate::losses::LossMeter;
use crate::select::{Selector, Verdict};
use crate::{Printer, Ran, ViewError};

/// How a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// It goes on.
    Going {
        /// All events before this time, in nanoseconds since the origin of the clock, are written.
        written_until: Option<i64>,
    },
    /// Nothing more will be written.
    Over,
    /// Nobody wants to see more.
    Interrupted,
}

/// Knows how a recording stands.
pub trait Guide {
    /// How it stands now. Asked before each look at the trace.
    fn ask(&mut self) -> Recording;

    /// Waits until there may be something new, not for long. `awaited` is how many streams hold back what others have;
    /// 0 if nothing is held back.
    fn pause(&mut self, awaited: usize);
}

/// A printer of traces that grow.
pub trait FollowingPrinter: Printer {
    /// There are more traces, kinds of events or streams, and streams have other numbers.
    fn grown(&mut self, reader: &Reader);

    /// Writes what was put together so far.
    ///
    /// # Errors
    /// When the output takes no more.
    fn flush(&mut self) -> Result<(), ViewError>;
}

/// Shows what `selector` lets pass, until the recording is over, the limit is reached, or the guide says so.
///
/// # Errors
/// When the traces cannot be read further, or the output takes no more. What came before is shown.
pub fn follow<S: Source, P: FollowingPrinter>(
    follower: &mut Follower<S>,
    selector: &mut Selector,
    printer: &mut P,
    guide: &mut impl Guide,
) -> Result<Ran, ViewError> {
    let outcome = go(follower, selector, printer, guide);
    let finished = printer.finish();
    outcome.and_then(|ran| finished.map(|()| ran))
}

fn go<S: Source, P: FollowingPrinter>(
    follower: &mut Follower<S>,
    selector: &mut Selector,
    printer: &mut P,
    guide: &mut impl Guide,
) -> Result<Ran, ViewError> {
    let (mut ran, mut meter) = (Ran::default(), LossMeter::default());
    let mut has_grown = true;
    loop {
        // Asked first: what was written before the answer is seen after it.
        let recording = guide.ask();
        has_grown |= match recording {
            Recording::Interrupted => return Ok(ran),
            Recording::Over => follower.finish()?,
            Recording::Going { written_until } => {
                written_until.into_iter().for_each(|time| follower.set_horizon(time));
                follower.look()?
            }
        };
        if std::mem::take(&mut has_grown) {
            selector.grown(follower.reader());
            printer.grown(follower.reader());
        }
        while let Some(message) = follower.next()? {
            match message {
                Message::Event(mut event) => match selector.judge(&mut event)? {
                    Verdict::Show => {
                        ran.events += 1;
                        printer.event(&mut event)?;
                    }
                    Verdict::Pass => {}
                    Verdict::Stop => return Ok(ran),
                },
                Message::Lost { stream, lost } => {
                    let Some(lost) = selector.cut(lost) else { continue };
                    ran.losses.add(&meter.new_of(follower.reader(), stream, &lost));
                    printer.lost(follower.reader(), stream, &lost)?;
                }
            }
        }
        printer.flush()?;
        if recording == Recording::Over || selector.is_satisfied() {
            return Ok(ran);
        }
        guide.pause(if follower.holds_back() { follower.awaited() } else { 0 });
    }
}

/// Counts only.
impl FollowingPrinter for () {
    fn grown(&mut self, _: &Reader) {}

    fn flush(&mut self) -> Result<(), ViewError> {
        Ok(())
    }
}

/// How long to wait before the next look, after `looks` of them that found nothing new: short at first.
pub fn pause_after(looks: u32) -> Duration {
    Duration::from_millis((20 << looks.min(4)).min(250))
}
