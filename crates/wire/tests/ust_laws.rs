//! Laws of the application protocol: what is written is read again, by the other end, as the same value; and whatever
//! a stranger sends is a value or an error.

mod feed;

use feed::{feed, mutate};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rttng_wire::client::CapturePayload;
use rttng_wire::ust::*;
use rttng_wire::{Bitness, Decode, Encode};

fn name() -> impl Strategy<Value = String> {
    // Any text that fits a name field and has no NUL.
    "[a-z:_*$.é\u{1F600} \n]{0,40}"
}

fn identifier() -> impl Strategy<Value = String> {
    "[a-z_]{1,12}"
}

fn log_level_rule() -> impl Strategy<Value = LogLevelRule> {
    prop_oneof![
        Just(LogLevelRule::All),
        any::<i32>().prop_map(|level| LogLevelRule::AtLeast(LogLevel(level))),
        any::<i32>().prop_map(|level| LogLevelRule::Exactly(LogLevel(level))),
    ]
}

fn event_rule() -> impl Strategy<Value = EventRule> {
    (name(), log_level_rule(), any::<u64>()).prop_map(|(name, log_level, token)| EventRule {
        name,
        log_level,
        token: Token(token),
    })
}

fn context() -> impl Strategy<Value = Context> {
    prop_oneof![
        select(PlainContext::ALL).prop_map(Context::Plain),
        (any::<u32>(), any::<u64>(), name()).prop_map(|(kind, config, name)| Context::PerfThreadCounter {
            kind,
            config,
            name
        }),
        (name(), name()).prop_map(|(provider, name)| Context::App { provider, name }),
    ]
}

fn bytecode() -> impl Strategy<Value = Bytecode> {
    (vec(any::<u8>(), 0..100), any::<Index>(), any::<u64>()).prop_map(|(data, relocations_at, sequence)| {
        let relocations_at = relocations_at.index(data.len() + 1) as u32;
        Bytecode::new(data.into(), relocations_at, sequence).unwrap()
    })
}

fn counter() -> impl Strategy<Value = Counter> {
    let dimension = (any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>()).prop_map(
        |(size, underflow_index, overflow_index)| CounterDimension { size, underflow_index, overflow_index },
    );
    let enums = (select(CounterArithmetic::ALL), select(CounterBitness::ALL));
    (enums, vec(dimension, 1..=4), any::<i64>(), any::<bool>()).prop_map(
        |((arithmetic, bitness), dimensions, global_sum_step, coalesce_hits)| Counter {
            arithmetic,
            bitness,
            dimensions,
            global_sum_step,
            coalesce_hits,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    let simple = [
        Command::Release,
        Command::Session,
        Command::TracerVersion,
        Command::TracepointList,
        Command::WaitQuiescent,
        Command::RegisterDone,
        Command::TracepointFieldList,
        Command::EventNotifierGroupCreate,
        Command::SessionStart,
        Command::SessionStop,
        Command::SessionStatedump,
        Command::FlushBuffer,
        Command::Enable,
        Command::Disable,
        Command::TracepointListGet,
        Command::TracepointFieldListGet,
    ];
    prop_oneof![
        select(simple.to_vec()),
        vec(any::<u8>(), 1..1000).prop_map(|blob| Command::Channel(Channel { blob: blob.into() })),
        (any::<u64>(), any::<u32>())
            .prop_map(|(shm_len, number)| Command::Stream(Stream { shm_len, number })),
        event_rule().prop_map(Command::Event),
        context().prop_map(Command::Context),
        bytecode().prop_map(Command::Filter),
        bytecode().prop_map(Command::Capture),
        vec(name(), 1..5).prop_map(|names| Command::Exclusion(Exclusions::new(names).unwrap())),
        (event_rule(), any::<u64>()).prop_map(|(rule, error_counter_index)| {
            Command::EventNotifierCreate(EventNotifier { rule, error_counter_index })
        }),
        counter().prop_map(Command::Counter),
        any::<u64>().prop_map(|shm_len| Command::CounterGlobal { shm_len }),
        (any::<u64>(), any::<u32>()).prop_map(|(shm_len, cpu)| Command::CounterCpu { shm_len, cpu }),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    (any::<u32>(), command()).prop_map(|(handle, command)| Request { handle: ObjectHandle(handle), command })
}

fn integer() -> impl Strategy<Value = Integer> {
    let order = select(&[ByteOrder::Native, ByteOrder::Reversed][..]);
    let shape = (1..=64u32, select(&[1u16, 8, 16, 32, 64][..]), any::<bool>());
    (shape, order, select(Base::ALL), select(Encoding::ALL)).prop_map(
        |((size_bits, alignment_bits, signed), byte_order, base, encoding)| Integer {
            size_bits,
            alignment_bits,
            signed,
            byte_order,
            base,
            encoding,
        },
    )
}

fn basic_type() -> impl Strategy<Value = FieldType> {
    let float = (1..=128u32, 1..=128u32, select(&[8u16, 32][..])).prop_map(
        |(exponent_digits, mantissa_digits, alignment_bits)| Float {
            exponent_digits,
            mantissa_digits,
            byte_order: ByteOrder::Native,
            alignment_bits,
        },
    );
    let enumeration = (name(), any::<Option<u32>>(), integer()).prop_map(|(name, id, container)| {
        Enumeration { name, id: id.map(|id| EnumId(id.into())), container }
    });
    prop_oneof![
        integer().prop_map(FieldType::Integer),
        float.prop_map(FieldType::Float),
        select(Encoding::ALL).prop_map(FieldType::String),
        enumeration.prop_map(FieldType::Enumeration),
    ]
}

fn field_type() -> impl Strategy<Value = FieldType> {
    basic_type().prop_recursive(4, 24, 4, |inner| {
        let element = inner.clone().prop_map(Box::new);
        let fields = vec((name(), inner).prop_map(|(name, ty)| Field { name, ty }), 0..4).boxed();
        prop_oneof![
            (element.clone(), any::<u32>(), any::<u32>()).prop_map(|(element, length, alignment_bits)| {
                FieldType::Array(Array { element, length, alignment_bits })
            }),
            (element, name(), any::<u32>()).prop_map(|(element, length_name, alignment_bits)| {
                FieldType::Sequence(Sequence { element, length_name, alignment_bits })
            }),
            (fields.clone(), any::<u32>()).prop_map(|(fields, alignment_bits)| {
                FieldType::Structure(Structure { fields, alignment_bits })
            }),
            (name(), fields, any::<u32>()).prop_map(|(tag_name, choices, alignment_bits)| {
                FieldType::Variant(Variant { tag_name, choices, alignment_bits })
            }),
        ]
    })
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    vec((name(), field_type()).prop_map(|(name, ty)| Field { name, ty }), 0..6)
}

/// Fields as applications of ABI 8 have them.
fn abi8_fields() -> impl Strategy<Value = Vec<Field>> {
    let field = |name: String, ty| Field { name, ty };
    let one = (identifier(), basic_type()).prop_map(move |(name, ty)| vec![field(name, ty)]);
    let array = (identifier(), basic_type(), any::<u32>()).prop_map(move |(name, element, length)| {
        let element = Box::new(element);
        vec![field(name, FieldType::Array(Array { element, length, alignment_bits: 0 }))]
    });
    let sequence = (identifier(), integer(), basic_type()).prop_map(move |(name, length, element)| {
        let length_name = format!("_{name}_length");
        let element = Box::new(element);
        let sequence = Sequence { element, length_name: length_name.clone(), alignment_bits: 0 };
        vec![field(length_name, FieldType::Integer(length)), field(name, FieldType::Sequence(sequence))]
    });
    let variant = (identifier(), vec((identifier(), basic_type()), 0..4)).prop_map(move |(name, choices)| {
        let choices = choices.into_iter().map(|(name, ty)| Field { name, ty }).collect();
        vec![field(name, FieldType::Variant(Variant { tag_name: "tag".into(), choices, alignment_bits: 0 }))]
    });
    vec(prop_oneof![one, array, sequence, variant], 0..6).prop_map(|groups| groups.concat())
}

fn enum_entry() -> impl Strategy<Value = EnumEntry> {
    let value =
        || prop_oneof![any::<i64>().prop_map(EnumValue::Signed), any::<u64>().prop_map(EnumValue::Unsigned)];
    let values = prop_oneof![
        (value(), value()).prop_map(|(start, end)| EnumRange::Values { start, end }),
        Just(EnumRange::Automatic)
    ];
    (name(), values).prop_map(|(label, values)| EnumEntry { label, values })
}

fn notify_request(
    fields: impl Strategy<Value = Vec<Field>> + Clone + 'static,
) -> impl Strategy<Value = NotifyRequest> {
    let handles = || (any::<u32>().prop_map(ObjectHandle), any::<u32>().prop_map(ObjectHandle));
    let texts = (name(), name(), proptest::option::of(name()));
    prop_oneof![
        (handles(), any::<i32>(), texts, fields.clone()).prop_map(
            |((session, channel), level, texts, fields)| {
                let (name, signature, model_emf_uri) = texts;
                let log_level = LogLevel(level);
                NotifyRequest::Event(EventRegistration {
                    session,
                    channel,
                    name,
                    log_level,
                    signature,
                    fields,
                    model_emf_uri,
                })
            }
        ),
        (handles(), fields).prop_map(|((session, channel), context_fields)| {
            NotifyRequest::Channel(ChannelRegistration { session, channel, context_fields })
        }),
        (any::<u32>(), name(), vec(enum_entry(), 0..5)).prop_map(|(session, name, entries)| {
            NotifyRequest::Enum(EnumRegistration { session: ObjectHandle(session), name, entries })
        }),
    ]
}

fn registration() -> impl Strategy<Value = Registration> {
    let ids = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    let version = (any::<u32>(), any::<u32>()).prop_map(|(major, minor)| AbiVersion { major, minor });
    let alignments = select(&[Alignments::BYTES, Alignments::NATURAL_64][..]);
    let kinds = (select(Bitness::ALL), select(SocketKind::ALL));
    (version, ids, kinds, alignments, vec(any::<u8>(), 0..20)).prop_map(
        |(version, (pid, ppid, uid, gid), (bitness, socket), alignments, name)| Registration {
            version,
            pid,
            ppid,
            uid,
            gid,
            bitness,
            alignments,
            socket,
            name: ProcessName::new(&name),
        },
    )
}

fn reply() -> impl Strategy<Value = Reply> {
    let list = |name, level| ReplyBody::Tracepoint(TracepointEntry { name, log_level: LogLevel(level) });
    let version = |major, minor, patch| ReplyBody::TracerVersion(TracerVersion { major, minor, patch });
    (any::<u32>(), select(CommandCode::ALL), any::<i32>(), any::<u32>(), name()).prop_map(
        move |(handle, command, code, value, name)| {
            let code = ReplyCode::from_code(if code % 2 == 0 { 0 } else { code });
            let body = match (command, code) {
                (CommandCode::TracepointListGet, ReplyCode::Ok) => list(name, value as i32),
                (CommandCode::TracerVersion, ReplyCode::Ok) => version(handle, value, 0),
                _ => ReplyBody::None,
            };
            Reply { handle: ObjectHandle(handle), command, code, value, body }
        },
    )
}

/// All that the session daemon sends when the application answers well.
fn sent_by_session_daemon(request: &Request) -> Vec<u8> {
    let good = Reply::ok(request.handle, request.command.code());
    let body = match request.command.code() {
        CommandCode::TracerVersion => {
            ReplyBody::TracerVersion(TracerVersion { major: 2, minor: 13, patch: 5 })
        }
        CommandCode::TracepointListGet => {
            ReplyBody::Tracepoint(TracepointEntry { name: "a:b".into(), log_level: LogLevel::DEBUG_LINE })
        }
        _ => ReplyBody::None,
    };
    let reply = Reply { body, ..good }.to_bytes();
    let mut replies = [reply.clone(), reply].concat();
    if request.command.code() == CommandCode::TracepointFieldListGet {
        replies.truncate(REPLY_LEN);
        replies.extend([0; 808]);
    }
    let exchange = CommandExchange::new(Dialect::Abi9, request).unwrap();
    let (outcome, sent) = feed(exchange, &replies);
    assert!(matches!(outcome, Some(Ok(_))), "{outcome:?}");
    sent
}

proptest! {
    #[test]
    fn registrations_round_trip(value in registration()) {
        prop_assert_eq!(Registration::from_bytes(&value.to_bytes()), Ok(value));
    }

    #[test]
    fn an_application_reads_what_the_session_daemon_sends(value in request()) {
        let sent = sent_by_session_daemon(&value);
        let (received, first_reply) = feed(CommandReceipt::new(), &sent);
        prop_assert_eq!(received, Some(ReceivedCommand::Request(value.clone())));
        if !first_reply.is_empty() {
            prop_assert_eq!(first_reply, Reply::ok(value.handle, value.command.code()).to_bytes());
        }
    }

    #[test]
    fn replies_round_trip(value in reply()) {
        prop_assert_eq!(Reply::from_bytes(&value.to_bytes()), Ok(value));
    }

    #[test]
    fn registrations_of_events_channels_and_enumerations_round_trip(value in notify_request(fields().boxed())) {
        let bytes = value.to_bytes(Dialect::Abi9).unwrap();
        let (received, _) = feed(NotifyReceipt::new(Dialect::Abi9), &bytes);
        prop_assert_eq!(received, Some(Ok(value)));
    }

    #[test]
    fn older_applications_are_understood_too(value in notify_request(abi8_fields().boxed())) {
        let dialect = Dialect::Abi8 { minor: 1 };
        let bytes = value.to_bytes(dialect).unwrap();
        let (received, _) = feed(NotifyReceipt::new(dialect), &bytes);
        prop_assert_eq!(received, Some(Ok(value)));
    }

    #[test]
    fn answers_round_trip(kind in select(NotifyKind::ALL), id in any::<u64>(), failed in any::<Option<i32>>()) {
        let errno = failed.and_then(Errno::new);
        let answer = match (kind, errno) {
            (kind, Some(errno)) => NotifyAnswer::refuse(kind, errno),
            (NotifyKind::Event, None) => NotifyAnswer::Event(Ok(EventId(id as u32))),
            (NotifyKind::Enum, None) => NotifyAnswer::Enum(Ok(EnumId(id))),
            (NotifyKind::Channel, None) => {
                NotifyAnswer::Channel(Ok(ChannelAnswer { id: ChannelId(id as u32), header: EventHeader::Large }))
            }
        };
        prop_assert_eq!(NotifyAnswer::from_bytes(&answer.to_bytes()), Ok(answer));
    }

    #[test]
    fn notifications_round_trip(token in any::<u64>(), captures in vec(any::<u8>(), 0..4054)) {
        let value = Notification { token: Token(token), captures: CapturePayload::from_bytes(&captures) };
        let (received, _) = feed(NotificationReceipt::new(), &value.to_bytes());
        prop_assert_eq!(received, Some(value));
    }

    /// A changed request is received as another, is refused, or makes the stream unusable. What is received is written
    /// and read as the same again.
    #[test]
    fn changed_registrations_are_values_or_errors(
        value in notify_request(fields().boxed()),
        changes in vec((any::<Index>(), any::<u8>()), 1..8),
        more in vec(any::<u8>(), 0..2000),
    ) {
        let mut bytes = value.to_bytes(Dialect::Abi9).unwrap();
        mutate(&mut bytes, &changes);
        bytes.extend(more);
        if let (Some(Ok(received)), _) = feed(NotifyReceipt::new(Dialect::Abi9), &bytes) {
            let again = received.to_bytes(Dialect::Abi9).unwrap();
            prop_assert_eq!(feed(NotifyReceipt::new(Dialect::Abi9), &again).0, Some(Ok(received)));
        }
    }

    #[test]
    fn changed_commands_are_values_or_errors(
        value in request(),
        changes in vec((any::<Index>(), any::<u8>()), 1..8),
        more in vec(any::<u8>(), 0..2000),
    ) {
        let mut bytes = sent_by_session_daemon(&value);
        mutate(&mut bytes, &changes);
        bytes.extend(more);
        if let (Some(ReceivedCommand::Request(received)), _) = feed(CommandReceipt::new(), &bytes) {
            let again = sent_by_session_daemon(&received);
            prop_assert_eq!(feed(CommandReceipt::new(), &again).0, Some(ReceivedCommand::Request(received)));
        }
    }

    #[test]
    fn any_answer_ends_a_command(value in request(), answer in vec(any::<u8>(), 2000..3000), ok in any::<bool>()) {
        let mut answer = answer;
        if ok {
            // Looks right up to the return code.
            answer[..12].copy_from_slice(&Reply::ok(value.handle, value.command.code()).to_bytes()[..12]);
        }
        let exchange = CommandExchange::new(Dialect::Abi9, &value).unwrap();
        prop_assert!(feed(exchange, &answer).0.is_some());
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..3000)) {
        let _ = Registration::from_bytes(&bytes);
        let _ = NotifyAnswer::from_bytes(&bytes);
        let _ = Dialect::Abi9.decode_fields(&bytes[..bytes.len() / 920 * 920]);
        feed(CommandReceipt::new(), &bytes);
        feed(NotificationReceipt::new(), &bytes);
        for kind in NotifyKind::ALL {
            let bytes = [&kind.code().to_ne_bytes()[..], &bytes].concat();
            feed(NotifyReceipt::new(Dialect::Abi9), &bytes);
        }
    }
}

/// Type codes are small numbers; random bytes rarely are.
#[test]
fn every_sequence_of_type_codes_is_a_value_or_an_error() {
    for first in 0..14i32 {
        for second in 0..14i32 {
            for count in [0u32, 1, 2, u32::MAX] {
                let mut bytes = vec![0; 4 * 920];
                for (entry, code) in bytes.chunks_exact_mut(920).zip([first, second, first, second]) {
                    entry[256..260].copy_from_slice(&code.to_ne_bytes());
                    entry[260..264].copy_from_slice(&count.to_ne_bytes());
                }
                if let Ok(fields) = Dialect::Abi9.decode_fields(&bytes) {
                    let again = Dialect::Abi9.encode_fields(&fields).unwrap();
                    assert_eq!(Dialect::Abi9.decode_fields(&again), Ok(fields));
                }
            }
        }
    }
}

#[test]
fn types_may_not_be_nested_without_end() {
    let mut entry = vec![0; 920];
    entry[256..260].copy_from_slice(&9i32.to_ne_bytes());
    let deep = entry.repeat(4000);
    assert!(Dialect::Abi9.decode_fields(&deep).is_err());
    assert!(Dialect::Abi9.decode_fields(&entry.repeat(5000)).is_err());
}
