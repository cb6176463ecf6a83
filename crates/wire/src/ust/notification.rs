//! What an application writes to the notification pipe when an event notifier fires (`docs/spec/ust-protocol.md` 11).

use super::ids::Token;
use crate::client::CapturePayload;
use crate::{Action, Encode, Exchange, Reader, WireError, Writer};

/// Size of a notification without its captures.
pub const NOTIFICATION_HEADER_LEN: usize = 42;
/// The most that captures take: the whole is one atomic write to a pipe.
pub const MAX_CAPTURES_LEN: usize = 4053;
/// What lttng-sessiond takes from a pipe at most.
const MAX_RECEIVED_LEN: usize = 4096;

/// A notification: which event notifier fired, and the captured values in MessagePack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The event notifier's token.
    pub token: Token,
    /// The captured values, which clients get as they came.
    pub captures: CapturePayload,
}

impl Encode for Notification {
    /// # Panics
    /// If the captures are longer than 65,535 bytes.
    fn encode(&self, out: &mut Writer) {
        out.u64(self.token.0);
        out.u16(u16::try_from(self.captures.as_bytes().len()).expect("captures fit their pipe"));
        out.zeros(32);
        out.bytes(self.captures.as_bytes());
    }
}

#[derive(Debug)]
enum State {
    Start,
    AwaitHead,
    Head { token: Token, len: usize },
    AwaitCaptures { token: Token },
    Whole(Notification),
    End,
}

/// Receives one notification from the pipe. An error means that the pipe cannot be followed any further.
#[derive(Debug)]
pub struct NotificationReceipt {
    state: State,
}

impl Default for NotificationReceipt {
    fn default() -> Self {
        Self::new()
    }
}

impl NotificationReceipt {
    /// Waits for a notification.
    pub fn new() -> Self {
        NotificationReceipt { state: State::Start }
    }
}

impl Exchange for NotificationReceipt {
    type Outcome = Notification;

    fn next(&mut self) -> Action<Notification> {
        let (state, action) = match std::mem::replace(&mut self.state, State::End) {
            State::Start => (State::AwaitHead, Action::Receive(NOTIFICATION_HEADER_LEN)),
            State::Head { token, len: 0 } => {
                (State::End, Action::Done(Notification { token, captures: CapturePayload::default() }))
            }
            State::Head { token, len } => (State::AwaitCaptures { token }, Action::Receive(len)),
            State::Whole(notification) => (State::End, Action::Done(notification)),
            _ => panic!("bytes are awaited, or the notification was taken"),
        };
        self.state = state;
        action
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.state = match std::mem::replace(&mut self.state, State::End) {
            State::AwaitHead => {
                let mut input = Reader::new(bytes);
                let token = Token(input.u64("token")?);
                let len = usize::from(input.u16("captures length")?);
                if len > MAX_RECEIVED_LEN {
                    let (value, limit) = (len as u64, MAX_RECEIVED_LEN as u64);
                    return Err(WireError::TooLarge { field: "captures length", value, limit });
                }
                State::Head { token, len }
            }
            State::AwaitCaptures { token } => {
                State::Whole(Notification { token, captures: CapturePayload::from_bytes(bytes) })
            }
            _ => panic!("no bytes are awaited"),
        };
        Ok(())
    }
}
