//! How long it takes from one event to the next one of another name in the same thread:
//! `cargo run --release --example latency -- BEGIN END TRACE...`. Threads are told apart by the context `vtid`, which has to
//! be recorded (`lttng add-context --userspace --type=vtid`).

use std::collections::HashMap;
use std::path::PathBuf;

use rttng_ctf::read::{Message, Options, Reader};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let mut name = || words.next().and_then(|name| name.into_string().ok());
    let (begin, end) = name().zip(name()).ok_or("usage: latency BEGIN END TRACE...")?;
    let folders: Vec<PathBuf> = words.map(PathBuf::from).collect();
    let mut spans = latencies(&begin, &end, &folders)?;
    spans.sort_unstable();
    let (Some(least), Some(most)) = (spans.first(), spans.last()) else {
        println!("no {begin} is followed by a {end}");
        return Ok(());
    };
    let median = spans[spans.len() / 2];
    println!("{} pairs: {least} ns at least, {median} ns in the middle, {most} ns at most", spans.len());
    Ok(())
}

/// The nanoseconds between each event `begin` and the next event `end` of its thread.
pub(crate) fn latencies(
    begin: &str,
    end: &str,
    folders: &[PathBuf],
) -> Result<Vec<i64>, Box<dyn std::error::Error>> {
    let mut reader = Reader::open(folders, &Options::default())?;
    let thread = reader.path("stream.event.context.vtid")?;
    let mut begun: HashMap<(usize, i64), i64> = HashMap::new();
    let mut spans = Vec::new();
    while let Some(message) = reader.next()? {
        let Message::Event(event) = message else { continue };
        let name = &event.class().name;
        let (Some(time), Some(thread)) = (event.nanoseconds(), event.get::<i64>(&thread)) else { continue };
        // Thread ids of one trace have nothing to do with those of another.
        let thread = (event.trace_number(), thread);
        if name == end
            && let Some(since) = begun.remove(&thread)
        {
            spans.push(time - since);
        }
        if name == begin {
            begun.insert(thread, time);
        }
    }
    Ok(spans)
}
