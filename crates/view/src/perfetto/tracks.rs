//! The tracks of a Perfetto trace: processes, threads, CPUs, counters, and lanes for slices that are of no one thread.

use std::collections::HashMap;

use super::args::put_text;
use super::proto::{Proto, track};

/// Threads that are told apart; what is beyond goes to the tracks of CPUs.
const MAX_THREADS: usize = 1 << 17;

/// Counter tracks; values beyond are not drawn.
const MAX_COUNTERS: usize = 1 << 14;

/// Lanes of slices that are of no one thread.
const MAX_LANES: usize = 1 << 14;

/// How far apart processes of different hosts are numbered: Linux has at most 2^22.
const HOST_PIDS: i64 = 1 << 23;

/// Number of a track. It is written as its `uuid`, one more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TrackId(pub(super) u32);

impl TrackId {
    pub(super) fn uuid(self) -> u64 {
        u64::from(self.0) + 1
    }
}

/// What a track is, without its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Host,
    Process(i64),
    /// Process and thread.
    Thread(Option<i64>, i64),
    Cpu(u64),
    /// A stream of which no CPU is known.
    Stream(usize),
    /// A counter by number, of a process.
    Counter(u32, Option<i64>),
    /// A lane of a kind of slice, of a process.
    Lane(u32, u32, Option<i64>),
}

/// All tracks.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    hosts: Vec<String>,
    known: HashMap<(u32, Key), TrackId>,
    /// By track: its name as it was written last.
    names: Vec<Vec<u8>>,
    threads: usize,
    counters: usize,
    lanes: usize,
    /// Descriptions that are to be written: whole `TrackDescriptor`s.
    pub(super) new: Vec<Proto>,
}

impl Tracks {
    /// The number of a host.
    pub(super) fn host(&mut self, name: &str) -> u32 {
        let known = self.hosts.iter().position(|host| host == name);
        known.unwrap_or_else(|| {
            self.hosts.push(name.to_owned());
            self.hosts.len() - 1
        }) as u32
    }

    fn known(&self, host: u32, key: Key) -> Option<TrackId> {
        self.known.get(&(host, key)).copied()
    }

    fn add(&mut self, host: u32, key: Key, name: &[u8]) -> TrackId {
        let id = TrackId(self.names.len() as u32);
        self.names.push(name.to_owned());
        self.known.insert((host, key), id);
        id
    }

    /// A process or thread id as Perfetto gets it: those of other hosts than the first are moved out of the way.
    fn moved(host: u32, id: i64) -> i64 {
        id.wrapping_add(i64::from(host) * HOST_PIDS) & i64::from(i32::MAX)
    }

    /// A track that is nothing but a name, maybe below another.
    fn plain(&mut self, host: u32, key: Key, parent: Option<TrackId>, name: &str, counter: bool) -> TrackId {
        if let Some(known) = self.known(host, key) {
            return known;
        }
        let id = self.add(host, key, name.as_bytes());
        let mut proto = Proto::default();
        proto.unsigned(track::UUID, id.uuid());
        if let Some(parent) = parent {
            proto.unsigned(track::PARENT, parent.uuid());
        }
        proto.bytes(track::NAME, name.as_bytes());
        if counter {
            let open = proto.begin(track::COUNTER);
            proto.end(open);
        }
        self.new.push(proto);
        id
    }

    /// The track of a host.
    pub(super) fn of_host(&mut self, host: u32) -> TrackId {
        let name = self.hosts[host as usize].clone();
        self.plain(host, Key::Host, None, if name.is_empty() { "CPUs" } else { &name }, false)
    }

    /// The track of a CPU, or of a stream of which no CPU is known.
    pub(super) fn of_cpu(&mut self, host: u32, cpu: Option<u64>, stream: usize) -> TrackId {
        let key = cpu.map_or(Key::Stream(stream), Key::Cpu);
        if let Some(known) = self.known(host, key) {
            return known;
        }
        let parent = self.of_host(host);
        let name = cpu.map_or(format!("stream {stream}"), |cpu| format!("CPU {cpu}"));
        self.plain(host, key, Some(parent), &name, false)
    }

    /// The name of a process or thread as people look for it: with its host if there are several.
    fn with_host(&self, host: u32, name: &[u8]) -> Vec<u8> {
        let mut full = name.to_vec();
        if host > 0 && !name.is_empty() {
            full.extend_from_slice(format!(" ({})", self.hosts[host as usize]).as_bytes());
        }
        full
    }

    /// The track of a process. A name that has changed is written anew.
    pub(super) fn of_process(&mut self, host: u32, pid: i64, name: Option<&[u8]>) -> TrackId {
        let key = Key::Process(pid);
        if let Some(known) = self.known(host, key)
            && name.is_none_or(|name| self.names[known.0 as usize] == name)
        {
            return known;
        }
        let id = self.known(host, key).unwrap_or_else(|| self.add(host, key, b""));
        let name = name.unwrap_or_default();
        self.names[id.0 as usize] = name.to_owned();
        let name = self.with_host(host, name);
        let mut proto = Proto::default();
        proto.unsigned(track::UUID, id.uuid());
        let open = proto.begin(track::PROCESS);
        proto.signed(track::PID, Tracks::moved(host, pid));
        if !name.is_empty() {
            put_text(&mut proto, track::PROCESS_NAME, &name, name.len());
        }
        proto.end(open);
        self.new.push(proto);
        id
    }

    /// The track of a thread; nothing if there are too many.
    pub(super) fn of_thread(
        &mut self,
        host: u32,
        pid: Option<i64>,
        tid: i64,
        name: &[u8],
    ) -> Option<TrackId> {
        let key = Key::Thread(pid, tid);
        let known = self.known(host, key);
        if let Some(known) = known
            && (name.is_empty() || self.names[known.0 as usize] == name)
        {
            return Some(known);
        }
        if known.is_none() && self.threads >= MAX_THREADS {
            return None;
        }
        // The first thread gives the process its name; others only if nothing is known.
        let process = pid.unwrap_or(tid);
        let has_process = self.known(host, Key::Process(process)).is_some();
        if !has_process || process == tid {
            self.of_process(host, process, (!name.is_empty()).then_some(name));
        }
        let id = known.unwrap_or_else(|| {
            self.threads += 1;
            self.add(host, key, b"")
        });
        self.names[id.0 as usize] = name.to_owned();
        let mut proto = Proto::default();
        proto.unsigned(track::UUID, id.uuid());
        let open = proto.begin(track::THREAD);
        proto.signed(track::PID, Tracks::moved(host, process));
        proto.signed(track::TID, Tracks::moved(host, tid));
        if !name.is_empty() {
            put_text(&mut proto, track::THREAD_NAME, name, name.len());
        }
        proto.end(open);
        self.new.push(proto);
        Some(id)
    }

    /// What counters and lanes of a process are below.
    fn parent(&mut self, host: u32, pid: Option<i64>) -> TrackId {
        match pid {
            Some(pid) => self.of_process(host, pid, None),
            None => self.of_host(host),
        }
    }

    /// The track of a counter; nothing if there are too many.
    pub(super) fn of_counter(
        &mut self,
        host: u32,
        pid: Option<i64>,
        counter: u32,
        name: &str,
    ) -> Option<TrackId> {
        let key = Key::Counter(counter, pid);
        if let Some(known) = self.known(host, key) {
            return Some(known);
        }
        if self.counters >= MAX_COUNTERS {
            return None;
        }
        self.counters += 1;
        let parent = self.parent(host, pid);
        Some(self.plain(host, key, Some(parent), name, true))
    }

    /// A lane of a kind of slice; nothing if there are too many.
    pub(super) fn of_lane(
        &mut self,
        host: u32,
        pid: Option<i64>,
        (slice, lane): (u32, u32),
        name: &str,
    ) -> Option<TrackId> {
        let key = Key::Lane(slice, lane, pid);
        if let Some(known) = self.known(host, key) {
            return Some(known);
        }
        if self.lanes >= MAX_LANES {
            return None;
        }
        self.lanes += 1;
        let parent = self.parent(host, pid);
        Some(self.plain(host, key, Some(parent), name, false))
    }
}
