//! The engine: what client commands call so that applications and the consumer daemon do what the model says.
//!
//! Every operation is bounded: it waits for applications and for the consumer daemon, each of which has its time limit,
//! and goes on without those that hang. One operation runs at a time per session; sessions do not wait for each other.

mod keeper;
mod make_buffers;
mod operations;
mod queries;
mod run;
mod salvage;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::Duration;

use rttng_wire::client::ErrorCode;
use rttng_wire::consumer::ChannelKey;
use tokio::net::UnixListener;
use tokio::time::Instant;
use tracing::{debug, warn};

pub use queries::{ChannelCounters, ListedField, ListedTracepoint};

use crate::app::{self, Application, Applications, Registrations};
use crate::buffers::{BufferOwner, Buffers};
use crate::consumer::Consumer;
use crate::link::AnyLink;
use crate::model::{BufferOwnership, ProcessIdentity, Session, SessionId, SharedModel};
use crate::registry::RegistryId;
use crate::trigger::{LiveTrigger, LiveTriggers, Occurrence, Samples};
use crate::world::World;
use run::{Run, Slot};

/// How much later than an application's own limit it is left behind.
const GRACE: Duration = Duration::from_millis(250);

/// What the engine's tasks share.
pub(crate) struct Core {
    pub(crate) world: World,
    pub(crate) model: SharedModel,
    pub(crate) applications: Applications,
    pub(crate) registrations: Registrations,
    pub(crate) triggers: LiveTriggers,
    pub(crate) samples: Samples,
    consumer: Rc<Consumer>,
    runs: RefCell<BTreeMap<SessionId, Rc<Run>>>,
    keeper: keeper::Keeper,
    keys: Cell<u64>,
    registry_ids: Cell<u64>,
}

/// Serves applications and the consumer daemon; see the module.
#[derive(Clone)]
pub struct Engine {
    core: Rc<Core>,
}

impl Engine {
    /// An engine over a model. All of its futures must run in one `tokio::task::LocalSet`.
    pub fn new(model: SharedModel, world: World) -> Self {
        let core = Rc::new_cyclic(|core: &Weak<Core>| {
            let core = core.clone();
            let sampled = move |sample| {
                if let Some(core) = core.upgrade() {
                    core.sampled(sample);
                }
            };
            let consumer = Consumer::new(world.clone(), Rc::new(sampled));
            Core {
                world,
                model,
                applications: Applications::default(),
                registrations: Registrations::default(),
                triggers: LiveTriggers::default(),
                samples: Samples::default(),
                consumer,
                runs: RefCell::default(),
                keeper: keeper::Keeper::default(),
                keys: Cell::new(0),
                registry_ids: Cell::new(0),
            }
        });
        Engine { core }
    }

    /// What the engine's tasks share.
    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.core
    }

    /// Accepts applications for as long as the listener works. The wait page is the caller's: it is announced once this
    /// runs.
    pub async fn accept_applications(&self, listener: UnixListener) -> std::io::Error {
        app::accept(self.core.clone(), listener).await
    }

    /// Takes one connection of an application, as if it had come through the listener.
    pub async fn take_connection(&self, link: AnyLink, peer: ProcessIdentity) {
        app::register(self.core.clone(), link, peer).await;
    }

    /// The registered applications, oldest first.
    pub fn applications(&self) -> Vec<Rc<Application>> {
        self.core.applications.all()
    }

    /// Starts the consumer daemon unless one runs.
    ///
    /// # Errors
    /// [`ErrorCode::UstConsumer64Fail`] when it cannot be started.
    pub async fn ensure_consumer(&self) -> Result<(), ErrorCode> {
        self.core.consumer.ensure().await.map(drop).map_err(|error| {
            warn!(%error, "no consumer daemon");
            ErrorCode::UstConsumer64Fail
        })
    }

    /// Whether a consumer daemon runs.
    pub fn has_consumer(&self) -> bool {
        self.core.consumer.current().is_some()
    }

    /// Whether the consumer daemon was lost and no new one was started since.
    pub fn lost_its_consumer(&self) -> bool {
        self.core.consumer.was_lost()
    }

    /// Waits until every application that answers has reached the model as it is now.
    pub async fn settle(&self) {
        self.core.settle().await;
    }

    /// Lets everything go: what is known of the traces is sent to the consumer daemon, applications lose their
    /// connections, and the consumer daemon ends when it has written what they left. Waits at most `patience` for that.
    pub async fn shut_down(&self, patience: Duration) {
        let core = &self.core;
        let deadline = Instant::now() + patience;
        let push = async {
            for run in core.all_runs() {
                core.push_all(&run).await;
            }
        };
        let _ = tokio::time::timeout_at(deadline, push).await;
        for application in core.applications.all() {
            application.let_go();
        }
        let gone = async {
            for application in core.applications.all() {
                application.reach(u64::MAX).await;
            }
        };
        let _ = tokio::time::timeout_at(deadline, gone).await;
        core.runs.borrow_mut().clear();
        core.consumer.registries().borrow_mut().clear();
        if let Some(incarnation) = core.consumer.shut_down()
            && tokio::time::timeout_at(deadline, incarnation.ended()).await.is_err()
        {
            debug!("the consumer daemon is still writing");
        }
    }
}

impl Core {
    /// A trigger's condition became true.
    pub(crate) fn fire(&self, live: &LiveTrigger, occurrence: Occurrence) {
        self.triggers.fire(live, occurrence, |name| {
            self.model.read(|model| model.session_named(name).map(|session| session.id))
        });
    }

    fn fresh_key(&self) -> ChannelKey {
        self.keys.set(self.keys.get() + 1);
        ChannelKey(self.keys.get())
    }

    fn fresh_registry_id(&self) -> RegistryId {
        self.registry_ids.set(self.registry_ids.get() + 1);
        RegistryId(self.registry_ids.get())
    }

    fn run(&self, session: SessionId) -> Option<Rc<Run>> {
        self.runs.borrow().get(&session).cloned()
    }

    fn run_or_new(&self, session: SessionId) -> Rc<Run> {
        self.runs.borrow_mut().entry(session).or_insert_with(|| Rc::new(Run::new(session))).clone()
    }

    fn all_runs(&self) -> Vec<Rc<Run>> {
        self.runs.borrow().values().cloned().collect()
    }

    /// State dumps that were asked for so far.
    pub(crate) fn statedumps(&self, session: SessionId) -> u64 {
        self.run(session).map_or(0, |run| run.statedumps.get())
    }

    /// Whose buffers an application writes into.
    fn owner_of(session: &Session, application: &Application) -> BufferOwner {
        let per_process = session.ust.as_ref().is_some_and(|ust| ust.buffers == BufferOwnership::PerProcess);
        if per_process {
            BufferOwner::Process(application.id)
        } else {
            BufferOwner::User { uid: application.process.uid, bitness: application.bitness }
        }
    }

    /// The buffers of a session for an application, if they were made; `Some(None)` if there are none to be had.
    pub(crate) fn buffers_at_hand(
        &self,
        session: &Session,
        application: &Application,
    ) -> Option<Option<Rc<Buffers>>> {
        let Some(run) = self.run(session.id) else { return Some(None) };
        let sets = run.sets.borrow();
        let slot = sets.get(&Self::owner_of(session, application))?;
        slot.borrow().clone()
    }

    /// Waits until the buffers of a session for an application are made, or cannot be. The first one who asks begins
    /// that; it goes on when nobody waits any more.
    pub(crate) async fn buffers_for(self: &Rc<Self>, session: SessionId, application: &Rc<Application>) {
        let Some(run) = self.run(session) else { return };
        let owner = self.model.read(|model| model.session(session).map(|of| Self::owner_of(of, application)));
        let Some(owner) = owner else { return };
        let existing = run.sets.borrow().get(&owner).cloned();
        let mut slot: Slot = match existing {
            Some(slot) => slot,
            None => {
                let (tell, slot) = tokio::sync::watch::channel(None);
                run.sets.borrow_mut().insert(owner, slot.clone());
                let (core, run, application) = (self.clone(), run.clone(), application.clone());
                tokio::task::spawn_local(async move {
                    let made = make_buffers::make(&core, &run, owner, &application).await;
                    tell.send_replace(Some(made));
                });
                slot
            }
        };
        // The sender says something before it goes, unless the runtime itself goes.
        let _ = slot.wait_for(Option::is_some).await;
    }

    /// For a user who has a new application: what could not be made for him earlier may be possible now.
    pub(crate) fn try_again_for(&self, application: &Application) {
        let owner = BufferOwner::User { uid: application.process.uid, bitness: application.bitness };
        for run in self.all_runs() {
            run.forget_failure_of(owner);
        }
    }

    /// Waits until every application has reached the model as it is now, within [`Core::patiently`].
    async fn settle(&self) {
        let generation = self.model.read(crate::model::Model::generation);
        let begun = Instant::now();
        for application in self.applications.all() {
            self.patiently(begun, &application, application.reach(generation)).await;
            if !application.is_gone() && application.behind(generation) {
                warn!(pid = application.process.pid, name = %application.name, "an application is behind");
            }
        }
    }

    /// Waits for something that an application does. One that hangs is given up by its own task after its limit; one
    /// that merely crawls is waited for as long as one limit after `begun`; all others as long as the bound for a busy
    /// machine.
    async fn patiently<T>(
        &self,
        begun: Instant,
        application: &Application,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let bounds = self.world.bounds;
        // A little longer than the limit, so that one that hangs is given up rather than left behind.
        let patience = begun + bounds.application.map_or(bounds.settle, |limit| limit + GRACE);
        let deadline = begun + bounds.settle.max(bounds.application.unwrap_or_default());
        let crawls = async {
            tokio::time::sleep_until(patience).await;
            while !application.is_crawling() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = crawls => None,
            () = tokio::time::sleep_until(deadline) => None,
        }
    }

    /// What is to be done when an application is gone: its own buffers are ended, shared ones are brought up to date.
    pub(crate) fn after_application(self: &Rc<Self>, application: &Rc<Application>) {
        for run in self.all_runs() {
            let own = BufferOwner::Process(application.id);
            let slot = run.sets.borrow().get(&own).cloned();
            let user = BufferOwner::User { uid: application.process.uid, bitness: application.bitness };
            let shared = run.sets.borrow().get(&user).cloned();
            if slot.is_none() && shared.is_none() {
                continue;
            }
            let core = self.clone();
            let retiring = run.begin_retiring();
            tokio::task::spawn_local(async move {
                if let Some(slot) = slot {
                    core.end_process_buffers(&run, own, slot).await;
                }
                if let Some(Some(Some(buffers))) = shared.map(|slot| slot.borrow().clone()) {
                    core.push(&buffers).await;
                }
                drop(retiring);
            });
        }
    }
}
