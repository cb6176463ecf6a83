//! Making a data channel: one stream per possible CPU, each with its shared memory and wake-up pipe
//! (`docs/spec/ring-buffer.md`, sections 3 and 8), and what of it goes to applications.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, MemfdFlags, Mode as FileMode, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use crate::RingError;
use crate::blob::ChannelAttributes;
use crate::header::StreamIdentity;
use crate::layout::Layout;
use crate::memory::Mapping;
use crate::stream::Stream;

/// One stream of a channel and its descriptors.
#[derive(Debug)]
pub struct ChannelStream {
    /// The CPU, which is also the stream's number.
    pub cpu: u32,
    /// The ring buffer.
    pub ring: Arc<Stream<Mapping>>,
    /// The shared memory, for applications to map.
    pub shared: OwnedFd,
    /// Bytes of the shared memory.
    pub size: u64,
    /// Read end of the wake-up pipe, for the reader to wait on. Non-blocking.
    pub wait: OwnedFd,
    /// Write end of the wake-up pipe, for applications and for our own flushes. Non-blocking.
    pub wakeup: OwnedFd,
}

/// A data channel, fresh.
#[derive(Debug)]
pub struct Channel {
    /// What every application gets to know about the channel.
    pub blob: Vec<u8>,
    /// Read end of the channel's pipe: hangs up when no application and no session daemon holds the channel.
    pub wait: OwnedFd,
    /// Write end of the channel's pipe. Whoever waits on `wait` must close it once it is handed out.
    pub wakeup: OwnedFd,
    /// The streams, by CPU.
    pub streams: Vec<ChannelStream>,
}

impl Channel {
    /// Makes a channel with `streams` streams. `file_for` gives the file of each stream, new and empty, for buffers
    /// that outlive a crash (`--shm-path`); `None` keeps the stream in anonymous memory.
    pub fn create(
        attributes: &ChannelAttributes,
        streams: u32,
        mut file_for: impl FnMut(u32) -> std::io::Result<Option<OwnedFd>>,
    ) -> Result<Self, RingError> {
        let (wait, wakeup) = pipe()?;
        let streams = (0..streams)
            .map(|cpu| {
                let file = file_for(cpu).map_err(|source| RingError::System {
                    what: "cannot create the file of a buffer",
                    source,
                })?;
                ChannelStream::create(attributes, cpu, file)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let blob = attributes.to_blob(streams.len() as u32, crate::trace_now());
        Ok(Channel { blob, wait, wakeup, streams })
    }
}

impl ChannelStream {
    fn create(attributes: &ChannelAttributes, cpu: u32, file: Option<OwnedFd>) -> Result<Self, RingError> {
        let layout = Layout::new(&attributes.geometry);
        let size = layout.size() as u64;
        let (shared, is_sealed) = match file {
            Some(file) => {
                reserve_space(&file, size)?;
                (file, false)
            }
            None => anonymous(size)?,
        };
        let memory = Mapping::new(shared.as_fd(), layout.size(), !is_sealed)
            .map_err(|source| RingError::System { what: "cannot map a buffer", source })?;
        let identity = StreamIdentity { uuid: attributes.uuid, channel_id: attributes.channel_id, cpu };
        let ring = Stream::create(memory, attributes.geometry, identity, crate::trace_now())?;
        let (wait, wakeup) = pipe()?;
        Ok(ChannelStream { cpu, ring: Arc::new(ring), shared, size, wait, wakeup })
    }
}

/// Writes the byte that wakes a stream's reader. A full pipe is readable already, and one whose reader is gone wakes
/// nobody.
pub fn wake(wakeup: impl AsFd) {
    while rustix::io::write(&wakeup, &[0]) == Err(Errno::INTR) {}
}

/// Both ends non-blocking: the reader must never hang on a byte that another thread of ours took.
fn pipe() -> Result<(OwnedFd, OwnedFd), RingError> {
    rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
        .map_err(RingError::system("cannot create a wake-up pipe"))
}

/// Anonymous memory, and whether it is sealed against shrinking. A memfd takes nothing from /dev/shm, which is often
/// small in containers; where there is none, an unlinked file of /dev/shm serves.
fn anonymous(size: u64) -> Result<(OwnedFd, bool), RingError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let name = "ust-consumer";
    let memfd = match rustix::fs::memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL) {
        Err(Errno::INVAL) => rustix::fs::memfd_create(name, flags),
        other => other,
    };
    match memfd {
        Ok(memory) => {
            reserve_space(&memory, size)?;
            let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
            let is_sealed = rustix::fs::fcntl_add_seals(&memory, seals).is_ok();
            Ok((memory, is_sealed))
        }
        Err(Errno::NOSYS | Errno::PERM | Errno::ACCESS) => {
            let memory = shm_file()?;
            reserve_space(&memory, size)?;
            Ok((memory, false))
        }
        Err(errno) => Err(RingError::system("cannot create anonymous memory")(errno)),
    }
}

/// An unlinked file in /dev/shm.
fn shm_file() -> Result<OwnedFd, RingError> {
    let name = format!("/shm-ust-consumer-{}", rustix::process::getpid().as_raw_nonzero());
    let flags = rustix::shm::OFlags::CREATE | rustix::shm::OFlags::EXCL | rustix::shm::OFlags::RDWR;
    let file = rustix::shm::open(&name, flags, FileMode::RWXU)
        .map_err(RingError::system("cannot create shared memory in /dev/shm"))?;
    rustix::shm::unlink(&name).map_err(RingError::system("cannot unlink shared memory in /dev/shm"))?;
    Ok(file)
}

/// Gives a file its size and all its pages, so that a lack of memory is an error here and not a signal later.
fn reserve_space(file: &OwnedFd, size: u64) -> Result<(), RingError> {
    let failed = || RingError::system("not enough memory for a buffer");
    rustix::fs::ftruncate(file, size).map_err(failed())?;
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => write_zeros(file, size).map_err(failed()),
        Err(errno) => Err(failed()(errno)),
    }
}

fn write_zeros(file: &OwnedFd, size: u64) -> Result<(), Errno> {
    let zeros = [0; 65_536];
    let mut done = 0;
    while done < size {
        let len = zeros.len().min((size - done) as usize);
        done += rustix::io::pwrite(file, &zeros[..len], done)? as u64;
    }
    Ok(())
}

/// How the file of a stream is created for `--shm-path` (section 16.4): flags and mode.
pub const STREAM_FILE_FLAGS: OFlags =
    OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);
