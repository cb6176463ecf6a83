//! What a consumer daemon's health socket tells of (`docs/spec/consumer-protocol.md` 14).

codes! {
    /// A thread of the consumer daemon, as the number of its bit in the answer of the health socket.
    pub enum ConsumerThread: u32, "consumer thread" {
        /// Watches channels.
        Channel = 0,
        /// Writes metadata.
        Metadata = 1,
        /// Writes data.
        Data = 2,
        /// Serves the session daemon.
        Command = 3,
        /// Asks for metadata.
        MetadataTimer = 4,
    }
}

impl ConsumerThread {
    /// The threads whose bits are set in an answer: those that do not do well.
    pub fn in_mask(mask: u64) -> impl Iterator<Item = ConsumerThread> {
        Self::ALL.iter().copied().filter(move |thread| mask & (1 << thread.code()) != 0)
    }
}
