//! Runs a linked program on the values of one event (`docs/spec/filter.md`, 9). Allocates nothing, always ends: every
//! skip leads forward.

use std::cmp::Ordering;

use crate::STACK_LIMIT;
use crate::link::FieldIndex;
use crate::opcode::Opcode;
use crate::pattern;

/// The value of a field or context at a hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'v> {
    /// Extended by its sign.
    Signed(i64),
    /// Extended by zeros.
    Unsigned(u64),
    /// Widened to 64 bits.
    Double(f64),
    /// Ends at its first NUL byte, if there is one. A NULL string is the text `(null)` to LTTng-UST.
    Text(&'v [u8]),
    /// No value: the provider of an application context is gone, the pointer of a text array is NULL.
    None,
}

/// The values of one event, by the positions that its [`EventLayout`](crate::EventLayout) gave.
pub trait Fields {
    /// A payload field. Asked only for the types that are single values.
    fn payload(&self, field: FieldIndex) -> Value<'_>;
    /// An element of an array or sequence of integers; [`Value::None`] beyond its end.
    fn element(&self, field: FieldIndex, index: u64) -> Value<'_>;
    /// A context.
    fn context(&self, context: FieldIndex) -> Value<'_>;
    /// An application context, of whatever type it has now.
    fn app_context(&self, context: FieldIndex) -> Value<'_>;
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A payload field.
    Payload(FieldIndex),
    /// An element of a payload field.
    Element(FieldIndex, u64),
    /// A context.
    Context(FieldIndex),
    /// An application context.
    AppContext(FieldIndex),
}

/// Why an evaluation ended without a result. A filter rejects then, a capture is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// A value of this type cannot be used so.
    #[error("a value has a type that the operation does not take")]
    Type,
    /// A value is not there.
    #[error("a value is missing, or an index is beyond the end of a sequence")]
    Missing,
    /// Shifting by less than 0 or more than 63 bits.
    #[error("a shift by a number of bits outside 0 to 63")]
    Shift,
    /// The result is no integer.
    #[error("the result is no integer")]
    Result,
    /// The program is not one that linking made.
    #[error("the program is damaged")]
    Program,
}

/// What a program yields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome<'v> {
    /// A value.
    Value(Value<'v>),
    /// The field itself: what captures return.
    Reference(Target),
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

impl Relation {
    /// The comparison that an instruction is, whatever types it is for.
    pub(crate) fn of(opcode: Opcode) -> Option<Self> {
        const ORDER: [Relation; 6] = [
            Relation::Equal,
            Relation::NotEqual,
            Relation::Greater,
            Relation::Less,
            Relation::GreaterOrEqual,
            Relation::LessOrEqual,
        ];
        match opcode {
            Opcode::EqStarGlobString => Some(Self::Equal),
            Opcode::NeStarGlobString => Some(Self::NotEqual),
            // The types follow each other in blocks of six.
            _ => (opcode as usize).checked_sub(12).filter(|at| *at < 36).map(|at| ORDER[at % 6]),
        }
    }

    fn holds(self, order: Option<Ordering>) -> bool {
        match (self, order) {
            // NaN is different from everything, and nothing else.
            (Self::NotEqual, order) => order != Some(Ordering::Equal),
            (_, None) => false,
            (Self::Equal, Some(order)) => order.is_eq(),
            (Self::Greater, Some(order)) => order.is_gt(),
            (Self::Less, Some(order)) => order.is_lt(),
            (Self::GreaterOrEqual, Some(order)) => order.is_ge(),
            (Self::LessOrEqual, Some(order)) => order.is_le(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Op {
    Integer(i64),
    Double(f64),
    Text(Box<[u8]>),
    Glob(Box<[u8]>),
    /// Pushes the value of a field.
    Load(Target),
    /// Pushes a reference, whose target the linker knows.
    Pointer,
    /// Puts the value of a field where its reference is.
    LoadPointer(Target),
    Compare(Relation),
    ShiftRight,
    ShiftLeft,
    BitAnd,
    BitOr,
    BitXor,
    Plus,
    Minus,
    Not,
    BitNot,
    CastToInteger {
        /// liblttng-ust 2.13.5 cannot cast unsigned values.
        unsigned_fails: bool,
    },
    And {
        skip: usize,
    },
    Or {
        skip: usize,
    },
    Return,
    ReturnReference(Target),
}

/// A filter or capture that is ready to run on events of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    ops: Vec<Op>,
    guard: Option<Guard>,
}

/// A comparison of an integer, or of some of its bits, with a number that a program begins with and that must hold for it
/// to accept: most events that a filter rejects are rejected by it, without running the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    target: Target,
    /// All ones where the whole integer is compared.
    mask: u64,
    number: i64,
    /// For less, equal and greater, from the lowest bit on: whether the program accepts.
    holds: u8,
}

impl Guard {
    fn of(ops: &[Op]) -> Option<Self> {
        let (target, mask, relation, number, mut at) = match ops {
            [Op::Load(target), Op::Integer(number), Op::Compare(relation), ..] => {
                (*target, u64::MAX, *relation, *number, 3)
            }
            [
                Op::Load(target),
                Op::Integer(mask),
                Op::BitAnd,
                Op::Integer(number),
                Op::Compare(relation),
                ..,
            ] => (*target, *mask as u64, *relation, *number, 5),
            _ => return None,
        };
        // What a false comparison leads to: `&&` hands it on, nothing else may stand on the way to the end.
        while let Some(Op::And { skip }) = ops.get(at) {
            at = *skip;
        }
        let bit = |order| u8::from(relation.holds(Some(order))) << Self::bit(order);
        let holds = bit(Ordering::Less) | bit(Ordering::Equal) | bit(Ordering::Greater);
        (ops.get(at) == Some(&Op::Return)).then_some(Guard { target, mask, number, holds })
    }

    /// Which bit of `holds` is for that order.
    #[inline]
    fn bit(order: Ordering) -> u32 {
        (order as i8 + 1) as u32
    }

    /// What is compared.
    #[inline]
    pub fn target(&self) -> Target {
        self.target
    }

    /// Whether the program is certain to reject an event in which the target has this value.
    #[inline]
    pub fn rejects(&self, value: Value<'_>) -> bool {
        let bits = match value {
            Value::Signed(value) => value as u64,
            Value::Unsigned(value) => value,
            _ => return false,
        };
        self.holds >> Self::bit(((bits & self.mask) as i64).cmp(&self.number)) & 1 == 0
    }
}

#[derive(Debug, Clone, Copy)]
enum Register<'v> {
    /// Comparisons are signed for both signs.
    Integer {
        bits: u64,
        unsigned: bool,
    },
    Double(f64),
    Text {
        bytes: &'v [u8],
        literal: bool,
    },
    Glob(&'v [u8]),
    Pointer,
}

impl<'v> Register<'v> {
    const FALSE: Self = Self::signed(0);

    const fn signed(value: i64) -> Self {
        Self::Integer { bits: value as u64, unsigned: false }
    }

    fn from_value(value: Value<'v>) -> Result<Self, EvaluationError> {
        Ok(match value {
            Value::Signed(value) => Self::signed(value),
            Value::Unsigned(bits) => Self::Integer { bits, unsigned: true },
            Value::Double(value) => Self::Double(value),
            Value::Text(bytes) => Self::Text { bytes, literal: false },
            Value::None => return Err(EvaluationError::Missing),
        })
    }

    fn bits(self) -> Result<u64, EvaluationError> {
        match self {
            Self::Integer { bits, .. } => Ok(bits),
            _ => Err(EvaluationError::Type),
        }
    }
}

struct Stack<'v> {
    registers: [Register<'v>; STACK_LIMIT],
    depth: usize,
}

impl<'v> Stack<'v> {
    fn push(&mut self, register: Register<'v>) -> Result<(), EvaluationError> {
        *self.registers.get_mut(self.depth).ok_or(EvaluationError::Program)? = register;
        self.depth += 1;
        Ok(())
    }

    fn pop(&mut self) -> Result<Register<'v>, EvaluationError> {
        self.depth = self.depth.checked_sub(1).ok_or(EvaluationError::Program)?;
        Ok(self.registers[self.depth])
    }
}

impl Program {
    pub(crate) fn new(ops: Vec<Op>) -> Self {
        let guard = Guard::of(&ops);
        Self { ops, guard }
    }

    /// What it asks of an event, each as often as it does.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        self.ops.iter().filter_map(|op| match op {
            Op::Load(target) | Op::LoadPointer(target) | Op::ReturnReference(target) => Some(*target),
            _ => None,
        })
    }

    /// What decides about most events, if there is such a thing: who has its target's value at hand can ask it before
    /// [`Program::evaluate`].
    #[inline]
    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// Whether a filter lets an event pass. One that ends with an error does not.
    #[inline]
    pub fn accepts<F: Fields + ?Sized>(&self, fields: &F) -> bool {
        if self.guard.is_some_and(|guard| guard.rejects(value_of(fields, guard.target))) {
            return false;
        }
        self.evaluate(fields).unwrap_or(false)
    }

    /// The verdict of a filter.
    ///
    /// # Errors
    /// Why there is none; the event is rejected then.
    pub fn evaluate<F: Fields + ?Sized>(&self, fields: &F) -> Result<bool, EvaluationError> {
        match self.run(fields)? {
            Outcome::Value(Value::Signed(value)) => Ok(value != 0),
            Outcome::Value(Value::Unsigned(value)) => Ok(value != 0),
            _ => Err(EvaluationError::Result),
        }
    }

    /// What a filter or capture yields.
    ///
    /// # Errors
    /// Why it yields nothing.
    pub fn run<'v, F: Fields + ?Sized>(&'v self, fields: &'v F) -> Result<Outcome<'v>, EvaluationError> {
        let mut stack = Stack { registers: [Register::FALSE; STACK_LIMIT], depth: 0 };
        let mut at = 0;
        while let Some(op) = self.ops.get(at) {
            at += 1;
            match op {
                Op::Integer(value) => stack.push(Register::signed(*value))?,
                Op::Double(value) => stack.push(Register::Double(*value))?,
                Op::Text(bytes) => stack.push(Register::Text { bytes, literal: true })?,
                Op::Glob(bytes) => stack.push(Register::Glob(bytes))?,
                Op::Load(target) => {
                    // The short form makes every integer a signed register.
                    let register = match load(fields, *target)? {
                        Register::Integer { bits, .. } => Register::Integer { bits, unsigned: false },
                        other => other,
                    };
                    stack.push(register)?;
                }
                Op::Pointer => stack.push(Register::Pointer)?,
                Op::LoadPointer(target) => {
                    stack.pop()?;
                    stack.push(load(fields, *target)?)?;
                }
                Op::Compare(relation) => {
                    let right = stack.pop()?;
                    let holds = compare(*relation, stack.pop()?, right)?;
                    stack.push(Register::signed(holds.into()))?;
                }
                Op::ShiftRight | Op::ShiftLeft | Op::BitAnd | Op::BitOr | Op::BitXor => {
                    let right = stack.pop()?.bits()?;
                    let left = stack.pop()?.bits()?;
                    let bits = match op {
                        Op::ShiftRight => left >> shift_count(right)?,
                        Op::ShiftLeft => left << shift_count(right)?,
                        Op::BitAnd => left & right,
                        Op::BitOr => left | right,
                        _ => left ^ right,
                    };
                    stack.push(Register::Integer { bits, unsigned: true })?;
                }
                Op::Plus | Op::Minus | Op::Not | Op::BitNot => {
                    let operand = stack.pop()?;
                    stack.push(unary(op, operand)?)?;
                }
                Op::CastToInteger { unsigned_fails } => {
                    let operand = stack.pop()?;
                    stack.push(cast(operand, *unsigned_fails)?)?;
                }
                Op::And { skip } => {
                    let operand = stack.pop()?;
                    if operand.bits()? == 0 {
                        stack.push(operand)?;
                        at = *skip;
                    }
                }
                Op::Or { skip } => {
                    if stack.pop()?.bits()? != 0 {
                        stack.push(Register::signed(1))?;
                        at = *skip;
                    }
                }
                Op::Return => {
                    return Ok(Outcome::Value(match stack.pop()? {
                        Register::Integer { bits, unsigned: true } => Value::Unsigned(bits),
                        Register::Integer { bits, unsigned: false } => Value::Signed(bits as i64),
                        Register::Double(value) => Value::Double(value),
                        Register::Text { bytes, .. } => Value::Text(bytes),
                        Register::Glob(_) | Register::Pointer => return Err(EvaluationError::Result),
                    }));
                }
                Op::ReturnReference(target) => return Ok(Outcome::Reference(*target)),
            }
        }
        Err(EvaluationError::Program)
    }
}

fn load<F: Fields + ?Sized>(fields: &F, target: Target) -> Result<Register<'_>, EvaluationError> {
    Register::from_value(value_of(fields, target))
}

#[inline]
fn value_of<F: Fields + ?Sized>(fields: &F, target: Target) -> Value<'_> {
    match target {
        Target::Payload(field) => fields.payload(field),
        Target::Element(field, index) => fields.element(field, index),
        Target::Context(context) => fields.context(context),
        Target::AppContext(context) => fields.app_context(context),
    }
}

fn shift_count(bits: u64) -> Result<u32, EvaluationError> {
    // Negative counts are far above 63 here.
    u32::try_from(bits).ok().filter(|count| *count < 64).ok_or(EvaluationError::Shift)
}

fn unary<'v>(op: &Op, operand: Register<'v>) -> Result<Register<'v>, EvaluationError> {
    Ok(match (op, operand) {
        (Op::Plus, Register::Integer { .. } | Register::Double(_)) => operand,
        (Op::Minus, Register::Integer { bits, .. }) => Register::signed((bits as i64).wrapping_neg()),
        (Op::Minus, Register::Double(value)) => Register::Double(-value),
        (Op::Not, Register::Integer { bits, .. }) => Register::signed((bits == 0).into()),
        (Op::Not, Register::Double(value)) => Register::signed((value == 0.0).into()),
        (Op::BitNot, Register::Integer { bits, .. }) => Register::Integer { bits: !bits, unsigned: true },
        _ => return Err(EvaluationError::Type),
    })
}

fn cast(operand: Register<'_>, unsigned_fails: bool) -> Result<Register<'_>, EvaluationError> {
    match operand {
        Register::Integer { unsigned: true, .. } if unsigned_fails => Err(EvaluationError::Type),
        Register::Integer { .. } => Ok(operand),
        Register::Double(value) => {
            // Out of range, x86 yields the smallest integer, for NaN too. 2⁶³ is the first double that does not fit.
            const BOUND: f64 = 9_223_372_036_854_775_808.0;
            let fits = (-BOUND..BOUND).contains(&value);
            Ok(Register::signed(if fits { value as i64 } else { i64::MIN }))
        }
        Register::Text { .. } | Register::Glob(_) | Register::Pointer => Err(EvaluationError::Type),
    }
}

fn compare(relation: Relation, left: Register<'_>, right: Register<'_>) -> Result<bool, EvaluationError> {
    use Register::{Double, Glob, Integer, Text};
    let order = match (left, right) {
        (Integer { bits: left, .. }, Integer { bits: right, .. }) => Some((left as i64).cmp(&(right as i64))),
        (Integer { bits, .. }, Double(right)) => (bits as i64 as f64).partial_cmp(&right),
        (Double(left), Integer { bits, .. }) => left.partial_cmp(&(bits as i64 as f64)),
        (Double(left), Double(right)) => left.partial_cmp(&right),
        (Text { bytes: left, literal: left_literal }, Text { bytes: right, literal: right_literal }) => {
            Some(compare_text((left, left_literal), (right, right_literal)))
        }
        (Text { bytes, .. }, Glob(pattern)) | (Glob(pattern), Text { bytes, .. }) => {
            return match relation {
                Relation::Equal => Ok(pattern::matches(pattern, bytes)),
                Relation::NotEqual => Ok(!pattern::matches(pattern, bytes)),
                _ => Err(EvaluationError::Type),
            };
        }
        _ => return Err(EvaluationError::Type),
    };
    Ok(relation.holds(order))
}

/// Compares byte by byte, as signed bytes. A star in a literal that is not escaped ends the comparison as equal.
fn compare_text(left: (&[u8], bool), right: (&[u8], bool)) -> Ordering {
    let (mut left, mut right) = (TextReader::new(left), TextReader::new(right));
    loop {
        match (left.next(), right.next()) {
            (Symbol::Star, _) | (_, Symbol::Star) | (Symbol::End, Symbol::End) => return Ordering::Equal,
            (Symbol::End, Symbol::Byte(_)) => return Ordering::Less,
            (Symbol::Byte(_), Symbol::End) => return Ordering::Greater,
            (Symbol::Byte(left), Symbol::Byte(right)) if left == right => {}
            (Symbol::Byte(left), Symbol::Byte(right)) => return (left as i8).cmp(&(right as i8)),
        }
    }
}

enum Symbol {
    End,
    Star,
    Byte(u8),
}

struct TextReader<'v> {
    rest: &'v [u8],
    literal: bool,
}

impl<'v> TextReader<'v> {
    fn new((rest, literal): (&'v [u8], bool)) -> Self {
        Self { rest, literal }
    }

    fn next(&mut self) -> Symbol {
        let (byte, rest) = match (self.rest, self.literal) {
            ([] | [0, ..], _) => return Symbol::End,
            ([b'*', ..], true) => return Symbol::Star,
            ([b'\\', escaped @ (b'\\' | b'*'), rest @ ..], true) => (*escaped, rest),
            ([byte, rest @ ..], _) => (*byte, rest),
        };
        self.rest = rest;
        Symbol::Byte(byte)
    }
}
