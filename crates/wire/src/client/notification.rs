//! The notification channel: a socket of its own, on which clients subscribe to conditions and are told when they
//! become true (`docs/spec/client-objects.md`, section 13).
//!
//! Each message has a header of 9 bytes. A server reads until [`NotificationFrame::progress`] is content and decodes a
//! [`NotificationRequest`]; a client does the same with [`NotificationReply`]. Whatever does not decode ends the
//! connection, on either side.

use super::capture::CapturedValue;
use super::condition::Condition;
use super::defaults::{FDS_MAX, NOTIFICATION_PAYLOAD_MAX};
use super::evaluation::Evaluation;
use super::expression::EventExpression;
use super::request::Progress;
use super::trigger::Trigger;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// The version of the notification protocol.
pub const VERSION: NotificationVersion = NotificationVersion { major: 1, minor: 1 };

/// A version of the notification protocol. Peers of different majors do not understand each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NotificationVersion {
    /// Changes when peers can no longer understand each other.
    pub major: u8,
    /// Changes when something is added.
    pub minor: u8,
}

codes! {
    /// How a subscription or a handshake went.
    pub enum NotificationStatus: i8, "message.status" {
        /// Well.
        Ok = 0,
        /// The connection has an equal subscription already.
        AlreadySubscribed = -3,
        /// There is no such subscription to end.
        UnknownCondition = -4,
        /// The client's major version is another.
        UnsupportedVersion = -6,
    }
}

/// What a client sends.
#[derive(Debug, Clone, PartialEq)]
pub enum NotificationRequest {
    /// The first message of a connection.
    Handshake(NotificationVersion),
    /// Asks for the notifications of a condition.
    Subscribe(Condition),
    /// Ends a subscription.
    Unsubscribe(Condition),
}

/// A condition became true.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The trigger that fired, whole.
    pub trigger: Trigger,
    /// What was found.
    pub evaluation: Evaluation,
}

impl Notification {
    /// What was captured of the event, beside the names of what was to be captured; nothing of other conditions.
    ///
    /// # Errors
    /// When the captured values are none, or not as many as the condition names.
    pub fn captured(&self) -> Result<Vec<(&EventExpression, CapturedValue)>, WireError> {
        let Evaluation::EventRuleMatches(payload) = &self.evaluation else { return Ok(Vec::new()) };
        let named = self.trigger.condition.captures();
        Ok(named.iter().zip(payload.values(named.len())?).collect())
    }
}

/// What the daemon sends.
#[derive(Debug, Clone, PartialEq)]
pub enum NotificationReply {
    /// Answers a handshake, just before a [`CommandReply`](NotificationReply::CommandReply).
    Handshake(NotificationVersion),
    /// Answers a request.
    CommandReply(NotificationStatus),
    /// A condition became true.
    Notification(Box<Notification>),
    /// At least one notification was lost to this client.
    NotificationDropped,
}

const HANDSHAKE: i8 = 0;
const SUBSCRIBE: i8 = 1;
const UNSUBSCRIBE: i8 = 2;
const COMMAND_REPLY: i8 = 3;
const NOTIFICATION: i8 = 4;
const NOTIFICATION_DROPPED: i8 = 5;

/// Where a message of the notification channel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotificationFrame;

impl NotificationFrame {
    /// Size of the header that precedes each payload.
    pub const HEADER_SIZE: usize = 9;
    /// Size of the largest message.
    pub const SIZE_MAX: usize = Self::HEADER_SIZE + NOTIFICATION_PAYLOAD_MAX;

    /// Says how many more bytes the message at the front of `bytes` needs, or where it ends. Descriptors, if any, come
    /// after it with one byte of their own.
    ///
    /// # Errors
    /// When the message announces more than the protocol allows: the connection is to be closed.
    pub fn progress(bytes: &[u8]) -> Result<Progress, WireError> {
        if bytes.len() < Self::HEADER_SIZE {
            return Ok(Progress::Needs(Self::HEADER_SIZE - bytes.len()));
        }
        let header = Header::decode(&mut Reader::new(bytes))?;
        let size = Self::HEADER_SIZE + header.size;
        Ok(match size.checked_sub(bytes.len()) {
            Some(missing) if missing > 0 => Progress::Needs(missing),
            _ => Progress::Complete { size, fds: header.fds },
        })
    }
}

struct Header {
    kind: i8,
    size: usize,
    fds: u32,
}

impl Header {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = input.i8("message.type")?;
        let size = input.u32("message.size")?;
        let fds = input.u32("message.fds")?;
        let limit = |field, value: u32, limit: u64| match u64::from(value) > limit {
            true => Err(WireError::TooLarge { field, value: value.into(), limit }),
            false => Ok(()),
        };
        limit("message.size", size, NOTIFICATION_PAYLOAD_MAX as u64)?;
        limit("message.fds", fds, FDS_MAX.into())?;
        Ok(Header { kind, size: size as usize, fds })
    }
}

/// Splits a whole message into its type and its payload.
fn open<'a>(input: &mut Reader<'a>) -> Result<(i8, Reader<'a>), WireError> {
    let header = Header::decode(input)?;
    Ok((header.kind, Reader::new(input.bytes("message payload", header.size)?)))
}

fn encode_message(out: &mut Writer, kind: i8, fds: u32, payload: impl FnOnce(&mut Writer)) {
    out.i8(kind);
    let size_at = out.len();
    out.u32(0);
    out.u32(fds);
    payload(out);
    out.patch_u32(size_at, (out.len() - size_at - 8) as u32);
}

impl NotificationRequest {
    /// Descriptors that follow the message.
    pub fn fds(&self) -> u32 {
        match self {
            NotificationRequest::Handshake(_) => 0,
            NotificationRequest::Subscribe(condition) | NotificationRequest::Unsubscribe(condition) => {
                condition.fds()
            }
        }
    }
}

impl Encode for NotificationRequest {
    fn encode(&self, out: &mut Writer) {
        match self {
            NotificationRequest::Handshake(version) => {
                encode_message(out, HANDSHAKE, 0, |out| version.encode(out))
            }
            NotificationRequest::Subscribe(condition) => {
                encode_message(out, SUBSCRIBE, self.fds(), |out| condition.encode(out));
            }
            NotificationRequest::Unsubscribe(condition) => {
                encode_message(out, UNSUBSCRIBE, self.fds(), |out| condition.encode(out));
            }
        }
    }
}

impl Decode for NotificationRequest {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let (kind, mut payload) = open(input)?;
        let request = match kind {
            HANDSHAKE => NotificationRequest::Handshake(NotificationVersion::decode(&mut payload)?),
            SUBSCRIBE => NotificationRequest::Subscribe(Condition::decode(&mut payload)?),
            UNSUBSCRIBE => NotificationRequest::Unsubscribe(Condition::decode(&mut payload)?),
            other => return Err(WireError::BadValue { field: "message.type", value: other.into() }),
        };
        payload.finish()?;
        Ok(request)
    }
}

impl NotificationReply {
    /// Descriptors that follow the message.
    pub fn fds(&self) -> u32 {
        match self {
            NotificationReply::Notification(notification) => notification.trigger.fds(),
            _ => 0,
        }
    }

    /// Whether the message fits the protocol's limit; a larger one would end a client's connection.
    pub fn fits(&self) -> bool {
        self.to_bytes().len() <= NotificationFrame::SIZE_MAX
    }
}

impl Encode for NotificationReply {
    fn encode(&self, out: &mut Writer) {
        match self {
            NotificationReply::Handshake(version) => {
                encode_message(out, HANDSHAKE, 0, |out| version.encode(out))
            }
            NotificationReply::CommandReply(status) => {
                encode_message(out, COMMAND_REPLY, 0, |out| out.i8(status.code()));
            }
            NotificationReply::Notification(notification) => {
                encode_message(out, NOTIFICATION, self.fds(), |out| notification.encode(out));
            }
            NotificationReply::NotificationDropped => encode_message(out, NOTIFICATION_DROPPED, 0, |_| {}),
        }
    }
}

impl Decode for NotificationReply {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let (kind, mut payload) = open(input)?;
        let reply = match kind {
            HANDSHAKE => NotificationReply::Handshake(NotificationVersion::decode(&mut payload)?),
            COMMAND_REPLY => {
                let status = payload.i8("message.status")?;
                NotificationReply::CommandReply(NotificationStatus::from_code(status)?)
            }
            NOTIFICATION => NotificationReply::Notification(Box::new(Notification::decode(&mut payload)?)),
            NOTIFICATION_DROPPED => NotificationReply::NotificationDropped,
            other => return Err(WireError::BadValue { field: "message.type", value: other.into() }),
        };
        payload.finish()?;
        Ok(reply)
    }
}

impl Encode for NotificationVersion {
    fn encode(&self, out: &mut Writer) {
        out.u8(self.major);
        out.u8(self.minor);
    }
}

impl Decode for NotificationVersion {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(NotificationVersion { major: input.u8("handshake.major")?, minor: input.u8("handshake.minor")? })
    }
}

impl Encode for Notification {
    fn encode(&self, out: &mut Writer) {
        let length_at = out.len();
        out.u32(0);
        self.trigger.encode(out);
        self.evaluation.encode(out);
        out.patch_u32(length_at, (out.len() - length_at - 4) as u32);
    }
}

impl Decode for Notification {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let length = input.u32("notification.length")?;
        let mut body = Reader::new(input.bytes("notification", length as usize)?);
        let trigger = Trigger::decode(&mut body)?;
        let evaluation = Evaluation::decode(&mut body)?;
        body.finish()?;
        if evaluation.condition_type() != trigger.condition.condition_type() {
            let value = evaluation.condition_type().code();
            return Err(WireError::BadValue {
                field: "evaluation.type of another condition",
                value: value.into(),
            });
        }
        Ok(Notification { trigger, evaluation })
    }
}
