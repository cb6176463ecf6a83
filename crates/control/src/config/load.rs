//! A saved session to commands (`docs/spec/session-config.md` §6, §7).

use std::fs::File;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::fd::AsFd;
use std::path::PathBuf;

use rttng_wire::client::descriptor::NetworkOutput;
use rttng_wire::client::url::{AddressFamily, TraceUrl, uris_of_pair};
use rttng_wire::client::{
    Context, Domain, DomainType, ErrorCode, Event, EventKind, LogLevelSelection, ProcessAttributeValue,
    RotationSchedule, SessionDescriptor, SessionKind, SessionOutput, TrackingPolicy, Uri,
    UserspaceProbeLocation,
};

use super::{SavedChannel, SavedDestination, SavedDomain, SavedEvent, SavedKind, SavedSession};
use crate::client::Client;
use crate::error::ControlError;
use crate::filter::event_filter;

/// What to make otherwise than the document says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Another name for the session.
    pub name: Option<String>,
    /// Another output: a path or a URL.
    pub url: Option<String>,
    /// Destroy a session of that name first.
    pub overwrite: bool,
}

/// Why a saved session was not made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A command failed.
    #[error("{what}: {}", error.text())]
    Command {
        /// What was tried.
        what: String,
        /// Why it failed.
        error: ControlError,
    },
    /// The document asks for something that cannot be.
    #[error("{0}")]
    Impossible(String),
}

impl LoadError {
    /// LTTng's code.
    pub fn code(&self) -> ErrorCode {
        match self {
            LoadError::Command { error, .. } => error.code(),
            LoadError::Impossible(_) => ErrorCode::LoadInvalidConfig,
        }
    }
}

type Step<T = ()> = Result<T, LoadError>;

/// Names what was tried when it fails.
fn tried<T>(what: impl Into<String>, result: Result<T, ControlError>) -> Step<T> {
    result.map_err(|error| LoadError::Command { what: what.into(), error })
}

fn impossible<T>(why: impl Into<String>) -> Step<T> {
    Err(LoadError::Impossible(why.into()))
}

impl SavedSession {
    /// Makes the session, with all that is in it, and starts it if it was recording. When that fails half-way, the session
    /// is destroyed again.
    ///
    /// # Errors
    /// The first step that failed.
    pub fn load(&self, client: &Client, overrides: &Overrides) -> Result<(), LoadError> {
        let name = overrides.name.as_deref().unwrap_or(&self.name);
        if overrides.overwrite {
            match client.destroy_session(name, || ()) {
                Ok(_) => {}
                Err(error) if error.is(ErrorCode::SessNotFound) => {}
                Err(error) => return tried("cannot destroy the existing session", Err(error)),
            }
        }
        self.create(client, name, overrides.url.as_deref())?;
        let filled = self.fill(client, name);
        if filled.is_err() {
            let _ = client.destroy_session(name, || ());
        }
        filled
    }

    fn create(&self, client: &Client, name: &str, url: Option<&str>) -> Step {
        let make = |kind, output| {
            let descriptor = SessionDescriptor { kind, name: Some(name.to_owned()), output };
            tried("cannot create the session", client.create_session(descriptor).map(drop))
        };
        match &self.kind {
            SavedKind::Regular(output) => make(SessionKind::Regular, session_output(output.as_ref(), url)?),
            SavedKind::Live { timer, output } => match session_output(output.as_ref(), url)? {
                network @ SessionOutput::Network(_) => make(SessionKind::Live { timer: *timer }, network),
                _ => impossible("a live session needs the URLs of a relay daemon"),
            },
            SavedKind::Snapshot(outputs) => {
                make(SessionKind::Snapshot, SessionOutput::None)?;
                for output in outputs {
                    let mut output = output.clone();
                    if let Some(url) = url {
                        output.ctrl_url = url.to_owned();
                        output.data_url.clear();
                    }
                    tried("cannot add the snapshot output", client.add_snapshot_output(name, output))?;
                }
                Ok(())
            }
        }
    }

    fn fill(&self, client: &Client, session: &str) -> Step {
        if let Some(path) = &self.shared_memory_path {
            tried("cannot set the shared memory path", client.set_shm_path(session, path.clone()))?;
        }
        for domain in &self.domains {
            domain.load(client, session)?;
        }
        let schedules = [
            self.schedules.periodic.map(RotationSchedule::Periodic),
            self.schedules.size.map(RotationSchedule::Size),
        ];
        for schedule in schedules.into_iter().flatten() {
            tried("cannot set the rotation schedule", client.add_rotation_schedule(session, schedule))?;
        }
        if self.started {
            tried("cannot start the session", client.start(session))?;
        }
        Ok(())
    }
}

impl SavedDomain {
    fn load(&self, client: &Client, session: &str) -> Step {
        // The channels of agents are channels of user space.
        let kind = if self.kind.is_agent() { DomainType::Ust } else { self.kind };
        for channel in &self.channels {
            channel.load(
                client,
                session,
                Domain::new(kind, self.buffers),
                Domain::new(self.kind, self.buffers),
            )?;
        }
        let domain = Domain::new(self.kind, self.buffers);
        for tracker in &self.trackers {
            let policy = match tracker.values.is_empty() {
                true => TrackingPolicy::ExcludeAll,
                false => TrackingPolicy::IncludeSet,
            };
            let set = client.set_tracking_policy(session, domain, tracker.attribute, policy);
            tried("cannot set the tracking policy", set)?;
            for value in &tracker.values {
                let added = client.track(session, domain, tracker.attribute, value.clone());
                tried(format!("cannot track {}", value_name(value)), added)?;
            }
        }
        Ok(())
    }
}

impl SavedChannel {
    fn load(&self, client: &Client, session: &str, of_channel: Domain, domain: Domain) -> Step {
        let name = &self.channel.name;
        tried(
            format!("cannot make channel {name}"),
            client.enable_channel(session, of_channel, self.channel.clone()),
        )?;
        // An agent's channel cannot be named in commands about its rules.
        let channel = if domain.kind.is_agent() { "" } else { name.as_str() };
        for rule in &self.events {
            rule.enable(client, session, domain, channel)?;
        }
        if self.events.iter().any(|rule| !rule.enabled) {
            let all = client.disable_event(session, domain, channel, Event::to_disable(""));
            tried(format!("cannot disable the event rules of channel {name}"), all)?;
            for rule in self.events.iter().filter(|rule| rule.enabled) {
                rule.enable(client, session, domain, channel)?;
            }
        }
        for context in &self.contexts {
            let added = client.add_context(session, of_channel, name, context.clone());
            tried(format!("cannot add context {} to channel {name}", context_name(context)), added)?;
        }
        if !self.channel.enabled {
            tried(
                format!("cannot disable channel {name}"),
                client.disable_channel(session, of_channel, name),
            )?;
        }
        Ok(())
    }
}

impl SavedEvent {
    fn enable(&self, client: &Client, session: &str, domain: Domain, channel: &str) -> Step {
        let name = &self.event.name;
        let mut event = self.event.clone();
        let expression = event.filter.take().map(|filter| filter.expression);
        // Saved rules of agents hold the composed filter; composing it once more would wrap it in itself.
        let composed = expression.as_ref().is_some_and(|text| {
            text.contains(&format!("logger_name == \"{name}\"")) || text.contains("int_loglevel ")
        });
        let (language, level) = if composed && domain.kind.is_agent() {
            (DomainType::Ust, LogLevelSelection::all(DomainType::Ust))
        } else {
            (domain.kind, event.log_level)
        };
        event.filter = match event_filter(language, name, expression.as_deref(), level) {
            Ok(filter) => filter,
            Err(error) => return impossible(format!("event rule {name}: {error}")),
        };
        let binary = match &event.kind {
            EventKind::UserspaceProbe(
                UserspaceProbeLocation::Function { binary, .. }
                | UserspaceProbeLocation::Tracepoint { binary, .. },
            ) => match File::open(binary) {
                Ok(file) => Some(file),
                Err(error) => return impossible(format!("event rule {name}: {}: {error}", binary.display())),
            },
            _ => None,
        };
        let fd = binary.as_ref().map(AsFd::as_fd);
        tried(
            format!("cannot enable event rule {name}"),
            client.enable_event(session, domain, channel, event, fd),
        )
    }
}

fn context_name(context: &Context) -> String {
    match context {
        Context::Builtin(kind) => format!("{kind:?}").to_lowercase(),
        Context::Perf(counter) => counter.name.clone(),
        Context::App { provider, name } => format!("$app.{provider}:{name}"),
    }
}

fn value_name(value: &ProcessAttributeValue) -> String {
    match value {
        ProcessAttributeValue::Pid(pid) => format!("process {pid}"),
        ProcessAttributeValue::Uid(id) => format!("user {id}"),
        ProcessAttributeValue::UserName(name) => format!("user {name}"),
        ProcessAttributeValue::Gid(id) => format!("group {id}"),
        ProcessAttributeValue::GroupName(name) => format!("group {name}"),
    }
}

/// Where the session is to record, after the override.
fn session_output(saved: Option<&SavedDestination>, url: Option<&str>) -> Step<SessionOutput> {
    let uris = match (url, saved) {
        (Some(url), _) => url.parse::<TraceUrl>().and_then(|url| url.uris(resolve)),
        (None, None) => return Ok(SessionOutput::None),
        (None, Some(SavedDestination::Path(path))) if path.as_os_str().is_empty() => {
            return Ok(SessionOutput::None);
        }
        (None, Some(SavedDestination::Path(path))) => Ok(vec![Uri::local(PathBuf::from(path))]),
        (None, Some(SavedDestination::Network { control, data })) => uris_of_pair(control, data, resolve),
    };
    let mut uris = match uris {
        Ok(uris) => uris.into_iter(),
        Err(error) => return impossible(error.to_string()),
    };
    match (uris.next(), uris.next()) {
        (Some(control), Some(data)) => Ok(SessionOutput::Network(Some(NetworkOutput { control, data }))),
        (Some(folder), None) if folder.is_local() => Ok(SessionOutput::Local(Some(folder))),
        _ => impossible("one URL of a relay daemon is not enough"),
    }
}

fn resolve(host: &str, family: AddressFamily) -> Option<IpAddr> {
    (host, 0).to_socket_addrs().ok()?.map(|address| address.ip()).find(|ip| match family {
        AddressFamily::Ipv4 => ip.is_ipv4(),
        AddressFamily::Ipv6 => ip.is_ipv6(),
    })
}
