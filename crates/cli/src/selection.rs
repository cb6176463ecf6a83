//! Which events of traces a command takes, and how traces are merged: the options that all commands share that read
//! events.

use std::collections::BTreeSet;

use clap::Args;
use rttng_ctf::read::{Correlation, Reader};
use rttng_filter::{Bytecode, pattern};
use rttng_view::select::{Process, Selection, TimeBound};

use crate::near::near_names;

/// What a command asks of the clocks of traces that it merges.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClockOptions {
    /// Take all clocks to count from the Unix epoch: merges traces whose clocks say nothing of each other
    #[arg(long, overrides_with = "clock_force_correlate")]
    clock_force_correlate: bool,
}

impl ClockOptions {
    /// The same for the library.
    pub(crate) fn correlation(&self) -> Correlation {
        if self.clock_force_correlate { Correlation::Forced } else { Correlation::Required }
    }
}

/// The events that a command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct SelectionOptions {
    /// Take no events before this time: [YYYY-MM-DD ]hh:mm[:ss[.nanoseconds]] or seconds[.nanoseconds]
    #[arg(short = 'b', long, value_name = "TIME", allow_hyphen_values = true)]
    begin: Option<TimeBound>,

    /// Take no events after this time
    #[arg(short = 'e', long, value_name = "TIME", allow_hyphen_values = true)]
    end: Option<TimeBound>,

    /// Take no events before and after these times
    #[arg(short = 't', long, value_name = "BEGIN,END", conflicts_with_all = ["begin", "end"], value_parser = time_range)]
    timerange: Option<(TimeBound, TimeBound)>,

    /// Take only events of these names, `*` standing for any text; may be repeated
    #[arg(long = "event", value_name = "PATTERN", value_delimiter = ',')]
    events: Vec<String>,

    /// Take only events for which this expression on their fields and contexts holds, as recording takes it
    #[arg(long, value_name = "EXPRESSION", value_parser = filter)]
    filter: Option<Bytecode>,

    /// Take only events of these CPUs
    #[arg(long = "cpu", value_name = "NUMBER", value_delimiter = ',')]
    cpus: Vec<u64>,

    /// Take only events of these processes, by number or name: for traces with the contexts `vpid` or `procname`, and
    /// those of buffers per process
    #[arg(long = "process", value_name = "PROCESS", value_delimiter = ',')]
    processes: Vec<String>,

    /// Take no more events than so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<u64>,

    /// Show of each trace only the time in which all of its streams have packets
    #[arg(long)]
    stream_intersection: bool,
}

impl SelectionOptions {
    /// The same for the library; `gmt` says of which zone local times are.
    pub(crate) fn selection(&self, gmt: bool) -> Selection {
        Selection {
            begin: self.begin.or(self.timerange.map(|range| range.0)),
            end: self.end.or(self.timerange.map(|range| range.1)),
            gmt,
            events: self.events.clone(),
            filter: self.filter.clone(),
            cpus: self.cpus.clone(),
            processes: self.processes.iter().map(|text| Process::from(text.as_str())).collect(),
            limit: self.limit,
            stream_intersection: self.stream_intersection,
        }
    }

    /// Says on standard error which of the names no kind of event has, and what is spelled nearly like it.
    pub(crate) fn tell_unmatched(&self, command: &str, reader: &Reader) {
        let streams = reader.traces().iter().flat_map(|trace| &trace.class().streams);
        let names: BTreeSet<&String> =
            streams.flat_map(|stream| &stream.events).map(|event| &event.name).collect();
        let has_none = |asked: &&String| {
            !names.iter().any(|name| pattern::name_matches(asked.as_bytes(), name.as_bytes()))
        };
        for asked in self.events.iter().filter(has_none) {
            let near = near_names(asked, names.iter().copied());
            let near = if near.is_empty() { String::new() } else { format!("; near: {}", near.join(", ")) };
            eprintln!("{command}: --event {asked:?} matches no kind of event in what is read{near}");
        }
    }
}

/// `BEGIN,END` or, literally, `[BEGIN,END]`.
fn time_range(text: &str) -> Result<(TimeBound, TimeBound), String> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let (begin, end) = inner.split_once(',').ok_or("a time range is two times with a comma between")?;
    let time = |text: &str| text.trim().parse::<TimeBound>().map_err(|error| error.to_string());
    Ok((time(begin)?, time(end)?))
}

fn filter(text: &str) -> Result<Bytecode, String> {
    rttng_filter::compile(text).map_err(|error| error.to_string())
}
