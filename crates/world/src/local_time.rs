//! Times as LTTng writes them into names: in the machine's local time zone (`docs/spec/trace-output.md`, section 1).

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `20261122-185810`: names of session output directories, per-process trace directories, snapshots.
pub fn stamp(time: SystemTime) -> String {
    format(time, "%Y%m%d-%H%M%S", &TimeZone::system())
}

/// `20261122T190024+0000`: names of trace chunks.
pub fn iso(time: SystemTime) -> String {
    format(time, "%Y%m%dT%H%M%S%z", &TimeZone::system())
}

fn format(time: SystemTime, pattern: &str, zone: &TimeZone) -> String {
    // A clock outside of the years -9999 to 9999 is shown as the epoch: a name must not fail.
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(zone.clone()).strftime(pattern).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn both_forms_are_local() {
        let time = UNIX_EPOCH + Duration::from_secs(1_795_374_024);
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(format(time, "%Y%m%d-%H%M%S", &TimeZone::UTC), "20261122-190024");
        assert_eq!(format(time, "%Y%m%dT%H%M%S%z", &zone), "20261122T210024+0200");
    }
}
