//! What an application shall record or notify of: a name pattern and a log level rule (`docs/spec/ust-protocol.md`
//! 5.4, 9, 11).

use super::SYMBOL_NAME_LEN;
use super::command::{COMMAND_LEN, UNION_AT};
use super::ids::Token;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// A log level; lower is more severe. Applications may have levels of their own beside the named ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogLevel(pub i32);

impl LogLevel {
    /// System is unusable.
    pub const EMERG: LogLevel = LogLevel(0);
    /// What an event has that declares none.
    pub const DEBUG_LINE: LogLevel = LogLevel(13);
    /// Debugging-level message.
    pub const DEBUG: LogLevel = LogLevel(14);

    const NAMES: [&'static str; 15] = [
        "EMERG",
        "ALERT",
        "CRIT",
        "ERR",
        "WARNING",
        "NOTICE",
        "INFO",
        "DEBUG_SYSTEM",
        "DEBUG_PROGRAM",
        "DEBUG_PROCESS",
        "DEBUG_MODULE",
        "DEBUG_UNIT",
        "DEBUG_FUNCTION",
        "DEBUG_LINE",
        "DEBUG",
    ];

    /// The level's name without prefix (`WARNING`), if it has one.
    pub fn name(self) -> Option<&'static str> {
        usize::try_from(self.0).ok().and_then(|at| Self::NAMES.get(at).copied())
    }
}

/// Which log levels a rule lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogLevelRule {
    /// All of them.
    All,
    /// This one and more severe ones.
    AtLeast(LogLevel),
    /// This one only.
    Exactly(LogLevel),
}

impl LogLevelRule {
    fn parts(self) -> (i32, i32) {
        match self {
            LogLevelRule::All => (0, -1),
            LogLevelRule::AtLeast(level) => (1, level.0),
            LogLevelRule::Exactly(level) => (2, level.0),
        }
    }

    fn from_parts(kind: i32, level: i32) -> Result<Self, WireError> {
        match kind {
            0 => Ok(LogLevelRule::All),
            1 => Ok(LogLevelRule::AtLeast(LogLevel(level))),
            2 => Ok(LogLevelRule::Exactly(LogLevel(level))),
            other => Err(WireError::BadValue { field: "log level type", value: i128::from(other) }),
        }
    }

    /// Whether an event of that level passes, as applications decide it (section 9).
    pub fn matches(self, level: LogLevel) -> bool {
        match self {
            LogLevelRule::All | LogLevelRule::AtLeast(LogLevel(-1)) | LogLevelRule::Exactly(LogLevel(-1)) => {
                level <= LogLevel::DEBUG
            }
            LogLevelRule::AtLeast(limit) => level <= limit,
            LogLevelRule::Exactly(wanted) => level == wanted,
        }
    }
}

/// The EVENT argument: which tracepoints an enabler is for. 572 bytes on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRule {
    /// Name or pattern, `provider:name`, at most 255 bytes.
    pub name: String,
    /// Which log levels pass.
    pub log_level: LogLevelRule,
    /// 0 for events that are recorded; the trigger for event notifiers.
    pub token: Token,
}

/// Size of [`EventRule`] on the wire.
const EVENT_RULE_LEN: usize = 4 + SYMBOL_NAME_LEN + 4 + 4 + 8 + EVENT_PADDING_LEN;
// It fills the union of a command record.
const _: () = assert!(EVENT_RULE_LEN == COMMAND_LEN - UNION_AT);
const TRACEPOINT: i32 = 0;
const EVENT_PADDING_LEN: usize = 8 + 288;

impl Encode for EventRule {
    fn encode(&self, out: &mut Writer) {
        out.i32(TRACEPOINT);
        out.fixed_string(&self.name, SYMBOL_NAME_LEN);
        let (kind, level) = self.log_level.parts();
        out.i32(kind);
        out.i32(level);
        out.u64(self.token.0);
        out.zeros(EVENT_PADDING_LEN);
    }
}

impl Decode for EventRule {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let instrumentation = input.i32("instrumentation")?;
        if instrumentation != TRACEPOINT {
            return Err(WireError::BadValue { field: "instrumentation", value: i128::from(instrumentation) });
        }
        let name = input.fixed_string("event name", SYMBOL_NAME_LEN)?;
        let log_level = LogLevelRule::from_parts(input.i32("log level type")?, input.i32("log level")?)?;
        let token = Token(input.u64("token")?);
        input.skip(EVENT_PADDING_LEN)?;
        Ok(EventRule { name, log_level, token })
    }
}

/// The EVENT_NOTIFIER_CREATE argument: an event rule whose matches are told to the session daemon at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventNotifier {
    /// Which tracepoints; its token names the trigger in each notification.
    pub rule: EventRule,
    /// Which element of the error counter counts the notifications that were lost.
    pub error_counter_index: u64,
}

/// Size of [`EventNotifier`] on the wire.
pub(super) const EVENT_NOTIFIER_LEN: usize = 612;

impl Encode for EventNotifier {
    fn encode(&self, out: &mut Writer) {
        self.rule.encode(out);
        out.u64(self.error_counter_index);
        out.zeros(32);
    }
}

impl Decode for EventNotifier {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let rule = EventRule::decode(input)?;
        let error_counter_index = input.u64("error counter index")?;
        input.skip(32)?;
        Ok(EventNotifier { rule, error_counter_index })
    }
}

/// The names that a pattern rule leaves out; never empty, because an application does not answer an empty list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusions(Vec<String>);

impl Exclusions {
    /// The largest number of names that is taken from a peer.
    pub const MAX_COUNT: u32 = 4096;

    /// Takes the names, each at most 255 bytes; `None` if there are none.
    pub fn new(names: Vec<String>) -> Option<Self> {
        (!names.is_empty() && names.len() <= Self::MAX_COUNT as usize).then_some(Exclusions(names))
    }

    /// The names; patterns too.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    pub(super) fn decode_names(data: &[u8]) -> Result<Self, WireError> {
        let mut input = Reader::new(data);
        let mut names = Vec::with_capacity(data.len() / SYMBOL_NAME_LEN);
        while !input.rest().is_empty() {
            names.push(input.fixed_string("exclusion", SYMBOL_NAME_LEN)?);
        }
        Exclusions::new(names).ok_or(WireError::BadValue { field: "exclusion count", value: 0 })
    }

    pub(super) fn encode_names(&self, out: &mut Writer) {
        for name in &self.0 {
            out.fixed_string(name, SYMBOL_NAME_LEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_lttng_names() {
        assert_eq!(LogLevel(4).name(), Some("WARNING"));
        assert_eq!(LogLevel::DEBUG_LINE.name(), Some("DEBUG_LINE"));
        assert_eq!((LogLevel(15).name(), LogLevel(-1).name()), (None, None));
    }

    #[test]
    fn rules_pass_what_applications_pass() {
        assert!(LogLevelRule::All.matches(LogLevel(14)) && !LogLevelRule::All.matches(LogLevel(15)));
        assert!(LogLevelRule::AtLeast(LogLevel(4)).matches(LogLevel(3)));
        assert!(!LogLevelRule::AtLeast(LogLevel(4)).matches(LogLevel(5)));
        assert!(LogLevelRule::Exactly(LogLevel(4)).matches(LogLevel(4)));
        assert!(!LogLevelRule::Exactly(LogLevel(4)).matches(LogLevel(3)));
        assert!(LogLevelRule::Exactly(LogLevel(-1)).matches(LogLevel(7)));
    }

    #[test]
    fn records_have_their_sizes() {
        let rule = EventRule { name: "demo:*".into(), log_level: LogLevelRule::All, token: Token(0) };
        assert_eq!(rule.to_bytes().len(), EVENT_RULE_LEN);
        assert_eq!(EventNotifier { rule, error_counter_index: 3 }.to_bytes().len(), EVENT_NOTIFIER_LEN);
    }
}
