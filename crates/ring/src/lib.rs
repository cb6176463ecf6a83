//! The shared-memory ring buffer of LTTng user space (`docs/spec/ring-buffer.md`), byte-compatible with
//! liblttng-ust 2.13 (ABI 9): its layout, its creation, its reading side, and the producer's side.
//!
//! A consumer daemon makes a [`Channel`], sends its descriptors to applications, and opens a [`Reader`] on each stream:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use rttng_ring::*;
//!
//! let attributes = ChannelAttributes {
//!     geometry: Geometry::new(Mode::Discard, 524_288, 4, page_size())?,
//!     switch_timer_us: 0,
//!     read_timer_us: 0,
//!     blocking_timeout: BlockingTimeout::None,
//!     channel_id: 0,
//!     uuid: [7; 16],
//! };
//! let channel = Channel::create(&attributes, possible_cpus(), |_cpu| Ok(None))?;
//! let mut reader = Reader::new(channel.streams[0].ring.clone())?;
//! channel.streams[0].ring.switch(SwitchMode::Flush, monotonic_now)?;
//! while let Next::Packet(packet) = reader.hold_next()? {
//!     println!("packet {} of {} bytes", packet.header.sequence, packet.padded_size);
//!     reader.release();
//! }
//! # Ok(()) }
//! ```
//!
//! Other processes write that memory, and any of them may be hostile: see [`Memory`] for how it is accessed. This is the
//! one crate of the data plane with `unsafe` code, in `memory.rs`, `producer.rs`, `clock.rs`, `slot_writer.rs`, `sigbus.rs`, `wait_page.rs`,
//! `scheduling.rs` and `huge_pages.rs`.

mod blob;
mod channel;
mod clock;
mod cpus;
mod error;
mod geometry;
mod header;
mod huge_pages;
mod id;
mod layout;
mod memory;
mod producer;
mod reader;
mod recover;
mod scheduling;
mod sigbus;
mod slot_writer;
mod stream;
pub mod wait_page;
mod writer;

pub use blob::{BlockingTimeout, ChannelAttributes};
pub use channel::{Channel, ChannelStream, STREAM_FILE_FLAGS, wake};
pub use clock::{TraceClock, monotonic_now, trace_duration, trace_in_tsc, trace_now, tsc_at_once};
pub use cpus::possible_cpus;
pub use error::RingError;
pub use geometry::{Geometry, MAX_DATA_SIZE, Mode};
pub use header::{HEADER_SIZE, MAGIC, PacketHeader, StreamIdentity};
pub use huge_pages::{HUGE_PAGE_SIZE, prefer_huge_pages};
pub use layout::Layout;
pub use memory::{HeapMemory, Mapping, Memory};
pub use producer::Producer;
pub use reader::{Next, Packet, Reader, SnapshotRange};
pub use recover::{Recovered, Stuck};
pub use scheduling::run_soon_after_wakeup;
pub use slot_writer::SlotWriter;
pub use stream::{LostRecords, Stream};
pub use writer::{Awaited, Refused, Slot, SwitchMode, Switched};

/// Bytes of a page on this machine.
pub fn page_size() -> u64 {
    rustix::param::page_size() as u64
}
