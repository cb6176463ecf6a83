//! Traces that are still being written: their events as they come, in the order of time as far as that is certain.
//!
//! ```text
//! Source --TraceNews--> Follower::look: classes, files, packets --> streams --tournament--> Follower::next
//! ```
//! A [`Source`] tells what there is by now: which traces, what their metadata says, and how far each of their files is
//! written. [`Folders`] is the source of traces on disk. One that takes packets from elsewhere (the live protocol of a
//! relay daemon) puts them into files of its own, in memory or not, and tells of them in the same words.
//!
//! **What is certain.** A stream that has nothing more to read can still get a packet, with events from the end of its
//! last packet on. So what other streams have after that time is held back. A file without any packet holds back
//! everything. Who knows better (that the tracer hands over its buffers each second, that the recording is stopped)
//! raises the [horizon](Follower::set_horizon): before it, nothing is missing.
//!
//! Metadata may lag behind events: an event of a kind that is not known yet is waited for, too. A packet that was
//! overwritten before it was read (a ring of files) counts as lost.

mod folders;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use folders::Folders;
use folders::identity_of;

use super::clock::{TimeScale, clock_of};
use super::correlate::Uncorrelated;
use super::error::ReadError;
use super::merge::Tournament;
use super::open::{EndTimes, absolute, layouts, name, order};
use super::packets::{Packet, read_head};
use super::stream::{Next, Stream, StreamParts};
use super::{Message, Options, Reader, Trace};
use crate::class::TraceClass;
use crate::decode::{PacketInfo, TraceDecoder};
use crate::tsdl::Warning;

/// Where traces come from while they are written.
pub trait Source {
    /// Tells what is new since it was asked last. What cannot be read yet is told another time.
    ///
    /// # Errors
    /// Only what waiting does not mend.
    fn look(&mut self) -> Result<Vec<TraceNews>, ReadError>;
}

/// What is new in one trace.
#[derive(Debug)]
pub struct TraceNews {
    /// Which trace: traces are numbered from 0 in the order in which they are first told of.
    pub trace: usize,
    /// Its metadata, when it is new or has grown. Comes first for each trace.
    pub metadata: Option<MetadataNews>,
    /// Its folders, as far as they are below what was asked for.
    pub places: Vec<PathBuf>,
    /// Data files that are new, have grown, or have moved.
    pub files: Vec<FileNews>,
}

/// What metadata says by now.
#[derive(Debug)]
pub struct MetadataNews {
    /// What was made of it.
    pub class: TraceClass,
    /// What was passed over.
    pub warnings: Vec<Warning>,
    /// Where it is.
    pub path: PathBuf,
}

/// How far a data file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileNews {
    /// Which of the trace's files: numbered from 0 in the order in which they are first told of.
    pub file: usize,
    /// Where it is.
    pub path: PathBuf,
    /// How many bytes may be read.
    pub size: u64,
    /// Device and number of the file, where another may come to stand at its path.
    pub identity: Option<(u64, u64)>,
}

/// Reads traces that are still being written.
#[derive(Debug)]
pub struct Follower<S = Folders> {
    source: S,
    options: Options,
    reader: Reader,
    traces: Vec<Followed>,
    horizon: i64,
    is_finished: bool,
    /// How many files have no packet yet: what streams they are of is not known.
    silent_files: usize,
}

/// What is kept of each trace besides what the reader has.
#[derive(Debug)]
struct Followed {
    decoder: Arc<TraceDecoder>,
    paths: Arc<[PathBuf]>,
    places: Vec<PathBuf>,
    files: Vec<FollowedFile>,
    quirks: EndTimes,
}

#[derive(Debug)]
struct FollowedFile {
    size: u64,
    /// How many of its bytes are in packets that are listed.
    listed: u64,
    /// Stream class and stream.
    stream: Option<(u64, u64)>,
    /// Device and number.
    identity: Option<(u64, u64)>,
}

impl Follower {
    /// Follows the traces in these folders and below, which may be empty as yet.
    ///
    /// # Errors
    /// When one of the folders cannot be read.
    pub fn open(folders: &[PathBuf], options: &Options) -> Result<Follower, ReadError> {
        Follower::of(Folders::new(folders), options)
    }
}

impl<S: Source> Follower<S> {
    /// Follows what `source` tells of.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn of(source: S, options: &Options) -> Result<Follower<S>, ReadError> {
        let reader = Reader::new(Vec::new(), Vec::new());
        let mut follower = Follower {
            source,
            options: options.clone(),
            reader,
            traces: Vec::new(),
            horizon: i64::MIN,
            is_finished: false,
            silent_files: 0,
        };
        follower.look()?;
        Ok(follower)
    }

    /// What is read so far. Traces keep their numbers; streams get others when [`Follower::look`] says so.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Where the traces come from.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Says that all events before that time (nanoseconds since the origin, without the offset of the options) are written
    /// by now: [`Follower::look`] takes note of it.
    pub fn set_horizon(&mut self, time: i64) {
        self.horizon = self.horizon.max(time.saturating_add(self.options.clock_offset_ns));
    }

    /// Looks for what was written since. Whether there are other traces, kinds of events or streams than before: tables
    /// that were made for [`Follower::reader`] have to be made anew then.
    ///
    /// # Errors
    /// What waiting does not mend.
    pub fn look(&mut self) -> Result<bool, ReadError> {
        let news = self.source.look()?;
        // What was given out is done with.
        if std::mem::take(&mut self.reader.is_taken) {
            let time = self.reader.streams[self.reader.order.winner()].advance();
            self.reader.order.replay(time);
        }
        let mut has_changed = false;
        for news in news {
            if let Some(metadata) = news.metadata {
                self.take_metadata(news.trace, metadata, &news.places)?;
                has_changed = true;
            }
            self.take_files(news.trace, news.places, news.files);
        }
        let streams = self.reader.streams.len();
        self.reader.streams.iter_mut().for_each(Stream::settle);
        for trace in 0..self.traces.len() {
            self.list_packets(trace)?;
        }
        if self.reader.streams.len() > streams {
            has_changed = true;
            self.reader.check_correlation(self.options.correlation).map_err(Uncorrelated::refusal)?;
        }
        let files = self.traces.iter().flat_map(|trace| &trace.files);
        self.silent_files = files.filter(|file| file.stream.is_none()).count();
        self.put_in_order(streams);
        Ok(has_changed)
    }

    /// The next message. Nothing if there is none of which it is certain that nothing comes before it.
    ///
    /// # Errors
    /// As [`Reader::next`].
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Message<'_>>, ReadError> {
        if self.is_blocked() {
            return Ok(None);
        }
        self.reader.next()
    }

    /// Says that nothing more will be written: what is there is all. The last look; whether tables have to be made anew.
    ///
    /// # Errors
    /// What [`Reader::open`] would say of the traces, packets that were left half written included.
    pub fn finish(&mut self) -> Result<bool, ReadError> {
        self.is_finished = true;
        for stream in &mut self.reader.streams {
            stream.is_open = false;
        }
        self.look()
    }

    /// How many streams there are, of all traces, that may get events before those that are held back.
    pub fn awaited(&self) -> usize {
        if self.is_finished {
            return 0;
        }
        let waits = |stream: &&Stream| matches!(stream.next, Next::Wait);
        let waiting = self.reader.streams.iter().filter(waits).count();
        waiting + self.silent_files
    }

    /// Whether there is something to read that is held back.
    pub fn holds_back(&self) -> bool {
        self.reader.streams.iter().any(|stream| !matches!(stream.next, Next::Wait | Next::End))
    }

    /// Whether what is next has to wait for a stream of which nothing is known.
    #[inline]
    fn is_blocked(&mut self) -> bool {
        if self.is_finished || self.horizon == i64::MAX || self.silent_files == 0 {
            return false;
        }
        if std::mem::take(&mut self.reader.is_taken) {
            let time = self.reader.streams[self.reader.order.winner()].advance();
            self.reader.order.replay(time);
        }
        self.reader.order.time() >= self.horizon
    }

    fn take_metadata(
        &mut self,
        number: usize,
        news: MetadataNews,
        places: &[PathBuf],
    ) -> Result<(), ReadError> {
        let MetadataNews { class, warnings, path } = news;
        let decoder = TraceDecoder::showing(&class).map_err(|error| ReadError::of(&path, error))?;
        let decoder = Arc::new(decoder);
        let layouts = layouts(&class, &decoder);
        let quirks = EndTimes::of(&class.environment);
        let name = name(&class, places);
        let (places, known) = (places.to_owned(), Arc::clone(&decoder));
        let trace = Trace { name, places, class, metadata: path, warnings, layouts, decoder: known };
        let traces = Arc::make_mut(&mut self.reader.traces);
        match (traces.get_mut(number), self.traces.get_mut(number)) {
            (Some(known), Some(followed)) => {
                if !has_grown(&known.class, &trace.class) {
                    let cause = "the metadata has changed where it was read before";
                    return Err(ReadError::of(&trace.metadata, cause));
                }
                *known = trace;
                followed.decoder = Arc::clone(&decoder);
            }
            _ => {
                traces.push(trace);
                self.traces.push(Followed {
                    decoder: Arc::clone(&decoder),
                    paths: Arc::default(),
                    places: Vec::new(),
                    files: Vec::new(),
                    quirks,
                });
            }
        }
        let trace = &self.reader.traces[number];
        for stream in self.reader.streams.iter_mut().filter(|stream| stream.trace == number) {
            if let Some(new) = decoder.stream(trace.class.streams[stream.class].id) {
                stream.renew(&decoder, new);
            }
        }
        Ok(())
    }

    fn take_files(&mut self, number: usize, places: Vec<PathBuf>, files: Vec<FileNews>) {
        let Some(trace) = self.traces.get_mut(number) else { return };
        if trace.places != places {
            trace.places = places;
            let read = &mut Arc::make_mut(&mut self.reader.traces)[number];
            read.name = name(&read.class, &trace.places);
            read.places = trace.places.clone();
        }
        let mut paths = trace.paths.to_vec();
        for FileNews { file, path, size, identity } in files {
            if file >= trace.files.len() {
                trace.files.push(FollowedFile { size, listed: 0, stream: None, identity });
                paths.push(absolute(&path));
            } else {
                trace.files[file].size = size;
                paths[file] = absolute(&path);
            }
        }
        trace.paths = paths.into();
    }

    /// Lists the packets that were written whole since.
    fn list_packets(&mut self, number: usize) -> Result<(), ReadError> {
        let Followed { decoder, paths, files, quirks, .. } = &mut self.traces[number];
        let mut slots = decoder.slots();
        for (file, at) in files.iter_mut().zip(0u32..).filter(|(file, _)| file.listed < file.size) {
            let path = &paths[at as usize];
            let (first, packets) = match list(path, at, file, decoder, &mut slots) {
                (_, _, Some(error)) if self.is_finished => return Err(error),
                (first, packets, _) => (first, packets),
            };
            let Some(first) = first else { continue };
            let class = &self.reader.traces[number].class;
            let instance = first.stream_instance_id.filter(|_| first.timestamp_begin.is_some());
            let key = (first.stream_id, instance.unwrap_or(u64::from(at)));
            file.stream = Some(key);
            let Some(position) = class.streams.iter().position(|stream| stream.id == key.0) else { continue };
            let Some(stream_decoder) = decoder.stream(key.0) else { continue };
            let is_that = |stream: &&mut Stream| {
                (stream.trace, stream.class, stream.instance) == (number, position, key.1)
            };
            let known = self.reader.streams.iter_mut().find(is_that);
            let stream = match known {
                Some(stream) => stream,
                None => {
                    let clock = clock_of(class, &class.streams[position]);
                    let mut stream = Stream::new(StreamParts {
                        trace: number,
                        class: position,
                        instance: key.1,
                        trace_decoder: Arc::clone(decoder),
                        decoder: Arc::clone(stream_decoder),
                        files: Arc::clone(paths),
                        packets: Vec::new(),
                        scale: clock.map(|clock| TimeScale::of(clock, self.options.clock_offset_ns)),
                        first,
                        window_bytes: self.options.window_bytes.max(1024),
                        lenient: self.options.lenient,
                    });
                    stream.is_open = true;
                    // Its turn comes when the order is made.
                    stream.next = Next::Wait;
                    self.reader.streams.push(stream);
                    let last = self.reader.streams.len() - 1;
                    &mut self.reader.streams[last]
                }
            };
            stream.append(&packets, paths);
            quirks.apply(&mut Arc::make_mut(&mut stream.packets)[..]);
        }
        for stream in self.reader.streams.iter_mut().filter(|stream| stream.trace == number) {
            stream.is_open = !self.is_finished;
            // Files may have moved.
            stream.append(&[], paths);
        }
        Ok(())
    }

    /// Lets streams that waited go on, and puts all in the order in which they come at one time. The first `known` of
    /// them have a place in it already.
    fn put_in_order(&mut self, known: usize) {
        let Reader { traces, streams, order: tournament, .. } = &mut self.reader;
        let time = |(number, mut stream): (usize, Stream)| {
            stream.floor = self.horizon;
            let time = match stream.next {
                Next::Wait => stream.advance(),
                _ if number < known => stream.next_time(),
                _ => Tournament::NEVER,
            };
            (stream, time)
        };
        let mut timed: Vec<(Stream, i64)> =
            std::mem::take(streams).into_iter().enumerate().map(time).collect();
        timed.sort_by(|(a, _), (b, _)| order(traces, a, b));
        *tournament = Tournament::new(timed.iter().map(|(_, time)| *time));
        *streams = timed.into_iter().map(|(stream, _)| stream).collect();
    }
}

/// Whether metadata says what it said before, and maybe more.
fn has_grown(before: &TraceClass, now: &TraceClass) -> bool {
    let streams = before.streams.iter().zip(&now.streams);
    now.uuid == before.uuid
        && now.streams.len() >= before.streams.len()
        && streams.into_iter().all(|(before, now)| {
            before.id == now.id
                && now.events.len() >= before.events.len()
                && before.events.iter().zip(&now.events).all(|(before, now)| before.id == now.id)
        })
}

/// The packets of a file that were not listed before, with the words of the first of them; why there are no more, if
/// that is not the end.
fn list(
    path: &Path,
    number: u32,
    known: &mut FollowedFile,
    decoder: &TraceDecoder,
    slots: &mut [u64],
) -> (Option<PacketInfo>, Vec<Packet>, Option<ReadError>) {
    let (mut first, mut packets, mut buffer) = (None, Vec::new(), Vec::new());
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) => return (None, packets, Some(ReadError::of(path, error))),
    };
    if known.identity.is_some_and(|identity| !file.metadata().is_ok_and(|now| identity_of(&now) == identity))
    {
        return (None, packets, Some(ReadError::of(path, "another file is there by now")));
    }
    while known.listed < known.size {
        match read_head(&file, path, known.listed, known.size, decoder, slots, &mut buffer) {
            Ok(info) => {
                let key = first.get_or_insert(info);
                if (info.stream_id, info.stream_instance_id) != (key.stream_id, key.stream_instance_id) {
                    let cause = "a packet of another stream than those before it in the file";
                    return (first, packets, Some(ReadError::at(path, known.listed, cause)));
                }
                packets.push(Packet::of(number, known.listed, &info));
                known.listed += info.packet_bits / 8;
            }
            Err(error) => return (first, packets, Some(error)),
        }
    }
    (first, packets, None)
}
