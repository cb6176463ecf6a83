//! From what was gathered to a page: the data as JSON, put into the page that is written by hand.

use rttng_ctf::EnvValue;
use rttng_ctf::read::{LossCount, Reader, Trace};
use serde_json::{Value, json};

use super::pairs::{Pair, Tie};
use super::series::{Series, TimeAxis};
use super::{Collector, Loss, MAX_SERIES, Ranking, Total};
use crate::Ran;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPTS: [&str; 5] = [
    include_str!("page/base.js"),
    include_str!("page/timeline.js"),
    include_str!("page/busiest.js"),
    include_str!("page/latency.js"),
    include_str!("page/events.js"),
];

/// Counts over time are in the page for so many events, processes and CPUs; of others only totals are.
const SHOWN_SERIES: usize = 64;

/// So many events, processes, CPUs or streams are listed.
const LISTED: usize = 1000;

/// The page.
pub(super) fn page(mut report: Collector, reader: &Reader, ran: &Ran) -> String {
    let title = report.title.clone().unwrap_or_else(|| title(reader));
    let data = data(&mut report, reader, ran, &title);
    let scripts = SCRIPTS.join("\n");
    let title = escaped(&title);
    let parts =
        [("{{title}}", title.as_str()), ("{{style}}", STYLE), ("{{script}}", &scripts), ("{{data}}", &data)];
    // One pass: what is put in is not looked through for places.
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + scripts.len() + data.len());
    let mut rest = PAGE;
    while let Some(at) = rest.find("{{") {
        page.push_str(&rest[..at]);
        rest = &rest[at..];
        match parts.iter().find(|(place, _)| rest.starts_with(place)) {
            Some((place, text)) => {
                page.push_str(text);
                rest = &rest[place.len()..];
            }
            None => {
                page.push_str("{{");
                rest = &rest[2..];
            }
        }
    }
    page.push_str(rest);
    page
}

/// Text between tags.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// JSON between script tags: nothing in it can end the script, or begin a comment.
fn embedded(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// What the traces are called.
fn title(reader: &Reader) -> String {
    let session = reader.traces().iter().find_map(|trace| trace.class().environment.text("trace_name"));
    if let Some(session) = session.filter(|session| !session.is_empty()) {
        return session.to_owned();
    }
    let first = reader.traces().first().map(|trace| trace.name().to_owned()).unwrap_or_default();
    if first.is_empty() { "Trace".to_owned() } else { first }
}

fn data(report: &mut Collector, reader: &Reader, ran: &Ran, title: &str) -> String {
    let origin = report.axis.origin().unwrap_or(0);
    let since = |time: i64| time.saturating_sub(origin);
    let axis = report.axis;
    let end = report.last_time.max(origin);
    let order = ranked(&report.events);
    let mut place = vec![0usize; report.names.len()];
    order.iter().enumerate().for_each(|(rank, event)| place[*event] = rank);
    let mut others = Series::default();
    let mut events = Vec::new();
    for (rank, event) in order.iter().copied().enumerate() {
        let total = &mut report.events[event];
        if total.count == 0 {
            continue;
        }
        let mut entry = json!({ "name": report.names[event], "count": total.count });
        if let Some(level) = report.levels[event].and_then(level_name) {
            entry["level"] = level.into();
        }
        match &mut total.series {
            Some(series) if rank < SHOWN_SERIES => entry["series"] = series_json(series, &axis),
            Some(series) => others.add(&axis, series),
            None => {}
        }
        events.push(entry);
    }
    let hosts = &report.host_names;
    let many_hosts = hosts.len() > 1;
    let host = |host: u32| hosts.get(host as usize).map(String::as_str).unwrap_or_default();
    let (cpus, cpu_places) = ranking(&mut report.cpus, &axis, |(at, number)| {
        if many_hosts {
            json!({ "name": format!("{} CPU {number}", host(*at)) })
        } else {
            json!({ "name": format!("CPU {number}") })
        }
    });
    let (processes, process_places) = ranking(&mut report.processes, &axis, |(at, id, name)| {
        let mut entry = json!({ "name": String::from_utf8_lossy(name) });
        if let Some(id) = id {
            entry["pid"] = (*id).into();
        }
        if many_hosts {
            entry["host"] = host(*at).into();
        }
        entry
    });
    let rank_of = |places: &[usize], at: Option<u32>| {
        at.and_then(|at| places.get(at as usize)).filter(|rank| **rank < LISTED).copied()
    };
    let rows: Vec<Value> = report
        .sample
        .rows()
        .into_iter()
        .map(|row| {
            json!([
                since(row.time),
                place[row.name as usize],
                rank_of(&cpu_places, row.cpu),
                rank_of(&process_places, row.process),
                row.thread,
                row.text,
            ])
        })
        .collect();
    let pair = |pair: &Pair| pair_json(pair, since, |at| rank_of(&process_places, at));
    let mut pairs: Vec<&Pair> =
        report.pairs.pairs.iter().filter(|pair| pair.begins + pair.stray_ends > 0).collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.histogram.sum));
    let streams = 0..reader.stream_count();
    let stream_json = |number: usize| stream_json(report, reader, number, origin);
    let (mut bytes, mut packets) = (0, 0u64);
    let mut of_traces = vec![(0u64, 0u64); reader.traces().len()];
    for number in streams.clone() {
        let of_stream: u64 = reader.packets(number).map(|packet| packet.bytes).sum();
        let of_trace = &mut of_traces[reader.stream(number).trace];
        *of_trace = (of_trace.0 + 1, of_trace.1 + of_stream);
        bytes += of_stream;
        packets += reader.stream(number).packets as u64;
    }
    let traces = reader.traces().iter().zip(of_traces).take(LISTED);
    let loss = |loss: &Loss| {
        let (kind, count) = match loss.lost.count {
            LossCount::Events(count) => ("events", Some(count)),
            LossCount::SomeEvents => ("events", None),
            LossCount::Packets(count) => ("packets", Some(count)),
        };
        let (begin, end) = loss.lost.span.unzip();
        json!([kind, count, begin.map(since), end.map(since), loss.stream])
    };
    let value = json!({
        "title": title,
        "version": env!("CARGO_PKG_VERSION"),
        "origin": origin.to_string(),
        "hasClock": report.has_clock,
        "shift": axis.shift,
        "end": since(end),
        "total": report.total,
        "bytes": bytes,
        "packets": packets,
        "traces": traces.map(|(trace, of_trace)| trace_json(trace, of_trace)).collect::<Vec<_>>(),
        "hosts": hosts.iter().filter(|host| !host.is_empty()).collect::<Vec<_>>(),
        "streams": streams.clone().take(LISTED).map(stream_json).collect::<Vec<_>>(),
        "streamCount": reader.stream_count(),
        "traceCount": reader.traces().len(),
        "events": events,
        "otherEvents": series_json(&mut others, &axis),
        "cpus": cpus,
        "processes": processes,
        "processCount": report.processes.totals.len(),
        "otherProcesses": report.processes.others,
        "knowsProcesses": knows(reader, |trace, stream| report.who.knows_processes(trace, stream)),
        "knowsThreads": knows(reader, |trace, stream| report.who.knows_threads(trace, stream)),
        "losses": {
            "events": ran.losses.events,
            "packets": ran.losses.packets,
            "uncounted": ran.losses.uncounted,
            "list": report.losses.iter().map(loss).collect::<Vec<_>>(),
            "more": report.unlisted_losses,
        },
        "damage": {
            "list": reader.damage().iter().take(LISTED).map(ToString::to_string).collect::<Vec<_>>(),
            "count": reader.damage_count(),
        },
        "pairs": pairs.into_iter().map(pair).collect::<Vec<_>>(),
        "droppedBegins": report.pairs.dropped,
        "rows": rows,
    });
    embedded(&value)
}

/// Whether something holds for any stream class.
fn knows(reader: &Reader, of: impl Fn(usize, usize) -> bool) -> bool {
    let traces = reader.traces().iter().enumerate();
    let mut classes =
        traces.flat_map(|(at, trace)| (0..trace.class().streams.len()).map(move |class| (at, class)));
    classes.any(|(trace, class)| of(trace, class))
}

/// The numbers of what was counted, the most frequent first.
fn ranked(totals: &[Total]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..totals.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(totals[*at].count));
    order
}

/// What was counted, the most frequent first, and the rank of each.
fn ranking<K>(
    ranking: &mut Ranking<K>,
    axis: &TimeAxis,
    describe: impl Fn(&K) -> Value,
) -> (Vec<Value>, Vec<usize>) {
    let order = ranked(&ranking.totals);
    let mut ranks = vec![0; order.len()];
    order.iter().enumerate().for_each(|(rank, at)| ranks[*at] = rank);
    let mut entries = vec![Value::Null; order.len().min(LISTED)];
    for (key, at) in &ranking.places {
        let rank = ranks[*at as usize];
        let total = &mut ranking.totals[*at as usize];
        let Some(entry) = entries.get_mut(rank) else { continue };
        *entry = describe(key);
        entry["count"] = total.count.into();
        if let Some(series) = total.series.as_mut().filter(|_| rank < SHOWN_SERIES.min(MAX_SERIES)) {
            entry["series"] = series_json(series, axis);
        }
    }
    (entries, ranks)
}

/// Counts by step; a negative number stands for as many zeros.
fn series_json(series: &mut Series, axis: &TimeAxis) -> Value {
    let mut out: Vec<i64> = Vec::new();
    let mut zeros = 0;
    for count in series.counts(axis) {
        if *count == 0 {
            zeros += 1;
            continue;
        }
        if zeros > 0 {
            out.push(-std::mem::take(&mut zeros));
        }
        out.push(i64::from(*count));
    }
    out.into()
}

fn pair_json(pair: &Pair, since: impl Fn(i64) -> i64, rank: impl Fn(Option<u32>) -> Option<usize>) -> Value {
    let histogram = &pair.histogram;
    let tie = pair.tie.map(|tie| match tie {
        Tie::Field => "field",
        Tie::Thread => "thread",
        Tie::Process => "process",
        Tie::Cpu => "cpu",
    });
    let percentiles = [0.5, 0.9, 0.99, 0.999].map(|part| histogram.percentile(part));
    let slow =
        |slow: super::pairs::Slow| json!([slow.duration, since(slow.begin), rank(slow.process), slow.thread]);
    json!({
        "begin": pair.rule.begin,
        "end": pair.rule.end,
        "key": pair.rule.key,
        "tie": tie,
        "count": histogram.count,
        "sum": histogram.sum as f64,
        "min": if histogram.count > 0 { histogram.min } else { 0 },
        "max": histogram.max,
        "percentiles": percentiles,
        "buckets": histogram.buckets().map(|(start, count)| json!([start, count])).collect::<Vec<_>>(),
        "slowest": pair.slowest().into_iter().map(slow).collect::<Vec<_>>(),
        "openBegins": pair.begins - histogram.count,
        "strayEnds": pair.stray_ends,
    })
}

fn trace_json(trace: &Trace, (streams, bytes): (u64, u64)) -> Value {
    let environment = &trace.class().environment;
    let text = |key: &str| environment.text(key).map(str::to_owned);
    let version = ["tracer_major", "tracer_minor", "tracer_patch", "tracer_patchlevel"];
    let version: Vec<String> =
        version.iter().filter_map(|key| environment.integer(key)).map(|part| part.to_string()).collect();
    let process = environment.entries.iter().find_map(|(key, value)| match value {
        EnvValue::Integer(value) if key == "vpid" => Some(*value),
        _ => None,
    });
    json!({
        "name": trace.name(),
        "path": trace.metadata().parent().map(|path| path.display().to_string()),
        "host": text("hostname"),
        "domain": text("domain"),
        "tracer": text("tracer_name"),
        "tracerVersion": version.join("."),
        "session": text("trace_name"),
        "created": text("trace_creation_datetime"),
        "scheme": text("tracer_buffering_scheme"),
        "process": text("procname"),
        "pid": process,
        "streams": streams,
        "bytes": bytes,
    })
}

fn stream_json(report: &Collector, reader: &Reader, number: usize, origin: i64) -> Value {
    let info = reader.stream(number);
    let class = &reader.traces()[info.trace].class().streams[info.class];
    let (mut bytes, mut content) = (0, 0);
    let (mut first, mut last) = (None, None);
    for packet in reader.packets(number) {
        bytes += packet.bytes;
        content += packet.content_bytes;
        if let Some((begin, end)) = packet.span {
            first.get_or_insert(begin.saturating_sub(origin));
            last = Some(end.saturating_sub(origin));
        }
    }
    json!({
        "trace": info.trace,
        "channel": class.id,
        "id": info.instance,
        "file": info.path.file_name().map(|name| name.to_string_lossy()),
        "packets": info.packets,
        "bytes": bytes,
        "content": content,
        "events": report.streams[number].count,
        "begin": first,
        "end": last,
    })
}

/// The name of a log level of user space, as far as it is one.
fn level_name(level: i64) -> Option<String> {
    rttng_filter::LogLevelDomain::UserSpace.name(level.try_into().ok()?)
}
