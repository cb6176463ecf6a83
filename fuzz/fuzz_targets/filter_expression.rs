//! Any text compiles to valid bytecode or is refused at a place inside it; what parses prints to what parses the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_filter::{Capture, compile_bytes, parse};

fuzz_target!(|text: &[u8]| {
    match compile_bytes(text) {
        Ok(bytecode) => assert_eq!(bytecode.validate(), Ok(())),
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            error.lttng_text();
            if let Ok(text) = std::str::from_utf8(text) {
                error.render(text);
            }
        }
    }
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Ok(capture) = Capture::parse(text) {
        assert!(capture.compile(0).is_ok_and(|bytecode| bytecode.validate().is_ok()));
    }
    if let Ok(tree) = parse(text.as_bytes()) {
        // Printing adds spaces and parentheses: what was near a limit may pass it.
        let printed = tree.to_string();
        if printed.len() < 10_000 && text.len() < 1_000 {
            assert_eq!(parse(printed.as_bytes()), Ok(tree), "{printed}");
        }
    }
});
