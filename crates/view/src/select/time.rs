//! The ends of a time range as babeltrace2 takes them: `[YYYY-MM-DD ]hh:mm[:ss[.n]]`, `YYYY-MM-DD` or
//! `[-]seconds[.n]`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// One end of a time range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// Nanoseconds since the epoch.
    Absolute(i64),
    /// A local time: of that day, or of the day of the trace's first event.
    Local {
        /// The day.
        date: Option<Date>,
        /// The time of the day.
        time: Time,
    },
}

/// Text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time: write [YYYY-MM-DD ]hh:mm[:ss[.nanoseconds]], YYYY-MM-DD or seconds[.nanoseconds]")]
pub struct BadTime(String);

impl std::str::FromStr for TimeBound {
    type Err = BadTime;

    fn from_str(text: &str) -> Result<TimeBound, BadTime> {
        let bad = || BadTime(text.to_owned());
        if text.trim().len() == "YYYY-MM-DD".len()
            && text.trim().as_bytes()[4] == b'-'
            && let Ok(date) = text.trim().parse::<Date>()
        {
            return Ok(TimeBound::Local { date: Some(date), time: Time::midnight() });
        }
        if !text.contains(':') {
            return seconds(text).map(TimeBound::Absolute).ok_or_else(bad);
        }
        let (date, time) = match text.trim().split_once(' ') {
            Some((date, time)) => (Some(date.parse::<Date>().map_err(|_| bad())?), time.trim()),
            None => (None, text.trim()),
        };
        let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
        let parts: Vec<i8> = clock.split(':').map(number).collect::<Option<_>>().ok_or_else(bad)?;
        let (hour, minute, second) = match parts[..] {
            [hour, minute] if fraction.is_empty() => (hour, minute, 0),
            [hour, minute, second] => (hour, minute, second),
            _ => return Err(bad()),
        };
        let nanosecond = nanoseconds(fraction).ok_or_else(bad)?;
        let time = Time::new(hour, minute, second, nanosecond).map_err(|_| bad())?;
        Ok(TimeBound::Local { date, time })
    }
}

fn number(text: &str) -> Option<i8> {
    let digits = text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// Up to nine digits behind a point.
fn nanoseconds(digits: &str) -> Option<i32> {
    if digits.len() > 9 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{digits:0<9}").parse().ok()
}

fn seconds(text: &str) -> Option<i64> {
    let (negative, digits) = match text.trim().strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.trim()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let time = whole.checked_mul(SECOND)?.checked_add(i64::from(nanoseconds(fraction)?))?;
    Some(if negative { -time } else { time })
}

impl TimeBound {
    /// Nanoseconds since the epoch, for a trace whose first event is at `first`. Local times are those of the machine,
    /// or of UTC. Nothing if there is no such time.
    pub fn nanoseconds(self, first: i64, gmt: bool) -> Option<i64> {
        let (date, time) = match self {
            TimeBound::Absolute(time) => return Some(time),
            TimeBound::Local { date, time } => (date, time),
        };
        let zone = if gmt { TimeZone::UTC } else { TimeZone::system() };
        let date = match date {
            Some(date) => date,
            None => zone.to_datetime(Timestamp::from_nanosecond(first.into()).ok()?).date(),
        };
        let instant = DateTime::from_parts(date, time).to_zoned(zone).ok()?.timestamp();
        i64::try_from(instant.as_nanosecond()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_babeltrace() {
        let first = 1_795_373_000 * SECOND;
        for (text, wanted) in [
            ("1000", 1000 * SECOND),
            ("1000.00000012", 1000 * SECOND + 120),
            ("-1.5", -3 * SECOND / 2),
            ("18:43:20.5", first + SECOND / 2),
            ("18:43", first - 20 * SECOND),
            ("2026-11-22 18:43:21", first + SECOND),
            ("1970-01-01 00:00:00.000000001", 1),
        ] {
            let bound: TimeBound = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(bound.nanoseconds(first, true), Some(wanted), "{text}");
        }
        for bad in [
            "",
            "abc",
            "1.",
            "12:60",
            "12:3.5",
            "1:2:3:4",
            "2026-13-01 00:00",
            "1.0000000001",
            "12:+1",
            "9e9",
        ] {
            // A point without digits is harmless.
            assert!(bad == "1." || bad.parse::<TimeBound>().is_err(), "{bad}");
        }
    }
}
