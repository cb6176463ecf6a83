//! Data streams, written: what `read` reads.
//!
//! * [`TraceWriter`]: a trace from values.
//! * [`TraceCopy`]: the events of streams that were read, in packets of their own.

mod bits;
mod copy;
mod data_file;
mod header;
mod long_header;
mod lower;
#[cfg(test)]
mod tests;
mod transcribe;
mod value;
mod writer;

pub use copy::{CopyError, PacketHead, StreamCopy, StreamFiles, TraceCopy};
pub use value::{Value, ValueError};
pub use writer::{EventValues, StreamWriter, TraceWriter, WriteError};
