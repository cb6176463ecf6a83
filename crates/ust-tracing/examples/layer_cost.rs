//! What an event of `tracing` with three fields costs the program that fires it, in nanoseconds of its processor time:
//! without a session, and with one that records it.
//!
//! ```console
//! $ cargo build --release --example layer_cost
//! $ target/release/examples/layer_cost                                   # nobody wants it
//! $ rttng record --lossless -- target/release/examples/layer_cost        # recorded
//! ```

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};
use tracing_subscriber::prelude::*;

/// Events of a turn, and turns; the fastest turn counts.
const EVENTS: u64 = 100_000;
const TURNS: usize = 15;

fn main() {
    let registry = tracing_subscriber::registry();
    match std::env::args().nth(1).as_deref() {
        Some("--without-location") => registry.with(rttng_ust_tracing::layer_without_location()).init(),
        Some("--beside-others") => registry.with(rttng_ust_tracing::layer()).init(),
        _ => rttng_ust_tracing::init().expect("there is no other subscriber"),
    }
    let event = fastest(|number| tracing::info!(number, ratio = 0.5, text = "eleven byte"));
    println!("event with 3 fields: {event:.1} ns");
    let span = fastest(|number| drop(tracing::info_span!("span", number).entered()));
    println!("span with 1 field, made, entered, left, dropped: {span:.1} ns");
    let own = fastest(|number| {
        rttng_ust::event!("cost:own", number: u64, ratio: f64 = 0.5, text: &str = "eleven byte");
    });
    println!("event! with 3 fields: {own:.1} ns");
}

/// What this thread has run so far, in nanoseconds: other programs do not count.
fn processor_time() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Nanoseconds of one call in the fastest turn.
fn fastest(fire: impl Fn(u64)) -> f64 {
    let turn = |_| {
        let begin = processor_time();
        for number in 0..EVENTS {
            fire(black_box(number));
        }
        (processor_time() - begin) as f64 / EVENTS as f64
    };
    (0..TURNS).map(turn).fold(f64::INFINITY, f64::min)
}
