//! Metadata of CTF 2: what is read must compile, or say why not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_ctf::{ctf2, decode::TraceDecoder, read_metadata};

fuzz_target!(|file: &[u8]| {
    if let Ok(metadata) = ctf2::parse(file) {
        let _ = TraceDecoder::new(&metadata.trace);
        // A file of it says the same.
        assert_eq!(read_metadata(file).expect("it was read as text"), metadata);
    }
});
