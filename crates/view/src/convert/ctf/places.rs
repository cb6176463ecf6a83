//! Where traces and streams stand in the output: where they stood, as far as names are not taken.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use rttng_ctf::read::{Reader, Trace};

/// Folders and files, relative to the output.
#[derive(Debug)]
pub(super) struct Places {
    /// The folder of each trace.
    pub(super) traces: Vec<PathBuf>,
    /// The data file of each stream in the folder of its trace.
    pub(super) streams: Vec<OsString>,
}

/// Gives each trace and each stream of a reader a place. What was read from several folders stands below their names, but
/// for a trace that has parts in several.
pub(super) fn of<P: AsRef<Path>>(reader: &Reader, roots: &[P]) -> Places {
    let mut taken = HashSet::new();
    let names = roots.iter().map(|root| {
        let name = root.as_ref().file_name().unwrap_or_default();
        unique(PathBuf::from(name), &mut taken)
    });
    let names: Vec<PathBuf> = names.collect();
    let mut taken = HashSet::new();
    let traces = reader.traces().iter().map(|trace| {
        let place = folder(trace);
        let root = match (roots, trace.places()) {
            ([_], _) | (_, [_, _, ..]) => None,
            _ => roots.iter().position(|root| trace.metadata().starts_with(root)),
        };
        unique(root.map_or(place.clone(), |root| names[root].join(&place)), &mut taken)
    });
    let traces: Vec<PathBuf> = traces.collect();
    // No folder of a trace is in that of another but as it was: their files must not meet.
    let mut taken: HashSet<PathBuf> = HashSet::new();
    taken
        .extend(traces.iter().flat_map(|place| [place.clone(), place.join("metadata"), place.join("index")]));
    let streams = (0..reader.stream_count()).map(|number| {
        let stream = reader.stream(number);
        let name = stream.path.file_name().unwrap_or(OsStr::new("stream"));
        let place = unique(traces[stream.trace].join(name), &mut taken);
        place.file_name().unwrap_or(name).to_owned()
    });
    Places { streams: streams.collect(), traces }
}

/// The folder of a trace; what its folders have in common at their ends, if they are several.
fn folder(trace: &Trace) -> PathBuf {
    let mut places = trace.places().iter();
    let Some(first) = places.next() else { return PathBuf::new() };
    let mut common: Vec<Component<'_>> = first.components().collect();
    for place in places {
        let ends = common.iter().rev().zip(place.components().rev());
        let same = ends.take_while(|(a, b)| **a == *b).count();
        common.drain(..common.len() - same);
    }
    common.into_iter().filter(|part| matches!(part, Component::Normal(_))).collect()
}

fn unique(place: PathBuf, taken: &mut HashSet<PathBuf>) -> PathBuf {
    if taken.insert(place.clone()) {
        return place;
    }
    let name = place.file_name().unwrap_or(OsStr::new("trace")).to_owned();
    (2u64..)
        .map(|number| {
            let mut name = name.clone();
            name.push(format!("-{number}"));
            place.with_file_name(name)
        })
        .find(|place| taken.insert(place.clone()))
        .unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_get_a_number() {
        let mut taken = HashSet::new();
        let names = ["a/b", "a/b", "a/b-2", "a/b", ""].map(|place| unique(PathBuf::from(place), &mut taken));
        assert_eq!(names, ["a/b", "a/b-2", "a/b-2-2", "a/b-3", ""].map(PathBuf::from));
    }
}
