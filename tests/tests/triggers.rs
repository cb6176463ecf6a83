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

macro_rules! casts {
    ($($name:ident: $cast:expr;)*) => {
        $(mod $name {
            use super::*;

            #[test]
            fn events_are_told_of() {
                super::events_are_told_of($cast);
            }
        })*
    };
}

casts! {
    real: Cast::REAL;
    daemon: Cast { sessiond: Ours, ..Cast::REAL };
    client: Cast { lttng: Ours, ..Cast::REAL };
    ours: Cast { lttng: Ours, sessiond: Ours, consumerd: Real };
}
