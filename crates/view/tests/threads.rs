//! Several threads print what one prints, whatever the trace.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rttng_ctf::read::{Options, Reader};
use rttng_ctf::tsdl;
use rttng_view::select::Selection;
use rttng_view::text::{self, TextOptions};
use rttng_view::{Ran, ViewError, json};

/// Output and messages as they came.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is printed, how it ended, and what was wrong.
fn printed(
    trace: &Path,
    selection: &Selection,
    threads: usize,
    is_json: bool,
    lenient: bool,
) -> (Vec<u8>, String) {
    let screen = Screen::default();
    let options = Options { lenient, ..Options::default() };
    let mut reader = match Reader::open(&[trace.to_owned()], &options) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), error.to_string()),
    };
    let ran: Result<Ran, ViewError> = if is_json {
        json::print(&mut reader, selection.clone(), threads, screen.clone())
    } else {
        let options = TextOptions { gmt: true, color: true, ..TextOptions::default() };
        text::print(&mut reader, selection.clone(), options, threads, (screen.clone(), screen.clone()))
    };
    let ran = ran.map_err(|error| error.to_string());
    let bytes = screen.0.lock().unwrap().clone();
    (bytes, format!("{ran:?} {:?} {}", reader.damage(), reader.damage_count()))
}

#[track_caller]
fn same(trace: &Path, selection: &Selection, what: &str, forms: &[(bool, bool)]) -> usize {
    let mut length = 0;
    for &(is_json, lenient) in forms {
        let (one, ended) = printed(trace, selection, 1, is_json, lenient);
        let threads = 3;
        let (several, also) = printed(trace, selection, threads, is_json, lenient);
        assert_eq!(also, ended, "{what}, {threads} threads");
        let differs = one.iter().zip(&several).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{what}, {threads} threads");
        assert_eq!(one.len(), several.len(), "{what}, {threads} threads");
        length = one.len();
    }
    length
}

const PACKET_BYTES: usize = 32 << 10;
const START: usize = 64;

/// A trace of several streams with gaps, losses and events of one time: more than a megabyte of packets.
fn write_trace(folder: &Path) -> PathBuf {
    let metadata = "/* CTF 1.8 */
        trace { major = 1; minor = 8; byte_order = le; packet.header := struct {
            integer { size = 32; align = 8; } magic;
            integer { size = 32; align = 8; } stream_id;
            integer { size = 64; align = 8; } stream_instance_id; }; };
        clock { name = c; freq = 1000000000; offset = 1000000000000000000; };
        typealias integer { size = 64; align = 8; map = clock.c.value; } := time;
        typealias integer { size = 32; align = 8; map = clock.c.value; } := low;
        stream { id = 0;
            packet.context := struct { time timestamp_begin; time timestamp_end;
                integer { size = 64; align = 8; } content_size; integer { size = 64; align = 8; } packet_size;
                integer { size = 64; align = 8; } events_discarded; integer { size = 64; align = 8; } cpu_id; };
            event.header := struct {
                enum : integer { size = 16; align = 8; } { compact = 0 ... 65534, extended = 65535 } id;
                variant <id> { struct { low timestamp; } compact;
                    struct { integer { size = 32; align = 8; } id; time timestamp; } extended; } v; } align(8); };
        event { name = text; id = 0; stream_id = 0; fields := struct { string _text;
            integer { size = 32; align = 8; } _n; }; };
        event { name = other; id = 1; stream_id = 0; fields := struct {
            integer { size = 8; align = 8; } _len; integer { size = 16; align = 8; } _seq[_len]; }; };";
    assert!(tsdl::read_metadata(metadata.as_bytes()).is_ok());
    let trace = folder.join("trace");
    std::fs::create_dir(&trace).unwrap();
    let mut random = 7u64;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for cpu in 0..5u64 {
        let mut data = Vec::new();
        let (mut now, mut discarded) = (1000u64, 0u64);
        for packet in 0..8u64 {
            // Times are coarse: many are equal.
            now += 50 * draw(40);
            let begin = now;
            let mut bytes = vec![0; START + 16];
            loop {
                now += 50 * draw(3);
                let mut event = Vec::new();
                let id = draw(2) as u16;
                event.extend(id.to_le_bytes());
                event.extend((now as u32).to_le_bytes());
                if id == 0 {
                    event.extend(
                        &b"some text \"quoted\" that is longer than a block of it\0"[draw(40) as usize..],
                    );
                    event.extend((draw(1 << 32) as u32).to_le_bytes());
                } else {
                    let length = draw(20);
                    event.push(length as u8);
                    event.extend((0..2 * length).map(|i| i as u8));
                }
                if bytes.len() + event.len() > PACKET_BYTES - draw(3000) as usize {
                    break;
                }
                bytes.extend(event);
            }
            discarded += if packet % 4 == 3 { draw(9) } else { 0 };
            let mut head = Vec::new();
            head.extend(0xC1FC_1FC1u32.to_le_bytes());
            head.extend(0u32.to_le_bytes());
            let sizes = [bytes.len() as u64 * 8, PACKET_BYTES as u64 * 8];
            for word in [cpu, begin, now, sizes[0], sizes[1], discarded, cpu] {
                head.extend(word.to_le_bytes());
            }
            bytes[..head.len()].copy_from_slice(&head);
            bytes.drain(head.len()..START + 16);
            let content = bytes.len() as u64 * 8;
            bytes[32..40].copy_from_slice(&content.to_le_bytes());
            bytes.resize(PACKET_BYTES, 0);
            data.extend(bytes);
            now += 50 * draw(100_000);
        }
        std::fs::write(trace.join(format!("stream{cpu}")), data).unwrap();
    }
    std::fs::write(trace.join("metadata"), metadata).unwrap();
    trace
}

#[test]
fn threads_print_what_one_prints() {
    let folder = tempfile::tempdir().unwrap();
    let trace = write_trace(folder.path());
    assert!(same(&trace, &Selection::default(), "all", &[(false, false), (true, false)]) > 1_000_000);
    let filter = Some(rttng_filter::compile("n < 40000000").unwrap());
    assert!(
        same(&trace, &Selection { filter, ..Selection::default() }, "filtered", &[(false, false)]) > 1000
    );
    let events = vec!["no such".to_owned()];
    same(&trace, &Selection { events, ..Selection::default() }, "nothing", &[(false, false)]);
    let limit = Some(1000);
    same(&trace, &Selection { limit, ..Selection::default() }, "limited", &[(true, false)]);
}

/// Whatever is wrong, it is met at the same place, and the same follows.
#[test]
fn threads_fail_where_one_fails() {
    let folder = tempfile::tempdir().unwrap();
    let trace = write_trace(folder.path());
    let file = trace.join("stream2");
    let right = std::fs::read(&file).unwrap();
    let packet = 4 * PACKET_BYTES;
    let read = |at: usize| u64::from_le_bytes(right[at..at + 8].try_into().unwrap());
    let (begin, end) = (read(packet + 16), read(packet + 24));
    // What a packet says of its end, of its begin, of its size; an event's id; the time of an event.
    for (what, at, bytes) in [
        ("an end too early", packet + 24, ((begin + end) / 2).to_le_bytes().to_vec()),
        ("an end much too early", packet + 24, (begin + 50).to_le_bytes().to_vec()),
        ("an end too late", packet + 24, (end + 50_000_000).to_le_bytes().to_vec()),
        ("an end before the begin", packet + 24, 1u64.to_le_bytes().to_vec()),
        ("a begin too early", packet + 16, 1u64.to_le_bytes().to_vec()),
        ("a begin too late", packet + 16, (end + 100).to_le_bytes().to_vec()),
        ("no magic", packet, vec![1, 2, 3, 4]),
        ("an unknown event", packet + 64, vec![9, 9]),
        ("less content", packet + 32, 4096u64.to_le_bytes().to_vec()),
        ("bytes in its middle", packet + PACKET_BYTES / 2, vec![255; 64]),
    ] {
        let mut wrong = right.clone();
        wrong[at..at + bytes.len()].copy_from_slice(&bytes);
        std::fs::write(&file, &wrong).unwrap();
        same(&trace, &Selection::default(), what, &[(false, false), (false, true)]);
    }
}
