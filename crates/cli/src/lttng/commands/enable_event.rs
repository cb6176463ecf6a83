//! `enable-event NAME[,NAME]...`: makes recording event rules, or enables ones that exist.

use std::fs::File;
use std::os::fd::AsFd;

use rttng_control::event_filter;
use rttng_filter::{check_exclusions, split_exclusions};
use rttng_wire::client::defaults::CHANNEL_NAME;
use rttng_wire::client::{Domain, DomainType, ErrorCode, Event, EventKind, LogLevelSelection};

use crate::lttng::domains::{self, Chosen};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::output::{Output, to_stderr};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::values::name_list;
use crate::lttng::{locations, names, objects};

/// The instrumentation that an option chose, with the option's value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Instrumentation {
    Tracepoint,
    Probe(String),
    UserspaceProbe(String),
    Function(String),
    Syscall,
}

#[derive(Default)]
struct Options {
    session: Option<String>,
    channel: Option<String>,
    all: bool,
    instrumentation: Option<Instrumentation>,
    /// The level as it was typed, and whether it is that one only.
    level: Option<(String, bool)>,
    filter: Option<String>,
    exclude: Option<String>,
}

/// What the rules of one command have in common, checked.
struct Rules {
    domain: DomainType,
    session: String,
    channel: Option<String>,
    /// The kind that was asked for; `None` is the domain's default.
    kind: Option<EventKind>,
    binary: Option<File>,
    level: LogLevelSelection,
    level_typed: Option<String>,
    filter: Option<String>,
    exclusions: Vec<String>,
}

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let mut options = Options::default();
    let mut domains = Chosen::default();
    while let Some(option) = parser.next()? {
        if !domains.take(option.long) {
            options.take(out, option.long, option.value)?;
        }
    }
    let domain = domains.only(out, domains::ALL)?;
    program.mi.begin(command.name);
    let named = parser.at_most_one()?;
    let names: Vec<String> = if options.all {
        vec!["*".to_owned()]
    } else {
        name_list(named.as_deref().unwrap_or_default()).into_iter().map(str::to_owned).collect()
    };
    if names.is_empty() {
        out.error("Missing event name(s).");
        return Ok(Exit::ERROR);
    }
    let all = options.all;
    let rules = options.settle(program, domain)?;
    program.mi.open("events");
    // The status is that of the last rule that failed.
    let mut exit = Exit::SUCCESS;
    for name in names {
        if let Err(failure) = enable(program, &rules, &name, all) {
            exit = failure;
        }
    }
    program.mi.end(exit.is_success());
    Ok(exit)
}

impl Options {
    fn take(&mut self, out: Output, long: &str, value: Option<String>) -> Step {
        let text = value.clone().unwrap_or_default();
        match long {
            "session" => self.session = value.clone(),
            "channel" => self.channel = value.clone(),
            "all" => self.all = true,
            "loglevel" => self.level = Some((text.clone(), false)),
            "loglevel-only" => self.level = Some((text.clone(), true)),
            "filter" => self.filter = value.clone(),
            "exclude" => self.exclude = value.clone(),
            _ => {}
        }
        let instrumentation = match long {
            "tracepoint" => Instrumentation::Tracepoint,
            "probe" => Instrumentation::Probe(text),
            "userspace-probe" => Instrumentation::UserspaceProbe(text),
            "function" => Instrumentation::Function(text),
            "syscall" => Instrumentation::Syscall,
            _ => return Ok(()),
        };
        let same = |other: &Instrumentation| {
            std::mem::discriminant(other) == std::mem::discriminant(&instrumentation)
        };
        if self.instrumentation.as_ref().is_some_and(|other| !same(other)) {
            out.error("Multiple event type not supported.");
            return Err(Exit::ERROR);
        }
        self.instrumentation = Some(instrumentation);
        Ok(())
    }

    /// Checks what can be checked without the daemon.
    fn settle(self, program: &Program, domain: DomainType) -> Step<Rules> {
        let out = program.out;
        let refuse = |text: std::fmt::Arguments<'_>| {
            out.error(text);
            Err(Exit::ERROR)
        };
        if self.exclude.is_some() && domain != DomainType::Ust {
            let name = names::domain(domain);
            return refuse(format_args!("Event name exclusions are not yet implemented for {name} events"));
        }
        let beyond = match &self.instrumentation {
            Some(Instrumentation::Probe(_)) => Some("Probe"),
            Some(Instrumentation::UserspaceProbe(_)) => Some("Userspace Probe"),
            Some(Instrumentation::Function(_)) => Some("Function"),
            _ => None,
        };
        if let Some(kind) = beyond.filter(|_| self.filter.is_some()) {
            return refuse(format_args!("Filter expressions are not supported for {kind} events"));
        }
        let session = program.session_or_current(self.session.clone())?;
        let (kind, binary) = self.kind(out, domain)?;
        let level = self.level(out, domain)?;
        Ok(Rules {
            domain,
            session,
            channel: self.channel,
            kind,
            binary,
            level,
            level_typed: self.level.map(|(text, _)| text),
            filter: self.filter,
            exclusions: self.exclude.map(|list| split_exclusions(&list)).unwrap_or_default(),
        })
    }

    fn kind(&self, out: Output, domain: DomainType) -> Step<(Option<EventKind>, Option<File>)> {
        let Some(instrumentation) = &self.instrumentation else { return Ok((None, None)) };
        if domain != DomainType::Kernel {
            return match instrumentation {
                Instrumentation::Tracepoint => Ok((Some(EventKind::Tracepoint), None)),
                _ if domain == DomainType::Ust => {
                    out.error("Event type not available for user-space tracing");
                    Err(Exit::UNSUPPORTED)
                }
                _ => {
                    out.error("Event type not supported for domain.");
                    Err(Exit::UNSUPPORTED)
                }
            };
        }
        let probe = |text: &str, what: &str| {
            locations::kernel_probe(out, text).map(locations::probe_attributes).ok_or_else(|| {
                out.error(format_args!("Unable to parse {what} options"));
                Exit::ERROR
            })
        };
        let kind = match instrumentation {
            Instrumentation::Tracepoint => EventKind::Tracepoint,
            Instrumentation::Syscall => EventKind::Syscall,
            Instrumentation::Probe(text) => EventKind::Probe(probe(text, "probe")?),
            Instrumentation::Function(text) => EventKind::Function(probe(text, "function probe")?),
            Instrumentation::UserspaceProbe(text) => {
                let (location, binary) = locations::userspace_probe(out, text)?;
                return Ok((Some(EventKind::UserspaceProbe(location)), Some(binary)));
            }
        };
        Ok((Some(kind), None))
    }

    fn level(&self, out: Output, domain: DomainType) -> Step<LogLevelSelection> {
        let Some((text, only)) = &self.level else { return Ok(LogLevelSelection::all(domain)) };
        if domain == DomainType::Kernel {
            out.warn("Kernel loglevels are not supported.");
            return Ok(LogLevelSelection::all(domain));
        }
        match names::parse_level(domain, text, false) {
            Some(level) if *only => Ok(LogLevelSelection::single(level)),
            Some(level) => Ok(LogLevelSelection::range(level)),
            None => {
                out.error(format_args!("Unknown loglevel {text}"));
                Err(Exit::INVALID)
            }
        }
    }
}

impl Rules {
    /// The kind of a rule: without an option, tracepoints, and in the kernel for `*` system calls as well.
    fn kind_of(&self, name: &str) -> EventKind {
        match &self.kind {
            Some(kind) => kind.clone(),
            None if self.domain == DomainType::Kernel && name == "*" => EventKind::All,
            None => EventKind::Tracepoint,
        }
    }

    fn channel_shown(&self) -> &str {
        self.channel.as_deref().unwrap_or(CHANNEL_NAME)
    }

    /// ` excluding "a", "b"`, or nothing.
    fn excluding(&self) -> String {
        let quoted: Vec<String> = self.exclusions.iter().map(|name| format!("\"{name}\"")).collect();
        if quoted.is_empty() { String::new() } else { format!(" excluding {}", quoted.join(", ")) }
    }

    /// What is said when it worked.
    fn success(&self, name: &str, all: bool) -> String {
        let domain = names::domain(self.domain);
        let channel = self.channel_shown();
        let excluding = self.excluding();
        match (&self.filter, all) {
            (Some(filter), true) => return format!("Filter '{filter}' successfully set"),
            (Some(filter), false) => {
                return format!("Event {name}{excluding}: Filter '{filter}' successfully set");
            }
            (None, _) => {}
        }
        if !all {
            return if self.domain.is_agent() {
                format!("{domain} event {name}{excluding} enabled")
            } else {
                format!("{domain} event {name}{excluding} created in channel {channel}")
            };
        }
        let level = match &self.level_typed {
            Some(level) if self.domain != DomainType::Kernel => format!(" for loglevel {level}"),
            _ => String::new(),
        };
        match self.kind {
            Some(EventKind::Syscall) => format!("All {domain} system calls are enabled in channel {channel}"),
            Some(EventKind::Tracepoint) => {
                format!("All {domain} tracepoints{excluding} are enabled in channel {channel}{level}")
            }
            _ => format!("All {domain} events{excluding} are enabled in channel {channel}{level}"),
        }
    }

    /// What is said when it did not.
    fn complain(&self, out: Output, name: &str, all: bool, code: ErrorCode, text: &str) {
        let session = &self.session;
        let channel = if code == ErrorCode::NeedChannelName { "<default>" } else { self.channel_shown() };
        let text = match code {
            ErrorCode::TraceAlreadyStarted => {
                "The command tried to enable an event in a new domain for a session that has already been started once."
            }
            _ => text,
        };
        let filter = self.filter.as_ref().map_or(String::new(), |filter| format!(", filter '{filter}'"));
        let place = format!("(channel {channel}, session {session}{filter})");
        let excluding = self.excluding();
        match (code, all) {
            (ErrorCode::KernEventExist, false) => {
                out.warn(format_args!("Kernel event {name}{excluding} already enabled {place}"));
            }
            (ErrorCode::FilterExist, false) => {
                out.warn(format_args!("Filter on event {name}{excluding} is already enabled {place}"));
            }
            (ErrorCode::SdtProbeSemaphore, false) => {
                out.error(format_args!("SDT probes {name} guarded by semaphores are not supported {place}"))
            }
            (_, false) => out.error(format_args!("Event {name}{excluding}: {text} {place}")),
            (_, true) if self.filter.is_some() => out.error(format_args!("All events: {text} {place}")),
            (_, true) => out.error(format_args!("Events: {text} {place}")),
        }
    }
}

/// Enables one rule, says so, and adds it to the document.
fn enable(program: &mut Program, rules: &Rules, name: &str, all: bool) -> Step {
    let out = program.out;
    let mut event = Event::new(name, rules.kind_of(name));
    event.log_level = rules.level;
    event.exclusions = rules.exclusions.iter().filter(|entry| !entry.is_empty()).cloned().collect();
    match check_exclusions(name, &rules.exclusions) {
        Ok(useless) => useless.into_iter().for_each(|entry| out.warn(entry)),
        Err(error) => {
            out.error(error);
            return Err(Exit::ERROR);
        }
    }
    let outcome = send(program, rules, &event, all);
    program.mi.element("event", |mi| {
        event.enabled = Some(outcome.is_ok());
        objects::event_fields(mi, &event, rules.domain);
        mi.boolean("success", outcome.is_ok());
    });
    outcome
}

fn send(program: &Program, rules: &Rules, event: &Event, all: bool) -> Step {
    let out = program.out;
    let name = &event.name;
    let mut event = event.clone();
    event.filter = match event_filter(rules.domain, name, rules.filter.as_deref(), rules.level) {
        Ok(filter) => filter,
        Err(error) => {
            if !out.quiet {
                to_stderr(format_args!("{}", error.lttng_text()));
            }
            let code = ErrorCode::from_number(error.lttng_code());
            rules.complain(out, name, all, code, &code.to_string());
            if !out.quiet {
                let expression = rules.filter.as_deref().unwrap_or_default();
                to_stderr(format_args!("{}\n", error.render(expression).trim_end()));
            }
            return Err(Exit(code.number() as u8));
        }
    };
    let domain = Domain::with_default_buffers(rules.domain);
    let channel = rules.channel.as_deref().unwrap_or_default();
    let binary = rules.binary.as_ref().map(AsFd::as_fd);
    match program.client.enable_event(&rules.session, domain, channel, event, binary) {
        Ok(()) => {
            out.say(rules.success(name, all));
            Ok(())
        }
        Err(error) => {
            rules.complain(out, name, all, error.code(), &error.text());
            Err(if all && rules.filter.is_none() { Exit::ERROR } else { Exit::from(&error) })
        }
    }
}
