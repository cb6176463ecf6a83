//! Sub-buffer ids: which page stands at a ring position, and who may touch it (`docs/spec/ring-buffer.md`,
//! section 7). In discard mode an id is the plain page index.

use crate::geometry::{Geometry, Mode};

const NOREF: u64 = 1 << 32;
const INDEX: u64 = NOREF - 1;
/// The offset tag has the bits above the flag.
const TAG_SHIFT: u32 = 33;

/// One word of the id array, or the reader's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SubbufId(pub(crate) u64);

impl SubbufId {
    /// An id that no writer refers to.
    pub(crate) fn free(geometry: &Geometry, lap: u64, page: u64) -> Self {
        match geometry.mode() {
            Mode::Overwrite => SubbufId(lap << TAG_SHIFT | NOREF | page),
            Mode::Discard => SubbufId(page),
        }
    }

    /// The page, if it is one of the stream's: anything may stand in shared memory.
    pub(crate) fn page(self, geometry: &Geometry) -> Option<usize> {
        let index = match geometry.mode() {
            Mode::Overwrite => self.0 & INDEX,
            Mode::Discard => self.0,
        };
        (index < geometry.num_pages()).then_some(index as usize)
    }

    /// Whether no writer refers to it (overwrite mode).
    pub(crate) fn is_free(self) -> bool {
        self.0 & NOREF != 0
    }

    /// The same page, claimed by a writer (overwrite mode).
    pub(crate) fn claimed(self) -> Self {
        SubbufId(self.0 & !NOREF)
    }

    /// The same page, free, tagged with a lap (overwrite mode).
    pub(crate) fn released(self, lap: u64) -> Self {
        SubbufId(lap << TAG_SHIFT | NOREF | self.0 & INDEX)
    }

    /// Whether it is tagged with this lap (overwrite mode).
    pub(crate) fn has_tag(self, lap: u64) -> bool {
        self.0 >> TAG_SHIFT == lap << TAG_SHIFT >> TAG_SHIFT
    }
}
