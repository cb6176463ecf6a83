//! Where a text ends: the search for a NUL that most texts of traces make short.
//!
//! Texts have some tens of bytes, of which nobody can foretell how many, so that what counts is how soon the search has
//! begun and how often it has to decide. It looks at 64 bytes at once, and leaves long texts to `memchr`, which looks at
//! more at a time but takes longer to begin.

use wide::u8x16;

/// Bytes that become one comparison.
const BLOCK: usize = 16;

/// Bytes that are looked at before the first decision.
const FIRST: usize = 4 * BLOCK;

/// How many bytes there are before the first NUL. Nothing if there is none.
#[inline]
pub(crate) fn find_nul(bytes: &[u8]) -> Option<usize> {
    let Some(first) = bytes.first_chunk::<FIRST>() else { return in_few(bytes) };
    let (blocks, _) = first.as_chunks::<BLOCK>();
    let mask = |at: usize| u64::from(in_block(&blocks[at])) << (at * BLOCK);
    let found = mask(0) | mask(1) | mask(2) | mask(3);
    if found != 0 {
        return Some(found.trailing_zeros() as usize);
    }
    memchr::memchr(0, &bytes[FIRST..]).map(|found| FIRST + found)
}

/// The search among less bytes than [`FIRST`].
#[inline(never)]
fn in_few(bytes: &[u8]) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (at, block) in blocks.iter().enumerate() {
        let found = in_block(block);
        if found != 0 {
            return Some(at * BLOCK + found.trailing_zeros() as usize);
        }
    }
    let rest_at = bytes.len() - rest.len();
    rest.iter().position(|byte| *byte == 0).map(|found| rest_at + found)
}

/// The bytes that are NUL, one bit for each.
#[inline]
fn in_block(block: &[u8; BLOCK]) -> u32 {
    u8x16::new(*block).simd_eq(u8x16::ZERO).to_bitmask()
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
