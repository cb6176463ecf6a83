//! `rttng record -- PROGRAM`: runs a program and records it, with nothing set up before.
//!
//! One command from start to end: [`options`] are read, a [`plan`] is worked out and checked, a [`private`] session
//! daemon is started, the [`program`] runs, and a [`report`] says what was recorded and what was lost; [`explain`]
//! says why nothing was.

mod bystanders;
mod explain;
mod filter_fields;
mod options;
mod plan;
mod private;
mod program;
pub(crate) mod report;
mod sizing;
mod tsc;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;
use rttng_control::{Client, ControlError};
use rttng_wire::client::{ChannelUsage, ErrorCode, SessionDescriptor, SessionKind, SessionOutput, Uri};

use rttng_session::trace_clock::{TraceClock, TscClock};

use crate::{instrumented, words};
use explain::{Asked, Watch};
use options::{ClockChoice, Options};
use plan::Plan;
use private::PrivateDaemon;
use report::Lost;
use sizing::Machine;

/// The session's name; nobody else sees it.
const SESSION: &str = "record";
/// What ended without the program having run, as shells say it of a command that cannot be run.
const CANNOT_RUN: u8 = 126;
/// The program is not there, as shells say it.
const NOT_FOUND: u8 = 127;

/// Why a program is no one to be recorded with the time-stamp counter.
const ONLY_MONOTONIC: &str = "liblttng-ust (or an older rttng-ust), which knows no clock but CLOCK_MONOTONIC: record it without --clock tsc";

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

/// `rttng record`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    let options: Options = match words::read(argv) {
        Ok(options) => options,
        Err(end) => return end,
    };
    match record(&options) {
        Ok(code) => ExitCode::from(code),
        Err(Failure { text, code }) => {
            eprintln!("rttng record: {text}");
            ExitCode::from(code)
        }
    }
}

/// Why there is no recording, and the status to end with.
struct Failure {
    text: String,
    code: u8,
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Failure { text, code: 1 }
    }
}

fn record(options: &Options) -> Result<u8, Failure> {
    let machine = Machine::measure();
    let file = options.program.first().and_then(|name| instrumented::find_program(name));
    let instrumented = file.map(|file| instrumented::look(&file)).unwrap_or_default();
    let counter = match options.clock {
        ClockChoice::Monotonic => None,
        ClockChoice::Tsc if instrumented.tracer.is_some() && !instrumented.has_own_tracer => {
            let name = options.program.first().map(|name| name.to_string_lossy()).unwrap_or_default();
            return Err(format!("--clock tsc: {name} is traced by {ONLY_MONOTONIC}").into());
        }
        ClockChoice::Tsc => Some(tsc::Watched::begin()?),
    };
    let tsc_clock = counter.as_ref().map(|counter| TscClock::new(counter.clock()));
    let trace_clock = tsc_clock.clone().map_or(TraceClock::Monotonic, TraceClock::Tsc);
    let plan = plan::work_out(options, machine)?;
    let own_limit = program::descriptor_limit();
    // A directory that was made for the recording goes with it, if nothing is in it.
    let give_up = |text: String| {
        if options.output.is_none() {
            let _ = std::fs::remove_dir(&plan.output);
        }
        text
    };
    let mut daemon = PrivateDaemon::start(trace_clock)
        .map_err(|error| give_up(format!("cannot start a session daemon: {error}")))?;
    let client = daemon.client();
    begin(&client, &plan).map_err(|error| {
        give_up(format!("cannot start the recording in {}: {}", plan.output.display(), error.text()))
    })?;
    let watch = Watch::begin(daemon.client(), daemon.home().to_owned())
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    let around = program::Surroundings {
        lttng_home: daemon.home().to_owned(),
        may_block: options.lossless.is_some(),
        counts_tsc: counter.is_some(),
        // A program with rights of its own would only complain.
        tracer: instrumented.tracer.filter(|_| !instrumented.has_own_rights),
        descriptor_limit: own_limit,
    };
    let status = match program::run(&options.program, &around) {
        Ok(status) => status,
        Err(error) => {
            discard(&client, &plan);
            let code = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN };
            let name = options.program.first().map(|name| name.to_string_lossy()).unwrap_or_default();
            return Err(Failure { text: format!("cannot run {name}: {error}"), code });
        }
    };
    let mut seen = watch.end();
    for (pid, name) in &seen.still_running {
        eprintln!("rttng record: {name} (pid {pid}) goes on in the background, and is not recorded any more");
    }
    seen.learn_files(instrumented);
    let ended = end(&client);
    let died = daemon.finish();
    let is_whole = ended.is_ok();
    let usage = ended.unwrap_or_else(|error| {
        match error.code() {
            ErrorCode::NoUstconsumerd => eprintln!(
                "rttng record: the consumer daemon ended while it recorded (was it killed, or out of memory?): what it \
                 had not written is lost"
            ),
            _ => eprintln!(
                "rttng record: the end of the recording failed: {}; the trace may be incomplete",
                error.text()
            ),
        }
        Vec::new()
    });
    if let Err(why) = died {
        eprintln!("rttng record: {why}");
    }
    // What the clock was has to stand in the trace before anybody reads it.
    let clock = counter.map(|counter| counter.end(&plan.output)).unwrap_or_default();
    tell(options, &plan, machine, is_whole.then_some(seen), &usage)?;
    if !options.quiet {
        clock.iter().for_each(|line| eprintln!("{line}"));
    }
    for (pid, name) in tsc_clock.iter().flat_map(TscClock::turned_away) {
        eprintln!("NOT RECORDED: {name} (pid {pid}) is traced by {ONLY_MONOTONIC}");
    }
    Ok(program::exit_code(status))
}

fn begin(client: &Client, plan: &Plan) -> Result<(), ControlError> {
    client.create_session(SessionDescriptor {
        kind: SessionKind::Regular,
        name: Some(SESSION.into()),
        output: SessionOutput::Local(Some(Uri::local(plan.output.clone()))),
    })?;
    client.enable_channel(SESSION, plan.domain, plan.channel.clone())?;
    for context in &plan.contexts {
        client.add_context(SESSION, plan.domain, plan::CHANNEL, context.clone())?;
    }
    for event in &plan.events {
        client.enable_event(SESSION, plan.domain, plan::CHANNEL, event.clone(), None)?;
    }
    client.start(SESSION)
}

/// Ends the recording; says how full its buffers were.
fn end(client: &Client) -> Result<Vec<ChannelUsage>, ControlError> {
    client.stop(SESSION)?;
    client.wait_for_data(SESSION, || {})?;
    let usage = client.list_channel_usage(SESSION)?;
    client.destroy_session(SESSION, || {})?;
    Ok(usage)
}

/// Ends a recording of nothing and removes what it made.
fn discard(client: &Client, plan: &Plan) {
    // The reason why there is nothing to record is told; a second error would only hide it.
    let _ = end(client);
    let _ = std::fs::remove_dir(plan.output.join("ust"));
    let _ = std::fs::remove_dir(&plan.output);
}

fn tell(
    options: &Options,
    plan: &Plan,
    machine: Machine,
    seen: Option<explain::Seen>,
    usage: &[ChannelUsage],
) -> Result<(), String> {
    let summary = rttng_ctf::summary::summarise(&plan.output).map_err(|error| error.to_string())?;
    let shown = std::env::current_dir()
        .ok()
        .and_then(|here| plan.output.strip_prefix(here).ok().map(std::path::Path::to_owned))
        .unwrap_or_else(|| plan.output.clone());
    for line in report::lines(&shown, &summary, options.quiet) {
        eprintln!("{line}");
    }
    let patterns: Vec<String> = plan.events.iter().map(|event| event.name.clone()).collect();
    let own = |name: &str| name.starts_with(explain::STATE_DUMP);
    if summary.events.keys().all(|name| own(name)) {
        eprintln!("rttng record: no event of the program was recorded");
    }
    // Of what was lost with a daemon nothing can be told.
    if let Some(mut seen) = seen.filter(|_| summary.events.keys().all(|name| own(name))) {
        seen.learn_trace(&summary);
        let asked = Asked {
            patterns: &patterns,
            exclusions: &options.exclude,
            log_level: plan.log_level,
            filter: options.filter.as_deref(),
        };
        for line in explain::explain(&seen, &asked) {
            eprintln!("  {line}");
        }
    }
    if !options.quiet {
        for line in usage.iter().filter_map(report::fullest) {
            eprintln!("{line}");
        }
    }
    // Files that --channel tracefile-count removed are no loss.
    let is_whole = plan.channel.attributes.tracefile_count == 0;
    let lost = Lost::of(&summary, usage, is_whole);
    for line in report::losses(&plan.output, &summary, lost, plan.buffers, machine) {
        eprintln!("{line}");
    }
    Ok(())
}
