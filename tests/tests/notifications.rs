//! The notification channel: our client library beside both session daemons, conditions on channels and sessions, and what
//! clients and applications do to it that they should not.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rttng_control::{Client, ControlError, Endpoint, NotificationChannel, Told};
use rttng_tests::Make::{Ours, Real};
use rttng_tests::{Cast, Need, Recording, World, apps, eventually};
use rttng_wire::Encode as _;
use rttng_wire::client::capture::CapturedInteger;
use rttng_wire::client::{
    Action, BufferUsage, CapturedValue, Condition, DomainType, ErrorCode, ErrorQueryTarget, Evaluation,
    EventExpression, EventRule, EventRuleMatches, RatePolicy, Trigger, UsageThreshold, UserTracepointRule,
};
use rustix::process::Signal;

const NEEDS: &[Need] = &[Need::RealLttng, Need::UstHeaders];
const PATIENCE: Duration = Duration::from_secs(60);
/// Our session daemon with the real programs around it.
const OURS: Cast = Cast { lttng: Real, sessiond: Ours, consumerd: Real };

fn client(world: &World) -> Client {
    Client::new(Endpoint::at(world.outside("/run/lttng/client-lttng-sessiond")))
}

/// A trigger that notifies.
fn notifying(condition: Condition) -> Trigger {
    let action = Action::Notify { policy: RatePolicy::default() };
    let owner_uid = rustix::process::geteuid().as_raw();
    Trigger { name: None, owner_uid, is_hidden: false, condition, action }
}

/// A condition on events of that name, with these fields captured.
fn events(pattern: &str, captures: &[&str]) -> Condition {
    let rule = UserTracepointRule {
        pattern: pattern.to_owned(),
        filter: None,
        log_level: None,
        exclusions: Vec::new(),
    };
    let captures = captures.iter().map(|name| EventExpression::PayloadField((*name).to_owned())).collect();
    Condition::EventRuleMatches(EventRuleMatches { rule: EventRule::UserTracepoint(rule), captures })
}

/// The next notification.
#[track_caller]
fn next(channel: &mut NotificationChannel) -> Box<rttng_wire::client::Notification> {
    match channel.next(PATIENCE).expect("the daemon lives") {
        Some(Told::Notification(of)) => of,
        other => panic!("no notification: {other:?}"),
    }
}

fn tick(world: &World, count: &str) {
    world.program(apps::built("demo")).arg(count).run().ok();
}

/// Triggers, subscriptions and values through our library.
fn our_library(cast: Cast) {
    let Some(world) = World::open(NEEDS) else { return };
    let _daemon = world.sessiond(cast.sessiond, cast.consumerd);
    let client = client(&world);
    let ticks = events("demo:tick", &["i", "s", "missing"]);
    let trigger = client.register_trigger(notifying(ticks.clone()), &[]).expect("it is registered");
    assert_eq!(trigger.name.as_deref(), Some("trigger0"));
    let mut channel = client.notifications().expect("a daemon takes notification clients");
    assert!(channel.subscribe(&ticks).unwrap() && !channel.subscribe(&ticks).unwrap());
    assert!(!channel.unsubscribe(&events("demo:tick", &["i"])).unwrap());
    assert_eq!(channel.next(Duration::from_millis(50)).unwrap(), None);
    tick(&world, "3");
    for i in 0..3 {
        let told = next(&mut channel);
        assert!(told.trigger.same_as(&trigger));
        let captured = told.captured().expect("values");
        let values: Vec<&CapturedValue> = captured.iter().map(|(_, value)| value).collect();
        let [number, text, CapturedValue::Unavailable] = values[..] else { panic!("{values:?}") };
        assert_eq!(*number, CapturedValue::Integer(CapturedInteger::Unsigned(i)));
        assert_eq!(*text, CapturedValue::String(b"hello world".to_vec()));
    }
    assert!(channel.unsubscribe(&ticks).unwrap());
    tick(&world, "3");
    assert_eq!(channel.next(Duration::from_millis(200)).unwrap(), None, "the subscription is over");
    let errors = client.trigger_errors(&trigger, &[], ErrorQueryTarget::Condition).expect("it is there");
    assert_eq!(errors[0].value, 0);
    // The real daemon dies of being asked about an action that is in no list.
    if cast.sessiond == Ours {
        let target = ErrorQueryTarget::Action { path: Vec::new() };
        let errors = client.trigger_errors(&trigger, &[], target).expect("it is there");
        assert_eq!((errors.len(), errors[0].name.as_str()), (1, "total execution failures"));
    }
    let again = client.register_trigger(trigger.clone(), &[]).unwrap_err();
    assert!(again.is(ErrorCode::TriggerExists), "{again}");
    client.unregister_trigger(trigger.clone(), &[]).expect("it was there");
    let gone = client.unregister_trigger(trigger, &[]).unwrap_err();
    assert!(gone.is(ErrorCode::TriggerNotFound), "{gone}");
    assert!(client.list_triggers().unwrap().is_empty());
}

#[test]
fn our_library_beside_the_real_daemon() {
    our_library(Cast::REAL);
}

#[test]
fn our_library_beside_our_daemon() {
    our_library(OURS);
}

/// What is sampled: how full a channel is, and how much a session has recorded.
fn channels_and_sessions(cast: Cast) {
    let Some(recording) = Recording::create(cast, NEEDS) else { return };
    let world = &recording.world;
    let client = client(world);
    let channel = ["main", "--monitor-timer=100000", "--subbuf-size=4096", "--num-subbuf=4"];
    recording.lttng([&["enable-channel", "-u"], &channel[..]].concat());
    recording.lttng(["enable-event", "-u", "-c", "main", "demo:tick"]);
    let usage = |threshold| BufferUsage {
        threshold,
        session: "recording".into(),
        channel: "main".into(),
        domain: DomainType::Ust,
    };
    let low = Condition::BufferUsageLow(usage(UsageThreshold::Ratio(0.9)));
    let high = Condition::BufferUsageHigh(usage(UsageThreshold::Bytes(0)));
    let consumed = |threshold| Condition::SessionConsumedSize { threshold, session: "recording".into() };
    for condition in [&low, &consumed(4096), &consumed(1 << 40)] {
        client.register_trigger(notifying(condition.clone()), &[]).expect("it is registered");
    }
    let mut channel = client.notifications().expect("a daemon takes notification clients");
    for condition in [&low, &high, &consumed(4096), &consumed(1 << 40)] {
        assert!(channel.subscribe(condition).unwrap());
    }
    recording.lttng(["start"]);
    tick(world, "1000");
    let (mut sizes, mut levels) = (0, 0);
    while sizes == 0 || levels == 0 {
        match next(&mut channel).evaluation {
            Evaluation::SessionConsumedSize(size) => {
                assert!(size >= 4096, "{size}");
                sizes += 1;
            }
            Evaluation::BufferUsageLow(level) => {
                assert_eq!(level.buffer_capacity, 16_384);
                assert!(level.buffer_use <= 14_745, "{level:?}");
                levels += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    // What is true already fires at once, and is told to who subscribes.
    let trigger = client.register_trigger(notifying(high.clone()), &[]).expect("it is registered");
    loop {
        match next(&mut channel).evaluation {
            Evaluation::BufferUsageHigh(_) => break,
            // Where the consumer daemon has to wait for its turn, the buffers fill meanwhile, and are emptied again.
            Evaluation::BufferUsageLow(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let mut late = client.notifications().expect("a daemon takes notification clients");
    assert!(late.subscribe(&high).unwrap());
    assert!(next(&mut late).trigger.same_as(&trigger));
    assert_eq!(late.next(Duration::from_millis(300)).unwrap(), None, "it stays true: nothing becomes");
    for (trigger, _) in client.list_triggers().unwrap() {
        client.unregister_trigger(trigger, &[]).expect("it was there");
    }
    recording.lttng(["destroy"]);
}

#[test]
fn channels_and_sessions_of_the_real_daemon() {
    channels_and_sessions(Cast::REAL);
}

#[test]
fn channels_and_sessions_of_our_daemon() {
    channels_and_sessions(OURS);
}

#[test]
fn channels_and_sessions_of_our_daemons() {
    channels_and_sessions(Cast { consumerd: Ours, ..OURS });
}

/// Our daemon has neither rotations nor snapshots: it says so at once.
#[test]
fn what_cannot_be_done_is_refused() {
    let Some(world) = World::open(NEEDS) else { return };
    let _daemon = world.sessiond(Ours, Ours);
    let client = client(&world);
    let rotation = notifying(Condition::SessionRotationCompleted { session: "s".into() });
    let rotate = Action::RotateSession { session: "s".into(), policy: RatePolicy::default() };
    let rotate = Trigger { action: Action::List(vec![rotate]), ..notifying(events("*", &[])) };
    for trigger in [rotation, rotate] {
        let refused = client.register_trigger(trigger, &[]).unwrap_err();
        assert!(refused.is(ErrorCode::NotSupported), "{refused}");
    }
    let broken = EventExpression::PayloadField("i".repeat(70_000));
    let mut condition = events("*", &[]);
    if let Condition::EventRuleMatches(of) = &mut condition {
        of.captures.push(broken);
    }
    let refused = client.register_trigger(notifying(condition), &[]).unwrap_err();
    assert!(refused.is(ErrorCode::InvalidCaptureExpression), "{refused}");
    assert!(client.list_triggers().unwrap().is_empty());
}

/// Small pseudo-random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

/// Clients of the notification channel that say anything: the daemon goes on, and so do all others.
#[test]
fn nonsense_on_the_notification_channel() {
    let Some(world) = World::open(NEEDS) else { return };
    let _daemon = world.sessiond(Ours, Real);
    let client = client(&world);
    let ticks = events("demo:tick", &["i"]);
    client.register_trigger(notifying(ticks.clone()), &[]).expect("it is registered");
    let mut channel = client.notifications().expect("a daemon takes notification clients");
    assert!(channel.subscribe(&ticks).unwrap());
    let socket = world.outside("/run/lttng/sessiond-notification");
    let hello = [0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    let subscribe = rttng_wire::client::NotificationRequest::Subscribe(ticks.clone()).to_bytes();
    let whole = [&hello[..], &subscribe].concat();
    let mut dice = Dice(7);
    let mut idle = Vec::new();
    for _ in 0..300 {
        let mut said = whole.clone();
        for _ in 0..dice.roll(4) {
            let at = dice.roll(said.len());
            said[at] = dice.roll(256) as u8;
        }
        said.truncate(dice.roll(said.len()) + 1);
        let mut nonsense = UnixStream::connect(&socket).expect("the daemon takes connections");
        // It may have hung up by now.
        let _ = nonsense.write_all(&said);
        if dice.roll(4) == 0 {
            idle.push(nonsense);
        }
    }
    // Before its version, nothing is answered.
    let mut early = UnixStream::connect(&socket).expect("the daemon takes connections");
    early.write_all(&subscribe).expect("it is taken");
    early.set_read_timeout(Some(PATIENCE)).expect("a limit");
    assert_eq!(early.read(&mut [0; 1]).expect("it is hung up on"), 0);
    // Another major version is told, and the connection goes on.
    let mut other = UnixStream::connect(&socket).expect("the daemon takes connections");
    other.set_read_timeout(Some(PATIENCE)).expect("a limit");
    other.write_all(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 1]).expect("it is taken");
    let mut answer = [0; 21];
    other.read_exact(&mut answer).expect("it is answered");
    assert_eq!(answer, [0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0xfa]);
    tick(&world, "2");
    for _ in 0..2 {
        next(&mut channel);
    }
    drop(idle);
}

/// An application that lies in its pipe: what is no notification is passed over and counted, others are told of.
#[test]
fn an_application_that_lies_is_not_believed() {
    let Some(world) = World::open(NEEDS) else { return };
    let _daemon = world.sessiond(Ours, Real);
    let client = client(&world);
    let ticks = events("demo:tick", &["i"]);
    let trigger = client.register_trigger(notifying(ticks.clone()), &[]).expect("it is registered");
    let mut channel = client.notifications().expect("a daemon takes notification clients");
    assert!(channel.subscribe(&ticks).unwrap());
    let mut rogue = world.program(env!("CARGO_BIN_EXE_rogue_app")).spawn();
    rogue.wait_for_output("done");
    let mut dropped = 0;
    let true_one = loop {
        match channel.next(PATIENCE).expect("the daemon lives").expect("there is a true one") {
            Told::Dropped => dropped += 1,
            Told::Notification(true_one) => break true_one,
        }
    };
    assert!(dropped >= 1, "what was lost is told");
    let captured = true_one.captured().expect("values");
    assert_eq!(captured[0].1, CapturedValue::Integer(CapturedInteger::Unsigned(7)));
    tick(&world, "1");
    let told = next(&mut channel);
    assert_eq!(told.captured().expect("values")[0].1, CapturedValue::Integer(CapturedInteger::Unsigned(0)));
    let errors = client.trigger_errors(&trigger, &[], ErrorQueryTarget::Condition).expect("it is there");
    assert_eq!(errors[0].value, 7, "each lie about the trigger is counted");
    assert!(!rogue.is_over(), "it may go on as an application: {}", rogue.stderr());
}

/// A program that is killed while it tells, one that dies in the middle of an event, and a daemon that is killed: what is
/// left goes on, programs that have something to tell as well, and a new daemon begins with no trigger.
#[test]
fn deaths_on_either_side() {
    let Some(world) = World::open(NEEDS) else { return };
    let mut daemon = world.sessiond(Ours, Real);
    let client = client(&world);
    // What is captured is worked out in the middle of the event.
    client.register_trigger(notifying(events("*:*", &["word"])), &[]).expect("it is registered");
    let ticks = events("demo:tick", &["i"]);
    client.register_trigger(notifying(ticks.clone()), &[]).expect("it is registered");
    let mut channel = client.notifications().expect("a daemon takes notification clients");
    assert!(channel.subscribe(&ticks).unwrap());
    let mut floods: Vec<_> =
        (0..3).map(|_| world.program(apps::built("load")).args(["--events", "1000000000"]).spawn()).collect();
    let died = world.program(apps::built("mortal")).arg("--kill").run();
    assert_eq!(died.killed_by().or(died.code().map(|code| code - 128)), Some(9), "{died}");
    for flood in &mut floods {
        flood.kill();
    }
    tick(&world, "2");
    for _ in 0..2 {
        next(&mut channel);
    }
    let end = world.file("end");
    let mortal = world.program(apps::built("mortal")).arg("--until").arg(&end).args(["--pace", "1000"]);
    let mut survivor = mortal.spawn();
    eventually("the program has registered", || {
        world.real_lttng(["list", "-u"]).stdout.contains("rttng_mortal:tick")
    });
    // This one is about to tell of an event when its daemon dies, before it can notice.
    let telling = world.program(apps::built("mortal")).arg("--stop");
    let mut telling = telling.spawn();
    telling.wait_until_stopped();
    daemon.process.kill();
    telling.signal(Signal::CONT);
    telling.wait(PATIENCE).expect("it goes on to its end").ok();
    let begun = Instant::now();
    let hung_up = loop {
        match channel.next(PATIENCE) {
            Ok(Some(_)) => assert!(begun.elapsed() < PATIENCE, "it goes on"),
            Ok(None) => panic!("nothing is said of the daemon's end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(hung_up, ControlError::Disconnected(_)), "{hung_up:?}");
    let _daemon = world.sessiond(Ours, Real);
    assert!(client.list_triggers().unwrap().is_empty());
    let mortal = events("rttng_mortal:tick", &[]);
    client.register_trigger(notifying(mortal.clone()), &[]).expect("it is registered");
    let mut channel = client.notifications().expect("a daemon takes notification clients");
    assert!(channel.subscribe(&mortal).unwrap());
    next(&mut channel);
    std::fs::write(&end, "").expect("the world has room");
    survivor.wait(PATIENCE).expect("it lives until then").ok();
}
