//! Lists as text to read.

use std::time::Duration;

use rttng_wire::client::{
    BlockingTimeout, BufferType, Channel, Domain, DomainType, Event, EventField, EventKind, FieldType,
    LogLevelType, OutputType, OverwriteMode, ProcessAttributeValue, RotationSchedules, Session,
    TrackingPolicy, UserspaceProbeLocation,
};

use rttng_wire::text;

use super::Tracker;
use crate::lttng::names;
use crate::lttng::output::Output;
use crate::lttng::values::micros;

/// Width of the column that holds a tracker's name.
const TRACKER_COLUMN: usize = 22;

/// Groups of consecutive elements of one process.
pub(super) struct ByProcess<'a, T> {
    rest: &'a [T],
    pid: fn(&T) -> i32,
}

impl<'a, T> ByProcess<'a, T> {
    pub(super) fn new(elements: &'a [T], pid: fn(&T) -> i32) -> Self {
        ByProcess { rest: elements, pid }
    }
}

impl<'a, T> Iterator for ByProcess<'a, T> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        let first = (self.pid)(self.rest.first()?);
        let end =
            self.rest.iter().position(|element| (self.pid)(element) != first).unwrap_or(self.rest.len());
        let (group, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(group)
    }
}

/// The first word of a process's command line.
pub(super) fn command_name(pid: i32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}

pub(super) fn sessions(out: Output, sessions: &[Session]) {
    if sessions.is_empty() {
        out.say("Currently no available recording session");
        return;
    }
    out.say("Available recording sessions:");
    for (number, session) in sessions.iter().enumerate() {
        out.say(format_args!("  {}) {} {}", number + 1, session.name, state(session)));
        if !session.path.is_empty() {
            out.say(format_args!("    Trace output: {}", session.path));
        }
        if let Some(timer) = session.live_timer {
            out.say(format_args!("    Live timer interval: {} us", micros(timer)));
        }
        out.say("");
    }
    out.say("\nUse lttng list <session_name> for more details");
}

fn state(session: &Session) -> String {
    let active = if session.active { "active" } else { "inactive" };
    let snapshot = if session.snapshot_mode { " snapshot" } else { "" };
    format!("[{active}{snapshot}]")
}

pub(super) fn session_heading(out: Output, session: &Session) {
    out.say(format_args!("Recording session {}: {}", session.name, state(session)));
    if !session.path.is_empty() {
        out.say(format_args!("    Trace output: {}\n", session.path));
    }
}

pub(super) fn rotation_schedules(out: Output, schedules: &RotationSchedules) {
    if *schedules == RotationSchedules::default() {
        return;
    }
    out.say("Automatic rotation schedules:");
    if let Some(period) = schedules.periodic {
        out.say(format_args!("    timer period: {} us", micros(period)));
    }
    if let Some(size) = schedules.size {
        out.say(format_args!("    size threshold: {size} bytes"));
    }
    out.say("");
}

pub(super) fn domains(out: Output, domains: &[Domain]) {
    out.say("Domains:\n-------------");
    if domains.is_empty() {
        out.say("  None");
    }
    for domain in domains {
        out.say(match domain.kind {
            DomainType::Kernel => "  - Kernel",
            DomainType::Ust => "  - UST global",
            DomainType::Jul => "  - JUL (Java Util Logging)",
            DomainType::Log4j => "  - LOG4j (Logging for Java)",
            DomainType::Python => "  - Python (logging)",
        });
    }
}

pub(super) fn domain_heading(out: Output, domain: Domain) {
    let title = match domain.kind {
        DomainType::Kernel => "Linux kernel",
        DomainType::Ust => "User space",
        DomainType::Jul => "java.util.logging (JUL)",
        DomainType::Log4j => "log4j",
        DomainType::Python => "Python logging",
    };
    out.say(format_args!("=== Domain: {title} ===\n"));
    if domain.kind == DomainType::Ust {
        let per_process = domain.buffers == Some(BufferType::PerPid);
        out.say(format_args!("Buffering scheme: {}\n", if per_process { "per-process" } else { "per-user" }));
    }
}

pub(super) fn tracker(out: Output, tracker: &Tracker) {
    let name = names::attribute_capitalised(tracker.attribute) + "s:";
    let values = match tracker.policy {
        TrackingPolicy::IncludeAll => "all".to_owned(),
        TrackingPolicy::ExcludeAll => "none".to_owned(),
        TrackingPolicy::IncludeSet if tracker.set.is_empty() => "none".to_owned(),
        TrackingPolicy::IncludeSet => tracker.set.iter().map(tracked).collect::<Vec<_>>().join(", "),
    };
    out.say(format_args!("  {name:<TRACKER_COLUMN$}{values}"));
}

fn tracked(value: &ProcessAttributeValue) -> String {
    match value {
        ProcessAttributeValue::Pid(pid) => pid.to_string(),
        ProcessAttributeValue::Uid(id) | ProcessAttributeValue::Gid(id) => id.to_string(),
        ProcessAttributeValue::UserName(name) | ProcessAttributeValue::GroupName(name) => format!("`{name}`"),
    }
}

pub(super) fn channel(
    out: Output,
    session: &Session,
    domain: DomainType,
    channel: &Channel,
    events: &[Event],
) {
    let attributes = &channel.attributes;
    let overwrites = attributes.overwrite == OverwriteMode::Overwrite;
    out.say(format_args!(
        "- {}: {}\n",
        channel.name,
        if channel.enabled { "[enabled]" } else { "[disabled]" }
    ));
    out.say("    Attributes:");
    let attribute = |name: &str, value: String| out.say(format_args!("      {name:<18}{value}"));
    attribute("Event-loss mode:", if overwrites { "overwrite" } else { "discard" }.to_owned());
    attribute("Sub-buffer size:", format!("{} bytes", attributes.subbuf_size));
    attribute("Sub-buffer count:", attributes.num_subbuf.to_string());
    attribute("Switch timer:", timer(attributes.switch_timer));
    attribute("Read timer:", timer(attributes.read_timer));
    attribute("Monitor timer:", timer(attributes.monitor_timer));
    if !overwrites {
        let timeout = match attributes.blocking_timeout {
            BlockingTimeout::None => "0 us".to_owned(),
            BlockingTimeout::After(time) => format!("{} us", micros(time)),
            BlockingTimeout::Infinite => "infinite".to_owned(),
        };
        attribute("Blocking timeout:", timeout);
    }
    attribute("Trace file count:", format!("{} per stream", attributes.tracefile_count.max(1)));
    let size = match attributes.tracefile_size {
        0 => "unlimited".to_owned(),
        size => format!("{size} bytes"),
    };
    attribute("Trace file size:", size);
    attribute(
        "Output mode:",
        if attributes.output == OutputType::Mmap { "mmap" } else { "splice" }.to_owned(),
    );

    out.say("\n    Statistics:");
    if session.snapshot_mode {
        out.say("      None");
    } else if overwrites {
        attribute("Lost packets:", channel.lost_packets.to_string());
    } else {
        attribute("Discarded events:", channel.discarded_events.to_string());
    }
    out.say("\n    Recording event rules:");
    if events.is_empty() {
        out.say("      None");
    }
    for event in events {
        self::event(out, domain, event, true);
    }
    out.say("");
}

fn timer(period: Duration) -> String {
    if period.is_zero() { "inactive".to_owned() } else { format!("{} us", micros(period)) }
}

pub(super) fn agent_events(out: Output, domain: DomainType, events: &[Event]) {
    out.say("Events (Logger name):\n---------------------");
    if events.is_empty() {
        out.say("      None");
    }
    for event in events {
        let level = match event.log_level.kind {
            LogLevelType::All => String::new(),
            kind => format!(
                " (loglevel{} {})",
                names::level_operator(kind),
                names::level(domain, event.log_level.level)
            ),
        };
        out.say(format_args!("    - {}{}{level}{}", event.name, enabled(event), filter(event)));
    }
    out.say("");
}

pub(super) fn kernel_events(out: Output, events: &[Event]) {
    out.say("Kernel events:\n-------------");
    for event in events {
        self::event(out, DomainType::Kernel, event, true);
    }
    out.say("");
}

pub(super) fn syscalls(out: Output, calls: &[Event]) {
    out.say("System calls:\n-------------");
    for call in calls {
        self::event(out, DomainType::Kernel, call, false);
    }
    out.say("");
}

pub(super) fn tracepoints(out: Output, events: &[Event]) {
    out.say("UST events:\n-------------");
    if events.is_empty() {
        out.say("None");
    }
    for group in ByProcess::new(events, |event| event.pid) {
        process(out, group[0].pid);
        for event in group {
            self::event(out, DomainType::Ust, event, true);
        }
    }
    out.say("");
}

pub(super) fn tracepoint_fields(out: Output, fields: &[EventField]) {
    out.say("UST events:\n-------------");
    if fields.is_empty() {
        out.say("None");
    }
    for group in ByProcess::new(fields, |field| field.event.pid) {
        process(out, group[0].event.pid);
        for fields in group.chunk_by(|a, b| a.event.name == b.event.name) {
            self::event(out, DomainType::Ust, &fields[0].event, true);
            for field in fields.iter().filter(|field| !field.name.is_empty()) {
                let nowrite = if field.nowrite { " [no write]" } else { "" };
                let kind = match field.field_type {
                    FieldType::Integer => "integer",
                    FieldType::Enum => "enum",
                    FieldType::Float => "float",
                    FieldType::String => "string",
                    FieldType::Other => "unknown",
                };
                out.say(format_args!("        field: {} ({kind}){nowrite}", field.name));
            }
        }
    }
    out.say("");
}

pub(super) fn loggers(out: Output, domain: DomainType, loggers: &[Event]) {
    out.say(format_args!("{} events (Logger name):\n-------------------------", names::domain(domain)));
    if loggers.is_empty() {
        out.say("None");
    }
    for group in ByProcess::new(loggers, |event| event.pid) {
        process(out, group[0].pid);
        for logger in group {
            out.say(format_args!("      - {}", logger.name));
        }
    }
    out.say("");
}

fn process(out: Output, pid: i32) {
    out.say(format_args!("\nPID: {pid} - Name: {}", command_name(pid)));
}

/// One event rule or instrumentation point. A list of system calls does not repeat their type.
fn event(out: Output, domain: DomainType, event: &Event, with_type: bool) {
    let name = &event.name;
    let tail = format!("{}{}{}", enabled(event), exclusions(event), filter(event));
    match &event.kind {
        EventKind::Tracepoint => {
            let level = match event.log_level.level {
                -1 => String::new(),
                level => format!(
                    " (loglevel{} {} ({level}))",
                    names::level_operator(event.log_level.kind),
                    names::level(domain, level)
                ),
            };
            out.say(format_args!("      {name}{level} (type: tracepoint){tail}"));
        }
        EventKind::Probe(probe) | EventKind::Function(probe) => {
            let kind = if matches!(event.kind, EventKind::Probe(_)) { "probe" } else { "function" };
            out.say(format_args!("      {name} (type: {kind}){tail}"));
            if probe.address != 0 {
                out.say(format_args!("        addr: {:#x}", probe.address));
            } else {
                out.say(format_args!("        offset: {:#x}", probe.offset));
                out.say(format_args!("        symbol: {}", probe.symbol));
            }
        }
        EventKind::FunctionEntry { symbol } => {
            out.say(format_args!("      {name} (type: function){tail}"));
            out.say(format_args!("        symbol: \"{symbol}\""));
        }
        EventKind::Syscall => {
            let kind = if with_type { " (type:syscall)" } else { "" };
            let bits = match (event.syscall_32, event.syscall_64) {
                (true, true) => " [32/64-bit]",
                (true, false) => " [32-bit]",
                (false, true) => " [64-bit]",
                (false, false) => "",
            };
            out.say(format_args!("      {name}{kind}{}{bits}{}", enabled(event), filter(event)));
        }
        EventKind::UserspaceProbe(location) => {
            out.say(format_args!("      {name} (type: userspace-probe){}", enabled(event)));
            userspace_probe(out, location);
        }
        EventKind::Noop => out.say(format_args!("       (type: noop){}{}", enabled(event), filter(event))),
        // A rule of every kind has no line of its own in the reference.
        EventKind::All => out.say(format_args!("      {name}{tail}")),
    }
}

fn userspace_probe(out: Output, location: &UserspaceProbeLocation) {
    let line = |name: &str, value: &str| out.say(format_args!("        {name:<15}{value}"));
    match location {
        UserspaceProbeLocation::Function { function, binary } => {
            out.say("        Type: Function");
            line("Binary path:", &text::from_path(binary));
            line("Function:", &format!("{function}()"));
            out.say("        Lookup method: ELF");
        }
        UserspaceProbeLocation::Tracepoint { probe, provider, binary } => {
            out.say("        Type: Tracepoint");
            line("Binary path:", &text::from_path(binary));
            line("Tracepoint:", &format!("{provider}:{probe}"));
            out.say("        Lookup method: SDT");
        }
    }
}

fn enabled(event: &Event) -> &'static str {
    match event.enabled {
        Some(true) => " [enabled]",
        Some(false) => " [disabled]",
        None => "",
    }
}

fn exclusions(event: &Event) -> String {
    if event.exclusions.is_empty() {
        return String::new();
    }
    format!(" [exclusions: {}]", event.exclusions.join(","))
}

fn filter(event: &Event) -> String {
    event.filter.as_ref().map_or(String::new(), |filter| format!(" [filter: '{}']", filter.expression))
}
