//! Reading a trace back with babeltrace2, which must find nothing to warn about.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::world::World;

/// One event as babeltrace2 prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// Nanoseconds since 1970.
    pub timestamp_ns: u64,
    /// Provider and name, as `rttng_fields:all`.
    pub name: String,
    /// The log level, as `TRACE_INFO (6)`.
    pub level: String,
    /// All scopes behind the name: packet context, contexts, payload, as printed.
    pub scopes: String,
}

impl Event {
    /// Reads a line of `babeltrace2 --clock-seconds --no-delta --fields=loglevel` (see [`World::babeltrace2`]).
    ///
    /// # Panics
    /// When it is not one.
    fn parse(line: &str) -> Event {
        let parts = || {
            let (time, rest) = line.strip_prefix('[')?.split_once("] ")?;
            let (seconds, fraction) = time.split_once('.')?;
            let timestamp_ns = seconds
                .parse::<u64>()
                .ok()?
                .checked_mul(1_000_000_000)?
                .checked_add(fraction.parse().ok()?)?;
            let (head, scopes) =
                rest.split_once(": { ").map(|(head, scopes)| (head, format!("{{ {scopes}")))?;
            let (level, name) = head.rsplit_once(' ').unwrap_or(("", head));
            let (level, name) = (level.to_owned(), name.to_owned());
            Some(Event { timestamp_ns, name, level, scopes })
        };
        parts().unwrap_or_else(|| panic!("not an event of babeltrace2: {line:?}"))
    }

    /// The payload alone, as printed, without its braces.
    pub fn fields(&self) -> &str {
        last_scope(&self.scopes)
    }

    /// The printed value of a payload field or context that holds no braces or commas itself.
    pub fn value(&self, field: &str) -> Option<&str> {
        let marks = [format!("{{ {field} = "), format!(", {field} = ")];
        let start = marks.iter().find_map(|mark| self.scopes.find(mark).map(|at| at + mark.len()))?;
        let rest = &self.scopes[start..];
        let end = rest.find([',', '}']).unwrap_or(rest.len());
        Some(rest[..end].trim_end())
    }

    /// The value of an integer field or context that is printed in base 10.
    pub fn int(&self, field: &str) -> Option<i64> {
        self.value(field)?.parse().ok()
    }

    /// The value of an integer field or context that is printed in base 16, as addresses are.
    pub fn hex(&self, field: &str) -> Option<u64> {
        u64::from_str_radix(self.value(field)?.strip_prefix("0x")?, 16).ok()
    }
}

/// The last top-level `{ … }` of a line, without its braces. Braces in strings are part of the text: they are
/// balanced over by counting only those outside quotes.
fn last_scope(scopes: &str) -> &str {
    let (mut depth, mut quoted, mut escaped, mut start, mut last) = (0_u32, false, false, 0, "");
    for (at, byte) in scopes.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' if !quoted => {
                if depth == 0 {
                    start = at + 1;
                }
                depth += 1;
            }
            b'}' if !quoted => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    last = scopes[start..at].trim();
                }
            }
            _ => {}
        }
    }
    last
}

/// How many events of each name there are.
pub fn events_by_name(events: &[Event]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(event.name.as_str()).or_default() += 1;
    }
    counts
}

impl World {
    /// The lines that babeltrace2 prints for the trace in `dir`, seconds and nanoseconds first.
    ///
    /// # Panics
    /// When babeltrace2 fails, or says anything on standard error: a warning is a defect of the trace.
    #[track_caller]
    pub fn babeltrace2_lines(&self, dir: &Path) -> Vec<String> {
        self.babeltrace2_lines_where(dir, |_| false)
    }

    /// The events of a trace that may tell of events that were discarded, and of nothing else.
    ///
    /// # Panics
    /// As [`World::babeltrace2_lines`].
    #[track_caller]
    pub fn babeltrace2_with_losses(&self, dir: &Path) -> Vec<Event> {
        let lines = self.babeltrace2_lines_where(dir, |warning| warning.contains("Tracer discarded "));
        lines.iter().map(|line| Event::parse(line)).collect()
    }

    #[track_caller]
    fn babeltrace2_lines_where(&self, dir: &Path, forgiven: impl Fn(&str) -> bool) -> Vec<String> {
        let read = self
            .program("babeltrace2")
            .args(["--clock-seconds", "--no-delta", "--fields=loglevel"])
            .arg(dir)
            .limit(Duration::from_secs(300))
            .run();
        assert!(read.status.success(), "babeltrace2 cannot read {}\n{}", dir.display(), read.stderr);
        let warned = read.stderr.lines().any(|line| !line.is_empty() && !forgiven(line));
        assert!(!warned, "babeltrace2 warns about {}\n{}", dir.display(), read.stderr);
        read.stdout.lines().map(str::to_owned).collect()
    }

    /// The events of the trace in `dir`, in time order.
    ///
    /// # Panics
    /// As [`World::babeltrace2_lines`].
    #[track_caller]
    pub fn babeltrace2(&self, dir: &Path) -> Vec<Event> {
        self.babeltrace2_lines(dir).iter().map(|line| Event::parse(line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line_of_babeltrace2() {
        let line = "[1700000000.000000042] TRACE_INFO (6) a:b: { cpu_id = 1 }, { vpid = 7 }, { thread = 3, text = \"} {\\\" x\", n = -4 }";
        let event = Event::parse(line);
        assert_eq!(event.timestamp_ns, 1_700_000_000_000_000_042);
        assert_eq!((event.name.as_str(), event.level.as_str()), ("a:b", "TRACE_INFO (6)"));
        assert_eq!(event.fields(), "thread = 3, text = \"} {\\\" x\", n = -4");
        assert_eq!((event.int("vpid"), event.int("thread"), event.int("n")), (Some(7), Some(3), Some(-4)));
    }
}
