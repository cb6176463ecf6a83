//! What a malformed request is answered with: the codes that the real daemon gives (`docs/spec/client-protocol.md`,
//! sections 5 and 7, `docs/spec/client-objects.md`, sections 4, 12, 15 and 19).

use rttng_wire::client::*;
use rttng_wire::{Decode, Encode};

/// A request with its union and payload as given.
fn request(number: u32, domain: i32, union: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; RequestFrame::HEADER_SIZE];
    bytes[..4].copy_from_slice(&number.to_ne_bytes());
    bytes[4] = b's';
    bytes[4380..4384].copy_from_slice(&domain.to_ne_bytes());
    bytes[4688..4688 + union.len()].copy_from_slice(union);
    bytes.extend_from_slice(payload);
    bytes
}

fn decode(bytes: &[u8]) -> Request {
    Request::from_bytes(bytes).expect("the fixed message is complete")
}

#[track_caller]
fn assert_refused(bytes: &[u8], code: ErrorCode) {
    let refusal = decode(bytes).command.unwrap_err();
    assert_eq!(refusal.code, code, "{refusal}");
}

fn numbers(list: &[u32]) -> Vec<u8> {
    list.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

const UST: i32 = 2;

#[test]
fn numbers_that_are_no_command_are_undefined() {
    for number in [1, 7, 8, 22, 23, 29, 30, 37, 38, 39] {
        let request = decode(&request(number, UST, &[], &[]));
        assert_eq!(request.command.unwrap_err().code, ErrorCode::Und);
        let header = request.header;
        assert_eq!((header.kind, header.number), (None, number));
        assert!(header.needs_session() && header.needs_domain() && !header.is_beyond_commands());
    }
    for number in [53, 1000, 0x7274_0000, u32::MAX] {
        let request = decode(&request(number, UST, &[], &[]));
        assert_eq!(request.command.unwrap_err().code, ErrorCode::Und);
        assert!(request.header.is_beyond_commands() && !request.header.needs_session());
    }
}

#[test]
fn a_session_that_cannot_exist_is_not_found() {
    let stop = |name: &[u8]| {
        let mut bytes = request(17, 0, &[], &[]);
        bytes[4..4 + name.len()].copy_from_slice(name);
        decode(&bytes)
    };
    assert_eq!(stop(b"web").command, Ok(Command::StopTrace { session: "web".into() }));
    // Names are bytes.
    assert_eq!(
        stop(&[0xff]).command,
        Ok(Command::StopTrace { session: rttng_wire::text::from_bytes(&[0xff]) })
    );
    for name in [&[b'x'; 255][..], &[0][..]] {
        let request = stop(name);
        assert_eq!(request.header.session, None);
        assert_eq!(request.command.unwrap_err().code, ErrorCode::SessNotFound);
    }
}

#[test]
fn start_and_stop_take_no_domain_that_there_is_not() {
    assert!(decode(&request(16, UST, &[], &[])).command.is_ok());
    assert_refused(&request(16, 9, &[], &[]), ErrorCode::UnknownDomain);
    assert_refused(&request(17, -1, &[], &[]), ErrorCode::UnknownDomain);
}

#[test]
fn payloads_that_are_missing_or_malformed() {
    let no_length = [0; 260];
    assert_refused(&request(6, UST, &no_length, &[]), ErrorCode::InvalidProtocol);
    assert_refused(&request(3, UST, &no_length, &[]), ErrorCode::InvalidProtocol);
    assert_refused(&request(0, UST, &no_length, &[]), ErrorCode::InvalidProtocol);
    assert_refused(&request(5, UST, &[], &[]), ErrorCode::Invalid);
    assert_refused(&request(21, UST, &[], &[]), ErrorCode::Invalid);
    assert_refused(&request(43, UST, &[], &[]), ErrorCode::InvalidTrigger);
    assert_refused(&request(44, 0, &[], &[]), ErrorCode::InvalidTrigger);
    assert_refused(&request(52, 0, &[], &[]), ErrorCode::InvalidProtocol);
    assert_refused(&request(49, 0, &[], &[]), ErrorCode::Invalid);

    // The connection ends before the payload does.
    let context = ContextType::Vpid.code().to_ne_bytes();
    let mut union = vec![0; 256];
    union.extend(4_u32.to_ne_bytes());
    assert!(decode(&request(0, UST, &union, &context)).command.is_ok());
    assert_refused(&request(0, UST, &union, &context[..3]), ErrorCode::InvalidProtocol);
    let create = [numbers(&[0x0001_0000])[..2].to_vec(), 100_u64.to_ne_bytes().to_vec()].concat();
    assert_refused(&request(49, 0, &create, &[1, 0]), ErrorCode::SessionFail);
}

#[test]
fn contexts_that_no_domain_has() {
    let mut union = vec![0; 256];
    union.extend(4_u32.to_ne_bytes());
    let unknown = 99_u32.to_ne_bytes();
    assert_refused(&request(0, UST, &union, &unknown), ErrorCode::UstContextInval);
    assert_refused(&request(0, 1, &union, &unknown), ErrorCode::KernContextFail);
}

fn channel(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let attributes = defaults::channel_attributes(DomainType::Ust, BufferType::PerUid, 4096);
    let mut payload = Channel::new("c", attributes).to_bytes();
    change(&mut payload);
    request(5, UST, &(payload.len() as u32).to_ne_bytes(), &payload)
}

#[test]
fn channels_that_are_malformed() {
    assert!(decode(&channel(|_| ())).command.is_ok());
    assert_refused(&channel(|payload| payload.push(0)), ErrorCode::Invalid);
    assert_refused(&channel(|payload| payload[84] = b'x'), ErrorCode::Invalid);
    assert_refused(&channel(|payload| payload[30] = 7), ErrorCode::NotSupported);
    let long = |len: usize| {
        channel(|payload| {
            payload.truncate(83);
            payload[..4].copy_from_slice(&(len as u32).to_ne_bytes());
            payload.extend(vec![b'x'; len - 1]);
            payload.push(0);
        })
    };
    assert!(decode(&long(255)).command.is_ok());
    assert_refused(&long(256), ErrorCode::Invalid);

    // Any other mode is overwriting.
    let Ok(Command::EnableChannel { channel, .. }) = decode(&channel(|payload| payload[5] = 5)).command
    else {
        panic!()
    };
    assert_eq!(channel.attributes.overwrite, OverwriteMode::Overwrite);
}

#[test]
fn events_that_are_malformed() {
    let event = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut payload = Event::new("e", EventKind::Tracepoint).to_bytes();
        change(&mut payload);
        let mut union = vec![0; 256];
        union.extend((payload.len() as u32).to_ne_bytes());
        request(6, UST, &union, &payload)
    };
    assert!(decode(&event(&|_| ())).command.is_ok());
    for change in [
        &|payload: &mut Vec<u8>| payload[0] = 7 as _, // an unknown type
        &|payload: &mut Vec<u8>| payload[0] = 1,      // a probe without its part
        &|payload: &mut Vec<u8>| payload[27] = 1,     // bytecode without a filter
        &|payload: &mut Vec<u8>| payload[19..23].fill(0xff), // more exclusions than bytes
        &|payload: &mut Vec<u8>| payload.push(0),     // a byte too many
        &|payload: &mut Vec<u8>| payload[15..19].fill(0), // no name at all
    ] as [&dyn Fn(&mut Vec<u8>); 6]
    {
        assert_refused(&event(change), ErrorCode::InvalidProtocol);
    }
}

#[test]
fn trackers_are_judged_in_the_order_of_the_real_daemon() {
    let add = |domain, attribute: i32, kind: i32, value: u64, name: &[u8]| {
        let mut union = numbers(&[attribute as u32, kind as u32]);
        union.extend(value.to_ne_bytes());
        union.extend((name.len() as u32).to_ne_bytes());
        request(32, domain, &union, name)
    };
    assert!(decode(&add(UST, 1, 0, 12, b"")).command.is_ok());
    assert!(decode(&add(UST, 3, 2, 0, b"root\0")).command.is_ok());
    assert_refused(&add(UST, 3, 2, 0, &[b'x'; 257]), ErrorCode::Invalid);
    assert_refused(&add(UST, 3, 2, 0, b""), ErrorCode::InvalidProtocol);
    assert_refused(&add(UST, 1, 0, 12, b"root\0"), ErrorCode::InvalidProtocol);
    assert_refused(&add(3, 1, 0, 12, b""), ErrorCode::UnsupportedDomain);
    assert_refused(&add(0, 1, 0, 12, b""), ErrorCode::UnsupportedDomain);
    assert_refused(&add(UST, 0, 0, 12, b""), ErrorCode::UnsupportedDomain);
    assert_refused(&add(UST, 9, 0, 12, b""), ErrorCode::UnsupportedDomain);
    assert_refused(&add(1, 9, 0, 12, b""), ErrorCode::InvalidProtocol);
    assert_refused(&add(UST, 1, 1, 12, b""), ErrorCode::Invalid);
    assert_refused(&add(UST, 1, 0, 1 << 40, b""), ErrorCode::Invalid);

    assert_refused(&request(34, UST, &numbers(&[9]), &[]), ErrorCode::Invalid);
    assert_refused(&request(34, 4, &numbers(&[1]), &[]), ErrorCode::UnsupportedDomain);
    assert_refused(&request(35, UST, &numbers(&[1, 3]), &[]), ErrorCode::Invalid);
}

#[test]
fn descriptors_that_are_malformed() {
    let create = |home: &[u8], descriptor: &[u8]| {
        let mut union = (home.len() as u16).to_ne_bytes().to_vec();
        union.extend((descriptor.len() as u64).to_ne_bytes());
        request(49, 0, &union, &[home, descriptor].concat())
    };
    let good = [1, 1, 2, 0, 0, 0, 0, b's', 0];
    assert!(decode(&create(b"/home\0", &good)).command.is_ok());
    assert!(decode(&create(b"", &[&good[..], b"more"].concat())).command.is_ok(), "what follows is ignored");
    assert_refused(&create(b"home\0", &good), ErrorCode::Invalid);
    assert_refused(&create(&[b'/'; 4096], &good), ErrorCode::Invalid);
    assert_refused(&create(b"", &[0; 65_537]), ErrorCode::Invalid);
    for bad in [
        &[0, 1, 2, 0, 0, 0, 0, b's', 0][..],                     // no such type
        &[4, 1, 2, 0, 0, 0, 0, b's', 0],                         // no such type
        &[1, 3, 2, 0, 0, 0, 0, b's', 0],                         // no such output
        &[1, 0, 2, 0, 0, 0, 1, b's', 0],                         // a URI for no output
        &[1, 2, 2, 0, 0, 0, 1, b's', 0],                         // one URI of two
        &[1, 1, 1, 0, 0, 0, 0, 0],                               // an empty name
        &[1, 1, 3, 0, 0, 0, 0, b's', 0, 0],                      // a NUL in the name
        &[3, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b's', 0], // a live timer of 0
        &[3, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, b's', 0], // live on this machine
    ] {
        assert_refused(&create(b"", bad), ErrorCode::Invalid);
    }
}

#[test]
fn triggers_on_a_binary_need_its_descriptor() {
    let location = UserspaceProbeLocation::Function { function: "main".into(), binary: "/bin/app".into() };
    let rule = EventRule::KernelUprobe { name: "e".into(), location };
    let condition = Condition::EventRuleMatches(EventRuleMatches { rule, captures: Vec::new() });
    let action = Action::Notify { policy: RatePolicy::default() };
    let trigger = Box::new(Trigger { name: None, owner_uid: 0, is_hidden: false, condition, action });
    let mut bytes = Command::RegisterTrigger { trigger, anonymous: false }.to_request().unwrap();
    assert_eq!(RequestFrame::progress(&bytes), Ok(Progress::Complete { size: bytes.len(), fds: 1 }));
    assert!(decode(&bytes).command.is_ok());
    bytes[13_152..13_156].fill(0);
    assert_refused(&bytes, ErrorCode::InvalidTrigger);
    bytes[13_152] = 254;
    let refusal = RequestFrame::progress(&bytes).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::InvalidProtocol);
}

#[test]
fn a_client_is_told_what_does_not_fit() {
    let too_long = Command::StartTrace { session: "x".repeat(255) };
    assert_eq!(
        too_long.to_request().unwrap_err().to_string(),
        "session name is 255 bytes long, the longest that LTTng takes is 254"
    );
    let inner_nul = Command::StartTrace { session: "a\0b".into() };
    assert_eq!(inner_nul.to_request(), Err(InvalidCommand::InnerNul { field: "session name" }));
}
