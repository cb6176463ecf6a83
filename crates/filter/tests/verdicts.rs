//! What a program traced by liblttng-ust 2.13.5 recorded under each filter and rule (`tests/vectors/filter/README.md`),
//! against this linker and interpreter.

use std::collections::BTreeMap;

use rttng_filter::{
    Bytecode, EventLayout, FieldIndex, FieldType, Fields, LogLevelDomain, LogLevelRule, Strictness, Value,
    check_exclusions, compile, link, pattern, rule_selects, split_exclusions,
};
use serde_json::Value as Json;

fn file(name: &str) -> String {
    let path = format!("{}/../../tests/vectors/filter/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn lines(name: &str) -> Vec<Json> {
    file(name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const SIGNED: FieldType = FieldType::Integer { signed: true };
const UNSIGNED: FieldType = FieldType::Integer { signed: false };

/// The fields of `ft:ev` in the order of declaration (`eval-rows.json`, "events").
const FIELDS: &[(&str, FieldType)] = &[
    ("row", SIGNED),
    ("i8", SIGNED),
    ("u8", UNSIGNED),
    ("i16", SIGNED),
    ("u16", UNSIGNED),
    ("i32", SIGNED),
    ("u32", UNSIGNED),
    ("i64", SIGNED),
    ("u64", UNSIGNED),
    ("hx", UNSIGNED),
    ("n16", UNSIGNED),
    ("n32", SIGNED),
    ("f", FieldType::Float),
    ("d", FieldType::Float),
    ("s", FieldType::Text),
    ("s2", FieldType::Text),
    ("ta", FieldType::Text),
    ("ts", FieldType::Text),
    ("ia", FieldType::Array { length: 4, signed: true }),
    ("ua", FieldType::Array { length: 4, signed: false }),
    ("la", FieldType::Array { length: 2, signed: true }),
    ("na", FieldType::Array { length: 2, signed: false }),
    ("sq", FieldType::Sequence { signed: true }),
    ("uq", FieldType::Sequence { signed: false }),
    ("e", SIGNED),
    ("nw", SIGNED),
    ("nws", FieldType::Text),
    ("x", SIGNED),
];

const CONTEXTS: &[(&str, Value<'static>)] = &[
    ("procname", Value::Text(b"fev\0\0\0")),
    ("vpid", Value::Signed(4242)),
    ("vtid", Value::Signed(4242)),
    ("pthread_id", Value::Unsigned(0x7f00_1234_5678)),
    ("vuid", Value::Unsigned(0)),
    ("time_ns", Value::Unsigned(4_026_531_834)),
    ("pid_ns", Value::Unsigned(4_026_531_836)),
    ("cpu_id", Value::Signed(1)),
];

/// One event: its values by field name, and what the provider of `$app.prov:c` says.
struct Event {
    values: BTreeMap<usize, Json>,
    app: Value<'static>,
}

impl Event {
    fn new(values: &Json, app: Value<'static>) -> Self {
        let position = |name: &str| FIELDS.iter().position(|(field, _)| *field == name).unwrap();
        let values =
            values.as_object().unwrap().iter().map(|(name, value)| (position(name), value.clone())).collect();
        Self { values, app }
    }
}

fn integer(value: &Json) -> Value<'static> {
    match value.as_i64() {
        Some(value) => Value::Signed(value),
        None => Value::Unsigned(value.as_u64().unwrap()),
    }
}

impl EventLayout for Event {
    fn find_payload(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        let position = FIELDS.iter().position(|(field, _)| *field == name)?;
        self.values.contains_key(&position).then_some((position as FieldIndex, FIELDS[position].1))
    }

    fn find_context(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        let position = CONTEXTS.iter().position(|(context, _)| *context == name)?;
        let kind = if name == "procname" { FieldType::Text } else { SIGNED };
        Some((position as FieldIndex, kind))
    }

    fn find_app_context(&self, provider: &str, name: &str) -> Option<FieldIndex> {
        Some(if (provider, name) == ("prov", "c") { 0 } else { 1 })
    }
}

impl Fields for Event {
    fn payload(&self, field: FieldIndex) -> Value<'_> {
        let value = &self.values[&(field as usize)];
        match (FIELDS[field as usize], value) {
            // Its bytes are h NUL l l o in the row that shows h.
            (("ts", _), Json::String(text)) if text == "h" => Value::Text(b"h\0llo"),
            ((_, FieldType::Text), Json::Null) => Value::Text(b"(null)"),
            ((_, FieldType::Text), text) => Value::Text(text.as_str().unwrap().as_bytes()),
            ((_, FieldType::Float), number) => Value::Double(number.as_f64().unwrap()),
            (_, number) => integer(number),
        }
    }

    fn element(&self, field: FieldIndex, index: u64) -> Value<'_> {
        let value = self.values[&(field as usize)].get(index as usize).map_or(Value::None, integer);
        match (FIELDS[field as usize].1, value) {
            (
                FieldType::Array { signed: false, .. } | FieldType::Sequence { signed: false },
                Value::Signed(value),
            ) => Value::Unsigned(value as u64),
            (_, value) => value,
        }
    }

    fn context(&self, context: FieldIndex) -> Value<'_> {
        CONTEXTS[context as usize].1
    }

    fn app_context(&self, context: FieldIndex) -> Value<'_> {
        if context == 0 { self.app } else { Value::None }
    }
}

/// The value of the application context that a line names. liblttng-ust 2.13.5 drops integers of less than 64 bits.
fn app_value(line: &Json, strictness: Strictness) -> Value<'static> {
    match (line["app_ctx_type"].as_str(), strictness) {
        (Some("int64 7"), _) | (Some("int32 7"), Strictness::Rttng) => Value::Signed(7),
        (Some("uint16 7"), Strictness::Rttng) => Value::Unsigned(7),
        (Some("double 7.5"), _) => Value::Double(7.5),
        (Some("string seven"), _) => Value::Text(b"seven"),
        (None | Some("none" | "int32 7" | "uint16 7"), _) => Value::None,
        (Some(other), _) => panic!("unknown application context {other}"),
    }
}

/// All events that the program hits: its five rows, then the others by name.
fn events(app: Value<'static>) -> (Vec<Event>, Vec<(&'static str, Event)>) {
    let rows: Json = serde_json::from_str(&file("eval-rows.json")).unwrap();
    let rows = rows["rows"].as_array().unwrap().iter().map(|row| Event::new(row, app)).collect();
    let others = [
        ("other", serde_json::json!({ "x": 1 })),
        ("none", serde_json::json!({})),
        ("crit", serde_json::json!({ "row": 1 })),
        ("info", serde_json::json!({ "row": 1 })),
    ];
    (rows, others.iter().map(|(name, values)| (*name, Event::new(values, app))).collect())
}

fn recorded(
    bytecode: &Bytecode,
    app: Value<'static>,
    strictness: Strictness,
) -> (Vec<usize>, Vec<&'static str>) {
    let accepts =
        |event: &Event| link(bytecode, event, strictness).is_ok_and(|program| program.accepts(event));
    let (rows, others) = events(app);
    let rows = (0..).zip(&rows).filter(|(_, event)| accepts(event)).map(|(row, _)| row).collect();
    (rows, others.iter().filter(|(_, event)| accepts(event)).map(|(name, _)| *name).collect())
}

fn expected(line: &Json) -> (Vec<usize>, Vec<&str>) {
    let rows = line["rows"].as_array().unwrap().iter().map(|row| row.as_u64().unwrap() as usize).collect();
    (rows, line["other"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect())
}

/// Where the reference reads past the end of a sequence, and what is right.
const READS_PAST_THE_END: [(&str, &[usize]); 3] =
    [("sq[2] == 30", &[1, 4]), ("sq[3] == 0", &[]), ("uq[1] == 4294967295", &[1, 4])];

#[test]
fn as_lttng_ust_every_recorded_verdict_is_foretold() {
    let lines = lines("eval.jsonl");
    assert_eq!(lines.len(), 298);
    for line in &lines {
        let expr = line["expr"].as_str().unwrap();
        let bytecode = compile(expr).unwrap();
        let found = recorded(&bytecode, app_value(line, Strictness::LttngUst), Strictness::LttngUst);
        match READS_PAST_THE_END.iter().find(|(known, _)| *known == expr) {
            Some((_, rows)) => assert_eq!(found.0, *rows, "{expr}"),
            None => assert_eq!(found, expected(line), "{line}"),
        }
    }
}

const EVERY_ROW: &[usize] = &[0, 1, 2, 3, 4];
const ROW_IS_NOT_ZERO: &[usize] = &[1, 2, 3, 4];

/// What the reference never accepts although its meaning is plain, and the rows of `ft:ev` that it means.
const ACCEPTED_BESIDES: &[(&str, &[usize])] = &[
    ("sq[2] == 30", &[1, 4]),
    ("sq[3] == 0", &[]),
    ("uq[1] == 4294967295", &[1, 4]),
    ("ua[0] && row", &[1, 2, 4]),
    ("~ua[0] && row", ROW_IS_NOT_ZERO),
    ("row & 1 && row > 1", &[3]),
    ("row > 1 && row & 1", &[3]),
    ("row & 1 && row", &[1, 3]),
    ("row && row & 1", &[1, 3]),
    ("row == 1 || row & 2", &[1, 2, 3]),
    ("!(row & 1) && row", &[2, 4]),
    ("-1 && row", ROW_IS_NOT_ZERO),
    ("~1 && row", ROW_IS_NOT_ZERO),
    ("-(row == 1) && row", &[1]),
];

#[test]
fn rttng_accepts_besides_what_the_reference_only_forgets() {
    let mut met = 0;
    for line in &lines("eval.jsonl") {
        let expr = line["expr"].as_str().unwrap();
        let bytecode = compile(expr).unwrap();
        let found = recorded(&bytecode, app_value(line, Strictness::Rttng), Strictness::Rttng);
        if let Some((_, rows)) = ACCEPTED_BESIDES.iter().find(|(known, _)| *known == expr) {
            assert_eq!(found.0, *rows, "{expr}");
            met += 1;
        } else if expr.matches("<=").count() == 10 {
            assert_eq!(found.0, [0, 1], "{expr}");
        } else if matches!(line["app_ctx_type"].as_str(), Some("int32 7" | "uint16 7")) {
            let rows: &[usize] = match expr {
                "$app.prov:c == 7" | "$app.prov:c" | "$app.prov:c > 6" => EVERY_ROW,
                "$app.prov:c && row" => ROW_IS_NOT_ZERO,
                "row == 1 || $app.nope:c == 7" => &[1],
                _ => &[],
            };
            assert_eq!(found.0, rows, "{line}");
        } else {
            assert_eq!(found, expected(line), "{line}");
        }
    }
    assert_eq!(met, ACCEPTED_BESIDES.len());
}

/// Names, exclusions, log levels and filters together, as `lttng enable-event` was given them.
#[test]
fn rules_select_the_events_that_the_reference_recorded() {
    let (rows, others) = events(Value::None);
    for line in &lines("names.jsonl") {
        let args: Vec<&str> =
            line["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
        let (rule, mut options) = (args[0], args[1..].iter());
        let (mut level, mut exclusions, mut filter) = (LogLevelRule::Any, Vec::new(), None);
        let value = |name: &str| LogLevelDomain::UserSpace.value_in_command(name).unwrap();
        while let Some(option) = options.next() {
            match option.split_once('=').unwrap_or((option, "")) {
                ("--loglevel", name) => level = LogLevelRule::AtLeast(value(name)),
                ("--loglevel-only", name) => level = LogLevelRule::Exactly(value(name)),
                ("-x", _) => exclusions = split_exclusions(options.next().unwrap()),
                ("--filter", _) => filter = Some(compile(options.next().unwrap()).unwrap()),
                other => panic!("{other:?} in {line}"),
            }
        }
        let judged = check_exclusions(rule, &exclusions);
        assert_eq!(judged.is_err(), line["exit_status"] == 1, "{line}");
        let Ok(useless) = judged else { continue };
        assert_eq!(useless.is_empty(), line["warning"].is_null(), "{line}");

        let rule = pattern::collapse_stars(rule.as_bytes());
        let exclusions: Vec<_> =
            exclusions.iter().map(|entry| pattern::collapse_stars(entry.as_bytes())).collect();
        let selects = |name: &str, event_level, event: &Event| {
            rule_selects(&rule, &exclusions, format!("ft:{name}").as_bytes())
                && level.selects(LogLevelDomain::UserSpace, event_level)
                && filter.as_ref().is_none_or(|filter| {
                    link(filter, event, Strictness::Rttng).is_ok_and(|program| program.accepts(event))
                })
        };
        let ev = rows.iter().any(|row| selects("ev", 13, row));
        let level_of = |name: &str| match name {
            "crit" => 2,
            "info" => 6,
            _ => 13,
        };
        let found: Vec<_> = others
            .iter()
            .filter(|(name, event)| selects(name, level_of(name), event))
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(
            (Json::from(ev), Json::from(found)),
            (line["ev"].clone(), line["other"].clone()),
            "{line}"
        );
    }
}
