//! Reading takes memory for windows and lists of packets, not for traces: many times what a process may have is read.

use std::fs;
use std::path::Path;

use rttng_ctf::tsdl::read_metadata;
use rttng_ctf::write::{EventValues, PacketHead, TraceWriter, Value};
use rttng_tests::{World, our_program};

const METADATA: &str = r#"/* CTF 1.8 */
typealias integer { size = 64; align = 8; } := uint64_t;
typealias integer { size = 64; align = 8; map = clock.c.value; } := ts_t;
trace { major = 1; minor = 8; byte_order = le; packet.header := struct {
    integer { size = 32; align = 8; } magic; integer { size = 32; align = 8; } stream_id; uint64_t stream_instance_id; }; };
clock { name = c; freq = 1000000000; };
stream { id = 0;
    packet.context := struct { ts_t timestamp_begin; ts_t timestamp_end; uint64_t content_size; uint64_t packet_size; };
    event.header := struct { integer { size = 8; align = 8; } id; ts_t timestamp; };
};
event { name = "large:text"; id = 0; stream_id = 0; fields := struct { uint64_t _n; string _text; }; };
"#;

/// Each trace has so many packets of so many events with so many bytes of text: 4 MiB.
const PACKETS: u64 = 32;
const EVENTS: u64 = 32;
const TEXT_BYTES: usize = 4096;

/// Bytes of memory of its own (`RLIMIT_DATA`: heap, stacks of threads, data of the program) that a process may have.
const MEMORY: u64 = 14 << 20;

/// Writes one trace.
fn write(folder: &Path) {
    let class = read_metadata(METADATA.as_bytes()).unwrap().trace;
    let writer = TraceWriter::create(folder, &class).unwrap();
    let mut stream = writer.stream(0, "data", 0);
    let text = Value::text(&"x".repeat(TEXT_BYTES));
    for packet in 0..PACKETS {
        let begin = packet * EVENTS;
        stream.begin_packet(PacketHead { begin, sequence_number: packet, events_discarded: 0 }, &[]).unwrap();
        for time in begin..begin + EVENTS {
            let fields = Value::Fields(vec![Value::Unsigned(time), text.clone()]);
            stream.event(0, time, &EventValues { fields: Some(fields), ..EventValues::default() }).unwrap();
        }
        stream.end_packet(begin + EVENTS - 1).unwrap();
    }
    stream.finish().unwrap();
    writer.finish().unwrap();
}

/// Makes a folder of so many traces, which are one on the disk. Gives how many bytes there are to read.
fn link(trace: &Path, folder: &Path, copies: u64) -> u64 {
    let mut size = 0;
    for copy in 0..copies {
        let to = folder.join(copy.to_string());
        fs::create_dir_all(&to).unwrap();
        for name in ["metadata", "data"] {
            fs::hard_link(trace.join(name), to.join(name)).unwrap();
            size += fs::metadata(to.join(name)).unwrap().len();
        }
    }
    size
}

#[test]
fn a_trace_of_many_times_the_memory_is_read() {
    let Some(world) = World::open(&[]) else { return };
    let trace = world.open_dir().join("trace");
    write(&trace);
    let limited = |memory: u64, arguments: &[&str], folder: &Path| {
        let limit = world.program("prlimit").arg(format!("--data={memory}")).arg("--").arg(our_program());
        limit.arg("view").args(arguments).arg(folder).run()
    };
    let large = world.open_dir().join("large");
    assert!(link(&trace, &large, 16) > 4 * MEMORY);
    let all = 16 * PACKETS * EVENTS;
    assert_eq!(limited(MEMORY, &["--count"], &large).ok(), format!("{all}\n"));
    // Values as well, those of every event: `_n` of each stream's last.
    let last = format!("--filter=n == {}", PACKETS * EVENTS - 1);
    let shown = limited(MEMORY, &["--threads=2", "--no-delta", &last], &large).ok();
    assert_eq!(shown.lines().count(), 16);
    // Printed by threads, which hold some of what they printed.
    let less = world.open_dir().join("less");
    assert!(link(&trace, &less, 4) > MEMORY);
    let printed = limited(MEMORY, &["--threads=2"], &less).ok();
    assert_eq!(printed.lines().count() as u64, 4 * PACKETS * EVENTS);
    // The limit is one.
    assert!(!limited(1 << 20, &["--count"], &large).status.success());
}
