//! Everything that the consumer daemon has: channels, chunks, and the threads that serve them.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use rttng_wire::Encode;
use rttng_wire::consumer::{ChannelKey, MetadataPull, Pulled, SessionId, Status};

use crate::channel::DataChannel;
use crate::chunk::{ChunkRegistry, TraceChunk};
use crate::data::DataThreads;
use crate::link::Link;
use crate::metadata::MetadataChannel;
use crate::timers::Timers;

/// How often streams are looked at for producers that died in the middle of a record.
const PROGRESS_CHECK: Duration = Duration::from_millis(500);
/// How often a metadata file that could not be written is tried again.
const METADATA_RETRY: Duration = Duration::from_secs(1);

/// How long the session daemon may take to answer a request for metadata.
const METADATA_PATIENCE: Duration = Duration::from_secs(20);

/// A channel of either kind.
#[derive(Debug, Clone)]
pub(crate) enum AnyChannel {
    Data(Arc<DataChannel>),
    Metadata(Arc<MetadataChannel>),
}

impl AnyChannel {
    fn session_id(&self) -> SessionId {
        match self {
            AnyChannel::Data(channel) => channel.info.session_id,
            AnyChannel::Metadata(channel) => channel.session_id,
        }
    }

    fn current_chunk(&self) -> Option<Arc<TraceChunk>> {
        match self {
            AnyChannel::Data(channel) => channel.current_chunk(),
            AnyChannel::Metadata(channel) => channel.current_chunk(),
        }
    }

    fn set_current_chunk(&self, chunk: Option<Arc<TraceChunk>>) {
        match self {
            AnyChannel::Data(channel) => channel.set_current_chunk(chunk),
            AnyChannel::Metadata(channel) => channel.set_current_chunk(chunk),
        }
    }
}

type Channels = Arc<Mutex<HashMap<ChannelKey, AnyChannel>>>;

/// The consumer daemon's whole state.
pub(crate) struct State {
    channels: Channels,
    chunks: Mutex<ChunkRegistry>,
    pub(crate) data: DataThreads,
    /// Timers of buffers: they never wait for anybody.
    timers: Timers,
    /// Timers of metadata: they wait for the session daemon and for files.
    metadata_timers: Timers,
    monitor_pipe: Arc<OnceLock<OwnedFd>>,
    /// Gone after a failure: what comes next could belong to an earlier request.
    metadata_link: Mutex<Option<Link>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Starts the threads.
    pub(crate) fn start(metadata_link: Link) -> io::Result<Self> {
        metadata_link.set_patience(METADATA_PATIENCE)?;
        let channels = Channels::default();
        let data = DataThreads::start({
            let channels = Arc::clone(&channels);
            move |ended| {
                let mut channels = lock(&channels);
                let is_it =
                    |there: &AnyChannel| matches!(there, AnyChannel::Data(it) if Arc::ptr_eq(it, ended));
                if channels.get(&ended.key).is_some_and(is_it) {
                    channels.remove(&ended.key);
                }
            }
        })?;
        Ok(State {
            channels,
            chunks: Mutex::default(),
            data,
            timers: Timers::start("rttng-timers")?,
            metadata_timers: Timers::start("rttng-metadata")?,
            monitor_pipe: Arc::default(),
            metadata_link: Mutex::new(Some(metadata_link)),
        })
    }

    pub(crate) fn chunks(&self) -> MutexGuard<'_, ChunkRegistry> {
        lock(&self.chunks)
    }

    pub(crate) fn channel(&self, key: ChannelKey) -> Option<AnyChannel> {
        lock(&self.channels).get(&key).cloned()
    }

    pub(crate) fn data_channel(&self, key: ChannelKey) -> Option<Arc<DataChannel>> {
        match self.channel(key)? {
            AnyChannel::Data(channel) => Some(channel),
            AnyChannel::Metadata(_) => None,
        }
    }

    pub(crate) fn metadata_channel(&self, key: ChannelKey) -> Option<Arc<MetadataChannel>> {
        match self.channel(key)? {
            AnyChannel::Metadata(channel) => Some(channel),
            AnyChannel::Data(_) => None,
        }
    }

    /// All channels of a session.
    pub(crate) fn channels_of(&self, session_id: SessionId) -> Vec<AnyChannel> {
        let channels = lock(&self.channels);
        channels.values().filter(|channel| channel.session_id() == session_id).cloned().collect()
    }

    /// Puts the channels of a session into a chunk, or, with `from`, takes those out of it that are there.
    pub(crate) fn set_chunk(
        &self,
        session_id: SessionId,
        from: Option<&Arc<TraceChunk>>,
        to: Option<&Arc<TraceChunk>>,
    ) {
        for channel in self.channels_of(session_id) {
            let is_in =
                |from: &Arc<TraceChunk>| channel.current_chunk().is_some_and(|it| Arc::ptr_eq(&it, from));
            if from.is_none_or(is_in) {
                channel.set_current_chunk(to.cloned());
            }
        }
    }

    /// Takes a new channel; one of the same key is hidden by it.
    pub(crate) fn add(&self, channel: AnyChannel) {
        let key = match &channel {
            AnyChannel::Data(channel) => channel.key,
            AnyChannel::Metadata(channel) => channel.key,
        };
        let hidden = lock(&self.channels).insert(key, channel);
        if hidden.is_some() {
            tracing::warn!(key = key.0, "a channel of that key was there already and is hidden now");
        }
    }

    pub(crate) fn remove(&self, key: ChannelKey) -> Option<AnyChannel> {
        lock(&self.channels).remove(&key)
    }

    /// `false` if there is one already.
    pub(crate) fn set_monitor_pipe(&self, pipe: OwnedFd) -> bool {
        // A session daemon that is slow to read must not stop the timers.
        if let Ok(flags) = rustix::fs::fcntl_getfl(&pipe) {
            let _ = rustix::fs::fcntl_setfl(&pipe, flags | rustix::fs::OFlags::NONBLOCK);
        }
        self.monitor_pipe.set(pipe).is_ok()
    }

    /// Starts the timers of a data channel (section 10.3).
    pub(crate) fn start_data_timers(
        &self,
        channel: &Arc<DataChannel>,
        switch: Option<Duration>,
        read: Option<Duration>,
        monitor: Option<Duration>,
    ) {
        let every = |period: Option<Duration>, action: fn(&DataChannel)| {
            let Some(period) = period else { return };
            let channel = Arc::downgrade(channel);
            self.timers.every(period, move || with(&channel, action));
        };
        every(switch, DataChannel::switch);
        every(read, DataChannel::wake_ready);
        every(Some(PROGRESS_CHECK), |channel| {
            channel.streams.iter().for_each(|stream| stream.check_progress());
        });
        if let Some(period) = monitor {
            let (channel, pipe) = (Arc::downgrade(channel), Arc::clone(&self.monitor_pipe));
            self.timers.every(period, move || {
                with(&channel, |channel| {
                    if let (Some(sample), Some(pipe)) = (channel.sample(), pipe.get()) {
                        // A full pipe: the sample is dropped.
                        let _ = rustix::io::write(pipe, &sample.to_bytes());
                    }
                })
            });
        }
    }

    /// Starts what a metadata channel needs now and then.
    pub(crate) fn start_metadata_timers(self: &Arc<Self>, channel: &Arc<MetadataChannel>) {
        let watched = Arc::downgrade(channel);
        self.metadata_timers.every(METADATA_RETRY, move || {
            with(&watched, |channel: &MetadataChannel| {
                channel.catch_up();
            })
        });
        if let Some(period) = channel.switch_timer {
            let (state, channel) = (Arc::downgrade(self), Arc::downgrade(channel));
            self.metadata_timers.every(period, move || {
                let (Some(state), Some(channel)) = (state.upgrade(), channel.upgrade()) else { return false };
                match state.pull_metadata(&channel) {
                    Ok(()) => true,
                    Err(error) => {
                        tracing::warn!(%error, "the session daemon gives no more metadata");
                        false
                    }
                }
            });
        }
    }

    /// Asks the session daemon for new metadata and takes it (section 8.3).
    pub(crate) fn pull_metadata(&self, channel: &MetadataChannel) -> io::Result<()> {
        let mut slot = lock(&self.metadata_link);
        let mut link = slot.take().ok_or(io::ErrorKind::NotConnected)?;
        if let Pulled::Text(push, text) = link.exchange(MetadataPull::new(channel.request()), &[])?
            && !text.is_empty()
        {
            let status = match channel.push(&push, &text) {
                Ok(()) => Status::Success,
                Err(error) => {
                    tracing::error!(%error, "metadata refused");
                    Status::ErrorMetadata
                }
            };
            link.send(&status.to_bytes())?;
        }
        *slot = Some(link);
        Ok(())
    }

    /// The session daemon is gone: ends metadata and what was never handed out, waits until the applications have let go
    /// of the rest, and ends the threads.
    pub(crate) fn finish(&self) {
        let left: Vec<AnyChannel> = lock(&self.channels).values().cloned().collect();
        for channel in left {
            match channel {
                AnyChannel::Metadata(channel) => {
                    channel.end();
                    drop(self.remove(channel.key));
                }
                AnyChannel::Data(channel) if channel.is_unclaimed() => drop(self.remove(channel.key)),
                AnyChannel::Data(_) => {}
            }
        }
        self.data.finish();
        self.timers.stop();
        self.metadata_timers.stop();
    }
}

/// Does something with what is still there; `false` if it is gone.
fn with<T>(target: &Weak<T>, action: impl FnOnce(&T)) -> bool {
    target.upgrade().map(|target| action(&target)).is_some()
}
