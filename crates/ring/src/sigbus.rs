//! Survival when a file shrinks under its mapping: an access past the new end raises SIGBUS, and the handler here puts
//! a page of zeros in the place of the vanished one and marks the mapping damaged, so that the access goes through
//! and its owner learns of it (`docs/spec/ring-buffer.md`, section 17).
//!
//! Only mappings registered by a [`Guard`] are treated so; any other SIGBUS goes to whoever handled it before.
//! What runs in the handler allocates nothing and takes no lock: it walks a list of slots that only ever grows.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

use rustix::mm::{MapFlags, ProtFlags};

const SIGBUS: i32 = 7;
const SA_SIGINFO: i32 = 4;
const SA_ONSTACK: i32 = 0x0800_0000;
const SLOTS: usize = 512;

/// A watched address range; a start of 0 means that the slot is free.
struct Slot {
    start: AtomicUsize,
    end: AtomicUsize,
    damaged: AtomicBool,
}

/// A block of slots; blocks are never freed.
struct Block {
    slots: [Slot; SLOTS],
    next: AtomicPtr<Block>,
}

impl Block {
    const fn new() -> Self {
        Block {
            slots: [const {
                Slot { start: AtomicUsize::new(0), end: AtomicUsize::new(0), damaged: AtomicBool::new(false) }
            }; SLOTS],
            next: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    fn next(&self) -> Option<&'static Block> {
        // SAFETY: null, or a block that was leaked before it was published.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }
}

static FIRST: Block = Block::new();
/// Held to take or free a slot; never in the handler.
static REGISTRATION: Mutex<()> = Mutex::new(());

/// `struct sigaction` of glibc and musl on 64-bit Linux.
#[repr(C)]
struct SigAction {
    handler: usize,
    mask: [u64; 16],
    flags: i32,
    restorer: usize,
}

unsafe extern "C" {
    fn sigaction(signal: i32, new: *const SigAction, old: *mut SigAction) -> i32;
}

/// What handled SIGBUS before us; written once, before the handler is installed.
static mut PREVIOUS: SigAction = SigAction { handler: 0, mask: [0; 16], flags: 0, restorer: 0 };

/// Watches a mapping for as long as it lives.
#[derive(Debug)]
pub(crate) struct Guard {
    slot: &'static Slot,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#x}", self.start.load(Ordering::Relaxed))
    }
}

impl Guard {
    /// Watches `size` bytes from `address`.
    pub(crate) fn new(address: usize, size: usize) -> Self {
        install();
        let _registration = REGISTRATION.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut block = &FIRST;
        let slot = loop {
            if let Some(slot) = block.slots.iter().find(|slot| slot.start.load(Ordering::Relaxed) == 0) {
                break slot;
            }
            block = block.next().unwrap_or_else(|| {
                let fresh: &'static Block = Box::leak(Box::new(Block::new()));
                block.next.store(std::ptr::from_ref(fresh).cast_mut(), Ordering::Release);
                fresh
            });
        };
        slot.damaged.store(false, Ordering::Relaxed);
        slot.end.store(address + size, Ordering::Relaxed);
        slot.start.store(address, Ordering::Release);
        Guard { slot }
    }

    /// Whether a page of the mapping vanished.
    pub(crate) fn is_damaged(&self) -> bool {
        self.slot.damaged.load(Ordering::Relaxed)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _registration = REGISTRATION.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.slot.start.store(0, Ordering::Release);
    }
}

fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let handler: extern "C" fn(i32, *const u8, *mut u8) = on_sigbus;
        let action = SigAction {
            handler: handler as usize,
            mask: [0; 16],
            flags: SA_SIGINFO | SA_ONSTACK,
            restorer: 0,
        };
        // SAFETY: both structures have the C library's layout; PREVIOUS is written here only, and read by the handler,
        // which runs no earlier than this call.
        unsafe { sigaction(SIGBUS, &action, &raw mut PREVIOUS) };
    });
}

extern "C" fn on_sigbus(signal: i32, info: *const u8, context: *mut u8) {
    // SAFETY: the kernel passes a siginfo_t, whose si_addr is at offset 16 on 64-bit Linux.
    let address = unsafe { info.add(16).cast::<usize>().read_unaligned() };
    let mut block = Some(&FIRST);
    while let Some(slots) = block {
        for slot in &slots.slots {
            let start = slot.start.load(Ordering::Acquire);
            let end = slot.end.load(Ordering::Relaxed);
            if start != 0 && (start..end).contains(&address) {
                slot.damaged.store(true, Ordering::Relaxed);
                if put_zeros(address) {
                    return;
                }
            }
        }
        block = slots.next();
    }
    // Not ours: put back who was there before. If that is the default the access is repeated and ends the process, as
    // it would have without us; a handler is called at once.
    // SAFETY: see `install`; the handler's type is told by SA_SIGINFO.
    unsafe {
        let previous = &raw const PREVIOUS;
        if (*previous).handler > 1 && (*previous).flags & SA_SIGINFO != 0 {
            let handler: extern "C" fn(i32, *const u8, *mut u8) = std::mem::transmute((*previous).handler);
            handler(signal, info, context);
            // The runtime's handler resets the signal to its default for addresses that it does not know, which is what
            // has to happen here.
        } else if (*previous).handler > 1 {
            let handler: extern "C" fn(i32) = std::mem::transmute((*previous).handler);
            handler(signal);
        } else {
            sigaction(SIGBUS, previous, std::ptr::null_mut());
        }
    }
}

/// Maps zeros over the page of `address`.
fn put_zeros(address: usize) -> bool {
    // Larger pages exist, but a mapping of files has pages of the base size; 4096 divides all of them, and where the
    // base page is larger the kernel refuses an address that is not at its start, so try upwards.
    for page in [4096usize, 16384, 65536] {
        let start = address & !(page - 1);
        // SAFETY: replaces a page of a registered mapping, whose owner accesses it only through atomics and volatile
        // accesses. The call is a bare system call, fit for a signal handler.
        let mapped = unsafe {
            rustix::mm::mmap_anonymous(
                start as *mut _,
                page,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::FIXED,
            )
        };
        if mapped.is_ok() {
            return true;
        }
    }
    false
}
