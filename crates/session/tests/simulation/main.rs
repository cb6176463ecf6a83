//! The engine with its peers in memory, under a seed: applications and consumer daemons that stall, die, answer late,
//! twice, wrongly or partly at any step (rule 6 of the design).
//!
//! What must hold: every operation ends within its bound; peers that behave are never delayed and reach exactly what the
//! model wants; no metadata of theirs is lost; nothing is left behind in them. The clock is virtual.
//!
//! `RTTNG_SEEDS=5000` runs more seeds, `RTTNG_SEED=17` only one. A failure prints its seed.

#![expect(unreachable_pub, reason = "a test is one crate, and nobody reaches into it")]

mod app;
mod consumer;
mod dice;
mod stage;

use std::panic::{AssertUnwindSafe, catch_unwind};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn run(seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    tokio::task::LocalSet::new().block_on(&runtime, stage::play(seed));
}

#[test]
fn every_operation_ends_and_good_peers_lose_nothing() {
    let seeds = match number("RTTNG_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RTTNG_SEEDS").unwrap_or(300),
    };
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            let why = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_default();
            panic!("seed {seed} (run it alone with RTTNG_SEED={seed}): {why}");
        }
    }
}

/// Bytes of no meaning on any connection, whole registrations in front of them or not, hurt nobody else.
#[test]
fn random_bytes_hurt_nobody() {
    for seed in 0..100 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime can be made");
        tokio::task::LocalSet::new().block_on(&runtime, stage::play_noise(seed));
    }
}

/// `docs/spec/ust-protocol.md`, section 3.3.
#[test]
fn refused_connections_are_closed_without_a_word() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime can be made");
    tokio::task::LocalSet::new().block_on(&runtime, stage::play_refusals());
}

/// Not even a consumer daemon that is slow at everything keeps a client waiting for more than one bound.
#[test]
fn a_whole_operation_is_bounded_however_many_steps_it_has() {
    for seed in 0..4 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime can be made");
        tokio::task::LocalSet::new().block_on(&runtime, stage::play_slowness(seed));
    }
}
