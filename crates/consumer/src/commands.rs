//! The command socket: reads the session daemon's commands and answers them one by one
//! (`docs/spec/consumer-protocol.md`, sections 5 and 6).
//!
//! Only this connection suffers from what comes over it: a command that cannot be read, or asks for what is not there, is
//! answered with an error.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rttng_ring::SwitchMode;
use rttng_wire::consumer::{
    AskChannel, BLOCK_LEN, ChannelCreated, ChannelKey, ChannelKind, ChannelObject, ChannelTransfer,
    ChannelUsage, CloseTraceChunk, Command, CommandCode, CreateTraceChunk, Follows, PushMetadata, Reply,
    RotateChannel, SessionId, SnapshotChannel, Status, StreamObject, TraceChunkExists,
};
use rttng_wire::{Decode, Encode};
use rttng_world::run_as::Identity;

use crate::channel::{ChannelError, DataChannel};
use crate::link::Link;
use crate::metadata::MetadataChannel;
use crate::state::{AnyChannel, State};

/// Serves the session daemon until it closes the connection.
pub(crate) fn serve(link: &mut Link, state: &Arc<State>) -> io::Result<()> {
    let mut session = Session { link, state, is_initialised: false };
    let mut block = vec![0; BLOCK_LEN];
    while session.link.receive(&mut block)? {
        match Command::from_bytes(&block) {
            Ok(Command::UpdateStream) => return Ok(()),
            Ok(command) => session.execute(command)?,
            Err(error) => {
                let code = CommandCode::of_block(&block).unwrap_or(CommandCode::Unknown(u32::MAX));
                tracing::error!(?code, %error, "the session daemon sent a damaged command");
                session.refuse(code)?;
            }
        }
    }
    Ok(())
}

struct Session<'a> {
    link: &'a mut Link,
    state: &'a Arc<State>,
    is_initialised: bool,
}

impl Session<'_> {
    fn status(&mut self, status: Status) -> io::Result<()> {
        self.link.send(&status.to_bytes())
    }

    fn reply(&mut self, reply: &Reply) -> io::Result<()> {
        self.link.send(&reply.to_bytes())
    }

    /// Answers a command that makes no sense.
    fn refuse(&mut self, code: CommandCode) -> io::Result<()> {
        let status = match code {
            CommandCode::AskChannelCreation => Status::ChannelFail,
            CommandCode::SnapshotChannel => Status::SnapshotFailed,
            CommandCode::CreateTraceChunk => Status::CreateTraceChunkFailed,
            CommandCode::CloseTraceChunk => Status::CloseTraceChunkFailed,
            CommandCode::RotateChannel => Status::RotationFail,
            CommandCode::PushMetadata => Status::ErrorMetadata,
            _ => Status::InvalidParameters,
        };
        match Reply::failure(code, status) {
            Some(reply) => self.reply(&reply),
            None => Ok(()),
        }
    }

    fn execute(&mut self, command: Command) -> io::Result<()> {
        tracing::debug!(?command, "command");
        let follows = command.follows();
        match command {
            Command::Init { .. } => {
                let status = match std::mem::replace(&mut self.is_initialised, true) {
                    false => Status::Success,
                    true => Status::AlreadySet,
                };
                self.status(status)
            }
            Command::SetChannelMonitorPipe => {
                self.status(Status::Success)?;
                let pipe = self.link.receive_fd()?;
                let status = match self.state.set_monitor_pipe(pipe) {
                    true => Status::Success,
                    false => Status::AlreadySet,
                };
                self.status(status)
            }
            Command::AskChannelCreation(asked) => {
                let created = self.ask_channel(&asked).map_err(|error| {
                    tracing::error!(channel = asked.name, %error, "cannot make the channel");
                    Status::ChannelFail
                });
                self.reply(&Reply::ChannelCreated(created))
            }
            Command::GetChannel(key) => self.get_channel(key),
            Command::DestroyChannel(key) => {
                if let Some(channel) = self.state.data_channel(key)
                    && channel.is_unclaimed()
                {
                    self.state.remove(key);
                }
                self.status(Status::Success)
            }
            Command::PushMetadata(push) => self.push_metadata(&push, follows),
            Command::SetupMetadata(key) => {
                let status = match self.state.metadata_channel(key) {
                    Some(channel) if channel.set_up() || !channel.is_monitored => Status::Success,
                    Some(_) => Status::ErrorMetadata,
                    None => Status::UstChannelNotFound,
                };
                self.status(status)
            }
            Command::CloseMetadata(key) => {
                let status = match self.state.metadata_channel(key) {
                    Some(channel) => {
                        self.close_metadata(&channel);
                        Status::Success
                    }
                    None => Status::UstChannelNotFound,
                };
                self.status(status)
            }
            Command::FlushChannel(key) => {
                let flushed = self.for_each_stream(key, |channel, stream| {
                    if channel.info.is_monitored {
                        stream.flush();
                    }
                });
                self.status(if flushed { Status::Success } else { Status::UstChannelNotFound })
            }
            Command::ClearQuiescentChannel(key) => {
                let cleared = self.for_each_stream(key, |_, stream| stream.clear_quiescent());
                self.status(if cleared { Status::Success } else { Status::UstChannelNotFound })
            }
            Command::DataPending(session_id) => {
                let pending = self.is_data_pending(session_id);
                self.reply(&Reply::DataPending(pending))
            }
            Command::DiscardedEvents { session_id, key } => {
                let count = self.count(session_id, key, |channel| channel.info.losses.events());
                self.reply(&Reply::Count(count))
            }
            Command::LostPackets { session_id, key } => {
                let count = self.count(session_id, key, |channel| channel.info.losses.packets());
                self.reply(&Reply::Count(count))
            }
            Command::ChannelUsage { session_id, key } => {
                let of = |which| self.count(session_id, key, which);
                let usage = ChannelUsage {
                    fullest: of(DataChannel::fullest),
                    dead_producers: of(|channel| channel.info.losses.dead_producers()),
                };
                self.reply(&Reply::Usage(usage))
            }
            Command::SnapshotChannel(snapshot) => {
                let status = self.snapshot(&snapshot);
                self.status(status)
            }
            Command::RotateChannel(rotation) => {
                let status = self.rotate(&rotation);
                self.status(status)
            }
            Command::CreateTraceChunk(create) => self.create_chunk(&create, follows),
            Command::CloseTraceChunk(close) => {
                let status = self.close_chunk(&close);
                self.reply(&Reply::TraceChunkClosed { status, path: std::path::PathBuf::new() })
            }
            Command::TraceChunkExists(exists) => {
                let status = self.chunk_exists(&exists);
                self.status(status)
            }
            Command::ClearChannel(key) => {
                let status = self.clear(key);
                self.status(status)
            }
            Command::OpenChannelPackets(key) => {
                let status = self.open_packets(key);
                self.status(status)
            }
            // No relay daemon can be reached yet: the connection is taken and let go.
            Command::AddRelaydSocket(_) => {
                self.status(Status::Success)?;
                drop(self.link.receive_fd()?);
                tracing::error!("network output is not available in this consumer daemon");
                self.status(Status::RelaydFail)
            }
            Command::DestroyRelayd(_) => self.status(Status::RelaydFail),
            // Kernel commands, and those that nobody sends: the real consumer daemon does not answer either.
            Command::AddChannel(_)
            | Command::AddStream(_)
            | Command::StreamsSent(_)
            | Command::SnapshotMetadata
            | Command::UpdateStream
            | Command::Stop
            | Command::Unknown(_) => {
                tracing::warn!(code = ?command.code(), "a command of another consumer daemon is passed over");
                Ok(())
            }
        }
    }

    /// Does something with each stream of a channel; `false` if the key is unknown. Metadata has nothing to be done.
    fn for_each_stream(
        &self,
        key: ChannelKey,
        mut action: impl FnMut(&DataChannel, &crate::stream::DataStream),
    ) -> bool {
        match self.state.channel(key) {
            Some(AnyChannel::Data(channel)) => {
                channel.streams.iter().for_each(|stream| action(&channel, stream));
                true
            }
            Some(AnyChannel::Metadata(_)) => true,
            None => false,
        }
    }

    fn ask_channel(&self, asked: &AskChannel) -> Result<ChannelCreated, ChannelError> {
        if asked.relay.is_some() {
            return Err(ChannelError::Relay);
        }
        let chunk = match asked.chunk_id {
            Some(id) => {
                let found = self.state.chunks().find(asked.session_id, id);
                Some(found.ok_or(ChannelError::UnknownChunk)?)
            }
            None => None,
        };
        let stream_count = match asked.kind {
            ChannelKind::Data { mode, id } => {
                let channel = Arc::new(DataChannel::create(asked, mode, id, chunk)?);
                self.state.add(AnyChannel::Data(Arc::clone(&channel)));
                // Live sessions run the live timer in place of the switch timer.
                let switch = asked.live_timer.or(asked.switch_timer);
                self.state.start_data_timers(&channel, switch, asked.read_timer, asked.monitor_timer);
                channel.streams.len() as u32
            }
            ChannelKind::Metadata => {
                let channel = MetadataChannel::create(asked, chunk).map_err(ChannelError::Files)?;
                let channel = Arc::new(channel);
                self.state.add(AnyChannel::Metadata(Arc::clone(&channel)));
                self.state.start_metadata_timers(&channel);
                u32::from(asked.monitor)
            }
        };
        Ok(ChannelCreated { key: asked.key, stream_count })
    }

    fn get_channel(&mut self, key: ChannelKey) -> io::Result<()> {
        let handed_out =
            self.state.data_channel(key).and_then(|channel| channel.take_handout().map(|out| (channel, out)));
        let Some((channel, handout)) = handed_out else { return self.status(Status::ChanNotFound) };
        let wakeups: io::Result<Vec<_>> =
            channel.streams.iter().map(|stream| stream.wakeup_to_hand_out()).collect();
        let wakeups = match wakeups {
            Ok(wakeups) => wakeups,
            Err(error) => {
                tracing::error!(%error, "cannot hand the channel out");
                self.state.remove(key);
                return self.status(Status::ChannelFail);
            }
        };
        self.status(Status::Success)?;
        let streams = handout.shared.iter().zip(&channel.streams);
        let object = ChannelObject {
            blob: handout.blob.into(),
            streams: streams
                .map(|((_, size), stream)| StreamObject { shm_len: *size, number: stream.cpu })
                .collect(),
        };
        let mut fds: Vec<BorrowedFd<'_>> = vec![handout.wakeup.as_fd()];
        for ((shared, _), wakeup) in handout.shared.iter().zip(&wakeups) {
            fds.extend([shared.as_fd(), wakeup.as_fd()]);
        }
        self.link.exchange(ChannelTransfer::new(&object), &fds)?;
        // Our ends are closed before the pipes are waited on: else they would never hang up.
        drop((handout.wakeup, handout.shared, wakeups));
        let status = match self.state.data.serve(&channel) {
            Ok(()) => Status::Success,
            Err(error) => {
                tracing::error!(%error, "cannot serve the channel");
                Status::ChannelFail
            }
        };
        self.status(status)
    }

    fn push_metadata(&mut self, push: &PushMetadata, follows: Follows) -> io::Result<()> {
        let Some(channel) = self.state.metadata_channel(push.key) else {
            return self.status(Status::ChannelFail);
        };
        self.status(Status::Success)?;
        let Follows::Bytes(len) = follows else { return Ok(()) };
        let mut text = vec![0; len];
        if !self.link.receive(&mut text)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let status = match channel.push(push, &text) {
            Ok(()) => Status::Success,
            Err(error) => {
                tracing::error!(%error, "metadata refused");
                Status::ErrorMetadata
            }
        };
        self.status(status)
    }

    /// Writes what is missing and forgets the channel. If the file cannot be written, that is the end of it.
    fn close_metadata(&self, channel: &Arc<MetadataChannel>) {
        if !channel.catch_up() {
            tracing::error!("the metadata of a trace is not complete");
        }
        self.state.remove(channel.key);
    }

    fn is_data_pending(&self, session_id: SessionId) -> bool {
        self.state.channels_of(session_id).iter().any(|channel| match channel {
            AnyChannel::Data(channel) => {
                channel.is_served() && channel.streams.iter().any(|stream| stream.is_pending())
            }
            AnyChannel::Metadata(channel) => channel.is_pending(),
        })
    }

    fn count(&self, session_id: SessionId, key: ChannelKey, which: fn(&DataChannel) -> u64) -> u64 {
        match self.state.data_channel(key) {
            Some(channel) if channel.info.session_id == session_id && channel.info.is_monitored => {
                which(&channel)
            }
            _ => 0,
        }
    }

    fn snapshot(&self, snapshot: &SnapshotChannel) -> Status {
        if snapshot.relay.is_some() {
            return Status::SnapshotFailed;
        }
        let written = match self.state.channel(snapshot.key) {
            None => return Status::ChanNotFound,
            Some(AnyChannel::Metadata(channel)) => self
                .state
                .pull_metadata(&channel)
                .and_then(|()| channel.snapshot())
                .map_err(|error| error.to_string()),
            Some(AnyChannel::Data(channel)) => match channel.current_chunk() {
                Some(chunk) if !channel.info.is_monitored => channel
                    .streams
                    .iter()
                    .try_for_each(|stream| stream.snapshot(&chunk, snapshot.nb_packets_per_stream))
                    .map_err(|error| error.to_string()),
                Some(_) => Err("the channel is not of a snapshot session".into()),
                None => Err("the channel is in no trace chunk".into()),
            },
        };
        match written {
            Ok(()) => Status::Success,
            Err(error) => {
                tracing::error!(key = snapshot.key.0, error, "cannot take the snapshot");
                Status::SnapshotFailed
            }
        }
    }

    fn rotate(&self, rotation: &RotateChannel) -> Status {
        if rotation.relay.is_some() {
            return Status::RotationFail;
        }
        let failed = |error: &dyn std::fmt::Display| {
            tracing::error!(key = rotation.key.0, %error, "cannot rotate");
            Status::RotationFail
        };
        match self.state.channel(rotation.key) {
            None => Status::ChanNotFound,
            Some(AnyChannel::Metadata(channel)) => match channel.rotate() {
                Ok(()) => Status::Success,
                Err(error) => failed(&error),
            },
            Some(AnyChannel::Data(channel)) => {
                let current = channel.current_chunk();
                for stream in &channel.streams {
                    if let Err(error) = stream.rotate(current.clone()) {
                        return failed(&error);
                    }
                }
                channel.streams.iter().for_each(|stream| stream.open_packet_in_chunk());
                Status::Success
            }
        }
    }

    fn create_chunk(&mut self, create: &CreateTraceChunk, follows: Follows) -> io::Result<()> {
        let Follows::Fds(_) = follows else { return self.status(Status::CreateTraceChunkFailed) };
        self.status(Status::Success)?;
        let directory = match self.link.receive_fd() {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                tracing::error!(%error, "a trace chunk came without its directory; are there too many open files?");
                return self.status(Status::CreateTraceChunkFailed);
            }
            Err(error) => return Err(error),
        };
        let owner = match create.credentials {
            Some(who) => Identity { uid: who.uid, gid: who.gid },
            None => Identity::own(),
        };
        let chunk = self.state.chunks().create(create.session_id, create.chunk_id, directory, owner);
        self.state.set_chunk(create.session_id, None, Some(&chunk));
        self.status(Status::Success)
    }

    fn close_chunk(&self, close: &CloseTraceChunk) -> Status {
        if close.relay.is_some() {
            return Status::CloseTraceChunkFailed;
        }
        let closed = self.state.chunks().close(close.session_id, close.chunk_id, close.close_command);
        let Some(chunk) = closed else { return Status::UnknownTraceChunk };
        self.state.set_chunk(close.session_id, Some(&chunk), None);
        tracing::debug!(session = chunk.session_id.0, chunk = chunk.id.0, "chunk closed");
        Status::Success
    }

    fn chunk_exists(&self, exists: &TraceChunkExists) -> Status {
        if exists.relay.is_some() {
            return Status::InvalidParameters;
        }
        match self.state.chunks().find(exists.session_id, exists.chunk_id) {
            Some(_) => Status::TraceChunkExistsLocal,
            None => Status::UnknownTraceChunk,
        }
    }

    fn clear(&self, key: ChannelKey) -> Status {
        match self.state.channel(key) {
            None => Status::ChanNotFound,
            Some(AnyChannel::Metadata(_)) => Status::Success,
            Some(AnyChannel::Data(channel)) => {
                for stream in &channel.streams {
                    if let Err(error) = stream.clear() {
                        tracing::error!(stream = stream.name(), %error, "cannot clear");
                        return Status::Fatal;
                    }
                }
                Status::Success
            }
        }
    }

    /// Acts on streams that no data thread serves: those of snapshot sessions (section 6.17).
    fn open_packets(&self, key: ChannelKey) -> Status {
        match self.state.channel(key) {
            None => Status::ChanNotFound,
            Some(AnyChannel::Metadata(channel)) if channel.is_monitored => Status::InvalidParameters,
            Some(AnyChannel::Metadata(_)) => Status::Success,
            Some(AnyChannel::Data(channel)) => {
                if !channel.is_served() {
                    channel.streams.iter().for_each(|stream| stream.switch(SwitchMode::Flush));
                }
                Status::Success
            }
        }
    }
}
