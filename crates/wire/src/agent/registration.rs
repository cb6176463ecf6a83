//! The first bytes on an agent's connection (`docs/spec/agents.md` 2, 3).

use std::ops::RangeInclusive;

use crate::client::DomainType;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Size of a registration.
pub const AGENT_REGISTRATION_LEN: usize = 16;
/// Name of the file in the run directory that holds the port, as decimal digits and a newline.
pub const AGENT_PORT_FILE: &str = "agent.port";
/// The ports on the loopback interface of which the session daemon takes the first free one.
pub const DEFAULT_PORTS: RangeInclusive<u16> = 5345..=5354;

/// The one version of the protocol.
const VERSION: (u32, u32) = (2, 0);

/// Who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AgentRegistration {
    /// The agent's domain: JUL, log4j or Python.
    pub domain: DomainType,
    /// Process, as it sees itself; nothing proves it.
    pub pid: u32,
}

impl Encode for AgentRegistration {
    fn encode(&self, out: &mut Writer) {
        out.i32_be(self.domain.code());
        out.u32_be(self.pid);
        out.u32_be(VERSION.0);
        out.u32_be(VERSION.1);
    }
}

impl Decode for AgentRegistration {
    /// Refuses other versions, as lttng-sessiond does, and domains that have no agents, which it lets in.
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let code = input.i32_be("agent domain")?;
        let domain = DomainType::from_code(code)?;
        if !domain.is_agent() {
            return Err(WireError::BadValue { field: "agent domain", value: i128::from(code) });
        }
        let pid = input.u32_be("pid")?;
        let major = input.u32_be("agent protocol major version")?;
        if major != VERSION.0 {
            return Err(WireError::BadValue {
                field: "agent protocol major version",
                value: i128::from(major),
            });
        }
        let minor = input.u32_be("agent protocol minor version")?;
        if minor != VERSION.1 {
            return Err(WireError::BadValue {
                field: "agent protocol minor version",
                value: i128::from(minor),
            });
        }
        Ok(AgentRegistration { domain, pid })
    }
}
