//! Tracing domains and buffer types, and the object of 308 bytes that names both (`docs/spec/client-protocol.md`, 9.2).

use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// Who traces: one of LTTng's tracing domains.
    pub enum DomainType: i32, "domain.type" {
        /// The Linux kernel.
        Kernel = 1,
        /// User space, through liblttng-ust.
        Ust = 2,
        /// `java.util.logging`.
        Jul = 3,
        /// Apache log4j.
        Log4j = 4,
        /// Python's `logging`.
        Python = 5,
    }
}

impl DomainType {
    /// Whether events of this domain come from an agent inside the application (JUL, log4j, Python).
    pub fn is_agent(self) -> bool {
        matches!(self, DomainType::Jul | DomainType::Log4j | DomainType::Python)
    }

    /// The one channel that an agent domain may have.
    pub fn fixed_channel_name(self) -> Option<&'static str> {
        match self {
            DomainType::Jul => Some("lttng_jul_channel"),
            DomainType::Log4j => Some("lttng_log4j_channel"),
            DomainType::Python => Some("lttng_python_channel"),
            DomainType::Kernel | DomainType::Ust => None,
        }
    }

    /// The hidden user-space event that carries all events of an agent domain.
    pub fn agent_event_name(self) -> Option<&'static str> {
        match self {
            DomainType::Jul => Some("lttng_jul:*"),
            DomainType::Log4j => Some("lttng_log4j:*"),
            DomainType::Python => Some("lttng_python:*"),
            DomainType::Kernel | DomainType::Ust => None,
        }
    }
}

codes! {
    /// Who shares a set of ring buffers.
    pub enum BufferType: i32, "domain.buf_type" {
        /// Each traced process has its own.
        PerPid = 0,
        /// The processes of one user share them.
        PerUid = 1,
        /// One set for the whole system (kernel).
        Global = 2,
    }
}

/// A tracing domain together with its buffer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Domain {
    /// The tracing domain.
    pub kind: DomainType,
    /// The buffer type; `None` when the peer sent a number that is no buffer type. Commands that create nothing
    /// ignore it.
    pub buffers: Option<BufferType>,
}

impl Domain {
    /// A domain with a buffer type.
    pub fn new(kind: DomainType, buffers: BufferType) -> Self {
        Domain { kind, buffers: Some(buffers) }
    }

    /// A domain with the buffer type that LTTng's command line sends for it: per user, and global for the kernel.
    pub fn with_default_buffers(kind: DomainType) -> Self {
        let buffers = if kind == DomainType::Kernel { BufferType::Global } else { BufferType::PerUid };
        Domain::new(kind, buffers)
    }

    /// A domain as the commands name it that do not care for the buffer type (zero on the wire).
    pub fn for_query(kind: DomainType) -> Self {
        Domain::new(kind, BufferType::PerPid)
    }

    /// The size of the object.
    pub(crate) const SIZE: usize = 308;
}

/// The number that stands for a buffer type that there is none of, when such a domain is written again.
const NO_BUFFER_TYPE: i32 = -1;

/// What the bytes of a domain object hold before they are judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawDomain {
    pub(crate) kind: i32,
    pub(crate) buffers: i32,
    pub(crate) pid: i32,
}

impl RawDomain {
    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut object = Reader::new(input.bytes("domain", Domain::SIZE)?);
        let kind = object.i32("domain.type")?;
        let buffers = object.i32("domain.buf_type")?;
        object.skip(12)?;
        let pid = object.i32("domain.attr.pid")?;
        Ok(RawDomain { kind, buffers, pid })
    }

    /// The domain, if the type is one of the five.
    pub(crate) fn known(self) -> Option<Domain> {
        let kind = DomainType::from_code(self.kind).ok()?;
        Some(Domain { kind, buffers: BufferType::from_code(self.buffers).ok() })
    }
}

impl Encode for Domain {
    fn encode(&self, out: &mut Writer) {
        let end = out.len() + Domain::SIZE;
        out.i32(self.kind.code());
        out.i32(self.buffers.map_or(NO_BUFFER_TYPE, BufferType::code));
        out.pad_to(end);
    }
}

impl Decode for Domain {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let raw = RawDomain::decode(input)?;
        raw.known().ok_or(WireError::BadValue { field: "domain.type", value: raw.kind.into() })
    }
}
