//! LTTng filter expressions to bytecode, and the patterns that event rules match names with
//! (`docs/spec/filter.md`).
