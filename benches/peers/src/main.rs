//! What an event of the `tracing` crate with three fields costs the program that fires it, by the layer that takes it:
//! `peers HOW FILE`. Prints how many events there were and the processor time that they took, as the other programs that
//! are measured do.

use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::sync::Mutex;

use rustix::time::{ClockId, clock_gettime};
use tracing_subscriber::prelude::*;

const EVENTS: u64 = 200_000;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let file = || File::create(words.get(2).expect("a file to write to")).expect("the file can be made");
    let registry = tracing_subscriber::registry();
    match words.get(1).map(String::as_str) {
        Some("alone") => rttng_ust_tracing::init().expect("there is no other subscriber"),
        Some("beside") => registry.with(rttng_ust_tracing::layer()).init(),
        Some("fmt") => {
            let writer = Mutex::new(BufWriter::with_capacity(1 << 16, file()));
            registry.with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer)).init();
        }
        Some("tracy") => registry.with(tracing_tracy::TracyLayer::default()).init(),
        Some("perfetto") => return perfetto(),
        other => panic!("no such layer: {other:?}"),
    }
    tell(|number| tracing::info!(number, ratio = 0.5, text = "eleven byte"));
}

/// Its own kind of event, which has a beginning and an end: it takes none of `tracing`.
fn perfetto() {
    perfetto_recorder::start().expect("recording was built in");
    tell(|number| {
        perfetto_recorder::scope!("event", number = number, ratio = 0.5, text = "eleven byte");
    });
}

fn tell(fire: impl Fn(u64)) {
    // The first event is when layers get to know it.
    fire(0);
    let began = processor_time();
    (0..EVENTS).for_each(|number| fire(black_box(number)));
    println!("events {EVENTS} wall_ns 0 cpu_ns {}", processor_time() - began);
}

/// What this thread has run so far, in nanoseconds: other programs do not count.
fn processor_time() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
