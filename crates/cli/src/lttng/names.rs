//! What LTTng calls things: domains, log levels, event types and process attributes, in messages and in the machine
//! interface (`docs/spec/cli.md` §2.2, §5, `docs/spec/mi.md` §5).

use rttng_wire::client::log_level::{log_level_name, log_levels};
use rttng_wire::client::{
    BufferType, DomainType, EventType, LogLevelSelection, LogLevelType, OutputType, ProcessAttribute,
};

/// A domain in messages.
pub(crate) fn domain(domain: DomainType) -> &'static str {
    match domain {
        DomainType::Kernel => "kernel",
        DomainType::Ust => "ust",
        DomainType::Jul => "jul",
        DomainType::Log4j => "log4j",
        DomainType::Python => "python",
    }
}

/// A domain in the machine interface.
pub(crate) fn domain_mi(domain: DomainType) -> &'static str {
    match domain {
        DomainType::Kernel => "KERNEL",
        DomainType::Ust => "UST",
        DomainType::Jul => "JUL",
        DomainType::Log4j => "LOG4J",
        DomainType::Python => "PYTHON",
    }
}

/// A buffer type in the machine interface.
pub(crate) fn buffers_mi(buffers: Option<BufferType>) -> &'static str {
    match buffers {
        Some(BufferType::PerUid) => "PER_UID",
        Some(BufferType::Global) => "GLOBAL",
        Some(BufferType::PerPid) | None => "PER_PID",
    }
}

/// An output type in the machine interface.
pub(crate) fn output_mi(output: OutputType) -> &'static str {
    match output {
        OutputType::Splice => "SPLICE",
        OutputType::Mmap => "MMAP",
    }
}

/// An event type in the machine interface.
pub(crate) fn event_type_mi(kind: EventType) -> &'static str {
    match kind {
        EventType::All => "ALL",
        EventType::Tracepoint => "TRACEPOINT",
        EventType::Probe => "PROBE",
        EventType::Function => "FUNCTION",
        EventType::FunctionEntry => "FUNCTION_ENTRY",
        EventType::Noop => "NOOP",
        EventType::Syscall => "SYSCALL",
        EventType::UserspaceProbe => "USERSPACE_PROBE",
    }
}

/// What each log level name of a domain begins with when LTTng prints it.
fn level_prefix(domain: DomainType) -> &'static str {
    match domain {
        DomainType::Kernel | DomainType::Ust => "TRACE_",
        DomainType::Jul => "JUL_",
        DomainType::Log4j => "LOG4J_",
        DomainType::Python => "PYTHON_",
    }
}

/// The domain whose log levels a domain uses: kernel events have those of user space.
fn level_domain(domain: DomainType) -> DomainType {
    if domain == DomainType::Kernel { DomainType::Ust } else { domain }
}

/// A log level as LTTng prints it, with its prefix; `UNKNOWN` if it has no name.
pub(crate) fn level(domain: DomainType, level: i32) -> String {
    match log_level_name(level_domain(domain), level) {
        Some(name) => format!("{}{name}", level_prefix(domain)),
        None => "UNKNOWN".to_owned(),
    }
}

/// A log level's name without prefix, or its number.
pub(crate) fn bare_level(domain: DomainType, level: i32) -> String {
    log_level_name(level_domain(domain), level).map_or_else(|| level.to_string(), str::to_owned)
}

/// The number of a log level that a person wrote, in any case, with or without prefix. `exact_case` is for triggers.
pub(crate) fn parse_level(domain: DomainType, text: &str, exact_case: bool) -> Option<i32> {
    let same = |name: &str| if exact_case { text == name } else { text.eq_ignore_ascii_case(name) };
    let domain = level_domain(domain);
    let prefix = level_prefix(domain);
    for (name, number) in log_levels(domain) {
        // The reference spells one prefix wrong; scripts may have followed it.
        let misspelt = domain == DomainType::Python && *name == "DEBUG" && same("PYTNON_DEBUG");
        let short = (domain == DomainType::Ust).then(|| name.strip_prefix("DEBUG_")).flatten();
        if same(name) || same(&format!("{prefix}{name}")) || misspelt || short.is_some_and(same) {
            return Some(*number);
        }
    }
    None
}

/// How an event selects log levels, in the machine interface.
pub(crate) fn level_type_mi(selection: LogLevelSelection) -> &'static str {
    match selection.kind {
        LogLevelType::All => "ALL",
        LogLevelType::Range => "RANGE",
        LogLevelType::Single => "SINGLE",
    }
}

/// What stands between `loglevel` and the level in a list.
pub(crate) fn level_operator(kind: LogLevelType) -> &'static str {
    match kind {
        LogLevelType::All => ":",
        LogLevelType::Range => " <=",
        LogLevelType::Single => " ==",
    }
}

/// The long option and XML name of a process attribute.
pub(crate) fn attribute_id(attribute: ProcessAttribute) -> &'static str {
    match attribute {
        ProcessAttribute::Pid => "pid",
        ProcessAttribute::Vpid => "vpid",
        ProcessAttribute::Uid => "uid",
        ProcessAttribute::Vuid => "vuid",
        ProcessAttribute::Gid => "gid",
        ProcessAttribute::Vgid => "vgid",
    }
}

/// A process attribute in messages.
pub(crate) fn attribute(attribute: ProcessAttribute) -> &'static str {
    match attribute {
        ProcessAttribute::Pid => "process ID",
        ProcessAttribute::Vpid => "virtual process ID",
        ProcessAttribute::Uid => "user ID",
        ProcessAttribute::Vuid => "virtual user ID",
        ProcessAttribute::Gid => "group ID",
        ProcessAttribute::Vgid => "virtual group ID",
    }
}

/// A process attribute at the start of a line.
pub(crate) fn attribute_capitalised(kind: ProcessAttribute) -> String {
    let name = attribute(kind);
    name[..1].to_uppercase() + &name[1..]
}

/// The XML element of a tracker.
pub(crate) fn tracker_element(attribute: ProcessAttribute) -> &'static str {
    match attribute {
        ProcessAttribute::Pid => "pid_process_attr_tracker",
        ProcessAttribute::Vpid => "vpid_process_attr_tracker",
        ProcessAttribute::Uid => "uid_process_attr_tracker",
        ProcessAttribute::Vuid => "vuid_process_attr_tracker",
        ProcessAttribute::Gid => "gid_process_attr_tracker",
        ProcessAttribute::Vgid => "vgid_process_attr_tracker",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_found_in_every_spelling() {
        for text in ["INFO", "info", "TRACE_INFO", "trace_info"] {
            assert_eq!(parse_level(DomainType::Ust, text, false), Some(6), "{text}");
        }
        assert_eq!(parse_level(DomainType::Ust, "SYSTEM", false), Some(7));
        assert_eq!(parse_level(DomainType::Ust, "info", true), None);
        assert_eq!(parse_level(DomainType::Jul, "JUL_INFO", false), Some(800));
        assert_eq!(parse_level(DomainType::Python, "PYTNON_DEBUG", false), Some(10));
        assert_eq!(parse_level(DomainType::Ust, "BOGUS", false), None);
    }

    #[test]
    fn levels_are_printed_with_their_prefix() {
        assert_eq!(level(DomainType::Ust, 13), "TRACE_DEBUG_LINE");
        assert_eq!(level(DomainType::Log4j, 40_000), "LOG4J_ERROR");
        assert_eq!(level(DomainType::Ust, 99), "UNKNOWN");
    }
}
