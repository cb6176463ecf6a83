//! Filter and capture programs as they are attached to events (`docs/spec/ust-protocol.md` 5.7).

use std::sync::Arc;

use crate::{Reader, WireError, Writer};

/// A program for the application's interpreter, followed by its relocation table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytecode {
    data: Arc<[u8]>,
    relocations_at: u32,
    sequence: u64,
}

/// Largest program with its relocation table that an application takes.
pub const MAX_BYTECODE_LEN: usize = 65536;

impl Bytecode {
    /// Takes a program whose relocation table starts at `relocations_at`. `sequence` is 0 for filters and counts the
    /// captures of one event notifier from 0.
    pub fn new(data: Arc<[u8]>, relocations_at: u32, sequence: u64) -> Result<Self, WireError> {
        BytecodeHead { len: data.len() as u64, relocations_at, sequence }.check()?;
        Ok(Bytecode { data, relocations_at, sequence })
    }

    /// The program and, behind it, the relocation table.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The instructions.
    pub fn code(&self) -> &[u8] {
        &self.data[..self.relocations_at as usize]
    }

    /// The relocation table: per entry the offset of an instruction (u16) and the NUL-terminated name of a field.
    pub fn relocations(&self) -> &[u8] {
        &self.data[self.relocations_at as usize..]
    }

    /// Which capture of its event notifier this is; 0 for filters.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn encode_union(&self, out: &mut Writer) {
        out.u32(self.data.len() as u32);
        out.u32(self.relocations_at);
        out.u64(self.sequence);
    }
}

/// What the record says of the program that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BytecodeHead {
    len: u64,
    relocations_at: u32,
    sequence: u64,
}

impl BytecodeHead {
    pub(super) fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = u64::from(input.u32("bytecode length")?);
        let relocations_at = input.u32("relocation offset")?;
        let sequence = input.u64("bytecode sequence number")?;
        let head = BytecodeHead { len, relocations_at, sequence };
        head.check()?;
        Ok(head)
    }

    pub(super) fn len(self) -> usize {
        self.len as usize
    }

    pub(super) fn with(self, data: &[u8]) -> Result<Bytecode, WireError> {
        Bytecode::new(data.into(), self.relocations_at, self.sequence)
    }

    fn check(self) -> Result<(), WireError> {
        let over = |field, value, limit| Err(WireError::TooLarge { field, value, limit });
        if self.len > MAX_BYTECODE_LEN as u64 {
            return over("bytecode length", self.len, MAX_BYTECODE_LEN as u64);
        }
        if u64::from(self.relocations_at) > self.len {
            return over("relocation offset", u64::from(self.relocations_at), self.len);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_the_application_s() {
        assert!(Bytecode::new(vec![0; MAX_BYTECODE_LEN].into(), 0, 0).is_ok());
        assert!(Bytecode::new(vec![0; MAX_BYTECODE_LEN + 1].into(), 0, 0).is_err());
        assert!(Bytecode::new(vec![0; 4].into(), 5, 0).is_err());
    }
}
