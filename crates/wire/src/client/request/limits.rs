//! What a client checks before it sends a command, as liblttng-ctl does: a text that does not fit its field would arrive
//! cut, and mean something else.

use std::path::Path;

use crate::client::command::Command;
use crate::client::context::Context;
use crate::client::defaults::{
    BYTECODE_SIZE_MAX, CHANNEL_NAME_MAX, FILTER_SIZE_MAX, LOGIN_NAME_SIZE_MAX, PATH_MAX, REQUEST_PAYLOAD_MAX,
    SESSION_NAME_MAX, SYMBOL_NAME_MAX,
};
use crate::client::descriptor::SessionOutput;
use crate::client::event::{Event, EventKind, FilterBytecode, ProbeAttributes};
use crate::client::probe::UserspaceProbeLocation;
use crate::client::snapshot::SnapshotOutput;
use crate::client::text;
use crate::client::uri::{Destination, Uri};
use crate::text::Raw;
use crate::{Encode, Writer};

/// A command that cannot be sent: one of its texts does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCommand {
    /// The text is too long.
    #[error("{field} is {len} bytes long, the longest that LTTng takes is {limit}")]
    TooLong {
        /// What the text is.
        field: &'static str,
        /// Its length in bytes.
        len: usize,
        /// The longest that fits, in bytes.
        limit: usize,
    },
    /// The text has a NUL inside.
    #[error("{field} contains a NUL character")]
    InnerNul {
        /// What the text is.
        field: &'static str,
    },
    /// The text is empty.
    #[error("{field} is empty")]
    Empty {
        /// What the text is.
        field: &'static str,
    },
}

type Verdict = Result<(), InvalidCommand>;

fn fits(field: &'static str, text: impl Raw, limit: usize) -> Verdict {
    let text = text.raw();
    if text.contains(&0) {
        return Err(InvalidCommand::InnerNul { field });
    }
    match text.len() {
        len if len > limit => Err(InvalidCommand::TooLong { field, len, limit }),
        _ => Ok(()),
    }
}

fn path_fits(field: &'static str, path: &Path) -> Verdict {
    fits(field, text::path_bytes(path), PATH_MAX)
}

/// Checks every text of a command.
pub(super) fn check(command: &Command) -> Verdict {
    if let Some(session) = command.session() {
        fits("session name", session, SESSION_NAME_MAX)?;
    }
    match command {
        Command::AddContext { channel, context, .. } => {
            fits("channel name", channel, CHANNEL_NAME_MAX)?;
            check_context(context)
        }
        Command::EnableEvent { channel, event, .. } | Command::DisableEvent { channel, event, .. } => {
            fits("channel name", channel, CHANNEL_NAME_MAX)?;
            check_event(event)
        }
        Command::DisableChannel { channel, .. } | Command::ListEvents { channel, .. } => {
            fits("channel name", channel, CHANNEL_NAME_MAX)
        }
        Command::EnableChannel { channel, .. } => fits("channel name", &channel.name, CHANNEL_NAME_MAX),
        Command::RegisterConsumer { socket, .. } => path_fits("socket path", socket),
        Command::SetSessionShmPath { path, .. } => path_fits("shared memory path", path),
        Command::SetConsumerUri { uris, .. } => uris.iter().try_for_each(check_uri),
        Command::SnapshotAddOutput { output, .. }
        | Command::SnapshotDelOutput { output, .. }
        | Command::SnapshotRecord { output, .. } => check_snapshot_output(output),
        Command::SaveSession(save) => {
            fits("session name", save.session.as_deref().unwrap_or(""), SESSION_NAME_MAX)?;
            save.folder.as_deref().map_or(Ok(()), |folder| path_fits("folder of session files", folder))
        }
        Command::TrackerAddIncludeValue { value, .. } | Command::TrackerRemoveIncludeValue { value, .. } => {
            fits("user or group name", value.name().unwrap_or(""), LOGIN_NAME_SIZE_MAX - 1)
        }
        Command::RegisterTrigger { trigger, .. } | Command::UnregisterTrigger { trigger } => {
            check_object("trigger", trigger.as_ref())
        }
        Command::ExecuteErrorQuery(query) => check_object("error query", query.as_ref()),
        Command::CreateSessionExt { home, descriptor } => {
            home.as_deref()
                .map_or(Ok(()), |home| fits("home folder", text::path_bytes(home), PATH_MAX - 1))?;
            match descriptor.name.as_deref() {
                Some("") => return Err(InvalidCommand::Empty { field: "session name" }),
                name => fits("session name", name.unwrap_or(""), SESSION_NAME_MAX)?,
            }
            match &descriptor.output {
                SessionOutput::Local(Some(uri)) => check_uri(uri),
                SessionOutput::Network(Some(network)) => {
                    check_uri(&network.control)?;
                    check_uri(&network.data)
                }
                SessionOutput::None | SessionOutput::Local(None) | SessionOutput::Network(None) => Ok(()),
            }
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
        | Command::TrackerGetPolicy { .. }
        | Command::TrackerSetPolicy { .. }
        | Command::TrackerGetInclusionSet { .. }
        | Command::RegenerateMetadata { .. }
        | Command::RegenerateStatedump { .. }
        | Command::RotateSession { .. }
        | Command::RotationGetInfo { .. }
        | Command::RotationSetSchedule { .. }
        | Command::SessionListRotationSchedules { .. }
        | Command::ClearSession { .. }
        | Command::ListChannelUsage { .. }
        | Command::ListTriggers => Ok(()),
    }
}

/// An object of counted texts cuts nothing but at a NUL; its size is what is limited.
fn check_object(field: &'static str, object: &impl Encode) -> Verdict {
    let mut out = Writer::new();
    object.encode(&mut out);
    match out.len() {
        len if len > REQUEST_PAYLOAD_MAX => {
            Err(InvalidCommand::TooLong { field, len, limit: REQUEST_PAYLOAD_MAX })
        }
        _ => Ok(()),
    }
}

fn check_context(context: &Context) -> Verdict {
    match context {
        Context::Builtin(_) => Ok(()),
        Context::Perf(counter) => fits("counter name", &counter.name, SYMBOL_NAME_MAX),
        Context::App { provider, name } => {
            for (field, text) in [("context provider", provider), ("context name", name)] {
                if text.is_empty() {
                    return Err(InvalidCommand::Empty { field });
                }
                fits(field, text, REQUEST_PAYLOAD_MAX / 4)?;
            }
            Ok(())
        }
    }
}

fn check_event(event: &Event) -> Verdict {
    fits("event name", &event.name, SYMBOL_NAME_MAX)?;
    for exclusion in &event.exclusions {
        fits("exclusion", exclusion, SYMBOL_NAME_MAX)?;
    }
    if let Some(filter) = &event.filter {
        fits("filter expression", &filter.expression, FILTER_SIZE_MAX - 1)?;
        let len = filter.bytecode.as_ref().map_or(0, |code| FilterBytecode::HEADER_SIZE + code.data.len());
        if len > BYTECODE_SIZE_MAX {
            return Err(InvalidCommand::TooLong { field: "filter bytecode", len, limit: BYTECODE_SIZE_MAX });
        }
    }
    match &event.kind {
        EventKind::Probe(ProbeAttributes { symbol, .. })
        | EventKind::Function(ProbeAttributes { symbol, .. })
        | EventKind::FunctionEntry { symbol } => fits("symbol name", symbol, SYMBOL_NAME_MAX),
        EventKind::UserspaceProbe(UserspaceProbeLocation::Function { function, binary }) => {
            fits("function name", function, SYMBOL_NAME_MAX)?;
            path_fits("binary path", binary)
        }
        EventKind::UserspaceProbe(UserspaceProbeLocation::Tracepoint { probe, provider, binary }) => {
            fits("probe name", probe, SYMBOL_NAME_MAX)?;
            fits("provider name", provider, SYMBOL_NAME_MAX)?;
            path_fits("binary path", binary)
        }
        EventKind::All | EventKind::Tracepoint | EventKind::Noop | EventKind::Syscall => Ok(()),
    }
}

fn check_uri(uri: &Uri) -> Verdict {
    fits("sub-folder", &uri.subdir, PATH_MAX)?;
    match &uri.destination {
        Destination::Path(path) => path_fits("output path", path),
        Destination::Ipv4(_) | Destination::Ipv6(_) => Ok(()),
    }
}

fn check_snapshot_output(output: &SnapshotOutput) -> Verdict {
    fits("snapshot name", &output.name, SESSION_NAME_MAX)?;
    fits("control URL", &output.ctrl_url, PATH_MAX)?;
    fits("data URL", &output.data_url, PATH_MAX)
}
