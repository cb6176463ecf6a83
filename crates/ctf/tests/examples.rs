//! The examples do what they say.

use std::path::{Path, PathBuf};

use rttng_ctf::read::{Message, Options, Reader};

#[allow(dead_code)]
#[path = "../examples/count_events.rs"]
mod count_events;
#[allow(dead_code)]
#[path = "../examples/latency.rs"]
mod latency;
#[allow(dead_code)]
#[path = "../examples/print_field.rs"]
mod print_field;

fn vector(name: &str) -> Vec<PathBuf> {
    vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace").join(name).join("trace")]
}

#[test]
fn events_are_counted_by_name() {
    for threads in [1, 2, 5] {
        let counts = count_events::count(&vector("per-uid"), threads).unwrap();
        assert_eq!(counts["rich:ints"], counts["rich:empty"]);
        let mut reader = Reader::open(&vector("per-uid"), &Options::default()).unwrap();
        let mut all = 0;
        while let Some(message) = reader.next().unwrap() {
            all += u64::from(matches!(message, Message::Event(_)));
        }
        assert_eq!(counts.values().sum::<u64>(), all);
    }
}

#[test]
fn a_field_is_printed() {
    let print = |path| {
        let mut output = Vec::new();
        print_field::print_field(path, &vector("per-uid"), &mut output).unwrap();
        String::from_utf8(output).unwrap()
    };
    assert_eq!(print("msg").lines().next(), Some("1795374599960937869 lttng_ust_tracef:event: tracef 0"));
    assert!(print("event.fields.arr[1]").lines().next().unwrap().ends_with(" rich:arrays: -2"));
    assert!(print("c").lines().next().unwrap().ends_with(" rich:enums: RED"));
    let unknown = print_field::print_field("nothing", &vector("per-uid"), &mut Vec::new()).unwrap_err();
    assert_eq!(unknown.to_string(), "no kind of event in these traces has a field `nothing`");
}

#[test]
fn the_time_between_two_events_is_measured() {
    // As babeltrace2 shows their times: see the vector's expected text.
    let spans = latency::latencies("rich:enums", "rich:enums", &vector("contexts")).unwrap();
    assert_eq!(spans.first(), Some(&116_522));
    assert!(spans.iter().all(|span| *span > 0));
}
