//! A channel: its buffers' attributes, its contexts, its event rules.

use std::time::Duration;

use super::EventRule;

/// Names a channel inside one daemon; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub u64);

/// Who shares ring buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BufferOwnership {
    /// All applications of one user (and word size) write into the same buffers.
    PerUser,
    /// Each application has buffers of its own.
    PerProcess,
}

/// What a writer does when its ring buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelMode {
    /// The newest events are dropped and counted.
    Discard,
    /// The oldest packets are overwritten and counted.
    Overwrite,
}

/// A channel of the user-space domain.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Its number.
    pub id: ChannelId,
    /// Its name, 1 to 254 bytes, no `/`, no leading `.`.
    pub name: String,
    /// Whether it records.
    pub enabled: bool,
    /// Its buffers.
    pub attributes: ChannelAttributes,
    /// Context fields of every event, in the order of their adding.
    pub contexts: Vec<ContextKind>,
    /// What it records, in the order of their making.
    pub rules: Vec<EventRule>,
    /// Whether it belongs to an agent domain (hidden rules only).
    pub agent: bool,
}

/// How a channel's ring buffers are made and its files written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelAttributes {
    /// What happens when a buffer is full.
    pub mode: ChannelMode,
    /// Bytes of one sub-buffer: a power of two, at least a page.
    pub subbuf_size: u64,
    /// How many sub-buffers: a power of two.
    pub num_subbuf: u64,
    /// How often a partly filled sub-buffer is handed over; zero: never.
    pub switch_timer: Duration,
    /// How often the consumer looks for data; zero: writers wake it.
    pub read_timer: Duration,
    /// How often usage is sampled; zero: never.
    pub monitor_timer: Duration,
    /// How long a writer waits for space.
    pub blocking_timeout: BlockingTimeout,
    /// Bytes after which a stream's file is closed and the next one begun; 0: never.
    pub tracefile_size: u64,
    /// How many files a stream keeps; 0: all.
    pub tracefile_count: u64,
}

/// How long a writer waits for space in a full buffer (only in applications that allow it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockingTimeout {
    /// Not at all.
    None,
    /// At most so long, in whole microseconds.
    Bounded(Duration),
    /// Until there is space.
    Forever,
}

impl BlockingTimeout {
    /// As on the wire: microseconds, 0 for none, -1 for forever.
    pub fn from_micros(micros: i64) -> Self {
        match micros {
            0 => BlockingTimeout::None,
            1.. => BlockingTimeout::Bounded(Duration::from_micros(micros.unsigned_abs())),
            _ => BlockingTimeout::Forever,
        }
    }

    /// As on the wire: microseconds, 0 for none, -1 for forever.
    pub fn as_micros(self) -> i64 {
        match self {
            BlockingTimeout::None => 0,
            BlockingTimeout::Bounded(time) => i64::try_from(time.as_micros()).unwrap_or(i64::MAX),
            BlockingTimeout::Forever => -1,
        }
    }
}

impl ChannelAttributes {
    /// The defaults of 2.13 for user space (`docs/spec/client-protocol.md`, section 13).
    pub fn defaults(buffers: BufferOwnership, mode: ChannelMode, page_size: u64) -> Self {
        let subbuf_size = match buffers {
            BufferOwnership::PerUser => 512 * 1024,
            BufferOwnership::PerProcess => 16 * 1024,
        };
        ChannelAttributes {
            mode,
            subbuf_size: subbuf_size.max(page_size),
            num_subbuf: 4,
            switch_timer: Duration::ZERO,
            read_timer: Duration::ZERO,
            monitor_timer: Duration::from_secs(1),
            blocking_timeout: BlockingTimeout::None,
            tracefile_size: 0,
            tracefile_count: 0,
        }
    }
}

/// A context field (`docs/spec/ust-protocol.md`, section 10).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the fields' own")]
pub enum ContextKind {
    Vtid,
    Vpid,
    PthreadId,
    Procname,
    Ip,
    CgroupNs,
    IpcNs,
    MntNs,
    NetNs,
    PidNs,
    UserNs,
    UtsNs,
    TimeNs,
    Vuid,
    Veuid,
    Vsuid,
    Vgid,
    Vegid,
    Vsgid,
    /// A perf counter of the thread.
    Perf(PerfCounter),
    /// A context that the application provides: `$app.PROVIDER:NAME`.
    Application {
        provider: String,
        name: String,
    },
}

/// Which perf counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerfCounter {
    /// As in `perf_event_attr.type`.
    pub kind: u32,
    /// As in `perf_event_attr.config`.
    pub config: u64,
    /// The field's name, as the client gave it (`perf_thread_…`).
    pub name: String,
}
