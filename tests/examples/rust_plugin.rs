//! A library with a tracer of its own, for programs that open and close libraries while they run.

#![expect(unsafe_code, reason = "the name of a function that others look up")]

/// Fires one event.
#[unsafe(no_mangle)]
pub extern "C" fn fire(number: i32) {
    rttng_ust::event!("plugin:fired", number: i32 = number);
}
