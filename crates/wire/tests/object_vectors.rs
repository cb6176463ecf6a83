//! Triggers, notifications and the other objects of a variable size against what the real 2.13.9 programs sent
//! (`tests/vectors/objects`): every vector is read, and written again to the same bytes.

use std::ops::Range;

use rttng_wire::client::capture::{CapturedEnum, CapturedInteger};
use rttng_wire::client::evaluation::SampledUsage;
use rttng_wire::client::*;
use rttng_wire::{Decode, Encode, WireError};

fn vector(name: &str) -> Vec<u8> {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/objects").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes a value and compares it to the vector that it was read from. Real programs leave some bytes as they were in
/// memory; the `undefined` ones are passed over.
#[track_caller]
fn assert_writes(name: &str, ours: &[u8], undefined: Range<usize>) {
    let theirs = vector(name);
    let differs = |at: &usize| ours.get(*at) != theirs.get(*at) && !undefined.contains(at);
    let differences: Vec<usize> = (0..ours.len().max(theirs.len())).filter(differs).collect();
    assert!(
        differences.is_empty(),
        "{name}: ours has {} bytes of {}, differs at {differences:?}",
        ours.len(),
        theirs.len()
    );
}

fn list_of_one(action: Action) -> Action {
    Action::List(vec![action])
}

/// All request payloads of `lttng add-trigger`, with the bytes that the real program left undefined.
const TRIGGERS: &[(&str, Range<usize>)] = &[
    ("req-auto-name.bin", 0..0),
    ("req-jul.bin", 0..0),
    ("req-kernel-kprobe-address.bin", 0..0),
    ("req-kernel-kprobe-symbol.bin", 0..0),
    ("req-kernel-syscall.bin", 0..0),
    ("req-kernel-tracepoint.bin", 0..0),
    ("req-kernel-uprobe-elf.bin", 0..0),
    ("req-log4j.bin", 0..0),
    ("req-owner-uid.bin", 0..0),
    ("req-python.bin", 0..0),
    // After the NUL of the empty data URL.
    ("req-snapshot-action.bin", 4433..8528),
    ("req-user-tracepoint.bin", 0..0),
    ("register-trigger-request-payload.bin", 0..0),
    ("register-trigger-reply-payload.bin", 0..0),
];

fn trigger(name: &str) -> Trigger {
    Trigger::from_bytes(&vector(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn triggers_are_read_and_written_again() {
    for (name, undefined) in TRIGGERS.iter().cloned() {
        let trigger = trigger(name);
        assert_writes(name, &trigger.to_bytes(), undefined);
        assert_eq!(trigger.fds(), u32::from(name == "req-kernel-uprobe-elf.bin"), "{name}");
    }
}

#[test]
fn triggers_mean_what_the_command_line_said() {
    let every = |n| RatePolicy::EveryN(std::num::NonZeroU64::new(n).unwrap());
    let captures = vec![
        EventExpression::PayloadField("intfield".into()),
        EventExpression::ContextField("vpid".into()),
        EventExpression::AppContextField { provider: "prov".into(), name: "ty".into() },
        EventExpression::ArrayElement {
            index: 3,
            array: Box::new(EventExpression::PayloadField("arr".into())),
        },
    ];
    let texts: Vec<String> = captures.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["intfield", "$ctx.vpid", "$app.prov:ty", "arr[3]"]);
    let rule = EventRule::UserTracepoint(UserTracepointRule {
        pattern: "demo:*".into(),
        filter: Some("intfield > 3".into()),
        log_level: Some(LogLevelRule::AtLeastAsSevereAs(4)),
        exclusions: vec!["demo:small".into()],
    });
    let wanted = Trigger {
        name: Some("t1".into()),
        owner_uid: 0,
        is_hidden: false,
        condition: Condition::EventRuleMatches(EventRuleMatches { rule, captures }),
        action: list_of_one(Action::Notify { policy: every(3) }),
    };
    assert_eq!(trigger("req-user-tracepoint.bin"), wanted);
    assert_eq!(wanted.condition.domain(), Some(DomainType::Ust));

    let auto = trigger("req-auto-name.bin");
    assert_eq!(auto.name, None);
    assert_eq!(trigger("req-owner-uid.bin").owner_uid, 1000);

    let Condition::EventRuleMatches(matches) = trigger("req-kernel-kprobe-symbol.bin").condition else {
        panic!()
    };
    let EventRule::KernelKprobe { location, .. } = matches.rule else { panic!() };
    assert_eq!(location, KernelProbeLocation::Symbol { symbol: "vfs_read".into(), offset: 0x10 });

    let Condition::EventRuleMatches(matches) = trigger("req-kernel-uprobe-elf.bin").condition else {
        panic!()
    };
    let EventRule::KernelUprobe { location, .. } = matches.rule else { panic!() };
    assert!(matches!(location, UserspaceProbeLocation::Function { function, .. } if function == "main"));

    let snapshot = trigger("req-snapshot-action.bin").action;
    let [Action::SnapshotSession(snapshot)] = snapshot.elements() else { panic!() };
    let output = snapshot.output.as_ref().unwrap();
    assert_eq!((output.name.as_str(), output.max_size), ("sn", SnapshotMaxSize::Bytes(2 << 20)));

    let syscall = trigger("req-kernel-syscall.bin");
    let once = RatePolicy::OnceAfterN(std::num::NonZeroU64::new(4).unwrap());
    assert_eq!(syscall.action.elements()[1].policy(), Some(once));
    assert_eq!(syscall.condition.domain(), Some(DomainType::Kernel));
}

#[test]
fn equality_is_that_of_lttng() {
    let trigger = trigger("req-kernel-syscall.bin");
    let mut other = trigger.clone();
    let Condition::EventRuleMatches(matches) = &mut other.condition else { panic!() };
    let EventRule::KernelSyscall { emission_site, .. } = &mut matches.rule else { panic!() };
    *emission_site = EmissionSite::Entry;
    assert_ne!(trigger, other);
    assert!(trigger.same_as(&other), "LTTng leaves the emission site out");
    let Condition::EventRuleMatches(matches) = &mut other.condition else { panic!() };
    matches.captures.clear();
    assert!(!trigger.same_as(&other));
}

#[test]
fn lists_of_triggers_and_error_queries_are_read_and_written_again() {
    let reply = |kind, payload: &str| {
        let payload = vector(payload);
        let mut bytes = Vec::new();
        for number in [0, 10, 0, 0, payload.len() as u32, 0] {
            bytes.extend_from_slice(&u32::to_ne_bytes(number));
        }
        bytes.extend_from_slice(&payload);
        Reply::from_bytes(kind, &bytes).unwrap()
    };
    let payload = |reply: &Reply| reply.to_bytes().split_off(ReplyFrame::HEADER_SIZE);

    let name = "list-triggers-reply-payload.bin";
    let triggers = reply(CommandKind::ListTriggers, name);
    assert_writes(name, &payload(&triggers), 0..0);
    assert!(matches!(triggers.result, Ok(Answer::Triggers(triggers)) if triggers.len() == 2));

    for (name, wanted) in [
        ("error-query-action-reply-payload.bin", "total execution failures"),
        ("error-query-condition-reply-payload.bin", "discarded tracer messages"),
    ] {
        let results = reply(CommandKind::ExecuteErrorQuery, name);
        assert_writes(name, &payload(&results), 0..0);
        let Ok(Answer::ErrorQueryResults(results)) = results.result else { panic!() };
        assert_eq!((results.len(), results[0].name.as_str()), (1, wanted));
    }

    let name = "error-query-action-request-payload.bin";
    let query = ErrorQuery::from_bytes(&vector(name)).unwrap();
    assert_eq!(query.target, ErrorQueryTarget::Action { path: vec![1] });
    assert_writes(name, &query.to_bytes(), 0..0);

    for name in ["rotation-get-info-local-reply-payload.bin", "rotation-get-info-relay-reply-payload.bin"] {
        let info = reply(CommandKind::RotationGetInfo, name);
        assert_writes(name, &payload(&info), 0..0);
    }
    let name = "list-rotation-schedules-reply-payload.bin";
    let schedules = reply(CommandKind::SessionListRotationSchedules, name);
    assert_writes(name, &payload(&schedules), 0..0);
    let wanted = RotationSchedules { periodic: Some(std::time::Duration::from_secs(5)), size: Some(1 << 20) };
    assert_eq!(schedules.result, Ok(Answer::RotationSchedules(wanted)));

    for (name, wanted) in [
        (
            "tracker-inclusion-set-vpid-reply-payload.bin",
            [ProcessAttributeValue::Pid(4321), ProcessAttributeValue::Pid(77)],
        ),
        (
            "tracker-inclusion-set-vuid-reply-payload.bin",
            [ProcessAttributeValue::UserName("root".into()), ProcessAttributeValue::Uid(1000)],
        ),
    ] {
        let set = reply(CommandKind::ProcessAttrTrackerGetInclusionSet, name);
        assert_writes(name, &payload(&set), 0..0);
        let Ok(Answer::InclusionSet(mut values)) = set.result else { panic!() };
        let mut wanted = wanted.to_vec();
        values.sort();
        wanted.sort();
        assert_eq!(values, wanted);
    }
}

#[test]
fn destructions_are_read_and_written_again() {
    for (name, undefined) in [
        ("destroy-local-reply-cmdheader-and-location.bin", 4 + 5..4 + 14),
        ("destroy-relay-reply-cmdheader-and-location.bin", 0..0),
    ] {
        let body = vector(name);
        let mut bytes = Vec::new();
        for number in [9, 10, u32::MAX, 4, body.len() as u32 - 4, 0] {
            bytes.extend_from_slice(&u32::to_ne_bytes(number));
        }
        bytes.extend_from_slice(&body);
        let reply = Reply::from_bytes(CommandKind::DestroySession, &bytes).unwrap();
        assert!(matches!(&reply.result, Ok(Answer::Destroyed(Destruction { error: None, .. }))));
        assert_writes(name, &reply.to_bytes()[ReplyFrame::HEADER_SIZE..], undefined);

        // The same with an error: the body is there all the same.
        bytes[4..8].copy_from_slice(&129_u32.to_ne_bytes());
        let progress = ReplyFrame::progress(CommandKind::DestroySession, &bytes).unwrap();
        assert_eq!(progress, Progress::Complete { size: bytes.len(), fds: 0 });
        let reply = Reply::from_bytes(CommandKind::DestroySession, &bytes).unwrap();
        let Ok(Answer::Destroyed(destruction)) = &reply.result else { panic!() };
        assert_eq!(destruction.error, Some(ErrorCode::RotationPending));
        assert_eq!(reply.to_bytes()[..24], bytes[..24]);
    }
}

#[test]
fn session_descriptors_are_read_and_written_again() {
    for which in [
        "live",
        "local-auto-name",
        "local-default",
        "local-path",
        "network",
        "none",
        "snapshot-net6",
        "snapshot",
    ] {
        let name = format!("create-session-{which}-reply-payload.bin");
        let descriptor = SessionDescriptor::from_bytes(&vector(&name)).unwrap();
        assert_writes(&name, &descriptor.to_bytes(), 0..0);
        assert!(descriptor.name.is_some(), "{name}");

        let name = format!("create-session-{which}-request-payload.bin");
        let payload = vector(&name);
        let home =
            if payload.starts_with(b"/") { payload.iter().position(|&b| b == 0).unwrap() + 1 } else { 0 };
        let descriptor = SessionDescriptor::from_bytes(&payload[home..]).unwrap();
        assert_eq!(descriptor.needs_home(), home > 0, "{name}");
        let mut written = payload[..home].to_vec();
        written.extend(descriptor.to_bytes());
        assert_writes(&name, &written, 0..0);
    }
}

fn notification(name: &str, undefined: Range<usize>) -> Notification {
    let bytes = vector(name);
    let complete = Progress::Complete { size: bytes.len(), fds: 0 };
    assert_eq!(notification::NotificationFrame::progress(&bytes), Ok(complete), "{name}");
    let message = NotificationReply::from_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_writes(name, &message.to_bytes(), undefined);
    match message {
        NotificationReply::Notification(notification) => *notification,
        other => panic!("{name}: {other:?}"),
    }
}

fn captured(name: &str, undefined: Range<usize>) -> Vec<CapturedValue> {
    let notification = notification(name, undefined);
    let Evaluation::EventRuleMatches(payload) = notification.evaluation else { panic!("{name}") };
    payload.values(notification.trigger.condition.captures().len()).unwrap()
}

fn unsigned(value: u64) -> CapturedValue {
    CapturedValue::Integer(CapturedInteger::Unsigned(value))
}

fn signed(value: i64) -> CapturedValue {
    CapturedValue::Integer(CapturedInteger::Signed(value))
}

fn text(text: &str) -> CapturedValue {
    CapturedValue::String(text.into())
}

fn enumeration(value: CapturedInteger) -> CapturedValue {
    CapturedValue::Enum(CapturedEnum { value, labels: Vec::new() })
}

#[test]
fn notifications_are_read_and_written_again() {
    let usage = |name| notification(name, 0..0).evaluation;
    let wanted = SampledUsage { buffer_use: 1092, buffer_capacity: 16384 };
    assert_eq!(usage("notification-buffer-usage-high.bin"), Evaluation::BufferUsageHigh(wanted));
    let wanted = SampledUsage { buffer_use: 84, buffer_capacity: 16384 };
    assert_eq!(usage("notification-buffer-usage-low.bin"), Evaluation::BufferUsageLow(wanted));
    let consumed = notification("notification-session-consumed-size.bin", 0..0);
    assert_eq!(consumed.evaluation, Evaluation::SessionConsumedSize(8192));
    assert!(matches!(consumed.trigger.condition, Condition::SessionConsumedSize { threshold: 4096, .. }));

    for name in ["notification-rotation-ongoing-local.bin", "notification-rotation-ongoing-relay.bin"] {
        assert_eq!(notification(name, 0..0).evaluation, Evaluation::SessionRotationOngoing(RotationId(0)));
    }
    for (name, undefined) in [
        ("notification-rotation-completed-local.bin", LOCAL_LOCATION),
        ("notification-rotation-completed-relay.bin", 0..0),
    ] {
        let Evaluation::SessionRotationCompleted { location, .. } = notification(name, undefined).evaluation
        else {
            panic!("{name}")
        };
        assert!(location.is_some());
    }
}

/// The nine bytes of the local location's header that the real daemon leaves undefined.
const LOCAL_LOCATION: Range<usize> = 77..86;

/// The padding of the log level rule.
const LOG_LEVEL_PADDING: Range<usize> = 85..88;

#[test]
fn captured_values_are_those_of_the_event() {
    let wanted = [unsigned(7), text("hello"), enumeration(CapturedInteger::Unsigned(7))];
    assert_eq!(captured("notification-event-rule-3-captures.bin", 0..0), wanted);

    let wanted = [
        signed(-5),
        unsigned(7),
        unsigned(4_000_000_000),
        signed(-5_000_000_000),
        unsigned(u64::MAX),
        CapturedValue::Real(1.5),
        CapturedValue::Real(-2.25),
        text("hello"),
        enumeration(CapturedInteger::Unsigned(7)),
        CapturedValue::Array(vec![unsigned(1), signed(-2), unsigned(300)]),
        CapturedValue::Array(vec![unsigned(7), unsigned(8)]),
        text("abc"),
        text("xyz"),
        unsigned(0x3412),
        CapturedValue::Unavailable,
        signed(-2),
        CapturedValue::Unavailable,
        CapturedValue::Unavailable,
    ];
    assert_eq!(captured("notification-event-rule-captures.bin", LOG_LEVEL_PADDING), wanted);

    let negative = captured("notification-event-rule-captures-negative.bin", LOG_LEVEL_PADDING);
    assert_eq!((&negative[1], &negative[8]), (&signed(-3), &enumeration(CapturedInteger::Signed(-3))));
}

#[test]
fn captured_values_that_lie_are_refused() {
    let values = |bytes: &[u8], count| CapturePayload::from_bytes(bytes).values(count);
    assert_eq!(values(&[], 0), Ok(vec![]));
    assert!(values(&[0x90], 0).is_err(), "nothing was asked for");
    assert!(values(&[0x92, 1, 2], 3).is_err(), "an element is missing");
    assert!(values(&[0xdd, 0xff, 0xff, 0xff, 0xff], u32::MAX as usize).is_err(), "elements without bytes");
    assert!(values(&[0x91, 0xc3], 1).is_err(), "booleans are not captured");
    assert!(values(&[0x91, 0x81, 0xa4, b't', b'y', b'p', b'e', 0xa4, b'e', b'n', b'u', b'm'], 1).is_err());
    let deep = [[0x91; 100].as_slice(), &[1]].concat();
    assert!(matches!(values(&deep, 1), Err(WireError::TooLarge { .. })));
}

#[test]
fn the_handshake_is_that_of_the_real_peers() {
    let version = notification::VERSION;
    let handshake = [0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    assert_eq!(NotificationRequest::Handshake(version).to_bytes(), handshake);
    assert_eq!(NotificationReply::from_bytes(&handshake), Ok(NotificationReply::Handshake(version)));
    let ok = [3, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(NotificationReply::CommandReply(NotificationStatus::Ok).to_bytes(), ok);
    assert_eq!(NotificationReply::NotificationDropped.to_bytes(), [5, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(NotificationRequest::from_bytes(&ok).is_err(), "only the daemon answers");
    assert!(
        NotificationRequest::from_bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0]).is_err(),
        "a subscription to nothing"
    );
    let large = [1, 1, 0, 1, 0, 0, 0, 0, 0];
    assert!(notification::NotificationFrame::progress(&large).is_err(), "65537 bytes");
}
