//! Data streams, written: what `read` reads.
//!
//! * [`copy`]: the events of a stream that was read, in packets of its own.

mod bits;
mod copy;
mod data_file;
mod long_header;
mod transcribe;

pub use copy::{CopyError, PacketHead, StreamCopy, StreamFiles, TraceCopy};
