//! Fields that are times by their names alone: `timestamp` in event headers, `timestamp_begin` and `timestamp_end` in packet
//! contexts. They are mapped to the clock that is declared before, or, if there is none, to one of nanoseconds that is made
//! for them, as babeltrace2 does (`docs/spec/trace-output.md`, 18.5).

use crate::class::{Clock, StreamClass};
use crate::types::{Field, Type};

/// Name of the clock that is made, as babeltrace2 has it.
const DEFAULT_CLOCK: &str = "default";

/// Maps the times of a stream that are mapped to nothing; a clock that is made for them comes to the others.
///
/// # Errors
/// When there are several clocks: which one is meant nobody knows.
pub(super) fn map_times(stream: &mut StreamClass, clocks: &mut Vec<Clock>) -> Result<(), String> {
    let mut unmapped = Vec::new();
    for (structure, names) in [
        (&mut stream.event_header, &["timestamp"][..]),
        (&mut stream.packet_context, &["timestamp_begin", "timestamp_end"]),
    ] {
        structure.iter_mut().for_each(|structure| find(&mut structure.fields, names, &mut unmapped));
    }
    let Some((first, _)) = unmapped.first() else { return Ok(()) };
    if clocks.is_empty() {
        let name = DEFAULT_CLOCK.to_owned();
        clocks.push(Clock { name, description: None, ..Clock::monotonic(None, 0) });
    }
    let [only] = clocks.as_slice() else {
        return Err(format!(
            "`{first}` is a time of none of the {} clocks: it lacks its `map`",
            clocks.len()
        ));
    };
    unmapped.into_iter().for_each(|(_, clock)| *clock = Some(only.name.clone()));
    Ok(())
}

/// Names of fields, and where the clock of each goes.
type Unmapped<'t> = Vec<(&'t str, &'t mut Option<String>)>;

fn find<'t>(fields: &'t mut [Field], names: &[&str], unmapped: &mut Unmapped<'t>) {
    for Field { name, ty } in fields {
        let clock = match ty {
            Type::Integer(integer) => &mut integer.clock,
            Type::Enumeration(enumeration) => &mut enumeration.container.clock,
            Type::Structure(inner) => {
                find(&mut inner.fields, names, unmapped);
                continue;
            }
            Type::Variant(variant) => {
                find(&mut variant.options, names, unmapped);
                continue;
            }
            _ => continue,
        };
        if clock.is_none() && names.contains(&name.as_str()) {
            unmapped.push((name, clock));
        }
    }
}
