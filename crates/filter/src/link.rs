//! Bytecode and the description of an event to a program that can be run at every hit (`docs/spec/filter.md`, 8).
//! Names become positions, types are checked as far as they are known.

use crate::STACK_LIMIT;
use crate::by_offset::ByOffset;
use crate::bytecode::Bytecode;
use crate::disassemble::{Instruction, Operand};
use crate::interpret::{Op, Program, Relation, Target};
use crate::opcode::Opcode;
use crate::validate::{InvalidBytecode, Resolved};

/// Position of a field or context, as its [`EventLayout`] counts them.
pub type FieldIndex = u32;

/// What a field holds, as far as filters care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Integers and enumerations.
    Integer {
        /// Whether it is extended by its sign.
        signed: bool,
    },
    /// Floating-point numbers.
    Float,
    /// Strings, and arrays and sequences of characters.
    Text,
    /// An array of integers that is no text.
    Array {
        /// Elements.
        length: u64,
        /// Whether elements are extended by their sign.
        signed: bool,
    },
    /// A sequence of integers that is no text.
    Sequence {
        /// Whether elements are extended by their sign.
        signed: bool,
    },
    /// Known at run time only: application contexts.
    Dynamic,
    /// Anything a filter cannot look at.
    Other,
}

/// What is known of an event before it happens: names and types.
pub trait EventLayout {
    /// The payload field of exactly this name, without the underscore of the metadata.
    fn find_payload(&self, name: &str) -> Option<(FieldIndex, FieldType)>;
    /// The context of this name, without `$ctx.`. `ip` and perf counters are not offered by LTTng-UST.
    fn find_context(&self, name: &str) -> Option<(FieldIndex, FieldType)>;
    /// The application context of this provider and name. LTTng-UST makes any up on demand.
    fn find_app_context(&self, provider: &str, name: &str) -> Option<FieldIndex>;
}

/// How strictly types are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Signed and unsigned integers are one type, values of unknown type may be operands of `&&` and `||`.
    Rttng,
    /// As liblttng-ust 2.13.5, to foretell what it does: `row & 1 && row > 1` does not link there, a filter with more
    /// than nine `<=` neither, and unsigned array elements are no operands of `&&`.
    LttngUst,
}

/// Why a filter rejects every event of a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Wrong in itself.
    #[error(transparent)]
    Invalid(#[from] InvalidBytecode),
    /// A name that the event does not have.
    #[error("the event has no {kind} {name}")]
    NoSuchName {
        /// `field`, `context` or `application context`.
        kind: &'static str,
        /// As in the filter.
        name: String,
    },
    /// A field that cannot be used so.
    #[error("{name} cannot be {used} in a filter")]
    Unusable {
        /// As in the filter.
        name: String,
        /// What was tried.
        used: &'static str,
    },
    /// An element beyond the end of an array.
    #[error("{name} has {length} elements, index {index} is beyond")]
    IndexBeyond {
        /// As in the filter.
        name: String,
        /// Elements.
        length: u64,
        /// From the filter.
        index: u64,
    },
    /// Operands of the wrong type.
    #[error("the operands of {name} at offset {offset} have types that it does not take", name = opcode.name())]
    Type {
        /// Which.
        opcode: Opcode,
        /// Where.
        offset: usize,
    },
    /// Two ways to one instruction with different types on the stack.
    #[error(
        "the ways that meet at offset {offset} leave different types: compare with != 0 on both sides of && and ||"
    )]
    Merge {
        /// Where.
        offset: usize,
    },
    /// liblttng-ust 2.13.5 loses a stack entry for each `<=`.
    #[error("the filter has more <= than liblttng-ust can link")]
    ForgottenPops,
}

/// What stands on the stack.
#[derive(Debug, Clone, PartialEq)]
enum Register {
    S64,
    U64,
    Double,
    Text,
    Glob,
    Unknown,
    Pointer(Pointer),
}

/// A reference under construction.
#[derive(Debug, Clone, PartialEq)]
struct Pointer {
    root: Opcode,
    /// Name and what it leads to, once there was a GET_SYMBOL.
    at: Option<(String, Target, FieldType)>,
}

/// A stack entry with what the reference's specialiser thinks of it, which decides about casts.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    checked: Register,
    specialised: Register,
}

impl Entry {
    fn of(register: Register) -> Self {
        Self { checked: register.clone(), specialised: register }
    }
}

/// Links bytecode to an event.
///
/// # Errors
/// Why it cannot be evaluated for this event: it rejects every one then.
pub fn link(
    bytecode: &Bytecode,
    layout: &(impl EventLayout + ?Sized),
    strictness: Strictness,
) -> Result<Program, LinkError> {
    bytecode.validate()?;
    let resolved = bytecode.resolve()?;
    let mut linker = Linker {
        layout,
        strictness,
        stack: Vec::new(),
        merges: ByOffset::new(),
        ops: Vec::new(),
        starts: ByOffset::new(),
        forgotten_pops: 0,
    };
    for instruction in &resolved {
        if linker.instruction(instruction)? {
            return linker.finish();
        }
    }
    Err(InvalidBytecode::NoReturn.into())
}

struct Linker<'l, L: ?Sized> {
    layout: &'l L,
    strictness: Strictness,
    stack: Vec<Entry>,
    /// Types that are expected where a skip leads.
    merges: ByOffset<Vec<Entry>>,
    ops: Vec<Op>,
    /// Operations at the offsets where instructions start.
    starts: ByOffset<usize>,
    forgotten_pops: usize,
}

/// Entries that the reference's specialiser has room for.
const SPECIALISER_STACK: usize = 10;

impl<L: EventLayout + ?Sized> Linker<'_, L> {
    fn finish(mut self) -> Result<Program, LinkError> {
        for op in &mut self.ops {
            if let Op::And { skip } | Op::Or { skip } = op {
                // Every skip leads to an instruction that was walked over: validation saw to it.
                *skip = self.starts.get(*skip).copied().unwrap_or(usize::MAX);
            }
        }
        Ok(Program::new(self.ops))
    }

    fn push(&mut self, entry: Entry) -> Result<(), LinkError> {
        if self.strictness == Strictness::LttngUst
            && self.stack.len() + self.forgotten_pops >= SPECIALISER_STACK
        {
            return Err(LinkError::ForgottenPops);
        }
        debug_assert!(self.stack.len() < STACK_LIMIT, "validated");
        self.stack.push(entry);
        Ok(())
    }

    /// Takes one instruction; true at the first RETURN.
    fn instruction(&mut self, resolved: &Resolved<'_>) -> Result<bool, LinkError> {
        let Instruction { offset, opcode, operand } = resolved.instruction;
        self.starts.insert(offset, self.ops.len());
        if let Some(expected) = self.merges.remove(offset) {
            self.check_merge(&expected, &self.stack, offset)?;
        }
        let name = resolved.name.unwrap_or_default();
        match (opcode, operand) {
            (Opcode::Return | Opcode::ReturnS64, _) => {
                self.take_return(opcode, offset)?;
                return Ok(true);
            }
            (Opcode::And | Opcode::Or, Operand::U16(target)) => {
                self.logical(opcode, offset, target.into())?
            }
            (Opcode::LoadString, Operand::Text(text)) => {
                self.literal(Op::Text(text.into()), Register::Text)?
            }
            (Opcode::LoadStarGlobString, Operand::Text(text)) => {
                self.literal(Op::Glob(text.into()), Register::Glob)?
            }
            (Opcode::LoadS64, Operand::I64(value)) => self.literal(Op::Integer(value), Register::S64)?,
            (Opcode::LoadDouble, Operand::F64(value)) => self.literal(Op::Double(value), Register::Double)?,
            (Opcode::LoadFieldRef, _) => {
                let (field, kind) = self.payload(name)?;
                self.load(name, Target::Payload(field), kind)?;
            }
            (Opcode::GetContextRef, _) => {
                let (target, kind) = match (name.strip_prefix("$ctx."), name.strip_prefix("$app.")) {
                    (Some(name), _) => self.context(name)?,
                    (_, Some(name)) => self.app_context(name)?,
                    _ => return Err(no_such("context", name)),
                };
                self.load(name, target, kind)?;
            }
            (Opcode::GetContextRoot | Opcode::GetAppContextRoot | Opcode::GetPayloadRoot, _) => {
                self.literal(Op::Pointer, Register::Pointer(Pointer { root: opcode, at: None }))?;
            }
            (Opcode::GetSymbol, _) => self.symbol(name, opcode, offset)?,
            (Opcode::GetIndexU16, Operand::U16(index)) => self.index(index.into(), opcode, offset)?,
            (Opcode::GetIndexU64, Operand::U64(index)) => self.index(index, opcode, offset)?,
            (Opcode::LoadField, _) => self.load_pointer(opcode, offset)?,
            (Opcode::CastNop, _) => {}
            (Opcode::CastToS64 | Opcode::CastDoubleToS64, _) => self.cast(opcode, offset)?,
            _ => match Relation::of(opcode) {
                Some(relation) => self.comparison(relation, opcode, offset)?,
                None if (7..=11).contains(&(opcode as u8)) => self.bitwise(opcode, offset)?,
                None => self.unary(opcode, offset)?,
            },
        }
        Ok(false)
    }

    fn literal(&mut self, op: Op, register: Register) -> Result<(), LinkError> {
        self.push(Entry::of(register))?;
        self.ops.push(op);
        Ok(())
    }

    fn payload(&self, name: &str) -> Result<(FieldIndex, FieldType), LinkError> {
        self.layout.find_payload(name).ok_or_else(|| no_such("field", name))
    }

    fn context(&self, name: &str) -> Result<(Target, FieldType), LinkError> {
        let (context, kind) = self.layout.find_context(name).ok_or_else(|| no_such("context", name))?;
        Ok((Target::Context(context), kind))
    }

    fn app_context(&self, name: &str) -> Result<(Target, FieldType), LinkError> {
        let (provider, context) = name.split_once(':').ok_or_else(|| no_such("application context", name))?;
        let found = self.layout.find_app_context(provider, context);
        let context = found.ok_or_else(|| no_such("application context", name))?;
        Ok((Target::AppContext(context), FieldType::Dynamic))
    }

    /// A whole field by its short form. Even unsigned ones are signed registers.
    fn load(&mut self, name: &str, target: Target, kind: FieldType) -> Result<(), LinkError> {
        let register = match kind {
            FieldType::Integer { .. } => Register::S64,
            FieldType::Float => Register::Double,
            FieldType::Text => Register::Text,
            FieldType::Dynamic => Register::Unknown,
            FieldType::Array { .. } | FieldType::Sequence { .. } | FieldType::Other => {
                return Err(LinkError::Unusable { name: name.into(), used: "used as a whole" });
            }
        };
        self.literal(Op::Load(target), register)
    }

    fn symbol(&mut self, name: &str, opcode: Opcode, offset: usize) -> Result<(), LinkError> {
        let root = match self.stack.last().map(|entry| &entry.checked) {
            Some(Register::Pointer(Pointer { root, at: None })) => *root,
            Some(Register::Pointer(_)) => {
                return Err(LinkError::Unusable {
                    name: name.into(),
                    used: "looked up inside another field",
                });
            }
            _ => return Err(LinkError::Type { opcode, offset }),
        };
        let (target, kind) = match root {
            Opcode::GetPayloadRoot => {
                self.payload(name).map(|(field, kind)| (Target::Payload(field), kind))?
            }
            Opcode::GetContextRoot => self.context(name)?,
            _ => self.app_context(name)?,
        };
        self.replace(Entry::of(Register::Pointer(Pointer { root, at: Some((name.into(), target, kind)) })));
        Ok(())
    }

    fn index(&mut self, index: u64, opcode: Opcode, offset: usize) -> Result<(), LinkError> {
        let (root, name, target, kind) = match self.stack.last().map(|entry| &entry.checked) {
            Some(Register::Pointer(Pointer { root, at: Some((name, target, kind)) })) => {
                (*root, name.clone(), *target, *kind)
            }
            _ => return Err(LinkError::Type { opcode, offset }),
        };
        let signed = match kind {
            FieldType::Array { length, .. } if index >= length => {
                return Err(LinkError::IndexBeyond { name, length, index });
            }
            FieldType::Array { signed, .. } | FieldType::Sequence { signed } => signed,
            _ => return Err(LinkError::Unusable { name, used: "indexed" }),
        };
        let Target::Payload(field) = target else {
            return Err(LinkError::Unusable { name, used: "indexed" });
        };
        let at = Some((name, Target::Element(field, index), FieldType::Integer { signed }));
        self.replace(Entry::of(Register::Pointer(Pointer { root, at })));
        Ok(())
    }

    fn load_pointer(&mut self, opcode: Opcode, offset: usize) -> Result<(), LinkError> {
        let (name, target, kind) = match self.stack.last().map(|entry| &entry.checked) {
            Some(Register::Pointer(Pointer { at: Some((name, target, kind)), .. })) => {
                (name.clone(), *target, *kind)
            }
            _ => return Err(LinkError::Type { opcode, offset }),
        };
        let specialised = match kind {
            FieldType::Integer { signed: true } => Register::S64,
            FieldType::Integer { signed: false } => Register::U64,
            FieldType::Float => Register::Double,
            FieldType::Text => Register::Text,
            FieldType::Dynamic => Register::Unknown,
            FieldType::Array { .. } | FieldType::Sequence { .. } | FieldType::Other => {
                return Err(LinkError::Unusable { name, used: "used as a whole" });
            }
        };
        self.replace(Entry { checked: Register::Unknown, specialised });
        self.ops.push(Op::LoadPointer(target));
        Ok(())
    }

    fn replace(&mut self, entry: Entry) {
        if let Some(top) = self.stack.last_mut() {
            *top = entry;
        }
    }

    /// The two topmost registers: left, right.
    fn operands(&mut self) -> Option<(Entry, Entry)> {
        let right = self.stack.pop()?;
        Some((self.stack.pop()?, right))
    }

    fn comparison(&mut self, relation: Relation, opcode: Opcode, offset: usize) -> Result<(), LinkError> {
        use Register::{Double, Glob, Pointer, S64, Text, U64, Unknown};
        let wrong = LinkError::Type { opcode, offset };
        let Some((left, right)) = self.operands() else { return Err(wrong) };
        let (left, right) = (&left.checked, &right.checked);
        let integer = |register: &Register| matches!(register, S64 | U64);
        let fits = match opcode as u8 {
            12..=17 => match (left, right) {
                (Pointer(_), _) | (_, Pointer(_)) => false,
                (_, Unknown) | (Unknown, _) => true,
                (Text, Text) => true,
                (Text, Glob) | (Glob, Text) => matches!(relation, Relation::Equal | Relation::NotEqual),
                (S64 | U64 | Double, S64 | U64 | Double) => true,
                _ => false,
            },
            18..=23 => (left, right) == (&Text, &Text),
            24..=29 => integer(left) && integer(right),
            30..=35 => matches!((left, right), (Double, Double | S64 | U64) | (S64 | U64, Double)),
            36..=41 => left == &Double && integer(right),
            42..=47 => integer(left) && right == &Double,
            _ => matches!((left, right), (Text, Glob) | (Glob, Text)),
        };
        if !fits {
            return Err(wrong);
        }
        if opcode == Opcode::Le {
            self.forgotten_pops += 1;
        }
        // Both operands are gone, and so is the entry that was forgotten.
        self.stack.push(Entry::of(S64));
        self.ops.push(Op::Compare(relation));
        Ok(())
    }

    fn bitwise(&mut self, opcode: Opcode, offset: usize) -> Result<(), LinkError> {
        let fits = |entry: &Entry| matches!(entry.checked, Register::S64 | Register::U64 | Register::Unknown);
        match self.operands() {
            Some((left, right)) if fits(&left) && fits(&right) => {}
            _ => return Err(LinkError::Type { opcode, offset }),
        }
        self.stack.push(Entry::of(Register::U64));
        self.ops.push(match opcode {
            Opcode::BitRshift => Op::ShiftRight,
            Opcode::BitLshift => Op::ShiftLeft,
            Opcode::BitAnd => Op::BitAnd,
            Opcode::BitOr => Op::BitOr,
            _ => Op::BitXor,
        });
        Ok(())
    }

    fn unary(&mut self, opcode: Opcode, offset: usize) -> Result<(), LinkError> {
        use Register::{Double, S64, U64, Unknown};
        let wrong = LinkError::Type { opcode, offset };
        let Some(top) = self.stack.last_mut() else { return Err(wrong) };
        let (op, fits, result) = match (opcode, &top.checked) {
            (Opcode::UnaryPlus, S64 | U64 | Double | Unknown) => (Op::Plus, true, Some(Unknown)),
            (Opcode::UnaryMinus, S64 | U64 | Double | Unknown) => (Op::Minus, true, Some(Unknown)),
            (Opcode::UnaryNot, S64 | U64 | Double | Unknown) => (Op::Not, true, None),
            (Opcode::UnaryBitNot, S64 | U64 | Unknown) => (Op::BitNot, true, Some(U64)),
            (Opcode::UnaryPlusS64, S64 | U64) => (Op::Plus, true, Some(Unknown)),
            (Opcode::UnaryMinusS64, S64 | U64) => (Op::Minus, true, Some(Unknown)),
            (Opcode::UnaryNotS64, S64 | U64) => (Op::Not, true, None),
            (Opcode::UnaryPlusDouble, Double) => (Op::Plus, true, Some(Unknown)),
            (Opcode::UnaryMinusDouble, Double) => (Op::Minus, true, Some(Unknown)),
            (Opcode::UnaryNotDouble, Double) => (Op::Not, true, Some(S64)),
            _ => (Op::Not, false, None),
        };
        if !fits {
            return Err(wrong);
        }
        if let Some(result) = result {
            top.checked = result;
        }
        // `!` of a double is an integer at run time, which the reference learns in its specialiser.
        if matches!((opcode, &top.specialised), (Opcode::UnaryNot, Double)) {
            top.specialised = S64;
        }
        self.ops.push(op);
        Ok(())
    }

    fn cast(&mut self, opcode: Opcode, offset: usize) -> Result<(), LinkError> {
        use Register::{Double, S64, U64, Unknown};
        let Some(top) = self.stack.last_mut() else { return Err(LinkError::Type { opcode, offset }) };
        let fits = match opcode {
            // What a minus makes of a double is no longer known to be one.
            Opcode::CastDoubleToS64 if top.checked == Unknown => self.strictness == Strictness::Rttng,
            Opcode::CastDoubleToS64 => top.checked == Double,
            _ => matches!(top.checked, S64 | U64 | Double | Unknown),
        };
        if !fits {
            return Err(LinkError::Type { opcode, offset });
        }
        // Where the specialiser sees a signed integer, the reference drops the cast; else it fails on unsigned values.
        let unsigned_fails = self.strictness == Strictness::LttngUst && top.specialised != S64;
        *top = Entry::of(S64);
        self.ops.push(Op::CastToInteger { unsigned_fails });
        Ok(())
    }

    fn logical(&mut self, opcode: Opcode, offset: usize, target: usize) -> Result<(), LinkError> {
        let takes_unknown = self.strictness == Strictness::Rttng;
        let fits = match self.stack.last().map(|entry| &entry.checked) {
            Some(Register::S64 | Register::U64) => true,
            Some(Register::Unknown) => takes_unknown,
            _ => false,
        };
        if !fits {
            return Err(LinkError::Type { opcode, offset });
        }
        match self.merges.get(target) {
            Some(other) => self.check_merge(other, &self.stack, target)?,
            None => {
                self.merges.insert(target, self.stack.clone());
            }
        }
        self.stack.pop();
        // The target becomes the index of an operation when all are known.
        self.ops.push(if opcode == Opcode::And { Op::And { skip: target } } else { Op::Or { skip: target } });
        Ok(())
    }

    fn check_merge(&self, expected: &[Entry], found: &[Entry], offset: usize) -> Result<(), LinkError> {
        use Register::{Pointer, S64, U64, Unknown};
        let same = |(left, right): (&Entry, &Entry)| match (&left.checked, &right.checked) {
            (Pointer(left), Pointer(right)) => left == right,
            (Pointer(_), _) | (_, Pointer(_)) => false,
            (Unknown, _) | (_, Unknown) => true,
            (S64, U64) | (U64, S64) => self.strictness == Strictness::Rttng,
            (left, right) => left == right,
        };
        if expected.len() == found.len() && expected.iter().zip(found).all(same) {
            return Ok(());
        }
        Err(LinkError::Merge { offset })
    }

    fn take_return(&mut self, opcode: Opcode, offset: usize) -> Result<(), LinkError> {
        let top = self.stack.last().map(|entry| &entry.checked);
        let op = match (opcode, top) {
            (Opcode::ReturnS64, Some(Register::S64 | Register::U64)) => Op::Return,
            (Opcode::ReturnS64, _) => return Err(LinkError::Type { opcode, offset }),
            (_, Some(Register::Pointer(Pointer { at: Some((_, target, _)), .. }))) => {
                Op::ReturnReference(*target)
            }
            (_, Some(Register::Glob | Register::Pointer(_)) | None) => {
                return Err(LinkError::Type { opcode, offset });
            }
            _ => Op::Return,
        };
        self.ops.push(op);
        Ok(())
    }
}

fn no_such(kind: &'static str, name: &str) -> LinkError {
    LinkError::NoSuchName { kind, name: name.into() }
}
