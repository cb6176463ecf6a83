//! A packet while it is put together: bits, one value after the other.

use crate::decode::Bits;
use crate::types::ByteOrder;

/// Takes values from the start of a packet to its end. What is complete can be taken off while it grows.
#[derive(Debug, Clone, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Where `bytes` starts in the packet, in bytes.
    taken: u64,
    /// Where the next value goes, in bits from the start of the packet.
    at: u64,
}

impl BitWriter {
    /// Where the next value goes, in bits from the start of the packet.
    #[inline]
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The bytes that were not taken off yet.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where [`BitWriter::bytes`] starts in the packet, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.taken
    }

    /// Back to the start of a packet.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.taken = 0;
        self.at = 0;
    }

    /// Forgets the bytes that no later value can change.
    pub(super) fn take_off(&mut self) {
        let whole = (self.at / 8 - self.taken) as usize;
        self.bytes.drain(..whole.min(self.bytes.len()));
        self.taken += whole as u64;
    }

    /// Goes on to the next multiple of that many bits, a power of two; what is passed over is 0.
    #[inline]
    pub(super) fn align(&mut self, bits: u32) {
        let mask = u64::from(bits.max(1)) - 1;
        self.skip(self.at.wrapping_neg() & mask);
    }

    /// Passes over that many bits, which are 0.
    #[inline]
    pub(super) fn skip(&mut self, bits: u64) {
        if bits > 0 {
            self.at += bits;
            let length = (self.at.div_ceil(8) - self.taken) as usize;
            if self.bytes.len() < length {
                self.bytes.resize(length, 0);
            }
        }
    }

    /// Puts whole bytes. It stands at a byte.
    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        debug_assert!(self.at.is_multiple_of(8));
        let first = (self.at / 8 - self.taken) as usize;
        self.bytes.truncate(first);
        self.bytes.extend_from_slice(bytes);
        self.at += bytes.len() as u64 * 8;
    }

    /// Puts the low `bits.size` bits of `value`.
    pub(super) fn integer(&mut self, value: u64, bits: Bits) {
        let (start, size) = (self.at, u32::from(bits.size));
        self.skip(u64::from(size));
        let first = (start / 8 - self.taken) as usize;
        let before = (start % 8) as u32;
        let value = u128::from(value) & ((1u128 << size) - 1);
        // At most 9 bytes.
        let count = (before + size).div_ceil(8) as usize;
        let bytes = &mut self.bytes[first..first + count];
        match bits.order {
            ByteOrder::Little => {
                let value = value << before;
                bytes.iter_mut().enumerate().for_each(|(at, byte)| *byte |= (value >> (8 * at)) as u8);
            }
            ByteOrder::Big => {
                let value = value << (count as u32 * 8 - before - size);
                bytes.iter_mut().rev().enumerate().for_each(|(at, byte)| *byte |= (value >> (8 * at)) as u8);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Machine;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_are_read_where_they_were_written(
            values in prop::collection::vec((any::<u64>(), 1u8..=64, any::<bool>(), 0u32..7), 1..40),
            big in any::<bool>(),
            taken in any::<bool>(),
        ) {
            let order = if big { ByteOrder::Big } else { ByteOrder::Little };
            let bits = |size: u8, signed: bool| Bits { size, order, signed };
            let (mut writer, mut packet) = (BitWriter::default(), Vec::new());
            for (value, size, signed, align) in &values {
                writer.align(1 << align);
                writer.integer(*value, bits(*size, *signed));
                if taken {
                    packet.truncate(writer.offset() as usize);
                    packet.extend_from_slice(writer.bytes());
                    writer.take_off();
                }
            }
            packet.truncate(writer.offset() as usize);
            packet.extend_from_slice(writer.bytes());
            prop_assert_eq!(packet.len() as u64, writer.at().div_ceil(8));
            let mut machine = Machine::new(&packet, u64::MAX);
            for (value, size, signed, align) in values {
                machine.skip(machine.at.wrapping_neg() & ((1 << align) - 1)).unwrap();
                let wanted = if signed {
                    ((value << (64 - size)) as i64 >> (64 - size)) as u64
                } else {
                    value & (u64::MAX >> (64 - size))
                };
                prop_assert_eq!(machine.integer(bits(size, signed)).unwrap(), wanted);
            }
        }
    }
}
