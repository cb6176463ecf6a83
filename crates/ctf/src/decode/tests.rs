//! Types whose bits are known, and bits that are not.

use proptest::prelude::*;

use super::*;
use crate::tsdl::parse;

/// Counts the events of a packet of one class whose payload is `fields`.
fn count(fields: &str, packet: &[u8]) -> Result<usize, DecodeError> {
    let text = format!(
        "/* CTF 1.8 */ trace {{ major = 1; minor = 8; byte_order = le; }}; event {{ name = e; fields := struct {{ {fields} }}; }};"
    );
    let trace = parse(&text).unwrap_or_else(|error| panic!("{error}")).trace;
    let mut decoder = TraceDecoder::new(&trace).unwrap();
    let info = decoder.packet(packet, packet.len() as u64).unwrap();
    let mut seen = 0;
    decoder.events(packet, &info, |_| seen += 1).map(|()| seen)
}

#[test]
fn each_type_has_its_size() {
    let u8 = "integer { size = 8; }";
    for (fields, packet, wanted) in [
        (format!("{u8} a; integer {{ size = 32; align = 32; }} b;"), vec![0; 16], 2),
        (format!("{u8} a; integer {{ size = 16; align = 16; }} b[0]; {u8} c;"), vec![0; 7], 2),
        ("string s;".to_owned(), b"a\0\0bcd\0".to_vec(), 3),
        (format!("{u8} n; {u8} s[n];"), vec![2, 9, 9, 0, 1, 9], 3),
        (format!("{u8} n; struct {{ {u8} m; string t[m]; }} s[n];"), b"\x02\x01a\0\x02b\0c\0\0".to_vec(), 2),
        (format!("{u8} n; integer {{ size = 4; align = 8; }} s[n];"), vec![3, 0, 0, 0, 0], 2),
        (
            format!("enum : {u8} {{ A, B = 5 ... 9 }} t; variant <t> {{ string A; struct {{}} B; }} v;"),
            b"\0ab\0\x05\x07".to_vec(),
            3,
        ),
        (
            "enum : integer { size = 8; signed = 1; } { _x = -1, _y = 1 } t; variant <t> { string x; struct {} y; } v;"
                .to_owned(),
            b"\xffab\0\x01".to_vec(),
            2,
        ),
        ("integer { size = 3; } a; integer { size = 5; } b;".to_owned(), vec![0; 3], 3),
        (format!("{u8} a; struct {{ {u8} b; }} align(32) s;"), vec![0; 13], 2),
    ] {
        assert_eq!(count(&fields, &packet), Ok(wanted), "{fields}");
    }
}

#[test]
fn bits_that_do_not_fit_are_errors() {
    let n = "integer { size = 64; } n;";
    let huge = [0xff; 8];
    for (fields, packet, wanted) in [
        ("string s;".to_owned(), &b"abc"[..], DecodeError::Truncated { at: 0 }),
        (format!("{n} integer {{ size = 64; }} s[n];"), &huge, DecodeError::Truncated { at: 64 }),
        (format!("{n} string s[n];"), &huge, DecodeError::Truncated { at: 64 }),
        ("integer { size = 64; } s[0xffffffffffffffff];".to_owned(), &huge, DecodeError::Truncated { at: 0 }),
        ("struct {} s[0xffffffffffffffff];".to_owned(), &huge, DecodeError::EmptyEvent { at: 0 }),
        (
            "enum : integer { size = 8; } { A } t; variant <t> { string A; } v;".to_owned(),
            &[1],
            DecodeError::NoOption { at: 8 },
        ),
    ] {
        assert_eq!(count(&fields, packet), Err(wanted), "{fields}");
    }
    // A loop over nothing ends although the count is beyond all time.
    let fields =
        format!("{n} enum : integer {{ size = 8; }} {{ A }} t; variant <t> {{ struct {{}} A; }} v[n];");
    assert_eq!(count(&fields, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]), Ok(1));
}

#[test]
fn references_must_lead_to_integers_before() {
    let refused = |fields: &str| {
        let text = format!(
            "trace {{ major = 1; minor = 8; byte_order = le; }}; event {{ name = e; fields := struct {{ {fields} }}; }};"
        );
        TraceDecoder::new(&parse(&text).unwrap().trace).unwrap_err().to_string()
    };
    assert_eq!(refused("string a[n];"), "event \"e\" of stream 0: the length `n` is no field before");
    assert!(refused("string n; string a[n];").contains("is a string, not an integer"));
    assert!(refused("integer { size = 8; signed = true; } n; string a[n];").contains("is signed"));
    assert!(refused("integer { size = 8; } n; variant <n> { string a; } v;").contains("no enumeration"));
}

/// Text of a megabyte that would compile to gigabytes, or take minutes.
#[test]
fn hostile_metadata_is_refused_in_bounded_time() {
    let contexts: String = (0..2000).map(|i| format!("string c{i};")).collect();
    let events: String = (0..2200).map(|i| format!("event {{ name = e; id = {i}; }};")).collect();
    let text = format!(
        "trace {{ major = 1; minor = 8; byte_order = le; }}; stream {{ event.context := struct {{ {contexts} }}; }}; {events}"
    );
    let error = TraceDecoder::new(&parse(&text).unwrap().trace).unwrap_err();
    assert_eq!(error.to_string(), "stream 0: the types of its events take too much memory when compiled");

    let labels: String = (0..2500).map(|i| format!("a = {i},")).collect();
    let variants: String = (0..2000).map(|i| format!("variant <t> {{ string a; }} v{i};")).collect();
    let fields = format!("enum : integer {{ size = 32; }} {{ {labels} }} t; {variants}");
    let text = format!(
        "trace {{ major = 1; minor = 8; byte_order = le; }}; event {{ name = e; fields := struct {{ {fields} }}; }};"
    );
    assert!(TraceDecoder::new(&parse(&text).unwrap().trace).unwrap_err().cause.contains("too much memory"));

    // Many references in one structure are found quickly, and found right.
    let fields: String = (0..5_000).map(|i| format!("integer {{ size = 8; }} s{i}[n];")).collect();
    let mut packet = vec![1];
    packet.extend([7; 5_000]);
    assert_eq!(count(&format!("integer {{ size = 8; }} n; {fields}"), &packet), Ok(1));
}

/// Lengths and tags may be in structures around, in other scopes, and inside structures.
#[test]
fn references_are_found_in_all_scopes() {
    let text = "trace { major = 1; minor = 8; byte_order = le;
            packet.header := struct { integer { size = 8; } h; }; };
        stream { packet.context := struct { struct { integer { size = 8; } n; } inner; };
            event.context := struct { integer { size = 8; } c; }; };
        event { name = e; fields := struct {
            integer { size = 8; } a[stream.packet.context.inner.n];
            struct { integer { size = 8; } b[c]; integer { size = 8; } d[h]; } s;
            integer { size = 8; } x[event.fields.s.b_length];
        }; };";
    let text = text.replace(
        "struct { integer { size = 8; } b[c];",
        "struct { integer { size = 8; } b_length; integer { size = 8; } b[c];",
    );
    let trace = parse(&text).unwrap().trace;
    let mut decoder = TraceDecoder::new(&trace).unwrap();
    // h = 2, n = 1; each event: c = 1, a[1], b_length = 3, b[1], d[2], x[3].
    let mut packet = vec![2, 1];
    packet.extend([1, 9, 3, 9, 9, 9, 9, 9, 9].repeat(4));
    let info = decoder.packet(&packet, packet.len() as u64).unwrap();
    let mut seen = 0;
    decoder.events(&packet, &info, |_| seen += 1).unwrap();
    assert_eq!((info.events_start, seen), (16, 4));
}

const REAL: &[u8] =
    include_bytes!("../../../../tests/vectors/trace/per-uid/trace/ust/uid/0/64-bit/channel0_1");

fn real_decoder() -> TraceDecoder {
    let text = include_str!("../../../../tests/vectors/trace/per-uid/metadata.txt");
    TraceDecoder::new(&parse(text).unwrap().trace).unwrap()
}

/// LTTng's headers are read at once, and as the steps would read them that any other header compiles to.
#[test]
fn lttng_headers_are_recognised() {
    let compact = include_str!("../../../../tests/vectors/ring-buffer/compact/metadata");
    let packet = include_bytes!("../../../../tests/vectors/ring-buffer/compact/packet");
    let large = include_str!("../../../../tests/vectors/trace/per-uid/metadata.txt");
    let events = |text: &str, packet: &[u8], is_known: bool| {
        let mut decoder = TraceDecoder::new(&parse(text).unwrap().trace).unwrap();
        assert_eq!(decoder.knows_header_of(0), is_known);
        let info = decoder.packet(packet, packet.len() as u64).unwrap();
        let mut seen = Vec::new();
        decoder.events(packet, &info, |event| seen.push(event)).unwrap();
        seen
    };
    for (text, packet) in [(compact, &packet[..]), (large, REAL)] {
        // The same layout, with the labels the other way round.
        let other = text
            .replace("compact = 0 ... 30, extended = 31", "extended = 31, compact = 0 ... 30")
            .replace("compact = 0 ... 65534, extended = 65535", "extended = 65535, compact = 0 ... 65534");
        assert_eq!(events(text, packet, true), events(&other, packet, false));
    }
    let printed = include_str!("../../../../tests/vectors/ring-buffer/compact/babeltrace.txt");
    let times: Vec<u64> = printed.lines().map(|line| line[1..21].parse().unwrap()).collect();
    let seen: Vec<u64> = events(compact, packet, true).iter().map(|event| event.time).collect();
    assert_eq!(seen, times);
}

#[test]
fn a_real_packet_says_who_it_is() {
    let info = real_decoder().packet(REAL, REAL.len() as u64).unwrap();
    assert_eq!((info.stream_id, info.stream_instance_id, info.sequence_number), (0, Some(1), Some(0)));
    assert_eq!((info.events_start, info.events_discarded), (672, Some(0)));
}

proptest! {
    #[test]
    fn mutated_packets_do_not_panic(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut packet = REAL.to_vec();
        for (at, byte) in edits {
            // Mostly where there is content.
            let at = at.index(packet.len().min(1500));
            packet[at] = byte;
        }
        let mut decoder = real_decoder();
        if let Ok(info) = decoder.packet(&packet, packet.len() as u64) {
            let mut seen = 0u64;
            let _ = decoder.events(&packet, &info, |_| seen += 1);
            prop_assert!(seen <= info.content_bits);
        }
    }

    #[test]
    fn random_types_and_bytes_do_not_panic(trace in crate::tsdl::tests::any_trace(), packet in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(mut decoder) = TraceDecoder::new(&trace)
            && let Ok(info) = decoder.packet(&packet, packet.len() as u64)
        {
            let mut seen = 0u64;
            let _ = decoder.events(&packet, &info, |_| seen += 1);
            prop_assert!(seen <= info.content_bits);
        }
    }
}
