//! Requests: a fixed message of 13156 bytes, a payload for some commands, descriptors for a few
//! (`docs/spec/client-protocol.md`, section 3).
//!
//! A request is judged in two steps, because the daemon does: its [header](RequestHeader) says which command, session
//! and domain are meant, and checks that concern those come first; only then does it matter whether what the command
//! carries is well-formed. So [`Request::decode`] fails only when the fixed message is incomplete, and anything else
//! that is wrong is a [`Refusal`] with the code to answer once the earlier checks have passed.

mod command_codec;
mod limits;

use super::command::{Command, CommandKind, HIGHEST_COMMAND};
use super::defaults::{FDS_MAX, REQUEST_PAYLOAD_MAX};
use super::domain::{Domain, DomainType, RawDomain};
use super::error_code::ErrorCode;
use super::session;
use super::text;
use super::uri::Uri;
use crate::{Decode, Encode, Reader, WireError, Writer};

pub use limits::InvalidCommand;

/// How far a message has come that is read piece by piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// At least so many bytes are missing. Reading no more than that never takes bytes of what follows.
    Needs(usize),
    /// The message is complete.
    Complete {
        /// Its size; bytes after it are not part of it.
        size: usize,
        /// Descriptors that follow it, together with one byte of value 0 that is not part of it.
        fds: u32,
    },
}

/// Why a request cannot be executed as it is: the code to answer, and what is wrong for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// What the real daemon answers to this.
    pub code: ErrorCode,
    /// What is wrong.
    pub why: WireError,
}

impl Refusal {
    fn new(code: ErrorCode, why: WireError) -> Self {
        Refusal { code, why }
    }
}

/// Where a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestFrame;

impl RequestFrame {
    /// Size of the fixed message at the front of every request.
    pub const HEADER_SIZE: usize = 13_156;
    /// Size of the largest request that is read.
    pub const SIZE_MAX: usize = Self::HEADER_SIZE + REQUEST_PAYLOAD_MAX;

    /// Says how many more bytes the request at the front of `bytes` needs, or where it ends.
    ///
    /// # Errors
    /// When it announces more than is read: the code is to be answered and the connection closed.
    pub fn progress(bytes: &[u8]) -> Result<Progress, Refusal> {
        if bytes.len() < Self::HEADER_SIZE {
            return Ok(Progress::Needs(Self::HEADER_SIZE - bytes.len()));
        }
        let header =
            RequestHeader::read(bytes).map_err(|why| Refusal::new(ErrorCode::InvalidProtocol, why))?;
        let payload = payload_size(&header, bytes);
        if payload > REQUEST_PAYLOAD_MAX as u64 {
            let limit = REQUEST_PAYLOAD_MAX as u64;
            let why = WireError::TooLarge { field: "request payload", value: payload, limit };
            return Err(Refusal::new(header.malformed_code(), why));
        }
        if header.fds > FDS_MAX {
            let why = WireError::TooLarge {
                field: "request.fd_count",
                value: header.fds.into(),
                limit: FDS_MAX.into(),
            };
            return Err(Refusal::new(ErrorCode::InvalidProtocol, why));
        }
        let size = Self::HEADER_SIZE + payload as usize;
        Ok(match size.checked_sub(bytes.len()) {
            Some(missing) if missing > 0 => Progress::Needs(missing),
            _ => Progress::Complete { size, fds: header.fds },
        })
    }
}

/// Where the part begins that differs from command to command, and where it ends.
const UNION_AT: usize = 4688;
const UNION_END: usize = 13_152;

/// Size of the payload that a complete fixed message announces.
fn payload_size(header: &RequestHeader, message: &[u8]) -> u64 {
    use CommandKind as Kind;
    let u32_at = |at: usize| Reader::new(&message[at..]).u32("length").map_or(0, u64::from);
    match header.kind {
        Some(Kind::AddContext | Kind::EnableEvent | Kind::DisableEvent) => u32_at(UNION_AT + 256),
        Some(
            Kind::EnableChannel | Kind::RegisterTrigger | Kind::UnregisterTrigger | Kind::ExecuteErrorQuery,
        ) => u32_at(UNION_AT),
        Some(Kind::SetConsumerUri) => u32_at(UNION_AT) * Uri::SIZE as u64,
        Some(Kind::ProcessAttrTrackerAddIncludeValue | Kind::ProcessAttrTrackerRemoveIncludeValue) => {
            u32_at(UNION_AT + 16)
        }
        Some(Kind::CreateSessionExt) => {
            let mut union = Reader::new(&message[UNION_AT..]);
            let home = union.u16("create_session.home_dir_size").unwrap_or(0);
            let descriptor = union.u64("create_session.session_descriptor_size").unwrap_or(0);
            descriptor.saturating_add(home.into())
        }
        _ => 0,
    }
}

/// What every request says: which command, about what. Enough for all the checks that come before a command is looked
/// at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The command's number; the reply repeats it.
    pub number: u32,
    /// The command, if there is one of this number.
    pub kind: Option<CommandKind>,
    /// The session. `None` when the request names none, or none that can exist (too long).
    pub session: Option<String>,
    /// The tracing domain. `None` when the request names none, or one that there is not.
    pub domain: Option<Domain>,
    /// The request names a domain that there is not.
    pub has_unknown_domain: bool,
    /// The process identifier in the domain; the reply repeats it.
    pub pid: i32,
    /// Descriptors that follow the request.
    pub fds: u32,
}

impl RequestHeader {
    /// Reads the header at the front of a fixed message that is complete; `progress` says when it is.
    ///
    /// # Errors
    /// When the message is incomplete.
    pub fn read(message: &[u8]) -> Result<Self, WireError> {
        let mut input = Reader::new(message);
        let message = input.bytes("request", RequestFrame::HEADER_SIZE)?;
        let mut input = Reader::new(message);
        let number = input.u32("request.cmd_type")?;
        let mut object = Reader::new(input.bytes("request.session", session::OBJECT_SIZE)?);
        let session = text::fixed_string(&mut object, "request.session.name", session::NAME_SIZE).ok();
        let domain = RawDomain::decode(&mut input)?;
        let fds = Reader::new(&message[UNION_END..]).u32("request.fd_count")?;
        Ok(RequestHeader {
            number,
            kind: CommandKind::from_code(number).ok(),
            session: session.filter(|name| !name.is_empty()),
            domain: domain.known(),
            has_unknown_domain: domain.kind != 0 && domain.known().is_none(),
            pid: domain.pid,
            fds,
        })
    }

    /// The type of the domain, if there is one.
    pub fn domain_type(&self) -> Option<DomainType> {
        self.domain.map(|domain| domain.kind)
    }

    /// Whether the number is one that no version of the protocol has reached: it is refused before anything else.
    pub fn is_beyond_commands(&self) -> bool {
        self.number > HIGHEST_COMMAND && self.kind.is_none()
    }

    /// Whether a session must exist. Numbers that mean nothing any more are treated as if it must.
    pub fn needs_session(&self) -> bool {
        self.kind.map_or(!self.is_beyond_commands(), CommandKind::needs_session)
    }

    /// Whether the domain's tracer must be there. Numbers that mean nothing any more are treated as if it must.
    pub fn needs_domain(&self) -> bool {
        self.kind.map_or(!self.is_beyond_commands(), CommandKind::needs_domain)
    }

    /// The code for a payload that is malformed.
    pub fn malformed_code(&self) -> ErrorCode {
        use CommandKind as Kind;
        match self.kind {
            Some(Kind::RegisterTrigger | Kind::UnregisterTrigger) => ErrorCode::InvalidTrigger,
            Some(Kind::AddContext | Kind::EnableEvent | Kind::DisableEvent | Kind::ExecuteErrorQuery) => {
                ErrorCode::InvalidProtocol
            }
            None => ErrorCode::Und,
            Some(_) => ErrorCode::Invalid,
        }
    }

    /// The code for a connection that ends before the payload is complete.
    pub fn incomplete_code(&self) -> ErrorCode {
        use CommandKind as Kind;
        match self.kind {
            Some(Kind::CreateSessionExt | Kind::SetConsumerUri) => ErrorCode::SessionFail,
            Some(Kind::EnableChannel) => ErrorCode::Invalid,
            None => ErrorCode::Und,
            Some(_) => ErrorCode::InvalidProtocol,
        }
    }
}

/// A request as the daemon receives it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Which command, about what.
    pub header: RequestHeader,
    /// The command with what it carries, or the answer to give once the header's checks have passed.
    pub command: Result<Command, Refusal>,
}

impl Decode for Request {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let message = input.bytes("request", RequestFrame::HEADER_SIZE)?;
        let header = RequestHeader::read(message)?;
        let size = usize::try_from(payload_size(&header, message)).unwrap_or(usize::MAX);
        let command = match input.bytes("request payload", size) {
            Ok(payload) => command_codec::decode(&header, &message[UNION_AT..UNION_END], payload),
            Err(why) => {
                // The connection ended: what there is belongs to this request.
                input.skip(input.rest().len())?;
                Err(Refusal::new(header.incomplete_code(), why))
            }
        };
        Ok(Request { header, command })
    }
}

impl Encode for Command {
    fn encode(&self, out: &mut Writer) {
        let start = out.len();
        out.u32(self.kind().code());
        text::put_fixed(out, self.session().unwrap_or(""), session::NAME_SIZE);
        out.pad_to(start + 4 + session::OBJECT_SIZE);
        match self.domain() {
            Some(domain) => domain.encode(out),
            None => out.zeros(Domain::SIZE),
        }
        let payload = command_codec::encode(self, out);
        out.pad_to(start + UNION_END);
        out.u32(self.fds());
        out.bytes(&payload);
    }
}

impl Command {
    /// The bytes of the request: the fixed message and the payload, in one piece. [`Command::fds`] descriptors follow.
    ///
    /// # Errors
    /// When a name or another text does not fit its field, which would arrive cut.
    pub fn to_request(&self) -> Result<Vec<u8>, InvalidCommand> {
        limits::check(self)?;
        Ok(self.to_bytes())
    }
}
