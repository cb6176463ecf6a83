//! How a channel's buffers go from the consumer daemon to the session daemon (`docs/spec/consumer-protocol.md` 7).

use std::collections::VecDeque;
use std::sync::Arc;

use crate::ust::MAX_CHANNEL_BLOB_LEN;
use crate::{Action, Exchange, Reader, WireError, Writer};

/// The largest number of streams of a channel that is taken: one for each possible CPU.
pub const MAX_STREAMS: usize = 8192;
const END_OF_STREAMS: u64 = u64::MAX;
const PER_CPU: i32 = 0;

/// A channel as applications get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelObject {
    /// The image of the ring buffer's channel header; opaque to the session daemon.
    pub blob: Arc<[u8]>,
    /// In the order of CPUs.
    pub streams: Vec<StreamObject>,
}

/// A stream as applications get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamObject {
    /// Bytes of shared memory.
    pub shm_len: u64,
    /// CPU, from 0.
    pub number: u32,
}

impl ChannelObject {
    /// How many descriptors the transfer carries: the channel's wake-up pipe, then for each stream its shared memory
    /// and its wake-up pipe.
    pub fn fd_count(&self) -> usize {
        1 + 2 * self.streams.len()
    }
}

/// Sends a channel: the consumer daemon's end. The statuses before and after it are not part of it: between transfer and
/// last status the consumer daemon takes the streams into service.
#[derive(Debug)]
pub struct ChannelTransfer {
    steps: VecDeque<Action<()>>,
}

impl ChannelTransfer {
    /// Prepares the transfer.
    pub fn new(object: &ChannelObject) -> Self {
        let mut out = Writer::new();
        out.u64(object.blob.len() as u64);
        out.i32(PER_CPU);
        out.bytes(&object.blob);
        let mut steps = VecDeque::from([Action::Send(out.into_bytes()), Action::SendFds(1)]);
        for stream in &object.streams {
            let mut out = Writer::new();
            out.u64(stream.shm_len);
            out.u32(stream.number);
            steps.push_back(Action::Send(out.into_bytes()));
            steps.push_back(Action::SendFds(2));
        }
        steps.push_back(Action::Send(END_OF_STREAMS.to_ne_bytes().to_vec()));
        steps.push_back(Action::Done(()));
        ChannelTransfer { steps }
    }
}

impl Exchange for ChannelTransfer {
    type Outcome = ();

    fn next(&mut self) -> Action<()> {
        self.steps.pop_front().expect("not called after Done")
    }

    fn received(&mut self, _: &[u8]) -> Result<(), WireError> {
        panic!("no bytes are awaited")
    }
}

#[derive(Debug)]
enum State {
    Head,
    AwaitHead,
    Blob(usize),
    AwaitBlob,
    ChannelFd,
    Stream,
    AwaitStream,
    StreamNumber(u64),
    AwaitStreamNumber(u64),
    StreamFds,
    End,
}

/// Receives a channel: the session daemon's end, between the two statuses.
#[derive(Debug)]
pub(super) struct ChannelReception {
    state: State,
    object: ChannelObject,
}

impl ChannelReception {
    pub(super) fn new() -> Self {
        let object = ChannelObject { blob: Arc::from([]), streams: Vec::new() };
        ChannelReception { state: State::Head, object }
    }
}

impl Exchange for ChannelReception {
    type Outcome = ChannelObject;

    fn next(&mut self) -> Action<ChannelObject> {
        let (state, action) = match self.state {
            State::Head => (State::AwaitHead, Action::Receive(12)),
            State::Blob(len) => (State::AwaitBlob, Action::Receive(len)),
            State::ChannelFd => (State::Stream, Action::ReceiveFds(1)),
            State::Stream => (State::AwaitStream, Action::Receive(8)),
            State::StreamNumber(shm_len) => (State::AwaitStreamNumber(shm_len), Action::Receive(4)),
            State::StreamFds => (State::Stream, Action::ReceiveFds(2)),
            State::End => (State::End, Action::Done(self.object.clone())),
            _ => panic!("bytes are awaited"),
        };
        self.state = state;
        action
    }

    fn received(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let mut input = Reader::new(bytes);
        self.state = match self.state {
            State::AwaitHead => {
                let len = input.u64("channel object size")?;
                let kind = input.i32("channel object type")?;
                if kind != PER_CPU {
                    return Err(WireError::BadValue {
                        field: "channel object type",
                        value: i128::from(kind),
                    });
                }
                match len {
                    0 => return Err(WireError::BadValue { field: "channel object size", value: 0 }),
                    len if len <= MAX_CHANNEL_BLOB_LEN as u64 => State::Blob(len as usize),
                    value => {
                        let limit = MAX_CHANNEL_BLOB_LEN as u64;
                        return Err(WireError::TooLarge { field: "channel object size", value, limit });
                    }
                }
            }
            State::AwaitBlob => {
                self.object.blob = bytes.into();
                State::ChannelFd
            }
            State::AwaitStream => match input.u64("shm length")? {
                END_OF_STREAMS => State::End,
                shm_len => State::StreamNumber(shm_len),
            },
            State::AwaitStreamNumber(shm_len) => {
                if self.object.streams.len() >= MAX_STREAMS {
                    let (value, limit) = (MAX_STREAMS as u64 + 1, MAX_STREAMS as u64);
                    return Err(WireError::TooLarge { field: "streams of a channel", value, limit });
                }
                self.object.streams.push(StreamObject { shm_len, number: input.u32("stream number")? });
                State::StreamFds
            }
            _ => panic!("no bytes are awaited"),
        };
        Ok(())
    }
}
