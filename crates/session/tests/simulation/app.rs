//! An application in memory: does what liblttng-ust does, or one of many wrong things.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use rttng_session::engine::Engine;
use rttng_session::exchange::drive;
use rttng_session::link::{self, Link, MemoryLink};
use rttng_session::model::ProcessIdentity;
use rttng_wire::ust::{
    AbiVersion, Alignments, ChannelRegistration, Command, CommandReceipt, Dialect, Errno, EventId,
    EventRegistration, LogLevel, NotifyAnswer, NotifyExchange, NotifyRequest, ObjectHandle, ProcessName,
    ReceivedCommand, Registration, Reply, ReplyBody, ReplyCode, Request, SocketKind, TracepointEntry,
    TracerVersion,
};
use rttng_wire::{Bitness, Encode};
use tokio::time::Instant;

use crate::dice::Dice;

/// How an application behaves. The number says at which command it begins to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Good,
    /// Never answers again, and keeps its connections.
    Stalls(u64),
    /// Ends without a word.
    Dies(u64),
    /// Answers each command so late.
    Late(Duration),
    /// Answers twice.
    Twice(u64),
    /// Answers for another object.
    Wrong(u64),
    /// Answers half, then nothing.
    Half(u64),
    /// Refuses what it could do.
    Refuses(u64),
    /// Says what nobody understands on its notify connection when it is to be enabled.
    Babbles,
    /// Sends half a registration.
    HalfRegistered,
    /// Never opens its second connection.
    Single,
}

impl Manner {
    pub fn roll(dice: &Dice) -> Manner {
        if dice.chance(55) {
            return Manner::Good;
        }
        let at = dice.below(40);
        match dice.below(10) {
            0 => Manner::Stalls(at),
            1 => Manner::Dies(at),
            2 => Manner::Late(Duration::from_millis(1 + dice.below(6000))),
            3 => Manner::Twice(at),
            4 => Manner::Wrong(at),
            5 => Manner::Half(at),
            6 => Manner::Refuses(at),
            7 => Manner::Babbles,
            8 => Manner::HalfRegistered,
            _ => Manner::Single,
        }
    }
}

/// An event rule as the application has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub name: String,
    pub enabled: bool,
    pub filtered: bool,
    pub exclusions: usize,
}

/// A channel as the application has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub enabled: bool,
    pub contexts: usize,
    pub rules: Vec<Rule>,
}

/// A session as the application has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub enabled: bool,
    pub channels: Vec<Channel>,
}

#[derive(Debug)]
enum Object {
    Session { enabled: bool, ever: bool, announced: Vec<u32> },
    Channel { session: u32, streams: u64, enabled: bool, contexts: usize, number: u8 },
    Event { channel: u32, rule: Rule },
    List(usize),
}

/// What can be seen of an application from outside.
#[derive(Default)]
pub struct Seen {
    objects: BTreeMap<u32, Object>,
    pub commands: u64,
    pub registered: bool,
    pub statedumps: u64,
    pub enabled_at: Option<Instant>,
    /// What the session daemon did wrong.
    pub faults: Vec<String>,
    pub event_ids: BTreeMap<(String, u8), EventId>,
}

impl Seen {
    /// The sessions, in the order of their handles.
    pub fn sessions(&self) -> Vec<Session> {
        let channel_of = |handle: u32, object: &Object| match object {
            Object::Channel { enabled, contexts, .. } => Some(Channel {
                enabled: *enabled,
                contexts: *contexts,
                rules: self
                    .objects
                    .values()
                    .filter_map(|object| match object {
                        Object::Event { channel, rule } if *channel == handle => Some(rule.clone()),
                        _ => None,
                    })
                    .collect(),
            }),
            _ => None,
        };
        self.objects
            .iter()
            .filter_map(|(handle, object)| {
                match object {
                Object::Session { enabled, .. } => Some(Session {
                    enabled: *enabled,
                    channels: self
                        .objects
                        .iter()
                        .filter(|(_, object)| {
                            matches!(object, Object::Channel { session, .. } if session == handle)
                        })
                        .filter_map(|(handle, object)| channel_of(*handle, object))
                        .collect(),
                }),
                _ => None,
            }
            })
            .collect()
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// An application.
pub struct App {
    pub process: ProcessIdentity,
    pub manner: Manner,
    pub seen: Rc<RefCell<Seen>>,
    links: Vec<Rc<MemoryLink>>,
}

/// How many streams a channel has in this world.
pub const STREAMS: u64 = 2;

impl App {
    /// Begins an application: it connects, registers and serves.
    pub fn begin(engine: &Engine, process: ProcessIdentity, manner: Manner) -> App {
        let (command, command_far) = MemoryLink::pair();
        let (notify, notify_far) = MemoryLink::pair();
        let seen = Rc::new(RefCell::new(Seen::default()));
        let (command, notify) = (Rc::new(command), Rc::new(notify));
        let links = vec![command.clone(), notify.clone()];
        let task = Task { manner, seen: seen.clone(), command: command.clone(), notify: notify.clone() };
        let engine = engine.clone();
        tokio::task::spawn_local(async move {
            let taken = engine.clone();
            tokio::task::spawn_local(
                async move { taken.take_connection(Rc::new(command_far), process).await },
            );
            let record = registration(process, SocketKind::Command);
            let len = if manner == Manner::HalfRegistered { 60 } else { record.len() };
            if link::send(&*task.command, &record[..len]).await.is_err()
                || matches!(manner, Manner::HalfRegistered | Manner::Single)
            {
                return std::future::pending().await;
            }
            tokio::task::yield_now().await;
            tokio::task::spawn_local(
                async move { engine.take_connection(Rc::new(notify_far), process).await },
            );
            let record = registration(process, SocketKind::Notify);
            if link::send(&*task.notify, &record).await.is_ok() {
                // Its end is the daemon's, or its own manner.
                let _ = task.serve().await;
                task.command.shutdown();
                task.notify.shutdown();
            }
        });
        App { process, manner, seen, links }
    }

    /// Ends it without a word.
    pub fn end(&self) {
        for link in &self.links {
            link.shutdown();
        }
    }
}

/// The registration of a process on one of its connections.
pub fn registration(process: ProcessIdentity, socket: SocketKind) -> Vec<u8> {
    Registration {
        version: AbiVersion { major: 9, minor: 0 },
        pid: process.pid,
        ppid: 1,
        uid: process.uid,
        gid: process.gid,
        bitness: Bitness::Bits64,
        alignments: Alignments::BYTES,
        socket,
        name: ProcessName::new(b"simulated"),
    }
    .to_bytes()
}

struct Task {
    manner: Manner,
    seen: Rc<RefCell<Seen>>,
    command: Rc<MemoryLink>,
    notify: Rc<MemoryLink>,
}

type Answer = Result<(u32, ReplyBody), ReplyCode>;

impl Task {
    async fn serve(&self) -> io::Result<()> {
        loop {
            let mut receipt = CommandReceipt::new();
            let (received, _) = drive(&*self.command, &mut receipt, &[]).await?;
            let count = {
                let mut seen = self.seen.borrow_mut();
                seen.commands += 1;
                seen.commands - 1
            };
            match self.manner {
                Manner::Stalls(at) if count >= at => std::future::pending().await,
                Manner::Dies(at) if count >= at => return Ok(()),
                Manner::Late(delay) => tokio::time::sleep(delay).await,
                _ => {}
            }
            let ReceivedCommand::Request(request) = received else {
                self.fault("an unknown command came");
                return Ok(());
            };
            let code = request.command.code();
            let handle = request.handle;
            let refused = matches!(self.manner, Manner::Refuses(at) if count >= at && count % 3 == 0);
            let outcome = if refused { Err(ReplyCode::Error) } else { self.carry_out(&request).await? };
            let reply = match outcome {
                Ok((value, body)) => Reply { handle, command: code, code: ReplyCode::Ok, value, body },
                Err(why) => Reply::refused(handle, code, why, Errno::EINVAL),
            };
            let mut bytes = reply.to_bytes();
            match self.manner {
                Manner::Wrong(at) if count >= at => bytes[0] ^= 0x55,
                Manner::Twice(at) if count >= at => bytes.extend_from_within(..),
                Manner::Half(at) if count >= at => bytes.truncate(100),
                _ => {}
            }
            link::send(&*self.command, &bytes).await?;
        }
    }

    fn fault(&self, what: impl Into<String>) {
        self.seen.borrow_mut().faults.push(what.into());
    }

    fn add(&self, object: Object) -> Answer {
        let mut seen = self.seen.borrow_mut();
        let handle = seen.objects.keys().next_back().map_or(1, |last| last + 1);
        seen.objects.insert(handle, object);
        Ok((handle, ReplyBody::None))
    }

    async fn carry_out(&self, request: &Request) -> io::Result<Answer> {
        let handle = request.handle.0;
        let done = Ok((0, ReplyBody::None));
        if handle != 0 && !self.seen.borrow().objects.contains_key(&handle) {
            self.fault(format!("{:?} on unknown object {handle}", request.command.code()));
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(match &request.command {
            Command::TracerVersion => {
                Ok((0, ReplyBody::TracerVersion(TracerVersion { major: 2, minor: 13, patch: 5 })))
            }
            Command::RegisterDone => {
                self.seen.borrow_mut().registered = true;
                done
            }
            Command::WaitQuiescent => done,
            Command::Session => {
                self.add(Object::Session { enabled: false, ever: false, announced: Vec::new() })
            }
            Command::Channel(channel) => {
                let number = channel.blob.first().copied().unwrap_or(0);
                self.add(Object::Channel { session: handle, streams: 0, enabled: true, contexts: 0, number })
            }
            Command::Stream(_) => self.on_channel(handle, |streams, _, _| *streams += 1),
            Command::Context(_) => {
                self.whole(handle);
                self.on_channel(handle, |_, _, contexts| *contexts += 1)
            }
            Command::Event(rule) => {
                self.whole(handle);
                let name = rule.name.clone();
                let rule = Rule { name, enabled: false, filtered: false, exclusions: 0 };
                self.add(Object::Event { channel: handle, rule })
            }
            Command::Filter(_) => self.on_rule(handle, |rule| rule.filtered = true),
            Command::Exclusion(names) => self.on_rule(handle, |rule| rule.exclusions = names.names().len()),
            Command::Enable => return self.switch(handle, true).await,
            Command::Disable => return self.switch(handle, false).await,
            Command::SessionStatedump => {
                self.seen.borrow_mut().statedumps += 1;
                done
            }
            Command::Release => self.release(handle),
            Command::TracepointList => self.add(Object::List(40)),
            Command::TracepointListGet => self.next_tracepoint(handle),
            other => {
                self.fault(format!("unexpected {other:?}"));
                Err(ReplyCode::Invalid)
            }
        })
    }

    fn whole(&self, handle: u32) {
        let whole =
            matches!(self.seen.borrow().objects.get(&handle), Some(Object::Channel { streams: STREAMS, .. }));
        if !whole {
            self.fault("a channel is used before all of its streams came");
        }
    }

    fn on_channel(&self, handle: u32, change: impl FnOnce(&mut u64, &mut bool, &mut usize)) -> Answer {
        match self.seen.borrow_mut().objects.get_mut(&handle) {
            Some(Object::Channel { streams, enabled, contexts, .. }) => {
                change(streams, enabled, contexts);
                Ok((0, ReplyBody::None))
            }
            _ => Err(ReplyCode::Invalid),
        }
    }

    fn on_rule(&self, handle: u32, change: impl FnOnce(&mut Rule)) -> Answer {
        match self.seen.borrow_mut().objects.get_mut(&handle) {
            Some(Object::Event { rule, .. }) => {
                change(rule);
                Ok((0, ReplyBody::None))
            }
            _ => Err(ReplyCode::Invalid),
        }
    }

    fn release(&self, handle: u32) -> Answer {
        let mut seen = self.seen.borrow_mut();
        let has_children = seen.objects.values().any(|object| match object {
            Object::Channel { session, .. } => *session == handle,
            Object::Event { channel, .. } => *channel == handle,
            _ => false,
        });
        if has_children {
            seen.faults.push("an object is released before those that refer to it".to_owned());
        }
        seen.objects.remove(&handle);
        Ok((0, ReplyBody::None))
    }

    fn next_tracepoint(&self, handle: u32) -> Answer {
        match self.seen.borrow_mut().objects.get_mut(&handle) {
            Some(Object::List(left)) if *left > 0 => {
                *left -= 1;
                let name = format!("p:t{left}");
                Ok((0, ReplyBody::Tracepoint(TracepointEntry { name, log_level: LogLevel::DEBUG })))
            }
            Some(Object::List(_)) => Err(ReplyCode::NoEntry),
            _ => Err(ReplyCode::Invalid),
        }
    }

    async fn switch(&self, handle: u32, on: bool) -> io::Result<Answer> {
        enum What {
            Session,
            Done,
            Wrong,
        }
        let what = match self.seen.borrow_mut().objects.get_mut(&handle) {
            Some(Object::Session { enabled, ever, .. }) if *enabled != on => {
                *enabled = on;
                *ever |= on;
                What::Session
            }
            Some(Object::Channel { enabled, .. }) if *enabled != on => {
                *enabled = on;
                What::Done
            }
            Some(Object::Event { rule, .. }) => {
                rule.enabled = on;
                What::Done
            }
            _ => What::Wrong,
        };
        match what {
            What::Wrong => self.fault("a session or channel is switched to what it is"),
            What::Session if on => {
                if self.manner == Manner::Babbles {
                    link::send(&*self.notify, &[0xee; 64]).await?;
                }
                self.announce(handle).await?;
                self.seen.borrow_mut().enabled_at = Some(Instant::now());
            }
            What::Session | What::Done => {}
        }
        Ok(Ok((0, ReplyBody::None)))
    }

    /// Registers the events of a session, then its channels, before it answers to its enabling.
    async fn announce(&self, session: u32) -> io::Result<()> {
        let mut requests = Vec::new();
        {
            let mut seen = self.seen.borrow_mut();
            let mut channels = Vec::new();
            for (handle, object) in &seen.objects {
                if let Object::Channel { session: of, number, .. } = object
                    && *of == session
                {
                    channels.push((*handle, *number));
                }
            }
            for (channel, number) in channels {
                for object in seen.objects.values() {
                    if let Object::Event { channel: of, rule } = object
                        && *of == channel
                        && rule.enabled
                    {
                        let event = EventRegistration {
                            session: ObjectHandle(session),
                            channel: ObjectHandle(channel),
                            name: rule.name.clone(),
                            log_level: LogLevel::DEBUG_LINE,
                            signature: String::new(),
                            fields: Vec::new(),
                            model_emf_uri: None,
                        };
                        requests.push((NotifyRequest::Event(event), rule.name.clone(), number));
                    }
                }
                if let Some(Object::Session { announced, .. }) = seen.objects.get_mut(&session)
                    && !announced.contains(&channel)
                {
                    announced.push(channel);
                    let of = ChannelRegistration {
                        session: ObjectHandle(session),
                        channel: ObjectHandle(channel),
                        context_fields: Vec::new(),
                    };
                    requests.push((NotifyRequest::Channel(of), String::new(), number));
                }
            }
        }
        for (request, name, number) in requests {
            let mut exchange = NotifyExchange::new(Dialect::Abi9, &request)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let answered =
                tokio::time::timeout(Duration::from_secs(3), drive(&*self.notify, &mut exchange, &[]));
            match answered.await {
                Ok(Ok((NotifyAnswer::Event(Ok(id)), _))) => {
                    self.seen.borrow_mut().event_ids.insert((name, number), id);
                }
                Ok(Ok((NotifyAnswer::Channel(Ok(of)), _))) => {
                    if of.id.0 != u32::from(number) {
                        self.fault("a channel's id is not the one in its blob");
                    }
                }
                Ok(Ok((answer, _))) => self.fault(format!("a registration was refused: {answer:?}")),
                Ok(Err(error)) => return Err(error),
                Err(_) => self.fault("a registration was not answered within 3 s"),
            }
        }
        Ok(())
    }
}
