//! Some values of each event, typed, in time order, through the library: by paths that were resolved before, and by name.
//! Beside it babeltrace2's bindings for Python (`benches/bt2/fields.py`), with which programs read traces.

use std::path::Path;
use std::process::{Command, ExitCode};

use rttng_ctf::read::{Event, FieldPath, FieldValue, Message, Options, Reader};

use super::turn::turn;
use super::{EVENTS, Line, Place, median};
use crate::traces::Kind;

/// The word that makes this program read fields with our library ([`print_fields`]), and those for how.
pub(crate) const FIELDS: &str = "fields";
const BY_PATH: &str = "path";
const BY_NAME: &str = "name";

/// Turns of each.
const ROUNDS: usize = 3;

/// Events of what Python reads.
const FEW_EVENTS: u64 = EVENTS / 50;

/// What is read of each kind of trace.
fn names(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer | Kind::Streams => "value",
        Kind::Text => "value text",
        Kind::Kernel => "tid count next_prio",
    }
}

/// Ours both ways, and Python's if the bindings are there.
pub(super) fn measure(place: &Place) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bt2/fields.py");
    // Not what somebody's own Python has: the bindings are the distribution's.
    let python = format!("/usr/bin/python3 '{}'", script.display());
    let has_bindings = said("/usr/bin/python3 -c 'import bt2'").is_some();
    if !has_bindings {
        eprintln!("python3-bt2 was not found: only ours is measured");
    }
    let this = std::env::current_exe().expect("this program has a path");
    let ours = |how: &str| format!("'{}' {FIELDS} {how}", this.display());
    let lines = |kind: Kind| {
        let words = |events: u64| format!("'{}' {}", place.trace(kind, events).display(), names(kind));
        let (few, all) = (words(FEW_EVENTS), words(EVENTS));
        let expected = said(&format!("{} {few}", ours(BY_PATH)));
        assert_eq!(expected, said(&format!("{} {few}", ours(BY_NAME))));
        let (mut real, mut by_path, mut by_name) = (Vec::new(), Vec::new(), Vec::new());
        if has_bindings {
            assert_eq!(expected, said(&format!("{python} {few}")));
        }
        for _ in 0..ROUNDS {
            if has_bindings {
                real.push(turn(&format!("{python} {few}"), &place.folder).processor);
            }
            by_path.push(turn(&format!("{} {all}", ours(BY_PATH)), &place.folder).processor);
            by_name.push(turn(&format!("{} {all}", ours(BY_NAME)), &place.folder).processor);
        }
        let rate = |events: u64, seconds: Vec<f64>| events as f64 / 1e6 / median(seconds);
        let real = has_bindings.then(|| rate(FEW_EVENTS, real));
        let line = |what: &str, seconds: Vec<f64>| {
            let ours = rate(EVENTS, seconds);
            let times = real.map(|real| ours / real);
            Line { what, trace: kind.name(), real, ours, unit: "M events/s", times, ..Line::default() }.text()
        };
        [
            line("fields through the library, by resolved path (babeltrace2: its Python bindings)", by_path),
            line("fields through the library, by name", by_name),
        ]
    };
    [Kind::Integer, Kind::Text, Kind::Kernel].into_iter().flat_map(lines).collect()
}

/// What a line of the shell prints, if it ends well.
fn said(line: &str) -> Option<String> {
    let output = Command::new("sh").args(["-c", line]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A value as a number: that of an integer, the length of a text.
fn number(value: FieldValue<'_>) -> u64 {
    match value.as_bytes() {
        Some(text) => text.len() as u64,
        None => value.as_integer().map_or(0, |value| value as u64),
    }
}

/// Reads a trace `by_path` or by name, and prints what `benches/bt2/fields.py` prints.
pub(crate) fn print_fields(words: &[String]) -> ExitCode {
    let [how, trace, names @ ..] = words else { return ExitCode::from(2) };
    match read(how == BY_PATH, trace, names) {
        Ok((events, total)) => {
            println!("{events} events, {total:x}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn read(is_by_path: bool, trace: &str, names: &[String]) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let mut reader = Reader::open(&[trace.into()], &Options::default())?;
    let paths: Vec<FieldPath> = names.iter().map(|name| reader.path(name)).collect::<Result<_, _>>()?;
    let (mut events, mut total) = (0, 0u64);
    let mut add = |event: &Event<'_>| {
        events += 1;
        let mut take = |value: Option<FieldValue<'_>>| total = total.wrapping_add(value.map_or(0, number));
        match is_by_path {
            true => paths.iter().for_each(|path| take(event.at(path))),
            false => names.iter().for_each(|name| take(event.field(name))),
        }
    };
    while let Some(message) = reader.next()? {
        if let Message::Event(event) = message {
            add(&event);
        }
    }
    Ok((events, total))
}
