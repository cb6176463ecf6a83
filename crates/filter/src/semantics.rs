//! The meaning of a syntax tree: kinds of operands, what references name, classes of string literals
//! (`docs/spec/filter.md`, 3.3 and 4.1 to 4.2). The checks run in the order of the reference, so that the first
//! refusal is the same.

use std::ops::Range;

use crate::ast::{BinaryOp, Expr, Node, OpClass, Operator, Reference, UnaryOp};
use crate::error::{FilterError, FilterErrorKind as Refused};
use crate::pattern::{self, StarUse};

/// What an operand is, as far as the text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// An integer constant, or what any binary operator yields.
    Number,
    Float,
    /// A field or context: its type is known to the tracer only.
    Reference,
}

/// An expression that has been checked.
#[derive(Debug)]
pub(crate) struct Typed {
    pub(crate) node: TypedNode,
    /// Unary operators keep the kind of their operand.
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

#[derive(Debug)]
pub(crate) enum TypedNode {
    Integer(u64),
    Float(f64),
    Text(Text),
    Load(Load),
    /// Outermost first.
    Unary(Vec<UnaryOp>, Box<Typed>),
    Chain(Box<Typed>, Vec<(Operator<BinaryOp>, Typed)>),
}

/// A string literal.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    /// As written, before runs of stars are collapsed: the reference chooses the instruction by it.
    pub(crate) stars: StarUse,
}

/// Where a reference starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Payload,
    Context,
    AppContext,
}

/// What a reference loads.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) root: Root,
    /// Behind `$ctx` or `$app`; at least one.
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// The first index; the reference ignores further ones.
    pub(crate) index: Option<u64>,
}

/// Checks a whole filter.
pub(crate) fn check(expr: &Expr) -> Result<Typed, FilterError> {
    let mut typed = type_of(expr)?;
    let root = match typed.kind {
        Kind::Text => Some(Refused::StringRoot),
        Kind::Float => Some(Refused::FloatRoot),
        Kind::Number | Kind::Reference => None,
    };
    if let Some(kind) = root {
        return Err(FilterError::new(kind, typed.span));
    }
    collapse_stars(&mut typed);
    check_escapes(&typed)?;
    check_patterns(&typed)?;
    Ok(typed)
}

fn type_of(expr: &Expr) -> Result<Typed, FilterError> {
    let span = expr.span.clone();
    let (node, kind) = match &expr.node {
        Node::Integer(value) => (TypedNode::Integer(*value), Kind::Number),
        Node::Float(value) => (TypedNode::Float(*value), Kind::Float),
        Node::Text(bytes) => {
            let text = Text { bytes: bytes.clone(), stars: pattern::star_use(bytes) };
            (TypedNode::Text(text), Kind::Text)
        }
        Node::Reference(reference) => (TypedNode::Load(resolve(reference)?), Kind::Reference),
        Node::Group(inner) => return type_of(inner),
        Node::Unary(operators, operand) => {
            let operand = type_of(operand)?;
            // The innermost operator is the first to meet the operand.
            if let (Kind::Text, Some(innermost)) = (operand.kind, operators.last()) {
                let kind = Refused::UnaryOnString { operator: innermost.op.symbol() };
                return Err(FilterError::new(kind, innermost.span.start..operand.span.end));
            }
            let kind = operand.kind;
            (
                TypedNode::Unary(operators.iter().map(|operator| operator.op).collect(), Box::new(operand)),
                kind,
            )
        }
        Node::Chain(first, links) => {
            // The reference refuses arithmetic before it looks at the operands, the outermost operator first.
            if let Some(Operator { op, span }) =
                links.last().map(|link| &link.operator).filter(|o| o.op.class() == OpClass::Arithmetic)
            {
                return Err(FilterError::new(Refused::Arithmetic { operator: op.symbol() }, span.clone()));
            }
            let first = type_of(first)?;
            let mut left = (first.kind, first.span.clone());
            let mut typed = Vec::with_capacity(links.len());
            for link in links {
                let right = type_of(&link.right)?;
                check_operands(&link.operator, &left, &right)?;
                left = (Kind::Number, left.1.start..right.span.end);
                typed.push((link.operator.clone(), right));
            }
            (TypedNode::Chain(Box::new(first), typed), Kind::Number)
        }
    };
    Ok(Typed { node, kind, span })
}

fn check_operands(
    operator: &Operator<BinaryOp>,
    (left, left_span): &(Kind, Range<usize>),
    right: &Typed,
) -> Result<(), FilterError> {
    let symbol = operator.op.symbol();
    let refused = |kind, span: &Range<usize>| Err(FilterError::new(kind, span.clone()));
    let operand_of = |kind: Kind| {
        [(*left, left_span), (right.kind, &right.span)]
            .into_iter()
            .find(|(k, _)| *k == kind)
            .map(|(_, span)| span)
    };
    match operator.op.class() {
        // Refused before the operands were typed.
        OpClass::Arithmetic => Ok(()),
        OpClass::Comparison => match (left, right.kind) {
            (Kind::Text, Kind::Number | Kind::Float) | (Kind::Number | Kind::Float, Kind::Text) => {
                refused(Refused::TypeMismatch { operator: symbol }, &(left_span.start..right.span.end))
            }
            _ => Ok(()),
        },
        OpClass::Logical => match operand_of(Kind::Text) {
            Some(span) => refused(Refused::LogicalString { operator: symbol }, span),
            None => Ok(()),
        },
        OpClass::Bitwise => match (operand_of(Kind::Text), operand_of(Kind::Float)) {
            (Some(span), _) => refused(Refused::BitwiseString { operator: symbol }, span),
            (None, Some(span)) => refused(Refused::BitwiseFloat { operator: symbol }, span),
            (None, None) => Ok(()),
        },
    }
}

/// What a reference names, in the order of the reference compiler's complaints.
pub(crate) fn resolve(reference: &Reference) -> Result<Load, FilterError> {
    let [first, rest @ ..] = &reference.items[..] else {
        return Ok(Load { root: Root::Payload, steps: Vec::new() });
    };
    let (root, items) = match first.name.as_str() {
        "$ctx" => (Root::Context, rest),
        "$app" => (Root::AppContext, rest),
        name if name.starts_with('$') => {
            return Err(FilterError::new(Refused::UnknownGlobal { name: name.into() }, first.span.clone()));
        }
        _ => (Root::Payload, &reference.items[..]),
    };
    if items.is_empty() {
        let (root, example) = match root {
            Root::Context => ("$ctx", "vpid"),
            _ => ("$app", "provider:name"),
        };
        return Err(FilterError::new(Refused::ContextWithoutName { root, example }, first.span.clone()));
    }
    let steps =
        items.iter().map(|item| Ok(Step { name: item.name.clone(), index: first_index(&item.indexes)? }));
    Ok(Load { root, steps: steps.collect::<Result<_, FilterError>>()? })
}

fn first_index(indexes: &[Expr]) -> Result<Option<u64>, FilterError> {
    match indexes.first() {
        None => Ok(None),
        Some(Expr { node: Node::Integer(value), .. }) => Ok(Some(*value)),
        Some(other) => Err(FilterError::new(Refused::IndexNotConstant, other.span.clone())),
    }
}

fn collapse_stars(typed: &mut Typed) {
    match &mut typed.node {
        TypedNode::Text(text) => text.bytes = pattern::collapse_stars(&text.bytes),
        TypedNode::Unary(_, operand) => collapse_stars(operand),
        TypedNode::Chain(first, links) => {
            collapse_stars(first);
            links.iter_mut().for_each(|(_, right)| collapse_stars(right));
        }
        TypedNode::Integer(_) | TypedNode::Float(_) | TypedNode::Load(_) => {}
    }
}

fn check_escapes(typed: &Typed) -> Result<(), FilterError> {
    match &typed.node {
        TypedNode::Text(text) => {
            let mut bytes = text.bytes.iter();
            while let Some(byte) = bytes.next() {
                if *byte == b'\\' && !matches!(bytes.next(), Some(b'\\' | b'*')) {
                    return Err(FilterError::new(Refused::UnsupportedEscape, typed.span.clone()));
                }
            }
            Ok(())
        }
        TypedNode::Unary(_, operand) => check_escapes(operand),
        TypedNode::Chain(first, links) => {
            check_escapes(first)?;
            links.iter().try_for_each(|(_, right)| check_escapes(right))
        }
        TypedNode::Integer(_) | TypedNode::Float(_) | TypedNode::Load(_) => Ok(()),
    }
}

/// A full pattern may stand on one side of `==` and `!=`, with no star on the other side.
fn check_patterns(typed: &Typed) -> Result<(), FilterError> {
    match &typed.node {
        TypedNode::Unary(_, operand) => check_patterns(operand),
        TypedNode::Chain(first, links) => {
            check_patterns(first)?;
            let mut left = stars_of(first);
            for (operator, right) in links {
                check_patterns(right)?;
                let right_stars = stars_of(right);
                if operator.op.class() == OpClass::Comparison {
                    check_pattern_pair(operator, left, right_stars, typed.span.start..right.span.end)?;
                }
                left = None;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn stars_of(typed: &Typed) -> Option<StarUse> {
    match &typed.node {
        TypedNode::Text(text) => Some(text.stars),
        _ => None,
    }
}

fn check_pattern_pair(
    operator: &Operator<BinaryOp>,
    left: Option<StarUse>,
    right: Option<StarUse>,
    span: Range<usize>,
) -> Result<(), FilterError> {
    let is_full = |stars| stars == Some(StarUse::Anywhere);
    let has_star = |stars| matches!(stars, Some(StarUse::Anywhere | StarUse::AtEnd));
    if is_full(left) && has_star(right) || is_full(right) && has_star(left) {
        return Err(FilterError::new(Refused::TwoPatterns, span));
    }
    if (is_full(left) || is_full(right)) && !matches!(operator.op, BinaryOp::Equal | BinaryOp::NotEqual) {
        return Err(FilterError::new(Refused::PatternOrdering { operator: operator.op.symbol() }, span));
    }
    Ok(())
}
