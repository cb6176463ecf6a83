//! A data channel: what was asked for, its streams, and what it lost.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rttng_ring::{
    BlockingTimeout, Channel, ChannelAttributes, Geometry, Mode, RingError, STREAM_FILE_FLAGS, SwitchMode,
};
use rttng_wire::consumer::{self, AskChannel, BufferMode, ChannelKey, MonitorSample, SessionId};
use rttng_wire::ust::ChannelId;
use rttng_world::exact::open_at;
use rttng_world::run_as::{Identity, run_as};
use rustix::fs::{AtFlags, CWD};

use crate::chunk::TraceChunk;
use crate::output::TracefileLimits;
use crate::stream::DataStream;

/// Files of buffers that outlive a crash.
const SHM_FILE_MODE: u32 = 0o600;

/// What was lost, and what was not; counted over the channel's life.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    packets: AtomicU64,
    events: AtomicU64,
    dead_producers: AtomicU64,
    written: AtomicU64,
}

impl Losses {
    pub(crate) fn count_packets(&self, count: u64) {
        self.packets.fetch_add(count, Ordering::Relaxed);
    }
    pub(crate) fn count_events(&self, count: u64) {
        self.events.fetch_add(count, Ordering::Relaxed);
    }
    /// A producer died; its events, if any were lost, are counted by the buffer itself.
    pub(crate) fn count_dead_producer(&self, lost_events: bool) {
        self.dead_producers.fetch_add(u64::from(lost_events), Ordering::Relaxed);
    }
    pub(crate) fn count_written(&self, bytes: u64) {
        self.written.fetch_add(bytes, Ordering::Relaxed);
    }
    pub(crate) fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }
    /// Those that a packet has told of; the loss in a dead producer's packet shows in the next one.
    pub(crate) fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }
    pub(crate) fn dead_producers(&self) -> u64 {
        self.dead_producers.load(Ordering::Relaxed)
    }
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// What the streams of a channel have in common.
#[derive(Debug)]
pub(crate) struct ChannelInfo {
    pub(crate) session_id: SessionId,
    pub(crate) name: String,
    pub(crate) pathname: PathBuf,
    pub(crate) limits: TracefileLimits,
    /// Drained all the time; otherwise read by snapshots only.
    pub(crate) is_monitored: bool,
    pub(crate) losses: Losses,
    shm_files: ShmFiles,
}

#[cfg(test)]
impl ChannelInfo {
    /// A channel without limits or files of buffers.
    pub(crate) fn of_test(name: &str) -> Self {
        ChannelInfo {
            session_id: SessionId(1),
            name: name.into(),
            pathname: PathBuf::new(),
            limits: TracefileLimits::default(),
            is_monitored: true,
            losses: Losses::default(),
            shm_files: ShmFiles { owner: Identity::own(), root: None, files: Vec::new() },
        }
    }
}

/// Files of `--shm-path`, removed with the channel.
#[derive(Debug)]
struct ShmFiles {
    owner: Identity,
    root: Option<PathBuf>,
    files: Vec<PathBuf>,
}

impl Drop for ShmFiles {
    fn drop(&mut self) {
        let Some(first) = self.files.first() else { return };
        let removed = run_as(self.owner, || {
            for file in &self.files {
                if let Err(error) = rustix::fs::unlinkat(CWD, file, AtFlags::empty()) {
                    tracing::warn!(file = %file.display(), %error, "cannot remove a buffer's file");
                }
            }
            // Whoever comes last finds the directories empty.
            let root = self.root.as_deref();
            let inside = |dir: &&Path| root.is_some_and(|root| dir.starts_with(root));
            for directory in first.ancestors().skip(1).take_while(inside) {
                if rustix::fs::unlinkat(CWD, directory, AtFlags::REMOVEDIR).is_err() {
                    break;
                }
            }
            Ok(())
        });
        if let Err(error) = removed {
            tracing::warn!(%error, "cannot remove the files of buffers");
        }
    }
}

/// What GET_CHANNEL hands out, once.
#[derive(Debug)]
pub(crate) struct Handout {
    pub(crate) blob: Vec<u8>,
    pub(crate) wakeup: OwnedFd,
    /// Shared memory and its size, for each stream.
    pub(crate) shared: Vec<(OwnedFd, u64)>,
}

/// A data channel.
#[derive(Debug)]
pub(crate) struct DataChannel {
    pub(crate) key: ChannelKey,
    pub(crate) info: Arc<ChannelInfo>,
    pub(crate) streams: Vec<Arc<DataStream>>,
    /// Read end of the channel's pipe: hangs up when nobody holds the channel any more.
    pub(crate) wait: OwnedFd,
    /// Where streams go on their next rotation.
    current_chunk: Mutex<Option<Arc<TraceChunk>>>,
    handout: Mutex<Option<Handout>>,
}

/// Why a channel was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChannelError {
    #[error(transparent)]
    Ring(#[from] RingError),
    #[error("cannot make the files of the stream: {0}")]
    Files(io::Error),
    #[error("it must go to a relay daemon, and there is no connection to one")]
    Relay,
    #[error("its trace chunk is unknown")]
    UnknownChunk,
}

impl DataChannel {
    /// Makes the channel that was asked for, with the files of its streams.
    pub(crate) fn create(
        asked: &AskChannel,
        mode: BufferMode,
        id: ChannelId,
        chunk: Option<Arc<TraceChunk>>,
    ) -> Result<Self, ChannelError> {
        let mode = match mode {
            BufferMode::Discard => Mode::Discard,
            BufferMode::Overwrite => Mode::Overwrite,
        };
        let microseconds = |period: Option<Duration>| period.map_or(0, |period| period.as_micros() as u32);
        let blocking_timeout = match asked.blocking_timeout {
            consumer::BlockingTimeout::None => BlockingTimeout::None,
            consumer::BlockingTimeout::Infinite => BlockingTimeout::Infinite,
            consumer::BlockingTimeout::Finite(time) => {
                BlockingTimeout::from_microseconds(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))?
            }
        };
        let attributes = ChannelAttributes {
            geometry: Geometry::new(mode, asked.subbuf_size, asked.num_subbuf, rttng_ring::page_size())?,
            switch_timer_us: microseconds(asked.switch_timer),
            read_timer_us: microseconds(asked.read_timer),
            blocking_timeout,
            channel_id: id.0,
            uuid: asked.uuid,
        };
        let owner = Identity { uid: asked.buffer_credentials.uid, gid: asked.buffer_credentials.gid };
        let mut shm_files = ShmFiles { owner, root: asked.root_shm_path.clone(), files: Vec::new() };
        let made = Channel::create(&attributes, rttng_ring::possible_cpus(), |cpu| {
            let Some(prefix) = &asked.shm_path else { return Ok(None) };
            let mut path = prefix.clone().into_os_string();
            path.push(cpu.to_string());
            let path = PathBuf::from(path);
            let file = run_as(owner, || open_at(CWD, &path, STREAM_FILE_FLAGS, SHM_FILE_MODE))?;
            shm_files.files.push(path);
            Ok(Some(file))
        })?;
        let info = Arc::new(ChannelInfo {
            session_id: asked.session_id,
            name: asked.name.clone(),
            pathname: asked.pathname.clone(),
            limits: TracefileLimits { size: asked.tracefile_size, count: asked.tracefile_count },
            is_monitored: asked.monitor,
            losses: Losses::default(),
            shm_files,
        });
        tracing::debug!(channel = info.name, files = info.shm_files.files.len(), "channel made");

        let mut streams = Vec::new();
        let mut shared = Vec::new();
        for stream in made.streams {
            let served = DataStream::new(
                Arc::clone(&info),
                stream.cpu,
                stream.ring,
                stream.wait,
                stream.wakeup,
                &stream.shared,
            )?;
            if info.is_monitored {
                served.enter_chunk(chunk.clone()).map_err(ChannelError::Files)?;
            }
            streams.push(Arc::new(served));
            shared.push((stream.shared, stream.size));
        }
        Ok(DataChannel {
            key: asked.key,
            info,
            streams,
            wait: made.wait,
            current_chunk: Mutex::new(chunk),
            handout: Mutex::new(Some(Handout { blob: made.blob, wakeup: made.wakeup, shared })),
        })
    }

    /// What GET_CHANNEL sends; `None` the second time.
    pub(crate) fn take_handout(&self) -> Option<Handout> {
        self.handout.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether GET_CHANNEL is still to come.
    pub(crate) fn is_unclaimed(&self) -> bool {
        self.handout.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Where streams go on their next rotation.
    pub(crate) fn current_chunk(&self) -> Option<Arc<TraceChunk>> {
        self.current_chunk.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets where streams go on their next rotation.
    pub(crate) fn set_current_chunk(&self, chunk: Option<Arc<TraceChunk>>) {
        *self.current_chunk.lock().unwrap_or_else(PoisonError::into_inner) = chunk;
    }

    /// Whether any stream is served by the data threads.
    pub(crate) fn is_served(&self) -> bool {
        self.streams.iter().any(|stream| stream.is_served.load(Ordering::Relaxed))
    }

    /// Closes the current packets that hold something: the switch timer.
    pub(crate) fn switch(&self) {
        for stream in self.streams.iter().filter(|stream| stream.ring.has_reader()) {
            stream.switch(SwitchMode::Active);
        }
    }

    /// Wakes the data thread for streams that have something: the read timer.
    pub(crate) fn wake_ready(&self) {
        for stream in self.streams.iter().filter(|stream| stream.ring.has_reader()) {
            if stream.ring.poll_ready() {
                stream.wake();
            }
        }
    }

    /// How full the streams are (section 9); `None` if the data threads serve none.
    pub(crate) fn sample(&self) -> Option<MonitorSample> {
        let in_use = || {
            let served = |stream: &&Arc<DataStream>| stream.is_served.load(Ordering::Relaxed);
            self.streams.iter().filter(served).map(|stream| stream.bytes_in_use())
        };
        Some(MonitorSample {
            key: self.key,
            lowest: in_use().min()?,
            highest: in_use().max()?,
            total_consumed: self.info.losses.written(),
        })
    }

    /// The most bytes that a stream ever held, until now.
    pub(crate) fn fullest(&self) -> u64 {
        self.streams.iter().map(|stream| stream.fullest()).max().unwrap_or(0)
    }

    /// For epoll.
    pub(crate) fn wait_fd(&self) -> impl AsFd {
        &self.wait
    }
}

impl Drop for DataChannel {
    fn drop(&mut self) {
        let losses = &self.info.losses;
        let (packets, events, dead) = (losses.packets(), losses.events(), losses.dead_producers());
        if packets + events + dead > 0 {
            tracing::warn!(
                channel = self.info.name,
                lost_packets = packets,
                discarded_events = events,
                dead_producers = dead,
                "the channel ended with losses",
            );
        }
    }
}
