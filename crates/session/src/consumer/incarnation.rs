//! One consumer daemon from its start to its end: the tasks that serve it, and the queue of commands to it.
//!
//! The protocol is strictly request and reply, so one task owns the command socket and takes commands in order. A command
//! that is not answered in time leaves the socket in the middle of an exchange: the incarnation is given up then.

use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rttng_wire::Decode;
use rttng_wire::consumer::{
    Answer, ChannelKey, ChannelObject, Command, CommandCode, CommandExchange, MONITOR_SAMPLE_LEN,
    MonitorSample, PushMetadata, Status,
};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, warn};

use super::metadata::serve_metadata;
use super::{ConsumerError, OnSample, Registries};
use crate::exchange::drive;
use crate::link::{self, AnyLink};
use crate::registry::Registry;
use crate::world::ConsumerPeer;

/// The most bytes of metadata that one push brings.
pub(super) const PUSH_LEN: usize = 1 << 20;

struct Job {
    code: CommandCode,
    exchange: CommandExchange,
    descriptors: Vec<OwnedFd>,
    reply: oneshot::Sender<Result<(Answer, Vec<OwnedFd>), ConsumerError>>,
}

/// One consumer daemon.
pub struct Incarnation {
    number: u64,
    is_ours: bool,
    jobs: mpsc::UnboundedSender<Job>,
    gone: watch::Sender<Option<Rc<str>>>,
    links: RefCell<Vec<AnyLink>>,
    /// What goes when the link goes (the sockets' files).
    keep: RefCell<Option<Box<dyn std::any::Any>>>,
    ended: watch::Receiver<bool>,
}

impl Incarnation {
    /// Begins to serve a consumer daemon that is ready. Also returns the pipe's end that it must get.
    pub(super) fn begin(
        number: u64,
        peer: ConsumerPeer,
        bound: Duration,
        registries: Registries,
        on_sample: OnSample,
    ) -> (Rc<Self>, OwnedFd) {
        let ConsumerPeer { command, metadata, error, monitor, samples, is_ours, ended, keep } = peer;
        let (jobs, queue) = mpsc::unbounded_channel();
        let (tell_ended, has_ended) = watch::channel(false);
        let incarnation = Rc::new(Incarnation {
            number,
            is_ours,
            jobs,
            gone: watch::Sender::new(None),
            links: RefCell::new(vec![command.clone(), metadata.clone(), error.clone(), samples.clone()]),
            keep: RefCell::new(Some(keep)),
            ended: has_ended,
        });
        tokio::task::spawn_local(serve_commands(incarnation.clone(), command, queue, bound));
        tokio::task::spawn_local({
            let incarnation = incarnation.clone();
            async move {
                let error = serve_metadata(&*metadata, &registries, bound).await;
                incarnation.give_up(&format!("its metadata connection ended: {error}"));
            }
        });
        tokio::task::spawn_local({
            let incarnation = incarnation.clone();
            async move {
                let why = watch_errors(&*error).await;
                incarnation.give_up(&why);
            }
        });
        tokio::task::spawn_local(async move {
            let error = take_samples(&*samples, &*on_sample).await;
            debug!(%error, "the channel monitor pipe ended");
        });
        tokio::task::spawn_local({
            let incarnation = Rc::downgrade(&incarnation);
            async move {
                ended.await;
                if let Some(incarnation) = incarnation.upgrade() {
                    incarnation.give_up("its process ended");
                }
                tell_ended.send_replace(true);
            }
        });
        (incarnation, monitor)
    }

    /// Counts the consumer daemons of this session daemon, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether it is this very program, which knows commands of our own.
    pub(crate) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Whether it is gone.
    pub fn is_gone(&self) -> bool {
        self.gone.borrow().is_some()
    }

    /// Ends the link: whatever waits for an answer gets an error.
    pub(crate) fn give_up(&self, why: &str) {
        let first = self.gone.send_if_modified(|gone| match gone {
            Some(_) => false,
            None => {
                *gone = Some(why.into());
                true
            }
        });
        if first {
            warn!(number = self.number, why, "the consumer daemon is given up");
        }
        for link in self.links.take() {
            link.shutdown();
        }
        self.keep.take();
    }

    /// Waits until its process has ended.
    pub(crate) async fn ended(&self) {
        let mut ended = self.ended.clone();
        // The sender is dropped only after it said so, or with the runtime.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    fn why_gone(&self) -> ConsumerError {
        ConsumerError::Gone(self.gone.borrow().clone().unwrap_or_else(|| "its task ended".into()))
    }

    async fn run(
        &self,
        command: &Command,
        data: Vec<u8>,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(Answer, Vec<OwnedFd>), ConsumerError> {
        let (reply, answer) = oneshot::channel();
        let code = command.code();
        let exchange = CommandExchange::new(command, data);
        if self.is_gone() || self.jobs.send(Job { code, exchange, descriptors, reply }).is_err() {
            return Err(self.why_gone());
        }
        answer.await.unwrap_or_else(|_| Err(self.why_gone()))
    }

    /// Does a command that takes nothing but its arguments.
    pub(crate) async fn call(&self, command: Command) -> Result<Answer, ConsumerError> {
        self.run(&command, Vec::new(), Vec::new()).await.map(|(answer, _)| answer)
    }

    /// Does a command that takes a descriptor.
    pub(crate) async fn call_with_descriptor(
        &self,
        command: Command,
        descriptor: OwnedFd,
    ) -> Result<Answer, ConsumerError> {
        self.run(&command, Vec::new(), vec![descriptor]).await.map(|(answer, _)| answer)
    }

    /// Does a command that is answered with nothing but success.
    pub(crate) async fn tell(&self, command: Command) -> Result<(), ConsumerError> {
        self.call(command).await.map(drop)
    }

    /// Fetches the buffers of a channel: the wake-up descriptor first, then memory and wake-up of each stream.
    pub(crate) async fn get_channel(
        &self,
        key: ChannelKey,
    ) -> Result<(ChannelObject, Vec<OwnedFd>), ConsumerError> {
        match self.run(&Command::GetChannel(key), Vec::new(), Vec::new()).await? {
            (Answer::Channel(object), descriptors) => Ok((object, descriptors)),
            _ => Err(ConsumerError::Nonsense(CommandCode::GetChannel)),
        }
    }

    /// Sends what the metadata channel lacks. A channel that is gone already lacks nothing.
    pub(crate) async fn push_metadata(
        &self,
        key: ChannelKey,
        registry: &RefCell<Registry>,
    ) -> Result<(), ConsumerError> {
        loop {
            let unsent = registry.borrow().unsent(PUSH_LEN);
            let Some((from, text)) = unsent else { return Ok(()) };
            let len = text.len();
            let push = PushMetadata {
                key,
                target_offset: from.offset,
                len: u32::try_from(len).unwrap_or(u32::MAX),
                version: from.version,
            };
            match self.run(&Command::PushMetadata(push), text.into_bytes(), Vec::new()).await {
                Ok(_) => registry.borrow_mut().took(from, len),
                Err(ConsumerError::Failed(failure)) if failure.status == Status::ChannelFail => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

async fn serve_commands(
    incarnation: Rc<Incarnation>,
    link: AnyLink,
    mut queue: mpsc::UnboundedReceiver<Job>,
    bound: Duration,
) {
    let mut gone = incarnation.gone.subscribe();
    loop {
        let job = tokio::select! {
            job = queue.recv() => job,
            _ = gone.wait_for(Option::is_some) => None,
        };
        let Some(mut job) = job else { break };
        let exchange = tokio::time::timeout(bound, drive(&*link, &mut job.exchange, &job.descriptors)).await;
        let outcome = match exchange {
            Ok(Ok((outcome, descriptors))) => {
                outcome.map(|answer| (answer, descriptors)).map_err(ConsumerError::from)
            }
            Ok(Err(error)) => {
                incarnation.give_up(&format!("{:?} broke the connection: {error}", job.code));
                Err(incarnation.why_gone())
            }
            Err(_) => {
                incarnation.give_up(&format!("it did not answer {:?} within {bound:?}", job.code));
                Err(incarnation.why_gone())
            }
        };
        // Whoever asked may have been cancelled.
        let _ = job.reply.send(outcome);
    }
    queue.close();
    while let Ok(job) = queue.try_recv() {
        let _ = job.reply.send(Err(incarnation.why_gone()));
    }
}

/// Waits for a word on the error socket: any means that the consumer is to be abandoned (section 2.2).
async fn watch_errors(link: &dyn link::Link) -> String {
    let mut word = [0; Status::LEN];
    match link::receive(link, &mut word).await {
        Ok(()) => format!("it reported \"{}\"", Status::from_code(u32::from_ne_bytes(word))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => "it ended".to_owned(),
        Err(error) => format!("its error socket failed: {error}"),
    }
}

/// Takes samples of how full channels are.
async fn take_samples(link: &dyn link::Link, on_sample: &dyn Fn(MonitorSample)) -> io::Error {
    let mut bytes = [0; MONITOR_SAMPLE_LEN];
    loop {
        if let Err(error) = link::receive(link, &mut bytes).await {
            return error;
        }
        if let Ok(sample) = MonitorSample::from_bytes(&bytes) {
            on_sample(sample);
        }
    }
}
