//! Durations counted in logarithmic buckets, 16 to an octave: a percentile is off by at most one in sixteen.

/// Buckets to an octave, as a power of two.
const FINE_BITS: u32 = 4;
const FINE: u64 = 1 << FINE_BITS;

/// How many buckets there are.
const BUCKETS: usize = ((64 - FINE_BITS + 1) as usize) << FINE_BITS;

/// A histogram of durations in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    pub(crate) count: u64,
    pub(crate) sum: u128,
    pub(crate) min: u64,
    pub(crate) max: u64,
}

fn bucket_of(value: u64) -> usize {
    if value < FINE {
        return value as usize;
    }
    let octave = 63 - value.leading_zeros() - FINE_BITS;
    (((u64::from(octave) + 1) << FINE_BITS) + ((value >> octave) - FINE)) as usize
}

/// The least value of a bucket.
fn start_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < FINE {
        return bucket;
    }
    let octave = (bucket >> FINE_BITS) - 1;
    ((bucket & (FINE - 1)) + FINE).checked_shl(octave as u32).unwrap_or(u64::MAX)
}

impl Histogram {
    pub(crate) fn add(&mut self, value: u64) {
        if self.counts.is_empty() {
            self.counts = vec![0; BUCKETS];
            self.min = u64::MAX;
        }
        self.counts[bucket_of(value)] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// A value that at least this part (0 to 1) of all are not above.
    pub(crate) fn percentile(&self, part: f64) -> u64 {
        let wanted = ((self.count as f64 * part).ceil() as u64).clamp(1, self.count.max(1));
        let mut below = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            below += count;
            if below >= wanted {
                let last = if bucket + 1 < BUCKETS { start_of(bucket + 1) - 1 } else { u64::MAX };
                return last.clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// The buckets in which there is something: where they start, and how much there is.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        let filled = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (start_of(bucket), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_are_where_they_say() {
        for bucket in 0..BUCKETS {
            assert_eq!(bucket_of(start_of(bucket)), bucket);
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    proptest! {
        #[test]
        fn percentiles_are_nearly_right(
            mut values in prop::collection::vec((0u32..64, any::<u64>()).prop_map(|(shift, value)| value >> shift), 1..300),
            part in 0.0f64..1.0,
        ) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|value| histogram.add(*value));
            values.sort_unstable();
            let rank = ((values.len() as f64 * part).ceil() as usize).clamp(1, values.len());
            let (right, given) = (values[rank - 1], histogram.percentile(part));
            prop_assert!(given >= right && given - right <= right / 16, "{given} for {right}");
            prop_assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), values.len() as u64);
            prop_assert_eq!((histogram.min, histogram.max), (values[0], values[values.len() - 1]));
        }
    }
}
