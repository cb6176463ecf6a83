//! Answers what one application registers: events, channels, enumerations (`docs/spec/ust-protocol.md`, section 7).
//!
//! The application waits for these answers in the middle of commands, so this is a task beside the one that sends them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use rttng_wire::ust::{
    self, ChannelAnswer, Dialect, Errno, EventHeader, NotifyAnswer, NotifyReceipt, NotifyRequest,
    ObjectHandle,
};
use rttng_wire::{Action, Encode, Exchange};
use tracing::debug;

use super::has::Made;
use crate::buffers::Buffers;
use crate::engine::Core;
use crate::link::{self, AnyLink, Link};
use crate::model::SessionId;
use crate::registry::Registry;

/// What the application's object handles stand for.
#[derive(Default)]
pub(super) struct Handles {
    sessions: HashMap<ObjectHandle, (SessionId, Rc<Buffers>)>,
    channels: HashMap<ObjectHandle, (ObjectHandle, ust::ChannelId)>,
}

impl Handles {
    /// Notes what the application made or let go of.
    pub(super) fn note(&mut self, object: Made) {
        match object {
            Made::Session { handle, session, buffers } => {
                self.sessions.insert(handle, (session, buffers));
            }
            Made::Channel { session, handle, stream } => {
                self.channels.insert(handle, (session, stream));
            }
            Made::Released { session } => {
                self.sessions.retain(|_, (id, _)| *id != session);
                let sessions = &self.sessions;
                self.channels.retain(|_, (of, _)| sessions.contains_key(of));
            }
        }
    }

    fn buffers(&self, session: ObjectHandle) -> Result<&Rc<Buffers>, Errno> {
        // Unknown handles are a race with the session's end. The real daemon stays silent, and the application's
        // notify connection is dead then.
        self.sessions.get(&session).map(|(_, buffers)| buffers).ok_or(Errno::EINVAL)
    }

    fn registry(&self, session: ObjectHandle) -> Result<&RefCell<Registry>, Errno> {
        self.buffers(session).map(|buffers| &*buffers.registry)
    }

    fn stream(&self, session: ObjectHandle, channel: ObjectHandle) -> Result<ust::ChannelId, Errno> {
        match self.channels.get(&channel) {
            Some((of, stream)) if *of == session => Ok(*stream),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The answer to a request, and the buffers whose metadata may have grown by it.
    fn answer(&self, request: NotifyRequest) -> (NotifyAnswer, Option<Rc<Buffers>>) {
        let session = match &request {
            NotifyRequest::Event(event) => Some(event.session),
            NotifyRequest::Channel(of) => Some(of.session),
            // Labels stand in the metadata of events only.
            NotifyRequest::Enum(_) => None,
        };
        let grew = session.and_then(|session| self.buffers(session).ok().cloned());
        (self.answer_alone(request), grew)
    }

    fn answer_alone(&self, request: NotifyRequest) -> NotifyAnswer {
        match request {
            NotifyRequest::Event(event) => {
                NotifyAnswer::Event(self.stream(event.session, event.channel).and_then(|stream| {
                    self.registry(event.session)?.borrow_mut().register_event(stream, event)
                }))
            }
            NotifyRequest::Channel(of) => {
                let registered = self.stream(of.session, of.channel).and_then(|stream| {
                    self.registry(of.session)?.borrow_mut().register_channel(stream, of.context_fields)?;
                    Ok(ChannelAnswer { id: stream, header: EventHeader::Large })
                });
                NotifyAnswer::Channel(registered)
            }
            NotifyRequest::Enum(of) => NotifyAnswer::Enum(
                self.registry(of.session).and_then(|registry| registry.borrow_mut().register_enumeration(of)),
            ),
        }
    }
}

/// Answers until the connection ends. The application's other connection goes on without this one.
pub(super) async fn serve_notify(
    core: Rc<Core>,
    link: AnyLink,
    dialect: Dialect,
    limit: Option<Duration>,
    handles: Rc<RefCell<Handles>>,
) {
    loop {
        if let Err(error) = answer_one(&core, &*link, dialect, limit, &handles).await {
            debug!(%error, "a notify connection ended");
            link.shutdown();
            return;
        }
    }
}

async fn answer_one(
    core: &Rc<Core>,
    link: &dyn Link,
    dialect: Dialect,
    limit: Option<Duration>,
    handles: &RefCell<Handles>,
) -> io::Result<()> {
    let mut receipt = NotifyReceipt::new(dialect);
    let answer = loop {
        match receipt.next() {
            Action::Receive(len) => {
                let mut bytes = vec![0; len];
                let read = link::receive(link, &mut bytes);
                // Between requests it may be silent for ever, within one it may not.
                if receipt.is_idle() {
                    read.await?;
                } else {
                    bounded(limit, read).await?;
                }
                receipt
                    .received(&bytes)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            Action::Done(Ok(request)) => {
                let (answer, grew) = handles.borrow().answer(request);
                if let Some(buffers) = grew {
                    core.keep_metadata(&buffers).await;
                }
                break answer;
            }
            Action::Done(Err(refused)) => {
                debug!(%refused, "a registration is refused");
                break refused.answer();
            }
            Action::Send(_) | Action::SendFds(_) | Action::ReceiveFds(_) => {
                unreachable!("a request on the notify connection is bytes alone")
            }
        }
    };
    bounded(limit, link::send(link, &answer.to_bytes())).await
}

async fn bounded<T>(limit: Option<Duration>, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await?,
        None => work.await,
    }
}
