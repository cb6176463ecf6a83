//! The output while it is put together: one buffer, written out when it is full.

/// Literals up to this size are copied whole, which is quicker than to copy as many bytes as there are.
const SHORT: usize = 32;

/// Bytes of a text that are looked at together.
pub(crate) const BLOCK: usize = 16;

/// What is always there beyond the end of what was put in.
const ROOM: usize = 64;

/// Bytes that are known before the first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    short: [u8; SHORT],
    length: usize,
    /// The bytes, if they are more than `short` takes.
    long: Box<[u8]>,
}

impl Literal {
    pub(crate) fn new(bytes: impl AsRef<[u8]>) -> Literal {
        let bytes = bytes.as_ref();
        let mut literal = Literal { short: [0; SHORT], length: bytes.len(), long: Box::default() };
        match literal.short.get_mut(..bytes.len()) {
            Some(short) => short.copy_from_slice(bytes),
            None => literal.long = bytes.into(),
        }
        literal
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        if self.length <= SHORT { &self.short[..self.length] } else { &self.long }
    }
}

/// Bytes that are put one after the other.
#[derive(Debug, Default)]
pub(crate) struct Out {
    /// Its length is what there is memory for; `at` is the end of what was put in.
    bytes: Vec<u8>,
    at: usize,
}

impl Out {
    pub(crate) fn with_capacity(capacity: usize) -> Out {
        Out { bytes: vec![0; capacity + ROOM], at: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.at
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at == 0
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.at]
    }

    pub(crate) fn clear(&mut self) {
        self.at = 0;
    }

    /// Takes back what was put in after the first `length` bytes.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.at = self.at.min(length);
    }

    /// Takes back the last `count` bytes, to put them in again with more.
    #[inline]
    pub(crate) fn takes_back(&mut self, count: usize) -> bool {
        let at = self.at.checked_sub(count);
        self.at = at.unwrap_or(self.at);
        at.is_some()
    }

    /// Room for `N` bytes at the end; `wrote` says how many of them count.
    #[inline]
    pub(crate) fn room<const N: usize>(&mut self) -> &mut [u8; N] {
        const { assert!(N <= ROOM) };
        if self.bytes.len() < self.at + N {
            self.grow(N);
        }
        let at = self.at;
        self.bytes[at..].first_chunk_mut().expect("there is room for them")
    }

    #[inline]
    pub(crate) fn wrote(&mut self, count: usize) {
        self.at += count;
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, more: usize) {
        let length = (self.bytes.len() * 2).max(self.at + more + ROOM);
        self.bytes.resize(length, 0);
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if self.bytes.len() < end {
            self.grow(bytes.len());
        }
        self.bytes[self.at..end].copy_from_slice(bytes);
        self.at = end;
    }

    #[inline]
    pub(crate) fn literal(&mut self, literal: &Literal) {
        if literal.length <= SHORT {
            self.room::<SHORT>().copy_from_slice(&literal.short);
            self.at += literal.length;
        } else {
            self.put(&literal.long);
        }
    }
}

/// Puts text up to the first block in which a byte is `special`, and gives how much that was. Most text has nothing to
/// escape, and is looked at and copied by the block; `special` has no branch, so that it becomes a few vector
/// instructions.
#[inline]
pub(crate) fn put_plain(out: &mut Out, text: &[u8], special: impl Fn(u8) -> bool + Copy) -> usize {
    let any = |block: &[u8]| block.iter().fold(false, |any, &byte| any | special(byte));
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        if any(block) {
            return text.len() - rest.len();
        }
        out.room::<BLOCK>().copy_from_slice(block);
        out.wrote(BLOCK);
        rest = after;
    }
    match text.last_chunk::<BLOCK>() {
        // What is left, together with some of what is there already.
        Some(block) if !rest.is_empty() && !any(block) && out.takes_back(BLOCK - rest.len()) => {
            out.room::<BLOCK>().copy_from_slice(block);
            out.wrote(BLOCK);
            text.len()
        }
        None if !any(rest) => {
            out.put(rest);
            text.len()
        }
        _ => text.len() - rest.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_put_up_to_a_block_with_something_special() {
        for length in 0..70 {
            for special in (0..length).map(Some).chain([None]) {
                let mut text = vec![b'x'; length];
                if let Some(at) = special {
                    text[at] = b'!';
                }
                let mut out = Out::with_capacity(0);
                out.put(b"before");
                let put = put_plain(&mut out, &text, |byte| byte == b'!');
                assert_eq!(out.bytes(), [b"before", &text[..put]].concat());
                match special {
                    None => assert_eq!(put, length),
                    Some(at) => assert!(put <= at && put + BLOCK > at, "{put} {at} {length}"),
                }
            }
        }
    }

    #[test]
    fn it_grows() {
        let mut out = Out::with_capacity(0);
        let (short, long) = (Literal::new("ab"), Literal::new([b'x'; 100]));
        for _ in 0..50 {
            out.literal(&short);
            out.literal(&long);
            out.put(b"yz");
        }
        assert_eq!(out.len(), 50 * 104);
        assert!(out.bytes().ends_with(b"xxyz") && out.bytes().starts_with(b"abxx"));
        out.clear();
        assert_eq!(out.bytes(), b"");
    }
}
