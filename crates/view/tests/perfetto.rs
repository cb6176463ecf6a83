//! Perfetto traces, read with a decoder of their own: every event and value against the JSON of the same trace, slices
//! against what is known to be in it. The rules for slices are those that `trace_processor` v55.3 was seen to follow by hand.

mod any_trace;

use std::collections::HashMap;
use std::path::Path;

use any_trace::{any_event, enumeration, json, plain, print, recorded, write};
use proptest::prelude::*;
use rttng_view::perfetto::{PerfettoOptions, PerfettoPrinter};
use rttng_view::select::Selection;
use serde_json::{Map, Value, json};

/// A field of a message.
#[derive(Debug, Clone)]
enum Raw {
    Number(u64),
    Bytes(Vec<u8>),
}

/// A message: its fields in their order.
#[derive(Debug, Clone, Default)]
struct Message(Vec<(u64, Raw)>);

impl Message {
    fn read(mut bytes: &[u8]) -> Message {
        fn varint(bytes: &mut &[u8]) -> u64 {
            let mut value = 0;
            for shift in (0..).step_by(7) {
                let (byte, rest) = bytes.split_first().expect("a varint ends");
                *bytes = rest;
                value |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            value
        }
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = varint(&mut bytes);
            let value = match tag & 7 {
                0 => Raw::Number(varint(&mut bytes)),
                1 => {
                    let (value, rest) = bytes.split_first_chunk::<8>().expect("eight bytes");
                    bytes = rest;
                    Raw::Number(u64::from_le_bytes(*value))
                }
                2 => {
                    let length = varint(&mut bytes) as usize;
                    let (value, rest) = bytes.split_at(length);
                    bytes = rest;
                    Raw::Bytes(value.to_vec())
                }
                other => panic!("wire type {other}"),
            };
            fields.push((tag >> 3, value));
        }
        Message(fields)
    }

    fn all(&self, field: u64) -> impl Iterator<Item = &Raw> {
        self.0.iter().filter(move |(number, _)| *number == field).map(|(_, value)| value)
    }

    fn number(&self, field: u64) -> Option<u64> {
        self.all(field).find_map(|raw| if let Raw::Number(number) = raw { Some(*number) } else { None })
    }

    fn bytes(&self, field: u64) -> impl Iterator<Item = &[u8]> {
        self.all(field)
            .filter_map(|raw| if let Raw::Bytes(bytes) = raw { Some(bytes.as_slice()) } else { None })
    }

    fn message(&self, field: u64) -> Option<Message> {
        self.bytes(field).next().map(Message::read)
    }

    fn text(&self, field: u64) -> Option<String> {
        self.bytes(field).next().map(|bytes| String::from_utf8(bytes.to_vec()).expect("text is UTF-8"))
    }
}

/// What a track was said to be last.
#[derive(Debug, Clone, Default, PartialEq)]
struct Track {
    name: Option<String>,
    parent: Option<u64>,
    process: Option<(i64, Option<String>)>,
    thread: Option<(i64, i64, Option<String>)>,
    is_counter: bool,
}

/// An event on a track.
#[derive(Debug, Clone)]
struct Shown {
    time: u64,
    kind: u64,
    track: Track,
    uuid: u64,
    name: Option<String>,
    args: Map<String, Value>,
    flows: Vec<u64>,
    value: Option<f64>,
}

const BEGIN: u64 = 1;
const END: u64 = 2;
const INSTANT: u64 = 3;
const COUNTER: u64 = 4;

/// A whole trace.
#[derive(Debug, Default)]
struct Picture {
    events: Vec<Shown>,
    tracks: HashMap<u64, Track>,
    /// Clocks by their numbers.
    clocks: HashMap<u64, u64>,
    /// Discarded, and lost packets, by buffer.
    losses: Vec<(u64, u64)>,
}

impl Picture {
    fn of(trace: &Path, options: PerfettoOptions) -> Picture {
        let mut bytes = Vec::new();
        print(trace, Selection::default(), |reader| PerfettoPrinter::new(reader, options, &mut bytes));
        let mut picture = Picture::default();
        let mut names: [HashMap<u64, String>; 3] = Default::default();
        for packet in Message::read(&bytes).bytes(1).map(Message::read) {
            assert_eq!(packet.number(10), Some(1), "one sequence");
            if let Some(snapshot) = packet.message(6) {
                let clocks = snapshot.bytes(1).map(Message::read);
                picture.clocks = clocks.map(|c| (c.number(1).unwrap(), c.number(2).unwrap())).collect();
            }
            if let Some(interned) = packet.message(12) {
                for (list, names) in (1..).zip(&mut names) {
                    for entry in interned.bytes(list).map(Message::read) {
                        let fresh = names.insert(entry.number(1).unwrap(), entry.text(2).unwrap());
                        assert_eq!(fresh, None, "each name once");
                    }
                }
            }
            if let Some(track) = packet.message(60) {
                let signed = |number: Option<u64>| number.unwrap_or_default() as i64;
                let described = Track {
                    name: track.text(2),
                    parent: track.number(5),
                    process: track.message(3).map(|of| (signed(of.number(1)), of.text(6))),
                    thread: track
                        .message(4)
                        .map(|of| (signed(of.number(1)), signed(of.number(2)), of.text(5))),
                    is_counter: track.message(8).is_some(),
                };
                picture.tracks.insert(track.number(1).unwrap(), described);
            }
            if let Some(event) = packet.message(11) {
                assert_eq!(packet.number(13), Some(2), "it needs the names");
                let uuid = event.number(11).unwrap();
                let number = |raw: u64| Some(raw as i64 as f64);
                picture.events.push(Shown {
                    time: packet.number(8).unwrap(),
                    kind: event.number(9).unwrap(),
                    track: picture.tracks[&uuid].clone(),
                    uuid,
                    name: event.number(10).map(|name| names[1][&name].clone()),
                    args: event.bytes(4).map(|arg| argument(&Message::read(arg), &names[2])).collect(),
                    flows: event
                        .all(47)
                        .filter_map(|raw| if let Raw::Number(flow) = raw { Some(*flow) } else { None })
                        .collect(),
                    value: event.number(30).and_then(number).or(event.number(44).map(f64::from_bits)),
                });
            }
            if let Some(stats) = packet.message(35) {
                let buffers = stats.bytes(1).map(Message::read);
                picture.losses = buffers.map(|of| (of.number(18).unwrap(), of.number(19).unwrap())).collect();
            }
        }
        picture
    }

    /// Slices by the rules that `trace_processor` goes by (worked out here, not taken from its output): time, duration, name, depth, whether in a thread.
    fn slices(&self) -> Vec<(u64, i64, String, usize)> {
        let mut slices: Vec<(u64, i64, String, usize)> = Vec::new();
        let mut open: HashMap<u64, Vec<usize>> = HashMap::new();
        for event in &self.events {
            let open = open.entry(event.uuid).or_default();
            match event.kind {
                BEGIN | INSTANT => {
                    let duration = if event.kind == BEGIN { -1 } else { 0 };
                    slices.push((event.time, duration, event.name.clone().unwrap(), open.len()));
                    if event.kind == BEGIN {
                        open.push(slices.len() - 1);
                    }
                }
                END => {
                    assert_eq!(event.name, None, "the name of an end would have to be that of its slice");
                    let slice = &mut slices[open.pop().expect("something is open")];
                    slice.1 = (event.time - slice.0) as i64;
                }
                _ => {}
            }
        }
        slices
    }
}

fn argument(argument: &Message, names: &HashMap<u64, String>) -> (String, Value) {
    let name = argument.number(1).map(|name| names[&name].clone()).unwrap_or_default();
    let mut entries = argument.bytes(11).map(|entry| self::argument(&Message::read(entry), names)).peekable();
    let mut elements =
        argument.bytes(12).map(|element| self::argument(&Message::read(element), names).1).peekable();
    let float = |value: f64| match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => value.into(),
    };
    let plain = argument.number(2).map(|value| (value != 0).into());
    let plain = plain.or(argument.number(3).map(Value::from));
    let plain = plain.or(argument.number(4).map(|value| (value as i64).into()));
    let plain = plain.or(argument.number(5).map(|value| float(f64::from_bits(value))));
    let plain = plain.or(argument.text(6).map(Value::from));
    let value = match plain {
        Some(plain) => plain,
        None if entries.peek().is_some() => Value::Object(entries.collect()),
        None if elements.peek().is_some() => elements.collect(),
        None => Value::Null,
    };
    (name, value)
}

fn same(json: &Value, shown: &Value, path: &str) {
    match (json, shown) {
        (Value::Array(json), Value::Array(shown)) if json.len() == shown.len() => {
            for (json, shown) in json.iter().zip(shown) {
                match enumeration(json) {
                    Some((_, Some(label))) => assert_eq!(*shown, label, "{path}"),
                    Some((value, None)) => assert_eq!(shown, value, "{path}"),
                    None => same(json, shown, path),
                }
            }
        }
        (Value::Object(json), Value::Object(shown)) => same_fields(json, shown, path),
        // What is empty says nothing.
        (Value::Object(json), Value::Null) => assert!(json.values().all(is_nothing), "{path}"),
        (Value::Array(json), Value::Null) => assert!(json.is_empty(), "{path}"),
        _ => assert_eq!(json, shown, "{path}"),
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

fn same_fields(json: &Map<String, Value>, shown: &Map<String, Value>, path: &str) {
    let nothing = Value::Null;
    for (key, json) in json {
        let path = format!("{path}.{key}");
        let of = |key: &str| shown.get(key).unwrap_or(&nothing);
        match enumeration(json) {
            Some((value, Some(label))) => {
                assert_eq!(*of(key), label, "{path}");
                same(value, of(&format!("{key}_value")), &path);
            }
            Some((value, None)) => same(value, of(key), &path),
            None => same(json, of(key), &path),
        }
    }
}

/// The same as one instant for each event.
fn instants_are_the_json(trace: &Path) -> usize {
    let truth: Vec<Value> = json(trace).iter().map(plain).collect();
    let options = PerfettoOptions { only_named_pairs: true, ..PerfettoOptions::default() };
    let picture = Picture::of(trace, options);
    let events = picture.events.iter().filter(|event| event.kind != COUNTER);
    let events = events.filter(|event| !event.name.as_deref().is_some_and(|name| name.starts_with("lost ")));
    let events: Vec<&Shown> = events.collect();
    assert_eq!(events.len(), truth.len(), "{}", trace.display());
    let zero = picture.clocks.get(&1).zip(picture.clocks.get(&6));
    for (event, json) in events.iter().zip(&truth) {
        assert_eq!((event.kind, event.name.as_deref()), (INSTANT, json["event"].as_str()));
        if let (Some((real, boot)), Some(time)) = (zero, json["timestamp"].as_i64()) {
            assert_eq!(event.time as i64 + (*real as i64 - *boot as i64), time);
        }
        let name = event.name.as_deref().unwrap();
        if let Some(Value::Object(fields)) = json.get("fields") {
            same_fields(fields, &event.args, name);
        }
        let Some(Value::Object(context)) = json.get("context") else { continue };
        let is_told = |key: &String| ["vpid", "vtid", "procname", "pid", "tid"].contains(&key.as_str());
        let others = context.iter().filter(|(key, _)| !is_told(key));
        let others: Map<String, Value> = others.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !others.is_empty() {
            same(&Value::Object(others), &event.args["context"], name);
        }
        if let (Some(process), Some(thread)) = (context.get("vpid"), context.get("vtid")) {
            let (pid, tid, thread_name) = event.track.thread.as_ref().expect("a thread");
            assert_eq!((process, thread), (&json!(pid), &json!(tid)));
            let wanted = context.get("procname").and_then(Value::as_str).filter(|name| !name.is_empty());
            if wanted.is_some() {
                assert_eq!(thread_name.as_deref(), wanted);
            }
            assert_eq!(Some(&event.args["cpu_id"]), json.pointer("/packet/cpu_id"));
        }
    }
    truth.len()
}

#[test]
fn instants_of_recorded_traces_are_their_json() {
    let compared: usize = recorded().iter().map(|trace| instants_are_the_json(trace)).sum();
    assert!(compared > 100, "{compared}");
}

#[test]
fn losses_are_shown_and_summed_up() {
    let discarded = recorded().into_iter().find(|trace| trace.ends_with("discarded/trace")).unwrap();
    let picture = Picture::of(&discarded, PerfettoOptions::default());
    let instants = picture.events.iter().filter(|event| event.name.as_deref() == Some("lost events"));
    let told = instants.filter_map(|event| event.args["count"].as_u64()).sum::<u64>();
    assert_eq!((told, picture.losses.iter().map(|loss| loss.0).sum::<u64>()), (290, 290));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_values_are_shown(events in prop::collection::vec(any_event(), 1..12)) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &events);
        prop_assert_eq!(instants_are_the_json(folder.path()), events.len());
    }
}

/// A trace with events of two processes: name, time, process, thread, name of the thread, and the bytes of the payload.
fn shop(folder: &Path) {
    let events: [(&str, &str); 9] = [
        ("db:query_begin", "string _sql;"),
        ("db:query_end", "uint32_t _rows;"),
        ("app:request_entry", "uint64_t _id;"),
        ("app:request_exit", "uint64_t _id; int32_t _status;"),
        ("shop::orders:checkout:new", "uint64_t _span; uint64_t _parent;"),
        ("shop::orders:checkout:enter", "uint64_t _span;"),
        ("shop::orders:checkout:exit", "uint64_t _span;"),
        ("shop::orders:checkout:close", "uint64_t _span;"),
        ("app:queue", "uint32_t _depth;"),
    ];
    let mut metadata = r#"/* CTF 1.8 */
        typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
        typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
        typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
        typealias integer { size = 32; align = 8; signed = true; } := int32_t;
        typealias integer { size = 64; align = 8; signed = false; map = clock.c.value; } := ts_t;
        trace { major = 1; minor = 8; byte_order = le; };
        env { hostname = "web1"; };
        clock { name = c; freq = 1000000000; offset = 1700000000000000000; };
        stream { event.header := struct { uint8_t id; ts_t timestamp; };
            event.context := struct { int32_t _vpid; int32_t _vtid; string _procname; }; };
    "#
    .to_owned();
    for (id, (name, fields)) in events.iter().enumerate() {
        metadata += &format!("event {{ name = \"{name}\"; id = {id}; fields := struct {{ {fields} }}; }};\n");
    }
    std::fs::write(folder.join("metadata"), metadata).unwrap();
    let id = 7u64.to_le_bytes();
    let span = 1u64.to_le_bytes();
    let exit = [&id[..], &200i32.to_le_bytes()].concat();
    let new = [&span[..], &[0; 8]].concat();
    let recorded: [(u64, usize, i32, i32, &[u8]); 15] = [
        (1000, 2, 100, 100, &id),
        (1500, 0, 100, 100, b"select 1\0"),
        (2500, 1, 100, 100, &[3, 0, 0, 0]),
        (2600, 4, 100, 100, &new),
        (2700, 5, 100, 100, &span),
        (2800, 6, 100, 100, &span),
        (2900, 5, 100, 101, &span),
        (3000, 8, 100, 101, &[5, 0, 0, 0]),
        (3100, 6, 100, 101, &span),
        (3150, 0, 100, 100, b"never ends\0"),
        (3200, 7, 100, 101, &span),
        (3300, 8, 200, 200, &[9, 0, 0, 0]),
        (3400, 3, 100, 100, &exit),
        (3500, 3, 100, 100, &exit),
        (3600, 0, 100, 101, b"open\0"),
    ];
    let mut data = Vec::new();
    for (time, id, process, thread, payload) in recorded {
        data.push(id as u8);
        data.extend(time.to_le_bytes());
        data.extend(process.to_le_bytes());
        data.extend(thread.to_le_bytes());
        data.extend(if thread == 101 { b"worker\0".to_vec() } else { b"main\0".to_vec() });
        data.extend(payload);
    }
    std::fs::write(folder.join("data"), data).unwrap();
}

#[test]
fn pairs_spans_and_counters_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    shop(folder.path());
    let picture = Picture::of(folder.path(), PerfettoOptions::default());
    // As `SELECT ts, dur, name, depth FROM slice ORDER BY id` gave it.
    let wanted = [
        (1000, 2400, "app:request", 0),
        (1500, 1000, "db:query", 1),
        (2600, 600, "shop::orders:checkout", 0),
        (2700, 100, "shop::orders:checkout", 1),
        (2900, 200, "shop::orders:checkout", 0),
        (3000, 0, "app:queue", 1),
        (3150, 250, "db:query", 1),
        (3300, 0, "app:queue", 0),
        (3500, 0, "app:request_exit", 0),
        (3600, -1, "db:query", 0),
    ];
    let wanted = wanted.map(|(time, duration, name, depth)| (time, duration, name.to_owned(), depth));
    assert_eq!(picture.slices(), wanted);
    let of = |time: u64| picture.events.iter().find(|event| event.time == time).unwrap();
    assert_eq!(of(1000).track.thread, Some((100, 100, Some("main".to_owned()))));
    assert_eq!(of(2900).track.thread, Some((100, 101, Some("worker".to_owned()))));
    let arguments = |pairs: &[(&str, i64)]| -> Map<String, Value> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    };
    assert_eq!(of(2500).args, arguments(&[("rows", 3)]));
    // The span has a lane below its process, and arrows to where it is entered.
    let lane = &of(2600).track;
    assert_eq!((lane.name.as_deref(), of(3200).uuid), (Some("shop::orders:checkout"), of(2600).uuid));
    assert_eq!(picture.tracks[&lane.parent.unwrap()].process, Some((100, Some("main".to_owned()))));
    assert!(
        of(2600).flows == of(2700).flows && of(2700).flows == of(2900).flows && of(2600).flows.len() == 1
    );
    assert!(of(3100).flows.is_empty());
    let counters = picture.events.iter().filter(|event| event.kind == COUNTER);
    let counters =
        counters.map(|event| (event.time, event.value.unwrap(), event.track.name.clone().unwrap()));
    let depth = "app:queue.depth".to_owned();
    assert_eq!(counters.collect::<Vec<_>>(), [(3000, 5.0, depth.clone()), (3300, 9.0, depth)]);
}

#[test]
fn the_user_names_pairs_counters_and_flows() {
    let folder = tempfile::tempdir().unwrap();
    shop(folder.path());
    let options = PerfettoOptions {
        pairs: vec!["app:request_entry,app:request_exit,id".parse().unwrap()],
        only_named_pairs: true,
        counters: vec!["app:*_exit,status".parse().unwrap()],
        flows: vec!["id".to_owned()],
    };
    let picture = Picture::of(folder.path(), options);
    let slices: Vec<_> = picture.slices().into_iter().filter(|slice| slice.1 != 0).collect();
    assert_eq!(slices, [(1000, 2400, "app:request_entry".to_owned(), 0)]);
    let flows = picture.events.iter().filter(|event| !event.flows.is_empty()).map(|event| event.time);
    assert_eq!(flows.collect::<Vec<_>>(), [1000, 3400, 3500]);
    let counters = picture.events.iter().filter(|event| event.track.is_counter).map(|event| event.value);
    assert_eq!(counters.collect::<Vec<_>>(), [Some(200.0), Some(200.0)]);
}
