//! Adding context fields (`docs/spec/client-protocol.md`, section 7.12).

use rttng_wire::client::{Answer, Context, ContextType, Domain, DomainType, ErrorCode, PerfScope};

use super::channels::{DEFAULT_CHANNEL, make_default_channel};
use super::{Clients, Outcome};
use crate::model::{ContextKind, Model, PerfCounter, SessionId};

impl Clients {
    pub(super) fn add_context(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        channel: &str,
        context: Context,
    ) -> Outcome {
        if self.model.read(|model| model.session(id).is_some_and(|session| session.started_once)) {
            return Err(ErrorCode::TraceAlreadyStarted);
        }
        let domain = domain.filter(|domain| domain.kind == DomainType::Ust).ok_or(ErrorCode::Und)?;
        let page_size = self.page_size;
        self.model.edit(|model| add_context(model, id, domain, channel, context, page_size))?;
        Ok(Answer::Done)
    }
}

fn add_context(
    model: &mut Model,
    id: SessionId,
    domain: Domain,
    name: &str,
    context: Context,
    page_size: u64,
) -> Result<(), ErrorCode> {
    let has_channel = model
        .session(id)
        .and_then(|session| session.ust.as_ref())
        .is_some_and(|ust| !ust.channels.is_empty());
    if !has_channel {
        make_default_channel(model, id, domain, DEFAULT_CHANNEL, page_size)?;
    }
    let ust =
        model.session_mut(id).and_then(|session| session.ust.as_mut()).ok_or(ErrorCode::SessNotFound)?;
    let mut channels: Vec<_> =
        ust.channels.iter_mut().filter(|channel| name.is_empty() || channel.name == name).collect();
    if channels.is_empty() {
        return Err(ErrorCode::UstChanNotFound);
    }
    let kind = kind_of(context)?;
    // Nothing is added to any channel when one of them has it already.
    if channels.iter().any(|channel| channel.contexts.iter().any(|there| is_same_field(there, &kind))) {
        return Err(ErrorCode::UstContextExist);
    }
    for channel in &mut channels {
        channel.contexts.push(kind.clone());
    }
    Ok(())
}

/// Two perf counters with one name would be one field twice.
fn is_same_field(one: &ContextKind, other: &ContextKind) -> bool {
    match (one, other) {
        (ContextKind::Perf(one), ContextKind::Perf(other)) => one.name == other.name,
        _ => one == other,
    }
}

fn kind_of(context: Context) -> Result<ContextKind, ErrorCode> {
    Ok(match context {
        Context::App { provider, name } => ContextKind::Application { provider, name },
        Context::Perf(counter) if counter.scope == PerfScope::Thread => ContextKind::Perf(PerfCounter {
            kind: counter.perf_type,
            config: counter.config,
            name: counter.name,
        }),
        Context::Perf(_) => return Err(ErrorCode::UstContextInval),
        Context::Builtin(field) => match field {
            ContextType::Vtid => ContextKind::Vtid,
            ContextType::Vpid => ContextKind::Vpid,
            ContextType::PthreadId => ContextKind::PthreadId,
            ContextType::Procname => ContextKind::Procname,
            ContextType::Ip => ContextKind::Ip,
            ContextType::CgroupNs => ContextKind::CgroupNs,
            ContextType::IpcNs => ContextKind::IpcNs,
            ContextType::MntNs => ContextKind::MntNs,
            ContextType::NetNs => ContextKind::NetNs,
            ContextType::PidNs => ContextKind::PidNs,
            ContextType::UserNs => ContextKind::UserNs,
            ContextType::UtsNs => ContextKind::UtsNs,
            ContextType::TimeNs => ContextKind::TimeNs,
            ContextType::Vuid => ContextKind::Vuid,
            ContextType::Veuid => ContextKind::Veuid,
            ContextType::Vsuid => ContextKind::Vsuid,
            ContextType::Vgid => ContextKind::Vgid,
            ContextType::Vegid => ContextKind::Vegid,
            ContextType::Vsgid => ContextKind::Vsgid,
            _ => return Err(ErrorCode::UstContextInval),
        },
    })
}
