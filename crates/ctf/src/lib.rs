//! Common Trace Format: traces read and written, as LTTng records them and as any other tracer may
//! (`docs/spec/trace-output.md`). CTF 1.8 and CTF 2.
//!
//! # Reading
//! [`Reader::open`](read::Reader::open) takes folders and finds all traces below. Their events come in the order of time,
//! with what was lost between them:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/trace/contexts/trace");
//! use rttng_ctf::read::{Message, Options, Reader};
//!
//! let mut reader = Reader::open(&[folder.into()], &Options::default())?;
//! // Where a field is in each kind of event is worked out once.
//! let colour = reader.path("c")?;
//! let process = reader.path("stream.event.context.procname")?;
//!
//! while let Some(message) = reader.next()? {
//!     match message {
//!         Message::Event(event) => {
//!             let who: &str = event.get(&process).unwrap_or("?");
//!             if let Some(colour) = event.get::<i32>(&colour) {
//!                 println!("{:?} {who} {}: {colour}", event.nanoseconds(), event.class().name);
//!             }
//!         }
//!         Message::Lost { stream, lost } => println!("stream {stream} lost {:?}", lost.count),
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! An [`Event`](read::Event) borrows the bytes where it was recorded: texts are not copied, and nothing is allocated for
//! it. Its values can be had in three ways, the quickest first:
//!
//! * [`Event::get`](read::Event::get) with a [path](read::Reader::path) that was resolved before: one load where the field
//!   always is in the same place;
//! * [`Event::show`](read::Event::show), which shows all values to a [visitor](decode::Visit), by number of field: for who
//!   wants all of them;
//! * [`Event::field`](read::Event::field) by name, and [`Event::payload`](read::Event::payload) and
//!   [`Event::structure`](read::Event::structure), which give [values](read::FieldValue) to go into:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/trace/per-uid/trace");
//! use rttng_ctf::Scope;
//! use rttng_ctf::read::{FieldValue, Message, Options, Reader};
//!
//! let mut reader = Reader::open(&[folder.into()], &Options::default())?;
//! let mut sums = Vec::new();
//! while let Some(message) = reader.next()? {
//!     let Message::Event(event) = message else { continue };
//!     // Arrays, structures, variants and contexts can be walked through.
//!     if let Some(FieldValue::Array(elements)) = event.field("arr") {
//!         sums.push(elements.iter().filter_map(FieldValue::as_i64).sum::<i64>());
//!     }
//!     for (name, value) in event.payload().into_iter().flat_map(|payload| payload.fields()) {
//!         println!("{name} = {value}");
//!     }
//!     if let Some(context) = event.structure(Scope::PacketContext)? {
//!         assert!(context.field("cpu_id").and_then(FieldValue::as_u64).is_some());
//!     }
//! }
//! assert_eq!(sums[0], 1 - 2 + 16_909_060);
//! # Ok(()) }
//! ```
//!
//! ## One stream, many threads
//! [`Reader::into_streams`](read::Reader::into_streams) gives a reader for each stream (a CPU of a channel, for LTTng).
//! [`Reader::in_parallel`](read::Reader::in_parallel) hands all messages to several threads, in no particular order; who
//! needs an order within spans of time [forks](read::Reader::fork) the reader and cuts the trace into
//! [slices](read::Reader::slices).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/trace/per-uid/trace");
//! use rttng_ctf::read::{Message, Options, ReadError, Reader};
//!
//! let mut reader = Reader::open(&[folder.into()], &Options::default())?;
//! let text = reader.path("s")?;
//! let longest = reader.in_parallel(4, || 0, |longest, message| {
//!     if let Message::Event(event) = message {
//!         *longest = event.get::<&str>(&text).map_or(0, str::len).max(*longest);
//!     }
//!     Ok::<(), ReadError>(())
//! })?;
//! println!("the longest text has {:?} bytes", longest.iter().max());
//! # Ok(()) }
//! ```
//!
//! ## Damaged and growing traces
//! With [`Options::lenient`](read::Options::lenient) what cannot be read is passed over, and told by
//! [`Reader::damage`](read::Reader::damage). Traces that are still being written are read through [`read::follow`].
//!
//! # Writing
//! [`TraceWriter`](write::TraceWriter) makes a trace of a [`TraceClass`] (with any [types]) in a folder, with the
//! index files that LTTng's readers want.
//!
//! # All of it
//! * [`types`] and [`class`]: what metadata says, as plain data ([`Type`], [`TraceClass`]).
//! * [`read`]: the events of traces in time order, with their values.
//! * [`mod@write`]: data streams, written.
//! * [`read_metadata`]: a metadata file of either version.
//! * [`tsdl`]: metadata text of any CTF 1.8 trace, read and written.
//! * [`ctf2`]: metadata of CTF 2 traces, and the field types that only they have.
//! * [`ust`]: the metadata, packets and contexts of user space, as the 2.13.9 session daemon declares them.
//! * [`metadata_packet`], [`index`]: the packets around metadata text, and index files.
//! * [`decode`], [`summary`]: packets and events in memory, so far as to count them:
//!
//! ```
//! let text = "/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = le; };
//!     event { name = \"tick\"; fields := struct { integer { size = 32; align = 32; } _n; }; };";
//! let trace = rttng_ctf::tsdl::read_metadata(text.as_bytes())?.trace;
//! let mut decoder = rttng_ctf::decode::TraceDecoder::new(&trace)?;
//! let packet = [0; 12];
//! let info = decoder.packet(&packet, 12)?;
//! let mut ticks = 0;
//! decoder.events(&packet, &info, |_| ticks += 1)?;
//! assert_eq!(ticks, 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Bytes come from strangers: whatever they are, nothing here panics, reads outside, or takes memory without bound.

pub mod class;
pub mod ctf2;
pub mod decode;
pub mod index;
mod metadata;
pub mod metadata_packet;
pub mod read;
pub mod summary;
mod trace_files;
pub mod tsdl;
pub mod types;
pub mod ust;
pub mod write;

pub use class::{
    BadUuid, Clock, EnvValue, Environment, EventClass, Identity, StreamClass, TraceClass, Uuid, Version,
};
pub use metadata::{Metadata, MetadataError, Warning, read_metadata};
pub use types::{
    Array, Base, ByteOrder, Encoding, Enumeration, Field, FieldRef, Float, Integer, Mapping, MappingRange,
    Scope, Sequence, Structure, Type, Variant,
};
