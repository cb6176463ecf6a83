//! A metadata file of either version of the format: told apart by how its text starts.

use crate::ctf2;
use crate::metadata_packet::{unpack, unpack_start};
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

/// As [`read_metadata`]; of a file that ends too early (in the middle of a packet, a block or a fragment), what is before.
/// Then also what is wrong with it.
pub(crate) fn read_what_is_there(file: &[u8]) -> Result<(Metadata, Option<String>), MetadataError> {
    let error = match read_metadata(file) {
        Ok(metadata) => return Ok((metadata, None)),
        Err(error) => error,
    };
    let (text, fault) = unpack_start(file);
    let metadata = if ctf2::is_metadata(&text) {
        let whole = memchr::memrchr(ctf2::RECORD_SEPARATOR, &text).filter(|at| *at > 0);
        // What is no JSON is cut off, if it is at the end; anything else wrong with a fragment is wrong.
        whole.and_then(|whole| match ctf2::parse(&text) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.path.is_empty() && error.name.is_empty() => ctf2::parse(&text[..whole]).ok(),
            Err(_) => None,
        })
    } else {
        start_of_text(&String::from_utf8_lossy(&text))
    };
    let metadata = metadata.ok_or_else(|| error.clone())?;
    let kinds: usize = metadata.trace.streams.iter().map(|stream| stream.events.len()).sum();
    let cause = fault.map_or_else(|| error.to_string(), |fault| fault.to_string());
    let what = format!("{cause}; what is before it is read: {kinds} kinds of events");
    Ok((metadata, Some(what)))
}

/// The metadata of text whose last block is cut off.
fn start_of_text(text: &str) -> Option<Metadata> {
    const BLOCK_END: &str = "\n};";
    let error = match tsdl::parse(text) {
        Ok(metadata) => return Some(metadata),
        Err(error) => error,
    };
    let end = text.rfind(BLOCK_END).filter(|end| error.span.start >= *end)?;
    tsdl::parse(&text[..end + BLOCK_END.len()]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKETS: &[u8] =
        include_bytes!("../../../tests/vectors/trace/per-uid/trace/ust/uid/0/64-bit/metadata");
    const TEXT: &str = include_str!("../../../tests/vectors/trace/per-uid/metadata.txt");
    const JSON: &[u8] = include_bytes!("../../../tests/vectors/ctf2/every-class/metadata");

    fn kinds(metadata: &Metadata) -> usize {
        metadata.trace.streams.iter().map(|stream| stream.events.len()).sum()
    }

    /// However much is missing at the end: what is read grows with what is there, and never is more than all.
    #[test]
    fn metadata_that_ends_too_early_is_read_so_far() {
        for whole in [PACKETS, TEXT.as_bytes(), JSON] {
            let all = kinds(&read_metadata(whole).unwrap());
            let mut before = 0;
            for length in (1..whole.len()).step_by(97) {
                let Ok((metadata, damage)) = read_what_is_there(&whole[..length]) else {
                    assert_eq!(before, 0, "{length} bytes");
                    continue;
                };
                assert!((before..=all).contains(&kinds(&metadata)), "{length} bytes");
                assert!(damage.is_some() || read_metadata(&whole[..length]).is_ok());
                before = kinds(&metadata);
            }
            assert!(before + 1 >= all, "{before} of {all}");
        }
    }

    #[test]
    fn what_is_wrong_in_the_middle_stays_wrong() {
        let wrong = TEXT.replacen("event {", "evnt {", 1);
        assert!(read_what_is_there(wrong.as_bytes()).is_err());
        assert!(read_what_is_there(b"").is_err());
        assert!(read_what_is_there(b"/* CTF 1.8 */ trace {").is_err());
    }
}
