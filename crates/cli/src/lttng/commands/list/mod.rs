//! `list` and `status`: sessions with all that is in them, and instrumentation points (`docs/spec/cli.md` §7).
//!
//! What is listed is fetched here, once, and handed to [`human`] and [`machine`], which write it down.

mod human;
mod machine;
mod usage;

use rttng_wire::client::{
    Channel, Domain, DomainType, Event, ProcessAttribute, ProcessAttributeValue, RotationSchedules, Session,
    TrackingPolicy,
};

use crate::lttng::exit::{Exit, Step};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

/// What `list` was asked for.
#[derive(Default)]
struct Request {
    kernel: bool,
    userspace: bool,
    jul: bool,
    log4j: bool,
    python: bool,
    channel: Option<String>,
    domains_only: bool,
    fields: bool,
    syscalls: bool,
}

/// A tracker as it is listed.
struct Tracker {
    attribute: ProcessAttribute,
    policy: TrackingPolicy,
    set: Vec<ProcessAttributeValue>,
}

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    let mut request = Request::default();
    while let Some(option) = parser.next()? {
        match option.long {
            "kernel" => request.kernel = true,
            "userspace" => request.userspace = true,
            "jul" => request.jul = true,
            "log4j" => request.log4j = true,
            "python" => request.python = true,
            "channel" => request.channel = option.value,
            "domain" => request.domains_only = true,
            "fields" => request.fields = true,
            "syscall" => request.syscalls = true,
            _ => {}
        }
    }
    program.mi.begin("list");
    let name = parser.at_most_one()?;
    if request.syscalls && !request.kernel {
        program.out.warn("--syscall will only work with the Kernel domain (-k)");
        return Ok(Exit::ERROR);
    }
    match name {
        Some(name) => list_session(program, &name, &request)?,
        None if request.names_a_domain() => list_instrumentation(program, &request)?,
        None => list_sessions(program)?,
    }
    Ok(Exit::SUCCESS)
}

/// `status` is `list` of the current session.
pub(crate) fn run_status(
    program: &mut Program,
    command: &'static CommandSpec,
    words: &[String],
) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    while parser.next()?.is_some() {}
    if !parser.positionals().is_empty() {
        program.out.error("This command does not accept positional arguments.\n");
        return Ok(Exit::UNDEFINED);
    }
    let name = program.session_or_current(None)?;
    program.mi.begin("list");
    list_session(program, &name, &Request::default())?;
    usage::say(program, &name);
    Ok(Exit::SUCCESS)
}

impl Request {
    fn names_a_domain(&self) -> bool {
        self.kernel || self.userspace || self.jul || self.log4j || self.python
    }
}

fn list_sessions(program: &mut Program) -> Step {
    let sessions = program.sessions()?;
    machine::sessions(&mut program.mi, &sessions);
    human::sessions(program.out, &sessions);
    Ok(())
}

/// Instrumentation points, domain by domain.
fn list_instrumentation(program: &mut Program, request: &Request) -> Step {
    let out = program.out;
    if request.kernel {
        if request.syscalls {
            let calls = program.client.list_syscalls().map_err(|error| {
                out.error(format_args!("Unable to list system calls: {}", error.text()));
                Exit::ERROR
            })?;
            machine::syscalls(&mut program.mi, &calls);
            human::syscalls(out, &calls);
        } else {
            let events = program.client.list_tracepoints(DomainType::Kernel).map_err(|error| {
                out.error(format_args!("Unable to list kernel events: {}", error.text()));
                Exit::ERROR
            })?;
            machine::kernel_events(&mut program.mi, &events);
            human::kernel_events(out, &events);
        }
    }
    if request.userspace {
        let failed = |what: &str, error: rttng_control::ControlError| {
            out.error(format_args!("Unable to list UST {what}: {}", error.text()));
            Exit::ERROR
        };
        if request.fields {
            let fields = program
                .client
                .list_tracepoint_fields(DomainType::Ust)
                .map_err(|error| failed("event fields", error))?;
            machine::tracepoint_fields(&mut program.mi, &fields);
            human::tracepoint_fields(out, &fields);
        } else {
            let events =
                program.client.list_tracepoints(DomainType::Ust).map_err(|error| failed("events", error))?;
            machine::tracepoints(&mut program.mi, DomainType::Ust, &events);
            human::tracepoints(out, &events);
        }
    }
    let agents = [
        (request.jul, DomainType::Jul),
        (request.log4j, DomainType::Log4j),
        (request.python, DomainType::Python),
    ];
    for (_, domain) in agents.into_iter().filter(|(wanted, _)| *wanted) {
        let loggers = program.client.list_tracepoints(domain).map_err(|error| {
            let name = crate::lttng::names::domain(domain);
            out.error(format_args!("Unable to list {name} events: {}", error.text()));
            Exit::ERROR
        })?;
        machine::tracepoints(&mut program.mi, domain, &loggers);
        human::loggers(out, domain, &loggers);
    }
    Ok(())
}

fn list_session(program: &mut Program, name: &str, request: &Request) -> Step {
    let out = program.out;
    let sessions = program.sessions()?;
    program.mi.open("sessions");
    if sessions.is_empty() {
        // The reference passes on to the schedules and trips over them.
        out.say("Currently no available recording session");
        out.error("Failed to list session rotation schedules: Session name not found");
        return Err(Exit::ERROR);
    }
    let Some(session) = sessions.into_iter().find(|session| session.name == name) else {
        out.error(format_args!("Session '{name}' not found"));
        return Err(Exit::ERROR);
    };
    machine::open_session(&mut program.mi, &session);
    human::session_heading(out, &session);
    let schedules = program.client.rotation_schedules(name).map_err(|error| {
        out.error(format_args!("Failed to list session rotation schedules: {}", error.text()));
        Exit::ERROR
    })?;
    list_schedules(program, &schedules);

    program.mi.open("domains");
    let chosen = |kind| Domain::for_query(kind);
    if request.domains_only {
        let domains = domains_of(program, name)?;
        machine::domains(&mut program.mi, &domains);
        human::domains(out, &domains);
    } else if request.kernel || request.userspace {
        for (wanted, kind) in [(request.kernel, DomainType::Kernel), (request.userspace, DomainType::Ust)] {
            if wanted {
                list_domain(program, &session, chosen(kind), request)?;
            }
        }
    } else {
        for domain in domains_of(program, name)? {
            human::domain_heading(out, domain);
            list_domain(program, &session, domain, request)?;
        }
    }
    Ok(())
}

fn list_schedules(program: &mut Program, schedules: &RotationSchedules) {
    crate::lttng::objects::rotation_schedules(&mut program.mi, schedules);
    human::rotation_schedules(program.out, schedules);
}

fn domains_of(program: &Program, session: &str) -> Step<Vec<Domain>> {
    program.client.list_domains(session).map_err(|error| program_error(program, &error.text()))
}

fn program_error(program: &Program, text: &str) -> Exit {
    program.out.error(text);
    Exit::ERROR
}

/// One domain of a session: its trackers and channels, or an agent's event rules.
fn list_domain(program: &mut Program, session: &Session, domain: Domain, request: &Request) -> Step {
    machine::open_domain(&mut program.mi, domain);
    if domain.kind.is_agent() {
        let events = program
            .client
            .list_events(&session.name, domain, "")
            .map_err(|error| program_error(program, &error.text()))?;
        machine::agent_events(&mut program.mi, domain.kind, &events);
        human::agent_events(program.out, domain.kind, &events);
    } else {
        list_trackers(program, session, domain)?;
        list_channels(program, session, domain, request)?;
    }
    program.mi.close();
    Ok(())
}

fn list_trackers(program: &mut Program, session: &Session, domain: Domain) -> Step {
    let out = program.out;
    out.say("Tracked process attributes");
    program.mi.open("process_attr_trackers");
    for &attribute in ProcessAttribute::ALL.iter().filter(|attribute| attribute.is_for(domain.kind)) {
        let tracker = tracker(program, session, domain, attribute).map_err(|error| {
            out.error(format_args!("Failed to get process attribute tracker handle: {}", error.text()));
            Exit::ERROR
        })?;
        machine::tracker(&mut program.mi, &tracker);
        human::tracker(out, &tracker);
    }
    program.mi.close();
    out.say("");
    Ok(())
}

fn tracker(
    program: &Program,
    session: &Session,
    domain: Domain,
    attribute: ProcessAttribute,
) -> Result<Tracker, rttng_control::ControlError> {
    let policy = program.client.tracking_policy(&session.name, domain, attribute)?;
    let mut set = match policy {
        TrackingPolicy::IncludeSet => program.client.inclusion_set(&session.name, domain, attribute)?,
        TrackingPolicy::IncludeAll | TrackingPolicy::ExcludeAll => Vec::new(),
    };
    set.sort();
    Ok(Tracker { attribute, policy, set })
}

fn list_channels(program: &mut Program, session: &Session, domain: Domain, request: &Request) -> Step {
    let out = program.out;
    let channels = program
        .client
        .list_channels(&session.name, domain)
        .map_err(|error| program_error(program, &error.text()))?;
    program.mi.open("channels");
    if !channels.is_empty() {
        out.say("Channels:\n-------------");
    }
    let wanted: Vec<&Channel> = channels
        .iter()
        .filter(|channel| request.channel.as_ref().is_none_or(|name| channel.name == *name))
        .collect();
    if let Some(name) = request.channel.as_ref().filter(|_| wanted.is_empty()) {
        out.error(format_args!("Channel {name} not found"));
        return Err(Exit::ERROR);
    }
    for channel in wanted {
        let events: Vec<Event> = program
            .client
            .list_events(&session.name, domain, &channel.name)
            .map_err(|error| program_error(program, &error.text()))?;
        machine::channel(&mut program.mi, domain.kind, channel, &events);
        human::channel(out, session, domain.kind, channel, &events);
    }
    program.mi.close();
    Ok(())
}
