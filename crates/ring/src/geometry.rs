//! The shape of a stream and the arithmetic on its positions: pure numbers, no memory
//! (`docs/spec/ring-buffer.md`, sections 5.1 and 6).
//!
//! A *position* is a free-running byte counter (it wraps at 2^64); a *ring index* is the number of the sub-buffer in
//! the ring that a position falls in.

use crate::RingError;

/// What a producer does when the ring is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Flight recorder: the oldest sub-buffer is overwritten.
    Overwrite,
    /// The new record is dropped and counted.
    Discard,
}

/// The largest size, in bytes, of all the data of a stream that can be read (liblttng-ust-ctl answers EFBIG above).
pub const MAX_DATA_SIZE: u64 = i32::MAX as u64;

/// Sub-buffer size and count of a stream, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    subbuf_size: u64,
    num_subbuf: u64,
    page_size: u64,
    mode: Mode,
}

impl Geometry {
    /// Checks sizes in bytes (`docs/spec/ring-buffer.md`, section 5.1): powers of two, a sub-buffer at least a page,
    /// at least two sub-buffers in overwrite mode, all data within [`MAX_DATA_SIZE`].
    pub fn new(mode: Mode, subbuf_size: u64, num_subbuf: u64, page_size: u64) -> Result<Self, RingError> {
        let bad = |why| Err(RingError::BadGeometry { subbuf_size, num_subbuf, why });
        if !page_size.is_power_of_two() || page_size < 128 {
            return bad("the page size is not a power of two");
        }
        if !subbuf_size.is_power_of_two() || subbuf_size < page_size {
            return bad("the sub-buffer size must be a power of two and at least a page");
        }
        if !num_subbuf.is_power_of_two() {
            return bad("the number of sub-buffers must be a power of two");
        }
        if mode == Mode::Overwrite && num_subbuf < 2 {
            return bad("overwrite mode needs at least two sub-buffers");
        }
        match (num_subbuf + 1).checked_mul(subbuf_size) {
            Some(size) if size <= MAX_DATA_SIZE => {}
            _ => return bad("the buffer of one CPU must stay under 2 GiB"),
        }
        Ok(Geometry { subbuf_size, num_subbuf, page_size, mode })
    }

    /// Bytes of one sub-buffer.
    pub fn subbuf_size(&self) -> u64 {
        self.subbuf_size
    }

    /// Sub-buffers in the ring, without the reader's extra one.
    pub fn num_subbuf(&self) -> u64 {
        self.num_subbuf
    }

    /// Bytes of a page, to which packets are padded.
    pub fn page_size(&self) -> u64 {
        self.page_size
    }

    /// What happens when the ring is full.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Bytes of the whole ring.
    pub fn buf_size(&self) -> u64 {
        self.subbuf_size * self.num_subbuf
    }

    /// Pages of data that exist: one more than the ring in overwrite mode, which belongs to the reader.
    pub fn num_pages(&self) -> u64 {
        match self.mode {
            Mode::Overwrite => self.num_subbuf + 1,
            Mode::Discard => self.num_subbuf,
        }
    }

    /// log2 of the number of sub-buffers.
    pub fn num_subbuf_order(&self) -> u32 {
        self.num_subbuf.trailing_zeros()
    }

    /// log2 of the sub-buffer size.
    pub fn subbuf_size_order(&self) -> u32 {
        self.subbuf_size.trailing_zeros()
    }

    /// The bits in which commit counters are compared: they have `num_subbuf_order` more than a shifted position.
    pub fn commit_count_mask(&self) -> u64 {
        u64::MAX >> self.num_subbuf_order()
    }

    /// Offset inside its sub-buffer.
    #[inline]
    pub fn sub_off(&self, position: u64) -> u64 {
        position & (self.subbuf_size - 1)
    }

    /// Start of its sub-buffer.
    #[inline]
    pub fn sub_trunc(&self, position: u64) -> u64 {
        position & !(self.subbuf_size - 1)
    }

    /// Start of the next sub-buffer; strictly greater, also for a position at a boundary.
    #[inline]
    pub fn sub_align(&self, position: u64) -> u64 {
        self.sub_trunc(position.wrapping_add(self.subbuf_size))
    }

    /// The ring index of a position.
    #[inline]
    pub fn index(&self, position: u64) -> usize {
        ((position & (self.buf_size() - 1)) >> self.subbuf_size_order()) as usize
    }

    /// How many times the ring was filled before this position.
    #[inline]
    pub fn lap(&self, position: u64) -> u64 {
        position >> self.buf_size().trailing_zeros()
    }

    /// What the commit counter of the position's sub-buffer holds before its lap begins.
    #[inline]
    pub fn commit_base(&self, position: u64) -> u64 {
        (position & !(self.buf_size() - 1)) >> self.num_subbuf_order()
    }

    /// Whether the sub-buffer of `position` is wholly committed when its counter is `count`.
    #[inline]
    pub fn is_complete(&self, position: u64, count: u64) -> bool {
        self.committed(position, count) == self.subbuf_size
    }

    /// Bytes of the lap of `position` that a counter value accounts for: above the sub-buffer size, the counter
    /// belongs to another lap.
    #[inline]
    pub fn committed(&self, position: u64, count: u64) -> u64 {
        count.wrapping_sub(self.commit_base(position)) & self.commit_count_mask()
    }

    /// Whether all earlier laps of the sub-buffer of `position` were delivered, given its cold counter.
    #[inline]
    pub fn is_free_for_writing(&self, position: u64, count: u64) -> bool {
        self.commit_base(position) == count & self.commit_count_mask()
    }

    /// Bytes rounded up to whole pages.
    #[inline]
    pub fn page_align(&self, size: u64) -> u64 {
        (size + self.page_size - 1) & !(self.page_size - 1)
    }

    /// How many sub-buffers `later` lies after `earlier` (both truncated), as a signed number.
    #[inline]
    pub fn subbufs_between(&self, earlier: u64, later: u64) -> i64 {
        (self.sub_trunc(later).wrapping_sub(self.sub_trunc(earlier)) as i64) >> self.subbuf_size_order()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked() {
        for (mode, size, num) in [
            (Mode::Discard, 4096, 0),
            (Mode::Discard, 4096, 3),
            (Mode::Discard, 5000, 2),
            (Mode::Discard, 2048, 2),
            (Mode::Overwrite, 4096, 1),
            (Mode::Discard, 1 << 31, 1),
            (Mode::Discard, 1 << 63, 1 << 63),
        ] {
            assert!(Geometry::new(mode, size, num, 4096).is_err(), "{mode:?} {num} x {size}");
        }
        assert!(Geometry::new(Mode::Discard, 4096, 1, 4096).is_ok());
    }

    #[test]
    fn commit_masks_are_those_of_the_captured_blobs() {
        for (num, mask) in [(1, u64::MAX), (2, 0x7fff_ffff_ffff_ffff), (4, 0x3fff_ffff_ffff_ffff)] {
            let geometry = Geometry::new(Mode::Discard, 4096, num, 4096).unwrap();
            assert_eq!(geometry.commit_count_mask(), mask);
        }
    }

    #[test]
    fn positions_wrap() {
        let g = Geometry::new(Mode::Discard, 4096, 4, 4096).unwrap();
        let last = 0u64.wrapping_sub(4096);
        assert_eq!(g.index(last), 3);
        assert_eq!(g.sub_align(last), 0);
        assert_eq!(g.subbufs_between(last, 4096), 2);
        assert!(g.is_complete(last, g.commit_base(last).wrapping_add(4096)));
        assert!(!g.is_complete(last, g.commit_base(last)));
    }
}
