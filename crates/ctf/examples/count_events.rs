//! Counts the events of traces by their names, in as many threads as there are processors:
//! `cargo run --release --example count_events -- TRACE...`

use std::collections::BTreeMap;
use std::path::PathBuf;

use rttng_ctf::read::{Message, Options, ReadError, Reader};

fn main() -> Result<(), ReadError> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for (name, count) in count(&folders, threads)? {
        println!("{count:12} {name}");
    }
    Ok(())
}

/// How many events of each name there are.
pub(crate) fn count(folders: &[PathBuf], threads: usize) -> Result<BTreeMap<String, u64>, ReadError> {
    let mut reader = Reader::open(folders, &Options::default())?;
    // By numbers of trace, stream class and event class: names are looked up once, in the end.
    type Counts = BTreeMap<(usize, usize, usize), u64>;
    let counts = reader.in_parallel(threads, Counts::new, |counts, message| {
        if let Message::Event(event) = message {
            let class = (event.trace_number(), event.stream_class_number(), event.class_number());
            *counts.entry(class).or_default() += 1;
        }
        Ok::<(), ReadError>(())
    })?;
    let mut names = BTreeMap::new();
    for ((trace, stream, event), count) in counts.into_iter().flatten() {
        let class = &reader.traces()[trace].class().streams[stream].events[event];
        *names.entry(class.name.clone()).or_default() += count;
    }
    Ok(names)
}
