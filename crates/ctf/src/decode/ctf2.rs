//! The steps that only CTF 2 needs. They are kept out of those of CTF 1.8, which stay small and quick.

use super::compile::Use;
use super::layout::{NodeId, Visit};
use super::program::{Bits, Count, DecodeError, Machine, Slot, extended, sort_key};
use super::show::Show;
use crate::ctf2::TextEncoding;

/// What to do with the next bits (see [`Step`](super::program::Step)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extra {
    /// Take an integer of as many bytes as it needs.
    Variable { signed: bool, what: Option<Use> },
    /// Take an integer whose bits are in the opposite order.
    Reversed { bits: Bits, what: Use },
    /// Pass over code units of so many bytes up to and with one of zeros.
    WideString { unit: usize },
}

impl Extra {
    /// The slot in which it keeps what it takes.
    pub(super) fn slot(&mut self) -> Option<&mut Slot> {
        match self {
            Extra::Variable { what: Some(Use::Keep(slot)), .. }
            | Extra::Reversed { what: Use::Keep(slot), .. } => Some(slot),
            _ => None,
        }
    }
}

/// What to show of the next bits (see [`Emit`](super::emit::Emit)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EmitExtra {
    /// Take an integer without showing it.
    Take(Extra),
    /// Show an integer of as many bytes as it needs.
    Variable { node: NodeId, signed: bool },
    /// Show an integer whose bits are in the opposite order.
    Reversed { node: NodeId, bits: Bits },
    /// Show a floating point number of 16 bits, or one whose bits are in the opposite order.
    Float { node: NodeId, bits: Bits, reversed: bool },
    /// Show whether any bit is set.
    Boolean { node: NodeId, bits: Bits },
    /// Show bits.
    Bits { node: NodeId, bits: Bits, reversed: bool },
    /// Show text up to a code unit of zeros.
    WideString { node: NodeId, encoding: TextEncoding },
    /// Show text of so many bytes.
    WideText { node: NodeId, encoding: TextEncoding, count: Count },
    /// Show bytes.
    Blob { node: NodeId, count: Count },
    /// Show what is there if the selector is in one of the ranges ([`sort_key`]s).
    Optional {
        node: NodeId,
        selector: Slot,
        signed: bool,
        ranges: Vec<(u64, u64)>,
        body: Box<[super::emit::Emit]>,
    },
}

impl<'p> Machine<'p> {
    #[cold]
    #[inline(never)]
    pub(super) fn extra(&mut self, extra: &Extra, slots: &mut [u64]) -> Result<(), DecodeError> {
        match extra {
            Extra::Variable { signed, what } => {
                let (value, size) = self.variable(*signed)?;
                match what {
                    Some(Use::Keep(slot)) => slots[usize::from(*slot)] = value,
                    Some(Use::Time) => self.time = extended(self.time, value, size),
                    None => {}
                }
            }
            Extra::Reversed { bits, what } => {
                let value = self.reversed(*bits)?;
                match what {
                    Use::Keep(slot) => slots[usize::from(*slot)] = value,
                    Use::Time => self.time = extended(self.time, value, bits.size),
                }
            }
            Extra::WideString { unit } => {
                self.wide_string(*unit)?;
            }
        }
        Ok(())
    }

    /// Takes an integer in LEB128, sign-extended if it is signed. Also how many bits it may tell of, at most 64. It stands
    /// at a byte.
    fn variable(&mut self, signed: bool) -> Result<(u64, u8), DecodeError> {
        let start = self.at;
        let (mut value, mut shift) = (0u128, 0u32);
        loop {
            let [byte] = self.take::<1>()?;
            let low = u128::from(byte & 0x7f);
            if shift < 120 {
                value |= low << shift;
                shift += 7;
            } else if low != if signed && value >> (shift - 1) & 1 == 1 { 0x7f } else { 0 } {
                // Bytes beyond that may only say the sign again.
                return Err(DecodeError::Oversized { at: start });
            }
            if byte & 0x80 == 0 {
                break;
            }
        }
        let size = shift.min(64) as u8;
        if signed {
            let unused = 128 - shift;
            let value = (value << unused) as i128 >> unused;
            let value = i64::try_from(value).map_err(|_| DecodeError::Oversized { at: start })?;
            return Ok((value as u64, size));
        }
        let value = u64::try_from(value).map_err(|_| DecodeError::Oversized { at: start })?;
        Ok((value, size))
    }

    /// Takes an integer whose bits are in the opposite order, sign-extended if it is signed.
    fn reversed(&mut self, bits: Bits) -> Result<u64, DecodeError> {
        let raw = self.integer(Bits { signed: false, ..bits })?;
        let unused = 64 - u32::from(bits.size);
        let value = raw.reverse_bits() >> unused;
        Ok(if bits.signed { ((value << unused) as i64 >> unused) as u64 } else { value })
    }

    /// Takes code units up to one of zeros, and passes over that. It stands at a byte.
    fn wide_string(&mut self, unit: usize) -> Result<&'p [u8], DecodeError> {
        let packet: &'p [u8] = self.packet;
        let content = &packet[(self.at / 8) as usize..(self.end / 8) as usize];
        let units = content.chunks_exact(unit).position(|unit| unit.iter().all(|byte| *byte == 0));
        let length = units.ok_or(DecodeError::Truncated { at: self.at })? * unit;
        self.skip((length + unit) as u64 * 8)?;
        Ok(&content[..length])
    }
}

/// The double of the same value as a half (IEEE 754 binary16).
pub(crate) fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN.copysign(sign),
        _ => sign * (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

impl<V: Visit> Show<'_, '_, '_, '_, V> {
    #[cold]
    #[inline(never)]
    pub(super) fn extra(&mut self, step: &EmitExtra) -> Result<(), DecodeError> {
        match step {
            EmitExtra::Take(extra) => self.machine.extra(extra, self.slots)?,
            EmitExtra::Variable { node, signed } => {
                self.last = self.machine.variable(*signed)?.0;
                self.integer(*node, *signed);
            }
            EmitExtra::Reversed { node, bits } => {
                self.last = self.machine.reversed(*bits)?;
                self.integer(*node, bits.signed);
            }
            EmitExtra::Float { node, bits, reversed } => {
                let raw = self.raw(*bits, *reversed)?;
                let value = match bits.size {
                    16 => half(raw as u16),
                    32 => f64::from(f32::from_bits(raw as u32)),
                    _ => f64::from_bits(raw),
                };
                self.visitor.float(*node, value);
            }
            EmitExtra::Boolean { node, bits } => {
                self.last = self.machine.integer(*bits)?;
                self.visitor.boolean(*node, self.last != 0);
            }
            EmitExtra::Bits { node, bits, reversed } => {
                let value = self.raw(*bits, *reversed)?;
                self.visitor.bits(*node, value);
            }
            EmitExtra::WideString { node, encoding } => {
                let bytes = self.machine.wide_string(encoding.unit_bytes())?;
                self.visitor.text(*node, encoding.decode(bytes).as_bytes());
            }
            EmitExtra::WideText { node, encoding, count } => {
                let bytes = self.machine.take_bytes(self.count(*count))?;
                self.visitor.text(*node, encoding.decode(bytes).as_bytes());
            }
            EmitExtra::Blob { node, count } => {
                let bytes = self.machine.take_bytes(self.count(*count))?;
                self.visitor.blob(*node, bytes);
            }
            EmitExtra::Optional { node, selector, signed, ranges, body } => {
                let key = sort_key(self.slots[usize::from(*selector)], *signed);
                self.visitor.begin(*node);
                if ranges.iter().any(|(first, last)| (*first..=*last).contains(&key)) {
                    self.run(body)?;
                }
                self.visitor.end(*node);
            }
        }
        Ok(())
    }

    fn integer(&mut self, node: NodeId, signed: bool) {
        if signed {
            self.visitor.signed(node, self.last as i64);
        } else {
            self.visitor.unsigned(node, self.last);
        }
    }

    fn raw(&mut self, bits: Bits, reversed: bool) -> Result<u64, DecodeError> {
        if reversed { self.machine.reversed(bits) } else { self.machine.integer(bits) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(bytes: &[u8], signed: bool) -> Result<(u64, u8), DecodeError> {
        Machine::new(bytes, bytes.len() as u64 * 8).variable(signed)
    }

    #[test]
    fn integers_take_as_many_bytes_as_they_need() {
        assert_eq!(variable(&[0xb4, 0xc7, 0x72], false), Ok((1_876_916, 21)));
        assert_eq!(variable(&[0xb4, 0xc7, 0x72], true), Ok((-220_236i64 as u64, 21)));
        assert_eq!(variable(&[0x80, 0x00], false), Ok((0, 14)));
        let most = [[0xff; 9].as_slice(), &[0x01]].concat();
        assert_eq!(variable(&most, false), Ok((u64::MAX, 64)));
        assert_eq!(variable(&most, true), Err(DecodeError::Oversized { at: 0 }));
        let least = [[0x80; 9].as_slice(), &[0x7f]].concat();
        assert_eq!(variable(&least, true), Ok((i64::MIN as u64, 64)));
        assert_eq!(variable(&least, false), Err(DecodeError::Oversized { at: 0 }));
        // The sign may be said over and over.
        assert_eq!(variable(&[[0xff; 40].as_slice(), &[0x7f]].concat(), true), Ok((u64::MAX, 64)));
        assert_eq!(variable(&[[0x80; 40].as_slice(), &[0x00]].concat(), false), Ok((0, 64)));
        assert_eq!(
            variable(&[[0x80; 40].as_slice(), &[0x01]].concat(), false),
            Err(DecodeError::Oversized { at: 0 })
        );
        assert_eq!(variable(&[0x80], false), Err(DecodeError::Truncated { at: 8 }));
    }

    #[test]
    fn halves_are_widened() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x0001, 2f64.powi(-24)),
            (0x7bff, 65504.0),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
