//! Commands about whole sessions: create, start, stop, destroy, output, data pending
//! (`docs/spec/client-protocol.md`, sections 7.1 to 7.6, 7.14, 7.20).

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rttng_wire::client::reply::ImplicitRotation;
use rttng_wire::client::{
    Answer, Destination, Destruction, ErrorCode, SessionDescriptor, SessionKind as WireKind, SessionOutput,
    Uri,
};
use rttng_wire::text;
use rttng_world::local_time;

use super::{Clients, Outcome, Requester};
use crate::model::{Output, Session, SessionId, SessionKind};

/// Longest session name in bytes.
const LONGEST_NAME: usize = 254;

impl Clients {
    pub(super) fn create(
        &self,
        home: Option<PathBuf>,
        mut descriptor: SessionDescriptor,
        who: Requester,
    ) -> Outcome {
        if home.as_ref().is_some_and(|home| !home.is_absolute()) {
            return Err(ErrorCode::Invalid);
        }
        let created = SystemTime::now();
        let name_is_generated = descriptor.name.is_none();
        let name = match descriptor.name.take() {
            Some(name) => {
                self.check_name(&name)?;
                name
            }
            None => self.generate_name(created),
        };
        let output = match &descriptor.output {
            SessionOutput::None => Output::None,
            SessionOutput::Local(Some(uri)) => Output::Local(local_path(uri)?),
            SessionOutput::Local(None) => {
                let home = home.ok_or(ErrorCode::SetUrl)?;
                Output::Local(default_output(&home, &name, name_is_generated, created))
            }
            // Said at once, and not when the first event is enabled: this daemon streams nowhere.
            SessionOutput::Network(_) => return Err(not_over_the_network(&name)),
        };
        if let Output::Local(path) = &output {
            descriptor.output = SessionOutput::Local(Some(Uri::local(path.clone())));
        }
        let kind = match descriptor.kind {
            WireKind::Regular => SessionKind::Regular,
            WireKind::Snapshot => SessionKind::Snapshot,
            WireKind::Live { timer } => SessionKind::Live { timer },
        };
        self.model.edit(|model| {
            model.add_session(|id| Session {
                id,
                name: name.clone(),
                name_is_generated,
                owner: who.identity,
                created,
                kind,
                output,
                shm_path: None,
                active: false,
                started_once: false,
                destroying: false,
                ust: None,
            })
        });
        descriptor.name = Some(name);
        Ok(Answer::SessionCreated(Box::new(descriptor)))
    }

    fn check_name(&self, name: &str) -> Result<(), ErrorCode> {
        if name.is_empty() || text::to_bytes(name).len() > LONGEST_NAME {
            return Err(ErrorCode::Invalid);
        }
        if name.contains('/') {
            return Err(ErrorCode::SessionInvalidChar);
        }
        match self.model.read(|model| model.session_named(name).is_some()) {
            true => Err(ErrorCode::ExistSess),
            false => Ok(()),
        }
    }

    /// `auto-DATE`, and when that is taken `auto1-DATE`, `auto2-DATE`, and so on.
    fn generate_name(&self, created: SystemTime) -> String {
        let stamp = local_time::stamp(created);
        let mut name = format!("auto-{stamp}");
        let mut number = 0_u64;
        self.model.read(|model| {
            while model.session_named(&name).is_some() {
                number += 1;
                name = format!("auto{number}-{stamp}");
            }
        });
        name
    }

    pub(super) async fn start(&self, id: SessionId) -> Outcome {
        let (active, has_channel) = self.model.read(|model| {
            model.session(id).map_or((false, false), |session| {
                (session.active, session.ust.as_ref().is_some_and(|ust| !ust.channels.is_empty()))
            })
        });
        if active {
            return Err(ErrorCode::TraceAlreadyStarted);
        }
        if !has_channel {
            return Err(ErrorCode::NoChannel);
        }
        self.engine.start(id).await?;
        Ok(Answer::Done)
    }

    pub(super) async fn stop(&self, id: SessionId) -> Outcome {
        if !self.model.read(|model| model.session(id).is_some_and(|session| session.active)) {
            return Err(ErrorCode::TraceAlreadyStopped);
        }
        self.engine.stop(id).await?;
        Ok(Answer::Done)
    }

    pub(super) async fn destroy(&self, id: SessionId) -> Outcome {
        let outcome = self.engine.destroy(id).await;
        self.busy.borrow_mut().remove(&id);
        // Errors on the way are told, too; the session is gone in any case.
        Ok(Answer::Destroyed(Destruction { error: outcome.err(), rotation: ImplicitRotation::None }))
    }

    pub(super) async fn data_pending(&self, id: SessionId) -> Outcome {
        let (active, started) = self.model.read(|model| {
            model.session(id).map_or((false, false), |session| (session.active, session.started_once))
        });
        if active {
            return Err(ErrorCode::SessionStarted);
        }
        let pending = started && self.engine.data_pending(id).await?;
        Ok(Answer::DataPending(pending))
    }

    pub(super) fn set_output(&self, id: SessionId, uris: &[Uri]) -> Outcome {
        let [uri, rest @ ..] = uris else { return Err(ErrorCode::Invalid) };
        if self.model.read(|model| model.session(id).is_some_and(|session| session.active)) {
            return Err(ErrorCode::TraceAlreadyStarted);
        }
        if !rest.is_empty() || !uri.is_local() {
            let name = self.model.read(|model| model.session(id).map(|session| session.name.clone()));
            return Err(not_over_the_network(&name.unwrap_or_default()));
        }
        let path = local_path(uri)?;
        self.model.edit(|model| {
            if let Some(session) = model.session_mut(id) {
                session.output = Output::Local(path);
            }
        });
        Ok(Answer::Done)
    }

    pub(super) fn set_shm_path(&self, id: SessionId, path: PathBuf) -> Outcome {
        self.model.edit(|model| match model.session_mut(id) {
            Some(session) if session.started_once => Err(ErrorCode::SessionStarted),
            Some(session) => {
                session.shm_path = (!path.as_os_str().is_empty()).then_some(path);
                Ok(Answer::Done)
            }
            None => Err(ErrorCode::SessNotFound),
        })
    }

    pub(super) async fn regenerate_metadata(&self, id: SessionId) -> Outcome {
        let (live, active, per_process) = self.model.read(|model| {
            model.session(id).map_or((false, false, false), |session| {
                let per_process = session
                    .ust
                    .as_ref()
                    .is_some_and(|ust| ust.buffers == crate::model::BufferOwnership::PerProcess);
                (session.live_timer().is_some(), session.active, per_process)
            })
        });
        match (live, active, per_process) {
            (true, _, _) => Err(ErrorCode::LiveSession),
            (_, false, _) => Err(ErrorCode::SessionNotStarted),
            (_, _, true) => Err(ErrorCode::PerPidSession),
            _ => {
                self.engine.regenerate_metadata(id).await?;
                Ok(Answer::Done)
            }
        }
    }

    pub(super) async fn regenerate_statedump(&self, id: SessionId) -> Outcome {
        if !self.model.read(|model| model.session(id).is_some_and(|session| session.active)) {
            return Err(ErrorCode::SessionNotStarted);
        }
        self.engine.regenerate_statedump(id).await?;
        Ok(Answer::Done)
    }
}

fn not_over_the_network(session: &str) -> ErrorCode {
    tracing::warn!("session {session:?}: this daemon writes traces to local directories only");
    ErrorCode::NotSupported
}

/// A local output that a client named: absolute, without a step up.
fn local_path(uri: &Uri) -> Result<PathBuf, ErrorCode> {
    let Destination::Path(path) = &uri.destination else { return Err(ErrorCode::Invalid) };
    let steps_up = path.to_string_lossy().contains("../");
    match path.is_absolute() && !steps_up {
        true => Ok(path.clone()),
        false => Err(ErrorCode::Invalid),
    }
}

/// Where traces go when the client leaves it to the daemon. A generated name has its date already.
fn default_output(home: &Path, name: &str, name_is_generated: bool, created: SystemTime) -> PathBuf {
    let directory = match name_is_generated {
        true => name.to_owned(),
        false => format!("{name}-{}", local_time::stamp(created)),
    };
    home.join("lttng-traces").join(text::to_path(&directory))
}
