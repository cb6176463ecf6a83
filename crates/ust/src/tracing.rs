//! What the session daemons asked for: their sessions, channels and rules, as plain data, and how that becomes what
//! events do. Every change goes through one lock, like liblttng-ust's; events never take it.
//!
//! `commands.rs` edits this data; [`State::bring_up`] registers with a daemon what a change made necessary, and
//! [`State::publish`] gives each kind of event the list of those who want it now.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rttng_filter::rule_selects;
use rttng_ring::{ChannelAttributes, Mapping, TraceClock};
use rttng_wire::ust::{
    Bytecode, ChannelRegistration, Dialect, EnumId, EnumRegistration, EventHeader, EventId, EventNotifier,
    EventRegistration, EventRule, LogLevel, NotifyAnswer, NotifyExchange, NotifyRequest, ObjectHandle,
    TracepointEntry,
};

use crate::app_context::{AppValue, DYNAMIC_TYPES};
use crate::channel::{Channel, ChannelStream, Header};
use crate::class::EventClass;
use crate::context::Contexts;
use crate::descriptor::Descriptor;
use crate::field::{self, Enumeration, FieldType};
use crate::filter::{Filters, Linked};
use crate::notifier::{ErrorCounter, Group, Notifier};
use crate::recorder::{Recorder, Recorders};
use crate::socket::Socket;
use crate::sorted::SortedMap;
use crate::{changes, grace, list, statedump};

/// How long freeing waits for events that are being recorded. What is still in use then is never freed.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// What all session daemons asked for.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// By the number of the daemon's thread; empty while it is not connected.
    pub(crate) daemons: SortedMap<usize, Daemon>,
}

/// What one session daemon asked for.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) dialect: Dialect,
    /// What its events count in.
    pub(crate) clock: TraceClock,
    /// The connection on which commands come; only for the child of a fork to close.
    pub(crate) command: Socket,
    /// Where this side asks; `None` once an answer stayed out.
    pub(crate) notify: Option<Socket>,
    /// Whether the daemon said that registration is over; state dumps wait for it.
    pub(crate) is_registered: bool,
    pub(crate) last_handle: u32,
    pub(crate) objects: SortedMap<u32, Object>,
    pub(crate) sessions: SortedMap<u32, Session>,
    pub(crate) channels: SortedMap<u32, ChannelState>,
    pub(crate) groups: SortedMap<u32, GroupState>,
}

/// What a handle stands for.
#[derive(Debug)]
pub(crate) enum Object {
    Session,
    Channel,
    /// A rule of that channel, by its place.
    Rule {
        channel: u32,
        at: usize,
    },
    Group,
    /// A rule of that group, by its place.
    Notifier {
        group: u32,
        at: usize,
    },
    /// The counter of that group.
    Counter {
        group: u32,
    },
    Tracepoints(std::vec::IntoIter<TracepointEntry>),
    Fields(std::vec::IntoIter<rttng_wire::ust::FieldListEntry>),
}

/// A recording session.
#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) is_active: bool,
    /// Channels and contexts can be added before only.
    pub(crate) was_active: bool,
    pub(crate) needs_dump: bool,
    /// Of its first channel; all have the same.
    pub(crate) uuid: Option<[u8; 16]>,
    pub(crate) is_released: bool,
    /// What the daemon calls enumerations, by name and labels.
    enumerations: SortedMap<(String, usize), Option<EnumId>>,
}

/// A channel, from its making on.
#[derive(Debug)]
pub(crate) struct ChannelState {
    pub(crate) session: u32,
    pub(crate) is_enabled: bool,
    pub(crate) is_released: bool,
    pub(crate) attributes: ChannelAttributes,
    /// How many streams there will be.
    pub(crate) stream_count: u32,
    pub(crate) streams: Vec<ChannelStream>,
    pub(crate) contexts: Contexts,
    /// Held open: its end tells the consumer daemon that nobody uses the channel.
    pub(crate) _wakeup: Descriptor,
    /// The channel as events go into it, once it was registered.
    pub(crate) ready: Option<Arc<Channel>>,
    pub(crate) rules: Vec<Rule>,
    /// Kinds of events that were registered, and their ids; none where the daemon refused.
    events: SortedMap<ClassKey, Registered>,
}

/// A kind of event in a channel.
#[derive(Debug, Clone, Copy)]
struct Registered {
    class: &'static EventClass,
    id: Option<EventId>,
}

/// Which events are wanted.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) rule: EventRule,
    pub(crate) is_enabled: bool,
    pub(crate) exclusions: Vec<String>,
    pub(crate) filters: Vec<Bytecode>,
    /// The filters as linked to kinds of events; those that cannot be reject all.
    linked: SortedMap<ClassKey, Vec<Arc<Linked>>>,
}

/// The event notifiers of a daemon.
#[derive(Debug)]
pub(crate) struct GroupState {
    pub(crate) group: Arc<Group>,
    pub(crate) is_released: bool,
    pub(crate) counter: Option<CounterState>,
    pub(crate) notifiers: Vec<NotifierState>,
}

/// The counter of notifications that were lost, while its memory comes in.
#[derive(Debug)]
pub(crate) struct CounterState {
    pub(crate) description: rttng_wire::ust::Counter,
    pub(crate) cpus: Vec<Option<Mapping>>,
    /// The counter as notifiers use it, from the first of them on.
    pub(crate) ready: Option<Arc<ErrorCounter>>,
}

/// An event notifier.
#[derive(Debug)]
pub(crate) struct NotifierState {
    pub(crate) rule: Rule,
    pub(crate) error_counter_index: u64,
    pub(crate) captures: Vec<Bytecode>,
}

/// A kind of event as a key: where it stands.
type ClassKey = usize;

fn key(class: &'static EventClass) -> ClassKey {
    std::ptr::from_ref(class).addr()
}

static STATE: Mutex<State> = Mutex::new(State { daemons: SortedMap::new() });

/// The one lock.
pub(crate) fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one lock, if it is free.
pub(crate) fn try_lock() -> Option<MutexGuard<'static, State>> {
    match STATE.try_lock() {
        Ok(guard) => Some(guard),
        Err(std::sync::TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => None,
    }
}

/// Lets the daemons know of a kind of event that came while the program runs.
pub(crate) fn take_up(class: &'static EventClass) {
    let mut state = lock();
    if state.daemons.is_empty() {
        return;
    }
    for daemon in state.daemons.values_mut() {
        let active: Vec<u32> =
            daemon.sessions.iter().filter(|(_, session)| session.is_active).map(|(id, _)| *id).collect();
        for session in active {
            daemon.register_events(session, &[class]);
        }
    }
    state.publish_of(&[class]);
}

impl Rule {
    pub(crate) fn new(rule: EventRule) -> Self {
        let linked = SortedMap::new();
        Rule { rule, is_enabled: false, exclusions: Vec::new(), filters: Vec::new(), linked }
    }

    pub(crate) fn add_filter(&mut self, filter: Bytecode) {
        self.filters.push(filter);
        self.linked.clear();
    }

    /// Whether the rule, switched on, is for a kind of event.
    fn selects(&self, class: &EventClass) -> bool {
        self.is_enabled
            && self.rule.log_level.matches(LogLevel(class.log_level() as i32))
            && rule_selects(self.rule.name.as_bytes(), &self.exclusions, class.name().as_bytes())
    }

    /// Its filters for a kind of event; `None` if it has none and takes every event.
    fn filters_for(&mut self, class: &'static EventClass) -> Option<&[Arc<Linked>]> {
        if self.filters.is_empty() {
            return None;
        }
        let link = || self.filters.iter().filter_map(|filter| Linked::new(filter, class)).collect();
        Some(self.linked.get_or_insert_with(key(class), link))
    }
}

/// What rules let pass together: `None` if nothing ever.
fn together<'r>(class: &'static EventClass, rules: impl Iterator<Item = &'r mut Rule>) -> Option<Filters> {
    let mut programs = Vec::new();
    let mut any = false;
    for rule in rules.filter(|rule| rule.selects(class)) {
        any = true;
        match rule.filters_for(class) {
            None => return Some(Filters::None),
            Some(linked) => programs.extend(linked.iter().cloned()),
        }
    }
    (any && !programs.is_empty()).then(|| Filters::Any(programs.into()))
}

impl Daemon {
    pub(crate) fn new(dialect: Dialect, clock: TraceClock, command: Socket, notify: Socket) -> Self {
        Daemon {
            dialect,
            clock,
            command,
            notify: Some(notify),
            is_registered: false,
            last_handle: 0,
            objects: SortedMap::new(),
            sessions: SortedMap::new(),
            channels: SortedMap::new(),
            groups: SortedMap::new(),
        }
    }

    pub(crate) fn next_handle(&mut self) -> u32 {
        self.last_handle += 1;
        self.last_handle
    }

    /// Asks the daemon. An answer that stays out, or makes no sense, ends the asking for good.
    fn ask(&mut self, request: NotifyRequest) -> Option<NotifyAnswer> {
        let socket = self.notify.clone()?;
        let mut exchange = NotifyExchange::new(self.dialect, &request).ok()?;
        match socket.exchange(&mut exchange, |_| true) {
            Ok((answer, _)) => Some(answer),
            Err(_) => {
                socket.shut_down();
                self.notify = None;
                None
            }
        }
    }

    /// What the daemon calls an enumeration, registering it if it does not know it yet.
    fn enumeration(
        &mut self,
        session: u32,
        name: String,
        labels: usize,
        entries: impl FnOnce() -> Vec<rttng_wire::ust::EnumEntry>,
    ) -> Option<EnumId> {
        let of = (name, labels);
        if let Some(known) = self.sessions.get(&session)?.enumerations.get(&of) {
            return *known;
        }
        let request =
            EnumRegistration { session: ObjectHandle(session), name: of.0.clone(), entries: entries() };
        let id = match self.ask(NotifyRequest::Enum(request)) {
            Some(NotifyAnswer::Enum(answer)) => answer.ok(),
            _ => None,
        };
        self.sessions.get_mut(&session)?.enumerations.insert(of, id);
        id
    }

    /// Registers those kinds of events in the channels of a session that a rule wants there and that are not yet.
    fn register_events(&mut self, session: u32, classes: &[&'static EventClass]) {
        let channels: Vec<u32> =
            self.channels.iter().filter(|(_, of)| of.session == session).map(|(id, _)| *id).collect();
        for channel in channels {
            for class in classes {
                let Some(of) = self.channels.get(&channel) else { continue };
                let wanted =
                    !of.events.contains_key(&key(class)) && of.rules.iter().any(|rule| rule.selects(class));
                if wanted {
                    // The same event fired from another place is one kind of event to the daemon.
                    let same = of.events.values().find(|of| of.class.is_same_as(class)).map(|of| of.id);
                    let id = same.unwrap_or_else(|| self.register_event(session, channel, class));
                    if let Some(of) = self.channels.get_mut(&channel) {
                        of.events.insert(key(class), Registered { class, id });
                    }
                }
            }
        }
    }

    fn register_event(&mut self, session: u32, channel: u32, class: &'static EventClass) -> Option<EventId> {
        let provider = class.provider();
        let mut ids: Vec<(&'static Enumeration, EnumId)> = Vec::new();
        for of in field::enumerations(class.fields()) {
            let labels = of.entries.as_ptr().addr();
            let id = self.enumeration(session, of.trace_name(provider), labels, || of.to_wire())?;
            ids.push((of, id));
        }
        let id_of = |of: &'static Enumeration| ids.iter().find(|(known, _)| *known == of).map(|(_, id)| *id);
        let request = EventRegistration {
            session: ObjectHandle(session),
            channel: ObjectHandle(channel),
            name: class.name().to_owned(),
            log_level: LogLevel(class.log_level() as i32),
            signature: class.signature().to_owned(),
            fields: field::to_wire(provider, class.fields(), &id_of),
            model_emf_uri: class.model_emf_uri().map(str::to_owned),
        };
        match self.ask(NotifyRequest::Event(request)) {
            Some(NotifyAnswer::Event(answer)) => answer.ok(),
            _ => None,
        }
    }

    /// Registers a channel, which makes it ready for events; `false` if it cannot be.
    fn register_channel(&mut self, session: u32, channel: u32) -> bool {
        let Some(of) = self.channels.get(&channel) else { return false };
        if of.ready.is_some() {
            return true;
        }
        if of.streams.len() != of.stream_count as usize {
            return false;
        }
        let types = match of.contexts.has_app_contexts() {
            true => self.enumeration(session, DYNAMIC_TYPES.into(), 0, AppValue::type_labels),
            false => None,
        };
        let Some(of) = self.channels.get(&channel) else { return false };
        let expected = of.attributes.channel_id;
        let request = ChannelRegistration {
            session: ObjectHandle(session),
            channel: ObjectHandle(channel),
            context_fields: of.contexts.to_wire(types),
        };
        let Some(NotifyAnswer::Channel(Ok(answer))) = self.ask(NotifyRequest::Channel(request)) else {
            return false;
        };
        if answer.id.0 != expected {
            return false;
        }
        let header = match answer.header {
            EventHeader::Compact => Header::Compact,
            EventHeader::Large => Header::Large,
        };
        let clock = self.clock;
        let Some(of) = self.channels.get_mut(&channel) else { return false };
        of.make_ready(header, clock);
        true
    }

    /// Makes a session active: registers what it needs. `false` if a channel cannot be.
    pub(crate) fn bring_up(&mut self, session: u32) -> bool {
        self.register_events(session, &list::all());
        let channels: Vec<u32> =
            self.channels.iter().filter(|(_, of)| of.session == session).map(|(id, _)| *id).collect();
        channels.into_iter().all(|channel| self.register_channel(session, channel))
    }

    /// Registers what a rule that was just switched on wants, if its session is active.
    pub(crate) fn bring_up_rule(&mut self, channel: u32) {
        let Some(of) = self.channels.get(&channel) else { return };
        let session = of.session;
        if self.sessions.get(&session).is_some_and(|session| session.is_active) {
            self.register_events(session, &list::all());
        }
    }

    /// Writes the state dumps that are due.
    pub(crate) fn dump(&mut self) {
        if !self.is_registered {
            return;
        }
        let due: Vec<u32> = self
            .sessions
            .iter_mut()
            .filter_map(|(id, of)| (of.is_active && std::mem::take(&mut of.needs_dump)).then_some(*id))
            .collect();
        for session in due {
            statedump::write(&mut |class| {
                Recorders::new(self.recorders_of(class, Some(session)).into(), Box::default())
            });
        }
    }

    /// Who of this daemon's channels records a kind of event now.
    fn recorders_of(&mut self, class: &'static EventClass, only: Option<u32>) -> Vec<Recorder> {
        let mut all = Vec::new();
        for of in self.channels.values_mut() {
            let is_active = self.sessions.get(&of.session).is_some_and(|session| session.is_active);
            if !is_active || !of.is_enabled || only.is_some_and(|only| only != of.session) {
                continue;
            }
            let event_id = of.events.get(&key(class)).and_then(|of| of.id);
            let (Some(channel), Some(event_id)) = (&of.ready, event_id) else { continue };
            if let Some(filters) = together(class, of.rules.iter_mut()) {
                all.push(Recorder { channel: channel.clone(), event_id: event_id.0, filters });
            }
        }
        all
    }

    /// Which of this daemon's triggers wait for a kind of event.
    fn notifiers_of(&mut self, class: &'static EventClass) -> Vec<Arc<Notifier>> {
        let mut all = Vec::new();
        for group in self.groups.values_mut() {
            let counter = group.counter.as_mut().map(CounterState::ready);
            for notifier in &mut group.notifiers {
                let Some(filters) = together(class, std::iter::once(&mut notifier.rule)) else { continue };
                let mut enumerations = Vec::new();
                field::leaves(class.fields(), &mut |_, ty| {
                    enumerations.push(matches!(ty, FieldType::Enumeration(_)));
                });
                all.push(Arc::new(Notifier {
                    group: group.group.clone(),
                    token: notifier.rule.rule.token.0,
                    filters,
                    captures: notifier.captures.iter().map(|capture| Linked::new(capture, class)).collect(),
                    enumerations: enumerations.into(),
                    counter: counter.clone(),
                    counter_index: notifier.error_counter_index,
                }));
            }
        }
        all
    }

    /// Marks all channels: nobody reads them any more.
    pub(crate) fn abandon(&self) {
        for channel in self.channels.values().filter_map(|of| of.ready.as_ref()) {
            channel.is_alive.store(false, Ordering::Relaxed);
        }
    }
}

impl ChannelState {
    pub(crate) fn new(
        session: u32,
        attributes: ChannelAttributes,
        stream_count: u32,
        wakeup: OwnedFd,
    ) -> Self {
        ChannelState {
            session,
            is_enabled: true,
            is_released: false,
            attributes,
            stream_count,
            streams: Vec::new(),
            contexts: Contexts::default(),
            _wakeup: Descriptor::new(wakeup),
            ready: None,
            rules: Vec::new(),
            events: SortedMap::new(),
        }
    }

    fn make_ready(&mut self, header: Header, clock: TraceClock) {
        self.ready = Some(Arc::new(Channel {
            streams: std::mem::take(&mut self.streams).into(),
            header,
            clock,
            contexts: std::mem::take(&mut self.contexts),
            blocking: crate::environment::blocking(self.attributes.blocking_timeout),
            wakes_reader: self.attributes.read_timer_us == 0,
            is_alive: true.into(),
        }));
    }

    /// Whether all streams came.
    pub(crate) fn is_whole(&self) -> bool {
        self.ready.is_some() || self.streams.len() == self.stream_count as usize
    }
}

impl CounterState {
    fn ready(&mut self) -> Arc<ErrorCounter> {
        let fresh = |cpus: &mut Vec<Option<Mapping>>, description: &rttng_wire::ust::Counter| {
            Arc::new(ErrorCounter {
                cpus: std::mem::take(cpus),
                elements: description.dimensions.first().map_or(0, |of| of.size),
                bitness: description.bitness,
            })
        };
        self.ready.get_or_insert_with(|| fresh(&mut self.cpus, &self.description)).clone()
    }
}

impl NotifierState {
    pub(crate) fn new(notifier: EventNotifier) -> Self {
        let EventNotifier { rule, error_counter_index } = notifier;
        NotifierState { rule: Rule::new(rule), error_counter_index, captures: Vec::new() }
    }
}

impl State {
    /// Gives every kind of event the list of those who want it now.
    pub(crate) fn publish(&mut self) {
        self.publish_of(&list::all());
    }

    fn publish_of(&mut self, classes: &[&'static EventClass]) {
        let (mut replaced, mut is_changed) = (Vec::new(), false);
        for class in classes {
            let mut recorders = Vec::new();
            let mut notifiers = Vec::new();
            for daemon in self.daemons.values_mut() {
                recorders.extend(daemon.recorders_of(class, None));
                notifiers.extend(daemon.notifiers_of(class));
            }
            let recorders = Recorders::new(recorders.into(), notifiers.into());
            let list = (!recorders.is_empty()).then(|| Box::new(recorders));
            is_changed |= list.is_some();
            replaced.extend(class.replace_recorders(list));
        }
        if is_changed || !replaced.is_empty() {
            changes::note();
        }
        if !replaced.is_empty() && !grace::wait(GRACE) {
            // Somebody is still recording, held up by whatever: better to keep this for ever than to free it.
            std::mem::forget(replaced);
        }
    }

    /// Forgets a daemon that is gone.
    pub(crate) fn forget(&mut self, number: usize) {
        let Some(daemon) = self.daemons.remove(&number) else { return };
        daemon.abandon();
        self.publish();
    }
}
