//! Many events at a time: the loop that passes over the events of a packet, one after the other, as far as they are of
//! the usual shapes. What is not is left to [`StreamDecoder::event`], which knows them all.
//!
//! Usual are LTTng's short event headers, and events that take a known number of bytes, or that and some strings. Such
//! an event costs one look at its header, one comparison with the end of the packet, and a search for each NUL.

use super::nul::find_nul;
use super::packet::{PassedEvent, StreamDecoder};
use super::program::{Machine, ShortHeader, Step, extended};
use crate::types::ByteOrder;

/// What follows the header of one kind of event, if that starts at a byte: small, since it is looked up for each event,
/// and where the next one starts is known only then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    /// The bytes before the first string, or all if there is none.
    first: u32,
    /// How many strings there are, or [`STEPS`].
    strings: u32,
    /// The bytes after the only string; of several, where in [`Tails::gaps`] the bytes after each of them are.
    gaps: u32,
}

/// In place of a number of strings: something else, whose steps have to run.
const STEPS: u32 = u32::MAX;

/// What follows the headers of all kinds of events of a stream.
#[derive(Debug, Default)]
pub(super) struct Tails {
    /// By class.
    tails: Vec<Tail>,
    gaps: Vec<u32>,
}

impl Tails {
    /// Adds the next class.
    pub(super) fn add(&mut self, steps: &[Step]) {
        let gaps = self.gaps.len();
        let tail = self.tail(steps).unwrap_or_else(|| {
            self.gaps.truncate(gaps);
            Tail { first: 0, strings: STEPS, gaps: 0 }
        });
        self.tails.push(tail);
    }

    fn tail(&mut self, steps: &[Step]) -> Option<Tail> {
        let mut tail = Tail { first: 0, strings: 0, gaps: self.gaps.len().try_into().ok()? };
        for step in steps {
            match step {
                Step::Skip(bits) if bits % 8 == 0 => {
                    let bytes = match self.gaps.last_mut() {
                        Some(gap) if tail.strings > 0 => gap,
                        _ => &mut tail.first,
                    };
                    // More than any event may have.
                    *bytes = bytes.checked_add((bits / 8).try_into().ok()?)?;
                }
                // Where an event starts at a byte, so do its parts.
                Step::Align(8) => {}
                Step::String => {
                    tail.strings += 1;
                    self.gaps.push(0);
                }
                _ => return None,
            }
        }
        if tail.strings == 1 {
            tail.gaps = self.gaps.pop()?;
        }
        Some(tail)
    }
}

/// What stands in a short event header.
struct Head {
    id: u16,
    low_time: u64,
}

impl StreamDecoder {
    /// Passes over events, as far as they fit and are right and `accept` takes them (with where each ends, and
    /// the clock after it), at most `most`. The machine stands
    /// before the one that is not passed. The slots are those of the last event.
    #[inline]
    pub(crate) fn pass_many(
        &self,
        machine: &mut Machine<'_>,
        slots: &mut [u64],
        most: usize,
        mut accept: impl FnMut(PassedEvent, u64, u64) -> bool,
    ) {
        let mut left = most;
        // Who refers to the header of an event finds it in the slots.
        if self.header_is_referred_to {
            left = left.min(1);
        }
        while left > 0 && machine.has_more() {
            if !self.header_is_referred_to {
                let taken = match self.short_header {
                    Some(ShortHeader::Large(ByteOrder::Little)) => {
                        let head = |bytes: &[u8; 6]| Head {
                            id: u16::from_le_bytes([bytes[0], bytes[1]]),
                            low_time: u32::from_le_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]).into(),
                        };
                        self.pass_short(head, (u16::MAX, 32), machine, slots, left, &mut accept)
                    }
                    Some(ShortHeader::Large(ByteOrder::Big)) => {
                        let head = |bytes: &[u8; 6]| Head {
                            id: u16::from_be_bytes([bytes[0], bytes[1]]),
                            low_time: u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]]).into(),
                        };
                        self.pass_short(head, (u16::MAX, 32), machine, slots, left, &mut accept)
                    }
                    Some(ShortHeader::Compact) => {
                        let head = |bytes: &[u8; 4]| {
                            let word = u32::from_le_bytes(*bytes);
                            Head { id: (word & 31) as u16, low_time: (word >> 5).into() }
                        };
                        self.pass_short(head, (31, 27), machine, slots, left, &mut accept)
                    }
                    None => 0,
                };
                left -= taken;
                if left == 0 || !machine.has_more() {
                    return;
                }
            }
            // One of no usual shape, or the one at which this ends.
            let mut slow = Machine { ..*machine };
            match self.event(&mut slow, slots) {
                Ok(event) if accept(event, slow.at, slow.time) => {
                    (machine.at, machine.time) = (slow.at, slow.time)
                }
                _ => return,
            }
            left -= 1;
        }
    }

    /// Passes over events with short headers, of `N` bytes with a time of `time_bits`; the id `long_id` means a long
    /// one. Gives how many were passed.
    #[inline]
    fn pass_short<const N: usize>(
        &self,
        head: impl Fn(&[u8; N]) -> Head,
        (long_id, time_bits): (u16, u8),
        machine: &mut Machine<'_>,
        slots: &mut [u64],
        most: usize,
        accept: &mut impl FnMut(PassedEvent, u64, u64) -> bool,
    ) -> usize {
        if !machine.at.is_multiple_of(8) {
            return 0;
        }
        // In variables of its own, which stay in registers.
        let content = &machine.packet[..(machine.end / 8) as usize];
        let (mut at, mut time) = ((machine.at / 8) as usize, machine.time);
        let mut taken = 0;
        while taken < most {
            let Some(bytes) = content.get(at..).and_then(|rest| rest.first_chunk::<N>()) else { break };
            let Head { id, low_time } = head(bytes);
            let class = match self.ids.position(id.into()) {
                Some(class) if id != long_id => class,
                _ => break,
            };
            let mut now = extended(time, low_time, time_bits);
            let body = at + N;
            let event = PassedEvent { class, time: now, body: body as u64 * 8 };
            let tail = self.tails.tails[class];
            let mut end = body + tail.first as usize;
            if tail.strings == STEPS {
                let mut steps =
                    Machine { packet: machine.packet, end: machine.end, at: event.body, time: now };
                if steps.run(&self.events[class].steps, slots).is_err() || !steps.at.is_multiple_of(8) {
                    break;
                }
                now = steps.time;
                end = (steps.at / 8) as usize;
            } else if tail.strings > 0 {
                match self.tails.after_strings(content, end, tail) {
                    Some(after) => end = after,
                    None => break,
                }
            }
            if end > content.len() || !accept(event, end as u64 * 8, now) {
                break;
            }
            (at, time) = (end, now);
            taken += 1;
        }
        (machine.at, machine.time) = (at as u64 * 8, time);
        taken
    }
}

impl Tails {
    /// Where an event ends whose first string starts at `at`.
    #[inline]
    fn after_strings(&self, content: &[u8], mut at: usize, tail: Tail) -> Option<usize> {
        if tail.strings == 1 {
            return Some(at + find_nul(content.get(at..)?)? + 1 + tail.gaps as usize);
        }
        let gaps = tail.gaps as usize;
        for gap in &self.gaps[gaps..gaps + tail.strings as usize] {
            at += find_nul(content.get(at..)?)? + 1 + *gap as usize;
        }
        Some(at)
    }
}
