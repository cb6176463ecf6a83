//! The session daemon's end of a command to a consumer daemon: what to send, what to await, what came of it
//! (`docs/spec/consumer-protocol.md` 5.1, 6).

use std::path::PathBuf;

use super::command::{Command, CommandCode, Follows};
use super::ids::ChannelKey;
use super::reply::{
    CHANNEL_CREATED_LEN, CHUNK_CLOSED_HEAD_LEN, ChannelCreated, ReplyKind, read_path, read_path_len,
};
use super::status::Status;
use super::transfer::{ChannelObject, ChannelReception};
use super::usage::ChannelUsage;
use crate::{Action, Decode, Encode, Exchange, Reader, WireError};

/// What a consumer daemon answered to a command that it carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing more.
    Done,
    /// To ASK_CHANNEL_CREATION.
    ChannelCreated(ChannelCreated),
    /// To GET_CHANNEL; the descriptors came on the way ([`ChannelObject::fd_count`]).
    Channel(ChannelObject),
    /// To CLOSE_TRACE_CHUNK: where the relay daemon put it; of no meaning for a local trace.
    TraceChunkClosed(PathBuf),
    /// To TRACE_CHUNK_EXISTS.
    TraceChunk(TraceChunkPresence),
    /// To DATA_PENDING.
    DataPending(bool),
    /// To DISCARDED_EVENTS and LOST_PACKETS.
    Count(u64),
    /// To the question how full a channel was.
    Usage(ChannelUsage),
}

/// Where a trace chunk is still in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceChunkPresence {
    /// In the consumer daemon.
    Local,
    /// At the relay daemon only.
    Remote,
    /// Nowhere: it is complete.
    Gone,
}

/// A command that was not carried out. The connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the consumer daemon failed {command:?}: {status}")]
pub struct Failure {
    /// The command.
    pub command: CommandCode,
    /// Its reason.
    pub status: Status,
}

#[derive(Debug)]
enum State {
    Start(Vec<u8>),
    FirstReply,
    AwaitFirstReply,
    /// A good status came; now what belongs to the command.
    Follow,
    SecondStatus,
    AwaitSecondStatus,
    Channel(ChannelReception),
    PathOf {
        status: Status,
        len: usize,
    },
    AwaitPath {
        status: Status,
    },
    Done(Result<Answer, Failure>),
    End,
}

/// Sends one command to a consumer daemon and takes its answer. It takes one descriptor from the shell for those
/// commands that carry one ([`Command::follows`]).
#[derive(Debug)]
pub struct CommandExchange {
    code: CommandCode,
    key: Option<ChannelKey>,
    follows: Follows,
    data: Vec<u8>,
    /// What the last status confirms.
    answer: Answer,
    state: State,
}

impl CommandExchange {
    /// Prepares the exchange. `data` is the metadata text of PUSH_METADATA, and empty otherwise.
    ///
    /// # Panics
    /// If the length of `data` is not what the command says.
    pub fn new(command: &Command, data: Vec<u8>) -> Self {
        let follows = command.follows();
        let announced = if let Follows::Bytes(len) = follows { len } else { 0 };
        assert_eq!(data.len(), announced, "the data of {:?} has the announced length", command.code());
        let key = if let Command::AskChannelCreation(of) = command { Some(of.key) } else { None };
        Self::of_block(command.code(), key, command.to_bytes(), follows, data)
    }

    /// An exchange whose block is not a command: answers on the metadata socket are like that.
    pub(super) fn of_block(
        code: CommandCode,
        key: Option<ChannelKey>,
        block: Vec<u8>,
        follows: Follows,
        data: Vec<u8>,
    ) -> Self {
        CommandExchange { code, key, follows, data, answer: Answer::Done, state: State::Start(block) }
    }

    fn first_reply_len(&self) -> usize {
        match self.code.reply_kind() {
            ReplyKind::None => 0,
            ReplyKind::Status | ReplyKind::Channel | ReplyKind::DataPending => 4,
            ReplyKind::ChannelCreated => CHANNEL_CREATED_LEN,
            ReplyKind::TraceChunkClosed => CHUNK_CLOSED_HEAD_LEN,
            ReplyKind::Count => 8,
            ReplyKind::Usage => ChannelUsage::LEN,
        }
    }

    fn fail(&self, status: Status) -> State {
        State::Done(Err(Failure { command: self.code, status }))
    }

    fn first_reply(&self, bytes: &[u8]) -> Result<State, WireError> {
        let mut input = Reader::new(bytes);
        let kind = self.code.reply_kind();
        match kind {
            ReplyKind::DataPending => {
                return Ok(State::Done(Ok(Answer::DataPending(input.i32("data pending")? != 0))));
            }
            ReplyKind::Count => return Ok(State::Done(Ok(Answer::Count(input.u64("count")?)))),
            ReplyKind::Usage => {
                return Ok(State::Done(Ok(Answer::Usage(ChannelUsage::decode(&mut input)?))));
            }
            _ => {}
        }
        let status = Status::decode(&mut input)?;
        Ok(match (kind, status) {
            (ReplyKind::TraceChunkClosed, status) => {
                State::PathOf { status, len: read_path_len(&mut input)? }
            }
            (ReplyKind::Status, status) if self.code == CommandCode::TraceChunkExists => {
                match presence(status) {
                    Some(presence) => State::Done(Ok(Answer::TraceChunk(presence))),
                    None => self.fail(status),
                }
            }
            (ReplyKind::ChannelCreated, Status::Success) => {
                let created = ChannelCreated::decode(&mut input)?;
                if Some(created.key) != self.key {
                    return Err(WireError::BadValue {
                        field: "channel key",
                        value: i128::from(created.key.0),
                    });
                }
                State::Done(Ok(Answer::ChannelCreated(created)))
            }
            (ReplyKind::Channel, Status::Success) => State::Channel(ChannelReception::new()),
            (_, Status::Success) => State::Follow,
            (_, status) => self.fail(status),
        })
    }
}

/// What the statuses of TRACE_CHUNK_EXISTS say; it never answers "success".
fn presence(status: Status) -> Option<TraceChunkPresence> {
    match status {
        Status::TraceChunkExistsLocal => Some(TraceChunkPresence::Local),
        Status::TraceChunkExistsRemote => Some(TraceChunkPresence::Remote),
        Status::UnknownTraceChunk => Some(TraceChunkPresence::Gone),
        _ => None,
    }
}

impl Exchange for CommandExchange {
    type Outcome = Result<Answer, Failure>;

    fn next(&mut self) -> Action<Self::Outcome> {
        loop {
            let (state, action) = match std::mem::replace(&mut self.state, State::End) {
                State::Start(block) => (State::FirstReply, Action::Send(block)),
                State::FirstReply => match self.first_reply_len() {
                    0 => (State::End, Action::Done(Ok(Answer::Done))),
                    len => (State::AwaitFirstReply, Action::Receive(len)),
                },
                State::Follow => match self.follows {
                    Follows::Nothing => (State::End, Action::Done(Ok(Answer::Done))),
                    Follows::Fds(count) => (State::SecondStatus, Action::SendFds(count)),
                    Follows::Bytes(_) => (State::SecondStatus, Action::Send(std::mem::take(&mut self.data))),
                },
                State::SecondStatus => (State::AwaitSecondStatus, Action::Receive(Status::LEN)),
                State::PathOf { status, len } => (State::AwaitPath { status }, Action::Receive(len)),
                State::Done(outcome) => (State::End, Action::Done(outcome)),
                State::Channel(mut reception) => {
                    let action = match reception.next() {
                        Action::Done(object) => {
                            self.answer = Answer::Channel(object);
                            self.state = State::SecondStatus;
                            continue;
                        }
                        Action::Send(bytes) => Action::Send(bytes),
                        Action::SendFds(count) => Action::SendFds(count),
                        Action::Receive(len) => Action::Receive(len),
                        Action::ReceiveFds(count) => Action::ReceiveFds(count),
                    };
                    (State::Channel(reception), action)
                }
                _ => panic!("bytes are awaited, or the outcome was taken"),
            };
            self.state = state;
            return action;
        }
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.state = match std::mem::replace(&mut self.state, State::End) {
            State::AwaitFirstReply => self.first_reply(bytes)?,
            State::AwaitSecondStatus => match Status::from_bytes(bytes)? {
                Status::Success => State::Done(Ok(std::mem::replace(&mut self.answer, Answer::Done))),
                status => self.fail(status),
            },
            State::AwaitPath { status: Status::Success } => {
                State::Done(Ok(Answer::TraceChunkClosed(read_path(bytes)?)))
            }
            State::AwaitPath { status } => self.fail(status),
            State::Channel(mut reception) => {
                reception.received(bytes)?;
                State::Channel(reception)
            }
            _ => panic!("no bytes are awaited"),
        };
        Ok(())
    }
}
