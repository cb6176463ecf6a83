//! The width of a C `long` in a traced program; it selects the consumer daemon and the layout of the ring buffer.

codes! {
    /// 32-bit or 64-bit programs.
    pub enum Bitness: u32, "bits per long" {
        /// 32-bit programs.
        Bits32 = 32,
        /// 64-bit programs.
        Bits64 = 64,
    }
}
