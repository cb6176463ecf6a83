//! From the cycles of a stream's clock to nanoseconds.

use crate::class::{Clock, StreamClass, TraceClass, Version};
use crate::types::{Structure, Type};

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// How the cycles of one clock become nanoseconds since its origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeScale {
    /// Nanoseconds at cycle 0.
    base: i64,
    frequency: u64,
}

impl TimeScale {
    /// The scale of a clock, `offset_ns` nanoseconds later than it says.
    pub fn of(clock: &Clock, offset_ns: i64) -> TimeScale {
        let frequency = clock.frequency.max(1);
        let seconds = clock.offset_seconds.saturating_mul(SECOND);
        let cycles = i128::from(clock.offset);
        // Whole seconds apart, as babeltrace2 has it, so that the rest is exact.
        let whole = cycles.div_euclid(i128::from(frequency));
        let rest = cycles.rem_euclid(i128::from(frequency)) as u64;
        let whole = i64::try_from(whole.saturating_mul(i128::from(SECOND))).unwrap_or(i64::MAX);
        let rest = TimeScale { base: 0, frequency }.nanoseconds(rest);
        let base = seconds.saturating_add(whole).saturating_add(rest).saturating_add(offset_ns);
        TimeScale { base, frequency }
    }

    /// Nanoseconds since the origin of the clock. Clocks of other frequencies than 1 GHz are rounded as babeltrace2
    /// rounds them, through a floating point number.
    #[inline]
    pub fn nanoseconds(self, cycles: u64) -> i64 {
        let fine = if self.frequency == SECOND as u64 {
            cycles as i64
        } else {
            (SECOND as f64 * cycles as f64 / self.frequency as f64) as i64
        };
        self.base.saturating_add(fine)
    }
}

/// The clock that the times of a stream are of, if it has any.
pub(crate) fn clock_of<'t>(trace: &'t TraceClass, stream: &StreamClass) -> Option<&'t Clock> {
    let scopes = [&stream.event_header, &stream.packet_context, &stream.event_context];
    let own = stream.events.iter().flat_map(|event| [&event.context, &event.fields]);
    let mapped = scopes.into_iter().chain(own).flatten().find_map(mapped_clock);
    match mapped {
        Some(name) => trace.clock(name),
        None if trace.version == Version::Ctf2 => trace.clock(stream.default_clock.as_deref()?),
        None => None,
    }
}

fn mapped_clock(structure: &Structure) -> Option<&str> {
    structure.fields.iter().find_map(|field| mapped_in(&field.ty))
}

fn mapped_in(ty: &Type) -> Option<&str> {
    match ty {
        Type::Integer(integer) => integer.clock.as_deref(),
        Type::Enumeration(enumeration) => enumeration.container.clock.as_deref(),
        Type::VariableInteger(integer) => integer.clock.as_deref(),
        other => other.parts().find_map(mapped_in),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_frequencies_are_rounded_as_babeltrace_does() {
        let clock =
            Clock { frequency: 1_000_000, offset_seconds: 1000, offset: 500, ..Clock::monotonic(None, 0) };
        let scale = TimeScale::of(&clock, 0);
        assert_eq!(scale.nanoseconds(100), 1_000_000_600_000);
        assert_eq!(scale.nanoseconds(8_589_934_597), 9_589_935_096_999);
    }

    #[test]
    fn a_clock_of_nanoseconds_is_exact() {
        let scale = TimeScale::of(&Clock::monotonic(None, 1_795_372_999_259_704_699), 1);
        assert_eq!(scale.nanoseconds(1), 1_795_372_999_259_704_701);
        let far = Clock { offset_seconds: i64::MAX, ..Clock::monotonic(None, i64::MIN) };
        assert!(TimeScale::of(&far, 0).nanoseconds(u64::MAX) < i64::MAX);
    }
}
