//! What was just recorded, as Parquet tables and as a Perfetto trace: read with the `parquet` crate and with protoc, event
//! by event beside babeltrace2's text.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use rttng_tests::{Event, Need, World, apps, events_by_name};

fn recorded(world: &World) -> PathBuf {
    recorded_of(world, &apps::built("fields"))
}

fn recorded_of(world: &World, program: &Path) -> PathBuf {
    let trace = world.open_dir().join("trace");
    let record = world.rttng().args(["record", "--lossless", "-t", "vpid,vtid,procname", "-o"]).arg(&trace);
    record.arg("--").arg(program).run().ok();
    trace
}

fn rows(file: &Path) -> Vec<Row> {
    let reader = SerializedFileReader::new(File::open(file).unwrap()).unwrap();
    reader.get_row_iter(None).unwrap().map(Result::unwrap).collect()
}

/// How many values of a row were found in babeltrace2's text, as they should be.
fn compared(row: &Row, event: &Event) -> usize {
    let mut count = 0;
    for (column, field) in row.get_column_iter() {
        let name = column.strip_prefix("ctx_").unwrap_or(column);
        let number = match field {
            Field::Byte(value) => i64::from(*value),
            Field::Short(value) => i64::from(*value),
            Field::Int(value) => i64::from(*value),
            Field::Long(value) => *value,
            Field::UByte(value) => i64::from(*value),
            Field::UShort(value) => i64::from(*value),
            Field::UInt(value) => i64::from(*value),
            Field::ULong(value) => *value as i64,
            Field::Str(text) if text.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !text.is_empty() => {
                if let Some(printed) = event.value(name).filter(|printed| !printed.starts_with(['[', '{'])) {
                    assert!(printed.contains(&format!("\"{text}\"")), "{column}: {text}, not {printed}");
                    count += 1;
                }
                continue;
            }
            _ => continue,
        };
        if column == "timestamp" {
            assert_eq!(number as u64, event.timestamp_ns);
            count += 1;
        } else if let Some(printed) = event.int(name).filter(|_| !column.starts_with("stream_")) {
            assert_eq!(number, printed, "{column} of {event:?}");
            count += 1;
        }
    }
    count
}

#[test]
fn tables_have_what_babeltrace_prints() {
    let Some(world) = World::open(&[Need::Babeltrace2, Need::UstHeaders]) else { return };
    let trace = recorded(&world);
    let tables = world.open_dir().join("tables");
    let view = world.rttng().args(["view", "--output-format=parquet", "--output"]).arg(&tables);
    view.arg(&trace).run().ok();
    let events = world.babeltrace2(&trace);
    let mut by_name: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in &events {
        by_name.entry(&event.name).or_default().push(event);
    }
    let tables = world.outside(tables);
    let list = std::fs::read_to_string(tables.join("tables.csv")).unwrap();
    let mut values = 0;
    for line in list.lines().skip(1) {
        let [name, file, count] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let rows = rows(&tables.join(file));
        let events = by_name.remove(name).unwrap_or_default();
        assert_eq!((rows.len().to_string().as_str(), rows.len()), (count, events.len()), "{name}");
        for (row, event) in rows.iter().zip(events) {
            values += compared(row, event);
        }
    }
    assert!(by_name.is_empty(), "no table for {:?}", by_name.keys());
    assert!(values > events.len() * 5, "{values}");
    let again = world.rttng().args(["view", "-o", "parquet", "-w"]).arg(world.open_dir().join("tables"));
    let refused = again.arg(&trace).run();
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
}

#[test]
fn csv_has_a_row_for_each_event() {
    let Some(world) = World::open(&[Need::Babeltrace2, Need::UstHeaders]) else { return };
    let trace = recorded(&world);
    let events = world.babeltrace2(&trace);
    let name = "rttng_fields:integers";
    let csv = world.rttng().args(["view", "-o", "csv", "--event", name]).arg(&trace).run().ok();
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let wanted: Vec<&Event> = events.iter().filter(|event| event.name == name).collect();
    let mut values = 0;
    for (line, event) in lines.zip(&wanted) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!((cells.len(), cells[0]), (header.len(), event.timestamp_ns.to_string().as_str()));
        for (column, cell) in header.iter().zip(cells).filter(|(column, _)| !column.starts_with("stream_")) {
            let column = column.strip_prefix("ctx_").unwrap_or(column);
            if let Some(value) =
                event.int(column).filter(|_| !["vpid", "procname"].contains(&column) || !cell.is_empty())
            {
                assert_eq!(cell, value.to_string(), "{column}");
                values += 1;
            }
        }
    }
    assert!(values > 15 * wanted.len() && csv.lines().count() == wanted.len() + 1, "{values}");
}

/// A message as protoc prints it.
#[derive(Debug, Default)]
struct Message {
    values: Vec<(String, String)>,
    messages: Vec<(String, Message)>,
}

impl Message {
    fn read(lines: &mut std::str::Lines<'_>) -> Message {
        let mut message = Message::default();
        while let Some(line) = lines.next() {
            let line = line.trim();
            if line == "}" {
                break;
            }
            if let Some(name) = line.strip_suffix(" {") {
                message.messages.push((name.to_owned(), Message::read(lines)));
            } else if let Some((name, value)) = line.split_once(": ") {
                message.values.push((name.to_owned(), value.to_owned()));
            }
        }
        message
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn all<'m>(&'m self, name: &'m str) -> impl Iterator<Item = &'m Message> {
        self.messages.iter().filter(move |(other, _)| other == name).map(|(_, message)| message)
    }
}

/// The packets of a Perfetto trace.
fn packets(world: &World, trace: &Path) -> Vec<Message> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/perfetto");
    let protoc = world.program("protoc").arg("--decode=Trace").arg("-I").arg(&schema).arg("trace.proto");
    let text = protoc.input(trace).run().ok();
    let all = Message::read(&mut text.lines());
    assert!(all.values.is_empty(), "fields that the schema does not know");
    all.messages.into_iter().map(|(_, packet)| packet).collect()
}

/// The names that packets bring with them, by number.
fn names(packets: &[Message], list: &str) -> HashMap<String, String> {
    let data = packets.iter().flat_map(|packet| packet.all("interned_data"));
    let entries = data.flat_map(|data| data.all(list));
    let named = |entry: &Message| {
        (entry.value("iid").unwrap().to_owned(), entry.value("name").unwrap().trim_matches('"').to_owned())
    };
    entries.map(named).collect()
}

/// The thread of each track that is one's.
fn threads(packets: &[Message]) -> HashMap<&str, &str> {
    let tracks = packets.iter().flat_map(|packet| packet.all("track_descriptor"));
    tracks
        .filter_map(|track| Some((track.value("uuid")?, track.all("thread").next()?.value("tid")?)))
        .collect()
}

/// What the times of packets count from, in nanoseconds since 1970.
fn origin(packets: &[Message]) -> u64 {
    let clock = packets.iter().find_map(|packet| packet.all("clock_snapshot").next()).unwrap();
    let clock = |id: &str| -> u64 {
        let mut clocks = clock.all("clocks").filter(|clock| clock.value("clock_id") == Some(id));
        clocks.next().unwrap().value("timestamp").unwrap().parse().unwrap()
    };
    clock("1") - clock("6")
}

#[test]
fn perfetto_traces_have_what_babeltrace_prints() {
    let Some(world) = World::open(&[Need::Babeltrace2, Need::UstHeaders, Need::Protoc]) else { return };
    let trace = recorded(&world);
    let events = world.babeltrace2(&trace);
    let convert = |name: &str, options: &[&str]| {
        let output = world.open_dir().join(name);
        let convert = world.rttng().args(["convert", "--to", "perfetto", "-o"]).arg(&output);
        convert.args(options).arg(&trace).run().ok();
        packets(&world, &output)
    };
    let all = convert("plain", &["--only-pairs"]);
    let (event_names, argument_names) = (names(&all, "event_names"), names(&all, "debug_annotation_names"));
    let threads = threads(&all);
    let wanted: BTreeSet<String> =
        events.iter().map(|event| event.int("vtid").unwrap().to_string()).collect();
    assert_eq!(threads.values().map(|tid| (*tid).to_owned()).collect::<BTreeSet<_>>(), wanted);
    let shown = all.iter().flat_map(|packet| packet.all("track_event").map(move |event| (packet, event)));
    let shown: Vec<_> = shown.filter(|(_, event)| event.value("type") != Some("TYPE_COUNTER")).collect();
    assert_eq!(shown.len(), events.len());
    let origin = origin(&all);
    let mut values = 0;
    for ((packet, shown), event) in shown.iter().zip(&events) {
        assert_eq!(shown.value("type"), Some("TYPE_INSTANT"));
        assert_eq!(event_names[shown.value("name_iid").unwrap()], event.name);
        assert_eq!(threads[shown.value("track_uuid").unwrap()], event.int("vtid").unwrap().to_string());
        let time: u64 = packet.value("timestamp").unwrap().parse().unwrap();
        assert_eq!(origin + time, event.timestamp_ns);
        for argument in shown.all("debug_annotations") {
            let name = &argument_names[argument.value("name_iid").unwrap()];
            let number = argument.value("int_value").or(argument.value("uint_value"));
            if let (Some(number), Some(printed)) = (number, event.int(name)) {
                assert_eq!(number, printed.to_string(), "{name} of {event:?}");
                values += 1;
            }
        }
    }
    assert!(values > events.len() * 3, "{values}");
    // Pairs that the user names.
    let counts = events_by_name(&events);
    let paired = convert("paired", &["--only-pairs", "--pair", "rttng_fields:integers,rttng_fields:floats"]);
    let of = |kind: &str| {
        let events = paired.iter().flat_map(|packet| packet.all("track_event"));
        events.filter(|event| event.value("type") == Some(kind)).count()
    };
    assert_eq!(of("TYPE_SLICE_BEGIN"), counts["rttng_fields:integers"]);
    assert!(of("TYPE_SLICE_END") > 0 && of("TYPE_SLICE_END") <= of("TYPE_SLICE_BEGIN"));
}

/// A slice, in a thread or the lane of a span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Slice {
    begin: u64,
    end: u64,
    name: String,
    /// In how many others of its track it is.
    depth: usize,
    thread: Option<String>,
    /// The id of the span.
    span: Option<String>,
}

/// The slices of a Perfetto trace by its own rules: an end is that of what was begun last on its track.
fn slices(packets: &[Message]) -> Vec<Slice> {
    let (origin, threads) = (origin(packets), threads(packets));
    let (event_names, argument_names) =
        (names(packets, "event_names"), names(packets, "debug_annotation_names"));
    let (mut slices, mut open) = (Vec::new(), HashMap::<&str, Vec<usize>>::new());
    for packet in packets {
        let time = || origin + packet.value("timestamp").unwrap().parse::<u64>().unwrap();
        for event in packet.all("track_event") {
            let track = event.value("track_uuid").unwrap();
            let open = open.entry(track).or_default();
            if event.value("type") == Some("TYPE_SLICE_BEGIN") {
                let arguments = event.all("debug_annotations");
                let is_span =
                    |argument: &&Message| argument_names[argument.value("name_iid").unwrap()] == "span";
                let value = |argument: &Message| {
                    argument.value("uint_value").or(argument.value("int_value")).map(str::to_owned)
                };
                open.push(slices.len());
                slices.push(Slice {
                    begin: time(),
                    end: u64::MAX,
                    name: event_names[event.value("name_iid").unwrap()].clone(),
                    depth: open.len() - 1,
                    thread: threads.get(track).map(|tid| (*tid).to_owned()),
                    span: arguments.filter(is_span).find_map(value),
                });
            } else if event.value("type") == Some("TYPE_SLICE_END") {
                slices[open.pop().expect("something is open")].end = time();
            }
        }
    }
    slices
}

/// The spans that babeltrace2 prints: entered and left by threads, made and closed.
fn spans(events: &[Event]) -> Vec<Slice> {
    let (mut slices, mut open) = (Vec::<Slice>::new(), HashMap::<String, Vec<usize>>::new());
    for event in events {
        let Some((name, what)) = event.name.rsplit_once(':') else { continue };
        let span = event.int("span").map(|span| span.to_string());
        let thread = event.int("vtid").map(|thread| thread.to_string());
        let thread = thread.filter(|_| matches!(what, "enter" | "exit"));
        // Processes have spans of the same ids.
        let place = thread.clone().or_else(|| Some(format!("{} of {}", span.as_ref()?, event.int("vpid")?)));
        let open = open.entry(place.unwrap_or_default()).or_default();
        match what {
            "enter" | "new" => {
                let (begin, depth, name) = (event.timestamp_ns, open.len(), name.to_owned());
                open.push(slices.len());
                slices.push(Slice { begin, end: u64::MAX, name, depth, thread, span });
            }
            "exit" | "close" => {
                let slice = &mut slices[open.pop().expect("it was entered")];
                slice.end = event.timestamp_ns;
                assert_eq!((slice.name.as_str(), &slice.span), (name, &span), "spans are left in order");
            }
            _ => {}
        }
    }
    slices
}

#[test]
fn spans_of_tracing_are_slices() {
    let Some(world) = World::open(&[Need::Babeltrace2, Need::Protoc]) else { return };
    let trace = recorded_of(&world, &apps::example("rttng-ust-tracing", "checkout"));
    let shop = world.open_dir().join("shop");
    // Spans of several threads and processes.
    world.rttng().args(["demo", "--output"]).arg(&shop).env("LTTNG_UST_REGISTER_TIMEOUT", "-1").run().ok();
    for (trace, entered, nested) in [(trace, 9, 6), (shop, 94, 32)] {
        let picture = trace.with_extension("perfetto");
        world.rttng().args(["convert", "--to", "perfetto", "-o"]).arg(&picture).arg(&trace).run().ok();
        let mut shown = slices(&packets(&world, &picture));
        // Others are pairs of events by their names.
        shown.retain(|slice| slice.span.is_some());
        let mut wanted = spans(&world.babeltrace2(&trace));
        shown.sort();
        wanted.sort();
        assert_eq!(shown, wanted, "{}", trace.display());
        let of_threads = || wanted.iter().filter(|slice| slice.thread.is_some());
        assert_eq!(of_threads().count(), entered, "{wanted:#?}");
        assert_eq!(of_threads().filter(|slice| slice.depth > 0).count(), nested, "{wanted:#?}");
    }
}
