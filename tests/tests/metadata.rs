//! Metadata that rttng composes, from names that the real session daemon writes unreadable text for, read by
//! babeltrace2.

use std::process::Command;

use rttng_ctf::metadata_packet::MetadataPacketizer;
use rttng_ctf::ust::{Abi, Buffering, Context, MetadataLog, PacketOffsets, TraceInfo, TracerVersion};
use rttng_ctf::{
    Clock, Encoding, Enumeration, EventClass, Field, FieldRef, Mapping, Type, Uuid, summary::summarise,
};
use rttng_tests::{Need, met};

const ABI: Abi = Abi::X86_64;

fn hostile_log() -> MetadataLog {
    let nasty = "a\"b\\c\nd".to_owned();
    let mut log = MetadataLog::new(TraceInfo {
        uuid: Uuid::from_random([7; 16]),
        abi: ABI,
        tracer: TracerVersion { major: 2, minor: 13, patchlevel: 5 },
        buffering: Buffering::PerProcess { pid: 1, procname: nasty.clone(), registered: nasty.clone() },
        session_name: nasty.clone(),
        session_created: "20261122T190959+0000".to_owned(),
        hostname: "h\"ost".to_owned(),
        clock: Clock::monotonic(None, -5),
    });
    let labels = vec![Mapping::value("x\ny", 0), Mapping::value("\"\\", 1), Mapping::automatic("struct")];
    let fields = vec![
        Field::recorded("a.b$c:d e", Enumeration { container: byte(), mappings: labels }),
        Field::recorded("struct", byte()),
        Field::recorded("é", byte()),
        Field::recorded("n-length", byte()),
        Field::recorded("n-seq", Type::sequence(byte(), FieldRef::recorded("n-length"))),
        Field::recorded("s", Type::String(Encoding::Utf8)),
    ];
    let event = EventClass::user_space(0, "p:\"e\\", 13, Some(nasty), fields);
    let contexts = Context::App { provider: "my.prov".to_owned(), name: "c-tx".to_owned() }.fields(&ABI);
    log.declare_event(0, &event).unwrap();
    log.declare_stream(0, &contexts).unwrap();
    log.declare_stream(1, &contexts).unwrap();
    log.declare_placeholders();
    log
}

/// A byte, unsigned.
fn byte() -> rttng_ctf::Integer {
    rttng_ctf::Integer::unsigned(8, 8, ABI.byte_order)
}

/// A packet of `stream` that holds `events`, as the tracer lays it out.
fn packet(uuid: Uuid, stream: u32, events: &[u8]) -> Vec<u8> {
    let at = PacketOffsets::of(&ABI);
    let mut packet = vec![0; at.end];
    let mut put = |at: usize, bytes: &[u8]| packet[at..at + bytes.len()].copy_from_slice(bytes);
    let bits = (at.end + events.len()) as u64 * 8;
    put(at.magic, &0xC1FC_1FC1u32.to_le_bytes());
    put(at.uuid, &uuid.0);
    put(at.stream_id, &stream.to_le_bytes());
    put(at.timestamp_begin, &1000u64.to_le_bytes());
    put(at.timestamp_end, &3000u64.to_le_bytes());
    put(at.content_size, &bits.to_le_bytes());
    put(at.packet_size, &bits.to_le_bytes());
    packet.extend_from_slice(events);
    packet
}

#[test]
fn names_that_break_the_real_metadata_are_read_by_babeltrace2() {
    if !met(&[Need::Babeltrace2]) {
        return;
    }
    let log = hostile_log();
    let uuid = log.info().uuid;
    let folder = tempfile::tempdir().unwrap();
    let mut metadata = Vec::new();
    MetadataPacketizer::new(uuid, ABI.byte_order).write(log.text().as_bytes(), &mut metadata);
    std::fs::write(folder.path().join("metadata"), metadata).unwrap();
    // Id 0, time, no application context (tag 0), then the fields; and once with a context of type string (tag 11).
    let events = b"\0\0\xd0\x07\0\0\0\x01\x02\x03\x02\x04\x05text\0\0\0\xd1\x07\0\0\x0bctx\0\x02\0\0\0\0";
    std::fs::write(folder.path().join("c_0"), packet(uuid, 0, events)).unwrap();
    std::fs::write(folder.path().join("d_0"), packet(uuid, 1, b"")).unwrap();

    let output = Command::new("babeltrace2").arg(folder.path()).env("TZ", "UTC").output().unwrap();

    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaints}\n{}", log.text());
    assert_eq!(complaints, "", "{printed}");
    // The line end in the process name is printed as one.
    let lines: Vec<&str> = printed.lines().filter(|line| line.contains("cpu_id")).collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert!(lines[0].contains("p:\"e\\: { cpu_id = 0 }, {"), "{printed}");
    assert!(lines[0].contains("a_b_c_d_e = ( \"\\\"\\\\\" : container = 1 ), struct = 2"), "{printed}");
    assert!(lines[0].contains("n_seq = [ [0] = 4, [1] = 5 ], s = \"text\""), "{printed}");
    assert!(lines[1].contains("_app_my_prov_c_tx = { \"ctx\" }"), "{printed}");

    let summary = summarise(folder.path()).unwrap();
    assert_eq!((summary.event_count(), summary.fault_count, summary.streams.len()), (2, 0, 2));
}
