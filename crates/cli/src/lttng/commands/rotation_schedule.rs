//! `enable-rotation` and `disable-rotation`: rotation schedules of a session.

use rttng_wire::client::{ErrorCode, RotationSchedule};

use crate::lttng::exit::{Exit, Step};
use crate::lttng::mi::Document;
use crate::lttng::output::Output;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::values::{micros, size, time};

pub(crate) fn run_enable(
    program: &mut Program,
    command: &'static CommandSpec,
    words: &[String],
) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let mut session = None;
    let mut schedules: Vec<RotationSchedule> = Vec::new();
    while let Some(option) = parser.next()? {
        let text = option.value.unwrap_or_default();
        let schedule = match option.long {
            "timer" => RotationSchedule::Periodic(checked(out, "timer", "periodic", time(&text), &text)?),
            "size" => RotationSchedule::Size(checked(out, "size", "size-based", size(&text), &text)?),
            _ => {
                session = Some(text);
                continue;
            }
        };
        if schedules.iter().any(|other| kind(other) == kind(&schedule)) {
            out.error(format_args!(
                "Only one {} rotation schedule may be set on a session.",
                kind(&schedule)
            ));
            return Ok(Exit::ERROR);
        }
        schedules.push(schedule);
    }
    schedules.sort_by_key(|schedule| matches!(schedule, RotationSchedule::Size(_)));
    parser.at_most_one()?;
    program.mi.begin(command.name);
    if schedules.is_empty() {
        out.error("No session rotation schedule parameter provided.");
        program.mi.end(false);
        return Ok(Exit::ERROR);
    }
    let session = program.session_or_current(session)?;
    program.mi.open("rotation_schedule_results");
    program.mi.text("session_name", &session);
    let mut exit = Exit::SUCCESS;
    for schedule in schedules {
        let added = program.client.add_rotation_schedule(&session, schedule);
        result(&mut program.mi, kind(&schedule), Some(schedule), added.is_ok());
        match (&added, schedule) {
            (Ok(()), RotationSchedule::Periodic(period)) => out.say(format_args!(
                "Enabled periodic rotations every {} us on session {session}",
                micros(period)
            )),
            (Ok(()), RotationSchedule::Size(size)) => out.say(format_args!(
                "Enabled size-based rotations every {size} bytes written on session {session}"
            )),
            (Err(error), _) => {
                let kind = kind(&schedule);
                if error.is(ErrorCode::RotationScheduleSet) {
                    out.error(format_args!("A {kind} rotation schedule is already set on session {session}"));
                } else {
                    out.error(format_args!("Failed to enable {kind} rotation schedule on session {session}"));
                    out.debug(1, error);
                }
                exit = Exit::ERROR;
            }
        }
    }
    program.mi.end(exit.is_success());
    Ok(exit)
}

fn checked<T: Default + PartialEq>(
    out: Output,
    long: &str,
    kind: &str,
    value: Option<T>,
    text: &str,
) -> Step<T> {
    match value {
        Some(value) if value != T::default() => Ok(value),
        Some(_) => {
            out.error(format_args!("Invalid value for {kind} option"));
            Err(Exit::ERROR)
        }
        None => {
            out.error(format_args!("Invalid value for --{long} option: {text}"));
            Err(Exit::ERROR)
        }
    }
}

fn kind(schedule: &RotationSchedule) -> &'static str {
    match schedule {
        RotationSchedule::Periodic(_) => "periodic",
        RotationSchedule::Size(_) => "size-based",
    }
}

pub(crate) fn run_disable(
    program: &mut Program,
    command: &'static CommandSpec,
    words: &[String],
) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let (mut session, mut periodic, mut by_size) = (None, false, false);
    while let Some(option) = parser.next()? {
        match option.long {
            "timer" => periodic = true,
            "size" => by_size = true,
            _ => session = option.value,
        }
    }
    parser.at_most_one()?;
    program.mi.begin(command.name);
    if !periodic && !by_size {
        out.error("No session rotation schedule type provided.");
        program.mi.end(false);
        return Ok(Exit::ERROR);
    }
    let session = program.session_or_current(session)?;
    let Ok(active) = program.client.rotation_schedules(&session) else {
        out.error(format_args!("Failed to list rotation schedules of session {session}"));
        program.mi.end(false);
        return Ok(Exit::ERROR);
    };
    program.mi.open("rotation_schedule_results");
    program.mi.text("session_name", &session);
    let wanted = [
        (periodic, "periodic", active.periodic.map(RotationSchedule::Periodic)),
        (by_size, "size-based", active.size.map(RotationSchedule::Size)),
    ];
    let mut exit = Exit::SUCCESS;
    for (_, kind, schedule) in wanted.into_iter().filter(|(wanted, ..)| *wanted) {
        let removed = match schedule {
            None => {
                out.error(format_args!("No {kind} rotation schedule active on session {session}"));
                false
            }
            Some(schedule) => match program.client.remove_rotation_schedule(&session, schedule) {
                Ok(()) => {
                    out.say(format_args!("Disabled {kind} rotation on session {session}"));
                    true
                }
                Err(error) => {
                    out.error(format_args!(
                        "Failed to disable {kind} rotation schedule on session {session}: {}",
                        error.text()
                    ));
                    false
                }
            },
        };
        if !removed {
            exit = Exit::ERROR;
        }
        result(&mut program.mi, kind, schedule, removed);
    }
    program.mi.end(exit.is_success());
    Ok(exit)
}

fn result(mi: &mut Document, kind: &str, schedule: Option<RotationSchedule>, success: bool) {
    let periodic = kind == "periodic";
    mi.element("rotation_schedule_result", |mi| {
        mi.element("rotation_schedule", |mi| {
            mi.element(if periodic { "periodic" } else { "size_threshold" }, |mi| match schedule {
                Some(RotationSchedule::Periodic(period)) => mi.number("time_us", micros(period)),
                Some(RotationSchedule::Size(size)) => mi.number("bytes", size),
                None => {}
            });
        });
        mi.boolean("success", success);
    });
}
