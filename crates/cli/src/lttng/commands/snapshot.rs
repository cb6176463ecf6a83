//! `snapshot ACTION`: outputs of a snapshot session, and snapshots.

use std::num::NonZeroU32;

use rttng_wire::client::{ErrorCode, SnapshotMaxSize, SnapshotOutput};

use crate::lttng::exit::{Exit, Step};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::urls;
use crate::lttng::values::size;

#[derive(Default)]
struct Options {
    session: Option<String>,
    control_url: Option<String>,
    data_url: Option<String>,
    name: Option<String>,
    max_size: Option<u64>,
}

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let mut options = Options::default();
    while let Some(option) = parser.next()? {
        match option.long {
            "session" => options.session = option.value,
            "ctrl-url" => options.control_url = option.value,
            "data-url" => options.data_url = option.value,
            "name" => options.name = option.value,
            "max-size" => {
                let text = option.text();
                options.max_size = Some(size(&text).ok_or_else(|| {
                    out.error(format_args!("Unable to handle max-size value {text}"));
                    Exit::ERROR
                })?);
            }
            _ => {}
        }
    }
    if options.control_url.is_some() != options.data_url.is_some() {
        out.error("URLs must be specified for both data and control");
        return Ok(Exit::ERROR);
    }
    let mut words = parser.positionals().into_iter();
    let action = words.next();
    let operand = words.next();
    program.mi.begin(command.name);
    let exit = act(program, command, &options, action, operand).unwrap_or_else(|exit| exit);
    program.mi.end(exit.is_success());
    Ok(exit)
}

fn act(
    program: &mut Program,
    command: &CommandSpec,
    options: &Options,
    action: Option<String>,
    operand: Option<String>,
) -> Step<Exit> {
    let Some(action) = action else {
        program.out.error("No action specified for snapshot command.");
        return Err(Exit::ERROR);
    };
    if !command.actions.contains(&action.as_str()) {
        return Err(Exit::UNDEFINED);
    }
    let session = program.session_or_current(options.session.clone())?;
    program.mi.open("snapshot_action");
    program.mi.text("name", &action);
    program.mi.open("output");
    match action.as_str() {
        "add-output" => add_output(program, &session, options, operand),
        "del-output" => delete_output(program, &session, operand),
        "list-output" => list_outputs(program, &session),
        _ => record(program, &session, options, operand),
    }
}

fn failed(program: &Program, error: &rttng_control::ControlError) -> Exit {
    program.out.error(error.text());
    Exit::ERROR
}

/// The output that options and operand describe; without a destination its URL is empty.
fn described(program: &Program, options: &Options, operand: Option<&str>) -> Step<SnapshotOutput> {
    let mut output = SnapshotOutput::unset();
    output.name = options.name.clone().unwrap_or_default();
    if let Some(bytes) = options.max_size {
        output.max_size = if bytes == 0 { SnapshotMaxSize::Unlimited } else { SnapshotMaxSize::Bytes(bytes) };
    }
    let destination = match (operand, &options.control_url, &options.data_url) {
        (Some(url), _, _) => Some((url, "", urls::parse(program.out, url))),
        (None, Some(control), Some(data)) => {
            Some((control.as_str(), data.as_str(), urls::parse_pair(program.out, control, data)))
        }
        _ => None,
    };
    if let Some((control, data, parsed)) = destination {
        if parsed.is_none() {
            program.out.error("Invalid URL for the snapshot output");
            return Err(Exit::FATAL);
        }
        output.ctrl_url = control.to_owned();
        output.data_url = data.to_owned();
    }
    Ok(output)
}

fn limit(output: &SnapshotOutput) -> String {
    output.max_size.limit().map_or(String::new(), |bytes| format!(" (max size: {bytes} bytes)"))
}

fn add_output(
    program: &mut Program,
    session: &str,
    options: &Options,
    operand: Option<String>,
) -> Step<Exit> {
    let out = program.out;
    if operand.is_none() && options.control_url.is_none() {
        out.error("An output destination must be specified to add a snapshot output.");
        return Err(Exit::ERROR);
    }
    let mut output = described(program, options, operand.as_deref())?;
    let id = match program.client.add_snapshot_output(session, output.clone()) {
        Ok(id) => id,
        Err(error) if error.is(ErrorCode::SnapshotUnsupported) => {
            out.error(format_args!(
                "Session \"{session}\" contains a channel that is incompatible with the snapshot functionality.\nMake sure all channels are configured in 'mmap' output mode."
            ));
            return Err(Exit::ERROR);
        }
        Err(error) => return Err(failed(program, &error)),
    };
    if output.name.is_empty() {
        output.name = format!("snapshot-{id}");
    }
    out.say(format_args!("Snapshot output successfully added for session {session}"));
    out.say(format_args!("  [{id}] {}: {}{}", output.name, output.ctrl_url, limit(&output)));
    program.mi.element("snapshot", |mi| {
        mi.number("id", id);
        mi.text("name", &output.name);
        mi.text("ctrl_url", &output.ctrl_url);
        mi.text("session_name", session);
        mi.number("max_size", options.max_size.unwrap_or(u64::MAX));
    });
    Ok(Exit::SUCCESS)
}

fn delete_output(program: &mut Program, session: &str, operand: Option<String>) -> Step<Exit> {
    let out = program.out;
    let Some(which) = operand else {
        return Err(Exit::UNDEFINED);
    };
    let digits = which.find(|c: char| !c.is_ascii_digit()).unwrap_or(which.len());
    let id = which[..digits].parse().ok().and_then(NonZeroU32::new);
    if id.is_some() && digits < which.len() {
        out.error(format_args!("Argument {which} not recognized"));
        out.error("Unknown error code");
        return Err(Exit::ERROR);
    }
    let mut output = SnapshotOutput::unset();
    output.id = id;
    if id.is_none() {
        output.name = which.clone();
    }
    program.client.delete_snapshot_output(session, output).map_err(|error| failed(program, &error))?;
    let what = if id.is_some() { "id " } else { "" };
    out.say(format_args!("Snapshot output {what}{which} successfully deleted for session {session}"));
    program.mi.element("snapshot", |mi| {
        match id {
            Some(id) => mi.number("id", id.get()),
            None => mi.text("name", &which),
        }
        mi.text("session_name", session);
    });
    Ok(Exit::SUCCESS)
}

fn list_outputs(program: &mut Program, session: &str) -> Step<Exit> {
    let out = program.out;
    let outputs = program.client.list_snapshot_outputs(session).map_err(|error| failed(program, &error))?;
    out.say(format_args!("Snapshot output list for session {session}"));
    if outputs.is_empty() {
        out.say("    None");
    }
    program.mi.open("session");
    program.mi.text("name", session);
    program.mi.open("snapshots");
    for output in &outputs {
        let id = output.id.map_or(0, NonZeroU32::get);
        out.say(format_args!("    [{id}] {}: {}{}", output.name, output.ctrl_url, limit(output)));
        program.mi.element("snapshot", |mi| {
            mi.number("id", id);
            mi.text("name", &output.name);
            mi.text("ctrl_url", &output.ctrl_url);
            mi.text("data_url", &output.data_url);
            mi.number("max_size", output.max_size.limit().unwrap_or(0));
        });
    }
    Ok(Exit::SUCCESS)
}

fn record(program: &mut Program, session: &str, options: &Options, operand: Option<String>) -> Step<Exit> {
    let out = program.out;
    let output = described(program, options, operand.as_deref())?;
    match program.client.record_snapshot(session, output) {
        Ok(()) => {}
        Err(error) if error.is(ErrorCode::SnapshotNodata) => {
            out.warn(error.text());
            return Ok(Exit::SUCCESS);
        }
        Err(error) => {
            if error.is(ErrorCode::MaxSizeInvalid) {
                out.error("Invalid snapshot size. Cannot fit at least one packet per stream.");
            }
            return Err(failed(program, &error));
        }
    }
    out.say(format_args!("Snapshot recorded successfully for session {session}"));
    match (&operand, &options.control_url, &options.data_url) {
        (Some(url), _, _) => out.say(format_args!("Snapshot written at: {url}")),
        (None, Some(control), Some(data)) => {
            out.say(format_args!("Snapshot written to ctrl: {control}, data: {data}"));
        }
        _ => {}
    }
    program.mi.element("snapshot", |mi| {
        if let Some(url) = &operand {
            mi.text("ctrl_url", url);
        } else if let (Some(control), Some(data)) = (&options.control_url, &options.data_url) {
            mi.text("ctrl_url", control);
            mi.text("data_url", data);
        }
    });
    Ok(Exit::SUCCESS)
}
