//! The metadata socket: a consumer daemon asks the session daemon for metadata text
//! (`docs/spec/consumer-protocol.md` 8.3).

use super::command::{BLOCK_LEN, Command, CommandCode, Follows};
use super::exchange::CommandExchange;
use super::ids::{ChannelKey, RegistryId, SessionId};
use super::small::PushMetadata;
use super::status::Status;
use crate::{Action, Bitness, Decode, Encode, Exchange, Reader, WireError, Writer};

/// Size of a request.
pub const METADATA_REQUEST_LEN: usize = 32;
/// The most metadata text that is taken at once.
pub const MAX_METADATA_LEN: usize = 64 << 20;
/// In place of a command: the session daemon has no such registry.
const UNDEFINED: u32 = 12;

/// Asks for the metadata of a channel. The registry is looked for by session, bitness and user, then by its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataRequest {
    /// The tracing session.
    pub session_id: SessionId,
    /// The per-PID registry.
    pub registry: RegistryId,
    /// Width of a `long` in the applications.
    pub bitness: Bitness,
    /// The applications' user.
    pub uid: u32,
    /// The metadata channel.
    pub key: ChannelKey,
}

impl Encode for MetadataRequest {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.session_id.0);
        out.u64(self.registry.0);
        out.u32(self.bitness.code());
        out.u32(self.uid);
        out.u64(self.key.0);
    }
}

impl Decode for MetadataRequest {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(MetadataRequest {
            session_id: SessionId(input.u64("session id")?),
            registry: RegistryId(input.u64("registry id")?),
            bitness: Bitness::from_code(input.u32("bits per long")?)?,
            uid: input.u32("uid")?,
            key: ChannelKey(input.u64("metadata key")?),
        })
    }
}

/// What the session daemon answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataAnswer {
    /// Text, possibly none that is new.
    Text {
        /// The requested channel.
        key: ChannelKey,
        /// Where the text belongs in the whole.
        target_offset: u64,
        /// Which writing of the metadata this is.
        version: u64,
        /// At most [`MAX_METADATA_LEN`].
        text: Vec<u8>,
    },
    /// There is no such registry.
    NoRegistry,
}

impl MetadataAnswer {
    /// The session daemon's end from here on: block, status, and if there is text, text and second status. An answer
    /// other than [`Answer::Done`](super::Answer::Done) does not come.
    ///
    /// # Panics
    /// If the text is longer than [`MAX_METADATA_LEN`].
    pub fn exchange(self) -> CommandExchange {
        match self {
            MetadataAnswer::Text { key, target_offset, version, text } => {
                assert!(text.len() <= MAX_METADATA_LEN, "metadata text of {} bytes at once", text.len());
                let push = PushMetadata { key, target_offset, len: text.len() as u32, version };
                CommandExchange::new(&Command::PushMetadata(push), text)
            }
            MetadataAnswer::NoRegistry => {
                let mut block = Writer::new();
                block.u32(UNDEFINED);
                block.pad_to(BLOCK_LEN);
                let code = CommandCode::PushMetadata;
                CommandExchange::of_block(code, None, block.into_bytes(), Follows::Nothing, Vec::new())
            }
        }
    }
}

/// What a consumer daemon got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulled {
    /// Text. If it is not empty, a second status must be sent once it is safely queued.
    Text(PushMetadata, Vec<u8>),
    /// There is no such registry any more.
    NoRegistry,
}

#[derive(Debug)]
enum State {
    Request(MetadataRequest),
    Block { key: ChannelKey },
    AwaitBlock { key: ChannelKey },
    Status(Option<PushMetadata>),
    Text(Option<PushMetadata>),
    AwaitText(PushMetadata),
    Whole(Pulled),
    End,
}

/// The consumer daemon's end: request, block, first status, text. An error means that the consumer daemon must stop
/// asking for that channel, and send no status.
#[derive(Debug)]
pub struct MetadataPull {
    state: State,
}

impl MetadataPull {
    /// Prepares a request.
    pub fn new(request: MetadataRequest) -> Self {
        MetadataPull { state: State::Request(request) }
    }
}

impl Exchange for MetadataPull {
    type Outcome = Pulled;

    fn next(&mut self) -> Action<Pulled> {
        loop {
            let (state, action) = match std::mem::replace(&mut self.state, State::End) {
                State::Request(request) => {
                    (State::Block { key: request.key }, Action::Send(request.to_bytes()))
                }
                State::Block { key } => (State::AwaitBlock { key }, Action::Receive(BLOCK_LEN)),
                State::Status(push) => (State::Text(push), Action::Send(Status::Success.to_bytes())),
                State::Text(Some(push)) if push.len > 0 => {
                    (State::AwaitText(push), Action::Receive(push.len as usize))
                }
                State::Text(push) => {
                    self.state =
                        State::Whole(push.map_or(Pulled::NoRegistry, |push| Pulled::Text(push, Vec::new())));
                    continue;
                }
                State::Whole(pulled) => (State::End, Action::Done(pulled)),
                _ => panic!("bytes are awaited, or the outcome was taken"),
            };
            self.state = state;
            return action;
        }
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.state = match std::mem::replace(&mut self.state, State::End) {
            State::AwaitBlock { key } => {
                let word = Reader::new(bytes).u32("command")?;
                if word == UNDEFINED {
                    self.state = State::Status(None);
                    return Ok(());
                }
                match Command::from_bytes(bytes)? {
                    Command::PushMetadata(push) if push.key == key => State::Status(Some(push)),
                    Command::PushMetadata(push) => {
                        return Err(WireError::BadValue {
                            field: "metadata key",
                            value: i128::from(push.key.0),
                        });
                    }
                    _ => return Err(WireError::BadValue { field: "command", value: i128::from(word) }),
                }
            }
            State::AwaitText(push) => State::Whole(Pulled::Text(push, bytes.to_vec())),
            _ => panic!("no bytes are awaited"),
        };
        Ok(())
    }
}
