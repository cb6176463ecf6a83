//! From a call site to what is known of it: looked up at every event, so without a lock. A place in the table is written
//! once and stays.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

/// Places of the first table; each further one has twice as many.
const PLACES: usize = 256;
/// Places that are looked at before the next table is.
const PROBES: usize = 8;

/// A table of call sites.
pub(crate) struct Sites<T: 'static> {
    first: OnceLock<Box<Table<T>>>,
}

struct Table<T: 'static> {
    places: Box<[OnceLock<(u64, &'static T)>]>,
    next: OnceLock<Box<Table<T>>>,
}

impl<T> Table<T> {
    fn new(places: usize) -> Box<Self> {
        let places = std::iter::repeat_with(OnceLock::new).take(places).collect();
        Box::new(Table { places, next: OnceLock::new() })
    }

    fn places(&self, hash: u64) -> impl Iterator<Item = &OnceLock<(u64, &'static T)>> {
        let mask = self.places.len() - 1;
        (0..PROBES).map(move |probe| &self.places[(hash as usize).wrapping_add(probe) & mask])
    }
}

impl<T> Sites<T> {
    /// An empty one.
    pub(crate) const fn new() -> Self {
        Sites { first: OnceLock::new() }
    }

    /// The call site of that hash that `is` recognises, if it is known.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(&T) -> bool) -> Option<&'static T> {
        let mut table = self.first.get();
        while let Some(of) = table {
            for place in of.places(hash) {
                match place.get() {
                    Some((found, site)) if *found == hash && is(site) => return Some(site),
                    Some(_) => {}
                    // Places are filled in this order, and never emptied.
                    None => return None,
                }
            }
            table = of.next.get();
        }
        None
    }

    /// The call site of that hash that `is` recognises; `make` makes it when it is not known. What another thread made
    /// in the same moment wins.
    #[cold]
    pub(crate) fn find_or_add(
        &self,
        hash: u64,
        is: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> &'static T {
        let made: &'static T = Box::leak(Box::new(make()));
        let mut table = self.first.get_or_init(|| Table::new(PLACES));
        loop {
            for place in table.places(hash) {
                let (found, site) = *place.get_or_init(|| (hash, made));
                if found == hash && (std::ptr::eq(site, made) || is(site)) {
                    return site;
                }
            }
            table = table.next.get_or_init(|| Table::new(table.places.len() * 2));
        }
    }
}

/// A quick hash of few bytes.
#[inline]
pub(crate) fn hash(of: impl Hash) -> u64 {
    let mut hasher = Folded(0);
    of.hash(&mut hasher);
    // The upper bits are the better ones.
    hasher.0 ^ (hasher.0 >> 32)
}

struct Folded(u64);

impl Folded {
    #[inline]
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Folded {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_ne_bytes(word));
        }
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.add(word as u64);
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.add(word.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_found_again_whatever_their_number_and_hash() {
        static SITES: Sites<u64> = Sites::new();
        // Few hashes: each table is soon full at these places.
        let hash_of = |site: u64| hash(site as usize % 50);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for site in 0..2000 {
                        let found = SITES.find_or_add(hash_of(site), |of| *of == site, || site);
                        assert_eq!(*found, site);
                        let again = SITES.find(hash_of(site), |of| *of == site);
                        assert!(again.is_some_and(|again| std::ptr::eq(again, found)));
                    }
                });
            }
        });
        assert_eq!(SITES.find(hash_of(3), |_| false), None);
    }
}
