//! Many applications at once: how long each command takes the session daemon, what it then holds in memory, and what
//! one application that hangs does to the others.

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
];

/// The life of a session before a crowd.
pub(crate) fn crowd(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    let crowd = stage.crowd(APPLICATIONS);
    stage.record("64k", "4", "rttng_load:number");
    let samples = [
        (CROWD_ROWS[0].what, &["start"] as &[&str]),
        (CROWD_ROWS[1].what, &["enable-event", "-u", "-c", "main", "rttng_load:text"]),
        (CROWD_ROWS[2].what, &["stop"]),
        (CROWD_ROWS[3].what, &["destroy"]),
    ]
    .map(|(what, args)| (what, stage.lttng(args).0.as_secs_f64()));
    disperse(crowd, &stage);
    stage.strike();
    Samples::from(samples)
}

pub(crate) const RULES_ROWS: &[Row] = &[
    Row { what: "200 applications, 1,000 event rules: start", unit: "s", digits: 2, bar: Bar::Ratio(0.2) },
    Row { what: "200 applications, 1,000 event rules: destroy", unit: "s", digits: 2, bar: Bar::Ratio(0.2) },
    Row {
        what: "resident memory of the session daemon after that",
        unit: "MiB",
        digits: 1,
        bar: Bar::Ratio(0.7),
    },
];

/// A session with many event rules before a crowd.
pub(crate) fn rules(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    let crowd = stage.crowd(APPLICATIONS);
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

pub(crate) const HUNG_ROWS: &[Row] = &[
    Row {
        what: "200 applications, one stopped by SIGSTOP: start",
        unit: "s",
        digits: 2,
        bar: Bar::Most(10.0),
    },
    Row { what: "the same: enable-event while started", unit: "s", digits: 2, bar: Bar::Most(10.0) },
    Row { what: "the same: stop", unit: "s", digits: 2, bar: Bar::Most(10.0) },
    Row { what: "the same: destroy", unit: "s", digits: 2, bar: Bar::Most(10.0) },
];

/// The life of a session before a crowd of which one does not answer.
pub(crate) fn hung(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    let crowd = stage.crowd(APPLICATIONS);
    let stopped = stage.world.processes("load")[APPLICATIONS / 2];
    stage.record("64k", "4", "rttng_load:number");
    kill_process(stopped, Signal::STOP).expect("an own process can be stopped");
    let samples = [
        (HUNG_ROWS[0].what, &["start"] as &[&str]),
        (HUNG_ROWS[1].what, &["enable-event", "-u", "-c", "main", "rttng_load:text"]),
        (HUNG_ROWS[2].what, &["stop"]),
        (HUNG_ROWS[3].what, &["destroy"]),
    ]
    .map(|(what, args)| (what, stage.lttng(args).0.as_secs_f64()));
    disperse(crowd, &stage);
    stage.strike();
    Samples::from(samples)
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
