//! Who is told when other events are wanted than before: those who keep what they know of it, as the interest that the
//! `tracing` crate keeps for each call site.

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// One for each version of a layer in a program, hardly ever more than one.
static HOOKS: [OnceLock<fn()>; 4] = [const { OnceLock::new() }; 4];

/// Whether there is something to tell.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// Has `hook` called each time after what is enabled ([`EventClass::is_enabled`](crate::EventClass::is_enabled)) has
/// changed, by a thread of the tracer's and before the session daemon is answered. It must neither wait for others nor
/// fire events. `false` if there are too many already.
pub fn on_change(hook: fn()) -> bool {
    HOOKS.iter().any(|place| place.set(hook).is_ok())
}

/// Held while it is told. A fork waits for that: hooks take locks of others, which a child would find taken for ever.
static TELLING: Mutex<()> = Mutex::new(());

/// Keeps hooks from being called; `None` if they are being called, and are not done by then.
pub(crate) fn hold(deadline: Instant) -> Option<MutexGuard<'static, ()>> {
    loop {
        match TELLING.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(guard)) => return Some(guard.into_inner()),
            Err(TryLockError::WouldBlock) if Instant::now() > deadline => return None,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Calls all hooks as if something had changed.
#[doc(hidden)]
pub fn tell_again() {
    note();
    tell();
}

/// Something else is wanted than before. To be told once no lock is held.
pub(crate) fn note() {
    CHANGED.store(true, Ordering::Release);
}

/// Tells it, if there is something to tell.
pub(crate) fn tell() {
    if CHANGED.swap(false, Ordering::AcqRel) {
        let _telling = TELLING.lock().unwrap_or_else(PoisonError::into_inner);
        for hook in HOOKS.iter().filter_map(OnceLock::get) {
            // It is not the tracer's to fail.
            let _ = catch_unwind(hook);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    #[test]
    fn changes_are_told_once_and_to_all() {
        static TOLD: AtomicU32 = AtomicU32::new(0);
        fn count() {
            TOLD.fetch_add(1, Ordering::Relaxed);
        }
        assert!(on_change(|| panic!("a hook that fails")));
        assert!(on_change(count));
        note();
        note();
        tell();
        tell();
        assert_eq!(TOLD.load(Ordering::Relaxed), 1);
        let held = hold(Instant::now());
        assert!(held.is_some() && hold(Instant::now()).is_none());
        drop(held);
        tell_again();
        assert_eq!(TOLD.load(Ordering::Relaxed), 2);
    }
}
