//! Numbers of the vectors' traces, and of a public collection, against what babeltrace2 prints of them.

use super::*;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace")
}

/// The events of babeltrace2's output, by name.
fn printed(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        // [time] (+delta) host NAME: { … }, where the host may be missing; names have no spaces but may have colons.
        let rest = line.split_once(") ").map_or(line, |(_, rest)| rest);
        let head = rest.split(": {").next().unwrap();
        let name = head.rsplit(' ').next().unwrap();
        *counts.entry(name.trim_end_matches(':').to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn events_are_counted_as_babeltrace_prints_them() {
    let mut compared = 0;
    for entry in std::fs::read_dir(vectors()).unwrap() {
        let vector = entry.unwrap().path();
        if !vector.is_dir() || vector.ends_with("dynctx-noevent") {
            continue;
        }
        let summary = summarise(&vector.join("trace")).unwrap();
        let wanted = printed(&std::fs::read_to_string(vector.join("bt2.txt")).unwrap());
        assert_eq!(summary.events, wanted, "{}", vector.display());
        assert_eq!(summary.faults, [], "{}", vector.display());
        assert!(summary.traces > 0 && summary.bytes > 0, "{}", vector.display());
        compared += 1;
    }
    assert!(compared >= 14, "only {compared} vectors");
}

/// babeltrace2 2.0.4 cannot open it; there is nothing in it.
#[test]
fn a_trace_without_event_classes_is_read() {
    let summary = summarise(&vectors().join("dynctx-noevent/trace")).unwrap();
    assert_eq!((summary.traces, summary.event_count(), summary.fault_count), (1, 0, 0));
    assert_eq!(summary.packets(), summary.streams.len() as u64);
}

/// The numbers in the `bt2.err` of each vector.
#[test]
fn losses_are_those_that_babeltrace_reports() {
    let discarded = summarise(&vectors().join("discarded/trace")).unwrap();
    assert_eq!((discarded.discarded_events(), discarded.lost_packets()), (290, 0));
    for name in ["overwrite", "snapshot"] {
        let summary = summarise(&vectors().join(name).join("trace")).unwrap();
        assert_eq!((summary.discarded_events(), summary.lost_packets()), (0, 3), "{name}");
    }
    let wrapped = summarise(&vectors().join("tracefiles/trace")).unwrap();
    assert!(wrapped.streams.iter().any(|stream| stream.packets_before == 2), "{wrapped:?}");
}

#[test]
fn times_are_those_of_the_first_and_last_event() {
    let summary = summarise(&vectors().join("per-uid/trace")).unwrap();
    let text = std::fs::read_to_string(vectors().join("per-uid/bt2.txt")).unwrap();
    let in_day = |line: &str| -> i128 {
        let time = line[1..].split(']').next().unwrap();
        let (clock, nanoseconds) = time.split_once('.').unwrap();
        let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i128>().unwrap());
        seconds * 1_000_000_000 + nanoseconds.parse::<i128>().unwrap()
    };
    let day = 86_400 * 1_000_000_000;
    assert_eq!(summary.begin.unwrap() % day, in_day(text.lines().next().unwrap()));
    assert_eq!(summary.end.unwrap() % day, in_day(text.lines().last().unwrap()));
}

#[test]
fn a_public_collection_is_counted() {
    let Some(collection) = crate::tsdl::tests::collection() else { return };
    let mut compared = 0;
    for entry in std::fs::read_dir(collection.join("readable")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let summary = summarise(&path).unwrap();
        // One trace prints what another does.
        let printed_as =
            if path.ends_with("env-warning") { path.with_file_name("succeed1") } else { path.clone() };
        let wanted = printed(&std::fs::read_to_string(printed_as.with_extension("out")).unwrap());
        // Some of these names have spaces, of which the printed text leaves the last word.
        let last_word =
            |(name, count): (&String, &u64)| (name.rsplit(' ').next().unwrap().to_owned(), *count);
        let counted: BTreeMap<String, u64> = summary.events.iter().map(last_word).collect();
        assert_eq!(counted, wanted, "{}: {:?}", path.display(), summary.faults);
        assert_eq!(summary.faults, [], "{}", path.display());
        compared += 1;
    }
    assert!(compared > 10);
    let lost = summarise(&collection.join("readable/2_lost_before_last")).unwrap();
    assert_eq!(lost.lost_packets(), 2);
    let broken = summarise(&collection.join("broken/invalid-packet-size")).unwrap();
    assert!(broken.faults[0].cause.contains("the file has 20264"), "{:?}", broken.faults);
}

#[test]
fn faults_do_not_hide_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let from = vectors().join("per-uid/trace/ust/uid/0/64-bit");
    for name in ["metadata", "channel0_0", "channel0_1"] {
        std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    let whole = summarise(folder.path()).unwrap();
    std::fs::write(
        folder.path().join("stray"),
        b"no packet at all, but long enough for a header ......................",
    )
    .unwrap();
    let summary = summarise(folder.path()).unwrap();
    assert_eq!(summary.events, whole.events);
    assert_eq!(summary.fault_count, 1);
    assert!(
        summary.faults[0].to_string().contains("stray, byte 0: the magic number is"),
        "{}",
        summary.faults[0]
    );

    std::fs::write(folder.path().join("metadata"), b"").unwrap();
    let summary = summarise(folder.path()).unwrap();
    assert!(summary.faults[0].cause.contains("still empty"));
    assert!(summarise(&folder.path().join("nowhere")).is_err());
}

#[test]
fn what_is_lost_is_counted_once() {
    let discarded = |counts: &[u64]| super::streams::discarded_since_first(counts.iter().copied());
    assert_eq!(discarded(&[]), 0);
    assert_eq!(discarded(&[3, 10]), 7);
    assert_eq!(discarded(&[3, 10, 0, 10, 0, 0, 12]), 9, "a count that falls and is back");
    assert_eq!(discarded(&[1000, 1]), 0);
    assert_eq!(discarded(&[0xffff_fffe, 1, 4]), 6, "a counter of 32 bits starts again at 0");
}
