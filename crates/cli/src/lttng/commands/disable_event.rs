//! `disable-event NAME[,NAME]...`: disables all rules of these names.

use rttng_wire::client::defaults::CHANNEL_NAME;
use rttng_wire::client::event::ProbeAttributes;
use rttng_wire::client::{Domain, DomainType, ErrorCode, Event, EventKind};

use crate::lttng::domains::{self, Chosen};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::names;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::values::name_list;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let mut domains = Chosen::default();
    let (mut session, mut channel, mut all) = (None, None, false);
    let mut kind = (EventKind::All, "any");
    let mut kind_chosen = false;
    while let Some(option) = parser.next()? {
        if domains.take(option.long) {
            continue;
        }
        let chosen = match option.long {
            "session" => {
                session = option.value;
                continue;
            }
            "channel" => {
                channel = option.value;
                continue;
            }
            "all-events" => {
                all = true;
                continue;
            }
            "syscall" => (EventKind::Syscall, "syscall"),
            "probe" => (EventKind::Probe(ProbeAttributes::default()), "probe"),
            "tracepoint" => (EventKind::Tracepoint, "tracepoint"),
            "function" => (EventKind::Function(ProbeAttributes::default()), "function"),
            _ => (EventKind::All, "any"),
        };
        kind = chosen;
        kind_chosen = true;
    }
    let domain = domains.only(out, domains::ALL)?;
    if kind_chosen && kind.0 != EventKind::All && domain != DomainType::Kernel {
        out.error(
            "Disabling userspace and agent (-j | -l | -p) event(s) based on instrumentation type is not supported.\n",
        );
        return Ok(Exit::ERROR);
    }
    let listed = parser.at_most_one()?;
    let listed: Vec<&str> = if all { vec![""] } else { name_list(listed.as_deref().unwrap_or_default()) };
    if listed.is_empty() {
        out.error("Missing event name(s).\n");
        return Ok(Exit::ERROR);
    }
    let session = program.session_or_current(session)?;
    program.mi.begin(command.name);
    program.mi.open("channel");
    program.mi.text("name", channel.as_deref().unwrap_or(CHANNEL_NAME));
    program.mi.open("events");
    // A failure of the last name decides; an earlier one is a warning.
    let mut exit = Exit::SUCCESS;
    for name in listed {
        let of =
            Rule { domain, session: &session, channel: channel.as_deref(), kind: &kind.0, type_name: kind.1 };
        exit = match (disable(program, &of, name), exit.is_success()) {
            (Err(failure), _) => failure,
            (Ok(()), true) => Exit::SUCCESS,
            (Ok(()), false) => Exit::WARNING,
        };
    }
    program.mi.end(exit.is_success());
    Ok(exit)
}

/// Where the rules are, and of what type.
struct Rule<'a> {
    domain: DomainType,
    session: &'a str,
    channel: Option<&'a str>,
    kind: &'a EventKind,
    type_name: &'a str,
}

/// Disables the rules of one name; an empty one stands for all.
fn disable(program: &mut Program, of: &Rule<'_>, name: &str) -> Step {
    let out = program.out;
    let Rule { session, type_name, .. } = of;
    let domain = names::domain(of.domain);
    let channel = of.channel.unwrap_or(CHANNEL_NAME);
    let mut event = Event::to_disable(name);
    event.kind = of.kind.clone();
    let disabled = program.client.disable_event(
        session,
        Domain::for_query(of.domain),
        of.channel.unwrap_or_default(),
        event,
    );
    program.mi.element("event", |mi| {
        mi.text("name", if name.is_empty() { "*" } else { name });
        mi.boolean("enabled", disabled.is_err());
        mi.boolean("success", disabled.is_ok());
    });
    match disabled {
        Ok(()) if name.is_empty() => {
            out.say(format_args!(
                "All {domain} events of type {type_name} are disabled in channel {channel}"
            ));
            Ok(())
        }
        Ok(()) => {
            out.say(format_args!(
                "{domain} {name} of type {type_name} disabled in channel {channel} for session {session}"
            ));
            Ok(())
        }
        Err(error) => {
            if name.is_empty() {
                out.error(error.text());
            } else {
                let channel = if error.is(ErrorCode::NeedChannelName) { "<default>" } else { channel };
                out.error(format_args!(
                    "{name} of type {type_name} : {} (channel {channel}, session {session})",
                    error.text()
                ));
            }
            Err(Exit::from(&error))
        }
    }
}
