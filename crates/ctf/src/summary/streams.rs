//! Reads the data of one trace: first the start of each packet, to put them in order, then their events.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{StreamSummary, Summary};
use crate::class::TraceClass;
use crate::decode::{DecodeError, PacketError, PacketInfo, TraceDecoder};

/// How much of each packet is read to learn its sizes, in bytes. LTTng's headers have 84.
const HEAD_BYTES: u64 = 512;

/// How much is read if that was not enough.
const LONG_HEAD_BYTES: u64 = 1 << 20;

/// Content beyond this size is not read.
const MAX_CONTENT_BYTES: u64 = 1 << 30;

/// A packet and where it is.
#[derive(Debug, Clone, Copy)]
struct Packet {
    file: usize,
    offset: u64,
    info: PacketInfo,
}

/// What tells streams of a trace apart. Without instance ids each file is a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct StreamKey {
    stream_id: u64,
    instance: Result<u64, usize>,
}

/// Adds the streams in these files to the summary.
pub(super) fn read(class: &TraceClass, mut decoder: TraceDecoder, data: &[PathBuf], summary: &mut Summary) {
    let mut streams: BTreeMap<StreamKey, Vec<Packet>> = BTreeMap::new();
    for (number, path) in data.iter().enumerate() {
        let mut file = DataFile::default();
        let outcome = file.open(path).and_then(|()| {
            let mut keep = |offset, info: PacketInfo| {
                let instance = info.stream_instance_id.ok_or(number);
                let key = StreamKey { stream_id: info.stream_id, instance };
                streams.entry(key).or_default().push(Packet { file: number, offset, info });
            };
            file.packets(&mut decoder, &mut keep)
        });
        if let Err(Failure { offset, cause }) = outcome {
            summary.fault(path, offset, cause);
        }
    }
    let mut file = DataFile::default();
    let mut opened = None;
    for (key, mut packets) in streams {
        order(&mut packets);
        let Some(first) = packets.first() else { continue };
        let mut stream = StreamSummary {
            file: data[first.file].clone(),
            stream_id: key.stream_id,
            stream_instance_id: key.instance.ok(),
            packets: packets.len() as u64,
            ..StreamSummary::default()
        };
        count_losses(&packets, &mut stream);
        let Some(stream_class) = class.stream(key.stream_id) else { continue };
        let mut counts = vec![0u64; stream_class.events.len()];
        let mut times: Option<(u64, u64)> = None;
        for packet in &packets {
            let path = &data[packet.file];
            let outcome = if opened == Some(packet.file) { Ok(()) } else { file.open(path) };
            opened = outcome.is_ok().then_some(packet.file);
            let outcome = outcome.and_then(|()| file.events(&mut decoder, packet, &mut counts, &mut times));
            if let Err(Failure { offset, cause }) = outcome {
                summary.fault(path, offset, cause);
            }
        }
        stream.events = counts.iter().sum();
        for (event, count) in stream_class.events.iter().zip(counts) {
            if count > 0 {
                *summary.events.entry(event.name.clone()).or_default() += count;
            }
        }
        if let (Some((first, last)), Some(clock)) = (times, class.clocks.first()) {
            let (first, last) = (clock.nanoseconds(first), clock.nanoseconds(last));
            summary.begin = Some(summary.begin.map_or(first, |begin| begin.min(first)));
            summary.end = Some(summary.end.map_or(last, |end| end.max(last)));
        }
        summary.streams.push(stream);
    }
}

/// Puts the packets of a stream in order; one that is there several times (as overlapping snapshots have it) counts
/// once.
fn order(packets: &mut Vec<Packet>) {
    let place = |packet: &Packet| {
        (packet.info.timestamp_begin, packet.info.sequence_number, packet.file, packet.offset)
    };
    packets.sort_by_key(place);
    packets.dedup_by(|b, a| a.info == b.info && a.file != b.file && a.info.timestamp_begin.is_some());
}

fn count_losses(packets: &[Packet], stream: &mut StreamSummary) {
    let infos = packets.iter().map(|packet| &packet.info);
    if let Some(first) = packets.first().map(|packet| &packet.info) {
        let discarded = first.events_discarded.unwrap_or(0);
        match first.sequence_number {
            Some(0) => stream.discarded_events = discarded,
            number => {
                stream.packets_before = number.unwrap_or(0);
                stream.discarded_before = discarded;
            }
        }
    }
    for (a, b) in infos.clone().zip(infos.clone().skip(1)) {
        if let (Some(a), Some(b)) = (a.sequence_number, b.sequence_number) {
            let lost = b.saturating_sub(a).saturating_sub(1);
            stream.lost_packets = stream.lost_packets.saturating_add(lost);
        }
    }
    let later = discarded_since_first(infos.filter_map(|info| info.events_discarded));
    stream.discarded_events = stream.discarded_events.saturating_add(later);
}

/// How many events a running count tells of beyond its first value. Tracers count backwards now and then (lttng-ust 2.13,
/// when threads race for the end of a packet): the count falls to 0 for a packet and is back with the next. Only what
/// exceeds the most that was ever counted is new.
pub(super) fn discarded_since_first(mut counts: impl Iterator<Item = u64>) -> u64 {
    let Some(mut most) = counts.next() else { return 0 };
    let mut discarded: u64 = 0;
    for count in counts {
        let new = discarded_between(most, count);
        if new > 0 {
            discarded = discarded.saturating_add(new);
            most = count;
        }
    }
    discarded
}

/// How far a running count went from `a` to `b`. A counter of 32 bits starts again at 0; any other that falls was not
/// written by a tracer and says nothing.
fn discarded_between(a: u64, b: u64) -> u64 {
    match b.checked_sub(a) {
        Some(more) => more,
        None if a <= u64::from(u32::MAX) && a - b > u64::from(u32::MAX / 2) => b + (1 << 32) - a,
        None => 0,
    }
}

/// Why a file was not read to its end, or a packet not.
struct Failure {
    offset: Option<u64>,
    cause: String,
}

fn failure(offset: u64, cause: impl std::fmt::Display) -> Failure {
    Failure { offset: Some(offset), cause: cause.to_string() }
}

/// A data file that is open, and a buffer for its packets.
#[derive(Debug, Default)]
struct DataFile {
    file: Option<File>,
    size: u64,
    buffer: Vec<u8>,
}

impl DataFile {
    fn open(&mut self, path: &Path) -> Result<(), Failure> {
        let fault = |error: std::io::Error| Failure { offset: None, cause: error.to_string() };
        let file = File::open(path).map_err(fault)?;
        self.size = file.metadata().map_err(fault)?.len();
        self.file = Some(file);
        Ok(())
    }

    /// Reads the start of each packet of the file.
    fn packets(
        &mut self,
        decoder: &mut TraceDecoder,
        keep: &mut dyn FnMut(u64, PacketInfo),
    ) -> Result<(), Failure> {
        let mut offset = 0;
        while offset < self.size {
            let available = self.size - offset;
            self.fill(offset, HEAD_BYTES.min(available))?;
            let mut info = decoder.packet(&self.buffer, available);
            if matches!(info, Err(PacketError::Header(DecodeError::Truncated { .. })))
                && available > HEAD_BYTES
            {
                self.fill(offset, LONG_HEAD_BYTES.min(available))?;
                info = decoder.packet(&self.buffer, available);
            }
            let info = info.map_err(|error| failure(offset, error))?;
            keep(offset, info);
            // Not 0, or it would have been an error.
            offset += info.packet_bits / 8;
        }
        Ok(())
    }

    fn events(
        &mut self,
        decoder: &mut TraceDecoder,
        packet: &Packet,
        counts: &mut [u64],
        times: &mut Option<(u64, u64)>,
    ) -> Result<(), Failure> {
        let length = packet.info.content_bits.div_ceil(8);
        if length > MAX_CONTENT_BYTES {
            let cause = format!("a packet of {length} bytes of content is more than this program reads");
            return Err(failure(packet.offset, cause));
        }
        self.fill(packet.offset, length)?;
        let (mut first, mut last) = (None, 0);
        let outcome = decoder.events(&self.buffer, &packet.info, |event| {
            counts[event.class] += 1;
            first.get_or_insert(event.time);
            last = event.time;
        });
        if let Some(first) = first {
            let (begin, end) = times.unwrap_or((first, last));
            *times = Some((begin.min(first), end.max(last)));
        }
        outcome.map_err(|error| failure(packet.offset, error))
    }

    fn fill(&mut self, offset: u64, length: u64) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Err(failure(offset, "the file is not open")) };
        self.buffer.resize(length as usize, 0);
        file.read_exact_at(&mut self.buffer, offset).map_err(|error| failure(offset, error))
    }
}
