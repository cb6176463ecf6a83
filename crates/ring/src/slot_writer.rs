//! Filling a reserved slot: a cursor over its bytes. Between reservation and commit the slot belongs to the one thread
//! that reserved it, so its bytes are written with plain stores; every store is checked against the slot's end.

use std::marker::PhantomData;

/// Bytes that are copied at once.
const WORD: usize = 8;

/// Writes a record's bytes, front to back. What does not fit is left out; what is left over is zeros.
#[derive(Debug)]
pub struct SlotWriter<'m> {
    at: *mut u8,
    left: usize,
    /// The free-running position of `at`, to which alignment refers.
    position: u64,
    memory: PhantomData<&'m mut [u8]>,
}

impl<'m> SlotWriter<'m> {
    /// Writes into memory of this process alone, at position 0.
    pub fn over(bytes: &'m mut [u8]) -> Self {
        // SAFETY: exactly these bytes, borrowed for as long as the writer lives.
        unsafe { SlotWriter::new(bytes.as_mut_ptr(), bytes.len(), 0) }
    }

    /// Writes `len` bytes from `at`.
    ///
    /// # Safety
    /// They are valid for writes for `'m`, and no other thread of this process accesses them meanwhile.
    pub(crate) unsafe fn new(at: *mut u8, len: usize, position: u64) -> Self {
        SlotWriter { at, left: len, position, memory: PhantomData }
    }

    /// Bytes that are still to be written.
    #[inline]
    pub fn left(&self) -> usize {
        self.left
    }

    /// The bytes of a number, in the order given.
    #[inline]
    pub fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        if self.left >= N {
            // SAFETY: there are N bytes, checked above; a byte array needs no alignment.
            unsafe {
                self.at.cast::<[u8; N]>().write(bytes);
                self.advance(N);
            }
        } else {
            self.fill(0, self.left);
        }
    }

    /// Bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        let len = bytes.len().min(self.left);
        // SAFETY: `len` bytes on both sides; nobody else has a reference to the slot.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.at, len);
            self.advance(len);
        }
    }

    /// Text and its terminating NUL. A NUL inside, which would end the text early and shift all that follows, becomes
    /// `#`.
    #[inline]
    pub fn text(&mut self, text: &[u8]) {
        self.characters(text);
        self.array([0]);
    }

    /// Text whose length stands elsewhere; a NUL inside becomes `#`.
    #[inline]
    pub fn characters(&mut self, text: &[u8]) {
        if text.len() >= WORD && text.len() <= self.left && self.words(text) {
            // SAFETY: there is room for the text, see above.
            unsafe { self.advance(text.len()) };
            return;
        }
        for &byte in text {
            self.array([if byte == 0 { b'#' } else { byte }]);
        }
    }

    /// Copies text of at least a word, for which there is room, in words, of which the last may overlap the one before; does
    /// not advance. `false`: there is a NUL in it.
    #[inline]
    fn words(&mut self, text: &[u8]) -> bool {
        let mut nuls = 0;
        let mut copy = |at: usize| {
            let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk::<WORD>()) else { return };
            let bits = u64::from_ne_bytes(*word);
            nuls |= bits.wrapping_sub(0x0101_0101_0101_0101) & !bits & 0x8080_8080_8080_8080;
            // SAFETY: the text has a word there, and there is room for all of it.
            unsafe { self.at.add(at).cast::<[u8; WORD]>().write(*word) };
        };
        let last = text.len().saturating_sub(WORD);
        (0..last).step_by(WORD).for_each(&mut copy);
        copy(last);
        nuls == 0
    }

    /// So many bytes of one value.
    #[inline]
    pub fn fill(&mut self, byte: u8, count: usize) {
        let count = count.min(self.left);
        // SAFETY: there are so many, see above.
        unsafe {
            self.at.write_bytes(byte, count);
            self.advance(count);
        }
    }

    /// Zeros up to the next multiple of `alignment`, a power of two.
    #[inline]
    pub fn align(&mut self, alignment: usize) {
        let padding = (self.position.wrapping_neg() & (alignment as u64 - 1)) as usize;
        if padding != 0 {
            self.fill(0, padding);
        }
    }

    /// Fills what is left with zeros: a value that shrank meanwhile must not leave old bytes in the trace.
    #[inline]
    pub fn finish(mut self) {
        if self.left != 0 {
            self.fill(0, self.left);
        }
    }

    /// # Safety
    /// `len` is at most what is left.
    #[inline]
    unsafe fn advance(&mut self, len: usize) {
        // SAFETY: as the caller says.
        self.at = unsafe { self.at.add(len) };
        self.left -= len;
        self.position = self.position.wrapping_add(len as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(len: usize, write: impl FnOnce(&mut SlotWriter<'_>)) -> Vec<u8> {
        let mut bytes = vec![0xaa; len];
        let mut writer = SlotWriter::over(&mut bytes);
        write(&mut writer);
        writer.finish();
        bytes
    }

    #[test]
    fn nothing_is_written_past_the_end_and_the_rest_is_zeros() {
        assert_eq!(written(6, |to| to.array(1u32.to_ne_bytes())), [1, 0, 0, 0, 0, 0]);
        assert_eq!(written(3, |to| to.bytes(b"abcdef")), *b"abc");
        assert_eq!(written(2, |to| to.array(1u32.to_ne_bytes())), [0, 0]);
        assert_eq!(written(8, |to| (to.array([7]), to.align(4)).1), [7, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn text_has_one_nul_at_its_end() {
        for len in 0..40 {
            for nul in 0..=len {
                let mut text = vec![b'x'; len];
                let mut expected = text.clone();
                if nul < len {
                    text[nul] = 0;
                    expected[nul] = b'#';
                }
                expected.push(0);
                assert_eq!(written(len + 1, |to| to.text(&text)), expected);
            }
        }
    }
}
