//! What a started session has in its peers besides objects in applications: its buffers, its trace chunk.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use rttng_wire::consumer::ChannelUsage;
use tokio::sync::{Mutex, watch};

use super::ChannelCounters;
use crate::buffers::{BufferOwner, Buffers};
use crate::chunk::Chunk;
use crate::model::{ChannelId, SessionId};

/// Buffers that are being made (`None`), or that were (`Some(None)`: they could not be).
pub(super) type Slot = watch::Receiver<Option<Option<Rc<Buffers>>>>;

/// What became of the buffers that processes had for themselves and left.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct EndedChannel {
    /// What they lost.
    pub(super) counters: ChannelCounters,
    /// How full they were.
    pub(super) usage: ChannelUsage,
}

/// A session that was started at least once.
pub(crate) struct Run {
    pub(super) session: SessionId,
    /// Held by the one operation on the session that runs. Operations are bounded, so the wait for it is as well.
    pub(super) turn: Mutex<()>,
    /// Held while buffers are made or the chunk is changed: buffers must know the chunk that they are made in.
    pub(super) layout: Mutex<()>,
    pub(super) sets: RefCell<BTreeMap<BufferOwner, Slot>>,
    pub(super) chunk: RefCell<Option<Chunk>>,
    pub(super) next_chunk: Cell<u64>,
    /// Which consumer daemon holds its buffers; one session never spans two.
    pub(super) incarnation: Cell<Option<u64>>,
    /// Whether its consumer daemon has ended, and its trace was made readable since.
    pub(super) mended: watch::Sender<bool>,
    pub(super) statedumps: Cell<u64>,
    /// What became of channels of processes that ended.
    pub(super) ended: RefCell<HashMap<ChannelId, EndedChannel>>,
    retiring: watch::Sender<usize>,
}

impl Run {
    pub(super) fn new(session: SessionId) -> Self {
        Run {
            session,
            turn: Mutex::new(()),
            layout: Mutex::new(()),
            sets: RefCell::default(),
            chunk: RefCell::default(),
            next_chunk: Cell::new(0),
            incarnation: Cell::new(None),
            mended: watch::Sender::new(false),
            statedumps: Cell::new(0),
            ended: RefCell::default(),
            retiring: watch::Sender::new(0),
        }
    }

    /// The buffers that are there, newest owner last.
    pub(super) fn buffers(&self) -> Vec<Rc<Buffers>> {
        self.sets.borrow().values().filter_map(|slot| slot.borrow().clone().flatten()).collect()
    }

    /// Forgets buffers that could not be made, so that the next start tries again.
    pub(super) fn forget_failures(&self) {
        self.sets.borrow_mut().retain(|_, slot| !matches!(*slot.borrow(), Some(None)));
    }

    /// As [`Run::forget_failures`], for one owner.
    pub(super) fn forget_failure_of(&self, owner: BufferOwner) {
        self.sets.borrow_mut().retain(|of, slot| *of != owner || !matches!(*slot.borrow(), Some(None)));
    }

    /// Whether buffers were asked for, and none could be made.
    pub(super) fn has_nothing_to_write_into(&self) -> bool {
        let sets = self.sets.borrow();
        !sets.is_empty() && sets.values().all(|slot| matches!(*slot.borrow(), Some(None)))
    }

    /// Counts clean-up work that is under way, until the guard is dropped.
    pub(super) fn begin_retiring(self: &Rc<Self>) -> Retiring {
        self.retiring.send_modify(|count| *count += 1);
        Retiring(self.clone())
    }

    /// Waits until no clean-up work is under way.
    pub(super) async fn retired(&self) {
        // The sender lives as long as `self`.
        let _ = self.retiring.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// Clean-up work under way.
pub(super) struct Retiring(Rc<Run>);

impl Drop for Retiring {
    fn drop(&mut self) {
        self.0.retiring.send_modify(|count| *count -= 1);
    }
}
