//! Data packets, read with metadata from the same input: its text, a NUL, the packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_ctf::decode::TraceDecoder;
use rttng_ctf::tsdl;

fuzz_target!(|input: &[u8]| {
    let text_end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (text, packet) = input.split_at(text_end);
    let Ok(metadata) = tsdl::parse(&String::from_utf8_lossy(text)) else { return };
    let packet = packet.get(1..).unwrap_or_default();
    let Ok(mut decoder) = TraceDecoder::new(&metadata.trace) else { return };
    if let Ok(info) = decoder.packet(packet, packet.len() as u64) {
        let mut seen = 0u64;
        let _ = decoder.events(packet, &info, |_| seen += 1);
        assert!(seen <= info.content_bits);
    }
});
