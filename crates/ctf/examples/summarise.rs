//! Prints what is in a folder of traces, in numbers, and how long that took.

use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: summarise FOLDER")?;
    let start = Instant::now();
    let summary = rttng_ctf::summary::summarise(folder.as_ref())?;
    let elapsed = start.elapsed().as_secs_f64();
    for (name, count) in &summary.events {
        println!("{count:12} {name}");
    }
    for fault in &summary.faults {
        println!("fault: {fault}");
    }
    let events = summary.event_count();
    println!(
        "{events} events in {} packets of {} streams, {} bytes; {} events discarded, {} packets lost",
        summary.packets(),
        summary.streams.len(),
        summary.bytes,
        summary.discarded_events(),
        summary.lost_packets(),
    );
    println!("{elapsed:.3} s, {:.1} million events/s", events as f64 / elapsed / 1e6);
    Ok(())
}
