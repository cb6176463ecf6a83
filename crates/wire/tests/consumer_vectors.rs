//! What lttng-sessiond and lttng-consumerd 2.13.9 said to each other (`tests/vectors/consumer/README.md`): every command
//! block, every reply and the buffers' transfer, byte for byte.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rttng_wire::consumer::{
    AddRelaydSocket, Answer, AskChannel, BLOCK_LEN, BlockingTimeout, BufferMode, ChannelCreated, ChannelKey,
    ChannelKind, ChannelObject, ChannelTransfer, ChunkId, CloseCommand, CloseTraceChunk, Command,
    CommandExchange, CreateTraceChunk, Credentials, Failure, Follows, MetadataAnswer, MetadataPull,
    MetadataRequest, MonitorSample, Pulled, PushMetadata, RegistryId, RelayIndex, RelaySessionId,
    RelaySocketKind, Reply, RotateChannel, SessionId, SnapshotChannel, Status, StreamObject,
    TraceChunkExists, TraceChunkPresence,
};
use rttng_wire::ust::ChannelId;
use rttng_wire::{Action, Bitness, Decode, Encode, Exchange};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/consumer")
}

fn vector(name: &str) -> Vec<u8> {
    let path = vectors().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads a captured block, and checks that writing it gives the same bytes.
fn command(name: &str) -> Command {
    let bytes = vector(name);
    let command = Command::from_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(command.to_bytes() == bytes, "{name}: {command:?} is written otherwise than captured");
    command
}

#[test]
fn every_captured_block_is_read_and_written() {
    let mut blocks = 0;
    for entry in std::fs::read_dir(vectors()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".bin") && (name.starts_with("local_") || name.starts_with("net_")) {
            assert!(!matches!(command(&name), Command::Unknown(_)), "{name}");
            blocks += 1;
        }
    }
    assert_eq!(blocks, 33);
}

/// The channel of `local_ask_channel.bin` (transcript_local.txt, "start").
fn asked() -> AskChannel {
    let uuid =
        [0x77, 0xa5, 0x46, 0xdc, 0x1c, 0xa5, 0x4c, 0xfa, 0x90, 0x3a, 0x82, 0x6c, 0x95, 0x77, 0xe6, 0xe5];
    AskChannel {
        subbuf_size: 16384,
        num_subbuf: 4,
        switch_timer: None,
        read_timer: None,
        live_timer: None,
        is_live: false,
        monitor_timer: Some(Duration::from_secs(1)),
        kind: ChannelKind::Data { mode: BufferMode::Discard, id: ChannelId(0) },
        session_id: SessionId(0),
        pathname: "uid/0/64-bit".into(),
        name: "ch".into(),
        buffer_credentials: Credentials { uid: 0, gid: 0 },
        relay: None,
        key: ChannelKey(1),
        chunk_id: Some(ChunkId(0)),
        uuid,
        tracefile_size: None,
        tracefile_count: None,
        registry: RegistryId(1),
        monitor: true,
        ust_app_uid: 0,
        blocking_timeout: BlockingTimeout::None,
        root_shm_path: None,
        shm_path: None,
    }
}

#[test]
fn blocks_mean_what_the_transcripts_say() {
    let key = ChannelKey(1);
    assert_eq!(command("local_ask_channel.bin"), Command::AskChannelCreation(Box::new(asked())));
    let Command::AskChannelCreation(metadata) = command("local_ask_channel_md.bin") else {
        panic!("not ASK_CHANNEL")
    };
    assert_eq!(
        (metadata.kind, metadata.key, metadata.monitor_timer),
        (ChannelKind::Metadata, ChannelKey(2), None)
    );
    let Command::AskChannelCreation(live) = command("net_ask_channel_live.bin") else {
        panic!("not ASK_CHANNEL")
    };
    assert_eq!((live.is_live, live.live_timer), (true, Some(Duration::from_millis(500))));
    assert_eq!(live.relay.map(|relay| relay.0 >= 2), Some(true));
    assert_eq!(command("local_get_channel.bin"), Command::GetChannel(key));
    let push = PushMetadata { key: ChannelKey(2), target_offset: 0, len: 2888, version: 0 };
    assert_eq!(command("local_push_metadata.bin"), Command::PushMetadata(push));
    let rotate = RotateChannel { metadata: true, relay: None, key: ChannelKey(2) };
    assert_eq!(command("local_rotate_channel_md.bin"), Command::RotateChannel(rotate));
    let Command::CreateTraceChunk(created) = command("local_create_trace_chunk.bin") else {
        panic!("not CREATE")
    };
    assert_eq!((created.session_id, created.chunk_id, created.relay), (SessionId(0), ChunkId(0), None));
    assert_eq!(created.credentials, Some(Credentials { uid: 0, gid: 0 }));
    let Command::CreateTraceChunk(named) = command("net_create_trace_chunk_snapshot.bin") else {
        panic!("not CREATE")
    };
    assert!(named.override_name.is_some_and(|name| name.starts_with("snapshot-1-")));
    let Command::CloseTraceChunk(closed) = command("local_close_trace_chunk.bin") else {
        panic!("not CLOSE")
    };
    assert_eq!(closed.close_command, Some(CloseCommand::MoveToCompleted));
    let control = AddRelaydSocket {
        index: RelayIndex(2),
        kind: RelaySocketKind::Control { relay_session: RelaySessionId(1) },
        major: 2,
        minor: 13,
        session_id: SessionId(0),
    };
    let Command::AddRelaydSocket(found) = command("net_add_relayd_socket_control.bin") else {
        panic!("not ADD")
    };
    assert_eq!(AddRelaydSocket { session_id: SessionId(0), ..found }, control);
    let Command::AddRelaydSocket(data) = command("net_add_relayd_socket_data.bin") else { panic!("not ADD") };
    assert_eq!(data.kind, RelaySocketKind::Data);
    let Command::SnapshotChannel(snapshot) = command("local_snapshot_channel.bin") else {
        panic!("not SNAPSHOT")
    };
    let pathname = "uid/0/64-bit".into();
    let SnapshotChannel { key, .. } = snapshot;
    assert_eq!(
        snapshot,
        SnapshotChannel { pathname, relay: None, metadata: false, key, nb_packets_per_stream: 0 }
    );
}

/// Offsets of the last fields, from section 5 of the specification.
#[test]
fn arguments_end_where_the_real_structures_do() {
    let mut ask = asked();
    ask.shm_path = Some("z".repeat(4095).into());
    ask.tracefile_size = NonZeroU64::new(1);
    let block = Command::AskChannelCreation(Box::new(ask)).to_bytes();
    assert_eq!((block.len(), &block[BLOCK_LEN - 2..]), (12690, &b"z\0"[..]));
    assert_eq!((block[4462], &block[8594..8596]), (1, &b"zz"[..]));
    let relay = Some(RelayIndex(2));
    let (session_id, chunk_id) = (SessionId(3), ChunkId(4));
    let credentials = Some(Credentials { uid: 5, gid: 0x0706_0504 });
    let override_name = Some("n".into());
    let create =
        CreateTraceChunk { relay, override_name, session_id, chunk_id, creation_timestamp_s: 6, credentials };
    let block = Command::CreateTraceChunk(create).to_bytes();
    assert_eq!((block[4], block[5], block[13], block[268], block[276]), (1, 2, b'n', 3, 4));
    assert_eq!((block[284], block[292], block[293], &block[297..302]), (6, 1, 5, &[4, 5, 6, 7, 0][..]));
    let close_command = Some(CloseCommand::Delete);
    let close = CloseTraceChunk { relay, session_id, chunk_id, close_timestamp_s: 6, close_command };
    let block = Command::CloseTraceChunk(close).to_bytes();
    assert_eq!((block[13], block[21], block[29], block[37], block[38]), (3, 4, 6, 1, 2));
}

/// Plays the consumer daemon: hands out `replies`, cut as the exchange asks, and notes what it sends.
fn run(
    mut exchange: impl Exchange<Outcome = Result<Answer, Failure>>,
    replies: &[u8],
) -> (Result<Answer, Failure>, Vec<String>) {
    let mut rest = VecDeque::from(replies.to_vec());
    let mut log = Vec::new();
    let outcome = loop {
        match exchange.next() {
            Action::Send(bytes) => log.push(format!("send {}", bytes.len())),
            Action::SendFds(count) => log.push(format!("send {count} fds")),
            Action::Receive(len) => {
                assert!(len > 0 && len <= rest.len(), "{len} bytes are awaited, there are {}", rest.len());
                let bytes: Vec<u8> = rest.drain(..len).collect();
                exchange.received(&bytes).unwrap();
                log.push(format!("receive {len}"));
            }
            Action::ReceiveFds(count) => {
                assert_eq!(rest.pop_front(), Some(0));
                log.push(format!("receive {count} fds"));
            }
            Action::Done(outcome) => break outcome,
        }
    };
    assert!(rest.is_empty(), "{} bytes of the reply are left", rest.len());
    (outcome, log)
}

fn plain(name: &str, replies: &[u8]) -> (Result<Answer, Failure>, Vec<String>) {
    run(CommandExchange::new(&command(name), Vec::new()), replies)
}

fn statuses(of: &[Status]) -> Vec<u8> {
    of.iter().flat_map(Encode::to_bytes).collect()
}

#[test]
fn a_channel_comes_as_captured() {
    let reply = vector("get_channel_reply.bin");
    let (outcome, log) = plain("local_get_channel.bin", &reply);
    let Ok(Answer::Channel(object)) = outcome else { panic!("{outcome:?}") };
    let stream = |number| StreamObject { shm_len: 86400, number };
    assert_eq!((object.blob.len(), &object.streams[..]), (920, &[stream(0), stream(1)][..]));
    assert_eq!(object.fd_count(), 5);
    let fds = log.iter().filter(|line| line.ends_with("fds")).collect::<Vec<_>>();
    assert_eq!(fds, ["receive 1 fds", "receive 2 fds", "receive 2 fds"]);
    assert_eq!(resent(&object), reply);
}

/// What the consumer daemon's end sends for an object, with the statuses around it.
fn resent(object: &ChannelObject) -> Vec<u8> {
    let mut sent = Reply::Status(Status::Success).to_bytes();
    let mut transfer = ChannelTransfer::new(object);
    loop {
        match transfer.next() {
            Action::Send(bytes) => sent.extend(bytes),
            Action::SendFds(_) => sent.push(0),
            Action::Done(()) => break,
            other => panic!("a transfer does not {other:?}"),
        }
    }
    sent.extend(Reply::Status(Status::Success).to_bytes());
    sent
}

#[test]
fn statuses_descriptors_and_data_alternate_as_captured() {
    let success = Status::Success;
    let (outcome, log) = plain("local_init.bin", &statuses(&[success]));
    assert_eq!((outcome, log), (Ok(Answer::Done), vec!["send 12690".into(), "receive 4".into()]));
    let with_fd = ["send 12690", "receive 4", "send 1 fds", "receive 4"];
    for name in [
        "local_set_channel_monitor_pipe.bin",
        "local_create_trace_chunk.bin",
        "net_add_relayd_socket_data.bin",
    ] {
        let (outcome, log) = plain(name, &statuses(&[success, success]));
        assert_eq!(outcome, Ok(Answer::Done));
        assert_eq!(log, with_fd, "{name}");
    }
    // A chunk at a relay daemon has no directory here.
    let (_, log) = plain("net_create_trace_chunk.bin", &statuses(&[success]));
    assert_eq!(log, ["send 12690", "receive 4"]);
    let text = vector("push_metadata_payload.bin");
    let push = command("local_push_metadata.bin");
    assert_eq!(push.follows(), Follows::Bytes(text.len()));
    let (outcome, log) = run(CommandExchange::new(&push, text), &statuses(&[success, success]));
    assert_eq!((outcome, log[2].as_str()), (Ok(Answer::Done), "send 2888"));
}

#[test]
fn a_bad_first_status_ends_the_exchange() {
    let (outcome, log) = plain("local_get_channel.bin", &statuses(&[Status::ChanNotFound]));
    assert_eq!(outcome.unwrap_err().status, Status::ChanNotFound);
    assert_eq!(log, ["send 12690", "receive 4"]);
    let text = vector("push_metadata_payload.bin");
    let push = CommandExchange::new(&command("local_push_metadata.bin"), text);
    let (outcome, log) = run(push, &statuses(&[Status::ChannelFail]));
    assert_eq!((outcome.unwrap_err().status, log.len()), (Status::ChannelFail, 2));
}

#[test]
fn replies_are_as_captured() {
    let created =
        Reply::ChannelCreated(Ok(ChannelCreated { key: ChannelKey(1), stream_count: 2 })).to_bytes();
    assert_eq!(created, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
    let (outcome, _) = plain("local_ask_channel.bin", &created);
    assert_eq!(outcome, Ok(Answer::ChannelCreated(ChannelCreated { key: ChannelKey(1), stream_count: 2 })));
    let failed = Reply::ChannelCreated(Err(Status::ChannelFail)).to_bytes();
    assert_eq!(failed, [0x76, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(plain("local_ask_channel.bin", &failed).0.unwrap_err().status, Status::ChannelFail);

    let closed = Reply::TraceChunkClosed { status: Status::Success, path: PathBuf::new() }.to_bytes();
    assert_eq!(closed, [0, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(plain("local_close_trace_chunk.bin", &closed).0, Ok(Answer::TraceChunkClosed(PathBuf::new())));
    let unknown =
        Reply::TraceChunkClosed { status: Status::UnknownTraceChunk, path: PathBuf::new() }.to_bytes();
    assert_eq!(unknown, [0x80, 0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(
        plain("local_close_trace_chunk.bin", &unknown).0.unwrap_err().status,
        Status::UnknownTraceChunk
    );

    let exists = |status| plain("local_trace_chunk_exists.bin", &statuses(&[status])).0;
    assert_eq!(exists(Status::TraceChunkExistsLocal), Ok(Answer::TraceChunk(TraceChunkPresence::Local)));
    assert_eq!(exists(Status::UnknownTraceChunk), Ok(Answer::TraceChunk(TraceChunkPresence::Gone)));
    assert!(exists(Status::Success).is_err());

    let pending = Reply::DataPending(true).to_bytes();
    assert_eq!(plain("local_data_pending.bin", &pending).0, Ok(Answer::DataPending(true)));
    assert_eq!(plain("local_lost_packets.bin", &Reply::Count(7).to_bytes()).0, Ok(Answer::Count(7)));
}

/// A peer that creates another channel than the one asked for cannot be trusted any further.
#[test]
fn a_reply_for_another_channel_is_an_error() {
    let mut exchange = CommandExchange::new(&command("local_ask_channel.bin"), Vec::new());
    let Action::Send(_) = exchange.next() else { panic!("the block is sent first") };
    let Action::Receive(16) = exchange.next() else { panic!("a reply is awaited") };
    let other = Reply::ChannelCreated(Ok(ChannelCreated { key: ChannelKey(9), stream_count: 2 }));
    assert!(exchange.received(&other.to_bytes()).is_err());
}

#[test]
fn requests_for_metadata_are_as_captured() {
    let bytes = vector("metadata_request.bin");
    let request = MetadataRequest::from_bytes(&bytes).unwrap();
    let (session_id, registry) = (SessionId(2), RegistryId(3));
    let expected =
        MetadataRequest { session_id, registry, bitness: Bitness::Bits64, uid: 0, key: ChannelKey(6) };
    assert_eq!((request, request.to_bytes()), (expected, bytes));
}

/// Drives the two ends of the metadata socket against each other.
fn pull(answer: MetadataAnswer) -> Pulled {
    let request = MetadataRequest::from_bytes(&vector("metadata_request.bin")).unwrap();
    let mut consumer = MetadataPull::new(request);
    let Action::Send(_) = consumer.next() else { panic!("the request is sent first") };
    let mut session = answer.exchange();
    let mut to_consumer = VecDeque::new();
    let pulled = loop {
        match consumer.next() {
            Action::Receive(len) => {
                while to_consumer.len() < len {
                    match session.next() {
                        Action::Send(bytes) => to_consumer.extend(bytes),
                        other => panic!("the session daemon does not {other:?} here"),
                    }
                }
                consumer.received(&to_consumer.drain(..len).collect::<Vec<_>>()).unwrap();
            }
            Action::Send(status) => {
                assert_eq!(session.next(), Action::Receive(4));
                session.received(&status).unwrap();
            }
            Action::Done(pulled) => break pulled,
            other => panic!("the consumer daemon does not {other:?}"),
        }
    };
    if matches!(&pulled, Pulled::Text(_, text) if !text.is_empty()) {
        assert_eq!(session.next(), Action::Receive(4));
        session.received(&Status::Success.to_bytes()).unwrap();
    }
    assert_eq!(session.next(), Action::Done(Ok(Answer::Done)));
    pulled
}

#[test]
fn metadata_is_pulled_whole_empty_or_not_at_all() {
    let text = |text: &[u8]| MetadataAnswer::Text {
        key: ChannelKey(6),
        target_offset: 100,
        version: 1,
        text: text.to_vec(),
    };
    let push = |len| PushMetadata { key: ChannelKey(6), target_offset: 100, len, version: 1 };
    assert_eq!(pull(text(b"event {}")), Pulled::Text(push(8), b"event {}".to_vec()));
    assert_eq!(pull(text(b"")), Pulled::Text(push(0), Vec::new()));
    assert_eq!(pull(MetadataAnswer::NoRegistry), Pulled::NoRegistry);
}

#[test]
fn monitor_samples_are_as_captured() {
    let bytes = vector("monitor_samples.bin");
    let (first, second) = bytes.split_at(32);
    for sample in [first, second] {
        let value = MonitorSample::from_bytes(sample).unwrap();
        let expected = MonitorSample { key: ChannelKey(11), lowest: 84, highest: 84, total_consumed: 0 };
        assert_eq!((value, &value.to_bytes()[..]), (expected, sample));
    }
}

/// Every command of the transcripts that has an own reply, with the reply that followed it.
#[test]
fn the_transcripts_replies_fit_their_commands() {
    let exists = Command::TraceChunkExists(TraceChunkExists {
        relay: None,
        session_id: SessionId(0),
        chunk_id: ChunkId(0),
    });
    let samples: std::collections::HashMap<&str, Command> = [
        ("TRACE_CHUNK_EXISTS", exists),
        ("DATA_PENDING", Command::DataPending(SessionId(0))),
        ("DISCARDED_EVENTS", command("local_discarded_events.bin")),
        ("LOST_PACKETS", command("local_lost_packets.bin")),
        ("FLUSH_CHANNEL", command("local_flush_channel.bin")),
        ("ROTATE_CHANNEL", command("local_rotate_channel.bin")),
        ("SETUP_METADATA", command("local_setup_metadata.bin")),
        ("CLOSE_METADATA", command("local_close_metadata.bin")),
        ("CLEAR_CHANNEL", command("local_clear_channel.bin")),
    ]
    .into();
    let mut checked = 0;
    for name in ["transcript_local.txt", "transcript_net.txt", "transcript_multi_uid.txt"] {
        let text = String::from_utf8(vector(name)).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        for pair in lines.windows(2) {
            let [sent, reply] = pair else { unreachable!() };
            let (Some(&"S>C"), Some(&"cmd"), Some(&"C>S"), Some(&"cmd")) =
                (sent.get(1), sent.get(2), reply.get(1), reply.get(2))
            else {
                continue;
            };
            let Some(sample) = sent.get(4).and_then(|name| samples.get(name)) else { continue };
            let hex = reply[4];
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
                .collect();
            let (outcome, _) = run(CommandExchange::new(sample, Vec::new()), &bytes);
            assert!(outcome.is_ok(), "{name}: {} answered by {hex}: {outcome:?}", sent[4]);
            checked += 1;
        }
    }
    assert!(checked > 50, "only {checked} replies were found");
}
