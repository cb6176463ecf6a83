//! Tokens to a syntax tree (`docs/spec/filter.md`, 3.2), by precedence climbing with a bound on the nesting.

use std::ops::Range;

use winnow::stream::{Stream, TokenSlice};

use crate::ast::{BinaryOp, Expr, Item, Link, Node, Operator, Reference, UnaryOp};
use crate::error::{FilterError, FilterErrorKind};
use crate::lexer::{self, Token, TokenKind};

/// The longest text, in bytes, that the reference client takes.
pub const TEXT_LIMIT: usize = 65535;

/// Levels of nested sub-expressions: one for each right operand and each pair of parentheses, two for each index.
///
/// The reference has room for some 9,990 parentheses, far more than the tracer's [`STACK_LIMIT`](crate::STACK_LIMIT)
/// lets anyone use; this keeps the recursion of everything that walks the tree within a small thread's stack. Chains of
/// operators of one level do not nest.
pub const NESTING_LIMIT: usize = 256;

/// Parses an expression without looking at its meaning.
///
/// # Errors
/// The first place that is no expression; an empty, too long or too deeply nested text.
pub fn parse(text: &[u8]) -> Result<Expr, FilterError> {
    if text.is_empty() {
        return Err(FilterError::new(FilterErrorKind::Empty, 0..0));
    }
    if text.len() > TEXT_LIMIT {
        let kind = FilterErrorKind::TextTooLong { length: text.len(), limit: TEXT_LIMIT };
        return Err(FilterError::new(kind, TEXT_LIMIT..text.len()));
    }
    if let Some(at) = text.iter().position(|&byte| byte == 0) {
        return Err(FilterError::new(FilterErrorKind::NulByte, at..at + 1));
    }
    let tokens = lexer::tokens(text);
    let mut parser = Parser { tokens: TokenSlice::new(&tokens), end: text.len(), depth: 0 };
    let expr = parser.expression(0)?;
    match parser.tokens.peek_token() {
        None => Ok(expr),
        Some(_) => Err(parser.unexpected("an operator or the end of the expression")),
    }
}

struct Parser<'t> {
    tokens: TokenSlice<'t, Token>,
    /// Length of the text, where a missing token is reported.
    end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t TokenKind> {
        self.tokens.peek_token().map(|token| &token.kind)
    }

    fn is_next(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(TokenKind::Punctuation(found)) if *found == symbol)
    }

    /// Takes the next token, whose kind was peeked at.
    fn take(&mut self) -> Range<usize> {
        self.tokens.next_token().map_or(self.end..self.end, |token| token.span.clone())
    }

    fn expect(&mut self, symbol: &str, expected: &'static str) -> Result<Range<usize>, FilterError> {
        if self.is_next(symbol) { Ok(self.take()) } else { Err(self.unexpected(expected)) }
    }

    /// The error of the next token being none of what could follow.
    fn unexpected(&self, expected: &'static str) -> FilterError {
        let Some(token) = self.tokens.peek_token() else {
            let found = "the end of the expression".into();
            return FilterError::new(FilterErrorKind::Unexpected { expected, found }, self.end..self.end);
        };
        let found = match &token.kind {
            // Where no constant can stand, the reference does not come to reading its value.
            TokenKind::Faulty(kind) if expected != OPERAND && kind.is_bad_constant() => "a constant".into(),
            TokenKind::Faulty(kind) => return FilterError::new(kind.clone(), token.span.clone()),
            TokenKind::Identifier(name) => format!("the name `{}`", shortened(name)),
            TokenKind::Global(name) => format!("`{}`", shortened(name)),
            TokenKind::Integer(_) | TokenKind::Float(_) => "a number".into(),
            TokenKind::Text(_) => "a string".into(),
            TokenKind::Punctuation(symbol) => format!("`{symbol}`"),
        };
        FilterError::new(FilterErrorKind::Unexpected { expected, found }, token.span.clone())
    }

    fn next_operator(&self) -> Option<BinaryOp> {
        match self.peek() {
            Some(TokenKind::Punctuation(symbol)) => BinaryOp::from_symbol(symbol),
            _ => None,
        }
    }

    /// Operators that bind at least as tightly as `level`, and their operands.
    fn expression(&mut self, level: u8) -> Result<Expr, FilterError> {
        if self.depth >= NESTING_LIMIT {
            let at = self.tokens.peek_token().map_or(self.end..self.end, |token| token.span.clone());
            return Err(FilterError::new(FilterErrorKind::TooDeep { limit: NESTING_LIMIT }, at));
        }
        self.depth += 1;
        let mut left = self.unary()?;
        // The level of the chain that `left` is while it grows here; one in parentheses is an operand, not a chain to grow.
        let mut growing = None;
        while let Some(op) = self.next_operator().filter(|op| op.level() >= level) {
            let operator = Operator { op, span: self.take() };
            let right = self.expression(op.level() + 1)?;
            let span = left.span.start..right.span.end;
            let link = Link { operator, right };
            match &mut left.node {
                Node::Chain(_, links) if growing == Some(op.level()) => {
                    links.push(link);
                    left.span = span;
                }
                _ => left = Expr { node: Node::Chain(Box::new(left), vec![link]), span },
            }
            growing = Some(op.level());
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, FilterError> {
        let mut operators = Vec::new();
        while let Some(TokenKind::Punctuation(symbol)) = self.peek() {
            let op = match *symbol {
                "+" => UnaryOp::Plus,
                "-" => UnaryOp::Minus,
                "!" => UnaryOp::Not,
                "~" => UnaryOp::BitNot,
                _ => break,
            };
            operators.push(Operator { op, span: self.take() });
        }
        let operand = self.primary()?;
        let Some(first) = operators.first() else { return Ok(operand) };
        let span = first.span.start..operand.span.end;
        Ok(Expr { node: Node::Unary(operators, Box::new(operand)), span })
    }

    fn primary(&mut self) -> Result<Expr, FilterError> {
        let node = match self.peek() {
            Some(TokenKind::Integer(value)) => Node::Integer(*value),
            Some(TokenKind::Float(value)) => Node::Float(*value),
            Some(TokenKind::Text(bytes)) => Node::Text(bytes.clone()),
            Some(TokenKind::Identifier(_) | TokenKind::Global(_)) => return self.reference(),
            Some(TokenKind::Punctuation("(")) => {
                let open = self.take();
                let inner = self.expression(0)?;
                let close = self.expect(")", "an operator or `)`")?;
                return Ok(Expr { node: inner.node, span: open.start..close.end });
            }
            _ => return Err(self.unexpected(OPERAND)),
        };
        Ok(Expr { node, span: self.take() })
    }

    fn reference(&mut self) -> Result<Expr, FilterError> {
        let mut items = vec![self.item()?];
        while self.is_next(".") || self.is_next("->") {
            self.take();
            items.push(self.item()?);
        }
        // The last token taken is the end: a name or a closing bracket.
        let end = self.tokens.previous_tokens().next().map_or(self.end, |token| token.span.end);
        let span = items[0].span.start..end;
        Ok(Expr { node: Node::Reference(Reference { items }), span })
    }

    /// A unary expression. The reference takes no parentheses around an index, so they are kept here.
    fn index(&mut self) -> Result<Expr, FilterError> {
        let grouped = self.is_next("(");
        let expr = self.unary()?;
        let span = expr.span.clone();
        Ok(if grouped { Expr { node: Node::Group(Box::new(expr)), span } } else { expr })
    }

    fn item(&mut self) -> Result<Item, FilterError> {
        let name = match self.peek() {
            Some(TokenKind::Identifier(name) | TokenKind::Global(name)) => name.clone(),
            _ => return Err(self.unexpected("a name")),
        };
        let span = self.take();
        let mut indexes = Vec::new();
        while self.is_next("[") {
            self.take();
            self.depth += 2;
            if self.depth > NESTING_LIMIT {
                return Err(FilterError::new(FilterErrorKind::TooDeep { limit: NESTING_LIMIT }, span));
            }
            indexes.push(self.index()?);
            self.depth -= 2;
            self.expect("]", "`]`")?;
        }
        Ok(Item { name, indexes, span })
    }
}

/// What an operand can start with.
const OPERAND: &str = "a field, a context, a constant or `(`";

/// Names are ASCII.
fn shortened(name: &str) -> String {
    const SHOWN: usize = 40;
    if name.len() <= SHOWN { name.to_owned() } else { format!("{}…", &name[..SHOWN]) }
}
