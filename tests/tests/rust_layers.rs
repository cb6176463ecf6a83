//! What Rust programs see of rttng: the macros of `rttng-ust`, the layer for `tracing`, the logger for `log`, and the
//! bundled demonstration, under the real programs, read back with babeltrace2.

use std::collections::HashMap;
use std::fs;

use rttng_tests::{Cast, Event, Need, Recording, World, apps, events_by_name, eventually};

/// The payload of the only event of that name.
#[track_caller]
fn only<'e>(events: &'e [Event], name: &str) -> &'e Event {
    let mut found = events.iter().filter(|event| event.name == name);
    let event = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", events_by_name(events)));
    assert!(found.next().is_none(), "more than one {name}");
    event
}

/// What `examples/orders.rs` fires at last, as babeltrace2 prints it.
const KINDS: &str = "u_8 = 255, u_64 = 18446744073709551615, i_8 = -128, i_64 = -9223372036854775808, f_32 = 0.5, \
                     yes = ( \"true\" : container = 1 ), letter = \"ä\", text = \"Tee für \\\"Ada\\\"\", \
                     _bytes_length = 2, bytes = [ [0] = 0x0, [1] = 0xFF ], fixed = [ [0] = -1, [1] = 0, [2] = 1 ], \
                     _empty_length = 0, empty = [ ], some_tag = ( \"_some\" : container = 1 ), some = { 5 }, \
                     none_tag = ( \"_none\" : container = 0 ), none = { { } }, hex = 0xDEADBEEF, octal = 0644, \
                     wait = 1500000, address = 0x0, to_street = \"Main Street\", \
                     to_number_tag = ( \"_some\" : container = 1 ), to_number = { 12 }, shown = \"127.0.0.1\", \
                     debugged = \"Some(3)\"";

/// The same of what may be absent, and of elements.
const OPTIONAL: &str = "items_tag = ( \"_some\" : container = 1 ), _items_length = 2, items = [ [0] = 7, [1] = 8 ], \
                        gifts_tag = ( \"_none\" : container = 0 ), _gifts_length = 0, gifts = [ ], \
                        cards_tag = ( \"_some\" : container = 1 ), cards = { [ [0] = 3, [1] = 4 ] }, \
                        goods_tag = ( \"_some\" : container = 1 ), goods = { ( \"Coffee\" : container = 10 ) }, \
                        from_street_tag = ( \"_some\" : container = 1 ), from_street = { \"Mill Lane\" }, \
                        from_number_tag = ( \"_none\" : container = 0 ), from_number = { { } }, \
                        over_street_tag = ( \"_none\" : container = 0 ), over_street = { { } }, \
                        over_number_tag = ( \"_none\" : container = 0 ), over_number = { { } }, \
                        _waits_length = 1, waits = [ [0] = 5 ], answers = [ [0] = 1, [1] = 0 ], folder = \"/tmp\"";

fn macros(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[]) else { return };
    let orders = apps::example("rttng-ust", "orders");
    let until = recording.world.file("until");
    let mut running = recording.traced(orders).arg("8").arg(&until).spawn();
    // Events are listed before they are fired, with their levels and fields.
    let listed = || recording.lttng(["list", "--userspace", "--fields"]);
    eventually("the program is listed", || listed().contains("orders:placed"));
    let text = listed();
    for line in [
        "orders:placed (loglevel: TRACE_INFO (6)) (type: tracepoint)",
        "field: goods (enum)",
        "orders:cancelled (loglevel: TRACE_WARNING (4)) (type: tracepoint)",
        "field: reason (string)",
        "orders:kinds (loglevel: TRACE_DEBUG_FUNCTION (12)) (type: tracepoint)",
        "field: f_32 (float)",
        "field: i_64 (integer)",
        "lttng_ust_tracef:event (loglevel: TRACE_DEBUG (14)) (type: tracepoint)",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    let enable = |rule: &[&str]| recording.lttng([&["enable-event", "--userspace"], rule].concat());
    // By level and filter, by pattern with an exception, by filters on enumerations and elements.
    enable(&["orders:pl*", "--loglevel", "INFO", "--filter", "order >= 6"]);
    enable(&["orders:*", "--loglevel-only", "WARNING", "--exclude", "orders:none"]);
    enable(&["orders:packed", "--filter", "items[2] == 2 && order < 4"]);
    enable(&["orders:kinds", "--filter", "text == \"Tee*\" && yes == 1 && f_32 < 1.0 && fixed[0] == -1"]);
    enable(&["orders:optional", "--filter", "items[1] == 8 && waits[0] == 5 && answers[0] == 1"]);
    enable(&["orders:optional", "--filter", "gifts[0] == 0 || over_number == 0"]);
    enable(&["lttng_ust_tracef:*"]);
    enable(&["lttng_ust_tracelog:*"]);
    recording.lttng(["start"]);
    fs::write(until, "").expect("the world's folder has room");
    running.ends().ok();
    let events = recording.finish();
    let counts = events_by_name(&events);
    assert_eq!(counts["orders:placed"], 2, "{counts:?}");
    assert_eq!(counts["orders:cancelled"], 3, "{counts:?}");
    let packed = only(&events, "orders:packed");
    assert_eq!(
        packed.fields(),
        "order = 3, sum = 3, _items_length = 3, items = [ [0] = 0, [1] = 1, [2] = 2 ]"
    );
    assert_eq!(only(&events, "orders:kinds").fields(), KINDS);
    assert_eq!(only(&events, "orders:optional").fields(), OPTIONAL);
    assert_eq!(only(&events, "lttng_ust_tracef:event").value("msg"), Some("\"8 orders to go\""));
    let placed = events.iter().find(|event| event.name == "orders:placed").expect("two of them");
    assert_eq!(placed.fields(), "order = 6, goods = ( \"Tea\" : container = 0 )");
    let stock = only(&events, "lttng_ust_tracelog:LTTNG_UST_TRACEPOINT_LOGLEVEL_WARNING");
    assert_eq!(
        (stock.level.as_str(), stock.value("msg")),
        ("TRACE_WARNING (4)", Some("\"3 left in stock\""))
    );
}

#[test]
fn events_of_macros_under_the_real_daemons() {
    macros(Cast::REAL);
}

#[test]
fn events_of_macros_under_ours() {
    macros(Cast::OURS);
}

/// Spans are entered and left in the order of a stack, by each thread.
fn assert_nested(events: &[Event]) -> usize {
    let mut stacks: HashMap<i64, Vec<i64>> = HashMap::new();
    let mut entered = 0;
    for event in events {
        let Some(span) = event.int("span") else { continue };
        let thread = event.int("vtid").expect("the context was added");
        let stack = stacks.entry(thread).or_default();
        if event.name.ends_with(":enter") {
            stack.push(span);
            entered += 1;
        } else if event.name.ends_with(":exit") {
            let last = stack.iter().rposition(|of| *of == span).unwrap_or_else(|| panic!("{event:?}"));
            stack.remove(last);
        }
    }
    assert!(stacks.values().all(Vec::is_empty), "{stacks:?}");
    entered
}

#[test]
fn events_and_spans_of_tracing_under_the_real_daemons() {
    let Some(recording) = Recording::create(Cast::REAL, &[]) else { return };
    recording.lttng(["enable-event", "--userspace", "checkout:*,shop::door:*,stock::*"]);
    recording.lttng(["add-context", "--userspace", "--type", "vtid"]);
    recording.lttng(["start"]);
    recording.traced(apps::example("rttng-ust-tracing", "checkout")).run().ok();
    let events = recording.finish();
    let counts = events_by_name(&events);
    assert_eq!(assert_nested(&events), 9, "{counts:?}");
    for name in
        ["checkout:checkout:new", "checkout:checkout:close", "checkout:pay:exit", "checkout:sum:enter"]
    {
        assert_eq!(counts.get(name), Some(&3), "{counts:?}");
    }
    // Types are those of the values; the texts of `?` and of errors are text.
    let placed =
        events.iter().find(|event| event.value("message") == Some("\"order placed\"")).expect("placed");
    assert_eq!(
        (placed.level.as_str(), placed.int("items"), placed.value("total")),
        ("TRACE_INFO (6)", Some(2), Some("3.75"))
    );
    assert!(placed.fields().contains("express = ( \"true\" : container = 1 )"), "{placed:?}");
    let new = events.iter().find(|event| event.name == "checkout:checkout:new").expect("a span");
    assert_eq!((new.int("customer"), new.int("parent")), (Some(1), Some(0)));
    assert_eq!(placed.int("span"), new.int("span"), "the event happened in the span");
    assert!(placed.name.starts_with("checkout:checkout.rs:"), "{placed:?}");
    assert!(placed.value("file").is_some_and(|file| file.ends_with("examples/checkout.rs\"")), "{placed:?}");
    assert_eq!(placed.value("module"), Some("\"checkout\""));
    let sum = events.iter().find(|event| event.name == "checkout:sum:new").expect("a span");
    assert_eq!((sum.int("parent"), sum.level.as_str()), (new.int("span"), "TRACE_DEBUG_LINE (13)"));
    let failed = events.iter().find(|event| event.level == "TRACE_ERR (3)").expect("an error");
    assert_eq!((failed.value("error"), failed.int("customer")), (Some("\"no money\""), Some(2)));
    // One name, with a field and without it.
    let notes: Vec<_> =
        events.iter().filter(|event| event.name == "checkout:noted").map(|of| of.value("note")).collect();
    assert_eq!(notes, [None, None, Some("\"as a present\"")]);
    assert_eq!(
        only(&events, "shop::door:closed").value("big"),
        Some("\"340282366920938463463374607431768211455\"")
    );
    let follows = only(&events, "checkout:child:follows");
    assert_eq!(follows.int("follows"), only(&events, "checkout:parent:new").int("span"));
    // The log crate.
    let left =
        events.iter().find(|event| event.value("message") == Some("\"3 left in stock\"")).expect("a record");
    assert_eq!(left.level, "TRACE_WARNING (4)");
    assert!(events.iter().any(|event| event.name.starts_with("stock::tea:checkout.rs:")), "{counts:?}");
    let long = events.iter().find(|event| event.value("message") == Some("\"long\"")).expect("a long one");
    assert!(long.value("text").is_some_and(|text| text.ends_with("xxx…\"")), "{long:?}");
}

/// What is printed is another layer's business; errors come with all their causes, records of `log` with their pairs.
#[test]
fn another_layers_filter_leaves_the_trace_whole() {
    let Some(recording) = Recording::create(Cast::REAL, &[]) else { return };
    recording.lttng(["enable-event", "--userspace", "beside_text:*"]);
    recording.lttng(["start"]);
    let program = recording.traced(apps::example("rttng-ust-tracing", "beside_text"));
    let printed = program.env("RUST_LOG", "warn").run().ok();
    let events = recording.finish();
    assert_eq!(printed.lines().count(), 1, "{printed}");
    assert!(printed.contains("not delivered"), "{printed}");
    let counts = events_by_name(&events);
    for step in ["new", "enter", "exit", "close"] {
        assert_eq!(counts.get(&*format!("beside_text:delivery:{step}")), Some(&3), "{counts:?}");
    }
    let said = |text: &str| -> Vec<&Event> {
        let quoted = format!("\"{text}\"");
        events.iter().filter(|event| event.value("message") == Some(&quoted)).collect()
    };
    let looked_up: Vec<_> = said("looked up").iter().map(|event| event.int("order")).collect();
    assert_eq!(looked_up, [1, 2, 3].map(Some));
    let causes = "\"cannot deliver: the van does not come: the road is closed: snow\"";
    let failed = said("not delivered");
    assert_eq!(failed.iter().map(|event| event.value("error")).collect::<Vec<_>>(), [Some(causes)]);
    let sent = said("on its way");
    for (event, order) in sent.iter().zip(1..) {
        assert_eq!((event.int("order"), event.value("weight")), (Some(order), Some("0.5")), "{event:?}");
        assert_eq!(event.value("late"), (order == 2).then_some("\"an hour\""), "{event:?}");
        assert_eq!(event.value("whom"), Some("\"Ada\""), "{event:?}");
        let gift = format!("gift = ( \"{}\" : container = {} )", order == 1, u8::from(order == 1));
        assert!(event.fields().contains(&gift), "{event:?}");
    }
    assert_eq!(sent.len(), 3, "{counts:?}");
}

#[test]
fn rules_select_events_of_tracing() {
    let Some(recording) = Recording::create(Cast::REAL, &[]) else { return };
    recording.lttng([
        "enable-event",
        "--userspace",
        "checkout:*",
        "--loglevel",
        "INFO",
        "--filter",
        "customer == 2",
    ]);
    recording.lttng(["enable-event", "--userspace", "*:closed", "--filter", "at < 0"]);
    recording.lttng(["start"]);
    recording.traced(apps::example("rttng-ust-tracing", "checkout")).run().ok();
    let events = recording.finish();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names[..2], ["checkout:checkout:new", "checkout:pay:new"], "{names:?}");
    assert!(
        names[2].starts_with("checkout:checkout.rs:") && names[3..] == ["shop::door:closed"],
        "{names:?}"
    );
    assert_eq!(events[2].value("message"), Some("\"payment failed\""));
}

/// Asks the web server in the world, whose network is its own.
fn curl(recording: &Recording, options: &[&str], path: &str) -> String {
    let curl = recording.world.program("curl").args(["--silent", "--show-error", "--noproxy", "*"]);
    curl.args(options).arg(format!("http://127.0.0.1:8080{path}")).run().ok()
}

/// The server runs, and `tracing` remembers of most of its call sites that nobody wants them, when the rule comes.
#[test]
fn rules_that_come_later_reach_call_sites_that_nobody_wanted() {
    let Some(recording) = Recording::create(Cast::REAL, &[Need::Curl]) else { return };
    let server = recording.traced(apps::example("rttng-ust-tracing", "web_server")).arg("8080");
    let mut server = server.spawn();
    server.wait_for_output("listening");
    curl(&recording, &[], "/orders/6");
    // All call sites are asked about anew, and most are not wanted.
    recording.lttng(["enable-event", "--userspace", "shop:*"]);
    recording.lttng(["start"]);
    curl(&recording, &[], "/orders/7");
    recording.lttng(["enable-event", "--userspace", "tower_http::*"]);
    curl(&recording, &[], "/orders/8");
    recording.lttng(["disable-event", "--userspace", "shop:*"]);
    curl(&recording, &["--request", "POST"], "/stop");
    server.ends().ok();
    let events = recording.finish();
    let counts = events_by_name(&events);
    let shown = events.iter().filter(|event| event.value("message") == Some("\"order shown\""));
    assert_eq!(shown.map(|event| event.int("id")).collect::<Vec<_>>(), [Some(7), Some(8)], "{counts:?}");
    assert_eq!(counts.get("tower_http::trace::make_span:request:new"), Some(&2), "{counts:?}");
}

/// quinn, at both ends, with the instrumentation that it comes with (`docs/from-tracing-to-lttng.md`).
#[test]
fn files_over_quic_are_recorded_with_their_own_instrumentation() {
    let Some(recording) = Recording::create(Cast::REAL, &[]) else { return };
    recording.enable_patient_channel();
    let rule = "quic_files:*,quinn::*,quinn_proto::*";
    recording.lttng(["enable-event", "--userspace", "--channel=main", rule]);
    recording.lttng(["add-context", "--userspace", "--channel=main", "--type=vpid", "--type=vtid"]);
    recording.lttng(["start"]);
    let program = apps::example("rttng-ust-tracing", "quic_files");
    let (folder, copy) = (recording.world.file("served"), recording.world.file("copy"));
    let contents: Vec<u8> = (0..100_000u32).flat_map(|number| (number as u16).to_le_bytes()).collect();
    fs::create_dir(&folder).expect("the world's folder has room");
    fs::write(folder.join("words"), &contents).expect("the world's folder has room");
    let mut server = recording.traced(&program).args(["serve", "4433"]).arg(&folder).spawn();
    server.wait_for_output("listening");
    for name in ["words", ".stop"] {
        recording.traced(&program).args(["fetch", "4433", name]).arg(&copy).run().ok();
    }
    server.ends().ok();
    assert!(fs::read(&copy).expect("the file was fetched") == contents);
    let events = recording.finish();
    let counts = events_by_name(&events);
    assert!(assert_nested(&events) > 100, "{counts:?}");
    // The program's own: a file is sent within its connection, and its size is known later than its name.
    let file = only(&events, "quic_files:file:new");
    assert_eq!(file.value("name"), Some("\"words\""));
    let size = only(&events, "quic_files:file:record");
    assert_eq!((size.int("bytes"), size.int("span")), (Some(200_000), file.int("span")));
    let of_server = |event: &&Event| event.int("vpid") == file.int("vpid");
    assert!(
        events.iter().filter(of_server).any(|event| event.name == "quic_files:connection:new"
            && event.int("span") == file.int("parent")
            && event.scopes.contains("127.0.0.1")),
        "{counts:?}"
    );
    let sent = events.iter().find(|event| event.value("message") == Some("\"file sent\"")).expect("sent");
    assert_eq!((sent.int("bytes"), sent.int("span")), (Some(200_000), file.int("span")));
    // quinn's: frame after frame of the file, each in the span of its packet, up to its last byte.
    let received = events.iter().find(|event| event.value("message") == Some("\"file received\""));
    let client = received.expect("received").int("vpid");
    let of_client: Vec<&Event> = events.iter().filter(|event| event.int("vpid") == client).collect();
    let frames: Vec<&&Event> =
        of_client.iter().filter(|event| event.value("message") == Some("\"got stream frame\"")).collect();
    let end = |event: &&&Event| event.int("offset").zip(event.int("len")).map(|(from, len)| from + len);
    assert_eq!(frames.iter().map(end).max(), Some(Some(200_000)), "{counts:?}");
    let last = frames.iter().find(|event| event.scopes.contains("fin = ( \"true\" : container = 1 )"));
    let span = last.expect("the last frame says so").int("span");
    assert!(
        of_client
            .iter()
            .any(|event| event.name == "quinn_proto::connection:recv:new" && event.int("span") == span),
        "{counts:?}"
    );
    for end in [client, file.int("vpid")] {
        let drives = events
            .iter()
            .filter(|event| event.name == "quinn::connection:drive:enter" && event.int("vpid") == end);
        assert!(drives.count() > 0, "{counts:?}");
    }
}

/// axum, tower-http and h2 with the instrumentation that they come with, under curl (`docs/from-tracing-to-lttng.md`).
#[test]
fn a_web_server_is_recorded_with_its_own_instrumentation() {
    let Some(recording) = Recording::create(Cast::REAL, &[Need::Curl]) else { return };
    recording.lttng(["enable-event", "--userspace", "shop:*,axum::*,tower_http::*,h2::*"]);
    recording.lttng(["add-context", "--userspace", "--type", "vtid"]);
    recording.lttng(["start"]);
    // The world has a network of its own.
    let server = recording.traced(apps::example("rttng-ust-tracing", "web_server")).arg("8080");
    let mut server = server.spawn();
    server.wait_for_output("listening");
    let curl = |options: &[&str], path: &str| curl(&recording, options, path);
    for id in [7, 8, 9] {
        assert_eq!(curl(&[], &format!("/orders/{id}")), format!("order {id}: {}\n", 2.5 * f64::from(id)));
    }
    assert_eq!(curl(&["--http2-prior-knowledge"], "/orders/10"), "order 10: 25\n");
    curl(&[], "/orders/seven");
    curl(&[], "/orders/700");
    curl(&["--request", "POST"], "/stop");
    server.ends().ok();
    let events = recording.finish();
    let counts = events_by_name(&events);
    assert!(assert_nested(&events) > 7, "{counts:?}");
    assert_eq!(counts.get("tower_http::trace::make_span:request:new"), Some(&7), "{counts:?}");
    assert_eq!(counts.get("shop:look_up:close"), Some(&5), "{counts:?}");
    // An order's event is in the span of its request, whichever thread went on with it.
    let shown: Vec<&Event> =
        events.iter().filter(|event| event.value("message") == Some("\"order shown\"")).collect();
    assert_eq!(shown.iter().map(|event| event.int("id")).collect::<Vec<_>>(), [7, 8, 9, 10].map(Some));
    for (event, uri) in shown.iter().zip(["/orders/7", "/orders/8", "/orders/9", "/orders/10"]) {
        let of_request = |request: &&Event| {
            request.name == "tower_http::trace::make_span:request:new"
                && request.int("span") == event.int("span")
        };
        let requests: Vec<&Event> = events.iter().filter(of_request).collect();
        assert!(requests.iter().any(|of| of.value("uri").is_some_and(|of| of.contains(uri))), "{requests:?}");
    }
    let mut states: Vec<_> = events
        .iter()
        .filter(|event| event.name.starts_with("tower_http::trace::on_response:"))
        .map(|event| event.int("status"))
        .collect();
    states.sort_unstable();
    assert_eq!(states, [200, 200, 200, 200, 200, 400, 404].map(Some), "the statuses are integers");
    // axum says why it turned one down; h2, what it sent to whom.
    assert!(
        events.iter().any(|event| event.scopes.contains("Cannot parse `seven` to a `u64`")),
        "{counts:?}"
    );
    assert!(
        counts.keys().any(|name| name.starts_with("h2::codec::framed_write:FramedWrite::buffer:enter")),
        "{counts:?}"
    );
}

#[test]
fn the_demonstration_needs_nothing() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let trace = world.file("demo");
    let shown = world.rttng().args(["demo", "--output"]).arg(&trace).run();
    assert_eq!(shown.code(), Some(0), "{shown}");
    let events = world.babeltrace2(&trace);
    let counts = events_by_name(&events);
    for (name, count) in [
        ("demo:count", 20_000),
        ("demo:order", 32),
        ("demo:packed", 30),
        ("shop:order:new", 32),
        ("shop:order:close", 32),
        ("shop::till:pay:enter", 32),
        ("shop::warehouse:pack:exit", 30),
    ] {
        assert_eq!(counts.get(name), Some(&count), "{counts:?}");
    }
    assert!(assert_nested(&events) == 94, "{counts:?}");
    let processes: std::collections::BTreeSet<_> = events
        .iter()
        .filter(|event| event.name.starts_with("demo:"))
        .map(|event| event.int("vpid"))
        .collect();
    assert_eq!(processes.len(), 2);
    assert_eq!(events.iter().filter(|event| event.level == "TRACE_ERR (3)").count(), 2);
    // What it shows is of the trace.
    for part in ["demo:packed: { cpu_id = ", "order = 102", "a card without", "What to try next"] {
        assert!(shown.stdout.contains(part), "no {part:?} in {shown}");
    }
    assert!(shown.stderr.contains("20,000  demo:count"), "{shown}");
}
