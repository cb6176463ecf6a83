//! What an event of `tracing` with three fields costs the program that fires it, in nanoseconds: without a session, and
//! with one that records it.
//!
//! ```console
//! $ cargo build --release --example layer_cost
//! $ target/release/examples/layer_cost                                   # nobody wants it
//! $ rttng record --lossless -- target/release/examples/layer_cost        # recorded
//! ```

use std::hint::black_box;
use std::time::Instant;

use tracing_subscriber::prelude::*;

/// Events of a turn, and turns; the fastest turn counts.
const EVENTS: u64 = 100_000;
const TURNS: usize = 15;

fn main() {
    let with_location = std::env::args().nth(1).is_none_or(|word| word != "--without-location");
    let registry = tracing_subscriber::registry();
    if with_location {
        registry.with(rttng_ust_tracing::layer()).init();
    } else {
        registry.with(rttng_ust_tracing::layer_without_location()).init();
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

/// Nanoseconds of one call in the fastest turn.
fn fastest(fire: impl Fn(u64)) -> f64 {
    let turn = |_| {
        let begin = Instant::now();
        for number in 0..EVENTS {
            fire(black_box(number));
        }
        begin.elapsed().as_nanos() as f64 / EVENTS as f64
    };
    (0..TURNS).map(turn).fold(f64::INFINITY, f64::min)
}
