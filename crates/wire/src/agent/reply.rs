//! What an agent answers (`docs/spec/agents.md` 5).

use crate::{Encode, Reader, WireError, Writer};

/// The most bytes of logger names that are taken from an agent.
pub const MAX_LIST_LEN: usize = 16 << 20;
/// Longer names cannot be listed to clients.
const MAX_NAME_LEN: usize = 255;

/// How a command ended. Agents are foreign: other codes are kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyCode {
    /// Done.
    Success,
    /// The command makes no sense to the agent.
    InvalidCommand,
    /// No such logger, or context.
    UnknownName,
    /// Anything else; an error.
    Other(u32),
}

impl ReplyCode {
    /// The number on the wire.
    pub fn code(self) -> u32 {
        match self {
            ReplyCode::Success => 1,
            ReplyCode::InvalidCommand => 2,
            ReplyCode::UnknownName => 3,
            ReplyCode::Other(code) => code,
        }
    }

    /// What a number on the wire means.
    pub fn from_code(code: u32) -> Self {
        match code {
            1 => ReplyCode::Success,
            2 => ReplyCode::InvalidCommand,
            3 => ReplyCode::UnknownName,
            other => ReplyCode::Other(other),
        }
    }
}

impl std::fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReplyCode::Success => f.write_str("success"),
            ReplyCode::InvalidCommand => f.write_str("invalid command"),
            ReplyCode::UnknownName => f.write_str("unknown name"),
            ReplyCode::Other(code) => write!(f, "unknown code {code}"),
        }
    }
}

/// An agent's answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reply {
    /// To all commands but the two below.
    Code(ReplyCode),
    /// To [`Command::List`](super::Command::List): the loggers' names. Agents must always answer like that: lttng-sessiond
    /// 2.13.9 aborts otherwise.
    Loggers(Vec<String>),
}

impl Encode for Reply {
    fn encode(&self, out: &mut Writer) {
        match self {
            Reply::Code(code) => out.u32_be(code.code()),
            Reply::Loggers(names) => {
                out.u32_be(ReplyCode::Success.code());
                // The count is not part of that size.
                out.u32_be(names.iter().map(|name| name.len() as u32 + 1).sum());
                out.u32_be(names.len() as u32);
                for name in names {
                    out.bytes(name.as_bytes());
                    out.u8_be(0);
                }
            }
        }
    }
}

/// Reads the names of a list, which must be as many as announced.
pub(super) fn read_names(bytes: &[u8], count: u32) -> Result<Vec<String>, WireError> {
    let mut input = Reader::new(bytes);
    let mut names = Vec::new();
    while !input.rest().is_empty() {
        let rest = input.rest();
        let len = rest.iter().position(|&byte| byte == 0).map_or(rest.len(), |end| end + 1);
        let name = input.fixed_str("logger name", len)?;
        if name.len() > MAX_NAME_LEN {
            let (value, limit) = (name.len() as u64, MAX_NAME_LEN as u64);
            return Err(WireError::TooLarge { field: "logger name", value, limit });
        }
        names.push(name.to_owned());
    }
    if names.len() != count as usize {
        return Err(WireError::BadValue { field: "number of loggers", value: i128::from(count) });
    }
    Ok(names)
}
