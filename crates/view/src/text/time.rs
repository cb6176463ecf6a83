//! Times as text. The part of a time that changes once a second is kept.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::options::{TextOptions, TimeFormat};
use crate::number::{decimal, nine_digits, padded_decimal};
use crate::out::{Literal, Out};

/// A start from which no time is less than a second away.
const NOTHING_KEPT: u64 = u64::MAX - 2 * SECOND;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// Prints times of one kind.
#[derive(Debug)]
pub(crate) struct TimeText {
    seconds_only: bool,
    date: bool,
    zone: TimeZone,
    /// The nanosecond that the kept second starts with. At first [`NOTHING_KEPT`].
    start: u64,
    kept: Literal,
}

impl TimeText {
    pub(crate) fn new(options: &TextOptions) -> TimeText {
        TimeText {
            seconds_only: options.time == TimeFormat::Seconds,
            date: options.date,
            zone: if options.gmt { TimeZone::UTC } else { TimeZone::system() },
            start: NOTHING_KEPT,
            kept: Literal::new(b""),
        }
    }

    /// Puts a time in nanoseconds since the Unix epoch.
    #[inline]
    pub(crate) fn put(&mut self, out: &mut Out, nanoseconds: i64) {
        // babeltrace2 drops the sign of times before the epoch, except in seconds.
        if nanoseconds < 0 && self.seconds_only {
            out.put(b"-");
        }
        let time = nanoseconds.unsigned_abs();
        let mut fraction = time.wrapping_sub(self.start);
        if fraction >= SECOND {
            self.keep(time / SECOND);
            fraction = time % SECOND;
        }
        out.literal(&self.kept);
        nine_digits(out, fraction as u32);
    }

    #[cold]
    fn keep(&mut self, second: u64) {
        self.start = second * SECOND;
        let mut out = Out::with_capacity(32);
        if self.seconds_only {
            decimal(&mut out, second);
        } else {
            // Beyond the year 9999 there are no dates.
            let second = i64::try_from(second).unwrap_or(i64::MAX);
            let time = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
            let local = self.zone.to_datetime(time);
            if self.date {
                padded_decimal(&mut out, local.year().unsigned_abs().into(), 4);
                for part in [local.month(), local.day()] {
                    out.put(b"-");
                    padded_decimal(&mut out, part.unsigned_abs().into(), 2);
                }
                out.put(b" ");
            }
            for (part, mark) in [(local.hour(), ":"), (local.minute(), ":"), (local.second(), "")] {
                padded_decimal(&mut out, part.unsigned_abs().into(), 2);
                out.put(mark.as_bytes());
            }
        }
        out.put(b".");
        self.kept = Literal::new(out.bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(time: &mut TimeText, nanoseconds: i64) -> String {
        let mut out = Out::with_capacity(0);
        time.put(&mut out, nanoseconds);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn times_are_printed_in_any_order() {
        let options = TextOptions { gmt: true, date: true, ..TextOptions::default() };
        let mut of_day = TimeText::new(&options);
        for (nanoseconds, wanted) in [
            (0, "1970-01-01 00:00:00.000000000"),
            (999_999_999, "1970-01-01 00:00:00.999999999"),
            (1_795_372_999_259_704_699, "2026-11-22 18:43:19.259704699"),
            (1, "1970-01-01 00:00:00.000000001"),
            (-4_999_999_900, "1970-01-01 00:00:04.999999900"),
            (i64::MAX, "2262-04-11 23:47:16.854775807"),
            (i64::MIN, "2262-04-11 23:47:16.854775808"),
        ] {
            assert_eq!(text(&mut of_day, nanoseconds), wanted);
        }
        let mut seconds = TimeText::new(&TextOptions { time: TimeFormat::Seconds, ..options });
        assert_eq!(text(&mut seconds, 1_000_000_600_000), "1000.000600000");
        assert_eq!(text(&mut seconds, -4_999_999_900), "-4.999999900");
    }
}
