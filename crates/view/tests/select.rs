//! Selections and the JSON form, on traces that the real tracer wrote, against the lines that babeltrace2 printed of them.

use std::path::Path;

use rttng_ctf::read::{Options, Reader};
use rttng_view::json::JsonPrinter;
use rttng_view::select::{Process, SelectError, Selection, Selector, TimeBound};
use rttng_view::text::{TextOptions, TextPrinter};
use rttng_view::{Losses, ViewError, run};
use serde_json::{Value, json};

fn vector(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace").join(name)
}

fn printed(name: &str, selection: Selection) -> Result<Vec<String>, ViewError> {
    let mut reader = Reader::open(&[vector(name).join("trace")], &Options::default())?;
    let mut selector = Selector::new(selection, &reader)?;
    let mut output = Vec::new();
    let options = TextOptions { gmt: true, delta: false, ..TextOptions::default() };
    let mut printer = TextPrinter::new(&reader, options, &mut output, std::io::sink());
    run(&mut reader, &mut selector, &mut printer)?;
    Ok(String::from_utf8_lossy(&output).lines().map(str::to_owned).collect())
}

/// All lines that babeltrace2 printed, without the times between.
fn all(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(vector(name).join("bt2.txt")).unwrap();
    let without_delta = |line: &str| {
        let (time, rest) = line.split_once(" (+")?;
        Some(format!("{time} {}", rest.split_once(") ")?.1))
    };
    text.lines().filter_map(without_delta).collect()
}

#[track_caller]
fn selects(name: &str, selection: Selection, wanted: impl Fn(&str) -> bool) {
    let wanted: Vec<String> = all(name).into_iter().filter(|line| wanted(line)).collect();
    assert!(!wanted.is_empty() && wanted.len() < all(name).len(), "this shows nothing");
    assert_eq!(printed(name, selection).unwrap(), wanted);
}

fn filter(text: &str) -> Selection {
    Selection { filter: Some(rttng_filter::compile(text).unwrap()), ..Selection::default() }
}

#[test]
fn events_are_selected_by_name() {
    let by = |pattern: &str| Selection { events: vec![pattern.to_owned()], ..Selection::default() };
    selects("per-uid", by("rich:*s"), |line| line.contains("rich:") && line.contains("s: {"));
    selects("per-uid", by("lttng_ust_tracef:event"), |line| line.contains("tracef"));
    assert_eq!(printed("per-uid", by("nothing:*")).unwrap(), [""; 0]);
}

#[test]
fn events_are_selected_by_an_expression() {
    selects("per-uid", filter("u8 == 255"), |line| line.contains("u8 = 255"));
    selects("per-uid", filter("i8 < 0 && f32 <= -0.5"), |line| line.contains("i8 = -1"));
    selects("per-uid", filter("str == \"hel*\""), |line| line.contains("str = \"hel"));
    selects("per-uid", filter("arr[2] == 16909060"), |line| line.contains("[2] = 16909060"));
    selects("ust-all", filter("has_build_id == 1"), |line| line.contains("has_build_id = 1"));
    selects("python", filter("$ctx.cpu_id == 1"), |line| line.contains("cpu_id = 1"));
    let error = printed("per-uid", filter("nowhere == 1")).unwrap_err();
    assert!(error.to_string().contains("fits no kind of event of these traces"), "{error}");
}

#[test]
fn events_are_selected_by_cpu_and_process() {
    selects("python", Selection { cpus: vec![1], ..Selection::default() }, |line| {
        line.contains("cpu_id = 1")
    });
    let by = |process: &str| Selection { processes: vec![Process::from(process)], ..Selection::default() };
    selects("per-pid", by("67"), |line| line.contains(":(67)"));
    assert_eq!(printed("per-pid", by("rich")).unwrap(), all("per-pid"));
    assert_eq!(printed("per-pid", by("poor")).unwrap(), [""; 0]);
    let line = all("contexts").remove(0);
    let vpid = line.split("vpid = ").nth(1).unwrap().split([',', ' ']).next().unwrap().to_owned();
    let same = |line: &&String| line.contains(&format!("vpid = {vpid},"));
    let wanted: Vec<String> = all("contexts").iter().filter(same).cloned().collect();
    assert_eq!(printed("contexts", by(&vpid)).unwrap(), wanted);
}

#[test]
fn events_are_selected_by_time_and_number() {
    let time = |at: usize| all("per-uid")[at][1..19].to_owned();
    let bound = |at: usize| Some(time(at).parse::<TimeBound>().unwrap());
    let selection = |begin, end| Selection { begin, end, gmt: true, ..Selection::default() };
    selects("per-uid", selection(bound(3), None), |line| line[1..19] >= *time(3));
    selects("per-uid", selection(bound(3), bound(6)), |line| {
        line[1..19] >= *time(3) && line[1..19] <= *time(6)
    });
    let backwards = printed("per-uid", selection(bound(6), bound(3))).unwrap_err();
    assert!(matches!(backwards, ViewError::Select(SelectError::Backwards)));
    let limited = printed("per-uid", Selection { limit: Some(4), ..Selection::default() }).unwrap();
    assert_eq!(limited, all("per-uid")[..4]);
}

fn objects(name: &str) -> (Vec<Value>, Losses) {
    let mut reader = Reader::open(&[vector(name).join("trace")], &Options::default()).unwrap();
    let mut selector = Selector::new(Selection::default(), &reader).unwrap();
    let mut output = Vec::new();
    let mut printer = JsonPrinter::new(&reader, &mut output);
    let ran = run(&mut reader, &mut selector, &mut printer).unwrap();
    let text = String::from_utf8(output).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), ran.losses)
}

#[test]
fn json_has_every_event() {
    for name in
        ["per-uid", "per-pid", "contexts", "dynctx", "ust-all", "python", "synthetic-kernel", "archives"]
    {
        let (objects, losses) = objects(name);
        assert_eq!(objects.len(), all(name).len(), "{name}");
        assert!(losses.is_none());
        for (object, line) in objects.iter().zip(all(name)) {
            assert!(line.contains(&format!(" {}: {{", object["event"].as_str().unwrap())), "{object}");
        }
    }
    let (objects, _) = objects("per-uid");
    assert_eq!(
        objects[0],
        json!({
            "timestamp": 1_795_374_599_960_930_208u64, "event": "rich:ints", "trace": "tracehost/ust/uid/0/64-bit",
            "hostname": "tracehost", "stream": {"class": 0, "id": 1}, "loglevel": 13, "packet": {"cpu_id": 1},
            "fields": {
                "i8": -1, "u8": 255, "i16": -1, "u16": 65535, "i32": -1, "u32": 4_294_967_295u32, "i64": -1,
                "u64": u64::MAX, "x32": u32::MAX, "n16": 65535, "nx32": u32::MAX, "lg": -1, "ch": 65, "bl": 1,
                "f32": -0.5, "f64": -0.25
            }
        })
    );
    let enums = objects.iter().find(|object| object["event"] == "rich:enums").unwrap();
    assert_eq!(enums["fields"]["c"], json!({"value": 0, "labels": ["RED"]}));
    let arrays = objects.iter().find(|object| object["event"] == "rich:arrays").unwrap();
    assert_eq!(arrays["fields"]["arr"], json!([1, -2, 16_909_060]));
    assert_eq!(arrays["fields"]["txt"], "hell");
}

#[test]
fn json_tells_of_losses() {
    let (objects, losses) = objects("discarded");
    assert_eq!(losses, Losses { events: 290, ..Losses::default() });
    let lost: Vec<&Value> = objects.iter().filter(|object| object.get("lost").is_some()).collect();
    assert_eq!((lost.len(), &lost[0]["lost"], &lost[0]["count"]), (1, &json!("events"), &json!(290)));
    assert_eq!(lost[0]["stream"], json!({"class": 0, "id": 0}));
}

/// From the latest first packet to the earliest end of a last one, as babeltrace2 2.0.4 has it.
#[test]
fn only_the_time_that_all_streams_share_can_be_shown() {
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace/discarded/trace");
    let mut reader = Reader::open(&[trace], &Options::default()).unwrap();
    let spans: Vec<_> = (0..2)
        .map(|stream| reader.packets(stream).filter_map(|packet| packet.span).collect::<Vec<_>>())
        .collect();
    let begin = spans.iter().map(|of| of[0].0).max().unwrap();
    let end = spans.iter().map(|of| of[of.len() - 1].1).min().unwrap();
    let mut within = 0;
    while let Some(message) = reader.next().unwrap() {
        if let rttng_ctf::read::Message::Event(event) = message {
            within += u64::from((begin..=end).contains(&event.nanoseconds().unwrap()));
        }
    }
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace/discarded/trace");
    let mut reader = Reader::open(&[trace], &Options::default()).unwrap();
    let selection = Selection { stream_intersection: true, ..Selection::default() };
    let mut selector = Selector::new(selection, &reader).unwrap();
    assert_eq!(rttng_view::run(&mut reader, &mut selector, &mut ()).unwrap().events, within);
}
