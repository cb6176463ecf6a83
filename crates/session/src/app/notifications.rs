//! What an application tells of events that triggers wait for: records in a pipe (`docs/spec/ust-protocol.md`, section
//! 11).
//!
//! The pipe is the application's, so nothing in it is believed: an unknown trigger is passed over, values that are none
//! are counted as lost, a record that cannot be one ends the reading.
//!
//! A program of liblttng-ust that writes into a pipe without a reader is ended by SIGPIPE, also in the moment between the
//! death of this daemon and its own notice of it. So it gets an end that is a reader as well: what nobody takes fills the
//! pipe up, and is counted as lost from then on.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::rc::Rc;

use rttng_wire::client::Evaluation;
use rttng_wire::ust::{Notification, NotificationReceipt};
use rttng_wire::{Action, Exchange, WireError};
use rustix::fs::{Mode, OFlags};
use rustix::pipe::PipeFlags;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::Application;
use crate::engine::Core;
use crate::model::TriggerId;
use crate::trigger::Occurrence;

/// How much is read before others have their turn.
const TURN: usize = 16 << 10;
/// The most that is read of what an application left behind: what the largest pipe holds.
const MOST_LEFT: usize = 1 << 20;

/// A pipe for notifications: the daemon's end, and the application's.
pub(super) fn notification_pipe() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    rustix::fs::fcntl_setfl(&read, OFlags::NONBLOCK)?;
    let both_ways = OFlags::RDWR | OFlags::CLOEXEC;
    let own = format!("/proc/self/fd/{}", write.as_raw_fd());
    let write = rustix::fs::open(own, both_ways, Mode::empty()).unwrap_or_else(|error| {
        warn!(%error, "applications may not outlive this daemon: no pipe can be opened both ways");
        write
    });
    Ok((pipe::Receiver::from_owned_fd(read)?, write))
}

/// Reads an application's pipe until `ended` says, or shows by its own end, that the application is gone.
pub(super) async fn take_notifications(
    core: Rc<Core>,
    application: Rc<Application>,
    pipe: pipe::Receiver,
    mut ended: oneshot::Receiver<()>,
) {
    let mut records = Records::default();
    let take = |records: &mut Records, bytes: &[u8]| {
        let followed = records.take(bytes, |notification| occurred(&core, &application, notification));
        if let Err(error) = &followed {
            info!(pid = application.process.pid, %error, "an application's notifications cannot be followed");
        }
        followed.is_ok()
    };
    let mut chunk = vec![0; TURN];
    loop {
        tokio::select! {
            biased;
            _ = &mut ended => break,
            readable = pipe.readable() => if readable.is_err() { return },
        }
        match pipe.try_read(&mut chunk) {
            Ok(0) => return,
            Ok(len) => {
                if !take(&mut records, &chunk[..len]) {
                    let _ = ended.await;
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
        tokio::task::yield_now().await;
    }
    // What it wrote before it went counts. Others may have its end of the pipe and write on.
    let mut left = MOST_LEFT;
    while let Ok(len @ 1..) = pipe.try_read(&mut chunk)
        && take(&mut records, &chunk[..len])
        && let Some(rest) = left.checked_sub(len)
    {
        left = rest;
        tokio::task::yield_now().await;
    }
}

fn occurred(core: &Core, application: &Application, notification: Notification) {
    let id = TriggerId(notification.token.0);
    // A trigger that was unregistered while this was on its way, or a number that the application made up.
    let Some(live) = core.triggers.get(id).filter(|live| live.registered.notifier.is_some()) else { return };
    let captures = live.trigger().condition.captures().len();
    if notification.captures.values(captures).is_err() {
        // Clients would take it for a broken connection.
        return live.lose(None);
    }
    let evaluation = Evaluation::EventRuleMatches(notification.captures);
    core.fire(&live, Occurrence { evaluation, source: Some(application.id), object: None });
}

/// Bytes of a pipe, put together to records.
#[derive(Default)]
struct Records {
    receipt: NotificationReceipt,
    awaited: Option<usize>,
    bytes: Vec<u8>,
}

impl Records {
    /// Takes in bytes, and hands on the records that are whole with them.
    fn take(&mut self, bytes: &[u8], mut whole: impl FnMut(Notification)) -> Result<(), WireError> {
        self.bytes.extend_from_slice(bytes);
        let mut rest = &self.bytes[..];
        loop {
            if let Some(len) = self.awaited {
                let Some((part, behind)) = rest.split_at_checked(len) else { break };
                self.receipt.received(part)?;
                rest = behind;
            }
            self.awaited = match self.receipt.next() {
                Action::Receive(len) => Some(len),
                Action::Done(notification) => {
                    whole(notification);
                    self.receipt = NotificationReceipt::new();
                    None
                }
                Action::Send(_) | Action::SendFds(_) | Action::ReceiveFds(_) => {
                    unreachable!("a pipe is only read")
                }
            };
        }
        let taken = self.bytes.len() - rest.len();
        self.bytes.drain(..taken);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rttng_wire::Encode;
    use rttng_wire::client::CapturePayload;
    use rttng_wire::ust::Token;

    use super::*;

    fn notification() -> impl Strategy<Value = Notification> {
        (any::<u64>(), proptest::collection::vec(any::<u8>(), 0..200)).prop_map(|(token, captures)| {
            Notification { token: Token(token), captures: CapturePayload::from_bytes(&captures) }
        })
    }

    proptest! {
        #[test]
        fn records_are_the_same_however_they_are_cut(
            sent in proptest::collection::vec(notification(), 0..10),
            cuts in proptest::collection::vec(1_usize..300, 1..20),
        ) {
            let bytes: Vec<u8> = sent.iter().flat_map(Encode::to_bytes).collect();
            let (mut records, mut came, mut rest) = (Records::default(), Vec::new(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at(rest.len().min(*cut));
                records.take(now, |record| came.push(record)).unwrap();
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(came, sent);
        }

        #[test]
        fn garbage_is_refused_or_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..5000)) {
            let mut records = Records::default();
            if records.take(&bytes, |_| ()).is_ok() {
                prop_assert!(records.bytes.len() < 4096 + 42);
            }
        }
    }
}
