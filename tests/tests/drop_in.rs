//! The drop-in matrix: each of our programs in place of the real one, in every combination, gives the same trace.
//!
//! One program fires every kind of event from eight threads, forks, and the child does the same. Event by event, the
//! trace of each combination equals the one that the real programs record.

use std::sync::OnceLock;

use rttng_tests::Make::{Ours, Real};
use rttng_tests::{Cast, Event, Need, Recording, apps};

/// How buffers are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Buffers {
    PerUser,
    PerProcess,
}

/// What of an event must not depend on who recorded it. Order follows thread and round, because the tracer's clock
/// cannot order events of different threads the same way twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    name: String,
    thread: Option<i64>,
    seq: Option<i64>,
    level: String,
    scopes: String,
}

impl Known {
    fn of(event: &Event) -> Known {
        // Processors and process ids are chance; that they are recorded is not.
        let mut scopes = event.scopes.clone();
        for chance in ["cpu_id", "vpid", "vtid"] {
            let value = event.int(chance).unwrap_or_else(|| panic!("{chance} is not recorded: {event:?}"));
            scopes = scopes.replacen(&format!("{chance} = {value}"), chance, 1);
        }
        // babeltrace2 2.0.4 prints what it last read for a text of length 0.
        for text in ["counted", "blob"] {
            let empty = format!("_{text}_length = 0, {text} = \"");
            if let Some(start) = scopes.find(&empty).map(|at| at + empty.len()) {
                let end = scopes[start..].find('"').expect("a string has an end");
                scopes.replace_range(start..start + end, "");
            }
        }
        let (thread, seq) = (event.int("thread"), event.int("seq"));
        Known { name: event.name.clone(), thread, seq, level: event.level.clone(), scopes }
    }
}

/// Records the program with this cast. Everything that it says it fired must be there.
fn record(cast: Cast, buffers: Buffers) -> Option<Vec<Known>> {
    let recording = Recording::create(cast, &[Need::UstHeaders])?;
    let buffers = match buffers {
        Buffers::PerUser => "--buffers-uid",
        Buffers::PerProcess => "--buffers-pid",
    };
    // Room for all: what is compared is what is written, not who is in time.
    recording.lttng(["enable-channel", "-u", "main", buffers, "--subbuf-size=1M", "--num-subbuf=8"]);
    recording.lttng(["enable-event", "-u", "-c", "main", "rttng_*"]);
    recording.lttng(["add-context", "-u", "-c", "main", "-t", "vpid", "-t", "vtid", "-t", "procname"]);
    recording.lttng(["start"]);
    let fired = recording
        .traced(apps::built("fields"))
        .args(["--events", "60", "--threads", "8", "--fork"])
        .env("LD_PRELOAD", "liblttng-ust-fork.so.1")
        .run()
        .ok();
    let fired: usize = fired
        .lines()
        .filter_map(|line| line.strip_prefix("fired "))
        .map(|count| count.parse::<usize>().expect("a count"))
        .sum();
    assert_eq!(fired, 2 * 8 * 60 * 24);
    let mut events: Vec<Known> = recording.finish().iter().map(Known::of).collect();
    assert_eq!(events.len(), fired, "every event that was fired is recorded, once");
    events.sort();
    Some(events)
}

/// Records with the cast and compares to what the real programs recorded.
fn equals_the_real_one(cast: Cast, buffers: Buffers) {
    static REAL: [OnceLock<Option<Vec<Known>>>; 2] = [OnceLock::new(), OnceLock::new()];
    let Some(real) = REAL[buffers as usize].get_or_init(|| record(Cast::REAL, buffers)) else { return };
    let Some(events) = record(cast, buffers) else { return };
    for (event, real) in events.iter().zip(real) {
        assert_eq!(event, real, "recorded by {cast:?}");
    }
    assert_eq!(events.len(), real.len());
}

macro_rules! casts {
    ($($name:ident: $lttng:ident $sessiond:ident $consumerd:ident;)*) => {
        mod per_user {
            use super::*;
            $(#[test]
            fn $name() {
                equals_the_real_one(Cast { lttng: $lttng, sessiond: $sessiond, consumerd: $consumerd }, Buffers::PerUser);
            })*
        }
        mod per_process {
            use super::*;
            $(#[test]
            fn $name() {
                equals_the_real_one(Cast { lttng: $lttng, sessiond: $sessiond, consumerd: $consumerd }, Buffers::PerProcess);
            })*
        }
    };
}

// Named after the parts that are ours; order: lttng, session daemon, consumer daemon.
casts! {
    none: Real Real Real;
    lttng: Ours Real Real;
    sessiond: Real Ours Real;
    consumerd: Real Real Ours;
    lttng_and_sessiond: Ours Ours Real;
    lttng_and_consumerd: Ours Real Ours;
    sessiond_and_consumerd: Real Ours Ours;
    all: Ours Ours Ours;
}
