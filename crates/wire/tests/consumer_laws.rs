//! Laws of the consumer protocol: what is written is read again, by the other end, as the same value; and whatever a
//! stranger sends is a value or an error.

mod feed;

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use feed::{feed, mutate};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rttng_wire::consumer::*;
use rttng_wire::ust::ChannelId;
use rttng_wire::{Bitness, Decode, Encode};

fn path() -> impl Strategy<Value = PathBuf> {
    "[a-z/.-]{1,40}".prop_map(PathBuf::from)
}

fn timer() -> impl Strategy<Value = Option<Duration>> {
    option::of((1..=u32::MAX).prop_map(|micros| Duration::from_micros(micros.into())))
}

fn key() -> impl Strategy<Value = ChannelKey> {
    any::<u64>().prop_map(ChannelKey)
}

fn session() -> impl Strategy<Value = SessionId> {
    any::<u64>().prop_map(SessionId)
}

fn chunk() -> impl Strategy<Value = ChunkId> {
    any::<u64>().prop_map(ChunkId)
}

fn relay() -> impl Strategy<Value = Option<RelayIndex>> {
    option::of((0..u64::MAX).prop_map(RelayIndex))
}

fn credentials() -> impl Strategy<Value = Credentials> {
    (any::<u32>(), any::<u32>()).prop_map(|(uid, gid)| Credentials { uid, gid })
}

fn ask_channel() -> impl Strategy<Value = AskChannel> {
    let kind = prop_oneof![
        (select(BufferMode::ALL), any::<u32>())
            .prop_map(|(mode, id)| ChannelKind::Data { mode, id: ChannelId(id) }),
        Just(ChannelKind::Metadata),
    ];
    let timeout = prop_oneof![
        Just(BlockingTimeout::None),
        Just(BlockingTimeout::Infinite),
        (1..=i64::MAX as u64).prop_map(|micros| BlockingTimeout::Finite(Duration::from_micros(micros))),
    ];
    let sizes = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>());
    let timers = (timer(), timer(), timer(), timer(), timeout);
    let ids = (session(), key(), option::of(chunk()), relay(), any::<u64>(), any::<[u8; 16]>());
    let who = (credentials(), any::<u32>(), any::<bool>(), any::<bool>());
    let texts = (path(), "[a-z]{0,20}", option::of(path()), option::of(path()));
    (kind, sizes, timers, ids, who, texts).prop_map(|(kind, sizes, timers, ids, who, texts)| AskChannel {
        subbuf_size: sizes.0,
        num_subbuf: sizes.1,
        switch_timer: timers.0,
        read_timer: timers.1,
        live_timer: timers.2,
        is_live: who.2,
        monitor_timer: timers.3,
        kind,
        session_id: ids.0,
        pathname: texts.0,
        name: texts.1,
        buffer_credentials: who.0,
        relay: ids.3,
        key: ids.1,
        chunk_id: ids.2,
        uuid: ids.5,
        tracefile_size: NonZeroU64::new(sizes.2),
        tracefile_count: NonZeroU32::new(sizes.3),
        registry: RegistryId(ids.4),
        monitor: who.3,
        ust_app_uid: who.1,
        blocking_timeout: timers.4,
        root_shm_path: texts.2,
        shm_path: texts.3,
    })
}

fn add_channel() -> impl Strategy<Value = AddChannel> {
    let ids = (key(), session(), option::of(chunk()), relay());
    let kinds = (select(Output::ALL), select(KernelChannelKind::ALL), any::<bool>(), any::<bool>());
    let sizes = (any::<u32>(), any::<u64>(), any::<u32>());
    (ids, kinds, sizes, (timer(), timer()), path(), "[a-z]{0,20}").prop_map(
        |(ids, kinds, sizes, timers, pathname, name)| AddChannel {
            key: ids.0,
            session_id: ids.1,
            chunk_id: ids.2,
            pathname,
            relay: ids.3,
            nb_init_streams: sizes.0,
            name,
            output: kinds.0,
            kind: kinds.1,
            tracefile_size: NonZeroU64::new(sizes.1),
            tracefile_count: NonZeroU32::new(sizes.2),
            monitor: kinds.2,
            live_timer: timers.0,
            is_live: kinds.3,
            monitor_timer: timers.1,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    let of_channel = [
        Command::GetChannel as fn(ChannelKey) -> Command,
        Command::DestroyChannel,
        Command::CloseMetadata,
        Command::SetupMetadata,
        Command::FlushChannel,
        Command::ClearQuiescentChannel,
        Command::ClearChannel,
        Command::OpenChannelPackets,
    ];
    let simple =
        [Command::UpdateStream, Command::Stop, Command::SnapshotMetadata, Command::SetChannelMonitorPipe];
    let socket_kind = prop_oneof![
        any::<u64>().prop_map(|id| RelaySocketKind::Control { relay_session: RelaySessionId(id) }),
        Just(RelaySocketKind::Data),
    ];
    let create =
        (relay(), option::of("[a-z0-9-]{1,40}"), session(), chunk(), any::<u64>(), option::of(credentials()));
    let close = (relay(), session(), chunk(), any::<u64>(), option::of(select(CloseCommand::ALL)));
    prop_oneof![
        select(simple.to_vec()),
        (select(of_channel.to_vec()), key()).prop_map(|(make, key)| make(key)),
        add_channel().prop_map(Command::AddChannel),
        ask_channel().prop_map(|of| Command::AskChannelCreation(Box::new(of))),
        (any::<u64>(), key(), any::<i32>(), any::<bool>()).prop_map(
            |(stream_key, channel_key, cpu, no_monitor)| {
                Command::AddStream(AddStream { stream_key, channel_key, cpu, no_monitor })
            }
        ),
        (any::<u64>(), socket_kind, any::<u32>(), any::<u32>(), session()).prop_map(
            |(index, kind, major, minor, session_id)| {
                Command::AddRelaydSocket(AddRelaydSocket {
                    index: RelayIndex(index),
                    kind,
                    major,
                    minor,
                    session_id,
                })
            }
        ),
        any::<u64>().prop_map(|index| Command::DestroyRelayd(RelayIndex(index))),
        session().prop_map(Command::DataPending),
        (key(), any::<u64>(), 0..5000u32, any::<u64>()).prop_map(|(key, target_offset, len, version)| {
            Command::PushMetadata(PushMetadata { key, target_offset, len, version })
        }),
        (path(), relay(), any::<bool>(), key(), any::<u64>()).prop_map(
            |(pathname, relay, metadata, key, nb_packets_per_stream)| {
                Command::SnapshotChannel(SnapshotChannel {
                    pathname,
                    relay,
                    metadata,
                    key,
                    nb_packets_per_stream,
                })
            }
        ),
        (key(), relay())
            .prop_map(|(channel_key, relay)| Command::StreamsSent(StreamsSent { channel_key, relay })),
        (session(), key()).prop_map(|(session_id, key)| Command::DiscardedEvents { session_id, key }),
        (session(), key()).prop_map(|(session_id, key)| Command::LostPackets { session_id, key }),
        (session(), key()).prop_map(|(session_id, key)| Command::ChannelUsage { session_id, key }),
        (any::<bool>(), relay(), key()).prop_map(|(metadata, relay, key)| {
            Command::RotateChannel(RotateChannel { metadata, relay, key })
        }),
        any::<[u8; 16]>().prop_map(|sessiond_uuid| Command::Init { sessiond_uuid }),
        create.prop_map(|(relay, override_name, session_id, chunk_id, creation_timestamp_s, credentials)| {
            Command::CreateTraceChunk(CreateTraceChunk {
                relay,
                override_name,
                session_id,
                chunk_id,
                creation_timestamp_s,
                credentials,
            })
        }),
        close.prop_map(|(relay, session_id, chunk_id, close_timestamp_s, close_command)| {
            Command::CloseTraceChunk(CloseTraceChunk {
                relay,
                session_id,
                chunk_id,
                close_timestamp_s,
                close_command,
            })
        }),
        (relay(), session(), chunk()).prop_map(|(relay, session_id, chunk_id)| {
            Command::TraceChunkExists(TraceChunkExists { relay, session_id, chunk_id })
        }),
        (28..u32::MAX).prop_map(Command::Unknown),
    ]
}

/// The session daemon's end, with data as announced.
fn exchange(command: &Command) -> CommandExchange {
    let data = if let Follows::Bytes(len) = command.follows() { vec![b'm'; len] } else { Vec::new() };
    CommandExchange::new(command, data)
}

proptest! {
    #[test]
    fn commands_round_trip(value in command()) {
        let bytes = value.to_bytes();
        prop_assert_eq!(bytes.len(), BLOCK_LEN);
        prop_assert_eq!(CommandCode::of_block(&bytes), Ok(value.code()));
        prop_assert_eq!(Command::from_bytes(&bytes), Ok(value));
    }

    #[test]
    fn changed_commands_are_values_or_errors(
        value in command(),
        changes in vec((any::<Index>(), any::<u8>()), 1..20),
        code in option::of(0..30u8),
    ) {
        let mut bytes = value.to_bytes();
        mutate(&mut bytes, &changes);
        if let Some(code) = code {
            bytes[..4].copy_from_slice(&u32::from(code).to_ne_bytes());
        }
        if let Ok(received) = Command::from_bytes(&bytes) {
            prop_assert_eq!(Command::from_bytes(&received.to_bytes()), Ok(received));
        }
    }

    /// A failure of any command is understood as that, and ends the exchange.
    #[test]
    fn failures_are_understood(value in command(), status in select(Status::ALL)) {
        let presence =
            [Status::TraceChunkExistsLocal, Status::TraceChunkExistsRemote, Status::UnknownTraceChunk];
        let Some(reply) = Reply::failure(value.code(), status) else { return Ok(()) };
        let code = value.code();
        let (outcome, _) = feed(exchange(&value), &reply.to_bytes());
        match reply {
            Reply::Status(_) if code == CommandCode::TraceChunkExists && presence.contains(&status) => {
                prop_assert!(matches!(outcome, Some(Ok(Answer::TraceChunk(_)))));
            }
            Reply::DataPending(_) => prop_assert_eq!(outcome, Some(Ok(Answer::DataPending(false)))),
            Reply::Count(_) => prop_assert_eq!(outcome, Some(Ok(Answer::Count(0)))),
            Reply::Usage(usage) => prop_assert_eq!(outcome, Some(Ok(Answer::Usage(usage)))),
            _ if status == Status::Success && code != CommandCode::TraceChunkExists => {}
            _ => prop_assert_eq!(outcome, Some(Err(Failure { command: code, status }))),
        }
    }

    #[test]
    fn channels_arrive_as_they_were_sent(
        blob in vec(any::<u8>(), 1..2000),
        streams in vec((0..u64::MAX, any::<u32>()), 0..20),
    ) {
        let streams = streams.into_iter().map(|(shm_len, number)| StreamObject { shm_len, number }).collect();
        let object = ChannelObject { blob: blob.into(), streams };
        let (_, transfer) = feed(ChannelTransfer::new(&object), &[]);
        let status = Reply::Status(Status::Success).to_bytes();
        let reply = [&status[..], &transfer, &status].concat();
        let (outcome, _) = feed(exchange(&Command::GetChannel(ChannelKey(1))), &reply);
        prop_assert_eq!(outcome, Some(Ok(Answer::Channel(object))));
    }

    #[test]
    fn closed_chunks_have_a_path(path in path()) {
        let close = CloseTraceChunk {
            relay: None,
            session_id: SessionId(0),
            chunk_id: ChunkId(0),
            close_timestamp_s: 1,
            close_command: None,
        };
        let reply = Reply::TraceChunkClosed { status: Status::Success, path: path.clone() };
        let (outcome, _) = feed(exchange(&Command::CloseTraceChunk(close)), &reply.to_bytes());
        prop_assert_eq!(outcome, Some(Ok(Answer::TraceChunkClosed(path))));
    }

    #[test]
    fn any_reply_is_an_answer_or_an_error(value in command(), good in any::<bool>(), reply in vec(any::<u8>(), 0..3000)) {
        let start: &[u8] = if good { &[0; 4] } else { &[] };
        feed(exchange(&value), &[start, &reply].concat());
    }

    #[test]
    fn changed_transfers_are_channels_or_errors(
        changes in vec((any::<Index>(), any::<u8>()), 1..8),
        blob in vec(any::<u8>(), 1..200),
    ) {
        let streams = vec![StreamObject { shm_len: 4096, number: 0 }, StreamObject { shm_len: 4096, number: 1 }];
        let object = ChannelObject { blob: blob.into(), streams };
        let mut transfer = feed(ChannelTransfer::new(&object), &[]).1;
        mutate(&mut transfer, &changes);
        feed(exchange(&Command::GetChannel(ChannelKey(1))), &[&[0; 4], &transfer[..], &[0; 4]].concat());
    }

    #[test]
    fn metadata_requests_round_trip(
        (session_id, registry, uid, key) in (session(), any::<u64>(), any::<u32>(), key()),
        bitness in select(Bitness::ALL),
    ) {
        let value = MetadataRequest { session_id, registry: RegistryId(registry), bitness, uid, key };
        prop_assert_eq!(MetadataRequest::from_bytes(&value.to_bytes()), Ok(value));
    }

    #[test]
    fn any_answer_to_a_metadata_request_is_taken_or_refused(
        head in vec(any::<u8>(), 0..64),
        code in select(&[10u32, 12, 11, 22][..]),
        key_matches in any::<bool>(),
    ) {
        let (session_id, registry, key) = (SessionId(0), RegistryId(0), ChannelKey(6));
        let request = MetadataRequest { session_id, registry, bitness: Bitness::Bits64, uid: 0, key };
        let key = if key_matches { key.0 } else { 5 };
        let mut block = [&code.to_ne_bytes()[..], &key.to_ne_bytes(), &head].concat();
        block.resize(BLOCK_LEN, 0);
        let (pulled, _) = feed(MetadataPull::new(request), &block);
        prop_assert!(key_matches || code == 12 || pulled.is_none());
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Command::from_bytes(&bytes);
        let _ = MetadataRequest::from_bytes(&bytes);
        let _ = MonitorSample::from_bytes(&bytes);
        let _ = Status::from_bytes(&bytes);
    }
}
