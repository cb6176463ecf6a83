//! Both ends of a command to an agent: [`CommandExchange`] is the session daemon's, [`CommandReceipt`] the agent's.

use super::command::{Command, CommandCode, HEADER_LEN, MAX_PAYLOAD_LEN};
use super::reply::{MAX_LIST_LEN, ReplyCode, read_names};
use crate::{Action, Exchange, Reader, WireError};

/// What an agent answered to a command that it carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing more.
    Done,
    /// To [`Command::List`].
    Loggers(Vec<String>),
}

/// Why a command was not carried out. The connection goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The agent says so.
    #[error("the agent refused {command:?}: {code}")]
    Code {
        /// The command.
        command: CommandCode,
        /// The agent's reason.
        code: ReplyCode,
    },
    /// The list of loggers makes no sense.
    #[error("the agent listed its loggers in a malformed way: {0}")]
    Malformed(WireError),
}

#[derive(Debug)]
enum State {
    Header,
    Payload,
    Reply,
    AwaitReply,
    /// Bytes of names without, then number of names.
    Count(usize),
    AwaitCount(usize),
    Names(usize, u32),
    AwaitNames(u32),
    Done(Result<Answer, Refusal>),
    End,
}

/// Sends one command to an agent and takes its answer. Header and payload are two [`Action::Send`]: send each with one
/// call, because the Python agent reads each with one.
#[derive(Debug)]
pub struct CommandExchange {
    code: CommandCode,
    header: Vec<u8>,
    payload: Vec<u8>,
    state: State,
}

impl CommandExchange {
    /// Prepares the exchange.
    pub fn new(command: &Command) -> Self {
        let payload = command.payload();
        let header = command.header(payload.len());
        CommandExchange { code: command.code(), header, payload, state: State::Header }
    }

    fn reply(&self, bytes: &[u8]) -> Result<State, WireError> {
        let mut input = Reader::new(bytes);
        let code = ReplyCode::from_code(input.u32_be("agent reply")?);
        if code != ReplyCode::Success {
            return Ok(State::Done(Err(Refusal::Code { command: self.code, code })));
        }
        if self.code != CommandCode::List {
            return Ok(State::Done(Ok(Answer::Done)));
        }
        match input.u32_be("size of logger names")? {
            len if len as usize <= MAX_LIST_LEN => Ok(State::Count(len as usize)),
            len => {
                let (value, limit) = (len.into(), MAX_LIST_LEN as u64);
                Err(WireError::TooLarge { field: "size of logger names", value, limit })
            }
        }
    }
}

/// What a list of names comes to.
fn loggers(names: &[u8], count: u32) -> State {
    State::Done(read_names(names, count).map(Answer::Loggers).map_err(Refusal::Malformed))
}

impl Exchange for CommandExchange {
    type Outcome = Result<Answer, Refusal>;

    fn next(&mut self) -> Action<Self::Outcome> {
        loop {
            let (state, action) = match std::mem::replace(&mut self.state, State::End) {
                State::Header => (State::Payload, Action::Send(std::mem::take(&mut self.header))),
                State::Payload if self.payload.is_empty() => {
                    self.state = State::Reply;
                    continue;
                }
                State::Payload => (State::Reply, Action::Send(std::mem::take(&mut self.payload))),
                State::Reply => match self.code {
                    CommandCode::RegistrationDone => (State::End, Action::Done(Ok(Answer::Done))),
                    CommandCode::List => (State::AwaitReply, Action::Receive(8)),
                    _ => (State::AwaitReply, Action::Receive(4)),
                },
                State::Count(len) => (State::AwaitCount(len), Action::Receive(4)),
                State::Names(len, count) => (State::AwaitNames(count), Action::Receive(len)),
                State::Done(outcome) => (State::End, Action::Done(outcome)),
                State::AwaitReply | State::AwaitCount(_) | State::AwaitNames(_) | State::End => {
                    panic!("bytes are awaited, or the outcome was taken")
                }
            };
            self.state = state;
            return action;
        }
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.state = match std::mem::replace(&mut self.state, State::End) {
            State::AwaitReply => self.reply(bytes)?,
            State::AwaitCount(len) => match (len, Reader::new(bytes).u32_be("number of loggers")?) {
                (0, count) => loggers(&[], count),
                (len, count) => State::Names(len, count),
            },
            State::AwaitNames(count) => loggers(bytes, count),
            _ => panic!("no bytes are awaited"),
        };
        Ok(())
    }
}

/// What an agent was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceivedCommand {
    /// A command.
    Command(Command),
    /// One whose arguments make no sense: answer [`ReplyCode::InvalidCommand`], or an empty list to
    /// [`CommandCode::List`].
    Malformed {
        /// Which command.
        code: CommandCode,
        /// What is wrong.
        error: WireError,
    },
    /// One that does not exist: answer [`ReplyCode::InvalidCommand`].
    Unknown(u32),
}

#[derive(Debug)]
enum ReceiptState {
    Start,
    AwaitHeader,
    Payload(u32, usize),
    AwaitPayload(u32),
    Whole(ReceivedCommand),
    End,
}

/// Receives one command of the session daemon. An error means that the connection cannot be followed any further.
#[derive(Debug)]
pub struct CommandReceipt {
    state: ReceiptState,
}

impl Default for CommandReceipt {
    fn default() -> Self {
        Self::new()
    }
}

impl CommandReceipt {
    /// Waits for a command.
    pub fn new() -> Self {
        CommandReceipt { state: ReceiptState::Start }
    }
}

/// Judges a command that was received whole.
fn received(code: u32, payload: &[u8]) -> ReceivedCommand {
    match CommandCode::from_code(code) {
        Err(_) => ReceivedCommand::Unknown(code),
        Ok(code) => match Command::from_payload(code, payload) {
            Ok(command) => ReceivedCommand::Command(command),
            Err(error) => ReceivedCommand::Malformed { code, error },
        },
    }
}

impl Exchange for CommandReceipt {
    type Outcome = ReceivedCommand;

    fn next(&mut self) -> Action<ReceivedCommand> {
        let (state, action) = match std::mem::replace(&mut self.state, ReceiptState::End) {
            ReceiptState::Start => (ReceiptState::AwaitHeader, Action::Receive(HEADER_LEN)),
            ReceiptState::Payload(code, 0) => (ReceiptState::End, Action::Done(received(code, &[]))),
            ReceiptState::Payload(code, len) => (ReceiptState::AwaitPayload(code), Action::Receive(len)),
            ReceiptState::Whole(command) => (ReceiptState::End, Action::Done(command)),
            _ => panic!("bytes are awaited, or the command was taken"),
        };
        self.state = state;
        action
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.state = match std::mem::replace(&mut self.state, ReceiptState::End) {
            ReceiptState::AwaitHeader => {
                let mut input = Reader::new(bytes);
                let len = input.u64_be("agent payload size")?;
                if len > MAX_PAYLOAD_LEN as u64 {
                    let limit = MAX_PAYLOAD_LEN as u64;
                    return Err(WireError::TooLarge { field: "agent payload size", value: len, limit });
                }
                // The version behind the code says nothing.
                ReceiptState::Payload(input.u32_be("agent command")?, len as usize)
            }
            ReceiptState::AwaitPayload(code) => ReceiptState::Whole(received(code, bytes)),
            _ => panic!("no bytes are awaited"),
        };
        Ok(())
    }
}
