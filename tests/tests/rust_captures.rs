//! Triggers on events of Rust programs: what `--capture` captures reaches a listener of the real liblttng-ctl, and
//! notifications that were lost are counted.

use rttng_tests::Make::Ours;
use rttng_tests::{Cast, Need, Recording, apps, eventually};
use rustix::process::Signal;

const TRACED: &str = env!("CARGO_BIN_EXE_rust_traced");

/// Adds a trigger of that name on a rule of user space that notifies, with these captures.
fn notify(recording: &Recording, name: &str, rule: &[&str], captures: &[&str]) {
    let mut arguments = vec!["add-trigger", "--name", name, "--condition=event-rule-matches", "--type=user"];
    arguments.extend(rule);
    let captures: Vec<String> = captures.iter().map(|capture| format!("--capture={capture}")).collect();
    arguments.extend(captures.iter().map(String::as_str));
    arguments.push("--action=notify");
    recording.lttng(arguments);
}

/// Every type of field, elements, contexts, and what is not there. (An application sends MessagePack, which has one form
/// for natural numbers: the session daemon takes 2 of a signed field for unsigned.)
fn captured_values(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[Need::CtlHeaders]) else { return };
    let expected = [
        ("small", "i:-3"),
        ("large", "u:18446744073709551615"),
        ("hex", "u:48879"),
        ("network", "u:80"),
        ("half", "f:0.5"),
        ("third", "f:-0.25"),
        ("yes", "U:1"),
        ("text", "\"hello\""),
        ("array", "[i:-1 u:2 u:300]"),
        ("array[2]", "u:300"),
        ("array[3]", "none"),
        ("bytes", "[u:202 u:254]"),
        ("slice[1]", "u:8"),
        ("colour", "U:2"),
        ("request_path", "\"/index\""),
        ("nothing", "none"),
        ("$ctx.procname", "\"rust_traced\""),
        ("$app.shop:customer", "\"ada\""),
    ];
    notify(&recording, "types", &["--name=rust:types"], &expected.map(|(capture, _)| capture));
    notify(&recording, "severe", &["--name=rust:*", "--log-level=ERR.."], &[]);
    notify(&recording, "never", &["--name=rust:*", "--filter=large == 7"], &["large"]);
    let listener = recording.world.listen(["types", "severe", "never"]);
    recording.traced(TRACED).arg("types").run().ok();
    eventually("both triggers have fired", || listener.heard().len() >= 2);
    let heard = listener.finish();
    let captured = expected.map(|(_, value)| value).join(" ");
    assert_eq!(
        heard,
        [format!("types event-rule-matches {captured}"), "severe event-rule-matches".to_owned()]
    );
}

#[test]
fn captured_values_under_the_real_daemon() {
    captured_values(Cast::REAL);
}

#[test]
fn captured_values_under_our_daemon() {
    captured_values(Cast { sessiond: Ours, ..Cast::REAL });
}

/// The session daemon does not read for a while, and the pipe of notifications has room for some thousand: the others
/// are counted, and `lttng list-triggers` says how many there were.
fn lost_notifications(cast: Cast) {
    const ORDERS: u64 = 30_000;
    let Some(mut recording) = Recording::create(cast, &[Need::CtlHeaders]) else { return };
    notify(&recording, "placed", &["--name=orders:placed"], &["order"]);
    let until = recording.world.file("until");
    let orders = recording.traced(apps::example("rttng-ust", "orders"));
    let mut running = orders.arg(ORDERS.to_string()).arg(&until).spawn();
    // In its `main`, it needs nothing more of the session daemon; one that is listed may.
    running.wait_for_output("waiting");
    let listener = recording.world.listen(["placed"]);
    recording.daemon.process.signal(Signal::STOP);
    std::fs::write(until, "").expect("the world's folder has room");
    // A session daemon that does not read holds up nobody.
    running.ends().ok();
    recording.daemon.process.signal(Signal::CONT);
    let lost = || -> u64 {
        let listed = recording.lttng(["list-triggers"]);
        let number = listed.lines().find_map(|line| line.trim().strip_prefix("discarded tracer messages: "));
        number.map_or(0, |number| number.parse().expect("a number"))
    };
    eventually("notifications were lost", || lost() > 0);
    let heard = |lines: &[String]| lines.iter().filter(|line| *line != "dropped").count() as u64;
    // What the session daemon itself drops, for a listener that is too slow, it does not count.
    eventually("all others arrive", || {
        let lines = listener.heard();
        lines.len() as u64 > heard(&lines) || heard(&lines) + lost() == ORDERS
    });
    let lines = listener.finish();
    assert!(lost() < ORDERS && heard(&lines) <= ORDERS - lost(), "{} of {ORDERS} are lost", lost());
    assert_eq!(lines[0], "placed event-rule-matches u:0");
}

#[test]
fn lost_notifications_are_counted_under_our_daemon() {
    lost_notifications(Cast { sessiond: Ours, ..Cast::REAL });
}

#[test]
fn lost_notifications_are_counted_under_the_real_daemon() {
    lost_notifications(Cast::REAL);
}
