//! The session daemon's end of a command: what to send, what to await, what came of it. The three patterns of
//! `docs/spec/ust-protocol.md` 4.4 are one queue of steps here.

use std::collections::VecDeque;

use super::command::{CommandCode, Pattern, Request, UnsupportedCommand};
use super::dialect::Dialect;
use super::ids::ObjectHandle;
use super::listing::{FIELD_LIST_ENTRY_LEN, FieldListEntry, TracepointEntry, TracerVersion};
use super::reply::{REPLY_LEN, Reply, ReplyBody, ReplyCode};
use crate::{Action, Decode, Exchange, WireError, Writer};

/// What an application answered to a command that it carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing more, or, to commands that make an object, its handle.
    Handle(ObjectHandle),
    /// Which lttng-ust it has.
    TracerVersion(TracerVersion),
    /// The next tracepoint of a list.
    Tracepoint(TracepointEntry),
    /// The next field of a list.
    Field(FieldListEntry),
}

/// Why a command was not carried out. The connection goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The application says so.
    #[error("the application refused {command:?} on object {handle}: {code}")]
    Code {
        /// The command.
        command: CommandCode,
        /// The object.
        handle: ObjectHandle,
        /// The application's reason.
        code: ReplyCode,
    },
    /// The reply is for something else.
    #[error("the application answered {command:?} on object {handle} with a reply to something else")]
    Mismatch {
        /// The command.
        command: CommandCode,
        /// The object.
        handle: ObjectHandle,
    },
    /// The reply makes no sense.
    #[error("the application answered {command:?} with a malformed reply: {error}")]
    Malformed {
        /// The command.
        command: CommandCode,
        /// What is wrong with it.
        error: WireError,
    },
}

impl Refusal {
    /// Whether this is the end of a list rather than a failure.
    pub fn is_end_of_list(&self) -> bool {
        matches!(self, Refusal::Code { code: ReplyCode::NoEntry, .. })
    }
}

#[derive(Debug)]
enum Step {
    Send(Vec<u8>),
    SendFds(usize),
    Reply,
    FieldEntry,
}

/// Sends one command to an application and takes its answer.
#[derive(Debug)]
pub struct CommandExchange {
    handle: ObjectHandle,
    code: CommandCode,
    steps: VecDeque<Step>,
    awaited: Option<Step>,
    outcome: Option<Result<Answer, Refusal>>,
}

impl CommandExchange {
    /// Prepares the exchange. The shell needs `request.command.code().fd_count()` descriptors for it.
    pub fn new(dialect: Dialect, request: &Request) -> Result<Self, UnsupportedCommand> {
        let code = request.command.code();
        if !dialect.has_command(code) {
            return Err(UnsupportedCommand::Dialect { code, major: dialect.version().major });
        }
        request.check()?;
        let mut steps = VecDeque::new();
        let mut out = Writer::new();
        request.encode_record(&mut out);
        if code.pattern() == Pattern::TwoReplies {
            steps.push_back(Step::Send(std::mem::take(&mut out).into_bytes()));
            steps.push_back(Step::Reply);
        }
        request.command.encode_data(&mut out);
        if !out.is_empty() {
            steps.push_back(Step::Send(out.into_bytes()));
        }
        if code.fd_count() > 0 {
            steps.push_back(Step::SendFds(code.fd_count()));
        }
        steps.push_back(Step::Reply);
        if code == CommandCode::TracepointFieldListGet {
            steps.push_back(Step::FieldEntry);
        }
        Ok(CommandExchange { handle: request.handle, code, steps, awaited: None, outcome: None })
    }

    fn judge(&self, bytes: &[u8]) -> Result<Answer, Refusal> {
        let (command, handle) = (self.code, self.handle);
        let malformed = |error| Refusal::Malformed { command, error };
        if let Some(Step::FieldEntry) = self.awaited {
            return FieldListEntry::from_bytes(bytes).map(Answer::Field).map_err(malformed);
        }
        let reply = Reply::from_bytes(bytes).map_err(malformed)?;
        if (reply.command, reply.handle) != (command, handle) {
            return Err(Refusal::Mismatch { command, handle });
        }
        match (reply.code, reply.body) {
            (ReplyCode::Ok, ReplyBody::None) => Ok(Answer::Handle(ObjectHandle(reply.value))),
            (ReplyCode::Ok, ReplyBody::TracerVersion(version)) => Ok(Answer::TracerVersion(version)),
            (ReplyCode::Ok, ReplyBody::Tracepoint(entry)) => Ok(Answer::Tracepoint(entry)),
            (code, _) => Err(Refusal::Code { command, handle, code }),
        }
    }
}

impl Exchange for CommandExchange {
    type Outcome = Result<Answer, Refusal>;

    fn next(&mut self) -> Action<Self::Outcome> {
        assert!(self.awaited.is_none(), "bytes are awaited");
        match self.steps.pop_front() {
            Some(Step::Send(bytes)) => Action::Send(bytes),
            Some(Step::SendFds(count)) => Action::SendFds(count),
            Some(step @ (Step::Reply | Step::FieldEntry)) => {
                let len = if matches!(step, Step::Reply) { REPLY_LEN } else { FIELD_LIST_ENTRY_LEN };
                self.awaited = Some(step);
                Action::Receive(len)
            }
            None => Action::Done(self.outcome.take().expect("not called after Done")),
        }
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let outcome = self.judge(bytes);
        self.awaited = None;
        // The rest of the exchange takes place only after a good reply. A reply that is good but malformed, or a
        // malformed field entry, has a fixed size: the stream stays in step.
        let entry_follows = self.code == CommandCode::TracepointFieldListGet;
        if outcome.is_err() && !(entry_follows && reply_is_ok(bytes)) {
            self.steps.clear();
        }
        self.outcome = Some(match self.outcome.take() {
            Some(Err(earlier)) => Err(earlier),
            _ => outcome,
        });
        Ok(())
    }
}

/// Whether a reply record says "success", whatever else is wrong with it.
fn reply_is_ok(bytes: &[u8]) -> bool {
    bytes.get(8..12) == Some(&[0; 4])
}

#[cfg(test)]
mod tests {
    use super::super::command::{Command, Stream};
    use super::super::counter::Counter;
    use super::super::event::LogLevel;
    use super::super::ids::Errno;
    use super::super::listing::ListedFieldKind;
    use super::*;
    use crate::Encode;

    fn exchange(handle: u32, command: Command) -> CommandExchange {
        CommandExchange::new(Dialect::Abi9, &Request { handle: ObjectHandle(handle), command }).unwrap()
    }

    fn sent(exchange: &mut CommandExchange) -> usize {
        match exchange.next() {
            Action::Send(bytes) => bytes.len(),
            other => panic!("expected Send, got {other:?}"),
        }
    }

    #[test]
    fn data_and_descriptors_follow_the_record_at_once() {
        let mut of = exchange(4, Command::Stream(Stream { shm_len: 24960, number: 0 }));
        assert_eq!(sent(&mut of), 612);
        assert_eq!(of.next(), Action::SendFds(2));
        assert_eq!(of.next(), Action::Receive(324));
        of.received(&Reply::ok(ObjectHandle(4), CommandCode::Stream).to_bytes()).unwrap();
        assert_eq!(of.next(), Action::Done(Ok(Answer::Handle(ObjectHandle(0)))));
    }

    #[test]
    fn two_reply_commands_wait_before_their_data() {
        let mut of = exchange(1, Command::Counter(Counter::of_errors(4096)));
        assert_eq!(sent(&mut of), 612);
        assert_eq!(of.next(), Action::Receive(324));
        of.received(&Reply::ok(ObjectHandle(1), CommandCode::Counter).to_bytes()).unwrap();
        assert_eq!(sent(&mut of), 192);
        assert_eq!(of.next(), Action::Receive(324));
        let made = Reply::made(ObjectHandle(1), CommandCode::Counter, ObjectHandle(2));
        of.received(&made.to_bytes()).unwrap();
        assert_eq!(of.next(), Action::Done(Ok(Answer::Handle(ObjectHandle(2)))));
    }

    #[test]
    fn an_application_without_notifiers_gets_no_descriptor() {
        let mut of = exchange(0, Command::EventNotifierGroupCreate);
        assert_eq!(sent(&mut of), 612);
        assert_eq!(of.next(), Action::Receive(324));
        let (handle, command) = (ObjectHandle::ROOT, CommandCode::EventNotifierGroupCreate);
        let code = ReplyCode::NotImplemented;
        let refused = Reply::refused(handle, command, code, Errno::new(38).unwrap());
        of.received(&refused.to_bytes()).unwrap();
        assert_eq!(of.next(), Action::Done(Err(Refusal::Code { command, handle, code })));
    }

    #[test]
    fn a_field_follows_a_good_reply_only() {
        let get = CommandCode::TracepointFieldListGet;
        let mut of = exchange(9, Command::TracepointFieldListGet);
        assert_eq!((sent(&mut of), of.next()), (612, Action::Receive(324)));
        of.received(&Reply::ok(ObjectHandle(9), get).to_bytes()).unwrap();
        assert_eq!(of.next(), Action::Receive(808));
        let entry = FieldListEntry {
            event: "demo:tick".into(),
            field: "i".into(),
            kind: ListedFieldKind::Integer,
            log_level: LogLevel::DEBUG_LINE,
            nowrite: false,
        };
        of.received(&entry.to_bytes()).unwrap();
        assert_eq!(of.next(), Action::Done(Ok(Answer::Field(entry))));

        let mut of = exchange(9, Command::TracepointFieldListGet);
        assert_eq!((sent(&mut of), of.next()), (612, Action::Receive(324)));
        let end = Reply::refused(ObjectHandle(9), get, ReplyCode::NoEntry, Errno::ENOENT);
        of.received(&end.to_bytes()).unwrap();
        assert!(matches!(of.next(), Action::Done(Err(refusal)) if refusal.is_end_of_list()));
    }

    #[test]
    fn a_reply_to_something_else_is_a_refusal() {
        let mut of = exchange(3, Command::Enable);
        assert_eq!((sent(&mut of), of.next()), (612, Action::Receive(324)));
        of.received(&Reply::ok(ObjectHandle(3), CommandCode::Disable).to_bytes()).unwrap();
        let (command, handle) = (CommandCode::Enable, ObjectHandle(3));
        assert_eq!(of.next(), Action::Done(Err(Refusal::Mismatch { command, handle })));
    }

    #[test]
    fn abi_8_is_not_asked_for_notifiers() {
        let request = Request::root(Command::EventNotifierGroupCreate);
        assert!(CommandExchange::new(Dialect::Abi8 { minor: 1 }, &request).is_err());
    }
}
