//! Log levels: how an event selects them, and what each domain calls them (`docs/spec/client-protocol.md`, section 10).

use super::domain::DomainType;

codes! {
    /// Which log levels an event takes.
    pub enum LogLevelType: i8, "event.loglevel_type" {
        /// All of them.
        All = 0,
        /// The given level and all that are more severe.
        Range = 1,
        /// The given level only.
        Single = 2,
    }
}

/// Which log levels an event takes, with the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogLevelSelection {
    /// How the level is meant.
    pub kind: LogLevelType,
    /// The level, as a number of the event's domain. Without a selection: −1, in Java's domains `i32::MIN`, in Python's
    /// 10. In a list of tracepoints: the tracepoint's own level.
    pub level: i32,
}

impl LogLevelSelection {
    /// All levels, as LTTng sends it for the domain.
    pub fn all(domain: DomainType) -> Self {
        let level = match domain {
            DomainType::Kernel | DomainType::Ust => -1,
            DomainType::Jul | DomainType::Log4j => i32::MIN,
            DomainType::Python => 10,
        };
        LogLevelSelection { kind: LogLevelType::All, level }
    }

    /// This level and what is more severe.
    pub fn range(level: i32) -> Self {
        LogLevelSelection { kind: LogLevelType::Range, level }
    }

    /// This level only.
    pub fn single(level: i32) -> Self {
        LogLevelSelection { kind: LogLevelType::Single, level }
    }
}

/// A name and its number.
type Names = &'static [(&'static str, i32)];

const UST: Names = &[
    ("EMERG", 0),
    ("ALERT", 1),
    ("CRIT", 2),
    ("ERR", 3),
    ("WARNING", 4),
    ("NOTICE", 5),
    ("INFO", 6),
    ("DEBUG_SYSTEM", 7),
    ("DEBUG_PROGRAM", 8),
    ("DEBUG_PROCESS", 9),
    ("DEBUG_MODULE", 10),
    ("DEBUG_UNIT", 11),
    ("DEBUG_FUNCTION", 12),
    ("DEBUG_LINE", 13),
    ("DEBUG", 14),
];
const JUL: Names = &[
    ("OFF", i32::MAX),
    ("SEVERE", 1000),
    ("WARNING", 900),
    ("INFO", 800),
    ("CONFIG", 700),
    ("FINE", 500),
    ("FINER", 400),
    ("FINEST", 300),
    ("ALL", i32::MIN),
];
const LOG4J: Names = &[
    ("OFF", i32::MAX),
    ("FATAL", 50_000),
    ("ERROR", 40_000),
    ("WARN", 30_000),
    ("INFO", 20_000),
    ("DEBUG", 10_000),
    ("TRACE", 5_000),
    ("ALL", i32::MIN),
];
const PYTHON: Names =
    &[("CRITICAL", 50), ("ERROR", 40), ("WARNING", 30), ("INFO", 20), ("DEBUG", 10), ("NOTSET", 0)];

/// The names of a domain's log levels with their numbers, the most severe first. The kernel has none.
pub fn log_levels(domain: DomainType) -> &'static [(&'static str, i32)] {
    match domain {
        DomainType::Kernel => &[],
        DomainType::Ust => UST,
        DomainType::Jul => JUL,
        DomainType::Log4j => LOG4J,
        DomainType::Python => PYTHON,
    }
}

/// The name of a domain's log level, without LTTng's prefix (`TRACE_`, `JUL_`, …).
pub fn log_level_name(domain: DomainType, level: i32) -> Option<&'static str> {
    log_levels(domain).iter().find(|(_, number)| *number == level).map(|(name, _)| *name)
}
