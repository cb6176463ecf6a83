//! What one application has, and the next commands that bring it closer to what the model wants
//! (`docs/spec/ust-protocol.md`, section 6).
//!
//! Nothing here waits or sends: [`AppState::next_batch`] compares, [`AppState::apply`] takes in what came of a batch. A
//! late application, a live change, a stop and a destruction are all the same comparison.

use std::collections::BTreeMap;
use std::rc::Rc;

use rttng_wire::ust::{
    self, Answer, Bytecode, Command, Exclusions, LogLevel, ObjectHandle, PlainContext, Request, Token,
};

use super::command::{Call, Outcome};
use crate::buffers::Buffers;
use crate::model::{Channel, ChannelId, ContextKind, EventRule, LogLevelRule, Session, SessionId};

/// How many commands are under way to one application at once. Bounds the memory of a batch (612 bytes each, times
/// the number of applications), and is large enough that neither side waits for the other.
const BATCH: usize = 16;

/// What one application has.
#[derive(Default)]
pub(crate) struct AppState {
    sessions: BTreeMap<SessionId, AppSession>,
}

/// What the model wants of an application for one session.
pub(crate) struct Wanted<'a> {
    pub(crate) session: &'a Session,
    /// State dumps asked for so far (`lttng regenerate statedump`).
    pub(crate) statedumps: u64,
}

/// A session object in the application.
struct AppSession {
    handle: ObjectHandle,
    buffers: Rc<Buffers>,
    channels: Vec<AppChannel>,
    enabled: bool,
    /// Whether running probes must be waited for.
    unquiet: bool,
    statedumps: u64,
}

struct AppChannel {
    id: ChannelId,
    /// Which of the buffers' channels.
    buffer: usize,
    object: Object,
    /// Whether the application refused a stream of it: nothing more is sent for it then.
    broken: bool,
    streams: usize,
    contexts: usize,
    enabled: bool,
    /// In the order of the model's rules, which are only ever added to.
    events: Vec<AppEvent>,
}

/// An object in the application, or the note that the application refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Made(ObjectHandle),
    Refused,
}

struct AppEvent {
    object: Object,
    /// Whether its filter and exclusions were sent.
    configured: bool,
    /// Whether the application refused those: it would record too much, so it stays off.
    spoiled: bool,
    enabled: bool,
}

/// What a command is about, to take in its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    MakeSession,
    MakeChannel(usize),
    Stream(usize),
    Context(usize),
    SwitchChannel(usize, bool),
    MakeEvent(usize, usize),
    Filter(usize, usize),
    Exclusion(usize, usize),
    SwitchEvent(usize, usize, bool),
    SwitchSession(bool),
    Quiesce,
    Statedump(u64),
    ReleaseEvent(usize),
    ReleaseChannel,
    ReleaseSession,
}

/// Commands for one session, in order.
pub(crate) struct Batch {
    session: SessionId,
    buffers: Rc<Buffers>,
    statedumps: u64,
    steps: Vec<(Subject, Request)>,
}

impl Batch {
    /// The commands with their descriptors.
    pub(crate) fn calls<'a>(&'a self, state: &AppState) -> Vec<Call<'a>> {
        let session = state.sessions.get(&self.session);
        self.steps
            .iter()
            .map(|(subject, request)| {
                let buffer = |at: usize| {
                    session.and_then(|session| session.channels.get(at)).map(|channel| channel.buffer)
                };
                let descriptors = match *subject {
                    Subject::MakeChannel(buffer) => self.buffers.channel(buffer).map(|of| vec![of.wakeup()]),
                    Subject::Stream(at) => buffer(at)
                        .and_then(|at| self.buffers.channel(at))
                        .and_then(|of| of.stream_descriptors(stream_number(request))),
                    _ => None,
                };
                Call { request, descriptors: descriptors.unwrap_or_default() }
            })
            .collect()
    }
}

fn stream_number(request: &Request) -> u32 {
    match &request.command {
        Command::Stream(stream) => stream.number,
        _ => u32::MAX,
    }
}

/// What to do next for an application.
pub(crate) enum Next {
    /// It has all that is wanted.
    Nothing,
    /// It needs buffers for this session; there is nothing else to do.
    Buffers(SessionId),
    /// Send these.
    Batch(Batch),
}

impl AppState {
    /// Compares with what is wanted: all sessions that the application shall have objects of. `buffers` gives those
    /// that are there (`Some(None)`: there are none to be had).
    pub(crate) fn next_batch(
        &self,
        wanted: &BTreeMap<SessionId, Wanted<'_>>,
        buffers: &dyn Fn(SessionId) -> Option<Option<Rc<Buffers>>>,
    ) -> Next {
        for (id, session) in &self.sessions {
            if !wanted.contains_key(id) {
                return Next::Batch(session.release(*id));
            }
        }
        let mut needed = None;
        for (id, want) in wanted {
            let Some(session) = self.sessions.get(id) else {
                if !want.session.active {
                    continue;
                }
                match buffers(*id) {
                    None => {
                        needed = needed.or(Some(*id));
                        continue;
                    }
                    Some(None) => continue,
                    Some(Some(buffers)) => {
                        let make = (Subject::MakeSession, Request::root(Command::Session));
                        let statedumps = want.statedumps;
                        return Next::Batch(Batch { session: *id, buffers, statedumps, steps: vec![make] });
                    }
                }
            };
            let steps = session.steps(want);
            if !steps.is_empty() {
                let buffers = session.buffers.clone();
                return Next::Batch(Batch { session: *id, buffers, statedumps: want.statedumps, steps });
            }
        }
        needed.map_or(Next::Nothing, Next::Buffers)
    }

    /// Takes in what came of a batch. Returns the handles of what was made, for the notify connection.
    pub(crate) fn apply(&mut self, batch: Batch, outcomes: Vec<Outcome>) -> Vec<Made> {
        let mut made = Vec::new();
        let id = batch.session;
        for ((subject, request), outcome) in batch.steps.into_iter().zip(outcomes) {
            if let Err(Some(refusal)) = &outcome {
                tracing::debug!(%refusal, session = id.0, "an application refuses");
            }
            if subject == Subject::MakeSession {
                let handle = match outcome {
                    Ok(Answer::Handle(handle)) => handle,
                    _ => REFUSED,
                };
                if handle != REFUSED {
                    made.push(Made::Session { handle, session: id, buffers: batch.buffers.clone() });
                }
                self.sessions.insert(id, AppSession::new(handle, batch.buffers.clone(), batch.statedumps));
                continue;
            }
            if subject == Subject::ReleaseSession {
                made.push(Made::Released { session: id });
                self.sessions.remove(&id);
                continue;
            }
            if let Some(session) = self.sessions.get_mut(&id) {
                session.take(subject, &request, outcome, &mut made);
            }
        }
        made
    }
}

/// An object that an application made, or let go of.
pub(crate) enum Made {
    Session { handle: ObjectHandle, session: SessionId, buffers: Rc<Buffers> },
    Channel { session: ObjectHandle, handle: ObjectHandle, stream: ust::ChannelId },
    Released { session: SessionId },
}

/// The handle of a session that the application refused to make; no application is sent it.
const REFUSED: ObjectHandle = ObjectHandle(0);

impl AppSession {
    fn new(handle: ObjectHandle, buffers: Rc<Buffers>, statedumps: u64) -> Self {
        AppSession { handle, buffers, channels: Vec::new(), enabled: false, unquiet: false, statedumps }
    }

    fn on(&self, subject: Subject, command: Command) -> (Subject, Request) {
        (subject, Request { handle: self.handle, command })
    }

    /// The commands that let go of the session. Events first, then channels, then the session: whoever refers to
    /// another object keeps it alive in the application.
    fn release(&self, id: SessionId) -> Batch {
        let mut steps = Vec::new();
        let batch = |steps| Batch { session: id, buffers: self.buffers.clone(), statedumps: 0, steps };
        let release = |handle| Request { handle, command: Command::Release };
        if self.handle == REFUSED {
            // Nothing to send for it; a harmless command on the root stands for the step.
            steps.push((Subject::ReleaseSession, Request::root(Command::WaitQuiescent)));
            return batch(steps);
        }
        if self.enabled {
            steps.push(self.on(Subject::SwitchSession(false), Command::Disable));
            steps.push((Subject::Quiesce, Request::root(Command::WaitQuiescent)));
        }
        // From the back, so that what is taken in after a part of it was sent stays in order.
        for (at, channel) in self.channels.iter().enumerate().rev() {
            for event in channel.events.iter().rev() {
                if steps.len() >= BATCH {
                    return batch(steps);
                }
                if let Object::Made(handle) = event.object {
                    steps.push((Subject::ReleaseEvent(at), release(handle)));
                }
            }
            if let Object::Made(handle) = channel.object {
                steps.push((Subject::ReleaseChannel, release(handle)));
            }
        }
        steps.push((Subject::ReleaseSession, release(self.handle)));
        steps.push((Subject::Quiesce, Request::root(Command::WaitQuiescent)));
        batch(steps)
    }

    /// The next commands towards what is wanted; none when it is reached.
    fn steps(&self, want: &Wanted<'_>) -> Vec<(Subject, Request)> {
        let mut steps = Vec::new();
        if self.handle == REFUSED {
            return steps;
        }
        let Some(domain) = &want.session.ust else { return steps };
        for (buffer, of) in self.buffers.channels() {
            let Some(channel) = domain.channel(of.id()) else { continue };
            match self.channels.iter().position(|has| has.id == of.id()) {
                None => {
                    let command = Command::Channel(ust::Channel { blob: of.blob().clone() });
                    steps.push(self.on(Subject::MakeChannel(buffer), command));
                }
                Some(at) => self.channel_steps(at, channel, &mut steps),
            }
            if steps.len() >= BATCH {
                return steps;
            }
        }
        // The session is switched on beside its last events, which saves a round trip; but not before it is known what
        // came of filters, or of objects on which more has to follow.
        let leads_on = |subject: &Subject| {
            !matches!(subject, Subject::Context(_) | Subject::SwitchChannel(..) | Subject::SwitchEvent(..))
        };
        if steps.iter().any(|(subject, _)| leads_on(subject)) {
            return steps;
        }
        if self.enabled != want.session.active {
            let command = if want.session.active { Command::Enable } else { Command::Disable };
            steps.push(self.on(Subject::SwitchSession(want.session.active), command));
            steps.push((Subject::Quiesce, Request::root(Command::WaitQuiescent)));
        } else if self.unquiet {
            steps.push((Subject::Quiesce, Request::root(Command::WaitQuiescent)));
        } else if self.enabled && self.statedumps < want.statedumps {
            steps.push(self.on(Subject::Statedump(want.statedumps), Command::SessionStatedump));
        }
        steps
    }

    fn channel_steps(&self, at: usize, want: &Channel, steps: &mut Vec<(Subject, Request)>) {
        let has = &self.channels[at];
        let Object::Made(handle) = has.object else { return };
        let on = |subject, command| (subject, Request { handle, command });
        let Some(of) = self.buffers.channel(has.buffer).filter(|_| !has.broken) else { return };
        if has.streams < of.streams().len() {
            for stream in &of.streams()[has.streams..] {
                let stream = ust::Stream { shm_len: stream.shm_len, number: stream.number };
                steps.push(on(Subject::Stream(at), Command::Stream(stream)));
            }
            // The application takes nothing else before it has all of them.
            return;
        }
        if has.enabled != want.enabled {
            let command = if want.enabled { Command::Enable } else { Command::Disable };
            steps.push(on(Subject::SwitchChannel(at, want.enabled), command));
        }
        for context in want.contexts.iter().skip(has.contexts) {
            steps.push(on(Subject::Context(at), Command::Context(context_of(context))));
        }
        for (place, rule) in want.rules.iter().enumerate() {
            if steps.len() >= BATCH {
                return;
            }
            let Some(event) = has.events.get(place) else {
                steps.push(on(Subject::MakeEvent(at, place), Command::Event(event_of(rule, Token(0)))));
                continue;
            };
            self.event_steps(at, place, event, rule, steps);
        }
    }

    fn event_steps(
        &self,
        at: usize,
        place: usize,
        has: &AppEvent,
        want: &EventRule,
        steps: &mut Vec<(Subject, Request)>,
    ) {
        let Object::Made(handle) = has.object else { return };
        let on = |subject, command| (subject, Request { handle, command });
        if !has.configured {
            if let Some(filter) = filter_of(want) {
                steps.push(on(Subject::Filter(at, place), Command::Filter(filter)));
            }
            // An empty list is never answered (section 4.4).
            if let Some(names) = Exclusions::new(want.exclusions.clone()) {
                steps.push(on(Subject::Exclusion(at, place), Command::Exclusion(names)));
            }
        }
        let on_off = want.enabled && !has.spoiled;
        // An event is made switched off; saying so again ends its configuration.
        if has.enabled != on_off || !has.configured {
            let command = if on_off { Command::Enable } else { Command::Disable };
            steps.push(on(Subject::SwitchEvent(at, place, on_off), command));
        }
    }

    fn take(&mut self, subject: Subject, request: &Request, outcome: Outcome, made: &mut Vec<Made>) {
        let good = outcome.is_ok();
        let object = match outcome {
            Ok(Answer::Handle(handle)) => Object::Made(handle),
            _ => Object::Refused,
        };
        match subject {
            Subject::MakeChannel(buffer) => {
                let Some(of) = self.buffers.channel(buffer) else { return };
                if let Object::Made(handle) = object {
                    made.push(Made::Channel { session: self.handle, handle, stream: of.stream_id() });
                }
                self.channels.push(AppChannel {
                    id: of.id(),
                    buffer,
                    object,
                    broken: false,
                    streams: 0,
                    contexts: 0,
                    enabled: true,
                    events: Vec::new(),
                });
            }
            Subject::Stream(at) => {
                if let Some(channel) = self.channels.get_mut(at) {
                    channel.streams += 1;
                    channel.broken |= !good;
                }
            }
            Subject::Context(at) => {
                if let Some(channel) = self.channels.get_mut(at) {
                    channel.contexts += 1;
                }
            }
            Subject::SwitchChannel(at, on) => {
                if let Some(channel) = self.channels.get_mut(at) {
                    channel.enabled = on;
                }
            }
            Subject::MakeEvent(at, place) => {
                if let Some(channel) = self.channels.get_mut(at) {
                    debug_assert_eq!(
                        channel.events.len(),
                        place,
                        "events are made in the order of the rules"
                    );
                    channel.events.push(AppEvent {
                        object,
                        configured: false,
                        spoiled: false,
                        enabled: false,
                    });
                }
            }
            Subject::Filter(at, place) | Subject::Exclusion(at, place) => {
                if let Some(event) = self.event_mut(at, place) {
                    event.spoiled |= !good;
                }
            }
            Subject::SwitchEvent(at, place, on) => {
                if let Some(event) = self.event_mut(at, place) {
                    event.configured = true;
                    event.enabled = on;
                }
            }
            Subject::SwitchSession(on) => {
                self.enabled = on;
                self.unquiet = true;
            }
            Subject::Quiesce => self.unquiet = false,
            Subject::Statedump(count) => self.statedumps = count,
            Subject::ReleaseEvent(at) => {
                if let Some(channel) = self.channels.get_mut(at) {
                    while let Some(event) = channel.events.pop() {
                        if event.object == Object::Made(request.handle) {
                            break;
                        }
                    }
                }
            }
            Subject::ReleaseChannel => {
                if let Some(at) =
                    self.channels.iter().position(|of| of.object == Object::Made(request.handle))
                {
                    self.channels.truncate(at);
                }
            }
            Subject::MakeSession | Subject::ReleaseSession => {}
        }
    }

    fn event_mut(&mut self, at: usize, place: usize) -> Option<&mut AppEvent> {
        self.channels.get_mut(at)?.events.get_mut(place)
    }
}

/// The rule as applications are told it.
pub(super) fn event_of(rule: &EventRule, token: Token) -> ust::EventRule {
    let log_level = match rule.log_level {
        LogLevelRule::Any => ust::LogLevelRule::All,
        LogLevelRule::AtLeast(level) => ust::LogLevelRule::AtLeast(LogLevel(level)),
        LogLevelRule::Exactly(level) => ust::LogLevelRule::Exactly(LogLevel(level)),
    };
    ust::EventRule { name: rule.name.clone(), log_level, token }
}

pub(super) fn filter_of(rule: &EventRule) -> Option<Bytecode> {
    let filter = rule.filter.as_ref()?;
    match Bytecode::new(filter.data.as_slice().into(), filter.reloc_offset, 0) {
        Ok(bytecode) => Some(bytecode),
        Err(error) => {
            // Clients' filters were checked at the door.
            tracing::warn!(%error, rule = rule.name, "a filter cannot be sent to applications");
            None
        }
    }
}

/// The context as applications are told it.
fn context_of(context: &ContextKind) -> ust::Context {
    let plain = match context {
        ContextKind::Vtid => PlainContext::Vtid,
        ContextKind::Vpid => PlainContext::Vpid,
        ContextKind::PthreadId => PlainContext::PthreadId,
        ContextKind::Procname => PlainContext::Procname,
        ContextKind::Ip => PlainContext::Ip,
        ContextKind::CgroupNs => PlainContext::CgroupNs,
        ContextKind::IpcNs => PlainContext::IpcNs,
        ContextKind::MntNs => PlainContext::MntNs,
        ContextKind::NetNs => PlainContext::NetNs,
        ContextKind::PidNs => PlainContext::PidNs,
        ContextKind::UserNs => PlainContext::UserNs,
        ContextKind::UtsNs => PlainContext::UtsNs,
        ContextKind::TimeNs => PlainContext::TimeNs,
        ContextKind::Vuid => PlainContext::Vuid,
        ContextKind::Veuid => PlainContext::Veuid,
        ContextKind::Vsuid => PlainContext::Vsuid,
        ContextKind::Vgid => PlainContext::Vgid,
        ContextKind::Vegid => PlainContext::Vegid,
        ContextKind::Vsgid => PlainContext::Vsgid,
        ContextKind::Perf(counter) => {
            return ust::Context::PerfThreadCounter {
                kind: counter.kind,
                config: counter.config,
                name: counter.name.clone(),
            };
        }
        ContextKind::Application { provider, name } => {
            return ust::Context::App { provider: provider.clone(), name: name.clone() };
        }
    };
    ust::Context::Plain(plain)
}
