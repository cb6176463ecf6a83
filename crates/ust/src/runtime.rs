//! The tracer's own threads, one for each session daemon that the program may have: looking for the daemon, registering,
//! serving its commands, and again when it is gone (`docs/spec/ust-protocol.md`, sections 3 and 14).
//!
//! They begin when the program or library is loaded, which is the one piece of code that runs before `main`: a program
//! whose events are all disabled must be known to the daemon, too. It waits until the daemons that are there have said
//! that registration is over (`LTTNG_UST_REGISTER_TIMEOUT`); where no daemon is there is nothing to wait for.

use std::cell::UnsafeCell;
use std::ffi::{CStr, CString};
use std::io;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use rttng_ring::TraceClock;
use rttng_ring::wait_page::{WaitPageScope, WaitWord};
use rttng_wire::ust::{
    AbiVersion, Alignments, CommandReceipt, Dialect, ProcessName, ReceivedCommand, Registration, ReplyCode,
    Request, SOCKET_NAME, SocketKind, WAIT_PAGE_NAME,
};
use rttng_wire::{Bitness, Encode};

use crate::class::EventClass;
use crate::field::IS_PACKED;
use crate::socket::Socket;
use crate::tracing::{self, Daemon, State};
use crate::{app_context, at_load, changes, commands, context, cpu, environment, grace, list, threads};

/// Where a session daemon would be.
#[derive(Debug, Clone)]
struct Place {
    /// Tells daemons apart.
    number: usize,
    socket: PathBuf,
    wait: WaitAt,
    /// What events that it asks for count in.
    clock: TraceClock,
}

#[derive(Debug, Clone)]
enum WaitAt {
    Shared(String, WaitPageScope),
    File(PathBuf),
}

/// Which daemons have not yet said whether there is anything to wait for at the start.
#[derive(Debug)]
struct Gate {
    pending: Mutex<Vec<usize>>,
    changed: Condvar,
}

static GATE: Gate = Gate { pending: Mutex::new(Vec::new()), changed: Condvar::new() };

impl Gate {
    fn pending(&self) -> MutexGuard<'_, Vec<usize>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is to be waited for from that daemon any more.
    fn pass(&self, number: usize) {
        self.pending().retain(|of| *of != number);
        self.changed.notify_all();
    }

    fn wait(&self, limit: Option<Duration>) {
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut pending = self.pending();
        while !pending.is_empty() {
            pending = match deadline {
                None => self.changed.wait(pending).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    self.changed.wait_timeout(pending, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Run by the loader, before `main` or when the library is loaded; and before all that has no number, so that events of
/// the program's own constructors are recorded.
#[used]
#[unsafe(link_section = ".init_array.00101")]
static AT_LOAD: extern "C" fn() = at_load;

extern "C" fn at_load() {
    if at_load::is_wanted() {
        start();
    }
}

/// Begins tracing, if that has not happened: called when the program is loaded, and needed by nobody else but where
/// linking loses what runs at loading.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        cpu::find_rseq();
        grace::prepare();
        at_load::stay_loaded();
        watch_forks();
        begin(true);
    });
}

/// Makes the threads; with `wait`, until the daemons have registered the program.
fn begin(wait: bool) {
    let places = places();
    *GATE.pending() = places.iter().map(|place| place.number).collect();
    let name = thread_name();
    for place in places {
        let number = place.number;
        let serve = move || {
            // Whatever goes wrong in here ends tracing by this daemon, and nothing else.
            let _ = std::panic::catch_unwind(|| serve(&place));
            tracing::lock().forget(number);
            changes::tell();
            GATE.pass(number);
        };
        if !threads::spawn(name.clone(), serve) {
            GATE.pass(number);
        }
    }
    if wait {
        GATE.wait(environment::get().register_timeout);
    }
}

/// The name of the tracer's threads: that of the thread that loaded it, and `-ust`, in 15 bytes.
fn thread_name() -> Box<CStr> {
    let mut name = comm();
    name.truncate(11);
    name.extend(b"-ust");
    name.retain(|&byte| byte != 0);
    CString::new(name).unwrap_or_default().into_boxed_c_str()
}

fn comm() -> Vec<u8> {
    rustix::thread::name().map(|name| name.into_bytes()).unwrap_or_default()
}

fn places() -> Vec<Place> {
    let environment = environment::get();
    if let Some(directory) = &environment.app_path {
        let wait = WaitAt::File(directory.join(WAIT_PAGE_NAME));
        let socket = directory.join(SOCKET_NAME);
        return vec![Place { number: 2, socket, wait, clock: TraceClock::Monotonic }];
    }
    let name = format!("/{WAIT_PAGE_NAME}");
    let socket = PathBuf::from("/var/run/lttng").join(SOCKET_NAME);
    let wait = WaitAt::Shared(name, WaitPageScope::Global);
    let mut places = vec![Place { number: 0, socket, wait, clock: TraceClock::Monotonic }];
    let uid = rustix::process::getuid();
    if let Some(home) = environment.home.as_ref().filter(|_| uid == rustix::process::geteuid()) {
        let name = format!("/{WAIT_PAGE_NAME}-{}", uid.as_raw());
        let socket = home.join(".lttng").join(SOCKET_NAME);
        let wait = WaitAt::Shared(name, WaitPageScope::PerUser);
        places.push(Place { number: 1, socket, wait, clock: environment.clock_of(home) });
    }
    places
}

impl WaitAt {
    fn open(&self) -> io::Result<WaitWord> {
        match self {
            WaitAt::Shared(name, scope) => WaitWord::open(name, *scope),
            WaitAt::File(path) => WaitWord::open_file(path),
        }
    }
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// There was none, or the daemon closed it.
    Gone,
    /// The daemon closed it without a single command: it may not know this dialect.
    Unheard,
    /// The two sides did not understand each other.
    Confused,
}

const LONG_PAUSE: Duration = Duration::from_secs(5);

/// Looks after one daemon for as long as the process lives.
fn serve(place: &Place) {
    // A wait page that cannot be had: that daemon is ignored, as by liblttng-ust.
    let Ok(word) = place.wait.open() else { return };
    let mut dialect = Dialect::Abi9;
    let mut failures = 0u32;
    let mut confusions = 0u32;
    loop {
        let end = connect(place, dialect);
        tracing::lock().forget(place.number);
        changes::tell();
        GATE.pass(place.number);
        match end {
            End::Confused => {
                // At once at first; one that goes on so is not worth a busy thread.
                let pause = Duration::from_millis(10 << confusions.min(9));
                confusions += 1;
                if confusions > 1 {
                    std::thread::sleep(pause);
                }
                continue;
            }
            End::Unheard => {
                // Daemons of 2.12 and before close the connection of those who speak 9.
                dialect = match dialect {
                    Dialect::Abi9 => Dialect::Abi8 { minor: 1 },
                    _ => Dialect::Abi9,
                };
            }
            End::Gone => dialect = Dialect::Abi9,
        }
        confusions = 0;
        failures += 1;
        if word.wait().is_err() || failures.is_multiple_of(2) {
            std::thread::sleep(LONG_PAUSE);
            if word.wait().is_err() {
                // The page was cut short: look for a new one.
                match place.wait.open().and_then(|word| word.wait()) {
                    Ok(()) => {}
                    Err(_) => continue,
                }
            }
        }
    }
}

/// Connects to a daemon, registers, and serves its commands until one side ends it.
fn connect(place: &Place, dialect: Dialect) -> End {
    let limit = environment::get().limit();
    let sockets = || -> io::Result<(Socket, Socket)> {
        let command = Socket::connect(&place.socket, limit)?;
        command.send(&registration(dialect, place.clock, SocketKind::Command).to_bytes())?;
        let mut notify = Socket::connect(&place.socket, limit)?;
        notify.set_receive_limit(limit)?;
        notify.send(&registration(dialect, place.clock, SocketKind::Notify).to_bytes())?;
        Ok((command, notify))
    };
    let Ok((command, notify)) = sockets() else { return End::Gone };
    let number = place.number;
    tracing::lock().daemons.insert(number, Daemon::new(dialect, place.clock, command.clone(), notify));
    let mut heard = false;
    loop {
        let mut receipt = CommandReceipt::new();
        let is_known = |receipt: &CommandReceipt| is_object(number, receipt.handle().0);
        let received = command.exchange(&mut receipt, is_known);
        let (received, fds) = match received {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return End::Confused,
            Err(_) if !heard => return End::Unheard,
            Err(_) => return End::Gone,
        };
        heard = true;
        let mut is_registered = false;
        let bytes = match received {
            ReceivedCommand::Request(request) => {
                let answer = commands::answer(&mut tracing::lock(), number, &request, fds);
                changes::tell();
                let Some(answer) = answer else { return End::Confused };
                is_registered = is_end_of_registration(&request);
                answer
            }
            ReceivedCommand::Unknown { handle, code } => {
                if !is_object(number, handle.0) {
                    return End::Confused;
                }
                commands::refusal(handle, code, ReplyCode::Invalid).to_bytes()
            }
        };
        if command.send(&bytes).is_err() {
            return End::Gone;
        }
        // Only now: the program may close all descriptors at once.
        if is_registered {
            GATE.pass(number);
        }
    }
}

/// Whether a daemon's handle stands for something.
fn is_object(number: usize, handle: u32) -> bool {
    let state = tracing::lock();
    handle == 0 || state.daemons.get(&number).is_some_and(|daemon| daemon.objects.contains_key(&handle))
}

fn is_end_of_registration(request: &Request) -> bool {
    request.handle.0 == 0 && request.command == rttng_wire::ust::Command::RegisterDone
}

fn registration(dialect: Dialect, clock: TraceClock, socket: SocketKind) -> Registration {
    let number = |pid: Option<rustix::process::Pid>| pid.map_or(0, |pid| pid.as_raw_nonzero().get() as u32);
    // The threads are named after the one that loaded the tracer; the name for the daemon is that one's.
    Registration {
        version: match clock {
            TraceClock::Monotonic => dialect.version(),
            TraceClock::Tsc => AbiVersion::TSC,
        },
        pid: number(Some(rustix::process::getpid())),
        ppid: number(rustix::process::getppid()),
        uid: rustix::process::getuid().as_raw(),
        gid: rustix::process::getgid().as_raw(),
        bitness: if cfg!(target_pointer_width = "64") { Bitness::Bits64 } else { Bitness::Bits32 },
        alignments: if IS_PACKED { Alignments::BYTES } else { Alignments::NATURAL_64 },
        socket,
        name: ProcessName::new(&process_name()),
    }
}

/// The name of the process's first thread.
fn process_name() -> Vec<u8> {
    let mut name = std::fs::read("/proc/self/comm").unwrap_or_else(|_| comm());
    name.truncate(name.iter().position(|&byte| byte == b'\n').unwrap_or(name.len()));
    name
}

/// Every lock of the tracer: the child finds free what it will take, and whole what is behind it. In the order in which
/// they are taken elsewhere, too; all but the first are held for moments only.
struct AllLocks {
    state: MutexGuard<'static, State>,
    _told: Option<MutexGuard<'static, ()>>,
    _gate: MutexGuard<'static, Vec<usize>>,
    _added: MutexGuard<'static, Vec<&'static EventClass>>,
    _app_contexts: app_context::Lock,
}

/// What is held while the process forks.
struct Held(UnsafeCell<Option<AllLocks>>);

// SAFETY: used between the two handlers of one fork, by the thread that forks; the C library runs forks one at a time.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(None));
/// How long a fork waits for a command that is being carried out. A busy daemon may take its time for a command that
/// registers many events, and the child of a fork that does not wait for it is never traced; a daemon that hangs is given
/// up by default after 3 seconds.
const FORK_PATIENCE: Duration = Duration::from_secs(2);

fn watch_forks() {
    unsafe extern "C" {
        fn pthread_atfork(
            prepare: Option<extern "C" fn()>,
            parent: Option<extern "C" fn()>,
            child: Option<extern "C" fn()>,
        ) -> i32;
    }
    // SAFETY: the three functions live as long as the program, or the library, which stays loaded.
    unsafe { pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) };
}

/// Takes the lock, so that the child finds the state whole. A session daemon that hangs may hold it up: not for long.
extern "C" fn before_fork() {
    let deadline = Instant::now() + FORK_PATIENCE;
    let guard = loop {
        match tracing::try_lock() {
            Some(guard) => break Some(guard),
            None if Instant::now() > deadline => break None,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let told = changes::hold(deadline);
    let locks = guard.map(|state| AllLocks {
        state,
        _told: told,
        _gate: GATE.pending(),
        _added: list::lock(),
        _app_contexts: app_context::lock(),
    });
    // SAFETY: see `Held`.
    unsafe { *HELD.0.get() = locks };
}

extern "C" fn after_fork() {
    // SAFETY: see `Held`.
    drop(unsafe { (*HELD.0.get()).take() });
}

/// The child has none of the tracer's threads: it gives up what it inherited and begins anew.
extern "C" fn in_child() {
    // SAFETY: see `Held`.
    let Some(AllLocks { mut state, .. }) = (unsafe { (*HELD.0.get()).take() }) else {
        // A command was being carried out, and took long: what it left is of no use. This child is never traced.
        for class in list::try_all() {
            std::mem::forget(class.replace_recorders(None));
        }
        return;
    };
    context::forget_identity();
    let was_traced = state.daemons.values().any(|daemon| daemon.sessions.values().any(|of| of.is_active));
    let daemons = std::mem::take(&mut state.daemons);
    for daemon in daemons.values() {
        daemon.abandon();
        // The parent's thread that has it open does not exist here: nobody else will close it.
        daemon.command.close_in_child();
    }
    let lists: Vec<_> = list::all().into_iter().map(|class| class.replace_recorders(None)).collect();
    if !grace::begin_in_child() {
        // Somebody may be recording, below this very call: what they use must stay.
        std::mem::forget((lists, daemons));
    }
    drop(state);
    begin(was_traced);
}
