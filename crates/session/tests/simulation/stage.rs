//! One scenario: a world under a seed, some minutes of commands, and what must hold after each.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use rttng_ctf::Uuid;
use rttng_session::engine::Engine;
use rttng_session::link::{self, MemoryLink};
use rttng_session::model::{
    BufferOwnership, ChannelAttributes, ChannelId, ChannelMode, ContextKind, EventRule, Filter, LogLevelRule,
    Output, ProcessIdentity, RuleId, RuleOrigin, Session, SessionId, SessionKind, SharedModel, TrackedValue,
    TrackerPolicy, UstDomain,
};
use rttng_session::world::{Bounds, Clock, Local, TraceFiles, World};
use rttng_wire::client::ErrorCode;
use rttng_wire::ust::SocketKind;
use rttng_world::run_as::Identity;
use tokio::time::Instant;

use crate::app::{self, App};
use crate::consumer::{self, Consumers, Spawner};
use crate::dice::Dice;

/// What one operation may take with a consumer daemon that behaves: applications have 5 s for an answer, and one that
/// crawls is waited for no longer than that.
const BOUND: Duration = Duration::from_secs(13);
/// And with one that does not: 30 s for the command that it does not answer.
const BOUND_WITHOUT_CONSUMER: Duration = Duration::from_secs(110);
/// What a good application may wait when others hang for seconds: nothing but the consumer daemon's own pauses when it
/// takes metadata of others.
const PROMPT: Duration = Duration::from_secs(1);

struct StageClock(Cell<u64>);

impl Clock for StageClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_374_024)
    }

    fn offset_of_monotonic(&self) -> i64 {
        1_795_372_999_259_704_699
    }

    fn uuid(&self) -> Uuid {
        self.0.set(self.0.get() + 1);
        Uuid::from_random(u128::from(self.0.get()).to_be_bytes())
    }
}

/// Directories that are made at once, or cannot be made, or never answer.
struct StageFiles {
    dice: Dice,
    trouble: u64,
}

impl StageFiles {
    fn outcome<T: 'static>(&self, good: T) -> Local<'_, io::Result<T>> {
        match self.dice.below(100) {
            roll if roll < self.trouble => Box::pin(async { Err(io::ErrorKind::StorageFull.into()) }),
            roll if roll < self.trouble * 2 => Box::pin(std::future::pending()),
            _ => Box::pin(async { Ok(good) }),
        }
    }
}

impl TraceFiles for StageFiles {
    fn make_directories(&self, _: PathBuf, _: Identity) -> Local<'_, io::Result<()>> {
        self.outcome(())
    }

    fn make_directories_in(&self, _: Rc<OwnedFd>, _: PathBuf, _: Identity) -> Local<'_, io::Result<()>> {
        self.outcome(())
    }

    fn open_directory(&self, _: PathBuf, _: Identity) -> Local<'_, io::Result<OwnedFd>> {
        self.outcome(consumer::nothing())
    }

    fn rename(&self, _: PathBuf, _: PathBuf, _: Identity) -> Local<'_, io::Result<()>> {
        self.outcome(())
    }

    fn write_at(&self, _: PathBuf, _: u64, _: Vec<u8>, _: Identity) -> Local<'_, io::Result<()>> {
        self.outcome(())
    }

    fn mend(&self, _: Rc<OwnedFd>, _: Vec<(PathBuf, Vec<u8>)>, _: Identity) -> Local<'_, io::Result<()>> {
        self.outcome(())
    }

    fn remove_file(&self, _: PathBuf, _: Identity) -> Local<'_, io::Result<()>> {
        self.outcome(())
    }

    fn remove_empty_directories(&self, _: PathBuf, _: Identity) -> Local<'_, io::Result<()>> {
        self.outcome(())
    }
}

struct Stage {
    dice: Dice,
    model: SharedModel,
    engine: Engine,
    apps: Vec<App>,
    consumers: Consumers,
    files_are_good: bool,
    sessions: Vec<SessionId>,
    pids: u32,
}

/// Plays one scenario.
pub async fn play(seed: u64) {
    let mut stage = Stage::set(Dice::new(seed), Vec::new());
    for _ in 0..stage.dice.below(4) {
        stage.an_app_comes();
    }
    for _ in 0..1 + stage.dice.below(2) {
        stage.create_session();
    }
    for _ in 0..4 + stage.dice.below(12) {
        stage.act().await;
        stage.check().await;
    }
    for id in stage.sessions.clone() {
        stage.destroy(id).await;
    }
    stage.check().await;
    stage.check_the_end();
    stage.engine.shut_down(Duration::from_secs(5)).await;
}

/// Registrations that must be refused; each connection ends at once, or after the limit when half of it came.
pub async fn play_refusals() {
    let stage = Stage::set(Dice::new(0), vec![consumer::Manner::Good]);
    let process = ProcessIdentity { pid: 77, uid: 1000, gid: 1000 };
    let good = app::registration(process, SocketKind::Command);
    let changed = |at: usize, value: u32| {
        let mut record = good.clone();
        record[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        record
    };
    let at_once = Duration::ZERO;
    let limit = Duration::from_secs(5);
    for (what, record, after) in [
        ("a wrong magic", changed(0, 1), at_once),
        ("ABI 7", changed(4, 7), at_once),
        ("ABI 10", changed(4, 10), at_once),
        ("a 32-bit application", changed(28, 32), at_once),
        ("an unknown kind of socket", changed(52, 2), at_once),
        ("a notify connection alone", app::registration(process, SocketKind::Notify), at_once),
        ("half a registration", good[..70].to_vec(), limit),
        ("a command connection alone", good.clone(), limit),
    ] {
        let (near, far) = MemoryLink::pair();
        let engine = stage.engine.clone();
        tokio::task::spawn_local(async move { engine.take_connection(Rc::new(far), process).await });
        link::send(&near, &record).await.expect("the engine reads");
        let begun = Instant::now();
        let end = tokio::time::timeout(Duration::from_secs(60), link::receive(&near, &mut [0])).await;
        let end = end.unwrap_or_else(|_| panic!("{what} is kept")).expect_err("nothing is said");
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof, "{what}");
        let taken = begun.elapsed();
        assert!(taken >= after && taken <= after + PROMPT, "{what} ended after {taken:?}");
        assert!(stage.engine.applications().is_empty(), "{what} is registered");
    }
}

/// A good application and a session, and around them connections that say anything.
pub async fn play_noise(seed: u64) {
    let mut stage = Stage::set(Dice::new(seed), vec![consumer::Manner::Good]);
    stage.files_are_good = true;
    stage.a_good_app_comes();
    stage.create_session();
    let id = stage.sessions[0];
    let mut held = Vec::new();
    for round in 0..4 {
        for _ in 0..8 {
            let (near, far) = MemoryLink::pair();
            let process = ProcessIdentity { pid: 5000 + stage.dice.below(4) as u32, uid: 1000, gid: 1000 };
            let mut noise: Vec<u8> = (0..stage.dice.below(3000)).map(|_| stage.dice.next() as u8).collect();
            if stage.dice.chance(70) {
                let kind = *stage.dice.pick(&[SocketKind::Command, SocketKind::Notify]);
                let mut whole = app::registration(process, kind);
                whole.append(&mut noise);
                noise = whole;
            }
            let engine = stage.engine.clone();
            tokio::task::spawn_local(async move { engine.take_connection(Rc::new(far), process).await });
            // It may be closed before all is said.
            let _ = link::send(&near, &noise).await;
            held.push(near);
        }
        match round {
            0 | 2 => stage.start(id).await,
            _ => stage.within("stop", stage.engine.stop(id)).await.expect("an active session stops"),
        }
        stage.check().await;
    }
    stage.destroy(id).await;
    stage.check_the_end();
    stage.engine.shut_down(Duration::from_secs(5)).await;
}

/// A consumer daemon that answers everything, but takes seconds for each of the many steps of an operation: no client
/// waits longer than the bound of a whole operation, and what was asked for is done in the end.
pub async fn play_slowness(seed: u64) {
    let dice = Dice::new(seed);
    let late = Duration::from_secs(2 + dice.below(3));
    let mut stage = Stage::set(dice, vec![consumer::Manner::Late(late)]);
    stage.files_are_good = true;
    stage.a_good_app_comes();
    stage.create_session();
    stage.create_session();
    let (wide, other) = (stage.sessions[0], stage.sessions[1]);
    stage.model.edit(|model| {
        let numbers: Vec<u64> = (0..60).map(|_| model.fresh_object()).collect();
        let session = model.session_mut(wide).expect("it was created");
        session.kind = SessionKind::Regular;
        let ust = session.ust.as_mut().expect("it has channels");
        let like = rttng_session::model::Channel { rules: Vec::new(), ..ust.channels[0].clone() };
        ust.channels.extend(numbers.into_iter().map(|number| rttng_session::model::Channel {
            id: ChannelId(number),
            name: format!("wide{number}"),
            ..like.clone()
        }));
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    let engine = stage.engine.clone();
    let bound = Bounds::default().operation + PROMPT;
    let timed = async |what: &str, work: &mut (dyn Future<Output = Result<(), ErrorCode>> + Unpin)| {
        let begun = Instant::now();
        let outcome = work.await;
        let taken = begun.elapsed();
        assert!(taken <= bound, "{what} took {taken:?}, its bound is {bound:?}");
        outcome
    };
    let long = Duration::from_secs(1500);
    let _ = timed("the first start", &mut Box::pin(engine.start(wide))).await;
    let _ = timed("start of another", &mut Box::pin(engine.start(other))).await;
    tokio::time::sleep(long).await;
    let _ = timed("regenerate metadata", &mut Box::pin(engine.regenerate_metadata(wide))).await;
    let _ = timed("regenerate statedump", &mut Box::pin(engine.regenerate_statedump(wide))).await;
    assert_eq!(timed("stop", &mut Box::pin(engine.stop(wide))).await, Err(ErrorCode::UstStopFail));
    // It goes on; who comes meanwhile waits no longer than the same bound.
    assert_eq!(engine.data_pending(wide).await, Ok(true));
    let again = timed("a second stop", &mut Box::pin(engine.stop(wide))).await;
    assert!(
        matches!(again, Err(ErrorCode::UstStopFail | ErrorCode::TraceAlreadyStopped)),
        "a second stop: {again:?}"
    );
    tokio::time::sleep(long).await;
    assert_eq!(timed("start", &mut Box::pin(engine.start(wide))).await, Err(ErrorCode::UstStartFail));
    tokio::time::sleep(long).await;
    assert!(stage.model.read(|model| model.session(wide).is_some_and(|session| session.active)));
    let destroyed = timed("destroy", &mut Box::pin(engine.destroy(wide))).await;
    assert_eq!(destroyed, Err(ErrorCode::CloseTraceChunkFailConsumer));
    let _ = timed("destroy of another", &mut Box::pin(engine.destroy(other))).await;
    tokio::time::sleep(long).await;
    assert_eq!(stage.model.read(|model| model.sessions().count()), 0, "what was destroyed is gone");
    stage.check_the_end();
    for (_, seen) in stage.consumers.borrow().iter() {
        let seen = seen.borrow();
        assert!(seen.faults.is_empty(), "treated badly: {:?}", seen.faults);
        assert!(seen.chunks.is_empty() && seen.metadata.is_empty(), "nothing is left in the consumer daemon");
    }
    stage.engine.shut_down(Duration::from_secs(5)).await;
}

impl Stage {
    fn set(dice: Dice, manners: Vec<consumer::Manner>) -> Stage {
        let consumers = Consumers::default();
        let trouble = if manners.is_empty() && dice.chance(10) { 20 } else { 0 };
        let spawner = Spawner { dice: dice.clone(), manners: RefCell::new(manners), seen: consumers.clone() };
        let model = SharedModel::default();
        let world = World {
            clock: Rc::new(StageClock(Cell::new(0))),
            files: Rc::new(StageFiles { dice: dice.clone(), trouble }),
            consumers: Rc::new(spawner),
            bounds: Bounds::default(),
            host_name: "stage".to_owned(),
            boot_id: None,
        };
        let engine = Engine::new(model.clone(), world);
        Stage {
            dice,
            model,
            engine,
            apps: Vec::new(),
            consumers,
            files_are_good: trouble == 0,
            sessions: Vec::new(),
            pids: 100,
        }
    }

    fn a_good_app_comes(&mut self) {
        self.pids += 1;
        let process = ProcessIdentity { pid: self.pids, uid: 1000, gid: 1000 };
        self.apps.push(App::begin(&self.engine, process, app::Manner::Good));
    }

    fn an_app_comes(&mut self) {
        self.pids += 1;
        let uid = 1000 + self.dice.below(2) as u32;
        let process = ProcessIdentity { pid: self.pids, uid, gid: uid };
        let manner = app::Manner::roll(&self.dice);
        self.apps.push(App::begin(&self.engine, process, manner));
    }

    fn create_session(&mut self) {
        let dice = self.dice.clone();
        let buffers = if dice.chance(30) { BufferOwnership::PerProcess } else { BufferOwnership::PerUser };
        let kind = if dice.chance(20) { SessionKind::Snapshot } else { SessionKind::Regular };
        let id = self.model.edit(|model| {
            let channels = (0..1 + dice.below(2))
                .map(|at| rttng_session::model::Channel {
                    id: ChannelId(model.fresh_object()),
                    name: format!("channel{at}"),
                    enabled: dice.chance(80),
                    attributes: ChannelAttributes::defaults(buffers, ChannelMode::Discard, 4096),
                    contexts: (0..dice.below(3)).map(|_| ContextKind::Vpid).collect(),
                    rules: (0..dice.below(70)).map(|_| rule(&dice, RuleId(model.fresh_object()))).collect(),
                    agent: false,
                })
                .collect();
            model.add_session(|id| Session {
                id,
                name: format!("session{}", id.0),
                name_is_generated: false,
                owner: Identity::own(),
                created: SystemTime::UNIX_EPOCH,
                kind,
                output: Output::Local(format!("/nowhere/{}", id.0).into()),
                shm_path: dice.chance(10).then(|| "/nowhere/shm".into()),
                active: false,
                started_once: false,
                destroying: false,
                ust: Some(UstDomain { buffers, buffers_are_fixed: true, channels, ..UstDomain::default() }),
            })
        });
        self.sessions.push(id);
    }

    /// Whether the consumer daemons that there were so far behave.
    fn consumers_are_good(&self) -> bool {
        self.files_are_good
            && self.consumers.borrow().iter().all(|(manner, _)| *manner == consumer::Manner::Good)
    }

    async fn within<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let outcome = tokio::time::timeout(Duration::from_secs(1000), work).await;
        let taken = begun.elapsed();
        let bound = if self.consumers_are_good() { BOUND } else { BOUND_WITHOUT_CONSUMER };
        assert!(outcome.is_ok() && taken <= bound, "{what} took {taken:?}, its bound is {bound:?}");
        outcome.unwrap_or_else(|_| unreachable!("asserted above"))
    }

    async fn act(&mut self) {
        let dice = self.dice.clone();
        let id = *dice.pick(&self.sessions);
        let engine = self.engine.clone();
        // Let those who have just come register, as they would on a machine.
        tokio::time::sleep(Duration::from_millis(1)).await;
        match dice.below(16) {
            0..=3 => self.start(id).await,
            4..=5 => {
                let stopped = self.within("stop", engine.stop(id)).await;
                if self.consumers_are_good() {
                    assert!(
                        matches!(stopped, Ok(()) | Err(ErrorCode::TraceAlreadyStopped)),
                        "stop: {stopped:?}"
                    );
                    if stopped.is_ok() {
                        self.check_metadata(id);
                    }
                }
            }
            6 => self.an_app_comes(),
            7 => {
                if !self.apps.is_empty() {
                    let at = dice.below(self.apps.len() as u64) as usize;
                    self.apps.remove(at).end();
                }
            }
            8 => self.edit_rules(id),
            9 => self.edit_tracker(id),
            10 => {
                let _ = self.within("regenerate metadata", engine.regenerate_metadata(id)).await;
                let _ = self.within("regenerate statedump", engine.regenerate_statedump(id)).await;
            }
            11 => {
                let _ = self.within("data pending", engine.data_pending(id)).await;
            }
            12 => {
                let listed = self.within("list", engine.list_tracepoints()).await;
                for app in self.apps.iter().filter(|app| app.manner == app::Manner::Good) {
                    let count =
                        listed.iter().filter(|of| of.application.process.pid == app.process.pid).count();
                    let seen = app.seen.borrow();
                    assert_eq!(
                        count, 40,
                        "tracepoints of a good application (registered: {}, commands: {})",
                        seen.registered, seen.commands
                    );
                }
            }
            13 => {
                let channel = self.model.read(|model| {
                    let session = model.session(id)?;
                    session.ust.as_ref()?.channels.first().map(|channel| channel.id)
                });
                if let Some(channel) = channel {
                    self.within("counters", engine.channel_counters(id, channel)).await;
                }
            }
            14 => {
                let _ = tokio::join!(
                    self.within("start beside another", engine.start(id)),
                    self.within("stop beside a start", engine.stop(id)),
                    self.within("data pending beside them", engine.data_pending(id)),
                );
            }
            _ => {
                self.destroy(id).await;
                self.create_session();
            }
        }
    }

    async fn start(&mut self, id: SessionId) {
        let engine = self.engine.clone();
        for app in &self.apps {
            app.seen.borrow_mut().enabled_at = None;
        }
        let begun = Instant::now();
        let started = self.within("start", engine.start(id)).await;
        if !self.consumers_are_good() {
            return;
        }
        assert!(matches!(started, Ok(()) | Err(ErrorCode::TraceAlreadyStarted)), "start: {started:?}");
        if started.is_ok() {
            for app in self.apps.iter().filter(|app| app.manner == app::Manner::Good) {
                if let Some(at) = app.seen.borrow().enabled_at {
                    let taken = at.duration_since(begun);
                    assert!(taken <= PROMPT, "a good application was delayed by {taken:?}");
                }
            }
        }
    }

    async fn destroy(&mut self, id: SessionId) {
        self.sessions.retain(|of| *of != id);
        let destroyed = self.within("destroy", self.engine.destroy(id)).await;
        if self.consumers_are_good() {
            assert_eq!(destroyed, Ok(()), "destroy");
        }
        assert!(self.model.read(|model| model.session(id).is_none()), "a destroyed session is there");
    }

    fn edit_rules(&self, id: SessionId) {
        let dice = &self.dice;
        self.model.edit(|model| {
            let number = RuleId(model.fresh_object());
            let Some(ust) = model.session_mut(id).and_then(|session| session.ust.as_mut()) else { return };
            let at = dice.below(ust.channels.len() as u64) as usize;
            let channel = &mut ust.channels[at];
            match dice.below(3) {
                0 => channel.rules.push(rule(dice, number)),
                1 => channel.enabled = !channel.enabled,
                _ => channel.rules.iter_mut().for_each(|rule| rule.enabled ^= dice.chance(30)),
            }
        });
    }

    fn edit_tracker(&self, id: SessionId) {
        let dice = &self.dice;
        self.model.edit(|model| {
            let Some(ust) = model.session_mut(id).and_then(|session| session.ust.as_mut()) else { return };
            match dice.below(3) {
                0 => ust.trackers.vuid.set_policy(TrackerPolicy::IncludeAll),
                1 => ust.trackers.vpid.set_policy(TrackerPolicy::IncludeAll),
                _ => {
                    ust.trackers.vuid.set_policy(TrackerPolicy::IncludeSet);
                    ust.trackers.vuid.values.push(TrackedValue::Number(1000));
                }
            }
        });
    }

    /// What must hold whenever all is quiet.
    async fn check(&self) {
        // Those who have just come are known then.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.within("settle", self.engine.settle()).await;
        for app in &self.apps {
            let seen = app.seen.borrow();
            let faults = &seen.faults;
            // What an application denies to have done cannot be undone either.
            let excused =
                matches!(app.manner, app::Manner::Babbles | app::Manner::Refuses(_) | app::Manner::Wrong(_));
            assert!(excused || faults.is_empty(), "{:?} was treated badly: {faults:?}", app.manner);
            if app.manner != app::Manner::Good {
                continue;
            }
            if self.consumers_are_good() {
                assert!(seen.registered, "a good application was not told that it is registered");
                let wanted = self.wanted_of(app);
                let has: Vec<_> = seen.sessions().into_iter().filter(|session| session.enabled).collect();
                let mut missing: Vec<_> = wanted.clone();
                missing.retain(|session| !has.contains(session));
                assert!(
                    missing.is_empty() && has.len() == wanted.len(),
                    "a good application has {has:#?}, wanted {wanted:#?}"
                );
            }
        }
        for (manner, seen) in self.consumers.borrow().iter() {
            let faults = &seen.borrow().faults;
            let failing = matches!(manner, consumer::Manner::Fails(_));
            assert!(failing || faults.is_empty(), "{manner:?} was treated badly: {faults:?}");
        }
    }

    /// After a stop the consumer daemon knows every event that a good application registered.
    fn check_metadata(&self, id: SessionId) {
        let names: BTreeSet<String> = self.model.read(|model| {
            let ust = model.session(id).and_then(|session| session.ust.as_ref());
            ust.iter()
                .flat_map(|ust| &ust.channels)
                .flat_map(|channel| &channel.rules)
                .map(|rule| rule.name.clone())
                .collect()
        });
        let mut text = String::new();
        for (_, seen) in self.consumers.borrow().iter() {
            for metadata in seen.borrow().metadata.values() {
                text.push_str(&String::from_utf8_lossy(metadata));
            }
        }
        for app in self.apps.iter().filter(|app| app.manner == app::Manner::Good) {
            for (name, _) in app.seen.borrow().event_ids.keys().filter(|(name, _)| names.contains(name)) {
                assert!(text.contains(&format!("name = \"{name}\";")), "{name} is not in the metadata");
            }
        }
    }

    /// The sessions that shall be enabled in an application.
    fn wanted_of(&self, app: &App) -> Vec<app::Session> {
        self.model.read(|model| {
            model
                .sessions()
                .filter(|session| session.active && !session.destroying)
                .filter_map(|session| session.ust.as_ref())
                .filter(|ust| ust.trackers.let_through(app.process))
                .map(|ust| app::Session {
                    enabled: true,
                    channels: ust
                        .channels
                        .iter()
                        .map(|channel| app::Channel {
                            enabled: channel.enabled,
                            contexts: channel.contexts.len(),
                            rules: channel
                                .rules
                                .iter()
                                .map(|rule| app::Rule {
                                    name: rule.name.clone(),
                                    enabled: rule.enabled,
                                    filtered: rule.filter.is_some(),
                                    exclusions: rule.exclusions.len(),
                                })
                                .collect(),
                        })
                        .collect(),
                })
                .collect()
        })
    }

    /// Nothing is left behind in peers that behave.
    fn check_the_end(&self) {
        for app in self.apps.iter().filter(|app| app.manner == app::Manner::Good) {
            assert!(app.seen.borrow().is_empty(), "objects are left in a good application");
        }
        if self.consumers_are_good() {
            for (_, seen) in self.consumers.borrow().iter() {
                let seen = seen.borrow();
                assert!(seen.chunks.is_empty(), "chunks are left: {:?}", seen.chunks);
                assert!(seen.metadata.is_empty(), "metadata channels are left: {:?}", seen.metadata.keys());
            }
        }
    }
}

fn rule(dice: &Dice, id: RuleId) -> EventRule {
    let filter = dice
        .chance(20)
        .then(|| Rc::new(Filter { expression: "i < 3".to_owned(), data: vec![0; 18], reloc_offset: 14 }));
    EventRule {
        id,
        name: format!("p:r{}", id.0),
        log_level: LogLevelRule::Any,
        filter,
        exclusions: (0..dice.below(2)).map(|at| format!("p:x{at}")).collect(),
        enabled: dice.chance(80),
        origin: RuleOrigin::Client,
    }
}
