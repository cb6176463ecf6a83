//! The command that hands a connection to a relay daemon over (`docs/spec/consumer-protocol.md` 5.4, 6.20).

use super::ids::{RelayIndex, RelaySessionId, SessionId};
use crate::{Decode, Encode, Reader, WireError, Writer};

const KIND_CONTROL: u32 = 0;
const KIND_DATA: u32 = 1;
const PROTOCOL_TCP: u8 = 1;

/// Which of the two connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelaySocketKind {
    /// Requests and replies; comes first.
    Control {
        /// What the relay daemon called the session.
        relay_session: RelaySessionId,
    },
    /// Packets only.
    Data,
}

/// ADD_RELAYD_SOCKET: a connection to a relay daemon; its descriptor follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddRelaydSocket {
    /// What the pair of connections shall be called.
    pub index: RelayIndex,
    /// Which of the two.
    pub kind: RelaySocketKind,
    /// The relay protocol's major version, as agreed.
    pub major: u32,
    /// The relay protocol's minor version, as agreed.
    pub minor: u32,
    /// The tracing session.
    pub session_id: SessionId,
}

impl Encode for AddRelaydSocket {
    fn encode(&self, out: &mut Writer) {
        let (kind, relay_session) = match self.kind {
            RelaySocketKind::Control { relay_session } => (KIND_CONTROL, relay_session.0),
            RelaySocketKind::Data => (KIND_DATA, 0),
        };
        out.u64(self.index.0);
        out.u32(kind);
        out.u32(self.major);
        out.u32(self.minor);
        out.u8(PROTOCOL_TCP);
        out.u64(self.session_id.0);
        out.u64(relay_session);
    }
}

impl Decode for AddRelaydSocket {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let index = RelayIndex(input.u64("relay index")?);
        let kind = input.u32("relay socket type")?;
        let (major, minor) = (input.u32("relay major version")?, input.u32("relay minor version")?);
        let protocol = input.u8("relay socket protocol")?;
        if protocol != PROTOCOL_TCP {
            return Err(WireError::BadValue { field: "relay socket protocol", value: i128::from(protocol) });
        }
        let session_id = SessionId(input.u64("session id")?);
        let relay_session = RelaySessionId(input.u64("relay session id")?);
        let kind = match kind {
            KIND_CONTROL => RelaySocketKind::Control { relay_session },
            KIND_DATA => RelaySocketKind::Data,
            other => {
                return Err(WireError::BadValue { field: "relay socket type", value: i128::from(other) });
            }
        };
        Ok(AddRelaydSocket { index, kind, major, minor, session_id })
    }
}
