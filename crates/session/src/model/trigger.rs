//! Triggers: what clients want to happen when something else does (`docs/spec/client-objects.md`, sections 3 and 4).
//!
//! A trigger has no number of its own in the protocol: the whole object is its identity, so it is kept as clients give it.
//! The number here is the token that notifications of applications carry.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rttng_wire::client::Trigger;
use rttng_wire::client::defaults::TRIGGER_NAME;

use super::EventRule;

/// Names a trigger inside one daemon; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TriggerId(pub u64);

/// Triggers whose errors can be counted, unless the daemon was told otherwise.
pub const DEFAULT_ERROR_SLOTS: u64 = 4096;

/// Triggers in all; those that wait for events are limited by the slots for their errors besides.
const MOST_TRIGGERS: usize = 1 << 14;

/// A trigger that a client registered.
#[derive(Debug)]
pub struct RegisteredTrigger {
    /// Its number.
    pub id: TriggerId,
    /// The trigger itself.
    pub trigger: Trigger,
    /// What applications are told, if it waits for events of theirs.
    pub notifier: Option<NotifierRule>,
}

/// What applications are told of a trigger.
#[derive(Debug, Clone)]
pub struct NotifierRule {
    /// Which events.
    pub rule: EventRule,
    /// What is captured of each: programs in order, each with its place in that order.
    pub captures: Vec<rttng_wire::ust::Bytecode>,
    /// Which element of the error counters counts notifications that were lost.
    pub slot: u64,
}

/// Why a trigger is not registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerRefusal {
    /// One of its name, or one that is the same, is there.
    Exists,
    /// No slot for its errors is left.
    NoSlot,
    /// There are too many.
    TooMany,
}

/// All triggers.
#[derive(Debug, Clone)]
pub struct Triggers {
    all: BTreeMap<TriggerId, Rc<RegisteredTrigger>>,
    slots: u64,
    taken: BTreeSet<u64>,
    next: u64,
    names: u64,
}

impl Default for Triggers {
    fn default() -> Self {
        Triggers {
            all: BTreeMap::new(),
            slots: DEFAULT_ERROR_SLOTS,
            taken: BTreeSet::new(),
            next: 0,
            names: 0,
        }
    }
}

impl Triggers {
    /// How many triggers' errors can be counted.
    pub fn slots(&self) -> u64 {
        self.slots
    }

    /// Changes how many triggers' errors can be counted; before any is registered.
    pub fn set_slots(&mut self, slots: u64) {
        debug_assert!(self.all.is_empty(), "applications have been told of the slots");
        self.slots = slots;
    }

    /// All of them, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Rc<RegisteredTrigger>> {
        self.all.values()
    }

    /// The one of that number.
    pub fn get(&self, id: TriggerId) -> Option<&Rc<RegisteredTrigger>> {
        self.all.get(&id)
    }

    /// The one that is the same.
    pub fn same_as(&self, trigger: &Trigger) -> Option<&Rc<RegisteredTrigger>> {
        self.all.values().find(|there| there.trigger.same_as(trigger))
    }

    /// A name that no trigger of that user has. Names that were given once are not given again.
    pub fn fresh_name(&mut self, uid: u32) -> String {
        loop {
            let name = format!("{TRIGGER_NAME}{}", self.names);
            self.names += 1;
            if !self.has_name(&name, uid) {
                return name;
            }
        }
    }

    fn has_name(&self, name: &str, uid: u32) -> bool {
        let mut of_user = self.all.values().filter(|there| there.trigger.owner_uid == uid);
        of_user.any(|there| there.trigger.name.as_deref() == Some(name))
    }

    /// Adds one. `notifier` makes what applications are told of it, given the slot for its errors.
    ///
    /// # Errors
    /// See [`TriggerRefusal`].
    pub fn add(
        &mut self,
        trigger: Trigger,
        notifier: Option<impl FnOnce(u64) -> NotifierRule>,
    ) -> Result<Rc<RegisteredTrigger>, TriggerRefusal> {
        let name_is_taken = trigger.name.as_ref().is_some_and(|name| self.has_name(name, trigger.owner_uid));
        if name_is_taken || self.same_as(&trigger).is_some() {
            return Err(TriggerRefusal::Exists);
        }
        if self.all.len() >= MOST_TRIGGERS {
            return Err(TriggerRefusal::TooMany);
        }
        let notifier = match notifier {
            None => None,
            Some(make) => {
                let free = (0..self.slots).find(|slot| !self.taken.contains(slot));
                let slot = free.ok_or(TriggerRefusal::NoSlot)?;
                self.taken.insert(slot);
                Some(make(slot))
            }
        };
        self.next += 1;
        let id = TriggerId(self.next);
        let registered = Rc::new(RegisteredTrigger { id, trigger, notifier });
        self.all.insert(id, Rc::clone(&registered));
        Ok(registered)
    }

    /// Removes one.
    pub fn remove(&mut self, id: TriggerId) -> Option<Rc<RegisteredTrigger>> {
        let removed = self.all.remove(&id)?;
        if let Some(notifier) = &removed.notifier {
            self.taken.remove(&notifier.slot);
        }
        Some(removed)
    }
}

#[cfg(test)]
mod tests {
    use rttng_wire::client::{Action, Condition, RatePolicy};

    use super::*;
    use crate::model::{LogLevelRule, RuleId, RuleOrigin};

    fn trigger(name: Option<&str>, uid: u32, threshold: u64) -> Trigger {
        Trigger {
            name: name.map(str::to_owned),
            owner_uid: uid,
            is_hidden: false,
            condition: Condition::SessionConsumedSize { threshold, session: "s".into() },
            action: Action::Notify { policy: RatePolicy::default() },
        }
    }

    type NoNotifier = fn(u64) -> NotifierRule;
    const PLAIN: Option<NoNotifier> = None;

    fn notifier(slot: u64) -> NotifierRule {
        let rule = EventRule {
            id: RuleId(0),
            name: "*".into(),
            log_level: LogLevelRule::Any,
            filter: None,
            exclusions: Vec::new(),
            enabled: true,
            origin: RuleOrigin::Client,
        };
        NotifierRule { rule, captures: Vec::new(), slot }
    }

    #[test]
    fn names_are_one_user_s_own_and_given_once() {
        let mut triggers = Triggers::default();
        triggers.add(trigger(Some("trigger1"), 7, 1), PLAIN).unwrap();
        assert_eq!(triggers.fresh_name(7), "trigger0");
        assert_eq!(triggers.fresh_name(7), "trigger2");
        assert_eq!(triggers.fresh_name(8), "trigger3");
        assert_eq!(triggers.add(trigger(Some("trigger1"), 7, 2), PLAIN).unwrap_err(), TriggerRefusal::Exists);
        triggers.add(trigger(Some("trigger1"), 8, 2), PLAIN).unwrap();
    }

    #[test]
    fn equal_ones_without_a_name_are_refused() {
        let mut triggers = Triggers::default();
        triggers.add(trigger(None, 7, 1), PLAIN).unwrap();
        triggers.add(trigger(None, 7, 2), PLAIN).unwrap();
        triggers.add(trigger(Some("a"), 7, 1), PLAIN).unwrap();
        triggers.add(trigger(Some("b"), 7, 1), PLAIN).unwrap();
        assert_eq!(triggers.add(trigger(None, 7, 1), PLAIN).unwrap_err(), TriggerRefusal::Exists);
    }

    #[test]
    fn slots_are_given_back() {
        let mut triggers = Triggers::default();
        triggers.set_slots(2);
        let first = triggers.add(trigger(Some("a"), 0, 1), Some(notifier)).unwrap();
        triggers.add(trigger(Some("b"), 0, 1), Some(notifier)).unwrap();
        assert_eq!(
            triggers.add(trigger(Some("c"), 0, 1), Some(notifier)).unwrap_err(),
            TriggerRefusal::NoSlot
        );
        triggers.remove(first.id).unwrap();
        let again = triggers.add(trigger(Some("c"), 0, 1), Some(notifier)).unwrap();
        assert_eq!(again.notifier.as_ref().unwrap().slot, 0);
        assert_ne!(again.id, first.id);
    }
}
