//! The text against what the real session daemon wrote, and how it grows.

use super::super::Context;
use super::*;
use crate::types::{Base, ByteOrder, Encoding, Enumeration, FieldRef, Float, Integer, Mapping, Type};

const ABI: Abi = Abi::X86_64;

fn info() -> TraceInfo {
    TraceInfo {
        uuid: "e45cf9a6-d10c-4228-a14b-4bda44550ca4".parse().unwrap(),
        abi: ABI,
        tracer: TracerVersion { major: 2, minor: 13, patchlevel: 5 },
        buffering: Buffering::PerUser { uid: 0 },
        session_name: "per-uid".to_owned(),
        session_created: "20261122T190959+0000".to_owned(),
        hostname: "tracehost".to_owned(),
        clock: Clock::monotonic(
            "f655068c-c7ff-4d20-925d-2fab7eb447c9".parse().ok(),
            1_795_372_999_259_704_699,
        ),
    }
}

fn sequence(name: &str, length: Integer, element: Integer) -> [Field; 2] {
    let length_name = format!("_{name}_length");
    [
        Field::recorded(&length_name, length),
        Field::recorded(name, Type::sequence(element, FieldRef::recorded(&length_name))),
    ]
}

fn rich_events() -> Vec<EventClass> {
    let big = |size| Integer::unsigned(size, 8, ByteOrder::Big);
    let text = ABI.signed(8).with_encoding(Encoding::Utf8);
    let tracef = sequence("msg", ABI.unsigned(32), text.clone()).to_vec();
    let ints = vec![
        Field::recorded("i8", ABI.signed(8)),
        Field::recorded("u8", ABI.unsigned(8)),
        Field::recorded("i16", ABI.signed(16)),
        Field::recorded("u16", ABI.unsigned(16)),
        Field::recorded("i32", ABI.signed(32)),
        Field::recorded("u32", ABI.unsigned(32)),
        Field::recorded("i64", ABI.signed(64)),
        Field::recorded("u64", ABI.unsigned(64)),
        Field::recorded("x32", ABI.unsigned(32).with_base(Base::Hexadecimal)),
        Field::recorded("n16", big(16)),
        Field::recorded("nx32", big(32).with_base(Base::Hexadecimal)),
        Field::recorded("lg", ABI.signed(64)),
        Field::recorded("ch", ABI.signed(8)),
        Field::recorded("bl", ABI.unsigned(8)),
        Field::recorded("f32", Float::single(8, ABI.byte_order)),
        Field::recorded("f64", Float::double(8, ABI.byte_order)),
    ];
    let mut arrays = vec![
        Field::recorded("arr", Type::array(ABI.signed(32), 3)),
        Field::recorded("arrx", Type::array(ABI.unsigned(8).with_base(Base::Hexadecimal), 4)),
        Field::recorded("txt", Type::array(text.clone(), 4)),
        Field::recorded("narr", Type::array(big(16), 2)),
    ];
    arrays.extend(sequence("seq", ABI.unsigned(8), ABI.signed(32)));
    arrays.extend(sequence("seqx", ABI.unsigned(32), ABI.unsigned(16).with_base(Base::Hexadecimal)));
    arrays.extend(sequence("stxt", ABI.unsigned(64), text));
    arrays.extend(sequence("nseq", ABI.unsigned(16), big(32)));
    arrays.push(Field::recorded("str", Type::String(Encoding::Utf8)));
    let color = Enumeration {
        container: ABI.signed(32),
        mappings: vec![
            Mapping::value("RED", 0),
            Mapping::value("a \"quoted\\ label", 1),
            Mapping::range("RANGE", 5, 9),
            Mapping::automatic("AUTO10"),
            Mapping::value("NEG", -3),
        ],
    };
    let auto = Enumeration {
        container: ABI.unsigned(8),
        mappings: vec![
            Mapping::automatic("A0"),
            Mapping::automatic("A1"),
            Mapping::value("A7", 7),
            Mapping::automatic("A8"),
        ],
    };
    let blob = vec![Field::recorded("i", ABI.signed(32)), Field::recorded("s", Type::String(Encoding::Utf8))];
    let uri = Some("http://example.org/model?x=1".to_owned());
    vec![
        EventClass::user_space(0, "lttng_ust_tracef:event", 14, None, tracef),
        EventClass::user_space(1, "rich:ints", 13, None, ints),
        EventClass::user_space(2, "rich:arrays", 13, None, arrays),
        EventClass::user_space(
            3,
            "rich:enums",
            4,
            uri,
            vec![Field::recorded("c", color), Field::recorded("ae", auto)],
        ),
        EventClass::user_space(4, "rich:blob", 13, None, blob),
        EventClass::user_space(5, "rich:empty", 13, None, vec![]),
    ]
}

/// `per-uid` of tests/vectors/trace/README.md, as the 2.13.9 session daemon wrote it.
#[test]
fn a_trace_per_user_is_written_as_the_real_daemon_does() {
    let mut log = MetadataLog::new(info());
    log.declare_stream(0, &[]).unwrap();
    for event in rich_events() {
        log.declare_event(0, &event).unwrap();
    }
    assert_eq!(log.text(), include_str!("../../../../../tests/vectors/trace/per-uid/metadata.txt"));
}

/// `contexts` and `dynctx` of tests/vectors/trace/README.md: the block of each stream.
#[test]
fn contexts_are_declared_as_the_real_daemon_does() {
    use Context::*;
    let all = [
        Vpid, Vtid, Procname, PthreadId, Ip, CgroupNs, IpcNs, MntNs, NetNs, PidNs, TimeNs, UserNs, UtsNs,
        Vuid, Veuid, Vsuid, Vgid, Vegid, Vsgid,
    ];
    let app = App { provider: "myprov".to_owned(), name: "myctx".to_owned() };
    for (contexts, vector) in [
        (&all[..], include_str!("../../../../../tests/vectors/trace/contexts/metadata.txt")),
        (&[app], include_str!("../../../../../tests/vectors/trace/dynctx/metadata.txt")),
    ] {
        let mut log = MetadataLog::new(info());
        let start = log.text().len();
        let fields: Vec<Field> = contexts.iter().flat_map(|context| context.fields(&ABI)).collect();
        log.declare_stream(0, &fields).unwrap();
        let block = &log.text()[start..];
        assert!(vector.contains(block), "not in the vector:\n{block}");
    }
}

#[test]
fn a_perf_counter_is_named_after_itself() {
    let fields = Context::PerfThread("task-clock".to_owned()).fields(&ABI);
    assert_eq!(fields[0].name, "_perf_thread_task_clock");
}

#[test]
fn consumers_get_what_is_new() {
    let mut log = MetadataLog::new(info());
    let first = log.since(MetadataCursor::default()).unwrap();
    assert_eq!((first.version, first.offset, first.text), (0, 0, log.text()));
    let has = first.end();
    assert_eq!(log.since(has), None);
    log.declare_stream(3, &[]).unwrap();
    let second = log.since(has).unwrap();
    assert_eq!(second.offset, has.offset);
    assert!(second.text.starts_with("stream {\n\tid = 3;\n"));
}

#[test]
fn regeneration_puts_each_channel_before_its_events() {
    let mut log = MetadataLog::new(info());
    let event = |id| EventClass::user_space(id, format!("p:e{id}"), 13, None, vec![]);
    log.declare_event(1, &event(0)).unwrap();
    log.declare_stream(0, &[]).unwrap();
    log.declare_event(1, &event(1)).unwrap();
    log.declare_stream(1, &[]).unwrap();
    log.declare_event(0, &event(0)).unwrap();
    let before = log.since(MetadataCursor::default()).unwrap().end();

    log.regenerate(5);

    let mut fresh = MetadataLog::new(TraceInfo { clock: Clock { offset: 5, ..info().clock }, ..info() });
    fresh.declare_stream(0, &[]).unwrap();
    fresh.declare_event(0, &event(0)).unwrap();
    fresh.declare_stream(1, &[]).unwrap();
    fresh.declare_event(1, &event(0)).unwrap();
    fresh.declare_event(1, &event(1)).unwrap();
    assert_eq!(log.text(), fresh.text());
    let update = log.since(before).unwrap();
    assert_eq!((update.version, update.offset), (1, 0));
    assert_eq!(log.declare_stream(1, &[]), Err(DeclareError::DuplicateStream(1)));
}

#[test]
fn a_refused_event_leaves_no_trace_in_the_text() {
    let mut log = MetadataLog::new(info());
    let text = log.text().to_owned();
    let bad = Float { mantissa_bits: 0, ..Float::double(8, ABI.byte_order) };
    let event = EventClass::user_space(0, "p:e", 13, None, vec![Field::recorded("ld", bad)]);
    assert!(log.declare_event(0, &event).is_err());
    assert_eq!(log.text(), text);
    let good = EventClass::user_space(0, "p:e", 13, None, vec![]);
    assert_eq!(log.declare_event(0, &good), Ok(()));
    assert!(matches!(log.declare_event(0, &good), Err(DeclareError::DuplicateEvent { .. })));
}

#[test]
fn a_channel_with_application_contexts_has_an_event_at_the_end() {
    let contexts = Context::App { provider: "p".to_owned(), name: "c".to_owned() }.fields(&ABI);
    let event = EventClass::user_space(0, "p:e", 13, None, vec![]);
    let mut log = MetadataLog::new(info());
    log.declare_event(0, &event).unwrap();
    log.declare_stream(0, &contexts).unwrap();
    log.declare_stream(1, &Context::Vtid.fields(&ABI)).unwrap();
    log.declare_stream(2, &contexts).unwrap();
    log.declare_event(2, &event).unwrap();
    let before = log.text().len();
    log.declare_placeholders();
    assert_eq!(log.text().len(), before, "these channels have events or need none");
    log.declare_stream(3, &contexts).unwrap();
    log.declare_placeholders();
    log.declare_placeholders();
    let block = "event {\n\tname = \"rttng:no_event\";\n\tid = 4294967295;\n\tstream_id = 3;\n\tfields := struct {\n\t};\n};\n\n";
    assert!(log.text().ends_with(block));
    assert_eq!(log.text().matches("no_event").count(), 1);
}

#[test]
fn the_session_name_is_escaped() {
    let log = MetadataLog::new(TraceInfo { session_name: "a\"b\\c\nd".to_owned(), ..info() });
    assert!(log.text().contains("\ttrace_name = \"a\\\"b\\\\c\\nd\";\n"));
}

/// A machine whose time is set only later: babeltrace2 refuses a negative `offset`, and takes a negative `offset_s`.
#[test]
fn a_clock_before_the_epoch_is_written_in_whole_seconds() {
    let log = MetadataLog::new(TraceInfo { clock: Clock::monotonic(None, -5), ..info() });
    assert!(log.text().contains("\toffset_s = -1;\n\toffset = 999999995;\n"));
    let clock = crate::tsdl::parse(log.text()).unwrap().trace.clocks[0].clone();
    assert_eq!(clock.nanoseconds(7), 2);
}
