//! Start, stop, destroy: what client commands wait for (`docs/spec/client-protocol.md`, sections 7.2 to 7.5;
//! `docs/spec/consumer-protocol.md`, section 16).

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use rttng_wire::client::ErrorCode;
use rttng_wire::consumer::{
    Answer, ChunkId, CloseTraceChunk, Command, CreateTraceChunk, Credentials, RotateChannel,
    SessionId as WireId, Status, TraceChunkExists, TraceChunkPresence,
};
use tokio::time::Instant;
use tracing::{debug, error, warn};

use super::run::{Run, Slot};
use super::{Core, Engine};
use crate::buffers::{BufferOwner, Buffers};
use crate::chunk::Chunk;
use crate::consumer::{ConsumerError, Incarnation};
use crate::model::{Output, Session, SessionId};

/// The first wait between two looks at a chunk that is being closed; each is twice as long as the one before.
const FIRST_LOOK: Duration = Duration::from_millis(2);
/// The longest wait between two looks.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// So long "data is pending" waits for its end.
const SOON: Duration = Duration::from_millis(100);
/// How often it looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(3);

impl Engine {
    /// Starts a session: its chunk and buffers are made, every application that answers has its objects and records.
    ///
    /// # Errors
    /// Those of section 7.3; [`ErrorCode::NoUstconsumerd`] when the consumer daemon that held the session's buffers is
    /// gone.
    pub async fn start(&self, id: SessionId) -> Result<(), ErrorCode> {
        let engine = self.clone();
        self.bounded("start", ErrorCode::UstStartFail, async move { engine.start_wholly(id).await }).await
    }

    async fn start_wholly(&self, id: SessionId) -> Result<(), ErrorCode> {
        let core = &self.core;
        core.model.read(|model| model.session(id).map(drop)).ok_or(ErrorCode::SessNotFound)?;
        let run = core.run_or_new(id);
        let _turn = run.turn.lock().await;
        core.model.read(|model| may_start(model.session(id)))?;
        let incarnation = core.consumer.ensure().await.map_err(|error| {
            warn!(%error, "no consumer daemon");
            ErrorCode::UstConsumer64Fail
        })?;
        match run.incarnation.get() {
            None => {
                run.incarnation.set(Some(incarnation.number()));
                core.mend_when_over(&run, &incarnation);
            }
            Some(held) if held == incarnation.number() => {}
            Some(_) => return Err(ErrorCode::NoUstconsumerd),
        }
        run.forget_failures();
        core.open_chunk(&run, &incarnation).await?;
        for buffers in run.buffers() {
            for channel in &buffers.channels {
                let clear = incarnation.tell(Command::ClearQuiescentChannel(channel.key())).await;
                log(clear, "a channel cannot be written to again");
            }
        }
        let started_before = core.model.edit(|model| {
            let Some(session) = model.session_mut(id) else { return false };
            session.active = true;
            std::mem::replace(&mut session.started_once, true)
        });
        core.settle().await;
        if !incarnation.is_gone() && run.has_nothing_to_write_into() {
            // Not one application can record: better said now than found out at the end.
            core.model.edit(|model| {
                if let Some(session) = model.session_mut(id) {
                    session.active = false;
                    session.started_once = started_before;
                }
            });
            core.settle().await;
            return Err(ErrorCode::UstChanFail);
        }
        for buffers in run.buffers() {
            for channel in &buffers.channels {
                let open = incarnation.tell(Command::OpenChannelPackets(channel.key())).await;
                log(open, "no packet could be opened");
            }
        }
        if incarnation.is_gone() {
            return Err(ErrorCode::NoUstconsumerd);
        }
        Ok(())
    }

    /// Stops a session: applications record no more, what they have recorded is handed to the consumer daemon.
    ///
    /// # Errors
    /// [`ErrorCode::TraceAlreadyStopped`]; [`ErrorCode::NoUstconsumerd`] when its consumer daemon is gone: the session
    /// is stopped then, and what was not written yet is lost.
    pub async fn stop(&self, id: SessionId) -> Result<(), ErrorCode> {
        let engine = self.clone();
        self.bounded("stop", ErrorCode::UstStopFail, async move { engine.stop_wholly(id).await }).await
    }

    async fn stop_wholly(&self, id: SessionId) -> Result<(), ErrorCode> {
        let core = &self.core;
        let run = core.run(id).ok_or(ErrorCode::TraceAlreadyStopped)?;
        let _turn = run.turn.lock().await;
        let active = core.model.read(|model| model.session(id).map(|session| session.active));
        match active {
            None => return Err(ErrorCode::SessNotFound),
            Some(false) => return Err(ErrorCode::TraceAlreadyStopped),
            Some(true) => {}
        }
        core.model.edit(|model| {
            if let Some(session) = model.session_mut(id) {
                session.active = false;
            }
        });
        core.settle().await;
        core.flush(&run).await
    }

    /// Whether a stopped session still has data that is not written. "Yes" is said late: clients wait for 0.2 s before
    /// they ask again, and the consumer daemon needs a few milliseconds.
    ///
    /// # Errors
    /// [`ErrorCode::SessionStarted`] while it is active.
    pub async fn data_pending(&self, id: SessionId) -> Result<bool, ErrorCode> {
        let core = &self.core;
        match core.model.read(|model| model.session(id).map(|session| session.active)) {
            None => return Err(ErrorCode::SessNotFound),
            Some(true) => return Err(ErrorCode::SessionStarted),
            Some(false) => {}
        }
        let Some(run) = core.run(id) else { return Ok(false) };
        // An operation that is under way (a stop, a rotation) has data to move.
        let Ok(_turn) = run.turn.try_lock() else { return Ok(true) };
        let Some(incarnation) = core.incarnation_of(&run) else { return Ok(false) };
        let asked = Instant::now();
        loop {
            match incarnation.call(Command::DataPending(WireId(id.0))).await {
                Ok(Answer::DataPending(true)) if asked.elapsed() < SOON => {
                    tokio::time::sleep(BETWEEN_LOOKS).await
                }
                Ok(Answer::DataPending(pending)) => return Ok(pending),
                Ok(_) => return Ok(false),
                Err(error) => {
                    debug!(%error, "nothing is known of pending data");
                    return Ok(false);
                }
            }
        }
    }

    /// Destroys a session in whatever state it is; it is invisible from now on, and gone when this returns, also with an
    /// error.
    ///
    /// # Errors
    /// What went wrong on the way: [`ErrorCode::NoUstconsumerd`] when its consumer daemon was gone with data,
    /// [`ErrorCode::CloseTraceChunkFailConsumer`] when its last chunk was not completed.
    pub async fn destroy(&self, id: SessionId) -> Result<(), ErrorCode> {
        let engine = self.clone();
        let work = async move { engine.destroy_wholly(id).await };
        self.bounded("destroy", ErrorCode::CloseTraceChunkFailConsumer, work).await
    }

    async fn destroy_wholly(&self, id: SessionId) -> Result<(), ErrorCode> {
        let core = &self.core;
        let was_active = core.model.edit(|model| {
            let session = model.session_mut(id)?;
            session.destroying = true;
            Some(std::mem::replace(&mut session.active, false))
        });
        let was_active = was_active.ok_or(ErrorCode::SessNotFound)?;
        let Some(run) = core.run(id) else {
            core.model.edit(|model| model.remove_session(id));
            return Ok(());
        };
        let _turn = run.turn.lock().await;
        // An operation that ran when this was asked for may have started it meanwhile.
        core.model.edit(|model| {
            if let Some(session) = model.session_mut(id) {
                session.active = false;
            }
        });
        core.settle().await;
        run.retired().await;
        let flushed = if was_active { core.flush(&run).await } else { Ok(()) };
        core.declare_unused(&run).await;
        let closed = core.close_chunk(&run).await;
        core.let_go(&run).await;
        core.runs.borrow_mut().remove(&id);
        core.model.edit(|model| model.remove_session(id));
        flushed.and(closed)
    }

    /// Has the metadata of a session composed and written anew, with a clock offset that is measured anew.
    ///
    /// # Errors
    /// Those of `docs/spec/trace-output.md`, section 15.3.
    pub async fn regenerate_metadata(&self, id: SessionId) -> Result<(), ErrorCode> {
        let core = &self.core;
        let per_process = core.model.read(|model| {
            let session = model.session(id).ok_or(ErrorCode::SessNotFound)?;
            if session.live_timer().is_some() {
                return Err(ErrorCode::LiveSession);
            }
            if !session.active {
                return Err(ErrorCode::SessionNotStarted);
            }
            Ok(session
                .ust
                .as_ref()
                .is_some_and(|ust| ust.buffers == crate::model::BufferOwnership::PerProcess))
        })?;
        if per_process {
            return Err(ErrorCode::PerPidSession);
        }
        let run = core.run(id).ok_or(ErrorCode::SessionNotStarted)?;
        let core = Rc::clone(core);
        self.bounded("regenerate metadata", ErrorCode::UstMetaFail, async move {
            let _turn = run.turn.lock().await;
            for buffers in run.buffers() {
                let offset = core.world.clock.trace_clock(core.world.boot_id).offset;
                buffers.registry.borrow_mut().regenerate(offset);
                core.push(&buffers).await;
            }
            Ok(())
        })
        .await
    }

    /// Has applications write their state dumps again.
    ///
    /// # Errors
    /// [`ErrorCode::SessionNotStarted`] unless the session is active.
    pub async fn regenerate_statedump(&self, id: SessionId) -> Result<(), ErrorCode> {
        let core = &self.core;
        let active = core.model.read(|model| model.session(id).map(|session| session.active));
        if !active.ok_or(ErrorCode::SessNotFound)? {
            return Err(ErrorCode::SessionNotStarted);
        }
        let run = core.run(id).ok_or(ErrorCode::SessionNotStarted)?;
        let core = Rc::clone(core);
        self.bounded("regenerate statedump", ErrorCode::RegenStatedumpFail, async move {
            let _turn = run.turn.lock().await;
            run.statedumps.set(run.statedumps.get() + 1);
            // Nothing of the model changes; this rings its bell.
            core.model.edit(|_| ());
            core.settle().await;
            Ok(())
        })
        .await
    }

    /// Waits for what a client asks of the consumer daemon in many steps; `None` when that takes longer than a client is
    /// kept waiting.
    pub async fn within_bound<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(self.core.world.bounds.operation, work).await.ok()
    }

    /// Waits for an operation, but no longer than a client is kept waiting. One that takes longer goes on, because half of
    /// it would leave the session in no state at all: what comes after it on the same session waits for it, within the
    /// same bound, and `too_late` tells the client.
    async fn bounded(
        &self,
        what: &'static str,
        too_late: ErrorCode,
        work: impl Future<Output = Result<(), ErrorCode>> + 'static,
    ) -> Result<(), ErrorCode> {
        match self.within_bound(tokio::task::spawn_local(work)).await {
            Some(Ok(outcome)) => outcome,
            Some(Err(failed)) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime goes.
                Err(_) => Err(too_late),
            },
            None => {
                error!(
                    operation = what,
                    "the consumer daemon is too slow: the operation goes on without its client"
                );
                Err(too_late)
            }
        }
    }
}

fn may_start(session: Option<&Session>) -> Result<(), ErrorCode> {
    let session = session.filter(|session| !session.destroying).ok_or(ErrorCode::SessNotFound)?;
    if session.active {
        return Err(ErrorCode::TraceAlreadyStarted);
    }
    if session.ust.as_ref().is_none_or(|ust| ust.channels.is_empty()) {
        return Err(ErrorCode::NoChannel);
    }
    match session.output {
        // Relay daemons are not served yet.
        Output::Network(_) => Err(ErrorCode::RelaydConnectFail),
        Output::None | Output::Local(_) => Ok(()),
    }
}

fn log(outcome: Result<(), ConsumerError>, what: &str) {
    if let Err(error) = outcome {
        warn!(%error, "{what}");
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_secs().max(1))
}

impl Core {
    /// Makes the session's trace chunk, unless it has one or writes none.
    async fn open_chunk(&self, run: &Run, incarnation: &Incarnation) -> Result<(), ErrorCode> {
        let _layout = run.layout.lock().await;
        if run.chunk.borrow().is_some() {
            return Ok(());
        }
        let place = self.model.read(|model| {
            let session = model.session(run.session)?;
            let directory = session.local_output().filter(|_| session.has_monitored_output())?;
            Some((directory.to_owned(), session.owner))
        });
        let Some((directory, owner)) = place else { return Ok(()) };
        let id = run.next_chunk.get();
        let mut chunk = Chunk { id, directory, created: self.world.clock.now(), owner, domain: None };
        let domain = chunk.make(&self.world).await.map_err(|error| {
            error!(%error, directory = %chunk.directory.display(), "cannot make the directory of a trace");
            ErrorCode::CreateDirFail
        })?;
        run.next_chunk.set(id + 1);
        let create = Command::CreateTraceChunk(CreateTraceChunk {
            relay: None,
            override_name: None,
            session_id: WireId(run.session.0),
            chunk_id: ChunkId(id),
            creation_timestamp_s: seconds(chunk.created),
            credentials: Some(Credentials { uid: owner.uid, gid: owner.gid }),
        });
        incarnation.call_with_descriptor(create, domain).await.map_err(|error| {
            error!(%error, "the consumer daemon refuses a trace chunk");
            ErrorCode::CreateTraceChunkFailConsumer
        })?;
        *run.chunk.borrow_mut() = Some(chunk);
        Ok(())
    }

    /// Sends the consumer daemon the metadata that it lacks, made such that every reader opens it.
    pub(super) async fn push(&self, buffers: &Buffers) {
        buffers.registry.borrow_mut().complete();
        self.push_as_it_is(buffers).await;
    }

    /// Completes metadata for the last time: channels in which no application came to record.
    async fn declare_unused(&self, run: &Run) {
        for buffers in run.buffers().iter().filter(|buffers| buffers.declare_unused()) {
            self.push_as_it_is(buffers).await;
        }
    }

    /// As [`Core::push`], when more is expected soon.
    pub(super) async fn push_as_it_is(&self, buffers: &Buffers) {
        if let Some(copy) = &buffers.crash_copy {
            copy.update(&self.world, &buffers.registry).await;
        }
        let Some(key) = buffers.metadata_key else { return };
        let Some(incarnation) = self.consumer.current().filter(|of| of.number() == buffers.incarnation)
        else {
            return;
        };
        log(incarnation.push_metadata(key, &buffers.registry).await, "metadata was not taken");
    }

    /// As [`Core::push`], for all buffers of a session.
    pub(super) async fn push_all(&self, run: &Run) {
        for buffers in run.buffers() {
            self.push(&buffers).await;
        }
    }

    /// Hands over what was recorded: closes the current packets, sends the metadata.
    async fn flush(&self, run: &Run) -> Result<(), ErrorCode> {
        run.retired().await;
        if run.buffers().is_empty() && run.chunk.borrow().is_none() {
            return Ok(());
        }
        let Some(incarnation) = self.incarnation_of(run) else {
            self.mended(run).await;
            return Err(ErrorCode::NoUstconsumerd);
        };
        for buffers in run.buffers() {
            self.push(&buffers).await;
            for channel in &buffers.channels {
                let flush = incarnation.tell(Command::FlushChannel(channel.key())).await;
                log(flush, "a channel was not flushed");
            }
        }
        if incarnation.is_gone() { Err(ErrorCode::NoUstconsumerd) } else { Ok(()) }
    }

    /// Ends the session's chunk without another one in its place, and waits until all its data is written.
    async fn close_chunk(&self, run: &Run) -> Result<(), ErrorCode> {
        let _layout = run.layout.lock().await;
        if run.chunk.borrow().is_some() && self.incarnation_of(run).is_none() {
            self.mended(run).await;
        }
        let Some(chunk) = run.chunk.borrow_mut().take() else { return Ok(()) };
        if chunk.was_removed() {
            error!(directory = %chunk.directory.display(), "the trace was removed while it was recorded");
        }
        let incarnation = self.incarnation_of(run).ok_or(ErrorCode::NoUstconsumerd)?;
        let mut outcome = Ok(());
        for buffers in run.buffers() {
            if let Err(error) = self.rotate(&incarnation, &buffers).await {
                // A stream that failed earlier (a full disk) is reported here first.
                warn!(%error, "a stream did not leave its chunk");
                outcome = Err(ErrorCode::RotationFailConsumer);
            }
        }
        let close = Command::CloseTraceChunk(CloseTraceChunk {
            relay: None,
            session_id: WireId(run.session.0),
            chunk_id: ChunkId(chunk.id),
            close_timestamp_s: seconds(self.world.clock.now()),
            close_command: None,
        });
        if let Err(error) = incarnation.call(close).await {
            warn!(%error, "a trace chunk was not closed");
            return Err(ErrorCode::CloseTraceChunkFailConsumer);
        }
        self.await_end_of_chunk(run, &incarnation, chunk.id).await?;
        outcome
    }

    /// Has all streams of some buffers leave their chunk for the channels' current one, or for none.
    async fn rotate(&self, incarnation: &Incarnation, buffers: &Buffers) -> Result<(), ConsumerError> {
        let rotate = |key, metadata| {
            incarnation.tell(Command::RotateChannel(RotateChannel { metadata, relay: None, key }))
        };
        let mut outcome = Ok(());
        for channel in &buffers.channels {
            outcome = outcome.and(rotate(channel.key(), false).await);
        }
        if let Some(key) = buffers.metadata_key {
            buffers.registry.borrow_mut().complete();
            outcome = outcome.and(incarnation.push_metadata(key, &buffers.registry).await);
            outcome = outcome.and(rotate(key, true).await);
        }
        outcome
    }

    async fn await_end_of_chunk(
        &self,
        run: &Run,
        incarnation: &Incarnation,
        chunk: u64,
    ) -> Result<(), ErrorCode> {
        let deadline = Instant::now() + self.world.bounds.drain;
        let mut wait = FIRST_LOOK;
        loop {
            let exists = Command::TraceChunkExists(TraceChunkExists {
                relay: None,
                session_id: WireId(run.session.0),
                chunk_id: ChunkId(chunk),
            });
            match incarnation.call(exists).await {
                Ok(Answer::TraceChunk(TraceChunkPresence::Gone)) => return Ok(()),
                Ok(_) if Instant::now() >= deadline => {
                    warn!(
                        session = run.session.0,
                        "the consumer daemon is still writing a session that ends"
                    );
                    return Err(ErrorCode::CloseTraceChunkFailConsumer);
                }
                Ok(_) => {}
                Err(error) => {
                    warn!(%error, "nothing is known of a trace chunk");
                    return Err(ErrorCode::TraceChunkExistsFailConsumer);
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_LOOK);
        }
    }

    /// Lets all buffers of a session go.
    async fn let_go(&self, run: &Run) {
        let all = run.buffers();
        let incarnation = self.incarnation_of(run);
        for buffers in &all {
            self.close_metadata(incarnation.as_deref(), buffers).await;
        }
        run.sets.borrow_mut().clear();
    }

    /// Ends the metadata of some buffers. Their descriptors go with the last who holds them; the consumer ends the
    /// streams then.
    async fn close_metadata(&self, incarnation: Option<&Incarnation>, buffers: &Buffers) {
        if let (Some(key), Some(incarnation)) = (buffers.metadata_key, incarnation) {
            match incarnation.tell(Command::CloseMetadata(key)).await {
                // Its own thread was faster.
                Err(ConsumerError::Failed(failure)) if failure.status == Status::UstChannelNotFound => {}
                outcome => log(outcome, "a metadata channel was not closed"),
            }
        }
        if let Some(key) = buffers.metadata_key {
            self.consumer.registries().borrow_mut().remove(&key);
        }
        if let Some(copy) = &buffers.crash_copy {
            copy.remove(&self.world).await;
        }
        for channel in &buffers.channels {
            self.samples.end(channel.key());
        }
    }

    /// Ends the buffers of a process that is gone (section 16.4).
    pub(super) async fn end_process_buffers(self: &Rc<Self>, run: &Rc<Run>, owner: BufferOwner, slot: Slot) {
        let mut slot = slot;
        // They may be in the making still.
        let buffers = match slot.wait_for(Option::is_some).await {
            Ok(made) => made.clone().flatten(),
            Err(_) => None,
        };
        run.sets.borrow_mut().remove(&owner);
        let Some(buffers) = buffers else { return };
        let incarnation = self.incarnation_of(run);
        if let Some(incarnation) = &incarnation {
            for channel in &buffers.channels {
                log(
                    incarnation.tell(Command::FlushChannel(channel.key())).await,
                    "a channel was not flushed",
                );
            }
        }
        buffers.declare_unused();
        self.push(&buffers).await;
        // What was sampled is forgotten with the metadata.
        let sampled: Vec<_> = buffers.channels.iter().map(|of| self.sampled_usage(of.key())).collect();
        self.close_metadata(incarnation.as_deref(), &buffers).await;
        for (channel, sampled) in buffers.channels.iter().zip(sampled) {
            let counters = self.counters_of(run, channel).await;
            let usage = self.usage_of(run, channel).await;
            let mut ended = run.ended.borrow_mut();
            let sum = ended.entry(channel.id()).or_default();
            sum.counters.add(counters);
            sum.usage.add(usage);
            sum.usage.add(sampled);
        }
    }
}
