//! What is in a folder of traces, in numbers: events by name, what was discarded, what was lost
//! (`docs/spec/trace-output.md`, 18.1 and 18.3).
//!
//! Reading is serial and takes one packet's memory at a time. What cannot be read is named in
//! [`Summary::faults`], and the rest is read nevertheless.

mod streams;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::trace_files::{Found, TraceFiles};

/// Faults beyond this number are counted, not kept.
const MAX_FAULTS: usize = 100;

/// What is in a folder of traces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many traces there are; the chunks and snapshots of one trace count as one.
    pub traces: usize,
    /// Events by name, all traces together; only names that occur.
    pub events: BTreeMap<String, u64>,
    /// The kinds of events that the metadata declares, whether or not one occurs, with the names of their payload fields:
    /// what a rule selected in an application that was there.
    pub declared: BTreeMap<String, BTreeSet<String>>,
    /// The streams, in the order of their files.
    pub streams: Vec<StreamSummary>,
    /// Size of all files of the traces, in bytes.
    pub bytes: u64,
    /// Time of the first event, in nanoseconds since the epoch of its clock.
    pub begin: Option<i128>,
    /// Time of the last event, in nanoseconds since the epoch of its clock.
    pub end: Option<i128>,
    /// What could not be read; at most the first 100.
    pub faults: Vec<Fault>,
    /// How many faults there are.
    pub fault_count: u64,
}

/// One stream: what one channel recorded on one CPU.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamSummary {
    /// Its first data file; the channel's name and the CPU are in the file's name.
    pub file: PathBuf,
    /// Id of its class in the trace: the channel.
    pub stream_id: u64,
    /// Which of that class's streams: the CPU.
    pub stream_instance_id: Option<u64>,
    /// How many packets were read.
    pub packets: u64,
    /// How many events.
    pub events: u64,
    /// How many events the tracer discarded, since the stream began or since the first packet that is there.
    pub discarded_events: u64,
    /// What the counter of discarded events said in the first packet, if that is not the stream's first: when they
    /// were discarded, and whether another part of the trace tells of them, cannot be known from here.
    pub discarded_before: u64,
    /// How many packets are missing between those that are there (overwritten, or never taken).
    pub lost_packets: u64,
    /// How many packets the stream had before the first that is there.
    pub packets_before: u64,
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file or folder.
    pub path: PathBuf,
    /// Where in the file, in bytes, if it is a place.
    pub offset: Option<u64>,
    /// Why.
    pub cause: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        write!(f, ": {}", self.cause)
    }
}

/// Why a folder cannot be looked through.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the folder {path}: {source}", path = path.display())]
pub struct SummaryError {
    /// The folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: std::io::Error,
}

impl Summary {
    /// All events.
    pub fn event_count(&self) -> u64 {
        self.events.values().sum()
    }

    /// Events that the tracer discarded, as far as they can be told from here.
    pub fn discarded_events(&self) -> u64 {
        self.streams.iter().map(|stream| stream.discarded_events).fold(0, u64::saturating_add)
    }

    /// Packets that are missing between those that are there.
    pub fn lost_packets(&self) -> u64 {
        self.streams.iter().map(|stream| stream.lost_packets).fold(0, u64::saturating_add)
    }

    /// Packets that were read.
    pub fn packets(&self) -> u64 {
        self.streams.iter().map(|stream| stream.packets).sum()
    }

    fn fault(&mut self, path: &Path, offset: Option<u64>, cause: impl std::fmt::Display) {
        self.fault_count += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { path: path.to_owned(), offset, cause: cause.to_string() });
        }
    }
}

/// Reads all traces in `folder` and below.
///
/// ```no_run
/// let summary = rttng_ctf::summary::summarise("/tmp/trace".as_ref())?;
/// for (name, count) in &summary.events {
///     println!("{count:10} {name}");
/// }
/// if summary.discarded_events() > 0 {
///     println!("{} events were discarded", summary.discarded_events());
/// }
/// # Ok::<(), rttng_ctf::summary::SummaryError>(())
/// ```
pub fn summarise(folder: &Path) -> Result<Summary, SummaryError> {
    let mut found = Found::default();
    found.look_into(folder).map_err(|source| SummaryError { path: folder.to_owned(), source })?;
    let mut summary = Summary { traces: found.unreadable_traces, bytes: found.bytes, ..Summary::default() };
    for (path, cause) in &found.faults {
        summary.fault(path, None, cause);
    }
    for trace in found.traces {
        let TraceFiles { class, path, data, .. } = trace;
        summary.traces += 1;
        for event in class.streams.iter().flat_map(|stream| &stream.events) {
            let fields = event.fields.iter().flat_map(|payload| &payload.fields);
            let known = summary.declared.entry(event.name.clone()).or_default();
            // The metadata puts an underscore before each name.
            known.extend(fields.map(|field| field.name.strip_prefix('_').unwrap_or(&field.name).to_owned()));
        }
        match crate::decode::TraceDecoder::new(&class) {
            Ok(decoder) => streams::read(&class, decoder, &data, &mut summary),
            Err(error) => summary.fault(&path, None, error),
        }
    }
    Ok(summary)
}

#[cfg(test)]
mod tests;
