//! Connections on which no whole request has come yet, oldest first.
//!
//! An idle connection is normal (`docs/spec/client-protocol.md`, section 16, trap 11) and may be as old as it likes. But
//! places are limited: when too many say nothing, the oldest has to go, so that nobody can shut all others out by
//! saying nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use tokio::sync::Notify;

/// Further ones push the oldest out. Well below the number of connections that are served at once.
const MOST: usize = 256;

/// The connections that have not said what they want.
#[derive(Debug, Default)]
pub(super) struct Undecided {
    waiting: RefCell<BTreeMap<u64, Rc<Notify>>>,
    count: Cell<u64>,
}

impl Undecided {
    /// Takes a connection in, for as long as the returned place lives.
    pub(super) fn enter(&self) -> Place<'_> {
        let number = self.count.get();
        self.count.set(number + 1);
        let pushed_out = Rc::new(Notify::new());
        let mut waiting = self.waiting.borrow_mut();
        waiting.insert(number, pushed_out.clone());
        if waiting.len() > MOST
            && let Some((_, oldest)) = waiting.pop_first()
        {
            oldest.notify_one();
        }
        Place { of: self, number, pushed_out }
    }
}

/// A connection's place among the undecided.
#[derive(Debug)]
pub(super) struct Place<'a> {
    of: &'a Undecided,
    number: u64,
    pushed_out: Rc<Notify>,
}

impl Place<'_> {
    /// Waits until too many others came after it.
    pub(super) async fn pushed_out(&self) {
        self.pushed_out.notified().await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.of.waiting.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn is_pushed_out(place: &Place<'_>) -> bool {
        tokio::time::timeout(Duration::from_millis(1), place.pushed_out()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_has_to_go_and_nobody_else() {
        let undecided = Undecided::default();
        let first = undecided.enter();
        let second = undecided.enter();
        let mut later: Vec<_> = (2..MOST).map(|_| undecided.enter()).collect();
        assert!(!is_pushed_out(&first).await);
        // A place that is left is free again.
        drop(later.pop());
        later.push(undecided.enter());
        assert!(!is_pushed_out(&first).await);
        later.push(undecided.enter());
        assert!(is_pushed_out(&first).await);
        assert!(!is_pushed_out(&second).await);
    }
}
