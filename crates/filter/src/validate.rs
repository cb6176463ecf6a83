//! What can be checked of bytecode without knowing the events it will meet (`docs/spec/filter.md`, 8 and 12): a daemon
//! hands on nothing that ends or confuses applications. Whether names and types fit is for `link` to say.

use crate::STACK_LIMIT;
use crate::by_offset::ByOffset;
use crate::bytecode::{Bytecode, RelocationCut};
use crate::disassemble::{DecodeError, Instruction, Operand};
use crate::opcode::{Opcode, Wire};

/// Bytecode that must not be handed to a tracer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBytecode {
    /// Not made of instructions.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The table ends inside an entry.
    #[error(transparent)]
    RelocationTable(#[from] RelocationCut),
    /// An instruction that is private to tracers.
    #[error("{name} at offset {offset} may not be sent to a tracer", name = opcode.name())]
    Refused {
        /// Which.
        opcode: Opcode,
        /// Where.
        offset: usize,
    },
    /// A relocation of something that takes none.
    #[error("the relocation of offset {offset} does not stand at an instruction that refers to a name")]
    MisplacedRelocation {
        /// What it points at.
        offset: u16,
    },
    /// Two names for one instruction.
    #[error("the instruction at offset {offset} is relocated twice")]
    RelocatedTwice {
        /// Where.
        offset: usize,
    },
    /// An instruction that would use its unpatched operand.
    #[error("{name} at offset {offset} has no relocation", name = opcode.name())]
    NotRelocated {
        /// Which.
        opcode: Opcode,
        /// Where.
        offset: usize,
    },
    /// A name outside the relocation table.
    #[error("GET_SYMBOL at offset {offset} names nothing in the relocation table")]
    SymbolName {
        /// Where.
        offset: usize,
    },
    /// A name that is no text.
    #[error("the name that {name} at offset {offset} refers to is not UTF-8", name = opcode.name())]
    NameEncoding {
        /// Which.
        opcode: Opcode,
        /// Where.
        offset: usize,
    },
    /// More values than the tracer has room for.
    #[error("{name} at offset {offset} needs more than {STACK_LIMIT} stack entries", name = opcode.name())]
    StackFull {
        /// Which.
        opcode: Opcode,
        /// Where.
        offset: usize,
    },
    /// Fewer values than an instruction takes.
    #[error("{name} at offset {offset} takes more stack entries than there are", name = opcode.name())]
    StackEmpty {
        /// Which.
        opcode: Opcode,
        /// Where.
        offset: usize,
    },
    /// A jump that does not lead forward to an instruction before the end.
    #[error("{name} at offset {offset} skips to {target}, which is no later instruction", name = opcode.name())]
    Skip {
        /// Which.
        opcode: Opcode,
        /// Where.
        offset: usize,
        /// Where to.
        target: u16,
    },
    /// Two ways to one instruction with different stacks.
    #[error("the ways that meet at offset {offset} leave different numbers of stack entries")]
    Merge {
        /// Where.
        offset: usize,
    },
    /// The code runs out of instructions.
    #[error("the code ends without RETURN")]
    NoReturn,
    /// A comparison on which liblttng-ust ends the program that it is in.
    #[error("{name} at offset {offset} compares an element of an array with a pattern", name = opcode.name())]
    PatternOfElement {
        /// Which.
        opcode: Opcode,
        /// Where.
        offset: usize,
    },
}

/// What is known of a value on the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// An element of an array or a sequence, or the way to one.
    Element,
    /// Text with `*`.
    Pattern,
    Other,
}

/// An instruction with the name that it refers to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolved<'b> {
    pub(crate) instruction: Instruction<'b>,
    /// For the instructions that look something up.
    pub(crate) name: Option<&'b str>,
}

impl Bytecode {
    /// Checks everything that does not depend on an event: instructions, names, jumps, the depth of the stack.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self) -> Result<(), InvalidBytecode> {
        self.walk().map(|_| ())
    }

    /// As [`Bytecode::validate`], and that no released liblttng-ust comes to harm by it (`docs/spec/filter.md`, 8.2).
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate_for_applications(&self) -> Result<(), InvalidBytecode> {
        match self.walk()? {
            Some((opcode, offset)) => Err(InvalidBytecode::PatternOfElement { opcode, offset }),
            None => Ok(()),
        }
    }

    /// Follows the code with a stack of what its values are. Gives the first comparison of an element with a pattern.
    fn walk(&self) -> Result<Option<(Opcode, usize)>, InvalidBytecode> {
        let resolved = self.resolve()?;
        let mut merges = ByOffset::new();
        let mut stack: Vec<Held> = Vec::new();
        let mut harm = None;
        for Resolved { instruction, .. } in &resolved {
            let Instruction { offset, opcode, operand } = *instruction;
            if merges.remove(offset).is_some_and(|expected| expected != stack.len()) {
                return Err(InvalidBytecode::Merge { offset });
            }
            let (pops, pushes) = stack_effect(opcode);
            if stack.len() < pops {
                return Err(InvalidBytecode::StackEmpty { opcode, offset });
            }
            if let (Opcode::And | Opcode::Or, Operand::U16(target)) = (opcode, operand) {
                let target_offset = usize::from(target);
                if target_offset <= offset {
                    return Err(InvalidBytecode::Skip { opcode, offset, target });
                }
                if merges.insert(target_offset, stack.len()).is_some_and(|other| other != stack.len()) {
                    return Err(InvalidBytecode::Merge { offset: target_offset });
                }
            }
            let taken = stack.split_off(stack.len() - pops);
            let compares = matches!(
                opcode,
                Opcode::Eq | Opcode::Ne | Opcode::EqStarGlobString | Opcode::NeStarGlobString
            );
            if compares && taken.contains(&Held::Element) && taken.contains(&Held::Pattern) {
                harm.get_or_insert((opcode, offset));
            }
            let left = match opcode {
                Opcode::GetIndexU16 | Opcode::GetIndexU64 => Held::Element,
                Opcode::LoadField => taken.first().copied().unwrap_or(Held::Other),
                Opcode::LoadStarGlobString => Held::Pattern,
                _ => Held::Other,
            };
            stack.extend(std::iter::repeat_n(left, pushes));
            if stack.len() > STACK_LIMIT {
                return Err(InvalidBytecode::StackFull { opcode, offset });
            }
            if matches!(opcode, Opcode::Return | Opcode::ReturnS64) {
                return match merges.first() {
                    None => Ok(harm),
                    Some(offset) => Err(InvalidBytecode::Merge { offset }),
                };
            }
        }
        Err(InvalidBytecode::NoReturn)
    }

    /// All instructions with their names; every reference has exactly one.
    pub(crate) fn resolve(&self) -> Result<Vec<Resolved<'_>>, InvalidBytecode> {
        let mut names = ByOffset::new();
        for relocation in self.relocations() {
            let relocation = relocation?;
            let offset = usize::from(relocation.offset);
            // GET_SYMBOL finds its name by its operand; its entries are there for the name's sake.
            let symbol = self.code().get(offset) == Some(&(Opcode::GetSymbol as u8));
            if names.insert(offset, relocation.name).is_some() && !symbol {
                return Err(InvalidBytecode::RelocatedTwice { offset });
            }
        }
        let mut resolved = Vec::new();
        for instruction in self.instructions() {
            let instruction = instruction?;
            let Instruction { offset, opcode, operand } = instruction;
            if opcode.wire() == Wire::Refused {
                return Err(InvalidBytecode::Refused { opcode, offset });
            }
            let relocation = names.remove(offset);
            let name = match (opcode, operand) {
                (Opcode::LoadFieldRef | Opcode::GetContextRef, _) => {
                    Some(relocation.ok_or(InvalidBytecode::NotRelocated { opcode, offset })?)
                }
                (Opcode::GetSymbol, Operand::U16(at)) => {
                    Some(self.symbol(at).ok_or(InvalidBytecode::SymbolName { offset })?)
                }
                // Offsets are those of opcode bytes, so they fit what they came from.
                _ if relocation.is_some() => {
                    return Err(InvalidBytecode::MisplacedRelocation { offset: offset as u16 });
                }
                _ => None,
            };
            let name = name
                .map(|name| {
                    std::str::from_utf8(name).map_err(|_| InvalidBytecode::NameEncoding { opcode, offset })
                })
                .transpose()?;
            resolved.push(Resolved { instruction, name });
        }
        match names.first() {
            None => Ok(resolved),
            Some(offset) => Err(InvalidBytecode::MisplacedRelocation { offset: offset as u16 }),
        }
    }

    /// The name at an offset of the relocation table.
    fn symbol(&self, at: u16) -> Option<&[u8]> {
        let text = self.relocation_table().get(usize::from(at)..)?;
        Some(&text[..text.iter().position(|&byte| byte == 0)?])
    }

    /// Names of the application contexts that the code refers to by the short form, as `provider:name`, in order. For
    /// these the session daemon asks agents to provide values.
    pub fn app_contexts(&self) -> impl Iterator<Item = &[u8]> {
        self.relocations().flatten().filter_map(|relocation| relocation.name.strip_prefix(b"$app."))
    }
}

/// How many values an instruction takes, and how many it leaves when the next one follows.
fn stack_effect(opcode: Opcode) -> (usize, usize) {
    match opcode as u8 {
        // RETURN
        1 => (1, 0),
        // Bit operators and comparisons of all types.
        7..=47 | 77 | 78 => (2, 1),
        // Unary operators, casts, steps from a reference on.
        48..=56 | 67..=69 | 82 | 84..=86 | 98 => (1, 1),
        // AND, OR: the left operand goes if the right one is evaluated.
        57 | 58 => (1, 0),
        // Loads and roots.
        59 | 64..=66 | 70 | 76 | 79..=81 => (0, 1),
        // RETURN_S64
        99 => (1, 0),
        // Refused before this is asked.
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_applications_is_told_from_what_does_not() {
        let judged = |text: &str| crate::compile(text).unwrap().validate_for_applications();
        for harmful in ["uq[1] == \"*world\"", "a == 1 && \"*x\" != s.list[0]", "(b & 1) || q[7] == \"*x*\""]
        {
            let refused = judged(harmful);
            assert!(
                matches!(refused, Err(InvalidBytecode::PatternOfElement { .. })),
                "{harmful}: {refused:?}"
            );
            assert_eq!(
                crate::compile(harmful).unwrap().validate(),
                Ok(()),
                "who knows the types may take it"
            );
        }
        for harmless in [
            "uq[1] == 5",
            "s == \"*world\"",
            "uq[1] == 5 && s != \"x*\"",
            "uq[0] == \"whole\"",
            "$ctx.procname == \"a*\"",
        ] {
            assert_eq!(judged(harmless), Ok(()), "{harmless}");
        }
    }
}
