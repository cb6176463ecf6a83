//! Where a text ends: the search for a NUL that most texts of traces make short.
//!
//! Texts have some tens of bytes, so that what counts is how soon the search has begun. It looks at 16 bytes at a
//! time, and leaves long texts to `memchr`, which looks at more at a time but takes longer to begin.

use wide::u8x16;

/// After so many blocks a text is long.
const SHORT_BLOCKS: usize = 8;

const BLOCK: usize = 16;

/// How many bytes there are before the first NUL. Nothing if there is none.
#[inline]
pub(crate) fn find_nul(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for _ in 0..SHORT_BLOCKS {
        let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) else {
            return last_bytes(bytes, at);
        };
        if let Some(found) = in_block(block) {
            return Some(at + found);
        }
        at += BLOCK;
    }
    memchr::memchr(0, &bytes[at..]).map(|found| at + found)
}

#[cold]
fn last_bytes(bytes: &[u8], from: usize) -> Option<usize> {
    bytes[from..].iter().position(|byte| *byte == 0).map(|found| from + found)
}

#[inline]
fn in_block(block: &[u8; BLOCK]) -> Option<usize> {
    let mask = u8x16::new(*block).simd_eq(u8x16::ZERO).to_bitmask();
    (mask != 0).then(|| mask.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_wherever_it_is() {
        for length in 0..300 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(find_nul(&bytes), None, "{length}");
            for at in (0..length).rev() {
                // Bytes before are such as words borrow from.
                bytes[at] = 0;
                assert_eq!(find_nul(&bytes), Some(at), "{at} of {length}");
                bytes[at] = if at % 2 == 0 { 1 } else { 0x80 };
                assert_eq!(find_nul(&bytes[..at + 1]), None);
                bytes[at] = 0;
            }
        }
    }
}
