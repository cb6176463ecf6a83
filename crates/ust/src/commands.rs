//! What each command of a session daemon does (`docs/spec/ust-protocol.md`, section 5): edits of the state, and the
//! answer. Whatever is wrong with a command, it is refused, or ends the connection; never the program.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rttng_ring::{ChannelAttributes, Mapping, Producer, Stream, StreamIdentity, page_size, possible_cpus};
use rttng_wire::ust::{
    self as wire, Command, CommandCode, CounterArithmetic, Errno, FieldListEntry, ListedFieldKind, LogLevel,
    ObjectHandle, Reply, ReplyBody, ReplyCode, Request, TracepointEntry, TracerVersion,
};

use crate::channel::ChannelStream;
use crate::class::EventClass;
use crate::context::Unavailable;
use crate::descriptor::Descriptor;
use crate::field::{self, Element, FieldType};
use crate::notifier::Group;
use crate::tracing::{
    ChannelState, CounterState, Daemon, GroupState, NotifierState, Object, Rule, Session, State,
};
use crate::{grace, list};

/// The tracer that this one is like.
const VERSION: TracerVersion = TracerVersion { major: 2, minor: 13, patch: 5 };

/// Why a command is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The daemon is told so.
    Code(ReplyCode),
    /// The two sides no longer understand each other: the connection ends, as with liblttng-ust.
    Drop,
}

use Refusal::Code;

const INVALID: Refusal = Code(ReplyCode::Invalid);
const PERMISSION: Refusal = Code(ReplyCode::Permission);
const FAILED: Refusal = Code(ReplyCode::Error);

/// What a command yields.
#[derive(Debug)]
pub(crate) enum Done {
    Nothing,
    Made(u32),
    Version,
    Tracepoint(TracepointEntry),
    Field(FieldListEntry),
}

/// Carries out a command and gives the bytes to answer; `None` if the connection has to end.
pub(crate) fn answer(
    state: &mut State,
    number: usize,
    request: &Request,
    fds: Vec<OwnedFd>,
) -> Option<Vec<u8>> {
    use rttng_wire::Encode;
    let (handle, command) = (request.handle, request.command.code());
    let reply = Reply::ok(handle, command);
    let mut entry = None;
    let reply = match perform(state, number, request, fds) {
        Ok(Done::Nothing) => reply,
        Ok(Done::Made(made)) => Reply::made(handle, command, ObjectHandle(made)),
        Ok(Done::Version) => Reply { body: ReplyBody::TracerVersion(VERSION), ..reply },
        Ok(Done::Tracepoint(of)) => Reply { body: ReplyBody::Tracepoint(of), ..reply },
        Ok(Done::Field(of)) => {
            entry = Some(of);
            reply
        }
        Err(Refusal::Code(code)) => refusal(handle, command, code),
        Err(Refusal::Drop) => return None,
    };
    let mut bytes = reply.to_bytes();
    if let Some(entry) = entry {
        bytes.extend(entry.to_bytes());
    }
    Some(bytes)
}

/// The answer to a command that is not carried out.
pub(crate) fn refusal(handle: ObjectHandle, command: CommandCode, code: ReplyCode) -> Reply {
    let errno = match code {
        ReplyCode::NoEntry => 2,
        ReplyCode::Exists => 17,
        ReplyCode::Permission => 1,
        ReplyCode::NotImplemented => 38,
        ReplyCode::Error => 16,
        _ => 22,
    };
    Reply::refused(handle, command, code, Errno::new(errno).unwrap_or(Errno::EINVAL))
}

fn perform(state: &mut State, number: usize, request: &Request, fds: Vec<OwnedFd>) -> Result<Done, Refusal> {
    let handle = request.handle.0;
    let daemon = state.daemons.get_mut(&number).ok_or(Refusal::Drop)?;
    if handle == 0 {
        return root(daemon, &request.command, fds);
    }
    let (done, is_change) = match daemon.objects.get(&handle).ok_or(Refusal::Drop)? {
        Object::Session => session(daemon, handle, &request.command, fds)?,
        Object::Channel => channel(daemon, handle, &request.command, fds)?,
        &Object::Rule { channel, at } => rule(daemon, handle, channel, at, &request.command)?,
        Object::Group => group(daemon, handle, &request.command)?,
        &Object::Notifier { group, at } => notifier(daemon, handle, group, at, &request.command)?,
        &Object::Counter { group } => (counter(daemon, handle, group, &request.command, fds)?, false),
        Object::Tracepoints(_) | Object::Fields(_) => (list_entry(daemon, handle, &request.command)?, false),
    };
    if is_change {
        state.publish();
        if let Some(daemon) = state.daemons.get_mut(&number) {
            daemon.dump();
        }
    }
    Ok(done)
}

fn root(daemon: &mut Daemon, command: &Command, fds: Vec<OwnedFd>) -> Result<Done, Refusal> {
    match command {
        Command::Session => {
            let handle = daemon.next_handle();
            daemon.objects.insert(handle, Object::Session);
            daemon.sessions.insert(handle, Session::default());
            Ok(Done::Made(handle))
        }
        Command::TracerVersion => Ok(Done::Version),
        Command::TracepointList => {
            let entry = |class: &&'static EventClass| TracepointEntry {
                name: class.name().to_owned(),
                log_level: LogLevel(class.log_level() as i32),
            };
            let entries: Vec<_> = list::distinct().iter().map(entry).collect();
            Ok(made(daemon, Object::Tracepoints(entries.into_iter())))
        }
        Command::TracepointFieldList => {
            let entries: Vec<_> = list::distinct().into_iter().flat_map(field_entries).collect();
            Ok(made(daemon, Object::Fields(entries.into_iter())))
        }
        Command::WaitQuiescent => {
            grace::wait(crate::tracing::GRACE);
            Ok(Done::Nothing)
        }
        Command::RegisterDone => {
            daemon.is_registered = true;
            daemon.dump();
            Ok(Done::Nothing)
        }
        Command::EventNotifierGroupCreate => {
            let pipe = fds.into_iter().next().ok_or(Refusal::Drop)?;
            rustix::io::ioctl_fionbio(&pipe, true).map_err(|_| FAILED)?;
            let group = Arc::new(Group { pipe: Descriptor::new(pipe) });
            let Done::Made(handle) = made(daemon, Object::Group) else { return Err(FAILED) };
            let notifiers = Vec::new();
            daemon.groups.insert(handle, GroupState { group, is_released: false, counter: None, notifiers });
            Ok(Done::Made(handle))
        }
        Command::Release => Err(PERMISSION),
        // Their data may only follow for an object that has filters.
        Command::Filter(_) | Command::Capture(_) => Err(Refusal::Drop),
        _ => Err(INVALID),
    }
}

fn made(daemon: &mut Daemon, object: Object) -> Done {
    let handle = daemon.next_handle();
    daemon.objects.insert(handle, object);
    Done::Made(handle)
}

/// A field of an event as listings show it; an event without fields shows one without a name.
fn field_entries(class: &'static EventClass) -> Vec<FieldListEntry> {
    let mut entries = Vec::new();
    let mut add = |field: String, kind, nowrite| {
        entries.push(FieldListEntry {
            event: class.name().to_owned(),
            field,
            kind,
            log_level: LogLevel(class.log_level() as i32),
            nowrite,
        });
    };
    field::leaves(class.fields(), &mut |name, ty| {
        if let FieldType::Sequence { .. } | FieldType::Optional(FieldType::Sequence { .. }) = ty {
            add(format!("_{name}_length"), ListedFieldKind::Integer, false);
        }
        add(name, listed_kind(&ty), false);
    });
    if class.fields().is_empty() {
        add(String::new(), ListedFieldKind::Other, true);
    }
    entries
}

fn listed_kind(ty: &FieldType) -> ListedFieldKind {
    match ty {
        FieldType::Integer(_) => ListedFieldKind::Integer,
        FieldType::Enumeration(_) => ListedFieldKind::Enumeration,
        FieldType::Float(_) => ListedFieldKind::Float,
        FieldType::Text
        | FieldType::Array { element: Element::Character, .. }
        | FieldType::Sequence { element: Element::Character, .. } => ListedFieldKind::String,
        FieldType::Optional(inner) => listed_kind(inner),
        _ => ListedFieldKind::Other,
    }
}

fn session(
    daemon: &mut Daemon,
    handle: u32,
    command: &Command,
    fds: Vec<OwnedFd>,
) -> Result<(Done, bool), Refusal> {
    let of = daemon.sessions.get_mut(&handle).ok_or(Refusal::Drop)?;
    match command {
        Command::Channel(channel) => {
            let wakeup = fds.into_iter().next().ok_or(Refusal::Drop)?;
            if of.was_active {
                return Err(FAILED);
            }
            let (attributes, streams) =
                ChannelAttributes::from_blob(&channel.blob, page_size()).map_err(|_| INVALID)?;
            if of.uuid.is_some_and(|uuid| uuid != attributes.uuid) {
                return Err(INVALID);
            }
            of.uuid = Some(attributes.uuid);
            rustix::io::ioctl_fionbio(&wakeup, true).map_err(|_| FAILED)?;
            let channel = daemon.next_handle();
            daemon.objects.insert(channel, Object::Channel);
            daemon.channels.insert(channel, ChannelState::new(handle, attributes, streams, wakeup));
            Ok((Done::Made(channel), false))
        }
        Command::Enable | Command::SessionStart => {
            if of.is_active {
                return Err(FAILED);
            }
            of.was_active = true;
            if !daemon.bring_up(handle) {
                return Err(INVALID);
            }
            if let Some(of) = daemon.sessions.get_mut(&handle) {
                of.is_active = true;
                of.needs_dump = true;
            }
            Ok((Done::Nothing, true))
        }
        Command::Disable | Command::SessionStop => {
            if !of.is_active {
                return Err(FAILED);
            }
            of.is_active = false;
            Ok((Done::Nothing, true))
        }
        Command::SessionStatedump => {
            of.needs_dump = of.is_active;
            daemon.dump();
            Ok((Done::Nothing, false))
        }
        Command::Release => {
            if std::mem::replace(&mut of.is_released, true) {
                return Err(INVALID);
            }
            Ok((Done::Nothing, drop_session(daemon, handle)))
        }
        Command::Filter(_) | Command::Capture(_) => Err(Refusal::Drop),
        _ => Err(INVALID),
    }
}

/// Drops a session with all that is in it, once the daemon released all of that; whether it did.
fn drop_session(daemon: &mut Daemon, handle: u32) -> bool {
    let is_held = |(_, of): (&u32, &ChannelState)| of.session == handle && !of.is_released;
    let is_released = daemon.sessions.get(&handle).is_some_and(|of| of.is_released);
    if !is_released || daemon.channels.iter().any(is_held) {
        return false;
    }
    let channels: Vec<u32> =
        daemon.channels.iter().filter(|(_, of)| of.session == handle).map(|(id, _)| *id).collect();
    let is_inside =
        |object: &Object| matches!(object, Object::Rule { channel, .. } if channels.contains(channel));
    if daemon.objects.values().any(is_inside) {
        return false;
    }
    for channel in &channels {
        daemon.channels.remove(channel);
        daemon.objects.remove(channel);
    }
    daemon.sessions.remove(&handle);
    daemon.objects.remove(&handle);
    true
}

fn channel(
    daemon: &mut Daemon,
    handle: u32,
    command: &Command,
    fds: Vec<OwnedFd>,
) -> Result<(Done, bool), Refusal> {
    let of = daemon.channels.get_mut(&handle).ok_or(Refusal::Drop)?;
    let is_known = matches!(
        command,
        Command::Event(_) | Command::Context(_) | Command::Enable | Command::Disable | Command::FlushBuffer
    );
    if is_known && !of.is_whole() {
        return Err(PERMISSION);
    }
    match command {
        Command::Stream(stream) => {
            let mut fds = fds.into_iter();
            let (Some(shared), Some(wakeup)) = (fds.next(), fds.next()) else { return Err(Refusal::Drop) };
            add_stream(of, stream, shared, wakeup)?;
            Ok((Done::Nothing, false))
        }
        Command::Event(rule) => {
            of.rules.push(Rule::new(rule.clone()));
            let at = of.rules.len() - 1;
            Ok((made(daemon, Object::Rule { channel: handle, at }), false))
        }
        Command::Context(context) => {
            if of.ready.is_some()
                || daemon.sessions.get(&of.session).is_some_and(|session| session.was_active)
            {
                return Err(PERMISSION);
            }
            of.contexts.add(context).map_err(|why| match why {
                Unavailable::Exists => Code(ReplyCode::Exists),
                Unavailable::Counter | Unavailable::NoRoom => FAILED,
            })?;
            Ok((Done::Nothing, false))
        }
        Command::FlushBuffer => {
            if let Some(channel) = &of.ready {
                for stream in &channel.streams {
                    let _ =
                        stream.ring.stream().switch(rttng_ring::SwitchMode::Active, || channel.clock.now());
                }
            }
            Ok((Done::Nothing, false))
        }
        Command::Enable | Command::Disable => {
            let wanted = matches!(command, Command::Enable);
            if std::mem::replace(&mut of.is_enabled, wanted) == wanted {
                return Err(FAILED);
            }
            Ok((Done::Nothing, true))
        }
        Command::Release => {
            if std::mem::replace(&mut of.is_released, true) {
                return Err(INVALID);
            }
            let session = of.session;
            Ok((Done::Nothing, drop_session(daemon, session)))
        }
        Command::Filter(_) | Command::Capture(_) => Err(Refusal::Drop),
        _ => Err(INVALID),
    }
}

/// Maps the buffer of a CPU. Its memory may be anything: sizes and references are checked before it is used, and pages
/// that vanish later are watched for.
fn add_stream(
    of: &mut ChannelState,
    stream: &wire::Stream,
    shared: OwnedFd,
    wakeup: OwnedFd,
) -> Result<(), Refusal> {
    let number = of.streams.len() as u32;
    if of.ready.is_some() || stream.number != number || number >= of.stream_count.min(possible_cpus()) {
        return Err(INVALID);
    }
    let memory = map(shared, stream.shm_len).ok_or(INVALID)?;
    let attributes = &of.attributes;
    let identity = StreamIdentity { uuid: attributes.uuid, channel_id: attributes.channel_id, cpu: number };
    let ring = Stream::attach(memory, attributes.geometry, identity).map_err(|_| INVALID)?;
    rustix::io::ioctl_fionbio(&wakeup, true).map_err(|_| FAILED)?;
    of.streams.push(ChannelStream::new(Producer::new(ring), Descriptor::new(wakeup)));
    Ok(())
}

/// Maps shared memory of a daemon, if the file holds as much as it says.
fn map(file: OwnedFd, size: u64) -> Option<Mapping> {
    let found = rustix::fs::fstat(&file).ok()?.st_size;
    if size == 0 || u64::try_from(found).ok()? < size {
        return None;
    }
    let seals = rustix::fs::fcntl_get_seals(&file).unwrap_or(rustix::fs::SealFlags::empty());
    let may_shrink = !seals.contains(rustix::fs::SealFlags::SHRINK);
    Mapping::new(file.as_fd(), usize::try_from(size).ok()?, may_shrink).ok()
}

/// What rules of recording and rules of notifying have in common; `None`: the command is another one.
fn edit_rule(rule: &mut Rule, command: &Command) -> Option<bool> {
    match command {
        Command::Enable | Command::Disable => {
            rule.is_enabled = matches!(command, Command::Enable);
            Some(true)
        }
        Command::Filter(bytecode) => {
            rule.add_filter(bytecode.clone());
            Some(rule.is_enabled)
        }
        Command::Exclusion(exclusions) => {
            rule.exclusions.extend(exclusions.names().iter().cloned());
            Some(rule.is_enabled)
        }
        _ => None,
    }
}

fn rule(
    daemon: &mut Daemon,
    handle: u32,
    channel: u32,
    at: usize,
    command: &Command,
) -> Result<(Done, bool), Refusal> {
    let of = daemon.channels.get_mut(&channel).ok_or(Refusal::Drop)?;
    let rule = of.rules.get_mut(at).ok_or(Refusal::Drop)?;
    if let Some(is_change) = edit_rule(rule, command) {
        if matches!(command, Command::Enable) {
            daemon.bring_up_rule(channel);
        }
        return Ok((Done::Nothing, is_change));
    }
    match command {
        // The rule itself stays as it is, until its session goes.
        Command::Release => {
            let session = of.session;
            daemon.objects.remove(&handle);
            Ok((Done::Nothing, drop_session(daemon, session)))
        }
        Command::Context(_) => Err(Code(ReplyCode::NotImplemented)),
        Command::Capture(_) => Err(Refusal::Drop),
        _ => Err(INVALID),
    }
}

fn group(daemon: &mut Daemon, handle: u32, command: &Command) -> Result<(Done, bool), Refusal> {
    let of = daemon.groups.get_mut(&handle).ok_or(Refusal::Drop)?;
    match command {
        Command::EventNotifierCreate(notifier) => {
            of.notifiers.push(NotifierState::new(notifier.clone()));
            let at = of.notifiers.len() - 1;
            Ok((made(daemon, Object::Notifier { group: handle, at }), false))
        }
        Command::Counter(counter) => {
            let bad_shape = counter.dimensions.len() != 1 || counter.arithmetic != CounterArithmetic::Modular;
            if bad_shape || counter.shm_len().is_none() {
                return Err(INVALID);
            }
            if of.counter.is_some() {
                return Err(FAILED);
            }
            let cpus = (0..possible_cpus()).map(|_| None).collect();
            of.counter = Some(CounterState { description: counter.clone(), cpus, ready: None });
            Ok((made(daemon, Object::Counter { group: handle }), false))
        }
        Command::Release => {
            if std::mem::replace(&mut of.is_released, true) {
                return Err(INVALID);
            }
            Ok((Done::Nothing, drop_group(daemon, handle)))
        }
        Command::Filter(_) | Command::Capture(_) => Err(Refusal::Drop),
        _ => Err(INVALID),
    }
}

/// Drops a group once the daemon released it and all that is in it; whether it did.
fn drop_group(daemon: &mut Daemon, handle: u32) -> bool {
    let is_inside = |object: &Object| matches!(object, Object::Notifier { group, .. } | Object::Counter { group } if *group == handle);
    let is_released = daemon.groups.get(&handle).is_some_and(|of| of.is_released);
    if !is_released || daemon.objects.values().any(is_inside) {
        return false;
    }
    daemon.groups.remove(&handle);
    daemon.objects.remove(&handle);
    true
}

fn notifier(
    daemon: &mut Daemon,
    handle: u32,
    group: u32,
    at: usize,
    command: &Command,
) -> Result<(Done, bool), Refusal> {
    let of = daemon.groups.get_mut(&group).ok_or(Refusal::Drop)?;
    let notifier = of.notifiers.get_mut(at).ok_or(Refusal::Drop)?;
    if let Some(is_change) = edit_rule(&mut notifier.rule, command) {
        return Ok((Done::Nothing, is_change));
    }
    match command {
        Command::Capture(bytecode) => {
            notifier.captures.push(bytecode.clone());
            Ok((Done::Nothing, notifier.rule.is_enabled))
        }
        // It goes on notifying until it is switched off, or its group goes.
        Command::Release => {
            daemon.objects.remove(&handle);
            Ok((Done::Nothing, drop_group(daemon, group)))
        }
        _ => Err(INVALID),
    }
}

fn counter(
    daemon: &mut Daemon,
    handle: u32,
    group: u32,
    command: &Command,
    fds: Vec<OwnedFd>,
) -> Result<Done, Refusal> {
    let of = daemon.groups.get_mut(&group).ok_or(Refusal::Drop)?;
    let counter = of.counter.as_mut().ok_or(Refusal::Drop)?;
    match command {
        Command::CounterCpu { shm_len, cpu } => {
            let memory = fds.into_iter().next().ok_or(Refusal::Drop)?;
            let place = counter.cpus.get_mut(*cpu as usize).ok_or(INVALID)?;
            if place.is_some() {
                return Err(FAILED);
            }
            let needed = counter.description.shm_len().ok_or(INVALID)?;
            if *shm_len < needed {
                return Err(INVALID);
            }
            *place = Some(map(memory, *shm_len).ok_or(INVALID)?);
            Ok(Done::Nothing)
        }
        Command::Release => {
            daemon.objects.remove(&handle);
            drop_group(daemon, group);
            Ok(Done::Nothing)
        }
        Command::Filter(_) | Command::Capture(_) => Err(Refusal::Drop),
        _ => Err(INVALID),
    }
}

fn list_entry(daemon: &mut Daemon, handle: u32, command: &Command) -> Result<Done, Refusal> {
    let end = Code(ReplyCode::NoEntry);
    match (daemon.objects.get_mut(&handle), command) {
        (Some(Object::Tracepoints(rest)), Command::TracepointListGet) => {
            rest.next().map(Done::Tracepoint).ok_or(end)
        }
        (Some(Object::Fields(rest)), Command::TracepointFieldListGet) => {
            rest.next().map(Done::Field).ok_or(end)
        }
        (_, Command::Release) => {
            daemon.objects.remove(&handle);
            Ok(Done::Nothing)
        }
        (_, Command::Filter(_) | Command::Capture(_)) => Err(Refusal::Drop),
        _ => Err(INVALID),
    }
}
