//! Capture expressions of triggers: which field an event notification carries (`docs/spec/filter.md`, 6).

use crate::ast::{Node, OpClass};
use crate::bytecode::Bytecode;
use crate::codegen;
use crate::error::{FilterError, FilterErrorKind};
use crate::parser;
use crate::semantics::{self, Load, Root, Step};

/// What a capture takes: a whole field or context, or one element of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Capture {
    /// The field or context.
    pub source: CaptureSource,
    /// The element of an array or sequence.
    pub index: Option<u32>,
}

/// Where a captured value comes from. Names have no NUL byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CaptureSource {
    /// `name`
    Payload(String),
    /// `$ctx.name`
    Context(String),
    /// `$app.provider:name`
    AppContext {
        /// Before the first colon.
        provider: String,
        /// After it.
        name: String,
    },
}

impl Capture {
    /// Reads what `lttng add-trigger --capture` takes.
    ///
    /// # Errors
    /// What the reference refuses; constants, on which it aborts; indexes beyond 32 bits, of which it keeps the low
    /// half; empty provider names.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expr = parser::parse(text.as_bytes())?;
        semantics::check(&expr)?;
        let not_a_capture =
            |what| Err(FilterError::new(FilterErrorKind::NotACapture { what }, expr.span.clone()));
        let reference = match &expr.node {
            Node::Reference(reference) => reference,
            Node::Unary(..) => return not_a_capture("Unary operators"),
            Node::Chain(_, links) => match links.last().map(|link| link.operator.op.class()) {
                Some(OpClass::Logical) => return not_a_capture("Logical operators"),
                _ => return not_a_capture("Binary operators"),
            },
            Node::Integer(_) | Node::Float(_) | Node::Text(_) | Node::Group(_) => {
                return not_a_capture("Constants");
            }
        };
        let Load { root, steps } = semantics::resolve(reference)?;
        let [Step { name, index }] = &steps[..] else { return not_a_capture("Subfields") };
        let source = match root {
            Root::Payload => CaptureSource::Payload(name.clone()),
            Root::Context => CaptureSource::Context(name.clone()),
            Root::AppContext => match name.split_once(':') {
                Some((provider, name)) if !provider.is_empty() && !name.is_empty() => {
                    CaptureSource::AppContext { provider: provider.into(), name: name.into() }
                }
                _ => return Err(FilterError::new(FilterErrorKind::AppContextName, expr.span.clone())),
            },
        };
        let too_large = || FilterError::new(FilterErrorKind::CaptureIndex, expr.span.clone());
        let index = index.map(|index| u32::try_from(index).map_err(|_| too_large())).transpose()?;
        Ok(Self { source, index })
    }

    /// The bytecode that the session daemon sends for the capture at `position` of a trigger's list.
    ///
    /// # Errors
    /// A name that is too long to be sent.
    pub fn compile(&self, position: u64) -> Result<Bytecode, FilterError> {
        let (root, name) = match &self.source {
            CaptureSource::Payload(name) => (Root::Payload, name.clone()),
            CaptureSource::Context(name) => (Root::Context, name.clone()),
            CaptureSource::AppContext { provider, name } => (Root::AppContext, format!("{provider}:{name}")),
        };
        let length = name.len();
        if let Some(at) = name.bytes().position(|byte| byte == 0) {
            return Err(FilterError::new(FilterErrorKind::NulByte, at..at + 1));
        }
        let load = Load { root, steps: vec![Step { name, index: self.index.map(u64::from) }] };
        codegen::capture(&load, position, 0..length)
    }
}

impl std::fmt::Display for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.source {
            CaptureSource::Payload(name) => f.write_str(name)?,
            CaptureSource::Context(name) => write!(f, "$ctx.{name}")?,
            CaptureSource::AppContext { provider, name } => write!(f, "$app.{provider}:{name}")?,
        }
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As 2.13.9 sent them to an application (`docs/spec/filter.md`, 6).
    #[test]
    fn compiles_to_the_bytes_that_the_reference_daemon_sends() {
        let expected: [(&str, &[u8], u32); 5] = [
            ("s", b"\x51\x52\x02\0\x01\x01\0s\0", 5),
            ("ia[2]", b"\x51\x52\x02\0\x55\x02\0\0\0\0\0\0\0\x01\x01\0ia\0", 14),
            ("$ctx.vpid", b"\x4f\x52\x02\0\x01\x01\0vpid\0", 5),
            ("$app.prov:c", b"\x50\x52\x02\0\x01\x01\0prov:c\0", 5),
            ("ia", b"\x51\x52\x02\0\x01\x01\0ia\0", 5),
        ];
        for (position, (text, data, relocation_offset)) in (0..).zip(expected) {
            let capture = Capture::parse(text).unwrap();
            assert_eq!(capture.to_string(), text);
            let reference = Bytecode::from_parts(data.to_vec(), relocation_offset, position).unwrap();
            assert_eq!(capture.compile(position).unwrap(), reference, "{text}");
        }
    }

    #[test]
    fn takes_and_refuses_what_the_reference_does() {
        for text in [
            "(a)",
            "a[1][2]",
            "a[0][x]",
            "$ctx[0].vpid",
            "$app.p:t[1]",
            "$app.a:b:c",
            "a[4294967295]",
            "$ctx.$b",
        ] {
            Capture::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        for (text, what) in [
            ("-a", "Unary operators"),
            ("a==1", "Binary operators"),
            ("a&&b", "Logical operators"),
            ("a.b", "Subfields"),
            ("a[0].b", "Subfields"),
            ("$ctx.a.b", "Subfields"),
            // The reference client aborts on it.
            ("1", "Constants"),
        ] {
            assert_eq!(
                Capture::parse(text).unwrap_err().kind,
                FilterErrorKind::NotACapture { what },
                "{text}"
            );
        }
        for text in [
            "a+1",
            "\"x\"",
            "1.5",
            "$foo",
            "$ctx",
            "$app",
            "$app.noco",
            "$app.a:",
            "a[x]",
            "a[-1]",
            "",
            "a b",
            "a[4294967296]",
        ] {
            assert!(Capture::parse(text).is_err(), "{text}");
        }
    }
}
