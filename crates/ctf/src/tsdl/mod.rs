//! TSDL, the text that describes a trace of CTF 1.8: writing it and reading it.

pub(crate) mod write;
