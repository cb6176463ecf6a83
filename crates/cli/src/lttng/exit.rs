//! Exit statuses of the command line: small command codes and the library's error numbers (`docs/spec/cli.md` §2.4).

use std::process::ExitCode;

use rttng_control::ControlError;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    pub(crate) const SUCCESS: Exit = Exit(0);
    pub(crate) const ERROR: Exit = Exit(1);
    /// An option or a sub-command that does not exist; the caller adds the line that says so.
    pub(crate) const UNDEFINED: Exit = Exit(2);
    pub(crate) const FATAL: Exit = Exit(3);
    pub(crate) const WARNING: Exit = Exit(4);
    pub(crate) const UNSUPPORTED: Exit = Exit(5);
    /// The library's code for an invalid parameter, where a command uses it as its status without asking the daemon.
    pub(crate) const INVALID: Exit = Exit(97);

    /// Whether everything went well.
    pub(crate) fn is_success(self) -> bool {
        self == Exit::SUCCESS
    }
}

/// Commands marked "L" in the table end with the library's error number.
impl From<&ControlError> for Exit {
    fn from(error: &ControlError) -> Exit {
        Exit(u8::try_from(error.code().number()).unwrap_or(1))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.0)
    }
}

/// What a command's steps return: `Err` ends the command, whatever was to be said has been said.
pub(crate) type Step<T = ()> = Result<T, Exit>;
