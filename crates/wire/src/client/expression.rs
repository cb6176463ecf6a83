//! Event expressions: what a trigger captures of the event that fires it (`docs/spec/client-objects.md`, section 8).

use super::defaults::EXPRESSION_DEPTH_MAX;
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Names a value in an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EventExpression {
    /// A field of the payload.
    PayloadField(String),
    /// A context field, without `$ctx.`.
    ContextField(String),
    /// A context field of the application: `$app.PROVIDER:NAME`.
    AppContextField {
        /// The provider.
        provider: String,
        /// The field.
        name: String,
    },
    /// An element of an array, which any expression may name.
    ArrayElement {
        /// The element, from 0.
        index: u32,
        /// The array.
        array: Box<EventExpression>,
    },
}

const PAYLOAD_FIELD: u8 = 0;
const CONTEXT_FIELD: u8 = 1;
const APP_CONTEXT_FIELD: u8 = 2;
const ARRAY_ELEMENT: u8 = 3;

impl std::fmt::Display for EventExpression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EventExpression::PayloadField(name) => f.write_str(name),
            EventExpression::ContextField(name) => write!(f, "$ctx.{name}"),
            EventExpression::AppContextField { provider, name } => write!(f, "$app.{provider}:{name}"),
            EventExpression::ArrayElement { index, array } => write!(f, "{array}[{index}]"),
        }
    }
}

impl Encode for EventExpression {
    fn encode(&self, out: &mut Writer) {
        match self {
            EventExpression::PayloadField(name) => {
                out.u8(PAYLOAD_FIELD);
                text::put_counted(out, name);
            }
            EventExpression::ContextField(name) => {
                out.u8(CONTEXT_FIELD);
                text::put_counted(out, name);
            }
            EventExpression::AppContextField { provider, name } => {
                out.u8(APP_CONTEXT_FIELD);
                text::put_counted(out, provider);
                text::put_counted(out, name);
            }
            EventExpression::ArrayElement { index, array } => {
                out.u8(ARRAY_ELEMENT);
                out.u32(*index);
                array.encode(out);
            }
        }
    }
}

impl Decode for EventExpression {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut indices = Vec::new();
        let located = loop {
            match input.u8("expression.type")? {
                PAYLOAD_FIELD => {
                    break EventExpression::PayloadField(name(input, "expression.payload_field")?);
                }
                CONTEXT_FIELD => {
                    break EventExpression::ContextField(name(input, "expression.context_field")?);
                }
                APP_CONTEXT_FIELD => {
                    let provider = name(input, "expression.app_provider")?;
                    let name = name(input, "expression.app_type")?;
                    break EventExpression::AppContextField { provider, name };
                }
                ARRAY_ELEMENT if indices.len() < EXPRESSION_DEPTH_MAX => {
                    indices.push(input.u32("expression.index")?);
                }
                ARRAY_ELEMENT => {
                    let limit = EXPRESSION_DEPTH_MAX as u64;
                    return Err(WireError::TooLarge { field: "expression depth", value: limit + 1, limit });
                }
                other => return Err(WireError::BadValue { field: "expression.type", value: other.into() }),
            }
        };
        Ok(indices
            .into_iter()
            .rev()
            .fold(located, |array, index| EventExpression::ArrayElement { index, array: Box::new(array) }))
    }
}

fn name(input: &mut Reader<'_>, field: &'static str) -> Result<String, WireError> {
    let len = input.u32(field)?;
    text::counted_string(input, field, len, usize::MAX)
}
