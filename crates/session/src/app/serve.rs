//! The task of one application: brings it in step with the model, again and again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;

use rttng_wire::ust::{Answer, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{debug, info, warn};

use super::command::{AppGone, CommandLink, on_root};
use super::has::{AppState, Next, Wanted};
use super::notifications::{notification_pipe, take_notifications};
use super::notifiers::{AppNotifiers, Resources};
use super::notify::{Handles, serve_notify};
use super::{Application, Ask, GONE, listing};
use crate::engine::Core;
use crate::link::AnyLink;
use crate::model::{Model, RegisteredTrigger, SessionId, TriggerId};

/// What an application came with.
pub(super) struct Connection {
    pub(super) command: AnyLink,
    pub(super) notify: AnyLink,
    pub(super) queue: mpsc::UnboundedReceiver<Ask>,
}

/// Serves an application until it is gone, then cleans up after it.
pub(super) async fn serve(core: Rc<Core>, application: Rc<Application>, connection: Connection) {
    let Connection { command, notify, mut queue } = connection;
    let limit = core.world.bounds.application;
    let mut task = AppTask {
        link: CommandLink::new(command, application.dialect, limit, application.pace.clone()),
        state: AppState::default(),
        notifiers: AppNotifiers::default(),
        telling: None,
        handles: Rc::default(),
        follow: core.model.follow(),
        core: core.clone(),
        application: application.clone(),
    };
    let answering = tokio::task::spawn_local(serve_notify(
        core.clone(),
        notify,
        application.dialect,
        limit,
        task.handles.clone(),
    ));
    let Err(why) = task.run(&mut queue).await;
    match why {
        AppGone::Closed | AppGone::Replaced => {
            debug!(pid = application.process.pid, %why, "an application left")
        }
        _ => {
            info!(pid = application.process.pid, name = %application.name, %why, "an application is given up")
        }
    }
    task.link.shut_down();
    // Answers that it waits for on the other connection are of no use to it any more.
    answering.abort();
    core.applications.remove(application.id);
    drop(queue);
    drop(task);
    core.after_application(&application);
    application.reached.send_replace(GONE);
}

struct AppTask {
    core: Rc<Core>,
    application: Rc<Application>,
    link: CommandLink,
    state: AppState,
    notifiers: AppNotifiers,
    telling: Option<Telling>,
    handles: Rc<RefCell<Handles>>,
    follow: watch::Receiver<u64>,
}

/// How an application tells of events that triggers wait for.
struct Telling {
    resources: Resources,
    /// Dropped when the application is gone.
    _ended: oneshot::Sender<()>,
}

/// There is no end but the application's own.
enum Never {}

impl AppTask {
    async fn run(&mut self, queue: &mut mpsc::UnboundedReceiver<Ask>) -> Result<Never, AppGone> {
        if let Ok(Answer::TracerVersion(version)) = self.link.call(on_root(Command::TracerVersion)).await? {
            self.application.tracer.set(version);
        }
        let mut registered = false;
        loop {
            let generation = *self.follow.borrow_and_update();
            let needed = self.reconcile().await?;
            if needed.is_none() {
                if !registered {
                    // Refusing it is the application's own loss.
                    let _ = self.link.call(on_root(Command::RegisterDone)).await?;
                    registered = true;
                }
                self.application.pace.rest();
                self.application.reached.send_replace(generation);
            }
            let core = self.core.clone();
            tokio::select! {
                biased;
                () = self.application.replaced.notified() => return Err(AppGone::Replaced),
                why = self.link.closed() => return Err(why),
                changed = self.follow.changed() => if changed.is_err() {
                    // The daemon ends, and with it its model.
                    return Err(AppGone::Closed);
                },
                Some(ask) = queue.recv() => self.answer(ask).await?,
                () = wait_for_buffers(&core, needed, &self.application) => {}
            }
        }
    }

    /// Sends the difference until there is none. Returns the session whose buffers must be waited for, if any.
    async fn reconcile(&mut self) -> Result<Option<SessionId>, AppGone> {
        self.reconcile_notifiers().await?;
        loop {
            match self.next() {
                Next::Nothing => return Ok(None),
                Next::Buffers(session) => return Ok(Some(session)),
                Next::Batch(batch) => {
                    let outcomes = self.link.perform(&batch.calls(&self.state)).await?;
                    let made = self.state.apply(batch, outcomes);
                    let mut handles = self.handles.borrow_mut();
                    for object in made {
                        handles.note(object);
                    }
                }
            }
        }
    }

    /// Sends the difference in what it shall tell of for triggers until there is none.
    async fn reconcile_notifiers(&mut self) -> Result<(), AppGone> {
        let (wanted, slots) = self.core.model.read(|model| {
            let triggers = model.triggers();
            let of_events = triggers.all().filter(|trigger| trigger.notifier.is_some());
            let wanted: BTreeMap<TriggerId, Rc<RegisteredTrigger>> =
                of_events.map(|trigger| (trigger.id, trigger.clone())).collect();
            (wanted, triggers.slots())
        });
        if wanted.is_empty() && self.notifiers.is_empty() {
            return Ok(());
        }
        if self.telling.is_none() && self.notifiers.is_able().is_none() {
            match self.listen(slots) {
                Ok(telling) => self.telling = Some(telling),
                Err(error) => {
                    let pid = self.application.process.pid;
                    warn!(pid, %error, "no trigger can be told of an application's events");
                }
            }
        }
        let Some(telling) = &mut self.telling else { return Ok(()) };
        while let Some(step) = self.notifiers.next(&wanted, &telling.resources) {
            let outcome = self.link.converse(step.call(&telling.resources)).await?;
            self.notifiers.apply(&step, &outcome);
            if self.notifiers.is_able().is_some() {
                // It has its own copy now; ours would hide its end.
                telling.resources.pipe = None;
            }
        }
        if self.notifiers.is_able() == Some(false) {
            self.telling = None;
        }
        Ok(())
    }

    /// Begins to listen to what the application will tell of for triggers.
    fn listen(&self, slots: u64) -> io::Result<Telling> {
        let uid = self.application.process.uid;
        let counters = match self.core.triggers.counters_of(uid, slots) {
            Ok(counters) => Some(counters),
            Err(error) => {
                warn!(uid, %error, "events that triggers miss cannot be counted");
                None
            }
        };
        let (read, write) = notification_pipe()?;
        let (tell, ended) = oneshot::channel();
        tokio::task::spawn_local(take_notifications(
            self.core.clone(),
            self.application.clone(),
            read,
            ended,
        ));
        Ok(Telling { resources: Resources { pipe: Some(write), counters }, _ended: tell })
    }

    fn next(&self) -> Next {
        let core = &self.core;
        core.model.read(|model| {
            let wanted = self.wanted(model);
            let buffers = |session| match wanted.get(&session) {
                Some(want) => core.buffers_at_hand(want.session, &self.application),
                None => Some(None),
            };
            self.state.next_batch(&wanted, &buffers)
        })
    }

    /// The sessions that this application shall have objects of.
    fn wanted<'m>(&self, model: &'m Model) -> BTreeMap<SessionId, Wanted<'m>> {
        let mut wanted = BTreeMap::new();
        for session in model.sessions().filter(|session| !session.destroying && session.started_once) {
            let tracked =
                session.ust.as_ref().is_some_and(|ust| ust.trackers.let_through(self.application.process));
            if tracked {
                let statedumps = self.core.statedumps(session.id);
                wanted.insert(session.id, Wanted { session, statedumps });
            }
        }
        wanted
    }

    async fn answer(&mut self, ask: Ask) -> Result<(), AppGone> {
        match ask {
            // Whoever asked may have stopped waiting, before or meanwhile.
            Ask::Tracepoints(reply) if reply.is_closed() => {}
            Ask::Fields(reply) if reply.is_closed() => {}
            Ask::Tracepoints(reply) => {
                let _ = reply.send(listing::tracepoints(&mut self.link).await?);
            }
            Ask::Fields(reply) => {
                let _ = reply.send(listing::fields(&mut self.link).await?);
            }
        }
        Ok(())
    }
}

async fn wait_for_buffers(core: &Rc<Core>, session: Option<SessionId>, application: &Rc<Application>) {
    match session {
        Some(session) => core.buffers_for(session, application).await,
        None => std::future::pending().await,
    }
}
