//! Names, values and ranges of log levels in each domain (`docs/spec/filter.md`, 7.3; `docs/spec/cli.md`, 5;
//! `docs/spec/agents.md`, 8).

/// Whose log levels are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogLevelDomain {
    /// Tracepoints of liblttng-ust: lower is more severe.
    UserSpace,
    /// `java.util.logging`: higher is more severe.
    Jul,
    /// log4j 1.x: higher is more severe.
    Log4j,
    /// Python's `logging`: higher is more severe.
    Python,
}

/// What a tracepoint without a log level has: DEBUG_LINE.
pub const DEFAULT_LEVEL: i32 = 13;

/// The least severe level of user space: DEBUG.
const LEAST_SEVERE: i32 = 14;

const USER_SPACE: &[(&str, i32)] = &[
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

/// Short forms that take no prefix.
const USER_SPACE_SHORT: &[(&str, i32)] = &[
    ("SYSTEM", 7),
    ("PROGRAM", 8),
    ("PROCESS", 9),
    ("MODULE", 10),
    ("UNIT", 11),
    ("FUNCTION", 12),
    ("LINE", 13),
];

const JUL: &[(&str, i32)] = &[
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

const LOG4J: &[(&str, i32)] = &[
    ("OFF", i32::MAX),
    ("FATAL", 50000),
    ("ERROR", 40000),
    ("WARN", 30000),
    ("INFO", 20000),
    ("DEBUG", 10000),
    ("TRACE", 5000),
    ("ALL", i32::MIN),
];

const PYTHON: &[(&str, i32)] =
    &[("CRITICAL", 50), ("ERROR", 40), ("WARNING", 30), ("INFO", 20), ("DEBUG", 10), ("NOTSET", 0)];

/// A misspelling of 2.13.9 that scripts may have learned.
const PYTHON_DEBUG_MISSPELLED: &str = "PYTNON_DEBUG";

impl LogLevelDomain {
    /// Names and values, without prefix, most severe first.
    pub fn levels(self) -> &'static [(&'static str, i32)] {
        match self {
            Self::UserSpace => USER_SPACE,
            Self::Jul => JUL,
            Self::Log4j => LOG4J,
            Self::Python => PYTHON,
        }
    }

    /// What names may start with: `TRACE_`, `JUL_`, `LOG4J_`, `PYTHON_`.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::UserSpace => "TRACE_",
            Self::Jul => "JUL_",
            Self::Log4j => "LOG4J_",
            Self::Python => "PYTHON_",
        }
    }

    /// The level that a range may end with; nothing an application logs is more severe.
    fn most_severe(self) -> i32 {
        match self {
            Self::UserSpace => 0,
            Self::Jul => 1000,
            Self::Log4j => 50000,
            Self::Python => 50,
        }
    }

    /// The value of a name, with or without prefix, as `enable-event --loglevel` takes it: letters of either case,
    /// no numbers, no `ALL`.
    pub fn value_in_command(self, name: &str) -> Option<i32> {
        let name = name.to_ascii_uppercase();
        self.value(&name).filter(|&value| self == Self::UserSpace || value != i32::MIN)
    }

    /// The value of a name, with or without prefix, in capitals, as `add-trigger --log-level` takes it.
    pub fn value(self, name: &str) -> Option<i32> {
        let find = |table: &[(&str, i32)], name: &str| {
            table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
        };
        let plain = name.strip_prefix(self.prefix()).unwrap_or(name);
        find(self.levels(), plain).or_else(|| match self {
            Self::UserSpace => find(USER_SPACE_SHORT, name),
            Self::Python if name == PYTHON_DEBUG_MISSPELLED => find(PYTHON, "DEBUG"),
            _ => None,
        })
    }

    /// The name of a value with its prefix, as listings show it. Values between names have none.
    pub fn name(self, value: i32) -> Option<String> {
        let (name, _) = self.levels().iter().find(|(_, known)| *known == value)?;
        Some(format!("{}{name}", self.prefix()))
    }

    /// What `add-trigger --log-level` takes: `LEVEL` is exactly that one, `LEVEL..` or `LEVEL..MOST-SEVERE` at least
    /// that severe, `..` any.
    pub fn rule_in_trigger(self, text: &str) -> Option<LogLevelRule> {
        if text == ".." {
            return Some(LogLevelRule::Any);
        }
        match text.split_once("..") {
            None => Some(LogLevelRule::Exactly(self.value(text)?)),
            Some((from, to)) => {
                let closed = to.is_empty() || self.value(to)? == self.most_severe();
                closed.then_some(LogLevelRule::AtLeast(self.value(from)?))
            }
        }
    }
}

/// Which log levels an event rule selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogLevelRule {
    /// All of them (type 0).
    Any,
    /// As severe as this one or more (type 1).
    AtLeast(i32),
    /// This one (type 2).
    Exactly(i32),
}

impl LogLevelRule {
    /// Whether an event of this level is selected. In user space, −1 as the value of a rule means any.
    pub fn selects(self, domain: LogLevelDomain, level: i32) -> bool {
        if domain == LogLevelDomain::UserSpace {
            return match self {
                Self::Any | Self::AtLeast(-1) | Self::Exactly(-1) => level <= LEAST_SEVERE,
                Self::AtLeast(value) => level <= value,
                Self::Exactly(value) => level == value,
            };
        }
        match self {
            Self::Any => true,
            Self::AtLeast(value) => level >= value,
            Self::Exactly(value) => level == value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LogLevelDomain::{Jul, Log4j, Python, UserSpace};
    use super::*;

    #[test]
    fn names_of_commands_have_either_case_and_an_optional_prefix() {
        for (domain, name, value) in [
            (UserSpace, "trace_info", Some(6)),
            (UserSpace, "Info", Some(6)),
            (UserSpace, "SYSTEM", Some(7)),
            (UserSpace, "TRACE_DEBUG_SYSTEM", Some(7)),
            (UserSpace, "TRACE_SYSTEM", None),
            (UserSpace, "WARN", None),
            (UserSpace, "6", None),
            (UserSpace, "INFO..", None),
            (UserSpace, "", None),
            (Jul, "jul_finest", Some(300)),
            (Jul, "ALL", None),
            (Jul, "OFF", Some(i32::MAX)),
            (Log4j, "Warn", Some(30000)),
            (Python, "PYTHON_DEBUG", Some(10)),
            (Python, "pytnon_debug", Some(10)),
        ] {
            assert_eq!(domain.value_in_command(name), value, "{name}");
        }
    }

    #[test]
    fn triggers_take_levels_and_ranges_up_to_the_most_severe() {
        use LogLevelRule::{Any, AtLeast, Exactly};
        for (domain, text, rule) in [
            (UserSpace, "INFO", Some(Exactly(6))),
            (UserSpace, "INFO..", Some(AtLeast(6))),
            (UserSpace, "INFO..EMERG", Some(AtLeast(6))),
            (UserSpace, "..", Some(Any)),
            (UserSpace, "INFO..CRIT", None),
            (UserSpace, "EMERG..INFO", None),
            (UserSpace, "info", None),
            (UserSpace, "..INFO", None),
            (UserSpace, "6", None),
            (UserSpace, "", None),
            (Jul, "INFO..SEVERE", Some(AtLeast(800))),
            (Jul, "INFO..OFF", None),
            (Jul, "..", Some(Any)),
            (Jul, "ALL", Some(Exactly(i32::MIN))),
            (Log4j, "INFO..FATAL", Some(AtLeast(20000))),
            (Python, "INFO..CRITICAL", Some(AtLeast(20))),
        ] {
            assert_eq!(domain.rule_in_trigger(text), rule, "{text}");
        }
    }

    #[test]
    fn every_level_has_a_name_that_reads_back() {
        for domain in [UserSpace, Jul, Log4j, Python] {
            for (name, value) in domain.levels() {
                assert_eq!(domain.value(name), Some(*value));
                assert_eq!(domain.value(&domain.name(*value).unwrap()), Some(*value));
            }
            assert_eq!(domain.name(12345), None);
        }
    }

    #[test]
    fn severity_grows_downwards_in_user_space_and_upwards_elsewhere() {
        assert!(LogLevelRule::AtLeast(6).selects(UserSpace, 2));
        assert!(!LogLevelRule::AtLeast(6).selects(UserSpace, 7));
        assert!(LogLevelRule::AtLeast(-1).selects(UserSpace, 14));
        assert!(!LogLevelRule::Any.selects(UserSpace, 15));
        assert!(LogLevelRule::AtLeast(800).selects(Jul, 900));
        assert!(!LogLevelRule::AtLeast(800).selects(Jul, 700));
        assert!(LogLevelRule::Exactly(850).selects(Jul, 850));
    }
}
