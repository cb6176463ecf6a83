//! What an application answers to a command (`docs/spec/ust-protocol.md` 4.2, 4.3).

use super::command::CommandCode;
use super::ids::{Errno, ObjectHandle};
use super::listing::{TracepointEntry, TracerVersion};
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Size of every reply record.
pub const REPLY_LEN: usize = 324;
const BODY_AT: usize = 48;

/// How a command ended. Applications are foreign: codes that no version of lttng-ust sends are kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyCode {
    /// Done.
    Ok,
    /// Failed for a reason that has no code of its own.
    Error,
    /// No such entry; the end of a list.
    NoEntry,
    /// It exists already.
    Exists,
    /// Invalid argument; also a command that the object does not know.
    Invalid,
    /// Not permitted, for example because the session was active before.
    Permission,
    /// Not implemented by that application.
    NotImplemented,
    /// The application is about to exit.
    Exiting,
    /// Anything else.
    Other(i32),
}

impl ReplyCode {
    const CODES: [(ReplyCode, i32); 8] = [
        (ReplyCode::Ok, 0),
        (ReplyCode::Error, -1024),
        (ReplyCode::NoEntry, -1025),
        (ReplyCode::Exists, -1026),
        (ReplyCode::Invalid, -1027),
        (ReplyCode::Permission, -1028),
        (ReplyCode::NotImplemented, -1029),
        (ReplyCode::Exiting, -1030),
    ];

    /// The number on the wire.
    pub fn code(self) -> i32 {
        match self {
            ReplyCode::Other(code) => code,
            known => Self::CODES.iter().find(|(of, _)| *of == known).map_or(-1024, |&(_, code)| code),
        }
    }

    /// What a number on the wire means.
    pub fn from_code(code: i32) -> Self {
        Self::CODES.iter().find(|(_, of)| *of == code).map_or(ReplyCode::Other(code), |&(known, _)| known)
    }
}

impl std::fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ReplyCode::Ok => "success",
            ReplyCode::Error => "unspecified failure",
            ReplyCode::NoEntry => "no such entry",
            ReplyCode::Exists => "it exists already",
            ReplyCode::Invalid => "invalid argument",
            ReplyCode::Permission => "not permitted",
            ReplyCode::NotImplemented => "not implemented by the application",
            ReplyCode::Exiting => "the application is exiting",
            ReplyCode::Other(code) => return write!(f, "unknown code {code}"),
        })
    }
}

/// What a reply holds beside its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyBody {
    /// Nothing.
    None,
    /// To [`Command::TracerVersion`](super::Command::TracerVersion).
    TracerVersion(TracerVersion),
    /// To [`Command::TracepointListGet`](super::Command::TracepointListGet).
    Tracepoint(TracepointEntry),
}

/// A reply record. A good answer to `TracepointFieldListGet` is followed by a
/// [`FieldListEntry`](super::FieldListEntry).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The object, repeated from the command.
    pub handle: ObjectHandle,
    /// The command, repeated.
    pub command: CommandCode,
    /// How it ended.
    pub code: ReplyCode,
    /// If it ended well, the handle of what was made, or 0; otherwise the application's own errno, negated.
    pub value: u32,
    /// More, for some commands.
    pub body: ReplyBody,
}

impl Reply {
    /// A good answer that says no more than that.
    pub fn ok(handle: ObjectHandle, command: CommandCode) -> Self {
        Reply { handle, command, code: ReplyCode::Ok, value: 0, body: ReplyBody::None }
    }

    /// A good answer with the handle of a new object.
    pub fn made(handle: ObjectHandle, command: CommandCode, object: ObjectHandle) -> Self {
        Reply { value: object.0, ..Reply::ok(handle, command) }
    }

    /// A bad answer.
    pub fn refused(handle: ObjectHandle, command: CommandCode, code: ReplyCode, errno: Errno) -> Self {
        Reply { code, value: errno.number().wrapping_neg() as u32, ..Reply::ok(handle, command) }
    }
}

impl Encode for Reply {
    fn encode(&self, out: &mut Writer) {
        let start = out.len();
        out.u32(self.handle.0);
        out.u32(self.command.code());
        out.i32(self.code.code());
        out.u32(self.value);
        out.pad_to(start + BODY_AT);
        match &self.body {
            ReplyBody::None => {}
            ReplyBody::TracerVersion(version) => version.encode(out),
            ReplyBody::Tracepoint(entry) => entry.encode(out),
        }
        out.pad_to(start + REPLY_LEN);
    }
}

impl Decode for Reply {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut input = Reader::new(input.bytes("reply", REPLY_LEN)?);
        let handle = ObjectHandle(input.u32("reply handle")?);
        let command = CommandCode::from_code(input.u32("reply command")?);
        let code = ReplyCode::from_code(input.i32("reply code")?);
        let value = input.u32("reply value")?;
        input.skip(32)?;
        let body = match (command, code) {
            (CommandCode::TracerVersion, ReplyCode::Ok) => {
                ReplyBody::TracerVersion(TracerVersion::decode(&mut input)?)
            }
            (CommandCode::TracepointListGet, ReplyCode::Ok) => {
                ReplyBody::Tracepoint(TracepointEntry::decode(&mut input)?)
            }
            _ => ReplyBody::None,
        };
        Ok(Reply { handle, command, code, value, body })
    }
}
