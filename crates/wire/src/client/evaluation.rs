//! Evaluations: what was found when a condition became true (`docs/spec/client-objects.md`, section 14).

use super::capture::CapturePayload;
use super::condition::ConditionType;
use super::rotation::{RotationId, TraceArchiveLocation};
use crate::{Decode, Encode, Reader, WireError, Writer};

/// The fill level that was sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SampledUsage {
    /// Bytes in the fullest stream.
    pub buffer_use: u64,
    /// Bytes that a stream can hold.
    pub buffer_capacity: u64,
}

/// What was found when a condition became true.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Evaluation {
    /// A session has recorded so many bytes.
    SessionConsumedSize(u64),
    /// A channel is so full.
    BufferUsageHigh(SampledUsage),
    /// A channel is so empty.
    BufferUsageLow(SampledUsage),
    /// A rotation has begun.
    SessionRotationOngoing(RotationId),
    /// A rotation has ended.
    SessionRotationCompleted {
        /// Which.
        id: RotationId,
        /// Where the archived chunk lies.
        location: Option<TraceArchiveLocation>,
    },
    /// An event happened; what the condition's capture descriptors name, in their order.
    EventRuleMatches(CapturePayload),
}

impl Evaluation {
    /// The kind of condition that it belongs to.
    pub fn condition_type(&self) -> ConditionType {
        match self {
            Evaluation::SessionConsumedSize(_) => ConditionType::SessionConsumedSize,
            Evaluation::BufferUsageHigh(_) => ConditionType::BufferUsageHigh,
            Evaluation::BufferUsageLow(_) => ConditionType::BufferUsageLow,
            Evaluation::SessionRotationOngoing(_) => ConditionType::SessionRotationOngoing,
            Evaluation::SessionRotationCompleted { .. } => ConditionType::SessionRotationCompleted,
            Evaluation::EventRuleMatches(_) => ConditionType::EventRuleMatches,
        }
    }
}

impl Encode for Evaluation {
    fn encode(&self, out: &mut Writer) {
        out.i8(self.condition_type().code());
        match self {
            Evaluation::SessionConsumedSize(bytes) => out.u64(*bytes),
            Evaluation::BufferUsageHigh(usage) | Evaluation::BufferUsageLow(usage) => {
                out.u64(usage.buffer_use);
                out.u64(usage.buffer_capacity);
            }
            Evaluation::SessionRotationOngoing(id) => {
                out.u64(id.0);
                out.u8(0);
            }
            Evaluation::SessionRotationCompleted { id, location } => {
                out.u64(id.0);
                out.u8(location.is_some().into());
                if let Some(location) = location {
                    location.encode(out);
                }
            }
            Evaluation::EventRuleMatches(captures) => {
                out.u32(captures.as_bytes().len() as u32);
                out.bytes(captures.as_bytes());
            }
        }
    }
}

impl Decode for Evaluation {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = ConditionType::from_code(input.i8("evaluation.type")?)?;
        match kind {
            ConditionType::SessionConsumedSize => {
                Ok(Evaluation::SessionConsumedSize(input.u64("evaluation.session_consumed")?))
            }
            ConditionType::BufferUsageHigh | ConditionType::BufferUsageLow => {
                let usage = SampledUsage {
                    buffer_use: input.u64("evaluation.buffer_use")?,
                    buffer_capacity: input.u64("evaluation.buffer_capacity")?,
                };
                Ok(if kind == ConditionType::BufferUsageHigh {
                    Evaluation::BufferUsageHigh(usage)
                } else {
                    Evaluation::BufferUsageLow(usage)
                })
            }
            ConditionType::SessionRotationOngoing | ConditionType::SessionRotationCompleted => {
                let id = RotationId(input.u64("evaluation.rotation_id")?);
                let location = match input.bool8("evaluation.has_location")? {
                    true => Some(TraceArchiveLocation::decode(input)?),
                    false => None,
                };
                match (kind, location) {
                    (ConditionType::SessionRotationOngoing, None) => {
                        Ok(Evaluation::SessionRotationOngoing(id))
                    }
                    (ConditionType::SessionRotationOngoing, Some(_)) => Err(WireError::BadValue {
                        field: "evaluation.has_location of a running rotation",
                        value: 1,
                    }),
                    (_, location) => Ok(Evaluation::SessionRotationCompleted { id, location }),
                }
            }
            ConditionType::EventRuleMatches => {
                let size = input.u32("evaluation.capture_payload_size")?;
                let bytes = input.bytes("evaluation.capture_payload", size as usize)?;
                Ok(Evaluation::EventRuleMatches(CapturePayload::from_bytes(bytes)))
            }
        }
    }
}
