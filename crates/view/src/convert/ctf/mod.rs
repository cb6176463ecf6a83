//! Traces to traces of the Common Trace Format: all events or some, in packets of the same or of other sizes.
//!
//! For each trace that is read there is one in the output, in the same place below it, with one data file for each stream
//! and LTTng's index files. Environment, clocks and ids stay as they are; losses are told where they happened.

mod places;
mod stream;

use std::fs;
use std::path::Path;

use rttng_ctf::Version;
use rttng_ctf::read::{Message, Reader};
use rttng_ctf::write::{CopyError, StreamFiles, TraceCopy};

use super::ConvertError;
use super::output::StagedFolder;
use crate::select::{Selector, Verdict};
use stream::{Bounds, Output, Packets};

/// What is held of all streams together before it is written, in bytes, if they are not too many.
const HELD_BYTES: usize = 64 << 20;

/// The versions of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CtfVersion {
    /// 1.8, which all readers have.
    #[default]
    Ctf1,
    /// 2, with metadata in JSON.
    Ctf2,
}

/// How a trace is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CtfOptions {
    /// The version of the format.
    pub version: CtfVersion,
    /// Packets are made anew, to be at most so many bytes where no single event is larger. Nothing: packets are as they were
    /// recorded.
    pub packet_bytes: Option<u64>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Converted {
    /// How many traces.
    pub traces: u64,
    /// How many data streams.
    pub streams: u64,
    /// How many events.
    pub events: u64,
}

/// Writes what `selector` lets pass into the folder `target`, which must not be there, or be empty. `roots` are the
/// folders that the reader was opened with.
pub fn convert<P: AsRef<Path>>(
    reader: &mut Reader,
    roots: &[P],
    selector: &mut Selector,
    options: &CtfOptions,
    target: &Path,
) -> Result<Converted, ConvertError> {
    let staged = StagedFolder::create(target)?;
    let writing = Writing { staging: staged.path(), target };
    let converted = writing.convert(reader, roots, selector, options)?;
    staged.finish()?;
    Ok(converted)
}

/// The folder that is written to, and the name that it will have.
struct Writing<'a> {
    staging: &'a Path,
    target: &'a Path,
}

impl Writing<'_> {
    fn convert<P: AsRef<Path>>(
        &self,
        reader: &mut Reader,
        roots: &[P],
        selector: &mut Selector,
        options: &CtfOptions,
    ) -> Result<Converted, ConvertError> {
        let mut copies = Vec::with_capacity(reader.traces().len());
        let mut metadata = Vec::with_capacity(reader.traces().len());
        for trace in reader.traces() {
            let class = trace.class();
            let version = match options.version {
                CtfVersion::Ctf1 => Version::Ctf1,
                CtfVersion::Ctf2 => Version::Ctf2,
            };
            let hint = match (class.version, version) {
                (Version::Ctf2, Version::Ctf1) => "; CTF 2 has a form for it (--to ctf2)",
                _ => "",
            };
            let at_fault = |cause: rttng_ctf::decode::CompileError| ConvertError::Types {
                path: trace.metadata().to_owned(),
                cause: format!("{cause}{hint}"),
            };
            let copy = TraceCopy::of(class, version).map_err(at_fault)?;
            metadata.push(match version {
                Version::Ctf1 => rttng_ctf::tsdl::write(copy.class()),
                Version::Ctf2 => rttng_ctf::ctf2::write(copy.class()).map_err(at_fault)?,
            });
            copies.push(copy);
        }
        let places = places::of(reader, roots);
        let held_bytes = (HELD_BYTES / reader.stream_count().max(1)).clamp(4 << 10, 128 << 10);
        let mut outputs = Vec::with_capacity(reader.stream_count());
        for place in &places.traces {
            let folder = self.staging.join(place);
            fs::create_dir_all(folder.join("index"))
                .map_err(ConvertError::output(&self.target.join(place)))?;
        }
        for number in 0..reader.stream_count() {
            let info = reader.stream(number);
            let folder = self.staging.join(&places.traces[info.trace]);
            let name = &places.streams[number];
            let mut index = name.clone();
            index.push(".idx");
            let files = StreamFiles {
                data: folder.join(name),
                index: Some(folder.join("index").join(index)),
                held_bytes,
            };
            let copy = copies[info.trace].stream(info.class, instance(reader, number), files);
            outputs.push(Output::new(copy, info.scale));
        }
        let events = self.run(reader, selector, options, &mut outputs)?;
        for (text, place) in metadata.into_iter().zip(&places.traces) {
            let path = self.staging.join(place).join("metadata");
            fs::write(path, text).map_err(ConvertError::output(&self.target.join(place).join("metadata")))?;
            // An index folder without an index.
            let _ = fs::remove_dir(self.staging.join(place).join("index"));
        }
        Ok(Converted { traces: copies.len() as u64, streams: outputs.len() as u64, events })
    }

    fn run(
        &self,
        reader: &mut Reader,
        selector: &mut Selector,
        options: &CtfOptions,
        outputs: &mut [Output],
    ) -> Result<u64, ConvertError> {
        let bounds = Bounds { packet_bits: options.packet_bytes.map(|bytes| bytes.saturating_mul(8)) };
        let keeps_empty = selector.is_everything() && bounds.packet_bits.is_none();
        let mut events = 0;
        let mut is_stopped = false;
        while let Some(message) = reader.next()? {
            match message {
                Message::Event(mut event) => {
                    let verdict = selector.judge(&mut event)?;
                    if verdict == Verdict::Stop {
                        is_stopped = true;
                        break;
                    }
                    let is_wanted = verdict == Verdict::Show;
                    events += u64::from(is_wanted);
                    let number = event.stream();
                    let output = &mut outputs[number];
                    let range = selector.range();
                    let packets = Packets::Event(&event);
                    let done = output
                        .pass_to(&packets, event.packet(), keeps_empty, range, &bounds)
                        .and_then(|()| output.event(&packets, &event.recorded(), is_wanted, &bounds));
                    if let Err(error) = done {
                        return Err(self.at_fault(reader, number, error));
                    }
                }
                Message::Lost { stream, .. } => outputs[stream].told_of_loss(),
            }
        }
        for (number, output) in outputs.iter_mut().enumerate() {
            let packets = Packets::Stream(reader, number);
            let end = if is_stopped { None } else { Some(reader.stream(number).packets) };
            let finished = output.finish(&packets, end, keeps_empty, selector.range(), &bounds);
            finished.map_err(|error| self.at_fault(reader, number, error))?;
        }
        Ok(events)
    }

    fn at_fault(&self, reader: &Reader, stream: usize, error: stream::Fault) -> ConvertError {
        match error {
            stream::Fault::Read(error) => error.into(),
            stream::Fault::Copy(CopyError::Write { path, source }) => {
                let path =
                    path.strip_prefix(self.staging).map_or(path.clone(), |path| self.target.join(path));
                ConvertError::Output { path, source }
            }
            stream::Fault::Copy(cause) => {
                ConvertError::Copy { path: reader.stream(stream).path.to_owned(), cause }
            }
        }
    }
}

/// Which of its class's streams it is, if its packets say so.
fn instance(reader: &Reader, stream: usize) -> Option<u64> {
    let info = reader.stream(stream);
    reader.traces()[info.trace].class().tells_instances().then_some(info.instance)
}
