//! Every command that a client can give (`docs/spec/client-protocol.md`, sections 6 and 7).

use std::path::PathBuf;

use super::channel::Channel;
use super::context::Context;
use super::descriptor::SessionDescriptor;
use super::domain::Domain;
use super::error_query::ErrorQuery;
use super::event::Event;
use super::rotation::{RotationId, RotationSchedule};
use super::save::SaveSession;
use super::snapshot::SnapshotOutput;
use super::tracker::{ProcessAttribute, ProcessAttributeValue, TrackingPolicy};
use super::trigger::Trigger;
use super::uri::Uri;

codes! {
    /// Which command, without what it carries. The numbers are those of 2.13; other versions number otherwise.
    pub enum CommandKind: u32, "request.cmd_type" {
        /// Record a context field.
        AddContext = 0,
        /// Disable a channel.
        DisableChannel = 2,
        /// Disable events.
        DisableEvent = 3,
        /// List system calls.
        ListSyscalls = 4,
        /// Make or enable a channel.
        EnableChannel = 5,
        /// Make or enable events.
        EnableEvent = 6,
        /// Destroy a session.
        DestroySession = 9,
        /// List a domain's channels.
        ListChannels = 10,
        /// List a session's domains.
        ListDomains = 11,
        /// List a channel's events.
        ListEvents = 12,
        /// List sessions.
        ListSessions = 13,
        /// List the tracepoints of running applications.
        ListTracepoints = 14,
        /// Hand a consumer daemon over.
        RegisterConsumer = 15,
        /// Start recording.
        StartTrace = 16,
        /// Stop recording.
        StopTrace = 17,
        /// List the fields of tracepoints.
        ListTracepointFields = 18,
        /// Not in use any more.
        DisableConsumer = 19,
        /// Not in use any more.
        EnableConsumer = 20,
        /// Set a session's output.
        SetConsumerUri = 21,
        /// Ask whether data is still to be written.
        DataPending = 24,
        /// Add a snapshot output.
        SnapshotAddOutput = 25,
        /// Remove a snapshot output.
        SnapshotDelOutput = 26,
        /// List snapshot outputs.
        SnapshotListOutput = 27,
        /// Take a snapshot.
        SnapshotRecord = 28,
        /// Save sessions to files.
        SaveSession = 31,
        /// Add to an inclusion set.
        ProcessAttrTrackerAddIncludeValue = 32,
        /// Remove from an inclusion set.
        ProcessAttrTrackerRemoveIncludeValue = 33,
        /// Ask for a tracker's policy.
        ProcessAttrTrackerGetPolicy = 34,
        /// Set a tracker's policy.
        ProcessAttrTrackerSetPolicy = 35,
        /// Ask for an inclusion set.
        ProcessAttrTrackerGetInclusionSet = 36,
        /// Choose where the buffers' files lie.
        SetSessionShmPath = 40,
        /// Write the metadata anew.
        RegenerateMetadata = 41,
        /// Record the state dump anew.
        RegenerateStatedump = 42,
        /// Register a trigger.
        RegisterTrigger = 43,
        /// Remove a trigger.
        UnregisterTrigger = 44,
        /// Rotate a session.
        RotateSession = 45,
        /// Ask how far a rotation has come.
        RotationGetInfo = 46,
        /// Schedule rotations, or end a schedule.
        RotationSetSchedule = 47,
        /// List a session's rotation schedules.
        SessionListRotationSchedules = 48,
        /// Make a session.
        CreateSessionExt = 49,
        /// Remove what a session has recorded.
        ClearSession = 50,
        /// List triggers.
        ListTriggers = 51,
        /// Ask for the errors of a trigger.
        ExecuteErrorQuery = 52,
        /// How full the channels of user space were. Only our own session daemon knows it.
        ListChannelUsage = 0x7274_0001,
    }
}

/// The highest command number; a higher one is refused before anything is looked at.
pub const HIGHEST_COMMAND: u32 = 52;

impl CommandKind {
    /// Whether the command is about a session that must exist.
    pub fn needs_session(self) -> bool {
        use CommandKind::*;
        !matches!(
            self,
            ListSyscalls
                | ListSessions
                | ListTracepoints
                | ListTracepointFields
                | SaveSession
                | RegisterTrigger
                | UnregisterTrigger
                | CreateSessionExt
                | ListTriggers
                | ExecuteErrorQuery
        )
    }

    /// Whether descriptors may follow the request: those of the binaries in which probes lie. The descriptor count of
    /// other commands is not looked at (liblttng-ctl leaves it 0).
    pub fn may_carry_descriptors(self) -> bool {
        use CommandKind::*;
        matches!(self, EnableEvent | DisableEvent | RegisterTrigger | UnregisterTrigger | ExecuteErrorQuery)
    }

    /// Whether the daemon looks at the domain, and makes sure of its tracer, before it executes the command.
    pub fn needs_domain(self) -> bool {
        use CommandKind::*;
        match self {
            AddContext
            | DisableChannel
            | DisableEvent
            | ListSyscalls
            | EnableChannel
            | EnableEvent
            | ListChannels
            | ListEvents
            | ListTracepoints
            | RegisterConsumer
            | ListTracepointFields
            | DisableConsumer
            | EnableConsumer
            | SetConsumerUri
            | ProcessAttrTrackerAddIncludeValue
            | ProcessAttrTrackerRemoveIncludeValue
            | ProcessAttrTrackerGetPolicy
            | ProcessAttrTrackerSetPolicy
            | ProcessAttrTrackerGetInclusionSet
            | RegisterTrigger
            | UnregisterTrigger => true,
            DestroySession
            | ListDomains
            | ListSessions
            | StartTrace
            | StopTrace
            | DataPending
            | SnapshotAddOutput
            | SnapshotDelOutput
            | SnapshotListOutput
            | SnapshotRecord
            | SaveSession
            | SetSessionShmPath
            | RegenerateMetadata
            | RegenerateStatedump
            | RotateSession
            | RotationGetInfo
            | RotationSetSchedule
            | SessionListRotationSchedules
            | CreateSessionExt
            | ClearSession
            | ListTriggers
            | ExecuteErrorQuery
            | ListChannelUsage => false,
        }
    }

    /// Whether the reply may come long after the request and carries no process identifier.
    pub fn is_deferred(self) -> bool {
        matches!(self, CommandKind::DestroySession | CommandKind::ClearSession)
    }
}

/// What a client wants. A `domain` is `None` when the request names none, or none that there is; which error that is
/// depends on the command.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "`session`, `domain` and `channel` mean the same in every variant")]
pub enum Command {
    /// Records a context field in a channel; an empty channel name stands for all channels of the domain.
    AddContext { session: String, domain: Option<Domain>, channel: String, context: Context },
    /// Disables a channel.
    DisableChannel { session: String, domain: Option<Domain>, channel: String },
    /// Disables events; an empty name stands for all events of the channel.
    DisableEvent { session: String, domain: Option<Domain>, channel: String, event: Box<Event> },
    /// Lists system calls.
    ListSyscalls { domain: Option<Domain> },
    /// Makes a channel, or enables one that exists.
    EnableChannel { session: String, domain: Option<Domain>, channel: Channel },
    /// Makes events, or enables ones that exist; an empty channel name stands for the default channel.
    EnableEvent { session: String, domain: Option<Domain>, channel: String, event: Box<Event> },
    /// Destroys a session; the reply waits until all is written.
    DestroySession { session: String },
    /// Lists a domain's channels.
    ListChannels { session: String, domain: Option<Domain> },
    /// Lists a session's domains.
    ListDomains { session: String },
    /// Lists a channel's events.
    ListEvents { session: String, domain: Option<Domain>, channel: String },
    /// Lists the sessions that the requester may see, newest first.
    ListSessions,
    /// Lists the tracepoints of running applications, or the loggers of agents.
    ListTracepoints { domain: Option<Domain> },
    /// Lists the fields of the tracepoints of running applications.
    ListTracepointFields { domain: Option<Domain> },
    /// Hands over a kernel consumer daemon that listens at a socket.
    RegisterConsumer { session: String, domain: Option<Domain>, socket: PathBuf },
    /// Starts recording.
    StartTrace { session: String },
    /// Stops recording; does not wait until all is written.
    StopTrace { session: String },
    /// Not in use any more; always undefined.
    DisableConsumer { session: String, domain: Option<Domain> },
    /// Not in use any more; always undefined.
    EnableConsumer { session: String, domain: Option<Domain> },
    /// Sets a session's output.
    SetConsumerUri { session: String, domain: Option<Domain>, uris: Vec<Uri> },
    /// Asks whether data is still to be written.
    DataPending { session: String },
    /// Adds a snapshot output.
    SnapshotAddOutput { session: String, output: Box<SnapshotOutput> },
    /// Removes a snapshot output, by its number if it has one, else by name.
    SnapshotDelOutput { session: String, output: Box<SnapshotOutput> },
    /// Lists snapshot outputs.
    SnapshotListOutput { session: String },
    /// Takes a snapshot; `output` overrides parts of the session's own outputs, or replaces them. `wait` is ignored.
    SnapshotRecord { session: String, output: Box<SnapshotOutput>, wait: bool },
    /// Saves sessions to files.
    SaveSession(Box<SaveSession>),
    /// Adds to an inclusion set.
    TrackerAddIncludeValue {
        session: String,
        domain: Option<Domain>,
        attribute: ProcessAttribute,
        value: ProcessAttributeValue,
    },
    /// Removes from an inclusion set.
    TrackerRemoveIncludeValue {
        session: String,
        domain: Option<Domain>,
        attribute: ProcessAttribute,
        value: ProcessAttributeValue,
    },
    /// Asks for a tracker's policy.
    TrackerGetPolicy { session: String, domain: Option<Domain>, attribute: ProcessAttribute },
    /// Sets a tracker's policy; a change empties the inclusion set.
    TrackerSetPolicy {
        session: String,
        domain: Option<Domain>,
        attribute: ProcessAttribute,
        policy: TrackingPolicy,
    },
    /// Asks for an inclusion set.
    TrackerGetInclusionSet { session: String, domain: Option<Domain>, attribute: ProcessAttribute },
    /// Chooses where the buffers' files lie.
    SetSessionShmPath { session: String, path: PathBuf },
    /// Writes the metadata anew.
    RegenerateMetadata { session: String },
    /// Records the state dump anew.
    RegenerateStatedump { session: String },
    /// Registers a trigger. An anonymous one stays without a name, else the daemon gives it one.
    RegisterTrigger { trigger: Box<Trigger>, anonymous: bool },
    /// Removes the trigger that is the same.
    UnregisterTrigger { trigger: Box<Trigger> },
    /// Rotates a session.
    RotateSession { session: String },
    /// Asks how far a rotation has come.
    RotationGetInfo { session: String, rotation: RotationId },
    /// Begins to rotate on schedule, or ends a schedule that has just this value.
    RotationSetSchedule { session: String, schedule: RotationSchedule, activate: bool },
    /// Lists a session's rotation schedules.
    SessionListRotationSchedules { session: String },
    /// Makes a session; `home` is the client's home folder, for an output that the daemon chooses.
    CreateSessionExt { home: Option<PathBuf>, descriptor: Box<SessionDescriptor> },
    /// Removes what a session has recorded; the reply waits until it is gone.
    ClearSession { session: String },
    /// Lists triggers.
    ListTriggers,
    /// Asks for the errors of a trigger.
    ExecuteErrorQuery(Box<ErrorQuery>),
    /// How full the channels of user space were.
    ListChannelUsage { session: String },
}

impl Command {
    /// Which command it is.
    pub fn kind(&self) -> CommandKind {
        use CommandKind as Kind;
        match self {
            Command::AddContext { .. } => Kind::AddContext,
            Command::DisableChannel { .. } => Kind::DisableChannel,
            Command::DisableEvent { .. } => Kind::DisableEvent,
            Command::ListSyscalls { .. } => Kind::ListSyscalls,
            Command::EnableChannel { .. } => Kind::EnableChannel,
            Command::EnableEvent { .. } => Kind::EnableEvent,
            Command::DestroySession { .. } => Kind::DestroySession,
            Command::ListChannels { .. } => Kind::ListChannels,
            Command::ListDomains { .. } => Kind::ListDomains,
            Command::ListEvents { .. } => Kind::ListEvents,
            Command::ListSessions => Kind::ListSessions,
            Command::ListTracepoints { .. } => Kind::ListTracepoints,
            Command::ListTracepointFields { .. } => Kind::ListTracepointFields,
            Command::RegisterConsumer { .. } => Kind::RegisterConsumer,
            Command::StartTrace { .. } => Kind::StartTrace,
            Command::StopTrace { .. } => Kind::StopTrace,
            Command::DisableConsumer { .. } => Kind::DisableConsumer,
            Command::EnableConsumer { .. } => Kind::EnableConsumer,
            Command::SetConsumerUri { .. } => Kind::SetConsumerUri,
            Command::DataPending { .. } => Kind::DataPending,
            Command::SnapshotAddOutput { .. } => Kind::SnapshotAddOutput,
            Command::SnapshotDelOutput { .. } => Kind::SnapshotDelOutput,
            Command::SnapshotListOutput { .. } => Kind::SnapshotListOutput,
            Command::SnapshotRecord { .. } => Kind::SnapshotRecord,
            Command::SaveSession(_) => Kind::SaveSession,
            Command::TrackerAddIncludeValue { .. } => Kind::ProcessAttrTrackerAddIncludeValue,
            Command::TrackerRemoveIncludeValue { .. } => Kind::ProcessAttrTrackerRemoveIncludeValue,
            Command::TrackerGetPolicy { .. } => Kind::ProcessAttrTrackerGetPolicy,
            Command::TrackerSetPolicy { .. } => Kind::ProcessAttrTrackerSetPolicy,
            Command::TrackerGetInclusionSet { .. } => Kind::ProcessAttrTrackerGetInclusionSet,
            Command::SetSessionShmPath { .. } => Kind::SetSessionShmPath,
            Command::RegenerateMetadata { .. } => Kind::RegenerateMetadata,
            Command::RegenerateStatedump { .. } => Kind::RegenerateStatedump,
            Command::RegisterTrigger { .. } => Kind::RegisterTrigger,
            Command::UnregisterTrigger { .. } => Kind::UnregisterTrigger,
            Command::RotateSession { .. } => Kind::RotateSession,
            Command::RotationGetInfo { .. } => Kind::RotationGetInfo,
            Command::RotationSetSchedule { .. } => Kind::RotationSetSchedule,
            Command::SessionListRotationSchedules { .. } => Kind::SessionListRotationSchedules,
            Command::CreateSessionExt { .. } => Kind::CreateSessionExt,
            Command::ClearSession { .. } => Kind::ClearSession,
            Command::ListTriggers => Kind::ListTriggers,
            Command::ExecuteErrorQuery(_) => Kind::ExecuteErrorQuery,
            Command::ListChannelUsage { .. } => Kind::ListChannelUsage,
        }
    }

    /// The session that the request's header names.
    pub fn session(&self) -> Option<&str> {
        match self {
            Command::AddContext { session, .. }
            | Command::DisableChannel { session, .. }
            | Command::DisableEvent { session, .. }
            | Command::EnableChannel { session, .. }
            | Command::EnableEvent { session, .. }
            | Command::DestroySession { session }
            | Command::ListChannels { session, .. }
            | Command::ListDomains { session }
            | Command::ListEvents { session, .. }
            | Command::RegisterConsumer { session, .. }
            | Command::StartTrace { session }
            | Command::StopTrace { session }
            | Command::DisableConsumer { session, .. }
            | Command::EnableConsumer { session, .. }
            | Command::SetConsumerUri { session, .. }
            | Command::DataPending { session }
            | Command::SnapshotAddOutput { session, .. }
            | Command::SnapshotDelOutput { session, .. }
            | Command::SnapshotListOutput { session }
            | Command::SnapshotRecord { session, .. }
            | Command::TrackerAddIncludeValue { session, .. }
            | Command::TrackerRemoveIncludeValue { session, .. }
            | Command::TrackerGetPolicy { session, .. }
            | Command::TrackerSetPolicy { session, .. }
            | Command::TrackerGetInclusionSet { session, .. }
            | Command::SetSessionShmPath { session, .. }
            | Command::RegenerateMetadata { session }
            | Command::RegenerateStatedump { session }
            | Command::RotateSession { session }
            | Command::ListChannelUsage { session }
            | Command::RotationGetInfo { session, .. }
            | Command::RotationSetSchedule { session, .. }
            | Command::SessionListRotationSchedules { session }
            | Command::ClearSession { session } => Some(session),
            Command::ListSyscalls { .. }
            | Command::ListSessions
            | Command::ListTracepoints { .. }
            | Command::ListTracepointFields { .. }
            | Command::SaveSession(_)
            | Command::RegisterTrigger { .. }
            | Command::UnregisterTrigger { .. }
            | Command::CreateSessionExt { .. }
            | Command::ListTriggers
            | Command::ExecuteErrorQuery(_) => None,
        }
    }

    /// The domain that the request's header names. Of a trigger that is registered, it is the condition's.
    pub fn domain(&self) -> Option<Domain> {
        match self {
            Command::AddContext { domain, .. }
            | Command::DisableChannel { domain, .. }
            | Command::DisableEvent { domain, .. }
            | Command::ListSyscalls { domain }
            | Command::EnableChannel { domain, .. }
            | Command::EnableEvent { domain, .. }
            | Command::ListChannels { domain, .. }
            | Command::ListEvents { domain, .. }
            | Command::ListTracepoints { domain }
            | Command::ListTracepointFields { domain }
            | Command::RegisterConsumer { domain, .. }
            | Command::DisableConsumer { domain, .. }
            | Command::EnableConsumer { domain, .. }
            | Command::SetConsumerUri { domain, .. }
            | Command::TrackerAddIncludeValue { domain, .. }
            | Command::TrackerRemoveIncludeValue { domain, .. }
            | Command::TrackerGetPolicy { domain, .. }
            | Command::TrackerSetPolicy { domain, .. }
            | Command::TrackerGetInclusionSet { domain, .. } => *domain,
            Command::RegisterTrigger { trigger, .. } => trigger.condition.domain().map(Domain::for_query),
            _ => None,
        }
    }

    /// Descriptors that follow the request.
    pub fn fds(&self) -> u32 {
        match self {
            Command::EnableEvent { event, .. } => event.fds(),
            Command::RegisterTrigger { trigger, .. } | Command::UnregisterTrigger { trigger } => {
                trigger.fds()
            }
            Command::ExecuteErrorQuery(query) => query.trigger.fds(),
            _ => 0,
        }
    }
}
