//! The data threads: they sleep on the wake-up pipes of streams and channels, and take packets to files
//! (`docs/spec/consumer-protocol.md`, section 10.2).
//!
//! A stream belongs to one thread for its life. With nothing to do a thread makes no system call at all; while buffers
//! fill fast it looks by itself (`pace.rs`).

use std::collections::{HashMap, HashSet};
use std::io;
use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

use crate::channel::DataChannel;
use crate::pace::Pace;
use crate::staging::Writer;
use crate::stream::{Consumed, DataStream, Turn};

/// The event of the bell, which no stream has.
const BELL: u64 = 0;
/// Most threads; beyond that they would wait for the same disk.
const MOST_THREADS: usize = 4;
/// The slices of data threads: taking a few packets is done in less.
const SLICE: Duration = Duration::from_micros(200);
/// How much better the nice value of data threads is than the daemon's, if it may be.
const NICE_STEPS: i32 = 10;

/// Called for a channel whose last stream has ended.
type Ended = dyn Fn(&Arc<DataChannel>) + Send + Sync;

/// What a thread watches.
#[derive(Clone)]
enum Watched {
    Stream(Arc<DataStream>, Arc<DataChannel>),
    Channel(Arc<DataChannel>),
}

/// One thread's share.
struct Share {
    epoll: OwnedFd,
    bell: OwnedFd,
    watched: Mutex<HashMap<u64, Watched>>,
    /// Writes what the thread copies.
    writer: Arc<Writer>,
    is_leaving: AtomicBool,
}

/// The data threads.
pub(crate) struct DataThreads {
    shares: Vec<Arc<Share>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    next_id: AtomicU64,
}

impl DataThreads {
    /// Starts the threads. `ended` is called for a channel whose last stream has ended.
    pub(crate) fn start(ended: impl Fn(&Arc<DataChannel>) + Send + Sync + 'static) -> io::Result<Self> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let ended: Arc<Ended> = Arc::new(ended);
        let mut shares = Vec::new();
        let mut threads = Vec::new();
        for number in 0..count {
            let share = Arc::new(Share {
                epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
                bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
                watched: Mutex::default(),
                writer: Arc::new(Writer::start(format!("rttng-write-{number}"))?),
                is_leaving: AtomicBool::new(false),
            });
            epoll::add(&share.epoll, &share.bell, EventData::new_u64(BELL), EventFlags::IN)?;
            let (served, ended) = (Arc::clone(&share), Arc::clone(&ended));
            let thread = std::thread::Builder::new().name(format!("rttng-data-{number}"));
            threads.push(thread.spawn(move || served.serve(&*ended))?);
            shares.push(share);
        }
        Ok(DataThreads { shares, threads: Mutex::new(threads), next_id: AtomicU64::new(BELL + 1) })
    }

    /// Begins to watch a channel's pipe, and to serve its streams if it is drained all the time.
    pub(crate) fn serve(&self, channel: &Arc<DataChannel>) -> io::Result<()> {
        if channel.info.is_monitored {
            for stream in &channel.streams {
                let share = self.share(stream.cpu as usize);
                share.writer.prepare();
                stream.serve_with(Arc::clone(&share.writer));
                let watched = Watched::Stream(Arc::clone(stream), Arc::clone(channel));
                self.add(stream.cpu as usize, watched)?;
            }
        }
        self.add(0, Watched::Channel(Arc::clone(channel)))
    }

    fn share(&self, number: usize) -> &Arc<Share> {
        &self.shares[number % self.shares.len()]
    }

    fn add(&self, number: usize, watched: Watched) -> io::Result<()> {
        let share = self.share(number);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        share.lock().insert(id, watched.clone());
        let data = EventData::new_u64(id);
        let added = match &watched {
            Watched::Stream(stream, _) => epoll::add(&share.epoll, stream.wait_fd(), data, EventFlags::IN),
            Watched::Channel(channel) => {
                epoll::add(&share.epoll, channel.wait_fd(), data, EventFlags::empty())
            }
        };
        if added.is_err() {
            share.lock().remove(&id);
        }
        Ok(added?)
    }

    /// Waits until all streams and channels have hung up, and ends the threads.
    pub(crate) fn finish(&self) {
        for share in &self.shares {
            share.is_leaving.store(true, Ordering::Relaxed);
            let _ = rustix::io::write(&share.bell, &1u64.to_ne_bytes());
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a data thread panicked");
            }
        }
        for share in &self.shares {
            share.writer.finish();
        }
    }
}

/// While producers keep all processors busy, how soon a data thread runs decides how small buffers may be.
fn run_before_producers() {
    let own = rustix::process::getpriority_process(None).unwrap_or(0);
    if let Err(error) = rttng_ring::run_soon_after_wakeup(SLICE, own - NICE_STEPS) {
        tracing::debug!(%error, "data threads wait for processors as others do");
    }
    // By default a thread sleeps up to 50 µs longer than it asks for.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
}

impl Share {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, ended: &Ended) {
        run_before_producers();
        let mut pace = Pace::default();
        let mut events = [MaybeUninit::uninit(); 64];
        // Streams with more to read, and whether they have hung up.
        let mut ready: HashMap<u64, bool> = HashMap::new();
        // Streams of which packets were copied and not handed over.
        let mut staged: HashSet<u64> = HashSet::new();
        loop {
            if self.is_leaving.load(Ordering::Relaxed) && self.lock().is_empty() {
                return;
            }
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            let nap = pace.nap().filter(|_| ready.is_empty());
            if ready.is_empty() && (nap.is_none() || pace.is_idle()) {
                for id in staged.drain() {
                    let watched = self.lock().get(&id).cloned();
                    if let Some(Watched::Stream(stream, _)) = watched {
                        stream.hand_over();
                    }
                }
            }
            if let Some(nap) = nap {
                std::thread::sleep(nap);
            }
            let timeout = (nap.is_some() || !ready.is_empty()).then_some(&at_once);
            let waited = epoll::wait(&self.epoll, &mut events, timeout);
            let happened = match waited {
                Ok((happened, _)) => happened,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => {
                    tracing::error!(%error, "a data thread cannot wait");
                    return;
                }
            };
            for event in happened {
                // Copies: the kernel's record is packed.
                let (id, flags) = (event.data.u64(), event.flags);
                let hung_up = flags.intersects(EventFlags::HUP | EventFlags::ERR);
                if id == BELL {
                    let _ = rustix::io::read(&self.bell, &mut [0; 8]);
                    continue;
                }
                let watched = self.lock().get(&id).cloned();
                match watched {
                    Some(Watched::Stream(stream, _)) => {
                        // The bytes before the buffer: whoever writes one after this makes us look again.
                        let _ = rustix::io::read(&stream.wait, &mut [0; 4096]);
                        if hung_up {
                            let _ = epoll::delete(&self.epoll, &stream.wait);
                        }
                        *ready.entry(id).or_default() |= hung_up;
                    }
                    Some(Watched::Channel(channel)) if hung_up => {
                        self.release(id, &channel, ended);
                    }
                    _ => {}
                }
            }
            let mut fills_in: Option<Duration> = None;
            for (id, hung_up) in std::mem::take(&mut ready) {
                let Some(Watched::Stream(stream, channel)) = self.lock().get(&id).cloned() else { continue };
                let Consumed { turn, fills_in: fills, has_staged } = stream.consume(hung_up);
                fills_in = fills_in.into_iter().chain(fills).min();
                if has_staged {
                    staged.insert(id);
                }
                match turn {
                    Turn::More => {
                        ready.insert(id, hung_up);
                    }
                    Turn::Idle if hung_up || stream.has_ended() => {
                        stream.end();
                        let _ = epoll::delete(&self.epoll, &stream.wait);
                        self.lock().remove(&id);
                        if channel.streams.iter().all(|stream| stream.has_ended()) {
                            ended(&channel);
                        }
                    }
                    Turn::Idle => {}
                }
            }
            pace.looked(fills_in);
        }
    }

    /// A channel hung up: nobody will map it any more. Its streams end when their pipes hang up too.
    fn release(&self, id: u64, channel: &Arc<DataChannel>, ended: &Ended) {
        let _ = epoll::delete(&self.epoll, channel.wait_fd());
        self.lock().remove(&id);
        for stream in &channel.streams {
            stream.close_wakeup();
            if !channel.info.is_monitored {
                stream.end();
            }
        }
        if channel.streams.iter().all(|stream| stream.has_ended()) {
            ended(channel);
        }
    }
}
