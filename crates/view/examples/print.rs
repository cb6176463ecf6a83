//! Prints traces as babeltrace2 does, or counts their events: `cargo run --release --example print -- [--count] TRACE...`

use std::os::fd::AsFd;
use std::path::PathBuf;

use rttng_ctf::read::{Message, Options, Reader};
use rttng_view::ViewError;
use rttng_view::text::{TextOptions, TextPrinter};

fn main() -> Result<(), ViewError> {
    let mut words = std::env::args_os().skip(1).peekable();
    let counts = words.next_if(|word| word == "--count").is_some();
    let folders: Vec<PathBuf> = words.map(PathBuf::from).collect();
    let mut reader = Reader::open(&folders, &Options::default())?;
    if counts {
        let mut count = 0u64;
        while let Some(message) = reader.next()? {
            count += u64::from(matches!(message, Message::Event(_)));
        }
        println!("{count}");
        return Ok(());
    }
    // Not std's own, which looks for the ends of lines.
    let output = std::io::stdout().as_fd().try_clone_to_owned().map_err(ViewError::Write)?;
    let output = std::fs::File::from(output);
    TextPrinter::new(&reader, TextOptions::default(), output, std::io::stderr()).print_all(&mut reader)
}
