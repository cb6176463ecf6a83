//! The payload fields that a filter expression names, to be held against those that the events have.

use std::collections::BTreeSet;

use rttng_filter::ast::{Expr, Node};

/// Their names; nothing if the expression is refused.
pub(super) fn of(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Ok(parsed) = rttng_filter::parse(expression.as_bytes()) {
        collect(&parsed, &mut names);
    }
    names
}

/// The parser bounds how deep an expression is.
fn collect(expr: &Expr, names: &mut BTreeSet<String>) {
    match &expr.node {
        Node::Integer(_) | Node::Float(_) | Node::Text(_) => {}
        Node::Unary(_, operand) | Node::Group(operand) => collect(operand, names),
        Node::Chain(first, links) => {
            collect(first, names);
            links.iter().for_each(|link| collect(&link.right, names));
        }
        Node::Reference(reference) => {
            // Contexts begin with a dollar sign.
            if let Some(first) = reference.items.first().filter(|item| !item.name.starts_with('$')) {
                names.insert(first.name.clone());
            }
            reference.items.iter().flat_map(|item| &item.indexes).for_each(|index| collect(index, names));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_wherever_they_stand() {
        let names = |text| of(text).into_iter().collect::<Vec<_>>();
        assert_eq!(names("i > 5 && !(name == \"x*\" || $ctx.vpid == 7)"), ["i", "name"]);
        assert_eq!(names("values[2] >= 3 || point.x < 1.5"), ["point", "values"]);
        assert!(names("$app.a:b == 1").is_empty());
        assert!(names("i >").is_empty());
    }
}
