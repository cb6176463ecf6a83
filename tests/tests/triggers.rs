//! Triggers: conditions on events, what they notify of and what they do to sessions, with the real session daemon and with
//! ours, told by the real `lttng` and by ours, heard by a client of the real liblttng-ctl.

use rttng_tests::Make::{Ours, Real};
use rttng_tests::{Cast, Need, Recording, apps, eventually};

const NEEDS: &[Need] = &[Need::UstHeaders, Need::CtlHeaders];

/// Adds a trigger on events of user space that notifies.
fn notify(recording: &Recording, name: &str, more: &[&str]) {
    let fixed = ["add-trigger", "--name", name, "--condition=event-rule-matches", "--type=user"];
    recording.lttng([&fixed, more, &["--action=notify"]].concat());
}

/// Fires `demo:tick` so often, in a program that was told of the triggers before its `main`.
fn tick(recording: &Recording, count: &str) {
    recording.traced(apps::built("demo")).arg(count).run().ok();
}

/// Names, exclusions, filters, values, in programs that start after the trigger.
fn events_are_told_of(cast: Cast) {
    let Some(recording) = Recording::create(cast, NEEDS) else { return };
    notify(&recording, "first", &["--name=demo:*", "--filter=i < 3", "--capture=i", "--capture=s"]);
    notify(&recording, "other", &["--name=demo:*", "--exclude-name=demo:tick"]);
    notify(&recording, "context", &["--name=demo:tick", "--filter=i == 7", "--capture=$ctx.procname"]);
    let listener = recording.world.listen(["first", "other", "context"]);
    tick(&recording, "10");
    eventually("the triggers have fired", || listener.heard().len() >= 4);
    let mut heard = listener.finish();
    heard.sort();
    let first = |i| format!("first event-rule-matches u:{i} \"hello world\"");
    assert_eq!(heard, ["context event-rule-matches \"demo\"".to_owned(), first(0), first(1), first(2)]);
    let listed = recording.lttng(["list-triggers"]);
    assert!(listed.contains("rule: demo:* (type: user tracepoint, filter: i < 3)"), "{listed}");
    recording.lttng(["remove-trigger", "first"]);
    let listener = recording.world.listen(["context"]);
    tick(&recording, "10");
    eventually("the trigger that is left has fired", || !listener.heard().is_empty());
    assert_eq!(listener.finish().len(), 1);
}

/// Programs that run already are told of a trigger, and that it is gone.
fn running_programs_are_told(cast: Cast) {
    let Some(recording) = Recording::create(cast, NEEDS) else { return };
    let end = recording.world.file("end");
    let mortal = recording.traced(apps::built("mortal")).arg("--until").arg(&end).args(["--pace", "1000"]);
    let mut mortal = mortal.spawn();
    eventually("the program has registered", || {
        recording.world.real_lttng(["list", "-u"]).stdout.contains("rttng_mortal:tick")
    });
    notify(&recording, "gone", &["--name=rttng_mortal:*", "--capture=seq"]);
    let gone = recording.world.listen(["gone"]);
    eventually("it is told of", || gone.heard().len() >= 3);
    recording.lttng(["remove-trigger", "gone"]);
    notify(&recording, "there", &["--name=rttng_mortal:tick", "--capture=seq"]);
    let there = recording.world.listen(["there"]);
    eventually("the next one is told of", || there.heard().len() >= 3);
    std::fs::write(&end, "").expect("the world has room");
    mortal.ends().ok();
    // Each listener prints at its own pace: what counts is when the event was.
    let seqs = |heard: Vec<String>| -> Vec<u64> {
        let seq = |line: &str| line.rsplit_once(" u:").and_then(|(_, seq)| seq.parse().ok());
        heard.iter().map(|line| seq(line).unwrap_or_else(|| panic!("no number: {line}"))).collect()
    };
    let (gone, there) = (seqs(gone.finish()), seqs(there.finish()));
    assert!(gone.last() < there.first(), "a trigger that is gone is not told of: {gone:?}, then {there:?}");
}

/// Starting and stopping sessions, in the order of the list; what cannot be done is counted.
fn sessions_are_started_and_stopped(cast: Cast) {
    let Some(recording) = Recording::create(cast, NEEDS) else { return };
    recording.lttng(["enable-event", "-u", "demo:*"]);
    let act = |name: &str, filter: &str, actions: &[&str]| {
        let rule = ["--condition=event-rule-matches", "--type=user", "--name=demo:tick", filter];
        recording.lttng([&["add-trigger", "--name", name], &rule[..], actions].concat());
    };
    act("begin", "--filter=i == 0", &["--action=start-session", "recording", "--action=notify"]);
    act("end", "--filter=i == 9", &["--action=stop-session", "recording", "--action=notify"]);
    act("vain", "--filter=i == 1", &["--action=stop-session", "nobody", "--action=notify"]);
    let policies =
        ["--action=notify", "--rate-policy=every:3", "--action=notify", "--rate-policy=once-after:4"];
    act("often", "--filter=i < 100", &policies);
    let listener = recording.world.listen(["begin", "end", "vain", "often"]);
    let heard = |line: &str| listener.heard().iter().filter(|heard| **heard == line).count();
    tick(&recording, "2");
    eventually("the session is started", || heard("begin event-rule-matches") == 1);
    eventually("what is in vain was tried", || heard("vain event-rule-matches") == 1);
    assert!(recording.lttng(["list"]).contains("[active"), "the session is active");
    tick(&recording, "10");
    eventually("the session is stopped", || heard("end event-rule-matches") == 1);
    assert!(recording.lttng(["list"]).contains("[inactive"), "the session is inactive");
    // 12 events so far: the third, sixth, ninth and twelfth, and the fourth.
    eventually("policies", || heard("often event-rule-matches") == 5);
    let listed = recording.lttng(["list-triggers"]);
    let (_, vain) = listed.split_once("- name: vain").expect("it is listed");
    // Both runs of the program fired it.
    assert!(
        vain.contains("stop session `nobody`\n      errors:\n        total execution failures: 2\n"),
        "{vain}"
    );
    assert_eq!(listed.matches("total execution failures").count(), 1, "{listed}");
    listener.finish();
    recording.lttng(["destroy"]);
    let recorded = recording.world.babeltrace2(recording.trace());
    let mut ticks: Vec<Option<i64>> = recorded.iter().map(|event| event.int("i")).collect();
    // The session may have been started before the first run's last event.
    if ticks.len() > 10 {
        assert_eq!(ticks.remove(0), Some(1));
    }
    assert_eq!(ticks, (0..10).map(Some).collect::<Vec<_>>(), "all of the second run, and nothing after it");
}

/// While the daemon does nothing, the tracer counts what it cannot tell.
fn what_is_lost_is_counted(cast: Cast) {
    let Some(mut recording) = Recording::create(cast, NEEDS) else { return };
    const EVENTS: usize = 20_000;
    notify(&recording, "flood", &["--name=rttng_load:number", "--capture=seq"]);
    let listener = recording.world.listen(["flood"]);
    let go = recording.world.file("go");
    let flood = recording.traced(apps::built("load")).arg("--wait-for").arg(&go);
    let mut flood = flood.args(["--events", &EVENTS.to_string()]).spawn();
    // In its `main`, it needs nothing more of the daemon; one that is listed may.
    flood.wait_for_output("ready");
    recording.daemon.process.signal(rustix::process::Signal::STOP);
    std::fs::write(&go, "").expect("the world has room");
    flood.wait_for_output("events");
    recording.daemon.process.signal(rustix::process::Signal::CONT);
    let discarded = || -> usize {
        let listed = recording.lttng(["list-triggers"]);
        let count = listed.lines().find_map(|line| line.trim().strip_prefix("discarded tracer messages: "));
        count.map_or(0, |count| count.parse().expect("a number"))
    };
    eventually("every event is told of or counted", || listener.heard().len() + discarded() == EVENTS);
    assert!(discarded() > EVENTS / 2, "a pipe does not hold so many");
    // The last word is about the first events.
    assert!(listener.finish().contains(&"flood event-rule-matches u:0".to_owned()));
    // A trigger that has its place in the counters begins anew.
    recording.lttng(["remove-trigger", "flood"]);
    notify(&recording, "calm", &["--name=rttng_load:number"]);
    assert!(!recording.lttng(["list-triggers"]).contains("discarded"));
}

/// Who does not listen loses notifications, and nobody else does.
#[test]
fn a_deaf_client_is_not_waited_for() {
    let Some(recording) = Recording::create(OURS, NEEDS) else { return };
    notify(&recording, "flood", &["--name=rttng_load:number", "--capture=seq"]);
    // It does not ask whether something is waiting: liblttng-ctl then passes the word of what was dropped over.
    let hear = recording.world.file("hear");
    let deaf = recording.world.program(apps::client("listener")).arg("--deaf-until").arg(&hear);
    let mut deaf = deaf.arg("flood").spawn();
    deaf.wait_for_output("ready");
    let hears = recording.world.listen(["flood"]);
    let mut flood = recording.traced(apps::built("load")).args(["--events", "1000000000"]).spawn();
    // Some 6,000 fit into a socket and the daemon's queue.
    eventually("the other one hears more than can wait", || hears.heard().len() > 15_000);
    flood.kill();
    // What it left in its pipe comes before what another program tells.
    notify(&recording, "last", &["--name=demo:tick"]);
    let last = recording.world.listen(["last"]);
    eventually("it is forgotten", || !recording.lttng(["list", "-u"]).contains("load"));
    tick(&recording, "1");
    eventually("the next program is told of", || last.heard().len() == 1);
    let all = hears.finish();
    std::fs::write(&hear, "").expect("the world has room");
    deaf.wait_for_output("dropped\n");
    let heard = deaf.stdout();
    let heard: Vec<&str> = heard.lines().filter(|line| *line != "ready").collect();
    assert!(heard.len() < all.len(), "{} of {}", heard.len(), all.len());
    assert_eq!(heard.last(), Some(&"dropped"));
    assert_eq!(heard[..heard.len() - 1], all[..heard.len() - 1], "what is not lost is in order");
}

macro_rules! casts {
    ($($name:ident: $cast:expr;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn events_are_told_of() {
                super::events_are_told_of($cast);
            }

            #[test]
            fn running_programs_are_told() {
                super::running_programs_are_told($cast);
            }

            #[test]
            fn sessions_are_started_and_stopped() {
                super::sessions_are_started_and_stopped($cast);
            }

            #[test]
            fn what_is_lost_is_counted() {
                super::what_is_lost_is_counted($cast);
            }
        })*
    };
}

/// Our session daemon with the real programs around it.
const OURS: Cast = Cast { lttng: Real, sessiond: Ours, consumerd: Real };

casts! {
    real: Cast::REAL;
    daemon: OURS;
    client: Cast { lttng: Ours, ..Cast::REAL };
    ours: Cast::OURS;
}
