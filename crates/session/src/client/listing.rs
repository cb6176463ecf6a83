//! Lists: sessions, domains, tracepoints and their fields (`docs/spec/client-protocol.md`, sections 7.6, 7.7, 7.13).

use std::time::UNIX_EPOCH;

use rttng_wire::client::{
    Answer, BufferType, Domain, DomainType, ErrorCode, Event, EventField, EventKind, FieldType,
    LogLevelSelection, LogLevelType, RotationInfo, RotationSchedules, RotationState, Session as WireSession,
};
use rttng_wire::text;
use rttng_wire::ust::ListedFieldKind;

use super::{Clients, Outcome, Requester};
use crate::engine::{ListedField, ListedTracepoint};
use crate::model::{BufferOwnership, Output, Session, SessionId, SessionKind};

impl Clients {
    /// Newest first, those of the requester only.
    pub(super) fn list_sessions(&self, who: Requester) -> Answer {
        self.model.read(|model| {
            let seen = model
                .sessions()
                .rev()
                .filter(|session| !session.destroying && who.may_command(session.owner));
            Answer::Sessions(seen.map(to_wire).collect())
        })
    }

    pub(super) fn list_domains(&self, id: SessionId) -> Outcome {
        let ust = self.model.read(|model| {
            let ust = model.session(id).and_then(|session| session.ust.as_ref());
            ust.map(|ust| ust.buffers)
        });
        let domains = ust.map(|buffers| {
            let buffers = match buffers {
                BufferOwnership::PerProcess => BufferType::PerPid,
                BufferOwnership::PerUser => BufferType::PerUid,
            };
            Domain::new(DomainType::Ust, buffers)
        });
        Ok(Answer::Domains(domains.into_iter().collect()))
    }

    pub(super) async fn list_tracepoints(&self, domain: Option<Domain>) -> Outcome {
        match domain.map(|domain| domain.kind) {
            Some(DomainType::Ust) => {
                let listed = self.engine.list_tracepoints().await;
                Ok(Answer::Tracepoints(listed.into_iter().map(tracepoint_to_wire).collect()))
            }
            _ => Err(ErrorCode::Und),
        }
    }

    pub(super) async fn list_tracepoint_fields(&self, domain: Option<Domain>) -> Outcome {
        match domain.map(|domain| domain.kind) {
            Some(DomainType::Ust) => {
                let listed = self.engine.list_fields().await;
                Ok(Answer::TracepointFields(listed.into_iter().map(field_to_wire).collect()))
            }
            _ => Err(ErrorCode::Und),
        }
    }
}

/// A tracepoint: the application's process, and the tracepoint's own level.
fn tracepoint_to_wire(listed: ListedTracepoint) -> Event {
    let pid = listed.application.process.pid as i32;
    tracepoint(listed.entry.name, listed.entry.log_level.0, pid)
}

fn tracepoint(name: String, level: i32, pid: i32) -> Event {
    Event {
        log_level: LogLevelSelection { kind: LogLevelType::All, level },
        enabled: None,
        pid,
        ..Event::new(name, EventKind::Tracepoint)
    }
}

fn field_to_wire(listed: ListedField) -> EventField {
    let entry = listed.entry;
    let pid = listed.application.process.pid as i32;
    EventField {
        name: entry.field,
        field_type: match entry.kind {
            ListedFieldKind::Other => FieldType::Other,
            ListedFieldKind::Integer => FieldType::Integer,
            ListedFieldKind::Enumeration => FieldType::Enum,
            ListedFieldKind::Float => FieldType::Float,
            ListedFieldKind::String => FieldType::String,
        },
        nowrite: entry.nowrite,
        event: tracepoint(entry.event, entry.log_level.0, pid),
    }
}

fn to_wire(session: &Session) -> WireSession {
    let path = match (&session.output, session.kind) {
        (_, SessionKind::Snapshot) | (Output::None, _) => String::new(),
        (Output::Local(path), _) => text::from_path(path),
        (Output::Network(network), _) => {
            let host = match network.host {
                std::net::IpAddr::V4(host) => format!("tcp4://{host}"),
                std::net::IpAddr::V6(host) => format!("tcp6://[{host}]"),
            };
            format!("{host}:{}/{} [data: {}]", network.control_port, network.subdir, network.data_port)
        }
    };
    WireSession {
        name: session.name.clone(),
        path,
        active: session.active,
        snapshot_mode: session.kind == SessionKind::Snapshot,
        live_timer: session.live_timer(),
        creation_time_s: session.created.duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs()),
    }
}

/// What a session that was never rotated says of its rotation.
pub(super) fn no_rotation() -> Answer {
    Answer::RotationInfo(Box::new(RotationInfo { state: RotationState::NoRotation, location: None }))
}

/// What a session without schedules lists.
pub(super) fn no_schedules() -> Answer {
    Answer::RotationSchedules(RotationSchedules { periodic: None, size: None })
}
