//! Contexts: what a channel records beside each event's own fields, and what filters and captures can ask for
//! (`docs/spec/ust-protocol.md`, section 10). Their bytes are put together on the stack before room is reserved.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rttng_ring::SlotWriter;
use rttng_wire::ust::{self as wire, PlainContext};

use crate::app_context::{AppContext, AppValue};
use crate::field::{IS_PACKED, Integer};
use crate::payload::FieldView;
use crate::perf::PerfCounter;

/// Where and on which CPU an event is fired.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) cpu: u32,
    /// Address of the call.
    pub(crate) ip: u64,
}

/// Room for all contexts of an event.
const MAX_BYTES: usize = 512;
/// Bytes of a thread's name with its NUL, as LTTng 2.13 records it.
const PROCNAME_LEN: usize = 17;

/// One context.
#[derive(Debug)]
enum Source {
    Plain(PlainContext),
    Perf(PerfCounter),
    App(AppContext),
}

/// The contexts of a channel, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Contexts {
    sources: Vec<Source>,
    names: Vec<String>,
    /// Bytes that they take at most; application contexts count with their least.
    reserved: usize,
    alignment: usize,
}

/// Why a context cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// It is there already.
    Exists,
    /// The counter cannot be opened.
    Counter,
    /// There is no more room for contexts.
    NoRoom,
}

impl Contexts {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// What the first byte must be aligned to.
    #[inline]
    pub(crate) fn alignment(&self) -> usize {
        self.alignment.max(1)
    }

    /// Adds a context.
    pub(crate) fn add(&mut self, context: &wire::Context) -> Result<(), Unavailable> {
        let name = context.field_name();
        if self.names.contains(&name) {
            return Err(Unavailable::Exists);
        }
        let source = match context {
            wire::Context::Plain(plain) => Source::Plain(*plain),
            wire::Context::PerfThreadCounter { kind, config, .. } => {
                Source::Perf(PerfCounter::open(*kind, *config).ok_or(Unavailable::Counter)?)
            }
            wire::Context::App { provider, name } => Source::App(AppContext::new(provider, name)),
        };
        let size = source.size();
        // With what alignment may add.
        let reserved = self.reserved + size + if IS_PACKED { 0 } else { 7 };
        if reserved > MAX_BYTES {
            return Err(Unavailable::NoRoom);
        }
        self.reserved = reserved;
        if !IS_PACKED {
            self.alignment = self.alignment.max(source.alignment());
        }
        self.names.push(name);
        self.sources.push(source);
        Ok(())
    }

    /// Puts the contexts' bytes together and gives them to `then`.
    #[inline(never)]
    pub(crate) fn sample<R>(&self, moment: &Moment, then: impl FnOnce(&[u8]) -> R) -> R {
        let mut bytes = [0; MAX_BYTES];
        let mut reserved = self.reserved;
        let mut writer = SlotWriter::over(&mut bytes);
        for source in &self.sources {
            reserved -= source.size();
            if !IS_PACKED {
                writer.align(source.alignment());
            }
            match source {
                Source::Plain(PlainContext::Procname) => {
                    writer.bytes(&thread_name());
                    writer.array([0]);
                }
                Source::Plain(plain) => {
                    let value = integer(*plain, moment);
                    match size_of_integer(*plain) {
                        4 => writer.array((value as u32).to_ne_bytes()),
                        _ => writer.array(value.to_ne_bytes()),
                    }
                }
                Source::Perf(counter) => writer.array(counter.read().to_ne_bytes()),
                Source::App(app) => {
                    // What the others need must stay free.
                    let room = writer.left().saturating_sub(reserved);
                    app.read().write(&mut writer, room);
                }
            }
        }
        let len = MAX_BYTES - writer.left();
        then(&bytes[..len])
    }

    /// The contexts as the session daemon is told of them; `dynamic` is the id of the enumeration of types that
    /// application contexts may have.
    pub(crate) fn to_wire(&self, dynamic: Option<wire::EnumId>) -> Vec<wire::Field> {
        let mut fields = Vec::new();
        for (source, name) in self.sources.iter().zip(&self.names) {
            let name = name.clone();
            match source {
                Source::Plain(PlainContext::Procname) => {
                    let mut byte = Integer::new(8, true).to_wire();
                    byte.encoding = wire::Encoding::Utf8;
                    let element = Box::new(wire::FieldType::Integer(byte));
                    let array = wire::Array { element, length: PROCNAME_LEN as u32, alignment_bits: 0 };
                    fields.push(wire::Field { name, ty: wire::FieldType::Array(array) });
                }
                Source::Plain(plain) => {
                    let bits = 8 * size_of_integer(*plain) as u32;
                    let ty = wire::FieldType::Integer(Integer::new(bits, is_signed(*plain)).to_wire());
                    fields.push(wire::Field { name, ty });
                }
                Source::Perf(_) => {
                    let ty = wire::FieldType::Integer(Integer::new(64, false).to_wire());
                    fields.push(wire::Field { name, ty });
                }
                Source::App(_) => AppValue::add_wire(name, dynamic, &mut fields),
            }
        }
        fields
    }

    /// Whether there are application contexts among them.
    pub(crate) fn has_app_contexts(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::App(_)))
    }
}

impl Source {
    /// Bytes that it takes, at least.
    fn size(&self) -> usize {
        match self {
            Source::Plain(PlainContext::Procname) => PROCNAME_LEN,
            Source::Plain(plain) => size_of_integer(*plain),
            Source::Perf(_) => 8,
            Source::App(_) => AppValue::MIN_ROOM,
        }
    }

    fn alignment(&self) -> usize {
        match self {
            Source::Plain(PlainContext::Procname) => 1,
            Source::Plain(plain) => size_of_integer(*plain),
            Source::Perf(_) | Source::App(_) => 8,
        }
    }
}

fn size_of_integer(context: PlainContext) -> usize {
    match context {
        PlainContext::PthreadId | PlainContext::Ip => size_of::<usize>(),
        PlainContext::CgroupNs
        | PlainContext::IpcNs
        | PlainContext::MntNs
        | PlainContext::NetNs
        | PlainContext::PidNs
        | PlainContext::UserNs
        | PlainContext::UtsNs
        | PlainContext::TimeNs => 8,
        _ => 4,
    }
}

fn is_signed(context: PlainContext) -> bool {
    matches!(context, PlainContext::Vpid | PlainContext::Vtid | PlainContext::CpuId)
}

/// What changes rarely and is kept: of the process, and of each thread. 0 (or all ones) is "ask again".
struct Kept {
    pid: AtomicU32,
    users: [AtomicU64; 6],
    namespaces: [AtomicU64; 3],
}

const UNKNOWN: u64 = u64::MAX;

static PROCESS: Kept = Kept {
    pid: AtomicU32::new(0),
    users: [const { AtomicU64::new(UNKNOWN) }; 6],
    namespaces: [const { AtomicU64::new(UNKNOWN) }; 3],
};

thread_local! {
    static TID: Cell<u32> = const { Cell::new(0) };
    static NAME: Cell<[u8; 16]> = const { Cell::new([0; 16]) };
    static NAMESPACES: Cell<[u64; 5]> = const { Cell::new([UNKNOWN; 5]) };
}

/// Forgets what is kept of the process and of this thread: user and group ids, namespaces, names, process and thread
/// numbers. The tracer does so after a fork; a program that changes its user, its name or a namespace calls it.
pub fn forget_identity() {
    PROCESS.pid.store(0, Ordering::Relaxed);
    for kept in PROCESS.users.iter().chain(&PROCESS.namespaces) {
        kept.store(UNKNOWN, Ordering::Relaxed);
    }
    TID.set(0);
    NAME.set([0; 16]);
    NAMESPACES.set([UNKNOWN; 5]);
}

fn kept(cell: &AtomicU64, ask: impl FnOnce() -> u64) -> u64 {
    match cell.load(Ordering::Relaxed) {
        UNKNOWN => {
            let value = ask();
            cell.store(value, Ordering::Relaxed);
            value
        }
        value => value,
    }
}

fn process_namespace(at: usize, path: &std::ffi::CStr) -> u64 {
    kept(&PROCESS.namespaces[at], || inode(path))
}

fn thread_namespace(at: usize, path: &std::ffi::CStr) -> u64 {
    let mut all = NAMESPACES.get();
    if all[at] == UNKNOWN {
        all[at] = inode(path);
        NAMESPACES.set(all);
    }
    all[at]
}

/// The number of a namespace, 0 if it cannot be told.
fn inode(path: &std::ffi::CStr) -> u64 {
    rustix::fs::stat(path).map_or(0, |of| of.st_ino)
}

/// The process's number in its own namespace.
pub(crate) fn pid() -> u32 {
    match PROCESS.pid.load(Ordering::Relaxed) {
        0 => {
            let pid = rustix::process::getpid().as_raw_nonzero().get() as u32;
            PROCESS.pid.store(pid, Ordering::Relaxed);
            pid
        }
        pid => pid,
    }
}

fn tid() -> u32 {
    match TID.get() {
        0 => {
            let tid = rustix::thread::gettid().as_raw_nonzero().get() as u32;
            TID.set(tid);
            tid
        }
        tid => tid,
    }
}

/// The thread's name as it was at first use, padded with NULs.
fn thread_name() -> [u8; 16] {
    unsafe extern "C" {
        fn prctl(option: i32, ...) -> i32;
    }
    const PR_GET_NAME: i32 = 16;
    let mut name = NAME.get();
    if name[0] == 0 {
        // SAFETY: this option writes at most 16 bytes, of which the last is a NUL.
        unsafe { prctl(PR_GET_NAME, name.as_mut_ptr()) };
        NAME.set(name);
    }
    name
}

fn pthread_self() -> u64 {
    unsafe extern "C" {
        fn pthread_self() -> usize;
    }
    // SAFETY: takes nothing and always succeeds.
    unsafe { pthread_self() as u64 }
}

/// The saved user and group.
fn saved_ids() -> (u32, u32) {
    unsafe extern "C" {
        fn getresuid(real: *mut u32, effective: *mut u32, saved: *mut u32) -> i32;
        fn getresgid(real: *mut u32, effective: *mut u32, saved: *mut u32) -> i32;
    }
    let (mut real, mut effective, mut user, mut group) = (0, 0, 0, 0);
    // SAFETY: each writes three numbers where it is told.
    unsafe {
        getresuid(&mut real, &mut effective, &mut user);
        getresgid(&mut real, &mut effective, &mut group);
    }
    (user, group)
}

/// The value of a context that is an integer.
fn integer(context: PlainContext, moment: &Moment) -> u64 {
    let user = |at: usize, ask: fn() -> u32| kept(&PROCESS.users[at], || u64::from(ask()));
    match context {
        PlainContext::Vtid => u64::from(tid()),
        PlainContext::Vpid => u64::from(pid()),
        PlainContext::PthreadId => pthread_self(),
        PlainContext::Procname => 0,
        PlainContext::Ip => moment.ip,
        PlainContext::CpuId => u64::from(moment.cpu),
        PlainContext::MntNs => process_namespace(0, c"/proc/self/ns/mnt"),
        PlainContext::PidNs => process_namespace(1, c"/proc/self/ns/pid"),
        PlainContext::UserNs => process_namespace(2, c"/proc/self/ns/user"),
        PlainContext::CgroupNs => thread_namespace(0, c"/proc/thread-self/ns/cgroup"),
        PlainContext::IpcNs => thread_namespace(1, c"/proc/thread-self/ns/ipc"),
        PlainContext::NetNs => thread_namespace(2, c"/proc/thread-self/ns/net"),
        PlainContext::TimeNs => thread_namespace(3, c"/proc/thread-self/ns/time"),
        PlainContext::UtsNs => thread_namespace(4, c"/proc/thread-self/ns/uts"),
        PlainContext::Vuid => user(0, || rustix::process::getuid().as_raw()),
        PlainContext::Veuid => user(1, || rustix::process::geteuid().as_raw()),
        PlainContext::Vsuid => user(2, || saved_ids().0),
        PlainContext::Vgid => user(3, || rustix::process::getgid().as_raw()),
        PlainContext::Vegid => user(4, || rustix::process::getegid().as_raw()),
        PlainContext::Vsgid => user(5, || saved_ids().1),
    }
}

/// A context that a filter or capture asks for; `name` is room for text.
pub(crate) fn view<'v>(context: PlainContext, moment: &Moment, name: &'v mut [u8; 16]) -> FieldView<'v> {
    if context == PlainContext::Procname {
        *name = thread_name();
        let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        return FieldView::Text(&name[..len]);
    }
    let value = integer(context, moment);
    match (is_signed(context), size_of_integer(context)) {
        (true, _) => FieldView::Signed(i64::from(value as i32)),
        (false, _) => FieldView::Unsigned(value),
    }
}
