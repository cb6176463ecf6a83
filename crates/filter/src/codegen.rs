//! Checked expressions to bytecode, byte for byte as LTTng's compiler (`docs/spec/filter.md`, 4.3 and 6).

use std::ops::Range;

use crate::STACK_LIMIT;
use crate::ast::{BinaryOp, OpClass, UnaryOp};
use crate::bytecode::{Bytecode, DATA_LIMIT};
use crate::error::{FilterError, FilterErrorKind};
use crate::opcode::Opcode;
use crate::pattern::StarUse;
use crate::semantics::{Kind, Load, Root, Step, Text, Typed, TypedNode};

/// What the reference's generator can hold: code and relocation table.
const GENERATED_LIMIT: usize = 65536;

/// Code for a whole filter.
pub(crate) fn filter(expr: &Typed) -> Result<Bytecode, FilterError> {
    let mut generator = Generator::default();
    generator.expression(expr)?;
    generator.opcode(Opcode::Return);
    generator.finish(0, expr.span.clone())
}

/// Code for a capture: the reference to the field itself, never loaded.
pub(crate) fn capture(load: &Load, sequence: u64, span: Range<usize>) -> Result<Bytecode, FilterError> {
    let mut generator = Generator::default();
    generator.walk(load);
    generator.opcode(Opcode::Return);
    generator.finish(sequence, span)
}

#[derive(Default)]
struct Generator {
    code: Vec<u8>,
    relocations: Vec<u8>,
    depth: usize,
    deepest: usize,
}

impl Generator {
    fn finish(mut self, sequence: u64, span: Range<usize>) -> Result<Bytecode, FilterError> {
        self.check_size(&span)?;
        if self.deepest > STACK_LIMIT {
            let kind = FilterErrorKind::StackTooDeep { needed: self.deepest, limit: STACK_LIMIT };
            return Err(FilterError::new(kind, span));
        }
        // Both lengths were just bounded.
        let relocation_offset = self.code.len() as u32;
        self.code.append(&mut self.relocations);
        let length = self.code.len();
        Bytecode::from_parts(self.code, relocation_offset, sequence)
            .map_err(|_| FilterError::new(FilterErrorKind::DataTooLong { length, limit: DATA_LIMIT }, span))
    }

    fn check_size(&self, span: &Range<usize>) -> Result<(), FilterError> {
        if self.code.len() + self.relocations.len() <= GENERATED_LIMIT {
            return Ok(());
        }
        Err(FilterError::new(FilterErrorKind::CodeTooLong { limit: GENERATED_LIMIT }, span.clone()))
    }

    fn opcode(&mut self, opcode: Opcode) {
        self.code.push(opcode as u8);
    }

    /// Notes that a value was pushed.
    fn push(&mut self) {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    fn expression(&mut self, expr: &Typed) -> Result<(), FilterError> {
        match &expr.node {
            TypedNode::Integer(value) => {
                self.opcode(Opcode::LoadS64);
                self.code.extend_from_slice(&value.to_ne_bytes());
                self.push();
            }
            TypedNode::Float(value) => {
                self.opcode(Opcode::LoadDouble);
                self.code.extend_from_slice(&value.to_ne_bytes());
                self.push();
            }
            TypedNode::Text(text) => self.text(text),
            TypedNode::Load(load) => self.load(load),
            TypedNode::Unary(operators, operand) => {
                self.expression(operand)?;
                for operator in operators.iter().rev() {
                    match operator {
                        // No instruction is emitted for it.
                        UnaryOp::Plus => {}
                        UnaryOp::Minus => self.opcode(Opcode::UnaryMinus),
                        UnaryOp::Not => self.opcode(Opcode::UnaryNot),
                        UnaryOp::BitNot => self.opcode(Opcode::UnaryBitNot),
                    }
                }
            }
            TypedNode::Chain(first, links) => {
                self.expression(first)?;
                let mut left = first.kind;
                for (operator, right) in links {
                    match operator.op.class() {
                        OpClass::Logical => self.logical(operator.op, left, right)?,
                        _ => {
                            self.expression(right)?;
                            self.opcode(binary(operator.op));
                            self.depth -= 1;
                        }
                    }
                    left = Kind::Number;
                }
            }
        }
        // Bounds memory: no more than one operand beyond the limit is ever generated.
        self.check_size(&expr.span)
    }

    /// The left operand is on the stack already.
    fn logical(&mut self, op: BinaryOp, left: Kind, right: &Typed) -> Result<(), FilterError> {
        self.cast(left);
        self.opcode(if op == BinaryOp::And { Opcode::And } else { Opcode::Or });
        let skip = self.code.len();
        self.code.extend_from_slice(&[0; 2]);
        // What is not skipped replaces the left operand.
        self.depth -= 1;
        self.expression(right)?;
        self.cast(right.kind);
        // Beyond 16 bits the program is refused for its size anyway.
        let target = self.code.len() as u16;
        self.code[skip..skip + 2].copy_from_slice(&target.to_ne_bytes());
        Ok(())
    }

    fn cast(&mut self, kind: Kind) {
        match kind {
            Kind::Reference => self.opcode(Opcode::CastToS64),
            Kind::Float => self.opcode(Opcode::CastDoubleToS64),
            Kind::Number | Kind::Text => {}
        }
    }

    fn text(&mut self, text: &Text) {
        self.opcode(match text.stars {
            StarUse::None | StarUse::AtEnd => Opcode::LoadString,
            StarUse::Anywhere => Opcode::LoadStarGlobString,
        });
        self.code.extend_from_slice(&text.bytes);
        self.code.push(0);
        self.push();
    }

    fn load(&mut self, load: &Load) {
        if load.steps.iter().any(|step| step.index.is_some()) {
            self.walk(load);
            self.opcode(Opcode::LoadField);
            return;
        }
        let (opcode, prefix) = match load.root {
            Root::Payload => (Opcode::LoadFieldRef, ""),
            Root::Context => (Opcode::GetContextRef, "$ctx."),
            Root::AppContext => (Opcode::GetContextRef, "$app."),
        };
        let path: Vec<&str> = load.steps.iter().map(|step| step.name.as_str()).collect();
        self.relocate(&format!("{prefix}{}", path.join(".")));
        self.opcode(opcode);
        self.code.extend_from_slice(&u16::MAX.to_ne_bytes());
        self.push();
    }

    /// The reference itself, step by step from its root.
    fn walk(&mut self, load: &Load) {
        self.opcode(match load.root {
            Root::Payload => Opcode::GetPayloadRoot,
            Root::Context => Opcode::GetContextRoot,
            Root::AppContext => Opcode::GetAppContextRoot,
        });
        self.push();
        for Step { name, index } in &load.steps {
            let text_at = self.relocate(name);
            self.opcode(Opcode::GetSymbol);
            self.code.extend_from_slice(&text_at.to_ne_bytes());
            if let Some(index) = index {
                self.opcode(Opcode::GetIndexU64);
                self.code.extend_from_slice(&index.to_ne_bytes());
            }
        }
    }

    /// Adds a relocation of the next instruction; returns where its name stands in the table.
    fn relocate(&mut self, name: &str) -> u16 {
        // Beyond 16 bits the program is refused for its size anyway.
        self.relocations.extend_from_slice(&(self.code.len() as u16).to_ne_bytes());
        let text_at = self.relocations.len() as u16;
        self.relocations.extend_from_slice(name.as_bytes());
        self.relocations.push(0);
        text_at
    }
}

/// The generic instruction of an operator that is neither logical nor arithmetic (those never get here).
fn binary(op: BinaryOp) -> Opcode {
    match op {
        BinaryOp::Equal => Opcode::Eq,
        BinaryOp::NotEqual => Opcode::Ne,
        BinaryOp::Less => Opcode::Lt,
        BinaryOp::Greater => Opcode::Gt,
        BinaryOp::LessOrEqual => Opcode::Le,
        BinaryOp::GreaterOrEqual => Opcode::Ge,
        BinaryOp::BitOr => Opcode::BitOr,
        BinaryOp::BitXor => Opcode::BitXor,
        BinaryOp::BitAnd => Opcode::BitAnd,
        BinaryOp::ShiftLeft => Opcode::BitLshift,
        BinaryOp::ShiftRight => Opcode::BitRshift,
        BinaryOp::Plus => Opcode::Plus,
        BinaryOp::Minus => Opcode::Minus,
        BinaryOp::Multiply => Opcode::Mul,
        BinaryOp::Divide => Opcode::Div,
        BinaryOp::Modulo => Opcode::Mod,
        BinaryOp::And => Opcode::And,
        BinaryOp::Or => Opcode::Or,
    }
}
