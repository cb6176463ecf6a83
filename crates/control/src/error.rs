//! Why a command did not succeed.

use std::io;
use std::time::Duration;

use rttng_wire::WireError;
use rttng_wire::client::ErrorCode;

use crate::endpoint::Unreachable;

/// Why a command did not succeed. Every cause has one of LTTng's error codes, which programs and scripts know.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The session daemon refused the command.
    #[error("{0}")]
    Refused(ErrorCode),
    /// The command was refused here, before anything was sent.
    #[error("{code}: {why}")]
    Invalid {
        /// What liblttng-ctl would have returned.
        code: ErrorCode,
        /// What is wrong.
        why: String,
    },
    /// No session daemon could be reached.
    #[error("No session daemon is available ({0})")]
    NoDaemon(Unreachable),
    /// The connection broke before the answer was complete.
    #[error("the session daemon closed the connection without an answer")]
    Disconnected(#[source] Option<io::Error>),
    /// The answer did not come in time.
    #[error("the session daemon did not answer within {} s: it is stopped, hung or waiting for an application", .0.as_secs())]
    TimedOut(Duration),
    /// The answer is none that this command can have.
    #[error("the session daemon's answer makes no sense: {0}")]
    Nonsense(#[from] WireError),
}

impl ControlError {
    /// LTTng's code: what liblttng-ctl would have returned, as a positive number.
    pub fn code(&self) -> ErrorCode {
        match self {
            ControlError::Refused(code) | ControlError::Invalid { code, .. } => *code,
            ControlError::NoDaemon(_) | ControlError::Disconnected(_) | ControlError::TimedOut(_) => {
                ErrorCode::NoSessiond
            }
            ControlError::Nonsense(_) => ErrorCode::InvalidProtocol,
        }
    }

    /// What a person is told: LTTng's text for the code, except where that would hide what happened.
    pub fn text(&self) -> String {
        match self {
            ControlError::TimedOut(_)
            | ControlError::Nonsense(_)
            | ControlError::NoDaemon(Unreachable::Busy { .. }) => self.to_string(),
            _ => self.code().to_string(),
        }
    }

    /// Whether the daemon answered with this code.
    pub fn is(&self, code: ErrorCode) -> bool {
        self.code() == code
    }
}
