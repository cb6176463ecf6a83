//! Whether the tracer begins when the program is loaded: it does, unless the program says that it calls
//! [`start`](crate::start) itself. That is known before `main` because it stands in a section of the file, as the list
//! of events does (`list.rs`).

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

/// Whether the loader is to begin.
pub(crate) fn is_wanted() -> bool {
    let (first, end) = (&raw const FIRST, &raw const END);
    // SAFETY: between the two names the linker puts the entries of `start_by_hand` and the default one, back to back, and
    // nothing else: each is one byte.
    let entries = unsafe { std::slice::from_raw_parts(first, end.offset_from_unsigned(first)) };
    !entries.contains(&StartEntry::ByHand)
}
