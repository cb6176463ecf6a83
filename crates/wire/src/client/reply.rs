//! Replies: a header of 24 bytes, a command header, a payload, descriptors (`docs/spec/client-protocol.md`, section 4).

use std::num::NonZeroU32;

use super::channel::Channel;
use super::command::CommandKind;
use super::defaults::{FDS_MAX, LOCATION_SIZE_MAX, REPLY_PAYLOAD_MAX};
use super::descriptor::SessionDescriptor;
use super::domain::Domain;
use super::error_code::{ErrorCode, SUCCESS};
use super::error_query::{self, ErrorQueryResult};
use super::event::{Event, EventField};
use super::request::{Progress, RequestHeader};
use super::rotation::{RotationId, RotationInfo, RotationSchedules, RotationState, TraceArchiveLocation};
use super::session::{self, Session};
use super::snapshot::SnapshotOutput;
use super::tracker::{self, ProcessAttributeValue, TrackingPolicy};
use super::trigger::{self, Trigger};
use super::usage::ChannelUsage;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// What a command that succeeded answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Nothing but success.
    Done,
    /// System calls.
    Syscalls(Vec<Event>),
    /// A domain's channels.
    Channels(Vec<Channel>),
    /// A session's domains.
    Domains(Vec<Domain>),
    /// A channel's events; one descriptor follows for each probe in a user-space binary.
    Events(Vec<Event>),
    /// Sessions, newest first.
    Sessions(Vec<Session>),
    /// Tracepoints or loggers, one for each application that has it.
    Tracepoints(Vec<Event>),
    /// Fields of tracepoints.
    TracepointFields(Vec<EventField>),
    /// Whether data is still to be written.
    DataPending(bool),
    /// The number of the snapshot output that was added.
    SnapshotOutputAdded(NonZeroU32),
    /// Snapshot outputs.
    SnapshotOutputs(Vec<SnapshotOutput>),
    /// A tracker's policy.
    TrackingPolicy(TrackingPolicy),
    /// An inclusion set.
    InclusionSet(Vec<ProcessAttributeValue>),
    /// The trigger as it was registered, with the name that it got; its descriptors follow.
    TriggerRegistered(Box<Trigger>),
    /// The number of the rotation that began.
    RotationStarted(RotationId),
    /// How far a rotation has come.
    RotationInfo(Box<RotationInfo>),
    /// A session's rotation schedules.
    RotationSchedules(RotationSchedules),
    /// The session as it was made.
    SessionCreated(Box<SessionDescriptor>),
    /// Triggers; their descriptors follow, in order.
    Triggers(Vec<Trigger>),
    /// The errors that were asked for.
    ErrorQueryResults(Vec<ErrorQueryResult>),
    /// How full the channels of user space were.
    ChannelUsage(Vec<ChannelUsage>),
    /// The session is gone.
    Destroyed(Destruction),
}

/// How the destruction of a session went.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destruction {
    /// The last error of its steps; the session is gone all the same.
    pub error: Option<ErrorCode>,
    /// The rotation that it brought about.
    pub rotation: ImplicitRotation,
}

/// The rotation that the destruction of a session brought about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ImplicitRotation {
    /// None was needed.
    None,
    /// It has ended, and the last chunk lies there.
    Completed(TraceArchiveLocation),
    /// It failed.
    Failed,
}

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The number of the command that is answered.
    pub command: u32,
    /// The process identifier of the request's domain; all ones in replies that were deferred. Clients ignore it.
    pub pid: u32,
    /// What came of the command.
    pub result: Result<Answer, ErrorCode>,
}

impl Reply {
    /// Answers a request.
    pub fn to(request: &RequestHeader, result: Result<Answer, ErrorCode>) -> Self {
        Reply { command: request.number, pid: request.pid as u32, result }
    }

    /// Answers a request for which the client had to wait (destroy, clear).
    pub fn deferred(kind: CommandKind, result: Result<Answer, ErrorCode>) -> Self {
        Reply { command: kind.code(), pid: u32::MAX, result }
    }

    /// Descriptors that follow the reply.
    pub fn fds(&self) -> u32 {
        match &self.result {
            Ok(Answer::Events(events)) => events.iter().map(Event::fds).sum(),
            Ok(Answer::TriggerRegistered(trigger)) => trigger.fds(),
            Ok(Answer::Triggers(triggers)) => triggers.iter().map(Trigger::fds).sum(),
            _ => 0,
        }
    }

    /// Reads the whole reply to a command of this kind.
    ///
    /// # Errors
    /// When the bytes are no such reply. An error that the daemon answered is [`Reply::result`].
    pub fn from_bytes(kind: CommandKind, bytes: &[u8]) -> Result<Self, WireError> {
        let mut input = Reader::new(bytes);
        let header = Header::decode(&mut input)?;
        let result = match header.error() {
            Some(error) if !header.has_body(kind) => Err(error),
            error => {
                let command_header =
                    input.bytes("reply command header", header.command_header_size as usize)?;
                let payload = input.bytes("reply payload", header.data_size as usize)?;
                Ok(decode_answer(kind, error, command_header, payload)?)
            }
        };
        Ok(Reply { command: header.command, pid: header.pid, result })
    }
}

/// Where a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyFrame;

impl ReplyFrame {
    /// Size of the header of every reply.
    pub const HEADER_SIZE: usize = 24;

    /// Says how many more bytes the reply to a command of this kind needs, or where it ends. Descriptors, if any, come
    /// after it with one byte of their own.
    ///
    /// # Errors
    /// When the reply announces more than is accepted.
    pub fn progress(kind: CommandKind, bytes: &[u8]) -> Result<Progress, WireError> {
        if bytes.len() < Self::HEADER_SIZE {
            return Ok(Progress::Needs(Self::HEADER_SIZE - bytes.len()));
        }
        let header = Header::decode(&mut Reader::new(bytes))?;
        if header.error().is_some() && !header.has_body(kind) {
            return Ok(Progress::Complete { size: Self::HEADER_SIZE, fds: 0 });
        }
        let limits = [
            ("reply.cmd_header_size", header.command_header_size, 4),
            (
                "reply.data_size",
                header.data_size,
                if kind == CommandKind::DestroySession { LOCATION_SIZE_MAX } else { REPLY_PAYLOAD_MAX },
            ),
            ("reply.fd_count", header.fds, FDS_MAX as usize),
        ];
        for (field, value, limit) in limits {
            if value as usize > limit {
                return Err(WireError::TooLarge { field, value: value.into(), limit: limit as u64 });
            }
        }
        let size = Self::HEADER_SIZE + header.command_header_size as usize + header.data_size as usize;
        Ok(match size.checked_sub(bytes.len()) {
            Some(missing) if missing > 0 => Progress::Needs(missing),
            _ => Progress::Complete { size, fds: header.fds },
        })
    }
}

struct Header {
    command: u32,
    code: u32,
    pid: u32,
    command_header_size: u32,
    data_size: u32,
    fds: u32,
}

impl Header {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Header {
            command: input.u32("reply.cmd_type")?,
            code: input.u32("reply.ret_code")?,
            pid: input.u32("reply.pid")?,
            command_header_size: input.u32("reply.cmd_header_size")?,
            data_size: input.u32("reply.data_size")?,
            fds: input.u32("reply.fd_count")?,
        })
    }

    fn error(&self) -> Option<ErrorCode> {
        (self.code != SUCCESS).then(|| ErrorCode::from_number(self.code))
    }

    /// Whether anything follows: only the reply to a destruction goes on after an error.
    fn has_body(&self, kind: CommandKind) -> bool {
        self.code == SUCCESS || (kind == CommandKind::DestroySession && self.command_header_size > 0)
    }
}

impl Encode for Reply {
    fn encode(&self, out: &mut Writer) {
        let (mut command_header, mut payload) = (Writer::new(), Writer::new());
        let code = match &self.result {
            Err(error) => error.number(),
            Ok(answer) => {
                encode_answer(answer, &mut command_header, &mut payload);
                match answer {
                    Answer::Destroyed(Destruction { error: Some(error), .. }) => error.number(),
                    _ => SUCCESS,
                }
            }
        };
        out.u32(self.command);
        out.u32(code);
        out.u32(self.pid);
        out.u32(command_header.len() as u32);
        out.u32(payload.len() as u32);
        out.u32(self.fds());
        out.bytes(&command_header.into_bytes());
        out.bytes(&payload.into_bytes());
    }
}

fn encode_answer(answer: &Answer, command_header: &mut Writer, out: &mut Writer) {
    match answer {
        Answer::Done => {}
        Answer::Syscalls(events) | Answer::Events(events) | Answer::Tracepoints(events) => {
            encode_counted(events, command_header, out);
        }
        Answer::Channels(channels) => encode_counted(channels, command_header, out),
        Answer::ChannelUsage(channels) => encode_counted(channels, command_header, out),
        Answer::TracepointFields(fields) => encode_counted(fields, command_header, out),
        Answer::Domains(domains) => domains.iter().for_each(|domain| domain.encode(out)),
        Answer::Sessions(sessions) => session::encode_list(sessions, out),
        Answer::DataPending(pending) => out.u8((*pending).into()),
        Answer::SnapshotOutputAdded(id) => out.u32(id.get()),
        Answer::SnapshotOutputs(outputs) => outputs.iter().for_each(|output| output.encode(out)),
        Answer::TrackingPolicy(policy) => out.i32(policy.code()),
        Answer::InclusionSet(values) => tracker::encode_set(values, out),
        Answer::TriggerRegistered(trigger) => trigger.encode(out),
        Answer::RotationStarted(id) => out.u64(id.0),
        Answer::RotationInfo(info) => info.encode(out),
        Answer::RotationSchedules(schedules) => schedules.encode(out),
        Answer::SessionCreated(descriptor) => descriptor.encode(out),
        Answer::Triggers(triggers) => trigger::encode_list(triggers, out),
        Answer::ErrorQueryResults(results) => error_query::encode_results(results, out),
        Answer::Destroyed(destruction) => match &destruction.rotation {
            ImplicitRotation::None => command_header.i32(RotationState::NoRotation.code()),
            ImplicitRotation::Failed => command_header.i32(RotationState::Error.code()),
            ImplicitRotation::Completed(location) => {
                command_header.i32(RotationState::Completed.code());
                location.encode(out);
            }
        },
    }
}

fn encode_counted<T: Encode>(list: &[T], command_header: &mut Writer, out: &mut Writer) {
    command_header.u32(list.len() as u32);
    for element in list {
        element.encode(out);
    }
}

fn decode_answer(
    kind: CommandKind,
    error: Option<ErrorCode>,
    command_header: &[u8],
    payload: &[u8],
) -> Result<Answer, WireError> {
    use CommandKind as Kind;
    let mut header = Reader::new(command_header);
    let mut input = Reader::new(payload);
    let events = |header: &mut Reader<'_>, input: &mut Reader<'_>| {
        decode_counted(header, input, Event::SIZE_MIN, Event::decode)
    };
    let answer = match kind {
        Kind::ListSyscalls => Answer::Syscalls(events(&mut header, &mut input)?),
        Kind::ListEvents => Answer::Events(events(&mut header, &mut input)?),
        Kind::ListTracepoints => Answer::Tracepoints(events(&mut header, &mut input)?),
        Kind::ListChannels => {
            Answer::Channels(decode_counted(&mut header, &mut input, Channel::FIXED_SIZE, Channel::decode)?)
        }
        Kind::ListChannelUsage => {
            let decode = ChannelUsage::decode;
            Answer::ChannelUsage(decode_counted(&mut header, &mut input, ChannelUsage::SIZE, decode)?)
        }
        Kind::ListTracepointFields => Answer::TracepointFields(decode_counted(
            &mut header,
            &mut input,
            EventField::SIZE_MIN,
            EventField::decode,
        )?),
        Kind::ListDomains => Answer::Domains(decode_all(&mut input, Domain::decode)?),
        Kind::ListSessions => Answer::Sessions(session::decode_list(&mut input)?),
        Kind::DataPending => Answer::DataPending(input.bool8("data_pending")?),
        Kind::SnapshotAddOutput => {
            let id = NonZeroU32::new(input.u32("snapshot_output.id")?);
            let id = id.ok_or(WireError::BadValue { field: "snapshot_output.id", value: 0 })?;
            Answer::SnapshotOutputAdded(id)
        }
        Kind::SnapshotListOutput => Answer::SnapshotOutputs(decode_all(&mut input, SnapshotOutput::decode)?),
        Kind::ProcessAttrTrackerGetPolicy => {
            Answer::TrackingPolicy(TrackingPolicy::from_code(input.i32("tracking_policy")?)?)
        }
        Kind::ProcessAttrTrackerGetInclusionSet => Answer::InclusionSet(tracker::decode_set(&mut input)?),
        Kind::RegisterTrigger => Answer::TriggerRegistered(Box::new(Trigger::decode(&mut input)?)),
        Kind::RotateSession => Answer::RotationStarted(RotationId(input.u64("rotation_id")?)),
        Kind::RotationGetInfo => Answer::RotationInfo(Box::new(RotationInfo::decode(&mut input)?)),
        Kind::SessionListRotationSchedules => {
            Answer::RotationSchedules(RotationSchedules::decode(&mut input)?)
        }
        Kind::CreateSessionExt => Answer::SessionCreated(Box::new(SessionDescriptor::decode(&mut input)?)),
        Kind::ListTriggers => Answer::Triggers(trigger::decode_list(&mut input)?),
        Kind::ExecuteErrorQuery => Answer::ErrorQueryResults(error_query::decode_results(&mut input)?),
        Kind::DestroySession => Answer::Destroyed(decode_destruction(error, &mut header, &mut input)?),
        Kind::AddContext
        | Kind::DisableChannel
        | Kind::DisableEvent
        | Kind::EnableChannel
        | Kind::EnableEvent
        | Kind::RegisterConsumer
        | Kind::StartTrace
        | Kind::StopTrace
        | Kind::DisableConsumer
        | Kind::EnableConsumer
        | Kind::SetConsumerUri
        | Kind::SnapshotDelOutput
        | Kind::SnapshotRecord
        | Kind::SaveSession
        | Kind::ProcessAttrTrackerAddIncludeValue
        | Kind::ProcessAttrTrackerRemoveIncludeValue
        | Kind::ProcessAttrTrackerSetPolicy
        | Kind::SetSessionShmPath
        | Kind::RegenerateMetadata
        | Kind::RegenerateStatedump
        | Kind::UnregisterTrigger
        | Kind::RotationSetSchedule
        | Kind::ClearSession => Answer::Done,
    };
    header.finish()?;
    input.finish()?;
    Ok(answer)
}

/// Reads as many elements as the command header says; none is shorter than `size_min`.
fn decode_counted<T>(
    header: &mut Reader<'_>,
    input: &mut Reader<'_>,
    size_min: usize,
    decode: impl Fn(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let count = header.u32("reply count")?;
    let limit = input.rest().len() / size_min;
    if count as usize > limit {
        return Err(WireError::TooLarge { field: "reply count", value: count.into(), limit: limit as u64 });
    }
    (0..count).map(|_| decode(input)).collect()
}

/// Reads elements of fixed size until the payload ends.
fn decode_all<T>(
    input: &mut Reader<'_>,
    decode: impl Fn(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let mut list = Vec::new();
    while !input.rest().is_empty() {
        list.push(decode(input)?);
    }
    Ok(list)
}

fn decode_destruction(
    error: Option<ErrorCode>,
    header: &mut Reader<'_>,
    input: &mut Reader<'_>,
) -> Result<Destruction, WireError> {
    let field = "destruction.rotation_state";
    let state = header.i32(field)?;
    let rotation = match RotationState::from_code(state)? {
        RotationState::NoRotation => ImplicitRotation::None,
        RotationState::Completed => ImplicitRotation::Completed(TraceArchiveLocation::decode(input)?),
        RotationState::Error => ImplicitRotation::Failed,
        RotationState::Ongoing | RotationState::Expired => {
            return Err(WireError::BadValue { field, value: state.into() });
        }
    };
    Ok(Destruction { error, rotation })
}
