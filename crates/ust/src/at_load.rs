//! Whether the tracer begins when the program is loaded: it does, unless the program says that it calls
//! [`start`](crate::start) itself. That is known before `main` because it stands in a section of the file, as the list
//! of events does (`list.rs`).

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

unsafe extern "C" {
    #[link_name = "__start_rttng_ust_0_1_starts"]
    static FIRST: StartEntry;
    #[link_name = "__stop_rttng_ust_0_1_starts"]
    static END: StartEntry;
}

/// Who begins tracing.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum StartEntry {
    /// The loader.
    AtLoad = 0,
    /// The program.
    ByHand = 1,
}

/// There is always one entry, for else the linker would make no names.
#[used]
#[unsafe(link_section = "rttng_ust_0_1_starts")]
static DEFAULT: StartEntry = StartEntry::AtLoad;

/// Leaves it to the program to begin tracing, with [`start`](crate::start): for programs that are traced in some of
/// their roles only, as one that is a session daemon in others. Written once, outside of functions.
///
/// ```
/// rttng_ust::start_by_hand!();
///
/// fn main() {
///     if std::env::args().any(|word| word == "--traced") {
///         rttng_ust::start();
///     }
/// }
/// ```
#[macro_export]
macro_rules! start_by_hand {
    () => {
        const _: () = {
            #[used]
            #[unsafe(link_section = "rttng_ust_0_1_starts")]
            static ENTRY: $crate::StartEntry = $crate::StartEntry::ByHand;
        };
    };
}

/// Keeps the library that the tracer is in loaded from here on, if it is in one: its threads run code of it, `fork` calls
/// into it, and sessions refer to its events. After `dlclose` and another `dlopen` everything is as it was.
pub(crate) fn stay_loaded() {
    /// `Dl_info`.
    #[repr(C)]
    struct Info {
        file: *const c_char,
        base: *mut c_void,
        symbol: *const c_char,
        address: *mut c_void,
    }
    unsafe extern "C" {
        fn dladdr(address: *const c_void, info: *mut Info) -> i32;
        fn dlopen(file: *const c_char, flags: i32) -> *mut c_void;
        fn getauxval(kind: u64) -> usize;
    }
    const AT_PHDR: u64 = 3;
    const RTLD_LAZY: i32 = 1;
    const RTLD_NOLOAD: i32 = 4;
    const RTLD_NODELETE: i32 = 0x1000;
    let find = |address: *const c_void| {
        let mut info = Info { file: null(), base: null_mut(), symbol: null(), address: null_mut() };
        // SAFETY: any address may be asked for; what is found lives as long as what is loaded there.
        (unsafe { dladdr(address, &mut info) } != 0).then_some(info)
    };
    let Some(here) = find((&raw const DEFAULT).cast()) else { return };
    // SAFETY: any number may be asked for.
    let program = find(std::ptr::with_exposed_provenance(unsafe { getauxval(AT_PHDR) }));
    if program.is_none_or(|program| program.base != here.base) && !here.file.is_null() {
        // SAFETY: the name is text that the loader keeps. The handle is never given back, which alone would do, too.
        unsafe { dlopen(here.file, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) };
    }
}

/// Whether the loader is to begin.
pub(crate) fn is_wanted() -> bool {
    let (first, end) = (&raw const FIRST, &raw const END);
    // SAFETY: between the two names the linker puts the entries of `start_by_hand` and the default one, back to back, and
    // nothing else: each is one byte.
    let entries = unsafe { std::slice::from_raw_parts(first, end.offset_from_unsigned(first)) };
    !entries.contains(&StartEntry::ByHand)
}
