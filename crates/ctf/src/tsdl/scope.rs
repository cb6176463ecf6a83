//! The names that types have in metadata text, scope by scope, and the limits that keep resolving them bounded.
//!
//! Named types are copied where they are used, so text of a few hundred bytes could ask for more memory than there
//! is (a structure of two structures of two structures …). Every copy is therefore paid for from a budget.

use std::collections::HashMap;

use crate::types::{Field, Type};

/// Most nodes (types, fields, labels) that the types of one trace may have when written out.
pub(crate) const MAX_NODES: usize = 1 << 19;

/// Deepest nesting of types.
pub(crate) const MAX_DEPTH: usize = 64;

/// The name spaces of types. `struct a`, `variant a`, `enum a` and an alias `a` are four types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Space {
    /// From `typealias` and `typedef`.
    Alias,
    /// `struct NAME`.
    Structure,
    /// `enum NAME`.
    Enumeration,
    /// `variant NAME`.
    Variant,
}

/// What a type specifier stands for: a type, or a variant whose tag is yet to be said.
#[derive(Debug, Clone)]
pub(crate) enum Specified {
    /// A type.
    Whole(Type),
    /// `variant NAME { … }` without `<tag>`.
    Untagged(Vec<Field>),
}

/// How large a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) nodes: usize,
    pub(crate) depth: usize,
}

impl Extent {
    pub(crate) fn of(ty: &Type) -> Extent {
        let inner = match ty {
            Type::Enumeration(enumeration) => Extent { nodes: enumeration.mappings.len(), depth: 0 },
            Type::VariableInteger(integer) => Extent { nodes: integer.mappings.len(), depth: 0 },
            Type::BitArray(bits) => Extent { nodes: bits.flags.len(), depth: 0 },
            Type::Choice(choice) => {
                let ranges: usize = choice.ranges.iter().map(Vec::len).sum();
                let fields = Extent::of_fields(&choice.options);
                Extent { nodes: fields.nodes.saturating_add(ranges), ..fields }
            }
            Type::Structure(structure) => Extent::of_fields(&structure.fields),
            Type::Variant(variant) => Extent::of_fields(&variant.options),
            other => other.parts().next().map_or(Extent { nodes: 0, depth: 0 }, Extent::of),
        };
        Extent { nodes: inner.nodes.saturating_add(1), depth: inner.depth + 1 }
    }

    pub(crate) fn of_fields(fields: &[Field]) -> Extent {
        fields.iter().map(|field| Extent::of(&field.ty)).fold(Extent { nodes: 0, depth: 0 }, |sum, extent| {
            Extent {
                nodes: sum.nodes.saturating_add(extent.nodes).saturating_add(1),
                depth: sum.depth.max(extent.depth),
            }
        })
    }
}

/// A named type and what a copy of it costs.
#[derive(Debug)]
struct Entry {
    specified: Specified,
    nodes: usize,
}

/// The scopes that are open, innermost last.
#[derive(Debug)]
pub(crate) struct Scopes {
    open: Vec<HashMap<(Space, String), Entry>>,
    nodes_left: usize,
}

/// More types than [`MAX_NODES`].
#[derive(Debug)]
pub(crate) struct TooMuch;

impl Scopes {
    pub(crate) fn new() -> Scopes {
        Scopes { open: vec![HashMap::new()], nodes_left: MAX_NODES }
    }

    pub(crate) fn enter(&mut self) {
        self.open.push(HashMap::new());
    }

    pub(crate) fn leave(&mut self) {
        self.open.pop();
    }

    /// Names a type in the innermost scope. False if the name is taken there.
    pub(crate) fn define(&mut self, space: Space, name: &str, specified: Specified) -> bool {
        let nodes = match &specified {
            Specified::Whole(ty) => Extent::of(ty).nodes,
            Specified::Untagged(options) => Extent::of_fields(options).nodes,
        };
        let scope = self.open.last_mut().expect("the root scope stays open");
        scope.insert((space, name.to_owned()), Entry { specified, nodes }).is_none()
    }

    /// A copy of the type of that name in the nearest scope that has it.
    pub(crate) fn look_up(&mut self, space: Space, name: &str) -> Result<Option<Specified>, TooMuch> {
        let key = (space, name.to_owned());
        let Some(entry) = self.open.iter().rev().find_map(|scope| scope.get(&key)) else { return Ok(None) };
        self.nodes_left = self.nodes_left.checked_sub(entry.nodes).ok_or(TooMuch)?;
        Ok(Some(entry.specified.clone()))
    }

    /// Takes the cost of a copy from the budget.
    pub(crate) fn pay(&mut self, nodes: usize) -> Result<(), TooMuch> {
        self.nodes_left = self.nodes_left.checked_sub(nodes).ok_or(TooMuch)?;
        Ok(())
    }
}
