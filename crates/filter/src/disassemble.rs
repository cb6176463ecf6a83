//! Bytecode to instructions, and to text for people.

use std::fmt;

use crate::bytecode::Bytecode;
use crate::opcode::{Opcode, OperandForm};

/// One instruction, read from code that may be anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Instruction<'b> {
    /// Offset of its opcode byte in the code.
    pub offset: usize,
    /// Which.
    pub opcode: Opcode,
    /// What follows it.
    pub operand: Operand<'b>,
}

/// The operand of an instruction.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "the forms of OperandForm with their values")]
pub enum Operand<'b> {
    None,
    U16(u16),
    U64(u64),
    I64(i64),
    F64(f64),
    /// Without its NUL.
    Text(&'b [u8]),
}

/// Code that does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No instruction has this number.
    #[error("unknown instruction {number} at offset {offset}")]
    UnknownOpcode {
        /// The byte.
        number: u8,
        /// Where.
        offset: usize,
    },
    /// The code ends inside an instruction.
    #[error("the code ends inside the {name} at offset {offset}", name = opcode.name())]
    Cut {
        /// Which instruction.
        opcode: Opcode,
        /// Where it starts.
        offset: usize,
    },
}

/// Iterates over code, up to its end or the first error.
#[derive(Debug, Clone)]
pub struct Instructions<'b> {
    code: &'b [u8],
    offset: usize,
}

impl<'b> Instructions<'b> {
    /// The instructions of `code`.
    pub fn new(code: &'b [u8]) -> Self {
        Self { code, offset: 0 }
    }

    /// Where the next instruction starts.
    pub fn offset(&self) -> usize {
        self.offset
    }

    fn decode(&self) -> Result<(Instruction<'b>, usize), DecodeError> {
        let offset = self.offset;
        let number = self.code[offset];
        let opcode = Opcode::from_byte(number).ok_or(DecodeError::UnknownOpcode { number, offset })?;
        let rest = &self.code[offset + 1..];
        let (operand, length) = operand(opcode.operand(), rest).ok_or(DecodeError::Cut { opcode, offset })?;
        Ok((Instruction { offset, opcode, operand }, offset + 1 + length))
    }
}

fn operand(form: OperandForm, rest: &[u8]) -> Option<(Operand<'_>, usize)> {
    let eight = || rest.first_chunk::<8>().copied();
    Some(match form {
        OperandForm::None => (Operand::None, 0),
        OperandForm::U16 => (Operand::U16(u16::from_ne_bytes(*rest.first_chunk()?)), 2),
        OperandForm::U64 => (Operand::U64(u64::from_ne_bytes(eight()?)), 8),
        OperandForm::I64 => (Operand::I64(i64::from_ne_bytes(eight()?)), 8),
        OperandForm::F64 => (Operand::F64(f64::from_ne_bytes(eight()?)), 8),
        OperandForm::Text => {
            let end = rest.iter().position(|&byte| byte == 0)?;
            (Operand::Text(&rest[..end]), end + 1)
        }
    })
}

impl<'b> Iterator for Instructions<'b> {
    type Item = Result<Instruction<'b>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.code.len() {
            return None;
        }
        Some(match self.decode() {
            Ok((instruction, next)) => {
                self.offset = next;
                Ok(instruction)
            }
            Err(error) => {
                self.offset = self.code.len();
                Err(error)
            }
        })
    }
}

impl Bytecode {
    /// The instructions, as far as they decode.
    pub fn instructions(&self) -> Instructions<'_> {
        Instructions::new(self.code())
    }

    /// A listing for people: offset, name, operand and, behind a semicolon, the name that is looked up.
    pub fn disassemble(&self) -> Listing<'_> {
        Listing { bytecode: self }
    }
}

/// Displays bytecode as one line per instruction.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'b> {
    bytecode: &'b Bytecode,
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut relocations = self.bytecode.relocations().peekable();
        for instruction in self.bytecode.instructions() {
            let instruction = match instruction {
                Ok(instruction) => instruction,
                Err(error) => {
                    writeln!(f, "; {error}")?;
                    break;
                }
            };
            write!(f, "{:5}  {}", instruction.offset, instruction.opcode.name())?;
            match instruction.operand {
                Operand::None => {}
                Operand::U16(value) if matches!(instruction.opcode, Opcode::And | Opcode::Or) => {
                    write!(f, " -> {value}")?
                }
                Operand::U16(value) => write!(f, " {value:#06x}")?,
                Operand::U64(value) => write!(f, " {value}")?,
                Operand::I64(value) => write!(f, " {value}")?,
                Operand::F64(value) => write!(f, " {value:?}")?,
                Operand::Text(text) => write!(f, " \"{}\"", text.escape_ascii())?,
            }
            let refers = |entry: &Result<crate::bytecode::Relocation<'_>, _>| {
                entry.as_ref().is_ok_and(|entry| usize::from(entry.offset) == instruction.offset)
            };
            if let Some(Ok(relocation)) = relocations.next_if(refers) {
                write!(f, "  ; {}", relocation.name.escape_ascii())?;
            }
            writeln!(f)?;
        }
        for relocation in relocations {
            match relocation {
                Ok(relocation) => {
                    writeln!(f, "; relocation of {}: {}", relocation.offset, relocation.name.escape_ascii())?
                }
                Err(error) => writeln!(f, "; {error}")?,
            }
        }
        Ok(())
    }
}
