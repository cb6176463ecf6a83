//! What clients want: sessions, channels, event rules, contexts, trackers, triggers, as plain data.
//!
//! Nothing here does I/O, knows a peer or waits. Client commands edit the model under the rules of
//! `docs/spec/client-protocol.md`, section 14; the tasks of the peers read it and bring their peer closer to it.
//! Each edit that peers must notice raises the model's generation (see [`crate::model::Model::generation`]).

mod channel;
mod rule;
mod session;
mod shared;
mod tracker;
mod trigger;

use std::collections::BTreeMap;

pub use channel::{
    BlockingTimeout, BufferOwnership, Channel, ChannelAttributes, ChannelId, ChannelMode, ContextKind,
    PerfCounter,
};
pub use rule::{EventRule, Filter, LogLevelRule, RuleId, RuleOrigin};
pub use session::{NetworkOutput, Output, Session, SessionId, SessionKind, UstDomain};
pub use shared::SharedModel;
pub use tracker::{ProcessIdentity, TrackedValue, Tracker, TrackerPolicy, Trackers};
pub use trigger::{
    DEFAULT_ERROR_SLOTS, NotifierRule, RegisteredTrigger, TriggerId, TriggerRefusal, Triggers,
};

/// Everything that clients asked for.
#[derive(Debug, Clone, Default)]
pub struct Model {
    sessions: BTreeMap<SessionId, Session>,
    triggers: Triggers,
    generation: u64,
    next_session: u64,
    next_object: u64,
}

impl Model {
    /// Counts the edits so far; peers compare it with the generation that they have reached.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Says that something changed that peers must notice.
    pub fn touch(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    /// All sessions, oldest first.
    pub fn sessions(&self) -> impl DoubleEndedIterator<Item = &Session> {
        self.sessions.values()
    }

    /// The session of that id.
    pub fn session(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    /// The session of that id, to edit. Call [`Model::touch`] afterwards.
    pub fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id)
    }

    /// The session of that name, unless it is being destroyed: those are invisible, their name is free again.
    pub fn session_named(&self, name: &str) -> Option<&Session> {
        self.sessions.values().find(|session| session.name == name && !session.destroying)
    }

    /// The triggers.
    pub fn triggers(&self) -> &Triggers {
        &self.triggers
    }

    /// The triggers, to edit. Call [`Model::touch`] afterwards.
    pub fn triggers_mut(&mut self) -> &mut Triggers {
        &mut self.triggers
    }

    /// Adds a session under a fresh id (ids count from 0 and are never reused).
    pub fn add_session(&mut self, make: impl FnOnce(SessionId) -> Session) -> SessionId {
        let id = SessionId(self.next_session);
        self.next_session += 1;
        self.sessions.insert(id, make(id));
        self.touch();
        id
    }

    /// Forgets a session.
    pub fn remove_session(&mut self, id: SessionId) -> Option<Session> {
        self.touch();
        self.sessions.remove(&id)
    }

    /// A number that no channel or event rule of this daemon had before.
    pub fn fresh_object(&mut self) -> u64 {
        self.next_object += 1;
        self.next_object
    }
}
