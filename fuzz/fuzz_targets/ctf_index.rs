//! Index files. Entries of the two known sizes must be written as they were read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_ctf::index::{INDEX_HEADER_SIZE, Index, IndexVersion};

fuzz_target!(|file: &[u8]| {
    let Ok(index) = Index::parse(file) else { return };
    assert_eq!(index.entries().count(), index.len());
    for version in [IndexVersion::V1_0, IndexVersion::V1_1] {
        if file.starts_with(&version.header()) {
            let mut written = version.header().to_vec();
            index.entries().for_each(|entry| entry.write(version, &mut written));
            assert_eq!(written[INDEX_HEADER_SIZE..], file[INDEX_HEADER_SIZE..]);
        }
    }
});
