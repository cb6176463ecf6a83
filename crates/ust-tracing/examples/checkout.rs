//! A program that says what it does with the `tracing` crate, and with the `log` crate: two lines send both through
//! LTTng.
//!
//! ```console
//! $ cargo build --example checkout
//! $ rttng record -- target/debug/examples/checkout
//! ```

use std::io;

use tracing::{Level, debug, error, info, info_span, instrument, trace, warn};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    rttng_ust_tracing::init()?;
    rttng_ust_tracing::init_log()?;

    for customer in 1..=3u64 {
        let span = info_span!("checkout", customer, paid = tracing::field::Empty);
        let _in = span.enter();
        let total = sum(&[1.25, 2.5 * customer as f64]);
        // The types are those of the values; `?` and `%` print.
        info!(items = 2, total, express = customer == 1, code = ?Some('x'), "order placed");
        if let Err(error) = pay(customer) {
            error!(error = &error as &dyn std::error::Error, customer, "payment failed");
        }
        span.record("paid", customer != 2);
        // A field that is there now and then: two events of one name.
        info!(name: "noted", note = (customer == 3).then_some("as a present"), "noted");
    }
    tracing::event!(name: "closed", target: "shop::door", Level::WARN, at = -3i64, big = u128::MAX, "closed");
    let parent = info_span!(parent: None, "parent");
    let child = info_span!(parent: &parent, "child");
    child.follows_from(&parent);
    log::warn!("{} left in stock", 3);
    log::debug!(target: "stock::tea", "enough");
    trace!(text = %"x".repeat(5000), "long");
    Ok(())
}

#[instrument(level = "debug")]
fn sum(prices: &[f64]) -> f64 {
    let sum = prices.iter().sum();
    debug!(sum, "summed up");
    sum
}

#[instrument(err(level = Level::DEBUG))]
fn pay(customer: u64) -> io::Result<()> {
    if customer == 2 {
        warn!("the card is refused");
        return Err(io::Error::other("no money"));
    }
    Ok(())
}
