//! All kinds of events of this program or library. Declared ones are found without running code before `main`: each
//! leaves its address in a section of the file, which the linker puts together. Others are added while it runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::class::EventClass;
use crate::sorted::SortedMap;

#[expect(improper_ctypes, reason = "these are addresses that the linker makes; no C code looks at them")]
unsafe extern "C" {
    /// Where the section begins; the linker makes these names of sections that are named like C identifiers.
    #[link_name = "__start_rttng_ust_0_1_classes"]
    static FIRST: ListEntry;
    /// Where it ends.
    #[link_name = "__stop_rttng_ust_0_1_classes"]
    static END: ListEntry;
}

/// What a declared kind of event leaves in the section.
#[doc(hidden)]
#[derive(Debug)]
#[repr(transparent)]
pub struct ListEntry(pub &'static EventClass);

/// Puts a `static` [`EventClass`] on the list of events that session daemons see, whether it is ever fired or not.
#[macro_export]
macro_rules! list_class {
    ($class:path) => {
        const _: () = {
            #[used]
            #[unsafe(link_section = "rttng_ust_0_1_classes")]
            static ENTRY: $crate::ListEntry = $crate::ListEntry(&$class);
        };
    };
}

/// Those that were added while the program runs.
static ADDED: Mutex<Vec<&'static EventClass>> = Mutex::new(Vec::new());

/// Holds it as it is.
pub(crate) fn lock() -> MutexGuard<'static, Vec<&'static EventClass>> {
    ADDED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The declared ones.
fn declared() -> &'static [ListEntry] {
    let (first, end) = (&raw const FIRST, &raw const END);
    // SAFETY: between the two names the linker puts the entries of `list_class`, back to back, and nothing else: each is
    // one pointer. There is at least one, of the state dump, for else the names would not exist.
    unsafe { std::slice::from_raw_parts(first, end.offset_from_unsigned(first)) }
}

/// Adds a kind of event that no `list_class` declared; `false` if it was listed before.
pub(crate) fn add(class: &'static EventClass) -> bool {
    if declared().iter().any(|entry| std::ptr::eq(entry.0, class)) {
        return false;
    }
    let mut added = lock();
    if added.iter().any(|of| std::ptr::eq(*of, class)) {
        return false;
    }
    added.push(class);
    true
}

/// All of them: declared ones, then added ones in the order in which they came.
pub(crate) fn all() -> Vec<&'static EventClass> {
    let added = lock();
    declared().iter().map(|entry| entry.0).chain(added.iter().copied()).collect()
}

/// All of them, those that are fired from several places once.
pub(crate) fn distinct() -> Vec<&'static EventClass> {
    let mut distinct: Vec<&'static EventClass> = Vec::new();
    let mut by_name: SortedMap<&str, Vec<&'static EventClass>> = SortedMap::new();
    for class in all() {
        let same_name = by_name.get_or_insert_with(class.name(), Vec::new);
        if !same_name.iter().any(|of| of.is_same_as(class)) {
            same_name.push(class);
            distinct.push(class);
        }
    }
    distinct
}

/// As [`all`], but without those that were added if somebody is just adding one.
pub(crate) fn try_all() -> Vec<&'static EventClass> {
    let added = ADDED.try_lock().map(|added| added.clone()).unwrap_or_default();
    declared().iter().map(|entry| entry.0).chain(added).collect()
}

/// Puts a kind of event that is made while the program runs on the list, and waits until every session daemon that
/// wants it knows of it, or had its time: from here on it is recorded where a rule matches. A second call does nothing.
pub fn register(class: &'static EventClass) {
    if add(class) {
        crate::tracing::take_up(class);
    }
}

#[cfg(test)]
mod tests {
    /// So that copies of different versions in one program do not take each other's for theirs.
    #[test]
    fn another_version_has_sections_of_its_own() {
        const OF_VERSION: &str =
            concat!(env!("CARGO_PKG_VERSION_MAJOR"), "_", env!("CARGO_PKG_VERSION_MINOR"), "_");
        for source in [include_str!("list.rs"), include_str!("at_load.rs")] {
            let names =
                || source.split("rttng_ust_").skip(1).filter(|name| name.starts_with(char::is_numeric));
            assert!(names().count() >= 3);
            for name in names() {
                assert!(name.starts_with(OF_VERSION), "rttng_ust_{}", &name[..20]);
            }
        }
    }
}
