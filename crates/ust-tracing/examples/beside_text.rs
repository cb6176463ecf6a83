//! Text for a person, and everything for LTTng: each layer has a filter of its own, and `RUST_LOG` says what is printed.
//!
//! ```console
//! $ cargo build --example beside_text
//! $ RUST_LOG=warn rttng record -- target/debug/examples/beside_text
//! ```

use std::error::Error;
use std::{fmt, io};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::prelude::*;

fn main() -> Result<(), Box<dyn Error>> {
    let text = tracing_subscriber::fmt::layer().with_ansi(false).with_filter(EnvFilter::from_default_env());
    tracing_subscriber::registry().with(text).with(rttng_ust_tracing::layer()).try_init()?;
    rttng_ust_tracing::init_log()?;

    for order in 1..=3u64 {
        let _in = tracing::info_span!("delivery", order).entered();
        tracing::debug!(order, "looked up");
        if let Err(error) = deliver(order) {
            // With all that is behind it, here as there.
            tracing::error!(order, error = &error as &dyn Error, "not delivered");
        }
        let late = (order == 2).then_some("an hour");
        log::info!(order, weight = 0.5, gift = order == 1, late, whom:% = "Ada"; "on its way");
    }
    Ok(())
}

/// What went wrong at one place, because of something at another.
#[derive(Debug)]
struct Failed {
    what: &'static str,
    why: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.why)
    }
}

fn deliver(order: u64) -> Result<(), Failed> {
    if order != 2 {
        return Ok(());
    }
    let road = Failed { what: "the road is closed", why: io::Error::other("snow").into() };
    let van = Failed { what: "the van does not come", why: road.into() };
    Err(Failed { what: "cannot deliver", why: van.into() })
}
