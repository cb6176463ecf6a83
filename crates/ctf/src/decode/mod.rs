//! Packets and events to what is in them, so far as counting needs it: where each event ends, which kind it is, when
//! it was.
//!
//! Field types are compiled once, per kind of event, into a short program (`program`); what lies between the few
//! integers that matter (ids, times, lengths, tags) becomes one jump over a known number of bits. Running a program
//! allocates nothing, never reads past the packet, and ends: each round of a loop takes bits from the packet, or ends
//! the loop.
//!
//! Packets come from strangers. Nothing in them makes this module panic or run for longer than they are long.

mod batch;
mod compile;
mod ctf2;
mod emit;
mod layout;
mod nul;
mod packet;
mod place;
mod program;
mod show;

pub use compile::CompileError;
pub(crate) use compile::{
    Compiler, Phase, Resolver, Scopes, Use, Uses, choice_ranges, compile, option_ranges, selecting,
};
pub(crate) use ctf2::{EmitExtra, Extra, half};
pub(crate) use emit::{Emit, ScopeProgram};
pub(crate) use layout::is_text;
pub use layout::{IntegerForm, Labels, Layout, Node, NodeId, NodeKind, Visit};
pub use packet::{PACKET_MAGIC, PacketError, PacketInfo, SeenEvent, TraceDecoder};
pub(crate) use packet::{
    PassedEvent, STREAM_INSTANCE_ID, StreamDecoder, integer_of, known_fields, scopes_of, tells,
};
pub(crate) use place::Form;
pub use place::{EventBytes, Place, PlacedValue};
pub use program::DecodeError;
pub(crate) use program::{Bits, Count, Machine, Options, Slot, Step, extended, sort_key};
pub(crate) use show::show;

/// What a program shows, if it shows anything.
pub(crate) fn layout_of(program: &emit::ScopeProgram) -> Option<Layout> {
    program.shows().then(|| program.layout.clone())
}

#[cfg(test)]
mod tests;
