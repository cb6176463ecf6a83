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
    pub(crate) fn query(client: &Client, trigger: &Trigger, fds: &[OwnedFd]) -> Result<Self, ControlError> {
        let ask = |target| client.trigger_errors(trigger, fds, target);
        let is_list = matches!(trigger.action, Action::List(_));
        let count = trigger.action.elements().len() as u64;
        let path = |index| if is_list { vec![index] } else { Vec::new() };
        Ok(TriggerErrors {
            trigger: ask(ErrorQueryTarget::Trigger)?,
            condition: ask(ErrorQueryTarget::Condition)?,
            actions: (0..count)
                .map(|index| ask(ErrorQueryTarget::Action { path: path(index) }))
                .collect::<Result<_, _>>()?,
        })
    }
}
