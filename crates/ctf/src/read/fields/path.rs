//! Paths: which field is meant, and where it is in each kind of event.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::super::stream::Stream;
use super::super::{Event, Reader, StreamReader};
use super::NEAREST_FIRST;
use super::place::Place;
use super::value::FieldValue;
use crate::decode::{Layout, NodeId, NodeKind, StreamDecoder};
use crate::types::Scope;

/// A field by name, and where it is in each kind of event: from [`Reader::path`].
///
/// It serves all readers that were forked from that one, and its streams. For events of kinds that were not known when
/// it was made (a trace that is still being written), of other traces as well, it looks for the names each time.
#[derive(Debug, Clone)]
pub struct FieldPath {
    names: Names,
    streams: Vec<StreamPlaces>,
}

/// A path as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    scope: Option<Scope>,
    steps: Vec<Step>,
}

/// Where the field is in the events of one stream.
#[derive(Debug, Clone)]
struct StreamPlaces {
    decoder: Arc<StreamDecoder>,
    places: Arc<[Option<Place>]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Element(usize),
}

/// Why there is no such path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It is not written as paths are.
    #[error(
        "\"{path}\" is no path of a field: {cause} (such as `msg`, `point.x`, `list[3]`, `stream.event.context.vpid`)"
    )]
    Syntax {
        /// The path.
        path: String,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// No kind of event has such a field.
    #[error("no kind of event in these traces has a field `{path}`")]
    Unknown {
        /// The path.
        path: String,
    },
}

impl FromStr for Names {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Names, PathError> {
        let wrong = |cause| PathError::Syntax { path: path.to_owned(), cause };
        let within =
            |scope: &Scope| path.strip_prefix(scope.path())?.strip_prefix('.').map(|rest| (*scope, rest));
        let (scope, mut rest) = match Scope::ALL.iter().find_map(within) {
            Some((scope, rest)) => (Some(scope), rest),
            None => (None, path),
        };
        let mut steps = Vec::new();
        loop {
            let end = rest.find(['.', '[', ']']).unwrap_or(rest.len());
            if end == 0 {
                return Err(wrong("a name is missing"));
            }
            steps.push(Step::Field(rest[..end].to_owned()));
            rest = &rest[end..];
            while let Some(indexed) = rest.strip_prefix('[') {
                let (index, after) = indexed.split_once(']').ok_or(wrong("a bracket has no end"))?;
                steps.push(Step::Element(index.parse().map_err(|_| wrong("an index is no number"))?));
                rest = after;
            }
            match rest.strip_prefix('.') {
                Some(after) => rest = after,
                None if rest.is_empty() => return Ok(Names { scope, steps }),
                None => return Err(wrong("after a name comes a dot or an index")),
            }
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut dot = "";
        if let Some(scope) = self.scope {
            f.write_str(scope.path())?;
            dot = ".";
        }
        for step in &self.steps {
            match step {
                Step::Field(name) => write!(f, "{dot}{name}")?,
                Step::Element(index) => write!(f, "[{index}]")?,
            }
            dot = ".";
        }
        Ok(())
    }
}

impl Names {
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        NEAREST_FIRST.into_iter().filter(|scope| self.scope.is_none_or(|wanted| wanted == *scope))
    }

    /// The way through a layout, if it has one.
    pub(super) fn way(&self, layout: &Layout) -> Option<Vec<Hop>> {
        let mut hops = Vec::with_capacity(self.steps.len());
        let mut node = 0;
        for step in &self.steps {
            loop {
                let next = match (&layout.nodes().get(node as usize)?.kind, step) {
                    (NodeKind::Structure | NodeKind::Variant, Step::Field(name)) => {
                        child(layout, node, name)?
                    }
                    (NodeKind::Array, Step::Element(index)) => {
                        hops.push(Hop::Element(*index));
                        node += 1;
                        break;
                    }
                    (NodeKind::Optional, _) => {
                        node += 1;
                        hops.push(Hop::Child(node));
                        continue;
                    }
                    _ => return None,
                };
                node = next;
                hops.push(Hop::Child(node));
                break;
            }
        }
        Some(hops)
    }
}

/// A step on a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hop {
    /// To what is of that node.
    Child(NodeId),
    /// To that element.
    Element(usize),
}

fn child(layout: &Layout, parent: NodeId, name: &str) -> Option<NodeId> {
    let is_it = |node: &crate::decode::Node| node.parent == Some(parent) && node.name == name;
    layout.nodes().iter().position(is_it).map(|at| at as NodeId)
}

impl FieldPath {
    fn resolve<'s>(path: &str, streams: impl Iterator<Item = &'s Stream>) -> Result<FieldPath, PathError> {
        let names: Names = path.parse()?;
        let mut resolved: Vec<StreamPlaces> = Vec::new();
        let mut is_known = false;
        for stream in streams {
            let known = resolved.iter().find(|other| Arc::ptr_eq(&other.decoder, &stream.decoder));
            let places = match known {
                Some(known) => Arc::clone(&known.places),
                None => {
                    let place = |class| {
                        names.scopes().find_map(|scope| {
                            let way = names.way(stream.layout(class, scope)?)?;
                            Some(Place::of(stream, class, scope, way))
                        })
                    };
                    (0..stream.decoder.shows.events.len()).map(place).collect()
                }
            };
            is_known |= places.iter().any(Option::is_some);
            resolved.push(StreamPlaces { decoder: Arc::clone(&stream.decoder), places });
        }
        if !is_known {
            return Err(PathError::Unknown { path: path.to_owned() });
        }
        Ok(FieldPath { names, streams: resolved })
    }

    /// Where it is in the event that a stream stands at: nothing if that is not known, [`None`] inside if the event has
    /// no such field.
    #[inline]
    pub(super) fn place(&self, stream: &Stream, number: usize) -> Option<Option<&Place>> {
        let own = match self.streams.as_slice() {
            [only] => only,
            all => all.get(number)?,
        };
        if !Arc::ptr_eq(&own.decoder, &stream.decoder) {
            return None;
        }
        let class = stream.event().unwrap_or_default().class;
        own.places.get(class).map(Option::as_ref)
    }

    /// Looks for the names in an event.
    #[cold]
    pub(super) fn look_for<'e>(&self, event: &'e Event<'_>) -> Option<FieldValue<'e>> {
        let class = event.class_number();
        self.names.scopes().find_map(|scope| {
            let way = self.names.way(event.stream.layout(class, scope)?)?;
            Place::Kept { scope, hops: way.into() }.value(event)
        })
    }
}

/// As it was written.
impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.fmt(f)
    }
}

impl Reader {
    /// Works out where a field is in each kind of event, for [`Event::get`].
    ///
    /// A path is a name (`msg`, without LTTng's underscore), and what is in it after dots and in brackets: `point.x`,
    /// `list[3]`, `rows[0].name`; an option of a variant is named as a field is. It is looked for in the payload, then in
    /// the contexts of the event, its stream and its packet, then in the headers; `event.fields.`, `event.context.`,
    /// `stream.event.context.`, `stream.packet.context.`, `stream.event.header.` or `trace.packet.header.` in front says
    /// in which.
    ///
    /// Kinds of events that have no such field give nothing; it is an error if none has it.
    pub fn path(&self, path: &str) -> Result<FieldPath, PathError> {
        FieldPath::resolve(path, self.streams.iter())
    }
}

impl StreamReader {
    /// As [`Reader::path`], for the events of this stream.
    pub fn path(&self, path: &str) -> Result<FieldPath, PathError> {
        FieldPath::resolve(path, std::iter::once(&self.stream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_written() {
        for path in [
            "msg",
            "a.b.c",
            "list[3]",
            "rows[0].cells[12]",
            "stream.event.context.vpid",
            "event.fields.x[1][2]",
        ] {
            assert_eq!(path.parse::<Names>().unwrap().to_string(), path);
        }
        let names: Names = "event.context.x".parse().unwrap();
        assert_eq!((names.scope, names.steps.len()), (Some(Scope::EventContext), 1));
        for bad in ["", ".", "a.", "a..b", "[1]", "a[", "a[x]", "a]b", "a[1]b", "event.fields.", "a[-1]"] {
            assert!(bad.parse::<Names>().is_err(), "{bad}");
        }
    }
}
