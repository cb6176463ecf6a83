//! A client of the notification channel: what it subscribed to, and what waits to be sent to it.
//!
//! What waits is bounded. A client that does not listen loses notifications and is told so; nobody waits for it. Of a
//! bound that is nearly reached, nobody's events get more than is left for all others together: an application that floods
//! a client does not push out what others have to tell.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use rttng_wire::Encode;
use rttng_wire::client::{Condition, NotificationReply};
use rttng_world::run_as::Identity;
use tokio::sync::Notify;

use crate::app::AppId;

/// Bytes that may wait for one client.
const ROOM: usize = 1 << 20;

/// Subscriptions of one client.
const MOST_SUBSCRIPTIONS: usize = 1024;

/// How much is sent at once.
const CHUNK: usize = 64 << 10;

/// Where notifications come from: one application, or this daemon.
pub(crate) type Source = Option<AppId>;

/// A client of the notification channel.
#[derive(Debug)]
pub(crate) struct Subscriber {
    /// Who it is.
    pub(crate) who: Identity,
    conditions: RefCell<Vec<Condition>>,
    queue: RefCell<Queue>,
    filled: Notify,
    /// Rings when no answer waits any more.
    answered: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<(Rc<[u8]>, Kind)>,
    answers: usize,
    size: usize,
    sizes: HashMap<Source, usize>,
    /// Whether a word of lost notifications waits.
    has_dropped: bool,
}

/// What kind of message waits.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Answer,
    Notification(Source),
    Dropped,
}

/// What came of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subscription {
    /// It is new.
    Made,
    /// There is an equal one.
    Exists,
    /// There are too many.
    TooMany,
}

impl Subscriber {
    /// A client that has not subscribed to anything.
    pub(crate) fn new(who: Identity) -> Rc<Self> {
        Rc::new(Subscriber {
            who,
            conditions: RefCell::default(),
            queue: RefCell::default(),
            filled: Notify::new(),
            answered: Notify::new(),
        })
    }

    /// Notes a subscription.
    pub(crate) fn subscribe(&self, condition: &Condition) -> Subscription {
        if self.is_subscribed(condition) {
            return Subscription::Exists;
        }
        let mut conditions = self.conditions.borrow_mut();
        if conditions.len() >= MOST_SUBSCRIPTIONS {
            return Subscription::TooMany;
        }
        conditions.push(condition.clone());
        Subscription::Made
    }

    /// Ends a subscription; says whether there was one.
    pub(crate) fn unsubscribe(&self, condition: &Condition) -> bool {
        let mut conditions = self.conditions.borrow_mut();
        let before = conditions.len();
        conditions.retain(|there| !there.same_as(condition));
        conditions.len() < before
    }

    /// Whether it subscribed to an equal condition.
    pub(crate) fn is_subscribed(&self, condition: &Condition) -> bool {
        self.conditions.borrow().iter().any(|there| there.same_as(condition))
    }

    /// Sends an answer.
    pub(crate) fn answer(&self, message: &NotificationReply) {
        self.queue.borrow_mut().push(message.to_bytes().into(), Kind::Answer);
        self.filled.notify_one();
    }

    /// Waits until no answer waits to be sent.
    pub(crate) async fn answers_taken(&self) {
        while self.queue.borrow().answers > 0 {
            self.answered.notified().await;
        }
    }

    /// Sends a notification, or a word that one was lost if there is no room. Says whether it is sent.
    pub(crate) fn notify(&self, message: &Rc<[u8]>, source: Source) -> bool {
        let mut queue = self.queue.borrow_mut();
        let left = ROOM.saturating_sub(queue.size);
        let has = queue.sizes.get(&source).copied().unwrap_or(0);
        if has + message.len() > left {
            drop(queue);
            self.tell_of_loss();
            return false;
        }
        queue.push(message.clone(), Kind::Notification(source));
        self.filled.notify_one();
        true
    }

    /// Tells that a notification was lost, once until all that waits was sent.
    pub(crate) fn tell_of_loss(&self) {
        let mut queue = self.queue.borrow_mut();
        if !std::mem::replace(&mut queue.has_dropped, true) {
            queue.push(NotificationReply::NotificationDropped.to_bytes().into(), Kind::Dropped);
            self.filled.notify_one();
        }
    }

    fn take(&self) -> Option<Vec<u8>> {
        let mut queue = self.queue.borrow_mut();
        let bytes = queue.take();
        if queue.answers == 0 {
            self.answered.notify_one();
        }
        (!bytes.is_empty()).then_some(bytes)
    }

    /// The next bytes to send; waits until there are some.
    pub(crate) async fn next(&self) -> Vec<u8> {
        loop {
            match self.take() {
                Some(bytes) => return bytes,
                None => self.filled.notified().await,
            }
        }
    }
}

impl Queue {
    fn push(&mut self, message: Rc<[u8]>, kind: Kind) {
        self.size += message.len();
        match kind {
            Kind::Answer => self.answers += 1,
            Kind::Notification(source) => *self.sizes.entry(source).or_default() += message.len(),
            Kind::Dropped => {}
        }
        self.messages.push_back((message, kind));
    }

    /// Takes whole messages out, about as much as is sent at once.
    fn take(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some((message, _)) = self.messages.front()
            && (bytes.is_empty() || bytes.len() + message.len() <= CHUNK)
            && let Some((message, kind)) = self.messages.pop_front()
        {
            self.size -= message.len();
            match kind {
                Kind::Answer => self.answers -= 1,
                Kind::Notification(source) => {
                    if let Some(size) = self.sizes.get_mut(&source) {
                        *size -= message.len();
                    }
                }
                Kind::Dropped => {}
            }
            bytes.extend_from_slice(&message);
        }
        if self.messages.is_empty() {
            self.sizes.clear();
            self.has_dropped = false;
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscriber() -> Rc<Subscriber> {
        Subscriber::new(Identity::own())
    }

    /// How often a message fits.
    fn fill(of: &Subscriber, message: &Rc<[u8]>, source: Source) -> usize {
        (0..1_000_000).take_while(|_| of.notify(message, source)).count()
    }

    #[tokio::test]
    async fn what_waits_is_bounded_and_a_loss_is_told_once() {
        let client = subscriber();
        let message: Rc<[u8]> = vec![7; 1000].into();
        let sent = fill(&client, &message, Some(AppId(1)));
        assert!(sent * 1000 <= ROOM && sent * 1000 >= ROOM / 3, "{sent}");
        assert!(!client.notify(&message, Some(AppId(1))));
        let mut all = Vec::new();
        while !client.queue.borrow().messages.is_empty() {
            all.extend(client.next().await);
        }
        let dropped = NotificationReply::NotificationDropped.to_bytes();
        assert_eq!(all.len(), sent * 1000 + dropped.len());
        assert!(all.ends_with(&dropped));
        // It has caught up: it is told again.
        assert!(client.notify(&message, Some(AppId(1))));
        client.tell_of_loss();
        client.tell_of_loss();
        assert_eq!(client.next().await.len(), 1000 + dropped.len());
    }

    #[test]
    fn a_flood_leaves_room_for_others() {
        let client = subscriber();
        let message: Rc<[u8]> = vec![7; 1000].into();
        fill(&client, &message, Some(AppId(1)));
        assert!(fill(&client, &message, Some(AppId(2))) > 100);
        assert!(fill(&client, &message, None) > 100);
    }

    #[test]
    fn subscriptions_are_limited() {
        let client = subscriber();
        let condition = |threshold| Condition::SessionConsumedSize { threshold, session: "s".into() };
        for threshold in 0..MOST_SUBSCRIPTIONS as u64 {
            assert_eq!(client.subscribe(&condition(threshold)), Subscription::Made);
        }
        assert_eq!(client.subscribe(&condition(1)), Subscription::Exists);
        assert_eq!(client.subscribe(&condition(u64::MAX)), Subscription::TooMany);
        assert!(client.unsubscribe(&condition(1)) && !client.unsubscribe(&condition(1)));
        assert_eq!(client.subscribe(&condition(u64::MAX)), Subscription::Made);
    }
}
