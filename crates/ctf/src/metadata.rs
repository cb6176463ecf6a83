//! A metadata file of either version of the format: told apart by how its text starts.

use crate::ctf2;
use crate::metadata_packet::unpack;
use crate::tsdl;

pub use crate::tsdl::{Metadata, Warning};

/// Why a metadata file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Of CTF 1.8, or of nothing known.
    #[error(transparent)]
    Ctf1(#[from] tsdl::MetadataError),
    /// Of CTF 2.
    #[error(transparent)]
    Ctf2(#[from] ctf2::ParseError),
}

/// Reads a metadata file: packets of either byte order, or plain text; of TSDL or of JSON.
pub fn read_metadata(file: &[u8]) -> Result<Metadata, MetadataError> {
    let unpacked = unpack(file).map_err(tsdl::MetadataError::from)?;
    if ctf2::is_metadata(&unpacked.text) {
        return Ok(ctf2::parse(&unpacked.text)?);
    }
    Ok(tsdl::read_metadata(file)?)
}
