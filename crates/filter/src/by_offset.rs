//! What belongs to single offsets of a program's code: skips that lead there, names, instructions that start there.

/// A value for each offset that has one. Code is short, so the list is as long as the code.
#[derive(Debug)]
pub(crate) struct ByOffset<V>(Vec<Option<V>>);

impl<V> ByOffset<V> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn get(&self, offset: usize) -> Option<&V> {
        self.0.get(offset)?.as_ref()
    }

    /// Gives back what was there.
    pub(crate) fn insert(&mut self, offset: usize, value: V) -> Option<V> {
        if offset >= self.0.len() {
            self.0.resize_with(offset + 1, || None);
        }
        self.0[offset].replace(value)
    }

    pub(crate) fn remove(&mut self, offset: usize) -> Option<V> {
        self.0.get_mut(offset)?.take()
    }

    /// The first offset that has a value.
    pub(crate) fn first(&self) -> Option<usize> {
        self.0.iter().position(Option::is_some)
    }
}
