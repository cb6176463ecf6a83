//! The protocol between a control client and the session daemon, dialect 2.13.9.
//!
//! One connection carries one command (`docs/spec/client-protocol.md`): a [`Request`] out, a [`Reply`] back. The
//! objects inside them that have a variable size (triggers, conditions, event rules, descriptors, locations) are those
//! of `docs/spec/client-objects.md`; so is the [notification channel](notification), which is a socket of its own.
//!
//! A server reads until [`RequestFrame::progress`](request::RequestFrame::progress) says that the request is complete,
//! then decodes a [`Request`]: its header always, and either a [`Command`] or the [`Refusal`] to answer. A client
//! writes [`Command::to_request`], reads until [`ReplyFrame::progress`](reply::ReplyFrame::progress) is content, then
//! decodes a [`Reply`] for the command that it sent. Descriptors travel beside the bytes; each message says how many.

mod text;

pub mod action;
pub mod capture;
pub mod channel;
pub mod command;
pub mod condition;
pub mod context;
pub mod defaults;
pub mod descriptor;
pub mod domain;
pub mod error_code;
pub mod error_query;
pub mod evaluation;
pub mod event;
pub mod event_rule;
pub mod expression;
pub mod log_level;
pub mod notification;
pub mod probe;
pub mod reply;
pub mod request;
pub mod rotation;
pub mod save;
pub mod session;
pub mod snapshot;
pub mod tracker;
pub mod trigger;
pub mod uri;
pub mod url;
pub mod usage;

pub use action::{Action, RatePolicy, SnapshotAction};
pub use capture::{CapturePayload, CapturedValue};
pub use channel::{BlockingTimeout, Channel, ChannelAttributes, OutputType, OverwriteMode};
pub use command::{Command, CommandKind};
pub use condition::{BufferUsage, Condition, ConditionType, EventRuleMatches, UsageThreshold};
pub use context::{Context, ContextType, PerfCounter, PerfScope};
pub use descriptor::{SessionDescriptor, SessionKind, SessionOutput};
pub use domain::{BufferType, Domain, DomainType};
pub use error_code::ErrorCode;
pub use error_query::{ErrorQuery, ErrorQueryResult, ErrorQueryTarget};
pub use evaluation::Evaluation;
pub use event::{Event, EventField, EventKind, EventType, FieldType, Filter, FilterBytecode};
pub use event_rule::{EmissionSite, EventRule, LogLevelRule, LoggingRule, UserTracepointRule};
pub use expression::EventExpression;
pub use log_level::{LogLevelSelection, LogLevelType};
pub use notification::{Notification, NotificationReply, NotificationRequest, NotificationStatus};
pub use probe::{KernelProbeLocation, UserspaceProbeLocation};
pub use reply::{Answer, Destruction, Reply, ReplyFrame};
pub use request::{InvalidCommand, Progress, Refusal, Request, RequestFrame, RequestHeader};
pub use rotation::{
    RotationId, RotationInfo, RotationSchedule, RotationSchedules, RotationState, TraceArchiveLocation,
};
pub use save::SaveSession;
pub use session::Session;
pub use snapshot::{SnapshotMaxSize, SnapshotOutput};
pub use tracker::{ProcessAttribute, ProcessAttributeValue, TrackingPolicy};
pub use trigger::Trigger;
pub use uri::{Destination, StreamKind, Uri};
pub use url::{TraceUrl, UrlError};
pub use usage::ChannelUsage;
