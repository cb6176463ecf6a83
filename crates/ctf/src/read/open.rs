//! From folders to streams that stand before their first event.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::{TimeScale, clock_of};
use super::correlate::{Correlation, Uncorrelated};
use super::error::{Damage, ReadError};
use super::packets::{self, FilePackets, Packet};
use super::stream::{Stream, StreamParts};
use super::{Reader, StreamLayouts, Trace};
use crate::class::{Environment, TraceClass};
use crate::decode::{PacketInfo, TraceDecoder};
use crate::trace_files::{Found, TraceFiles};

/// How traces are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How much later all clocks are than the traces say.
    pub clock_offset_ns: i64,
    /// What is asked of the clocks of streams that are put in one order.
    pub correlation: Correlation,
    /// Bytes of a packet that are held at a time for each stream, if no event is larger; at least 1024.
    pub window_bytes: u64,
    /// Whether what is damaged is read as far as it goes. What is not there is told by [`Reader::damage`] instead of
    /// ending everything: metadata that ends too early, packets that are cut off or make no sense.
    pub lenient: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            clock_offset_ns: 0,
            correlation: Correlation::default(),
            window_bytes: 64 << 10,
            lenient: false,
        }
    }
}

/// Opens all traces in these folders and below.
pub(super) fn open(folders: &[PathBuf], options: &Options) -> Result<Reader, ReadError> {
    let mut found = Found::default();
    found.lenient = options.lenient;
    for folder in folders {
        let before = found.traces.iter().map(|trace| trace.places.len()).sum::<usize>();
        found.look_into(folder).map_err(|error| ReadError::of(folder, error))?;
        if let (Some((path, cause)), false) = (found.faults.first(), options.lenient) {
            return Err(ReadError::of(path, cause));
        }
        if found.traces.iter().map(|trace| trace.places.len()).sum::<usize>() == before {
            if let Some((path, cause)) = found.faults.last() {
                return Err(ReadError::of(path, cause));
            }
            let cause = "there is no trace in it: no folder with a file `metadata`";
            return Err(ReadError::of(folder, cause));
        }
    }
    let mut traces = Vec::with_capacity(found.traces.len());
    let mut streams = Vec::new();
    let mut damage = Damage::of(options.lenient);
    for (path, cause) in &found.faults {
        damage.note(ReadError::of(path, cause))?;
    }
    for files in found.traces {
        let before = streams.len();
        match open_trace(traces.len(), files, options, &mut streams, &mut damage) {
            Ok(trace) => traces.push(trace),
            Err(error) => {
                streams.truncate(before);
                damage.note(error)?;
            }
        }
    }
    if let (Some(error), true) = (damage.list.first(), traces.is_empty()) {
        return Err(error.clone());
    }
    streams.sort_by(|a, b| order(&traces, a, b));
    let reader = Reader { damage, ..Reader::new(traces, streams) };
    reader.check_correlation(options.correlation).map_err(Uncorrelated::refusal)?;
    Ok(reader)
}

/// The order in which events of one time come.
pub(super) fn order(traces: &[Trace], a: &Stream, b: &Stream) -> std::cmp::Ordering {
    let key = |stream: &Stream| {
        let trace: &Trace = &traces[stream.trace];
        let class = &trace.class;
        let uuid = (class.uuid.is_none(), class.uuid);
        (uuid, trace.name.as_str(), stream.trace, class.streams[stream.class].id, stream.instance)
    };
    key(a).cmp(&key(b))
}

fn open_trace(
    number: usize,
    files: TraceFiles,
    options: &Options,
    streams: &mut Vec<Stream>,
    damage: &mut Damage,
) -> Result<Trace, ReadError> {
    let TraceFiles { class, path, places, data, warnings } = files;
    let decoder = TraceDecoder::showing(&class).map_err(|error| ReadError::of(&path, error))?;
    let decoder = Arc::new(decoder);
    let grouped = group(&data, &decoder, damage)?;
    let quirks = EndTimes::of(&class.environment);
    let paths: Arc<[PathBuf]> = data.iter().map(|path| absolute(path)).collect();
    for ((stream_id, instance), Group { first, mut packets }) in grouped {
        let Some(position) = class.streams.iter().position(|stream| stream.id == stream_id) else { continue };
        let Some(stream_decoder) = decoder.stream(stream_id) else { continue };
        packets.sort_by_key(|packet| (packet.begin, packet.sequence_number, packet.file, packet.offset));
        packets.dedup_by(|b, a| b.is_copy_of(a) && first.timestamp_begin.is_some());
        quirks.apply(&mut packets);
        let clock = clock_of(&class, &class.streams[position]);
        streams.push(Stream::new(StreamParts {
            trace: number,
            class: position,
            instance,
            trace_decoder: Arc::clone(&decoder),
            decoder: Arc::clone(stream_decoder),
            files: Arc::clone(&paths),
            packets,
            scale: clock.map(|clock| TimeScale::of(clock, options.clock_offset_ns)),
            first,
            window_bytes: options.window_bytes.max(1024),
            lenient: options.lenient,
        }));
    }
    let layouts = layouts(&class, &decoder);
    Ok(Trace { name: name(&class, &places), places, layouts, decoder, class, metadata: path, warnings })
}

/// What there is to see in all streams of a trace.
pub(super) fn layouts(class: &TraceClass, decoder: &TraceDecoder) -> Vec<StreamLayouts> {
    let layouts = class.streams.iter().filter_map(|stream| {
        let shows = &decoder.stream(stream.id)?.shows;
        let layout = |program: &Option<_>| program.as_ref().and_then(crate::decode::layout_of);
        Some(StreamLayouts {
            packet_context: layout(&shows.packet_context),
            event_context: layout(&shows.event_context),
            events: shows.events.iter().map(|scopes| [layout(&scopes[0]), layout(&scopes[1])]).collect(),
        })
    });
    layouts.collect()
}

/// The packets of one stream.
struct Group {
    first: PacketInfo,
    packets: Vec<Packet>,
}

/// The packets of all files by stream: by its class, and by its number in that, given out here if the packets tell none.
fn group(
    data: &[PathBuf],
    decoder: &TraceDecoder,
    damage: &mut Damage,
) -> Result<BTreeMap<(u64, u64), Group>, ReadError> {
    let mut streams: BTreeMap<(u64, u64), Group> = BTreeMap::new();
    let mut unnumbered: BTreeMap<u64, u64> = BTreeMap::new();
    let mut slots = decoder.slots();
    for (path, number) in data.iter().zip(0..) {
        let Some(FilePackets { first, packets }) = packets::list(path, number, decoder, &mut slots, damage)?
        else {
            continue;
        };
        // Files of one stream can only be put in order by their times.
        let instance = first.stream_instance_id.filter(|_| first.timestamp_begin.is_some());
        let instance = instance.unwrap_or_else(|| {
            let next = unnumbered.entry(first.stream_id).or_default();
            *next += 1;
            *next - 1
        });
        let group = streams.entry((first.stream_id, instance));
        group.or_insert_with(|| Group { first, packets: Vec::new() }).packets.extend(packets);
    }
    Ok(streams)
}

/// As babeltrace2 names traces in its messages.
pub(super) fn name(class: &TraceClass, places: &[PathBuf]) -> String {
    let mut name = class.environment.text("hostname").unwrap_or_default().to_owned();
    // A trace of several parts is nowhere in particular.
    if let [place] = places
        && !place.as_os_str().is_empty()
    {
        if !name.is_empty() {
            name.push('/');
        }
        name.push_str(&place.to_string_lossy());
    }
    name
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// What the end times of a tracer's packets are worth (`docs/spec/trace-output.md`, 18.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndTimes {
    Right,
    /// Those that are 0 are not known, as lttng-crash leaves them.
    ZeroIsUnknown,
    /// None is right.
    Wrong,
}

impl EndTimes {
    pub(super) fn of(environment: &Environment) -> EndTimes {
        let number = |key: &str| environment.integer(key).unwrap_or(0);
        let patch = environment.integer("tracer_patch").unwrap_or_else(|| number("tracer_patchlevel"));
        let version = (number("tracer_major"), number("tracer_minor"), patch);
        if environment.integer("tracer_major").is_none() {
            return EndTimes::Right;
        }
        match environment.text("tracer_name") {
            Some("lttng-ust") if version < (2, 11, 0) => EndTimes::Wrong,
            Some("lttng-modules") if version < (2, 9, 13) || ((2, 10, 0)..(2, 10, 10)).contains(&version) => {
                EndTimes::Wrong
            }
            Some("lttng-ust" | "lttng-modules") => EndTimes::ZeroIsUnknown,
            _ => EndTimes::Right,
        }
    }

    /// Puts the start of the next packet, or what the last event will tell, in place of times that are not right.
    pub(super) fn apply(self, packets: &mut [Packet]) {
        for at in 0..packets.len() {
            let next = packets.get(at + 1).map(|next| next.begin);
            let packet = &mut packets[at];
            let is_wrong = match self {
                EndTimes::Right => false,
                EndTimes::ZeroIsUnknown => packet.end == Some(0) && packet.begin != 0,
                EndTimes::Wrong => packet.end.is_some(),
            };
            if is_wrong {
                packet.end = next;
            }
        }
    }
}
