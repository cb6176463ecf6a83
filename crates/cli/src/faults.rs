//! What commands that read traces say of them on standard error.

use rttng_ctf::read::Reader;

/// What was passed over in their metadata.
pub(crate) fn tell_warnings(command: &str, reader: &Reader) {
    for trace in reader.traces() {
        for warning in trace.warnings() {
            let path = trace.metadata().display();
            eprintln!("{command}: {path}, line {}: {}", warning.line, warning.message);
        }
    }
}

/// What of their data could not be read.
pub(crate) fn tell_damage(command: &str, reader: &Reader) {
    for damage in reader.damage() {
        eprintln!("{command}: {damage}");
    }
    let untold = reader.damage_count().saturating_sub(reader.damage().len() as u64);
    if untold > 0 {
        eprintln!("{command}: {untold} more such faults");
    }
}
