//! Connections that have not said yet what they are for, oldest first.
//!
//! An idle connection is normal (`docs/spec/client-protocol.md`, section 16, trap 11). But places are limited: when too
//! many say nothing, one has to go, so that nobody can shut all others out by saying nothing. It is the oldest of the
//! user who has the most of them: one user's crowd does not push another user's newcomer out.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use tokio::sync::Notify;

/// The connections that have not said what they want.
#[derive(Debug)]
pub(crate) struct Undecided {
    most: usize,
    count: Cell<u64>,
    waiting: RefCell<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    total: usize,
    /// By user, then by age.
    crowds: HashMap<u32, BTreeMap<u64, Rc<Notify>>>,
}

impl Waiting {
    fn remove(&mut self, uid: u32, number: u64) -> Option<Rc<Notify>> {
        let crowd = self.crowds.get_mut(&uid)?;
        let removed = crowd.remove(&number)?;
        if crowd.is_empty() {
            self.crowds.remove(&uid);
        }
        self.total -= 1;
        Some(removed)
    }

    fn oldest_of_the_largest_crowd(&self) -> Option<(u32, u64)> {
        let (uid, crowd) = self.crowds.iter().max_by_key(|(_, crowd)| crowd.len())?;
        Some((*uid, *crowd.first_key_value()?.0))
    }
}

impl Undecided {
    /// Room for `most` connections; further ones push others out.
    pub(crate) fn new(most: usize) -> Rc<Self> {
        Rc::new(Undecided { most, count: Cell::new(0), waiting: RefCell::default() })
    }

    /// Takes a connection of a user in, for as long as the returned place lives.
    pub(crate) fn enter(self: &Rc<Self>, uid: u32) -> Place {
        let number = self.count.get();
        self.count.set(number + 1);
        let pushed_out = Rc::new(Notify::new());
        let mut waiting = self.waiting.borrow_mut();
        waiting.crowds.entry(uid).or_default().insert(number, pushed_out.clone());
        waiting.total += 1;
        if waiting.total > self.most
            && let Some((uid, number)) = waiting.oldest_of_the_largest_crowd()
            && let Some(unlucky) = waiting.remove(uid, number)
        {
            unlucky.notify_one();
        }
        Place { of: self.clone(), uid, number, pushed_out }
    }
}

/// A connection's place among the undecided.
#[derive(Debug)]
pub(crate) struct Place {
    of: Rc<Undecided>,
    uid: u32,
    number: u64,
    pushed_out: Rc<Notify>,
}

impl Place {
    /// Waits until too many others came after it.
    pub(crate) async fn pushed_out(&self) {
        self.pushed_out.notified().await;
    }

    /// Is notified when too many others came after it; may outlive the place.
    pub(crate) fn notice(&self) -> Rc<Notify> {
        self.pushed_out.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.of.waiting.borrow_mut().remove(self.uid, self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MOST: usize = 8;

    async fn is_pushed_out(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(1), place.pushed_out()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_has_to_go_and_nobody_else() {
        let undecided = Undecided::new(MOST);
        let first = undecided.enter(1000);
        let second = undecided.enter(1000);
        let mut later: Vec<_> = (2..MOST).map(|_| undecided.enter(1000)).collect();
        assert!(!is_pushed_out(&first).await);
        // A place that is left is free again.
        drop(later.pop());
        later.push(undecided.enter(1000));
        assert!(!is_pushed_out(&first).await);
        later.push(undecided.enter(1000));
        assert!(is_pushed_out(&first).await);
        assert!(!is_pushed_out(&second).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_one_user_leaves_others_alone() {
        let undecided = Undecided::new(MOST);
        let other = undecided.enter(0);
        let crowd: Vec<_> = (0..10 * MOST).map(|_| undecided.enter(1000)).collect();
        assert!(!is_pushed_out(&other).await);
        assert!(is_pushed_out(&crowd[0]).await);
        assert!(!is_pushed_out(&crowd[10 * MOST - 1]).await);
    }
}
