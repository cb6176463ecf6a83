//! What can go wrong with a ring buffer.

/// Why a channel could not be made, mapped or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// Sizes that no ring buffer can have.
    #[error("cannot make a buffer of {num_subbuf} sub-buffers of {subbuf_size} bytes: {why}")]
    BadGeometry {
        /// Bytes of a sub-buffer, as asked for.
        subbuf_size: u64,
        /// Number of sub-buffers, as asked for.
        num_subbuf: u64,
        /// Which rule is broken.
        why: &'static str,
    },
    /// A blocking timeout that the applications could not understand.
    #[error("blocking timeout of {0} microseconds is out of range")]
    BadBlockingTimeout(i64),
    /// The bytes that describe a channel are damaged.
    #[error("the channel description is damaged: {0}")]
    BadBlob(&'static str),
    /// A reference in shared memory that leads out of it.
    #[error("the shared memory is damaged: {what} lies outside of it")]
    BadReference {
        /// The field that holds the reference.
        what: &'static str,
    },
    /// A file that must hold a stream is not of the stream's size.
    #[error("shared memory of {found} bytes where {expected} are needed")]
    WrongSize {
        /// Bytes found.
        found: u64,
        /// Bytes needed.
        expected: u64,
    },
    /// Another reader has the stream.
    #[error("the stream is being read already")]
    Busy,
    /// A position or counter in shared memory has a value that no correct producer leaves there.
    #[error("the shared memory is damaged: {0}")]
    Corrupt(&'static str),
    /// A packet whose header is not one of its stream's; it was passed over.
    #[error("a packet with a damaged header was passed over")]
    BadPacket,
    /// Producers kept moving the write position for so long that the switch was given up.
    #[error("the write position never held still")]
    Contended,
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

impl RingError {
    pub(crate) fn system(what: &'static str) -> impl FnOnce(rustix::io::Errno) -> RingError {
        move |errno| RingError::System { what, source: errno.into() }
    }
}
