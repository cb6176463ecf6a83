//! A consumer daemon in memory: does what lttng-consumerd does, or one of many wrong things.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rttng_session::exchange::drive;
use rttng_session::link::{self, Link, MemoryLink};
use rttng_session::world::{ConsumerPeer, ConsumerSpawner, Local};
use rttng_wire::consumer::{
    BLOCK_LEN, ChannelCreated, ChannelKey, ChannelKind, ChannelObject, ChannelTransfer, ChannelUsage,
    Command, Follows, MetadataPull, MetadataRequest, Pulled, Reply, Status, StreamObject,
};
use rttng_wire::{Bitness, Decode, Encode};

use crate::app::STREAMS;
use crate::dice::Dice;

/// How a consumer daemon behaves. The number says at which command it begins to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Never answers again.
    Stalls(u64),
    /// Ends without a word.
    Dies(u64),
    /// Answers each command so late.
    Late(Duration),
    /// Fails one command in three.
    Fails(u64),
    /// Answers half, then nothing.
    Half(u64),
    /// Answers with bytes of no meaning.
    Babbles(u64),
    /// Cannot be started.
    Absent,
}

impl Manner {
    pub fn roll(dice: &Dice) -> Manner {
        if dice.chance(65) {
            return Manner::Good;
        }
        let at = dice.below(40);
        match dice.below(7) {
            0 => Manner::Stalls(at),
            1 => Manner::Dies(at),
            2 => Manner::Late(Duration::from_millis(1 + dice.below(300))),
            3 => Manner::Fails(at),
            4 => Manner::Half(at),
            5 => Manner::Babbles(at),
            _ => Manner::Absent,
        }
    }
}

/// What can be seen of a consumer daemon from outside.
#[derive(Default)]
pub struct Seen {
    /// What the session daemon did wrong.
    pub faults: Vec<String>,
    pub metadata: BTreeMap<u64, Vec<u8>>,
    pub chunks: BTreeSet<(u64, u64)>,
    pub channels: BTreeSet<u64>,
    fetched: BTreeSet<u64>,
    numbers: BTreeMap<u64, u8>,
    versions: BTreeMap<u64, u64>,
    requests: BTreeMap<u64, MetadataRequest>,
    looks: u64,
}

/// Every consumer daemon that was started, with its manner.
pub type Consumers = Rc<RefCell<Vec<(Manner, Rc<RefCell<Seen>>)>>>;

/// Starts consumer daemons with manners that are rolled when they start.
pub struct Spawner {
    pub dice: Dice,
    pub manners: RefCell<Vec<Manner>>,
    pub seen: Consumers,
}

impl ConsumerSpawner for Spawner {
    fn spawn(&self) -> Local<'_, io::Result<ConsumerPeer>> {
        let planned = self.manners.borrow_mut().pop();
        let manner = planned.unwrap_or_else(|| Manner::roll(&self.dice));
        let seen = Rc::new(RefCell::new(Seen::default()));
        self.seen.borrow_mut().push((manner, seen.clone()));
        let dice = self.dice.clone();
        Box::pin(async move {
            if manner == Manner::Absent {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            let (command, command_far) = MemoryLink::pair();
            let (metadata, metadata_far) = MemoryLink::pair();
            let (error, error_far) = MemoryLink::pair();
            let (samples, samples_far) = MemoryLink::pair();
            let (tell_ended, ended) = tokio::sync::oneshot::channel::<()>();
            let task = Task { manner, seen, dice, command: command_far, metadata: metadata_far };
            tokio::task::spawn_local(async move {
                let _ = task.serve().await;
                drop((task, error_far, samples_far));
                let _ = tell_ended.send(());
            });
            Ok(ConsumerPeer {
                is_ours: true,
                command: Rc::new(command),
                metadata: Rc::new(metadata),
                error: Rc::new(error),
                monitor: nothing(),
                samples: Rc::new(samples),
                ended: Box::pin(async move {
                    let _ = ended.await;
                }),
                keep: Box::new(()),
            })
        })
    }
}

/// A descriptor that is good for nothing.
pub fn nothing() -> OwnedFd {
    File::open("/dev/null").expect("/dev/null is there").into()
}

struct Task {
    manner: Manner,
    seen: Rc<RefCell<Seen>>,
    dice: Dice,
    command: MemoryLink,
    metadata: MemoryLink,
}

impl Task {
    async fn serve(&self) -> io::Result<()> {
        for count in 0.. {
            let mut block = vec![0; BLOCK_LEN];
            link::receive(&self.command, &mut block).await?;
            let bad = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            let command = Command::from_bytes(&block).map_err(bad)?;
            match self.manner {
                Manner::Stalls(at) if count >= at => std::future::pending().await,
                Manner::Dies(at) if count >= at => return Ok(()),
                Manner::Late(delay) => tokio::time::sleep(delay).await,
                Manner::Half(at) if count >= at => {
                    link::send(&self.command, &[0, 0]).await?;
                    std::future::pending().await
                }
                Manner::Babbles(at) if count >= at => {
                    let noise: Vec<u8> = (0..64).map(|_| self.dice.next() as u8).collect();
                    link::send(&self.command, &noise).await?;
                    continue;
                }
                _ => {}
            }
            let failing = matches!(self.manner, Manner::Fails(at) if count >= at && count % 3 == 0);
            if failing && count > 2 {
                if let Some(reply) = Reply::failure(command.code(), Status::Enomem) {
                    self.reply(reply).await?;
                }
                continue;
            }
            self.carry_out(command).await?;
        }
        Ok(())
    }

    async fn reply(&self, reply: Reply) -> io::Result<()> {
        link::send(&self.command, &reply.to_bytes()).await
    }

    async fn status(&self, status: Status) -> io::Result<()> {
        self.reply(Reply::Status(status)).await
    }

    fn fault(&self, what: impl Into<String>) {
        self.seen.borrow_mut().faults.push(what.into());
    }

    /// A key of a data channel that is there.
    fn known(&self, key: ChannelKey) -> Status {
        if self.seen.borrow().channels.contains(&key.0) {
            Status::Success
        } else {
            Status::UstChannelNotFound
        }
    }

    async fn carry_out(&self, command: Command) -> io::Result<()> {
        let follows = command.follows();
        let mut text = Vec::new();
        match follows {
            Follows::Nothing => {}
            Follows::Fds(count) => {
                self.status(Status::Success).await?;
                link::receive_descriptors(&self.command, count).await?;
            }
            Follows::Bytes(len) => {
                self.status(Status::Success).await?;
                text.resize(len, 0);
                link::receive(&self.command, &mut text).await?;
            }
        }
        match command {
            Command::Init { .. } | Command::SetChannelMonitorPipe => self.status(Status::Success).await,
            Command::CreateTraceChunk(of) => {
                self.seen.borrow_mut().chunks.insert((of.session_id.0, of.chunk_id.0));
                self.status(Status::Success).await
            }
            Command::AskChannelCreation(ask) => {
                let mut streams = 1;
                {
                    let mut seen = self.seen.borrow_mut();
                    let chunk = ask.chunk_id.map(|chunk| (ask.session_id.0, chunk.0));
                    if chunk.is_some_and(|chunk| !seen.chunks.contains(&chunk)) {
                        seen.faults.push("a channel is made in a chunk that is not there".to_owned());
                    }
                    if chunk.is_some() != ask.monitor {
                        seen.faults.push("a channel with output has no chunk, or one without has".to_owned());
                    }
                    if let ChannelKind::Data { id, .. } = ask.kind {
                        streams = STREAMS as u32;
                        seen.numbers.insert(ask.key.0, id.0 as u8);
                        seen.channels.insert(ask.key.0);
                    } else {
                        seen.metadata.insert(ask.key.0, Vec::new());
                        seen.requests.insert(
                            ask.key.0,
                            MetadataRequest {
                                session_id: ask.session_id,
                                registry: ask.registry,
                                bitness: Bitness::Bits64,
                                uid: ask.ust_app_uid,
                                key: ask.key,
                            },
                        );
                    }
                }
                self.reply(Reply::ChannelCreated(Ok(ChannelCreated { key: ask.key, stream_count: streams })))
                    .await
            }
            Command::GetChannel(key) => self.hand_over(key).await,
            Command::SetupMetadata(key) => {
                if !self.seen.borrow().metadata.contains_key(&key.0) {
                    self.fault("an unknown metadata channel is set up");
                }
                self.status(Status::Success).await
            }
            Command::PushMetadata(push) => {
                if follows == Follows::Nothing {
                    return self.status(Status::Success).await;
                }
                let known = self.seen.borrow().metadata.contains_key(&push.key.0);
                if known {
                    self.take_text(push.key.0, push.version, push.target_offset, &text);
                }
                // It waits until the text is in the ring buffer.
                tokio::time::sleep(Duration::from_millis(self.dice.below(3) * 100)).await;
                self.status(Status::Success).await
            }
            Command::CloseMetadata(key) => {
                self.seen.borrow_mut().metadata.remove(&key.0);
                self.status(Status::Success).await
            }
            Command::FlushChannel(key)
            | Command::ClearQuiescentChannel(key)
            | Command::OpenChannelPackets(key) => self.status(self.known(key)).await,
            Command::DataPending(_) => {
                self.maybe_pull().await?;
                self.reply(Reply::DataPending(self.dice.chance(30))).await
            }
            Command::DiscardedEvents { key, .. } | Command::LostPackets { key, .. } => {
                self.reply(Reply::Count(key.0)).await
            }
            Command::ChannelUsage { key, .. } => {
                let usage = ChannelUsage { fullest: key.0, dead_producers: 0 };
                self.reply(Reply::Usage(usage)).await
            }
            Command::RotateChannel(of) => {
                self.maybe_pull().await?;
                let known = of.metadata || self.known(of.key) == Status::Success;
                self.status(if known { Status::Success } else { Status::ChanNotFound }).await
            }
            Command::CloseTraceChunk(of) => {
                let there = self.seen.borrow_mut().chunks.remove(&(of.session_id.0, of.chunk_id.0));
                self.seen.borrow_mut().looks = self.dice.below(4);
                let status = if there { Status::Success } else { Status::UnknownTraceChunk };
                self.reply(Reply::TraceChunkClosed { status, path: "".into() }).await
            }
            Command::TraceChunkExists(_) => {
                let looks = self.seen.borrow().looks;
                self.seen.borrow_mut().looks = looks.saturating_sub(1);
                self.status(if looks > 0 { Status::TraceChunkExistsLocal } else { Status::UnknownTraceChunk })
                    .await
            }
            Command::DestroyChannel(_) => self.status(Status::Success).await,
            other => {
                self.fault(format!("unexpected {:?}", other.code()));
                self.status(Status::UnknownError).await
            }
        }
    }

    fn take_text(&self, key: u64, version: u64, offset: u64, text: &[u8]) {
        let mut seen = self.seen.borrow_mut();
        let newer = seen.versions.insert(key, version) != Some(version);
        let Some(cache) = seen.metadata.get_mut(&key) else { return };
        if newer {
            cache.clear();
        }
        let offset = offset as usize;
        if offset > cache.len() {
            let fault = format!("metadata with a hole: {offset} after {}", cache.len());
            return seen.faults.push(fault);
        }
        let end = offset + text.len();
        if cache.len() < end {
            cache.resize(end, 0);
        }
        cache[offset..end].copy_from_slice(text);
    }

    /// Asks for metadata in the middle of a command, as a snapshot or a live stream does.
    async fn maybe_pull(&self) -> io::Result<()> {
        if !self.dice.chance(40) {
            return Ok(());
        }
        let request = self.seen.borrow().requests.values().next_back().copied();
        let Some(request) = request else { return Ok(()) };
        let key = request.key.0;
        let (pulled, _) = drive(&self.metadata, &mut MetadataPull::new(request), &[]).await?;
        if let Pulled::Text(push, text) = pulled {
            self.take_text(key, push.version, push.target_offset, &text);
            // The text is taken; the answer's last word is this.
            if !text.is_empty() {
                link::send(&self.metadata, &Status::Success.to_bytes()).await?;
            }
        }
        Ok(())
    }

    async fn hand_over(&self, key: ChannelKey) -> io::Result<()> {
        let number = self.seen.borrow().numbers.get(&key.0).copied();
        let Some(number) = number else { return self.status(Status::ChanNotFound).await };
        if !self.seen.borrow_mut().fetched.insert(key.0) {
            self.fault("a channel is fetched twice");
        }
        self.status(Status::Success).await?;
        let object = ChannelObject {
            blob: vec![number; 920].into(),
            streams: (0..STREAMS).map(|cpu| StreamObject { shm_len: 4096, number: cpu as u32 }).collect(),
        };
        let descriptors: Vec<OwnedFd> = (0..object.fd_count()).map(|_| nothing()).collect();
        drive(&self.command, &mut ChannelTransfer::new(&object), &descriptors).await?;
        self.status(Status::Success).await
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.command.shutdown();
        self.metadata.shutdown();
    }
}
