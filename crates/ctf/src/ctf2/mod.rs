//! CTF 2 (CTF2-SPEC-2.0): metadata as a JSON text sequence of fragments, and the field types that CTF 1.8 does not have.
//!
//! What is read is a [`TraceClass`](crate::TraceClass) like that of CTF 1.8: roles become the names that those fields have
//! there, aliases are resolved away, and field locations become paths from the start of a scope.

mod classes;
mod error;
mod fragments;
mod json;
mod locate;
mod names;
mod properties;
mod rewrite;
#[cfg(test)]
mod tests;
mod types;
mod write;

pub use error::ParseError;
pub use types::{
    ANY_OPTION, BitArray, Blob, Boolean, Choice, Length, Optional, Text, TextEncoding, VariableInteger,
    option_step,
};
pub use write::write;

use crate::tsdl::Metadata;

/// What each fragment starts with.
pub const RECORD_SEPARATOR: u8 = 0x1e;

/// Whether this is metadata of CTF 2, by its start.
pub fn is_metadata(text: &[u8]) -> bool {
    text.first() == Some(&RECORD_SEPARATOR)
}

/// Reads metadata text, without packet headers.
pub fn parse(text: &[u8]) -> Result<Metadata, ParseError> {
    fragments::parse(text)
}
