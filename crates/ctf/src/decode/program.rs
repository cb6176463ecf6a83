//! Compiled types: the steps, and the machine that runs them over the bits of a packet.

use super::ctf2::Extra;
use super::nul::find_nul;
use crate::types::{ByteOrder, Integer};

/// Why the bits of a packet are not what the metadata says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field reaches past the end of the content.
    #[error("a field at bit {at} reaches past the end of the packet's content")]
    Truncated {
        /// Where the field starts, in bits from the start of the packet.
        at: u64,
    },
    /// No option of a variant has the label of its tag.
    #[error("the variant at bit {at} has no option for the value of its tag")]
    NoOption {
        /// Where the variant starts, in bits from the start of the packet.
        at: u64,
    },
    /// The event's id is that of no event class.
    #[error("the event at bit {at} has the id {id}, which the metadata does not know")]
    UnknownEvent {
        /// Where the event starts, in bits from the start of the packet.
        at: u64,
        /// Its id.
        id: u64,
    },
    /// More elements without any bits than anybody wants to see.
    #[error("an array at bit {at} has more than 65536 elements without size")]
    EmptyElements {
        /// Where it is, in bits from the start of the packet.
        at: u64,
    },
    /// A variable-length integer that does not fit 64 bits.
    #[error("the variable-length integer at bit {at} has more than 64 bits")]
    Oversized {
        /// Where it starts, in bits from the start of the packet.
        at: u64,
    },
    /// Events without any bits: nobody knows how many there are.
    #[error("events without size at bit {at}")]
    EmptyEvent {
        /// Where they are, in bits from the start of the packet.
        at: u64,
    },
}

impl DecodeError {
    /// The same error, of bits that are `by` further in the packet than where they were read.
    pub(crate) fn moved(mut self, by: u64) -> DecodeError {
        match &mut self {
            DecodeError::Truncated { at }
            | DecodeError::NoOption { at }
            | DecodeError::UnknownEvent { at, .. }
            | DecodeError::EmptyElements { at }
            | DecodeError::Oversized { at }
            | DecodeError::EmptyEvent { at } => *at = at.saturating_add(by),
        }
        self
    }
}

/// One of the integers that the machine keeps.
pub(crate) type Slot = u16;

/// An integer as it lies in the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bits {
    pub(crate) size: u8,
    pub(crate) order: ByteOrder,
    pub(crate) signed: bool,
}

impl Bits {
    pub(crate) fn of(integer: &Integer) -> Bits {
        let size = integer.size_bits.clamp(1, 64) as u8;
        Bits { size, order: integer.byte_order, signed: integer.signed }
    }
}

/// How often a loop runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Fixed(u64),
    Recorded(Slot),
}

/// What to do with the next bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Go on to the next multiple of that many bits, a power of two.
    Align(u32),
    /// Pass over bits.
    Skip(u64),
    /// Keep an integer.
    Read { slot: Slot, bits: Bits },
    /// Take an integer as the low bits of the time.
    ReadTime(Bits),
    /// Pass over bytes up to and with the next NUL.
    String,
    /// Pass over elements of `size` bits, one every `stride` bits.
    SkipElements { count: Slot, size: u64, stride: u64 },
    /// Run steps several times.
    Repeat { count: Count, body: Box<[Step]> },
    /// Run the steps of the option that the tag names.
    Select { tag: Slot, options: Box<Options> },
    /// What only CTF 2 has.
    Extra(Box<Extra>),
}

impl Step {
    /// Calls `each` with every slot that is used here or within.
    pub(crate) fn slots(&mut self, each: &mut impl FnMut(&mut Slot)) {
        match self {
            Step::Align(_) | Step::Skip(_) | Step::ReadTime(_) | Step::String => {}
            Step::Read { slot, .. } => each(slot),
            Step::SkipElements { count, .. } => each(count),
            Step::Repeat { count, body } => {
                if let Count::Recorded(slot) = count {
                    each(slot);
                }
                body.iter_mut().for_each(|step| step.slots(each));
            }
            Step::Select { tag, options } => {
                each(tag);
                options.steps.iter_mut().flatten().for_each(|step| step.slots(each));
            }
            Step::Extra(extra) => extra.slot().into_iter().for_each(each),
        }
    }
}

/// The options of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Values of the tag, both ends included, as [`sort_key`]s, with the option's number.
    pub(crate) ranges: Vec<(u64, u64, usize)>,
    /// The steps of each option.
    pub(crate) steps: Vec<Box<[Step]>>,
    /// Whether the tag is signed.
    pub(crate) signed: bool,
}

impl Options {
    /// Those of a field that is there for values in `ranges`, and else is not.
    pub(crate) fn optional(ranges: &[(u64, u64)], content: Box<[Step]>, signed: bool) -> Options {
        let mut ranges: Vec<_> = ranges.iter().map(|(first, last)| (*first, *last, 0)).collect();
        // The first range that fits counts: for all other values there is nothing.
        ranges.push((0, u64::MAX, 1));
        Options { ranges, steps: vec![content, Box::default()], signed }
    }
}

/// Maps the bits of a signed or unsigned integer to a number that sorts as it does.
pub(crate) fn sort_key(value: u64, signed: bool) -> u64 {
    if signed { value ^ (1 << 63) } else { value }
}

/// Runs steps over the bits of one packet.
#[derive(Debug)]
pub(crate) struct Machine<'p> {
    pub(crate) packet: &'p [u8],
    /// End of the content, in bits; at most the bits of `packet`.
    pub(crate) end: u64,
    /// Where it stands, in bits.
    pub(crate) at: u64,
    /// The clock, in cycles.
    pub(crate) time: u64,
}

impl<'p> Machine<'p> {
    /// Stands at the start of `packet`, whose content is `content_bits` long.
    pub(crate) fn new(packet: &'p [u8], content_bits: u64) -> Machine<'p> {
        let end = content_bits.min(packet.len() as u64 * 8);
        Machine { packet, end, at: 0, time: 0 }
    }

    /// Whether content is left.
    pub(crate) fn has_more(&self) -> bool {
        self.at < self.end
    }

    /// Runs the steps, front to back. On an error it stands where the field at fault starts.
    pub(crate) fn run(&mut self, steps: &[Step], slots: &mut [u64]) -> Result<(), DecodeError> {
        for step in steps {
            match step {
                Step::Align(bits) => {
                    // Alignments are powers of two.
                    let mask = u64::from(*bits) - 1;
                    self.skip(self.at.wrapping_neg() & mask)?;
                }
                Step::Skip(bits) => self.skip(*bits)?,
                Step::Read { slot, bits } => slots[usize::from(*slot)] = self.integer(*bits)?,
                Step::ReadTime(bits) => {
                    let low = self.integer(*bits)?;
                    self.time = extended(self.time, low, bits.size);
                }
                Step::String => self.string()?,
                Step::SkipElements { count, size, stride } => {
                    if let Some(more) = slots[usize::from(*count)].checked_sub(1) {
                        let bits = more.checked_mul(*stride).and_then(|bits| bits.checked_add(*size));
                        self.skip(bits.unwrap_or(u64::MAX))?;
                    }
                }
                Step::Repeat { count, body } => {
                    let count = match count {
                        Count::Fixed(count) => *count,
                        Count::Recorded(slot) => slots[usize::from(*slot)],
                    };
                    for _ in 0..count {
                        let start = self.at;
                        self.run(body, slots)?;
                        // A round that took nothing changed nothing, so the others would not either.
                        if self.at == start {
                            break;
                        }
                    }
                }
                Step::Select { tag, options } => {
                    let key = sort_key(slots[usize::from(*tag)], options.signed);
                    let found =
                        options.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&key));
                    let Some((_, _, option)) = found else {
                        return Err(DecodeError::NoOption { at: self.at });
                    };
                    self.run(&options.steps[*option], slots)?;
                }
                Step::Extra(extra) => self.extra(extra, slots)?,
            }
        }
        Ok(())
    }

    /// Takes the short form of an event header that LTTng declares: its id, the time advanced. Nothing, and nothing
    /// taken, if it is the long form or does not fit.
    #[inline]
    pub(crate) fn short_header(&mut self, form: ShortHeader) -> Option<u64> {
        let size = match form {
            ShortHeader::Large(_) => 48,
            ShortHeader::Compact => 32,
        };
        if !self.at.is_multiple_of(8) || self.end - self.at < size {
            return None;
        }
        let first = (self.at / 8) as usize;
        let (id, low, bits) = match form {
            ShortHeader::Large(ByteOrder::Little) => {
                (u16::from_le_bytes(self.bytes(first)), u32::from_le_bytes(self.bytes(first + 2)), 32)
            }
            ShortHeader::Large(ByteOrder::Big) => {
                (u16::from_be_bytes(self.bytes(first)), u32::from_be_bytes(self.bytes(first + 2)), 32)
            }
            ShortHeader::Compact => {
                let word = u32::from_le_bytes(self.bytes(first));
                ((word & 31) as u16, word >> 5, 27)
            }
        };
        let is_long = match form {
            ShortHeader::Large(_) => id == u16::MAX,
            ShortHeader::Compact => id == 31,
        };
        if is_long {
            return None;
        }
        self.time = extended(self.time, u64::from(low), bits);
        self.at += size;
        Some(u64::from(id))
    }

    #[inline]
    pub(crate) fn skip(&mut self, bits: u64) -> Result<(), DecodeError> {
        // `at` never exceeds `end`.
        if bits > self.end - self.at {
            return Err(DecodeError::Truncated { at: self.at });
        }
        self.at += bits;
        Ok(())
    }

    fn string(&mut self) -> Result<(), DecodeError> {
        self.take_string().map(|_| ())
    }

    /// Takes bytes up to the next NUL, and passes over that. It stands at a byte.
    #[inline]
    pub(crate) fn take_string(&mut self) -> Result<&'p [u8], DecodeError> {
        let truncated = DecodeError::Truncated { at: self.at };
        let packet: &'p [u8] = self.packet;
        let content = &packet[(self.at / 8) as usize..(self.end / 8) as usize];
        let text = find_nul(content).map(|length| &content[..length]).ok_or(truncated)?;
        self.skip(text.len() as u64 * 8 + 8)?;
        Ok(text)
    }

    /// Takes whole bytes. It stands at a byte.
    #[inline]
    pub(crate) fn take_bytes(&mut self, count: u64) -> Result<&'p [u8], DecodeError> {
        let first = (self.at / 8) as usize;
        self.skip(count.saturating_mul(8))?;
        let packet: &'p [u8] = self.packet;
        Ok(&packet[first..first + count as usize])
    }

    /// Takes text of so many bytes, up to the first NUL among them. It stands at a byte.
    #[inline]
    pub(crate) fn take_text(&mut self, count: u64) -> Result<&'p [u8], DecodeError> {
        let bytes = self.take_bytes(count)?;
        Ok(&bytes[..find_nul(bytes).unwrap_or(bytes.len())])
    }

    /// Takes a floating point number of 32 or 64 bits.
    #[inline]
    pub(crate) fn float(&mut self, size: u8, order: ByteOrder) -> Result<f64, DecodeError> {
        let raw = self.integer(Bits { size, order, signed: false })?;
        Ok(if size == 32 { f64::from(f32::from_bits(raw as u32)) } else { f64::from_bits(raw) })
    }

    /// Takes a known number of whole bytes. It stands at a byte.
    #[inline]
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let first = (self.at / 8) as usize;
        self.skip(N as u64 * 8)?;
        Ok(self.bytes(first))
    }

    /// Takes an integer of at most 64 bits, sign-extended if it is signed.
    #[inline]
    pub(crate) fn integer(&mut self, bits: Bits) -> Result<u64, DecodeError> {
        let (start, size) = (self.at, u64::from(bits.size));
        self.skip(size)?;
        let first = (start / 8) as usize;
        let raw = match (bits.size, start % 8, bits.order) {
            (8, 0, _) => u64::from(self.packet[first]),
            (16, 0, ByteOrder::Little) => u64::from(u16::from_le_bytes(self.bytes(first))),
            (16, 0, ByteOrder::Big) => u64::from(u16::from_be_bytes(self.bytes(first))),
            (32, 0, ByteOrder::Little) => u64::from(u32::from_le_bytes(self.bytes(first))),
            (32, 0, ByteOrder::Big) => u64::from(u32::from_be_bytes(self.bytes(first))),
            (64, 0, ByteOrder::Little) => u64::from_le_bytes(self.bytes(first)),
            (64, 0, ByteOrder::Big) => u64::from_be_bytes(self.bytes(first)),
            _ => self.bit_field(start, bits),
        };
        if bits.signed && bits.size < 64 {
            let unused = 64 - u32::from(bits.size);
            return Ok(((raw << unused) as i64 >> unused) as u64);
        }
        Ok(raw)
    }

    /// The bytes from `first` on, which [`Machine::skip`] has found to be there.
    #[inline]
    fn bytes<const N: usize>(&self, first: usize) -> [u8; N] {
        self.packet[first..first + N].try_into().expect("N bytes")
    }

    /// Bits that start or end within a byte: from its least significant bit on in little-endian packets, from its most
    /// significant one in big-endian ones.
    fn bit_field(&self, start: u64, bits: Bits) -> u64 {
        let size = u32::from(bits.size);
        let last = ((start + u64::from(size) - 1) / 8) as usize;
        // At most 9 bytes.
        let bytes = &self.packet[(start / 8) as usize..=last];
        let before = (start % 8) as u32;
        let value = match bits.order {
            ByteOrder::Little => {
                bytes.iter().rev().fold(0u128, |value, byte| value << 8 | u128::from(*byte)) >> before
            }
            ByteOrder::Big => {
                let value = bytes.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
                value >> (bytes.len() as u32 * 8 - before - size)
            }
        };
        (value & ((1u128 << size) - 1)) as u64
    }
}

/// The event headers that LTTng declares for machines that pack to bytes, recognised so that they are read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShortHeader {
    /// 16 bits of id, 32 bits of time.
    Large(ByteOrder),
    /// 5 bits of id, 27 bits of time, little-endian.
    Compact,
}

/// The time whose low `size` bits are `low` and that is the next one not before `time`.
#[inline]
pub(crate) fn extended(time: u64, low: u64, size: u8) -> u64 {
    if size >= 64 {
        return low;
    }
    let period = 1u64 << size;
    let (high, low) = (time & !(period - 1), low & (period - 1));
    let same = high | low;
    if same < time { same.wrapping_add(period) } else { same }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(packet: &[u8], start: u64, size: u8, order: ByteOrder, signed: bool) -> u64 {
        let mut machine = Machine::new(packet, packet.len() as u64 * 8);
        machine.at = start;
        machine.integer(Bits { size, order, signed }).unwrap()
    }

    #[test]
    fn bit_fields_start_at_the_low_or_the_high_end_of_a_byte() {
        // 27 bits of time above 5 bits of id, as little-endian kernels write them.
        let word = (0x123_4567u32 << 5 | 0x1e).to_le_bytes();
        assert_eq!(read(&word, 0, 5, ByteOrder::Little, false), 0x1e);
        assert_eq!(read(&word, 5, 27, ByteOrder::Little, false), 0x123_4567);
        let word = (0x1eu32 << 27 | 0x123_4567).to_be_bytes();
        assert_eq!(read(&word, 0, 5, ByteOrder::Big, false), 0x1e);
        assert_eq!(read(&word, 5, 27, ByteOrder::Big, false), 0x123_4567);
        assert_eq!(read(&[0xff; 9], 3, 64, ByteOrder::Little, false), u64::MAX);
        assert_eq!(read(&[0b0000_0110], 1, 2, ByteOrder::Little, true), -1i64 as u64);
        assert_eq!(read(&[0x80, 0], 0, 16, ByteOrder::Big, true), -32768i64 as u64);
    }

    #[test]
    fn a_short_time_goes_on_from_the_one_before() {
        assert_eq!(extended(0x1_0000_0010, 0x20, 32), 0x1_0000_0020);
        assert_eq!(extended(0x1_0000_0010, 0x08, 32), 0x2_0000_0008);
        assert_eq!(extended(0x1_0000_0010, 0x10, 32), 0x1_0000_0010);
        assert_eq!(extended(5, 3, 64), 3);
    }

    #[test]
    fn a_loop_that_takes_nothing_ends() {
        let mut machine = Machine::new(&[], 0);
        let step = Step::Repeat { count: Count::Fixed(u64::MAX), body: Box::new([Step::Skip(0)]) };
        assert_eq!(machine.run(&[step], &mut []), Ok(()));
        let step = Step::Repeat { count: Count::Fixed(u64::MAX), body: Box::new([Step::Skip(1)]) };
        assert_eq!(machine.run(&[step], &mut []), Err(DecodeError::Truncated { at: 0 }));
    }
}
