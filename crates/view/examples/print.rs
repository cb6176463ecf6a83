//! Prints traces as babeltrace2 does, or counts their events: `cargo run --release --example print -- [--count] TRACE...`

use std::os::fd::AsFd;
use std::path::PathBuf;

use rttng_ctf::read::{Options, Reader};
use rttng_view::select::{Selection, Selector};
use rttng_view::text::{TextOptions, TextPrinter};
use rttng_view::{ViewError, run};

fn main() -> Result<(), ViewError> {
    let mut words = std::env::args_os().skip(1).peekable();
    let counts = words.next_if(|word| word == "--count").is_some();
    let folders: Vec<PathBuf> = words.map(PathBuf::from).collect();
    let mut reader = Reader::open(&folders, &Options::default())?;
    let mut selector = Selector::new(Selection::default(), &reader)?;
    if counts {
        println!("{}", run(&mut reader, &mut selector, &mut ())?.events);
        return Ok(());
    }
    // Not std's own, which looks for the ends of lines.
    let output = std::io::stdout().as_fd().try_clone_to_owned().map_err(ViewError::Write)?;
    let output = std::fs::File::from(output);
    let mut printer = TextPrinter::new(&reader, TextOptions::default(), output, std::io::stderr());
    run(&mut reader, &mut selector, &mut printer).map(|_| ())
}
