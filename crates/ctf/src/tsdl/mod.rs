//! TSDL, the text that describes a trace of CTF 1.8: writing it and reading it.

mod attributes;
mod document;
mod error;
mod lex;
mod parse;
pub(crate) mod scope;
mod times;
mod types;
pub(crate) mod write;

pub use document::write;
pub use error::{ParseError, Warning};
pub use parse::{Metadata, parse};

use crate::metadata_packet::{PacketError, unpack};

/// What text without packets must start with, so that it is known for metadata.
pub const SIGNATURE: &str = "/* CTF 1.8";

/// Why a metadata file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// There is nothing in it: the session daemon has not sent any yet.
    #[error("the metadata is still empty: it is written when the session stops")]
    Empty,
    /// It starts like neither of the two forms.
    #[error("this is no metadata: it starts neither with a packet nor with `{SIGNATURE} */`")]
    NoSignature,
    /// Its packets are broken.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// Its text is not TSDL, or says something impossible.
    #[error(transparent)]
    Text(#[from] ParseError),
}

/// Reads a metadata file: packets of either byte order, or plain text.
///
/// Bytes that are not UTF-8 become replacement characters; the real session daemon writes names of processes as they
/// come.
pub fn read_metadata(file: &[u8]) -> Result<Metadata, MetadataError> {
    if file.is_empty() {
        return Err(MetadataError::Empty);
    }
    let unpacked = unpack(file)?;
    if unpacked.packets.is_none() && !unpacked.text.starts_with(SIGNATURE.as_bytes()) {
        return Err(MetadataError::NoSignature);
    }
    Ok(parse(&String::from_utf8_lossy(&unpacked.text))?)
}

#[cfg(test)]
pub(crate) mod tests;
