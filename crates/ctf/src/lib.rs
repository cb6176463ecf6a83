//! Common Trace Format: field types, metadata text, packet headers and index files
//! (`docs/spec/trace-output.md`).
//!
//! * [`types`] and [`class`]: what metadata says, as plain data ([`Type`], [`TraceClass`]).
//! * [`ust`]: the metadata, packets and contexts of user space, as the 2.13.9 session daemon declares them.
//! * [`metadata_packet`], [`index`]: two of the three kinds of files of a trace.

pub mod class;
pub mod decode;
pub mod index;
pub mod metadata_packet;
pub mod summary;
pub mod tsdl;
pub mod types;
pub mod ust;

pub use class::{BadUuid, Clock, EnvValue, Environment, EventClass, StreamClass, TraceClass, Uuid};
pub use types::{
    Array, Base, ByteOrder, Encoding, Enumeration, Field, FieldRef, Float, Integer, Mapping, MappingRange,
    Scope, Sequence, Structure, Type, Variant,
};
