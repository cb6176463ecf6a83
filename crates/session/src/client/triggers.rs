//! Commands about triggers (`docs/spec/client-objects.md`, sections 4 and 12).

use std::rc::Rc;

use rttng_filter::{Bytecode, Capture, CaptureSource};
use rttng_wire::client::{
    Action, Answer, Condition, ErrorCode, ErrorQuery, ErrorQueryResult, ErrorQueryTarget, EventExpression,
    EventRule as WireRule, EventRuleMatches, LogLevelRule as WireLevel, Trigger, UserTracepointRule,
};
use rttng_wire::{text, ust};

use super::trigger_actions::lane_for;
use super::{Clients, Outcome, Requester};
use crate::model::{
    EventRule, Filter, LogLevelRule, NotifierRule, RegisteredTrigger, RuleId, RuleOrigin, TriggerRefusal,
};
use crate::trigger::LiveTrigger;

impl Clients {
    pub(super) async fn register_trigger(
        self: &Rc<Self>,
        mut trigger: Trigger,
        anonymous: bool,
        who: Requester,
    ) -> Outcome {
        if !may_own(who, &trigger) {
            return Err(ErrorCode::InvalidTrigger);
        }
        // Hidden ones are the daemon's own.
        trigger.is_hidden = false;
        let notifier = notifier_of(&trigger.condition)?;
        if let Some(why) = unsupported(&trigger) {
            tracing::warn!(trigger = trigger.name, "refused a trigger: this daemon has no {why}");
            return Err(ErrorCode::NotSupported);
        }
        let registered = self.model.edit(|model| {
            if trigger.name.is_none() && !anonymous {
                trigger.name = Some(model.triggers_mut().fresh_name(trigger.owner_uid));
            }
            let id = RuleId(model.fresh_object());
            let notifier = notifier.map(|made| {
                move |slot| NotifierRule {
                    rule: EventRule { id, ..made.rule },
                    captures: made.captures,
                    slot,
                }
            });
            let registered =
                model.triggers_mut().add(trigger, notifier).map_err(|refusal| match refusal {
                    TriggerRefusal::Exists => ErrorCode::TriggerExists,
                    TriggerRefusal::NoSlot => ErrorCode::EventNotifierErrorAccountingFull,
                    TriggerRefusal::TooMany => ErrorCode::Nomem,
                })?;
            // Before an application can tell of it.
            self.engine.core().triggers.begin(&registered, lane_for(self, &registered));
            Ok::<_, ErrorCode>(registered)
        })?;
        let core = self.engine.core();
        if let Some(occurrence) = core.occurs_now(&registered.trigger.condition)
            && let Some(live) = core.triggers.get(registered.id)
        {
            core.fire(&live, occurrence);
        }
        if registered.notifier.is_some() {
            self.engine.settle().await;
        }
        Ok(Answer::TriggerRegistered(Box::new(registered.trigger.clone())))
    }

    pub(super) async fn unregister_trigger(&self, trigger: &Trigger, who: Requester) -> Outcome {
        if !may_own(who, trigger) {
            return Err(ErrorCode::InvalidTrigger);
        }
        let removed = self.model.edit(|model| {
            let id = model.triggers().same_as(trigger).ok_or(ErrorCode::TriggerNotFound)?.id;
            model.triggers_mut().remove(id).ok_or(ErrorCode::TriggerNotFound)
        })?;
        self.engine.core().triggers.end(removed.id);
        if removed.notifier.is_some() {
            self.engine.settle().await;
        }
        Ok(Answer::Done)
    }

    pub(super) fn list_triggers(&self, who: Requester) -> Outcome {
        let sees = |there: &&Rc<RegisteredTrigger>| !there.trigger.is_hidden && may_own(who, &there.trigger);
        Ok(Answer::Triggers(
            self.model.read(|model| {
                model.triggers().all().filter(sees).map(|there| there.trigger.clone()).collect()
            }),
        ))
    }

    pub(super) fn execute_error_query(&self, query: &ErrorQuery, who: Requester) -> Outcome {
        let found = self.model.read(|model| model.triggers().same_as(&query.trigger).map(|there| there.id));
        let triggers = &self.engine.core().triggers;
        let live = found.and_then(|id| triggers.get(id)).ok_or(ErrorCode::TriggerNotFound)?;
        if !may_own(who, live.trigger()) {
            return Err(ErrorCode::InvalidTrigger);
        }
        let results = match &query.target {
            ErrorQueryTarget::Trigger => Vec::new(),
            ErrorQueryTarget::Condition => match live.trigger().condition {
                Condition::EventRuleMatches(_) => vec![discarded(triggers.discarded(&live))],
                _ => Vec::new(),
            },
            ErrorQueryTarget::Action { path } => {
                actions_at(&live, path)?.map(|at| failed(triggers.failures(&live, at).unwrap_or(0))).collect()
            }
        };
        Ok(Answer::ErrorQueryResults(results))
    }
}

/// Whether who asks may have and see a trigger of that owner.
fn may_own(who: Requester, trigger: &Trigger) -> bool {
    who.identity.uid == 0 || who.identity.uid == trigger.owner_uid
}

/// The actions that a path leads to, by their place among the trigger's actions: all of a list that is named itself.
fn actions_at(live: &LiveTrigger, path: &[u64]) -> Result<std::ops::Range<usize>, ErrorCode> {
    let count = live.trigger().action.elements().len();
    match (&live.trigger().action, path) {
        (_, []) => Ok(0..count),
        (Action::List(_), [at]) => match usize::try_from(*at) {
            Ok(at) if at < count => Ok(at..at + 1),
            _ => Err(ErrorCode::InvalidProtocol),
        },
        _ => Err(ErrorCode::InvalidProtocol),
    }
}

fn discarded(value: u64) -> ErrorQueryResult {
    ErrorQueryResult {
        name: "discarded tracer messages".into(),
        description:
            "Count of messages discarded by the tracer due to a communication error with the session daemon"
                .into(),
        value,
    }
}

fn failed(value: u64) -> ErrorQueryResult {
    ErrorQueryResult {
        name: "total execution failures".into(),
        description: "Aggregated count of errors encountered when executing the action".into(),
        value,
    }
}

/// What of a trigger this daemon cannot do, if anything.
fn unsupported(trigger: &Trigger) -> Option<&'static str> {
    match trigger.condition {
        Condition::SessionRotationOngoing { .. } | Condition::SessionRotationCompleted { .. } => {
            return Some("rotations");
        }
        Condition::SessionConsumedSize { .. }
        | Condition::BufferUsageHigh(_)
        | Condition::BufferUsageLow(_)
        | Condition::EventRuleMatches(_) => {}
    }
    trigger.action.elements().iter().find_map(|action| match action {
        Action::RotateSession { .. } => Some("rotations"),
        Action::SnapshotSession(_) => Some("snapshots"),
        Action::Notify { .. }
        | Action::StartSession { .. }
        | Action::StopSession { .. }
        | Action::List(_) => None,
    })
}

/// What applications are told of a condition, if it waits for events of theirs.
fn notifier_of(condition: &Condition) -> Result<Option<Made>, ErrorCode> {
    let Condition::EventRuleMatches(matches) = condition else { return Ok(None) };
    let EventRuleMatches { rule: WireRule::UserTracepoint(rule), captures } = matches else {
        // The domain that a request names is checked before; this one names another than its rule has.
        return Err(ErrorCode::NotSupported);
    };
    let rule = rule_of(rule)?;
    let captures = (0..).zip(captures).map(|(place, of)| compiled_capture(of, place));
    Ok(Some(Made { rule, captures: captures.collect::<Result<_, _>>()? }))
}

/// What is made of a condition before it has its place.
struct Made {
    rule: EventRule,
    captures: Vec<ust::Bytecode>,
}

fn rule_of(of: &UserTracepointRule) -> Result<EventRule, ErrorCode> {
    let filter = match &of.filter {
        None => None,
        Some(expression) => Some(Rc::new(compiled_filter(expression)?)),
    };
    Ok(EventRule {
        id: RuleId(0),
        name: of.pattern.clone(),
        log_level: match of.log_level {
            None => LogLevelRule::Any,
            Some(WireLevel::Exactly(level)) => LogLevelRule::Exactly(level),
            Some(WireLevel::AtLeastAsSevereAs(level)) => LogLevelRule::AtLeast(level),
        },
        filter,
        exclusions: of.exclusions.clone(),
        enabled: true,
        origin: RuleOrigin::Client,
    })
}

fn compiled_filter(expression: &str) -> Result<Filter, ErrorCode> {
    let refuse = |why: &dyn std::fmt::Display| {
        tracing::info!(expression, %why, "refused a trigger's filter");
        ErrorCode::FilterInval
    };
    let code = rttng_filter::compile_bytes(&text::to_bytes(expression)).map_err(|why| refuse(&why))?;
    code.validate_for_applications().map_err(|why| refuse(&why))?;
    let reloc_offset = code.relocation_offset();
    Ok(Filter { expression: expression.to_owned(), data: code.data().to_vec(), reloc_offset })
}

fn compiled_capture(of: &EventExpression, place: u64) -> Result<ust::Bytecode, ErrorCode> {
    let refuse = |why: &dyn std::fmt::Display| {
        tracing::info!(capture = %of, %why, "refused a trigger's capture");
        ErrorCode::InvalidCaptureExpression
    };
    let (of, index) = match of {
        EventExpression::ArrayElement { index, array } => (&**array, Some(*index)),
        whole => (whole, None),
    };
    let source = match of {
        EventExpression::PayloadField(name) => CaptureSource::Payload(name.clone()),
        EventExpression::ContextField(name) => CaptureSource::Context(name.clone()),
        EventExpression::AppContextField { provider, name } => {
            CaptureSource::AppContext { provider: provider.clone(), name: name.clone() }
        }
        EventExpression::ArrayElement { .. } => return Err(refuse(&"an element of an element")),
    };
    let code: Bytecode = Capture { source, index }.compile(place).map_err(|why| refuse(&why))?;
    let (data, relocations_at) = (code.data().into(), code.relocation_offset());
    ust::Bytecode::new(data, relocations_at, place).map_err(|why| refuse(&why))
}
