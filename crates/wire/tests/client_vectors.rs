//! The client protocol against what the real 2.13.9 programs sent: every captured request and reply is read, and
//! written again to the same bytes (`tests/vectors/client`, `tests/vectors/objects`).

use std::path::PathBuf;

use rttng_wire::client::*;
use rttng_wire::{Decode, Encode};

fn vectors(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(folder)
}

fn vector(name: &str) -> Vec<u8> {
    let path = vectors(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the client vectors, without `.req.bin` and `.rep.bin`.
fn exchanges() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(vectors("client/2.13"))
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.strip_suffix(".req.bin").map(str::to_owned))
        .collect();
    names.sort();
    assert_eq!(names.len(), 49);
    names
}

fn request(name: &str) -> (Request, Vec<u8>) {
    let bytes = vector(&format!("client/2.13/{name}.req.bin"));
    assert_eq!(
        RequestFrame::progress(&bytes),
        Ok(Progress::Complete { size: bytes.len(), fds: 0 }),
        "{name}"
    );
    (Request::from_bytes(&bytes).unwrap(), bytes)
}

fn command(name: &str) -> Command {
    request(name).0.command.unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

fn reply(name: &str) -> (Reply, Vec<u8>) {
    let kind = command(name).kind();
    let bytes = vector(&format!("client/2.13/{name}.rep.bin"));
    assert_eq!(
        ReplyFrame::progress(kind, &bytes),
        Ok(Progress::Complete { size: bytes.len(), fds: 0 }),
        "{name}"
    );
    (Reply::from_bytes(kind, &bytes).unwrap_or_else(|error| panic!("{name}: {error}")), bytes)
}

fn answer(name: &str) -> Answer {
    reply(name).0.result.unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn assert_same(name: &str, ours: &[u8], theirs: &[u8]) {
    if let Some(at) = (0..ours.len().max(theirs.len())).find(|&at| ours.get(at) != theirs.get(at)) {
        let around = |bytes: &[u8]| bytes.get(at.saturating_sub(8)..).map(|b| b[..b.len().min(32)].to_vec());
        panic!("{name}: byte {at}, ours {:x?}, theirs {:x?}", around(ours), around(theirs));
    }
}

#[test]
fn every_request_is_read_and_written_again() {
    for name in exchanges() {
        let (request, bytes) = request(&name);
        let command = request.command.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(request.header.kind, Some(command.kind()));
        assert_eq!(request.header.session.as_deref(), command.session(), "{name}");
        assert_same(&name, &command.to_request().unwrap(), &bytes);
    }
}

#[test]
fn every_reply_is_read_and_written_again() {
    for name in exchanges() {
        let (reply, mut bytes) = reply(&name);
        if name == "35-destroy-session" {
            // Nine bytes of a local location's header are whatever lay in the daemon's memory.
            bytes[28 + 5..28 + 14].fill(0);
        }
        assert_same(&name, &reply.to_bytes(), &bytes);
    }
}

#[test]
fn a_message_that_is_read_piece_by_piece_says_how_much_is_missing() {
    for name in exchanges() {
        let (request, bytes) = request(&name);
        let mut read = 0;
        loop {
            match RequestFrame::progress(&bytes[..read]).unwrap() {
                Progress::Needs(missing) => read += missing,
                Progress::Complete { size, .. } => {
                    break assert_eq!((size, read), (bytes.len(), bytes.len()));
                }
            }
        }
        let kind = request.header.kind.unwrap();
        let bytes = vector(&format!("client/2.13/{name}.rep.bin"));
        let mut read = 0;
        loop {
            match ReplyFrame::progress(kind, &bytes[..read]).unwrap() {
                Progress::Needs(missing) => read += missing,
                Progress::Complete { size, .. } => {
                    break assert_eq!((size, read), (bytes.len(), bytes.len()));
                }
            }
        }
    }
}

#[test]
fn requests_mean_what_the_command_line_said() {
    let ust = Some(Domain::new(DomainType::Ust, BufferType::PerUid));

    let Command::EnableChannel { session, domain, channel } = command("05-enable-channel") else { panic!() };
    let mut attributes = defaults::channel_attributes(DomainType::Ust, BufferType::PerUid, 4096);
    attributes.subbuf_size = 64 << 10;
    attributes.live_timer = std::time::Duration::from_micros(u32::MAX.into());
    assert_eq!((session.as_str(), domain), ("s1", ust));
    assert_eq!(channel, Channel::new("chan1", attributes));

    let Command::EnableEvent { channel, event, .. } = command("06-enable-event") else { panic!() };
    assert_eq!((channel.as_str(), event.name.as_str()), ("chan1", "demo:tick"));
    assert_eq!((&event.kind, event.log_level), (&EventKind::Tracepoint, LogLevelSelection::range(6)));
    let filter = event.filter.unwrap();
    assert_eq!(filter.expression, "n > 5");
    let bytecode = filter.bytecode.unwrap();
    assert_eq!((bytecode.data.len(), bytecode.reloc_table_offset), (18, 14));

    let Command::EnableEvent { domain, event, .. } = command("07-enable-event-jul") else { panic!() };
    assert_eq!(domain.map(|domain| domain.kind), Some(DomainType::Jul));
    assert_eq!(event.filter.unwrap().expression, r#"logger_name == "org.x""#);

    let Command::EnableEvent { event, .. } = command("08-enable-event-excl") else { panic!() };
    assert_eq!((event.name.as_str(), event.exclusions), ("demo:*", vec!["demo:sm*".to_owned()]));

    let Command::AddContext { context, .. } = command("10-add-context-perf") else { panic!() };
    let Context::Perf(counter) = context else { panic!() };
    assert_eq!((counter.scope, counter.name.as_str()), (PerfScope::Thread, "perf_thread_cpu_cycles"));

    let Command::TrackerAddIncludeValue { attribute, value, .. } = command("14-tracker-add-name") else {
        panic!()
    };
    assert_eq!((attribute, value), (ProcessAttribute::Vuid, ProcessAttributeValue::UserName("root".into())));

    let Command::CreateSessionExt { home, descriptor } = command("03-create-session-ext") else { panic!() };
    assert_eq!(home, Some("/home/demo".into()));
    let wanted = SessionDescriptor {
        kind: SessionKind::Regular,
        name: Some("s1".into()),
        output: SessionOutput::Local(None),
    };
    assert_eq!(*descriptor, wanted);

    let Command::SnapshotDelOutput { output, .. } = command("38-snapshot-del-output") else { panic!() };
    assert_eq!(output.id.map(|id| id.get()), Some(1));
    assert_eq!(output.max_size, SnapshotMaxSize::Unset);

    let Command::RotationSetSchedule { schedule, activate, .. } = command("26-rotation-set-schedule-size")
    else {
        panic!()
    };
    assert_eq!((schedule, activate), (RotationSchedule::Size(10 << 20), true));
}

#[test]
fn replies_mean_what_the_daemon_did() {
    let Answer::Tracepoints(events) = answer("01-list-tracepoints") else { panic!() };
    assert_eq!(events.len(), 28);
    assert!(events.iter().all(|event| event.enabled.is_none() && event.kind == EventKind::Tracepoint));

    let Answer::TracepointFields(fields) = answer("02-list-tracepoint-fields") else { panic!() };
    assert_eq!(fields.len(), 107);
    assert!(fields.iter().any(|field| field.name == "i" && field.field_type == FieldType::Integer));

    let Answer::Sessions(sessions) = answer("04-list-sessions") else { panic!() };
    assert_eq!((sessions.len(), sessions[0].name.as_str(), sessions[0].active), (1, "s1", false));
    assert!(sessions[0].creation_time_s.is_some());

    let Answer::Domains(domains) = answer("19-list-domains") else { panic!() };
    let kinds: Vec<_> = domains.iter().map(|domain| (domain.kind, domain.buffers)).collect();
    assert_eq!(
        kinds,
        [(DomainType::Ust, Some(BufferType::PerUid)), (DomainType::Jul, Some(BufferType::PerUid))]
    );

    let Answer::Events(events) = answer("21-list-events") else { panic!() };
    assert_eq!(events[0].filter, Some(Filter { expression: "n > 5".into(), bytecode: None }));

    assert_eq!(answer("23-rotate-session"), Answer::RotationStarted(RotationId(0)));
    let Answer::RotationInfo(info) = answer("44-rotation-get-info-net") else { panic!() };
    let location = TraceArchiveLocation::Relay {
        host: "127.0.0.1".into(),
        protocol: rotation::RelayProtocol::Tcp,
        control_port: 5342,
        data_port: 5343,
        path: "demohost/sub".into(),
    };
    assert_eq!(*info, RotationInfo { state: RotationState::Completed, location: Some(location) });

    let Answer::Destroyed(destruction) = answer("35-destroy-session") else { panic!() };
    assert!(matches!(
        destruction.rotation,
        reply::ImplicitRotation::Completed(TraceArchiveLocation::Local { .. })
    ));

    assert_eq!(reply("46-stop-trace-2").0.result, Err(ErrorCode::TraceAlreadyStopped));
    assert_eq!(answer("34-data-pending"), Answer::DataPending(false));
    assert_eq!(reply("45-clear-session").0.pid, u32::MAX);

    let Answer::SessionCreated(descriptor) = answer("42-create-session-ext-net") else { panic!() };
    let SessionOutput::Network(Some(network)) = descriptor.output else { panic!() };
    assert_eq!(network.control.to_string(), "tcp4://127.0.0.1:5342/sub");
    assert_eq!((network.data.port, network.data.subdir.as_str()), (5343, ""));
}

/// A name that one user chose must not hide the sessions of the others, and must not outgrow its field.
#[test]
fn a_listed_name_that_is_not_utf8_hides_nothing_and_comes_through() {
    let mut bytes = vector("client/2.13/04-list-sessions.rep.bin");
    bytes[24..24 + 254].fill(0xeb);
    let Ok(Answer::Sessions(sessions)) = Reply::from_bytes(CommandKind::ListSessions, &bytes).unwrap().result
    else {
        panic!()
    };
    assert_eq!(rttng_wire::text::to_bytes(&sessions[0].name).as_ref(), [0xeb; 254]);
    assert!(sessions[0].creation_time_s.is_some());
}
