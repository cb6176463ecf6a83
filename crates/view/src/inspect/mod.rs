//! What traces are made of, and what is wrong with them: for people who wonder why a trace looks as it does, or why
//! others refuse it.
//!
//! [`inspect`] reads all that can be read; [`Inspection::text`] and [`Inspection::json`] say it.

mod describe;
mod findings;
mod gather;
mod index;
mod json;
mod text;

use std::path::PathBuf;

use rttng_ctf::TraceClass;
use rttng_ctf::read::ReadError;

pub use describe::describe;
pub use index::IndexState;

use crate::Losses;

/// What was found in some folders.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The traces that can be read at all.
    pub traces: Vec<InspectedTrace>,
    /// What is wrong, and what is of note, in the order of their weight.
    pub findings: Vec<Finding>,
}

/// One trace.
#[derive(Debug)]
pub struct InspectedTrace {
    /// The host and the folder below the one that was asked for.
    pub name: String,
    /// Its metadata file.
    pub metadata: PathBuf,
    /// What the metadata says.
    pub class: TraceClass,
    /// Events by stream class and event class, as often as they occur.
    pub counts: Vec<Vec<u64>>,
    /// Its streams.
    pub streams: Vec<InspectedStream>,
}

/// One stream: for LTTng what one channel recorded on one CPU.
#[derive(Debug)]
pub struct InspectedStream {
    /// Id of its class.
    pub class: u64,
    /// Its own number.
    pub instance: u64,
    /// Its data files, in the order of their packets.
    pub files: Vec<InspectedFile>,
    /// Its packets, in the order of time.
    pub packets: Vec<InspectedPacket>,
    /// How many events.
    pub events: u64,
    /// Times of the first and the last event, in nanoseconds since the origin of its clock.
    pub span: Option<(i64, i64)>,
    /// What its tracer says was lost.
    pub losses: Losses,
}

/// A data file.
#[derive(Debug)]
pub struct InspectedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether its index fits.
    pub index: IndexState,
}

/// A packet.
#[derive(Debug)]
pub struct InspectedPacket {
    /// Its file, a position in [`InspectedStream::files`].
    pub file: usize,
    /// Where it starts there, in bytes.
    pub offset: u64,
    /// Its size with padding, in bytes.
    pub bytes: u64,
    /// Its size without padding, in bytes.
    pub content_bytes: u64,
    /// When it began and ended, in nanoseconds since the origin of its clock.
    pub span: Option<(i64, i64)>,
    /// Its number in the stream, as the tracer counts.
    pub sequence_number: Option<u64>,
    /// The running total of discarded events at its end.
    pub events_discarded: Option<u64>,
    /// How many events it has.
    pub events: u64,
}

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something that was recorded cannot be read.
    Error,
    /// Something is missing or odd; all that is there can be read.
    Warning,
    /// Of note.
    Note,
}

impl Level {
    /// `error`, `warning` or `note`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }
}

/// Something that is wrong or of note: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The file or folder.
    pub path: PathBuf,
    /// Where in it, in bytes.
    pub offset: Option<u64>,
    /// What was found.
    pub what: String,
    /// What it means or what to do, if there is anything to say.
    pub advice: String,
}

impl Inspection {
    /// Whether all that was recorded can be read.
    pub fn is_whole(&self) -> bool {
        self.findings.iter().all(|finding| finding.level != Level::Error)
    }
}

/// Looks at the traces in these folders and below. Only a folder that is not there, or has no trace, is an error: all
/// else is a finding.
pub fn inspect(folders: &[PathBuf]) -> Result<Inspection, ReadError> {
    gather::gather(folders)
}
