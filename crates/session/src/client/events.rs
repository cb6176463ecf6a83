//! Commands about event rules (`docs/spec/client-protocol.md`, sections 7.10, 7.11, 7.13).

use std::rc::Rc;

use rttng_filter::Bytecode;
use rttng_wire::client::event::FilterBytecode;
use rttng_wire::client::{
    Answer, Domain, DomainType, ErrorCode, Event, EventKind, Filter as WireFilter, LogLevelSelection,
    LogLevelType,
};

use super::channels::{DEFAULT_CHANNEL, make_default_channel};
use super::{Clients, Outcome};
use crate::model::{EventRule, Filter, LogLevelRule, Model, RuleId, RuleOrigin, SessionId};

/// Names that belong to the agent domains.
const AGENT_PREFIXES: [&str; 3] = ["lttng_jul", "lttng_log4j", "lttng_python"];

impl Clients {
    pub(super) async fn enable_event(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        channel: &str,
        event: Event,
    ) -> Outcome {
        let domain = domain.filter(|domain| domain.kind == DomainType::Ust).ok_or(ErrorCode::Und)?;
        let page_size = self.page_size;
        self.model.edit(|model| enable_event(model, id, domain, channel, event, page_size))?;
        self.engine.settle().await;
        Ok(Answer::Done)
    }

    pub(super) async fn disable_event(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        channel: &str,
        event: Event,
    ) -> Outcome {
        if domain.is_none_or(|domain| domain.kind != DomainType::Ust) {
            return Err(ErrorCode::Und);
        }
        let plain = event.kind == EventKind::All
            && event.log_level == LogLevelSelection { kind: LogLevelType::All, level: -1 }
            && event.enabled == Some(false)
            && event.pid == 0;
        if !plain {
            return Err(ErrorCode::Unk);
        }
        self.model.edit(|model| disable_event(model, id, channel, &event.name))?;
        self.engine.settle().await;
        Ok(Answer::Done)
    }

    pub(super) fn list_events(&self, id: SessionId, domain: Option<Domain>, channel: &str) -> Outcome {
        match domain.map(|domain| domain.kind) {
            Some(DomainType::Ust) => {}
            _ => return Err(ErrorCode::Und),
        }
        self.model.read(|model| {
            let ust = model.session(id).and_then(|session| session.ust.as_ref());
            let channel = ust.and_then(|ust| ust.channel_named(channel)).ok_or(ErrorCode::UstChanNotFound)?;
            let listed = channel.rules.iter().filter(|rule| rule.origin == RuleOrigin::Client).map(to_wire);
            Ok(Answer::Events(listed.collect()))
        })
    }
}

fn enable_event(
    model: &mut Model,
    id: SessionId,
    domain: Domain,
    channel: &str,
    event: Event,
    page_size: u64,
) -> Result<(), ErrorCode> {
    let channel = channel_for_events(model, id, channel)?;
    let there = |model: &Model| {
        let ust = model.session(id).and_then(|session| session.ust.as_ref());
        ust.is_some_and(|ust| ust.channel_named(&channel).is_some())
    };
    if !there(model) {
        make_default_channel(model, id, domain, &channel, page_size)?;
    }
    let rule = rule_of(RuleId(model.fresh_object()), event)?;
    let ust =
        model.session_mut(id).and_then(|session| session.ust.as_mut()).ok_or(ErrorCode::SessNotFound)?;
    let channel = ust.channel_named_mut(&channel).ok_or(ErrorCode::UstChanNotFound)?;
    if channel.agent {
        return Err(ErrorCode::InvalidChannelDomain);
    }
    match channel.rules.iter_mut().find(|there| there.is_same_rule(&rule)) {
        Some(there) if there.enabled => Err(ErrorCode::UstEventEnabled),
        Some(there) => {
            there.enabled = true;
            Ok(())
        }
        None => {
            channel.rules.push(rule);
            Ok(())
        }
    }
}

/// The channel that a request means: an empty name stands for the default one, unless a client made another.
fn channel_for_events(model: &Model, id: SessionId, name: &str) -> Result<String, ErrorCode> {
    if !name.is_empty() {
        return Ok(name.to_owned());
    }
    let ust = model.session(id).and_then(|session| session.ust.as_ref());
    let has_other = ust.is_some_and(|ust| {
        ust.channels.iter().any(|channel| channel.name != DEFAULT_CHANNEL && !channel.agent)
    });
    match has_other {
        true => Err(ErrorCode::NeedChannelName),
        false => Ok(DEFAULT_CHANNEL.into()),
    }
}

fn disable_event(model: &mut Model, id: SessionId, channel: &str, name: &str) -> Result<(), ErrorCode> {
    let channel = channel_for_events(model, id, channel)?;
    let ust = model.session_mut(id).and_then(|session| session.ust.as_mut()).ok_or(ErrorCode::NoChannel)?;
    let channel = ust.channel_named_mut(&channel).ok_or(ErrorCode::UstChanNotFound)?;
    let mut found = name.is_empty();
    for rule in channel.rules.iter_mut().filter(|rule| name.is_empty() || rule.name == name) {
        rule.enabled = false;
        found = true;
    }
    match found {
        true => Ok(()),
        false => Err(ErrorCode::UstEventNotFound),
    }
}

fn rule_of(id: RuleId, event: Event) -> Result<EventRule, ErrorCode> {
    if AGENT_PREFIXES.iter().any(|prefix| event.name.starts_with(prefix)) {
        return Err(ErrorCode::InvalidEventName);
    }
    // In user space every kind of instrumentation that LTTng takes means a tracepoint.
    let is_tracepoint = matches!(
        event.kind,
        EventKind::Tracepoint
            | EventKind::Probe(_)
            | EventKind::Function(_)
            | EventKind::FunctionEntry { .. }
    );
    if !is_tracepoint {
        return Err(ErrorCode::Invalid);
    }
    let exclusions: Vec<String> = event.exclusions.iter().map(|name| fold_stars(name)).collect();
    for (at, exclusion) in exclusions.iter().enumerate() {
        if exclusions[..at].contains(exclusion) {
            return Err(ErrorCode::Invalid);
        }
    }
    let filter = match event.filter {
        None => None,
        Some(WireFilter { expression, bytecode: Some(code) }) => {
            check_filter(&event.name, &code)?;
            Some(Rc::new(Filter { expression, data: code.data, reloc_offset: code.reloc_table_offset }))
        }
        Some(WireFilter { bytecode: None, .. }) => return Err(ErrorCode::FilterInval),
    };
    Ok(EventRule {
        id,
        name: fold_stars(&event.name),
        log_level: match event.log_level.kind {
            LogLevelType::All => LogLevelRule::Any,
            LogLevelType::Range => LogLevelRule::AtLeast(event.log_level.level),
            LogLevelType::Single => LogLevelRule::Exactly(event.log_level.level),
        },
        filter,
        exclusions,
        enabled: true,
        origin: RuleOrigin::Client,
    })
}

/// Refuses bytecode that must not reach an application: with 9 or 10 values on the stack liblttng-ust 2.13.5 ends the
/// program that it is in (`docs/spec/filter.md`, section 8.2). The real daemon hands on whatever it is given.
fn check_filter(name: &str, code: &FilterBytecode) -> Result<(), ErrorCode> {
    let refuse = |why: &dyn std::fmt::Display| {
        tracing::warn!(event = name, %why, "refused a filter");
        ErrorCode::FilterInval
    };
    let code = Bytecode::from_parts(code.data.clone(), code.reloc_table_offset, code.seqnum);
    code.map_err(|why| refuse(&why))?.validate_for_applications().map_err(|why| refuse(&why))
}

/// Runs of `*` mean the same as one.
fn fold_stars(pattern: &str) -> String {
    // Only stars go, so what was UTF-8 stays so.
    String::from_utf8_lossy(&rttng_filter::pattern::collapse_stars(pattern.as_bytes())).into_owned()
}

fn to_wire(rule: &EventRule) -> Event {
    let (kind, level) = match rule.log_level {
        LogLevelRule::Any => (LogLevelType::All, -1),
        LogLevelRule::AtLeast(level) => (LogLevelType::Range, level),
        LogLevelRule::Exactly(level) => (LogLevelType::Single, level),
    };
    Event {
        log_level: LogLevelSelection { kind, level },
        enabled: Some(rule.enabled),
        exclusions: rule.exclusions.clone(),
        filter: rule
            .filter
            .as_ref()
            .map(|filter| WireFilter { expression: filter.expression.clone(), bytecode: None }),
        ..Event::new(rule.name.clone(), EventKind::Tracepoint)
    }
}
