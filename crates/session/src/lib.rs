//! The session daemon: serves clients, applications and consumer daemons from one model.
//!
//! A client command edits the [`model`]. Each application and each consumer daemon has a task of its own that compares
//! what its peer has with what the model wants, and sends the difference.

pub mod app;
pub mod buffers;
pub mod client;
pub mod consumer;
pub mod daemon;
pub mod engine;
pub mod exchange;
pub mod health;
pub mod link;
pub mod model;
pub mod registry;
pub mod trace_clock;
pub mod world;

mod chunk;
mod descriptors;
mod mend;
mod trigger;
mod undecided;
