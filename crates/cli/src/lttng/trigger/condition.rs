//! `--condition event-rule-matches` and its options: an event rule and what is captured.

use std::fs::File;

use rttng_filter::{Capture, CaptureSource, FilterErrorKind, check_exclusions};
use rttng_wire::client::{
    Condition, DomainType, EmissionSite, EventExpression, EventRule, EventRuleMatches, LogLevelRule,
    LoggingRule, UserTracepointRule,
};

use crate::lttng::argpar::{Arguments, Item, once};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::options::{OptionSpec, valued};
use crate::lttng::output::{Output, to_stderr};
use crate::lttng::{locations, names};

/// The conditions that a person can write.
pub(crate) const NAMES: [&str; 1] = ["event-rule-matches"];

pub(crate) const OPTIONS: &[OptionSpec] = &[
    valued("type", Some('t'), "TYPE", "Event rule type"),
    valued("filter", Some('f'), "EXPR", "Filter expression"),
    valued("name", Some('n'), "NAME", "Pattern of the event name"),
    valued("exclude-name", Some('x'), "NAME", "Pattern of names that are left out"),
    valued("log-level", Some('l'), "LEVEL", "LEVEL, or LEVEL.. for that and more severe, or .. for all"),
    valued("location", Some('L'), "LOCATION", "Location of a probe"),
    valued("event-name", Some('E'), "NAME", "Name of a probe's events"),
    valued("capture", None, "EXPR", "Field to capture"),
];

/// The type of an event rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RuleType {
    UserTracepoint,
    KernelTracepoint,
    Logging(DomainType),
    Kprobe,
    Uprobe,
    Syscall(EmissionSite),
}

impl RuleType {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "user" | "user:tracepoint" => RuleType::UserTracepoint,
            "kernel" | "kernel:tracepoint" => RuleType::KernelTracepoint,
            "jul" | "jul:logging" => RuleType::Logging(DomainType::Jul),
            "log4j" | "log4j:logging" => RuleType::Logging(DomainType::Log4j),
            "python" | "python:logging" => RuleType::Logging(DomainType::Python),
            "kprobe" | "kernel:kprobe" => RuleType::Kprobe,
            "kernel:uprobe" => RuleType::Uprobe,
            _ => match text.strip_prefix("kernel:").unwrap_or(text) {
                "syscall" | "syscall:entry+exit" => RuleType::Syscall(EmissionSite::EntryExit),
                "syscall:entry" => RuleType::Syscall(EmissionSite::Entry),
                "syscall:exit" => RuleType::Syscall(EmissionSite::Exit),
                _ => return None,
            },
        })
    }

    /// What complaints call it.
    fn name(self) -> String {
        match self {
            RuleType::UserTracepoint => "user tracepoint".to_owned(),
            RuleType::KernelTracepoint => "kernel tracepoint".to_owned(),
            RuleType::Logging(domain) => format!("{} logging", names::domain(domain)),
            RuleType::Kprobe => "kernel kprobe".to_owned(),
            RuleType::Uprobe => "kernel uprobe".to_owned(),
            RuleType::Syscall(_) => "kernel syscall".to_owned(),
        }
    }

    fn is_probe(self) -> bool {
        matches!(self, RuleType::Kprobe | RuleType::Uprobe)
    }
}

#[derive(Default)]
struct Options {
    rule: Option<RuleType>,
    filter: Option<String>,
    name: Option<String>,
    exclusions: Vec<String>,
    log_level: Option<String>,
    location: Option<String>,
    event_name: Option<String>,
    captures: Vec<EventExpression>,
}

/// Reads the options of the condition, up to one that is not its own. A uprobe comes with its binary.
pub(crate) fn parse(out: Output, arguments: &mut Arguments<'_>) -> Step<(Condition, Option<File>)> {
    let mut options = Options::default();
    loop {
        match arguments.next(OPTIONS)? {
            None | Some(Item::Unknown) => break,
            Some(Item::Word(word)) => {
                out.error(format_args!("Unexpected argument '{word}'"));
                return Err(Exit::ERROR);
            }
            Some(Item::Option(option)) => {
                let long = option.long;
                options.take(out, long, option.value)?;
            }
        }
    }
    options.into_condition(out)
}

impl Options {
    fn take(&mut self, out: Output, long: &str, value: Option<String>) -> Step {
        match long {
            "type" => {
                let text = value.unwrap_or_default();
                if self.rule.is_some() {
                    out.error("More than one `--type` was specified.");
                    return Err(Exit::ERROR);
                }
                self.rule = RuleType::parse(&text);
                if self.rule.is_none() {
                    out.error(format_args!("Invalid `--type` value: {text}"));
                    return Err(Exit::ERROR);
                }
                Ok(())
            }
            "filter" => once(out, &mut self.filter, "--filter/-f", value),
            "name" => once(out, &mut self.name, "--name/-n", value),
            "log-level" => once(out, &mut self.log_level, "--log-level/-l", value),
            "location" => once(out, &mut self.location, "--location/-L", value),
            "event-name" => once(out, &mut self.event_name, "--event-name/-E", value),
            "exclude-name" => {
                self.exclusions.extend(value);
                Ok(())
            }
            _ => {
                self.captures.push(capture(out, &value.unwrap_or_default())?);
                Ok(())
            }
        }
    }

    fn into_condition(self, out: Output) -> Step<(Condition, Option<File>)> {
        let refuse = |text: std::fmt::Arguments<'_>| {
            out.error(text);
            Err(Exit::ERROR)
        };
        let Some(rule) = self.rule else { return refuse(format_args!("Event rule requires a --type.")) };
        let name = rule.name();
        if rule.is_probe() {
            if self.name.is_some() {
                return refuse(format_args!("Can't use --name with {name} event rules."));
            }
            if self.location.is_none() {
                return refuse(format_args!("Event rule of type {name} requires a --location."));
            }
            if self.filter.is_some() {
                return refuse(format_args!("Filter expressions are not supported for {name} event rules."));
            }
            if !self.captures.is_empty() {
                return refuse(format_args!("Captures are not supported for {name} event rules."));
            }
        } else {
            if self.location.is_some() {
                return refuse(format_args!("Can't use --location with {name} event rules."));
            }
            if self.event_name.is_some() {
                return refuse(format_args!("Can't use --event-name with {name} event rules."));
            }
        }
        if !self.exclusions.is_empty() && rule != RuleType::UserTracepoint {
            return refuse(format_args!(
                "Event name exclusions are not yet implemented for {name} event rules."
            ));
        }
        if self.log_level.is_some() && !matches!(rule, RuleType::UserTracepoint | RuleType::Logging(_)) {
            return refuse(format_args!("Log levels are not supported for {name} event rules."));
        }
        let pattern = self.name.unwrap_or_else(|| "*".to_owned());
        let filter = self.filter;
        let mut binary = None;
        let location = self.location.unwrap_or_default();
        let event_name = self.event_name.unwrap_or_else(|| location.clone());
        let rule = match rule {
            RuleType::UserTracepoint => {
                if !self.exclusions.is_empty() {
                    match check_exclusions(&pattern, &self.exclusions) {
                        Ok(useless) => useless.into_iter().for_each(|entry| out.warn(entry)),
                        Err(error) => return refuse(format_args!("{error}")),
                    }
                }
                let log_level = level(out, DomainType::Ust, self.log_level.as_deref())?;
                EventRule::UserTracepoint(UserTracepointRule {
                    pattern,
                    filter,
                    log_level,
                    exclusions: self.exclusions,
                })
            }
            RuleType::Logging(domain) => {
                let log_level = level(out, domain, self.log_level.as_deref())?;
                let logging = LoggingRule { pattern, filter, log_level };
                match domain {
                    DomainType::Jul => EventRule::JulLogging(logging),
                    DomainType::Log4j => EventRule::Log4jLogging(logging),
                    _ => EventRule::PythonLogging(logging),
                }
            }
            RuleType::KernelTracepoint => EventRule::KernelTracepoint { pattern, filter },
            RuleType::Syscall(emission_site) => EventRule::KernelSyscall { emission_site, pattern, filter },
            RuleType::Kprobe => {
                let Some(location) = locations::kernel_probe(out, &location) else {
                    return refuse(format_args!("Failed to parse kernel probe location."));
                };
                EventRule::KernelKprobe { name: event_name, location }
            }
            RuleType::Uprobe => {
                let Ok((location, file)) = locations::userspace_probe(out, &location) else {
                    return refuse(format_args!("Failed to parse user space probe location."));
                };
                binary = Some(file);
                EventRule::KernelUprobe { name: event_name, location }
            }
        };
        Ok((Condition::EventRuleMatches(EventRuleMatches { rule, captures: self.captures }), binary))
    }
}

/// `LEVEL`, `LEVEL..`, `LEVEL..MOST_SEVERE` or `..`.
fn level(out: Output, domain: DomainType, text: Option<&str>) -> Step<Option<LogLevelRule>> {
    let Some(text) = text else { return Ok(None) };
    let most_severe = match domain {
        DomainType::Ust => "EMERG",
        DomainType::Jul => "SEVERE",
        DomainType::Log4j => "FATAL",
        _ => "CRITICAL",
    };
    let parse = |name: &str| names::parse_level(domain, name, true);
    let rule = match text.split_once("..") {
        Some(("", "")) => return Ok(None),
        Some((least, "")) => parse(least).map(LogLevelRule::AtLeastAsSevereAs),
        Some((least, most)) if parse(most) == parse(most_severe) => {
            parse(least).map(LogLevelRule::AtLeastAsSevereAs)
        }
        Some(_) => None,
        None => parse(text).map(LogLevelRule::Exactly),
    };
    match rule {
        Some(rule) => Ok(Some(rule)),
        None => {
            out.error(format_args!("Failed to parse log level string `{text}`."));
            Err(Exit::ERROR)
        }
    }
}

/// What to capture, as the trigger carries it.
fn capture(out: Output, text: &str) -> Step<EventExpression> {
    let capture = Capture::parse(text).map_err(|error| {
        let line = error.lttng_text();
        match error.kind {
            FilterErrorKind::NotACapture { .. } => {
                out.error(format_args!("While parsing expression `{text}`: {}", line.trim_end()));
            }
            FilterErrorKind::AppContextName | FilterErrorKind::CaptureIndex => out.error(line.trim_end()),
            _ => {
                if !out.quiet {
                    to_stderr(format_args!("{line}"));
                }
                out.error(format_args!("Failed to parse capture expression `{text}`."));
            }
        }
        Exit::ERROR
    })?;
    let source = match capture.source {
        CaptureSource::Payload(name) => EventExpression::PayloadField(name),
        CaptureSource::Context(name) => EventExpression::ContextField(name),
        CaptureSource::AppContext { provider, name } => EventExpression::AppContextField { provider, name },
    };
    Ok(match capture.index {
        Some(index) => EventExpression::ArrayElement { index, array: Box::new(source) },
        None => source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Output = Output { quiet: true, machine: false, verbosity: 0 };

    #[test]
    fn levels_of_triggers() {
        let of = |text| level(QUIET, DomainType::Ust, Some(text));
        assert_eq!(of("INFO"), Ok(Some(LogLevelRule::Exactly(6))));
        assert_eq!(of("INFO.."), Ok(Some(LogLevelRule::AtLeastAsSevereAs(6))));
        assert_eq!(of("INFO..EMERG"), Ok(Some(LogLevelRule::AtLeastAsSevereAs(6))));
        assert_eq!(of(".."), Ok(None));
        for text in ["info", "FOO", "INFO..DEBUG", "..INFO", ""] {
            assert_eq!(of(text), Err(Exit::ERROR), "{text}");
        }
    }
}
