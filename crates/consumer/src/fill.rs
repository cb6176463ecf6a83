//! The fullest that a stream's buffer ever was, in bytes that producers wrote.
//!
//! The fill only grows until a packet is released, so it is looked at then. A packet that was closed early takes its whole
//! sub-buffer; what nobody wrote into is taken off when the packet comes, as far as it was counted.

/// What was seen of one stream.
#[derive(Debug, Default)]
pub(crate) struct Fill {
    /// The highest that is certain.
    fullest: u64,
    /// A higher one, of which packets are still to come.
    candidate: Option<Candidate>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    bytes: u64,
    /// The position up to which it was counted.
    until: u64,
}

impl Fill {
    /// A packet is about to be released that is the oldest of `in_use` bytes: its position, the size of its sub-buffer and
    /// the part of that which was written.
    pub(crate) fn before_release(&mut self, position: u64, subbuf_size: u64, data_size: u64, in_use: u64) {
        let end = position.wrapping_add(subbuf_size);
        let unused = subbuf_size.saturating_sub(data_size);
        if let Some(candidate) = &mut self.candidate {
            // Positions wrap; what matters is which is ahead.
            let ahead = candidate.until.wrapping_sub(end) as i64;
            if ahead >= 0 {
                candidate.bytes = candidate.bytes.saturating_sub(unused);
            }
            if ahead <= 0 {
                self.fullest = self.fullest.max(candidate.bytes);
                self.candidate = None;
            }
        }
        let bytes = in_use.saturating_sub(unused);
        if bytes > self.fullest() {
            self.candidate = Some(Candidate { bytes, until: position.wrapping_add(in_use) });
        }
    }

    /// Something was lost for want of room in a buffer of that size.
    pub(crate) fn was_full(&mut self, buffer_size: u64) {
        self.fullest = self.fullest.max(buffer_size);
    }

    /// The most bytes that were in the buffer.
    pub(crate) fn fullest(&self) -> u64 {
        self.fullest.max(self.candidate.map_or(0, |candidate| candidate.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBBUF: u64 = 4096;

    #[test]
    fn full_packets_count_whole() {
        let mut fill = Fill::default();
        fill.before_release(0, SUBBUF, 4090, 3 * SUBBUF + 100);
        fill.before_release(SUBBUF, SUBBUF, 4096, 2 * SUBBUF + 200);
        assert_eq!(fill.fullest(), 3 * SUBBUF + 94);
    }

    #[test]
    fn what_nobody_wrote_does_not_count() {
        let mut fill = Fill::default();
        // Two packets were closed early, one after the other.
        fill.before_release(0, SUBBUF, 100, 2 * SUBBUF);
        fill.before_release(SUBBUF, SUBBUF, 50, SUBBUF);
        assert_eq!(fill.fullest(), 150);
        fill.before_release(2 * SUBBUF, SUBBUF, 140, SUBBUF);
        assert_eq!(fill.fullest(), 150);
        // The sub-buffer that was being written was counted as far as it was, not as far as it came.
        fill.before_release(3 * SUBBUF, SUBBUF, 4000, SUBBUF + 10);
        fill.before_release(4 * SUBBUF, SUBBUF, 600, SUBBUF);
        assert_eq!(fill.fullest(), 4010);
        fill.was_full(4 * SUBBUF);
        assert_eq!(fill.fullest(), 4 * SUBBUF);
    }

    #[test]
    fn positions_may_wrap() {
        let mut fill = Fill::default();
        let last = 0u64.wrapping_sub(SUBBUF);
        fill.before_release(last, SUBBUF, SUBBUF, 2 * SUBBUF);
        fill.before_release(0, SUBBUF, 96, SUBBUF);
        assert_eq!(fill.fullest(), SUBBUF + 96);
    }
}
