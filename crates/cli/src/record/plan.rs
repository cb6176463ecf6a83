//! What a recording asks of the session daemon, worked out and checked before anything is started.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rttng_control::event_filter;
use rttng_filter::pattern::{StarUse, star_use};
use rttng_wire::client::{
    BlockingTimeout, BufferType, Channel, ChannelAttributes, Context, Domain, DomainType, Event, EventKind,
    LogLevelSelection, OutputType, OverwriteMode,
};
use rttng_world::local_time;

use super::options::Options;
use super::sizing::{Buffers, Machine};
use crate::lttng::{contexts, names, values};

/// The one channel of a recording.
pub(super) const CHANNEL: &str = "channel0";
/// Bytes of the longest name that LTTng takes.
const LONGEST_NAME: usize = 255;
/// How often the buffers' usage is sampled, for the advice after a loss.
const MONITOR_TIMER: Duration = Duration::from_millis(100);

/// What to ask for.
#[derive(Debug)]
pub(super) struct Plan {
    /// Where the trace goes; absolute, not there yet or empty.
    pub(super) output: PathBuf,
    /// Who shares buffers.
    pub(super) domain: Domain,
    /// The channel.
    pub(super) channel: Channel,
    /// Its buffers.
    pub(super) buffers: Buffers,
    /// The rules.
    pub(super) events: Vec<Event>,
    /// The log levels that the rules take.
    pub(super) log_level: LogLevelSelection,
    /// The context fields.
    pub(super) contexts: Vec<Context>,
}

/// Works the plan out.
///
/// # Errors
/// What is wrong with the options, for the person who wrote them.
pub(super) fn work_out(options: &Options, machine: Machine) -> Result<Plan, String> {
    let domain = Domain::new(
        DomainType::Ust,
        if options.per_process { BufferType::PerPid } else { BufferType::PerUid },
    );
    let attributes = attributes(options, machine)?;
    let buffers = Buffers { subbuf_size: attributes.subbuf_size, num_subbuf: attributes.num_subbuf };
    let log_level = log_level(options)?;
    Ok(Plan {
        domain,
        channel: Channel::new(CHANNEL, attributes),
        buffers,
        events: events(options, log_level)?,
        log_level,
        contexts: contexts_of(options)?,
        // Last, because it may make a directory.
        output: output(options)?,
    })
}

fn attributes(options: &Options, machine: Machine) -> Result<ChannelAttributes, String> {
    let chosen = machine.buffers();
    let mut attributes = ChannelAttributes {
        overwrite: OverwriteMode::Discard,
        subbuf_size: chosen.subbuf_size,
        num_subbuf: chosen.num_subbuf,
        switch_timer: Duration::ZERO,
        read_timer: Duration::ZERO,
        live_timer: Duration::ZERO,
        monitor_timer: MONITOR_TIMER,
        output: OutputType::Mmap,
        tracefile_size: 0,
        tracefile_count: 0,
        blocking_timeout: options.lossless.map_or(BlockingTimeout::None, BlockingTimeout::After),
    };
    for given in &options.channel {
        let (key, value) = given.split_once('=').unwrap_or((given, ""));
        let size = || values::size(value).ok_or_else(|| bad(given, "a size, for example 64k or 2M"));
        let time = || values::time(value).ok_or_else(|| bad(given, "a time, for example 500us or 1s"));
        let count = || values::count(value).ok_or_else(|| bad(given, "a number"));
        match key {
            "subbuf-size" => attributes.subbuf_size = size()?,
            "num-subbuf" => attributes.num_subbuf = count()?,
            "overwrite" if value.is_empty() => attributes.overwrite = OverwriteMode::Overwrite,
            "switch-timer" => attributes.switch_timer = time()?,
            "read-timer" => attributes.read_timer = time()?,
            "tracefile-size" => attributes.tracefile_size = size()?,
            "tracefile-count" => attributes.tracefile_count = count()?,
            _ => {
                return Err(format!(
                    "--channel: {given:?} is no attribute; there are subbuf-size=SIZE, num-subbuf=N, overwrite, \
                     switch-timer=TIME, read-timer=TIME, tracefile-size=SIZE, tracefile-count=N"
                ));
            }
        }
    }
    // As LTTng's own command line does: a power of two, a page at least.
    attributes.subbuf_size = rounded("subbuf-size", attributes.subbuf_size, machine.page)?;
    attributes.num_subbuf = rounded("num-subbuf", attributes.num_subbuf, 2)?;
    if attributes.tracefile_size > 0 {
        attributes.tracefile_size = attributes.tracefile_size.max(attributes.subbuf_size);
    }
    let buffers = Buffers { subbuf_size: attributes.subbuf_size, num_subbuf: attributes.num_subbuf };
    if buffers.footprint(machine.cpus) > machine.memory {
        return Err(format!(
            "the buffers need {} MB for {} CPUs and this machine has {} MB free; use smaller ones, for example \
             --channel subbuf-size={}k",
            buffers.footprint(machine.cpus) >> 20,
            machine.cpus,
            machine.memory >> 20,
            chosen.subbuf_size >> 10,
        ));
    }
    Ok(attributes)
}

/// The next power of two, `least` at least.
fn rounded(key: &str, value: u64, least: u64) -> Result<u64, String> {
    match value {
        0 => Err(format!("--channel: {key} cannot be 0")),
        _ => value
            .max(least)
            .checked_next_power_of_two()
            .ok_or_else(|| format!("--channel: {key}={value} is more than any machine has")),
    }
}

fn bad(given: &str, wanted: &str) -> String {
    format!("--channel: {given:?} does not say {wanted}")
}

/// Most recordings of programs of one name that begin in one directory in one second.
const MOST_AT_ONCE: u32 = 1000;

/// The directory that was asked for, checked, or a new one in the current directory.
fn output(options: &Options) -> Result<PathBuf, String> {
    if let Some(path) = &options.output {
        return checked(path);
    }
    let program = options.program.first().map(Path::new).and_then(Path::file_name);
    let name = program.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // A name that begins with a dot would hide the trace.
    let name = name.trim_start_matches('.');
    let first = format!("{name}-{}", local_time::stamp(SystemTime::now()));
    for number in 1..MOST_AT_ONCE {
        let path = match number {
            1 => PathBuf::from(&first),
            _ => PathBuf::from(format!("{first}-{number}")),
        };
        // Made here and now, so that nobody else takes it.
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(cannot_write(&path, &error)),
            Ok(()) => return checked(&path),
        }
    }
    Err(format!("{first} and all names like it are taken; give another --output"))
}

fn cannot_write(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("cannot write the trace to {}: {why}; give another --output", path.display())
}

fn checked(path: &Path) -> Result<PathBuf, String> {
    let shown = path.display();
    let cannot = |why: &dyn std::fmt::Display| cannot_write(path, why);
    let absolute = std::path::absolute(path).map_err(|error| cannot(&error))?;
    match std::fs::read_dir(&absolute).map(|mut entries| entries.next().is_some()) {
        Ok(true) => {
            return Err(format!("{shown} exists and is not empty; give another --output, or remove it"));
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot(&error)),
        _ => {}
    }
    // What is there already decides whether the rest can be made, and what `..` in it means.
    let there = absolute.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let rest = absolute.strip_prefix(there).unwrap_or(Path::new(""));
    if rest.components().any(|part| part == std::path::Component::ParentDir) {
        return Err(cannot(&"it goes up from a directory that is not there"));
    }
    let there = there.canonicalize().map_err(|error| cannot(&error))?;
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(&there, access)
        .map_err(|error| cannot(&format_args!("{}: {}", there.display(), std::io::Error::from(error))))?;
    // Joining nothing would add a slash.
    Ok(if rest.as_os_str().is_empty() { there } else { there.join(rest) })
}

fn log_level(options: &Options) -> Result<LogLevelSelection, String> {
    let level = |text: &str| {
        names::parse_level(DomainType::Ust, text, false)
            .ok_or_else(|| format!("{text:?} is no log level; rttng help enable-event lists them"))
    };
    Ok(match (&options.loglevel, &options.loglevel_only) {
        (Some(text), _) => LogLevelSelection::range(level(text)?),
        (None, Some(text)) => LogLevelSelection::single(level(text)?),
        (None, None) => LogLevelSelection::all(DomainType::Ust),
    })
}

fn events(options: &Options, log_level: LogLevelSelection) -> Result<Vec<Event>, String> {
    let everything = vec!["*".to_owned()];
    let patterns = if options.events.is_empty() { &everything } else { &options.events };
    patterns
        .iter()
        .map(|pattern| {
            if !options.exclude.is_empty() && star_use(pattern.as_bytes()) == StarUse::None {
                return Err(format!(
                    "--exclude works on patterns only, and --event {pattern:?} is none (it has no `*`)"
                ));
            }
            if pattern.is_empty() || pattern.len() > LONGEST_NAME {
                return Err(format!("--event {pattern:?}: a pattern has 1 to {LONGEST_NAME} bytes"));
            }
            let expression = options.filter.as_deref();
            let filter = event_filter(DomainType::Ust, pattern, expression, log_level).map_err(|error| {
                format!("--filter does not hold together\n{}", error.render(expression.unwrap_or_default()))
            })?;
            Ok(Event {
                log_level,
                exclusions: options.exclude.clone(),
                filter,
                ..Event::new(pattern.clone(), EventKind::Tracepoint)
            })
        })
        .collect()
}

fn contexts_of(options: &Options) -> Result<Vec<Context>, String> {
    options
        .contexts
        .iter()
        .map(|name| {
            contexts::parse(name).map_err(|why| {
                why.map_or_else(
                    || format!("{name:?} is no context field; rttng add-context --list shows them"),
                    |why| format!("{name:?}: {why}"),
                )
            })
        })
        .collect()
}
