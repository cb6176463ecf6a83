//! Event notifiers: an event that a trigger waits for is told to the session daemon at once, through a pipe, with the
//! values that the trigger captures (`docs/spec/ust-protocol.md`, sections 11 and 12).

use std::sync::Arc;

use rttng_filter::{Outcome, Target, Value as FilterValue};
use rttng_ring::{Mapping, Memory, SlotWriter};
use rttng_wire::ust::{CounterBitness, MAX_CAPTURES_LEN, NOTIFICATION_HEADER_LEN};

use crate::context::Moment;
use crate::descriptor::Descriptor;
use crate::filter::{Filters, Linked, Values};
use crate::payload::{FieldView, Payload};
use crate::signals;

/// The group of an application's notifiers at one session daemon.
#[derive(Debug)]
pub(crate) struct Group {
    /// Write end of the daemon's pipe.
    pub(crate) pipe: Descriptor,
}

/// Counts notifications that were lost, in memory shared with the session daemon: one mapping for each CPU.
#[derive(Debug)]
pub(crate) struct ErrorCounter {
    pub(crate) cpus: Vec<Option<Mapping>>,
    pub(crate) elements: u64,
    pub(crate) bitness: CounterBitness,
}

impl ErrorCounter {
    fn add(&self, cpu: u32, index: u64) {
        let Some(Some(memory)) = self.cpus.get(cpu as usize) else { return };
        if index >= self.elements {
            return;
        }
        match self.bitness {
            CounterBitness::Bits64 => {
                memory.add(index as usize * 8, 1);
            }
            CounterBitness::Bits32 => {
                // Two counters share a word: the one that is meant goes up, the other one stays.
                let at = index as usize / 2 * 8;
                let shift = if index.is_multiple_of(2) == cfg!(target_endian = "little") { 0 } else { 32 };
                let mut word = memory.load(at);
                for _ in 0..1000 {
                    let next = ((word >> shift) as u32).wrapping_add(1);
                    let new = word & !(u64::from(u32::MAX) << shift) | u64::from(next) << shift;
                    match memory.compare_exchange(at, word, new) {
                        Ok(_) => return,
                        Err(found) => word = found,
                    }
                }
            }
        }
    }
}

/// A notifier for one kind of event.
#[derive(Debug)]
pub(crate) struct Notifier {
    pub(crate) group: Arc<Group>,
    pub(crate) token: u64,
    pub(crate) filters: Filters,
    pub(crate) captures: Box<[Option<Arc<Linked>>]>,
    /// Which fields of the event are enumerations.
    pub(crate) enumerations: Box<[bool]>,
    pub(crate) counter: Option<Arc<ErrorCounter>>,
    pub(crate) counter_index: u64,
}

impl Notifier {
    /// Tells the session daemon.
    #[cold]
    pub(crate) fn notify(&self, payload: &dyn Payload, moment: &Moment) {
        let mut message = [0; NOTIFICATION_HEADER_LEN + MAX_CAPTURES_LEN];
        let (header, room) = message.split_at_mut(NOTIFICATION_HEADER_LEN);
        let mut pack = Pack { to: SlotWriter::over(room) };
        if !self.captures.is_empty() {
            pack.array(self.captures.len());
        }
        for (at, capture) in self.captures.iter().enumerate() {
            // Each capture behind this one needs at least one byte.
            let spare = self.captures.len() - at - 1;
            match capture {
                Some(linked) => self.capture(linked, payload, moment, &mut pack, spare),
                None => pack.nil(),
            }
        }
        let captures = MAX_CAPTURES_LEN - pack.to.left();
        header[..8].copy_from_slice(&self.token.to_ne_bytes());
        header[8..10].copy_from_slice(&(captures as u16).to_ne_bytes());
        let message = &message[..NOTIFICATION_HEADER_LEN + captures];
        let sent = self.group.pipe.get().is_some_and(|pipe| signals::write_whole(pipe, message));
        if !sent && let Some(counter) = &self.counter {
            counter.add(moment.cpu, self.counter_index);
        }
    }

    fn capture(
        &self,
        linked: &Linked,
        payload: &dyn Payload,
        moment: &Moment,
        pack: &mut Pack<'_>,
        spare: usize,
    ) {
        linked.with_values(payload, moment, |values| self.capture_of(linked, values, pack, spare));
    }

    fn capture_of(&self, linked: &Linked, values: &Values<'_>, pack: &mut Pack<'_>, spare: usize) {
        let (view, is_enumeration) = match linked.program.run(values) {
            Err(_) => return pack.nil(),
            Ok(Outcome::Value(value)) => (field_view(value), false),
            Ok(Outcome::Reference(target)) => match target {
                Target::Payload(field) => {
                    let is_enumeration = self.enumerations.get(field as usize).copied().unwrap_or(false);
                    (values.payload_view(field), is_enumeration)
                }
                Target::Element(field, index) => (values.element_view(field, index), false),
                Target::Context(context) => (values.context_view(context), false),
                Target::AppContext(context) => (values.app_view(context), false),
            },
        };
        if packed_len(view, is_enumeration) + spare > pack.to.left() {
            return pack.nil();
        }
        if is_enumeration {
            pack.map(2);
            pack.text(b"type");
            pack.text(b"enum");
            pack.text(b"value");
        }
        pack.view(view);
    }
}

fn field_view(value: FilterValue<'_>) -> FieldView<'_> {
    match value {
        FilterValue::Signed(value) => FieldView::Signed(value),
        FilterValue::Unsigned(value) => FieldView::Unsigned(value),
        FilterValue::Double(value) => FieldView::Double(value),
        FilterValue::Text(text) => FieldView::Text(text),
        FilterValue::None => FieldView::None,
    }
}

/// Bytes that a value may take.
fn packed_len(view: FieldView<'_>, is_enumeration: bool) -> usize {
    let len = match view {
        FieldView::Text(text) => 3 + text.len(),
        FieldView::Elements(elements) => 3 + 9 * elements.count(),
        _ => 9,
    };
    if is_enumeration { len + 17 } else { len }
}

/// Writes MessagePack as lttng-ust does: big-endian, strings without the 8-bit form.
struct Pack<'m> {
    to: SlotWriter<'m>,
}

impl Pack<'_> {
    fn nil(&mut self) {
        self.to.array([0xc0]);
    }

    fn array(&mut self, count: usize) {
        match count {
            0..=15 => self.to.array([0x90 | count as u8]),
            _ => {
                self.to.array([0xdc]);
                self.to.array((count as u16).to_be_bytes());
            }
        }
    }

    fn map(&mut self, count: u8) {
        self.to.array([0x80 | count]);
    }

    fn text(&mut self, text: &[u8]) {
        match text.len() {
            0..=31 => self.to.array([0xa0 | text.len() as u8]),
            len => {
                self.to.array([0xda]);
                self.to.array((len as u16).to_be_bytes());
            }
        }
        self.to.bytes(text);
    }

    fn unsigned(&mut self, value: u64) {
        match value {
            0..=0x7f => self.to.array([value as u8]),
            0x80..=0xff => self.to.array([0xcc, value as u8]),
            0x100..=0xffff => {
                self.to.array([0xcd]);
                self.to.array((value as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.to.array([0xce]);
                self.to.array((value as u32).to_be_bytes());
            }
            _ => {
                self.to.array([0xcf]);
                self.to.array(value.to_be_bytes());
            }
        }
    }

    fn signed(&mut self, value: i64) {
        if (-32..=127).contains(&value) {
            self.to.array([value as u8]);
        } else if let Ok(value) = i8::try_from(value) {
            self.to.array([0xd0, value as u8]);
        } else if let Ok(value) = i16::try_from(value) {
            self.to.array([0xd1]);
            self.to.array(value.to_be_bytes());
        } else if let Ok(value) = i32::try_from(value) {
            self.to.array([0xd2]);
            self.to.array(value.to_be_bytes());
        } else {
            self.to.array([0xd3]);
            self.to.array(value.to_be_bytes());
        }
    }

    fn view(&mut self, view: FieldView<'_>) {
        match view {
            FieldView::Signed(value) => self.signed(value),
            FieldView::Unsigned(value) => self.unsigned(value),
            FieldView::Double(value) => {
                self.to.array([0xcb]);
                self.to.array(value.to_be_bytes());
            }
            FieldView::Text(text) => {
                let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
                self.text(&text[..end]);
            }
            FieldView::Elements(elements) => {
                self.array(elements.count());
                for at in 0..elements.count() {
                    self.view(match elements.element(at) {
                        FieldView::Elements(_) => FieldView::None,
                        element => element,
                    });
                }
            }
            FieldView::None => self.nil(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(views: &[FieldView<'_>]) -> Vec<u8> {
        let mut bytes = [0; 256];
        let mut pack = Pack { to: SlotWriter::over(&mut bytes) };
        views.iter().for_each(|view| pack.view(*view));
        let len = 256 - pack.to.left();
        bytes[..len].to_vec()
    }

    /// The values of section 20 of the specification, and the edges of section 11.
    #[test]
    fn values_are_packed_as_the_real_tracer_does() {
        assert_eq!(packed(&[FieldView::Double(1.5)]), [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
        assert_eq!(packed(&[FieldView::Text(b"hello")]), *b"\xa5hello");
        let array: &[i16] = &[-1, 2, 300];
        assert_eq!(packed(&[FieldView::Elements(&array)]), [0x93, 0xff, 2, 0xd1, 1, 0x2c]);
        let bytes: &[u8] = &[200, 1, 2, 3, 4];
        assert_eq!(packed(&[FieldView::Elements(&bytes)]), [0x95, 0xcc, 0xc8, 1, 2, 3, 4]);
        assert_eq!(packed(&[FieldView::Signed(20556)]), [0xd1, 0x50, 0x4c]);
        assert_eq!(packed(&[FieldView::Signed(200)]), [0xd1, 0, 200]);
        assert_eq!(packed(&[FieldView::Signed(-32), FieldView::Signed(-33)]), [0xe0, 0xd0, 0xdf]);
        assert_eq!(packed(&[FieldView::Text(&[b'x'; 40])])[..3], [0xda, 0, 40]);
        assert_eq!(packed(&[FieldView::None]), [0xc0]);
    }
}
