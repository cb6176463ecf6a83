//! Metadata files: packets or text. What is read must be written so that it is read the same, and compile or say why
//! not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_ctf::decode::TraceDecoder;
use rttng_ctf::tsdl;

fuzz_target!(|file: &[u8]| {
    let metadata = match tsdl::read_metadata(file) {
        Ok(metadata) => metadata,
        Err(tsdl::MetadataError::NoSignature) => match tsdl::parse(&String::from_utf8_lossy(file)) {
            Ok(metadata) => metadata,
            Err(_) => return,
        },
        Err(_) => return,
    };
    let _ = TraceDecoder::new(&metadata.trace);
    // Names that are words of TSDL, which the parser takes where they are no matter, cannot be written.
    if let Ok(again) = tsdl::parse(&tsdl::write(&metadata.trace)) {
        assert_eq!(again.trace, metadata.trace);
    }
});
