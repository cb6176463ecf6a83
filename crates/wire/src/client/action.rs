//! Actions: what a trigger does (`docs/spec/client-objects.md`, section 9).

use std::num::NonZeroU64;

use super::snapshot::SnapshotOutput;
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Which firings of a trigger execute an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RatePolicy {
    /// Each N-th.
    EveryN(NonZeroU64),
    /// The N-th only.
    OnceAfterN(NonZeroU64),
}

impl Default for RatePolicy {
    fn default() -> Self {
        RatePolicy::EveryN(NonZeroU64::MIN)
    }
}

impl RatePolicy {
    /// Whether the firing with this number, counted from 1, executes the action.
    pub fn executes(self, firing: u64) -> bool {
        match self {
            RatePolicy::EveryN(n) => firing.is_multiple_of(n.get()),
            RatePolicy::OnceAfterN(n) => firing == n.get(),
        }
    }

    const SIZE: u32 = 9;
}

impl Encode for RatePolicy {
    fn encode(&self, out: &mut Writer) {
        let (kind, n) = match self {
            RatePolicy::EveryN(n) => (0, n),
            RatePolicy::OnceAfterN(n) => (1, n),
        };
        out.i8(kind);
        out.u64(n.get());
    }
}

impl Decode for RatePolicy {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = input.i8("rate_policy.type")?;
        let n = input.u64("rate_policy.n")?;
        let n = NonZeroU64::new(n).ok_or(WireError::BadValue { field: "rate_policy.n", value: 0 })?;
        match kind {
            0 => Ok(RatePolicy::EveryN(n)),
            1 => Ok(RatePolicy::OnceAfterN(n)),
            other => Err(WireError::BadValue { field: "rate_policy.type", value: other.into() }),
        }
    }
}

/// Takes a snapshot of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotAction {
    /// The session.
    pub session: String,
    /// Where to; without one the session's own outputs.
    pub output: Option<Box<SnapshotOutput>>,
    /// Which firings.
    pub policy: RatePolicy,
}

/// What a trigger does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Sends a notification to the clients that subscribed.
    Notify {
        /// Which firings.
        policy: RatePolicy,
    },
    /// Starts a session.
    StartSession {
        /// The session.
        session: String,
        /// Which firings.
        policy: RatePolicy,
    },
    /// Stops a session.
    StopSession {
        /// The session.
        session: String,
        /// Which firings.
        policy: RatePolicy,
    },
    /// Rotates a session.
    RotateSession {
        /// The session.
        session: String,
        /// Which firings.
        policy: RatePolicy,
    },
    /// Takes a snapshot of a session.
    SnapshotSession(SnapshotAction),
    /// Several, in order; none of them a list itself.
    List(Vec<Action>),
}

const NOTIFY: i8 = 0;
const START_SESSION: i8 = 1;
const STOP_SESSION: i8 = 2;
const ROTATE_SESSION: i8 = 3;
const SNAPSHOT_SESSION: i8 = 4;
const LIST: i8 = 5;

impl Action {
    /// The actions of a list, or the one that it is.
    pub fn elements(&self) -> &[Action] {
        match self {
            Action::List(actions) => actions,
            single => std::slice::from_ref(single),
        }
    }

    /// Which firings execute it; a list has no policy of its own.
    pub fn policy(&self) -> Option<RatePolicy> {
        match self {
            Action::Notify { policy }
            | Action::StartSession { policy, .. }
            | Action::StopSession { policy, .. }
            | Action::RotateSession { policy, .. }
            | Action::SnapshotSession(SnapshotAction { policy, .. }) => Some(*policy),
            Action::List(_) => None,
        }
    }

    /// Whether two are equal for LTTng, which leaves the number of a snapshot output out.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Action::List(a), Action::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_as(b))
            }
            (Action::SnapshotSession(a), Action::SnapshotSession(b)) => {
                a.session == b.session
                    && a.policy == b.policy
                    && match (&a.output, &b.output) {
                        (Some(a), Some(b)) => a.same_as(b),
                        (None, None) => true,
                        _ => false,
                    }
            }
            _ => self == other,
        }
    }
}

impl Encode for Action {
    fn encode(&self, out: &mut Writer) {
        let mut on_session = |kind, session: &str, policy: &RatePolicy| {
            out.i8(kind);
            text::put_counted(out, session);
            policy.encode(out);
        };
        match self {
            Action::Notify { policy } => {
                out.i8(NOTIFY);
                policy.encode(out);
            }
            Action::StartSession { session, policy } => on_session(START_SESSION, session, policy),
            Action::StopSession { session, policy } => on_session(STOP_SESSION, session, policy),
            Action::RotateSession { session, policy } => on_session(ROTATE_SESSION, session, policy),
            Action::SnapshotSession(snapshot) => {
                out.i8(SNAPSHOT_SESSION);
                out.u32(text::counted_len(&snapshot.session));
                out.u32(snapshot.output.as_ref().map_or(0, |_| SnapshotOutput::SIZE as u32));
                out.u32(RatePolicy::SIZE);
                text::put(out, &snapshot.session);
                if let Some(output) = &snapshot.output {
                    output.encode(out);
                }
                snapshot.policy.encode(out);
            }
            Action::List(actions) => {
                out.i8(LIST);
                out.u32(actions.len() as u32);
                for action in actions {
                    action.encode(out);
                }
            }
        }
    }
}

impl Decode for Action {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match input.i8("action.type")? {
            LIST => {
                let count = input.u32("action.count")?;
                let actions = (0..count).map(|_| {
                    let kind = input.i8("action.type")?;
                    decode_single(kind, input)
                });
                actions.collect::<Result<_, _>>().map(Action::List)
            }
            kind => decode_single(kind, input),
        }
    }
}

/// Decodes what follows the type of an action that is no list.
fn decode_single(kind: i8, input: &mut Reader<'_>) -> Result<Action, WireError> {
    match kind {
        NOTIFY => Ok(Action::Notify { policy: RatePolicy::decode(input)? }),
        START_SESSION | STOP_SESSION | ROTATE_SESSION => {
            let len = input.u32("action.session_name_len")?;
            let session = text::counted_name(input, "action.session_name", len, usize::MAX)?;
            let policy = RatePolicy::decode(input)?;
            Ok(match kind {
                START_SESSION => Action::StartSession { session, policy },
                STOP_SESSION => Action::StopSession { session, policy },
                _ => Action::RotateSession { session, policy },
            })
        }
        SNAPSHOT_SESSION => {
            let session_len = input.u32("action.session_name_len")?;
            let output_len = input.u32("action.snapshot_output_len")?;
            let policy_len = input.u32("action.rate_policy_len")?;
            let session = text::counted_name(input, "action.session_name", session_len, usize::MAX)?;
            let output = match output_len as usize {
                0 => None,
                SnapshotOutput::SIZE => Some(Box::new(SnapshotOutput::decode(input)?)),
                _ => {
                    return Err(WireError::BadValue {
                        field: "action.snapshot_output_len",
                        value: output_len.into(),
                    });
                }
            };
            if policy_len != RatePolicy::SIZE {
                return Err(WireError::BadValue {
                    field: "action.rate_policy_len",
                    value: policy_len.into(),
                });
            }
            let policy = RatePolicy::decode(input)?;
            Ok(Action::SnapshotSession(SnapshotAction { session, output, policy }))
        }
        other => Err(WireError::BadValue { field: "action.type", value: other.into() }),
    }
}
