//! Sends commands to one application, many at a time where the protocol allows it.
//!
//! An application answers in order, so a batch is written without waiting for each reply while the replies are read
//! beside it. Descriptors stay on messages of their own (`docs/spec/ust-protocol.md`, section 4.5). Each reply has the
//! application's whole time limit: an application that hangs is given up after one limit, a busy one is not.

use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use rttng_wire::ust::{Answer, Command, CommandExchange, Dialect, Refusal, Request};
use rttng_wire::{Action, Exchange};

use tokio::time::Instant;

use crate::link::{self, AnyLink};

/// Why an application can be served no more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppGone {
    /// It closed its connection: it ended, or began anew.
    #[error("it closed its connection")]
    Closed,
    /// It did not answer in time.
    #[error("it did not answer within {0:?}")]
    Silent(Duration),
    /// It sent something that nobody asked for.
    #[error("it sent something that nobody asked for")]
    Unasked,
    /// A newer registration has the same process id.
    #[error("its process registered anew")]
    Replaced,
    /// The connection failed.
    #[error("its connection failed: {0}")]
    Link(io::Error),
}

impl From<io::Error> for AppGone {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                AppGone::Closed
            }
            _ => AppGone::Link(error),
        }
    }
}

/// A command with the descriptors that go with it.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) descriptors: Vec<&'a OwnedFd>,
}

impl<'a> From<&'a Request> for Call<'a> {
    fn from(request: &'a Request) -> Self {
        Call { request, descriptors: Vec::new() }
    }
}

/// What came of one command: an answer, or why it was not carried out. The connection goes on either way.
pub(crate) type Outcome = Result<Answer, Option<Refusal>>;

/// The command connection of one application.
pub(crate) struct CommandLink {
    link: AnyLink,
    dialect: Dialect,
    limit: Option<Duration>,
    unread: Vec<u8>,
    pace: Rc<Pace>,
}

/// How fast an application answers since it last was at rest.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    waited: Cell<Duration>,
    replies: Cell<u32>,
    waiting: Cell<Option<Instant>>,
}

/// A wait for replies that is no matter yet, however few they were.
const SHORT: Duration = Duration::from_secs(1);
/// An application whose replies take longer than this on average crawls. On a machine that is busy with hundreds of
/// applications the average is some milliseconds, because many replies come at once.
const CRAWL: Duration = Duration::from_millis(50);

impl Pace {
    /// Begins anew.
    pub(crate) fn rest(&self) {
        self.waited.set(Duration::ZERO);
        self.replies.set(0);
    }

    /// Whether it is the application that things wait for.
    pub(crate) fn is_crawling(&self) -> bool {
        let waited = self.waited.get() + self.waiting.get().map_or(Duration::ZERO, |since| since.elapsed());
        waited > SHORT && waited / (self.replies.get() + 1) > CRAWL
    }

    fn begin(&self) {
        self.waiting.set(Some(Instant::now()));
    }

    fn end(&self) {
        let waited = self.waiting.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.waited.set(self.waited.get() + waited);
    }
}

enum Part {
    Bytes(Vec<u8>),
    Descriptors { call: usize, count: usize },
}

impl CommandLink {
    /// `pace` says how fast the application answers.
    pub(crate) fn new(link: AnyLink, dialect: Dialect, limit: Option<Duration>, pace: Rc<Pace>) -> Self {
        CommandLink { link, dialect, limit, unread: Vec::new(), pace }
    }

    /// Carries out one command.
    pub(crate) async fn call(&mut self, request: Request) -> Result<Outcome, AppGone> {
        let mut outcomes = self.perform(&[(&request).into()]).await?;
        Ok(outcomes.pop().unwrap_or(Err(None)))
    }

    /// Carries out commands in order; one outcome each. `None` as a refusal: the application's dialect has no such
    /// command, nothing was sent.
    pub(crate) async fn perform(&mut self, calls: &[Call<'_>]) -> Result<Vec<Outcome>, AppGone> {
        if !self.unread.is_empty() {
            return Err(AppGone::Unasked);
        }
        let mut parts = Vec::new();
        let mut exchanges: Vec<Option<(CommandExchange, usize)>> = Vec::with_capacity(calls.len());
        for (at, call) in calls.iter().enumerate() {
            exchanges.push(match CommandExchange::new(self.dialect, call.request) {
                Ok(mut exchange) => {
                    let awaited = queue(&mut exchange, at, &mut parts);
                    Some((exchange, awaited))
                }
                Err(error) => {
                    tracing::debug!(%error, "a command is not sent");
                    None
                }
            });
        }
        let link = self.link.clone();
        // What is sent is dropped at once: hundreds of applications may be waited for at the same time.
        let send = async move {
            for part in parts {
                match part {
                    Part::Bytes(bytes) => link::send(&*link, &bytes).await?,
                    Part::Descriptors { call, count } => {
                        let fds: Vec<BorrowedFd<'_>> =
                            calls[call].descriptors.iter().take(count).map(|fd| fd.as_fd()).collect();
                        link::send_descriptors(&*link, &fds).await?;
                    }
                }
            }
            Ok::<_, AppGone>(())
        };
        let receive = async {
            let mut outcomes = Vec::with_capacity(calls.len());
            for exchange in exchanges {
                outcomes.push(match exchange {
                    Some((exchange, awaited)) => self.finish(exchange, awaited).await?,
                    None => Err(None),
                });
            }
            Ok(outcomes)
        };
        // Whichever fails first ends both: when the application hangs, the writer may be stuck as well.
        let (outcomes, ()) = tokio::try_join!(receive, send)?;
        Ok(outcomes)
    }

    /// Carries out one command of any kind, step by step. Those with two replies need that.
    pub(crate) async fn converse(&mut self, call: Call<'_>) -> Result<Outcome, AppGone> {
        if !self.unread.is_empty() {
            return Err(AppGone::Unasked);
        }
        let mut exchange = match CommandExchange::new(self.dialect, call.request) {
            Ok(exchange) => exchange,
            Err(error) => {
                tracing::debug!(%error, "a command is not sent");
                return Ok(Err(None));
            }
        };
        let mut descriptors = call.descriptors.iter().map(|fd| fd.as_fd());
        loop {
            match exchange.next() {
                Action::Send(bytes) => self.timely(link::send(&*self.link, &bytes)).await?,
                Action::SendFds(count) => {
                    let fds: Vec<BorrowedFd<'_>> = descriptors.by_ref().take(count).collect();
                    self.timely(link::send_descriptors(&*self.link, &fds)).await?;
                }
                Action::Receive(len) => {
                    let bytes = self.take(len).await?;
                    received(&mut exchange, &bytes)?;
                }
                Action::Done(outcome) => return Ok(outcome.map_err(Some)),
                Action::ReceiveFds(_) => unreachable!("an application sends no descriptors"),
            }
        }
    }

    /// Sends within the application's time limit: one that takes nothing hangs.
    async fn timely(&self, send: impl Future<Output = io::Result<()>>) -> Result<(), AppGone> {
        match self.limit {
            Some(limit) => tokio::time::timeout(limit, send).await.map_err(|_| AppGone::Silent(limit))??,
            None => send.await?,
        }
        Ok(())
    }

    async fn finish(
        &mut self,
        mut exchange: CommandExchange,
        mut awaited: usize,
    ) -> Result<Outcome, AppGone> {
        loop {
            let bytes = self.take(awaited).await?;
            received(&mut exchange, &bytes)?;
            match exchange.next() {
                Action::Receive(len) => awaited = len,
                Action::Done(outcome) => return Ok(outcome.map_err(Some)),
                // Commands with two replies are never part of a batch.
                Action::Send(_) | Action::SendFds(_) | Action::ReceiveFds(_) => return Err(AppGone::Unasked),
            }
        }
    }

    /// The next `len` bytes of replies.
    async fn take(&mut self, len: usize) -> Result<Vec<u8>, AppGone> {
        if self.unread.len() < len {
            self.pace.begin();
            let fill = async {
                while self.unread.len() < len {
                    link::receive_some(&*self.link, &mut self.unread).await?;
                }
                Ok(())
            };
            match self.limit {
                Some(limit) => {
                    tokio::time::timeout(limit, fill).await.map_err(|_| AppGone::Silent(limit))??;
                }
                None => fill.await.map_err(|error: AppGone| error)?,
            }
            self.pace.end();
        }
        self.pace.replies.set(self.pace.replies.get().saturating_add(1));
        let reply = self.unread.drain(..len).collect();
        if self.unread.is_empty() {
            // At rest it shall cost nothing.
            self.unread = Vec::new();
        }
        Ok(reply)
    }

    /// Waits, while nothing is asked, until the application closes its connection or says something.
    pub(crate) async fn closed(&self) -> AppGone {
        match link::receive(&*self.link, &mut [0]).await {
            Ok(()) => AppGone::Unasked,
            Err(error) => error.into(),
        }
    }

    /// Ends the connection.
    pub(crate) fn shut_down(&self) {
        self.link.shutdown();
    }
}

/// Puts what an exchange sends into `parts`; returns the length of the reply that it awaits then.
fn queue(exchange: &mut CommandExchange, call: usize, parts: &mut Vec<Part>) -> usize {
    loop {
        match exchange.next() {
            Action::Send(bytes) => match parts.last_mut() {
                Some(Part::Bytes(before)) => before.extend_from_slice(&bytes),
                _ => parts.push(Part::Bytes(bytes)),
            },
            Action::SendFds(count) => parts.push(Part::Descriptors { call, count }),
            Action::Receive(len) => return len,
            Action::ReceiveFds(_) | Action::Done(_) => unreachable!("an application answers with a record"),
        }
    }
}

/// Hands a reply to its exchange.
fn received(exchange: &mut CommandExchange, bytes: &[u8]) -> Result<(), AppGone> {
    let understood = exchange.received(bytes);
    understood.map_err(|error| AppGone::Link(io::Error::new(io::ErrorKind::InvalidData, error)))
}

/// A command on the root object.
pub(crate) fn on_root(command: Command) -> Request {
    Request::root(command)
}
