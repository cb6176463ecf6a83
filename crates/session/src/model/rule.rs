//! An event rule: which tracepoints a channel records, and when.

use std::rc::Rc;

/// Names an event rule inside one daemon; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u64);

/// Which log levels match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogLevelRule {
    /// All.
    Any,
    /// This one and more severe ones.
    AtLeast(i32),
    /// This one only.
    Exactly(i32),
}

/// A filter as the client compiled it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The text, for listings.
    pub expression: String,
    /// Code followed by the relocation table.
    pub data: Vec<u8>,
    /// Where in `data` the relocation table begins.
    pub reloc_offset: u32,
}

/// Where a rule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleOrigin {
    /// A client asked for it.
    Client,
    /// The daemon made it for an agent domain; never listed.
    Agent,
}

/// An event rule of a channel.
///
/// Its identity is name, filter, log level rule and exclusions together: the same name with another log level is a
/// second rule (`docs/spec/client-protocol.md`, section 7.10).
#[derive(Debug, Clone)]
pub struct EventRule {
    /// Its number.
    pub id: RuleId,
    /// Full tracepoint name or star pattern, at most 255 bytes.
    pub name: String,
    /// Which log levels match.
    pub log_level: LogLevelRule,
    /// Which field values match, if not all. Shared, because each application is sent the same.
    pub filter: Option<Rc<Filter>>,
    /// Patterns of names that do not match.
    pub exclusions: Vec<String>,
    /// Whether it records.
    pub enabled: bool,
    /// Where it comes from.
    pub origin: RuleOrigin,
}

impl EventRule {
    /// Whether `other` is the same rule, whatever its number and state.
    pub fn is_same_rule(&self, other: &EventRule) -> bool {
        let code = |rule: &EventRule| rule.filter.as_ref().map(|filter| filter.data.clone());
        self.name == other.name
            && self.log_level == other.log_level
            && code(self) == code(other)
            && self.exclusions == other.exclusions
    }
}
