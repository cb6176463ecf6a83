//! Counters in shared memory; the session daemon uses one to count lost notifications (`docs/spec/ust-protocol.md` 12).

use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// What a counter does at its end.
    pub enum CounterArithmetic: u32, "counter arithmetic" {
        /// It starts again.
        Modular = 0,
        /// It stays there.
        Saturating = 1,
    }
}

codes! {
    /// Width of a counter's elements.
    pub enum CounterBitness: u32, "counter bitness" {
        /// 32 bits.
        Bits32 = 0,
        /// 64 bits.
        Bits64 = 1,
    }
}

/// One dimension of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CounterDimension {
    /// Number of elements.
    pub size: u64,
    /// Which element counts values below the range, if any.
    pub underflow_index: Option<u64>,
    /// Which element counts values above the range, if any.
    pub overflow_index: Option<u64>,
}

/// The COUNTER argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What happens at the end.
    pub arithmetic: CounterArithmetic,
    /// Width of an element.
    pub bitness: CounterBitness,
    /// 1 to 4; lttng-ust takes exactly one.
    pub dimensions: Vec<CounterDimension>,
    /// When a CPU's element is added to the global one; 0: never.
    pub global_sum_step: i64,
    /// Whether several hits may count as one.
    pub coalesce_hits: bool,
}

/// Size of [`Counter`] on the wire.
pub(super) const COUNTER_LEN: usize = 192;
const MAX_DIMENSIONS: usize = 4;

impl Counter {
    /// What lttng-sessiond makes to count lost notifications, for so many triggers (4096 unless told otherwise).
    pub fn of_errors(size: u64) -> Self {
        Counter {
            arithmetic: CounterArithmetic::Modular,
            bitness: CounterBitness::Bits32,
            dimensions: vec![CounterDimension { size, ..CounterDimension::default() }],
            global_sum_step: 0,
            coalesce_hits: false,
        }
    }

    /// Bytes of shared memory for one CPU: the elements, then a bitmap for overflows and one for underflows.
    /// `None` if that is more than memory can be.
    pub fn shm_len(&self) -> Option<u64> {
        let elements = self.dimensions.iter().try_fold(1u64, |all, one| all.checked_mul(one.size))?;
        let width = match self.bitness {
            CounterBitness::Bits32 => 4,
            CounterBitness::Bits64 => 8,
        };
        elements.checked_mul(width)?.checked_add(elements.div_ceil(8).checked_mul(2)?)
    }
}

impl Encode for Counter {
    fn encode(&self, out: &mut Writer) {
        let start = out.len();
        let dimensions = &self.dimensions[..self.dimensions.len().min(MAX_DIMENSIONS)];
        out.u32(self.arithmetic.code());
        out.u32(self.bitness.code());
        out.u32(dimensions.len() as u32);
        out.i64(self.global_sum_step);
        for dimension in dimensions {
            out.u64(dimension.size);
            out.u64(dimension.underflow_index.unwrap_or(0));
            out.u64(dimension.overflow_index.unwrap_or(0));
            out.u8(u8::from(dimension.underflow_index.is_some()));
            out.u8(u8::from(dimension.overflow_index.is_some()));
        }
        out.pad_to(start + 124);
        out.u8(u8::from(self.coalesce_hits));
        out.pad_to(start + COUNTER_LEN);
    }
}

impl Decode for Counter {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let arithmetic = CounterArithmetic::from_code(input.u32("counter arithmetic")?)?;
        let bitness = CounterBitness::from_code(input.u32("counter bitness")?)?;
        let count = match input.u32("counter dimensions")? as usize {
            count @ 1..=MAX_DIMENSIONS => count,
            count => return Err(WireError::BadValue { field: "counter dimensions", value: count as i128 }),
        };
        let global_sum_step = input.i64("global sum step")?;
        let mut dimensions = Vec::with_capacity(count);
        for at in 0..MAX_DIMENSIONS {
            let size = input.u64("dimension size")?;
            let (underflow, overflow) = (input.u64("underflow index")?, input.u64("overflow index")?);
            let underflow_index = input.bool8("has underflow")?.then_some(underflow);
            let overflow_index = input.bool8("has overflow")?.then_some(overflow);
            if at < count {
                dimensions.push(CounterDimension { size, underflow_index, overflow_index });
            }
        }
        let coalesce_hits = input.bool8("coalesce hits")?;
        input.skip(67)?;
        Ok(Counter { arithmetic, bitness, dimensions, global_sum_step, coalesce_hits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_counter_has_the_size_that_was_seen() {
        let counter = Counter::of_errors(4096);
        assert_eq!(counter.shm_len(), Some(17_408));
        assert_eq!(counter.to_bytes().len(), COUNTER_LEN);
        assert_eq!(Counter::from_bytes(&counter.to_bytes()), Ok(counter));
    }

    #[test]
    fn absurd_sizes_are_none() {
        assert_eq!(Counter::of_errors(u64::MAX).shm_len(), None);
    }
}
