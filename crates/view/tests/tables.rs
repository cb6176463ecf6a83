//! CSV and Parquet, event by event and value by value against the JSON of the same traces.

mod any_trace;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

use any_trace::{AnyEvent, any_event, enumeration, json, plain, print, recorded, write};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use proptest::prelude::*;
use rttng_ctf::read::{Options, Reader};
use rttng_view::csv::{Columns, CsvPrinter};
use rttng_view::parquet::ParquetTables;
use rttng_view::select::Selection;
use serde_json::{Map, Value};

const SCOPES: [(&str, &str); 4] =
    [("packet", "packet_"), ("context", "ctx_"), ("event_context", "event_ctx_"), ("fields", "")];

/// The rows of a CSV text, by RFC 4180; nothing for a cell without anything, not even quotes.
fn rows(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut rows, mut row) = (Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let cell = match rest.strip_prefix('"') {
            Some(mut inner) => {
                let mut cell = String::new();
                loop {
                    let (before, after) = inner.split_once('"').expect("quotes are closed");
                    cell.push_str(before);
                    match after.strip_prefix('"') {
                        Some(after) => {
                            cell.push('"');
                            inner = after;
                        }
                        None => {
                            rest = after;
                            break Some(cell);
                        }
                    }
                }
            }
            None => {
                let end = rest.find([',', '\n']).expect("lines end");
                let cell = (end > 0).then(|| rest[..end].to_owned());
                rest = &rest[end..];
                cell
            }
        };
        row.push(cell);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => {
                rest = rest.strip_prefix('\n').expect("a cell ends with a comma or a line");
                rows.push(std::mem::take(&mut row));
            }
        }
    }
    rows
}

fn csv(trace: &Path, columns: &Columns) -> Vec<BTreeMap<String, Option<String>>> {
    let mut text = Vec::new();
    print(trace, Selection::default(), |reader| CsvPrinter::new(reader, columns, &mut text, std::io::sink()));
    let mut rows = rows(std::str::from_utf8(&text).unwrap()).into_iter();
    let header: Vec<String> = rows.next().unwrap().into_iter().map(Option::unwrap).collect();
    let named = |row: Vec<Option<String>>| {
        assert_eq!(row.len(), header.len());
        header.iter().cloned().zip(row).collect()
    };
    rows.map(named).collect()
}

/// A value of JSON as a cell has it.
fn cell(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn csv_is_the_json(trace: &Path) -> usize {
    let truth = json(trace);
    let rows = csv(trace, &Columns::Scopes);
    assert_eq!(rows.len(), truth.len(), "{}", trace.display());
    for (row, event) in rows.iter().zip(&truth) {
        for key in ["timestamp", "event", "hostname", "procname", "vpid", "trace", "loglevel"] {
            assert_eq!(row[key], event.get(key).and_then(cell), "{key} of {event}");
        }
        assert_eq!(row["stream_class"], cell(&event["stream"]["class"]));
        assert_eq!(row["stream_id"], cell(&event["stream"]["id"]));
        assert_eq!(row["cpu_id"], event.pointer("/packet/cpu_id").and_then(cell));
        for (scope, _) in SCOPES {
            let shown = row[scope].as_ref().map(|text| serde_json::from_str::<Value>(text).unwrap());
            assert_eq!(shown.as_ref(), event.get(scope), "{scope}");
        }
    }
    truth.len()
}

/// The columns of an event that CSV has with its name, by what JSON says; variants, whose option JSON does not name, are
/// left out.
fn flat(prefix: &str, object: &Map<String, Value>, to: &mut BTreeMap<String, Option<String>>) {
    for (key, value) in object {
        let name = format!("{prefix}{key}");
        match (enumeration(value), value) {
            (Some((number, label)), _) => {
                to.insert(format!("{name}_value"), cell(number));
                to.insert(name, label);
            }
            _ if key == "choice" => {}
            (_, Value::Object(inner)) => flat(&format!("{name}."), inner, to),
            _ => drop(to.insert(name, cell(value))),
        }
    }
}

#[test]
fn csv_of_recorded_traces_is_their_json() {
    let compared: usize = recorded().iter().map(|trace| csv_is_the_json(trace)).sum();
    assert!(compared > 100, "{compared}");
}

/// A row of a table as JSON.
fn value_of(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Byte(value) => (*value).into(),
        Field::Short(value) => (*value).into(),
        Field::Int(value) => (*value).into(),
        Field::Long(value) => (*value).into(),
        Field::UByte(value) => (*value).into(),
        Field::UShort(value) => (*value).into(),
        Field::UInt(value) => (*value).into(),
        Field::ULong(value) => (*value).into(),
        Field::Double(value) if value.is_nan() => "NaN".into(),
        Field::Double(value) if value.is_infinite() => {
            (if *value > 0.0 { "Infinity" } else { "-Infinity" }).into()
        }
        Field::Double(value) => (*value).into(),
        Field::Str(text) => text.as_str().into(),
        Field::Bool(value) => (*value).into(),
        Field::Bytes(bytes) => {
            bytes.data().iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
        Field::Group(row) => object_of(row),
        Field::ListInternal(list) => list.elements().iter().map(value_of).collect(),
        other => panic!("{other:?}"),
    }
}

fn object_of(row: &Row) -> Value {
    Value::Object(row.get_column_iter().map(|(name, field)| (name.clone(), value_of(field))).collect())
}

/// What a table says of an event by what JSON says of it.
fn same_value(json: &Value, table: &Value, path: &str) {
    match (json, table) {
        (Value::Array(json), Value::Array(table)) => {
            assert_eq!(json.len(), table.len(), "{path}");
            for (json, table) in json.iter().zip(table) {
                match enumeration(json) {
                    Some((value, label)) => {
                        assert_eq!(table["value"], *value, "{path}");
                        assert_eq!(table["label"].as_str(), label.as_deref(), "{path}");
                    }
                    None => same_value(json, table, path),
                }
            }
        }
        (Value::Object(members), Value::Object(table)) => {
            // A structure may have been chosen of a variant: then there are no such members.
            let is_structure = members.is_empty() || members.keys().any(|key| table.contains_key(key));
            if is_structure { same_object(members, table, path) } else { same_choice(json, table, path) }
        }
        // Optional, and not there.
        (Value::Null, Value::Object(members)) => assert!(members.values().all(Value::is_null), "{path}"),
        // A variant: JSON has what was chosen, the table a structure in which the others are null.
        (json, Value::Object(table)) if !json.is_object() => same_choice(json, table, path),
        _ => assert_eq!(json, table, "{path}"),
    }
}

fn same_choice(json: &Value, table: &Map<String, Value>, path: &str) {
    let mut chosen = table.values().filter(|value| !value.is_null());
    same_value(json, chosen.next().unwrap_or(&Value::Null), path);
    assert_eq!(chosen.next(), None, "{path}");
}

fn same_object(json: &Map<String, Value>, table: &Map<String, Value>, path: &str) {
    for (key, json) in json {
        let path = format!("{path}.{key}");
        if let Some((value, label)) = enumeration(json) {
            assert_eq!(&table[&format!("{key}_value")], value, "{path}");
            assert_eq!(table[key].as_str(), label.as_deref(), "{path}");
        } else if json.as_object().is_some_and(Map::is_empty) {
            // An option without values, maybe.
            let others = table.get(key).and_then(Value::as_object);
            assert!(others.is_none_or(|others| others.values().all(Value::is_null)), "{path}");
        } else {
            let value = table.get(key).unwrap_or_else(|| panic!("{path}: {json} is not in {table:?}"));
            same_value(json, value, &path);
        }
    }
}

/// The rows of all tables by the name of their events, and how many each list says.
fn tables(trace: &Path) -> HashMap<String, Vec<Value>> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tables");
    print(trace, Selection::default(), |reader| ParquetTables::new(reader, &place).unwrap());
    let list = std::fs::read_to_string(place.join("tables.csv")).unwrap();
    let mut tables: HashMap<String, Vec<Value>> = HashMap::new();
    for row in rows(&list).into_iter().skip(1) {
        let [event, file, count] = [0, 1, 2].map(|at| row[at].clone().unwrap_or_default());
        let reader = SerializedFileReader::new(File::open(place.join(file)).unwrap()).unwrap();
        let metadata = reader.metadata().file_metadata();
        let about = metadata.key_value_metadata().unwrap();
        assert!(about.iter().any(|about| about.key == "rttng.event" && about.value.as_ref() == Some(&event)));
        let rows: Vec<Value> =
            reader.get_row_iter(None).unwrap().map(|row| object_of(&row.unwrap())).collect();
        assert_eq!(rows.len().to_string(), count);
        tables.entry(event).or_default().extend(rows);
    }
    for rows in tables.values_mut() {
        rows.sort_by_key(|row| row["timestamp"].as_i64());
    }
    tables
}

fn tables_are_the_json(trace: &Path) -> usize {
    let truth: Vec<Value> = json(trace).iter().map(plain).collect();
    let tables = tables(trace);
    let mut next: HashMap<&str, usize> = HashMap::new();
    for event in &truth {
        let name = event["event"].as_str().unwrap();
        let at = next.entry(name).or_default();
        let row = &tables[name][*at];
        *at += 1;
        for key in ["timestamp", "hostname", "procname", "vpid", "trace"] {
            assert_eq!(row[key], event.get(key).cloned().unwrap_or_default(), "{key} of {name}");
        }
        assert_eq!(
            [&row["stream_class"], &row["stream_id"]],
            [&event["stream"]["class"], &event["stream"]["id"]]
        );
        for (scope, prefix) in SCOPES {
            let Some(Value::Object(values)) = event.get(scope) else { continue };
            // As the columns are called.
            let named = values.iter().map(|(key, value)| {
                let taken =
                    ["timestamp", "hostname", "trace", "vpid", "procname", "cpu_id"].contains(&key.as_str());
                let key = match (prefix, key.as_str()) {
                    ("packet_", "cpu_id") => key.clone(),
                    ("", "TEXT") => "TEXT_".to_owned(),
                    ("", _) if taken => format!("{key}_"),
                    _ => format!("{prefix}{key}"),
                };
                (key, value.clone())
            });
            same_object(&named.collect(), row.as_object().unwrap(), &format!("{name} {scope}"));
        }
    }
    assert_eq!(tables.values().map(Vec::len).sum::<usize>(), truth.len());
    truth.len()
}

#[test]
fn tables_of_recorded_traces_are_their_json() {
    let compared: usize = recorded().iter().map(|trace| tables_are_the_json(trace)).sum();
    assert!(compared > 100, "{compared}");
}

#[test]
fn a_folder_with_files_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "").unwrap();
    let reader = Reader::open(&[recorded().remove(0)], &Options::default()).unwrap();
    let refused = ParquetTables::new(&reader, folder.path()).err().unwrap();
    assert!(refused.to_string().ends_with("is not empty: tables are written into a folder of their own"));
}

/// What is lost is listed, by JSON's count.
#[test]
fn losses_are_listed() {
    let discarded = recorded().into_iter().find(|trace| trace.ends_with("discarded/trace")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("tables");
    print(&discarded, Selection::default(), |reader| ParquetTables::new(reader, &place).unwrap());
    let list = rows(&std::fs::read_to_string(place.join("losses.csv")).unwrap());
    let counted = list.iter().skip(1).filter_map(|row| row[1].as_ref()?.parse::<u64>().ok());
    assert_eq!(counted.sum::<u64>(), 290);
}

/// More different texts than are told by number, and more rows than one piece of a text column.
#[test]
fn many_texts_are_kept() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let one = any_event().new_tree(&mut runner).unwrap().current();
    let of = |i: usize| AnyEvent { is_bare: true, name: format!("thread {i}").into_bytes(), ..one.clone() };
    let events: Vec<AnyEvent> = (0..9000).map(of).collect();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &events);
    assert_eq!(tables_are_the_json(folder.path()), events.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_values_are_told_alike(events in prop::collection::vec(any_event(), 1..12)) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &events);
        prop_assert_eq!(csv_is_the_json(folder.path()), events.len());
        prop_assert_eq!(tables_are_the_json(folder.path()), events.len());
        // With a name, its fields are columns.
        let truth = json(folder.path());
        let truth = truth.iter().filter(|event| event["event"] == "any:value");
        let rows = csv(folder.path(), &Columns::Of("any:value".to_owned()));
        prop_assert_eq!(rows.len(), truth.clone().count());
        for (row, event) in rows.iter().zip(truth) {
            let mut wanted = BTreeMap::new();
            for (scope, prefix) in SCOPES {
                let values = event[scope].as_object().cloned().unwrap_or_default();
                flat(prefix, &values, &mut wanted);
            }
            for (name, value) in wanted {
                let name = match name.as_str() {
                    "packet_cpu_id" => "cpu_id".to_owned(),
                    "timestamp" | "TEXT" => name + "_",
                    _ => name,
                };
                match row.get(&name) {
                    Some(cell) if value.as_ref().is_some_and(|value| value.starts_with('[')) => {
                        let parse = |text: &Option<String>| {
                            text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok())
                        };
                        match parse(&value) {
                            Some(list) => prop_assert_eq!(parse(cell), Some(list), "{}", name),
                            None => prop_assert_eq!(cell, &value, "{}", name),
                        }
                    }
                    Some(cell) if name == "f" || name == "d" => {
                        let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<f64>().ok());
                        let (ours, truth) = (number(cell).unwrap(), number(&value).unwrap());
                        prop_assert!(ours == truth || (ours.is_nan() && truth.is_nan()), "{}: {} {}", name, ours, truth);
                    }
                    Some(cell) => prop_assert_eq!(cell, &value, "{}", name),
                    None => prop_assert!(name.contains("nothing"), "{} is not there", name),
                }
            }
        }
    }
}
