//! Triggers at work: when a condition becomes true, its trigger fires, and what it is to do is done
//! (`docs/spec/client-objects.md`, sections 10 to 13).
//!
//! A trigger that only notifies does so at once: the message waits in a bounded queue of each client. One that starts or
//! stops sessions has a queue of its own, in which firings are carried out in order, however long that takes; all others
//! go on meanwhile.

pub(crate) mod channel;
mod counters;
mod samples;
mod subscriber;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use rttng_wire::Encode;
use rttng_wire::client::notification::NotificationFrame;
use rttng_wire::client::{Action, Condition, Evaluation, Notification, NotificationReply, Trigger};
use rttng_world::run_as::Identity;
use tokio::sync::mpsc;

pub(crate) use counters::CounterSet;
pub(crate) use samples::Samples;
pub(crate) use subscriber::{Source, Subscriber};

use crate::model::{RegisteredTrigger, TriggerId};
use counters::ErrorCounters;

/// Firings that wait for one trigger's actions on sessions; further ones are lost, and counted.
pub(crate) const MOST_FIRINGS: usize = 1024;

/// A condition that became true.
#[derive(Debug, Clone)]
pub(crate) struct Occurrence {
    /// What was found.
    pub(crate) evaluation: Evaluation,
    /// Where it comes from.
    pub(crate) source: Source,
    /// Who owns what it is about, if it is about a session.
    pub(crate) object: Option<Identity>,
}

/// A firing whose actions are to be carried out.
#[derive(Debug)]
pub(crate) struct Firing {
    /// Which firing of its trigger, from 1.
    pub(crate) number: u64,
    /// What made it fire.
    pub(crate) occurrence: Occurrence,
    /// What the hub's owner found out when it fired; see [`LiveTriggers::fire`].
    pub(crate) sessions: Vec<Option<crate::model::SessionId>>,
}

/// A registered trigger with what became of it.
#[derive(Debug)]
pub(crate) struct LiveTrigger {
    pub(crate) registered: Rc<RegisteredTrigger>,
    firings: Cell<u64>,
    /// Firings that were lost here, after the tracer had told of them.
    lost: Cell<u64>,
    /// How often each action failed.
    failures: Vec<Cell<u64>>,
    /// Where actions on sessions are carried out.
    lane: Option<mpsc::Sender<Firing>>,
    subscribers: RefCell<Vec<Weak<Subscriber>>>,
}

impl LiveTrigger {
    /// The trigger.
    pub(crate) fn trigger(&self) -> &Trigger {
        &self.registered.trigger
    }

    /// Counts that an action failed.
    pub(crate) fn count_failure(&self, action: usize) {
        if let Some(failures) = self.failures.get(action) {
            failures.set(failures.get() + 1);
        }
    }

    /// Notifies the clients that subscribed to its condition and may know of it.
    pub(crate) fn notify(&self, occurrence: &Occurrence) {
        let mut message: Option<Rc<[u8]>> = None;
        self.tell(occurrence.object, |client| {
            let message = message.get_or_insert_with(|| encoded(self.trigger(), &occurrence.evaluation));
            if message.len() <= NotificationFrame::SIZE_MAX {
                client.notify(message, occurrence.source);
            } else {
                // A client would take such a message for a broken connection.
                client.tell_of_loss();
            }
        });
    }

    /// Tells one client of a condition that is true already, whatever the policies of the actions say.
    pub(crate) fn tell_at_once(&self, client: &Subscriber, occurrence: &Occurrence) {
        let actions = self.trigger().action.elements();
        let notifies = actions.iter().any(|action| matches!(action, Action::Notify { .. }));
        if notifies && may_know(client.who, self.trigger(), occurrence.object) {
            client.notify(&encoded(self.trigger(), &occurrence.evaluation), occurrence.source);
        }
    }

    /// A firing was lost: those who would have been told of it are told that.
    pub(crate) fn lose(&self, object: Option<Identity>) {
        self.lost.set(self.lost.get() + 1);
        self.tell(object, Subscriber::tell_of_loss);
    }

    fn tell(&self, object: Option<Identity>, mut tell: impl FnMut(&Subscriber)) {
        self.subscribers.borrow_mut().retain(|client| {
            let Some(client) = client.upgrade() else { return false };
            if may_know(client.who, self.trigger(), object) {
                tell(&client);
            }
            true
        });
    }
}

/// Whether a client may know of a firing: its own triggers', about its own sessions. Root is no exception to the first.
fn may_know(client: Identity, trigger: &Trigger, object: Option<Identity>) -> bool {
    let may_see = |owner: Identity| client.uid == 0 || client.uid == owner.uid || client.gid == owner.gid;
    client.uid == trigger.owner_uid && !trigger.is_hidden && object.is_none_or(may_see)
}

fn encoded(trigger: &Trigger, evaluation: &Evaluation) -> Rc<[u8]> {
    let notification = Notification { trigger: trigger.clone(), evaluation: evaluation.clone() };
    NotificationReply::Notification(Box::new(notification)).to_bytes().into()
}

/// All registered triggers at work.
#[derive(Debug, Default)]
pub(crate) struct LiveTriggers {
    all: RefCell<BTreeMap<TriggerId, Rc<LiveTrigger>>>,
    clients: RefCell<Vec<Weak<Subscriber>>>,
    counters: ErrorCounters,
}

impl LiveTriggers {
    /// Takes a trigger in that was registered. `lane` takes its firings if it has actions on sessions.
    pub(crate) fn begin(&self, registered: &Rc<RegisteredTrigger>, lane: Option<mpsc::Sender<Firing>>) {
        if let Some(notifier) = &registered.notifier {
            self.counters.reset(notifier.slot);
        }
        let condition = &registered.trigger.condition;
        let subscribed = |client: &&Weak<Subscriber>| {
            client.upgrade().is_some_and(|client| client.is_subscribed(condition))
        };
        let subscribers = self.clients.borrow().iter().filter(subscribed).cloned().collect();
        let live = LiveTrigger {
            registered: Rc::clone(registered),
            firings: Cell::new(0),
            lost: Cell::new(0),
            failures: registered.trigger.action.elements().iter().map(|_| Cell::new(0)).collect(),
            lane,
            subscribers: RefCell::new(subscribers),
        };
        self.all.borrow_mut().insert(registered.id, Rc::new(live));
    }

    /// Lets a trigger go that was unregistered: what is under way from applications is passed over, what waits for its
    /// turn is not carried out.
    pub(crate) fn end(&self, id: TriggerId) {
        self.all.borrow_mut().remove(&id);
    }

    /// The trigger of that number.
    pub(crate) fn get(&self, id: TriggerId) -> Option<Rc<LiveTrigger>> {
        self.all.borrow().get(&id).cloned()
    }

    /// The triggers with a condition that `wanted` says yes to.
    pub(crate) fn with_condition(&self, wanted: impl Fn(&Condition) -> bool) -> Vec<Rc<LiveTrigger>> {
        let all = self.all.borrow();
        all.values().filter(|live| wanted(&live.trigger().condition)).cloned().collect()
    }

    /// A trigger's condition became true. `session` finds the session that a name means now.
    pub(crate) fn fire(
        &self,
        live: &LiveTrigger,
        occurrence: Occurrence,
        session: impl Fn(&str) -> Option<crate::model::SessionId>,
    ) {
        let number = live.firings.get() + 1;
        live.firings.set(number);
        let actions = live.trigger().action.elements();
        if !actions.iter().any(|action| executes(action, number)) {
            return;
        }
        match &live.lane {
            None => {
                for _ in actions.iter().filter(|action| executes(action, number)) {
                    live.notify(&occurrence);
                }
            }
            Some(lane) => {
                let sessions = actions.iter().map(|action| session_of(action).and_then(&session)).collect();
                let object = occurrence.object;
                if lane.try_send(Firing { number, occurrence, sessions }).is_err() {
                    live.lose(object);
                }
            }
        }
    }

    /// A client has come.
    pub(crate) fn welcome(&self, client: &Rc<Subscriber>) {
        let mut clients = self.clients.borrow_mut();
        clients.retain(|client| client.strong_count() > 0);
        clients.push(Rc::downgrade(client));
    }

    /// A client has subscribed to a condition.
    pub(crate) fn subscribed(&self, client: &Rc<Subscriber>, condition: &Condition) {
        for live in self.with_condition(|there| there.same_as(condition)) {
            live.subscribers.borrow_mut().push(Rc::downgrade(client));
        }
    }

    /// A client has ended its subscription to a condition.
    pub(crate) fn unsubscribed(&self, client: &Rc<Subscriber>, condition: &Condition) {
        for live in self.with_condition(|there| there.same_as(condition)) {
            live.subscribers.borrow_mut().retain(|there| there.as_ptr() != Rc::as_ptr(client));
        }
    }

    /// The counters of a user's applications.
    pub(crate) fn counters_of(&self, uid: u32, slots: u64) -> std::io::Result<Rc<CounterSet>> {
        self.counters.of_user(uid, slots)
    }

    /// How many events of a trigger were lost, by tracers or here.
    pub(crate) fn discarded(&self, live: &LiveTrigger) -> u64 {
        let by_tracers = live.registered.notifier.as_ref().map_or(0, |of| self.counters.sum(of.slot));
        by_tracers + live.lost.get()
    }

    /// How often an action of a trigger failed, if it has that many.
    pub(crate) fn failures(&self, live: &LiveTrigger, action: usize) -> Option<u64> {
        live.failures.get(action).map(Cell::get)
    }
}

/// Whether the firing of that number executes an action.
pub(crate) fn executes(action: &Action, number: u64) -> bool {
    action.policy().is_some_and(|policy| policy.executes(number))
}

/// The session that an action is about.
pub(crate) fn session_of(action: &Action) -> Option<&str> {
    match action {
        Action::StartSession { session, .. }
        | Action::StopSession { session, .. }
        | Action::RotateSession { session, .. } => Some(session),
        Action::SnapshotSession(snapshot) => Some(&snapshot.session),
        Action::Notify { .. } | Action::List(_) => None,
    }
}
