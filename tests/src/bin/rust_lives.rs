//! A program with a special life, for the tests of the Rust tracer; its events are `lives:*`. Its first argument says
//! which:
//!
//! * `one WHO`: fires one event.
//! * `nested COUNT THREADS`: so many events in each thread, in the middle of which signal handlers fire others; prints
//!   how many the handlers fired.
//! * `around-main`: fires before and after `main`, and when threads end.
//! * `panics`: arguments of events, and values that are being written, panic.
//! * `allocator`: fires from its allocator; prints how often.
//! * `plugin LIBRARY`: opens a library with a tracer of its own, closes it, opens it again; fires, too.
//! * `children`: makes children in every way there is.
//! * `daemon FOLDER`: leaves its parent, closes all descriptors, opens its own, and writes into that folder whether they
//!   were left alone.
//! * `leaves FOLDER`: a child becomes another user; then it sees nothing but that folder.
//! * `patient COUNT FILE`: once that file is there, fires until so many events took 50 ms or more; prints how many it
//!   fired, and that number. Prints `ready` before.
//! * `faults`: fires 10 events, with memory between them that was not touched before.

#![expect(unsafe_code, reason = "most of these have no safe form")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{CString, c_char, c_int, c_void};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::os::unix::thread::JoinHandleExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rttng_ust::{EventClass, Field, FieldType, FieldView, PayloadSize, SlotWriter, Value, event, tracepoint};

unsafe extern "C" {
    fn atexit(last: extern "C" fn()) -> c_int;
    fn chroot(folder: *const c_char) -> c_int;
    fn clone(main: extern "C" fn(*mut c_void) -> c_int, stack: *mut c_void, flags: c_int, ...) -> c_int;
    fn dlclose(library: *mut c_void) -> c_int;
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn _exit(status: c_int) -> !;
    fn fork() -> c_int;
    fn pthread_kill(thread: u64, signal: c_int) -> c_int;
    fn raise(signal: c_int) -> c_int;
    fn setgid(group: u32) -> c_int;
    fn setsid() -> c_int;
    fn setuid(user: u32) -> c_int;
    fn signal(signal: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn syscall(number: i64, ...) -> i64;
    fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
}

const SIGUSR1: c_int = 10;
const SIGUSR2: c_int = 12;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize| arguments.get(at).map(String::as_str);
    let number = |at: usize| word(at).expect("a number").parse().expect("a number");
    match word(0) {
        Some("one") => one(word(1).expect("who")),
        Some("nested") => nested(number(1), number(2)),
        Some("around-main") => around_main(),
        Some("panics") => panics(),
        Some("allocator") => allocator(),
        Some("plugin") => plugin(word(1).expect("a library")),
        Some("children") => children(),
        Some("daemon") => daemon(Path::new(word(1).expect("a folder"))),
        Some("patient") => patient(number(1), Path::new(word(2).expect("a file"))),
        Some("faults") => faults(),
        Some("leaves") => leaves(word(1).expect("a folder")),
        other => panic!("no such life: {other:?}"),
    }
}

#[tracepoint("lives:one")]
fn fire(who: &str);

fn one(who: &str) {
    fire(who);
}

/// A number that raises a signal while it is being written, each 16th of them.
struct Raising(u64);

impl Value for Raising {
    const TYPE: FieldType = <u64 as Value>::TYPE;

    fn measure(&self, size: &mut PayloadSize) {
        self.0.measure(size);
    }

    fn write(&self, to: &mut SlotWriter<'_>) {
        if self.0.is_multiple_of(16) {
            // SAFETY: there is a handler.
            unsafe { raise(SIGUSR1) };
        }
        self.0.write(to);
    }

    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Unsigned(self.0)
    }
}

static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn handle(_signal: c_int) {
    event!("lives:inner", number: u64 = HANDLED.fetch_add(1, Ordering::Relaxed), text: &str = "in a handler");
}

fn nested(count: u64, threads: u64) {
    let start = &*Box::leak(Box::new(Barrier::new(threads as usize)));
    let running = &*Box::leak(Box::new(AtomicU64::new(threads)));
    // SAFETY: the handler does what is safe in one, which is what is tested.
    unsafe {
        signal(SIGUSR1, handle);
        signal(SIGUSR2, handle);
    }
    let work = |thread| {
        move || {
            start.wait();
            for number in 0..count {
                event!(
                    "lives:outer",
                    thread: u64 = thread,
                    number: Raising = Raising(number),
                    text: &str = "eleven byte",
                );
            }
            running.fetch_sub(1, Ordering::Relaxed);
        }
    };
    let workers: Vec<_> = (0..threads).map(|thread| std::thread::spawn(work(thread))).collect();
    while running.load(Ordering::Relaxed) > 0 {
        for worker in &workers {
            // SAFETY: it was not joined yet.
            unsafe { pthread_kill(worker.as_pthread_t(), SIGUSR2) };
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    for worker in workers {
        worker.join().expect("a thread that ends in order");
    }
    println!("{}", HANDLED.load(Ordering::Relaxed));
}

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE: extern "C" fn() = before_main;

extern "C" fn before_main() {
    event!("lives:around", when: &str = "before main");
}

#[used]
#[unsafe(link_section = ".fini_array")]
static AFTER: extern "C" fn() = after_main;

extern "C" fn after_main() {
    event!("lives:around", when: &str = "after main");
}

extern "C" fn at_exit() {
    event!("lives:around", when: &str = "at exit");
}

/// Fires when its thread ends.
struct Farewell;

impl Drop for Farewell {
    fn drop(&mut self) {
        event!("lives:around", when: &str = "end of a thread");
    }
}

thread_local!(static FAREWELL: Farewell = const { Farewell });

fn around_main() {
    // SAFETY: a function that lives as long as the program.
    unsafe { atexit(at_exit) };
    FAREWELL.with(|_| ());
    std::thread::spawn(|| FAREWELL.with(|_| ())).join().expect("a thread that ends in order");
    event!("lives:around", when: &str = "main");
}

/// A value that cannot be written; with `true`, another event is fired in the middle of it.
struct Unwritable(bool);

impl Value for Unwritable {
    const TYPE: FieldType = <u64 as Value>::TYPE;

    fn measure(&self, size: &mut PayloadSize) {
        size.add_number(8);
    }

    fn write(&self, to: &mut SlotWriter<'_>) {
        to.array([0xff; 4]);
        if self.0 {
            handle(0);
        }
        panic!("half of it is written");
    }

    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::None
    }
}

fn unavailable() -> u32 {
    panic!("an argument that cannot be had");
}

fn panics() {
    let caught = |fires: fn()| std::panic::catch_unwind(fires).expect_err("a panic");
    for number in 0..10u32 {
        event!("lives:calm", number: u32 = number);
        caught(|| event!("lives:argument", number: u32 = unavailable()));
        caught(|| event!("lives:half", number: Unwritable = Unwritable(false), text: &str = "behind"));
        caught(|| event!("lives:zeros", number: Unwritable = Unwritable(true), behind: u8 = 7));
    }
}

/// Fires an event for each allocation.
struct Firing;

#[global_allocator]
static ALLOCATOR: Firing = Firing;
static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static COUNTED: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Firing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        event!("allocator:any", size: usize = layout.size());
        if IS_COUNTING.load(Ordering::Relaxed) {
            event!("allocator:counted", number: u64 = COUNTED.fetch_add(1, Ordering::Relaxed));
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        event!("allocator:free", size: usize = layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn allocator() {
    IS_COUNTING.store(true, Ordering::Relaxed);
    let texts = || (0..1000).map(|number: u32| number.to_string()).collect::<Vec<_>>();
    let others = std::thread::spawn(texts);
    let kept = texts();
    drop(others.join().expect("a thread that ends in order"));
    IS_COUNTING.store(false, Ordering::Relaxed);
    drop(kept);
    println!("{}", COUNTED.load(Ordering::Relaxed));
}

fn plugin(library: &str) {
    const RTLD_NOW: c_int = 2;
    let file = CString::new(library).expect("a path");
    for round in 0..3 {
        fire("the program");
        // SAFETY: the library is the one that is made for this: `fire` takes a number.
        unsafe {
            let library = dlopen(file.as_ptr(), RTLD_NOW);
            assert!(!library.is_null(), "the library opens");
            let fire = dlsym(library, c"fire".as_ptr());
            assert!(!fire.is_null(), "the library has `fire`");
            std::mem::transmute::<*mut c_void, extern "C" fn(c_int)>(fire)(round);
            assert_eq!(dlclose(library), 0);
        }
    }
}

/// Waits for a child, which ends in order.
fn wait_for(child: c_int) {
    assert!(child > 0, "a child is made");
    let mut status = -1;
    // SAFETY: a status is where it may write.
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child ends in order");
}

extern "C" fn in_shared_memory(_: *mut c_void) -> c_int {
    fire("vfork");
    0
}

fn children() {
    const SIGCHLD: c_int = 17;
    const CLONE_VM: c_int = 0x100;
    const CLONE_VFORK: c_int = 0x4000;
    let program = std::env::current_exe().expect("a program has a path");
    let one = |who: &str| {
        let mut command = Command::new(&program);
        command.args(["one", who]);
        command
    };
    assert!(one("spawned").status().expect("a child").success());
    // As `vfork`, but with a stack of its own, which Rust needs: the child runs in this memory until it ends.
    let mut stack = vec![0u64; 1 << 16];
    // SAFETY: the stack is the child's alone, who does not return to this function.
    wait_for(unsafe {
        let top = stack.as_mut_ptr_range().end;
        clone(in_shared_memory, top.cast(), CLONE_VM | CLONE_VFORK | SIGCHLD, std::ptr::null_mut::<c_void>())
    });
    // Behind the C library's back: none of its handlers run.
    #[cfg(target_arch = "x86_64")]
    const CLONE: i64 = 56;
    #[cfg(not(target_arch = "x86_64"))]
    const CLONE: i64 = 220;
    // SAFETY: the child is a copy of this thread, and ends without cleaning up.
    wait_for(unsafe {
        let child = syscall(CLONE, SIGCHLD, 0usize, 0usize, 0usize, 0usize) as c_int;
        if child == 0 {
            fire("raw clone");
            _exit(0);
        }
        child
    });
    // While other threads fire, register kinds of events, and provide contexts.
    let end = &*Box::leak(Box::new(AtomicBool::new(false)));
    let busy = |thread: u64| {
        move || {
            static FIELDS: [Field; 1] = [Field::new("number", <u64 as Value>::TYPE)];
            let mut number = 0;
            while !end.load(Ordering::Relaxed) {
                event!("lives:busy", thread: u64 = thread, number: u64 = number);
                if number.is_multiple_of(1000) && number < 20_000 {
                    let name = format!("lives:busy_{thread}_{number}");
                    let class = EventClass::try_new(Box::leak(name.into_boxed_str()), &FIELDS);
                    rttng_ust::register(Box::leak(Box::new(class.expect("a name"))));
                    rttng_ust::provide_app_context("lives", "busy", Some(|value| value.u8(1)));
                }
                number += 1;
            }
        }
    };
    let threads: Vec<_> = (0..3).map(|thread| std::thread::spawn(busy(thread))).collect();
    for _ in 0..10 {
        // SAFETY: the child fires, and ends without cleaning up.
        wait_for(unsafe {
            let child = fork();
            if child == 0 {
                fire("forked");
                _exit(0);
            }
            child
        });
    }
    // SAFETY: the child becomes another program.
    wait_for(unsafe {
        let child = fork();
        if child == 0 {
            let _ = one("executed").exec();
            _exit(1);
        }
        child
    });
    end.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().expect("a thread that ends in order");
    }
    fire("parent");
}

#[tracepoint("lives:again")]
fn again(number: u32);

/// The program's own descriptors, in place of the tracer's: nobody else may read, write or close them.
struct Own {
    files: Vec<OwnedFd>,
    pipes: Vec<(OwnedFd, OwnedFd)>,
    sockets: Vec<(OwnedFd, OwnedFd)>,
}

impl Own {
    fn open(folder: &Path) -> Own {
        use rustix::{fs, net, pipe};
        let file = |number: u32| {
            let path = folder.join(format!("own{number}"));
            fs::open(path, fs::OFlags::CREATE | fs::OFlags::RDWR, 0o600.into()).expect("a file")
        };
        let pipe = |_| pipe::pipe_with(pipe::PipeFlags::NONBLOCK).expect("a pipe");
        let socket = |_| {
            let flags = net::SocketFlags::NONBLOCK;
            net::socketpair(net::AddressFamily::UNIX, net::SocketType::STREAM, flags, None).expect("sockets")
        };
        // By turns, so that each of the tracer's numbers becomes any of them.
        let mut own = Own { files: Vec::new(), pipes: Vec::new(), sockets: Vec::new() };
        for number in 0..12 {
            own.files.push(file(number));
            own.pipes.push(pipe(number));
            own.sockets.push(socket(number));
        }
        own
    }

    /// What was done to them that the program did not do.
    fn harm(&self) -> String {
        let mut harm = String::new();
        let mut note = |what: &str, is_so: bool| {
            if is_so {
                harm += what;
            }
        };
        for file in &self.files {
            note(
                "a file was closed or written to. ",
                rustix::fs::fstat(file).map_or(-1, |of| of.st_size) != 0,
            );
        }
        let ends = self.pipes.iter().chain(&self.sockets).flat_map(|(a, b)| [(a, b), (b, a)]);
        for (at, (reader, writer)) in ends.enumerate() {
            let is_pipe = at / 2 < self.pipes.len();
            if is_pipe && at % 2 == 1 {
                continue;
            }
            let read = |mine: &OwnedFd| rustix::io::read(mine.as_fd(), &mut [0; 1]);
            let again = Err(rustix::io::Errno::AGAIN);
            note("something was written, or an end closed. ", read(reader) != again);
            note("an end cannot be written. ", rustix::io::write(writer.as_fd(), b"x") != Ok(1));
            note("what was written did not arrive. ", read(reader) != Ok(1));
        }
        harm
    }
}

/// Waits for a file that the test makes.
fn wait_for_file(path: &Path) {
    while !path.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the threads of the tracer wait for their daemons.
fn wait_for_the_tracer() {
    let sleeps = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        task.file_name().to_str() == Some(&std::process::id().to_string())
            || stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('S'))
    };
    let mut looks = 0;
    while looks < 10 {
        let mut tasks = std::fs::read_dir("/proc/self/task").expect("/proc is mounted").flatten();
        looks = if tasks.all(sleeps) { looks + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn daemon(folder: &Path) {
    // Written beside and moved, so that whoever sees it sees it whole.
    let say = |name: &str, text: &str| {
        let beside = folder.join(format!("{name}.part"));
        std::fs::write(&beside, text).expect("a folder that can be written");
        std::fs::rename(beside, folder.join(name)).expect("a folder that can be written");
    };
    // `close_range`, which musl's library has no function for.
    const CLOSE_RANGE: i64 = 436;
    // SAFETY: as every daemon does it; parents end at once.
    unsafe {
        for _ in 0..2 {
            match fork() {
                -1 => panic!("no child"),
                0 => setsid(),
                _ => _exit(0),
            };
        }
        // Whoever closes a socket in the middle of a command is registered anew, and traced again only then.
        wait_for_the_tracer();
        assert_eq!(syscall(CLOSE_RANGE, 3usize, u32::MAX as usize, 0usize), 0, "all are closed");
    }
    let own = Own::open(folder);
    for number in 0..20_000u32 {
        event!("lives:daemon", number: u32 = number);
    }
    // The tracer sees that its sockets are gone, and makes others.
    let sockets = || {
        let open = std::fs::read_dir("/proc/self/fd").expect("/proc is mounted").flatten();
        let link = |entry: std::fs::DirEntry| std::fs::read_link(entry.path()).ok();
        open.filter_map(link).filter(|file| file.to_string_lossy().starts_with("socket:")).count()
    };
    while sockets() < 2 * own.sockets.len() + 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    say("fired", "");
    wait_for_file(&folder.join("asked"));
    while !rttng_ust::enabled!(again) {
        std::thread::sleep(Duration::from_millis(5));
    }
    for number in 0..10 {
        again(number);
    }
    say("harm", &own.harm());
    // The end is the test's: what is recorded must not depend on when.
    wait_for_file(&folder.join("end"));
}

fn leaves(folder: &str) {
    const NOBODY: u32 = 65534;
    event!("lives:left", what: &str = "nothing");
    // SAFETY: the children fire, and end without cleaning up; nobody minds who they are.
    unsafe {
        let child = fork();
        if child == 0 {
            assert_eq!((setgid(NOBODY), setuid(NOBODY)), (0, 0), "root may do that");
            rttng_ust::forget_identity();
            event!("lives:left", what: &str = "root");
            let child = fork();
            if child == 0 {
                event!("lives:left", what: &str = "root before birth");
                _exit(0);
            }
            wait_for(child);
            _exit(0);
        }
        wait_for(child);
        let folder = CString::new(folder).expect("a path");
        assert_eq!(chroot(folder.as_ptr()), 0, "root may do that");
        event!("lives:left", what: &str = "the root folder");
        let child = fork();
        if child == 0 {
            event!("lives:left", what: &str = "a child that finds no daemon");
            _exit(0);
        }
        wait_for(child);
    }
    event!("lives:left", what: &str = "a child behind");
}

fn patient(count: u64, go: &Path) {
    println!("ready");
    wait_for_file(go);
    let (mut fired, mut slow) = (0u64, 0);
    while slow < count {
        let begin = std::time::Instant::now();
        event!("lives:patient", number: u64 = fired);
        fired += 1;
        slow += u64::from(begin.elapsed() >= Duration::from_millis(50));
    }
    println!("{fired} {slow}");
}

fn faults() {
    const SIZE: usize = 8 << 20;
    let mut fresh = Vec::new();
    for number in 0..10u32 {
        event!("lives:faults", number: u32 = number);
        let mut memory: Vec<u8> = Vec::with_capacity(SIZE);
        memory.resize(SIZE, number as u8 + 1);
        fresh.push(std::hint::black_box(memory));
    }
}
