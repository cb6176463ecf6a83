//! Metadata of CTF 2: what it means, what is refused and how, and that no bytes do harm.

use proptest::prelude::*;

use super::*;
use crate::types::{FieldRef, Scope, Structure, Type};

const EVERY_CLASS: &[u8] = include_bytes!("../../../../tests/vectors/ctf2/every-class/metadata");

/// A metadata stream of these fragments after the preamble.
fn stream(fragments: &[&str]) -> Vec<u8> {
    let preamble = r#"{"type":"preamble","version":2}"#;
    let all = std::iter::once(&preamble).chain(fragments);
    all.map(|fragment| format!("\u{1e}{fragment}\n")).collect::<String>().into_bytes()
}

/// The payload of an event with these member classes.
fn payload(members: &str) -> Result<Structure, String> {
    let event = format!(
        r#"{{"type":"event-record-class","name":"e","payload-field-class":{{"type":"structure","member-classes":[{members}]}}}}"#
    );
    let aliases = r#"{"type":"field-class-alias","name":"u8","field-class":{"type":"fixed-length-unsigned-integer","length":8,"byte-order":"big-endian"}}"#;
    let text = stream(&[aliases, r#"{"type":"data-stream-class"}"#, &event]);
    let metadata = parse(&text).map_err(|error| error.to_string())?;
    Ok(metadata.trace.streams[0].events[0].fields.clone().unwrap())
}

fn length_of(ty: &Type) -> &FieldRef {
    match ty {
        Type::Sequence(sequence) => &sequence.length,
        other => panic!("{other:?}"),
    }
}

const ARRAY_OF: &str = r#""element-field-class":"u8","type":"dynamic-length-array""#;

#[test]
fn roles_become_the_names_of_ctf_1() {
    let trace = parse(EVERY_CLASS).unwrap().trace;
    let names = |structure: &Option<Structure>| -> Vec<String> {
        structure.iter().flat_map(|structure| &structure.fields).map(|field| field.name.clone()).collect()
    };
    assert_eq!(names(&trace.packet_header), ["magic", "uuid", "stream_id", "stream_instance_id"]);
    let stream = &trace.streams[0];
    assert_eq!(
        names(&stream.packet_context),
        [
            "timestamp_begin",
            "timestamp_end",
            "content_size",
            "packet_size",
            "packet_seq_num",
            "events_discarded",
            "_cpu_id",
            "_plen"
        ]
    );
    assert_eq!(names(&stream.event_header), ["id", "timestamp"]);
    assert_eq!(trace.identity.namespace.as_deref(), Some("rttng"));
    assert_eq!(trace.environment.integer("answer"), Some(42));
    let clock = &trace.clocks[0];
    assert!(clock.absolute && clock.offset_seconds == 1_700_000_000 && clock.uuid.is_some());
}

/// `null` goes to the structure around, as often as it is there. babeltrace2 2.1.1 loses its way with two of them.
#[test]
fn locations_go_outwards() {
    let structure = payload(&format!(
        r#"{{"name":"n","field-class":"u8"}},{{"name":"p","field-class":{{"type":"structure","member-classes":[
        {{"name":"n","field-class":"u8"}},{{"name":"q","field-class":{{"type":"static-length-array","length":2,
        "element-field-class":{{"type":"structure","member-classes":[{{"name":"n","field-class":"u8"}},
        {{"name":"a","field-class":{{{ARRAY_OF},"length-field-location":{{"path":["n"]}}}}}},
        {{"name":"b","field-class":{{{ARRAY_OF},"length-field-location":{{"path":[null,"n"]}}}}}},
        {{"name":"c","field-class":{{{ARRAY_OF},"length-field-location":{{"path":[null,null,"n"]}}}}}},
        {{"name":"d","field-class":{{{ARRAY_OF},"length-field-location":{{"origin":"event-record-payload","path":["p","q","n"]}}}}}}
        ]}}}}}}]}}}}"#
    ))
    .unwrap();
    let Type::Structure(p) = &structure.fields[1].ty else { panic!("{structure:?}") };
    let Type::Array(q) = &p.fields[1].ty else { panic!("{p:?}") };
    let Type::Structure(inner) = &*q.element else { panic!("{q:?}") };
    let paths: Vec<String> = inner.fields[1..].iter().map(|field| length_of(&field.ty).to_string()).collect();
    assert_eq!(
        paths,
        ["event.fields._p._q._n", "event.fields._p._n", "event.fields._n", "event.fields._p._q._n"]
    );
}

/// A field that may be in any of several options.
#[test]
fn locations_may_mean_one_field_of_several_options() {
    let option = |at: u32, length: u32| {
        format!(
            r#"{{"selector-field-ranges":[[{at},{at}]],"field-class":{{"type":"structure","member-classes":[
            {{"name":"n","field-class":{{"type":"fixed-length-unsigned-integer","length":{length},"byte-order":"little-endian","alignment":8}}}}]}}}}"#
        )
    };
    let structure = payload(&format!(
        r#"{{"name":"s","field-class":"u8"}},{{"name":"v","field-class":{{"type":"variant","selector-field-location":
        {{"path":["s"]}},"options":[{},{}]}}}},
        {{"name":"a","field-class":{{{ARRAY_OF},"length-field-location":{{"path":["v","n"]}}}}}}"#,
        option(0, 8),
        option(1, 16)
    ))
    .unwrap();
    assert_eq!(length_of(&structure.fields[2].ty).to_string(), "event.fields._v.#._n");
    assert_eq!(length_of(&structure.fields[2].ty).scope, Some(Scope::EventFields));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let field = |class: &str| payload(&format!(r#"{{"name":"x","field-class":{class}}}"#)).unwrap_err();
    for (class, wanted) in [
        (r#""u9""#, "there is no field class alias `u9` before"),
        (r#"{"type":"x"}"#, "field-class.type: there is no field class of type `x`"),
        (r#"{"type":"fixed-length-boolean","byte-order":"little-endian"}"#, "lacks its property `length`"),
        (r#"{"type":"fixed-length-boolean","length":65,"byte-order":"little-endian"}"#, "length: 65 bits"),
        (r#"{"type":"fixed-length-boolean","length":1,"byte-order":"me"}"#, "there is no byte order `me`"),
        (
            r#"{"type":"fixed-length-boolean","length":1,"byte-order":"big-endian","alignment":3}"#,
            "alignment: 3 is no alignment",
        ),
        (
            r#"{"type":"fixed-length-floating-point-number","length":24,"byte-order":"big-endian"}"#,
            "there is no floating point number of 24 bits",
        ),
        (r#"{"type":"null-terminated-string","encoding":"ebcdic"}"#, "there is no encoding `ebcdic`"),
        (
            r#"{"type":"dynamic-length-blob","length-field-location":{"path":["y"]}}"#,
            "member-classes[0].field-class.length-field-location.path: there is no field `y` before",
        ),
        (
            r#"{"type":"dynamic-length-blob","length-field-location":{"path":["x"]}}"#,
            "`x` is the field itself",
        ),
        (
            r#"{"type":"dynamic-length-blob","length-field-location":{"path":[null,"x"]}}"#,
            "there is no structure around the outermost one",
        ),
        (
            r#"{"type":"dynamic-length-blob","length-field-location":{"origin":"event-record-header","path":["x"]}}"#,
            "event-record-header is not there, or comes later",
        ),
        (
            r#"{"type":"variable-length-unsigned-integer","mappings":{"a":[[2,1]]}}"#,
            "mappings.a[0]: the range ends at 1, before it begins at 2",
        ),
        (r#"{"type":"variable-length-signed-integer","roles":["data-stream-id"]}"#, "only unsigned integers"),
        (r#"{"type":"variant","options":[]}"#, "lacks its property `selector-field-location`"),
    ] {
        let error = field(class);
        assert!(error.contains(wanted), "{error:?} does not say {wanted:?}");
        assert!(error.starts_with("metadata fragment 4 at line 4 (event-record-class \"e\")"), "{error}");
    }
    for (fragments, wanted) in [
        (vec![r#"{"type":"data-stream-class""#], "this is not JSON: EOF"),
        (vec![r#"{"type":"data-stream-class","type":"x"}"#], "the property `type` is there twice"),
        (vec![r#"{"type":"preamble","version":2}"#], "a second preamble"),
        (vec![r#"{"type":"event-record-class"}"#], "there is no data stream class with the id 0 before"),
        (vec![r#"{"type":"clock-class","id":"c","frequency":0}"#], "frequency: must be more than 0"),
        (
            vec![r#"{"type":"data-stream-class","default-clock-class-id":"c"}"#],
            "there is no clock class `c` before",
        ),
        (
            vec![r#"{"type":"data-stream-class"}"#, r#"{"type":"trace-class"}"#],
            "before all data stream classes",
        ),
        (vec![r#"{"type":"nonsense"}"#], "there is no fragment of type `nonsense`"),
    ] {
        let error = parse(&stream(&fragments)).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error:?} does not say {wanted:?}");
    }
    let old = parse(b"\x1e{\"type\":\"preamble\",\"version\":3}").unwrap_err().to_string();
    assert_eq!(
        old,
        "metadata fragment 1 at line 1 (preamble), version: the version is 3, this program reads CTF 1.8 and CTF 2"
    );
    let extended = r#"{"type":"preamble","version":2,"extensions":{"my":{"piano":1}}}"#;
    let error = parse(format!("\u{1e}{extended}").as_bytes()).unwrap_err().to_string();
    assert!(
        error.contains("extensions of the format that this program does not have: `piano` of `my`"),
        "{error}"
    );
}

/// Aliases of aliases that ask for exponential memory, and nesting.
#[test]
fn hostile_metadata_is_refused_in_bounded_memory() {
    let member = |name: &str, class: &str| format!(r#"{{"name":"{name}","field-class":"{class}"}}"#);
    let mut fragments = vec![
        r#"{"type":"field-class-alias","name":"s0","field-class":{"type":"null-terminated-string"}}"#
            .to_owned(),
    ];
    for i in 1..60 {
        let inner = format!("s{}", i - 1);
        let members = format!("{},{}", member("a", &inner), member("b", &inner));
        fragments.push(format!(
            r#"{{"type":"field-class-alias","name":"s{i}","field-class":{{"type":"structure","member-classes":[{members}]}}}}"#
        ));
    }
    let fragments: Vec<&str> = fragments.iter().map(String::as_str).collect();
    let error = parse(&stream(&fragments)).unwrap_err().to_string();
    assert!(error.contains("too much memory"), "{error}");
    let deep = format!(r#"{{"type":"x","a":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(parse(&stream(&[&deep])).unwrap_err().to_string().contains("recursion"));
}

#[test]
fn packets_may_hold_it() {
    let packetizer =
        crate::metadata_packet::MetadataPacketizer::new(crate::Uuid([1; 16]), crate::ByteOrder::Big);
    let mut file = Vec::new();
    packetizer.write(EVERY_CLASS, &mut file);
    for packet in file.chunks_mut(4096) {
        packet[35..37].copy_from_slice(&[2, 0]);
    }
    assert_eq!(crate::read_metadata(&file).unwrap(), parse(EVERY_CLASS).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn mutated_metadata_does_not_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..60usize), 1..6),
    ) {
        let mut text = EVERY_CLASS.to_vec();
        for (from, to, length) in edits {
            let from = from.index(text.len() - length);
            let piece = text[from..from + length].to_vec();
            let to = to.index(text.len() - length);
            text.splice(to..to + length / 2, piece);
        }
        if let Ok(metadata) = parse(&text) {
            let _ = crate::decode::TraceDecoder::showing(&metadata.trace);
        }
    }
}
