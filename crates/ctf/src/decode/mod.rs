//! Packets and events to what is in them, so far as counting needs it: where each event ends, which kind it is, when
//! it was.
//!
//! Field types are compiled once, per kind of event, into a short program (`program`); what lies between the few
//! integers that matter (ids, times, lengths, tags) becomes one jump over a known number of bits. Running a program
//! allocates nothing, never reads past the packet, and ends: each round of a loop takes bits from the packet, or ends
//! the loop.
//!
//! Packets come from strangers. Nothing in them makes this module panic or run for longer than they are long.

mod compile;
mod packet;
mod program;

pub use compile::CompileError;
pub use packet::{PACKET_MAGIC, PacketError, PacketInfo, SeenEvent, TraceDecoder};
pub use program::DecodeError;

#[cfg(test)]
mod tests;
