//! The client library: what a program uses to control tracing through a session daemon.
//!
//! A [`Client`] finds the daemon's socket as liblttng-ctl does ([`Endpoint`]) and has one method per command. Each call is
//! one connection: a request, a reply, and a bound on how long the answer may take. Nothing here runs in the background
//! and nothing needs a runtime. A call fails with a [`ControlError`]: LTTng's own error code, and a cause to read.
//!
//! ```no_run
//! use rttng_control::{Client, Endpoint};
//!
//! # fn main() -> Result<(), rttng_control::ControlError> {
//! let client = Client::new(Endpoint::from_environment(None));
//! for session in client.list_sessions()? {
//!     println!("{} {}", session.name, session.path);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
pub mod config;
mod connection;
mod endpoint;
mod error;
mod filter;
mod memory;
mod notifications;

pub use client::Client;
pub use endpoint::{
    CLIENT_SOCKET, Endpoint, GLOBAL_RUN_DIR, NOTIFICATION_SOCKET, PRIVATE_RUN_DIR, StaleSocket,
    TRACING_GROUP, Unreachable,
};
pub use error::ControlError;
pub use filter::event_filter;
pub use notifications::{NotificationChannel, Told};
