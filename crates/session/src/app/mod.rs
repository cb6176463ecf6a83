//! Applications: how they register, the task that keeps each one in step with the model, the task that answers what it
//! registers (`docs/spec/ust-protocol.md`).
//!
//! An application that hangs, lies or dies costs itself only: it has tasks and sockets of its own, and nobody waits for
//! it longer than its time limit.

mod command;
mod has;
mod listing;
mod notifications;
mod notifiers;
mod notify;
mod pair;
mod register;
mod serve;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::SystemTime;

use rttng_wire::Bitness;
use rttng_wire::ust::{Alignments, Dialect, FieldListEntry, ProcessName, TracepointEntry, TracerVersion};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use command::Pace;
pub(crate) use pair::Registrations;
pub(crate) use register::{accept, register};

use crate::model::ProcessIdentity;

/// Names an application inside one daemon; never reused, unlike process ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppId(pub u64);

/// What a generation is for an application that is gone: it has nothing left to reach.
const GONE: u64 = u64::MAX;

/// A registered application.
#[derive(Debug)]
pub struct Application {
    /// Its number.
    pub id: AppId,
    /// Its process as the kernel knows it.
    pub process: ProcessIdentity,
    /// Its parent, if it told the truth about itself; else 0.
    pub ppid: u32,
    /// Its name, from the registration.
    pub name: ProcessName,
    /// The revision of the protocol that it speaks.
    pub dialect: Dialect,
    /// Its word size.
    pub bitness: Bitness,
    /// How it lays out integers.
    pub alignments: Alignments,
    /// When it registered.
    pub registered: SystemTime,
    tracer: Cell<TracerVersion>,
    reached: watch::Sender<u64>,
    pace: Rc<Pace>,
    asks: mpsc::UnboundedSender<Ask>,
    replaced: Notify,
}

impl Application {
    /// The version of its tracer.
    pub fn tracer(&self) -> TracerVersion {
        self.tracer.get()
    }

    /// Whether it is gone.
    pub(crate) fn is_gone(&self) -> bool {
        *self.reached.borrow() == GONE
    }

    /// Waits until it has reached a generation of the model, or is gone.
    pub(crate) async fn reach(&self, generation: u64) {
        // The sender lives as long as `self`.
        let _ = self.reached.subscribe().wait_for(|reached| *reached >= generation).await;
    }

    /// Whether it has not reached a generation of the model.
    pub(crate) fn behind(&self, generation: u64) -> bool {
        *self.reached.borrow() < generation
    }

    /// Ends its connection.
    pub(crate) fn let_go(&self) {
        self.replaced.notify_one();
    }

    /// Whether it is the application that things wait for, because it answers slowly.
    pub(crate) fn is_crawling(&self) -> bool {
        self.pace.is_crawling()
    }

    /// Asks for its tracepoints; nothing when it is gone.
    pub(crate) async fn tracepoints(&self) -> Vec<TracepointEntry> {
        let (answer, ask) = oneshot::channel();
        if self.asks.send(Ask::Tracepoints(answer)).is_err() {
            return Vec::new();
        }
        ask.await.unwrap_or_default()
    }

    /// Asks for its tracepoints' fields; nothing when it is gone.
    pub(crate) async fn fields(&self) -> Vec<FieldListEntry> {
        let (answer, ask) = oneshot::channel();
        if self.asks.send(Ask::Fields(answer)).is_err() {
            return Vec::new();
        }
        ask.await.unwrap_or_default()
    }
}

/// Something asked of an application besides being in step.
#[derive(Debug)]
enum Ask {
    Tracepoints(oneshot::Sender<Vec<TracepointEntry>>),
    Fields(oneshot::Sender<Vec<FieldListEntry>>),
}

/// The registered applications.
#[derive(Debug, Default)]
pub(crate) struct Applications {
    all: RefCell<BTreeMap<AppId, Rc<Application>>>,
    count: Cell<u64>,
}

impl Applications {
    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<Rc<Application>> {
        self.all.borrow().values().cloned().collect()
    }

    fn fresh_id(&self) -> AppId {
        self.count.set(self.count.get() + 1);
        AppId(self.count.get())
    }

    /// Adds one. There may be others of the same process: a program and a library that it opened, each with a tracer.
    fn add(&self, application: Rc<Application>) {
        self.all.borrow_mut().insert(application.id, application);
    }

    fn remove(&self, id: AppId) {
        self.all.borrow_mut().remove(&id);
    }
}
