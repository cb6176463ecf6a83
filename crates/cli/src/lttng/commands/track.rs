//! `track` and `untrack`: which processes a session records.

use rttng_control::ControlError;
use rttng_wire::client::{
    Domain, DomainType, ErrorCode, ProcessAttribute, ProcessAttributeValue, TrackingPolicy,
};

use crate::lttng::domains::{self, Chosen};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::names;
use crate::lttng::objects;
use crate::lttng::output::Output;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::values::name_list;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Track,
    Untrack,
}

/// An attribute and the list that was given for it.
struct Request {
    attribute: ProcessAttribute,
    list: Option<String>,
    all: bool,
}

pub(crate) fn run_track(
    program: &mut Program,
    command: &'static CommandSpec,
    words: &[String],
) -> Step<Exit> {
    run(program, command, words, Direction::Track)
}

pub(crate) fn run_untrack(
    program: &mut Program,
    command: &'static CommandSpec,
    words: &[String],
) -> Step<Exit> {
    run(program, command, words, Direction::Untrack)
}

fn run(
    program: &mut Program,
    command: &'static CommandSpec,
    words: &[String],
    direction: Direction,
) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let mut domains = Chosen::default();
    let mut session = None;
    let mut requests: Vec<Request> = Vec::new();
    while let Some(option) = parser.next()? {
        match option.long {
            "session" => session = option.value,
            "all" => match requests.last_mut() {
                Some(request) => request.all = true,
                None => {
                    out.error("The --all option must follow a process attribute");
                    return Ok(Exit::ERROR);
                }
            },
            long => {
                if domains.take(long) {
                    continue;
                }
                let attribute =
                    ProcessAttribute::ALL.iter().find(|attribute| names::attribute_id(**attribute) == long);
                let &attribute = attribute.ok_or(Exit::UNDEFINED)?;
                requests.push(Request { attribute, list: option.value, all: false });
            }
        }
    }
    let kind = domains.only(out, domains::WITH_CHANNELS)?;
    let domain = Domain::with_default_buffers(kind);
    for request in &mut requests {
        // In user space a process is what its own namespace calls it.
        if kind == DomainType::Ust && request.attribute == ProcessAttribute::Pid {
            request.attribute = ProcessAttribute::Vpid;
        }
    }
    if requests.is_empty() {
        out.error("At least one process attribute must be specified");
        return Ok(Exit::ERROR);
    }
    parser.at_most_one()?;
    let session = program.session_or_current(session)?;
    program.mi.begin(command.name);
    program.mi.open("process_attr_trackers");
    let done = requests.into_iter().try_for_each(|request| {
        let values = check(out, kind, &request)?;
        program.mi.open(names::tracker_element(request.attribute));
        program.mi.open("process_attr_values");
        let done = match values {
            None => all_values(program, &session, domain, request.attribute, direction),
            Some(values) => listed_values(program, &session, domain, request.attribute, direction, values),
        };
        program.mi.close();
        program.mi.close();
        done
    });
    program.mi.end(done.is_ok());
    done.map(|()| Exit::SUCCESS)
}

/// The values of a request; `None` stands for all of them.
fn check(out: Output, domain: DomainType, request: &Request) -> Step<Option<Vec<ProcessAttributeValue>>> {
    let attribute = request.attribute;
    let refuse = |text: std::fmt::Arguments<'_>| {
        out.error(text);
        Err(Exit::ERROR)
    };
    if request.all && request.list.is_some() {
        return refuse(format_args!(
            "The --all option cannot be used with a list of process attribute values"
        ));
    }
    if !request.all && request.list.is_none() {
        let name = names::attribute_capitalised(attribute);
        return refuse(format_args!("No process attribute value specified for {name} tracker"));
    }
    if !attribute.is_for(domain) {
        let name = names::attribute(attribute);
        return refuse(format_args!(
            "The {name} process attribute cannot be tracked in the user space domain."
        ));
    }
    let Some(list) = &request.list else { return Ok(None) };
    let mut values = Vec::new();
    for item in name_list(list) {
        match value(attribute, item) {
            Some(value) => values.push(value),
            None => {
                let name = names::attribute(attribute);
                return refuse(format_args!("{item} is not a valid {name} value; expected an integer"));
            }
        }
    }
    Ok(Some(values))
}

/// What begins with a digit is a number; anything else is a name, which processes do not have.
fn value(attribute: ProcessAttribute, item: &str) -> Option<ProcessAttributeValue> {
    let is_number = item.starts_with(|c: char| c.is_ascii_digit());
    match attribute {
        ProcessAttribute::Pid | ProcessAttribute::Vpid => item.parse().ok().map(ProcessAttributeValue::Pid),
        ProcessAttribute::Uid | ProcessAttribute::Vuid if is_number => {
            item.parse().ok().map(ProcessAttributeValue::Uid)
        }
        ProcessAttribute::Gid | ProcessAttribute::Vgid if is_number => {
            item.parse().ok().map(ProcessAttributeValue::Gid)
        }
        ProcessAttribute::Uid | ProcessAttribute::Vuid => {
            Some(ProcessAttributeValue::UserName(item.to_owned()))
        }
        ProcessAttribute::Gid | ProcessAttribute::Vgid => {
            Some(ProcessAttributeValue::GroupName(item.to_owned()))
        }
    }
}

fn all_values(
    program: &mut Program,
    session: &str,
    domain: Domain,
    attribute: ProcessAttribute,
    direction: Direction,
) -> Step {
    let out = program.out;
    let (policy, text) = match direction {
        Direction::Track => (TrackingPolicy::IncludeAll, "include all"),
        Direction::Untrack => (TrackingPolicy::ExcludeAll, "exclude all"),
    };
    let set = program
        .client
        .tracking_policy(session, domain, attribute)
        .and_then(|_| program.client.set_tracking_policy(session, domain, attribute, policy));
    objects::tracker_value(&mut program.mi, attribute, None, Some(set.is_ok()));
    match set {
        Ok(()) => {
            let name = names::attribute_capitalised(attribute);
            out.say(format_args!("{name} tracking policy set to `{text}`"));
            Ok(())
        }
        Err(error) if error.is(ErrorCode::SessNotFound) => {
            out.error(format_args!("Session `{session}` does not exist"));
            Err(Exit::FATAL)
        }
        Err(error) => {
            out.error(error.text());
            Err(Exit::FATAL)
        }
    }
}

fn listed_values(
    program: &mut Program,
    session: &str,
    domain: Domain,
    attribute: ProcessAttribute,
    direction: Direction,
    values: Vec<ProcessAttributeValue>,
) -> Step {
    let out = program.out;
    let failed = |error: ControlError| {
        match error.code() {
            ErrorCode::SessNotFound => out.error(ErrorCode::SessionNotExist),
            // Without a daemon the reference says `Unknown error` here.
            _ => out.error(error.text()),
        }
        Exit::ERROR
    };
    let policy = program.client.tracking_policy(session, domain, attribute).map_err(failed)?;
    if policy != TrackingPolicy::IncludeSet {
        program
            .client
            .set_tracking_policy(session, domain, attribute, TrackingPolicy::IncludeSet)
            .map_err(failed)?;
    }
    let mut result = Ok(());
    for value in values {
        let changed = match direction {
            Direction::Track => program.client.track(session, domain, attribute, value.clone()),
            Direction::Untrack => program.client.untrack(session, domain, attribute, value.clone()),
        };
        let said = say(out, attribute, direction, &value, changed);
        objects::tracker_value(&mut program.mi, attribute, Some(&value), Some(said.is_ok()));
        result = result.and(said);
    }
    result
}

fn say(
    out: Output,
    attribute: ProcessAttribute,
    direction: Direction,
    value: &ProcessAttributeValue,
    changed: Result<(), ControlError>,
) -> Step {
    let name = names::attribute(attribute);
    let item = match value {
        ProcessAttributeValue::Pid(pid) => pid.to_string(),
        ProcessAttributeValue::Uid(id) | ProcessAttributeValue::Gid(id) => id.to_string(),
        ProcessAttributeValue::UserName(name) | ProcessAttributeValue::GroupName(name) => name.clone(),
    };
    match (changed, direction) {
        (Ok(()), Direction::Track) => {
            out.say(format_args!("Added {item} to the {name} tracker inclusion set"))
        }
        (Ok(()), Direction::Untrack) => {
            out.say(format_args!("Removed {item} from the {name} tracker inclusion set"))
        }
        (Err(error), _) => match error.code() {
            ErrorCode::ProcessAttrExists => {
                out.warn(format_args!("{item} is already in the {name} inclusion set"))
            }
            ErrorCode::ProcessAttrMissing => {
                out.warn(format_args!("{item} is not in the {name} the inclusion set"));
            }
            ErrorCode::UserNotFound => {
                out.error(format_args!("User `{item}` was not found"));
                return Err(Exit::ERROR);
            }
            ErrorCode::GroupNotFound => {
                out.error(format_args!("Group `{item}` was not found"));
                return Err(Exit::ERROR);
            }
            _ => {
                out.error(error.text());
                return Err(Exit::ERROR);
            }
        },
    }
    Ok(())
}
