//! What the session daemon asks of an agent (`docs/spec/agents.md` 4, 5).

use crate::client::{LogLevelSelection, LogLevelType};
use crate::{Encode, Reader, WireError, Writer};

/// Size of the header of a command.
pub const HEADER_LEN: usize = 16;
/// The largest payload that an agent of ours takes.
pub const MAX_PAYLOAD_LEN: usize = 1 << 20;

/// Size of a logger's name on the wire.
const NAME_LEN: usize = 256;
/// Always 0; agents ignore it.
const COMMAND_VERSION: u32 = 0;

codes! {
    /// Which command a header announces.
    pub enum CommandCode: u32, "agent command" {
        /// List the loggers.
        List = 1,
        /// Let records of a logger through.
        Enable = 2,
        /// Take that back.
        Disable = 3,
        /// All that is enabled was told.
        RegistrationDone = 4,
        /// Evaluate a context of the application with each record.
        AppContextEnable = 5,
        /// Take that back.
        AppContextDisable = 6,
    }
}

/// The ENABLE argument. Agents look at the name only; level and filter are decided by the user-space event rule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnableLogger {
    /// Name or pattern of the logger, at most 255 bytes; `*` for all.
    pub name: String,
    /// The levels of the event rule.
    pub log_level: LogLevelSelection,
    /// The whole filter that the client made of name, level and the user's filter.
    pub filter: Option<String>,
}

/// A context that an application provides, `$app.provider:name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppContext {
    /// Without `$app.`.
    pub provider: String,
    /// The context of that provider.
    pub name: String,
}

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// List the loggers.
    List,
    /// Let records of a logger through; counted.
    Enable(EnableLogger),
    /// Take one ENABLE of that name back.
    Disable {
        /// The name as it was enabled.
        name: String,
    },
    /// All that is enabled was told. The only command without a reply.
    RegistrationDone,
    /// Evaluate a context with each record; counted. Never for Python, whose agents drop the connection.
    AppContextEnable(AppContext),
    /// Take one APP_CTX_ENABLE back.
    AppContextDisable(AppContext),
}

impl Command {
    /// Which command this is.
    pub fn code(&self) -> CommandCode {
        match self {
            Command::List => CommandCode::List,
            Command::Enable(_) => CommandCode::Enable,
            Command::Disable { .. } => CommandCode::Disable,
            Command::RegistrationDone => CommandCode::RegistrationDone,
            Command::AppContextEnable(_) => CommandCode::AppContextEnable,
            Command::AppContextDisable(_) => CommandCode::AppContextDisable,
        }
    }

    /// The bytes behind the header.
    pub(super) fn payload(&self) -> Vec<u8> {
        let mut out = Writer::new();
        match self {
            Command::List | Command::RegistrationDone => {}
            Command::Enable(of) => of.encode(&mut out),
            Command::Disable { name } => out.fixed_text(name.as_bytes(), NAME_LEN),
            Command::AppContextEnable(of) | Command::AppContextDisable(of) => of.encode(&mut out),
        }
        out.into_bytes()
    }

    /// The header for a payload of that size.
    pub(super) fn header(&self, payload_len: usize) -> Vec<u8> {
        let mut out = Writer::new();
        out.u64_be(payload_len as u64);
        out.u32_be(self.code().code());
        out.u32_be(COMMAND_VERSION);
        out.into_bytes()
    }

    /// Reads the payload of a command; it must be filled exactly.
    pub(super) fn from_payload(code: CommandCode, payload: &[u8]) -> Result<Self, WireError> {
        let mut input = Reader::new(payload);
        let command = match code {
            CommandCode::List => Command::List,
            CommandCode::RegistrationDone => Command::RegistrationDone,
            CommandCode::Enable => Command::Enable(EnableLogger::decode(&mut input)?),
            CommandCode::Disable => {
                Command::Disable { name: input.fixed_str("logger name", NAME_LEN)?.to_owned() }
            }
            CommandCode::AppContextEnable => Command::AppContextEnable(AppContext::decode(&mut input)?),
            CommandCode::AppContextDisable => Command::AppContextDisable(AppContext::decode(&mut input)?),
        };
        input.finish()?;
        Ok(command)
    }
}

impl EnableLogger {
    fn encode(&self, out: &mut Writer) {
        out.i32_be(self.log_level.level);
        out.i32_be(self.log_level.kind.code().into());
        out.fixed_text(self.name.as_bytes(), NAME_LEN);
        match &self.filter {
            None => out.u32_be(0),
            Some(filter) => write_text(out, filter),
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let level = input.i32_be("log level")?;
        let kind = input.u32_be("log level type")?;
        let bad_kind = WireError::BadValue { field: "log level type", value: i128::from(kind) };
        let kind = i8::try_from(kind).map_err(|_| bad_kind).and_then(LogLevelType::from_code)?;
        let name = input.fixed_str("logger name", NAME_LEN)?.to_owned();
        let filter = match input.u32_be("filter length")? {
            0 => None,
            len => Some(input.fixed_str("filter", len as usize)?.to_owned()),
        };
        Ok(EnableLogger { name, log_level: LogLevelSelection { kind, level }, filter })
    }
}

impl AppContext {
    fn encode(&self, out: &mut Writer) {
        write_text(out, &self.provider);
        write_text(out, &self.name);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut text = |field| {
            let len = input.u32_be(field)? as usize;
            input.fixed_str(field, len).map(str::to_owned)
        };
        Ok(AppContext { provider: text("context provider name")?, name: text("context name")? })
    }
}

/// A length that includes the NUL, the text, the NUL.
fn write_text(out: &mut Writer, text: &str) {
    out.u32_be(text.len() as u32 + 1);
    out.bytes(text.as_bytes());
    out.u8_be(0);
}

impl Encode for Command {
    fn encode(&self, out: &mut Writer) {
        let payload = self.payload();
        out.bytes(&self.header(payload.len()));
        out.bytes(&payload);
    }
}
