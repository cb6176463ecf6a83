//! What is looked at before a command runs, in the order of the reference (`docs/spec/client-protocol.md`, section 5):
//! the command's number, the session, the domain and its tracer, who asks.

use rttng_wire::client::{CommandKind, DomainType, ErrorCode, RequestHeader};

use super::{Clients, Outcome, Requester};
use crate::model::{SessionId, UstDomain};

impl Clients {
    /// Checks a request's header; returns the session that it is about, if it needs one.
    pub(super) async fn check(
        &self,
        header: &RequestHeader,
        who: Requester,
    ) -> Result<Option<SessionId>, ErrorCode> {
        if header.is_beyond_commands() {
            return Err(ErrorCode::Und);
        }
        let session = match header.needs_session() {
            false => None,
            true => {
                let name = header.session.as_deref().unwrap_or_default();
                let found = self.model.read(|model| model.session_named(name).map(|session| session.id));
                Some(found.ok_or(ErrorCode::SessNotFound)?)
            }
        };
        let Some(kind) = header.kind else { return Err(ErrorCode::Und) };
        if matches!(kind, CommandKind::DisableChannel | CommandKind::DisableEvent) {
            let has_ust = self.model.read(|model| {
                session.and_then(|id| model.session(id)).is_some_and(|session| session.ust.is_some())
            });
            match header.domain_type() {
                Some(DomainType::Kernel) => return Err(ErrorCode::NoChannel),
                Some(_) if !has_ust => return Err(ErrorCode::NoChannel),
                Some(_) => {}
                None => return Err(ErrorCode::UnknownDomain),
            }
        }
        if header.needs_domain() {
            self.prepare_domain(header, session).await?;
        }
        if let Some(id) = session {
            let owner = self.model.read(|model| model.session(id).map(|session| session.owner));
            if !who.may_command(owner.ok_or(ErrorCode::SessNotFound)?) {
                return Err(ErrorCode::Eperm);
            }
        }
        Ok(session)
    }

    /// Sees that the domain's tracer is there. A user-space domain comes into being with the first command that needs
    /// it, even a query.
    async fn prepare_domain(
        &self,
        header: &RequestHeader,
        session: Option<SessionId>,
    ) -> Result<(), ErrorCode> {
        match header.domain_type() {
            Some(DomainType::Kernel) if !self.is_root => Err(ErrorCode::NeedRootSessiond),
            Some(DomainType::Kernel) => Err(ErrorCode::KernNa),
            Some(DomainType::Jul | DomainType::Log4j | DomainType::Python) => {
                Err(ErrorCode::AgentTracingDisabled)
            }
            Some(DomainType::Ust) => {
                let Some(id) = session else { return Ok(()) };
                self.engine.ensure_consumer().await?;
                self.model.edit(|model| {
                    if let Some(session) = model.session_mut(id) {
                        session.ust.get_or_insert_with(UstDomain::default);
                    }
                });
                Ok(())
            }
            // The command's own handler decides what it makes of no domain.
            None => Ok(()),
        }
    }

    /// Answers a command of which this daemon knows the meaning but not the way.
    pub(super) fn refuse(&self, kind: CommandKind, id: SessionId, _who: Requester) -> Outcome {
        let name = self.model.read(|model| model.session(id).map(|session| session.name.clone()));
        tracing::warn!("{kind:?} on session {:?} is not supported by this daemon", name.unwrap_or_default());
        match kind {
            CommandKind::DisableConsumer | CommandKind::EnableConsumer | CommandKind::RegisterConsumer => {
                Err(ErrorCode::Und)
            }
            _ => Err(ErrorCode::NotSupported),
        }
    }
}
