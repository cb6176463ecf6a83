//! Which revision of the protocol an application speaks. 9 is the reference; what 8 does otherwise is in `abi8`.

use super::abi8;
use super::command::CommandCode;
use super::context::Context;
use super::field::Field;
use super::field_entry;
use super::registration::AbiVersion;
use crate::WireError;

/// A revision of the protocol between applications and session daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// lttng-ust 2.11 (minor 0) and 2.12 (minor 1).
    Abi8 {
        /// The minor version; later ones know more contexts.
        minor: u32,
    },
    /// lttng-ust 2.13.
    Abi9,
}

impl Dialect {
    /// The dialect of an application that registers with that version, if this side knows it.
    pub fn of(version: AbiVersion) -> Option<Dialect> {
        match version.major {
            8 => Some(Dialect::Abi8 { minor: version.minor }),
            9 => Some(Dialect::Abi9),
            _ => None,
        }
    }

    /// The version that an application of this dialect registers with.
    pub fn version(self) -> AbiVersion {
        match self {
            Dialect::Abi8 { minor } => AbiVersion { major: 8, minor },
            Dialect::Abi9 => AbiVersion { major: 9, minor: 0 },
        }
    }

    /// Whether applications of this dialect know event notifiers and counters.
    pub fn has_event_notifiers(self) -> bool {
        matches!(self, Dialect::Abi9)
    }

    /// Whether applications of this dialect know a command.
    pub fn has_command(self, code: CommandCode) -> bool {
        match self {
            Dialect::Abi8 { .. } => abi8::has_command(code),
            Dialect::Abi9 => !matches!(code, CommandCode::Unknown(_)),
        }
    }

    /// Whether applications of this dialect know a context.
    pub fn has_context(self, context: &Context) -> bool {
        match self {
            Dialect::Abi8 { minor } => abi8::has_context(minor, context),
            Dialect::Abi9 => true,
        }
    }

    /// Reads field descriptions (section 8; 920 bytes an entry). All type codes of all dialects are understood, as
    /// lttng-sessiond does; the tree is the same for all of them.
    pub fn decode_fields(self, bytes: &[u8]) -> Result<Vec<Field>, WireError> {
        field_entry::decode_fields(bytes)
    }

    /// Writes field descriptions as an application of this dialect does. Fails on what the dialect cannot say.
    pub fn encode_fields(self, fields: &[Field]) -> Result<Vec<u8>, WireError> {
        match self {
            Dialect::Abi8 { .. } => abi8::encode_fields(fields),
            Dialect::Abi9 => Ok(field_entry::encode_fields(fields)),
        }
    }
}
