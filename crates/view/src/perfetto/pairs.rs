//! Which events begin and end slices: told by their names, or by the user.

use std::collections::{BTreeMap, HashMap};

use rttng_ctf::decode::NodeKind;
use rttng_ctf::read::Reader;
use rttng_ctf::types::Scope;

/// Words that begin something, and those that end it.
const WORDS: [(&str, &[&str]); 6] = [
    ("begin", &["end"]),
    ("entry", &["exit"]),
    ("enter", &["exit", "leave"]),
    ("start", &["stop", "done", "end", "finish"]),
    ("acquire", &["release"]),
    ("submit", &["complete", "completed"]),
];

/// The field that says which span of the `tracing` crate an event is of.
pub(super) const SPAN: &str = "span";

/// A pair of events that is one slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRule {
    /// The event that begins it.
    pub begin: String,
    /// The event that ends it.
    pub end: String,
    /// The field of both whose value says what belongs together, on whatever thread. Without it, they belong together
    /// by nesting in their thread.
    pub key: Option<String>,
}

/// Text that is no pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no pair: write BEGIN,END or BEGIN,END,FIELD")]
pub struct BadPair(String);

impl std::str::FromStr for PairRule {
    type Err = BadPair;

    fn from_str(text: &str) -> Result<PairRule, BadPair> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let (begin, end, key) = match parts[..] {
            [begin, end] => (begin, end, None),
            [begin, end, key] if !key.is_empty() => (begin, end, Some(key.to_owned())),
            _ => return Err(BadPair(text.to_owned())),
        };
        if begin.is_empty() || end.is_empty() {
            return Err(BadPair(text.to_owned()));
        }
        Ok(PairRule { begin: begin.to_owned(), end: end.to_owned(), key })
    }
}

/// A kind of slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) name: String,
    pub(super) key: Option<String>,
}

/// What events of one name do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) begins: Option<usize>,
    pub(super) ends: Vec<usize>,
}

/// All kinds of slices, and the roles of events by name.
#[derive(Debug, Default)]
pub(super) struct Slices {
    pub(super) slices: Vec<Slice>,
    pub(super) roles: HashMap<String, Role>,
}

impl Slices {
    /// The slices in what `reader` gives: those of `rules`, and if wanted those that names tell.
    pub(super) fn of(reader: &Reader, rules: &[PairRule], detect: bool) -> Slices {
        let names = event_names(reader);
        let mut slices = Slices::default();
        for rule in rules {
            slices.add(&rule.begin, &rule.end, &rule.begin, rule.key.as_deref());
        }
        if detect {
            for name in names.keys() {
                for (end, slice) in ends_of(name, &|end| names.contains_key(end)) {
                    slices.add(name, &end, &slice, None);
                }
                // Spans of the `tracing` crate: from being made to being dropped.
                if let Some(slice) = name.strip_suffix(":new") {
                    let close = format!("{slice}:close");
                    if names[name] && names.get(&close) == Some(&true) {
                        slices.add(name, &close, slice, Some(SPAN));
                    }
                }
            }
        }
        slices
    }

    /// Adds a pair, unless its begin has another meaning already.
    fn add(&mut self, begin: &str, end: &str, name: &str, key: Option<&str>) {
        let known = self.roles.get(begin).and_then(|role| role.begins);
        let number = match known {
            Some(number) if self.slices[number].key.as_deref() == key => number,
            Some(_) => return,
            None => {
                self.slices.push(Slice { name: name.to_owned(), key: key.map(str::to_owned) });
                self.slices.len() - 1
            }
        };
        self.roles.entry(begin.to_owned()).or_default().begins = Some(number);
        let ends = &mut self.roles.entry(end.to_owned()).or_default().ends;
        if !ends.contains(&number) {
            ends.push(number);
        }
    }
}

/// The names of all events, and whether they are of a span.
fn event_names(reader: &Reader) -> BTreeMap<String, bool> {
    let mut names = BTreeMap::new();
    for trace in reader.traces() {
        for (number, stream) in trace.class().streams.iter().enumerate() {
            for (event, class) in stream.events.iter().enumerate() {
                let layout = trace.layout(number, event, Scope::EventFields);
                let span = layout.and_then(|layout| {
                    let node = layout.field(SPAN)?;
                    Some(matches!(layout.nodes()[node as usize].kind, NodeKind::Integer(_)))
                });
                *names.entry(class.name.clone()).or_insert(false) |= span == Some(true);
            }
        }
    }
    names
}

/// The ends that there are for an event that begins something by its name, each with the name of the slice: `x_begin`,
/// `x:begin`, and in the middle as in `syscall_entry_read`.
fn ends_of(name: &str, is_known: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (begin, ends) in WORDS {
        for (at, _) in name.match_indices(begin) {
            let (before, after) = (&name[..at], &name[at + begin.len()..]);
            let is_word =
                before.ends_with(['_', ':', '.', '-']) && (after.is_empty() || after.starts_with('_'));
            if !is_word {
                continue;
            }
            let stem = before.trim_end_matches(['_', ':', '.', '-']);
            let slice = format!("{stem}{after}");
            let ends = ends.iter().map(|end| format!("{before}{end}{after}")).filter(|end| is_known(end));
            found.extend(
                ends.map(|end| (end, if slice.is_empty() { name.to_owned() } else { slice.clone() })),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_pairs() {
        let known = ["db:query_begin", "db:query_end", "io_start", "io_done", "io_end", "a::b:span:exit"];
        let known = |name: &str| known.contains(&name) || name == "syscall_exit_read";
        let ends = |name: &str| ends_of(name, &known);
        let pair = |end: &str, slice: &str| (end.to_owned(), slice.to_owned());
        assert_eq!(ends("db:query_begin"), [pair("db:query_end", "db:query")]);
        assert_eq!(ends("io_start"), [pair("io_done", "io"), pair("io_end", "io")]);
        assert_eq!(ends("syscall_entry_read"), [pair("syscall_exit_read", "syscall_read")]);
        assert_eq!(ends("a::b:span:enter"), [pair("a::b:span:exit", "a::b:span")]);
        assert_eq!(ends("restart"), []);
        assert_eq!(ends("lonely_entry"), []);
    }

    #[test]
    fn pairs_are_read() {
        let rule = "a:x, a:y,id".parse::<PairRule>().unwrap();
        assert_eq!((rule.begin.as_str(), rule.end.as_str(), rule.key.as_deref()), ("a:x", "a:y", Some("id")));
        for bad in ["", "a", "a,", "a,b,", ",b", "a,b,c,d"] {
            assert!(bad.parse::<PairRule>().is_err(), "{bad}");
        }
    }
}
