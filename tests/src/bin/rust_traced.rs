//! A program that traces itself with `rttng-ust`, for the tests of the Rust tracer. Its first argument says what it does:
//!
//! * `ticks COUNT [THREADS]`: so many events in each thread, all threads from the same moment on; prints their sum.
//! * `types`: one event with a field of every type.
//! * `idle FILE`: fires an event each 10 ms until that file exists; prints `ready` first, and writes how many there were
//!   into `FILE.progress`.
//! * `fork`: fires an event, forks, fires one in the child and one more in the parent.
//! * `pure`: fires events in a thread that may make no system call and that counts what it allocates; prints that.
//! * `verdicts FILE`: what `tests/programs/verdicts` does, with the same file.
//! * `late`: registers a kind of event while it runs and fires it.

use std::io::Write as _;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rttng_ust::{EventClass, Field, Value, event, provide_app_context, record, register};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: u64| arguments.get(at).map_or(default, |text| text.parse().expect("a number"));
    match arguments.first().map(String::as_str) {
        Some("ticks") => ticks(number(1, 10), number(2, 1)),
        Some("types") => types(),
        Some("idle") => idle(arguments.get(1).expect("a file")),
        Some("fork") => fork(),
        Some("pure") => pure(),
        Some("late") => late(),
        Some("verdicts") => verdicts(arguments.get(1).expect("a file")),
        other => panic!("no such part: {other:?}"),
    }
}

fn ticks(count: u64, threads: u64) {
    let start = Barrier::new(threads as usize);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for number in 0..count {
                    event!("rust:tick", thread: u64 = thread, number: u64 = number, text: &str = "eleven byte");
                }
            });
        }
    });
    println!("{}", count * threads);
}

#[derive(Clone, Copy, rttng_ust::Value)]
enum Colour {
    Red = 1,
    Green = 2,
}

#[derive(rttng_ust::Value)]
struct Request {
    path: &'static str,
    size: u16,
}

fn types() {
    provide_app_context("shop", "customer", Some(|value| value.text("ada")));
    event!(
        "rust:types",
        level = WARNING,
        uri = "http://example.org/model",
        small: i8 = -3,
        large: u64 = u64::MAX,
        hex: rttng_ust::Hex<u32> = rttng_ust::Hex(0xbeef),
        network: rttng_ust::NetworkOrder<u16> = rttng_ust::NetworkOrder(80),
        half: f32 = 0.5,
        third: f64 = -0.25,
        yes: bool = true,
        letter: char = 'é',
        text: &str = "hello",
        array: [i16; 3] = [-1, 2, 300],
        bytes: rttng_ust::Bytes<'_> = rttng_ust::Bytes(&[0xca, 0xfe]),
        slice: &[u32] = &[7, 8][..],
        some: Option<u32> = Some(5),
        none: Option<&str> = None,
        colour: Colour = Colour::Green,
        request: Request = Request { path: "/index", size: 512 },
        last: u8 = 99,
    );
    event!("rust:bare", level = ERR);
    event!("rust:red", colour: Colour = Colour::Red);
    event!(
        "rust:many",
        f00: u8 = 0, f01: u8 = 1, f02: u8 = 2, f03: u8 = 3, f04: u8 = 4, f05: u8 = 5, f06: u8 = 6,
        f07: u8 = 7, f08: u8 = 8, f09: u8 = 9, f10: u8 = 10, f11: u8 = 11, f12: u8 = 12, f13: u8 = 13,
        f14: u8 = 14, f15: u8 = 15, f16: u8 = 16, f17: u8 = 17, f18: u8 = 18, f19: u8 = 19, f20: u8 = 20,
        f21: u8 = 21, f22: u8 = 22, f23: u8 = 23, f24: u8 = 24, f25: u8 = 25, f26: u8 = 26, f27: u8 = 27,
        f28: u8 = 28, f29: u8 = 29, f30: u8 = 30, f31: u8 = 31, f32: u8 = 32, f33: u8 = 33, f34: u8 = 34,
        f35: u8 = 35, f36: u8 = 36, f37: u8 = 37, f38: u8 = 38, f39: u8 = 39, f40: u8 = 40, f41: u8 = 41,
        f42: u8 = 42, f43: u8 = 43, f44: u8 = 44, f45: u8 = 45, f46: u8 = 46, f47: u8 = 47, f48: u8 = 48,
        f49: u8 = 49, f50: u8 = 50, f51: u8 = 51, f52: u8 = 52, f53: u8 = 53, f54: u8 = 54, f55: u8 = 55,
        f56: u8 = 56, f57: u8 = 57, f58: u8 = 58, f59: u8 = 59, f60: u8 = 60, f61: u8 = 61, f62: u8 = 62,
        f63: u8 = 63, f64: u8 = 64, f65: u8 = 65, f66: u8 = 66, f67: u8 = 67, f68: u8 = 68, f69: u8 = 69
    );
}

fn idle(end: &str) {
    println!("ready");
    std::io::stdout().flush().expect("standard output");
    let mut number = 0u64;
    while !std::path::Path::new(end).exists() {
        event!("rust:idle", number: u64 = number);
        event!("rust:severe", level = ERR, number: u64 = number);
        event!("rust:never", level = DEBUG, if_ever: u8 = 0, values: &[i32] = &[1][..]);
        number += 1;
        let written = format!("{end}.written");
        std::fs::write(&written, number.to_string()).expect("a folder that can be written");
        std::fs::rename(&written, format!("{end}.progress")).expect("a folder that can be written");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Forks with the C library's `fork`, which is what runs the tracer's part of it.
#[expect(unsafe_code, reason = "forking is what is tested")]
fn fork() {
    unsafe extern "C" {
        fn fork() -> i32;
        fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    }
    event!("rust:fork", who: &str = "parent before");
    // SAFETY: there is one thread beside the tracer's, and the child does nothing that another one could hold up.
    let child = unsafe { fork() };
    assert!(child >= 0, "fork failed");
    if child == 0 {
        event!("rust:fork", who: &str = "child");
        std::process::exit(0);
    }
    // SAFETY: a null status is allowed.
    unsafe { waitpid(child, std::ptr::null_mut(), 0) };
    event!("rust:fork", who: &str = "parent after");
}

fn late() {
    let fields: &'static [Field] = Box::leak(Box::new([Field::new("number", <u64 as Value>::TYPE)]));
    for name in ["rust:late_one", "rust:late_two"] {
        let class: &'static EventClass = Box::leak(Box::new(EventClass::new(name, fields)));
        register(class);
        record(class, &(1u64,));
    }
}

/// Fires 256 events for each turn of values in a file.
fn verdicts(file: &str) {
    fn of<T: Value>(name: &'static str) -> Field {
        Field::new(name, T::TYPE)
    }
    let fields: &'static [Field] = Box::leak(Box::new([
        of::<u32>("turn"),
        of::<i8>("i8"),
        of::<u8>("u8"),
        of::<i16>("i16"),
        of::<u16>("u16"),
        of::<i32>("i32"),
        of::<u32>("u32"),
        of::<i64>("i64"),
        of::<u64>("u64"),
        of::<f32>("f"),
        of::<f64>("d"),
        of::<&str>("s"),
        of::<&str>("s2"),
        of::<[i32; 4]>("ia"),
        of::<&[i32]>("sq"),
        of::<&[u16]>("uq"),
    ]));
    let classes: Vec<&'static EventClass> = (0..256)
        .map(|number| &*Box::leak(format!("rttng_verdicts:e{number:02x}").into_boxed_str()))
        .map(|name| &*Box::leak(Box::new(EventClass::new(name, fields))))
        .inspect(|class| register(class))
        .collect();
    let text = std::fs::read_to_string(file).expect("a file of turns");
    let mut words = text.split_whitespace();
    let mut word = || words.next().expect("a whole turn");
    fn number(word: &str) -> u64 {
        u64::from_str_radix(word, 16).expect("a number")
    }
    fn bytes(word: &str) -> Vec<u8> {
        let digits = &word[1..];
        (0..digits.len()).step_by(2).map(|at| number(&digits[at..at + 2]) as u8).collect()
    }
    for turn in 0..number(word()) as u32 {
        let integers: [u64; 8] = std::array::from_fn(|_| number(word()));
        let (f, d) = (f32::from_bits(number(word()) as u32), f64::from_bits(number(word())));
        let (s, s2) = (bytes(word()), bytes(word()));
        let ia: [i32; 4] = std::array::from_fn(|_| number(word()) as i32);
        let sq: Vec<i32> = (0..number(word())).map(|_| number(word()) as i32).collect();
        let uq: Vec<u16> = (0..number(word())).map(|_| number(word()) as u16).collect();
        let values = (
            turn,
            integers[0] as i8,
            integers[1] as u8,
            integers[2] as i16,
            integers[3] as u16,
            integers[4] as i32,
            integers[5] as u32,
            integers[6] as i64,
            integers[7],
            f,
            d,
            rttng_ust::Text(&s),
            rttng_ust::Text(&s2),
            ia,
            &sq[..],
            &uq[..],
        );
        for class in &classes {
            if class.is_enabled() {
                record(class, &values);
            }
        }
    }
}

/// Counts allocations of all threads.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "counting allocations is what is tested")]
// SAFETY: everything is handed on to the system's allocator.
unsafe impl std::alloc::GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: std::alloc::Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { std::alloc::System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: std::alloc::Layout) {
        // SAFETY: as the caller promises.
        unsafe { std::alloc::System.dealloc(memory, layout) }
    }
}

/// From here on the kernel ends the process when this thread makes any system call.
#[expect(unsafe_code, reason = "there is no safe form of it")]
fn forbid_system_calls() {
    #[repr(C)]
    struct Instruction {
        code: u16,
        jump_true: u8,
        jump_false: u8,
        k: u32,
    }
    #[repr(C)]
    struct Program {
        len: u16,
        instructions: *const Instruction,
    }
    unsafe extern "C" {
        fn prctl(option: i32, ...) -> i32;
    }
    const PR_SET_NO_NEW_PRIVS: i32 = 38;
    const PR_SET_SECCOMP: i32 = 22;
    const SECCOMP_MODE_FILTER: u64 = 2;
    const RETURN: u16 = 6;
    const KILL_PROCESS: u32 = 0x8000_0000;
    let kill = Instruction { code: RETURN, jump_true: 0, jump_false: 0, k: KILL_PROCESS };
    let program = Program { len: 1, instructions: &kill };
    // SAFETY: a program of one instruction, which the kernel copies.
    unsafe {
        assert_eq!(prctl(PR_SET_NO_NEW_PRIVS, 1u64, 0u64, 0u64, 0u64), 0);
        assert_eq!(
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &raw const program),
            0,
            "a kernel with seccomp"
        );
    }
}

/// A thread that may make no system call fires events. (Waking the consumer daemon is one, for each whole sub-buffer:
/// there are too few events here.)
fn pure() {
    static ALLOCATED: AtomicU64 = AtomicU64::new(u64::MAX);
    std::thread::spawn(|| {
        event!("rust:pure", number: u64 = 0, text: &str = "the first");
        forbid_system_calls();
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for number in 1..100u64 {
            event!("rust:pure", number: u64 = number, text: &str = "one of them");
        }
        ALLOCATED.store(ALLOCATIONS.load(Ordering::Relaxed) - before, Ordering::Relaxed);
        // Even ending the thread would be a system call too many.
        loop {
            std::hint::spin_loop();
        }
    });
    // This thread allocates nothing meanwhile.
    while ALLOCATED.load(Ordering::Relaxed) == u64::MAX {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{}", ALLOCATED.load(Ordering::Relaxed));
}
