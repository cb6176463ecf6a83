//! Many applications at once: how long each command takes the session daemon, what it then holds in memory, and what
//! one application that hangs does to the others.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rttng_tests::Running;
use rustix::process::{Signal, kill_process};

use crate::stage::{Cast, Stage};
use crate::table::{Bar, Row, Samples};

const APPLICATIONS: usize = 200;
const RULES: usize = 1000;

pub(crate) const CROWD_ROWS: &[Row] = &[
    Row { what: "200 applications: start", unit: "s", digits: 3, bar: Bar::Ratio(0.5) },
    Row { what: "200 applications: enable-event while started", unit: "s", digits: 3, bar: Bar::Ratio(0.5) },
    Row { what: "200 applications: stop", unit: "s", digits: 3, bar: Bar::Ratio(0.5) },
    Row { what: "200 applications: destroy", unit: "s", digits: 3, bar: Bar::Ratio(0.5) },
    Row {
        what: "200 applications: resident memory of the session daemon after that",
        unit: "MiB",
        digits: 1,
        bar: Bar::Ratio(0.7),
    },
];

/// The life of a session before a crowd.
pub(crate) fn crowd(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    let crowd = stage.crowd(APPLICATIONS, "--idle");
    stage.record("64k", "4", "rttng_load:number");
    let samples = [
        (CROWD_ROWS[0].what, &["start"] as &[&str]),
        (CROWD_ROWS[1].what, &["enable-event", "-u", "-c", "main", "rttng_load:text"]),
        (CROWD_ROWS[2].what, &["stop"]),
        (CROWD_ROWS[3].what, &["destroy"]),
    ]
    .map(|(what, args)| (what, stage.lttng(args).0.as_secs_f64()));
    let mut samples = Samples::from(samples);
    samples.insert(CROWD_ROWS[4].what, stage.sessiond_rss_mib());
    disperse(crowd, &stage);
    stage.strike();
    samples
}

pub(crate) const RULES_ROWS: &[Row] = &[
    Row { what: "200 applications, 1,000 event rules: start", unit: "s", digits: 2, bar: Bar::Ratio(0.2) },
    Row { what: "200 applications, 1,000 event rules: destroy", unit: "s", digits: 2, bar: Bar::Ratio(0.2) },
    Row {
        what: "200 applications, 1,000 event rules: resident memory of the session daemon after that",
        unit: "MiB",
        digits: 1,
        bar: Bar::Ratio(0.7),
    },
];

/// A session with many event rules before a crowd.
pub(crate) fn rules(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    let crowd = stage.crowd(APPLICATIONS, "--idle");
    stage.record("64k", "4", "rttng_load:number");
    enable_rules(&stage);
    let start = stage.lttng(&["start"]).0.as_secs_f64();
    stage.lttng(&["stop"]);
    let destroy = stage.lttng(&["destroy"]).0.as_secs_f64();
    let memory = stage.sessiond_rss_mib();
    disperse(crowd, &stage);
    stage.strike();
    Samples::from([(RULES_ROWS[0].what, start), (RULES_ROWS[1].what, destroy), (RULES_ROWS[2].what, memory)])
}

/// Rules that match none of the applications' events, in commands of a length that a command line may have.
fn enable_rules(stage: &Stage) {
    let names: Vec<String> = (0..RULES).map(|number| format!("rttng_rules:event_{number}")).collect();
    for names in names.chunks(250) {
        stage.lttng(&["enable-event", "-u", "-c", "main", &names.join(",")]);
    }
}

const FREE: &str = "200 applications: from `start` until the last of them records";

pub(crate) const HUNG_ROWS: &[Row] = &[
    Row { what: FREE, unit: "s", digits: 2, bar: Bar::None },
    Row {
        what: "200 applications, one stopped by SIGSTOP: from `start` until the last of the others records",
        unit: "s",
        digits: 2,
        bar: Bar::Beside(FREE, 1.5),
    },
    Row { what: "the same: start", unit: "s", digits: 2, bar: Bar::Most(10.0) },
    Row { what: "the same: enable-event while started", unit: "s", digits: 2, bar: Bar::Most(10.0) },
    Row { what: "the same: stop", unit: "s", digits: 2, bar: Bar::Most(10.0) },
    Row { what: "the same: destroy", unit: "s", digits: 2, bar: Bar::Most(10.0) },
];

/// The life of a session before a crowd of which one does not answer, and before one of which all do.
pub(crate) fn hung(cast: Cast) -> Samples {
    let free = session_before_crowd(cast, false);
    let hung = session_before_crowd(cast, true);
    let mut samples = Samples::from([(FREE, free[0])]);
    samples.extend(HUNG_ROWS[1..].iter().map(|row| row.what).zip(hung));
    samples
}

/// Seconds: until the last application that can records, then what each command takes.
fn session_before_crowd(cast: Cast, with_stopped: bool) -> [f64; 5] {
    let stage = Stage::set(cast);
    let crowd = stage.crowd(APPLICATIONS, "--once-enabled");
    stage.record("64k", "16", "rttng_load:number");
    stage.lttng(&["add-context", "-u", "-c", "main", "-t", "vpid"]);
    if with_stopped {
        let stopped = stage.world.processes("load")[APPLICATIONS / 2];
        kill_process(stopped, Signal::STOP).expect("an own process can be stopped");
    }
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs_f64();
    let seconds = |args: &[&str]| stage.lttng(args).0.as_secs_f64();
    let start = seconds(&["start"]);
    // They fire as soon as they are told to; on a busy machine that takes its time.
    std::thread::sleep(Duration::from_secs(2));
    let enable = seconds(&["enable-event", "-u", "-c", "main", "rttng_load:text"]);
    let (stop, destroy) = (seconds(&["stop"]), seconds(&["destroy"]));
    let first = stage.first_events();
    assert_eq!(first.len(), APPLICATIONS - usize::from(with_stopped), "an application recorded nothing");
    let last = first.into_values().fold(begun, f64::max) - begun;
    disperse(crowd, &stage);
    stage.strike();
    [last, start, enable, stop, destroy]
}

/// Ends all applications.
fn disperse(mut crowd: Running, stage: &Stage) {
    crowd.kill();
    for pid in stage.world.processes("load") {
        // It may have ended by itself in the meantime.
        let _ = kill_process(pid, Signal::KILL);
    }
    rttng_tests::eventually("all applications have ended", || stage.world.processes("load").is_empty());
}
