//! Every command that `docs/spec/consumer-protocol.md` lists as ending or hanging the real consumer daemon, and numbers
//! that no session daemon sends: each has its answer, or none where the real one gives none, and the next command is
//! answered.

use std::io::Write;
use std::path::PathBuf;

use rttng_wire::Encode;
use rttng_wire::consumer::*;

use crate::sessiond::{Sessiond, data, metadata};

/// Bytes of a command in which something is put at an offset.
fn with(command: Command, at: usize, put: &[u8]) -> Vec<u8> {
    let mut block = command.to_bytes();
    block[at..at + put.len()].copy_from_slice(put);
    block
}

/// A command of nothing but its number.
fn number(number: u32) -> Vec<u8> {
    let mut block = vec![0; BLOCK_LEN];
    block[..4].copy_from_slice(&number.to_ne_bytes());
    block
}

fn status(code: u32) -> Vec<u8> {
    code.to_ne_bytes().to_vec()
}

#[test]
fn each_command_has_its_answer_and_the_next_one_is_answered() {
    let mut s = Sessiond::start();
    s.chunk(0);
    // Known channels: 1 in no chunk, 2 metadata in one, 3 handed out already, 4 of a session that takes snapshots.
    assert_eq!(s.ask_channel(data(1, None)).0, 0);
    assert_eq!(s.ask_channel(metadata(2, Some(0))).0, 0);
    assert_eq!(s.ask_channel(data(3, Some(0))).0, 0);
    let kept = s.get_channel(3);
    assert_eq!(s.ask_channel(AskChannel { monitor: false, ..data(4, None) }).0, 0);
    let ask = |channel| Command::AskChannelCreation(Box::new(channel));
    let refused = || [status(118), vec![0; 12]].concat();
    let snapshot = |key, nb_packets_per_stream| {
        let pathname = PathBuf::from("uid/0/64-bit");
        let key = ChannelKey(key);
        let of = SnapshotChannel { pathname, relay: None, metadata: false, key, nb_packets_per_stream };
        Command::SnapshotChannel(of).to_bytes()
    };
    let rotate = |key| {
        Command::RotateChannel(RotateChannel { metadata: false, relay: None, key: ChannelKey(key) })
            .to_bytes()
    };
    let push = |key, target_offset| {
        Command::PushMetadata(PushMetadata { key: ChannelKey(key), target_offset, len: 4, version: 0 })
    };
    let close = CloseTraceChunk {
        relay: None,
        session_id: SessionId(1),
        chunk_id: ChunkId(77),
        close_timestamp_s: u64::MAX,
        close_command: None,
    };
    let rows: Vec<(&str, &str, Vec<u8>, Vec<u8>)> = vec![
        // What ends the real daemon, or leaves its peer waiting.
        ("5.1", "STOP", number(3), vec![]),
        ("5.1", "ADD_CHANNEL of the kernel", number(0), vec![]),
        ("5.1", "ADD_STREAM of the kernel", number(1), vec![]),
        ("5.1", "SNAPSHOT_METADATA", number(15), vec![]),
        ("5.1", "STREAMS_SENT of the kernel", number(16), vec![]),
        ("5.1", "command 28", number(28), vec![]),
        ("5.1", "command 2^32-1", number(u32::MAX), vec![]),
        ("5.2", "a channel of type 2", with(ask(data(9, None)), 45, &2u32.to_ne_bytes()), refused()),
        ("5.2", "a channel of type -1", with(ask(data(9, None)), 45, &[0xff; 4]), refused()),
        ("5.2", "a channel of output 0", with(ask(data(9, None)), 41, &[0; 4]), refused()),
        ("6.7", "GET_CHANNEL a second time", Command::GetChannel(ChannelKey(3)).to_bytes(), status(119)),
        ("6.7", "GET_CHANNEL of metadata", Command::GetChannel(ChannelKey(2)).to_bytes(), status(119)),
        (
            "6.8",
            "DESTROY_CHANNEL of one that was handed out",
            Command::DestroyChannel(ChannelKey(3)).to_bytes(),
            status(0),
        ),
        ("6.8", "DESTROY_CHANNEL of metadata", Command::DestroyChannel(ChannelKey(2)).to_bytes(), status(0)),
        ("6.14", "SNAPSHOT_CHANNEL in no chunk", snapshot(4, 0), status(122)),
        ("6.14", "SNAPSHOT_CHANNEL of a channel that is written", snapshot(3, 0), status(122)),
        ("6.14", "SNAPSHOT_CHANNEL of 2^64-1 packets", snapshot(4, u64::MAX), status(122)),
        ("6.15", "ROTATE_CHANNEL in no chunk", rotate(1), status(0)),
        (
            "6.17",
            "OPEN_CHANNEL_PACKETS of metadata",
            Command::OpenChannelPackets(ChannelKey(2)).to_bytes(),
            status(125),
        ),
        // Numbers.
        (
            "5.2",
            "sub-buffers of 0",
            ask(AskChannel { subbuf_size: 0, ..data(9, None) }).to_bytes(),
            refused(),
        ),
        (
            "5.2",
            "sub-buffers of 2^63",
            ask(AskChannel { subbuf_size: 1 << 63, ..data(9, None) }).to_bytes(),
            refused(),
        ),
        (
            "5.2",
            "sub-buffers of 2^64-1",
            ask(AskChannel { subbuf_size: u64::MAX, ..data(9, None) }).to_bytes(),
            refused(),
        ),
        (
            "5.2",
            "2^63 sub-buffers",
            ask(AskChannel { num_subbuf: 1 << 63, ..data(9, None) }).to_bytes(),
            refused(),
        ),
        (
            "5.2",
            "2^32 sub-buffers of 2^32",
            ask(AskChannel { subbuf_size: 1 << 32, num_subbuf: 1 << 32, ..data(9, None) }).to_bytes(),
            refused(),
        ),
        (
            "5.2",
            "metadata in sub-buffers of 2^63",
            ask(AskChannel { subbuf_size: 1 << 63, ..metadata(9, None) }).to_bytes(),
            refused(),
        ),
        ("5.2", "a chunk that is not there", ask(data(9, Some(u64::MAX))).to_bytes(), refused()),
        ("5.2", "a name without NUL", with(ask(data(9, None)), 4153, &[b'n'; 256]), refused()),
        ("5.2", "a path without NUL", with(ask(data(9, None)), 57, &[b'p'; 4096]), refused()),
        ("6.9", "PUSH_METADATA of 2^32-1 bytes", with(push(2, 0), 20, &u32::MAX.to_ne_bytes()), status(115)),
        (
            "6.20",
            "CLOSE_TRACE_CHUNK of none",
            Command::CloseTraceChunk(close).to_bytes(),
            [status(128), vec![1, 0, 0, 0, 0]].concat(),
        ),
        (
            "6.5",
            "DESTROY_RELAYD of none",
            Command::DestroyRelayd(RelayIndex(u64::MAX)).to_bytes(),
            status(117),
        ),
    ];
    for (section, what, block, expected) in rows {
        s.commands.write_all(&block).unwrap();
        // Whatever does not answer as it should, the answer of this question is off its place.
        s.send(Command::DiscardedEvents { session_id: SessionId(1), key: ChannelKey(u64::MAX) });
        let mut answer = vec![0xee; expected.len() + 8];
        std::io::Read::read_exact(&mut s.commands, &mut answer).unwrap();
        assert_eq!(answer, [expected, vec![0; 8]].concat(), "{what} (section {section})");
    }
    // Text far behind what is known leaves a gap.
    assert_eq!(s.push(u64::MAX, 0, b"text"), 115, "PUSH_METADATA at 2^64-1 (section 6.9)");
    assert_eq!(s.push(0, 0, b"text"), 0);
    // A relay daemon of no kind: nothing is announced, so no descriptor is waited for.
    s.commands.write_all(&number(4)).unwrap();
    assert_eq!(s.status(), 125, "ADD_RELAYD_SOCKET (section 6.2)");
    assert!(!s.is_pending());
    // Channel 1 was never handed out: the real daemon stays for ever because of it (section 2.4).
    drop(kept);
    s.finish();
}

#[test]
fn a_connection_that_is_damaged_ends_the_daemon_and_nothing_else() {
    // Another daemon's command, and a descriptor that does not come with its byte (sections 5.1, 3).
    for damage in [number(2), [Command::SetChannelMonitorPipe.to_bytes(), vec![0]].concat()] {
        let mut s = Sessiond::start();
        s.commands.write_all(&damage).unwrap();
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut s.commands, &mut rest).unwrap();
        assert!(rest.is_empty() || rest == status(0), "{rest:?}");
        s.finish();
    }
}
