//! Identifiers of the consumer protocol.

identifiers! {
    /// A channel in a consumer daemon; chosen by the session daemon, never 0, one count for data and metadata.
    ChannelKey(u64),
    /// A tracing session of the session daemon, counted from 0.
    SessionId(u64),
    /// A trace chunk of a session, counted from 0.
    ChunkId(u64),
    /// A pair of relay daemon sockets that a consumer daemon holds.
    RelayIndex(u64),
    /// A session as a relay daemon calls it.
    RelaySessionId(u64),
    /// A per-PID registry of the session daemon (`session_id_per_pid`), used to ask for metadata.
    RegistryId(u64),
}

/// "No relay" in place of an index.
const NO_RELAY: u64 = u64::MAX;

impl RelayIndex {
    /// The number on the wire where "none" is all ones.
    pub(super) fn to_wire(relay: Option<RelayIndex>) -> u64 {
        relay.map_or(NO_RELAY, |index| index.0)
    }

    /// The index that a number on the wire means where "none" is all ones.
    pub(super) fn from_wire(number: u64) -> Option<RelayIndex> {
        (number != NO_RELAY).then_some(RelayIndex(number))
    }
}
