//! Triggers on the command line: conditions and actions as words, and triggers as text and as elements.

pub(crate) mod action;
pub(crate) mod condition;
pub(crate) mod human;
pub(crate) mod machine;

use rttng_control::{Client, ControlError};
use rttng_wire::client::{Action, ErrorQueryResult, ErrorQueryTarget, Trigger};
use std::os::fd::OwnedFd;

/// What went wrong with a trigger since it was registered.
pub(crate) struct TriggerErrors {
    pub(crate) trigger: Vec<ErrorQueryResult>,
    pub(crate) condition: Vec<ErrorQueryResult>,
    /// One for each action, in order.
    pub(crate) actions: Vec<Vec<ErrorQueryResult>>,
}

impl TriggerErrors {
    /// Asks for the errors of all parts of a trigger.
    ///
    /// An action that is in no list is addressed by an empty path, which ends the real session daemon and its client
    /// (`docs/spec/client-objects.md`, section 12.1): its errors are not asked for. Notifying, which programs register
    /// that way, counts none.
    pub(crate) fn query(client: &Client, trigger: &Trigger, fds: &[OwnedFd]) -> Result<Self, ControlError> {
        let ask = |target| client.trigger_errors(trigger, fds, target);
        let actions = match &trigger.action {
            Action::List(actions) => (0..actions.len() as u64)
                .map(|index| ask(ErrorQueryTarget::Action { path: vec![index] }))
                .collect::<Result<_, _>>()?,
            _ => vec![Vec::new()],
        };
        Ok(TriggerErrors {
            trigger: ask(ErrorQueryTarget::Trigger)?,
            condition: ask(ErrorQueryTarget::Condition)?,
            actions,
        })
    }
}
