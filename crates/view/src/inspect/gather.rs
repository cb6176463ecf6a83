//! Reads everything once, and keeps what it is made of.

use std::path::PathBuf;

use rttng_ctf::read::{Correlation, LossCount, Message, Options, ReadError, Reader};

use super::index::{self, IndexState};
use super::{Finding, InspectedFile, InspectedPacket, InspectedStream, InspectedTrace, Inspection, findings};
use crate::Losses;

pub(super) fn gather(folders: &[PathBuf]) -> Result<Inspection, ReadError> {
    let options = Options { correlation: Correlation::Unchecked, lenient: true, ..Options::default() };
    let mut inspection = Inspection::default();
    let mut reader = match Reader::open(folders, &options) {
        Ok(reader) => reader,
        // A trace that nobody can read has something to be said about.
        Err(error) if error.path.is_file() => {
            inspection.findings.push(findings::of_error(&error));
            return Ok(inspection);
        }
        Err(error) => return Err(error),
    };
    inspection.traces = reader.traces().iter().map(trace_of).collect();
    let mut streams: Vec<InspectedStream> =
        (0..reader.stream_count()).map(|number| stream_of(&reader, number)).collect();
    loop {
        match reader.next()? {
            Some(Message::Event(event)) => {
                let stream = &mut streams[event.stream()];
                stream.events += 1;
                if let Some(packet) = stream.packets.get_mut(event.packet()) {
                    packet.events += 1;
                }
                if let Some(time) = event.nanoseconds() {
                    let first = stream.span.map_or(time, |(first, _)| first);
                    stream.span = Some((first, time));
                }
                let trace = &mut inspection.traces[event.trace_number()];
                trace.counts[event.stream_class_number()][event.class_number()] += 1;
            }
            Some(Message::Lost { stream, lost }) => {
                let losses = &mut streams[stream].losses;
                match lost.count {
                    LossCount::Events(count) => losses.events = losses.events.saturating_add(count),
                    LossCount::SomeEvents => losses.uncounted += 1,
                    LossCount::Packets(count) => losses.packets = losses.packets.saturating_add(count),
                }
            }
            None => break,
        }
    }
    inspection.findings.extend(reader.damage().iter().map(findings::of_error));
    let correlated = reader.check_correlation(Correlation::Required);
    inspection.findings.extend(correlated.err().as_ref().map(findings::of_uncorrelated));
    for trace in reader.traces() {
        inspection.findings.extend(trace.warnings().iter().map(|warning| Finding {
            level: super::Level::Note,
            path: trace.metadata().to_owned(),
            offset: None,
            what: format!("line {}: {}", warning.line, warning.message),
            advice: String::new(),
        }));
    }
    for (number, stream) in streams.into_iter().enumerate() {
        inspection.traces[reader.stream(number).trace].streams.push(stream);
    }
    let traces = std::mem::take(&mut inspection.traces);
    traces.iter().for_each(|trace| findings::of_trace(trace, &mut inspection));
    inspection.traces = traces;
    inspection.findings.sort_by_key(|finding| finding.level);
    Ok(inspection)
}

fn trace_of(trace: &rttng_ctf::read::Trace) -> InspectedTrace {
    let class = trace.class().clone();
    InspectedTrace {
        name: trace.name().to_owned(),
        metadata: trace.metadata().to_owned(),
        counts: class.streams.iter().map(|stream| vec![0; stream.events.len()]).collect(),
        class,
        streams: Vec::new(),
    }
}

fn stream_of(reader: &Reader, number: usize) -> InspectedStream {
    let info = reader.stream(number);
    let mut files: Vec<InspectedFile> = Vec::new();
    let mut packets = Vec::with_capacity(info.packets);
    for (at, span) in reader.packets(number).enumerate() {
        let Some((path, offset)) = reader.packet_place(number, at) else { continue };
        let file = files.iter().position(|file| file.path == path).unwrap_or_else(|| {
            let bytes = std::fs::metadata(path).map_or(0, |status| status.len());
            files.push(InspectedFile { path: path.to_owned(), bytes, index: IndexState::Missing });
            files.len() - 1
        });
        let recorded = reader.packet(number, at);
        packets.push(InspectedPacket {
            file,
            offset,
            bytes: span.bytes,
            content_bytes: span.content_bytes,
            span: span.span,
            sequence_number: recorded.and_then(|packet| packet.sequence_number),
            events_discarded: recorded.and_then(|packet| packet.events_discarded),
            events: 0,
        });
    }
    for (at, file) in files.iter_mut().enumerate() {
        file.index =
            index::compare(&file.path, packets.iter().filter(|packet: &&InspectedPacket| packet.file == at));
    }
    InspectedStream {
        class: reader.traces()[info.trace].class().streams[info.class].id,
        instance: info.instance,
        files,
        packets,
        events: 0,
        span: None,
        losses: Losses::default(),
    }
}
