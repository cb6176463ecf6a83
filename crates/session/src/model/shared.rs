//! The model as the daemon's tasks share it: edited in one place, with a bell that rings for those who follow it.
//!
//! All tasks run on one thread, so a borrow is enough; it must never be held across an await (the closures that
//! [`SharedModel::read`] and [`SharedModel::edit`] take see to that).

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::watch;

use super::Model;

/// The model and its bell.
#[derive(Debug, Clone)]
pub struct SharedModel {
    model: Rc<RefCell<Model>>,
    bell: Rc<watch::Sender<u64>>,
}

impl Default for SharedModel {
    fn default() -> Self {
        SharedModel { model: Rc::default(), bell: Rc::new(watch::Sender::new(0)) }
    }
}

impl SharedModel {
    /// Looks at the model.
    pub fn read<T>(&self, look: impl FnOnce(&Model) -> T) -> T {
        look(&self.model.borrow())
    }

    /// Edits the model and rings the bell: every peer's task then brings its peer in step.
    pub fn edit<T>(&self, edit: impl FnOnce(&mut Model) -> T) -> T {
        let mut model = self.model.borrow_mut();
        let outcome = edit(&mut model);
        let generation = model.touch();
        drop(model);
        self.bell.send_replace(generation);
        outcome
    }

    /// The model's generation, to be told of each new one.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_edit_rings() {
        let model = SharedModel::default();
        let mut bell = model.follow();
        assert!(!bell.has_changed().unwrap());
        model.edit(|model| model.fresh_object());
        assert!(bell.has_changed().unwrap());
        assert_eq!(*bell.borrow_and_update(), model.read(Model::generation));
    }
}
