//! A filter's verdicts on events as they lie, against those on the same values as they were before they were written.

#[allow(dead_code)] // What other tests need.
mod any_trace;

use any_trace::{AnyEvent, any_event, json, write};
use proptest::prelude::*;
use rttng_filter::{EventLayout, FieldIndex, FieldType, Fields, Strictness, Value, compile, link};
use rttng_view::json::JsonPrinter;
use rttng_view::select::Selection;

/// An event, and the number of its packet.
struct Written<'e>(&'e AnyEvent, usize);

const SIGNED: FieldType = FieldType::Integer { signed: true };
const UNSIGNED: FieldType = FieldType::Integer { signed: false };

/// Of all kinds: before, behind and within what has no fixed size.
const FIELDS: [(&str, FieldType); 20] = [
    ("u8", UNSIGNED),
    ("u16", UNSIGNED),
    ("u32", UNSIGNED),
    ("u64", UNSIGNED),
    ("i8", SIGNED),
    ("i16", SIGNED),
    ("i32", SIGNED),
    ("i64", SIGNED),
    ("three", SIGNED),
    ("five", UNSIGNED),
    ("f", FieldType::Float),
    ("d", FieldType::Float),
    ("text", FieldType::Text),
    ("state", UNSIGNED),
    ("wide", SIGNED),
    ("fixed", FieldType::Sequence { signed: false }),
    ("name", FieldType::Text),
    ("count", UNSIGNED),
    ("list", FieldType::Sequence { signed: true }),
    ("TEXT", UNSIGNED),
];

const CONTEXTS: [(&str, FieldType); 5] = [
    ("vpid", SIGNED),
    ("vtid", SIGNED),
    ("procname", FieldType::Text),
    ("ip", UNSIGNED),
    ("cpu_id", UNSIGNED),
];

fn find(list: &[(&str, FieldType)], name: &str) -> Option<(FieldIndex, FieldType)> {
    let at = list.iter().position(|(known, _)| *known == name)?;
    Some((at as FieldIndex, list[at].1))
}

impl EventLayout for Written<'_> {
    fn find_payload(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        find(&FIELDS, name).filter(|_| !self.0.is_bare)
    }

    fn find_context(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        find(&CONTEXTS, name)
    }

    fn find_app_context(&self, _: &str, _: &str) -> Option<FieldIndex> {
        None
    }
}

impl Fields for Written<'_> {
    fn payload(&self, field: FieldIndex) -> Value<'_> {
        let event = self.0;
        let (unsigned, signed, bits) = event.numbers;
        match FIELDS[field as usize].0 {
            "u8" => Value::Unsigned((unsigned as u8).into()),
            "u16" => Value::Unsigned((unsigned as u16).into()),
            "u32" => Value::Unsigned((unsigned as u32).into()),
            "u64" => Value::Unsigned(unsigned),
            "i8" => Value::Signed((signed as i8).into()),
            "i16" => Value::Signed((signed as i16).into()),
            "i32" => Value::Signed((signed as i32).into()),
            "i64" => Value::Signed(signed),
            "three" => Value::Signed(((bits << 5) as i8 >> 5).into()),
            "five" => Value::Unsigned((bits >> 3).into()),
            "f" => Value::Double(event.floats.0.into()),
            "d" => Value::Double(event.floats.1),
            "text" => Value::Text(&event.texts.0),
            "state" => Value::Unsigned(event.states.0.into()),
            "wide" => Value::Signed(event.states.1),
            "name" => Value::Text(&event.fixed.1),
            "count" => Value::Unsigned(event.list.len() as u64),
            "TEXT" => Value::Unsigned(7),
            other => panic!("{other}"),
        }
    }

    fn element(&self, field: FieldIndex, index: u64) -> Value<'_> {
        let event = self.0;
        match FIELDS[field as usize].0 {
            "fixed" => event
                .fixed
                .0
                .get(index as usize)
                .map_or(Value::None, |value| Value::Unsigned((*value).into())),
            _ => event.list.get(index as usize).map_or(Value::None, |value| Value::Signed(*value)),
        }
    }

    fn context(&self, context: FieldIndex) -> Value<'_> {
        let event = self.0;
        match CONTEXTS[context as usize].0 {
            "vpid" => Value::Signed(event.ids.0.into()),
            "vtid" => Value::Signed(event.ids.1.into()),
            "procname" => Value::Text(&event.name),
            "ip" => Value::Unsigned(event.numbers.0),
            _ => Value::Unsigned(self.1 as u64 % 2),
        }
    }

    fn app_context(&self, _: FieldIndex) -> Value<'_> {
        Value::None
    }
}

fn any_comparison() -> impl Strategy<Value = String> {
    let relation = || prop::sample::select(vec!["==", "!=", "<", ">", "<=", ">="]);
    let names = |list: &[(&'static str, FieldType)], prefix: &str, is: fn(&FieldType) -> bool| {
        let names = list.iter().filter(|(_, kind)| is(kind)).map(|(name, _)| format!("{prefix}{name}"));
        names.collect::<Vec<String>>()
    };
    let is_integer: fn(&FieldType) -> bool = |kind| matches!(kind, FieldType::Integer { .. });
    let is_text: fn(&FieldType) -> bool = |kind| matches!(kind, FieldType::Text);
    let mut integers = names(&FIELDS, "", is_integer);
    integers.extend(names(&CONTEXTS, "$ctx.", is_integer));
    integers.extend(["fixed[0]", "fixed[2]", "list[0]", "list[3]"].map(str::to_owned));
    let mut texts = names(&FIELDS, "", is_text);
    texts.extend(names(&CONTEXTS, "$ctx.", is_text));
    let integer = || prop::sample::select(integers.clone());
    let number = prop_oneof![-2i64..4, Just(200), any::<i64>()];
    prop_oneof![
        4 => (integer(), relation(), number).prop_map(|(name, relation, number)| format!("{name} {relation} {number}")),
        2 => (integer(), prop::sample::select(vec![1u64, 3, 7, 255]), relation(), 0u64..4)
            .prop_map(|(name, mask, relation, number)| format!("({name} & {mask}) {relation} {number}")),
        1 => (prop::sample::select(vec!["f", "d"]), relation(), prop::sample::select(vec!["0.0", "1.5", "-2.5e10"]))
            .prop_map(|(name, relation, number)| format!("{name} {relation} {number}")),
        2 => (prop::sample::select(texts), prop::sample::select(vec!["==", "!="]), "[a-zA-Z]{0,1}\\*?")
            .prop_map(|(name, relation, text)| format!("{name} {relation} \"{text}\"")),
    ]
}

fn any_filter() -> impl Strategy<Value = String> {
    any_comparison().prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) && ({right})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left}) || ({right})")),
            inner.prop_map(|inner| format!("!({inner})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn verdicts_are_those_on_the_values(
        events in prop::collection::vec(any_event(), 1..12),
        filters in prop::collection::vec(any_filter(), 4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &events);
        let all = json(folder.path());
        for text in filters {
            let filter = compile(&text).unwrap();
            let verdicts: Vec<Option<bool>> = (0..).zip(&events).map(|(number, event)| {
                let event = Written(event, number / 3);
                Some(link(&filter, &event, Strictness::Rttng).ok()?.evaluate(&event).unwrap_or(false))
            }).collect();
            let wanted: Vec<_> = all.iter().zip(&verdicts).filter(|(_, verdict)| **verdict == Some(true)).collect();
            // With a limit, events are judged one by one; without, before they are put in order.
            for limit in [None, Some(u64::MAX)] {
                let selection = || Selection { filter: Some(filter.clone()), limit, ..Selection::default() };
                let mut output = Vec::new();
                any_trace::print(folder.path(), selection(), |reader| JsonPrinter::new(reader, &mut output));
                let shown = String::from_utf8(output).unwrap();
                prop_assert_eq!(shown.lines().count(), wanted.len(), "{}", text);
                for (line, (event, _)) in shown.lines().zip(&wanted) {
                    prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(line).unwrap(), *event, "{}", text);
                }
            }
        }
    }
}
