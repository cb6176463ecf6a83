//! Texts of which there are few different ones: each is kept once, and told by number.

/// Most texts that are told apart: with more, a dictionary does not pay.
pub(super) const MAX_DISTINCT: usize = 4096;

/// Most bytes of them together.
const MAX_BYTES: usize = 1 << 20;

/// The different texts among some, by number.
#[derive(Debug, Default)]
pub(super) struct Distinct {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Numbers plus one, by hash; 0 where there is none. Twice as many as texts, or more; a power of two.
    slots: Vec<u32>,
    last: u32,
}

impl Distinct {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The text of that number.
    pub(super) fn text(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.slots.fill(0);
        self.last = 0;
    }

    /// The number of a text; nothing if there are too many.
    #[inline]
    pub(super) fn number(&mut self, text: &[u8]) -> Option<u32> {
        if (self.last as usize) < self.len() && self.text(self.last) == text {
            return Some(self.last);
        }
        if self.slots.len() < 2 * self.len() + 2 {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash(text) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => break,
                found if self.text(found - 1) == text => {
                    self.last = found - 1;
                    return Some(self.last);
                }
                _ => slot = (slot + 1) & mask,
            }
        }
        if self.len() >= MAX_DISTINCT || self.bytes.len() + text.len() > MAX_BYTES {
            return None;
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        self.last = self.len() as u32 - 1;
        self.slots[slot] = self.last + 1;
        Some(self.last)
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.slots.len() * 4).max(64);
        let mut slots = vec![0; size];
        for number in 0..self.len() as u32 {
            let mut slot = hash(self.text(number)) as usize & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = number + 1;
        }
        self.slots = slots;
    }
}

/// A quick hash: who chooses texts to make it slow gains as much as with texts that are all different.
#[inline]
fn hash(text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = text.len() as u64;
    let mut pieces = text.chunks_exact(8);
    for piece in &mut pieces {
        let piece = u64::from_le_bytes(piece.try_into().unwrap_or_default());
        hash = (hash ^ piece).wrapping_mul(FACTOR).rotate_left(29);
    }
    for byte in pieces.remainder() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(FACTOR).rotate_left(29);
    }
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_kept_once() {
        let mut distinct = Distinct::default();
        let text = |i: usize| format!("{i:x}{}", "y".repeat(i % 20)).into_bytes();
        for round in 0..3 {
            for i in 0..MAX_DISTINCT {
                assert_eq!(distinct.number(&text(i)), Some(i as u32), "{round}");
                assert_eq!(distinct.text(i as u32), text(i));
            }
        }
        assert_eq!(distinct.number(b"one more"), None);
        assert_eq!(distinct.number(&text(7)), Some(7));
        distinct.clear();
        assert_eq!(
            (distinct.number(b""), distinct.number(b"a"), distinct.number(b"")),
            (Some(0), Some(1), Some(0))
        );
    }
}
