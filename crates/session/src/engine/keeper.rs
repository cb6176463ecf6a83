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

use tokio::time::Instant;

use super::Core;
use crate::buffers::Buffers;
use crate::registry::RegistryId;

/// How long to gather, before each text.
const GATHER: Duration = Duration::from_millis(100);

/// How long an application may be kept waiting for the consumer daemon, and how long none is kept waiting after that was
/// not enough: a consumer daemon that hangs must not slow applications down.
const PATIENCE: Duration = Duration::from_millis(50);
const IMPATIENCE: Duration = Duration::from_secs(2);

/// Registries that have text to send.
#[derive(Default)]
pub(crate) struct Keeper {
    unsent: RefCell<BTreeMap<RegistryId, Weak<Buffers>>>,
    at_work: Cell<bool>,
    /// When the consumer daemon was last too slow to be waited for.
    slow_at: Cell<Option<Instant>>,
}

impl Core {
    /// Has what was registered with some buffers kept, so that no event can be in the trace whose description is not,
    /// even if this daemon is killed the next moment. With the real consumer daemon that takes too long to wait for it.
    pub(crate) async fn keep_metadata(self: &Rc<Self>, buffers: &Rc<Buffers>) {
        // Most applications register what others have registered before.
        if buffers.sending.try_lock().is_ok() && buffers.registry.borrow().unsent(1).is_none() {
            return;
        }
        let current = self.consumer.current().filter(|of| of.number() == buffers.incarnation);
        let is_slow = self.keeper.slow_at.get().is_some_and(|at| at.elapsed() < IMPATIENCE);
        if is_slow || !current.is_some_and(|of| of.is_ours()) {
            return self.metadata_grew(buffers);
        }
        let keep = async {
            let _alone = buffers.sending.lock().await;
            if buffers.registry.borrow().unsent(1).is_some() {
                self.push_as_it_is(buffers).await;
            }
        };
        if tokio::time::timeout(PATIENCE, keep).await.is_err() {
            self.keeper.slow_at.set(Some(Instant::now()));
            self.metadata_grew(buffers);
        }
    }

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
