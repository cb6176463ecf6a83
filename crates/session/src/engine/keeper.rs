//! Sends metadata to the consumer daemon soon after it was composed, without being asked.
//!
//! The real session daemon waits for a stop or the application's end, so that what it knows is lost when it is killed,
//! and a running trace cannot be read (`docs/spec/trace-output.md`, section 15.2). The consumer daemon takes its time for
//! each text (up to 0.2 s, in which it takes no other command), so texts are gathered for a moment and sent one at a time,
//! with room for other commands between them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use super::Core;
use crate::buffers::Buffers;
use crate::registry::RegistryId;

/// How long to gather, before each text.
const GATHER: Duration = Duration::from_millis(100);

/// Registries that have text to send.
#[derive(Default)]
pub(crate) struct Keeper {
    unsent: RefCell<BTreeMap<RegistryId, Weak<Buffers>>>,
    at_work: Cell<bool>,
}

impl Core {
    /// Notes that something was registered with some buffers.
    pub(crate) fn metadata_grew(self: &Rc<Self>, buffers: &Rc<Buffers>) {
        let id = buffers.registry.borrow().id();
        self.keeper.unsent.borrow_mut().insert(id, Rc::downgrade(buffers));
        if self.keeper.at_work.replace(true) {
            return;
        }
        let core = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(GATHER).await;
                let Some(core) = core.upgrade() else { return };
                let next = core.keeper.unsent.borrow_mut().pop_first();
                match next {
                    Some((_, buffers)) => {
                        if let Some(buffers) = buffers.upgrade() {
                            core.push_as_it_is(&buffers).await;
                        }
                    }
                    None => {
                        core.keeper.at_work.set(false);
                        return;
                    }
                }
            }
        });
    }
}
