//! A metadata channel: the text as the session daemon pushed it, and the file that holds it in packets
//! (`docs/spec/consumer-protocol.md`, section 8).
//!
//! The real consumer daemon passes the text through a ring buffer of its own; here the text is written as it comes, before
//! the push is answered, which is the same to everybody outside and leaves nothing pending.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rttng_ctf::metadata_packet::MetadataPacketizer;
use rttng_ctf::{ByteOrder, Uuid};
use rttng_wire::consumer::{
    AskChannel, ChannelKey, MAX_METADATA_LEN, MetadataRequest, PushMetadata, RegistryId, SessionId,
};

use rttng_wire::text;

use crate::chunk::TraceChunk;

/// The most text of one trace that is kept; far above any real one.
const MAX_TEXT: usize = 4 * MAX_METADATA_LEN;
/// Largest packet that is written, which is held in memory; the session daemon's default is a page.
const MAX_PACKET: u64 = 1 << 28;

/// A metadata channel.
#[derive(Debug)]
pub(crate) struct MetadataChannel {
    pub(crate) key: ChannelKey,
    pub(crate) session_id: SessionId,
    pub(crate) is_monitored: bool,
    /// How often the session daemon is asked for new text.
    pub(crate) switch_timer: Option<Duration>,
    registry: RegistryId,
    uid: u32,
    path: PathBuf,
    packetizer: MetadataPacketizer,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    text: Vec<u8>,
    version: u64,
    /// Bytes of `text` that are in the file.
    written: usize,
    output: Option<Output>,
    /// SETUP_METADATA came.
    is_set_up: bool,
    current_chunk: Option<Arc<TraceChunk>>,
}

#[derive(Debug)]
struct Output {
    chunk: Arc<TraceChunk>,
    file: OwnedFd,
    size: u64,
}

/// Pushed text that does not fit to what is there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PushError {
    #[error("metadata at {offset} would leave a gap after {known} bytes")]
    Gap { offset: u64, known: usize },
    #[error("more than {MAX_TEXT} bytes of metadata")]
    TooLong,
}

impl MetadataChannel {
    /// Makes the channel that was asked for; its file at once if it is in a chunk.
    pub(crate) fn create(asked: &AskChannel, chunk: Option<Arc<TraceChunk>>) -> io::Result<Self> {
        let page_size = rttng_ring::page_size() as usize;
        if asked.subbuf_size > MAX_PACKET {
            let why = format!("metadata in packets of {} bytes: {MAX_PACKET} is the most", asked.subbuf_size);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let packet_size = (asked.subbuf_size as usize).max(page_size);
        let byte_order = if cfg!(target_endian = "little") { ByteOrder::Little } else { ByteOrder::Big };
        let channel = MetadataChannel {
            key: asked.key,
            session_id: asked.session_id,
            is_monitored: asked.monitor,
            switch_timer: asked.switch_timer,
            registry: asked.registry,
            uid: asked.ust_app_uid,
            path: asked.pathname.join(text::to_path(&asked.name)),
            packetizer: MetadataPacketizer { uuid: Uuid(asked.uuid), byte_order, packet_size, page_size },
            state: Mutex::new(State { current_chunk: chunk.clone(), ..State::default() }),
        };
        if channel.is_monitored
            && let Some(chunk) = chunk
        {
            channel.lock().output = Some(Output::create(chunk, &channel.path)?);
        }
        Ok(channel)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `false` if it was done before.
    pub(crate) fn set_up(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_set_up, true)
    }

    /// What to ask the session daemon.
    pub(crate) fn request(&self) -> MetadataRequest {
        MetadataRequest {
            session_id: self.session_id,
            registry: self.registry,
            bitness: rttng_wire::Bitness::Bits64,
            uid: self.uid,
            key: self.key,
        }
    }

    /// Takes pushed text and writes what is new. A file that cannot be written is logged and tried again later: the text
    /// is safe here.
    pub(crate) fn push(&self, push: &PushMetadata, text: &[u8]) -> Result<(), PushError> {
        let mut state = self.lock();
        if push.version != state.version {
            state.version = push.version;
            state.text.clear();
            state.written = 0;
            if let Some(output) = &mut state.output {
                output.restart();
            }
        }
        let known = state.text.len();
        let at = usize::try_from(push.target_offset).unwrap_or(usize::MAX);
        if at > known {
            return Err(PushError::Gap { offset: push.target_offset, known });
        }
        if at + text.len() > MAX_TEXT {
            return Err(PushError::TooLong);
        }
        // What is known already came twice.
        if let Some(new) = text.get(known - at..) {
            state.text.extend_from_slice(new);
        }
        self.write(&mut state);
        Ok(())
    }

    /// Writes what is not in the file yet; `true` if all is.
    pub(crate) fn catch_up(&self) -> bool {
        self.write(&mut self.lock())
    }

    fn write(&self, state: &mut State) -> bool {
        let State { text, written, output: Some(output), .. } = state else { return true };
        if *written == text.len() {
            return true;
        }
        match output.append(&self.packetizer, &text[*written..]) {
            Ok(()) => {
                *written = text.len();
                true
            }
            Err(error) => {
                tracing::error!(file = %self.path.display(), %error, "the metadata file is behind");
                false
            }
        }
    }

    /// The session daemon is gone. A file that never got any text would keep readers from the whole trace: it is removed.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        self.write(&mut state);
        if let Some(output) = state.output.take()
            && output.size == 0
            && let Err(error) = output.chunk.remove_file(&self.path)
        {
            tracing::warn!(file = %self.path.display(), %error, "cannot remove an empty metadata file");
        }
    }

    /// Whether text is still to be written.
    pub(crate) fn is_pending(&self) -> bool {
        let state = self.lock();
        state.output.is_some() && state.written < state.text.len()
    }

    /// Sets where the stream goes on its next rotation.
    pub(crate) fn set_current_chunk(&self, chunk: Option<Arc<TraceChunk>>) {
        self.lock().current_chunk = chunk;
    }

    /// The chunk that the next rotation goes to.
    pub(crate) fn current_chunk(&self) -> Option<Arc<TraceChunk>> {
        self.lock().current_chunk.clone()
    }

    /// Goes to the current chunk, or out of it if it is there already; the new file gets all the text.
    pub(crate) fn rotate(&self) -> io::Result<()> {
        let mut state = self.lock();
        self.write(&mut state);
        let to = match (&state.output, &state.current_chunk) {
            (Some(output), Some(current)) if Arc::ptr_eq(&output.chunk, current) => None,
            (_, current) => current.clone(),
        };
        state.output = None;
        state.written = 0;
        if let Some(chunk) = to {
            state.output = Some(Output::create(chunk, &self.path)?);
            self.write(&mut state);
        }
        Ok(())
    }

    /// Writes all the text to a file in the current chunk: for snapshots.
    pub(crate) fn snapshot(&self) -> io::Result<()> {
        let state = self.lock();
        let chunk = state.current_chunk.clone().ok_or(io::ErrorKind::NotFound)?;
        Output::create(chunk, &self.path)?.append(&self.packetizer, &state.text)
    }
}

impl Output {
    fn create(chunk: Arc<TraceChunk>, path: &Path) -> io::Result<Self> {
        let file = chunk.create_file(path)?;
        Ok(Output { chunk, file, size: 0 })
    }

    /// The text becomes void.
    fn restart(&mut self) {
        if let Err(error) = rustix::fs::ftruncate(&self.file, 0) {
            tracing::error!(%error, "cannot empty the metadata file");
        }
        self.size = 0;
    }

    /// Writes whole packets, or nothing.
    fn append(&mut self, packetizer: &MetadataPacketizer, text: &[u8]) -> io::Result<()> {
        let mut packets = Vec::new();
        packetizer.write(text, &mut packets);
        let mut done = 0;
        while done < packets.len() {
            match rustix::io::pwrite(&self.file, &packets[done..], self.size + done as u64) {
                Ok(0) => break,
                Ok(written) => done += written,
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => {
                    let _ = rustix::fs::ftruncate(&self.file, self.size);
                    return Err(errno.into());
                }
            }
        }
        self.size += done as u64;
        Ok(())
    }
}
