//! What each command puts into the union of the fixed message and into the payload
//! (`docs/spec/client-protocol.md`, sections 3, 6 and 7).

use std::time::Duration;

use super::{Refusal, RequestHeader};
use crate::client::channel::{Channel, whole_micros};
use crate::client::command::{Command, CommandKind};
use crate::client::context::Context;
use crate::client::defaults::{LOGIN_NAME_SIZE_MAX, SESSION_DESCRIPTOR_SIZE_MAX};
use crate::client::descriptor::SessionDescriptor;
use crate::client::domain::DomainType;
use crate::client::error_code::ErrorCode;
use crate::client::error_query::ErrorQuery;
use crate::client::event::Event;
use crate::client::rotation::{RotationId, RotationSchedule};
use crate::client::save::SaveSession;
use crate::client::snapshot::SnapshotOutput;
use crate::client::text;
use crate::client::tracker::{
    ProcessAttribute, ProcessAttributeValue, ProcessAttributeValueType, TrackingPolicy,
};
use crate::client::trigger::Trigger;
use crate::client::uri::Uri;
use crate::{Decode, Encode, Reader, WireError, Writer};

const CHANNEL_NAME_SIZE: usize = 256;
const PATH_SIZE: usize = 4096;
const SCHEDULE_SIZE: u8 = 0;
const SCHEDULE_PERIODIC: u8 = 1;

/// Writes the union's fields to `out` and returns the payload.
pub(super) fn encode(command: &Command, out: &mut Writer) -> Vec<u8> {
    let channel_and_length = |out: &mut Writer, channel: &str, payload: &[u8]| {
        text::put_fixed(out, channel, CHANNEL_NAME_SIZE);
        out.u32(payload.len() as u32);
    };
    match command {
        Command::AddContext { channel, context, .. } => {
            let payload = context.to_bytes();
            channel_and_length(out, channel, &payload);
            return payload;
        }
        Command::EnableEvent { channel, event, .. } | Command::DisableEvent { channel, event, .. } => {
            let payload = event.to_bytes();
            channel_and_length(out, channel, &payload);
            return payload;
        }
        Command::DisableChannel { channel, .. } | Command::ListEvents { channel, .. } => {
            text::put_fixed(out, channel, CHANNEL_NAME_SIZE);
        }
        Command::EnableChannel { channel, .. } => {
            let payload = channel.to_bytes();
            out.u32(payload.len() as u32);
            return payload;
        }
        Command::RegisterConsumer { socket: path, .. } | Command::SetSessionShmPath { path, .. } => {
            text::put_fixed(out, text::path_bytes(path), PATH_SIZE);
        }
        Command::SetConsumerUri { uris, .. } => {
            out.u32(uris.len() as u32);
            let mut payload = Writer::new();
            uris.iter().for_each(|uri| uri.encode(&mut payload));
            return payload.into_bytes();
        }
        Command::SnapshotAddOutput { output, .. } | Command::SnapshotDelOutput { output, .. } => {
            output.encode(out)
        }
        Command::SnapshotRecord { output, wait, .. } => {
            out.u32((*wait).into());
            output.encode(out);
        }
        Command::SaveSession(save) => save.encode(out),
        Command::TrackerAddIncludeValue { attribute, value, .. }
        | Command::TrackerRemoveIncludeValue { attribute, value, .. } => {
            out.i32(attribute.code());
            out.i32(value.value_type().code());
            out.u64(value.integral());
            out.u32(value.name().map_or(0, text::counted_len));
            if let Some(name) = value.name() {
                let mut payload = Writer::new();
                text::put(&mut payload, name);
                return payload.into_bytes();
            }
        }
        Command::TrackerGetPolicy { attribute, .. } | Command::TrackerGetInclusionSet { attribute, .. } => {
            out.i32(attribute.code());
        }
        Command::TrackerSetPolicy { attribute, policy, .. } => {
            out.i32(attribute.code());
            out.i32(policy.code());
        }
        Command::RegisterTrigger { trigger, anonymous } => {
            let payload = trigger.to_bytes();
            out.u32(payload.len() as u32);
            out.u8((*anonymous).into());
            return payload;
        }
        Command::UnregisterTrigger { trigger } => {
            let payload = trigger.to_bytes();
            out.u32(payload.len() as u32);
            return payload;
        }
        Command::ExecuteErrorQuery(query) => {
            let payload = query.to_bytes();
            out.u32(payload.len() as u32);
            return payload;
        }
        Command::RotationGetInfo { rotation, .. } => out.u64(rotation.0),
        Command::RotationSetSchedule { schedule, activate, .. } => {
            let (kind, value) = match schedule {
                RotationSchedule::Size(bytes) => (SCHEDULE_SIZE, *bytes),
                RotationSchedule::Periodic(period) => (SCHEDULE_PERIODIC, whole_micros(*period)),
            };
            out.u8(kind);
            out.u8((*activate).into());
            out.u64(value);
        }
        Command::CreateSessionExt { home, descriptor } => {
            let mut payload = Writer::new();
            if let Some(home) = home {
                text::put(&mut payload, text::path_bytes(home));
            }
            out.u16(payload.len() as u16);
            let descriptor = descriptor.to_bytes();
            out.u64(descriptor.len() as u64);
            payload.bytes(&descriptor);
            return payload.into_bytes();
        }
        Command::ListSyscalls { .. }
        | Command::DestroySession { .. }
        | Command::ListChannels { .. }
        | Command::ListDomains { .. }
        | Command::ListSessions
        | Command::ListTracepoints { .. }
        | Command::ListTracepointFields { .. }
        | Command::StartTrace { .. }
        | Command::StopTrace { .. }
        | Command::DisableConsumer { .. }
        | Command::EnableConsumer { .. }
        | Command::DataPending { .. }
        | Command::SnapshotListOutput { .. }
        | Command::RegenerateMetadata { .. }
        | Command::RegenerateStatedump { .. }
        | Command::RotateSession { .. }
        | Command::SessionListRotationSchedules { .. }
        | Command::ClearSession { .. }
        | Command::ListChannelUsage { .. }
        | Command::ListTriggers => {}
    }
    Vec::new()
}

/// Builds the command of a request whose payload is complete.
pub(super) fn decode(header: &RequestHeader, union: &[u8], payload: &[u8]) -> Result<Command, Refusal> {
    use CommandKind as Kind;
    let Some(kind) = header.kind else {
        let why = WireError::BadValue { field: "request.cmd_type", value: header.number.into() };
        return Err(Refusal::new(ErrorCode::Und, why));
    };
    if kind.needs_session() && header.session.is_none() {
        let why = WireError::BadText { field: "request.session.name", why: "names no session" };
        return Err(Refusal::new(ErrorCode::SessNotFound, why));
    }
    let session = header.session.clone().unwrap_or_default();
    let domain = header.domain;
    let mut union = Reader::new(union);
    let malformed = |why| Refusal::new(header.malformed_code(), why);
    let command = match kind {
        Kind::AddContext => {
            let channel = channel_name(&mut union).map_err(malformed)?;
            let context = decode_context(header, payload)?;
            Command::AddContext { session, domain, channel, context }
        }
        Kind::DisableChannel => {
            let channel = channel_name(&mut union).map_err(malformed)?;
            Command::DisableChannel { session, domain, channel }
        }
        Kind::DisableEvent => {
            let channel = channel_name(&mut union).map_err(malformed)?;
            let event = Box::new(Event::from_bytes(payload).map_err(malformed)?);
            Command::DisableEvent { session, domain, channel, event }
        }
        Kind::ListSyscalls => Command::ListSyscalls { domain },
        Kind::EnableChannel => {
            let channel = Channel::from_bytes(payload).map_err(|why| match why {
                WireError::BadValue { field: "channel.output", .. } => {
                    Refusal::new(ErrorCode::NotSupported, why)
                }
                _ => malformed(why),
            })?;
            Command::EnableChannel { session, domain, channel }
        }
        Kind::EnableEvent => {
            let channel = channel_name(&mut union).map_err(malformed)?;
            let event = Box::new(Event::from_bytes(payload).map_err(malformed)?);
            Command::EnableEvent { session, domain, channel, event }
        }
        Kind::DestroySession => Command::DestroySession { session },
        Kind::ListChannels => Command::ListChannels { session, domain },
        Kind::ListDomains => Command::ListDomains { session },
        Kind::ListEvents => {
            let channel = channel_name(&mut union).map_err(malformed)?;
            Command::ListEvents { session, domain, channel }
        }
        Kind::ListSessions => Command::ListSessions,
        Kind::ListTracepoints => Command::ListTracepoints { domain },
        Kind::ListTracepointFields => Command::ListTracepointFields { domain },
        Kind::RegisterConsumer => {
            let socket = text::fixed_path(&mut union, "reg.path", PATH_SIZE).map_err(malformed)?;
            Command::RegisterConsumer { session, domain, socket }
        }
        // START and STOP name no domain; what is neither 0 nor a domain is refused as such.
        Kind::StartTrace | Kind::StopTrace if header.has_unknown_domain => {
            let why = WireError::BadText { field: "request.domain.type", why: "no such domain" };
            return Err(Refusal::new(ErrorCode::UnknownDomain, why));
        }
        Kind::StartTrace => Command::StartTrace { session },
        Kind::StopTrace => Command::StopTrace { session },
        Kind::DisableConsumer => Command::DisableConsumer { session, domain },
        Kind::EnableConsumer => Command::EnableConsumer { session, domain },
        Kind::SetConsumerUri => {
            let uris = decode_uris(payload).map_err(malformed)?;
            Command::SetConsumerUri { session, domain, uris }
        }
        Kind::DataPending => Command::DataPending { session },
        Kind::SnapshotAddOutput => {
            let output = Box::new(SnapshotOutput::decode(&mut union).map_err(malformed)?);
            Command::SnapshotAddOutput { session, output }
        }
        Kind::SnapshotDelOutput => {
            let output = Box::new(SnapshotOutput::decode(&mut union).map_err(malformed)?);
            Command::SnapshotDelOutput { session, output }
        }
        Kind::SnapshotListOutput => Command::SnapshotListOutput { session },
        Kind::SnapshotRecord => {
            let wait = union.u32("snapshot_record.wait").map_err(malformed)? != 0;
            let output = Box::new(SnapshotOutput::decode(&mut union).map_err(malformed)?);
            Command::SnapshotRecord { session, output, wait }
        }
        Kind::SaveSession => {
            Command::SaveSession(Box::new(SaveSession::decode(&mut union).map_err(malformed)?))
        }
        Kind::ProcessAttrTrackerAddIncludeValue => {
            let (attribute, value) = decode_tracker_value(header, &mut union, payload)?;
            Command::TrackerAddIncludeValue { session, domain, attribute, value }
        }
        Kind::ProcessAttrTrackerRemoveIncludeValue => {
            let (attribute, value) = decode_tracker_value(header, &mut union, payload)?;
            Command::TrackerRemoveIncludeValue { session, domain, attribute, value }
        }
        Kind::ProcessAttrTrackerGetPolicy => {
            let attribute = decode_tracker(header, &mut union)?;
            Command::TrackerGetPolicy { session, domain, attribute }
        }
        Kind::ProcessAttrTrackerSetPolicy => {
            let attribute = decode_tracker(header, &mut union)?;
            let field = "tracker.tracking_policy";
            let number = union.i32(field).map_err(malformed)?;
            let policy = TrackingPolicy::from_code(number).map_err(malformed)?;
            Command::TrackerSetPolicy { session, domain, attribute, policy }
        }
        Kind::ProcessAttrTrackerGetInclusionSet => {
            let attribute = decode_tracker(header, &mut union)?;
            Command::TrackerGetInclusionSet { session, domain, attribute }
        }
        Kind::SetSessionShmPath => {
            // The reference daemon cuts a path that is not terminated.
            let raw = union.bytes("set_shm_path", PATH_SIZE).map_err(malformed)?;
            let path = text::path_of(text::until_nul(&raw[..PATH_SIZE - 1]));
            Command::SetSessionShmPath { session, path }
        }
        Kind::RegenerateMetadata => Command::RegenerateMetadata { session },
        Kind::RegenerateStatedump => Command::RegenerateStatedump { session },
        Kind::RegisterTrigger => {
            union.skip(4).map_err(malformed)?;
            let anonymous = union.bool8("trigger.is_trigger_anonymous").map_err(malformed)?;
            let trigger = Box::new(decode_trigger(header, payload)?);
            Command::RegisterTrigger { trigger, anonymous }
        }
        Kind::UnregisterTrigger => {
            Command::UnregisterTrigger { trigger: Box::new(decode_trigger(header, payload)?) }
        }
        Kind::RotateSession => Command::RotateSession { session },
        Kind::RotationGetInfo => {
            let rotation = RotationId(union.u64("get_rotation_info.rotation_id").map_err(malformed)?);
            Command::RotationGetInfo { session, rotation }
        }
        Kind::RotationSetSchedule => {
            let (schedule, activate) = decode_schedule(&mut union).map_err(malformed)?;
            Command::RotationSetSchedule { session, schedule, activate }
        }
        Kind::SessionListRotationSchedules => Command::SessionListRotationSchedules { session },
        Kind::CreateSessionExt => decode_create(&mut union, payload).map_err(malformed)?,
        Kind::ClearSession => Command::ClearSession { session },
        Kind::ListChannelUsage => Command::ListChannelUsage { session },
        Kind::ListTriggers => Command::ListTriggers,
        Kind::ExecuteErrorQuery => {
            let query = ErrorQuery::from_bytes(payload).map_err(malformed)?;
            check_fds(header, &query.trigger)?;
            Command::ExecuteErrorQuery(Box::new(query))
        }
    };
    Ok(command)
}

fn channel_name(union: &mut Reader<'_>) -> Result<String, WireError> {
    text::fixed_string(union, "channel_name", CHANNEL_NAME_SIZE)
}

/// A context of a type that there is not is well-formed, but no domain has it.
fn decode_context(header: &RequestHeader, payload: &[u8]) -> Result<Context, Refusal> {
    Context::from_bytes(payload).map_err(|why| {
        let number = Reader::new(payload).u32("context.type");
        let unknown = number.is_ok_and(|number| !Context::is_known(number));
        match (unknown, header.domain_type()) {
            (true, Some(DomainType::Kernel)) => Refusal::new(ErrorCode::KernContextFail, why),
            (true, Some(_)) => Refusal::new(ErrorCode::UstContextInval, why),
            _ => Refusal::new(header.malformed_code(), why),
        }
    })
}

fn decode_uris(payload: &[u8]) -> Result<Vec<Uri>, WireError> {
    let mut input = Reader::new(payload);
    let mut uris = Vec::new();
    while !input.rest().is_empty() {
        uris.push(Uri::decode(&mut input)?);
    }
    match uris.is_empty() {
        true => Err(WireError::BadValue { field: "uri.size", value: 0 }),
        false => Ok(uris),
    }
}

fn decode_tracker(header: &RequestHeader, union: &mut Reader<'_>) -> Result<ProcessAttribute, Refusal> {
    let refuse = |code, why| Err(Refusal::new(code, why));
    let field = "tracker.process_attr";
    let number = union.i32(field).map_err(|why| Refusal::new(ErrorCode::Invalid, why))?;
    match header.domain_type() {
        Some(DomainType::Kernel | DomainType::Ust) => {
            ProcessAttribute::from_code(number).or_else(|why| refuse(ErrorCode::Invalid, why))
        }
        _ => refuse(
            ErrorCode::UnsupportedDomain,
            WireError::BadText { field: "request.domain.type", why: "has no trackers" },
        ),
    }
}

/// The checks are in the order of the reference daemon, which decides between its codes.
fn decode_tracker_value(
    header: &RequestHeader,
    union: &mut Reader<'_>,
    payload: &[u8],
) -> Result<(ProcessAttribute, ProcessAttributeValue), Refusal> {
    use ProcessAttributeValueType as Type;
    let invalid = |why| Refusal::new(ErrorCode::Invalid, why);
    let protocol = |why| Refusal::new(ErrorCode::InvalidProtocol, why);
    let unsupported = |why| Refusal::new(ErrorCode::UnsupportedDomain, why);

    let attribute = union.i32("tracker.process_attr").map_err(invalid)?;
    let value_type = union.i32("tracker.value_type").map_err(invalid)?;
    let bits = union.u64("tracker.value").map_err(invalid)?;
    if payload.len() > LOGIN_NAME_SIZE_MAX {
        let (value, limit) = (payload.len() as u64, LOGIN_NAME_SIZE_MAX as u64);
        return Err(invalid(WireError::TooLarge { field: "tracker.name_len", value, limit }));
    }
    let value_type = Type::from_code(value_type).map_err(invalid)?;
    let is_name = matches!(value_type, Type::UserName | Type::GroupName);
    if is_name == payload.is_empty() {
        let why = if is_name { "missing" } else { "follows a number" };
        return Err(protocol(WireError::BadText { field: "tracker.name", why }));
    }
    let domain = match header.domain_type() {
        Some(domain @ (DomainType::Kernel | DomainType::Ust)) => domain,
        _ => {
            return Err(unsupported(WireError::BadText {
                field: "request.domain.type",
                why: "has no trackers",
            }));
        }
    };
    let attribute = match ProcessAttribute::from_code(attribute) {
        Ok(attribute) if attribute.is_for(domain) => attribute,
        Ok(_) => {
            let why = "not a virtual attribute";
            return Err(unsupported(WireError::BadText { field: "tracker.process_attr", why }));
        }
        Err(why) if domain == DomainType::Ust => return Err(unsupported(why)),
        Err(why) => return Err(protocol(why)),
    };
    let value = if is_name {
        let name = text::counted_string(
            &mut Reader::new(payload),
            "tracker.name",
            payload.len() as u32,
            LOGIN_NAME_SIZE_MAX,
        )
        .map_err(invalid)?;
        match value_type {
            Type::UserName => ProcessAttributeValue::UserName(name),
            _ => ProcessAttributeValue::GroupName(name),
        }
    } else {
        ProcessAttributeValue::from_integral(value_type, bits).map_err(invalid)?
    };
    if !attribute.accepts(&value) {
        let why = "does not fit the attribute";
        return Err(invalid(WireError::BadText { field: "tracker.value_type", why }));
    }
    Ok((attribute, value))
}

fn decode_trigger(header: &RequestHeader, payload: &[u8]) -> Result<Trigger, Refusal> {
    let trigger = Trigger::from_bytes(payload).map_err(|why| Refusal::new(ErrorCode::InvalidTrigger, why))?;
    check_fds(header, &trigger)?;
    Ok(trigger)
}

/// A probe in a user-space binary is nothing without the binary. More descriptors than needed are tolerated.
fn check_fds(header: &RequestHeader, trigger: &Trigger) -> Result<(), Refusal> {
    if header.fds < trigger.fds() {
        let why = WireError::BadValue { field: "request.fd_count", value: header.fds.into() };
        return Err(Refusal::new(ErrorCode::InvalidTrigger, why));
    }
    Ok(())
}

fn decode_schedule(union: &mut Reader<'_>) -> Result<(RotationSchedule, bool), WireError> {
    let kind = union.u8("rotation_set_schedule.type")?;
    let activate = union.u8("rotation_set_schedule.set")? == 1;
    let value = union.u64("rotation_set_schedule.value")?;
    let schedule = match kind {
        SCHEDULE_SIZE => RotationSchedule::Size(value),
        SCHEDULE_PERIODIC => RotationSchedule::Periodic(Duration::from_micros(value)),
        other => {
            return Err(WireError::BadValue { field: "rotation_set_schedule.type", value: other.into() });
        }
    };
    Ok((schedule, activate))
}

fn decode_create(union: &mut Reader<'_>, payload: &[u8]) -> Result<Command, WireError> {
    let home_size = union.u16("create_session.home_dir_size")?;
    let descriptor_size = union.u64("create_session.session_descriptor_size")?;
    if usize::from(home_size) >= PATH_SIZE {
        let limit = PATH_SIZE as u64 - 1;
        return Err(WireError::TooLarge {
            field: "create_session.home_dir_size",
            value: home_size.into(),
            limit,
        });
    }
    if descriptor_size > SESSION_DESCRIPTOR_SIZE_MAX as u64 {
        return Err(WireError::TooLarge {
            field: "create_session.session_descriptor_size",
            value: descriptor_size,
            limit: SESSION_DESCRIPTOR_SIZE_MAX as u64,
        });
    }
    let mut input = Reader::new(payload);
    let home = match home_size {
        0 => None,
        len => {
            let field = "create_session.home";
            let home = text::counted_path(&mut input, field, len.into(), PATH_SIZE)?;
            if !home.is_absolute() {
                return Err(WireError::BadText { field, why: "not an absolute path" });
            }
            Some(home)
        }
    };
    // What follows the descriptor is ignored, as the reference daemon does.
    let descriptor = SessionDescriptor::decode(&mut input)?;
    Ok(Command::CreateSessionExt { home, descriptor: Box::new(descriptor) })
}
