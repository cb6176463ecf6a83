//! What `tracing` remembers of call sites, kept in step with what sessions want: one that nobody wants is not asked about
//! again, which makes it as cheap as `tracing` knows how to.
//!
//! Sessions change rules: the tracer says so, and all call sites are asked about anew. And call sites become known: what
//! fields one has is learnt from its first event, after `tracing` has asked. So when call sites that nobody wants were
//! asked about many times since one was learnt, they are all asked about anew, too.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing_core::callsite::rebuild_interest_cache;

/// Questions in vain that are cheaper than asking about all call sites anew.
const MANY: u32 = 1000;

/// Call sites that are known.
static LEARNT: AtomicU32 = AtomicU32::new(0);
/// How many were when all were last asked about.
static REMEMBERED: AtomicU32 = AtomicU32::new(0);
/// Questions in vain since.
static IN_VAIN: AtomicU32 = AtomicU32::new(0);

/// From now on, changes of what sessions want reach `tracing`.
pub(crate) fn follow_changes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let followed = rttng_ust::on_change(rebuild_interest_cache);
        // There is room for some versions of this crate in a program.
        assert!(followed, "too many versions of rttng-ust-tracing in one program");
    });
}

/// A call site more is known.
pub(crate) fn learnt_one() {
    LEARNT.fetch_add(1, Ordering::Relaxed);
}

/// A call site was asked about that is known, and that nobody wants.
#[inline]
pub(crate) fn asked_in_vain() {
    // Beside other layers, which want what this one does not, that goes on for ever.
    if REMEMBERED.load(Ordering::Relaxed) < LEARNT.load(Ordering::Relaxed)
        && IN_VAIN.fetch_add(1, Ordering::Relaxed) == MANY
    {
        remember();
    }
}

/// Has all call sites asked about anew; by another thread, for this one is in the middle of a question.
#[cold]
fn remember() {
    REMEMBERED.store(LEARNT.load(Ordering::Relaxed), Ordering::Relaxed);
    let ask = || {
        rttng_ust::tell_again();
        IN_VAIN.store(0, Ordering::Relaxed);
    };
    // Without a thread, `tracing` keeps on asking until something else changes.
    let _ = std::thread::Builder::new().name("lttng-interest".to_owned()).spawn(ask);
}
