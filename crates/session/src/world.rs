//! The world as the engine sees it: clock, file system, consumer daemons to start, bounds. Handed in, so that a test can
//! put another one in its place and make it fail at any step (`Real…` is the machine).

use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use rttng_ctf::Uuid;
use rttng_wire::ust::{AbiVersion, Registration};
use rttng_world::exact;
use rttng_world::run_as::{Identity, run_as};
use rustix::fs::{Mode, OFlags};

use crate::link::AnyLink;
use crate::mend;

/// A future that stays on this thread.
pub type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Everything that the engine asks of the machine.
#[derive(Clone)]
pub struct World {
    /// Times and random numbers.
    pub clock: Rc<dyn Clock>,
    /// Directories of traces.
    pub files: Rc<dyn TraceFiles>,
    /// Consumer daemons.
    pub consumers: Rc<dyn ConsumerSpawner>,
    /// How long peers may take.
    pub bounds: Bounds,
    /// This machine's name, for the metadata.
    pub host_name: String,
    /// The kernel's boot id, which lets readers relate traces of one machine.
    pub boot_id: Option<Uuid>,
}

/// How long peers may take before the engine goes on without them.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// For one answer of an application (`LTTNG_APP_SOCKET_TIMEOUT`); `None` waits for ever.
    pub application: Option<Duration>,
    /// For one answer of a consumer daemon.
    pub consumer: Duration,
    /// For a consumer daemon to be ready.
    pub consumer_start: Duration,
    /// For all applications to reach what the model wants, however busy the machine is.
    pub settle: Duration,
    /// For a consumer daemon to take what applications have written, when a session ends.
    pub drain: Duration,
    /// For one step of directory work.
    pub files: Duration,
    /// For a whole operation of a client, however many steps it has: that long a client waits for its answer at most.
    pub operation: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            application: Some(Duration::from_secs(5)),
            consumer: Duration::from_secs(30),
            consumer_start: Duration::from_secs(30),
            settle: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            files: Duration::from_secs(30),
            operation: Duration::from_secs(100),
        }
    }
}

impl Bounds {
    /// The bounds with `LTTNG_APP_SOCKET_TIMEOUT` as its user wrote it: seconds, negative for no bound.
    #[must_use]
    pub fn with_application_timeout(self, value: Option<&str>) -> Self {
        let seconds = value.and_then(|text| text.trim().parse::<i64>().ok());
        let application = match seconds {
            None => self.application,
            Some(seconds) => u64::try_from(seconds).ok().map(Duration::from_secs),
        };
        Bounds { application, ..self }
    }
}

/// Times and random numbers. Waiting is tokio's business, whose clock tests can stop.
pub trait Clock {
    /// The time of day.
    fn now(&self) -> SystemTime;
    /// How far the time of day is ahead of the tracer's clock, in nanoseconds.
    fn offset_of_monotonic(&self) -> i64;
    /// A fresh UUID.
    fn uuid(&self) -> Uuid;

    /// The clock that traces are declared with.
    fn trace_clock(&self, boot_id: Option<Uuid>) -> rttng_ctf::Clock {
        rttng_ctf::Clock::monotonic(boot_id, self.offset_of_monotonic())
    }

    /// Whether an application's tracer counts in that clock; one that does not is not served.
    fn is_clock_of(&self, registration: &Registration) -> bool {
        registration.version != AbiVersion::TSC
    }
}

/// Directories of traces, made and changed in the name of a session's owner.
pub trait TraceFiles {
    /// Makes a directory and its missing parents, mode 0770.
    fn make_directories(&self, path: PathBuf, owner: Identity) -> Local<'_, io::Result<()>>;
    /// Makes a directory and its missing parents below an open one, wherever that is by now, mode 0770.
    fn make_directories_in(
        &self,
        base: Rc<OwnedFd>,
        path: PathBuf,
        owner: Identity,
    ) -> Local<'_, io::Result<()>>;
    /// Opens a directory.
    fn open_directory(&self, path: PathBuf, owner: Identity) -> Local<'_, io::Result<OwnedFd>>;
    /// Renames a file or directory.
    fn rename(&self, from: PathBuf, to: PathBuf, owner: Identity) -> Local<'_, io::Result<()>>;
    /// Writes into a file at `offset`, which becomes its end after the data; made with mode 0600 if it is not there.
    fn write_at(
        &self,
        path: PathBuf,
        offset: u64,
        data: Vec<u8>,
        owner: Identity,
    ) -> Local<'_, io::Result<()>>;
    /// Makes readable what a consumer daemon that was killed has left in a domain's directory; `metadata` is the whole file
    /// for those directories, relative to it, of which it is known.
    fn mend(
        &self,
        domain: Rc<OwnedFd>,
        metadata: Vec<(PathBuf, Vec<u8>)>,
        owner: Identity,
    ) -> Local<'_, io::Result<()>>;
    /// Removes a file.
    fn remove_file(&self, path: PathBuf, owner: Identity) -> Local<'_, io::Result<()>>;
    /// Removes a directory with the directories in it; files in them stay, and with them what holds them.
    fn remove_empty_directories(&self, path: PathBuf, owner: Identity) -> Local<'_, io::Result<()>>;
}

/// A consumer daemon that was started and said that it is ready (`docs/spec/consumer-protocol.md`, section 2.1, up to
/// step 7).
pub struct ConsumerPeer {
    /// Commands go here, answers come back.
    pub command: AnyLink,
    /// The consumer asks for metadata here.
    pub metadata: AnyLink,
    /// Says why, or just that, the consumer is going.
    pub error: AnyLink,
    /// The end of the channel monitor pipe that the consumer gets.
    pub monitor: OwnedFd,
    /// The end of the channel monitor pipe that is read here.
    pub samples: AnyLink,
    /// Whether it is this very program, which knows commands of our own.
    pub is_ours: bool,
    /// Resolves when the process has ended; dropping it lets the process live.
    pub ended: Local<'static, ()>,
    /// Dropped when the link ends (removes the sockets' files).
    pub keep: Box<dyn std::any::Any>,
}

/// Starts consumer daemons.
pub trait ConsumerSpawner {
    /// Starts one and waits until it is ready.
    fn spawn(&self) -> Local<'_, io::Result<ConsumerPeer>>;
}

/// The machine's clocks.
#[derive(Debug, Default)]
pub struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn offset_of_monotonic(&self) -> i64 {
        use rustix::time::{ClockId, clock_gettime};
        let read = |clock| {
            let time = clock_gettime(clock);
            time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
        };
        // The sample that was taken in the shortest time is the truest (docs/spec/trace-output.md, 12.5).
        let sample = || {
            let before = read(ClockId::Monotonic);
            let real = read(ClockId::Realtime);
            let after = read(ClockId::Monotonic);
            (after - before, real - (before + (after - before) / 2))
        };
        (0..10).map(|_| sample()).min_by_key(|(taken, _)| *taken).map_or(0, |(_, offset)| offset)
    }

    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        let mut have = 0;
        while have < bytes.len() {
            match rustix::rand::getrandom(&mut bytes[have..], rustix::rand::GetRandomFlags::empty()) {
                Ok(len) => have += len,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("the kernel gives no random numbers: {error}"),
            }
        }
        Uuid::from_random(bytes)
    }
}

/// The kernel's boot id, if it can be read.
pub fn boot_id() -> Option<Uuid> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().parse().ok()
}

/// This machine's name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The machine's file system. The work is done on threads of its own, so that a server that does not answer holds up
/// nobody else.
#[derive(Debug, Default)]
pub struct RealFiles;

/// Mode of every directory of a trace.
const DIRECTORY_MODE: u32 = 0o770;
/// Mode of files that nobody but their owner may read.
const PRIVATE_MODE: u32 = 0o600;

async fn off_thread<T: Send + 'static>(
    owner: Identity,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(move || run_as(owner, work)).await.map_err(io::Error::other)?
}

impl TraceFiles for RealFiles {
    fn make_directories(&self, path: PathBuf, owner: Identity) -> Local<'_, io::Result<()>> {
        Box::pin(off_thread(owner, move || exact::make_directories(&path, DIRECTORY_MODE)))
    }

    fn make_directories_in(
        &self,
        base: Rc<OwnedFd>,
        path: PathBuf,
        owner: Identity,
    ) -> Local<'_, io::Result<()>> {
        let base = base.try_clone();
        Box::pin(async move {
            let base = base?;
            off_thread(owner, move || exact::make_directories_at(base.as_fd(), &path, DIRECTORY_MODE)).await
        })
    }

    fn open_directory(&self, path: PathBuf, owner: Identity) -> Local<'_, io::Result<OwnedFd>> {
        Box::pin(off_thread(owner, move || {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
            Ok(rustix::fs::open(&path, flags, Mode::empty())?)
        }))
    }

    fn rename(&self, from: PathBuf, to: PathBuf, owner: Identity) -> Local<'_, io::Result<()>> {
        Box::pin(off_thread(owner, move || std::fs::rename(from, to)))
    }

    fn write_at(
        &self,
        path: PathBuf,
        offset: u64,
        data: Vec<u8>,
        owner: Identity,
    ) -> Local<'_, io::Result<()>> {
        Box::pin(off_thread(owner, move || {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW;
            let file = exact::open_at(rustix::fs::CWD, &path, flags, PRIVATE_MODE)?;
            let file = std::fs::File::from(file);
            file.set_len(offset)?;
            std::os::unix::fs::FileExt::write_all_at(&file, &data, offset)
        }))
    }

    fn mend(
        &self,
        domain: Rc<OwnedFd>,
        metadata: Vec<(PathBuf, Vec<u8>)>,
        owner: Identity,
    ) -> Local<'_, io::Result<()>> {
        let domain = domain.try_clone();
        Box::pin(async move {
            let domain = domain?;
            off_thread(owner, move || mend::mend(&domain, &metadata)).await
        })
    }

    fn remove_file(&self, path: PathBuf, owner: Identity) -> Local<'_, io::Result<()>> {
        Box::pin(off_thread(owner, move || std::fs::remove_file(path)))
    }

    fn remove_empty_directories(&self, path: PathBuf, owner: Identity) -> Local<'_, io::Result<()>> {
        Box::pin(off_thread(owner, move || remove_empty(&path)))
    }
}

fn remove_empty(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_empty(&entry.path())?;
        }
    }
    match std::fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_timeout_is_read_as_lttng_does() {
        let of = |value| Bounds::default().with_application_timeout(value).application;
        assert_eq!(of(None), Some(Duration::from_secs(5)));
        assert_eq!(of(Some("2")), Some(Duration::from_secs(2)));
        assert_eq!(of(Some("-1")), None);
        assert_eq!(of(Some("soon")), Some(Duration::from_secs(5)));
    }

    #[test]
    fn the_clocks_agree_with_themselves() {
        let (first, second) = (RealClock.offset_of_monotonic(), RealClock.offset_of_monotonic());
        assert!((first - second).abs() < 50_000_000, "{first} {second}");
        assert!(first > 0);
        assert_ne!(RealClock.uuid(), RealClock.uuid());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_file_ends_where_the_last_write_ended() {
        let dir = tempfile::tempdir().unwrap();
        let (path, own) = (dir.path().join("f"), Identity::own());
        for (offset, data) in [(0, "one "), (4, "two three"), (4, "2")] {
            RealFiles.write_at(path.clone(), offset, data.into(), own).await.unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one 2");
        RealFiles.remove_file(path.clone(), own).await.unwrap();
        assert!(!path.exists());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn only_empty_directories_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, gone) = (dir.path().join("t/kept"), dir.path().join("t/gone/deep"));
        let own = Identity::own();
        RealFiles.make_directories(kept.clone(), own).await.unwrap();
        RealFiles.make_directories(gone.clone(), own).await.unwrap();
        std::fs::write(kept.join("file"), "x").unwrap();
        RealFiles.remove_empty_directories(dir.path().join("t"), own).await.unwrap();
        assert!(kept.join("file").exists());
        assert!(!gone.parent().unwrap().exists());
    }
}
