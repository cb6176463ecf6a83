//! Values by name and by path are those that a visitor is shown: on captured traces, and on traces of any types.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rttng_ctf::Scope;
use rttng_ctf::decode::{EventBytes, Layout, NodeId, NodeKind, Visit};
use rttng_ctf::read::{Event, FieldPath, FieldValue, Message, Options, Reader, Sieve};
use rttng_tests::any_trace::any_trace;

/// A value without others in it, or how many things are in one.
#[derive(Debug, Clone, PartialEq)]
enum Leaf {
    Unsigned(u64),
    Signed(i64),
    /// Its bits: what is no number equals nothing.
    Float(u64),
    Text(Vec<u8>),
    Boolean(bool),
    Bits(u64),
    Blob(Vec<u8>),
    Absent,
    Elements(usize),
    Fields(usize),
}

/// What stands at each path of an event, in the order of the metadata.
type Values = Vec<(String, Leaf)>;

/// Notes what it is shown, each value with its path.
struct Notes<'l> {
    layouts: [Option<&'l Layout>; Scope::ALL.len()],
    scope: Scope,
    /// What has begun and not ended: its node, its place in the list, its path.
    around: Vec<(NodeId, Option<usize>, String)>,
    element: Option<u64>,
    values: Values,
}

impl<'l> Notes<'l> {
    fn of(event: &Event<'l>) -> Notes<'l> {
        let (stream, class) = (event.stream_class_number(), event.class_number());
        let layouts = Scope::ALL.map(|scope| event.trace().layout(stream, class, scope));
        Notes { layouts, scope: Scope::PacketHeader, around: Vec::new(), element: None, values: Vec::new() }
    }

    fn node(&self, node: NodeId) -> &'l rttng_ctf::decode::Node {
        &self.layouts[self.scope as usize].expect("a layout").nodes()[node as usize]
    }

    fn path(&mut self, node: NodeId) -> String {
        let own = self.node(node);
        let Some((group, _, around)) = self.around.last() else { return self.scope.path().to_owned() };
        match (&self.node(*group).kind, self.element.take()) {
            (NodeKind::Array, Some(index)) => format!("{around}[{index}]"),
            // An optional field has no name of its own in paths.
            (NodeKind::Optional, _) => around.clone(),
            _ => format!("{around}.{}", own.name),
        }
    }

    fn value(&mut self, node: NodeId, leaf: Leaf) {
        let path = self.path(node);
        self.count();
        self.is_there(&path);
        self.values.push((path, leaf));
    }

    /// An optional field is told by what is in it.
    fn is_there(&mut self, path: &str) {
        self.values.retain(|(other, leaf)| *leaf != Leaf::Absent || other != path);
    }

    /// One thing more in what has begun last.
    fn count(&mut self) {
        if let Some((_, Some(at), _)) = self.around.last()
            && let (_, Leaf::Fields(count) | Leaf::Elements(count)) = &mut self.values[*at]
        {
            *count += 1;
        }
    }
}

impl Visit for Notes<'_> {
    fn scope(&mut self, scope: Scope) {
        self.scope = scope;
    }
    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.value(node, Leaf::Unsigned(value));
    }
    fn signed(&mut self, node: NodeId, value: i64) {
        self.value(node, Leaf::Signed(value));
    }
    fn float(&mut self, node: NodeId, value: f64) {
        self.value(node, Leaf::Float(value.to_bits()));
    }
    fn text(&mut self, node: NodeId, text: &[u8]) {
        self.value(node, Leaf::Text(text.to_vec()));
    }
    fn boolean(&mut self, node: NodeId, value: bool) {
        self.value(node, Leaf::Boolean(value));
    }
    fn bits(&mut self, node: NodeId, value: u64) {
        self.value(node, Leaf::Bits(value));
    }
    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        self.value(node, Leaf::Blob(bytes.to_vec()));
    }
    fn begin(&mut self, node: NodeId) {
        let leaf = match self.node(node).kind {
            NodeKind::Array => Some(Leaf::Elements(0)),
            NodeKind::Structure => Some(Leaf::Fields(0)),
            NodeKind::Optional => Some(Leaf::Absent),
            _ => None,
        };
        let counted = matches!(leaf, Some(Leaf::Elements(_) | Leaf::Fields(_)));
        let path = match leaf {
            Some(leaf) => {
                self.value(node, leaf);
                self.values[self.values.len() - 1].0.clone()
            }
            None => {
                // A variant counts as one thing of what it is in.
                let path = self.path(node);
                self.count();
                self.is_there(&path);
                path
            }
        };
        self.around.push((node, counted.then(|| self.values.len() - 1), path));
    }
    fn end(&mut self, _: NodeId) {
        self.around.pop();
    }
    fn element(&mut self, _: NodeId, index: u64) {
        self.element = Some(index);
    }
}

fn leaf_of(value: FieldValue<'_>) -> Leaf {
    match value {
        FieldValue::Unsigned(value) => Leaf::Unsigned(value),
        FieldValue::Signed(value) => Leaf::Signed(value),
        FieldValue::Float(value) => Leaf::Float(value.to_bits()),
        FieldValue::Text(text) => Leaf::Text(text.to_vec()),
        FieldValue::Boolean(value) => Leaf::Boolean(value),
        FieldValue::Bits(bits) => Leaf::Bits(bits.value()),
        FieldValue::Blob(bytes) => Leaf::Blob(bytes.to_vec()),
        FieldValue::Array(array) => Leaf::Elements(array.len()),
        FieldValue::Structure(structure) => Leaf::Fields(structure.len()),
        FieldValue::Optional(_) => value.inner().map_or(Leaf::Absent, leaf_of),
        FieldValue::Variant(_) => leaf_of(value.inner().expect("an option")),
        FieldValue::Enumeration(_) => unreachable!("compared by number"),
        other => panic!("unknown: {other:?}"),
    }
}

/// Whether a value is what was noted.
fn is_it(value: Option<FieldValue<'_>>, noted: &Leaf) -> bool {
    match (value.and_then(FieldValue::inner), noted) {
        (None, Leaf::Absent) => true,
        (Some(FieldValue::Enumeration(label)), Leaf::Unsigned(value)) => label.value() == i128::from(*value),
        (Some(FieldValue::Enumeration(label)), Leaf::Signed(value)) => label.value() == i128::from(*value),
        (Some(value), noted) => leaf_of(value) == *noted,
        (None, _) => false,
    }
}

fn is_variant(value: FieldValue<'_>) -> bool {
    match value {
        FieldValue::Optional(optional) => optional.value().is_some_and(is_variant),
        other => matches!(other, FieldValue::Variant(_)),
    }
}

/// All that is in a value, as noted.
fn walk(path: &str, value: FieldValue<'_>, into: &mut Vec<String>) {
    match value {
        FieldValue::Structure(structure) => {
            into.push(path.to_owned());
            structure.fields().for_each(|(name, value)| walk(&format!("{path}.{name}"), value, into));
        }
        FieldValue::Array(array) => {
            into.push(path.to_owned());
            array.iter().enumerate().for_each(|(at, value)| walk(&format!("{path}[{at}]"), value, into));
        }
        FieldValue::Variant(variant) => walk(&format!("{path}.{}", variant.option()), variant.value(), into),
        FieldValue::Optional(optional) => match optional.value() {
            Some(value) => walk(path, value, into),
            None => into.push(path.to_owned()),
        },
        _ => into.push(path.to_owned()),
    }
}

fn noted(event: &mut Event<'_>) -> Values {
    let mut notes = Notes::of(event);
    event.show_packet_context(&mut notes).expect("the context of its packet");
    event.show(&mut notes).expect("its values");
    notes.values
}

/// Compares all values of all events of a trace. Gives how many there were.
fn agree(folder: &Path) -> usize {
    let open = || Reader::open(&[folder.to_owned()], &Options::default()).expect("a trace");
    let mut paths = BTreeSet::new();
    let mut reader = open();
    while let Ok(Some(message)) = reader.next() {
        if let Message::Event(mut event) = message {
            // Each way to a field; a scope's own structure has none.
            paths.extend(noted(&mut event).into_iter().map(|(path, _)| path).filter(|path| !is_scope(path)));
        }
    }
    let mut reader = open();
    let paths: BTreeMap<String, FieldPath> = paths
        .into_iter()
        .filter(|path| !path.ends_with('.') && !path.contains(".["))
        .map(|path| {
            let resolved = reader.path(&path).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            (path, resolved)
        })
        .collect();
    let mut compared = 0;
    while let Ok(Some(message)) = reader.next() {
        let Message::Event(mut event) = message else { continue };
        let noted = noted(&mut event);
        let mut walked = Vec::new();
        for scope in
            Scope::ALL.into_iter().filter(|scope| !matches!(scope, Scope::PacketHeader | Scope::EventHeader))
        {
            if let Some(structure) = event.structure(scope).expect("readable") {
                walk(scope.path(), FieldValue::Structure(structure), &mut walked);
            }
        }
        let both = noted.iter().map(|(path, _)| path).zip(&walked);
        let apart = both.clone().find(|(noted, walked)| noted != walked);
        assert!(apart.is_none() && noted.len() == walked.len(), "{}: {apart:?}", folder.display());
        let noted: BTreeMap<&str, &Leaf> = noted.iter().map(|(path, leaf)| (path.as_str(), leaf)).collect();
        for (path, resolved) in &paths {
            let value = event.at(resolved);
            match noted.get(path.as_str()) {
                Some(leaf) => {
                    assert!(is_it(value, leaf), "{path} of {}: {value:?}, not {leaf:?}", event.class().name)
                }
                // What is around what was noted: a variant, by its own name.
                None if value.is_some_and(is_variant) => {}
                None => assert!(value.is_none(), "{path} of {}: {value:?}", event.class().name),
            }
            compared += 1;
        }
    }
    compared
}

fn is_scope(path: &str) -> bool {
    Scope::ALL.iter().any(|scope| scope.path() == path)
}

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

#[test]
fn values_of_captured_traces_are_the_same_by_path() {
    let names =
        ["per-uid", "per-pid", "contexts", "ust-all", "python", "dynctx", "synthetic-kernel", "discarded"];
    for name in names {
        assert!(agree(&vectors().join("trace").join(name).join("trace")) > 0, "{name}");
    }
    for name in ["every-class", "from-lttng", "nested-roles"] {
        assert!(agree(&vectors().join("ctf2").join(name)) > 0, "{name}");
    }
}

#[test]
fn values_of_any_trace_are_the_same_by_path() {
    let mut compared = 0;
    for seed in 0..60 {
        let folder = tempfile::tempdir().expect("a folder");
        any_trace(seed, folder.path());
        compared += agree(folder.path());
    }
    assert!(compared > 10_000, "{compared}");
}

/// Lets events of even numbers pass.
#[derive(Debug)]
struct Even;

impl Sieve for Even {
    fn keeps(&self, class: usize, _: EventBytes<'_>) -> bool {
        class.is_multiple_of(2)
    }
}

#[test]
fn headers_can_be_looked_at() {
    for (name, sifts) in [("per-uid", false), ("per-uid", true), ("synthetic-kernel", false)] {
        let folder = vectors().join("trace").join(name).join("trace");
        let mut reader = Reader::open(&[folder], &Options::default()).expect("a trace");
        if sifts {
            reader.sift(|_, _| Arc::new(Even));
        }
        let id = reader.path("stream.event.header.id").expect("LTTng's events have ids");
        let magic = reader.path("trace.packet.header.magic").expect("LTTng's packets have a magic number");
        let mut compared = 0;
        while let Some(message) = reader.next().expect("whole") {
            let Message::Event(event) = message else { continue };
            let long = event
                .structure(Scope::EventHeader)
                .expect("readable")
                .and_then(|header| header.field("v")?.field("id")?.as_u64());
            assert_eq!(long.or(event.get::<u64>(&id)), Some(event.class().id));
            assert_eq!(event.get::<u32>(&magic), Some(0xC1FC_1FC1));
            compared += 1;
        }
        assert!(compared > 0, "{name}");
    }
}

#[test]
fn a_path_of_another_reader_is_looked_for_by_name() {
    for name in ["per-uid", "contexts"] {
        let folder = vectors().join("trace").join(name).join("trace");
        let open = || Reader::open(std::slice::from_ref(&folder), &Options::default()).expect("a trace");
        let mut reader = open();
        for path in ["arr[1]", "stream.event.context.vtid", "c", "stxt", "f64", "event.fields.txt"] {
            let (Ok(own), Ok(other)) = (reader.path(path), open().path(path)) else { continue };
            let mut forked = reader.fork();
            while let Some(message) = forked.next().expect("whole") {
                let Message::Event(event) = message else { continue };
                assert_eq!(format!("{:?}", event.at(&own)), format!("{:?}", event.at(&other)));
            }
        }
        assert!(reader.next().is_ok());
    }
}

#[test]
fn a_field_is_taken_as_the_type_that_it_has() {
    let folder = vectors().join("trace/per-uid/trace");
    let mut reader = Reader::open(&[folder], &Options::default()).expect("a trace");
    let [minus, most, single, message, colour] =
        ["i64", "u64", "f32", "msg", "c"].map(|path| reader.path(path).expect("it is there"));
    let mut seen = BTreeSet::new();
    while let Some(message_of_trace) = reader.next().expect("whole") {
        let Message::Event(event) = message_of_trace else { continue };
        match event.class().name.as_str() {
            name if !seen.insert(name.to_owned()) => {}
            "rich:ints" => {
                assert_eq!(event.get::<i64>(&minus), Some(-1));
                assert_eq!(event.get::<i8>(&minus), Some(-1));
                assert_eq!(event.get::<u64>(&minus), None);
                assert_eq!(event.get::<u64>(&most), Some(u64::MAX));
                assert_eq!(event.get::<u32>(&most), None);
                assert_eq!(event.get::<i128>(&most), Some(u64::MAX.into()));
                assert_eq!(event.get::<f64>(&single), Some(-0.5));
                assert_eq!(event.get::<&str>(&minus), None);
                assert_eq!(event.get::<&str>(&message), None);
            }
            "rich:enums" => {
                assert_eq!(event.get::<u8>(&colour), Some(0));
                let Some(FieldValue::Enumeration(label)) = event.field("c") else { panic!("{event:?}") };
                assert_eq!(label.labels().collect::<Vec<_>>(), ["RED"]);
            }
            "lttng_ust_tracef:event" => {
                assert_eq!(event.get::<&str>(&message), Some("tracef 0"));
                assert_eq!(event.get::<&[u8]>(&message), Some(b"tracef 0".as_slice()));
            }
            _ => {}
        }
    }
    assert!(seen.len() >= 5, "{seen:?}");
}
