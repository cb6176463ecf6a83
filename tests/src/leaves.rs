//! Events as the numbers and texts in them: what was written beside what was read.

use rttng_ctf::decode::{NodeId, Visit};
use rttng_ctf::write::Value;
use rttng_ctf::{Scope, Structure, TraceClass, Type, Version};

use crate::any_trace::WrittenEvent;

/// A number or a text.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Leaf {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Vec<u8>),
    Boolean(bool),
    Blob(Vec<u8>),
}

/// The leaves of what is shown to it, in their order.
#[derive(Debug, Default)]
pub struct Leaves {
    scope: Option<Scope>,
    /// Each with its scope, and its node there.
    pub seen: Vec<(Option<Scope>, NodeId, Leaf)>,
}

impl Leaves {
    /// The leaves alone.
    pub fn values(self) -> Vec<Leaf> {
        self.seen.into_iter().map(|(.., leaf)| leaf).collect()
    }

    fn push(&mut self, node: NodeId, leaf: Leaf) {
        self.seen.push((self.scope, node, leaf));
    }
}

impl Visit for Leaves {
    fn scope(&mut self, scope: Scope) {
        self.scope = Some(scope);
    }
    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.push(node, Leaf::Unsigned(value));
    }
    fn signed(&mut self, node: NodeId, value: i64) {
        self.push(node, Leaf::Signed(value));
    }
    fn float(&mut self, node: NodeId, value: f64) {
        self.push(node, Leaf::Float(value));
    }
    fn text(&mut self, node: NodeId, text: &[u8]) {
        self.push(node, Leaf::Text(text.to_vec()));
    }
    fn boolean(&mut self, node: NodeId, value: bool) {
        self.push(node, Leaf::Boolean(value));
    }
    fn bits(&mut self, node: NodeId, value: u64) {
        self.push(node, Leaf::Unsigned(value));
    }
    fn blob(&mut self, node: NodeId, bytes: &[u8]) {
        self.push(node, Leaf::Blob(bytes.to_vec()));
    }
    fn begin(&mut self, _: NodeId) {}
    fn end(&mut self, _: NodeId) {}
    fn element(&mut self, _: NodeId, _: u64) {}
}

/// What an event of that trace reads as in that version of the format.
///
/// # Panics
/// When a value is not of its type.
pub fn leaves(class: &TraceClass, event: &WrittenEvent, version: Version) -> Vec<Leaf> {
    let stream = &class.streams[event.class.0];
    let class = &stream.events[event.class.1];
    let scopes = [
        (&stream.event_context, &event.values.stream_context),
        (&class.context, &event.values.context),
        (&class.fields, &event.values.fields),
    ];
    let mut all = Vec::new();
    for (structure, value) in scopes {
        if let (Some(structure), Some(Value::Fields(values))) = (structure, value) {
            of_structure(structure, values, version, &mut all);
        }
    }
    all
}

fn of_value(ty: &Type, value: &Value, version: Version, into: &mut Vec<Leaf>) {
    match (ty, value) {
        (Type::Reversed(inner), value) => of_value(inner, value, version, into),
        (Type::Boolean(_), Value::Unsigned(bits)) => into.push(match version {
            Version::Ctf1 => Leaf::Unsigned(*bits),
            Version::Ctf2 => Leaf::Boolean(*bits != 0),
        }),
        (Type::Blob(_), Value::Text(bytes)) => match version {
            Version::Ctf1 => into.extend(bytes.iter().map(|byte| Leaf::Unsigned((*byte).into()))),
            Version::Ctf2 => into.push(Leaf::Blob(bytes.clone())),
        },
        (_, Value::Unsigned(value)) => into.push(Leaf::Unsigned(*value)),
        (_, Value::Signed(value)) => into.push(Leaf::Signed(*value)),
        (_, Value::Float(value)) => into.push(Leaf::Float(*value)),
        (_, Value::Text(text)) => into.push(Leaf::Text(text.clone())),
        (Type::Structure(structure), Value::Fields(values)) => {
            of_structure(structure, values, version, into);
        }
        (Type::Choice(choice), Value::Option(option, value)) => {
            of_value(&choice.options[*option].ty, value, version, into);
        }
        (Type::Variant(variant), Value::Option(option, value)) => {
            of_value(&variant.options[*option].ty, value, version, into);
        }
        (ty, Value::Elements(values)) => {
            let element = ty.parts().next().expect("an element");
            values.iter().for_each(|value| of_value(element, value, version, into));
        }
        (ty, value) => panic!("{value:?} is no {}", ty.kind()),
    }
}

fn of_structure(structure: &Structure, values: &[Value], version: Version, into: &mut Vec<Leaf>) {
    structure.fields.iter().zip(values).for_each(|(field, value)| of_value(&field.ty, value, version, into));
}
