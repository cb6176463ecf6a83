//! Common Trace Format: field types, metadata text, packet headers and index files
//! (`docs/spec/trace-output.md`).
//!
//! * [`types`] and [`class`]: what metadata says, as plain data ([`Type`], [`TraceClass`]).
//! * [`ust`]: the metadata, packets and contexts of user space, as the 2.13.9 session daemon declares them.
//! * [`tsdl`]: metadata text of any CTF 1.8 trace, read and written.
//! * [`ctf2`]: metadata of CTF 2 traces, and the field types that only they have.
//! * [`read_metadata`]: a metadata file of either version.
//! * [`metadata_packet`], [`index`]: the packets around that text, and index files.
//! * [`read`]: the events of traces in time order, with their values.
//! * [`mod@write`]: data streams, written.
//! * [`decode`], [`summary`]: packets and events, so far as to count them.
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
