//! Common Trace Format: field types, metadata text, packet headers and index files
//! (`docs/spec/trace-output.md`).
