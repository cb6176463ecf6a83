//! Conditions: when a trigger fires (`docs/spec/client-objects.md`, section 5).

use super::domain::DomainType;
use super::event_rule::EventRule;
use super::expression::EventExpression;
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// The kind of a condition.
    pub enum ConditionType: i8, "condition.type" {
        /// A session has recorded so much.
        SessionConsumedSize = 100,
        /// A channel's buffers are so full.
        BufferUsageHigh = 101,
        /// A channel's buffers are so empty.
        BufferUsageLow = 102,
        /// A session's rotation has begun.
        SessionRotationOngoing = 103,
        /// A session's rotation has ended.
        SessionRotationCompleted = 104,
        /// An event happened.
        EventRuleMatches = 105,
    }
}

/// How full a buffer is.
#[derive(Debug, Clone, Copy)]
pub enum UsageThreshold {
    /// So many bytes.
    Bytes(u64),
    /// Such a part of its capacity, 0.0 to 1.0.
    Ratio(f64),
}

/// Ratios are equal within the rounding of a double, as LTTng compares them.
impl PartialEq for UsageThreshold {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (UsageThreshold::Bytes(a), UsageThreshold::Bytes(b)) => a == b,
            (UsageThreshold::Ratio(a), UsageThreshold::Ratio(b)) => (a - b).abs() <= f64::EPSILON,
            _ => false,
        }
    }
}

/// The fill level of one channel.
#[derive(Debug, Clone, PartialEq)]
pub struct BufferUsage {
    /// The level.
    pub threshold: UsageThreshold,
    /// The session.
    pub session: String,
    /// The channel.
    pub channel: String,
    /// The channel's domain.
    pub domain: DomainType,
}

/// The events that fire a trigger and what is captured of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventRuleMatches {
    /// Which events.
    pub rule: EventRule,
    /// What is captured, in order; empty for kernel probes and uprobes.
    pub captures: Vec<EventExpression>,
}

/// When a trigger fires.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A session has recorded so much.
    SessionConsumedSize {
        /// How much, in bytes.
        threshold: u64,
        /// The session.
        session: String,
    },
    /// A channel's fullest stream has reached the level.
    BufferUsageHigh(BufferUsage),
    /// All of a channel's streams are at the level or below.
    BufferUsageLow(BufferUsage),
    /// A session's rotation has begun.
    SessionRotationOngoing {
        /// The session.
        session: String,
    },
    /// A session's rotation has ended.
    SessionRotationCompleted {
        /// The session.
        session: String,
    },
    /// An event happened.
    EventRuleMatches(EventRuleMatches),
}

impl Condition {
    /// Its kind.
    pub fn condition_type(&self) -> ConditionType {
        match self {
            Condition::SessionConsumedSize { .. } => ConditionType::SessionConsumedSize,
            Condition::BufferUsageHigh(_) => ConditionType::BufferUsageHigh,
            Condition::BufferUsageLow(_) => ConditionType::BufferUsageLow,
            Condition::SessionRotationOngoing { .. } => ConditionType::SessionRotationOngoing,
            Condition::SessionRotationCompleted { .. } => ConditionType::SessionRotationCompleted,
            Condition::EventRuleMatches(_) => ConditionType::EventRuleMatches,
        }
    }

    /// The domain that a client names when it registers a trigger with this condition.
    pub fn domain(&self) -> Option<DomainType> {
        match self {
            Condition::SessionConsumedSize { .. }
            | Condition::SessionRotationOngoing { .. }
            | Condition::SessionRotationCompleted { .. } => None,
            Condition::BufferUsageHigh(usage) | Condition::BufferUsageLow(usage) => Some(usage.domain),
            Condition::EventRuleMatches(matches) => Some(matches.rule.domain()),
        }
    }

    /// The session that it is about, if it is about one.
    pub fn session(&self) -> Option<&str> {
        match self {
            Condition::SessionConsumedSize { session, .. }
            | Condition::SessionRotationOngoing { session }
            | Condition::SessionRotationCompleted { session } => Some(session),
            Condition::BufferUsageHigh(usage) | Condition::BufferUsageLow(usage) => Some(&usage.session),
            Condition::EventRuleMatches(_) => None,
        }
    }

    /// What is captured when it becomes true.
    pub fn captures(&self) -> &[EventExpression] {
        match self {
            Condition::EventRuleMatches(matches) => &matches.captures,
            _ => &[],
        }
    }

    /// Descriptors that travel with it.
    pub fn fds(&self) -> u32 {
        match self {
            Condition::EventRuleMatches(matches) => matches.rule.fds(),
            _ => 0,
        }
    }

    /// Whether two are equal for LTTng: what decides whether a subscription is to this condition.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Condition::EventRuleMatches(a), Condition::EventRuleMatches(b)) => {
                a.rule.same_as(&b.rule) && a.captures == b.captures
            }
            _ => self == other,
        }
    }
}

/// Size of the longest session or channel name in a condition.
const NAME_SIZE_MAX: usize = 255;

impl Encode for Condition {
    fn encode(&self, out: &mut Writer) {
        out.i8(self.condition_type().code());
        match self {
            Condition::SessionConsumedSize { threshold, session } => {
                out.u64(*threshold);
                text::put_counted(out, session);
            }
            Condition::BufferUsageHigh(usage) | Condition::BufferUsageLow(usage) => {
                let (in_bytes, bytes, ratio) = match usage.threshold {
                    UsageThreshold::Bytes(bytes) => (true, bytes, 0.0),
                    UsageThreshold::Ratio(ratio) => (false, 0, ratio),
                };
                out.u8(in_bytes.into());
                out.u64(bytes);
                out.u64(ratio.to_bits());
                out.u32(text::counted_len(&usage.session));
                out.u32(text::counted_len(&usage.channel));
                out.i8(usage.domain.code() as i8);
                text::put(out, &usage.session);
                text::put(out, &usage.channel);
            }
            Condition::SessionRotationOngoing { session }
            | Condition::SessionRotationCompleted { session } => {
                text::put_counted(out, session);
            }
            Condition::EventRuleMatches(matches) => {
                matches.rule.encode(out);
                out.u32(matches.captures.len() as u32);
                for capture in &matches.captures {
                    capture.encode(out);
                }
            }
        }
    }
}

impl Decode for Condition {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match ConditionType::from_code(input.i8("condition.type")?)? {
            ConditionType::SessionConsumedSize => {
                let threshold = input.u64("condition.threshold")?;
                let session = decode_session(input)?;
                Ok(Condition::SessionConsumedSize { threshold, session })
            }
            ConditionType::BufferUsageHigh => decode_usage(input).map(Condition::BufferUsageHigh),
            ConditionType::BufferUsageLow => decode_usage(input).map(Condition::BufferUsageLow),
            ConditionType::SessionRotationOngoing => {
                Ok(Condition::SessionRotationOngoing { session: decode_session(input)? })
            }
            ConditionType::SessionRotationCompleted => {
                Ok(Condition::SessionRotationCompleted { session: decode_session(input)? })
            }
            ConditionType::EventRuleMatches => decode_matches(input).map(Condition::EventRuleMatches),
        }
    }
}

fn decode_session(input: &mut Reader<'_>) -> Result<String, WireError> {
    let len = input.u32("condition.session_name_len")?;
    text::counted_name_weak(input, "condition.session_name", len, NAME_SIZE_MAX)
}

fn decode_usage(input: &mut Reader<'_>) -> Result<BufferUsage, WireError> {
    let in_bytes = input.bool8("condition.threshold_set_in_bytes")?;
    let bytes = input.u64("condition.threshold_bytes")?;
    let ratio_bits = input.u64("condition.threshold_ratio")?;
    let session_len = input.u32("condition.session_name_len")?;
    let channel_len = input.u32("condition.channel_name_len")?;
    let domain = input.i8("condition.domain")?;
    let threshold = if in_bytes {
        UsageThreshold::Bytes(bytes)
    } else {
        let ratio = f64::from_bits(ratio_bits);
        if !(0.0..=1.0).contains(&ratio) {
            return Err(WireError::BadValue { field: "condition.threshold_ratio", value: ratio_bits.into() });
        }
        UsageThreshold::Ratio(ratio)
    };
    let domain = DomainType::from_code(domain.into())?;
    let session = text::counted_name_weak(input, "condition.session_name", session_len, NAME_SIZE_MAX)?;
    let channel = text::counted_name_weak(input, "condition.channel_name", channel_len, NAME_SIZE_MAX)?;
    Ok(BufferUsage { threshold, session, channel, domain })
}

fn decode_matches(input: &mut Reader<'_>) -> Result<EventRuleMatches, WireError> {
    let rule = EventRule::decode(input)?;
    let count = input.u32("condition.capture_count")?;
    if count > 0 && !rule.can_capture() {
        return Err(WireError::BadValue { field: "condition.capture_count of a probe", value: count.into() });
    }
    let captures = (0..count).map(|_| EventExpression::decode(input)).collect::<Result<_, _>>()?;
    Ok(EventRuleMatches { rule, captures })
}
