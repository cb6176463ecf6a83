//! LTTng's protocols as values: every message of every protocol, to bytes and back.
//!
//! This crate does no I/O and knows nothing of tasks, sockets or clocks. A byte string comes in, a checked value goes
//! out ([`Decode`]), and the other way round ([`Encode`]); lengths, counts, enumerations and text are checked here,
//! at the door, so that nothing past it matches on a raw number.

#[macro_use]
mod codes;

mod bitness;
mod codec;
mod exchange;

pub mod agent;
pub mod client;
pub mod consumer;
pub mod health;
pub mod text;
pub mod ust;

pub use bitness::Bitness;
pub use codec::{Decode, Encode, Reader, WireError, Writer};
pub use exchange::{Action, Exchange};
