//! The syntax tree of an expression, and its way back to text. No meaning is attached here (`semantics`).

use std::fmt::{self, Write as _};
use std::ops::Range;

/// A part of an expression, with the bytes of the text that it came from.
///
/// Equality compares the meaning only, not the places.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub node: Node,
    /// Bytes of the text.
    pub span: Range<usize>,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// What an expression is made of. Other parentheses leave no trace besides the shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// An integer constant; values from 2⁶³ stand for negative numbers.
    Integer(u64),
    /// A floating-point constant, never negative, never NaN.
    Float(f64),
    /// A string or character constant, its bytes between the quotes.
    Text(Vec<u8>),
    /// A field or context.
    Reference(Reference),
    /// Unary operators, outermost first, and what they apply to.
    Unary(Vec<Operator<UnaryOp>>, Box<Expr>),
    /// Operands joined from left to right by operators of one precedence level.
    Chain(Box<Expr>, Vec<Link>),
    /// Parentheses around an index, which is no constant then.
    Group(Box<Expr>),
}

/// An operator and its place in the text.
#[derive(Debug, Clone)]
pub struct Operator<O> {
    /// Which one.
    pub op: O,
    /// Bytes of the text.
    pub span: Range<usize>,
}

impl<O: PartialEq> PartialEq for Operator<O> {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op
    }
}

/// One step of a chain: an operator and its right operand.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Joins everything before with `right`.
    pub operator: Operator<BinaryOp>,
    /// The right operand.
    pub right: Expr,
}

/// `item.item.item`; `->` is the same as `.`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// At least one.
    pub items: Vec<Item>,
}

/// A name and the indexes behind it.
#[derive(Debug, Clone)]
pub struct Item {
    /// As written, the dollar sign of a global identifier included.
    pub name: String,
    /// The expressions in brackets.
    pub indexes: Vec<Expr>,
    /// Bytes of the name in the text.
    pub span: Range<usize>,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.indexes == other.indexes
    }
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `!`
    Not,
    /// `~`
    BitNot,
}

impl UnaryOp {
    /// As written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Not => "!",
            Self::BitNot => "~",
        }
    }
}

macro_rules! binary_operators {
    ($($name:ident $symbol:literal $level:literal $class:ident;)*) => {
        /// Operators with two operands.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the symbol says it")]
        pub enum BinaryOp { $($name,)* }

        impl BinaryOp {
            /// Every operator.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As written.
            pub fn symbol(self) -> &'static str {
                match self { $(Self::$name => $symbol,)* }
            }

            /// How tightly it binds: higher is tighter. Not as in C: bit operators bind tighter than comparisons.
            pub fn level(self) -> u8 {
                match self { $(Self::$name => $level,)* }
            }

            /// What kind of operator it is.
            pub fn class(self) -> OpClass {
                match self { $(Self::$name => OpClass::$class,)* }
            }

            /// The operator that is written so.
            pub fn from_symbol(symbol: &str) -> Option<Self> {
                match symbol { $($symbol => Some(Self::$name),)* _ => None }
            }
        }
    };
}

binary_operators! {
    Or "||" 0 Logical;
    And "&&" 1 Logical;
    Equal "==" 2 Comparison;
    NotEqual "!=" 2 Comparison;
    Less "<" 3 Comparison;
    Greater ">" 3 Comparison;
    LessOrEqual "<=" 3 Comparison;
    GreaterOrEqual ">=" 3 Comparison;
    BitOr "|" 4 Bitwise;
    BitXor "^" 5 Bitwise;
    BitAnd "&" 6 Bitwise;
    ShiftLeft "<<" 7 Bitwise;
    ShiftRight ">>" 7 Bitwise;
    Plus "+" 8 Arithmetic;
    Minus "-" 8 Arithmetic;
    Multiply "*" 9 Arithmetic;
    Divide "/" 9 Arithmetic;
    Modulo "%" 9 Arithmetic;
}

/// Kinds of binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpClass {
    /// `&&`, `||`
    Logical,
    /// `==`, `<`, …
    Comparison,
    /// `&`, `<<`, …
    Bitwise,
    /// Parsed, then refused.
    Arithmetic,
}

impl fmt::Display for Expr {
    /// An expression that parses to an equal tree (string bytes that are no UTF-8 are replaced).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Integer(value) => write!(f, "{value}"),
            // What is larger than every double reads as infinity again.
            Node::Float(value) if value.is_infinite() => f.write_str("1e999"),
            Node::Float(value) => write!(f, "{value:?}"),
            Node::Text(bytes) => {
                let quote = if bytes.contains(&b'"') { '\'' } else { '"' };
                // These letters are refused; a newline among them is dropped.
                let text = String::from_utf8_lossy(bytes).replace("ESCSEQ", "ESC\nSEQ");
                write!(f, "{quote}{text}{quote}")
            }
            Node::Reference(reference) => write!(f, "{reference}"),
            Node::Group(inner) => write!(f, "({inner})"),
            Node::Unary(operators, operand) => {
                for operator in operators {
                    f.write_str(operator.op.symbol())?;
                }
                write_operand(f, operand, matches!(operand.node, Node::Chain(..) | Node::Unary(..)))
            }
            Node::Chain(first, links) => {
                let level = links.first().map_or(0, |link| link.operator.op.level());
                let looser = |expr: &Expr| matches!(&expr.node, Node::Chain(_, inner) if inner.first().is_none_or(|link| link.operator.op.level() <= level));
                write_operand(f, first, looser(first))?;
                for Link { operator, right } in links {
                    write!(f, " {} ", operator.op.symbol())?;
                    write_operand(f, right, looser(right))?;
                }
                Ok(())
            }
        }
    }
}

fn write_operand(f: &mut fmt::Formatter<'_>, operand: &Expr, parenthesised: bool) -> fmt::Result {
    if parenthesised { write!(f, "({operand})") } else { write!(f, "{operand}") }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.items.iter().enumerate() {
            if position > 0 {
                f.write_char('.')?;
            }
            f.write_str(&item.name)?;
            for index in &item.indexes {
                write!(f, "[{index}]")?;
            }
        }
        Ok(())
    }
}
