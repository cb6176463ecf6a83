//! Which events begin and end slices: told by their names, or by the user.

use std::collections::{BTreeMap, HashMap};

use rttng_ctf::decode::NodeKind;
use rttng_ctf::read::Reader;
use rttng_ctf::types::Scope;

use crate::pair::{PairRule, ends_of};

/// The field that says which span of the `tracing` crate an event is of.
pub(super) const SPAN: &str = "span";

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
