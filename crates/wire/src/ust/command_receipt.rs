//! The application's end of a command: reads the record and what follows it. The application then answers with a
//! [`Reply`], and after a good answer to `TracepointFieldListGet` with a field entry.

use super::bytecode::BytecodeHead;
use super::command::{
    COMMAND_LEN, Channel, Command, CommandCode, MAX_CHANNEL_BLOB_LEN, PER_CPU_CHANNEL, Pattern, Request,
    Stream, UNION_AT,
};
use super::context::{Context, ContextHead};
use super::counter::{COUNTER_LEN, Counter};
use super::event::{EVENT_NOTIFIER_LEN, EventNotifier, EventRule, Exclusions};
use super::ids::ObjectHandle;
use super::reply::Reply;
use crate::{Action, Decode, Encode, Exchange, Reader, WireError};

/// What an application was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceivedCommand {
    /// A command that this side knows.
    Request(Request),
    /// One that it does not: answer [`ReplyCode::Invalid`](super::ReplyCode::Invalid).
    Unknown {
        /// The object.
        handle: ObjectHandle,
        /// The command.
        code: CommandCode,
    },
}

/// What the record says; what follows it is still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Head {
    Whole(Command),
    Unknown,
    Channel { len: usize },
    AppContext { provider_len: usize, name_len: usize },
    Filter(BytecodeHead),
    Capture(BytecodeHead),
    Exclusion { count: usize },
    EventNotifierCreate,
    Counter,
}

#[derive(Debug)]
enum State {
    Start,
    AwaitRecord,
    FirstReply,
    Data,
    AwaitData,
    Fds,
    End,
}

/// Receives one command of the session daemon.
///
/// Two-reply commands make the machine send the first reply itself. An application that does not know the object looks
/// at [`CommandReceipt::handle`] after the record came and drops the connection instead.
#[derive(Debug)]
pub struct CommandReceipt {
    state: State,
    handle: ObjectHandle,
    code: CommandCode,
    head: Head,
}

impl Default for CommandReceipt {
    fn default() -> Self {
        Self::new()
    }
}

impl CommandReceipt {
    /// Waits for a record.
    pub fn new() -> Self {
        let code = CommandCode::Unknown(0);
        CommandReceipt { state: State::Start, handle: ObjectHandle::ROOT, code, head: Head::Unknown }
    }

    /// The object that the command is for, once the record came.
    pub fn handle(&self) -> ObjectHandle {
        self.handle
    }

    fn record(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let mut input = Reader::new(bytes);
        self.handle = ObjectHandle(input.u32("handle")?);
        self.code = CommandCode::from_code(input.u32("command")?);
        input.skip(UNION_AT - 8)?;
        self.head = Head::decode(self.code, &mut input)?;
        // A program may be empty: then nothing follows that could complete it.
        if let (Head::Filter(_) | Head::Capture(_), 0) = (&self.head, self.head.data_len()) {
            self.head = Head::Whole(self.head.complete(&[])?);
        }
        self.state = match self.code.pattern() {
            Pattern::TwoReplies => State::FirstReply,
            Pattern::OneReply => State::Data,
        };
        Ok(())
    }
}

impl Exchange for CommandReceipt {
    type Outcome = ReceivedCommand;

    fn next(&mut self) -> Action<ReceivedCommand> {
        loop {
            match self.state {
                State::Start => {
                    self.state = State::AwaitRecord;
                    return Action::Receive(COMMAND_LEN);
                }
                State::FirstReply => {
                    self.state = State::Data;
                    return Action::Send(Reply::ok(self.handle, self.code).to_bytes());
                }
                State::Data => match self.head.data_len() {
                    0 => self.state = State::Fds,
                    len => {
                        self.state = State::AwaitData;
                        return Action::Receive(len);
                    }
                },
                State::Fds => {
                    self.state = State::End;
                    if self.code.fd_count() > 0 {
                        return Action::ReceiveFds(self.code.fd_count());
                    }
                }
                State::End => {
                    let handle = self.handle;
                    return Action::Done(match std::mem::replace(&mut self.head, Head::Unknown) {
                        Head::Whole(command) => ReceivedCommand::Request(Request { handle, command }),
                        _ => ReceivedCommand::Unknown { handle, code: self.code },
                    });
                }
                State::AwaitRecord | State::AwaitData => panic!("bytes are awaited"),
            }
        }
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        match self.state {
            State::AwaitRecord => self.record(bytes),
            State::AwaitData => {
                self.head = Head::Whole(self.head.complete(bytes)?);
                self.state = State::Fds;
                Ok(())
            }
            _ => panic!("no bytes are awaited"),
        }
    }
}

impl Head {
    fn decode(code: CommandCode, input: &mut Reader<'_>) -> Result<Self, WireError> {
        let whole = match code {
            CommandCode::Release => Command::Release,
            CommandCode::Session => Command::Session,
            CommandCode::TracerVersion => Command::TracerVersion,
            CommandCode::TracepointList => Command::TracepointList,
            CommandCode::WaitQuiescent => Command::WaitQuiescent,
            CommandCode::RegisterDone => Command::RegisterDone,
            CommandCode::TracepointFieldList => Command::TracepointFieldList,
            CommandCode::EventNotifierGroupCreate => Command::EventNotifierGroupCreate,
            CommandCode::SessionStart => Command::SessionStart,
            CommandCode::SessionStop => Command::SessionStop,
            CommandCode::SessionStatedump => Command::SessionStatedump,
            CommandCode::FlushBuffer => Command::FlushBuffer,
            CommandCode::Enable => Command::Enable,
            CommandCode::Disable => Command::Disable,
            CommandCode::TracepointListGet => Command::TracepointListGet,
            CommandCode::TracepointFieldListGet => Command::TracepointFieldListGet,
            CommandCode::Stream => Command::Stream(Stream {
                shm_len: input.u64("shm length")?,
                number: input.u32("stream number")?,
            }),
            CommandCode::Event => Command::Event(EventRule::decode(input)?),
            CommandCode::CounterGlobal => Command::CounterGlobal { shm_len: input.u64("shm length")? },
            CommandCode::CounterCpu => {
                Command::CounterCpu { shm_len: input.u64("shm length")?, cpu: input.u32("counter cpu")? }
            }
            CommandCode::Context => match Context::decode_union(input)? {
                ContextHead::Whole(context) => Command::Context(context),
                ContextHead::App { provider_len, name_len } => {
                    return Ok(Head::AppContext { provider_len, name_len });
                }
            },
            CommandCode::Channel => {
                let len = bounded(input.u64("channel blob length")?, "channel blob", MAX_CHANNEL_BLOB_LEN)?;
                match input.i32("channel type")? {
                    PER_CPU_CHANNEL if len > 0 => return Ok(Head::Channel { len }),
                    PER_CPU_CHANNEL => {
                        return Err(WireError::BadValue { field: "channel blob length", value: 0 });
                    }
                    other => {
                        return Err(WireError::BadValue { field: "channel type", value: i128::from(other) });
                    }
                }
            }
            CommandCode::Filter => return BytecodeHead::decode(input).map(Head::Filter),
            CommandCode::Capture => return BytecodeHead::decode(input).map(Head::Capture),
            CommandCode::Exclusion => {
                let count = u64::from(input.u32("exclusion count")?);
                return match bounded(count, "exclusion count", Exclusions::MAX_COUNT as usize)? {
                    0 => Err(WireError::BadValue { field: "exclusion count", value: 0 }),
                    count => Ok(Head::Exclusion { count }),
                };
            }
            CommandCode::EventNotifierCreate => {
                exactly(
                    u64::from(input.u32("event notifier length")?),
                    "event notifier length",
                    EVENT_NOTIFIER_LEN,
                )?;
                return Ok(Head::EventNotifierCreate);
            }
            CommandCode::Counter => {
                exactly(input.u64("counter length")?, "counter length", COUNTER_LEN)?;
                return Ok(Head::Counter);
            }
            CommandCode::Unknown(_) => return Ok(Head::Unknown),
        };
        Ok(Head::Whole(whole))
    }

    /// How many bytes follow the record.
    fn data_len(&self) -> usize {
        match self {
            Head::Whole(_) | Head::Unknown => 0,
            Head::Channel { len } => *len,
            Head::AppContext { provider_len, name_len } => provider_len + name_len,
            Head::Filter(head) | Head::Capture(head) => head.len(),
            Head::Exclusion { count } => count * super::SYMBOL_NAME_LEN,
            Head::EventNotifierCreate => EVENT_NOTIFIER_LEN,
            Head::Counter => COUNTER_LEN,
        }
    }

    fn complete(&self, data: &[u8]) -> Result<Command, WireError> {
        Ok(match *self {
            Head::Whole(ref command) => command.clone(),
            Head::Unknown => unreachable!("nothing follows an unknown command"),
            Head::Channel { .. } => Command::Channel(Channel { blob: data.into() }),
            Head::AppContext { provider_len, name_len } => {
                Command::Context(ContextHead::decode_app(provider_len, name_len, data)?)
            }
            Head::Filter(head) => Command::Filter(head.with(data)?),
            Head::Capture(head) => Command::Capture(head.with(data)?),
            Head::Exclusion { .. } => Command::Exclusion(Exclusions::decode_names(data)?),
            Head::EventNotifierCreate => Command::EventNotifierCreate(EventNotifier::from_bytes(data)?),
            Head::Counter => Command::Counter(Counter::from_bytes(data)?),
        })
    }
}

fn bounded(value: u64, field: &'static str, limit: usize) -> Result<usize, WireError> {
    match usize::try_from(value) {
        Ok(fitting) if fitting <= limit => Ok(fitting),
        _ => Err(WireError::TooLarge { field, value, limit: limit as u64 }),
    }
}

fn exactly(value: u64, field: &'static str, wanted: usize) -> Result<(), WireError> {
    if value == wanted as u64 { Ok(()) } else { Err(WireError::BadValue { field, value: i128::from(value) }) }
}

#[cfg(test)]
mod tests {
    use super::super::bytecode::Bytecode;
    use super::super::command_exchange::CommandExchange;
    use super::super::dialect::Dialect;
    use super::*;

    #[test]
    fn an_empty_filter_is_whole_with_its_record() {
        let command = Command::Filter(Bytecode::new(Vec::new().into(), 0, 0).unwrap());
        let request = Request { handle: ObjectHandle(5), command };
        let Action::Send(record) = CommandExchange::new(Dialect::Abi9, &request).unwrap().next() else {
            panic!("the record is sent first")
        };
        let mut receipt = CommandReceipt::new();
        assert_eq!(receipt.next(), Action::Receive(COMMAND_LEN));
        receipt.received(&record).unwrap();
        assert_eq!(receipt.next(), Action::Done(ReceivedCommand::Request(request)));
    }
}
