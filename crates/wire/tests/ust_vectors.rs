//! Whole exchanges between liblttng-ust 2.13.5 and lttng-sessiond 2.13.9 (`tests/vectors/ust/README.md`): both of our
//! ends are led through them, byte for byte.

use std::collections::VecDeque;
use std::path::Path;

use rttng_wire::ust::{
    Answer, CommandExchange, CommandReceipt, Dialect, FieldListEntry, NotificationReceipt, NotifyAnswer,
    NotifyExchange, NotifyReceipt, NotifyRequest, ReceivedCommand, Registration, Reply, SocketKind,
};
use rttng_wire::{Action, Decode, Encode, Exchange};

const TO_APP: u8 = 0;
const FROM_APP: u8 = 1;

fn vector(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/ust").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What one socket saw, in order.
struct Recording {
    name: String,
    messages: VecDeque<Message>,
}

struct Message {
    direction: u8,
    fds: usize,
    bytes: Vec<u8>,
}

impl Recording {
    /// Splits a file into the two sockets.
    fn load(name: &str) -> [Recording; 2] {
        let bytes = vector(name);
        let mut sockets = ["command", "notify"]
            .map(|socket| Recording { name: format!("{name}, {socket} socket"), messages: VecDeque::new() });
        let mut rest = &bytes[..];
        while let Some((head, after)) = rest.split_at_checked(8) {
            let fds = u16::from_le_bytes(head[2..4].try_into().unwrap()).into();
            let len = u32::from_le_bytes(head[4..8].try_into().unwrap()) as usize;
            let message = Message { direction: head[0], fds, bytes: after[..len].to_vec() };
            sockets[usize::from(head[1])].messages.push_back(message);
            rest = &after[len..];
        }
        assert!(rest.is_empty(), "{name} ends in the middle of a record");
        sockets
    }

    /// Takes so many bytes that went one way, however they were cut into messages.
    fn take(&mut self, direction: u8, len: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        while taken.len() < len {
            let mut message =
                self.messages.pop_front().unwrap_or_else(|| panic!("{} ends too early", self.name));
            assert_eq!(
                (message.direction, message.fds),
                (direction, 0),
                "{}: another message was due",
                self.name
            );
            let rest = message.bytes.split_off(message.bytes.len().min(len - taken.len()));
            taken.append(&mut message.bytes);
            if !rest.is_empty() {
                self.messages.push_front(Message { bytes: rest, ..message });
            }
        }
        taken
    }

    /// Takes the byte that carries descriptors.
    fn take_fds(&mut self, direction: u8, count: usize) {
        let message = self.messages.pop_front().unwrap_or_else(|| panic!("{} ends too early", self.name));
        assert_eq!(
            (message.direction, message.fds, &message.bytes[..]),
            (direction, count, &[0][..]),
            "{}",
            self.name
        );
    }
}

/// The steps of an exchange, as one end saw them; the other end must want the mirror image.
#[derive(Default)]
struct Script(VecDeque<Step>);

#[derive(Debug)]
enum Step {
    ToApp(Vec<u8>),
    Fds(usize),
    FromApp(Vec<u8>),
}

/// Receives a command as the application did, then its answer as the session daemon did.
fn follow_command(recording: &mut Recording) -> (ReceivedCommand, Script) {
    let mut script = Script::default();
    let mut receipt = CommandReceipt::new();
    let command = loop {
        match receipt.next() {
            Action::Receive(len) => {
                let bytes = recording.take(TO_APP, len);
                receipt.received(&bytes).unwrap();
                script.0.push_back(Step::ToApp(bytes));
            }
            Action::ReceiveFds(count) => {
                recording.take_fds(TO_APP, count);
                script.0.push_back(Step::Fds(count));
            }
            Action::Send(bytes) => {
                assert_eq!(recording.take(FROM_APP, bytes.len()), bytes, "the first reply");
                script.0.push_back(Step::FromApp(bytes));
            }
            Action::Done(command) => break command,
            other => panic!("an application does not {other:?}"),
        }
    };
    (command, script)
}

/// Lets the session daemon's end send the command again, against what was recorded.
fn send_again(dialect: Dialect, command: &ReceivedCommand, mut script: Script, recording: &mut Recording) {
    let ReceivedCommand::Request(request) = command else { panic!("{command:?}") };
    let mut exchange = CommandExchange::new(dialect, request).unwrap();
    let outcome = loop {
        match exchange.next() {
            Action::Send(bytes) => {
                let mut sent = Vec::new();
                while let Some(Step::ToApp(_)) = script.0.front() {
                    let Some(Step::ToApp(part)) = script.0.pop_front() else { unreachable!() };
                    sent.extend(part);
                }
                assert_eq!(bytes, sent, "{request:?}");
            }
            Action::SendFds(count) => {
                assert!(matches!(script.0.pop_front(), Some(Step::Fds(fds)) if fds == count), "{request:?}");
            }
            Action::Receive(len) => {
                let bytes = match script.0.pop_front() {
                    Some(Step::FromApp(bytes)) => bytes,
                    Some(other) => panic!("{request:?}: {other:?} was due"),
                    None => recording.take(FROM_APP, len),
                };
                assert_eq!(bytes.len(), len);
                exchange.received(&bytes).unwrap();
                let again = match len {
                    808 => FieldListEntry::from_bytes(&bytes).unwrap().to_bytes(),
                    _ => Reply::from_bytes(&bytes).unwrap().to_bytes(),
                };
                assert_eq!(again, bytes, "the reply to {request:?}");
            }
            Action::Done(outcome) => break outcome,
            other => panic!("a session daemon does not {other:?}"),
        }
    };
    assert!(script.0.is_empty());
    match outcome {
        Ok(_) => {}
        Err(refusal) => assert!(refusal.is_end_of_list(), "{refusal}"),
    }
}

/// Receives a registration of event, channel or enumeration, and sends it and its answer again.
fn follow_notify(dialect: Dialect, recording: &mut Recording) -> NotifyRequest {
    let mut received = Vec::new();
    let mut receipt = NotifyReceipt::new(dialect);
    let request = loop {
        match receipt.next() {
            Action::Receive(len) => {
                let bytes = recording.take(FROM_APP, len);
                receipt.received(&bytes).unwrap();
                received.extend(bytes);
            }
            Action::Done(request) => break request.unwrap(),
            other => panic!("a session daemon does not {other:?}"),
        }
    };
    let mut exchange = NotifyExchange::new(dialect, &request).unwrap();
    assert_eq!(exchange.next(), Action::Send(received), "{request:?}");
    let Action::Receive(len) = exchange.next() else { panic!("an answer is awaited") };
    let bytes = recording.take(TO_APP, len);
    exchange.received(&bytes).unwrap();
    let Action::Done(answer) = exchange.next() else { panic!("the answer was received") };
    assert_eq!(answer.to_bytes(), bytes);
    assert_eq!(NotifyAnswer::from_bytes(&bytes), Ok(answer));
    request
}

fn follow(name: &str) -> (Vec<ReceivedCommand>, Vec<NotifyRequest>) {
    follow_as(Dialect::Abi9, name)
}

fn follow_as(dialect: Dialect, name: &str) -> (Vec<ReceivedCommand>, Vec<NotifyRequest>) {
    let [mut command, mut notify] = Recording::load(name);
    for (recording, kind) in [(&mut command, SocketKind::Command), (&mut notify, SocketKind::Notify)] {
        let bytes = recording.take(FROM_APP, 136);
        let registration = Registration::from_bytes(&bytes).unwrap();
        assert_eq!((registration.socket, registration.to_bytes()), (kind, bytes));
        assert_eq!(Dialect::of(registration.version), Some(dialect));
    }
    let mut commands = Vec::new();
    while !command.messages.is_empty() {
        let (received, script) = follow_command(&mut command);
        send_again(dialect, &received, script, &mut command);
        commands.push(received);
    }
    let mut requests = Vec::new();
    while !notify.messages.is_empty() {
        requests.push(follow_notify(dialect, &mut notify));
    }
    (commands, requests)
}

#[test]
fn per_uid_start() {
    let (commands, requests) = follow("per-uid.bin");
    assert!(commands.len() > 15, "{} commands", commands.len());
    let events = requests.iter().filter(|request| matches!(request, NotifyRequest::Event(_))).count();
    assert_eq!(events, 2);
}

#[test]
fn per_pid_life() {
    let (commands, requests) = follow("per-pid.bin");
    assert!(commands.len() > 15 && requests.len() > 5, "{} and {}", commands.len(), requests.len());
}

#[test]
fn every_field_kind() {
    let (commands, requests) = follow("rich.bin");
    assert!(commands.len() > 50 && requests.len() > 5, "{} and {}", commands.len(), requests.len());
}

/// LTTng-UST 2.12, which Debian 12 does not have any more.
#[test]
fn an_application_of_abi_8() {
    let (commands, requests) = follow_as(Dialect::Abi8 { minor: 1 }, "abi8.bin");
    assert!(commands.len() > 100, "{} commands", commands.len());
    let count = |of: fn(&NotifyRequest) -> bool| requests.iter().filter(|request| of(request)).count();
    let events = count(|request| matches!(request, NotifyRequest::Event(_)));
    let enumerations = count(|request| matches!(request, NotifyRequest::Enum(_)));
    assert!(events >= 8 && enumerations > 0, "{events} events and {enumerations} enumerations");
}

#[test]
fn event_notifiers() {
    let (commands, _) = follow("event-notifier.bin");
    let captures = commands.iter().filter(|command| format!("{command:?}").contains("Capture(")).count();
    assert_eq!(captures, 16);
}

#[test]
fn notifications() {
    let bytes = vector("notification-pipe.bin");
    let mut rest = &bytes[..];
    let mut seen = Vec::new();
    while !rest.is_empty() {
        let start = rest;
        let mut receipt = NotificationReceipt::new();
        let notification = loop {
            match receipt.next() {
                Action::Receive(len) => {
                    receipt.received(&rest[..len]).unwrap();
                    rest = &rest[len..];
                }
                Action::Done(notification) => break notification,
                other => panic!("a reader of a pipe does not {other:?}"),
            }
        };
        assert_eq!(notification.to_bytes(), start[..start.len() - rest.len()]);
        let count = if notification.token.0 == 1 { 16 } else { 0 };
        seen.push((notification.token.0, notification.captures.values(count).unwrap().len()));
    }
    assert_eq!(seen, [(2, 0), (1, 16), (2, 0), (1, 16), (2, 0)]);
}

#[test]
fn an_answer_names_what_it_answers() {
    let [mut command, _] = Recording::load("per-uid.bin");
    command.take(FROM_APP, 136);
    let (received, _) = follow_command(&mut command);
    let ReceivedCommand::Request(request) = received else { panic!("{received:?}") };
    let mut exchange = CommandExchange::new(Dialect::Abi9, &request).unwrap();
    let Action::Send(_) = exchange.next() else { panic!("the record is sent first") };
    let Action::Receive(len) = exchange.next() else { panic!("a reply is awaited") };
    exchange.received(&command.take(FROM_APP, len)).unwrap();
    let Action::Done(Ok(Answer::TracerVersion(version))) = exchange.next() else {
        panic!("a version is expected")
    };
    assert_eq!((version.major, version.minor, version.patch), (2, 13, 5));
}
