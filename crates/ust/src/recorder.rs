//! The fast path: what happens when an event is fired that somebody wants. Nothing here allocates, takes a lock or makes
//! a system call, but to wake the consumer daemon for a whole sub-buffer.

use std::sync::Arc;

use crate::channel::Channel;
use crate::class::EventClass;
use crate::context::Moment;
use crate::filter::Filters;
use crate::grace::Stay;
use crate::notifier::Notifier;
use crate::payload::Payload;

/// Who records a kind of event at the moment: only those that would take an event now. Never changed; replaced as a whole.
#[derive(Debug)]
pub(crate) struct Recorders {
    /// Whether the first recorder is the only one to be told, takes every event, and puts no contexts in front of it.
    is_simple: bool,
    recorders: Box<[Recorder]>,
    notifiers: Box<[Arc<Notifier>]>,
}

/// A kind of event in a channel.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) channel: Arc<Channel>,
    /// What the session daemon calls it.
    pub(crate) event_id: u32,
    /// Which events of the kind are wanted.
    pub(crate) filters: Filters,
}

/// Records an event, for whoever wants it. Cheap if nobody does: one load and one branch; but arguments are computed
/// before, so ask [`EventClass::is_enabled`] first where they cost something.
#[inline(always)]
pub fn record<P: Payload + ?Sized>(class: &'static EventClass, payload: &P) {
    if class.is_enabled() {
        record_enabled(class, payload);
    }
}

/// As [`record`], where it is known that somebody wants the event.
#[inline(always)]
pub(crate) fn record_enabled<P: Payload + ?Sized>(class: &'static EventClass, payload: &P) {
    record_at(class, payload, here());
}

/// An address inside the function that this is inlined into.
#[inline(always)]
fn here() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        let ip: u64;
        // SAFETY: takes the address of the next instruction, nothing else.
        unsafe { std::arch::asm!("lea {}, [rip]", out(reg) ip, options(nomem, nostack, preserves_flags)) };
        ip
    }
    #[cfg(target_arch = "aarch64")]
    {
        let ip: u64;
        // SAFETY: as above.
        unsafe { std::arch::asm!("adr {}, .", out(reg) ip, options(nomem, nostack, preserves_flags)) };
        ip
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    0
}

#[inline(never)]
fn record_at<P: Payload + ?Sized>(class: &'static EventClass, payload: &P, ip: u64) {
    let stay = Stay::begin();
    // SAFETY: we stay.
    let Some(recorders) = (unsafe { class.recorders() }) else { return };
    match recorders.simple() {
        // The usual case, and what is made for each type of payload anew.
        Some(recorder) => recorder.channel.record_bare(stay.cpu(), recorder.event_id, payload),
        None => recorders.record(&payload, &Moment { cpu: stay.cpu(), ip }),
    }
}

impl Recorders {
    pub(crate) fn new(recorders: Box<[Recorder]>, notifiers: Box<[Arc<Notifier>]>) -> Self {
        let is_simple = notifiers.is_empty()
            && matches!(&*recorders, [one] if one.filters.is_none() && one.channel.contexts.is_empty());
        Recorders { is_simple, recorders, notifiers }
    }

    /// Whether there is nobody.
    pub(crate) fn is_empty(&self) -> bool {
        self.recorders.is_empty() && self.notifiers.is_empty()
    }

    #[inline(always)]
    fn simple(&self) -> Option<&Recorder> {
        if self.is_simple { self.recorders.first() } else { None }
    }

    /// Records an event for these, and nobody else.
    #[inline(never)]
    pub(crate) fn record(&self, payload: &dyn Payload, moment: &Moment) {
        for recorder in &self.recorders {
            if recorder.filters.accept(payload, moment) {
                recorder.channel.record(moment, recorder.event_id, payload);
            }
        }
        for notifier in &self.notifiers {
            if notifier.filters.accept(payload, moment) {
                notifier.notify(payload, moment);
            }
        }
    }
}
