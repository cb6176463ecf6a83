//! The consumer daemon: drains ring buffers to files (`docs/spec/consumer-protocol.md`).
