//! Compiled filters and captures as bytes: code, relocation table, envelope (`docs/spec/filter.md`, 5.1 and 5.2).
//! What the bytes mean is decoded in `disassemble` and checked in `validate`.

/// The most code and relocation bytes that fit one message: 65536 less the header.
pub const DATA_LIMIT: usize = 65536 - HEADER_SIZE;

/// Bytes of the header before the data in messages of the client.
pub const HEADER_SIZE: usize = 48;

/// Compiled code with its relocation table.
///
/// All numbers inside are in the byte order of the machine: client, daemon and application share it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bytecode {
    data: Vec<u8>,
    relocation_offset: u32,
    sequence: u64,
}

/// Bytes that are no bytecode envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Shorter than a header.
    #[error("{length} bytes are too few for a bytecode header")]
    HeaderCut {
        /// Bytes at hand.
        length: usize,
    },
    /// The length in the header is not that of what follows.
    #[error("the bytecode header announces {announced} bytes, {length} follow")]
    LengthMismatch {
        /// From the header.
        announced: u32,
        /// Bytes behind the header.
        length: usize,
    },
    /// More data than any peer takes.
    #[error("{length} bytes of bytecode; {DATA_LIMIT} is the most")]
    TooLong {
        /// Bytes of code and relocation table.
        length: usize,
    },
    /// The relocation table starts outside the data.
    #[error("the relocation table starts at {offset}, beyond the {length} bytes of bytecode")]
    RelocationOffset {
        /// Start of the table.
        offset: u32,
        /// Bytes of code and relocation table.
        length: usize,
    },
}

impl Bytecode {
    /// From the parts that the FILTER and CAPTURE commands of applications carry. `sequence` is 0 for filters and the
    /// position in the list for captures.
    ///
    /// # Errors
    /// Lengths that contradict each other or exceed [`DATA_LIMIT`].
    pub fn from_parts(data: Vec<u8>, relocation_offset: u32, sequence: u64) -> Result<Self, EnvelopeError> {
        let length = data.len();
        if length > DATA_LIMIT {
            return Err(EnvelopeError::TooLong { length });
        }
        if relocation_offset as usize > length {
            return Err(EnvelopeError::RelocationOffset { offset: relocation_offset, length });
        }
        Ok(Self { data, relocation_offset, sequence })
    }

    /// From the bytes that the client sends: header, then data.
    ///
    /// # Errors
    /// A cut header, and lengths that contradict each other or exceed [`DATA_LIMIT`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let Some((header, data)) = bytes.split_first_chunk::<HEADER_SIZE>() else {
            return Err(EnvelopeError::HeaderCut { length: bytes.len() });
        };
        let word =
            |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let mut sequence = [0; 8];
        sequence.copy_from_slice(&header[8..16]);
        let announced = word(0);
        if announced as usize != data.len() {
            return Err(EnvelopeError::LengthMismatch { announced, length: data.len() });
        }
        if data.len() > DATA_LIMIT {
            return Err(EnvelopeError::TooLong { length: data.len() });
        }
        Self::from_parts(data.to_vec(), word(4), u64::from_ne_bytes(sequence))
    }

    /// Header and data, as the client sends them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_SIZE + self.data.len());
        // Never more than DATA_LIMIT.
        bytes.extend_from_slice(&(self.data.len() as u32).to_ne_bytes());
        bytes.extend_from_slice(&self.relocation_offset.to_ne_bytes());
        bytes.extend_from_slice(&self.sequence.to_ne_bytes());
        bytes.resize(HEADER_SIZE, 0);
        bytes.extend_from_slice(&self.data);
        bytes
    }

    /// Code and relocation table. Two rules are the same if this is (7.4).
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The instructions.
    pub fn code(&self) -> &[u8] {
        &self.data[..self.relocation_offset as usize]
    }

    /// The names that the code refers to.
    pub fn relocation_table(&self) -> &[u8] {
        &self.data[self.relocation_offset as usize..]
    }

    /// Where the relocation table starts in the data.
    pub fn relocation_offset(&self) -> u32 {
        self.relocation_offset
    }

    /// 0 for filters; for captures the position in the list of the trigger.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The entries of the relocation table, up to the first that is cut.
    pub fn relocations(&self) -> Relocations<'_> {
        Relocations { rest: self.relocation_table() }
    }
}

impl std::fmt::Debug for Bytecode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytecode {{ sequence: {}\n{}}}", self.sequence, self.disassemble())
    }
}

/// The instruction at `offset` refers to `name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation<'b> {
    /// Offset of the opcode byte in the code.
    pub offset: u16,
    /// Without its NUL.
    pub name: &'b [u8],
}

/// A relocation table ends inside an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the relocation table ends inside an entry")]
pub struct RelocationCut;

/// Iterates over a relocation table.
#[derive(Debug, Clone)]
pub struct Relocations<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for Relocations<'b> {
    type Item = Result<Relocation<'b>, RelocationCut>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let rest = std::mem::take(&mut self.rest);
        let Some((offset, names)) = rest.split_first_chunk::<2>() else { return Some(Err(RelocationCut)) };
        let Some(end) = names.iter().position(|&byte| byte == 0) else { return Some(Err(RelocationCut)) };
        self.rest = &names[end + 1..];
        Some(Ok(Relocation { offset: u16::from_ne_bytes(*offset), name: &names[..end] }))
    }
}
