//! An inspection for people.

use std::fmt::{self, Write as _};

use rttng_ctf::types::Structure;
use rttng_ctf::{Clock, EnvValue, Type, Version};

use super::describe::{counted, describe};
use super::{Finding, InspectedStream, InspectedTrace, Inspection, Level};

/// Fields of one scope beyond this depth are not gone into.
const MAX_DEPTH: usize = 4;

impl Inspection {
    /// As text, with each packet in a line if that is wanted.
    pub fn text(&self, packets: bool) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        let _ = self.write(&mut out, packets);
        out
    }

    fn write(&self, out: &mut String, packets: bool) -> fmt::Result {
        for trace in &self.traces {
            write_trace(out, trace, packets)?;
            writeln!(out)?;
        }
        let count = |level: Level| self.findings.iter().filter(|finding| finding.level == level).count();
        writeln!(
            out,
            "Diagnosis: {}",
            match (count(Level::Error), count(Level::Warning), count(Level::Note)) {
                (0, 0, 0) => "nothing is wrong".to_owned(),
                (0, 0, notes) => format!("nothing is wrong; {}", counted(notes, "note")),
                (0, warnings, _) =>
                    format!("all that is there can be read; {}", counted(warnings, "warning")),
                (errors, ..) =>
                    format!("{}: not all that was recorded can be read", counted(errors, "error")),
            }
        )?;
        self.findings.iter().try_for_each(|finding| write_finding(out, finding))
    }
}

fn write_finding(out: &mut String, finding: &Finding) -> fmt::Result {
    let Finding { level, path, offset, what, advice } = finding;
    let place = offset.map(|offset| format!(", byte {offset}")).unwrap_or_default();
    writeln!(out, "  {}: {}{place}: {what}", level.name(), path.display())?;
    if advice.is_empty() { Ok(()) } else { writeln!(out, "    {advice}") }
}

/// Nanoseconds since the epoch as a date and time of UTC.
fn time(nanoseconds: i64) -> String {
    match jiff::Timestamp::from_nanosecond(nanoseconds.into()) {
        Ok(time) => format!("{time:.9}"),
        Err(_) => format!("{nanoseconds} ns"),
    }
}

fn seconds(nanoseconds: i64) -> String {
    format!("{}.{:09} s", nanoseconds / 1_000_000_000, (nanoseconds % 1_000_000_000).unsigned_abs())
}

fn span_of(trace: &InspectedTrace) -> Option<(i64, i64)> {
    let spans = trace.streams.iter().filter_map(|stream| stream.span);
    spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn write_trace(out: &mut String, trace: &InspectedTrace, packets: bool) -> fmt::Result {
    let class = &trace.class;
    let version = if class.version == Version::Ctf2 { "CTF 2" } else { "CTF 1.8" };
    let name = if trace.name.is_empty() { "(no name)" } else { &trace.name };
    writeln!(out, "Trace {name}: {version}")?;
    writeln!(out, "  metadata: {}", trace.metadata.display())?;
    if let Some(uuid) = class.uuid {
        writeln!(out, "  UUID: {uuid}")?;
    }
    let identity = &class.identity;
    for (what, value) in
        [("namespace", &identity.namespace), ("name", &identity.name), ("unique id", &identity.uid)]
    {
        if let Some(value) = value {
            writeln!(out, "  {what}: {value}")?;
        }
    }
    let events: u64 = trace.streams.iter().map(|stream| stream.events).sum();
    let bytes: u64 = trace.streams.iter().flat_map(|stream| &stream.files).map(|file| file.bytes).sum();
    let count: usize = trace.streams.iter().map(|stream| stream.packets.len()).sum();
    writeln!(
        out,
        "  {}, {}, {}, {bytes} bytes of data",
        counted(trace.streams.len(), "stream"),
        counted(count, "packet"),
        counted(events as usize, "event")
    )?;
    if let Some((first, last)) = span_of(trace) {
        writeln!(out, "  from {} to {} ({})", time(first), time(last), seconds(last.saturating_sub(first)))?;
    }
    if !class.environment.entries.is_empty() {
        writeln!(out, "  Environment:")?;
        for (key, value) in &class.environment.entries {
            match value {
                EnvValue::Integer(value) => writeln!(out, "    {key} = {value}")?,
                EnvValue::Text(value) => writeln!(out, "    {key} = {value:?}")?,
            }
        }
    }
    class.clocks.iter().try_for_each(|clock| write_clock(out, clock))?;
    write_scope(out, "  Each packet starts with:", class.packet_header.as_ref())?;
    for (stream, counts) in class.streams.iter().zip(&trace.counts) {
        let name = stream.identity.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        writeln!(out, "  Stream class {}{name}:", stream.id)?;
        write_scope(out, "    Context of packets:", stream.packet_context.as_ref())?;
        write_scope(out, "    Header of events:", stream.event_header.as_ref())?;
        write_scope(out, "    Context of events:", stream.event_context.as_ref())?;
        for (event, count) in stream.events.iter().zip(counts) {
            let name = if event.name.is_empty() { "(no name)" } else { &event.name };
            let level = event.log_level.map(|level| format!(", log level {level}")).unwrap_or_default();
            writeln!(out, "    Event {name} (id {}{level}): {}", event.id, counted(*count as usize, "time"))?;
            write_scope(out, "      Own context:", event.context.as_ref())?;
            write_fields(out, event.fields.as_ref(), 6, 0)?;
        }
        for of_class in trace.streams.iter().filter(|of| of.class == stream.id) {
            write_stream(out, of_class, packets)?;
        }
    }
    Ok(())
}

fn write_clock(out: &mut String, clock: &Clock) -> fmt::Result {
    let name = clock.identity.name.as_ref().unwrap_or(&clock.name);
    let origin = match (clock.absolute, &clock.origin) {
        (true, _) => "the Unix epoch",
        (false, Some(_)) => "an origin of its own",
        (false, None) => "no known origin",
    };
    let uuid = clock.uuid.map(|uuid| format!(", UUID {uuid}")).unwrap_or_default();
    let about = clock.description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    writeln!(out, "  Clock {name}{about}: {} Hz, {origin}{uuid}", clock.frequency)?;
    writeln!(
        out,
        "    offset {} s and {} cycles, precision {} cycles",
        clock.offset_seconds, clock.offset, clock.precision
    )
}

fn write_scope(out: &mut String, title: &str, structure: Option<&Structure>) -> fmt::Result {
    let Some(structure) = structure.filter(|structure| !structure.fields.is_empty()) else { return Ok(()) };
    writeln!(out, "{title}")?;
    let indent = title.len() - title.trim_start().len() + 2;
    write_fields(out, Some(structure), indent, 0)
}

fn write_fields(out: &mut String, structure: Option<&Structure>, indent: usize, depth: usize) -> fmt::Result {
    for field in structure.iter().flat_map(|structure| &structure.fields) {
        writeln!(out, "{:indent$}{}: {}", "", field.display_name(), describe(&field.ty))?;
        write_within(out, &field.ty, indent + 2, depth + 1)?;
    }
    Ok(())
}

/// The fields in a type.
fn write_within(out: &mut String, ty: &Type, indent: usize, depth: usize) -> fmt::Result {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    let options = match ty {
        Type::Structure(structure) => return write_fields(out, Some(structure), indent, depth),
        Type::Variant(variant) => &variant.options,
        Type::Choice(choice) => &choice.options,
        other => return other.parts().try_for_each(|part| write_within(out, part, indent, depth)),
    };
    for (at, option) in options.iter().enumerate() {
        let name =
            if option.name.is_empty() { format!("option {at}") } else { option.display_name().to_owned() };
        writeln!(out, "{:indent$}{name}: {}", "", describe(&option.ty))?;
        write_within(out, &option.ty, indent + 2, depth + 1)?;
    }
    Ok(())
}

fn write_stream(out: &mut String, stream: &InspectedStream, packets: bool) -> fmt::Result {
    let content: u64 = stream.packets.iter().map(|packet| packet.content_bytes).sum();
    let all: u64 = stream.packets.iter().map(|packet| packet.bytes).sum();
    write!(
        out,
        "    Stream {}: {}, {}, {content} of {all} bytes used",
        stream.instance,
        counted(stream.packets.len(), "packet"),
        counted(stream.events as usize, "event"),
    )?;
    let losses = &stream.losses;
    for (count, what) in [(losses.events, "events discarded"), (losses.packets, "packets lost")] {
        if count > 0 {
            write!(out, ", {count} {what}")?;
        }
    }
    writeln!(out)?;
    if let Some((first, last)) = stream.span {
        writeln!(out, "      events from {} to {} ({})", time(first), time(last), seconds(last - first))?;
    }
    for file in &stream.files {
        writeln!(out, "      {} ({} bytes, index: {})", file.path.display(), file.bytes, file.index.name())?;
    }
    if packets {
        for (number, packet) in stream.packets.iter().enumerate() {
            write!(
                out,
                "      packet {number}: byte {}, {} of {} bytes, {}",
                packet.offset,
                packet.content_bytes,
                packet.bytes,
                counted(packet.events as usize, "event")
            )?;
            if let Some(sequence) = packet.sequence_number {
                write!(out, ", number {sequence}")?;
            }
            if let Some(discarded) = packet.events_discarded.filter(|count| *count > 0) {
                write!(out, ", {discarded} discarded so far")?;
            }
            if let Some((begin, end)) = packet.span {
                write!(out, ", {} to {}", time(begin), time(end))?;
            }
            writeln!(out)?;
        }
    }
    Ok(())
}
