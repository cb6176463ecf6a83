//! The fast path: what happens when an event is fired that somebody wants. Nothing here allocates, takes a lock or makes
//! a system call, but to wake the consumer daemon for a whole sub-buffer.

use std::sync::Arc;

use crate::channel::Channel;
use crate::class::EventClass;
use crate::context::Moment;
use crate::cpu;
use crate::filter::Filters;
use crate::grace::Stay;
use crate::notifier::Notifier;
use crate::payload::Payload;

/// Who records a kind of event at the moment: only those that would take an event now. Never changed; replaced as a whole.
#[derive(Debug)]
pub(crate) struct Recorders {
    pub(crate) recorders: Box<[Recorder]>,
    pub(crate) notifiers: Box<[Arc<Notifier>]>,
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
    let moment = Moment { cpu: cpu::current(), ip };
    let _stay = Stay::begin();
    // SAFETY: we stay.
    if let Some(recorders) = unsafe { class.recorders() } {
        recorders.record(payload, &moment);
    }
}

impl Recorders {
    /// Records an event for these, and nobody else.
    #[inline(always)]
    pub(crate) fn record<P: Payload + ?Sized>(&self, payload: &P, moment: &Moment) {
        let fields = Fields(payload);
        for recorder in &self.recorders {
            if !recorder.filters.accept(&fields, moment) {
                continue;
            }
            let size = payload.measure();
            recorder.channel.record(moment, recorder.event_id, size, |to| payload.write(to));
        }
        for notifier in &self.notifiers {
            if notifier.filters.accept(&fields, moment) {
                notifier.notify(&fields, moment);
            }
        }
    }
}

/// A payload behind a type that can be a trait object, whatever the payload is.
struct Fields<'p, P: ?Sized>(&'p P);

impl<P: Payload + ?Sized> crate::filter::FieldSource for Fields<'_, P> {
    fn field(&self, index: u32) -> crate::payload::FieldView<'_> {
        self.0.field(index)
    }
}
