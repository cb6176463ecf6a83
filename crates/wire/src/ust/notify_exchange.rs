//! Both ends of a request on the notify socket: [`NotifyReceipt`] is the session daemon's, [`NotifyExchange`] the
//! application's.

use super::dialect::Dialect;
use super::ids::Errno;
use super::notify::{Head, NotifyAnswer, NotifyKind, NotifyRequest};
use crate::{Action, Decode, Exchange, Reader, WireError};

/// A request that was received whole but makes no sense. Answer it with [`RefusedNotify::answer`]; the connection goes
/// on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("registration of {kind:?} refused ({errno}): {error}")]
pub struct RefusedNotify {
    /// What the request was for.
    pub kind: NotifyKind,
    /// What lttng-sessiond answers in that case.
    pub errno: Errno,
    /// What is wrong.
    pub error: WireError,
}

impl RefusedNotify {
    /// The answer to send.
    pub fn answer(&self) -> NotifyAnswer {
        NotifyAnswer::refuse(self.kind, self.errno)
    }
}

#[derive(Debug)]
enum ReceiptState {
    Start,
    AwaitKind,
    Kind(NotifyKind),
    AwaitHead(NotifyKind),
    Head(NotifyKind, Head),
    AwaitRest(NotifyKind, Head),
    Whole(Result<NotifyRequest, RefusedNotify>),
    End,
}

/// Receives one request of an application. An error (an unknown kind, an impossible length) means that the stream
/// cannot be followed any further: close the notify socket.
#[derive(Debug)]
pub struct NotifyReceipt {
    dialect: Dialect,
    state: ReceiptState,
}

impl NotifyReceipt {
    /// Waits for a request of an application of that dialect.
    pub fn new(dialect: Dialect) -> Self {
        NotifyReceipt { dialect, state: ReceiptState::Start }
    }

    /// Whether nothing of a request came yet: a good moment to wait without a limit.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, ReceiptState::Start | ReceiptState::AwaitKind)
    }

    fn whole(&self, kind: NotifyKind, head: &Head, rest: &[u8]) -> ReceiptState {
        let refused = |(errno, error)| RefusedNotify { kind, errno, error };
        ReceiptState::Whole(head.complete(self.dialect, rest).map_err(refused))
    }
}

impl Exchange for NotifyReceipt {
    type Outcome = Result<NotifyRequest, RefusedNotify>;

    fn next(&mut self) -> Action<Self::Outcome> {
        loop {
            let (state, action) = match std::mem::replace(&mut self.state, ReceiptState::End) {
                ReceiptState::Start => (ReceiptState::AwaitKind, Action::Receive(4)),
                ReceiptState::Kind(kind) => {
                    (ReceiptState::AwaitHead(kind), Action::Receive(kind.head_len() - 4))
                }
                ReceiptState::Head(kind, head) => match head.rest_len() {
                    0 => {
                        self.state = self.whole(kind, &head, &[]);
                        continue;
                    }
                    len => (ReceiptState::AwaitRest(kind, head), Action::Receive(len)),
                },
                ReceiptState::Whole(outcome) => (ReceiptState::End, Action::Done(outcome)),
                _ => panic!("bytes are awaited, or the request was taken"),
            };
            self.state = state;
            return action;
        }
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.state = match std::mem::replace(&mut self.state, ReceiptState::End) {
            ReceiptState::AwaitKind => {
                let kind = Reader::new(bytes).u32("notify command")?;
                ReceiptState::Kind(NotifyKind::from_code(kind)?)
            }
            ReceiptState::AwaitHead(kind) => ReceiptState::Head(kind, Head::decode(kind, bytes)?),
            ReceiptState::AwaitRest(kind, head) => self.whole(kind, &head, bytes),
            _ => panic!("no bytes are awaited"),
        };
        Ok(())
    }
}

#[derive(Debug)]
enum RequestState {
    Request(Vec<u8>),
    Sent,
    AwaitAnswer,
    Answered(NotifyAnswer),
    End,
}

/// Sends one request to the session daemon and takes its answer.
#[derive(Debug)]
pub struct NotifyExchange {
    kind: NotifyKind,
    state: RequestState,
}

impl NotifyExchange {
    /// Prepares the exchange. Fails on fields that the dialect cannot describe.
    pub fn new(dialect: Dialect, request: &NotifyRequest) -> Result<Self, WireError> {
        Ok(NotifyExchange { kind: request.kind(), state: RequestState::Request(request.to_bytes(dialect)?) })
    }
}

impl Exchange for NotifyExchange {
    type Outcome = NotifyAnswer;

    fn next(&mut self) -> Action<NotifyAnswer> {
        let (state, action) = match std::mem::replace(&mut self.state, RequestState::End) {
            RequestState::Request(bytes) => (RequestState::Sent, Action::Send(bytes)),
            RequestState::Sent => (RequestState::AwaitAnswer, Action::Receive(self.kind.answer_len())),
            RequestState::Answered(answer) => (RequestState::End, Action::Done(answer)),
            _ => panic!("bytes are awaited, or the answer was taken"),
        };
        self.state = state;
        action
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let answer = NotifyAnswer::from_bytes(bytes)?;
        if answer.kind() != self.kind {
            let value = i128::from(answer.kind().code());
            return Err(WireError::BadValue { field: "notify command", value });
        }
        self.state = RequestState::Answered(answer);
        Ok(())
    }
}
