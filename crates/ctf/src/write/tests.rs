//! What the writer refuses.

use super::*;
use crate::class::{EventClass, StreamClass, TraceClass};
use crate::types::{ByteOrder, Field, FieldRef, Integer, Structure, Type};

fn class() -> TraceClass {
    let byte = || Integer::unsigned(8, 8, ByteOrder::Little);
    let fields = vec![Field::new("n", byte()), Field::new("list", Type::sequence(byte(), FieldRef::to("n")))];
    let event = EventClass {
        id: 0,
        name: "list".to_owned(),
        log_level: None,
        emf_uri: None,
        context: None,
        fields: Some(Structure::of(fields)),
    };
    let stream = StreamClass { events: vec![event], ..StreamClass::default() };
    TraceClass { streams: vec![stream], ..TraceClass::new(ByteOrder::Little) }
}

fn values(length: u64, list: &[u64]) -> EventValues {
    let list = list.iter().map(|number| Value::Unsigned(*number)).collect();
    let fields = Value::Fields(vec![Value::Unsigned(length), Value::Elements(list)]);
    EventValues { fields: Some(fields), ..EventValues::default() }
}

#[test]
fn values_that_contradict_each_other_are_refused_and_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let writer = TraceWriter::create(folder.path(), &class()).unwrap();
    let mut stream = writer.stream(0, "stream", 0);
    assert!(matches!(stream.event(0, 0, &values(0, &[])), Err(WriteError::Order(_))));
    stream.begin_packet(PacketHead::default(), &[]).unwrap();
    stream.event(0, 0, &values(2, &[7, 8])).unwrap();
    for (length, list) in [(3, &[7, 8][..]), (1, &[7, 8]), (0, &[7])] {
        let error = stream.event(0, 0, &values(length, list)).unwrap_err();
        assert!(error.to_string().starts_with("event \"list\": a length"), "{error}");
    }
    let error = stream.event(0, 0, &values(1, &[256])).unwrap_err();
    assert_eq!(error.to_string(), "event \"list\": list.[0]: 256 does not fit into 8 bits");
    assert!(stream.event(0, 0, &EventValues::default()).is_err());
    stream.end_packet(0).unwrap();
    stream.finish().unwrap();
    writer.finish().unwrap();
    let data = std::fs::read(folder.path().join("stream")).unwrap();
    // Two sizes, then the event.
    assert_eq!(data[16..19], [2, 7, 8]);
    assert_eq!(data[..8], (19u64 * 8).to_le_bytes());
}

#[test]
fn an_output_that_takes_nothing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let writer = TraceWriter::create(folder.path(), &class()).unwrap();
    std::fs::create_dir(folder.path().join("stream")).unwrap();
    let mut stream = writer.stream(0, "stream", 0);
    stream.begin_packet(PacketHead::default(), &[]).unwrap();
    let error = stream.finish().unwrap_err().to_string();
    assert!(error.contains("cannot write") && error.contains("stream"), "{error}");
}
