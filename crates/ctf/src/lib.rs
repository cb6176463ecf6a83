//! Common Trace Format: field types, metadata text, packet headers and index files
//! (`docs/spec/trace-output.md`).

pub mod class;
pub mod types;

pub use class::{BadUuid, Clock, EnvValue, Environment, EventClass, StreamClass, TraceClass, Uuid};
pub use types::{
    Array, Base, ByteOrder, Encoding, Enumeration, Field, FieldRef, Float, Integer, Mapping, MappingRange,
    Scope, Sequence, Structure, Type, Variant,
};
