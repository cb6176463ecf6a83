//! Triggers as text to read (`docs/spec/cli.md` §8).

use rttng_wire::client::{
    Action, BufferUsage, Condition, EmissionSite, ErrorQueryResult, EventRule, EventRuleMatches,
    KernelProbeLocation, LogLevelRule, LoggingRule, RatePolicy, SnapshotAction, Trigger, UsageThreshold,
    UserspaceProbeLocation,
};

use super::TriggerErrors;
use crate::lttng::names;
use crate::lttng::output::Output;

/// Writes one trigger of a list.
pub(crate) fn trigger(out: Output, trigger: &Trigger, errors: &TriggerErrors) {
    out.say(format_args!("- name: {}", trigger.name.as_deref().unwrap_or_default()));
    out.say(format_args!("  owner uid: {}", trigger.owner_uid));
    condition(out, &trigger.condition);
    results(out, "    ", &errors.condition);
    out.say("  actions:");
    for (action, results) in trigger.action.elements().iter().zip(&errors.actions) {
        out.say(format_args!("    {}", action_text(action)));
        self::results(out, "      ", results);
    }
    results(out, "  ", &errors.trigger);
}

fn condition(out: Output, condition: &Condition) {
    let session = |session: &str| out.say(format_args!("    session name: {session}"));
    match condition {
        Condition::EventRuleMatches(matches) => event_rule_matches(out, matches),
        Condition::BufferUsageHigh(usage) => {
            out.say("  condition: buffer usage high");
            buffer_usage(out, usage);
        }
        Condition::BufferUsageLow(usage) => {
            out.say("  condition: buffer usage low");
            buffer_usage(out, usage);
        }
        Condition::SessionConsumedSize { threshold, session: name } => {
            out.say("  condition: session consumed size");
            session(name);
            out.say(format_args!("    threshold: {threshold} bytes"));
        }
        Condition::SessionRotationOngoing { session: name } => {
            out.say("  condition: session rotation ongoing");
            session(name);
        }
        Condition::SessionRotationCompleted { session: name } => {
            out.say("  condition: session rotation completed");
            session(name);
        }
    }
}

fn buffer_usage(out: Output, usage: &BufferUsage) {
    out.say(format_args!("    session name: {}", usage.session));
    out.say(format_args!("    channel name: {}", usage.channel));
    out.say(format_args!("    domain: {}", names::domain(usage.domain)));
    match usage.threshold {
        UsageThreshold::Bytes(bytes) => out.say(format_args!("    threshold (bytes): {bytes}")),
        UsageThreshold::Ratio(ratio) => out.say(format_args!("    threshold (ratio): {ratio:.2}")),
    }
}

fn event_rule_matches(out: Output, matches: &EventRuleMatches) {
    out.say("  condition: event rule matches");
    out.say(format_args!("    rule: {}", rule_text(&matches.rule)));
    if !matches.captures.is_empty() {
        out.say("    captures:");
        for capture in &matches.captures {
            out.say(format_args!("      - {capture}"));
        }
    }
}

fn rule_text(rule: &EventRule) -> String {
    let filtered = |filter: &Option<String>| {
        filter.as_ref().map_or(String::new(), |filter| format!(", filter: {filter}"))
    };
    match rule {
        EventRule::UserTracepoint(rule) => {
            let level = level_text(rule.log_level, |level| {
                names::bare_level(rttng_wire::client::DomainType::Ust, level)
            });
            let exclusions = match rule.exclusions.is_empty() {
                true => String::new(),
                false => format!(", exclusions: {}", rule.exclusions.join(",")),
            };
            format!("{} (type: user tracepoint{}{level}{exclusions})", rule.pattern, filtered(&rule.filter))
        }
        EventRule::KernelTracepoint { pattern, filter } => {
            format!("{pattern} (type: kernel tracepoint{})", filtered(filter))
        }
        EventRule::KernelSyscall { emission_site, pattern, filter } => {
            let site = match emission_site {
                EmissionSite::EntryExit => "entry+exit",
                EmissionSite::Entry => "entry",
                EmissionSite::Exit => "exit",
            };
            format!("{pattern} (type: kernel:syscall:{site}{})", filtered(filter))
        }
        EventRule::KernelKprobe { name, location } => {
            let location = match location {
                KernelProbeLocation::Address(address) => format!("{address:#x}"),
                KernelProbeLocation::Symbol { symbol, offset: 0 } => symbol.clone(),
                KernelProbeLocation::Symbol { symbol, offset } => format!("{symbol}+{offset:#x}"),
            };
            format!("{name} (type: kernel:kprobe, location: {location})")
        }
        EventRule::KernelUprobe { name, location } => {
            let (kind, location) = match location {
                UserspaceProbeLocation::Function { function, binary } => {
                    ("ELF", format!("{}:{function}", rttng_wire::text::from_path(binary)))
                }
                UserspaceProbeLocation::Tracepoint { probe, provider, binary } => {
                    ("SDT", format!("{}:{provider}:{probe}", rttng_wire::text::from_path(binary)))
                }
            };
            format!("{name} (type: kernel:uprobe, location type: {kind}, location: {location})")
        }
        EventRule::JulLogging(logging)
        | EventRule::Log4jLogging(logging)
        | EventRule::PythonLogging(logging) => {
            let LoggingRule { pattern, filter, log_level } = logging;
            let domain = rule.domain();
            let level = level_text(*log_level, |level| names::bare_level(domain, level));
            format!("{pattern} (type: {}:logging{}{level})", names::domain(domain), filtered(filter))
        }
    }
}

fn level_text(rule: Option<LogLevelRule>, name: impl Fn(i32) -> String) -> String {
    match rule {
        None => String::new(),
        Some(LogLevelRule::Exactly(level)) => format!(", log level is {}", name(level)),
        Some(LogLevelRule::AtLeastAsSevereAs(level)) => format!(", log level at least {}", name(level)),
    }
}

fn action_text(action: &Action) -> String {
    match action {
        Action::Notify { policy } => format!("notify{}", policy_text(*policy)),
        Action::StartSession { session, policy } => {
            format!("start session `{session}`{}", policy_text(*policy))
        }
        Action::StopSession { session, policy } => {
            format!("stop session `{session}`{}", policy_text(*policy))
        }
        Action::RotateSession { session, policy } => {
            format!("rotate session `{session}`{}", policy_text(*policy))
        }
        Action::SnapshotSession(SnapshotAction { session, output, policy }) => {
            let mut text = format!("snapshot session `{session}`");
            if let Some(output) = output {
                text.push_str(&if output.ctrl_url.starts_with('/') {
                    format!(", path: {}", output.ctrl_url)
                } else if let Some(path) = output.ctrl_url.strip_prefix("file://") {
                    format!(", path: {path}")
                } else if output.data_url.is_empty() {
                    format!(", url: {}", output.ctrl_url)
                } else {
                    format!(", control url: {}, data url: {}", output.ctrl_url, output.data_url)
                });
                if !output.name.is_empty() {
                    text.push_str(&format!(", name: {}", output.name));
                }
                if let Some(limit) = output.max_size.limit() {
                    text.push_str(&format!(", max size: {limit}"));
                }
            }
            text + &policy_text(*policy)
        }
        Action::List(actions) => actions.iter().map(action_text).collect::<Vec<_>>().join("; "),
    }
}

fn policy_text(policy: RatePolicy) -> String {
    match policy {
        RatePolicy::EveryN(n) if n.get() == 1 => String::new(),
        RatePolicy::EveryN(n) => format!(", rate policy: every {n} occurrences"),
        RatePolicy::OnceAfterN(n) => format!(", rate policy: once after {n} occurrences"),
    }
}

/// Counters that are not zero.
fn results(out: Output, indent: &str, results: &[ErrorQueryResult]) {
    let counted: Vec<&ErrorQueryResult> = results.iter().filter(|result| result.value > 0).collect();
    if counted.is_empty() {
        out.say(format_args!("{indent}errors: none"));
        return;
    }
    out.say(format_args!("{indent}errors:"));
    for result in counted {
        out.say(format_args!("{indent}  {}: {}", result.name, result.value));
    }
}
