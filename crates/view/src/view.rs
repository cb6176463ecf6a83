//! From a reader through a selection to an output.

use rttng_ctf::read::{Event, LossCount, Lost, Passed, Reader};

use crate::ViewError;
use crate::losses::LossMeter;
use crate::select::{Selector, Verdict};

/// Takes what is to be shown.
pub trait Printer {
    /// An event.
    fn event(&mut self, event: &mut Event<'_>) -> Result<(), ViewError>;
    /// A loss in the stream of that number.
    fn lost(&mut self, reader: &Reader, stream: usize, lost: &Lost) -> Result<(), ViewError>;
    /// Whether events are shown to it one by one; who only wants to know how many there are is told so at the end.
    fn looks_at_events(&self) -> bool {
        true
    }
    /// Nothing follows. Called after an error as well.
    fn finish(&mut self) -> Result<(), ViewError>;
}

/// Losses that were met, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    /// Discarded events that were counted.
    pub events: u64,
    /// Streams of which the tracer does not tell how many events it discarded before the first packet that is there.
    pub uncounted: u64,
    /// Lost packets.
    pub packets: u64,
}

impl Losses {
    /// Whether there were none.
    pub fn is_none(&self) -> bool {
        *self == Losses::default()
    }

    pub(crate) fn add(&mut self, lost: &Lost) {
        match lost.count {
            LossCount::Events(count) => self.events = self.events.saturating_add(count),
            LossCount::SomeEvents => self.uncounted += 1,
            LossCount::Packets(count) => self.packets = self.packets.saturating_add(count),
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ran {
    /// Events that were shown.
    pub events: u64,
    /// What was lost as far as it was read.
    pub losses: Losses,
}

/// Shows what `selector` lets pass, to the end or to its limit. What came before an error is shown.
pub fn run<P: Printer>(
    reader: &mut Reader,
    selector: &mut Selector,
    printer: &mut P,
) -> Result<Ran, ViewError> {
    let outcome = go(reader, selector, printer);
    let finished = printer.finish();
    outcome.and_then(|ran| finished.map(|()| ran))
}

fn go<P: Printer>(reader: &mut Reader, selector: &mut Selector, printer: &mut P) -> Result<Ran, ViewError> {
    let (mut ran, mut meter) = (Ran::default(), LossMeter::default());
    let is_sifted = selector.sift(reader);
    if !printer.looks_at_events() && is_sifted && !reader.is_limited() {
        while let Some(passed) = reader.pass()? {
            match passed {
                Passed::Events(count) => ran.events += count,
                Passed::Lost { stream, lost } => {
                    ran.losses.add(&meter.new_of(reader, stream, &lost));
                    printer.lost(reader, stream, &lost)?;
                }
            }
        }
        return Ok(ran);
    }
    loop {
        if reader.advance()
            && let Some(mut event) = reader.event()
        {
            match selector.judge(&mut event)? {
                Verdict::Show => {
                    ran.events += 1;
                    printer.event(&mut event)?;
                }
                Verdict::Pass => {}
                Verdict::Stop => return Ok(ran),
            }
            continue;
        }
        let Some((stream, lost)) = reader.other()? else { return Ok(ran) };
        let Some(lost) = selector.cut(lost) else { continue };
        ran.losses.add(&meter.new_of(reader, stream, &lost));
        printer.lost(reader, stream, &lost)?;
    }
}

/// Shows nothing: for those who only count.
impl Printer for () {
    #[inline]
    fn event(&mut self, _: &mut Event<'_>) -> Result<(), ViewError> {
        Ok(())
    }

    fn lost(&mut self, _: &Reader, _: usize, _: &Lost) -> Result<(), ViewError> {
        Ok(())
    }

    fn looks_at_events(&self) -> bool {
        false
    }

    fn finish(&mut self) -> Result<(), ViewError> {
        Ok(())
    }
}
