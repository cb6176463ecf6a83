//! What is particular to traces of user space: the layout that an application announces, the packets it writes, its
//! contexts, and the metadata that the session daemon composes for it.

mod context;
mod layout;
mod metadata;
mod recordable;

pub use context::Context;
pub use layout::{EventHeader, PacketLayout, PacketOffsets, layout_of};
pub use metadata::{
    Buffering, DeclareError, MetadataCursor, MetadataLog, MetadataUpdate, TraceInfo, TracerVersion,
    clock_block,
};
pub use recordable::{Unrecordable, WhyUnrecordable, check_fields};

use crate::types::{ByteOrder, Integer};

/// Alignments of C's unsigned integers in a ring buffer, in bits, as an application announces them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alignments {
    /// Of an 8-bit integer.
    pub u8: u32,
    /// Of a 16-bit integer.
    pub u16: u32,
    /// Of a 32-bit integer.
    pub u32: u32,
    /// Of a 64-bit integer.
    pub u64: u32,
    /// Of a `long`.
    pub long: u32,
}

impl Alignments {
    /// All on bytes: x86 and PowerPC.
    pub const PACKED: Alignments = Alignments { u8: 8, u16: 8, u32: 8, u64: 8, long: 8 };
    /// Natural ones with a 64-bit `long`: AArch64 and the other 64-bit machines.
    pub const NATURAL_64: Alignments = Alignments { u8: 8, u16: 16, u32: 32, u64: 64, long: 64 };
}

/// How an application's compiler lays out what it records (`docs/spec/trace-output.md`, 10.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Abi {
    /// Its byte order.
    pub byte_order: ByteOrder,
    /// Size of its `long`, in bits: 32 or 64.
    pub long_bits: u32,
    /// The alignments that it announced.
    pub alignments: Alignments,
}

impl Abi {
    /// A 64-bit x86 application.
    pub const X86_64: Abi =
        Abi { byte_order: ByteOrder::Little, long_bits: 64, alignments: Alignments::PACKED };

    /// What this very program is, as liblttng-ust would announce it.
    pub const NATIVE: Abi = Abi {
        byte_order: ByteOrder::NATIVE,
        long_bits: usize::BITS,
        alignments: if cfg!(any(target_arch = "x86_64", target_arch = "x86")) {
            Alignments::PACKED
        } else if cfg!(target_pointer_width = "64") {
            Alignments::NATURAL_64
        } else {
            Alignments { long: 32, ..Alignments::NATURAL_64 }
        },
    };

    /// The alignment of an integer of that many bits.
    fn alignment_of(&self, size_bits: u32) -> u32 {
        match size_bits {
            0..=8 => self.alignments.u8,
            9..=16 => self.alignments.u16,
            17..=32 => self.alignments.u32,
            _ => self.alignments.u64,
        }
    }

    pub(crate) fn unsigned(&self, size_bits: u32) -> Integer {
        Integer::unsigned(size_bits, self.alignment_of(size_bits), self.byte_order)
    }

    pub(crate) fn signed(&self, size_bits: u32) -> Integer {
        Integer::signed(size_bits, self.alignment_of(size_bits), self.byte_order)
    }

    pub(crate) fn long(&self) -> Integer {
        Integer::unsigned(self.long_bits, self.alignments.long, self.byte_order)
    }
}
