//! What clients ask about: losses and fill of channels, tracepoints and fields of applications.

use std::rc::Rc;

use rttng_wire::consumer::{Answer, ChannelKey, ChannelUsage, Command, SessionId as WireId};
use rttng_wire::ust::{FieldListEntry, TracepointEntry};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::run::Run;
use super::{Core, Engine};
use crate::app::Application;
use crate::buffers::ChannelBuffers;
use crate::model::{ChannelId, ChannelMode, SessionId};

/// What a channel has lost since the session was started first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelCounters {
    /// Events that found a full buffer (discard mode).
    pub discarded_events: u64,
    /// Packets that were overwritten before they were read (overwrite mode).
    pub lost_packets: u64,
}

impl ChannelCounters {
    /// Adds what other buffers of the channel lost.
    pub fn add(&mut self, other: ChannelCounters) {
        self.discarded_events = self.discarded_events.saturating_add(other.discarded_events);
        self.lost_packets = self.lost_packets.saturating_add(other.lost_packets);
    }
}

/// A tracepoint of a running application.
#[derive(Debug, Clone)]
pub struct ListedTracepoint {
    /// The application that has it.
    pub application: Rc<Application>,
    /// The tracepoint.
    pub entry: TracepointEntry,
}

/// A field of a tracepoint of a running application.
#[derive(Debug, Clone)]
pub struct ListedField {
    /// The application that has it.
    pub application: Rc<Application>,
    /// The field.
    pub entry: FieldListEntry,
}

impl Engine {
    /// What a channel has lost, over all its buffers, those of processes that ended included.
    pub async fn channel_counters(&self, session: SessionId, channel: ChannelId) -> ChannelCounters {
        let Some(run) = self.core.run(session) else { return ChannelCounters::default() };
        let mut sum = run.ended.borrow().get(&channel).map(|ended| ended.counters).unwrap_or_default();
        for buffers in run.buffers() {
            for of in buffers.channels.iter().filter(|of| of.id() == channel) {
                sum.add(self.core.counters_of(&run, of).await);
            }
        }
        sum
    }

    /// How full the buffers of a channel ever were, those of processes that ended included. LTTng's consumer daemon tells
    /// only what it sampled (the monitor timer says how often), and nothing of producers that died.
    pub async fn channel_usage(&self, session: SessionId, channel: ChannelId) -> ChannelUsage {
        let Some(run) = self.core.run(session) else { return ChannelUsage::default() };
        let mut sum = run.ended.borrow().get(&channel).map(|ended| ended.usage).unwrap_or_default();
        for buffers in run.buffers() {
            for of in buffers.channels.iter().filter(|of| of.id() == channel) {
                sum.add(self.core.usage_of(&run, of).await);
            }
        }
        sum
    }

    /// The tracepoints of all applications, by application. One that hangs is left out after its time limit.
    pub async fn list_tracepoints(&self) -> Vec<ListedTracepoint> {
        let ask = async |of: Rc<Application>| of.tracepoints().await;
        let lists = self.ask_all(ask).await;
        lists
            .into_iter()
            .flat_map(|(application, entries)| {
                entries
                    .into_iter()
                    .map(move |entry| ListedTracepoint { application: application.clone(), entry })
            })
            .collect()
    }

    /// The fields of all tracepoints of all applications, by application. One that hangs is left out after its time
    /// limit.
    pub async fn list_fields(&self) -> Vec<ListedField> {
        let ask = async |of: Rc<Application>| of.fields().await;
        let lists = self.ask_all(ask).await;
        lists
            .into_iter()
            .flat_map(|(application, entries)| {
                entries.into_iter().map(move |entry| ListedField { application: application.clone(), entry })
            })
            .collect()
    }

    /// Asks all applications at once; their answers in the order of their registration.
    async fn ask_all<T: 'static>(
        &self,
        ask: impl AsyncFn(Rc<Application>) -> Vec<T> + Clone + 'static,
    ) -> Vec<(Rc<Application>, Vec<T>)> {
        let begun = Instant::now();
        let mut asked = JoinSet::new();
        for application in self.core.applications.all() {
            let (ask, core) = (ask.clone(), self.core.clone());
            asked.spawn_local(async move {
                let entries = core.patiently(begun, &application, ask(application.clone())).await;
                (application, entries.unwrap_or_default())
            });
        }
        let mut lists = asked.join_all().await;
        lists.sort_by_key(|(application, _)| application.id);
        lists
    }
}

impl Core {
    /// How full one set of buffers of a channel was when the monitor timer looked.
    pub(super) fn sampled_usage(&self, key: ChannelKey) -> ChannelUsage {
        ChannelUsage { fullest: self.samples.fullest(key), dead_producers: 0 }
    }

    /// How full one set of buffers of a channel was, as far as the consumer daemon knows.
    pub(super) async fn usage_of(&self, run: &Run, channel: &ChannelBuffers) -> ChannelUsage {
        let mut usage = self.sampled_usage(channel.key());
        if let Some(incarnation) = self.incarnation_of(run).filter(|incarnation| incarnation.is_ours()) {
            let command = Command::ChannelUsage { session_id: WireId(run.session.0), key: channel.key() };
            if let Ok(Answer::Usage(told)) = incarnation.call(command).await {
                usage.add(told);
            }
        }
        usage
    }

    /// What one set of buffers of a channel has lost, as far as the consumer daemon knows.
    pub(super) async fn counters_of(&self, run: &Run, channel: &ChannelBuffers) -> ChannelCounters {
        let Some(incarnation) = self.incarnation_of(run) else { return ChannelCounters::default() };
        let (session_id, key) = (WireId(run.session.0), channel.key());
        let command = match channel.mode {
            ChannelMode::Discard => Command::DiscardedEvents { session_id, key },
            ChannelMode::Overwrite => Command::LostPackets { session_id, key },
        };
        let count = match incarnation.call(command).await {
            Ok(Answer::Count(count)) => count,
            _ => 0,
        };
        match channel.mode {
            ChannelMode::Discard => ChannelCounters { discarded_events: count, lost_packets: 0 },
            ChannelMode::Overwrite => ChannelCounters { discarded_events: 0, lost_packets: count },
        }
    }
}
