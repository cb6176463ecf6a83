//! The text of traces that the real tracer wrote, against what babeltrace2 2.0.4 printed of them.

use std::path::{Path, PathBuf};

use rttng_ctf::read::{Options, Reader};
use rttng_view::select::{Selection, Selector};
use rttng_view::text::{TextOptions, TextPrinter};
use rttng_view::{ViewError, run};

/// Events, messages, and how it ended.
fn printed(trace: &Path, options: TextOptions) -> (Vec<u8>, Vec<u8>, Result<(), ViewError>) {
    let (mut output, mut messages) = (Vec::new(), Vec::new());
    let outcome = Reader::open(&[trace.to_owned()], &Options::default()).map_err(ViewError::from);
    let outcome = outcome.and_then(|mut reader| {
        let mut selector = Selector::new(Selection::default(), &reader)?;
        let mut printer = TextPrinter::new(&reader, options, &mut output, &mut messages);
        run(&mut reader, &mut selector, &mut printer).map(|_| ())
    });
    (output, messages, outcome)
}

fn of_utc() -> TextOptions {
    TextOptions { gmt: true, ..TextOptions::default() }
}

/// The warnings about losses, with paths from `trace/` on: where the traces were when they were printed is of no matter.
fn losses(messages: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(messages);
    let shortened = |line: &str| {
        let (before, path) = line.split_once("within stream \"")?;
        let (path, after) = path.split_once('"')?;
        let path = path.rsplit('/').next()?;
        Some(format!("{before}within stream {path}{after}"))
    };
    text.lines().filter(|line| line.starts_with("WARNING: ")).filter_map(shortened).collect()
}

#[track_caller]
fn same_text(ours: &[u8], theirs: &[u8], place: &Path) {
    let (ours, theirs) = (String::from_utf8_lossy(ours), String::from_utf8_lossy(theirs));
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        assert_eq!(ours, theirs, "{}", place.display());
    }
    assert_eq!(ours.len(), theirs.len(), "{}", place.display());
}

fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

#[test]
fn recorded_traces_print_as_by_babeltrace() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace");
    let mut compared = 0;
    for entry in std::fs::read_dir(vectors).unwrap() {
        let vector = entry.unwrap().path();
        // babeltrace2 aborts on one that has no event classes.
        if !vector.is_dir() || vector.ends_with("dynctx-noevent") {
            continue;
        }
        let (output, messages, outcome) = printed(&vector.join("trace"), of_utc());
        outcome.unwrap_or_else(|error| panic!("{}: {error}", vector.display()));
        same_text(&output, &read(vector.join("bt2.txt")), &vector);
        assert_eq!(losses(&messages), losses(&read(vector.join("bt2.err"))), "{}", vector.display());
        compared += 1;
    }
    assert!(compared >= 14, "only {compared} vectors");
}

/// A public collection beside the project, if it is there: what is readable prints the same, what is broken is refused.
#[test]
fn a_public_collection_prints_as_by_babeltrace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let found =
        ["shared/traces", "../shared/traces"].map(|path| root.join(path)).into_iter().find(|p| p.is_dir());
    let Some(collection) = found else {
        eprintln!("skipped: ../shared/traces is not there");
        return;
    };
    let folders = |kind: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(collection.join(kind)).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect()
    };
    for trace in folders("readable") {
        // One trace prints what another does.
        let as_by =
            if trace.ends_with("env-warning") { trace.with_file_name("succeed1") } else { trace.clone() };
        let (output, messages, outcome) = printed(&trace, of_utc());
        outcome.unwrap_or_else(|error| panic!("{}: {error}", trace.display()));
        same_text(&output, &read(as_by.with_extension("out")), &trace);
        assert_eq!(losses(&messages), losses(&read(as_by.with_extension("err"))), "{}", trace.display());
    }
    for trace in folders("broken") {
        let (output, _, outcome) = printed(&trace, of_utc());
        let error = outcome.unwrap_err().to_string();
        assert!(output.is_empty() && error.contains(&trace.display().to_string()), "{error}");
    }
}

/// An output that takes nothing.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_takes_nothing_is_an_error() {
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace/per-uid/trace");
    let mut reader = Reader::open(&[trace], &Options::default()).unwrap();
    let mut selector = Selector::new(Selection::default(), &reader).unwrap();
    let mut printer = TextPrinter::new(&reader, of_utc(), Full, std::io::sink());
    let outcome = run(&mut reader, &mut selector, &mut printer);
    assert!(matches!(outcome, Err(ViewError::Write(_))));
}
