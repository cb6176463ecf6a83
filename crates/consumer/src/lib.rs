//! The consumer daemon: makes the buffers of user-space applications and takes what they record to files
//! (`docs/spec/consumer-protocol.md`).
//!
//! It is a process of its own, started by a session daemon (ours or the real one) and told what to do over a socket:
//!
//! ```no_run
//! use rttng_consumer::{ConsumerOptions, Request};
//!
//! let args: Vec<_> = std::env::args_os().skip(1).collect();
//! if let Ok(Request::Run(options)) = ConsumerOptions::parse(&args) {
//!     rttng_consumer::run(&options).unwrap();
//! }
//! ```
//!
//! One thread executes commands (`commands.rs`), a few drain buffers (`data.rs`, `stream.rs`), each with one beside it
//! that writes what was copied (`staging.rs`), one serves the timers of
//! buffers and one those of metadata (`timers.rs`). Streams share nothing but their channel's counters, so that one
//! whose disk is full, whose memory is damaged or whose producer died costs the others nothing.

mod channel;
mod chunk;
mod commands;
mod daemon;
mod data;
mod data_file;
mod error;
mod fill;
mod health;
mod link;
mod liveness;
mod metadata;
mod options;
mod output;
mod pace;
mod staging;
mod state;
mod stream;
mod timers;

pub use daemon::run;
pub use error::ConsumerError;
pub use options::{ConsumerOptions, Domain, Request, USAGE};
