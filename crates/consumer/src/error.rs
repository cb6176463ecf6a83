//! Why a consumer daemon could not start or go on.

use std::path::PathBuf;

/// Ends a consumer daemon.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// The kernel's buffers were asked for.
    #[error("this consumer daemon reads the buffers of applications only (start it with --ust)")]
    KernelDomain,
    /// The command socket cannot be made.
    #[error("cannot listen on the command socket {path}: {source}")]
    CommandSocket {
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The session daemon cannot be reached.
    #[error("cannot tell the session daemon at {path} that the consumer daemon is ready: {source}")]
    ErrorSocket {
        /// Its error socket.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The system refused something that the daemon cannot do without.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
}

impl ConsumerError {
    pub(crate) fn system<E: Into<std::io::Error>>(what: &'static str) -> impl FnOnce(E) -> ConsumerError {
        move |error| ConsumerError::System { what, source: error.into() }
    }
}
