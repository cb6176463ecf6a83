//! How full channels are and how much sessions have recorded, as consumer daemons sample it, and the conditions on that
//! (`docs/spec/client-objects.md`, section 10.1).
//!
//! A condition becomes true when a sample says so and the one before it did not, or there was none: a peak between two
//! samples is missed, and a trigger fires once however long the buffers stay full.

use std::cell::RefCell;
use std::collections::HashMap;

use rttng_wire::client::evaluation::SampledUsage;
use rttng_wire::client::{BufferUsage, Condition, DomainType, Evaluation, UsageThreshold};
use rttng_wire::consumer::{ChannelKey, MonitorSample};

use super::Occurrence;
use crate::engine::Core;
use crate::model::{ChannelId, Session, SessionId};

/// What is known of channels and sessions from samples.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    channels: RefCell<HashMap<ChannelKey, SampledChannel>>,
    /// What sessions have recorded, of those that have channels.
    consumed: RefCell<HashMap<SessionId, u64>>,
}

/// The buffers that one owner has of a channel.
#[derive(Debug, Clone)]
struct SampledChannel {
    session: SessionId,
    channel: ChannelId,
    /// Bytes that a stream holds.
    capacity: u64,
    /// The fullest that a stream ever was.
    fullest: u64,
    last: Option<MonitorSample>,
}

/// What a sample changed.
struct Change {
    channel: SampledChannel,
    highest: Step,
    consumed: Step,
}

/// A number before, if there was one, and now.
#[derive(Clone, Copy)]
struct Step {
    before: Option<u64>,
    now: u64,
}

impl Step {
    fn becomes(self, holds: impl Fn(u64) -> bool) -> bool {
        holds(self.now) && !self.before.is_some_and(holds)
    }
}

impl Samples {
    /// Buffers were made. Only those are known: the consumer daemon's word alone makes no entry.
    pub(crate) fn begin(&self, key: ChannelKey, session: SessionId, channel: ChannelId, capacity: u64) {
        let fresh = SampledChannel { session, channel, capacity, fullest: 0, last: None };
        self.channels.borrow_mut().insert(key, fresh);
    }

    /// Buffers are gone; with a session's last ones goes what is known of it.
    pub(crate) fn end(&self, key: ChannelKey) {
        let mut channels = self.channels.borrow_mut();
        if let Some(gone) = channels.remove(&key)
            && !channels.values().any(|there| there.session == gone.session)
        {
            self.consumed.borrow_mut().remove(&gone.session);
        }
    }

    /// The fullest that some buffers ever were, in bytes.
    pub(crate) fn fullest(&self, key: ChannelKey) -> u64 {
        self.channels.borrow().get(&key).map_or(0, |channel| channel.fullest)
    }

    fn take(&self, sample: MonitorSample) -> Option<Change> {
        let mut channels = self.channels.borrow_mut();
        let channel = channels.get_mut(&sample.key)?;
        let before = channel.last.replace(sample);
        channel.fullest = channel.fullest.max(sample.highest);
        let mut consumed = self.consumed.borrow_mut();
        let total = consumed.get(&channel.session).copied();
        let more = sample.total_consumed.saturating_sub(before.map_or(0, |before| before.total_consumed));
        let now = total.unwrap_or(0).saturating_add(more);
        consumed.insert(channel.session, now);
        Some(Change {
            channel: channel.clone(),
            highest: Step { before: before.map(|before| before.highest), now: sample.highest },
            consumed: Step { before: total, now },
        })
    }

    /// What makes a condition on a session true now, if it is.
    fn state(&self, session: &Session, condition: &Condition) -> Option<Evaluation> {
        if let Condition::SessionConsumedSize { threshold, .. } = condition {
            let consumed = *self.consumed.borrow().get(&session.id)?;
            return (consumed >= *threshold).then_some(Evaluation::SessionConsumedSize(consumed));
        }
        let channels = self.channels.borrow();
        let mut of_session = channels.values().filter(|channel| channel.session == session.id);
        of_session.find_map(|channel| {
            let highest = Step { before: None, now: channel.last?.highest };
            usage(condition, session, channel, highest)
        })
    }
}

impl Core {
    /// A consumer daemon has told how full some buffers are.
    pub(crate) fn sampled(&self, sample: MonitorSample) {
        let Some(change) = self.samples.take(sample) else { return };
        self.model.read(|model| {
            let Some(session) = model.session(change.channel.session).filter(|of| !of.destroying) else {
                return;
            };
            let about = |condition: &Condition| condition.session() == Some(&session.name);
            for live in self.triggers.with_condition(about) {
                let condition = &live.trigger().condition;
                let evaluation = match condition {
                    Condition::SessionConsumedSize { threshold, .. } => {
                        let reached = change.consumed.becomes(|consumed| consumed >= *threshold);
                        reached.then_some(Evaluation::SessionConsumedSize(change.consumed.now))
                    }
                    _ => usage(condition, session, &change.channel, change.highest),
                };
                if let Some(evaluation) = evaluation {
                    self.fire(&live, Occurrence { evaluation, source: None, object: Some(session.owner) });
                }
            }
        });
    }

    /// What makes a condition true now, if anything does. Events happen, they are not.
    pub(crate) fn occurs_now(&self, condition: &Condition) -> Option<Occurrence> {
        self.model.read(|model| {
            let session = model.session_named(condition.session()?)?;
            let evaluation = self.samples.state(session, condition)?;
            Some(Occurrence { evaluation, source: None, object: Some(session.owner) })
        })
    }
}

/// What makes a condition on how full a channel is become true, if it does.
fn usage(
    condition: &Condition,
    session: &Session,
    channel: &SampledChannel,
    highest: Step,
) -> Option<Evaluation> {
    let (of, is_high) = match condition {
        Condition::BufferUsageHigh(of) => (of, true),
        Condition::BufferUsageLow(of) => (of, false),
        _ => return None,
    };
    let named = session.ust.as_ref()?.channel(channel.channel)?;
    // Channels of agents have conditions of their own domain, which never become true.
    if of.domain != DomainType::Ust || named.agent || named.name != of.channel {
        return None;
    }
    let threshold = threshold(of, channel.capacity);
    let reached = |level| if is_high { level >= threshold } else { level <= threshold };
    let sampled = SampledUsage { buffer_use: highest.now, buffer_capacity: channel.capacity };
    let evaluation = match is_high {
        true => Evaluation::BufferUsageHigh(sampled),
        false => Evaluation::BufferUsageLow(sampled),
    };
    highest.becomes(reached).then_some(evaluation)
}

fn threshold(of: &BufferUsage, capacity: u64) -> u64 {
    match of.threshold {
        UsageThreshold::Bytes(bytes) => bytes,
        // Truncated, as the real daemon does.
        UsageThreshold::Ratio(ratio) => (ratio * capacity as f64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: ChannelKey = ChannelKey(1);
    const SESSION: SessionId = SessionId(3);

    fn sample(key: ChannelKey, highest: u64, total_consumed: u64) -> MonitorSample {
        MonitorSample { key, lowest: 0, highest, total_consumed }
    }

    #[test]
    fn sessions_have_recorded_what_all_their_channels_have() {
        let samples = Samples::default();
        samples.begin(KEY, SESSION, ChannelId(1), 100);
        samples.begin(ChannelKey(2), SESSION, ChannelId(2), 100);
        let consumed = |key, total| samples.take(sample(key, 0, total)).unwrap().consumed;
        assert_eq!(consumed(KEY, 10).now, 10);
        assert_eq!(consumed(ChannelKey(2), 5).now, 15);
        let step = consumed(KEY, 12);
        assert_eq!((step.before, step.now), (Some(15), 17));
        // A counter that falls tells nothing.
        assert_eq!(consumed(KEY, 1).now, 17);
        samples.end(KEY);
        assert_eq!(consumed(ChannelKey(2), 6).now, 18);
        samples.end(ChannelKey(2));
        samples.begin(KEY, SESSION, ChannelId(1), 100);
        assert_eq!(consumed(KEY, 2).before, None);
    }

    #[test]
    fn unknown_channels_are_passed_over_and_the_fullest_is_kept() {
        let samples = Samples::default();
        assert!(samples.take(sample(KEY, 9, 9)).is_none());
        samples.begin(KEY, SESSION, ChannelId(1), 100);
        for highest in [5, 9, 3] {
            samples.take(sample(KEY, highest, 0)).unwrap();
        }
        assert_eq!((samples.fullest(KEY), samples.fullest(ChannelKey(2))), (9, 0));
    }

    #[test]
    fn a_condition_becomes_true_once() {
        let is_high = |level| level >= 7;
        assert!(Step { before: None, now: 7 }.becomes(is_high));
        assert!(Step { before: Some(6), now: 7 }.becomes(is_high));
        assert!(!Step { before: Some(7), now: 8 }.becomes(is_high));
        assert!(!Step { before: Some(8), now: 6 }.becomes(is_high));
    }
}
