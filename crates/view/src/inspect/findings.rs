//! From what was seen to what it means, and what to do about it.

use std::path::{Path, PathBuf};

use rttng_ctf::read::{ReadError, Uncorrelated, index_path};

use super::describe::counted;
use super::{Finding, IndexState, InspectedTrace, Inspection, Level};

/// What a word in an error means, and what to do. The first that fits counts.
const ADVICE: [(&str, &str); 14] = [
    (
        "Permission denied",
        "Root may read it, and the user whose session daemon recorded it: read as one of them, or change the mode.",
    ),
    (
        "the file ends in this packet",
        "The recorder was killed, or the disk was full, while it wrote this packet, or a copy of the file failed. `rttng \
         view` shows what is there.",
    ),
    (
        "still open",
        "The tracer had not finished this packet: the program or the machine ended suddenly. Its events cannot be told \
         from what was there before.",
    ),
    (
        "nothing is read from here",
        "Something else wrote into this file, or a part of it is lost (a copy that failed?).",
    ),
    (
        "the metadata is still empty",
        "The session is still recording, or its session daemon was killed: `lttng stop` (or `rttng stop`) writes it.",
    ),
    (
        "what is before it is read",
        "The metadata ends too early: events of the kinds that follow cannot be read. Is there another part of the trace \
         (chunk, snapshot) with whole metadata? Copy its metadata here.",
    ),
    ("which the metadata does not know", "The metadata is older than the events, or of another trace."),
    ("the magic number is", "This file is no data of this trace, or its start is overwritten."),
    (
        "time goes back",
        "The clock was set back while recording, or the packet is damaged: the rest of it is left out.",
    ),
    (
        "before the end of what came before",
        "The clock was set back, or packets of two recordings are in one stream.",
    ),
    (
        "ends at",
        "The packet's own times contradict its events: the clock was set back, or the packet is damaged.",
    ),
    ("more than 64 bits", "The packet is damaged, or its metadata is of another trace."),
    ("past the end", "The packet is damaged, or its metadata is of another trace."),
    ("metadata", "No reader can go on without it: the text is not what the tracer wrote."),
];

/// What an error of reading means.
pub(super) fn of_error(error: &ReadError) -> Finding {
    let what = error.cause.clone();
    let named = error.path.file_name().is_some_and(|name| name == "metadata");
    let fits = |(word, _): &&(&str, &str)| what.contains(word) && (*word != "metadata" || named);
    let advice = ADVICE.iter().find(fits).map_or("", |(_, advice)| advice).to_owned();
    Finding { level: Level::Error, path: error.path.clone(), offset: error.offset, what, advice }
}

/// What clocks that have nothing to do with each other mean.
pub(super) fn of_uncorrelated(error: &Uncorrelated) -> Finding {
    let advice = "Other commands refuse to read them together, as babeltrace2 does: read one after the other, or, where \
                  both have clocks, with `--clock-force-correlate`.";
    finding(Level::Warning, &error.places[0], error.to_string(), advice)
}

fn finding(level: Level, path: &Path, what: String, advice: &str) -> Finding {
    Finding { level, path: path.to_owned(), offset: None, what, advice: advice.to_owned() }
}

/// What is of note in a trace that was read.
pub(super) fn of_trace(trace: &InspectedTrace, to: &mut Inspection) {
    let folder = trace.metadata.parent().unwrap_or(Path::new("."));
    for stream in &trace.streams {
        for file in &stream.files {
            let index = index_path(&file.path).unwrap_or_default();
            let rebuilt =
                "Readers go by the data file then, which takes longer; `rttng convert` writes a new index.";
            match &file.index {
                IndexState::Fits => {}
                // Other tracers write none.
                IndexState::Missing if !index.parent().is_some_and(Path::is_dir) => {}
                IndexState::Missing => {
                    let what = "the index of this file is missing".to_owned();
                    to.findings.push(finding(Level::Note, &file.path, what, rebuilt));
                }
                IndexState::Unreadable(cause) => {
                    let what = format!("the index cannot be read: {cause}");
                    to.findings.push(finding(Level::Warning, &index, what, rebuilt));
                }
                IndexState::Differs(cause) => {
                    let what = format!("the index is not that of the data: {cause}");
                    to.findings.push(finding(Level::Warning, &index, what, rebuilt));
                }
            }
        }
        let path = stream.files.first().map_or(folder, |file| &file.path);
        let larger = "The buffers were too small for the rate of events: larger or more sub-buffers keep them (`rttng \
                      record --lossless` waits instead).";
        if stream.losses.events > 0 {
            let what = format!("{} discarded", counted(stream.losses.events as usize, "event"));
            to.findings.push(finding(Level::Warning, path, what, larger));
        }
        if stream.losses.packets > 0 {
            let what = format!(
                "{} lost between those that are there",
                counted(stream.losses.packets as usize, "packet")
            );
            let advice = "They were overwritten before they were taken (overwrite mode, snapshots), or are in another \
                          part of the trace.";
            to.findings.push(finding(Level::Warning, path, what, advice));
        }
        if stream.losses.uncounted > 0 {
            let what = "events may have been discarded before its first packet".to_owned();
            let advice = "The tracer counts from the start of the session, of which this is a later part.";
            to.findings.push(finding(Level::Note, path, what, advice));
        }
    }
    let known: Vec<&PathBuf> =
        trace.streams.iter().flat_map(|stream| &stream.files).map(|file| &file.path).collect();
    for path in empty_files(folder) {
        if !known.contains(&&path) {
            let what = "the file is empty".to_owned();
            to.findings.push(finding(Level::Note, &path, what, "Nothing was recorded in this stream."));
        }
    }
    if trace.streams.is_empty() {
        let what = "the trace has metadata, but no packet".to_owned();
        let advice =
            "No event was recorded, or the session was not stopped (buffers are written when they are full).";
        to.findings.push(finding(Level::Warning, folder, what, advice));
    }
}

/// Data files without a byte, directly in the folder.
fn empty_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_empty =
        |path: &PathBuf| std::fs::metadata(path).is_ok_and(|status| status.is_file() && status.len() == 0);
    let mut empty: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_empty).collect();
    empty.retain(|path| !path.ends_with("metadata"));
    empty.sort();
    empty.into_iter().filter_map(|path| path.canonicalize().ok()).collect()
}
