//! The notification channel: a connection on which a session daemon tells when conditions become true
//! (`docs/spec/client-objects.md` §13).

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rttng_wire::client::notification::{NotificationFrame, VERSION};
use rttng_wire::client::request::Progress;
use rttng_wire::client::{
    Condition, ErrorCode, Notification, NotificationReply, NotificationRequest, NotificationStatus,
};
use rttng_wire::{Decode, Encode, WireError};

use crate::connection::Connection;
use crate::endpoint::Endpoint;
use crate::error::ControlError;

/// How long a daemon may take to answer a subscription.
const BOUND: Duration = Duration::from_secs(30);
/// Notifications that are kept while an answer is awaited; what comes after them is dropped, and told as dropped.
const MOST_PENDING: usize = 1024;

/// What a daemon tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// A condition became true: which trigger fired, and what was found.
    Notification(Box<Notification>),
    /// At least one notification was lost because they were not taken fast enough.
    Dropped,
}

/// A connection on which a session daemon tells when conditions become true. Dropping it ends all subscriptions.
///
/// ```no_run
/// use std::time::Duration;
/// use rttng_control::{Client, Endpoint, Told};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::new(Endpoint::from_environment(None));
/// let mut channel = client.notifications()?;
/// for (trigger, _) in client.list_triggers()? {
///     channel.subscribe(&trigger.condition)?;
/// }
/// while let Some(told) = channel.next(Duration::from_secs(10))? {
///     match told {
///         Told::Notification(of) => println!("{:?}: {:?}", of.trigger.name, of.captured()?),
///         Told::Dropped => println!("some were lost"),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct NotificationChannel {
    connection: Connection,
    bytes: Vec<u8>,
    pending: VecDeque<Told>,
}

impl NotificationChannel {
    /// Opens a channel to the daemon at `endpoint`, which may take `bound` to take the connection.
    pub(crate) fn open(endpoint: &Endpoint, bound: Duration) -> Result<Self, ControlError> {
        let socket = endpoint.notifications().connect(bound).map_err(ControlError::NoDaemon)?;
        let connection = Connection::new(socket, BOUND);
        let mut channel = NotificationChannel { connection, bytes: Vec::new(), pending: VecDeque::new() };
        channel.say(&NotificationRequest::Handshake(VERSION))?;
        let theirs = match channel.hear()? {
            NotificationReply::Handshake(theirs) => theirs,
            _ => return Err(out_of_turn()),
        };
        match channel.hear()? {
            NotificationReply::CommandReply(NotificationStatus::Ok) if theirs.major == VERSION.major => {
                Ok(channel)
            }
            NotificationReply::CommandReply(_) => Err(ControlError::Invalid {
                code: ErrorCode::InvalidProtocol,
                why: format!(
                    "the session daemon speaks version {}.{} of the notification protocol, this program {}.{}",
                    theirs.major, theirs.minor, VERSION.major, VERSION.minor
                ),
            }),
            _ => Err(out_of_turn()),
        }
    }

    /// Asks to be told when a condition becomes true. Says whether that is new. Triggers with an equal condition that are
    /// registered later count as well.
    ///
    /// # Errors
    /// When the daemon is gone or does not answer.
    pub fn subscribe(&mut self, condition: &Condition) -> Result<bool, ControlError> {
        match self.ask(&NotificationRequest::Subscribe(condition.clone()))? {
            NotificationStatus::Ok => Ok(true),
            NotificationStatus::AlreadySubscribed => Ok(false),
            _ => Err(out_of_turn()),
        }
    }

    /// Asks not to be told any more. Says whether there was such a subscription.
    ///
    /// # Errors
    /// When the daemon is gone or does not answer.
    pub fn unsubscribe(&mut self, condition: &Condition) -> Result<bool, ControlError> {
        match self.ask(&NotificationRequest::Unsubscribe(condition.clone()))? {
            NotificationStatus::Ok => Ok(true),
            NotificationStatus::UnknownCondition => Ok(false),
            _ => Err(out_of_turn()),
        }
    }

    /// What the daemon tells next, in order; nothing when it tells nothing for `patience`.
    ///
    /// # Errors
    /// When the daemon is gone, or says what cannot be understood.
    pub fn next(&mut self, patience: Duration) -> Result<Option<Told>, ControlError> {
        if let Some(told) = self.pending.pop_front() {
            return Ok(Some(told));
        }
        let until = Instant::now() + patience;
        self.connection.extend(BOUND);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if !self.connection.is_readable_within(left.min(BOUND / 2))? {
                if left.is_zero() {
                    return Ok(None);
                }
                self.connection.extend(BOUND);
                continue;
            }
            // There is a byte of a message; the daemon owes the rest.
            match self.hear()? {
                NotificationReply::Notification(of) => return Ok(Some(Told::Notification(of))),
                NotificationReply::NotificationDropped => return Ok(Some(Told::Dropped)),
                NotificationReply::Handshake(_) | NotificationReply::CommandReply(_) => {
                    return Err(out_of_turn());
                }
            }
        }
    }

    /// Sends a request and awaits its answer. What is told meanwhile is kept.
    fn ask(&mut self, request: &NotificationRequest) -> Result<NotificationStatus, ControlError> {
        self.connection.extend(BOUND);
        self.say(request)?;
        loop {
            match self.hear()? {
                NotificationReply::CommandReply(status) => return Ok(status),
                NotificationReply::Notification(of) => self.keep(Told::Notification(of)),
                NotificationReply::NotificationDropped => self.keep(Told::Dropped),
                NotificationReply::Handshake(_) => return Err(out_of_turn()),
            }
        }
    }

    fn keep(&mut self, told: Told) {
        if self.pending.len() < MOST_PENDING {
            self.pending.push_back(told);
        } else if self.pending.back() != Some(&Told::Dropped) {
            self.pending.push_back(Told::Dropped);
        }
    }

    fn say(&mut self, request: &NotificationRequest) -> Result<(), ControlError> {
        self.connection.send(&request.to_bytes(), &[], &[])
    }

    /// The next message.
    fn hear(&mut self) -> Result<NotificationReply, ControlError> {
        let fds = loop {
            match NotificationFrame::progress(&self.bytes)? {
                Progress::Complete { fds, .. } => break fds,
                Progress::Needs(missing) => self.read(missing)?,
            }
        };
        let message = std::mem::take(&mut self.bytes);
        if fds > 0 {
            self.read(1)?;
            self.bytes.clear();
        }
        // Binaries of uprobes: nothing is told of what is in them.
        drop::<Vec<OwnedFd>>(self.connection.take_fds());
        Ok(NotificationReply::from_bytes(&message)?)
    }

    fn read(&mut self, missing: usize) -> Result<(), ControlError> {
        let at = self.bytes.len();
        self.bytes.resize(at + missing, 0);
        let count = self.connection.receive(&mut self.bytes[at..]);
        self.bytes.truncate(at + *count.as_ref().unwrap_or(&0));
        if count? == 0 { Err(ControlError::Disconnected(None)) } else { Ok(()) }
    }
}

fn out_of_turn() -> ControlError {
    ControlError::Nonsense(WireError::BadText { field: "notification channel", why: "message out of turn" })
}
