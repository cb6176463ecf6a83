//! What nobody wants is soon not even asked about, as `tracing` does it for what is disabled; without a session daemon.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::prelude::*;

/// A layer that wants nothing, and its filter, which counts how often it is asked nevertheless.
struct Counting;

static ASKED: AtomicU32 = AtomicU32::new(0);

impl<S: Subscriber> Layer<S> for Counting {}

impl<S> Filter<S> for Counting {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        ASKED.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn callsite_enabled(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::never()
    }
}

#[test]
fn what_nobody_wants_is_soon_not_asked_about() {
    let others = Counting.with_filter(Counting);
    tracing_subscriber::registry().with(rttng_ust_tracing::layer()).with(others).init();
    let until = Instant::now() + Duration::from_secs(60);
    let fire = |count: u32| {
        let before = ASKED.load(Ordering::Relaxed);
        for number in 0..count {
            tracing::info!(number, "an event");
            let _span = tracing::info_span!("a span", number).entered();
        }
        ASKED.load(Ordering::Relaxed) - before
    };
    assert!(fire(1) > 0, "nothing is known of them yet");
    while fire(100) > 0 {
        assert!(Instant::now() < until, "still asked about after a minute");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(fire(1000), 0);
}
