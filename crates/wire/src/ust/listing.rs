//! What an application says of itself when asked: its tracer's version, its tracepoints and their fields
//! (`docs/spec/ust-protocol.md` 5.6).

use super::event::LogLevel;
use super::{SYMBOL_NAME_LEN, symbol};
use crate::{Decode, Encode, Reader, WireError, Writer};

/// The version of lttng-ust in an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracerVersion {
    /// 2 in 2.13.5.
    pub major: u32,
    /// 13 in 2.13.5.
    pub minor: u32,
    /// 5 in 2.13.5.
    pub patch: u32,
}

impl Encode for TracerVersion {
    fn encode(&self, out: &mut Writer) {
        for part in [self.major, self.minor, self.patch] {
            out.u32(part);
        }
    }
}

impl Decode for TracerVersion {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut part = || input.u32("tracer version");
        Ok(TracerVersion { major: part()?, minor: part()?, patch: part()? })
    }
}

/// A tracepoint that an application has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracepointEntry {
    /// `provider:name`.
    pub name: String,
    /// Its level.
    pub log_level: LogLevel,
}

impl Encode for TracepointEntry {
    fn encode(&self, out: &mut Writer) {
        out.fixed_string(&self.name, SYMBOL_NAME_LEN);
        out.i32(self.log_level.0);
        out.zeros(16);
    }
}

impl Decode for TracepointEntry {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let name = symbol(input, "tracepoint name")?;
        let log_level = LogLevel(input.i32("log level")?);
        input.skip(16)?;
        Ok(TracepointEntry { name, log_level })
    }
}

codes! {
    /// What kind of field a listing shows.
    pub enum ListedFieldKind: i32, "listed field type" {
        /// Anything else; also arrays and sequences that are not text.
        Other = 0,
        /// An integer.
        Integer = 1,
        /// An enumeration.
        Enumeration = 2,
        /// A floating-point number.
        Float = 3,
        /// Text, also in arrays and sequences.
        String = 4,
    }
}

/// A field of a tracepoint that an application has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldListEntry {
    /// The tracepoint, `provider:name`.
    pub event: String,
    /// The field; empty if the tracepoint has none.
    pub field: String,
    /// What kind of field.
    pub kind: ListedFieldKind,
    /// The tracepoint's level.
    pub log_level: LogLevel,
    /// Whether the field is for filters only and never recorded.
    pub nowrite: bool,
}

/// Size of [`FieldListEntry`] on the wire.
pub(super) const FIELD_LIST_ENTRY_LEN: usize = 808;

impl Encode for FieldListEntry {
    fn encode(&self, out: &mut Writer) {
        out.fixed_string(&self.event, SYMBOL_NAME_LEN);
        out.fixed_string(&self.field, SYMBOL_NAME_LEN);
        out.i32(self.kind.code());
        out.i32(self.log_level.0);
        out.i32(i32::from(self.nowrite));
        out.zeros(284);
    }
}

impl Decode for FieldListEntry {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let event = symbol(input, "event name")?;
        let field = symbol(input, "field name")?;
        let kind = ListedFieldKind::from_code(input.i32("listed field type")?)?;
        let log_level = LogLevel(input.i32("log level")?);
        let nowrite = input.i32("nowrite")? != 0;
        input.skip(284)?;
        Ok(FieldListEntry { event, field, kind, log_level, nowrite })
    }
}
