//! What one application has of triggers: its event notifiers, and the next command that brings it closer to what the model
//! wants (`docs/spec/ust-protocol.md`, sections 11 and 12).
//!
//! As in [`super::has`], nothing here waits or sends. An application that no trigger concerns is asked nothing, so it costs
//! no pipe.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rttng_wire::ust::{Answer, Command, EventNotifier, Exclusions, ObjectHandle, Request, Token};

use super::command::{Call, Outcome};
use super::has::{Object, event_of, filter_of};
use crate::model::{NotifierRule, RegisteredTrigger, TriggerId};
use crate::trigger::CounterSet;

/// What an application has of triggers.
#[derive(Debug, Default)]
pub(super) struct AppNotifiers {
    group: Option<Object>,
    counter: Option<Object>,
    /// How many CPUs' memory it was given.
    cpus: usize,
    notifiers: BTreeMap<TriggerId, AppNotifier>,
}

/// What an application's notifiers need beside what they are told of the triggers.
#[derive(Debug)]
pub(super) struct Resources {
    /// The end of the pipe into which it writes, until it has it.
    pub(super) pipe: Option<OwnedFd>,
    /// Its user's counters; without them losses are not counted.
    pub(super) counters: Option<Rc<CounterSet>>,
}

#[derive(Debug)]
struct AppNotifier {
    object: Object,
    has_filter: bool,
    has_exclusions: bool,
    captures: usize,
    /// Whether the application refused a part: it would tell of too much or in the wrong order, so it stays off.
    spoiled: bool,
    enabled: bool,
}

/// What a command is about, to take in its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Group,
    Counter,
    Cpu(usize),
    Make(TriggerId),
    Filter(TriggerId),
    Exclusion(TriggerId),
    Capture(TriggerId),
    Switch(TriggerId, bool),
    Release(TriggerId),
}

/// A command, and what it is about.
#[derive(Debug)]
pub(super) struct Step {
    subject: Subject,
    pub(super) request: Request,
}

impl Step {
    /// The command with its descriptor.
    pub(super) fn call<'a>(&'a self, resources: &'a Resources) -> Call<'a> {
        let descriptor = match self.subject {
            Subject::Group => resources.pipe.as_ref(),
            Subject::Cpu(cpu) => resources.counters.as_ref().and_then(|set| set.descriptor(cpu)),
            _ => None,
        };
        Call { request: &self.request, descriptors: descriptor.into_iter().collect() }
    }
}

impl AppNotifiers {
    /// Whether it was asked to have notifiers, and whether it can.
    pub(super) fn is_able(&self) -> Option<bool> {
        self.group.map(|group| matches!(group, Object::Made(_)))
    }

    /// Whether it has none.
    pub(super) fn is_empty(&self) -> bool {
        self.notifiers.is_empty()
    }

    /// The next command towards having a notifier for each of these triggers and no other.
    pub(super) fn next(
        &self,
        wanted: &BTreeMap<TriggerId, Rc<RegisteredTrigger>>,
        resources: &Resources,
    ) -> Option<Step> {
        for (id, has) in &self.notifiers {
            if !wanted.contains_key(id) {
                return Some(has.release(*id));
            }
        }
        if wanted.is_empty() {
            return None;
        }
        let step = |subject, handle, command| Some(Step { subject, request: Request { handle, command } });
        let group = match self.group {
            None => return step(Subject::Group, ObjectHandle::ROOT, Command::EventNotifierGroupCreate),
            Some(Object::Refused) => return None,
            Some(Object::Made(group)) => group,
        };
        if let Some(counters) = &resources.counters {
            match self.counter {
                None => return step(Subject::Counter, group, Command::Counter(counters.shape().clone())),
                Some(Object::Made(counter)) if self.cpus < counters.cpus() => {
                    let (cpu, shm_len) = (self.cpus as u32, counters.shm_len());
                    return step(Subject::Cpu(self.cpus), counter, Command::CounterCpu { shm_len, cpu });
                }
                Some(_) => {}
            }
        }
        wanted.iter().find_map(|(id, trigger)| {
            let rule = trigger.notifier.as_ref()?;
            match self.notifiers.get(id) {
                Some(has) => has.next(*id, rule),
                None => {
                    let notifier = EventNotifier {
                        rule: event_of(&rule.rule, Token(id.0)),
                        error_counter_index: rule.slot,
                    };
                    step(Subject::Make(*id), group, Command::EventNotifierCreate(notifier))
                }
            }
        })
    }

    /// Takes in what came of a command.
    pub(super) fn apply(&mut self, step: &Step, outcome: &Outcome) {
        if let Err(Some(refusal)) = outcome {
            tracing::debug!(%refusal, "an application refuses");
        }
        let good = outcome.is_ok();
        let object = match outcome {
            Ok(Answer::Handle(handle)) => Object::Made(*handle),
            _ => Object::Refused,
        };
        let mut with = |id: TriggerId, change: &dyn Fn(&mut AppNotifier)| {
            if let Some(has) = self.notifiers.get_mut(&id) {
                change(has);
            }
        };
        match step.subject {
            Subject::Group => self.group = Some(object),
            Subject::Counter => self.counter = Some(object),
            Subject::Cpu(cpu) => self.cpus = cpu + 1,
            Subject::Make(id) => {
                self.notifiers.insert(
                    id,
                    AppNotifier {
                        object,
                        has_filter: false,
                        has_exclusions: false,
                        captures: 0,
                        spoiled: false,
                        enabled: false,
                    },
                );
            }
            Subject::Filter(id) => with(id, &|has| {
                has.has_filter = true;
                has.spoiled |= !good;
            }),
            Subject::Exclusion(id) => with(id, &|has| {
                has.has_exclusions = true;
                has.spoiled |= !good;
            }),
            Subject::Capture(id) => with(id, &|has| {
                has.captures += 1;
                has.spoiled |= !good;
            }),
            Subject::Switch(id, on) => with(id, &|has| {
                has.enabled = on;
                // What cannot be switched on is not tried again.
                has.spoiled |= !good;
            }),
            Subject::Release(id) => {
                self.notifiers.remove(&id);
            }
        }
    }
}

impl AppNotifier {
    fn next(&self, id: TriggerId, want: &NotifierRule) -> Option<Step> {
        let Object::Made(handle) = self.object else { return None };
        let step = |subject, command| Some(Step { subject, request: Request { handle, command } });
        if self.spoiled {
            return None;
        }
        if !self.has_filter
            && let Some(filter) = filter_of(&want.rule)
        {
            return step(Subject::Filter(id), Command::Filter(filter));
        }
        // An empty list is never answered (section 4.4).
        if !self.has_exclusions
            && let Some(names) = Exclusions::new(want.rule.exclusions.clone())
        {
            return step(Subject::Exclusion(id), Command::Exclusion(names));
        }
        if let Some(capture) = want.captures.get(self.captures) {
            return step(Subject::Capture(id), Command::Capture(capture.clone()));
        }
        if self.enabled { None } else { step(Subject::Switch(id, true), Command::Enable) }
    }

    /// What lets go of it: switched off first, because an application that only releases it goes on telling (section
    /// 5.2).
    fn release(&self, id: TriggerId) -> Step {
        let (subject, request) = match self.object {
            Object::Made(handle) if self.enabled => {
                (Subject::Switch(id, false), Request { handle, command: Command::Disable })
            }
            Object::Made(handle) => (Subject::Release(id), Request { handle, command: Command::Release }),
            // Nothing to send for it; a harmless command on the root stands for the step.
            Object::Refused => (Subject::Release(id), Request::root(Command::WaitQuiescent)),
        };
        Step { subject, request }
    }
}
