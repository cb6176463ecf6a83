//! Event rules: which events make a condition true (`docs/spec/client-objects.md`, sections 6 and 7.1).

use super::defaults::SYMBOL_NAME_MAX;
use super::domain::DomainType;
use super::probe::{KernelProbeLocation, UserspaceProbeLocation};
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// At which end of a system call the event is.
    pub enum EmissionSite: u32, "event_rule.emission_site" {
        /// Both ends.
        EntryExit = 0,
        /// The entry.
        Entry = 1,
        /// The exit.
        Exit = 2,
    }
}

/// Which log levels an event rule takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogLevelRule {
    /// This level only.
    Exactly(i32),
    /// This level and what is more severe.
    AtLeastAsSevereAs(i32),
}

impl LogLevelRule {
    /// The level.
    pub fn level(self) -> i32 {
        match self {
            LogLevelRule::Exactly(level) | LogLevelRule::AtLeastAsSevereAs(level) => level,
        }
    }

    const SIZE: u32 = 8;
}

impl Encode for LogLevelRule {
    fn encode(&self, out: &mut Writer) {
        out.i8(match self {
            LogLevelRule::Exactly(_) => 0,
            LogLevelRule::AtLeastAsSevereAs(_) => 1,
        });
        out.zeros(3);
        out.i32(self.level());
    }
}

impl Decode for LogLevelRule {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = input.i8("log_level_rule.type")?;
        // Real peers leave these three bytes as they were in memory.
        input.skip(3)?;
        let level = input.i32("log_level_rule.level")?;
        match kind {
            0 => Ok(LogLevelRule::Exactly(level)),
            1 => Ok(LogLevelRule::AtLeastAsSevereAs(level)),
            other => Err(WireError::BadValue { field: "log_level_rule.type", value: other.into() }),
        }
    }
}

/// Takes tracepoints of user space.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserTracepointRule {
    /// Pattern of the event name; not empty.
    pub pattern: String,
    /// Filter expression; not empty.
    pub filter: Option<String>,
    /// Log levels; 0 to 14.
    pub log_level: Option<LogLevelRule>,
    /// Patterns of event names that are left out.
    pub exclusions: Vec<String>,
}

/// Takes the events of an agent domain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoggingRule {
    /// Pattern of the logger name; not empty.
    pub pattern: String,
    /// Filter expression; not empty.
    pub filter: Option<String>,
    /// Log levels, as numbers of the domain.
    pub log_level: Option<LogLevelRule>,
}

/// Which events make a condition true.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventRule {
    /// System calls.
    KernelSyscall {
        /// At which end.
        emission_site: EmissionSite,
        /// Pattern of the system call's name.
        pattern: String,
        /// Filter expression.
        filter: Option<String>,
    },
    /// A kernel probe.
    KernelKprobe {
        /// The name of its events.
        name: String,
        /// Where it sits.
        location: KernelProbeLocation,
    },
    /// Kernel tracepoints.
    KernelTracepoint {
        /// Pattern of the tracepoint's name.
        pattern: String,
        /// Filter expression.
        filter: Option<String>,
    },
    /// A probe in a user-space binary; one descriptor travels with it.
    KernelUprobe {
        /// The name of its events.
        name: String,
        /// Where it sits.
        location: UserspaceProbeLocation,
    },
    /// Tracepoints of user space.
    UserTracepoint(UserTracepointRule),
    /// Events of `java.util.logging`.
    JulLogging(LoggingRule),
    /// Events of log4j.
    Log4jLogging(LoggingRule),
    /// Events of Python's `logging`.
    PythonLogging(LoggingRule),
}

const KERNEL_SYSCALL: i8 = 0;
const KERNEL_KPROBE: i8 = 1;
const KERNEL_TRACEPOINT: i8 = 2;
const KERNEL_UPROBE: i8 = 3;
const USER_TRACEPOINT: i8 = 4;
const JUL_LOGGING: i8 = 5;
const LOG4J_LOGGING: i8 = 6;
const PYTHON_LOGGING: i8 = 7;

impl EventRule {
    /// The tracing domain of its events.
    pub fn domain(&self) -> DomainType {
        match self {
            EventRule::KernelSyscall { .. }
            | EventRule::KernelKprobe { .. }
            | EventRule::KernelTracepoint { .. }
            | EventRule::KernelUprobe { .. } => DomainType::Kernel,
            EventRule::UserTracepoint(_) => DomainType::Ust,
            EventRule::JulLogging(_) => DomainType::Jul,
            EventRule::Log4jLogging(_) => DomainType::Log4j,
            EventRule::PythonLogging(_) => DomainType::Python,
        }
    }

    /// The filter expression, of the rules that have one.
    pub fn filter(&self) -> Option<&str> {
        match self {
            EventRule::KernelSyscall { filter, .. } | EventRule::KernelTracepoint { filter, .. } => {
                filter.as_deref()
            }
            EventRule::UserTracepoint(rule) => rule.filter.as_deref(),
            EventRule::JulLogging(rule) | EventRule::Log4jLogging(rule) | EventRule::PythonLogging(rule) => {
                rule.filter.as_deref()
            }
            EventRule::KernelKprobe { .. } | EventRule::KernelUprobe { .. } => None,
        }
    }

    /// Whether values of the event can be captured.
    pub fn can_capture(&self) -> bool {
        !matches!(self, EventRule::KernelKprobe { .. } | EventRule::KernelUprobe { .. })
    }

    /// Descriptors that travel with it.
    pub fn fds(&self) -> u32 {
        matches!(self, EventRule::KernelUprobe { .. }).into()
    }

    /// Whether two are equal for LTTng, which leaves the end of a system call out. Of two uprobes it also compares the
    /// files behind the descriptors, which are not here.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (
                EventRule::KernelSyscall { pattern, filter, .. },
                EventRule::KernelSyscall { pattern: other_pattern, filter: other_filter, .. },
            ) => pattern == other_pattern && filter == other_filter,
            _ => self == other,
        }
    }
}

/// A pattern with each run of `*` made one, as every decoder of LTTng leaves it; a backslash protects what follows it.
pub fn normalise_pattern(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    let mut after_star = false;
    while let Some(c) = chars.next() {
        if c == '*' && after_star {
            continue;
        }
        out.push(c);
        after_star = c == '*';
        if c == '\\' {
            out.extend(chars.next());
        }
    }
    out
}

impl Encode for EventRule {
    fn encode(&self, out: &mut Writer) {
        match self {
            EventRule::KernelSyscall { emission_site, pattern, filter } => {
                out.i8(KERNEL_SYSCALL);
                out.u32(emission_site.code());
                out.u32(text::counted_len(pattern));
                out.u32(optional_len(filter));
                text::put(out, pattern);
                put_optional(out, filter);
            }
            EventRule::KernelKprobe { name, location } => {
                out.i8(KERNEL_KPROBE);
                encode_named_location(out, name, location);
            }
            EventRule::KernelTracepoint { pattern, filter } => {
                out.i8(KERNEL_TRACEPOINT);
                out.u32(text::counted_len(pattern));
                out.u32(optional_len(filter));
                text::put(out, pattern);
                put_optional(out, filter);
            }
            EventRule::KernelUprobe { name, location } => {
                out.i8(KERNEL_UPROBE);
                encode_named_location(out, name, location);
            }
            EventRule::UserTracepoint(rule) => {
                out.i8(USER_TRACEPOINT);
                out.u32(text::counted_len(&rule.pattern));
                out.u32(optional_len(&rule.filter));
                out.u32(rule.log_level.map_or(0, |_| LogLevelRule::SIZE));
                out.u32(rule.exclusions.len() as u32);
                out.u32(rule.exclusions.iter().map(|text| 4 + text::counted_len(text)).sum());
                text::put(out, &rule.pattern);
                put_optional(out, &rule.filter);
                if let Some(level) = rule.log_level {
                    level.encode(out);
                }
                for exclusion in &rule.exclusions {
                    text::put_counted(out, exclusion);
                }
            }
            EventRule::JulLogging(rule) => encode_logging(out, JUL_LOGGING, rule),
            EventRule::Log4jLogging(rule) => encode_logging(out, LOG4J_LOGGING, rule),
            EventRule::PythonLogging(rule) => encode_logging(out, PYTHON_LOGGING, rule),
        }
    }
}

fn optional_len(text: &Option<String>) -> u32 {
    text.as_deref().map_or(0, text::counted_len)
}

fn put_optional(out: &mut Writer, text: &Option<String>) {
    if let Some(text) = text {
        text::put(out, text);
    }
}

fn encode_named_location(out: &mut Writer, name: &str, location: &impl Encode) {
    let location = location.to_bytes();
    out.u32(text::counted_len(name));
    out.u32(location.len() as u32);
    text::put(out, name);
    out.bytes(&location);
}

fn encode_logging(out: &mut Writer, kind: i8, rule: &LoggingRule) {
    out.i8(kind);
    out.u32(text::counted_len(&rule.pattern));
    out.u32(optional_len(&rule.filter));
    out.u32(rule.log_level.map_or(0, |_| LogLevelRule::SIZE));
    text::put(out, &rule.pattern);
    put_optional(out, &rule.filter);
    if let Some(level) = rule.log_level {
        level.encode(out);
    }
}

impl Decode for EventRule {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match input.i8("event_rule.type")? {
            KERNEL_SYSCALL => {
                let site = input.u32("event_rule.emission_site")?;
                let emission_site = EmissionSite::from_code(site)?;
                let (pattern, filter) = decode_pattern_filter(input)?;
                Ok(EventRule::KernelSyscall { emission_site, pattern, filter })
            }
            KERNEL_KPROBE => {
                let (name, location) = decode_named_location(input)?;
                Ok(EventRule::KernelKprobe { name, location })
            }
            KERNEL_TRACEPOINT => {
                let (pattern, filter) = decode_pattern_filter(input)?;
                Ok(EventRule::KernelTracepoint { pattern, filter })
            }
            KERNEL_UPROBE => {
                let (name, location) = decode_named_location(input)?;
                Ok(EventRule::KernelUprobe { name, location })
            }
            USER_TRACEPOINT => decode_user_tracepoint(input).map(EventRule::UserTracepoint),
            JUL_LOGGING => decode_logging(input).map(EventRule::JulLogging),
            LOG4J_LOGGING => decode_logging(input).map(EventRule::Log4jLogging),
            PYTHON_LOGGING => decode_logging(input).map(EventRule::PythonLogging),
            other => Err(WireError::BadValue { field: "event_rule.type", value: other.into() }),
        }
    }
}

fn decode_pattern_filter(input: &mut Reader<'_>) -> Result<(String, Option<String>), WireError> {
    let pattern_len = input.u32("event_rule.pattern_len")?;
    let filter_len = input.u32("event_rule.filter_len")?;
    Ok((decode_pattern(input, pattern_len)?, decode_filter(input, filter_len)?))
}

fn decode_pattern(input: &mut Reader<'_>, len: u32) -> Result<String, WireError> {
    text::counted_name(input, "event_rule.pattern", len, usize::MAX)
        .map(|pattern| normalise_pattern(&pattern))
}

fn decode_filter(input: &mut Reader<'_>, len: u32) -> Result<Option<String>, WireError> {
    match len {
        0 => Ok(None),
        len => text::counted_name(input, "event_rule.filter", len, usize::MAX).map(Some),
    }
}

fn decode_log_level(input: &mut Reader<'_>, len: u32) -> Result<Option<LogLevelRule>, WireError> {
    match len {
        0 => Ok(None),
        LogLevelRule::SIZE => LogLevelRule::decode(input).map(Some),
        other => Err(WireError::BadValue { field: "event_rule.log_level_rule_len", value: other.into() }),
    }
}

fn decode_named_location<L: Decode>(input: &mut Reader<'_>) -> Result<(String, L), WireError> {
    let name_len = input.u32("event_rule.name_len")?;
    let location_len = input.u32("event_rule.location_len")?;
    let name = text::counted_name(input, "event_rule.name", name_len, usize::MAX)?;
    let location = L::from_bytes(input.bytes("event_rule.location", location_len as usize)?)?;
    Ok((name, location))
}

fn decode_user_tracepoint(input: &mut Reader<'_>) -> Result<UserTracepointRule, WireError> {
    let pattern_len = input.u32("event_rule.pattern_len")?;
    let filter_len = input.u32("event_rule.filter_len")?;
    let level_len = input.u32("event_rule.log_level_rule_len")?;
    let exclusions_count = input.u32("event_rule.exclusions_count")?;
    // Senders fill it in, receivers ignore it.
    let _exclusions_len = input.u32("event_rule.exclusions_len")?;
    let pattern = decode_pattern(input, pattern_len)?;
    let filter = decode_filter(input, filter_len)?;
    let log_level = decode_log_level(input, level_len)?;
    if let Some(rule) = log_level.filter(|rule| !(0..=14).contains(&rule.level())) {
        return Err(WireError::BadValue { field: "log_level_rule.level", value: rule.level().into() });
    }
    let mut exclusions = Vec::new();
    for _ in 0..exclusions_count {
        let len = input.u32("event_rule.exclusion_len")?;
        exclusions.push(text::counted_string(input, "event_rule.exclusion", len, SYMBOL_NAME_MAX + 1)?);
    }
    Ok(UserTracepointRule { pattern, filter, log_level, exclusions })
}

fn decode_logging(input: &mut Reader<'_>) -> Result<LoggingRule, WireError> {
    let pattern_len = input.u32("event_rule.pattern_len")?;
    let filter_len = input.u32("event_rule.filter_len")?;
    let level_len = input.u32("event_rule.log_level_rule_len")?;
    let pattern = decode_pattern(input, pattern_len)?;
    let filter = decode_filter(input, filter_len)?;
    let log_level = decode_log_level(input, level_len)?;
    Ok(LoggingRule { pattern, filter, log_level })
}

#[cfg(test)]
mod tests {
    use super::normalise_pattern;

    #[test]
    fn runs_of_stars_become_one_unless_escaped() {
        assert_eq!(normalise_pattern("demo:***"), "demo:*");
        assert_eq!(normalise_pattern("**a**b"), "*a*b");
        assert_eq!(normalise_pattern(r"\**"), r"\**");
        assert_eq!(normalise_pattern(r"*\**"), r"*\**");
        assert_eq!(normalise_pattern(r"a\"), r"a\");
    }
}
