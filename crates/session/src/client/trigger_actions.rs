//! What triggers do to sessions (`docs/spec/client-objects.md`, section 11).
//!
//! Each trigger with such actions has a task that carries its firings out in order. It does what a client's command would
//! do, in the name of the trigger's owner, so a session that takes its time holds up that trigger alone.

use std::rc::{Rc, Weak};

use rttng_wire::client::{Action, ErrorCode};
use rttng_world::run_as::Identity;
use tokio::sync::mpsc;

use super::Clients;
use crate::model::{RegisteredTrigger, SessionId, TriggerId};
use crate::trigger::{Firing, LiveTrigger, MOST_FIRINGS, executes, session_of};

/// Where the firings of a trigger are carried out, if it has actions on sessions.
pub(super) fn lane_for(
    clients: &Rc<Clients>,
    registered: &Rc<RegisteredTrigger>,
) -> Option<mpsc::Sender<Firing>> {
    if !registered.trigger.action.elements().iter().any(|action| session_of(action).is_some()) {
        return None;
    }
    let (lane, firings) = mpsc::channel(MOST_FIRINGS);
    tokio::task::spawn_local(carry_out(Rc::downgrade(clients), registered.id, firings));
    Some(lane)
}

/// Carries a trigger's firings out, until it is unregistered.
async fn carry_out(clients: Weak<Clients>, id: TriggerId, mut firings: mpsc::Receiver<Firing>) {
    while let Some(firing) = firings.recv().await {
        let Some(clients) = clients.upgrade() else { return };
        // What waits for a trigger that is gone is passed over.
        let Some(live) = clients.engine.core().triggers.get(id) else { return };
        clients.act(&live, &firing).await;
    }
}

impl Clients {
    async fn act(&self, live: &LiveTrigger, firing: &Firing) {
        let actions = live.trigger().action.elements().iter().zip(&firing.sessions).enumerate();
        for (at, (action, meant)) in actions.filter(|(_, (action, _))| executes(action, firing.number)) {
            let done = match action {
                Action::Notify { .. } => {
                    live.notify(&firing.occurrence);
                    Ok(())
                }
                Action::StartSession { session, .. } | Action::StopSession { session, .. } => {
                    let starts = matches!(action, Action::StartSession { .. });
                    self.switch_for(live, session, *meant, starts).await
                }
                // Refused at the door.
                Action::RotateSession { .. } | Action::SnapshotSession(_) | Action::List(_) => {
                    Err(ErrorCode::NotSupported)
                }
            };
            if let Err(code) = done {
                let name = live.trigger().name.as_deref().unwrap_or_default();
                tracing::warn!(trigger = name, action = at, %code, "an action of a trigger failed");
                live.count_failure(at);
            }
        }
    }

    /// Starts or stops the session that a trigger meant. One that is started or stopped already is as it should be.
    async fn switch_for(
        &self,
        live: &LiveTrigger,
        name: &str,
        meant: Option<SessionId>,
        starts: bool,
    ) -> Result<(), ErrorCode> {
        let meant = meant.ok_or(ErrorCode::SessNotFound)?;
        if !starts && self.model.read(|model| model.session_named(name).is_none()) {
            return Err(ErrorCode::SessNotFound);
        }
        let Some(_turn) = self.turn_on(live, name, meant).await else { return Ok(()) };
        let (switched, already) = match starts {
            true => (self.start(meant).await.map(drop), ErrorCode::TraceAlreadyStarted),
            false => (self.stop(meant).await.map(drop), ErrorCode::TraceAlreadyStopped),
        };
        switched.or_else(|code| if code == already { Ok(()) } else { Err(code) })
    }

    /// Waits for a trigger's turn on the session that it meant when it fired; nothing when the name means another one
    /// by now, or one that the trigger's owner may not command.
    async fn turn_on(
        &self,
        live: &LiveTrigger,
        name: &str,
        meant: SessionId,
    ) -> Option<tokio::sync::OwnedMutexGuard<()>> {
        let turn = self.alone_with(meant).await;
        let owner = self.model.read(|model| {
            model.session_named(name).filter(|session| session.id == meant).map(|session| session.owner)
        })?;
        if !may_command(live.trigger().owner_uid, owner) {
            let trigger = live.trigger().name.as_deref().unwrap_or_default();
            tracing::warn!(trigger, session = name, "a trigger may not command another user's session");
            return None;
        }
        Some(turn)
    }
}

fn may_command(uid: u32, owner: Identity) -> bool {
    uid == 0 || uid == owner.uid
}
