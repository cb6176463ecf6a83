//! Where everything lies in a stream's shared memory: sizes, offsets and the references in it
//! (`docs/spec/ring-buffer.md`, sections 3 and 5). Numbers only; the memory itself is in `memory.rs`.
//!
//! Whoever creates a stream computes its [`Layout`]; whoever maps a stream of another process reads it once from the
//! references in the memory, checks every one, and never looks at them again.

use crate::RingError;
use crate::geometry::Geometry;
use crate::memory::Memory;

#[cfg(not(all(target_endian = "little", any(target_arch = "x86_64", target_arch = "aarch64"))))]
compile_error!("the ring buffer's layout is known for x86-64 and little-endian aarch64 only");

/// The alignment constant that liblttng-ust was compiled with on this architecture.
#[cfg(target_arch = "x86_64")]
pub(crate) const CACHE_LINE: usize = 128;
/// The alignment constant that liblttng-ust was compiled with on this architecture.
#[cfg(target_arch = "aarch64")]
pub(crate) const CACHE_LINE: usize = 64;

/// Size of the ring buffer structure at the front of a stream.
#[cfg(target_arch = "x86_64")]
const RING_BUFFER_SIZE: usize = 640;
/// Size of the ring buffer structure at the front of a stream.
#[cfg(target_arch = "aarch64")]
const RING_BUFFER_SIZE: usize = 576;

/// Bytes from one commit counter element to the next, hot and cold alike.
pub(crate) const COUNTER_STRIDE: usize = CACHE_LINE;
/// Bytes of a page descriptor.
const DESCRIPTOR_SIZE: usize = 64;
/// Bytes of a shared-memory reference.
const REF_SIZE: usize = 16;

/// Offsets in the ring buffer structure (64-bit; the same on both architectures).
pub(crate) mod field {
    pub(crate) const OFFSET: usize = 128;
    pub(crate) const COMMIT_HOT: usize = 136;
    pub(crate) const CONSUMED: usize = 152;
    pub(crate) const RECORD_DISABLED: usize = 160;
    pub(crate) const LAST_TSC: usize = 168;
    pub(crate) const BUF_WSB: usize = 176;
    pub(crate) const BUF_RSB: usize = 192;
    pub(crate) const BUF_CNT: usize = 200;
    pub(crate) const ARRAY: usize = 216;
    pub(crate) const MEMORY_MAP: usize = 232;
    pub(crate) const CPU: usize = 264;
    pub(crate) const ALLOCATED: usize = 280;
    pub(crate) const COMMIT_COLD: usize = 352;
    pub(crate) const TS_END: usize = 368;
    pub(crate) const ACTIVE_READERS: usize = 384;
    pub(crate) const LOST_FULL: usize = 392;
    pub(crate) const LOST_WRAP: usize = 400;
    pub(crate) const LOST_BIG: usize = 408;
    pub(crate) const GET_SUBBUF_CONSUMED: usize = 440;
    pub(crate) const PROD_SNAPSHOT: usize = 448;
    pub(crate) const CONS_SNAPSHOT: usize = 456;
    pub(crate) const GET_SUBBUF: usize = 464;
    pub(crate) const SELF: usize = 472;
}

/// Offset of `seq` in a hot counter element, beside `cc` at 0.
pub(crate) const HOT_SEQ: usize = 8;
/// Offset in a cold counter element of the lost-record sum that the closer of the sub-buffer sampled (section 15).
pub(crate) const COLD_LOST: usize = 8;
/// Offset in a cold counter element of the commit count for which that sum is meant.
pub(crate) const COLD_LOST_FOR: usize = 16;
/// Offset of `data_size` in a page descriptor.
pub(crate) const DESCRIPTOR_DATA_SIZE: usize = 24;
/// Offset of the reference to the data in a page descriptor.
pub(crate) const DESCRIPTOR_P: usize = 32;

/// One page of a stream: a place for a sub-buffer's bytes and its descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// Offset of the descriptor.
    pub(crate) descriptor: usize,
    /// Offset of the data.
    pub(crate) data: usize,
}

/// Offsets of the arrays of a stream, all inside its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Bytes of the whole object.
    pub(crate) size: usize,
    pub(crate) hot: usize,
    pub(crate) cold: usize,
    pub(crate) ts_end: usize,
    pub(crate) array: usize,
    pub(crate) data: usize,
    pub(crate) wsb: usize,
    pub(crate) buf_cnt: usize,
    pub(crate) pages: Vec<Page>,
}

fn align(offset: usize, to: usize) -> usize {
    (offset + to - 1) & !(to - 1)
}

impl Layout {
    /// The layout that a creator gives a stream of this geometry (sections 5.2 and 5.3).
    pub fn new(geometry: &Geometry) -> Self {
        let num = geometry.num_subbuf() as usize;
        let pages = geometry.num_pages() as usize;
        let subbuf = geometry.subbuf_size() as usize;
        let page = geometry.page_size() as usize;

        // The size always counts one page more than the ring, also in discard mode, which leaves it unused.
        let mut size = align(RING_BUFFER_SIZE, CACHE_LINE) + 2 * COUNTER_STRIDE * num;
        size = align(size, 8) + 8 * num;
        size += REF_SIZE * (num + 1);
        size = align(size, page) + subbuf * (num + 1);
        size += DESCRIPTOR_SIZE * (num + 1) + 8 * num + 8 * num;

        let hot = align(RING_BUFFER_SIZE, CACHE_LINE);
        let cold = hot + COUNTER_STRIDE * num;
        let ts_end = cold + COUNTER_STRIDE * num;
        let array = ts_end + 8 * num;
        let data = align(array + REF_SIZE * pages, page);
        let descriptors = data + subbuf * pages;
        let wsb = descriptors + DESCRIPTOR_SIZE * pages;
        let buf_cnt = wsb + 8 * num;
        let pages = (0..pages)
            .map(|j| Page { descriptor: descriptors + DESCRIPTOR_SIZE * j, data: data + subbuf * j })
            .collect();
        Layout { size, hot, cold, ts_end, array, data, wsb, buf_cnt, pages }
    }

    /// Bytes of the shared object.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Reads the layout of a stream that another process created, checking that every reference stays inside the
    /// memory and is aligned (section 3). What the references point to overlapping is the creator's own damage.
    pub fn read<M: Memory>(memory: &M, geometry: &Geometry, stream: u32) -> Result<Self, RingError> {
        let num = geometry.num_subbuf() as usize;
        let subbuf = geometry.subbuf_size() as usize;
        let size = memory.size();
        if size < RING_BUFFER_SIZE {
            return Err(RingError::BadReference { what: "ring buffer structure" });
        }
        let follow = |at: usize, what: &'static str, len: usize, alignment: u64| {
            let index = memory.load(at);
            let offset = memory.load(at + 8);
            let end = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(len));
            match end {
                Some(end)
                    if index == u64::from(stream) + 1
                        && end <= size
                        && offset.is_multiple_of(alignment)
                        && offset as usize >= RING_BUFFER_SIZE =>
                {
                    Ok(offset as usize)
                }
                _ => Err(RingError::BadReference { what }),
            }
        };
        let hot = follow(field::COMMIT_HOT, "commit_hot", COUNTER_STRIDE * num, 8)?;
        let cold = follow(field::COMMIT_COLD, "commit_cold", COUNTER_STRIDE * num, 8)?;
        let ts_end = follow(field::TS_END, "ts_end", 8 * num, 8)?;
        let wsb = follow(field::BUF_WSB, "buf_wsb", 8 * num, 8)?;
        let buf_cnt = follow(field::BUF_CNT, "buf_cnt", 8 * num, 8)?;
        let count = geometry.num_pages() as usize;
        let array = follow(field::ARRAY, "array", REF_SIZE * count, 8)?;
        let data = follow(field::MEMORY_MAP, "memory_map", subbuf * count, 8)?;
        let pages = (0..count)
            .map(|j| {
                let descriptor = follow(array + REF_SIZE * j, "page descriptor", DESCRIPTOR_SIZE, 8)?;
                let data = follow(descriptor + DESCRIPTOR_P, "page", subbuf, 8)?;
                Ok(Page { descriptor, data })
            })
            .collect::<Result<_, RingError>>()?;
        Ok(Layout { size, hot, cold, ts_end, array, data, wsb, buf_cnt, pages })
    }

    /// Writes all references, and the page descriptors' places, into fresh memory (section 8, step 2).
    pub(crate) fn write_references<M: Memory>(&self, memory: &M, geometry: &Geometry, stream: u32) {
        let table_index = u64::from(stream) + 1;
        let put = |at: usize, offset: usize| {
            memory.store(at, table_index);
            memory.store(at + 8, offset as u64);
        };
        put(field::COMMIT_HOT, self.hot);
        put(field::COMMIT_COLD, self.cold);
        put(field::TS_END, self.ts_end);
        put(field::BUF_WSB, self.wsb);
        put(field::BUF_CNT, self.buf_cnt);
        put(field::ARRAY, self.array);
        put(field::MEMORY_MAP, self.data);
        put(field::SELF, 0);
        for (j, page) in self.pages.iter().enumerate() {
            put(self.array + REF_SIZE * j, page.descriptor);
            memory.store(page.descriptor, j as u64 * geometry.subbuf_size());
            put(page.descriptor + DESCRIPTOR_P, page.data);
        }
    }

    pub(crate) fn hot_cc(&self, index: usize) -> usize {
        self.hot + COUNTER_STRIDE * index
    }

    pub(crate) fn hot_seq(&self, index: usize) -> usize {
        self.hot_cc(index) + HOT_SEQ
    }

    pub(crate) fn cold_cc(&self, index: usize) -> usize {
        self.cold + COUNTER_STRIDE * index
    }

    pub(crate) fn ts_end(&self, index: usize) -> usize {
        self.ts_end + 8 * index
    }

    pub(crate) fn wsb(&self, index: usize) -> usize {
        self.wsb + 8 * index
    }

    pub(crate) fn buf_cnt(&self, index: usize) -> usize {
        self.buf_cnt + 8 * index
    }

    /// The crash record at the front of a stream (section 16.1).
    pub(crate) fn crash_record(&self, geometry: &Geometry) -> [u8; 124] {
        // The magic must not stand in the program's own data: memory scanners would find it there.
        const MAGIC_INVERTED: [u8; 16] =
            [0xe8, 0x84, 0x0e, 0x88, 0x40, 0xe8, 0x84, 0x0e, 0x88, 0x40, 0xe8, 0x84, 0x0e, 0x88, 0x40, 0xe8];
        let mut out = Vec::with_capacity(124);
        out.extend(MAGIC_INVERTED.map(|byte| std::hint::black_box(byte) ^ 0xff));
        out.extend((self.size as u64).to_ne_bytes());
        out.extend(0x1234u16.to_ne_bytes());
        out.extend([0; 4]);
        out.extend([8, 0]);
        for offset in [
            field::OFFSET,
            field::CONSUMED,
            self.hot,
            HOT_SEQ,
            self.wsb,
            0,
            self.array,
            8,
            DESCRIPTOR_P + 8,
            crate::header::CONTENT_SIZE,
            crate::header::PACKET_SIZE,
        ] {
            out.extend((offset as u32).to_ne_bytes());
        }
        out.extend([8; 8]);
        for stride in [COUNTER_STRIDE, 8, REF_SIZE] {
            out.extend((stride as u32).to_ne_bytes());
        }
        for number in [geometry.buf_size(), geometry.subbuf_size(), geometry.num_subbuf()] {
            out.extend(number.to_ne_bytes());
        }
        out.extend((geometry.mode() as u32).to_ne_bytes());
        out.try_into().expect("the crash record has 124 bytes")
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use crate::geometry::Mode;

    #[test]
    fn offsets_are_those_of_the_specification() {
        let layout = |mode, num, size| Layout::new(&Geometry::new(mode, size, num, 4096).unwrap());
        let l = layout(Mode::Discard, 2, 4096);
        assert_eq!((l.hot, l.cold, l.ts_end, l.array, l.data), (640, 896, 1152, 1168, 4096));
        assert_eq!((l.pages[1].descriptor, l.wsb, l.buf_cnt, l.size), (12352, 12416, 12432, 16608));
        let l = layout(Mode::Overwrite, 2, 4096);
        assert_eq!((l.pages[2].descriptor, l.wsb, l.buf_cnt, l.size), (16512, 16576, 16592, 16608));
        let l = layout(Mode::Overwrite, 4, 8192);
        assert_eq!((l.cold, l.ts_end, l.array, l.pages[0].descriptor), (1152, 1664, 1696, 45056));
        assert_eq!((l.wsb, l.buf_cnt, l.size), (45376, 45408, 45440));
        assert_eq!(layout(Mode::Discard, 1, 4096).size, 12432);
        assert_eq!(layout(Mode::Discard, 4, 4096).size, 24960);
        assert_eq!(layout(Mode::Discard, 4, 524_288).size, 2_625_920);
    }
}
