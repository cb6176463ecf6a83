//! How a consumer daemon says that something went well or wrong (`docs/spec/consumer-protocol.md` 4.1).

use crate::{Decode, Encode, Reader, WireError, Writer};

macro_rules! statuses {
    ($($(#[$meta:meta])* $name:ident = $code:literal $text:literal),* $(,)?) => {
        /// The outcome of a command, or what is said on the error socket.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Status {
            $($(#[$meta])* $name,)*
            /// None that is known.
            Other(u32),
        }

        impl Status {
            /// Every known status.
            pub const ALL: &'static [Status] = &[$(Status::$name),*];

            /// The number on the wire.
            pub fn code(self) -> u32 {
                match self { $(Status::$name => $code,)* Status::Other(code) => code }
            }

            /// What a number on the wire means.
            pub fn from_code(code: u32) -> Self {
                match code { $($code => Status::$name,)* other => Status::Other(other) }
            }
        }

        impl std::fmt::Display for Status {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $(Status::$name => f.write_str($text),)*
                    Status::Other(code) => write!(f, "unknown status {code}"),
                }
            }
        }
    };
}

statuses! {
    /// Done.
    Success = 0 "success",
    /// LTTng's client error for a channel that is not there; some commands use it as a status.
    UstChannelNotFound = 59 "user-space channel not found",
    /// Error socket: the command socket can be connected to.
    CommandSockReady = 100 "command socket ready",
    /// Descriptors came.
    SuccessRecvFd = 101 "descriptors received",
    /// Descriptors did not come.
    ErrorRecvFd = 102 "cannot receive descriptors",
    /// A command was cut short.
    ErrorRecvCmd = 103 "cannot receive a command",
    /// Waiting for events failed.
    PollError = 104 "poll failed",
    /// A descriptor was invalid.
    PollNval = 105 "poll on an invalid descriptor",
    /// A descriptor hung up.
    PollHup = 106 "hang-up",
    /// The consumer daemon ends well.
    ExitSuccess = 107 "the consumer daemon ended",
    /// The consumer daemon ends badly.
    ExitFailure = 108 "the consumer daemon failed",
    /// A channel or stream could not be made.
    OutfdError = 109 "cannot set up a channel or stream",
    /// splice: bad descriptor.
    SpliceEbadf = 110 "splice on a bad descriptor",
    /// splice: invalid argument.
    SpliceEinval = 111 "splice refused its arguments",
    /// splice: out of memory.
    SpliceEnomem = 112 "splice ran out of memory",
    /// splice: a pipe has no offset.
    SpliceEspipe = 113 "splice with an offset on a pipe",
    /// Out of memory.
    Enomem = 114 "out of memory",
    /// Metadata could not be taken or set up.
    ErrorMetadata = 115 "metadata error",
    /// Fatal.
    Fatal = 116 "fatal error",
    /// Trouble with the relay daemon.
    RelaydFail = 117 "relay daemon error",
    /// A channel could not be made.
    ChannelFail = 118 "cannot create the channel",
    /// No such channel.
    ChanNotFound = 119 "channel not found",
    /// It was set before.
    AlreadySet = 120 "already set",
    /// A rotation failed.
    RotationFail = 121 "rotation failed",
    /// A snapshot failed.
    SnapshotFailed = 122 "snapshot failed",
    /// A trace chunk could not be created.
    CreateTraceChunkFailed = 123 "cannot create the trace chunk",
    /// A trace chunk could not be closed.
    CloseTraceChunkFailed = 124 "cannot close the trace chunk",
    /// Invalid parameters.
    InvalidParameters = 125 "invalid parameters",
    /// The trace chunk is still in use here.
    TraceChunkExistsLocal = 126 "the trace chunk exists here",
    /// The trace chunk is still in use at the relay daemon.
    TraceChunkExistsRemote = 127 "the trace chunk exists at the relay daemon",
    /// No such trace chunk.
    UnknownTraceChunk = 128 "unknown trace chunk",
    /// The relay daemon does not allow sessions to be cleared.
    RelaydClearDisallowed = 129 "the relay daemon disallows clearing",
    /// An unknown error.
    UnknownError = 130 "unknown error",
    /// LTTng's client error for a buffer that could not be flushed; one command uses it as a status.
    BufferFlushFailed = 170 "cannot flush the buffer",
}

impl Status {
    /// Bytes of a status on a socket.
    pub const LEN: usize = 4;

    /// The status if it is a failure.
    pub fn failure(self) -> Result<(), Status> {
        if self == Status::Success { Ok(()) } else { Err(self) }
    }
}

impl Encode for Status {
    fn encode(&self, out: &mut Writer) {
        out.u32(self.code());
    }
}

impl Decode for Status {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        input.u32("status").map(Status::from_code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/spec/consumer-protocol.md` 17.
    #[test]
    fn statuses_are_as_captured() {
        assert_eq!(Status::from_bytes(&[0x64, 0, 0, 0]), Ok(Status::CommandSockReady));
        assert_eq!(Status::from_bytes(&[0x77, 0, 0, 0]), Ok(Status::ChanNotFound));
        assert_eq!(Status::from_bytes(&[0x3b, 0, 0, 0]), Ok(Status::UstChannelNotFound));
        assert_eq!(Status::from_bytes(&[0x7e, 0, 0, 0]), Ok(Status::TraceChunkExistsLocal));
        for &status in Status::ALL {
            assert_eq!(Status::from_bytes(&status.to_bytes()), Ok(status));
        }
    }
}
