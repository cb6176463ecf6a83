//! Where and why metadata text cannot be read.

use std::ops::Range;

/// Metadata text that is not TSDL, or says something impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata line {line}, column {column}: {cause}")]
pub struct ParseError {
    /// Line of the text, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The bytes of the text that are at fault.
    pub span: Range<usize>,
    /// What is wrong there.
    pub cause: String,
}

impl ParseError {
    pub(crate) fn at(text: &str, span: Range<usize>, cause: impl Into<String>) -> ParseError {
        let (line, column) = place(text, span.start);
        ParseError { line, column, span, cause: cause.into() }
    }
}

/// Something in metadata text that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Line of the text, from 1.
    pub line: usize,
    /// What was passed over.
    pub message: String,
}

/// Line and column of a byte of `text`, both from 1.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    // Spans start at tokens, and those at characters.
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
