//! Prints one field of all events that have it, each with the event's time and name:
//! `cargo run --release --example print_field -- PATH TRACE...`, where PATH is `msg`, `point.x`, `list[3]` or such.

use std::io::Write;
use std::path::PathBuf;

use rttng_ctf::read::{FieldValue, Message, Options, Reader};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let path =
        words.next().and_then(|path| path.into_string().ok()).ok_or("usage: print_field PATH TRACE...")?;
    let folders: Vec<PathBuf> = words.map(PathBuf::from).collect();
    print_field(&path, &folders, &mut std::io::stdout().lock())
}

/// Writes a line for each event that has the field.
pub(crate) fn print_field(
    path: &str,
    folders: &[PathBuf],
    output: &mut dyn Write,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut reader = Reader::open(folders, &Options::default())?;
    // Where the field is in each kind of event is worked out once.
    let path = reader.path(path)?;
    while let Some(message) = reader.next()? {
        let Message::Event(event) = message else { continue };
        if let Some(value) = event.get::<FieldValue>(&path) {
            writeln!(output, "{} {}: {value}", event.nanoseconds().unwrap_or(0), event.class().name)?;
        }
    }
    Ok(())
}
