//! Error queries: counters of a trigger's condition and actions (`docs/spec/client-objects.md`, section 12).

use super::text;
use super::trigger::Trigger;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Which part of a trigger is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ErrorQueryTarget {
    /// The trigger itself.
    Trigger,
    /// Its condition.
    Condition,
    /// One of its actions.
    Action {
        /// The way to it: empty for the trigger's action itself, one index for an element of a list.
        path: Vec<u64>,
    },
}

/// Asks for the errors of a registered trigger.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorQuery {
    /// Which part.
    pub target: ErrorQueryTarget,
    /// A trigger that is the same as the registered one.
    pub trigger: Trigger,
}

const TARGET_TRIGGER: i8 = 0;
const TARGET_CONDITION: i8 = 1;
const TARGET_ACTION: i8 = 2;

impl Encode for ErrorQuery {
    fn encode(&self, out: &mut Writer) {
        out.i8(match self.target {
            ErrorQueryTarget::Trigger => TARGET_TRIGGER,
            ErrorQueryTarget::Condition => TARGET_CONDITION,
            ErrorQueryTarget::Action { .. } => TARGET_ACTION,
        });
        self.trigger.encode(out);
        if let ErrorQueryTarget::Action { path } = &self.target {
            out.u32(path.len() as u32);
            for &index in path {
                out.u64(index);
            }
        }
    }
}

impl Decode for ErrorQuery {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = input.i8("error_query.target")?;
        if !(TARGET_TRIGGER..=TARGET_ACTION).contains(&kind) {
            return Err(WireError::BadValue { field: "error_query.target", value: kind.into() });
        }
        let trigger = Trigger::decode(input)?;
        let target = match kind {
            TARGET_TRIGGER => ErrorQueryTarget::Trigger,
            TARGET_CONDITION => ErrorQueryTarget::Condition,
            _ => {
                let count = input.u32("error_query.index_count")?;
                let path = (0..count).map(|_| input.u64("error_query.index")).collect::<Result<_, _>>()?;
                ErrorQueryTarget::Action { path }
            }
        };
        Ok(ErrorQuery { target, trigger })
    }
}

/// One counter in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ErrorQueryResult {
    /// Its name, for example `total execution failures`.
    pub name: String,
    /// What it means.
    pub description: String,
    /// Its value.
    pub value: u64,
}

const RESULT_COUNTER: u8 = 0;

impl Encode for ErrorQueryResult {
    fn encode(&self, out: &mut Writer) {
        out.u8(RESULT_COUNTER);
        out.u32(text::counted_len(&self.name));
        out.u32(text::counted_len(&self.description));
        text::put(out, &self.name);
        text::put(out, &self.description);
        out.u64(self.value);
    }
}

impl Decode for ErrorQueryResult {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match input.u8("error_query.result.type")? {
            RESULT_COUNTER => {}
            other => {
                return Err(WireError::BadValue { field: "error_query.result.type", value: other.into() });
            }
        }
        let name_len = input.u32("error_query.result.name_len")?;
        let description_len = input.u32("error_query.result.description_len")?;
        let name = text::counted_string(input, "error_query.result.name", name_len, usize::MAX)?;
        let description =
            text::counted_string(input, "error_query.result.description", description_len, usize::MAX)?;
        let value = input.u64("error_query.result.value")?;
        Ok(ErrorQueryResult { name, description, value })
    }
}

/// Writes a set of results.
pub(crate) fn encode_results(results: &[ErrorQueryResult], out: &mut Writer) {
    out.u32(results.len() as u32);
    for result in results {
        result.encode(out);
    }
}

/// Reads what [`encode_results`] writes.
pub(crate) fn decode_results(input: &mut Reader<'_>) -> Result<Vec<ErrorQueryResult>, WireError> {
    let count = input.u32("error_query.result_count")?;
    (0..count).map(|_| ErrorQueryResult::decode(input)).collect()
}
