//! LTTng's filter expressions: text to bytecode, and bytecode to a verdict; the patterns, exclusions and log levels by
//! which event rules select events (`docs/spec/filter.md`).
//!
//! ```
//! let bytecode = rttng_filter::compile("i < 3")?;
//! assert_eq!(bytecode.code()[0], 0x3b);
//! assert_eq!(bytecode.relocation_table(), [0, 0, b'i', 0]);
//!
//! let error = rttng_filter::compile("i = 3").unwrap_err();
//! assert_eq!(error.to_string(), "expected an operator or the end of the expression, found `=` (column 3)");
//! # Ok::<(), rttng_filter::FilterError>(())
//! ```
//!
//! Names of event rules: [`pattern`], [`check_exclusions`], [`LogLevelDomain`].
//!
//! The way of an expression: `lexer` → `parser` → [`ast`] → `semantics` → `codegen` → [`Bytecode`]
//! → [`Bytecode::validate`] → [`link`] to an event → [`Program`], which says for each hit whether it passes.

mod agent_filter;
pub mod ast;
mod by_offset;
mod bytecode;
mod capture;
mod codegen;
mod disassemble;
mod error;
mod exclusion;
mod interpret;
mod lexer;
mod link;
mod log_level;
mod number;
pub mod opcode;
mod parser;
pub mod pattern;
mod semantics;
mod validate;

pub use agent_filter::compose_agent_filter;
pub use bytecode::{
    Bytecode, DATA_LIMIT, EnvelopeError, HEADER_SIZE, Relocation, RelocationCut, Relocations,
};
pub use capture::{Capture, CaptureSource};
pub use disassemble::{DecodeError, Instruction, Instructions, Listing, Operand};
pub use error::{ERROR_FILTER_INVALID, ERROR_INVALID, FilterError, FilterErrorKind};
pub use exclusion::{
    EXCLUSION_LIMIT, ExclusionError, UselessExclusion, check_exclusions, rule_selects, split_exclusions,
};
pub use interpret::{EvaluationError, Fields, Guard, Outcome, Program, Target, Value};
pub use link::{EventLayout, FieldIndex, FieldType, LinkError, Strictness, link};
pub use log_level::{DEFAULT_LEVEL, LogLevelDomain, LogLevelRule};
pub use parser::{NESTING_LIMIT, TEXT_LIMIT, parse};
pub use validate::InvalidBytecode;

/// Values that the interpreter of liblttng-ust 2.13.5 holds at once. Its link check lets 10 pass, and then the
/// application ends by an assertion: nothing that needs more may be sent.
pub const STACK_LIMIT: usize = 8;

/// Compiles a filter expression to the bytecode that LTTng 2.13.9 sends for it.
///
/// # Errors
/// What the reference refuses, and what would end applications that use liblttng-ust ([`STACK_LIMIT`]) or is nested
/// beyond reason ([`NESTING_LIMIT`]).
pub fn compile(expr: &str) -> Result<Bytecode, FilterError> {
    compile_bytes(expr.as_bytes())
}

/// As [`compile`], for a text that need not be UTF-8, as it comes from a peer.
///
/// # Errors
/// As [`compile`].
pub fn compile_bytes(expr: &[u8]) -> Result<Bytecode, FilterError> {
    codegen::filter(&semantics::check(&parse(expr)?)?)
}
