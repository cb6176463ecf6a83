//! Reading and writing against the real metadata of `tests/vectors`, against a public collection, and at random.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::class::{Clock, EnvValue, EventClass, StreamClass, TraceClass, Uuid};
use crate::types::*;
use crate::ust::{Abi, Buffering, MetadataLog, TraceInfo, TracerVersion};

/// Every `metadata` file of CTF 1.8 below `tests/vectors`, packets or text.
fn vectors() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("vectors/ctf2") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap().to_str().unwrap().contains("metadata")
                && path.extension().is_none_or(|extension| extension == "txt")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 20, "the vectors are gone: {found:?}");
    found
}

fn integer(environment: &crate::Environment, key: &str) -> u32 {
    environment.integer(key).unwrap_or_else(|| panic!("env lacks {key}")) as u32
}

/// What the session daemon knew when it started that text.
fn info_of(trace: &TraceClass, text: &str) -> TraceInfo {
    let env = &trace.environment;
    let string = |key| env.text(key).unwrap_or_else(|| panic!("env lacks {key}")).to_owned();
    let id = integer(env, "tracer_buffering_id");
    let buffering = match env.text("tracer_buffering_scheme") {
        Some("uid") => Buffering::PerUser { uid: id },
        _ => Buffering::PerProcess {
            pid: id,
            procname: string("procname"),
            registered: string("vpid_datetime"),
        },
    };
    assert!(text.contains("typealias integer { size = 64; align = 8; signed = false; } := unsigned long;"));
    TraceInfo {
        uuid: trace.uuid.unwrap(),
        abi: Abi { byte_order: trace.byte_order, ..Abi::X86_64 },
        tracer: TracerVersion {
            major: integer(env, "tracer_major"),
            minor: integer(env, "tracer_minor"),
            patchlevel: env.integer("tracer_patchlevel").unwrap_or_default() as u32,
        },
        buffering,
        session_name: string("trace_name"),
        session_created: string("trace_creation_datetime"),
        hostname: string("hostname"),
        clock: trace.clocks[0].clone(),
    }
}

/// Declares streams and events in the order in which `text` has them.
fn declare_as_in(text: &str, trace: &TraceClass, log: &mut MetadataLog) {
    let number = |block: &str, key: &str| -> u64 {
        let value = block.split(&format!("\n\t{key} = ")).nth(1).unwrap();
        value.split(';').next().unwrap().parse().unwrap()
    };
    let mut blocks = 0;
    for block in text.split("\n\n") {
        if block.starts_with("stream {") {
            let stream = trace.stream(number(block, "id")).unwrap();
            let contexts = stream.event_context.as_ref().map_or(&[][..], |context| &context.fields);
            log.declare_stream(stream.id as u32, contexts).unwrap();
            blocks += 1;
        } else if block.starts_with("event {") {
            let stream = number(block, "stream_id");
            let event = trace.stream(stream).unwrap().event(number(block, "id")).unwrap();
            log.declare_event(stream as u32, event).unwrap();
            blocks += 1;
        }
    }
    let events: usize = trace.streams.iter().map(|stream| stream.events.len()).sum();
    assert!(blocks >= events, "{blocks} blocks found, {events} events parsed");
}

#[test]
fn real_metadata_is_read_and_written_back_byte_for_byte() {
    let mut user_space = 0;
    for path in vectors() {
        let file = std::fs::read(&path).unwrap();
        let metadata = read_metadata(&file)
            .or_else(|error| match error {
                // The kernel's text has no signature once its packets are gone.
                MetadataError::NoSignature => parse(str::from_utf8(&file).unwrap()).map_err(Into::into),
                other => Err(other),
            })
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(metadata.warnings, [], "{}", path.display());
        let trace = metadata.trace;
        let text = String::from_utf8(unpack(&file).unwrap().text).unwrap();

        let again = parse(&write(&trace)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(again.trace, trace, "{}", path.display());

        // This one was written by a model of the tracer, with the header that the real daemon never chooses.
        let is_compact = path.ends_with("ring-buffer/compact/metadata");
        if !is_compact
            && trace.environment.text("domain") == Some("ust")
            && trace.environment.text("trace_name").is_some()
        {
            let mut log = MetadataLog::new(info_of(&trace, &text));
            declare_as_in(&text, &trace, &mut log);
            assert_eq!(log.text(), text, "{}", path.display());
            assert_eq!(log.info().environment(), trace.environment);
            user_space += 1;
        }
    }
    assert!(user_space >= 20, "only {user_space} metadata of user space among the vectors");
}

/// The structures that the text names are those that this crate knows.
#[test]
fn the_declared_layout_is_the_known_one() {
    let text = include_str!("../../../../tests/vectors/trace/per-uid/metadata.txt");
    let trace = parse(text).unwrap().trace;
    let layout = crate::ust::layout_of(&Abi::X86_64, "monotonic");
    assert_eq!(trace.packet_header.as_ref(), Some(&layout.packet_header));
    assert_eq!(trace.streams[0].packet_context.as_ref(), Some(&layout.packet_context));
    let header = crate::ust::EventHeader::Large.structure(&Abi::X86_64, "monotonic");
    assert_eq!(trace.streams[0].event_header.as_ref(), Some(&header));
    let compact = text
        .replace("event.header := struct event_header_large", "event.header := struct event_header_compact");
    let header = crate::ust::EventHeader::Compact.structure(&Abi::X86_64, "monotonic");
    assert_eq!(parse(&compact).unwrap().trace.streams[0].event_header.as_ref(), Some(&header));
}

/// A trace around some text.
fn traced(text: &str) -> String {
    format!("/* CTF 1.8 */ trace {{ major = 1; minor = 8; byte_order = be; }};\n{text}")
}

fn fields_of(text: &str) -> Vec<Field> {
    let text = traced(&format!("event {{ name = e; fields := struct {{ {text} }}; }};"));
    let trace = parse(&text).unwrap_or_else(|error| panic!("{error}: {text}")).trace;
    trace.streams[0].events[0].fields.clone().unwrap().fields
}

#[test]
fn the_c_like_parts_of_the_grammar_are_known() {
    let be = |size| Integer::unsigned(size, if size % 8 == 0 { 8 } else { 1 }, ByteOrder::Big);
    for (text, wanted) in [
        (
            "typealias integer { size = 32; } := const unsigned int; const unsigned int a, b[2][3];",
            vec![Field::new("a", be(32)), Field::new("b", Type::array(Type::array(be(32), 3), 2))],
        ),
        (
            "typealias integer { size = 64; base = x } := void *; void *p;",
            vec![Field::new("p", be(64).with_base(Base::Hexadecimal))],
        ),
        (
            "typedef integer { size = 3; byte_order = le; } three[4]; three t;",
            vec![Field::new("t", Type::array(Integer { byte_order: ByteOrder::Little, ..be(3) }, 4))],
        ),
        (
            "typealias integer { size = 8; signed = true; } := int; enum e { A, B = -1, C = 2 ... 'a' }; enum e x;",
            vec![Field::new(
                "x",
                Enumeration {
                    container: Integer { signed: true, ..be(8) },
                    mappings: vec![
                        Mapping::automatic("A"),
                        Mapping::value("B", -1),
                        Mapping::range("C", 2, 97),
                    ],
                },
            )],
        ),
        (
            "integer { size = 1; } n; variant v { string s; struct {} none; };
             variant v <stream.event.context.tag> x; string { encoding = ASCII; } y[ n ];",
            vec![
                Field::new("n", be(1)),
                Field::new(
                    "x",
                    Variant {
                        tag: FieldRef {
                            scope: Some(Scope::StreamEventContext),
                            path: vec!["tag".to_owned()],
                        },
                        options: vec![
                            Field::new("s", Type::String(Encoding::Utf8)),
                            Field::new("none", Structure::default()),
                        ],
                        min_alignment_bits: 0,
                    },
                ),
                Field::new("y", Type::sequence(Type::String(Encoding::Ascii), FieldRef::to("n"))),
            ],
        ),
        (
            "floating_point { exp_dig = 8; mant_dig = 24; byte_order = native; align = 32; } f;",
            vec![Field::new("f", Float::single(32, ByteOrder::Big))],
        ),
    ] {
        assert_eq!(fields_of(text), wanted, "{text}");
    }
}

#[test]
fn faults_name_their_place_and_cause() {
    for (text, wanted) in [
        (
            "event { name = a; fields := struct { nothing x; }; };",
            "line 2, column 38: there is no type `nothing`",
        ),
        (
            "event { name = a; };\nevent { name = b; };",
            "line 3, column 1: a second event with id 0 in stream 0: \"b\"",
        ),
        ("event { id = \"x\"; };", "line 2, column 14: this cannot be `id` of an event"),
        ("struct a { integer { size = 65; } x; };", "line 2, column 29: this cannot be `size` of an integer"),
        ("struct a { string x; string x; };", "line 2, column 29: this structure has two fields named `x`"),
        ("event { name = a }", "line 2, column 18: expected `;` after the entry, found `}`"),
        (
            "stream { event.header := string; };",
            "line 2, column 10: `event.header` must be a struct, not a string",
        ),
        ("env { a = 1", "line 2, column 12: expected `;` after the entry, found the end of the text"),
        ("trace { major = 1; minor = 8; byte_order = le; };", "line 2, column 1: a second `trace` block"),
        ("struct a { string b:3; };", "bit fields"),
    ] {
        let error = parse(&traced(text)).expect_err(text).to_string();
        assert!(error.contains(wanted), "{error:?} does not say {wanted:?}");
    }
    let old = parse("trace {\n major = 0;\n minor = 1; byte_order = le; };").unwrap_err();
    assert_eq!(
        old.to_string(),
        "metadata line 2, column 10: the trace's major version is 0, this program reads CTF 1.8"
    );
    assert!(parse("").unwrap_err().to_string().contains("without a `trace` block"));
}

#[test]
fn unknown_attributes_are_passed_over_with_a_warning() {
    let metadata = parse(&traced("clock { name = c;\n colour = red; };")).unwrap();
    assert_eq!(
        metadata.warnings,
        [Warning { line: 3, message: "unknown attribute `colour` of a clock passed over".to_owned() }]
    );
}

/// Text that asks for exponential memory or a deep stack.
#[test]
fn hostile_text_is_refused_in_bounded_memory() {
    let mut doubling = "struct s0 { string a; };".to_owned();
    for i in 1..60 {
        let inner = i - 1;
        doubling += &format!("struct s{i} {{ struct s{inner} a; struct s{inner} b; }};");
    }
    assert!(parse(&traced(&doubling)).unwrap_err().cause.contains("memory"));
    let declarators =
        format!("struct s {{ struct {{ {} }} x{}; }};", "string a; ".replace('a', "f"), ", y".repeat(2));
    assert!(parse(&traced(&declarators)).unwrap_err().cause.contains("two fields"));
    for nested in ["struct { ".repeat(100_000), format!("struct {{ string a{}; }};", "[1]".repeat(100_000))] {
        assert!(parse(&traced(&nested)).unwrap_err().cause.contains("deep"));
    }
    let mut chain = "struct s0 { string a; };".to_owned();
    for i in 1..200 {
        chain += &format!("struct s{i} {{ struct s{} a; }};", i - 1);
    }
    assert!(parse(&traced(&chain)).unwrap_err().cause.contains("deep"));
}

/// A public collection of traces beside the project, if it is there.
pub(crate) fn collection() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let found =
        ["shared/traces", "../shared/traces"].map(|path| root.join(path)).into_iter().find(|p| p.is_dir());
    if found.is_none() {
        eprintln!("skipped: ../shared/traces is not there");
    }
    found
}

#[test]
fn a_public_collection_is_read() {
    let Some(collection) = collection() else { return };
    let mut read = 0;
    for entry in std::fs::read_dir(collection.join("readable")).unwrap() {
        let path = entry.unwrap().path().join("metadata");
        if let Ok(file) = std::fs::read(&path) {
            let trace =
                read_metadata(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trace;
            assert_eq!(parse(&write(&trace)).unwrap().trace, trace, "{}", path.display());
            read += 1;
        }
    }
    assert!(read > 10);
    for (name, wanted) in [
        ("fail1", "line 15, column 10: the trace's major version is 0"),
        ("integer-range", "line 7, column 10: this is no integer of at most 64 bits"),
        ("packet-based-metadata", "metadata packet at byte 0: its CTF version is"),
    ] {
        let file = std::fs::read(collection.join("broken").join(name).join("metadata")).unwrap();
        let error = read_metadata(&file).expect_err(name).to_string();
        assert!(error.contains(wanted), "{name}: {error}");
    }
}

fn identifier() -> impl Strategy<Value = String> {
    "_[a-z0-9_]{0,8}"
}

fn any_text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop_oneof![Just('"'), Just('\\'), Just('\n'), any::<char>()], 0..8)
        .prop_map(|chars| chars.into_iter().collect())
}

fn any_order() -> impl Strategy<Value = ByteOrder> {
    prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)]
}

fn any_integer() -> impl Strategy<Value = Integer> {
    let bases =
        prop_oneof![Just(Base::Binary), Just(Base::Octal), Just(Base::Decimal), Just(Base::Hexadecimal)];
    let encodings = prop_oneof![Just(Encoding::None), Just(Encoding::Utf8), Just(Encoding::Ascii)];
    (1..=64u32, 0..8u32, any::<bool>(), any_order(), bases, encodings, prop::option::of(identifier()))
        .prop_map(|(size_bits, align, signed, byte_order, base, encoding, clock)| Integer {
            size_bits,
            alignment_bits: 1 << align,
            signed,
            byte_order,
            base,
            encoding,
            clock,
        })
}

fn any_enumeration() -> impl Strategy<Value = Enumeration> {
    let range = prop_oneof![
        Just(MappingRange::Automatic),
        (any::<i64>()).prop_map(|value| MappingRange::Value(value.into())),
        (any::<i64>(), any::<u32>()).prop_map(|(first, more)| MappingRange::Range(
            first.into(),
            i128::from(first) + i128::from(more)
        )),
    ];
    let mapping = (any_text(), range).prop_map(|(label, range)| Mapping { label, range });
    (any_integer(), prop::collection::vec(mapping, 1..4))
        .prop_map(|(container, mappings)| Enumeration { container, mappings })
}

fn any_fields(ty: impl Strategy<Value = Type>) -> impl Strategy<Value = Vec<Field>> {
    prop::collection::vec((identifier(), ty), 0..4).prop_map(|fields| {
        let mut fields: Vec<Field> = fields.into_iter().map(|(name, ty)| Field { name, ty }).collect();
        for (i, field) in fields.iter_mut().enumerate() {
            field.name.push_str(&i.to_string());
        }
        fields
    })
}

fn any_reference() -> impl Strategy<Value = FieldRef> {
    let scope = prop::option::of(prop::sample::select(&Scope::ALL[..]));
    (scope, prop::collection::vec(identifier(), 1..3)).prop_map(|(scope, path)| FieldRef { scope, path })
}

fn any_type() -> impl Strategy<Value = Type> {
    let encodings = prop_oneof![Just(Encoding::None), Just(Encoding::Utf8), Just(Encoding::Ascii)];
    let leaf = prop_oneof![
        any_integer().prop_map(Type::from),
        any_enumeration().prop_map(Type::from),
        encodings.prop_map(Type::String),
        (any::<bool>(), 0..8u32, any_order()).prop_map(|(double, align, order)| {
            if double { Float::double(1 << align, order) } else { Float::single(1 << align, order) }.into()
        }),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            (inner.clone(), any::<u64>()).prop_map(|(ty, length)| Type::array(ty, length)),
            (inner.clone(), any_reference()).prop_map(|(ty, length)| Type::sequence(ty, length)),
            (any_fields(inner.clone()), 0..6u32).prop_map(|(fields, align)| {
                let min_alignment_bits = if align == 0 { 0 } else { 1 << align };
                Structure { fields, min_alignment_bits }.into()
            }),
            (any_fields(inner), any_reference()).prop_filter_map("no options", |(options, tag)| {
                (!options.is_empty()).then_some(Variant { tag, options, min_alignment_bits: 0 }.into())
            }),
        ]
    })
}

fn any_structure() -> impl Strategy<Value = Option<Structure>> {
    prop::option::of(any_fields(any_type()).prop_map(Structure::of))
}

fn any_event() -> impl Strategy<Value = EventClass> {
    let uri = prop::option::of(any_text());
    (any_text(), prop::option::of(any::<i64>()), uri, any_structure(), any_structure()).prop_map(
        |(name, log_level, emf_uri, context, fields)| EventClass {
            id: 0,
            name,
            log_level,
            emf_uri,
            context,
            fields,
        },
    )
}

fn any_stream() -> impl Strategy<Value = StreamClass> {
    (any_structure(), any_structure(), any_structure(), prop::collection::vec(any_event(), 0..3)).prop_map(
        |(packet_context, event_header, event_context, mut events)| {
            (0..).zip(&mut events).for_each(|(id, event)| event.id = id);
            StreamClass { packet_context, event_header, event_context, events, ..StreamClass::default() }
        },
    )
}

pub(crate) fn any_trace() -> impl Strategy<Value = TraceClass> {
    let value = prop_oneof![any::<i64>().prop_map(EnvValue::Integer), any_text().prop_map(EnvValue::Text)];
    let clock = (prop::option::of(any::<[u8; 16]>()), 1..u64::MAX, any::<u64>(), any::<i64>(), any::<i64>());
    let clock = (clock, prop::option::of(any_text()), any::<bool>()).prop_map(
        |((uuid, frequency, precision, offset_seconds, offset), description, absolute)| Clock {
            name: "monotonic".to_owned(),
            uuid: uuid.map(Uuid),
            description,
            frequency,
            precision,
            offset_seconds,
            offset,
            absolute,
            ..Clock::monotonic(None, 0)
        },
    );
    (
        prop::option::of(any::<[u8; 16]>()),
        any_order(),
        any_structure(),
        prop::collection::vec((identifier(), value), 0..3),
        prop::option::of(clock),
        prop::collection::vec(any_stream(), 0..3),
    )
        .prop_map(|(uuid, byte_order, packet_header, entries, clock, mut streams)| {
            (0..).zip(&mut streams).for_each(|(id, stream)| stream.id = id);
            TraceClass {
                uuid: uuid.map(Uuid),
                byte_order,
                packet_header,
                environment: crate::Environment { entries },
                clocks: clock.into_iter().collect(),
                streams,
                ..TraceClass::new(byte_order)
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read(trace in any_trace()) {
        let text = write(&trace);
        let read = parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read.trace, trace);
        prop_assert_eq!(read.warnings, []);
    }

    #[test]
    fn mutated_text_does_not_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..40usize), 1..6),
    ) {
        let mut text = include_bytes!("../../../../tests/vectors/trace/dynctx/metadata.txt").to_vec();
        for (from, to, length) in edits {
            let from = from.index(text.len() - length);
            let piece = text[from..from + length].to_vec();
            let to = to.index(text.len() - length);
            text.splice(to..to + length / 2, piece);
        }
        let _ = parse(&String::from_utf8_lossy(&text));
    }

    #[test]
    fn random_words_do_not_panic(
        words in prop::collection::vec(prop::sample::select(&[
            "trace", "{", "}", ";", "struct", "variant", "enum", "integer", "<", ">", ":=", "=", ":", "[", "]", "a",
            "1", "-", "...", "typealias", "typedef", "*", ".", "event", "fields", "align", "(", ")", "size", "\"s\"",
            "string", ",", "const", "id", "stream", "map", "'c'",
        ][..]), 0..60),
    ) {
        let _ = parse(&words.join(" "));
    }
}
