//! Clients: one connection, one command, one answer (`docs/spec/client-protocol.md`, section 2).
//!
//! Each connection has a task of its own, so a client that says nothing, half of something, or nonsense costs itself
//! only. Commands that change one session exclude each other; a command that waits for peers waits in here, with the
//! bounds of [`crate::engine`], while every other client goes on.

mod access;
mod channels;
mod connection;
mod contexts;
mod events;
mod listing;
mod sessions;
mod trackers;
mod trigger_actions;
mod triggers;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use rttng_wire::client::{Answer, Command, ErrorCode, Request};
use rttng_world::run_as::Identity;
use tokio::net::UnixListener;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

use crate::descriptors;
use crate::engine::Engine;
use crate::model::{SessionId, SharedModel};
use crate::undecided::Undecided;

/// Connections that are served at once; further ones wait in the socket's backlog. An eighth of all descriptors, within
/// these bounds. Half of them may be without a request.
const MOST_CONNECTIONS: (usize, usize) = (8, 512);

/// What a command ends in.
type Outcome = Result<Answer, ErrorCode>;

/// What all connections share.
pub struct Clients {
    model: SharedModel,
    engine: Engine,
    /// Whether the daemon runs as root (kernel commands are answered differently).
    is_root: bool,
    /// Sub-buffers are at least so large.
    page_size: u64,
    busy: RefCell<HashMap<SessionId, Arc<Mutex<()>>>>,
    room: Arc<Semaphore>,
    undecided: Rc<Undecided>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
struct Requester {
    identity: Identity,
}

impl Requester {
    /// Whether the requester may see and command what belongs to `owner`.
    fn may_command(self, owner: Identity) -> bool {
        self.identity.uid == 0 || self.identity.uid == owner.uid
    }
}

impl Clients {
    /// Serves clients from this model with this engine.
    pub fn new(model: SharedModel, engine: Engine) -> Rc<Self> {
        let (least, most) = MOST_CONNECTIONS;
        let most = descriptors::share(8, least, most);
        Rc::new(Clients {
            model,
            engine,
            is_root: rustix::process::geteuid().is_root(),
            page_size: rustix::param::page_size() as u64,
            busy: RefCell::default(),
            room: Arc::new(Semaphore::new(most)),
            undecided: Undecided::new(most / 2),
        })
    }

    /// Accepts connections for ever; each gets a task on the current `LocalSet`.
    pub async fn serve(self: Rc<Self>, listener: UnixListener) {
        loop {
            let Ok(place) = Arc::clone(&self.room).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((socket, _)) => {
                    let clients = Rc::clone(&self);
                    tokio::task::spawn_local(async move {
                        connection::serve(&clients, socket).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: those who have one finish first.
                    tracing::warn!("cannot accept a client: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Waits until no other command works on that session.
    async fn alone_with(&self, session: SessionId) -> OwnedMutexGuard<()> {
        let lock = Arc::clone(self.busy.borrow_mut().entry(session).or_default());
        lock.lock_owned().await
    }

    /// Executes one request.
    async fn execute(self: &Rc<Self>, request: Request, who: Requester) -> Outcome {
        let session = self.check(&request.header, who).await?;
        let command = request.command.map_err(|refusal| {
            tracing::info!("refused a malformed {:?} request: {refusal}", request.header.kind);
            refusal.code
        })?;
        let session = match session {
            Some(id) => {
                let guard = self.alone_with(id).await;
                // It may have been destroyed while this command waited for its turn.
                let there =
                    self.model.read(|model| model.session(id).is_some_and(|session| !session.destroying));
                if !there {
                    return Err(ErrorCode::SessNotFound);
                }
                Some((id, guard))
            }
            None => None,
        };
        match (command, session) {
            (command, Some((id, _turn))) => self.with_session(command, id, who).await,
            (command, None) => self.without_session(command, who).await,
        }
    }

    async fn with_session(&self, command: Command, id: SessionId, who: Requester) -> Outcome {
        match command {
            Command::AddContext { domain, channel, context, .. } => {
                self.add_context(id, domain, &channel, context)
            }
            Command::DisableChannel { channel, domain, .. } => {
                self.disable_channel(id, domain, &channel).await
            }
            Command::DisableEvent { domain, channel, event, .. } => {
                self.disable_event(id, domain, &channel, *event).await
            }
            Command::EnableChannel { domain, channel, .. } => self.enable_channel(id, domain, channel).await,
            Command::EnableEvent { domain, channel, event, .. } => {
                self.enable_event(id, domain, &channel, *event).await
            }
            Command::DestroySession { .. } => self.destroy(id).await,
            Command::ListChannels { domain, .. } => self.list_channels(id, domain).await,
            Command::ListDomains { .. } => self.list_domains(id),
            Command::ListEvents { domain, channel, .. } => self.list_events(id, domain, &channel),
            Command::StartTrace { .. } => self.start(id).await,
            Command::StopTrace { .. } => self.stop(id).await,
            Command::SetConsumerUri { uris, .. } => self.set_output(id, &uris),
            Command::DataPending { .. } => self.data_pending(id).await,
            Command::TrackerAddIncludeValue { domain, attribute, value, .. } => {
                self.track(id, domain, attribute, value).await
            }
            Command::TrackerRemoveIncludeValue { domain, attribute, value, .. } => {
                self.untrack(id, domain, attribute, &value).await
            }
            Command::TrackerGetPolicy { domain, attribute, .. } => {
                self.tracking_policy(id, domain, attribute)
            }
            Command::TrackerSetPolicy { domain, attribute, policy, .. } => {
                self.set_tracking_policy(id, domain, attribute, policy).await
            }
            Command::TrackerGetInclusionSet { domain, attribute, .. } => {
                self.inclusion_set(id, domain, attribute)
            }
            Command::SetSessionShmPath { path, .. } => self.set_shm_path(id, path),
            Command::RegenerateMetadata { .. } => self.regenerate_metadata(id).await,
            Command::RegenerateStatedump { .. } => self.regenerate_statedump(id).await,
            Command::ListChannelUsage { .. } => self.list_channel_usage(id).await,
            Command::RotationGetInfo { .. } => Ok(listing::no_rotation()),
            Command::SessionListRotationSchedules { .. } => Ok(listing::no_schedules()),
            other => self.refuse(other.kind(), id, who),
        }
    }

    async fn without_session(self: &Rc<Self>, command: Command, who: Requester) -> Outcome {
        match command {
            Command::CreateSessionExt { home, descriptor } => self.create(home, *descriptor, who),
            Command::ListSessions => Ok(self.list_sessions(who)),
            Command::ListTracepoints { domain } => self.list_tracepoints(domain).await,
            Command::ListTracepointFields { domain } => self.list_tracepoint_fields(domain).await,
            Command::ListSyscalls { .. } => Ok(Answer::Syscalls(Vec::new())),
            Command::RegisterTrigger { trigger, anonymous } => {
                self.register_trigger(*trigger, anonymous, who).await
            }
            Command::UnregisterTrigger { trigger } => self.unregister_trigger(&trigger, who).await,
            Command::ListTriggers => self.list_triggers(who),
            Command::ExecuteErrorQuery(query) => self.execute_error_query(&query, who),
            other => {
                tracing::warn!("{:?} is not supported by this daemon", other.kind());
                Err(ErrorCode::NotSupported)
            }
        }
    }
}
