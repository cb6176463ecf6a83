//! Strategies that make any value of the client protocol, for property tests.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rttng_wire::client::capture::{CapturedEnum, CapturedInteger};
use rttng_wire::client::descriptor::NetworkOutput;
use rttng_wire::client::evaluation::SampledUsage;
use rttng_wire::client::event::ProbeAttributes;
use rttng_wire::client::event_rule::normalise_pattern;
use rttng_wire::client::notification::NotificationVersion;
use rttng_wire::client::reply::ImplicitRotation;
use rttng_wire::client::rotation::RelayProtocol;
use rttng_wire::client::*;

pub(crate) fn text() -> impl Strategy<Value = String> {
    "[a-z0-9:*._$/ é]{0,20}"
}

pub(crate) fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9:*._ é]{1,20}"
}

fn path() -> impl Strategy<Value = PathBuf> {
    "/[a-z0-9/._é-]{0,30}".prop_map(PathBuf::from)
}

fn micros32() -> impl Strategy<Value = Duration> {
    any::<u32>().prop_map(|us| Duration::from_micros(us.into()))
}

fn micros64() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_micros)
}

pub(crate) fn domain() -> impl Strategy<Value = Domain> {
    (select(DomainType::ALL), option::of(select(BufferType::ALL)))
        .prop_map(|(kind, buffers)| Domain { kind, buffers })
}

pub(crate) fn channel() -> impl Strategy<Value = Channel> {
    let overwrite =
        select(&[OverwriteMode::SessionDefault, OverwriteMode::Discard, OverwriteMode::Overwrite][..]);
    let blocking = prop_oneof![
        Just(BlockingTimeout::None),
        Just(BlockingTimeout::Infinite),
        (1..=i64::MAX as u64).prop_map(|us| BlockingTimeout::After(Duration::from_micros(us))),
    ];
    let sizes = any::<[u64; 4]>();
    let timers = (micros32(), micros32(), micros32(), micros64());
    let output = select(OutputType::ALL);
    (text(), any::<bool>(), overwrite, sizes, timers, output, blocking, any::<[u64; 2]>()).prop_map(
        |(name, enabled, overwrite, sizes, timers, output, blocking_timeout, losses)| Channel {
            name,
            enabled,
            attributes: ChannelAttributes {
                overwrite,
                subbuf_size: sizes[0],
                num_subbuf: sizes[1],
                switch_timer: timers.0,
                read_timer: timers.1,
                live_timer: timers.2,
                monitor_timer: timers.3,
                output,
                tracefile_size: sizes[2],
                tracefile_count: sizes[3],
                blocking_timeout,
            },
            discarded_events: losses[0],
            lost_packets: losses[1],
        },
    )
}

pub(crate) fn context() -> impl Strategy<Value = Context> {
    prop_oneof![
        select(ContextType::ALL).prop_map(Context::Builtin),
        (select(PerfScope::ALL), any::<u32>(), any::<u64>(), text()).prop_map(
            |(scope, perf_type, config, name)| {
                Context::Perf(PerfCounter { scope, perf_type, config, name })
            }
        ),
        (name(), name()).prop_map(|(provider, name)| Context::App { provider, name }),
    ]
}

fn userspace_location() -> impl Strategy<Value = UserspaceProbeLocation> {
    prop_oneof![
        (text(), path()).prop_map(|(function, binary)| UserspaceProbeLocation::Function { function, binary }),
        (text(), text(), path()).prop_map(|(probe, provider, binary)| UserspaceProbeLocation::Tracepoint {
            probe,
            provider,
            binary
        }),
    ]
}

fn event_kind() -> impl Strategy<Value = EventKind> {
    let probe = || {
        (any::<u64>(), any::<u64>(), text()).prop_map(|(address, offset, symbol)| ProbeAttributes {
            address,
            offset,
            symbol,
        })
    };
    prop_oneof![
        select(&[EventKind::All, EventKind::Tracepoint, EventKind::Noop, EventKind::Syscall][..]),
        probe().prop_map(EventKind::Probe),
        probe().prop_map(EventKind::Function),
        text().prop_map(|symbol| EventKind::FunctionEntry { symbol }),
        userspace_location().boxed().prop_map(EventKind::UserspaceProbe),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let bytecode = (any::<u32>(), any::<u64>(), vec(any::<u8>(), 0..40))
        .prop_map(|(reloc_table_offset, seqnum, data)| FilterBytecode { reloc_table_offset, seqnum, data });
    (text(), option::of(bytecode)).prop_map(|(expression, bytecode)| Filter { expression, bytecode })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let level =
        (select(LogLevelType::ALL), any::<i32>()).prop_map(|(kind, level)| LogLevelSelection { kind, level });
    let exclusions = vec(text(), 0..4);
    let flags = any::<[bool; 2]>();
    (
        text(),
        event_kind().boxed(),
        level,
        option::of(any::<bool>()),
        any::<i32>(),
        flags,
        exclusions,
        option::of(filter()),
    )
        .prop_map(|(name, kind, log_level, enabled, pid, flags, exclusions, filter)| Event {
            name,
            kind,
            log_level,
            enabled,
            pid,
            syscall_32: flags[0],
            syscall_64: flags[1],
            exclusions,
            filter,
        })
}

fn event_field() -> impl Strategy<Value = EventField> {
    (text(), select(FieldType::ALL), any::<bool>(), event().boxed())
        .prop_map(|(name, field_type, nowrite, event)| EventField { name, field_type, nowrite, event })
}

pub(crate) fn uri() -> impl Strategy<Value = Uri> {
    let destination = prop_oneof![
        any::<std::net::Ipv4Addr>().prop_map(Destination::Ipv4),
        any::<std::net::Ipv6Addr>().prop_map(Destination::Ipv6),
        path().prop_map(Destination::Path),
    ];
    (destination, select(StreamKind::ALL), any::<u16>(), text())
        .prop_map(|(destination, stream, port, subdir)| Uri { destination, stream, port, subdir })
}

pub(crate) fn descriptor() -> impl Strategy<Value = SessionDescriptor> {
    let kind = prop_oneof![
        Just(SessionKind::Regular),
        Just(SessionKind::Snapshot),
        (1_u64..).prop_map(|us| SessionKind::Live { timer: Duration::from_micros(us) }),
    ];
    let network =
        (any::<std::net::IpAddr>(), any::<[u16; 2]>(), text()).prop_map(|(address, ports, subdir)| {
            NetworkOutput {
                control: Uri::network(address, StreamKind::Control, ports[0], subdir),
                data: Uri::network(address, StreamKind::Data, ports[1], ""),
            }
        });
    let output = prop_oneof![
        Just(SessionOutput::None),
        option::of(path().prop_map(Uri::local)).prop_map(SessionOutput::Local),
        option::of(network).prop_map(SessionOutput::Network),
    ];
    (kind, option::of(name()), output)
        .prop_map(|(kind, name, output)| SessionDescriptor { kind, name, output })
        .prop_filter("a live session is never local", |descriptor| {
            !matches!(
                (&descriptor.kind, &descriptor.output),
                (SessionKind::Live { .. }, SessionOutput::Local(_))
            )
        })
}

pub(crate) fn snapshot_output() -> impl Strategy<Value = SnapshotOutput> {
    let max_size = prop_oneof![
        Just(SnapshotMaxSize::Unlimited),
        Just(SnapshotMaxSize::Unset),
        (1..u64::MAX).prop_map(SnapshotMaxSize::Bytes),
    ];
    (any::<u32>().prop_map(NonZeroU32::new), max_size, text(), text(), text()).prop_map(
        |(id, max_size, name, ctrl_url, data_url)| SnapshotOutput { id, max_size, name, ctrl_url, data_url },
    )
}

pub(crate) fn location() -> impl Strategy<Value = TraceArchiveLocation> {
    prop_oneof![
        path().prop_map(|path| TraceArchiveLocation::Local { path }),
        (text(), any::<[u16; 2]>(), path()).prop_map(|(host, ports, path)| TraceArchiveLocation::Relay {
            host,
            protocol: RelayProtocol::Tcp,
            control_port: ports[0],
            data_port: ports[1],
            path,
        }),
    ]
}

pub(crate) fn tracker_value() -> impl Strategy<Value = ProcessAttributeValue> {
    prop_oneof![
        any::<i32>().prop_map(ProcessAttributeValue::Pid),
        any::<u32>().prop_map(ProcessAttributeValue::Uid),
        any::<u32>().prop_map(ProcessAttributeValue::Gid),
        name().prop_map(ProcessAttributeValue::UserName),
        name().prop_map(ProcessAttributeValue::GroupName),
    ]
}

pub(crate) fn expression() -> impl Strategy<Value = EventExpression> {
    let leaf = prop_oneof![
        text().prop_map(EventExpression::PayloadField),
        text().prop_map(EventExpression::ContextField),
        (text(), text()).prop_map(|(provider, name)| EventExpression::AppContextField { provider, name }),
    ];
    leaf.prop_recursive(8, 8, 1, |array| {
        (any::<u32>(), array)
            .prop_map(|(index, array)| EventExpression::ArrayElement { index, array: Box::new(array) })
    })
}

fn event_rule() -> impl Strategy<Value = EventRule> {
    let pattern = || name().prop_map(|pattern| normalise_pattern(&pattern));
    let filter = || option::of(name());
    let level = |levels: std::ops::RangeInclusive<i32>| {
        let level = (any::<bool>(), levels).prop_map(|(exactly, level)| match exactly {
            true => LogLevelRule::Exactly(level),
            false => LogLevelRule::AtLeastAsSevereAs(level),
        });
        option::of(level)
    };
    let logging = (pattern(), filter(), level(i32::MIN..=i32::MAX))
        .prop_map(|(pattern, filter, log_level)| LoggingRule { pattern, filter, log_level });
    let kernel_location = prop_oneof![
        (name(), any::<u64>()).prop_map(|(symbol, offset)| KernelProbeLocation::Symbol { symbol, offset }),
        any::<u64>().prop_map(KernelProbeLocation::Address),
    ];
    prop_oneof![
        (select(EmissionSite::ALL), pattern(), filter()).prop_map(|(emission_site, pattern, filter)| {
            EventRule::KernelSyscall { emission_site, pattern, filter }
        }),
        (name(), kernel_location).prop_map(|(name, location)| EventRule::KernelKprobe { name, location }),
        (pattern(), filter()).prop_map(|(pattern, filter)| EventRule::KernelTracepoint { pattern, filter }),
        (name(), userspace_location().boxed())
            .prop_map(|(name, location)| EventRule::KernelUprobe { name, location }),
        (pattern(), filter(), level(0..=14), vec(text(), 0..4)).prop_map(
            |(pattern, filter, log_level, exclusions)| {
                EventRule::UserTracepoint(UserTracepointRule { pattern, filter, log_level, exclusions })
            }
        ),
        (logging, 0..3).prop_map(|(rule, domain)| match domain {
            0 => EventRule::JulLogging(rule),
            1 => EventRule::Log4jLogging(rule),
            _ => EventRule::PythonLogging(rule),
        }),
    ]
}

pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    let threshold = prop_oneof![
        any::<u64>().prop_map(UsageThreshold::Bytes),
        (0.0..=1.0).prop_map(UsageThreshold::Ratio),
    ];
    let usage = (threshold, name(), name(), select(DomainType::ALL)).prop_map(
        |(threshold, session, channel, domain)| BufferUsage { threshold, session, channel, domain },
    );
    let matches = (event_rule().boxed(), vec(expression().boxed(), 0..4)).prop_map(|(rule, captures)| {
        let captures = if rule.can_capture() { captures } else { Vec::new() };
        Condition::EventRuleMatches(EventRuleMatches { rule, captures })
    });
    prop_oneof![
        (any::<u64>(), name())
            .prop_map(|(threshold, session)| Condition::SessionConsumedSize { threshold, session }),
        (usage, any::<bool>()).prop_map(|(usage, high)| match high {
            true => Condition::BufferUsageHigh(usage),
            false => Condition::BufferUsageLow(usage),
        }),
        name().prop_map(|session| Condition::SessionRotationOngoing { session }),
        name().prop_map(|session| Condition::SessionRotationCompleted { session }),
        matches,
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let policy = || {
        (any::<bool>(), 1_u64..).prop_map(|(every, n)| {
            let n = NonZeroU64::new(n).unwrap();
            if every { RatePolicy::EveryN(n) } else { RatePolicy::OnceAfterN(n) }
        })
    };
    let single = || {
        prop_oneof![
            policy().prop_map(|policy| Action::Notify { policy }),
            (name(), policy()).prop_map(|(session, policy)| Action::StartSession { session, policy }),
            (name(), policy()).prop_map(|(session, policy)| Action::StopSession { session, policy }),
            (name(), policy()).prop_map(|(session, policy)| Action::RotateSession { session, policy }),
            (name(), option::of(snapshot_output().boxed()), policy()).prop_map(
                |(session, output, policy)| {
                    Action::SnapshotSession(SnapshotAction { session, output: output.map(Box::new), policy })
                }
            ),
        ]
    };
    prop_oneof![single(), vec(single(), 0..3).prop_map(Action::List)]
}

pub(crate) fn trigger() -> impl Strategy<Value = Trigger> {
    (option::of(text()), any::<u32>(), any::<bool>(), condition().boxed(), action().boxed()).prop_map(
        |(name, owner_uid, is_hidden, condition, action)| Trigger {
            name,
            owner_uid,
            is_hidden,
            condition,
            action,
        },
    )
}

pub(crate) fn error_query() -> impl Strategy<Value = ErrorQuery> {
    let target = prop_oneof![
        Just(ErrorQueryTarget::Trigger),
        Just(ErrorQueryTarget::Condition),
        vec(any::<u64>(), 0..3).prop_map(|path| ErrorQueryTarget::Action { path }),
    ];
    (target, trigger().boxed()).prop_map(|(target, trigger)| ErrorQuery { target, trigger })
}

fn captured_integer() -> impl Strategy<Value = CapturedInteger> {
    prop_oneof![
        any::<u64>().prop_map(CapturedInteger::Unsigned),
        (i64::MIN..0).prop_map(CapturedInteger::Signed)
    ]
}

pub(crate) fn captured_value() -> impl Strategy<Value = CapturedValue> {
    let leaf = prop_oneof![
        Just(CapturedValue::Unavailable),
        captured_integer().prop_map(CapturedValue::Integer),
        (-1e300..1e300).prop_map(CapturedValue::Real),
        vec(any::<u8>(), 0..40).prop_map(CapturedValue::String),
        (captured_integer(), vec(text(), 0..3))
            .prop_map(|(value, labels)| CapturedValue::Enum(CapturedEnum { value, labels })),
    ];
    leaf.prop_recursive(4, 32, 8, |value| vec(value, 0..8).prop_map(CapturedValue::Array))
}

/// A notification whose evaluation fits its condition.
pub(crate) fn notification() -> impl Strategy<Value = Notification> {
    let found = (any::<[u64; 2]>(), option::of(location().boxed()), vec(captured_value().boxed(), 0..4));
    (trigger().boxed(), found).prop_map(|(trigger, ([a, b], location, captures))| {
        let usage = SampledUsage { buffer_use: a, buffer_capacity: b };
        let evaluation = match trigger.condition {
            Condition::SessionConsumedSize { .. } => Evaluation::SessionConsumedSize(a),
            Condition::BufferUsageHigh(_) => Evaluation::BufferUsageHigh(usage),
            Condition::BufferUsageLow(_) => Evaluation::BufferUsageLow(usage),
            Condition::SessionRotationOngoing { .. } => Evaluation::SessionRotationOngoing(RotationId(a)),
            Condition::SessionRotationCompleted { .. } => {
                Evaluation::SessionRotationCompleted { id: RotationId(a), location }
            }
            Condition::EventRuleMatches(_) => {
                Evaluation::EventRuleMatches(CapturePayload::from_values(&captures))
            }
        };
        Notification { trigger, evaluation }
    })
}

pub(crate) fn notification_request() -> impl Strategy<Value = NotificationRequest> {
    prop_oneof![
        any::<[u8; 2]>()
            .prop_map(|[major, minor]| NotificationRequest::Handshake(NotificationVersion { major, minor })),
        condition().boxed().prop_map(NotificationRequest::Subscribe),
        condition().boxed().prop_map(NotificationRequest::Unsubscribe),
    ]
}

pub(crate) fn notification_reply() -> impl Strategy<Value = NotificationReply> {
    prop_oneof![
        any::<[u8; 2]>()
            .prop_map(|[major, minor]| NotificationReply::Handshake(NotificationVersion { major, minor })),
        select(NotificationStatus::ALL).prop_map(NotificationReply::CommandReply),
        notification()
            .boxed()
            .prop_map(|notification| NotificationReply::Notification(Box::new(notification))),
        Just(NotificationReply::NotificationDropped),
    ]
}

/// A tracker's attribute with a value that fits it, and a domain that has it.
fn tracked() -> impl Strategy<Value = (Option<Domain>, ProcessAttribute, ProcessAttributeValue)> {
    (select(ProcessAttribute::ALL), tracker_value().boxed())
        .prop_filter("the value fits", |(attribute, value)| attribute.accepts(value))
        .prop_map(|(attribute, value)| {
            let kind = if attribute.is_virtual() { DomainType::Ust } else { DomainType::Kernel };
            (Some(Domain::with_default_buffers(kind)), attribute, value)
        })
}

pub(crate) fn command() -> BoxedStrategy<Command> {
    let target = || (name(), option::of(domain()));
    let about_channel = || (name(), option::of(domain()), text());
    let with_events = prop_oneof![
        (about_channel(), context().boxed()).prop_map(|((session, domain, channel), context)| {
            Command::AddContext { session, domain, channel, context }
        }),
        (about_channel(), event().boxed()).prop_map(|((session, domain, channel), event)| {
            Command::EnableEvent { session, domain, channel, event: Box::new(event) }
        }),
        (about_channel(), event().boxed()).prop_map(|((session, domain, channel), event)| {
            Command::DisableEvent { session, domain, channel, event: Box::new(event) }
        }),
        (target(), channel().boxed()).prop_map(|((session, domain), channel)| Command::EnableChannel {
            session,
            domain,
            channel
        }),
        about_channel().prop_map(|(session, domain, channel)| Command::DisableChannel {
            session,
            domain,
            channel
        }),
        about_channel().prop_map(|(session, domain, channel)| Command::ListEvents {
            session,
            domain,
            channel
        }),
    ];
    let about_session = (name(), 0..13).prop_map(|(session, which)| match which {
        0 => Command::DestroySession { session },
        1 => Command::ListDomains { session },
        2 => Command::StartTrace { session },
        3 => Command::StopTrace { session },
        4 => Command::DataPending { session },
        5 => Command::SnapshotListOutput { session },
        6 => Command::RegenerateMetadata { session },
        7 => Command::RegenerateStatedump { session },
        8 => Command::RotateSession { session },
        9 => Command::SessionListRotationSchedules { session },
        10 => Command::ClearSession { session },
        11 => Command::ListChannelUsage { session },
        _ => Command::ListSessions,
    });
    let about_domain = (target(), 0..6).prop_map(|((session, domain), which)| match which {
        0 => Command::ListChannels { session, domain },
        1 => Command::ListSyscalls { domain },
        2 => Command::ListTracepoints { domain },
        3 => Command::ListTracepointFields { domain },
        4 => Command::DisableConsumer { session, domain },
        _ => Command::EnableConsumer { session, domain },
    });
    let outputs = prop_oneof![
        (target(), vec(uri().boxed(), 1..3)).prop_map(|((session, domain), uris)| Command::SetConsumerUri {
            session,
            domain,
            uris
        }),
        (target(), path()).prop_map(|((session, domain), socket)| Command::RegisterConsumer {
            session,
            domain,
            socket
        }),
        (name(), path()).prop_map(|(session, path)| Command::SetSessionShmPath { session, path }),
        (name(), snapshot_output().boxed(), 0..4).prop_map(|(session, output, which)| {
            let output = Box::new(output);
            match which {
                0 => Command::SnapshotAddOutput { session, output },
                1 => Command::SnapshotDelOutput { session, output },
                _ => Command::SnapshotRecord { session, output, wait: which == 2 },
            }
        }),
        (option::of(name()), option::of(path()), any::<[bool; 3]>()).prop_map(|(session, folder, flags)| {
            let [overwrite, omit_name, omit_output] = flags;
            Command::SaveSession(Box::new(SaveSession { session, folder, overwrite, omit_name, omit_output }))
        }),
        (option::of(path()), descriptor().boxed()).prop_map(|(home, descriptor)| Command::CreateSessionExt {
            home,
            descriptor: Box::new(descriptor)
        }),
    ];
    let trackers = prop_oneof![
        (name(), tracked().boxed(), any::<bool>()).prop_map(|(session, (domain, attribute, value), add)| {
            match add {
                true => Command::TrackerAddIncludeValue { session, domain, attribute, value },
                false => Command::TrackerRemoveIncludeValue { session, domain, attribute, value },
            }
        }),
        (name(), tracked().boxed(), select(TrackingPolicy::ALL), 0..3).prop_map(
            |(session, (domain, attribute, _), policy, which)| match which {
                0 => Command::TrackerGetPolicy { session, domain, attribute },
                1 => Command::TrackerSetPolicy { session, domain, attribute, policy },
                _ => Command::TrackerGetInclusionSet { session, domain, attribute },
            }
        ),
    ];
    let rotations = prop_oneof![
        (name(), any::<u64>())
            .prop_map(|(session, id)| Command::RotationGetInfo { session, rotation: RotationId(id) }),
        (name(), any::<u64>(), any::<[bool; 2]>()).prop_map(|(session, value, [size, activate])| {
            let schedule = match size {
                true => RotationSchedule::Size(value),
                false => RotationSchedule::Periodic(Duration::from_micros(value)),
            };
            Command::RotationSetSchedule { session, schedule, activate }
        }),
    ];
    let triggers = prop_oneof![
        (trigger().boxed(), any::<bool>()).prop_map(|(trigger, anonymous)| Command::RegisterTrigger {
            trigger: Box::new(trigger),
            anonymous
        }),
        trigger().boxed().prop_map(|trigger| Command::UnregisterTrigger { trigger: Box::new(trigger) }),
        Just(Command::ListTriggers),
        error_query().boxed().prop_map(|query| Command::ExecuteErrorQuery(Box::new(query))),
    ];
    prop_oneof![
        with_events.boxed(),
        about_session.boxed(),
        about_domain.boxed(),
        outputs.boxed(),
        trackers.boxed(),
        rotations.boxed(),
        triggers.boxed()
    ]
    .boxed()
}

/// The kind of a command and an answer to it.
pub(crate) fn answer() -> BoxedStrategy<(CommandKind, Answer)> {
    use CommandKind as Kind;
    let session = (
        text(),
        text(),
        any::<[bool; 2]>(),
        option::of((1_u32..).prop_map(u64::from)),
        option::of(any::<u64>()),
    )
        .prop_map(|(name, path, [active, snapshot_mode], timer, creation_time_s)| Session {
            name,
            path,
            active,
            snapshot_mode,
            live_timer: timer.map(Duration::from_micros),
            creation_time_s,
        });
    let destruction = (
        option::of(select(ErrorCode::ALL)),
        prop_oneof![
            Just(ImplicitRotation::None),
            Just(ImplicitRotation::Failed),
            location().boxed().prop_map(ImplicitRotation::Completed)
        ],
    );
    let info = (select(RotationState::ALL), option::of(location().boxed())).prop_map(|(state, location)| {
        RotationInfo { state, location: location.filter(|_| state == RotationState::Completed) }
    });
    let schedules = (option::of(micros64()), option::of(any::<u64>()))
        .prop_map(|(periodic, size)| RotationSchedules { periodic, size });
    let result = (text(), text(), any::<u64>()).prop_map(|(name, description, value)| ErrorQueryResult {
        name,
        description,
        value,
    });
    let lists = prop_oneof![
        (vec(event().boxed(), 0..4), 0..3).prop_map(|(events, which)| match which {
            0 => (Kind::ListSyscalls, Answer::Syscalls(events)),
            1 => (Kind::ListEvents, Answer::Events(events)),
            _ => (Kind::ListTracepoints, Answer::Tracepoints(events)),
        }),
        vec(channel().boxed(), 0..4).prop_map(|list| (Kind::ListChannels, Answer::Channels(list))),
        vec(event_field().boxed(), 0..4)
            .prop_map(|list| (Kind::ListTracepointFields, Answer::TracepointFields(list))),
        vec(usage(), 0..4).prop_map(|list| (Kind::ListChannelUsage, Answer::ChannelUsage(list))),
        vec(domain(), 0..4).prop_map(|list| (Kind::ListDomains, Answer::Domains(list))),
        vec(session, 0..3).prop_map(|list| (Kind::ListSessions, Answer::Sessions(list))),
        vec(snapshot_output().boxed(), 0..3)
            .prop_map(|list| (Kind::SnapshotListOutput, Answer::SnapshotOutputs(list))),
        vec(tracker_value().boxed(), 0..4)
            .prop_map(|list| (Kind::ProcessAttrTrackerGetInclusionSet, Answer::InclusionSet(list))),
        vec(trigger().boxed(), 0..3).prop_map(|list| (Kind::ListTriggers, Answer::Triggers(list))),
        vec(result, 0..3).prop_map(|list| (Kind::ExecuteErrorQuery, Answer::ErrorQueryResults(list))),
    ];
    let others = prop_oneof![
        Just((Kind::StartTrace, Answer::Done)),
        any::<bool>().prop_map(|pending| (Kind::DataPending, Answer::DataPending(pending))),
        (1_u32..).prop_map(|id| {
            (Kind::SnapshotAddOutput, Answer::SnapshotOutputAdded(NonZeroU32::new(id).unwrap()))
        }),
        select(TrackingPolicy::ALL)
            .prop_map(|policy| (Kind::ProcessAttrTrackerGetPolicy, Answer::TrackingPolicy(policy))),
        trigger()
            .boxed()
            .prop_map(|trigger| (Kind::RegisterTrigger, Answer::TriggerRegistered(Box::new(trigger)))),
        any::<u64>().prop_map(|id| (Kind::RotateSession, Answer::RotationStarted(RotationId(id)))),
        info.prop_map(|info| (Kind::RotationGetInfo, Answer::RotationInfo(Box::new(info)))),
        schedules.prop_map(|list| (Kind::SessionListRotationSchedules, Answer::RotationSchedules(list))),
        descriptor()
            .boxed()
            .prop_map(|made| (Kind::CreateSessionExt, Answer::SessionCreated(Box::new(made)))),
        destruction.prop_map(|(error, rotation)| {
            (Kind::DestroySession, Answer::Destroyed(Destruction { error, rotation }))
        }),
    ];
    prop_oneof![lists.boxed(), others.boxed()].boxed()
}

/// What became of a channel.
fn usage() -> impl Strategy<Value = ChannelUsage> {
    (name(), any::<[u64; 5]>()).prop_map(
        |(name, [buffer_size, fullest, discarded_events, lost_packets, dead_producers])| ChannelUsage {
            name,
            buffer_size,
            fullest,
            discarded_events,
            lost_packets,
            dead_producers,
        },
    )
}
